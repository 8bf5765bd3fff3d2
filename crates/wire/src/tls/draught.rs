//! Reads more of the socket at once than TLS asks for.
//!
//! rustls reads 4 kB at a time, so a body of 60 kB is fifteen system calls. Whoever sends that much has the next
//! kilobytes waiting: after a read that was filled to the brim, a long one is made, from which TLS is served. A connection
//! that says little, or nothing, never has that memory.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::io::poll_read_buf;

/// Length of a long read. Two of it are more than most bodies; below what the allocator gives back to the system.
const LONG: usize = 32 * 1024;

/// A stream under TLS.
#[derive(Debug)]
pub(crate) struct Draught<S> {
    stream: S,
    /// Read already, and not yet asked for. Has no memory when it is empty.
    ahead: BytesMut,
    /// The last read was as long as it could be.
    more: bool,
}

impl<S> Draught<S> {
    pub(super) fn new(stream: S) -> Self {
        Draught { stream, ahead: BytesMut::new(), more: false }
    }

    fn serve(&mut self, buffer: &mut ReadBuf<'_>) {
        let length = self.ahead.len().min(buffer.remaining());
        buffer.put_slice(&self.ahead[..length]);
        self.ahead.advance(length);
        if self.ahead.is_empty() {
            self.ahead = BytesMut::new();
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Draught<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.ahead.is_empty() {
            if !std::mem::take(&mut this.more) {
                let outcome = ready!(Pin::new(&mut this.stream).poll_read(cx, buffer));
                this.more = buffer.remaining() == 0 && buffer.capacity() < LONG;
                return Poll::Ready(outcome);
            }
            let mut ahead = BytesMut::with_capacity(LONG);
            let length = ready!(poll_read_buf(Pin::new(&mut this.stream), cx, &mut ahead))?;
            this.more = length > LONG / 2;
            this.ahead = ahead;
        }
        this.serve(buffer);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Draught<S> {
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn every_byte_comes_in_order_whatever_the_sizes() {
        let sent: Vec<u8> = (0..200_000u32).map(|at| (at % 251) as u8).collect();
        for (pipe, ask) in [(300_000, 4096), (5000, 4096), (100_000, 100), (64, 4096), (40_000, 50_000)] {
            let (mut from, to) = tokio::io::duplex(pipe);
            let all = sent.clone();
            let writer = tokio::spawn(async move { from.write_all(&all).await });
            let (mut stream, mut read, mut piece) = (Draught::new(to), Vec::new(), vec![0; ask]);
            loop {
                let length = stream.read(&mut piece).await.unwrap();
                if length == 0 {
                    break;
                }
                read.extend_from_slice(&piece[..length]);
            }
            writer.await.unwrap().unwrap();
            assert_eq!(read, sent, "a pipe of {pipe}, asked for {ask}");
            assert_eq!(stream.ahead.capacity(), 0, "no memory is kept");
        }
    }
}
