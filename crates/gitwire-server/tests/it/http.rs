//! Stock git over smart HTTP, and requests that no git sends.

mod dumb;
mod limits;
mod sign_in;
mod websocket;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use gitwire_server::access::Access;
use gitwire_server::http::{HttpOptions, HttpService, serve};
use gitwire_server::{DirectoryRoot, Export, Jobs, Policy, ReceivePolicy};
use gitwire_testkit::git::{Folder, Git};

/// A server of one repository, and a work tree that was pushed to it.
struct Fixture {
    git: Git,
    folder: Folder,
    address: SocketAddr,
    _stop: tokio::sync::oneshot::Sender<()>,
}

/// How the server of a test is made.
struct Setup {
    /// What `git init` is told.
    init: Vec<&'static str>,
    policy: Policy,
    receive: Option<ReceivePolicy>,
    options: HttpOptions,
    access: Option<Arc<dyn Access>>,
}

impl Default for Setup {
    fn default() -> Self {
        let (policy, options) = (Policy::default(), HttpOptions::default());
        Self { init: Vec::new(), policy, receive: None, options, access: None }
    }
}

impl Fixture {
    fn new(setup: Setup) -> Option<Self> {
        let git = Git::find()?;
        let folder = Folder::new("http");
        let init = |more: &[&'static str]| {
            let mut arguments = vec!["init", "-q", "--initial-branch=main"];
            arguments.extend(&setup.init);
            arguments.extend(more);
            git.ok(folder.path(), arguments);
        };
        init(&["--bare", "root/r.git"]);
        init(&["work"]);
        let (address, stop) = listen(&folder, setup);
        let fixture = Self { git, folder, address, _stop: stop };
        for name in ["one", "two", "three"] {
            fixture.commit(name);
        }
        fixture.git.ok(&fixture.work(), ["push", "-q", "../root/r.git", "main"]);
        Some(fixture)
    }

    fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    fn served(&self) -> PathBuf {
        self.folder.path().join("root/r.git")
    }

    fn url(&self) -> String {
        format!("http://{}/r.git", self.address)
    }

    fn commit(&self, name: &str) {
        fs::write(self.work().join(name), format!("{name}\n").repeat(1000)).unwrap();
        self.git.ok(&self.work(), ["add", "."]);
        self.git.ok(&self.work(), ["commit", "-q", "-m", name]);
    }

    fn tip(&self, path: &std::path::Path) -> Vec<u8> {
        self.git.ok(path, ["rev-parse", "main"])
    }

    /// What the server says to raw bytes, up to the end of the connection.
    fn raw(&self, request: &[u8]) -> String {
        String::from_utf8_lossy(&self.bytes(request)).into_owned()
    }

    fn bytes(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(request).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        answer
    }
}

fn listen(folder: &Folder, setup: Setup) -> (SocketAddr, tokio::sync::oneshot::Sender<()>) {
    let mut repositories = DirectoryRoot::new(folder.path().join("root"), Export::All).unwrap();
    if let Some(policy) = setup.receive {
        repositories = repositories.receiving(policy);
    }
    if let Some(access) = &setup.access {
        repositories = repositories.with_access(Arc::clone(access));
    }
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            let service = HttpService::new(Arc::new(repositories), Arc::new(setup.policy), Jobs::new(4));
            let mut service = service.with_options(setup.options.clone());
            if let Some(access) = setup.access {
                service = service.with_access(access);
            }
            serve(listener, service, setup.options, async { drop(stopped.await) }).await.unwrap();
        });
    });
    (told.recv().unwrap(), stop)
}

#[test]
fn git_clones_fetches_and_pushes_in_every_version() {
    let Some(fixture) = Fixture::new(Setup { receive: Some(ReceivePolicy::default()), ..Setup::default() })
    else {
        return;
    };
    let Fixture { git, folder, .. } = &fixture;
    for version in ["0", "1", "2"] {
        let config = format!("protocol.version={version}");
        let clone = folder.path().join(format!("clone{version}"));
        let name = clone.to_str().unwrap();
        git.ok(folder.path(), ["-c", &config, "clone", "-q", &fixture.url(), name]);
        assert_eq!(fixture.tip(&clone), fixture.tip(&fixture.served()));
        // A push, in one piece and in chunks behind a probe.
        for (at, buffer) in ["1048576", "1000"].iter().enumerate() {
            fs::write(clone.join(format!("new{version}{at}")), noise(50_000 + at)).unwrap();
            git.ok(&clone, ["add", "."]);
            git.ok(&clone, ["commit", "-q", "-m", "new"]);
            let buffer = format!("http.postBuffer={buffer}");
            git.ok(&clone, ["-c", &config, "-c", &buffer, "push", "-q", "origin", "main"]);
            assert_eq!(fixture.tip(&clone), fixture.tip(&fixture.served()));
        }
        git.ok(&fixture.work(), ["-c", &config, "pull", "-q", &fixture.url(), "main"]);
        assert_eq!(fixture.tip(&fixture.work()), fixture.tip(&fixture.served()));
        git.ok(&clone, ["-c", &config, "push", "-q", "origin", "main:refs/heads/side"]);
        git.ok(&clone, ["-c", &config, "push", "-q", "origin", ":refs/heads/side"]);
        git.ok(&fixture.served(), ["fsck", "--strict"]);
        let shallow = folder.path().join(format!("shallow{version}"));
        git.ok(
            folder.path(),
            ["-c", &config, "clone", "-q", "--depth=1", &fixture.url(), shallow.to_str().unwrap()],
        );
        assert_eq!(git.ok(&shallow, ["rev-list", "--count", "HEAD"]), b"1\n");
    }
    // Long negotiations come as gzip.
    for number in 0..200 {
        git.ok(&fixture.work(), ["commit", "-q", "--allow-empty", "-m", &number.to_string()]);
    }
    git.ok(&fixture.work(), ["fetch", "-q", &fixture.url(), "main"]);
}

/// Bytes that no compressor makes shorter.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..len).map(|_| next()).collect()
}

#[test]
fn what_is_asked_wrongly_gets_the_status_that_says_so() {
    let Some(fixture) = Fixture::new(Setup::default()) else { return };
    #[track_caller]
    fn check(fixture: &Fixture, request: &str, status: &str, part: &str) {
        let answer = fixture.raw(format!("{request}\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes());
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
        assert!(answer.contains(part), "{request}: {answer}");
    }
    let refs = "/r.git/info/refs?service=git-upload-pack";
    check(&fixture, &format!("GET {refs} HTTP/1.1"), "200", "001e# service=git-upload-pack\n0000");
    check(
        &fixture,
        &format!("GET {refs} HTTP/1.1"),
        "200",
        "content-type: application/x-git-upload-pack-advertisement",
    );
    check(&fixture, &format!("GET {refs} HTTP/1.1\r\nGit-Protocol: version=2"), "200", "000eversion 2\n");
    check(
        &fixture,
        &format!("HEAD {refs} HTTP/1.1"),
        "200",
        "cache-control: no-cache, max-age=0, must-revalidate",
    );
    check(&fixture, &format!("POST {refs} HTTP/1.1"), "405", "allow: GET, HEAD");
    check(&fixture, "GET /r.git/git-upload-pack HTTP/1.1", "405", "allow: POST");
    check(
        &fixture,
        "POST /r.git/git-upload-pack HTTP/1.1\r\nContent-Length: 0",
        "415",
        "unsupported media type",
    );
    check(&fixture, "GET /none.git/info/refs?service=git-upload-pack HTTP/1.1", "404", "");
    check(&fixture, "GET /r.git/info/refs?service=git-receive-pack HTTP/1.1", "403", "service not enabled");
    check(&fixture, "GET /%2e%2e/r.git/info/refs?service=git-upload-pack HTTP/1.1", "404", "");
    check(&fixture, "GET /r.git/config HTTP/1.1", "404", "");
    let kind = "Content-Type: application/x-git-upload-pack-request";
    let probe = format!("POST /r.git/git-upload-pack HTTP/1.1\r\n{kind}\r\nContent-Length: 4");
    let answer = fixture.raw(format!("{probe}\r\nHost: x\r\nConnection: close\r\n\r\n0000").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("content-length: 0\r\n"), "{answer}");
    check(&fixture, &format!("{probe}\r\nContent-Encoding: br"), "415", "unsupported encoding");
    let long = format!("GET {refs} HTTP/1.1\r\nX: {}", "x".repeat(64 << 10));
    check(&fixture, &long, "431", "");
}
