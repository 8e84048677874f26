//! Histories to walk over, made from a number.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use gitwire_testkit::git::{Folder, Git};
use gitwire_types::ObjectId;

use crate::store::{Store, id};

/// A small generator of numbers; the same for the same seed.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end.max(1)
    }

    pub(crate) fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    pub(crate) fn some<T: Copy>(&mut self, from: &[T], count: usize) -> Vec<T> {
        (0..count).map(|_| from[self.below(from.len())]).collect()
    }
}

/// How clocks run in a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    /// No commit is older than its parents; some are of one time.
    Steady,
    /// Commits may be older than their parents.
    Skewed,
}

/// A repository that git made.
#[derive(Debug)]
pub(crate) struct History {
    folder: Folder,
    pub(crate) git: Git,
    pub(crate) store: Store,
    /// In the order of making.
    pub(crate) commits: Vec<ObjectId>,
    pub(crate) tags: Vec<ObjectId>,
    pub(crate) trees: Vec<ObjectId>,
    pub(crate) blobs: Vec<ObjectId>,
}

impl History {
    /// `None` where there is no git.
    pub(crate) fn make(seed: u64, length: usize, clock: Clock) -> Option<Self> {
        let git = Git::find()?;
        let folder = Folder::new("walk");
        git.ok(folder.path(), ["init", "-q", "--bare", "x.git"]);
        let path = folder.path().join("x.git");
        let mut dice = Dice::new(seed);
        let script = script(&mut dice, length, clock);
        let marks = ["fast-import", "--quiet", "--force", "--export-marks=marks"];
        let out = git.feed(&path, marks, script.as_bytes());
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let text = std::fs::read_to_string(path.join("marks")).unwrap();
        let mut marked: Vec<(usize, ObjectId)> = text
            .lines()
            .map(|line| line.split_once(' ').unwrap())
            .map(|(mark, hex)| (mark[1..].parse().unwrap(), id(hex)))
            .collect();
        marked.sort_unstable();
        let commits: Vec<_> = marked.into_iter().map(|(_, id)| id).collect();
        tag(&git, &path, &commits, &mut dice);
        let store = Store::load(&git, &path);
        let of = |wanted: &str| {
            let objects = store.objects.iter().filter(|(_, (kind, _))| kind.name() == wanted);
            let mut ids: Vec<_> = objects.map(|(id, _)| *id).collect();
            ids.sort_unstable();
            ids
        };
        let (tags, trees, blobs) = (of("tag"), of("tree"), of("blob"));
        Some(Self { folder, git, store, commits, tags, trees, blobs })
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("x.git")
    }

    /// What `git upload-pack` answers to one request of version 2.
    pub(crate) fn upload_pack(&self, input: &[u8]) -> Vec<u8> {
        let mut command = self.git.command(&self.path(), ["upload-pack", "--stateless-rpc", "."]);
        command
            .env("GIT_PROTOCOL", "version=2")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        // A request is smaller than a pipe.
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait_with_output().unwrap().stdout
    }

    /// Ids that git prints, one a line, up to a space.
    pub(crate) fn ids(&self, args: &[&str], input: &str) -> Vec<ObjectId> {
        let out = self.git.feed(&self.path(), args, input.as_bytes());
        assert!(out.status.success(), "{args:?}\n{input}{}", String::from_utf8_lossy(&out.stderr));
        let text = String::from_utf8(out.stdout).unwrap();
        text.lines().map(|line| id(line.split(' ').next().unwrap())).collect()
    }
}

fn script(dice: &mut Dice, length: usize, clock: Clock) -> String {
    let mut text = String::new();
    let mut times: Vec<i64> = Vec::new();
    for nth in 0..length {
        let mut parents: Vec<usize> = Vec::new();
        if nth > 0 && !dice.one_in(30) {
            // Mostly the latest, so that lines are long; sometimes an older one, so that there are branches.
            let reach = if dice.one_in(4) { 12 } else { 2 };
            parents.push(nth - 1 - dice.below(nth.min(reach)));
            let more = [0, 0, 0, 1, 1, 3][dice.below(6)];
            for _ in 0..more {
                let parent = nth - 1 - dice.below(nth.min(12));
                if !parents.contains(&parent) {
                    parents.push(parent);
                }
            }
        }
        let newest = parents.iter().map(|parent| times[*parent]).max().unwrap_or(1_000_000_000);
        let time = match clock {
            Clock::Steady => newest + 100 * dice.below(3) as i64,
            Clock::Skewed => newest + 100 * (dice.below(9) as i64 - 3),
        };
        times.push(time);
        let _ = write!(
            text,
            "commit refs/heads/b{}\nmark :{}\ncommitter C <c@x> {time} +0000\ndata 2\n{}\n",
            nth,
            nth + 1,
            nth % 10
        );
        for (place, parent) in parents.iter().enumerate() {
            let word = if place == 0 { "from" } else { "merge" };
            let _ = writeln!(text, "{word} :{}", parent + 1);
        }
        change(dice, &mut text, parents.is_empty());
    }
    text
}

fn change(dice: &mut Dice, text: &mut String, is_root: bool) {
    for _ in 0..dice.below(5) {
        let path = format!(
            "{}f{}",
            ["", "a/", "b/", "a/b/", "a/b/c/", "d e/", "a-b/"][dice.below(7)],
            dice.below(6)
        );
        // Few contents, so that objects come back and stand in several places.
        let content = format!("{}\n", "line\n".repeat(dice.below(24)) + &dice.below(9).to_string());
        let _ = match dice.below(12) {
            0 if !is_root => writeln!(text, "D {path}"),
            1 if !is_root => writeln!(text, "D {}", ["a/b", "b", "a/b/c"][dice.below(3)]),
            2 => writeln!(text, "M 160000 {:040x} sub{}", dice.below(1000) + 1, dice.below(3)),
            3 => writeln!(text, "M 120000 inline link{}\ndata {}\n{content}", dice.below(2), content.len()),
            _ => writeln!(text, "M 100644 inline {path}\ndata {}\n{content}", content.len()),
        };
    }
    text.push('\n');
}

/// Tags of commits, of trees, of blobs and of tags.
fn tag(git: &Git, path: &Path, commits: &[ObjectId], dice: &mut Dice) {
    let mut last = None;
    for nth in 0..6 {
        let commit = dice.some(commits, 1)[0].to_string();
        let target = match (nth, &last) {
            (3 | 5, Some(tag)) => String::clone(tag),
            (4, _) => format!("{commit}^{{tree}}"),
            _ => commit,
        };
        let name = format!("t{nth}");
        git.ok(path, ["tag", "-a", "-m", "a tag", &name, &target]);
        last = Some(name);
    }
}
