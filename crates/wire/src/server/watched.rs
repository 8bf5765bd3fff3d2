//! The socket of a connection with a watch on what is read: framing, and how long the peer
//! keeps it waiting.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::crowd::Guest;
use super::framing::{Framing, Owed};
use crate::{Hit, LimitHits};

/// The framing of a connection, shared between its socket (which feeds it) and its requests (which ask it).
pub(crate) type SharedFraming = Arc<Mutex<Framing>>;

/// How long the peer may keep the connection waiting.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// For a whole header, from its first byte.
    pub(crate) header: Duration,
    /// For the next byte of a body that it owes, and for the room for the next byte of an answer.
    pub(crate) stall: Duration,
    /// Fewest bytes per second on the average, beyond one `stall`.
    pub(crate) min_rate: u32,
}

/// What has been waited for a peer, and what came of it.
#[derive(Debug, Default)]
struct Account {
    since: Option<Instant>,
    waited: Duration,
    bytes: u64,
}

impl Account {
    /// The waiting begins, if it has not; gives the end of the patience.
    fn begin(&mut self, patience: Patience, now: Instant) -> Instant {
        let since = *self.since.get_or_insert(now);
        let earned =
            Duration::from_millis(self.bytes.saturating_mul(1000) / u64::from(patience.min_rate.max(1)));
        since + patience.stall.min((patience.stall + earned).saturating_sub(self.waited))
    }

    /// The waiting is over, with so many bytes.
    fn end(&mut self, patience: Patience, now: impl FnOnce() -> Instant, bytes: usize) {
        if let Some(since) = self.since.take() {
            // A longer time was not the peer's: nobody asked it.
            self.waited += (now() - since).min(patience.stall);
        }
        self.bytes += bytes as u64;
    }
}

/// A stream that feeds what is read to a [`Framing`], and fails when the peer keeps it waiting too long.
pub(crate) struct Watched<S> {
    stream: S,
    guest: Arc<Guest>,
    /// Read and counted already, for the next read.
    again: Bytes,
    /// Read, and not yet looked at: the first byte of a request.
    first: Option<u8>,
    patience: Patience,
    hits: LimitHits,
    /// Runs while the peer owes the rest of a header or of a body. Boxed: most reads never need it.
    read_deadline: Option<Pin<Box<Sleep>>>,
    /// Runs while the peer takes nothing.
    write_deadline: Option<Pin<Box<Sleep>>>,
    /// Of the body that is being read.
    reading: Account,
    /// Of all answers.
    writing: Account,
}

impl<S> Watched<S> {
    pub(crate) fn new(stream: S, guest: Arc<Guest>, patience: Patience, hits: LimitHits) -> Self {
        Watched {
            stream,
            guest,
            again: Bytes::new(),
            first: None,
            patience,
            hits,
            read_deadline: None,
            write_deadline: None,
            reading: Account::default(),
            writing: Account::default(),
        }
    }

    /// Takes back what a reader has not used: it is the next thing to be read, and has been counted. Copied, because it
    /// keeps the reader's whole buffer, above all when it is empty.
    pub(crate) fn put_back(&mut self, unused: &[u8]) {
        self.again = Bytes::copy_from_slice(unused);
    }

    fn owed(&self) -> Owed {
        self.guest.framing.lock().unwrap_or_else(PoisonError::into_inner).owed()
    }

    /// What a write came to: one that must wait starts the clock, one that got anywhere stops it.
    fn written<T>(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
        bytes: impl Fn(&T) -> usize,
    ) -> Poll<io::Result<T>> {
        self.guest.set_unwritten(polled.is_pending());
        if let Poll::Ready(outcome) = &polled {
            self.write_deadline = None;
            self.writing.end(self.patience, Instant::now, outcome.as_ref().map_or(0, bytes));
            return polled;
        }
        let until = self.writing.begin(self.patience, Instant::now());
        let deadline = self.write_deadline.get_or_insert_with(|| Box::pin(sleep_until(until)));
        deadline.as_mut().poll(cx).map(|()| {
            self.hits.count(Hit::AnswerTime);
            Err(io::ErrorKind::TimedOut.into())
        })
    }
}

impl<S: AsyncRead + Unpin> Watched<S> {
    /// Waits for the next byte, which stays to be read; costs no memory meanwhile. False: there will be none.
    pub(crate) async fn first_byte(&mut self) -> bool {
        poll_fn(|cx| {
            if self.first.is_some() || !self.again.is_empty() {
                return Poll::Ready(true);
            }
            let mut byte = [0];
            let mut buffer = ReadBuf::new(&mut byte);
            let polled = Pin::new(&mut self.stream).poll_read(cx, &mut buffer);
            self.first = buffer.filled().first().copied();
            polled.map(|outcome| outcome.is_ok() && self.first.is_some())
        })
        .await
    }

    /// A read, with the byte in front that was waited for.
    fn poll_stream(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Some(first) = self.first.take_if(|_| buffer.remaining() > 0) else {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        };
        buffer.put_slice(&[first]);
        match Pin::new(&mut self.stream).poll_read(cx, buffer) {
            Poll::Pending => Poll::Ready(Ok(())),
            ready => ready,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.again.is_empty() {
            let length = self.again.len().min(buffer.remaining());
            buffer.put_slice(&self.again.split_to(length));
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        match self.poll_stream(cx, buffer) {
            Poll::Ready(Ok(())) => {
                let mut framing = self.guest.framing.lock().unwrap_or_else(PoisonError::into_inner);
                let sound = framing.feed(&buffer.filled()[before..]);
                drop(framing);
                if !sound {
                    self.hits.count(Hit::Framing);
                    return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
                }
                match self.owed() {
                    // Not moved by later bytes: a header that trickles in does not live longer.
                    Owed::Header => match &self.read_deadline {
                        Some(deadline) if deadline.is_elapsed() => {
                            self.hits.count(Hit::HeaderTime);
                            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                        }
                        Some(_) => {}
                        None => {
                            let deadline = Instant::now() + self.patience.header;
                            self.read_deadline = Some(Box::pin(sleep_until(deadline)));
                        }
                    },
                    Owed::Body => {
                        self.read_deadline = None;
                        let (patience, bytes) = (self.patience, buffer.filled().len() - before);
                        self.reading.end(patience, Instant::now, bytes);
                    }
                    Owed::Nothing => {
                        self.read_deadline = None;
                        self.reading = Account::default();
                    }
                }
                Poll::Ready(Ok(()))
            }
            Poll::Pending => {
                // Only a body that somebody wants to read is waited for: else nobody polls.
                if self.read_deadline.is_none() && self.owed() == Owed::Body {
                    let patience = self.patience;
                    let until = self.reading.begin(patience, Instant::now());
                    self.read_deadline = Some(Box::pin(sleep_until(until)));
                }
                match self.read_deadline.as_mut().map(|deadline| deadline.as_mut().poll(cx)) {
                    Some(Poll::Ready(())) => {
                        let body = self.owed() == Owed::Body;
                        self.hits.count(if body { Hit::BodyTime } else { Hit::HeaderTime });
                        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
                    }
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
        self.written(cx, polled, |bytes| *bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.written(cx, polled, |bytes| *bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        self.written(cx, polled, |()| 0)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.written(cx, polled, |()| 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience =
        Patience { header: Duration::from_secs(1), stall: Duration::from_secs(60), min_rate: 100 };

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_trickle_uses_the_patience_up_and_a_slow_stream_does_not() {
        for (bytes, lasts) in [(1, 59..62), (200, 1000..1001)] {
            let (mut account, mut now) = (Account::default(), Instant::now());
            let mut seconds = 0;
            while seconds < 1000 {
                let until = account.begin(PATIENCE, now);
                if until <= now {
                    break;
                }
                assert!(until <= now + PATIENCE.stall);
                now += SECOND;
                account.end(PATIENCE, || now, bytes);
                seconds += 1;
            }
            assert!(lasts.contains(&seconds), "{bytes} bytes a second: {seconds} s");
        }
    }

    #[test]
    fn time_in_which_nobody_asks_is_not_the_peers() {
        let (mut account, now) = (Account::default(), Instant::now());
        account.begin(PATIENCE, now);
        let later = now + 3600 * SECOND;
        account.end(PATIENCE, || later, 60 * 100);
        assert!(account.begin(PATIENCE, later) > later + 59 * SECOND);
    }
}
