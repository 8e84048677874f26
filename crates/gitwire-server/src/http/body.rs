//! Bodies as streams: of requests for reading, of answers from a pipe.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use http_body::{Body, Frame};
use tokio::io::{AsyncRead, DuplexStream, ReadBuf};

/// The body of an answer: nothing, a text, or what a conversation makes while it is sent.
#[derive(Debug)]
pub struct HttpBody(Kind);

#[derive(Debug)]
enum Kind {
    Text(Option<Bytes>),
    Stream(DuplexStream),
}

impl HttpBody {
    pub(super) fn text(text: &'static str) -> Self {
        Self(Kind::Text(Some(Bytes::from(format!("{text}\n")))))
    }

    pub(super) const fn stream(stream: DuplexStream) -> Self {
        Self(Kind::Stream(stream))
    }
}

impl Body for HttpBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut self.0 {
            Kind::Text(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            Kind::Stream(stream) => {
                let mut room = vec![0; FRAME];
                let mut read = ReadBuf::new(&mut room);
                ready!(Pin::new(stream).poll_read(context, &mut read))?;
                let len = read.filled().len();
                room.truncate(len);
                Poll::Ready((len > 0).then(|| Ok(Frame::data(room.into()))))
            }
        }
    }
}

/// What is read of an answer at once.
const FRAME: usize = 64 << 10;

/// The body of a request, for reading.
#[derive(Debug)]
pub(super) struct BodyReader<B> {
    body: Pin<Box<B>>,
    rest: Bytes,
}

impl<B> BodyReader<B> {
    pub(super) fn new(body: B) -> Self {
        Self { body: Box::pin(body), rest: Bytes::new() }
    }
}

impl<B> AsyncRead for BodyReader<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.rest.is_empty() {
            match ready!(self.body.as_mut().poll_frame(context)) {
                None => return Poll::Ready(Ok(())),
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                // Trailers say nothing to us.
                Some(Ok(frame)) => self.rest = frame.into_data().unwrap_or_default(),
            }
        }
        let len = self.rest.len().min(room.remaining());
        room.put_slice(self.rest.get(..len).unwrap_or_default());
        self.rest.advance(len);
        Poll::Ready(Ok(()))
    }
}

/// A reader of which no more than so many bytes come: what is more is an error, not an end.
pub(super) struct Bounded {
    inner: Pin<Box<dyn AsyncRead + Send>>,
    left: u64,
}

impl Bounded {
    pub(super) fn new(inner: Pin<Box<dyn AsyncRead + Send>>, max: u64) -> Self {
        Self { inner, left: max }
    }
}

impl AsyncRead for Bounded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = room.filled().len();
        ready!(self.inner.as_mut().poll_read(context, room))?;
        let read = room.filled().len().saturating_sub(before) as u64;
        match self.left.checked_sub(read) {
            Some(left) => {
                self.left = left;
                Poll::Ready(Ok(()))
            }
            None => Poll::Ready(Err(io::Error::other("the request is larger than is taken"))),
        }
    }
}
