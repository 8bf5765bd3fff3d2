//! The socket of a connection with a watch on what is read: framing, and time inside a header.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::framing::Framing;

/// The framing of a connection, shared between its socket (which feeds it) and its requests (which ask it).
pub(crate) type SharedFraming = Arc<Mutex<Framing>>;

/// A stream that feeds what is read to a [`Framing`] and fails a read when a header takes too long.
pub(crate) struct Watched<S> {
    stream: S,
    framing: SharedFraming,
    header_timeout: Duration,
    /// Runs while a header has begun and is not complete. Boxed: most reads never need it.
    header_deadline: Option<Pin<Box<Sleep>>>,
}

impl<S> Watched<S> {
    pub(crate) fn new(stream: S, framing: SharedFraming, header_timeout: Duration) -> Self {
        Watched { stream, framing, header_timeout, header_deadline: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buffer) {
            Poll::Ready(Ok(())) => {
                let inside = {
                    let mut framing = self.framing.lock().unwrap_or_else(PoisonError::into_inner);
                    framing.feed(&buffer.filled()[before..]);
                    framing.is_inside_header()
                };
                if !inside {
                    self.header_deadline = None;
                } else if self.header_deadline.is_none() {
                    // Not moved by later bytes: a header that trickles in does not live longer.
                    let deadline = Instant::now() + self.header_timeout;
                    self.header_deadline = Some(Box::pin(sleep_until(deadline)));
                } else if self.header_deadline.as_ref().is_some_and(|deadline| deadline.is_elapsed()) {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                Poll::Ready(Ok(()))
            }
            Poll::Pending => match self.header_deadline.as_mut().map(|deadline| deadline.as_mut().poll(cx)) {
                Some(Poll::Ready(())) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                _ => Poll::Pending,
            },
            other => other,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
