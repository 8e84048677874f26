//! Stock git: the repository of the recorded conversations, and the recorder.
//!
//! `GITWIRE_RECORD=1 cargo test -p gitwire-protocol` writes `tests/golden` again from the git on the path.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use gitwire_testkit::git::{Folder, Git};

use crate::repo::golden;

pub(crate) const AGENT: &str = "git/oracle";

/// A bare repository: 40 commits on `main`, 5 on `side` from the 20th, a tag.
pub(crate) struct Fixture {
    pub(crate) git: Git,
    folder: Folder,
}

impl Fixture {
    pub(crate) fn new() -> Option<Self> {
        let git = Git::find()?;
        if git.version() < vec![2, 41] {
            // It offers object-info of its own accord, so its advertisement is not the recorded one.
            eprintln!("SKIPPED: {:?} is too old to compare with", git.version());
            return None;
        }
        let folder = Folder::new("protocol");
        git.ok(folder.path(), ["init", "-q", "--bare", "--initial-branch=main", "r.git"]);
        let fixture = Self { git, folder };
        let imported = fixture.git.feed(&fixture.path(), ["fast-import", "--quiet"], history().as_bytes());
        assert!(imported.status.success());
        Some(fixture)
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("r.git")
    }

    /// What `upload-pack` answers to `input`.
    pub(crate) fn upload_pack(&self, version: u8, args: &[&str], input: &[u8]) -> Vec<u8> {
        let path = self.path();
        let mut words = vec!["upload-pack"];
        words.extend(args);
        words.push(path.to_str().unwrap());
        let mut child = self.command(version, &words).spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        let output = std::thread::scope(|scope| {
            // git may close its input before it has read everything.
            scope.spawn(move || std::io::Write::write_all(&mut pipe, input).ok());
            child.wait_with_output().unwrap()
        });
        output.stdout
    }

    pub(crate) fn command(&self, version: u8, words: &[&str]) -> std::process::Command {
        use std::process::Stdio;
        let mut command = self.git.command(self.folder.path(), words);
        command.env("GIT_PROTOCOL", format!("version={version}")).env("GIT_USER_AGENT", AGENT);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command
    }

    /// The repository as the table of `repo.rs`.
    pub(crate) fn table(&self) -> String {
        let git = |args: &[&str]| String::from_utf8(self.git.ok(&self.path(), args)).unwrap();
        let mut table = String::new();
        for id in git(&["rev-list", "--first-parent", "main"]).lines() {
            writeln!(table, "main {id}").unwrap();
        }
        for line in git(&["rev-list", "--all", "--parents"]).lines() {
            writeln!(table, "commit {line}").unwrap();
        }
        let head = git(&["rev-parse", "HEAD"]);
        writeln!(table, "ref {} - refs/heads/main HEAD", head.trim()).unwrap();
        for line in git(&["for-each-ref", "--format=%(objectname) %(*objectname)x %(refname)"]).lines() {
            let words: Vec<_> = line.split(' ').collect();
            let peeled = words[1].strip_suffix('x').filter(|hex| !hex.is_empty()).unwrap_or("-");
            writeln!(table, "ref {} {peeled} - {}", words[0], words[2]).unwrap();
        }
        table
    }
}

fn history() -> String {
    let mut stream = String::new();
    let mut commit = |branch: &str, mark: u32, from: Option<u32>| {
        let time = 1_700_000_000 + mark * 60;
        writeln!(stream, "commit refs/heads/{branch}\nmark :{mark}").unwrap();
        writeln!(stream, "committer A <a@example.org> {time} +0000\ndata 3\nc{:02}", mark % 100).unwrap();
        if let Some(from) = from {
            writeln!(stream, "from :{from}").unwrap();
        }
        stream.push('\n');
    };
    for mark in 1..=40 {
        commit("main", mark, (mark > 1).then(|| mark - 1));
    }
    for mark in 41..=45 {
        commit("side", mark, Some(if mark == 41 { 20 } else { mark - 1 }));
    }
    stream.push_str("tag v1\nfrom :30\ntagger A <a@example.org> 1700009999 +0000\ndata 2\nv1\n");
    stream
}

/// What comes before the pack.
pub(crate) fn before_pack(answer: &[u8]) -> &[u8] {
    match answer.windows(4).position(|word| word == b"PACK") {
        Some(at) if at > 4 && answer[at - 1] == 1 => &answer[..at - 5],
        Some(at) => &answer[..at],
        None => answer,
    }
}

/// Compares with what is recorded, or records.
#[track_caller]
pub(crate) fn settle(name: &str, actual: &[u8]) {
    settle_by(name, actual, |bytes| bytes);
}

/// As [`settle`], but compares only what `part` leaves: git makes the pack by several threads, not always the same.
#[track_caller]
pub(crate) fn settle_by(name: &str, actual: &[u8], part: fn(&[u8]) -> &[u8]) {
    let path = golden(name);
    if std::env::var_os("GITWIRE_RECORD").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, actual).unwrap();
        return;
    }
    let recorded = fs::read(&path).unwrap();
    let (actual, recorded) = (part(actual), part(&recorded));
    assert!(recorded == actual, "{name}:\n{}\nrecorded:\n{}", actual.escape_ascii(), recorded.escape_ascii());
}

#[test]
fn git_still_makes_the_recorded_repository() {
    let Some(fixture) = Fixture::new() else { return };
    settle("repository.txt", fixture.table().as_bytes());
}
