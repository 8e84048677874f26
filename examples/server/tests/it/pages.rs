//! The web pages of the program: beside Git at one door, with real users, over real connections.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gitwire_testkit::git::{Folder, Git};

use crate::server::{Server, make};

/// A browser without a window: one request on each connection, and cookies.
struct Browser {
    port: u16,
    cookies: String,
}

/// What came back.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Browser {
    fn send(&mut self, method: &str, path: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let form = "application/x-www-form-urlencoded";
        let host = format!("127.0.0.1:{}", self.port);
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nCookie: {}\r\nContent-Type: {form}\r\nContent-Length: {}\r\n\r\n{body}",
            self.cookies,
            body.len()
        )
        .unwrap();
        let mut text = Vec::new();
        stream.read_to_end(&mut text).unwrap();
        let text = String::from_utf8_lossy(&text).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        for line in head.lines().filter_map(|line| line.strip_prefix("set-cookie: ")) {
            let pair = line.split(';').next().unwrap();
            if !pair.ends_with('=') {
                pair.clone_into(&mut self.cookies);
            }
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, "")
    }

    /// Sends a form with the token of the page that it is on.
    fn submit(&mut self, path: &str, fields: &str) -> Answer {
        let page = self.get(path).body;
        let (_, rest) = page.split_once("name=\"token\" value=\"").unwrap();
        let token = rest.split('"').next().unwrap();
        self.send("POST", path, &format!("token={token}&{fields}"))
    }
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }
}

fn user(file: &Path, password: &str, words: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gitwired"));
    command.arg("user").args(words.iter().take(1)).arg("--users").arg(file).args(words.iter().skip(1));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{password}\n").as_bytes()).ok();
    assert!(child.wait().unwrap().success());
}

/// A server with users, and its HTTP port.
fn serve(folder: &Path) -> (Server, Browser, PathBuf) {
    let users = folder.join("users");
    user(&users, "one", &["add", "ann", "admin"]);
    user(&users, "two", &["add", "ben", "read=public/**"]);
    let root = folder.join("root");
    std::fs::create_dir(&root).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_gitwired"));
    command.args(["--listen", "http://127.0.0.1:0", "--allow-push=auth", "--allow-read=auth", "--root"]);
    let server = Server::spawn(command.arg(&root).arg("--users").arg(&users));
    let browser = Browser { port: server.port("http"), cookies: String::new() };
    (server, browser, users)
}

#[test]
fn a_repository_is_made_pushed_to_and_seen() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("pages");
    let source = make(&git, folder.path(), "source.git", "sha1");
    let (server, mut ann, users) = serve(folder.path());
    assert_eq!(ann.submit("/-/sign-in", "user=ann&password=two").status, 403);
    let signed_in = ann.submit("/-/sign-in", "user=ann&password=one&next=/-/new");
    assert_eq!((signed_in.status, signed_in.header("location")), (303, "/-/new"));
    let made = ann.submit("/-/new", "name=tools/made&description=A%20tool&branch=main");
    assert_eq!((made.status, made.header("location")), (303, "/tools/made.git"));
    assert!(ann.get("/tools/made.git").body.contains("This repository is empty"));

    let url = format!("http://ann:one@127.0.0.1:{}/tools/made.git", server.port("http"));
    git.ok(&source, ["push", "-q", &url, "main", "v1"]);
    let page = ann.get("/tools/made.git").body;
    assert!(page.contains("A tool") && page.contains("href=\"/tools/made.git/-/files/dir\""), "{page}");
    let id = String::from_utf8(git.ok(&source, ["rev-parse", "main"])).unwrap();
    let commit = ann.get(&format!("/tools/made.git/-/commit/{}", id.trim()));
    assert!(commit.status == 200 && commit.body.contains("class=\"add\""), "{}", commit.body);
    let raw = ann.get("/tools/made.git/-/raw/dir/f1");
    let stored = git.ok(&source, ["cat-file", "blob", "main:dir/f1"]);
    assert_eq!((raw.status, raw.body.as_bytes()), (200, stored.as_slice()));
    let head = ann.send("HEAD", "/tools/made.git/-/raw/dir/f1", "");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.header("content-length"), stored.len().to_string());

    // A session is good for what its user may do now, and for as long as its password is the same.
    let mut ben = Browser { port: ann.port, cookies: String::new() };
    assert_eq!(ben.submit("/-/sign-in", "user=ben&password=two").status, 303);
    assert_eq!([ben.get("/tools/made.git").status, ben.get("/-/new").status], [404, 403]);
    user(&users, "", &["grant", "ben", "read=tools/*"]);
    assert_eq!(ben.get("/tools/made.git").status, 200);
    user(&users, "three", &["passwd", "ben"]);
    let asked = ben.get("/tools/made.git");
    assert_eq!((asked.status, asked.header("location")), (303, "/-/sign-in?next=%2Ftools%2Fmade.git"));
}

#[test]
fn pages_and_git_share_a_door() {
    let folder = Folder::new("pages-door");
    let (_server, mut nobody, _) = serve(folder.path());
    for (path, status, kind) in [
        ("/", 200, "text/html; charset=utf-8"),
        ("/-/style.css", 200, "text/css; charset=utf-8"),
        ("/healthz", 200, "text/plain; charset=utf-8"),
        ("/x.git/info/refs?service=git-upload-pack", 401, "text/plain; charset=utf-8"),
        ("/x.git/HEAD", 401, "text/plain; charset=utf-8"),
        ("/x.git", 303, "text/plain; charset=utf-8"),
        ("/x.git/-/files/info/refs", 303, "text/plain; charset=utf-8"),
        ("/-/nothing", 404, "text/html; charset=utf-8"),
        ("/x.git/-/files/%zz", 400, "text/html; charset=utf-8"),
    ] {
        let answer = nobody.get(path);
        assert_eq!((answer.status, answer.header("content-type")), (status, kind), "{path}");
    }
    let refused = nobody.send("DELETE", "/", "");
    assert_eq!((refused.status, refused.header("allow")), (405, "GET, HEAD"));
    assert!(nobody.get("/").body.contains("Sign in</a> to see yours"));
}
