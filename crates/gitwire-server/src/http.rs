//! The HTTP front end: smart HTTP of versions 0, 1 and 2 (`gitprotocol-http`).

mod body;
mod listen;
mod route;

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_compression::tokio::bufread::GzipDecoder;
use bytes::{Bytes, BytesMut};
use gitwire_protocol::message::{Service, ServicePreface};
use gitwire_protocol::{Serving, Version};
use gitwire_storage::Repository;
use gitwire_transport::Deadlines;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, EXPIRES, HeaderValue, PRAGMA};
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use tokio::io::{AsyncRead, AsyncWriteExt as _, BufReader, DuplexStream, duplex, empty, join};
use tokio::task::spawn_blocking;

use self::body::{BodyReader, Bounded};
use self::route::{Route, Target};
use crate::access::Principal;
use crate::{
    Conversation, Jobs, OpenError, Policy, ReceiveSession, Receiving, Repositories, RepositoryRequest,
    Session,
};

pub use self::body::HttpBody;
pub use self::listen::{HttpOptions, Peer, serve, serve_over};

/// Smart HTTP over any [`Repositories`], as a `tower` service: hyper runs it, axum mounts it, middleware wraps it.
///
/// Requests and answers stream in both directions: neither a pack nor a request is ever held whole. Reading is open to whoever gets here;
/// pushing, where [`Repositories::open_to_receive`] gives something. Who shall sign in first does so in a layer around it.
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

struct Inner {
    repositories: Arc<dyn Repositories>,
    policy: Arc<Policy>,
    jobs: Arc<Jobs>,
}

/// A repository, to do there what the client wants to do.
enum Opened {
    Upload(Arc<dyn Repository>),
    Receive(Receiving),
}

type Answer = Response<HttpBody>;

impl HttpService {
    /// Serves `repositories`; `jobs` bounds the work of all front ends together.
    pub fn new(repositories: Arc<dyn Repositories>, policy: Arc<Policy>, jobs: Arc<Jobs>) -> Self {
        Self { inner: Arc::new(Inner { repositories, policy, jobs }) }
    }

    /// Whether a URL is one that Git asks for, for a server that has other pages beside the repositories.
    #[must_use]
    pub fn is_for(&self, uri: &http::Uri) -> bool {
        !matches!(Route::of(uri), Err(StatusCode::NOT_FOUND))
    }
}

impl std::fmt::Debug for HttpService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpService").field("policy", &self.inner.policy).finish_non_exhaustive()
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
        Box::pin(async move { Ok(inner.answer(request).await) })
    }
}

impl Inner {
    async fn answer<B>(&self, request: Request<B>) -> Answer
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        let Route { path, target } = match Route::of(&parts.uri) {
            Ok(route) => route,
            Err(status) => return refusal(status, "not found"),
        };
        let version =
            parts.headers.get("git-protocol").map_or(Version::V0, |asked| Version::asked(asked.as_bytes()));
        match target {
            Target::InfoRefs(service) => {
                if !matches!(parts.method, Method::GET | Method::HEAD) {
                    return wrong_method("GET, HEAD");
                }
                self.info_refs(service, path, version).await
            }
            Target::Service(service) => {
                if parts.method != Method::POST {
                    return wrong_method("POST");
                }
                let expected = format!("application/x-{service}-request");
                if parts.headers.get(CONTENT_TYPE).is_none_or(|given| given.as_bytes() != expected.as_bytes())
                {
                    return refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported media type");
                }
                let body = BodyReader::new(body);
                let body: Pin<Box<dyn AsyncRead + Send>> = match parts.headers.get(CONTENT_ENCODING) {
                    None => Box::pin(body),
                    Some(encoding) if matches!(encoding.as_bytes(), b"gzip" | b"x-gzip") => {
                        Box::pin(GzipDecoder::new(BufReader::new(body)))
                    }
                    Some(_) => return refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported encoding"),
                };
                self.service(service, path, version, body).await
            }
        }
    }

    /// `GET /REPO/info/refs?service=…`: the advertisement.
    async fn info_refs(&self, service: Service, path: Vec<u8>, version: Version) -> Answer {
        let opened = match self.open(service, path).await {
            Ok(opened) => opened,
            Err(answer) => return answer,
        };
        let mut preface = BytesMut::new();
        // There is no push of version 2: who asks for it gets version 0.
        if version != Version::V2 || service == Service::ReceivePack {
            if ServicePreface(service).write(&mut preface).is_err() {
                return refusal(StatusCode::INTERNAL_SERVER_ERROR, "internal error");
            }
            preface.extend_from_slice(b"0000");
        }
        let body = self.converse(opened, version, Serving::Advertisement, Box::pin(empty()), preface);
        answer(format!("application/x-{service}-advertisement"), body)
    }

    /// `POST /REPO/git-upload-pack` and `git-receive-pack`: one request and its answer.
    async fn service(
        &self,
        service: Service,
        path: Vec<u8>,
        version: Version,
        body: Pin<Box<dyn AsyncRead + Send>>,
    ) -> Answer {
        let opened = match self.open(service, path).await {
            Ok(opened) => opened,
            Err(answer) => return answer,
        };
        let body = self.converse(opened, version, Serving::Stateless, body, BytesMut::new());
        answer(format!("application/x-{service}-result"), body)
    }

    async fn open(&self, service: Service, path: Vec<u8>) -> Result<Opened, Answer> {
        let repositories = Arc::clone(&self.repositories);
        let opened = spawn_blocking(move || {
            let wanted = RepositoryRequest::new(service, &path);
            match service {
                Service::UploadPack => repositories.open(&wanted).map(Opened::Upload),
                Service::ReceivePack => repositories.open_to_receive(&wanted).map(Opened::Receive),
                Service::UploadArchive => Err(OpenError::NotEnabled),
            }
        });
        match opened.await {
            Ok(Ok(opened)) => Ok(opened),
            Ok(Err(error)) => {
                tracing::info!(%error, "open");
                let status = match error {
                    OpenError::NotFound { .. } => StatusCode::NOT_FOUND,
                    OpenError::NotEnabled | OpenError::Denied => StatusCode::FORBIDDEN,
                    OpenError::SignIn => StatusCode::UNAUTHORIZED,
                    OpenError::Storage(_) => StatusCode::INTERNAL_SERVER_ERROR,
                };
                Err(refusal(status, error.reply()))
            }
            Err(_) => Err(refusal(StatusCode::INTERNAL_SERVER_ERROR, "internal error")),
        }
    }

    /// Runs a conversation beside the connection; its output is the answer's body, whose pace is the client's.
    fn converse(
        &self,
        opened: Opened,
        version: Version,
        serving: Serving,
        input: Pin<Box<dyn AsyncRead + Send>>,
        preface: BytesMut,
    ) -> HttpBody {
        let (ours, theirs) = duplex(PIPE);
        match opened {
            Opened::Upload(repository) => {
                let deadlines = self.policy.deadlines.clone();
                let policy = Arc::clone(&self.policy);
                let conversation = Session::new(repository, policy, version, serving);
                self.spawn(conversation, deadlines, input, ours, preface);
            }
            Opened::Receive(Receiving { repository, policy, hooks }) => {
                let deadlines = policy.deadlines.clone();
                let conversation = ReceiveSession::new(
                    repository,
                    policy,
                    hooks,
                    Principal::Anonymous.pusher(),
                    version,
                    serving,
                );
                let bound = conversation_bound(&conversation.0);
                let input = Box::pin(Bounded::new(input, bound));
                self.spawn(conversation, deadlines, input, ours, preface);
            }
        }
        HttpBody::stream(theirs)
    }

    fn spawn<C: Conversation>(
        &self,
        conversation: (C, C::Machine),
        deadlines: Deadlines,
        input: Pin<Box<dyn AsyncRead + Send>>,
        mut output: DuplexStream,
        preface: BytesMut,
    ) {
        let jobs = Arc::clone(&self.jobs);
        tokio::spawn(async move {
            if output.write_all(&preface).await.is_err() {
                return;
            }
            if let Err(error) =
                jobs.serve(conversation, deadlines, join(input, output), BytesMut::new()).await
            {
                tracing::warn!(%error, "not served");
            }
        });
    }
}

/// The most that a request to push may inflate to: the largest pack and its commands.
fn conversation_bound(session: &ReceiveSession) -> u64 {
    session.policy().stage.pack_bytes_max.saturating_add(session.policy().protocol.certificate_bytes_max)
}

fn answer(kind: String, body: HttpBody) -> Answer {
    let mut answer = Response::new(body);
    no_cache(&mut answer);
    if let Ok(kind) = HeaderValue::from_str(&kind) {
        answer.headers_mut().insert(CONTENT_TYPE, kind);
    }
    answer
}

fn refusal(status: StatusCode, text: &'static str) -> Answer {
    let mut answer = Response::new(HttpBody::text(text));
    *answer.status_mut() = status;
    no_cache(&mut answer);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    answer
}

fn wrong_method(allow: &'static str) -> Answer {
    let mut answer = refusal(StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    answer
}

/// What git's server says so that no proxy keeps what may change.
fn no_cache(answer: &mut Answer) {
    let headers = answer.headers_mut();
    headers.insert(EXPIRES, HeaderValue::from_static("Fri, 01 Jan 1980 00:00:00 GMT"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, max-age=0, must-revalidate"));
}

/// What of an answer waits for the connection.
const PIPE: usize = 256 << 10;
