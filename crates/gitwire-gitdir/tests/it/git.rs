//! The oracle, in the few words that these tests use.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use gitwire_testkit::git::{Folder, Git};

/// A folder that goes when the value does.
pub(crate) struct Scratch(Folder, PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        let folder = Folder::new("gitdir");
        // Git shows paths without symbolic links.
        let path = folder.path().canonicalize().unwrap();
        Self(folder, path)
    }

    pub(crate) fn path(&self) -> &Path {
        debug_assert!(self.0.path().exists());
        &self.1
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.1.join(name)
    }
}

fn oracle() -> Option<&'static Git> {
    static GIT: OnceLock<Option<Git>> = OnceLock::new();
    GIT.get_or_init(Git::find).as_ref()
}

/// Whether there is a `git`; without one a test is skipped aloud, under `CI` it fails.
pub(crate) fn available() -> bool {
    oracle().is_some()
}

/// `git` in `dir`, with a fixed identity and time.
pub(crate) fn command(dir: &Path) -> Command {
    oracle().unwrap().command(dir, [""; 0])
}

/// Runs `git` with arguments given as one line; its output.
#[track_caller]
pub(crate) fn git(dir: &Path, arguments: &str) -> String {
    String::from_utf8(oracle().unwrap().ok(dir, arguments.split_whitespace())).unwrap()
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
