//! A body with company: somebody who sees what comes out of it, and who lives as long as it does.

use super::{Body, BodyFault, Frame, HttpBody, SizeHint};
use bytes::Bytes;
use http_body_util::BodyExt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Whoever goes along with a body. Dropped with it: of a reader that gives up nothing else is heard.
pub trait Attendant: Send + Sync + Unpin + 'static {
    /// So many bytes came out of it; `is_last`: nothing follows. A body of known length is not always asked once more
    /// at its end, so that [`Attendant::end`] may never be called after this.
    fn piece(&mut self, _bytes: u64, _is_last: bool) {}

    /// It has ended.
    fn end(&mut self) {}

    /// It broke off.
    fn broken(&mut self) {}
}

/// The same body with `attendant` beside it.
pub fn attended(inner: Body, attendant: impl Attendant) -> Body {
    Attended { inner, attendant }.boxed()
}

struct Attended<A> {
    inner: Body,
    attendant: A,
}

impl<A: Attendant> HttpBody for Attended<A> {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let Self { inner, attendant } = &mut *self;
        let polled = Pin::new(&mut *inner).poll_frame(cx);
        match &polled {
            Poll::Pending => {}
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
                attendant.piece(bytes, inner.is_end_stream());
            }
            Poll::Ready(None) => attendant.end(),
            Poll::Ready(Some(Err(_))) => attendant.broken(),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{channel, collect, full};
    use super::*;
    use std::sync::{Arc, Mutex};

    struct Diary(Arc<Mutex<String>>);

    impl Diary {
        fn note(&self, text: &str) {
            self.0.lock().unwrap().push_str(text);
        }
    }

    impl Attendant for Diary {
        fn piece(&mut self, bytes: u64, is_last: bool) {
            self.note(&format!("{bytes}{}", if is_last { "!" } else { " " }));
        }

        fn end(&mut self) {
            self.note("end ");
        }

        fn broken(&mut self) {
            self.note("broken ");
        }
    }

    impl Drop for Diary {
        fn drop(&mut self) {
            self.note("gone");
        }
    }

    #[tokio::test]
    async fn who_attends_a_body_sees_its_pieces_and_its_end() {
        let diary = Arc::new(Mutex::new(String::new()));
        let seen = || std::mem::take(&mut *diary.lock().unwrap());
        let body = attended(full("12345"), Diary(Arc::clone(&diary)));
        assert_eq!(body.size_hint().exact(), Some(5));
        assert_eq!(collect(body, 10).await.unwrap(), "12345");
        assert_eq!(seen(), "5!end gone");

        let (sender, body) = channel(4);
        sender.send("abc".into()).await;
        sender.abort("disk full").await;
        assert!(collect(attended(body, Diary(Arc::clone(&diary))), 10).await.is_err());
        assert_eq!(seen(), "3 broken gone");

        drop(attended(full("never read"), Diary(Arc::clone(&diary))));
        assert_eq!(seen(), "gone");
    }
}
