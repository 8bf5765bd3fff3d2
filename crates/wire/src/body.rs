//! Message bodies: one boxed, streaming type for both directions, and the few ways to make and read one.

mod attended;

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use tokio::sync::mpsc;

pub use attended::{Attendant, attended};
pub use hyper::body::{Body as HttpBody, Frame, SizeHint};

/// Body of a request or a response. It streams: nothing is buffered unless somebody calls [`collect`].
pub type Body = http_body_util::combinators::BoxBody<Bytes, BodyFault>;

/// Why a body could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyFault {
    /// The peer went away, or broke the framing, before the end of the body.
    #[error("the peer ended the connection inside a body: {0}")]
    Peer(String),
    /// The body is longer than the reader allows.
    #[error("body longer than {limit} bytes")]
    TooLarge {
        /// The limit that was passed, in bytes.
        limit: usize,
    },
    /// The local producer of the body gave up.
    #[error("the sender of a body gave up: {0}")]
    Producer(String),
    /// The body was not complete in time.
    #[error("the body was not complete within {0:?}")]
    TimedOut(std::time::Duration),
}

impl From<hyper::Error> for BodyFault {
    fn from(error: hyper::Error) -> Self {
        BodyFault::Peer(error.to_string())
    }
}

/// A body whose bytes are all there (it gets a `Content-Length`).
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed()
}

/// A body whose bytes are all there in pieces (it gets a `Content-Length`). `with` lives as long as the body.
pub fn pieces<T: Send + Sync + Unpin + 'static>(pieces: Vec<Bytes>, with: T) -> Body {
    let left = pieces.iter().map(|piece| piece.len() as u64).sum();
    Pieces { pieces: pieces.into(), left, _with: with }.boxed()
}

/// A body of no bytes.
pub fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed()
}

/// The body that hyper reads from a connection, in our type.
pub(crate) fn incoming(body: Incoming) -> Body {
    body.map_err(BodyFault::from).boxed()
}

/// Reads a body to its end; at most `max_bytes` bytes (a longer body is refused as soon as that is known, by its
/// announced length if it has one).
pub async fn collect(mut body: Body, max_bytes: usize) -> Result<Bytes, BodyFault> {
    let too_large = || BodyFault::TooLarge { limit: max_bytes };
    let announced = HttpBody::size_hint(&body).lower();
    if announced > max_bytes as u64 {
        return Err(too_large());
    }
    let mut first: Option<Bytes> = None;
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        let so_far = whole.len() + first.as_ref().map_or(0, Bytes::len);
        if so_far + data.len() > max_bytes {
            return Err(too_large());
        }
        // Most bodies are one frame: then nothing is copied.
        match first.take() {
            None if whole.is_empty() => first = Some(data),
            None => whole.extend_from_slice(&data),
            Some(head) => {
                whole.reserve((announced as usize).max(head.len() + data.len()));
                whole.extend_from_slice(&head);
                whole.extend_from_slice(&data);
            }
        }
    }
    Ok(first.unwrap_or_else(|| whole.freeze()))
}

struct Pieces<T> {
    pieces: VecDeque<Bytes>,
    left: u64,
    _with: T,
}

impl<T: Unpin> HttpBody for Pieces<T> {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let next = self.pieces.pop_front();
        self.left -= next.as_ref().map_or(0, Bytes::len) as u64;
        Poll::Ready(next.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// A body fed by a task or thread: what is sent on the [`BodySender`] comes out of the [`Body`], at most `capacity`
/// chunks ahead of the reader.
pub fn channel(capacity: usize) -> (BodySender, Body) {
    let (sender, receiver) = mpsc::channel(capacity.max(1));
    (BodySender { sender }, Channel { receiver }.boxed())
}

/// The writing end of [`channel`]. Dropping it ends the body normally.
pub struct BodySender {
    sender: mpsc::Sender<Result<Bytes, BodyFault>>,
}

impl BodySender {
    /// Hands over one chunk, waiting while the reader is behind. False when the reader is gone.
    pub async fn send(&self, chunk: Bytes) -> bool {
        self.sender.send(Ok(chunk)).await.is_ok()
    }

    /// As [`BodySender::send`], for a plain thread.
    pub fn blocking_send(&self, chunk: Bytes) -> bool {
        self.sender.blocking_send(Ok(chunk)).is_ok()
    }

    /// Ends the body with a fault: the reader's connection breaks off, so that it cannot take a part for the whole.
    pub async fn abort(self, reason: impl Into<String>) {
        // A reader that is gone needs no telling.
        let _ = self.sender.send(Err(BodyFault::Producer(reason.into()))).await;
    }
}

struct Channel {
    receiver: mpsc::Receiver<Result<Bytes, BodyFault>>,
}

impl HttpBody for Channel {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        self.receiver.poll_recv(cx).map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn collects_up_to_the_limit_and_not_beyond() {
        assert_eq!(collect(full("12345"), 5).await.unwrap(), "12345");
        assert!(matches!(collect(full("123456"), 5).await, Err(BodyFault::TooLarge { limit: 5 })));
        assert_eq!(collect(empty(), 0).await.unwrap(), "");
    }

    #[tokio::test]
    async fn a_body_of_pieces_knows_its_length_and_holds_what_it_is_given() {
        let held = std::sync::Arc::new(());
        let mut body = pieces(vec!["ab".into(), "cde".into()], held.clone());
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(5), false));
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "ab");
        assert_eq!((body.size_hint().exact(), std::sync::Arc::strong_count(&held)), (Some(3), 2));
        assert_eq!(collect(body, 3).await.unwrap(), "cde");
        assert_eq!(std::sync::Arc::strong_count(&held), 1);
        assert!(pieces(Vec::new(), ()).is_end_stream());
    }

    #[tokio::test]
    async fn a_streamed_body_is_joined_in_order() {
        let (sender, body) = channel(1);
        let producer = tokio::spawn(async move {
            for chunk in ["ab", "cd", "", "ef"] {
                assert!(sender.send(Bytes::from_static(chunk.as_bytes())).await);
            }
        });
        assert_eq!(collect(body, 100).await.unwrap(), "abcdef");
        producer.await.unwrap();
    }

    #[tokio::test]
    async fn a_streamed_body_without_length_is_still_limited() {
        let (sender, body) = channel(4);
        sender.send(Bytes::from_static(b"abc")).await;
        sender.send(Bytes::from_static(b"def")).await;
        assert!(matches!(collect(body, 5).await, Err(BodyFault::TooLarge { limit: 5 })));
        assert!(!sender.send(Bytes::from_static(b"x")).await, "the reader is gone");
    }

    #[tokio::test]
    async fn an_aborted_body_is_a_fault() {
        let (sender, body) = channel(4);
        sender.send(Bytes::from_static(b"abc")).await;
        sender.abort("disk full").await;
        assert!(matches!(collect(body, 100).await, Err(BodyFault::Producer(_))));
    }
}
