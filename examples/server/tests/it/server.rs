//! The program under test, and repositories for it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use gitwire_testkit::git::Git;

/// A server that is stopped when it is dropped.
pub struct Server {
    pub child: Child,
    /// The first door.
    pub url: String,
    /// All doors.
    pub urls: Vec<String>,
    /// What the server says after that.
    pub says: BufReader<ChildStdout>,
}

impl Server {
    pub fn start(root: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gitwired"));
        command.args(["--listen", "git://127.0.0.1:0", "--root"]).arg(root).args(arguments);
        Self::spawn(&mut command)
    }

    pub fn spawn(command: &mut Command) -> Self {
        Self::with_doors(command, 1)
    }

    /// A server that opens so many doors.
    #[track_caller]
    pub fn with_doors(command: &mut Command, count: usize) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut says = BufReader::new(child.stdout.take().unwrap());
        let mut line = || {
            let mut line = String::new();
            says.read_line(&mut line).unwrap();
            line.strip_prefix("listening ").unwrap_or_else(|| panic!("{line:?}")).trim().to_owned()
        };
        let urls: Vec<String> = (0..count).map(|_| line()).collect();
        Self { child, url: urls[0].clone(), urls, says }
    }

    /// The port of the door whose URL begins so.
    #[track_caller]
    pub fn port(&self, scheme: &str) -> u16 {
        let url = self.urls.iter().find(|url| url.starts_with(scheme)).unwrap();
        url.rsplit(':').next().unwrap().parse().unwrap()
    }

    /// Asks it to end, and gives its exit code.
    pub fn terminate(mut self) -> Option<i32> {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
        self.child.wait().unwrap().code()
    }

    pub fn address(&self) -> SocketAddr {
        self.url.strip_prefix("git://").unwrap().parse().unwrap()
    }

    /// The most memory that it has held, in KiB.
    pub fn peak(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A bare repository with two branches and tags.
pub fn make(git: &Git, folder: &Path, name: &str, format: &str) -> PathBuf {
    let path = folder.join(name);
    let text = path.to_str().unwrap();
    git.ok(folder, ["init", "-q", "--bare", &format!("--object-format={format}"), text]);
    git.ok(&path, ["symbolic-ref", "HEAD", "refs/heads/main"]);
    add(git, &path, 0..60);
    git.ok(&path, ["tag", "-a", "-m", "one", "v1", "main~10"]);
    git.ok(&path, ["tag", "-a", "-m", "two", "v1-again", "v1"]);
    git.ok(&path, ["branch", "side", "main~5"]);
    path
}

/// Commits on top of main, through `git fast-import`.
pub fn add(git: &Git, path: &Path, numbers: Range<usize>) {
    let known = git.run(path, ["rev-parse", "-q", "--verify", "refs/heads/main"]);
    let mut from = String::from_utf8(known.stdout).unwrap().trim().to_owned();
    let mut stream = String::new();
    for number in numbers {
        let content: String = (0..300).map(|line| format!("{line} {}\n", line * number / 7)).collect();
        stream += "commit refs/heads/main\n";
        stream += &format!("committer A <a@example.org> {} +0000\n", 1_700_000_000 + number * 60);
        stream += "data 1\nx\n";
        if !from.is_empty() {
            stream += &format!("from {}\n", std::mem::take(&mut from));
        }
        stream += &format!("M 100644 inline dir/f{}\ndata {}\n{content}\n", number % 9, content.len());
    }
    let out = git.feed(path, ["fast-import", "--quiet", "--force"], stream.as_bytes());
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

/// All refs and what they hold.
pub fn refs(git: &Git, path: &Path) -> String {
    String::from_utf8(git.ok(path, ["for-each-ref", "--format=%(objectname) %(refname)"])).unwrap()
}
