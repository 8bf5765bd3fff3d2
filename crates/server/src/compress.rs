//! Gzip for answers that are text, for clients that ask for it.
//!
//! JSON shrinks to a fraction at little cost, and most of what agents fetch over thin lines is catalogs. File
//! contents go as they are: they are streamed, are often compressed already, and are fetched once.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue};
use wire::body::{self, HttpBody};
use wire::{Response, reply};

/// Shorter bodies fit into a packet anyway.
const WORTH_IT: u64 = 1024;
/// Longer ones are compressed outside the threads that serve connections (this much takes 0.2 ms).
const INLINE: usize = 64 * 1024;
/// A catalog of 345 kB takes 0.9 ms at this level and becomes 6 times smaller; at level 6 it takes 7 ms and becomes
/// 10 times smaller.
const LEVEL: u32 = 1;

/// Whether `Accept-Encoding` names gzip, with a quality above zero.
pub fn accepts_gzip(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let quality = parts.find_map(|p| p.strip_prefix("q=")).map_or(Ok(1.0), str::parse::<f32>);
        named && quality.is_ok_and(|quality| quality > 0.0)
    })
}

/// `response`, compressed if that is `wanted` and worth it. The choice is told to caches (`Vary`) either way.
pub async fn compressed(mut response: Response, wanted: bool) -> Response {
    let length = response.body().size_hint().exact();
    if !is_text(response.headers()) || length.is_none_or(|length| length <= WORTH_IT) {
        return response;
    }
    response.headers_mut().insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    if !wanted {
        return response;
    }
    let (mut parts, plain) = response.into_parts();
    // Bodies of a known length are in memory here: nothing can fail, but if it did, half an answer would not do.
    let Ok(plain) = body::collect(plain, usize::MAX).await else {
        return reply::untyped(
            http::StatusCode::INTERNAL_SERVER_ERROR,
            "the answer was lost while it was compressed",
        );
    };
    let original = plain.clone();
    let packed = if plain.len() <= INLINE {
        gzip(&plain)
    } else {
        tokio::task::spawn_blocking(move || gzip(&plain)).await.unwrap_or_else(|e| Err(e.into()))
    };
    match packed {
        Ok(packed) if packed.len() < original.len() => {
            parts.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            Response::from_parts(parts, body::full(packed))
        }
        Ok(_) => Response::from_parts(parts, body::full(original)),
        Err(e) => {
            tracing::error!("an answer can't be compressed: {e}");
            Response::from_parts(parts, body::full(original))
        }
    }
}

fn gzip(plain: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::new(LEVEL));
    encoder.write_all(plain)?;
    encoder.finish().map(Bytes::from)
}

fn is_text(headers: &HeaderMap) -> bool {
    let mime = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    mime.starts_with("text/") || mime.split(';').next().is_some_and(|mime| mime.trim_end().ends_with("json"))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use http::StatusCode;

    use super::*;

    fn asks(value: &str) -> bool {
        accepts_gzip(&HeaderMap::from_iter([(ACCEPT_ENCODING, value.parse().unwrap())]))
    }

    #[test]
    fn gzip_must_be_named_and_not_refused() {
        assert!(asks("gzip;q=1.0,deflate;q=0.6,identity;q=0.3") && asks("deflate, GZIP ; q=0.1"));
        assert!(!asks("gzip;q=0") && !asks("identity") && !asks("gzip;q=x") && !asks("xgzip"));
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn what_is_unpacked_is_what_was_packed() {
        for length in [INLINE / 2, 3 * INLINE] {
            let text = "{\"type\":\"File\"}".repeat(length / 15);
            let plain = reply::with_type(StatusCode::OK, "application/json", text.clone());
            let packed = compressed(plain, true).await;
            assert_eq!(packed.headers()[CONTENT_ENCODING], "gzip");
            assert_eq!(packed.headers()[VARY], "Accept-Encoding");
            let packed = body::collect(packed.into_body(), text.len() / 10).await.unwrap();
            let mut unpacked = String::new();
            flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut unpacked).unwrap();
            assert_eq!(unpacked, text);
        }
    }

    #[tokio::test]
    async fn short_binary_and_unasked_answers_stay() {
        let long = "x".repeat(5000);
        for (kind, text, wanted) in [
            ("text/pson", "short", true),
            ("application/octet-stream", &long, true),
            ("text/pson", &long, false),
        ] {
            let answer = compressed(reply::with_type(StatusCode::OK, kind, text.to_string()), wanted).await;
            assert!(!answer.headers().contains_key(CONTENT_ENCODING));
            assert_eq!(body::collect(answer.into_body(), 10_000).await.unwrap(), text);
        }
    }
}
