//! Partial clones of a server that lacks objects itself: who has them, who is asked, who keeps what.

use std::path::{Path, PathBuf};

use gitwire_testkit::git::{Folder, Git};

use crate::program::gitwire;

/// A remote with a large blob, and a server that is a partial clone of it.
struct World {
    git: Git,
    folder: Folder,
    blob: String,
}

impl World {
    fn new(name: &str) -> Option<Self> {
        let git = Git::find()?;
        let folder = Folder::new(name);
        git.ok(folder.path(), ["init", "-q", "--bare", "-b", "main", "lop.git"]);
        let lop = folder.path().join("lop.git");
        let say = |arguments: &[&str], input: &str| {
            let said = git.feed(&lop, arguments, input.as_bytes());
            assert!(said.status.success(), "{}", said.stderr.escape_ascii());
            String::from_utf8(said.stdout).unwrap().trim().to_owned()
        };
        let blob = say(&["hash-object", "-w", "--stdin"], &"large ".repeat(2000));
        let small = say(&["hash-object", "-w", "--stdin"], "small");
        let tree = say(&["mktree"], &format!("100644 blob {blob}\tlarge\n100644 blob {small}\tsmall\n"));
        let tip = say(&["commit-tree", "-m", "x", &tree], "");
        git.ok(&lop, ["update-ref", "refs/heads/main", &tip]);
        git.ok(&lop, ["config", "uploadpack.allowFilter", "true"]);
        git.ok(&lop, ["config", "uploadpack.allowAnySHA1InWant", "true"]);
        let url = format!("file://{}", lop.display());
        git.ok(
            folder.path(),
            ["clone", "-q", "--bare", "-o", "lop", "--filter=blob:limit=1k", &url, "server.git"],
        );
        let server = folder.path().join("server.git");
        for (key, value) in [
            ("promisor.advertise", "true"),
            ("promisor.sendFields", "partialCloneFilter"),
            ("remote.lop.partialCloneFilter", "blob:limit=2k"),
            ("uploadpack.allowFilter", "true"),
        ] {
            git.ok(&server, ["config", key, value]);
        }
        Some(Self { git, folder, blob })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn lacks(&self, name: &str) -> bool {
        let mut command = self.git.command(&self.path(name), ["cat-file", "-e", &self.blob]);
        !command.env("GIT_NO_LAZY_FETCH", "1").output().unwrap().status.success()
    }

    /// Our clone of the server, served by ourselves; whether it came to be, and what was said.
    fn clone(&self, name: &str, words: &[&str], lazy: &str) -> (bool, String) {
        let mut command = gitwire(self.folder.path(), []);
        let lop = format!("remote.lop.url=file://{}", self.path("lop.git").display());
        command.args(["-c", &lop, "-c", "remote.lop.promisor=true"]).env("GIT_NO_LAZY_FETCH", lazy);
        let serve = format!("{} upload-pack", env!("CARGO_BIN_EXE_gitwire"));
        command.args(words).args(["clone", "--bare", "-u", &serve, "--filter", "auto"]);
        let url = format!("file://{}", self.path("server.git").display());
        let output = command.args([&url, name]).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[test]
fn what_a_promisor_has_need_not_pass_through_the_server() {
    let Some(world) = World::new("partial-accept") else { return };
    let accept = |value: &str| format!("promisor.acceptFromServer={value}");
    for (number, value) in ["All", "KnownName", "KnownUrl"].into_iter().enumerate() {
        let name = format!("c{number}.git");
        let (good, said) = world.clone(&name, &["-c", &accept(value)], "0");
        assert!(good, "{said}");
        assert!(world.lacks("server.git") && world.lacks(&name), "{value}");
        let said = world.git.ok(&world.path(&name), ["config", "remote.origin.partialCloneFilter"]);
        assert_eq!(said, b"auto\n");
        // It is fetched with the filter of the promisor again.
        let mut command = gitwire(&world.path(&name), []);
        let serve = format!("{} upload-pack", env!("CARGO_BIN_EXE_gitwire"));
        command.args(["-c", &accept(value), "fetch", "-q", "--upload-pack", &serve, "origin", "main"]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", output.stderr.escape_ascii());
    }
    // Nobody accepts, and nobody may fetch: there is no pack.
    let (good, said) = world.clone("none.git", &[], "1");
    assert!(!good && said.contains("lazy fetching disabled"), "{said}");
    assert!(world.lacks("server.git") && !Path::exists(&world.path("none.git")));
    // The server may fetch, and keeps what came.
    let (good, said) = world.clone("none.git", &["-c", "promisor.acceptFromServer=None"], "0");
    assert!(good, "{said}");
    assert!(!world.lacks("server.git") && !world.lacks("none.git"));
    let fsck = world.git.run(&world.path("server.git"), ["fsck", "--strict"]);
    assert!(fsck.status.success(), "{}", fsck.stderr.escape_ascii());
}

#[test]
fn fields_are_stored_where_they_are_asked_for() {
    let Some(world) = World::new("partial-store") else { return };
    let words = ["-c", "promisor.acceptFromServer=All", "-c", "promisor.storeFields=partialCloneFilter"];
    let (good, said) = world.clone("c.git", &words, "0");
    assert!(good && said.contains("Storing new filter from server for remote 'lop'"), "{said}");
    assert!(said.contains("'' -> 'blob:limit=2k'"), "{said}");
    let stored = world.git.ok(&world.path("c.git"), ["config", "remote.lop.partialCloneFilter"]);
    assert_eq!(stored, b"blob:limit=2k\n");
    // What is checked must be as it is here.
    let check = ["-c", "promisor.acceptFromServer=All", "-c", "promisor.checkFields=partialCloneFilter"];
    let (good, _) = world.clone("d.git", &check, "1");
    assert!(!good);
    let known = [&check[..], &["-c", "remote.lop.partialCloneFilter=blob:limit=2k"]].concat();
    let (good, said) = world.clone("e.git", &known, "1");
    assert!(good, "{said}");
}

#[test]
fn what_was_left_out_comes_for_a_push() {
    let Some(world) = World::new("partial-push") else { return };
    world.git.ok(world.folder.path(), ["init", "-q", "--bare", "other.git"]);
    let other = format!("file://{}", world.path("other.git").display());
    let push = |lazy: &str| {
        let mut command = gitwire(&world.path("server.git"), []);
        command.args(["push", &other, "main"]).env("GIT_NO_LAZY_FETCH", lazy).output().unwrap()
    };
    let refused = push("1");
    assert!(!refused.status.success() && world.lacks("server.git") && world.lacks("other.git"));
    let pushed = push("0");
    assert!(pushed.status.success(), "{}", pushed.stderr.escape_ascii());
    assert!(!world.lacks("server.git") && !world.lacks("other.git"));
}
