//! The page works: stock git clones, and the routes beside it answer.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test ends at what it did not expect")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use gitwire_testkit::git::{Folder, Git};

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn git_and_other_routes_share_a_router() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("axum");
    git.ok(folder.path(), ["init", "-q", "--bare", "--initial-branch=main", "root/r.git"]);
    let served = folder.path().join("root/r.git");
    let tree = String::from_utf8(git.feed(&served, ["mktree"], b"").stdout).unwrap();
    let id = String::from_utf8(git.ok(&served, ["commit-tree", "-m", "one", tree.trim()])).unwrap();
    git.ok(&served, ["update-ref", "refs/heads/main", id.trim()]);

    let mut command = Command::new(env!("CARGO_BIN_EXE_gitwire-axum"));
    command.arg(folder.path().join("root")).arg("127.0.0.1:0").stdout(Stdio::piped());
    let mut running = Running(command.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(running.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("listening ").unwrap();

    for (smart, name) in [("1", "smart"), ("0", "dumb")] {
        let mut clone = git.command(folder.path(), ["clone", "-q", &format!("{url}/git/r.git"), name]);
        assert!(clone.env("GIT_SMART_HTTP", smart).status().unwrap().success());
        assert_eq!(git.ok(&folder.path().join(name), ["rev-parse", "main"]), id.as_bytes());
    }
    let ask = |path: &str| {
        let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
        stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    };
    assert_eq!(ask("/healthz"), "ok\n");
    assert_eq!(ask("/r.git/HEAD"), "another page\n");
    assert_eq!(ask("/git/r.git/HEAD"), "ref: refs/heads/main\n");
}
