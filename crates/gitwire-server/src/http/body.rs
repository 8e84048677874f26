//! Bodies as streams: of requests for reading, of answers from a pipe.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, DuplexStream, ReadBuf};
use tokio::time::timeout;

use crate::Jobs;

/// The body of an answer: nothing, a text, what a conversation makes while it is sent, or what is read while it is sent.
pub struct HttpBody(Kind);

enum Kind {
    Bytes(Option<Bytes>),
    Stream { first: Option<Bytes>, stream: DuplexStream },
    Pulled(Pulled),
}

/// Where a body comes from that is made piece by piece, as the client takes it. A body that cannot be made to its end never looks as if
/// it had one.
pub(super) trait Source: Send + 'static {
    /// The next bytes; none at the end. Called where blocking is allowed.
    fn next(&mut self) -> io::Result<Bytes>;
}

struct Pulled {
    jobs: Arc<Jobs>,
    left: Option<u64>,
    state: State,
}

enum State {
    Idle(Box<dyn Source>),
    Working(Pin<Box<dyn Future<Output = io::Result<Piece>> + Send>>),
    Ended,
}

/// Where the rest comes from, and the next bytes.
type Piece = (Box<dyn Source>, Bytes);

impl HttpBody {
    /// These bytes.
    pub fn from_bytes(bytes: impl Into<Bytes>) -> Self {
        Self(Kind::Bytes(Some(bytes.into()).filter(|bytes| !bytes.is_empty())))
    }

    /// Nothing.
    #[must_use]
    pub const fn empty() -> Self {
        Self(Kind::Bytes(None))
    }

    /// What was read of a stream already, and what will be.
    pub(super) const fn stream(first: Bytes, stream: DuplexStream) -> Self {
        Self(Kind::Stream { first: Some(first), stream })
    }

    /// What `source` gives, of a length that is known or not.
    pub(super) fn pulled(source: impl Source, length: Option<u64>, jobs: Arc<Jobs>) -> Self {
        Self(Kind::Pulled(Pulled { jobs, left: length, state: State::Idle(Box::new(source)) }))
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
            Kind::Bytes(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Stream { first, stream } => {
                if let Some(first) = first.take() {
                    return Poll::Ready(Some(Ok(Frame::data(first))));
                }
                let mut room = vec![0; FRAME];
                let mut read = ReadBuf::new(&mut room);
                ready!(Pin::new(stream).poll_read(context, &mut read))?;
                let len = read.filled().len();
                room.truncate(len);
                Poll::Ready((len > 0).then(|| Ok(Frame::data(room.into()))))
            }
            Kind::Pulled(pulled) => pulled.poll_frame(context),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Bytes(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Kind::Pulled(Pulled { left: Some(left), .. }) => SizeHint::with_exact(*left),
            Kind::Stream { .. } | Kind::Pulled(_) => SizeHint::default(),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.0, Kind::Bytes(None) | Kind::Pulled(Pulled { left: Some(0), .. }))
    }
}

impl Pulled {
    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        loop {
            match std::mem::replace(&mut self.state, State::Ended) {
                State::Ended => return Poll::Ready(None),
                State::Idle(mut source) => {
                    let jobs = Arc::clone(&self.jobs);
                    self.state = State::Working(Box::pin(async move {
                        let work = move |_: &dyn gitwire_types::Interrupt| {
                            let next = source.next();
                            next.map(|bytes| (source, bytes))
                        };
                        jobs.run(work).await.map_err(io::Error::other)?
                    }));
                }
                State::Working(mut work) => match work.as_mut().poll(context) {
                    Poll::Pending => {
                        self.state = State::Working(work);
                        return Poll::Pending;
                    }
                    Poll::Ready(Err(error)) => {
                        tracing::warn!(%error, "an answer ends early");
                        return Poll::Ready(Some(Err(error)));
                    }
                    Poll::Ready(Ok((_, bytes))) if bytes.is_empty() => return Poll::Ready(None),
                    Poll::Ready(Ok((source, bytes))) => {
                        self.left = self.left.map(|left| left.saturating_sub(bytes.len() as u64));
                        self.state = State::Idle(source);
                        return Poll::Ready(Some(Ok(Frame::data(bytes))));
                    }
                },
            }
        }
    }
}

impl fmt::Debug for HttpBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpBody").field("size", &self.size_hint()).finish()
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
    heard: Arc<AtomicBool>,
}

impl Bounded {
    /// `heard` becomes true once anything has come.
    pub(super) fn new(inner: Pin<Box<dyn AsyncRead + Send>>, max: u64, heard: Arc<AtomicBool>) -> Self {
        Self { inner, left: max, heard }
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
        if read > 0 {
            self.heard.store(true, Ordering::Relaxed);
        }
        match self.left.checked_sub(read) {
            Some(left) => {
                self.left = left;
                Poll::Ready(Ok(()))
            }
            None => Poll::Ready(Err(io::Error::new(io::ErrorKind::FileTooLarge, TOO_LARGE))),
        }
    }
}

/// What the log says of a request that goes on too long.
const TOO_LARGE: &str = "the request is larger than is taken";

/// Reads what still comes of a body that nobody wants, for a while, so that the client hears why: a connection that is closed with bytes
/// unread is reset, and the answer with it.
pub(super) fn drop_slowly<B>(body: B)
where
    B: Body<Data = Bytes> + Send + 'static,
{
    tokio::spawn(timeout(LINGER, async move {
        let mut body = Box::pin(body);
        let mut left = LINGER_BYTES;
        while let Some(Ok(frame)) = poll_fn(|context| body.as_mut().poll_frame(context)).await {
            let length = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(length) {
                Some(rest) => left = rest,
                None => break,
            }
        }
    }));
}

/// A round trip around the world, as on other doors.
const LINGER: Duration = Duration::from_secs(1);

/// What git sends without asking first (`http.postBuffer`).
const LINGER_BYTES: usize = 1 << 20;
