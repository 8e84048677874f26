//! Stock git over our remote helper for HTTP: `git-remote-http` is a link to the program.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use gitwire_testkit::git::{Folder, Git};
use gitwire_testkit::http_backend::{Talk, serve};

use crate::history::{add, make, refs};
use crate::web;

struct World {
    git: Git,
    folder: Folder,
    source: PathBuf,
}

impl World {
    fn new(name: &str) -> Option<Self> {
        let git = Git::find()?;
        let folder = Folder::new(name);
        let exec_path = folder.path().join("exec");
        fs::create_dir(&exec_path).unwrap();
        for helper in ["git-remote-http", "git-remote-https"] {
            symlink(env!("CARGO_BIN_EXE_gitwire"), exec_path.join(helper)).unwrap();
        }
        let source = make(&git, folder.path(), "source.git", "sha1");
        git.ok(&source, ["update-server-info"]);
        Some(Self { git, folder, source })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, folder: &Path, words: &[&str]) -> Output {
        let mut command = self.git.command(folder, words);
        command.env("GIT_EXEC_PATH", self.path("exec")).stdin(Stdio::null()).output().unwrap()
    }

    #[track_caller]
    fn ok(&self, folder: &Path, words: &[&str]) -> String {
        let output = self.run(folder, words);
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{words:?}: {said}");
        said
    }

    #[track_caller]
    fn fails(&self, folder: &Path, words: &[&str], part: &str) {
        let output = self.run(folder, words);
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(!output.status.success() && said.contains(part), "{words:?}: {said}");
        assert!(!said.contains("s3cret") && !said.contains("wr0ng"), "{said}");
    }
}

/// Clones, fetches, pushes and deletes in every version.
fn all(world: &World, base: &str, first: usize) {
    let World { git, source, .. } = world;
    let top = world.folder.path();
    let target = format!("target-{first}.git");
    git.ok(top, ["init", "-q", "--bare", "-b", "main", &target]);
    git.ok(&world.path(&target), ["config", "http.receivepack", "true"]);
    let (from, to) = (format!("{base}/source.git"), format!("{base}/{target}"));
    for version in 0..=2 {
        let config = format!("protocol.version={version}");
        let run = |folder: &Path, words: &[&str]| world.ok(folder, &[&["-c", &config], words].concat());
        let clone = world.path(&format!("clone-{first}-{version}"));
        run(top, &["clone", "-q", "--mirror", &from, clone.to_str().unwrap()]);
        assert_eq!(refs(git, &clone), refs(git, source), "version {version}");
        let listed = run(top, &["ls-remote", &from]);
        let expected = git.ok(top, ["ls-remote", source.to_str().unwrap()]);
        assert_eq!(listed, String::from_utf8(expected).unwrap());
        add(git, source, "main", first + 100 * version..first + 100 * version + 2);
        run(&clone, &["fetch", "-q", &from, "+refs/heads/*:refs/heads/*"]);
        assert_eq!(git.ok(&clone, ["rev-parse", "main"]), git.ok(source, ["rev-parse", "main"]));
        run(&clone, &["push", "-q", &to, "refs/*:refs/*"]);
        assert_eq!(refs(git, &world.path(&target)), refs(git, &clone));
        run(&clone, &["push", "-q", &to, "side:refs/heads/other"]);
        assert!(refs(git, &world.path(&target)).contains("/other"));
        run(&clone, &["push", "-q", &to, ":refs/heads/other"]);
        assert!(!refs(git, &world.path(&target)).contains("/other"));
        let lost = ["push", &to, "main~1:main"];
        world.fails(&clone, &[&["-c", &config], &lost[..]].concat(), "non-fast-forward");
        run(&clone, &["push", "-q", "--force-with-lease", &to, "+main~1:main"]);
        // What has been fetched and not been looked at stays; git says so before the helper hears of it.
        git.ok(&clone, ["config", "remote.followed.url", &to]);
        git.ok(&clone, ["config", "remote.followed.fetch", "+refs/heads/*:refs/remotes/followed/*"]);
        run(&clone, &["fetch", "-q", "followed"]);
        let included = ["--force-with-lease", "--force-if-includes", "followed", "main~2:main"];
        let refused = [&["-c", &config, "push"], &included[..]].concat();
        world.fails(&clone, &refused, "remote ref updated since checkout");
        git.ok(&clone, ["config", "core.logAllRefUpdates", "true"]);
        git.ok(&clone, ["update-ref", "--create-reflog", "refs/heads/main", "main~1"]);
        run(&clone, &[&["push", "-q"], &included[..2], &["followed", "main~1:main"]].concat());
        git.ok(&clone, ["update-ref", "-d", "refs/remotes/followed/main"]);
        git.ok(&clone, ["config", "--remove-section", "remote.followed"]);
        let shallow = world.path(&format!("shallow-{first}-{version}"));
        run(top, &["clone", "-q", "--bare", "--depth=2", "--branch=main", &from, shallow.to_str().unwrap()]);
        assert_eq!(git.ok(&shallow, ["rev-list", "--count", "main"]), b"2\n");
        run(&shallow, &["fetch", "-q", "--deepen=1", &from, "+main:main"]);
        assert_eq!(git.ok(&shallow, ["rev-list", "--count", "main"]), b"3\n");
        git.ok(&clone, ["fsck", "--strict"]);
    }
    git.ok(&world.path(&target), ["fsck", "--strict"]);
}

#[test]
fn git_and_its_own_server() {
    let Some(world) = World::new("helper-git") else { return };
    let base = serve(&world.git, world.folder.path(), Talk::Smart, &[]);
    all(&world, &base, 1000);
}

#[test]
fn git_and_our_server_with_a_password() {
    let Some(world) = World::new("helper-ours") else { return };
    let host = web::listen(world.folder.path());
    all(&world, &format!("http://me:s3cret@{host}"), 1000);
    let base = format!("http://me:wr0ng@{host}/source.git");
    world.fails(world.folder.path(), &["ls-remote", &base], "Authentication failed for 'http://127.0.0.1");
    let none = format!("http://me:s3cret@{host}/none.git");
    world.fails(world.folder.path(), &["clone", &none, "none"], "not found");
}

#[test]
fn git_and_files_alone() {
    let Some(world) = World::new("helper-dumb") else { return };
    let base = serve(&world.git, world.folder.path(), Talk::Dumb, &[]);
    let clone = world.path("clone");
    world.ok(world.folder.path(), &["clone", "-q", "--mirror", &format!("{base}/source.git"), "clone"]);
    assert_eq!(refs(&world.git, &clone), refs(&world.git, &world.source));
    world.git.ok(&clone, ["fsck", "--strict"]);
    let words = ["push", &format!("{base}/source.git"), "main:refs/heads/x"];
    world.fails(&clone, &words, "is not served by git's smart protocol");
    let words = ["clone", "--depth=1", &format!("{base}/source.git"), "x"];
    world.fails(world.folder.path(), &words, "dumb http transport does not support shallow capabilities");
}

#[test]
fn what_git_may_say() {
    let Some(world) = World::new("helper-words") else { return };
    let base = serve(&world.git, world.folder.path(), Talk::Smart, &[]);
    let url = format!("{base}/source.git");
    let check = |said: &str, code: i32, expected: &str| {
        let mut command = Command::new(world.path("exec/git-remote-http"));
        command.args(["origin", &url]).current_dir(world.folder.path()).env("GIT_DIR", &world.source);
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(said.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(code), "{said:?}: {text}");
        assert!(text.contains(expected), "{said:?}: {text}");
    };
    check("", 0, "");
    check("\n", 0, "");
    check("capabilities\n", 0, "stateless-connect\nfetch\nget\noption\npush\n");
    check(
        "option verbosity 2\noption depth x\noption family all\n",
        0,
        "ok\nerror invalid value\nunsupported\n",
    );
    check("option object-format true\nlist\n\n", 0, ":object-format sha1\n@refs/heads/main HEAD\n");
    check("stateless-connect git-receive-pack\n", 0, "fallback\n");
    check("stateless-connect git-upload-pack\n", 0, "\n000eversion 2\n");
    check("stateless-connect git-upload-pack\n0014command=ls-refs\n0000", 0, "refs/tags/v1-again\n00000002");
    check("stateless-connect git-upload-pack\n0014command=ls-refs\n", 128, "a request without its end");
    check("stateless-connect git-upload-pack\n0002", 128, "unexpected response end packet");
    check("stateless-connect git-upload-pack\nzzzz", 128, "bad line length character: zzzz");
    check("connect git-upload-pack\n", 128, "does not connect");
    check("nonsense\n", 128, "expected a command for a remote helper");
    check("fetch 123 refs/heads/main\n\n", 128, "fatal: ");
    check("fetch 123 refs/heads/main\npush a:b\n\n", 128, "fatal: ");
}
