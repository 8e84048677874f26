//! The HTTP front end: smart HTTP of versions 0, 1 and 2, dumb HTTP (`gitprotocol-http`), and WebSocket on the same port.

mod addresses;
mod answer;
mod authorization;
mod body;
pub mod cgi;
mod dumb;
mod listen;
mod options;
mod patience;
mod range;
mod route;
mod sign_in;
mod smart;
mod websocket;

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{AUTHORIZATION, EXPECT};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Uri};
use http_body::Body;
use tokio::task::spawn_blocking;

use self::answer::{Answer, refusal, wrong_method};
use self::sign_in::SignIn;
use self::websocket::Handshake;
use crate::access::{Access, Principal};
use crate::{Door, Jobs, OpenError, Policy, Pusher, Repositories, RepositoryRequest};
use gitwire_protocol::message::Service;

pub use self::authorization::{Authorization, AuthorizationError};
pub use self::body::HttpBody;
pub use self::listen::{Peer, serve, serve_over};
pub use self::options::HttpOptions;
pub use self::range::Part;
pub use self::route::{Route, RouteError, Target};

/// Smart and dumb HTTP, and WebSocket, over any [`Repositories`], as a `tower` service: hyper runs it, axum mounts it, middleware wraps it.
///
/// Requests and answers stream in both directions: neither a pack nor a request is ever held whole. Who asks is known from an
/// `Authorization` header where there is somebody to ask ([`with_access`](Self::with_access)), or from a [`Principal`] that a layer around it
/// has put among the request's extensions; a [`Pusher`] there is who goes into reflogs. What somebody may do, [`Repositories`] say.
///
/// ```
/// use std::sync::Arc;
///
/// use gitwire_server::http::HttpService;
/// use gitwire_server::{DirectoryRoot, Export, Jobs, Policy};
///
/// # fn service() -> Result<HttpService, Box<dyn std::error::Error>> {
/// let repositories = Arc::new(DirectoryRoot::new("/srv/git", Export::All)?);
/// Ok(HttpService::new(repositories, Arc::new(Policy::default()), Jobs::new(64)))
/// # }
/// ```
#[derive(Clone)]
pub struct HttpService {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    repositories: Arc<dyn Repositories>,
    policy: Arc<Policy>,
    jobs: Arc<Jobs>,
    options: Arc<HttpOptions>,
    access: Option<Arc<dyn Access>>,
    sign_in: Option<Arc<SignIn>>,
}

/// A request whose way and whose sender are known.
struct Asked {
    path: Vec<u8>,
    method: Method,
    headers: HeaderMap,
    principal: Principal,
    pusher: Option<Pusher>,
}

impl Asked {
    /// As whom reflogs and hooks know the client.
    fn pusher(&self) -> Pusher {
        self.pusher.clone().unwrap_or_else(|| self.principal.pusher())
    }
}

impl HttpService {
    /// Serves `repositories`; `jobs` bounds the work of all front ends together.
    pub fn new(repositories: Arc<dyn Repositories>, policy: Arc<Policy>, jobs: Arc<Jobs>) -> Self {
        let options = Arc::new(HttpOptions::default());
        Self { inner: Arc::new(Inner { repositories, policy, jobs, options, access: None, sign_in: None }) }
    }

    /// The same with other options.
    #[must_use]
    pub fn with_options(self, options: HttpOptions) -> Self {
        self.changed(|inner| inner.options = Arc::new(options))
    }

    /// The same, where `access` says who has come with a password or a token. What they may do is decided where the repositories are
    /// ([`DirectoryRoot::with_access`](crate::DirectoryRoot::with_access)).
    #[must_use]
    pub fn with_access(self, access: Arc<dyn Access>) -> Self {
        self.changed(|inner| inner.access = Some(access))
    }

    /// Whether a URL is one that Git asks for, for a server that has other pages beside the repositories.
    #[must_use]
    pub fn is_for(&self, uri: &Uri) -> bool {
        !matches!(Route::of(uri), Err(RouteError::Unknown | RouteError::Ambiguous))
    }

    fn changed(self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.inner);
        change(&mut inner);
        let options = &inner.options;
        inner.sign_in = inner.access.clone().map(|access| SignIn::new(access, Arc::clone(options)));
        Self { inner: Arc::new(inner) }
    }
}

impl std::fmt::Debug for HttpService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpService")
            .field("policy", &self.inner.policy)
            .field("options", &self.inner.options)
            .finish_non_exhaustive()
    }
}

impl<B> tower_service::Service<Request<B>> for HttpService
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Answer;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let inner = Arc::clone(&self.inner);
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            // Who waits to be asked for the body has not sent any.
            let is_coming = !parts.headers.contains_key(EXPECT);
            let mut body = Some(body);
            let answer = inner.answer(parts, &mut body).await.unwrap_or_else(|refused| refused);
            if let Some(body) = body.filter(|body| is_coming && !body.is_end_stream()) {
                body::drop_slowly(body);
            }
            Ok(answer)
        })
    }
}

impl Inner {
    /// Takes the body where it is wanted.
    async fn answer<B>(&self, mut parts: Parts, body: &mut Option<B>) -> Result<Answer, Answer>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let Route { path, target } =
            Route::of(&parts.uri).map_err(|error| refusal(error.status(), &error.to_string()))?;
        match (target, &parts.method) {
            (Target::Service(_), &Method::POST) => {}
            (Target::Service(_), &Method::GET) if Handshake::is_asked(&parts.headers) => {}
            (Target::Service(_), _) => return Err(wrong_method("POST")),
            (_, &Method::GET | &Method::HEAD) => {}
            _ => return Err(wrong_method("GET, HEAD")),
        }
        let principal = match (parts.extensions.remove::<Principal>(), &self.sign_in) {
            (Some(known), _) => known,
            (None, Some(sign_in)) => {
                let peer = parts.extensions.get::<Peer>().copied();
                sign_in.principal(parts.headers.get(AUTHORIZATION), peer).await?
            }
            (None, None) => Principal::Anonymous,
        };
        let handshake = match (target, &parts.method) {
            (Target::Service(_), &Method::GET) => {
                Some(Handshake::read(&mut parts).map_err(|refused| *refused)?)
            }
            _ => None,
        };
        let pusher = parts.extensions.remove();
        let asked = Asked { path, method: parts.method, headers: parts.headers, principal, pusher };
        Ok(match (target, handshake) {
            (Target::Advertisement(service), _) => self.advertisement(service, asked).await,
            (Target::Service(service), Some(handshake)) => self.tunnel(service, asked, handshake).await,
            (Target::Service(service), None) => self.service(service, asked, body).await,
            (target, _) => self.walk(target, asked).await,
        })
    }

    /// Looks for the repository that is asked for, where blocking is allowed.
    async fn find<T, F>(&self, asked: Asked, service: Service, door: Door, find: F) -> Result<T, OpenError>
    where
        T: Send + 'static,
        F: FnOnce(&dyn Repositories, &RepositoryRequest<'_>) -> Result<T, OpenError> + Send + 'static,
    {
        let repositories = Arc::clone(&self.repositories);
        let found = spawn_blocking(move || {
            let mut request = RepositoryRequest::new(service, &asked.path);
            request.host = asked.headers.get(http::header::HOST).map(http::HeaderValue::as_bytes);
            request.principal = asked.principal;
            request.door = door;
            let found = find(&*repositories, &request);
            if let Err(error) = &found {
                let (path, user) = (asked.path.escape_ascii(), request.principal.name());
                tracing::info!(%error, %path, user, "not opened");
            }
            found
        });
        found
            .await
            .unwrap_or_else(|_| Err(OpenError::NotFound { why: "looking for it has panicked".to_owned() }))
    }
}
