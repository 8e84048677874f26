//! Web pages: what a browser sees of the repositories.
//!
//! Pages are made here and need nothing of a browser but HTML and a style sheet; one small script puts a button beside each clone URL that copies
//! it. A page's work runs where blocking is allowed, under the bound that it shares with Git's doors, and under [`Limits`].

mod catalog;
mod changes;
mod failure;
mod form;
mod gate;
mod history;
mod limits;
mod markdown;
mod pages;
mod post;
mod reply;
mod repository;
mod route;
mod session;
mod text;
mod tree;

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use gitwire_protocol::message::Service;
use gitwire_server::access::{Principal, Right, Verdict};
use gitwire_server::http::Peer;
use gitwire_server::{DirectoryRoot, Jobs, Policy, RepositoryRequest};
use gitwire_types::{Interrupt, Interrupted};
use http::header::{ALLOW, HOST, HeaderValue};
use http::request::Parts;
use http::{Method, Request, StatusCode};
use http_body::Body;
use tokio::sync::Semaphore;

use self::catalog::Catalog;
use self::failure::Failure;
use self::limits::Limits;
use self::pages::{Shell, assets};
use self::reply::Keep;
use self::repository::Shown;
use self::route::{Page, Route, next_path, parameter};
use self::session::{Sessions, Visitor};
use crate::arguments::Scheme;

pub(crate) use self::gate::Gate;
pub(crate) use self::reply::Reply;

/// What the pages are made from.
#[derive(Debug)]
pub(crate) struct WebContext {
    /// The repositories, with the same access as below.
    pub(crate) root: Arc<DirectoryRoot>,
    /// Who may do what.
    pub(crate) gate: Arc<dyn Gate>,
    /// Which refs are hidden.
    pub(crate) policy: Arc<Policy>,
    /// The bound of work that all doors share.
    pub(crate) jobs: Arc<Jobs>,
    /// The doors that are open, as `git://127.0.0.1:9418`. The browser may know their host by a better name.
    pub(crate) doors: Arc<[String]>,
}

/// The pages. Clones share sessions. Each request should have its [`Peer`] and its [`Scheme`] among its extensions.
#[derive(Clone)]
pub(crate) struct Web(Arc<Inner>);

struct Inner {
    site: WebContext,
    limits: Limits,
    sessions: Sessions,
    catalog: Catalog,
    sign_ins: Arc<Semaphore>,
    /// Turns to make a page.
    turns: Arc<Semaphore>,
}

/// One request, as far as all pages need it.
#[derive(Debug)]
struct Visit {
    visitor: Visitor,
    /// The scheme, host and port that the browser knows us by.
    origin: Option<(&'static str, String)>,
    from: IpAddr,
    path: String,
    query: String,
}

impl Web {
    /// Pages of what is served.
    pub(crate) fn new(site: WebContext) -> io::Result<Self> {
        Self::with_limits(site, Limits::default())
    }

    fn with_limits(site: WebContext, limits: Limits) -> io::Result<Self> {
        if let Err(error) = crate::create::sweep(site.root.path()) {
            tracing::warn!(%error, "drafts of repositories that a crash has left are not removed");
        }
        let sessions = Sessions::new(limits.clone()).map_err(io::Error::other)?;
        let catalog = Catalog::new(site.root.path(), Arc::clone(&site.policy), limits.clone());
        let sign_ins = Arc::new(Semaphore::new(limits.sign_ins_max));
        let turns = Arc::new(Semaphore::new(limits.pages_max));
        Ok(Self(Arc::new(Inner { site, limits, sessions, catalog, sign_ins, turns })))
    }

    /// Answers a request.
    pub(crate) async fn answer<B>(&self, request: Request<B>) -> Reply
    where
        B: Body<Data = Bytes> + Send,
    {
        let (parts, body) = request.into_parts();
        let visit = Visit::new(&parts, &self.0);
        let route = Route::of(&parts.uri);
        let allow = match &route {
            Ok(Route::SignOut) => "POST",
            Ok(Route::SignIn | Route::New) => "GET, HEAD, POST",
            _ => "GET, HEAD",
        };
        let method = if parts.method == Method::HEAD { "GET" } else { parts.method.as_str() };
        let answer = match route {
            _ if !allow.split(", ").any(|allowed| allowed == method) => {
                Err(StatusCode::METHOD_NOT_ALLOWED.into())
            }
            Err(status) => Err(status.into()),
            Ok(Route::Style) => return assets::style(),
            Ok(Route::Script) => return assets::script(),
            Ok(Route::Robots) => return assets::robots(),
            Ok(route) if method == "POST" => self.post(&route, &visit, &parts, body).await,
            Ok(route) => self.get(route, &visit).await,
        };
        let mut reply = match answer {
            Ok(reply) => reply,
            Err(failure) => self.failure(&visit, &failure),
        };
        if reply.status() == StatusCode::METHOD_NOT_ALLOWED {
            reply.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
        }
        reply
    }

    async fn get(&self, route: Route, visit: &Visit) -> Result<Reply, Failure> {
        let shell = self.shell(visit)?;
        match route {
            Route::SignIn => return pages::sign_in(&self.0, visit, shell, None),
            Route::New => return pages::create(visit, shell, None),
            _ => {}
        }
        if let Route::Repository(path, Page::Raw(file)) = route {
            return self.raw(visit, path, file).await;
        }
        let (principal, origin) = (visit.visitor.principal.clone(), visit.origin.clone());
        let (query, keep) = (visit.query.clone(), visit.keep());
        self.work(move |inner, stop| match route {
            Route::Repository(path, page) => {
                let shown = inner.open(&path, &principal, stop)?;
                let frame = pages::Frame::new(inner, shell, &shown, &query, origin, keep)?;
                match page {
                    Page::Home => pages::home(&shown, frame),
                    Page::Files(path) => pages::files(&shown, frame, &path),
                    Page::Commits => pages::commits(&shown, frame),
                    Page::Commit(id) => pages::commit(&shown, frame, &id),
                    Page::Branches => pages::branches(&shown, frame),
                    Page::Tags => pages::tags(&shown, frame),
                    Page::Raw(_) => Err(StatusCode::NOT_FOUND.into()),
                }
            }
            _ => pages::dashboard(inner, shell, &principal, &query, keep, stop),
        })
        .await
    }

    async fn raw(&self, visit: &Visit, path: Vec<u8>, file: Vec<Vec<u8>>) -> Result<Reply, Failure> {
        let (principal, query, keep) = (visit.visitor.principal.clone(), visit.query.clone(), visit.keep());
        let opened = self.work(move |inner, stop| {
            let shown = inner.open(&path, &principal, stop)?;
            pages::raw::open(&shown, &query, &file)
        });
        let opened = opened.await?;
        Ok(pages::raw::send(opened, keep, &self.0.site.jobs))
    }

    /// Does what a page needs where blocking is allowed.
    async fn work<T, W>(&self, work: W) -> Result<T, Failure>
    where
        T: Send + 'static,
        W: FnOnce(&Inner, &dyn Interrupt) -> Result<T, Failure> + Send + 'static,
    {
        let inner = Arc::clone(&self.0);
        let turn = Arc::clone(&inner.turns).acquire_owned();
        let turn = tokio::time::timeout(inner.limits.page_time, turn).await;
        let Ok(Ok(turn)) = turn else { return Err(Interrupted.into()) };
        let jobs = &self.0.site.jobs;
        jobs.run(move |stop| {
            let _turn = turn;
            let until = Instant::now() + inner.limits.page_time;
            work(&inner, &PageStop { stop, until })
        })
        .await?
    }

    /// What stands around every page for this visitor.
    fn shell(&self, visit: &Visit) -> Result<Shell, Failure> {
        let principal = &visit.visitor.principal;
        let gate = &self.0.site.gate;
        let token = match principal {
            Principal::User(_) => self.0.sessions.token(&visit.visitor)?.0,
            Principal::Anonymous => String::new(),
        };
        Ok(Shell {
            user: principal.name().map(|name| text::line(name.as_bytes())),
            token,
            can_sign_in: gate.has_users(),
            can_create: gate.may_create_somewhere(principal),
            sign_in: format!("/-/sign-in?next={}", route::encoded(visit.here().as_bytes())),
        })
    }

    fn failure(&self, visit: &Visit, failure: &Failure) -> Reply {
        let shell = self.shell(visit).unwrap_or_default();
        match failure {
            Failure::SignIn if visit.visitor.principal.name().is_none() => reply::see_other(&shell.sign_in),
            Failure::SignIn => {
                // Somebody who has gone from the users: the session is no longer good for anything.
                let gone = self.0.sessions.sign_out(&visit.visitor);
                reply::with_cookie(reply::see_other(&shell.sign_in), &gone)
            }
            Failure::Status(status, what) => pages::error(shell, *status, what),
            Failure::Internal(error) => {
                tracing::error!(path = %visit.path, %error, "page");
                pages::error(
                    shell,
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "Something is wrong on our side. The log says what.",
                )
            }
        }
    }
}

impl Inner {
    /// Opens a repository for a visitor, if it may be seen.
    fn open<'a>(
        &'a self,
        path: &[u8],
        who: &Principal,
        stop: &'a dyn Interrupt,
    ) -> Result<Shown<'a>, Failure> {
        let mut request = RepositoryRequest::new(Service::UploadPack, path);
        request.principal = who.clone();
        Shown::open(&self.site.root, &request, &self.site.policy, &self.limits, stop)
    }

    fn may_read(&self, who: &Principal, served: &[u8]) -> bool {
        self.site.gate.decide(who, served, Right::Read) == Verdict::Allowed
    }
}

impl Visit {
    fn new(parts: &Parts, inner: &Inner) -> Self {
        let secure = parts.extensions.get::<Scheme>().is_some_and(|scheme| scheme.name() == "https");
        let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).filter(|host| is_host(host));
        let peer =
            parts.extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
        Self {
            visitor: inner.sessions.visitor(
                &parts.headers,
                secure,
                &|user| inner.site.gate.mark(user),
                Instant::now(),
            ),
            origin: host.map(|host| (if secure { "https" } else { "http" }, host.to_owned())),
            from: peer,
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
        }
    }

    /// Where the visitor is, to come back to.
    fn here(&self) -> String {
        if self.path.starts_with("/-/") {
            return parameter(&self.query, "next").map_or_else(|| "/".to_owned(), |next| next_path(&next));
        }
        let query = if self.query.is_empty() { String::new() } else { format!("?{}", self.query) };
        next_path(format!("{}{query}", self.path).as_bytes())
    }

    /// Who may keep what this visitor sees.
    fn keep(&self) -> Keep {
        if self.visitor.principal.name().is_some() { Keep::Never } else { Keep::Ask }
    }
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Web").field("site", &self.0.site).finish_non_exhaustive()
    }
}

/// Ends the work on a page when the server stops, or when it has taken too long.
struct PageStop<'a> {
    stop: &'a dyn Interrupt,
    until: Instant,
}

impl Interrupt for PageStop<'_> {
    fn check(&self) -> Result<(), Interrupted> {
        if Instant::now() >= self.until { Err(Interrupted) } else { self.stop.check() }
    }
}

/// Whether a host is made of what hosts are made of: it is written into pages and commands.
fn is_host(host: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']' | '_');
    !host.is_empty() && host.len() <= 255 && !host.starts_with('-') && host.chars().all(plain)
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(since).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
