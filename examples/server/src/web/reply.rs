//! Answers: their bodies and the headers that every one of them has.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use askama::Template;
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, REFERRER_POLICY,
    SET_COOKIE, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;

/// An answer.
pub(crate) type Reply = Response<PageBody>;

/// The body of an answer: a page, or a file that is read while it is sent.
#[derive(Debug)]
pub(crate) enum PageBody {
    Whole(Option<Bytes>),
    Pieces {
        pieces: mpsc::Receiver<io::Result<Bytes>>,
        /// The bytes that are still to come.
        left: u64,
    },
}

impl Body for PageBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Pieces { pieces, left } => pieces.poll_recv(context).map(|piece| {
                let piece = piece?;
                if let Ok(piece) = &piece {
                    *left = left.saturating_sub(piece.len() as u64);
                }
                Some(piece.map(Frame::data))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None) | Self::Pieces { left: 0, .. })
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Pieces { left, .. } => SizeHint::with_exact(*left),
        }
    }
}

/// Who may keep a copy of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Nobody: it is for one visitor.
    Never,
    /// Whoever asks each time whether it is still so.
    Ask,
    /// Everybody: its URL changes when it does.
    Forever,
}

/// A page.
pub(crate) fn page(status: StatusCode, keep: Keep, template: &impl Template) -> Reply {
    match template.render() {
        Ok(text) => bytes(status, keep, "text/html; charset=utf-8", text.into()),
        Err(error) => {
            tracing::error!(%error, "page");
            bytes(
                StatusCode::INTERNAL_SERVER_ERROR,
                Keep::Never,
                "text/plain; charset=utf-8",
                "internal error\n".into(),
            )
        }
    }
}

/// Bytes of some type.
pub(crate) fn bytes(status: StatusCode, keep: Keep, kind: &'static str, bytes: Bytes) -> Reply {
    dressed(status, keep, kind, PageBody::Whole(Some(bytes)))
}

/// An answer that says: go on there, by GET.
pub(crate) fn see_other(place: &str) -> Reply {
    let mut reply = bytes(StatusCode::SEE_OTHER, Keep::Never, "text/plain; charset=utf-8", Bytes::new());
    // Places are made of characters that a header can hold; one that is not leads home.
    let place = HeaderValue::from_str(place).unwrap_or(HeaderValue::from_static("/"));
    reply.headers_mut().insert(LOCATION, place);
    reply
}

/// The same with a cookie.
pub(crate) fn with_cookie(mut reply: Reply, cookie: &str) -> Reply {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        reply.headers_mut().append(SET_COOKIE, cookie);
    }
    reply
}

/// An answer with the headers that every answer has.
pub(crate) fn dressed(status: StatusCode, keep: Keep, kind: &'static str, body: PageBody) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Names of private repositories are none of another server's business. Our own forms may say where they come from.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    for name in ["cross-origin-opener-policy", "cross-origin-resource-policy"] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static("same-origin"));
    }
    let keep = match keep {
        Keep::Never => "private, no-store",
        Keep::Ask => "no-cache",
        Keep::Forever => "public, max-age=31536000, immutable",
    };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(keep));
    headers.insert(VARY, HeaderValue::from_static("Cookie"));
    reply
}

/// Nothing but our own style, script and images, and forms that come back to us.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; \
    form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
