//! A site with a few users and repositories, and a visitor that keeps cookies.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use gitwire_server::access::{Access, Credentials, Principal, Right, SignInError, Verdict};
use gitwire_server::http::Peer;
use gitwire_server::{DirectoryRoot, Export, Jobs, Policy};
use gitwire_testkit::git::{Folder, Git};
use http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body::Body as _;

use super::super::limits::Limits;
use super::super::reply::PageBody;
use super::super::route::encoded;
use super::super::{Gate, Web, WebContext};

/// ann may do all; bob sees what is public and makes repositories below `bob/`. Everybody sees what is public. What is `private` is ann's; of what is
/// `closed`, bob is told that he may not.
pub(super) struct People;

impl Access for People {
    fn decide(&self, who: &Principal, repository: &[u8], _: Right) -> Verdict {
        let closed = repository.starts_with(b"closed");
        if !closed && !repository.starts_with(b"private") {
            return Verdict::Allowed;
        }
        match who.name() {
            Some("ann") => Verdict::Allowed,
            Some(_) if closed => Verdict::Denied,
            Some(_) => Verdict::Hidden,
            None => Verdict::SignIn,
        }
    }

    fn authenticate(&self, credentials: &Credentials) -> Result<Principal, SignInError> {
        match (credentials.user.as_str(), credentials.password.as_slice()) {
            (user @ ("ann" | "bob"), b" right + & % ") => Ok(Principal::User(user.into())),
            ("later", _) => Err(SignInError::Later),
            _ => Err(SignInError::Wrong),
        }
    }
}

impl Gate for People {
    fn has_users(&self) -> bool {
        true
    }

    fn mark(&self, _: &str) -> Option<u64> {
        Some(1)
    }

    fn may_create(&self, who: &Principal, path: &[u8]) -> bool {
        who.name().is_some_and(|name| name == "ann" || path.starts_with(format!("{name}/").as_bytes()))
    }

    fn may_create_somewhere(&self, who: &Principal) -> bool {
        who.name().is_some()
    }
}

/// A server of pages over a folder of its own.
pub(super) struct TestSite {
    pub(super) git: Git,
    folder: Folder,
    limits: Limits,
    web: Web,
    runtime: tokio::runtime::Runtime,
}

/// An answer that has been read.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl TestSite {
    /// `None` where there is no git to make repositories with.
    pub(super) fn new(name: &str) -> Option<Self> {
        let git = Git::find()?;
        let folder = Folder::new(&format!("web-{name}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let web = web(folder.path(), Limits::default());
        Some(Self { git, folder, limits: Limits::default(), web, runtime })
    }

    /// The same with other limits from now on. Sessions end.
    pub(super) fn limit(&mut self, change: impl FnOnce(&mut Limits)) {
        self.limits = Limits::default();
        change(&mut self.limits);
        self.web = web(self.folder.path(), self.limits.clone());
    }

    pub(super) fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Makes a bare repository and feeds `stream` to `git fast-import` in it.
    pub(super) fn repository(&self, name: &str, stream: &[u8]) -> PathBuf {
        let path = self.root().join(name);
        self.git.ok(self.root(), ["init", "-q", "--bare", path.to_str().unwrap()]);
        self.git.ok(&path, ["symbolic-ref", "HEAD", "refs/heads/main"]);
        self.import(&path, stream);
        path
    }

    pub(super) fn import(&self, path: &Path, stream: &[u8]) {
        if !stream.is_empty() {
            let out = self.git.feed(path, ["fast-import", "--quiet", "--force"], stream);
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        }
    }

    pub(super) fn id(&self, path: &Path, revision: &str) -> String {
        String::from_utf8(self.git.ok(path, ["rev-parse", revision])).unwrap().trim().to_owned()
    }

    pub(super) fn visitor(&self) -> Visitor<'_> {
        Visitor { site: self, cookies: Vec::new() }
    }

    /// Somebody who has signed in.
    pub(super) fn signed_in(&self, user: &str) -> Visitor<'_> {
        let mut visitor = self.visitor();
        let token = visitor.token("/-/sign-in");
        let fields = [("token", token.as_str()), ("user", user), ("password", " right + & % ")];
        assert_eq!(visitor.post("/-/sign-in", &fields).status, 303);
        visitor
    }

    pub(super) fn send(&self, request: Request<PageBody>) -> Seen {
        self.runtime.block_on(async {
            let (parts, body) = self.web.answer(request).await.into_parts();
            let mut body = pin!(body);
            let (mut read, hint) = (Vec::new(), body.size_hint().exact());
            while let Some(frame) = std::future::poll_fn(|context| body.as_mut().poll_frame(context)).await {
                read.extend_from_slice(&frame.unwrap().into_data().unwrap());
            }
            assert_eq!(hint, Some(read.len() as u64));
            Seen { status: parts.status, headers: parts.headers, body: read }
        })
    }
}

fn web(root: &Path, limits: Limits) -> Web {
    let access: Arc<People> = Arc::new(People);
    let root = DirectoryRoot::new(root, Export::All).unwrap().with_access(Arc::clone(&access) as _);
    let doors = ["git://127.0.0.1:9418".to_owned(), "http://127.0.0.1:8418".to_owned()];
    let context = WebContext {
        root: Arc::new(root),
        gate: access,
        policy: Arc::new(Policy::default()),
        jobs: Jobs::new(4),
        doors: doors.into(),
    };
    Web::with_limits(context, limits).unwrap()
}

/// A browser of one person.
pub(super) struct Visitor<'a> {
    site: &'a TestSite,
    pub(super) cookies: Vec<(String, String)>,
}

impl Visitor<'_> {
    pub(super) fn get(&mut self, path: &str) -> Seen {
        self.send(self.request(Method::GET, path, &[]))
    }

    /// The page, which must be there.
    #[track_caller]
    pub(super) fn page(&mut self, path: &str) -> String {
        let seen = self.get(path);
        assert_eq!(seen.status, 200, "{path}: {}", String::from_utf8_lossy(&seen.body));
        String::from_utf8(seen.body).unwrap()
    }

    pub(super) fn status(&mut self, path: &str) -> u16 {
        self.get(path).status.as_u16()
    }

    pub(super) fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Seen {
        self.send(self.request(Method::POST, path, fields))
    }

    /// The token of the first form of a page.
    #[track_caller]
    pub(super) fn token(&mut self, path: &str) -> String {
        let page = self.page(path);
        let (_, rest) = page.split_once("name=\"token\" value=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    }

    pub(super) fn request(&self, method: Method, path: &str, fields: &[(&str, &str)]) -> Request<PageBody> {
        let fields: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", encoded(value.as_bytes()))).collect();
        let mut request = Request::new(PageBody::Whole(Some(Bytes::from(fields.join("&")))));
        *request.method_mut() = method.clone();
        *request.uri_mut() = path.parse().unwrap();
        let headers = request.headers_mut();
        headers.insert(HOST, "forge.example:8418".parse().unwrap());
        if method == Method::POST {
            headers.insert(CONTENT_TYPE, "application/x-www-form-urlencoded".parse().unwrap());
        }
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            headers.insert(COOKIE, cookies.join("; ").parse().unwrap());
        }
        request.extensions_mut().insert(Peer(SocketAddr::from(([192, 0, 2, 1], 1234))));
        request
    }

    pub(super) fn send(&mut self, request: Request<PageBody>) -> Seen {
        let seen = self.site.send(request);
        for cookie in seen.headers.get_all(SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        seen
    }
}

impl Seen {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn location(&self) -> &str {
        self.header(LOCATION.as_str())
    }
}

/// Commits for `git fast-import`: each with a message and files.
pub(super) fn commits(list: &[(&str, &[(&str, &str)])]) -> Vec<u8> {
    let mut stream = Vec::new();
    for (nth, (message, files)) in list.iter().enumerate() {
        let time = 1_700_000_000 + 60 * nth;
        stream.extend(
            format!("commit refs/heads/main\ncommitter Ann <ann@example.org> {time} +0000\n").into_bytes(),
        );
        stream.extend(format!("data {}\n{message}\n", message.len()).into_bytes());
        if nth == 0 {
            stream.extend(b"deleteall\n");
        }
        for (path, content) in *files {
            let path = path.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            stream.extend(
                format!("M 100644 inline \"{path}\"\ndata {}\n{content}\n", content.len()).into_bytes(),
            );
        }
    }
    stream
}
