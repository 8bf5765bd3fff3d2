//! A file as the body of an answer, read while it is sent.

use std::fs::File;
use std::io::Read;

use bytes::Bytes;
use http::HeaderValue;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use wire::{Response, body, reply};

const CHUNK: usize = 64 * 1024;

/// An answer of the first `length` bytes of `file`.
pub fn file(mut file: File, length: u64, content_type: &'static str) -> Response {
    if length == 0 {
        return reply::with_type(http::StatusCode::OK, content_type, Bytes::new());
    }
    let (sender, body) = body::channel(4);
    tokio::task::spawn_blocking(move || {
        let mut left = length;
        while left > 0 {
            let mut chunk = vec![0; CHUNK.min(usize::try_from(left).unwrap_or(CHUNK))];
            match file.read(&mut chunk) {
                // The file became shorter, or can't be read: the body ends before its length, which the client sees.
                Ok(0) | Err(_) => break,
                Ok(count) => {
                    chunk.truncate(count);
                    left -= count as u64;
                    if !sender.blocking_send(Bytes::from(chunk)) {
                        break;
                    }
                }
            }
        }
    });
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CONTENT_LENGTH, length.into());
    response
}
