//! A message body as the front end holds it: whole, when it may have to be sent again and is small enough, or
//! streaming.

use http_body_util::BodyExt;
use wire::body::{self, HttpBody};
use wire::{Body, BodyFault, Bytes};

/// A body.
pub enum Cargo {
    /// All of it is here: it can be sent any number of times.
    Whole(Bytes),
    /// It can be sent once; gone after that.
    Streaming(Option<Body>),
}

impl Cargo {
    /// Reads a body of at most `limit` bytes whole. A longer one comes back streaming, with what was read of it put
    /// back in front: the memory of one request is bounded, its length is not.
    pub async fn load(mut body: Body, limit: usize) -> Result<Self, BodyFault> {
        if body.is_end_stream() {
            return Ok(Self::Whole(Bytes::new()));
        }
        if body.size_hint().lower() > limit as u64 {
            return Ok(Self::Streaming(Some(body)));
        }
        let mut read: Vec<Bytes> = Vec::new();
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            length += data.len();
            read.push(data);
            if length > limit {
                return Ok(Self::Streaming(Some(put_back(read, body))));
            }
        }
        Ok(Self::Whole(match read.len() {
            1 => read.remove(0),
            _ => Bytes::from(read.concat()),
        }))
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
            Self::Whole(bytes) if bytes.is_empty() => Some(body::empty()),
            Self::Whole(bytes) => Some(body::full(bytes.clone())),
            Self::Streaming(body) => body.take(),
        }
    }

    /// An attempt ended before anything of the body was read: it is as good as new.
    pub fn put_back(&mut self, untouched: Body) {
        if let Self::Streaming(body) = self {
            *body = Some(untouched);
        }
    }

    /// Whether there is a body for a further attempt.
    pub fn is_there(&self) -> bool {
        !matches!(self, Self::Streaming(None))
    }
}

/// A body that begins with what was read already. Two chunks ahead of the reader at most, so a slow worker slows the
/// client down.
fn put_back(read: Vec<Bytes>, mut rest: Body) -> Body {
    let (sender, whole) = body::channel(2);
    tokio::spawn(async move {
        for chunk in read {
            if !sender.send(chunk).await {
                return;
            }
        }
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

    async fn text(cargo: &mut Cargo) -> Option<Bytes> {
        Some(body::collect(cargo.take()?, 1000).await.unwrap())
    }

    #[tokio::test]
    async fn a_small_body_can_be_sent_again() {
        let mut cargo = Cargo::load(chunks(&["ab", "cd"]), 4).await.unwrap();
        for _ in 0..2 {
            assert_eq!(text(&mut cargo).await.unwrap(), "abcd");
        }
    }

    #[tokio::test]
    async fn a_long_body_is_sent_whole_and_once() {
        let mut cargo = Cargo::load(chunks(&["ab", "cd", "ef", "gh"]), 3).await.unwrap();
        assert!(cargo.is_there());
        assert_eq!(text(&mut cargo).await.unwrap(), "abcdefgh");
        assert!(!cargo.is_there() && cargo.take().is_none());
        let mut announced = Cargo::load(body::full("abcdef"), 3).await.unwrap();
        let untouched = announced.take().unwrap();
        announced.put_back(untouched);
        assert_eq!(text(&mut announced).await.unwrap(), "abcdef");
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_not_taken_for_whole() {
        let (sender, streaming) = body::channel(4);
        sender.send(Bytes::from_static(b"abc")).await;
        sender.abort("gone").await;
        assert!(Cargo::load(streaming, 10).await.is_err());
        let (sender, streaming) = body::channel(4);
        sender.send(Bytes::from_static(b"abc")).await;
        sender.abort("gone").await;
        let mut cargo = Cargo::load(streaming, 2).await.unwrap();
        assert!(body::collect(cargo.take().unwrap(), 100).await.is_err());
    }
}
