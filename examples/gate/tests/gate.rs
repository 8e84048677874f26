//! Git on both sides of the gate: what is fetched and pushed is the same as without it, and what is refused leaves no trace.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::string_slice,
    reason = "a test ends at what it did not expect"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use gitwire_testkit::Dice;
use gitwire_testkit::git::{Folder, Git};

/// An upstream repository with a gate before it, and a clone that was made before there was one.
struct Site {
    git: Git,
    folder: Folder,
    version: &'static str,
}

impl Site {
    fn new(version: &'static str) -> Option<Self> {
        let git = Git::find()?;
        let folder = Folder::new("gate");
        git.ok(folder.path(), ["init", "-q", "-b", "main", "work"]);
        let site = Self { git, folder, version };
        for number in 0..30 {
            site.commit("work", &format!("{number}\n"));
        }
        site.git.ok(site.folder.path(), ["clone", "-q", "--bare", "work", "up.git"]);
        site.git.ok(&site.up(), ["config", "uploadpack.allowFilter", "true"]);
        site.git.ok(&site.path("work"), ["remote", "add", "origin", &site.url()]);
        Some(site)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn up(&self) -> PathBuf {
        self.path("up.git")
    }

    fn url(&self) -> String {
        format!("file://{}", self.up().display())
    }

    fn commit(&self, repository: &str, text: &str) {
        fs::write(self.path(repository).join("file"), text).unwrap();
        self.git.ok(&self.path(repository), ["add", "file"]);
        self.git.ok(&self.path(repository), ["commit", "-q", "-m", "c"]);
    }

    /// git in a folder, its other end behind the gate.
    fn through(&self, folder: &Path, words: &[&str]) -> Output {
        let gate = |service: &str| format!("'{}' {service} ''", env!("CARGO_BIN_EXE_gitwire-gate"));
        let (option, service) = match words[0] {
            "push" => ("--receive-pack", "git-receive-pack"),
            _ => ("--upload-pack", "git-upload-pack"),
        };
        let version = format!("protocol.version={}", self.version);
        let gate = format!("{option}={}", gate(service));
        let all = ["-c", &version, words[0], &gate].into_iter().chain(words[1..].iter().copied());
        let mut command = self.git.command(folder, all);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.output().unwrap()
    }

    #[track_caller]
    fn pass(&self, folder: &str, words: &[&str]) -> String {
        let output = self.through(&self.path(folder), words);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?} in version {}: {error}", self.version);
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn fail(&self, folder: &str, words: &[&str]) -> String {
        let output = self.through(&self.path(folder), words);
        assert!(!output.status.success(), "{words:?} in version {}", self.version);
        String::from_utf8(output.stderr).unwrap()
    }

    fn says(&self, folder: &str, words: &[&str]) -> String {
        String::from_utf8(self.git.ok(&self.path(folder), words)).unwrap()
    }

    /// All that upstream holds.
    fn state(&self) -> String {
        self.says("up.git", &["for-each-ref"]) + &self.says("up.git", &["count-objects", "-v"])
    }
}

fn each_version(check: impl Fn(&Site)) {
    for version in ["0", "1", "2"] {
        let Some(site) = Site::new(version) else { return };
        check(&site);
        site.git.ok(&site.up(), ["fsck", "--strict"]);
        assert!(!site.says("up.git", &["count-objects", "-v"]).contains("garbage: 1"));
    }
}

#[test]
fn fetches_pass() {
    each_version(|site| {
        let refs = site.says("work", &["ls-remote", &site.url()]);
        assert_eq!(site.pass("", &["ls-remote", &site.url()]), refs);
        site.pass("", &["clone", "-q", &site.url(), "clone"]);
        assert_eq!(site.says("clone", &["rev-parse", "main"]), site.says("work", &["rev-parse", "main"]));

        // Both have gone on: what is common is found by some rounds of haves.
        for number in 0..120 {
            site.git.ok(&site.path("clone"), ["commit", "-q", "--allow-empty", "-m", &number.to_string()]);
        }
        site.commit("work", "further\n");
        site.git.ok(&site.up(), ["fetch", "-q", "../work", "main:main"]);
        site.git.ok(&site.path("clone"), ["update-ref", "-d", "refs/remotes/origin/main"]);
        site.pass("clone", &["fetch", "-q"]);
        assert_eq!(
            site.says("clone", &["rev-parse", "origin/main"]),
            site.says("work", &["rev-parse", "main"])
        );
        // Nothing is missing any more.
        site.pass("clone", &["fetch", "-q"]);
        site.git.ok(&site.path("clone"), ["fsck", "--connectivity-only"]);

        let wrong = site.fail("clone", &["fetch", "-q", "origin", &"1".repeat(40)]);
        assert!(wrong.contains("not our ref") || wrong.contains("unadvertised"), "{wrong}");
    });
}

#[test]
fn shallow_and_partial_clones_pass() {
    each_version(|site| {
        site.pass("", &["clone", "-q", "--depth=3", &site.url(), "shallow"]);
        assert_eq!(site.says("shallow", &["rev-list", "--count", "HEAD"]), "3\n");
        site.pass("shallow", &["fetch", "-q", "--deepen=4"]);
        assert_eq!(site.says("shallow", &["rev-list", "--count", "HEAD"]), "7\n");
        site.commit("work", "further\n");
        site.git.ok(&site.up(), ["fetch", "-q", "../work", "main:main"]);
        site.pass("shallow", &["fetch", "-q"]);
        site.pass("shallow", &["fetch", "-q", "--unshallow"]);
        assert_eq!(site.says("shallow", &["rev-list", "--count", "origin/main"]), "31\n");
        site.git.ok(&site.path("shallow"), ["fsck"]);
        site.pass("", &["clone", "-q", "--no-checkout", "--filter=blob:none", &site.url(), "partial"]);
        let objects = site.says("partial", &["cat-file", "--batch-all-objects", "--batch-check"]);
        assert!(!objects.contains("blob"), "{objects}");
    });
}

#[test]
fn pushes_pass() {
    each_version(|site| {
        // Not thin: the gate sees all that a delta is made of.
        site.commit("work", "more\n");
        site.pass("work", &["push", "-q", "origin", "main", "main:refs/heads/other"]);
        assert_eq!(site.says("up.git", &["rev-parse", "main"]), site.says("work", &["rev-parse", "main"]));
        let again = site.pass("work", &["push", "--porcelain", "origin", "main"]);
        assert!(again.contains("[up to date]"), "{again}");
        site.pass("work", &["push", "-q", "origin", ":other"]);
        assert_eq!(site.says("up.git", &["for-each-ref", "refs/heads/other"]), "");
        // What upstream says is the pusher's to read.
        fs::write(site.up().join("hooks/update"), "#!/bin/sh\necho no entry >&2\nexit 1\n").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(site.up().join("hooks/update"), mode).unwrap();
        site.commit("work", "and more\n");
        let refused = site.fail("work", &["push", "origin", "main"]);
        assert!(refused.contains("remote: no entry"), "{refused}");
        assert!(refused.contains("! [remote rejected] main -> main (hook declined)"), "{refused}");
    });
}

#[test]
fn a_push_that_brings_a_key_changes_nothing() {
    each_version(|site| {
        let before = site.state();
        let key = ["-----BEGIN OPENSSH PRIVATE", " KEY-----\nxyz\n"].concat();
        site.commit("work", &key);
        let id = site.says("work", &["rev-parse", "HEAD:file"]);
        // It does not help to take it back.
        site.commit("work", "clean\n");
        let refused = site.fail("work", &["push", "origin", "main", "main:refs/heads/new"]);
        let why = format!("({} holds a private key)", id.trim());
        assert!(refused.contains(&format!("! [remote rejected] main -> main {why}")), "{refused}");
        assert!(refused.contains(&format!("! [remote rejected] main -> new {why}")), "{refused}");
        assert_eq!(site.state(), before);
        // As a delta it is seen as well.
        let long: String = (0..200).map(|line| format!("line {line}\n")).collect();
        site.git.ok(&site.path("work"), ["reset", "-q", "--hard", "HEAD~2"]);
        site.commit("work", &long);
        site.commit("work", &format!("{long}{key}"));
        site.git.ok(&site.path("work"), ["repack", "-q", "-a", "-d", "-f"]);
        let refused = site.fail("work", &["push", "origin", "main"]);
        assert!(refused.contains("holds a private key"), "{refused}");
        assert_eq!(site.state(), before);
    });
}

/// 100 MiB that nothing makes smaller pass through in either direction.
#[test]
fn memory_does_not_grow_with_the_pack() {
    const BOUND: u64 = 48 << 20;
    let Some(site) = Site::new("2") else { return };
    let mut dice = Dice::new(1);
    for number in 0..100 {
        fs::write(site.path("work").join(format!("f{number}")), dice.bytes(1 << 20)).unwrap();
    }
    site.git.ok(&site.path("work"), ["-c", "core.compression=0", "add", "."]);
    site.git.ok(&site.path("work"), ["commit", "-q", "-m", "large"]);
    let pushed = watched(|| site.pass("work", &["push", "-q", "origin", "main"]));
    let fetched = watched(|| site.pass("", &["clone", "-q", "--bare", &site.url(), "clone"]));
    eprintln!("the gate held {} KiB in a push, {} KiB in a fetch", pushed >> 10, fetched >> 10);
    assert!((1..BOUND).contains(&pushed) && (1..BOUND).contains(&fetched), "{pushed} {fetched}");
}

/// The most memory that a gate has held while something was done, as the system counts it.
fn watched(work: impl FnOnce() -> String + Send) -> u64 {
    let gate = fs::canonicalize(env!("CARGO_BIN_EXE_gitwire-gate")).unwrap();
    std::thread::scope(|scope| {
        let work = scope.spawn(work);
        let mut most = 0;
        while !work.is_finished() {
            let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
            let gates = processes
                .filter(|entry| fs::read_link(entry.path().join("exe")).is_ok_and(|exe| exe == gate));
            for status in gates.filter_map(|entry| fs::read_to_string(entry.path().join("status")).ok()) {
                let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
                let kib = line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok());
                most = most.max(kib.unwrap_or(0) << 10);
            }
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        work.join().unwrap();
        most
    })
}
