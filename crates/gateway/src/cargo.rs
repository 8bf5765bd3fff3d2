//! A message body as the front end holds it: whole, when it may have to be sent again and is small enough, or
//! streaming.

use std::sync::Arc;

use http_body_util::BodyExt;
use wire::body::{self, HttpBody};
use wire::{Body, BodyFault, Bytes};

use crate::memory::{Lease, Memory};

/// A piece that is shorter is copied: it may be the only octet that anybody wants of a connection's buffer of 8 kB, and
/// all of the buffer would be held for it.
const SHORT: usize = 4096;

/// A body.
pub enum Cargo {
    /// All of it is here, in the pieces in which it came: it can be sent any number of times. The lease is for its bytes.
    Whole(Vec<Bytes>, Arc<Lease>),
    /// It can be sent once; gone after that.
    Streaming(Option<Body>, Reason),
}

/// Why a body is not held whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Nobody wanted it to be.
    Once,
    /// It is longer than its limit.
    TooLong,
    /// All bodies together are as long as they may be.
    NoRoom,
}

impl Cargo {
    /// A body that is passed on as it comes.
    pub fn once(body: Body) -> Self {
        Self::Streaming(Some(body), Reason::Once)
    }

    /// Reads a body of at most `limit` bytes whole. A longer one comes back streaming, with what was read of it put
    /// back in front: the memory of one request is bounded, its length is not. So does one for which `memory` has no room.
    pub async fn load(mut body: Body, limit: usize, memory: &Memory) -> Result<Self, BodyFault> {
        let mut lease = memory.lease();
        if body.is_end_stream() {
            return Ok(Self::Whole(Vec::new(), Arc::new(lease)));
        }
        if body.size_hint().lower() > limit as u64 {
            return Ok(Self::Streaming(Some(body), Reason::TooLong));
        }
        let (mut read, mut short): (Vec<Bytes>, Vec<u8>) = Default::default();
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            length += data.len();
            let room = lease.grow(data.len());
            if data.len() < SHORT && !body.is_end_stream() {
                short.extend_from_slice(&data);
            } else {
                read.extend(some(std::mem::take(&mut short).into()));
                read.extend(some(data));
            }
            if length > limit || !room {
                let reason = if length > limit { Reason::TooLong } else { Reason::NoRoom };
                read.extend(some(short.into()));
                return Ok(Self::Streaming(Some(put_back(read, body, lease)), reason));
            }
        }
        read.extend(some(short.into()));
        Ok(Self::Whole(read, Arc::new(lease)))
    }

    /// Reads on and forgets, up to `limit` bytes more: a client that is still writing would find its connection reset
    /// before it could read why it was refused.
    pub async fn discard(&mut self, limit: usize) {
        let Some(mut body) = self.take() else { return };
        let mut left = limit;
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, Bytes::len);
            if length > left {
                return;
            }
            left -= length;
        }
    }

    /// The body for one attempt; none when it streamed away in an earlier one.
    pub fn take(&mut self) -> Option<Body> {
        match self {
            Self::Whole(pieces, _) if pieces.is_empty() => Some(body::empty()),
            // The bytes are there for as long as the body is.
            Self::Whole(pieces, lease) => Some(body::pieces(pieces.clone(), Arc::clone(lease))),
            Self::Streaming(body, _) => body.take(),
        }
    }

    /// An attempt ended before anything of the body was read: it is as good as new.
    pub fn put_back(&mut self, untouched: Body) {
        if let Self::Streaming(body, _) = self {
            *body = Some(untouched);
        }
    }

    /// Whether there is a body for a further attempt.
    pub fn is_there(&self) -> bool {
        !matches!(self, Self::Streaming(None, _))
    }
}

fn some(piece: Bytes) -> Option<Bytes> {
    Some(piece).filter(|piece| !piece.is_empty())
}

/// A body that begins with what was read already. Two chunks ahead of the reader at most, so a slow worker slows the
/// client down.
fn put_back(read: Vec<Bytes>, mut rest: Body, lease: Lease) -> Body {
    let (sender, whole) = body::channel(2);
    tokio::spawn(async move {
        for chunk in read {
            if !sender.send(chunk).await {
                return;
            }
        }
        drop(lease);
        while let Some(frame) = rest.frame().await {
            match frame.map(|frame| frame.into_data()) {
                Ok(Ok(data)) => {
                    if !sender.send(data).await {
                        return;
                    }
                }
                Ok(Err(_trailers)) => {}
                Err(fault) => return sender.abort(fault.to_string()).await,
            }
        }
    });
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(chunks: &'static [&'static str]) -> Body {
        let (sender, body) = body::channel(1);
        tokio::spawn(async move {
            for chunk in chunks {
                sender.send(Bytes::from_static(chunk.as_bytes())).await;
            }
        });
        body
    }

    fn memory() -> Memory {
        Memory::new(1000)
    }

    async fn text(cargo: &mut Cargo) -> Option<Bytes> {
        Some(body::collect(cargo.take()?, 1000).await.unwrap())
    }

    #[tokio::test]
    async fn a_small_body_can_be_sent_again() {
        let mut cargo = Cargo::load(chunks(&["ab", "cd"]), 4, &memory()).await.unwrap();
        for _ in 0..2 {
            assert_eq!(text(&mut cargo).await.unwrap(), "abcd");
        }
    }

    #[tokio::test]
    async fn short_pieces_are_joined_and_long_ones_are_not_copied() {
        let long = Bytes::from(vec![b'x'; SHORT]);
        let (sender, streaming) = body::channel(8);
        for piece in
            ["a", "b"].map(Bytes::from).into_iter().chain([long.clone()]).chain(["c", "d"].map(Bytes::from))
        {
            assert!(sender.send(piece).await);
        }
        drop(sender);
        let mut cargo = Cargo::load(streaming, SHORT + 4, &Memory::new(2 * SHORT)).await.unwrap();
        let Cargo::Whole(pieces, _) = &cargo else { panic!("it is short enough") };
        assert_eq!(pieces.len(), 3);
        assert_eq!((&pieces[0][..], &pieces[2][..]), (&b"ab"[..], &b"cd"[..]));
        assert_eq!(pieces[1].as_ptr(), long.as_ptr());
        assert_eq!(body::collect(cargo.take().unwrap(), SHORT + 4).await.unwrap().len(), SHORT + 4);
    }

    #[tokio::test]
    async fn a_long_body_is_sent_whole_and_once() {
        let mut cargo = Cargo::load(chunks(&["ab", "cd", "ef", "gh"]), 3, &memory()).await.unwrap();
        assert!(cargo.is_there());
        assert_eq!(text(&mut cargo).await.unwrap(), "abcdefgh");
        assert!(!cargo.is_there() && cargo.take().is_none());
        let mut announced = Cargo::load(body::full("abcdef"), 3, &memory()).await.unwrap();
        let untouched = announced.take().unwrap();
        announced.put_back(untouched);
        assert_eq!(text(&mut announced).await.unwrap(), "abcdef");
    }

    #[tokio::test]
    async fn what_there_is_no_room_for_streams() {
        let memory = Memory::new(5);
        let held = Cargo::load(chunks(&["ab", "cd"]), 100, &memory).await.unwrap();
        let mut other = Cargo::load(chunks(&["e", "fg", "h"]), 100, &memory).await.unwrap();
        assert!(matches!(other, Cargo::Streaming(Some(_), Reason::NoRoom)));
        assert_eq!(text(&mut other).await.unwrap(), "efgh");
        drop(held);
        assert_eq!((memory.used(), memory.refused()), (0, 1));
        let mut third = Cargo::load(chunks(&["ij", "kl"]), 100, &memory).await.unwrap();
        let body = third.take().unwrap();
        drop(third);
        assert_eq!(memory.used(), 4, "for as long as it is being sent");
        drop(body);
        assert_eq!(memory.used(), 0);
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_not_taken_for_whole() {
        let (sender, streaming) = body::channel(4);
        sender.send(Bytes::from_static(b"abc")).await;
        sender.abort("gone").await;
        assert!(Cargo::load(streaming, 10, &memory()).await.is_err());
        let (sender, streaming) = body::channel(4);
        sender.send(Bytes::from_static(b"abc")).await;
        sender.abort("gone").await;
        let mut cargo = Cargo::load(streaming, 2, &memory()).await.unwrap();
        assert!(body::collect(cargo.take().unwrap(), 100).await.is_err());
    }
}
