//! What hyper sends.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use crate::blocking::BodyReader;

/// The body of a request.
#[derive(Debug)]
pub(super) enum SentBody {
    /// All of it, until it is taken. Its length is sent.
    Whole(Bytes),
    /// All of it, sent in chunks.
    Long(Bytes),
    /// Sent in chunks.
    Streamed(BodyReader),
}

impl SentBody {
    pub(super) fn empty() -> Self {
        Self::Whole(Bytes::new())
    }
}

impl Body for SentBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Whole(bytes) | Self::Long(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) | Self::Long(bytes) => {
                Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes)))))
            }
            Self::Streamed(body) => {
                body.poll_piece(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Long(_) | Self::Streamed(_) => SizeHint::default(),
        }
    }
}
