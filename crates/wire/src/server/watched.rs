//! The socket of a connection with a watch on what is read: framing, and how long the peer
//! keeps it waiting.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::framing::{Framing, Owed};

/// The framing of a connection, shared between its socket (which feeds it) and its requests (which ask it).
pub(crate) type SharedFraming = Arc<Mutex<Framing>>;

/// How long the peer may keep the connection waiting.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// For a whole header, from its first byte.
    pub(crate) header: Duration,
    /// For the next byte of a body that it owes, and for the room for the next byte of an answer.
    pub(crate) stall: Duration,
}

/// A stream that feeds what is read to a [`Framing`], and fails when the peer keeps it waiting too long.
pub(crate) struct Watched<S> {
    stream: S,
    framing: SharedFraming,
    patience: Patience,
    /// Runs while the peer owes the rest of a header or of a body. Boxed: most reads never need it.
    read_deadline: Option<Pin<Box<Sleep>>>,
    /// Runs while the peer takes nothing.
    write_deadline: Option<Pin<Box<Sleep>>>,
}

impl<S> Watched<S> {
    pub(crate) fn new(stream: S, framing: SharedFraming, patience: Patience) -> Self {
        Watched { stream, framing, patience, read_deadline: None, write_deadline: None }
    }

    fn owed(&self) -> Owed {
        self.framing.lock().unwrap_or_else(PoisonError::into_inner).owed()
    }

    /// What a write came to: one that must wait starts the clock, one that got anywhere stops it.
    fn written<T>(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.write_deadline = None;
            return polled;
        }
        let stall = self.patience.stall;
        let deadline =
            self.write_deadline.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + stall)));
        deadline.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
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
                self.framing.lock().unwrap_or_else(PoisonError::into_inner).feed(&buffer.filled()[before..]);
                match self.owed() {
                    // Not moved by later bytes: a header that trickles in does not live longer.
                    Owed::Header => match &self.read_deadline {
                        Some(deadline) if deadline.is_elapsed() => {
                            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                        }
                        Some(_) => {}
                        None => {
                            let deadline = Instant::now() + self.patience.header;
                            self.read_deadline = Some(Box::pin(sleep_until(deadline)));
                        }
                    },
                    Owed::Body | Owed::Nothing => self.read_deadline = None,
                }
                Poll::Ready(Ok(()))
            }
            Poll::Pending => {
                // Only a body that somebody wants to read is waited for: else nobody polls.
                if self.read_deadline.is_none() && self.owed() == Owed::Body {
                    self.read_deadline = Some(Box::pin(sleep_until(Instant::now() + self.patience.stall)));
                }
                match self.read_deadline.as_mut().map(|deadline| deadline.as_mut().poll(cx)) {
                    Some(Poll::Ready(())) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                    _ => Poll::Pending,
                }
            }
            other => other,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(cx, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.written(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        self.written(cx, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.written(cx, polled)
    }
}
