//! The HTTP door: Git, the web pages and what operators ask, on one port.
//!
//! Which of them a request is for is told by its path alone. A path that ends as Git's do (`/REPO/info/refs`, `/REPO/git-upload-pack`,
//! …) is Git's; `/healthz` and `/metrics` are the operators'; all else is the pages'. A part `-` makes a path the pages' however it ends:
//! `/REPO/-/tree/main/info/refs` is a page.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use gitwire_server::http::{HttpService, Peer};
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tower_service::Service;

use crate::arguments::{AllowMetrics, Scheme};
use crate::metrics::Metrics;
use crate::names::Names;

/// The body of an answer, whoever made it.
pub(crate) type SiteBody = Pin<Box<dyn Body<Data = Bytes, Error = io::Error> + Send>>;

/// What answers with pages. [`Peer`] and [`Scheme`] are among the extensions of each request.
pub(crate) type Pages = Arc<dyn Fn(Request<Incoming>) -> Answer + Send + Sync>;

/// An answer that is being made.
pub(crate) type Answer = Pin<Box<dyn Future<Output = Response<SiteBody>> + Send>>;

/// All that an HTTP door serves.
#[derive(Clone)]
pub(crate) struct Site {
    git: HttpService,
    pages: Pages,
    operators: Operators,
    scheme: Scheme,
    names: Option<Names>,
}

/// What operators may see.
#[derive(Debug, Clone)]
pub(crate) struct Operators {
    pub(crate) metrics: Metrics,
    pub(crate) allow: AllowMetrics,
}

impl Operators {
    fn may_see(&self, request: &Request<Incoming>) -> bool {
        let is_local = || request.extensions().get::<Peer>().is_some_and(|peer| peer.0.ip().is_loopback());
        match self.allow {
            AllowMetrics::No => false,
            AllowMetrics::Local => is_local(),
            AllowMetrics::Anyone => true,
        }
    }
}

impl Site {
    pub(crate) fn new(git: HttpService, pages: Pages, operators: Operators, scheme: Scheme) -> Self {
        Self { git, pages, operators, scheme, names: None }
    }

    /// The same, asked for by these names alone.
    pub(crate) fn named(self, names: Names) -> Self {
        Self { names: Some(names), ..self }
    }

    async fn answer(mut self, mut request: Request<Incoming>) -> Response<SiteBody> {
        request.extensions_mut().insert(self.scheme);
        let path = request.uri().path();
        if path == "/healthz" {
            return for_operators(request.method(), "ok\n");
        }
        if self.names.is_some_and(|names| !names.allow(request.uri(), request.headers())) {
            return text(StatusCode::MISDIRECTED_REQUEST, "not the server of this name (--host)\n");
        }
        if path == "/metrics" && self.operators.may_see(&request) {
            return for_operators(request.method(), &self.operators.metrics.text());
        }
        if is_page(path) || !self.git.is_for(request.uri()) {
            return (self.pages)(request).await;
        }
        let Ok(answer) = self.git.call(request).await;
        answer.map(|body| Box::pin(body) as SiteBody)
    }
}

impl Service<Request<Incoming>> for Site {
    type Response = Response<SiteBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move { Ok(this.answer(request).await) })
    }
}

/// Whether a path is the pages' however it ends.
fn is_page(path: &str) -> bool {
    path.split('/').any(|part| part == "-")
}

fn for_operators(method: &Method, said: &str) -> Response<SiteBody> {
    let is_good = *method == Method::GET || *method == Method::HEAD;
    if is_good {
        return text(StatusCode::OK, said);
    }
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    answer
}

fn text(status: StatusCode, said: &str) -> Response<SiteBody> {
    let mut answer = Response::new(Box::pin(Text(Some(Bytes::copy_from_slice(said.as_bytes())))) as SiteBody);
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

/// A body of one piece.
struct Text(Option<Bytes>);

impl Body for Text {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(self.0.take().map(|text| Ok(Frame::data(text))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, Bytes::len) as u64)
    }
}
