//! The oracle: a stock `git`, shut off from the machine's configuration.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory that goes when the value does.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("gitwire-gitdir-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path.canonicalize().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// Whether there is a `git`; without one a test is skipped aloud, under `CI` it fails.
pub(crate) fn available() -> bool {
    let there = Command::new("git").arg("--version").stdout(Stdio::null()).status().is_ok();
    if !there {
        assert!(std::env::var_os("CI").is_none(), "git is not installed, and this test needs it");
        eprintln!("SKIPPED: git is not installed");
    }
    there
}

/// `git` in `dir`, with a fixed identity and time.
pub(crate) fn command(dir: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(dir)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_AUTHOR_NAME", "A U Thor")
        .env("GIT_AUTHOR_EMAIL", "author@example.com")
        .env("GIT_AUTHOR_DATE", "1700000000 +0000")
        .env("GIT_COMMITTER_NAME", "C O Mitter")
        .env("GIT_COMMITTER_EMAIL", "committer@example.com")
        .env("GIT_COMMITTER_DATE", "1700000000 +0000")
        .env_remove("GIT_DIR");
    command
}

/// Runs `git` with arguments given as one line; its output.
#[track_caller]
pub(crate) fn git(dir: &Path, arguments: &str) -> String {
    let output = command(dir).args(arguments.split_whitespace()).output().unwrap();
    assert!(
        output.status.success(),
        "git {arguments}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A work tree with `commits` commits on `main`, in a directory called `work`.
#[track_caller]
pub(crate) fn work_tree(scratch: &Scratch, format: &str, commits: u32) -> PathBuf {
    let path = scratch.join("work");
    git(scratch.path(), &format!("init -q -b main --object-format={format} work"));
    git(&path, "config gc.auto 0");
    for number in 0..commits {
        std::fs::write(path.join("file"), format!("content {number}\n").repeat(30)).unwrap();
        std::fs::write(path.join(format!("file-{number}")), format!("{number}\n")).unwrap();
        git(&path, "add .");
        git(&path, &format!("commit -q -m commit-{number}"));
    }
    path
}
