//! Pushes into a repository that keeps its references in reftables, by git and by us at once.

use std::path::Path;
use std::process::Command;
use std::thread;

use gitwire_testkit::git::{Folder, Git};

use crate::program::gitwire;

const PUSHES: usize = 8;

/// A pusher: which program pushes, and which takes the push.
#[derive(Debug, Clone, Copy)]
struct Pusher {
    name: &'static str,
    ours: bool,
    to_ours: bool,
}

const PUSHERS: [Pusher; 4] = [
    Pusher { name: "git-git", ours: false, to_ours: false },
    Pusher { name: "git-us", ours: false, to_ours: true },
    Pusher { name: "us-git", ours: true, to_ours: false },
    Pusher { name: "us-us", ours: true, to_ours: true },
];

impl Pusher {
    fn push(self, git: &Git, clone: &Path) -> Command {
        let branch = format!("HEAD:refs/heads/{}", self.name);
        let program = format!("{} receive-pack", env!("CARGO_BIN_EXE_gitwire"));
        let program = if self.to_ours { program.as_str() } else { "git-receive-pack" };
        let program = format!("--receive-pack={program}");
        let second = format!("HEAD:refs/heads/by/x-{}", self.name);
        let words = ["push", "-q", "--atomic", &program, "origin", &branch, &second];
        match self.ours {
            true => {
                let mut command = gitwire(clone, []);
                command.args(words);
                command
            }
            false => git.command(clone, words),
        }
    }

    /// Pushes commit after commit until each is taken; the last one.
    fn run(self, git: &Git, root: &Path) -> String {
        let clone = root.join(self.name);
        for _ in 0..PUSHES {
            git.ok(&clone, ["commit", "-q", "--allow-empty", "-m", self.name]);
            // Git waits a tenth of a second for the lock of the list, and then refuses.
            let taken = (0..200).any(|_| self.push(git, &clone).output().unwrap().status.success());
            assert!(taken, "{self:?}");
        }
        String::from_utf8(git.ok(&clone, ["rev-parse", "HEAD"])).unwrap().trim().to_owned()
    }
}

#[test]
fn what_git_and_we_push_at_once_is_all_there() {
    let Some(git) = Git::at_least(&[2, 45]) else { return };
    let folder = Folder::new("tables");
    let root = folder.path();
    git.ok(root, ["init", "-q", "--bare", "--ref-format=reftable", "r.git"]);
    let path = root.join("r.git");
    git.ok(&path, ["config", "core.logAllRefUpdates", "true"]);
    for pusher in PUSHERS {
        git.ok(root, ["clone", "-q", path.to_str().unwrap(), pusher.name]);
    }
    let tips: Vec<String> = thread::scope(|scope| {
        let git = &git;
        let threads = PUSHERS.map(|pusher| scope.spawn(move || pusher.run(git, root)));
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut expected = Vec::new();
    for (pusher, tip) in PUSHERS.iter().zip(&tips) {
        expected.push(format!("{tip} refs/heads/{}", pusher.name));
        expected.push(format!("{tip} refs/heads/by/x-{}", pusher.name));
        let log = git.ok(&path, ["reflog", "show", "--format=%H", pusher.name]);
        assert_eq!(log.iter().filter(|byte| **byte == b'\n').count(), PUSHES, "{pusher:?}");
    }
    expected.sort_by(|one, other| one.split_once(' ').unwrap().1.cmp(other.split_once(' ').unwrap().1));
    let found = git.ok(&path, ["for-each-ref", "--format=%(objectname) %(refname)"]);
    assert_eq!(String::from_utf8(found).unwrap().lines().collect::<Vec<_>>(), expected);
    git.ok(&path, ["fsck", "--strict", "--no-dangling"]);
    // Nobody's locks are left, and no table that nobody names.
    let list = std::fs::read_to_string(path.join("reftable/tables.list")).unwrap();
    let names = std::fs::read_dir(path.join("reftable")).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    for name in names.iter().filter(|name| *name != "tables.list") {
        assert!(list.lines().any(|line| line == name), "{name}");
    }
}
