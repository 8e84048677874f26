//! The HTTP door: Git, the web pages and what operators ask, on one port.
//!
//! Which of them a request is for is told by its path alone. A path that ends as Git's do (`/REPO/info/refs`, `/REPO/git-upload-pack`,
//! …) is Git's; `/healthz` and `/metrics` are the operators'; all else is the pages'. A part `-` makes a path the pages' however it ends:
//! `/REPO/-/tree/main/info/refs` is a page.

use std::convert::Infallible;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse as _;
use gitwire_server::http::HttpService;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use tower_service::Service;

use crate::arguments::Scheme;
use crate::rules::Rules;

/// What web pages need to know of the server. `gitwire_server::http::Peer` and [`Scheme`] are among each request's extensions.
#[derive(Debug, Clone)]
pub(crate) struct WebContext {
    /// What is served.
    pub(crate) root: PathBuf,
    /// Who may do what.
    pub(crate) rules: Arc<Rules>,
    /// The doors that are open, as `git://127.0.0.1:9418`. A host that stands for all addresses is for the page to replace by the one
    /// that the browser knows.
    pub(crate) doors: Arc<[String]>,
}

/// All that an HTTP door serves.
#[derive(Clone)]
pub(crate) struct Site {
    git: HttpService,
    pages: Router,
    scheme: Scheme,
}

impl Site {
    pub(crate) fn new(git: HttpService, pages: Router, scheme: Scheme) -> Self {
        Self { git, pages, scheme }
    }
}

impl Service<Request<Incoming>> for Site {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Incoming>) -> Self::Future {
        let mut this = self.clone();
        request.extensions_mut().insert(this.scheme);
        Box::pin(async move {
            let path = request.uri().path();
            if path == "/healthz" {
                return Ok(operators(request.method(), "ok\n".to_owned()));
            }
            if is_page(path) || !this.git.is_for(request.uri()) {
                return this.pages.call(request.map(Body::new)).await;
            }
            this.git.call(request).await.map(|answer| answer.map(Body::new))
        })
    }
}

/// Whether a path is the pages' however it ends.
fn is_page(path: &str) -> bool {
    path.split('/').any(|part| part == "-")
}

fn operators(method: &Method, text: String) -> Response<Body> {
    if *method == Method::GET || *method == Method::HEAD {
        text.into_response()
    } else {
        (StatusCode::METHOD_NOT_ALLOWED, [(http::header::ALLOW, "GET, HEAD")], "method not allowed\n")
            .into_response()
    }
}
