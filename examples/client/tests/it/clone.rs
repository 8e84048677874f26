use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use gitwire_testkit::git::{Folder, Git};
use gitwire_testkit::git_daemon;

use crate::history::{add, make, refs};
use crate::program::{fails, gitwire, ok};

const VERSIONS: [&str; 3] = ["protocol.version=0", "protocol.version=1", "protocol.version=2"];

/// A clone is as git's own: the same refs, and nothing that fsck minds.
#[track_caller]
fn same(git: &Git, clone: &Path, source: &Path) {
    assert_eq!(refs(git, clone), refs(git, source));
    let fsck = git.run(clone, ["fsck", "--strict", "--no-dangling"]);
    assert!(fsck.status.success(), "{}", String::from_utf8_lossy(&fsck.stderr));
    assert_eq!(git.ok(clone, ["rev-parse", "HEAD"]), git.ok(source, ["rev-parse", "HEAD"]));
}

#[track_caller]
fn clone_and_fetch(format: &str) {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("clone-and-fetch");
    let source = make(&git, folder.path(), "source.git", format);
    let url = format!("{}/source.git", git_daemon::serve(&git, folder.path(), &[]));
    for version in VERSIONS {
        let listed = ok(folder.path(), ["-c", version, "ls-remote", &url]).stdout;
        let expected = git.ok(folder.path(), ["ls-remote", source.to_str().unwrap()]);
        assert_eq!(String::from_utf8(listed).unwrap(), String::from_utf8(expected).unwrap());
        ok(folder.path(), ["-c", version, "clone", "-q", "--mirror", &url, version]);
        same(&git, &folder.path().join(version), &source);
    }
    add(&git, &source, "main", 200..205);
    git.ok(&source, ["tag", "-a", "-m", "three", "v3", "main"]);
    git.ok(&source, ["update-ref", "-d", "refs/heads/side"]);
    for version in VERSIONS {
        let clone = folder.path().join(version);
        let before = packed(&git, &clone);
        ok(&clone, ["-c", version, "fetch", "-q", "--prune"]);
        same(&git, &clone, &source);
        let brought = packed(&git, &clone) - before;
        // A commit brings two trees and two files; a few bases complete the pack.
        assert!(brought <= 5 * 5 + 1 + 10, "{brought} objects for 5 commits and a tag");
        let packs = git.ok(&clone, ["count-objects", "-v"]);
        ok(&clone, ["-c", version, "fetch", "-q"]);
        assert_eq!(git.ok(&clone, ["count-objects", "-v"]), packs, "there was nothing to fetch");
    }
}

fn packed(git: &Git, path: &Path) -> usize {
    let text = String::from_utf8(git.ok(path, ["count-objects", "-v"])).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("in-pack: ")).unwrap();
    line.parse().unwrap()
}

#[test]
fn from_a_stock_daemon() {
    clone_and_fetch("sha1");
}

#[test]
fn from_a_stock_daemon_with_sha256() {
    clone_and_fetch("sha256");
}

#[test]
fn without_mirror_there_are_branches_of_the_remote_and_no_files() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("tracking");
    let source = make(&git, folder.path(), "source.git", "sha1");
    let output = ok(folder.path(), ["clone", source.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("No files are checked out"));
    let clone = folder.path().join("source");
    git.ok(&clone, ["reset", "-q", "--hard"]);
    assert_eq!(git.ok(&clone, ["status", "--porcelain"]), b"");
    assert_eq!(git.ok(&clone, ["rev-parse", "main@{upstream}"]), git.ok(&source, ["rev-parse", "main"]));
    assert_eq!(git.ok(&clone, ["rev-parse", "origin/HEAD"]), git.ok(&source, ["rev-parse", "main"]));
    add(&git, &source, "main", 200..201);
    let output = ok(&clone, ["fetch"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("main       -> origin/main"));
    assert_eq!(git.ok(&clone, ["rev-parse", "origin/main"]), git.ok(&source, ["rev-parse", "main"]));
    git.ok(&clone, ["merge", "-q", "--ff-only", "@{upstream}"]);
}

#[test]
fn shallow_clones_deepen() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("shallow");
    let source = make(&git, folder.path(), "source.git", "sha1");
    let url = format!("{}/source.git", git_daemon::serve(&git, folder.path(), &[]));
    for version in VERSIONS {
        ok(folder.path(), ["-c", version, "clone", "-q", "--bare", "--depth", "3", &url, version]);
        let clone = folder.path().join(version);
        let count = || String::from_utf8(git.ok(&clone, ["rev-list", "--count", "HEAD"])).unwrap();
        assert_eq!(count(), "3\n");
        git.ok(&clone, ["fsck", "--strict"]);
        ok(&clone, ["-c", version, "fetch", "-q", "--deepen", "2", "origin", "main:main"]);
        assert_eq!(count(), "5\n");
        ok(&clone, ["-c", version, "fetch", "-q", "--unshallow", "origin", "main:main"]);
        assert_eq!(count(), "40\n");
        git.ok(&clone, ["fsck", "--strict"]);
        assert!(!clone.join("shallow").exists());
    }
    drop(source);
}

#[test]
fn one_branch_and_a_tag_as_head() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("branch");
    let source = make(&git, folder.path(), "source.git", "sha1");
    let url = source.to_str().unwrap();
    ok(folder.path(), ["clone", "-q", "--bare", "--branch", "side", "--single-branch", url, "side.git"]);
    let clone = folder.path().join("side.git");
    assert_eq!(git.ok(&clone, ["symbolic-ref", "HEAD"]), b"refs/heads/side\n");
    assert_eq!(git.ok(&clone, ["for-each-ref", "--format=%(refname)", "refs/heads"]), b"refs/heads/side\n");
    ok(folder.path(), ["clone", "-q", "--bare", "--branch", "v1", url, "tag.git"]);
    let clone = folder.path().join("tag.git");
    assert_eq!(git.ok(&clone, ["rev-parse", "HEAD"]), git.ok(&source, ["rev-parse", "v1^{commit}"]));
    fails(folder.path(), ["clone", "--branch", "none", url, "x"], 128, "Remote branch none not found");
    assert!(!folder.path().join("x").exists());
}

#[test]
fn references_are_kept_as_one_asks() {
    let Some(git) = Git::at_least(&[2, 45]) else { return };
    let folder = Folder::new("clone-ref-format");
    let source = make(&git, folder.path(), "source.git", "sha256");
    let url = source.to_str().unwrap();
    let format = |path: &Path| String::from_utf8(git.ok(path, ["rev-parse", "--show-ref-format"])).unwrap();
    ok(folder.path(), ["clone", "-q", "--mirror", "--ref-format=reftable", url, "option"]);
    let configured = "init.defaultRefFormat=reftable";
    ok(folder.path(), ["-c", configured, "clone", "-q", "--bare", url, "configured"]);
    ok(folder.path(), ["-c", configured, "clone", "-q", "--mirror", "--ref-format=files", url, "files"]);
    ok(folder.path(), ["init", "-q", "--bare", "--ref-format=reftable", "new.git"]);
    for (name, expected) in [
        ("option", "reftable\n"),
        ("configured", "reftable\n"),
        ("files", "files\n"),
        ("new.git", "reftable\n"),
    ] {
        assert_eq!(format(&folder.path().join(name)), expected, "{name}");
    }
    same(&git, &folder.path().join("option"), &source);
    same(&git, &folder.path().join("files"), &source);
    fails(folder.path(), ["clone", "--ref-format=clay", url, "x"], 128, "unknown ref storage format 'clay'");
    // What comes later comes into tables too, and goes from there.
    add(&git, &source, "main", 200..205);
    git.ok(&source, ["update-ref", "-d", "refs/heads/side"]);
    let clone = folder.path().join("option");
    ok(&clone, ["fetch", "-q", "--prune"]);
    same(&git, &clone, &source);
}

#[test]
fn one_revision_and_no_branch() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("revision");
    let source = make(&git, folder.path(), "source.git", "sha1");
    git.ok(&source, ["config", "uploadpack.allowAnySHA1InWant", "true"]);
    let commit = String::from_utf8(git.ok(&source, ["rev-parse", "main~3"])).unwrap();
    for (name, revision, expected) in [
        ("a", "refs/heads/side", "side"),
        ("b", "refs/tags/v1", "v1^0"),
        ("c", commit.trim(), "main~3"),
        ("d", "HEAD", "main"),
    ] {
        ok(folder.path(), ["clone", "-q", "--bare", &format!("--revision={revision}"), "source.git", name]);
        let clone = folder.path().join(name);
        assert_eq!(
            git.ok(&clone, ["rev-parse", "HEAD"]),
            git.ok(&source, ["rev-parse", expected]),
            "{revision}"
        );
        assert_eq!(refs(&git, &clone), "", "{revision}");
        assert!(!git.run(&clone, ["symbolic-ref", "-q", "HEAD"]).status.success());
        git.ok(&clone, ["fsck", "--strict"]);
    }
    let tree = String::from_utf8(git.ok(&source, ["rev-parse", "main^{tree}"])).unwrap();
    for revision in ["abcd", "refs/heads/nothing", tree.trim()] {
        let option = format!("--revision={revision}");
        let says = format!("Remote revision {revision} not found in upstream origin");
        fails(folder.path(), ["clone", "--bare", &option, "source.git", "x"], 128, &says);
    }
    fails(folder.path(), ["clone", "--revision=HEAD", "--mirror", "source.git", "x"], 129, "");
}

#[test]
fn a_cut_source_is_refused_on_demand() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("reject-shallow");
    let source = make(&git, folder.path(), "source.git", "sha1");
    let url = format!("file://{}", source.display());
    git.ok(folder.path(), ["clone", "-q", "--bare", "--depth=2", &url, "cut.git"]);
    for version in VERSIONS {
        let words = ["-c", version, "clone", "--bare", "--reject-shallow", "cut.git", "x"];
        fails(folder.path(), words, 128, "source repository is shallow, reject to clone.");
        assert!(!folder.path().join("x").exists());
    }
}

#[test]
fn an_empty_remote_and_what_is_no_remote() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("empty");
    git.ok(folder.path(), ["init", "-q", "--bare", "-b", "trunk", "empty.git"]);
    let output = ok(folder.path(), ["clone", "--bare", "empty.git", "clone.git"]);
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("You appear to have cloned an empty repository")
    );
    assert_eq!(git.ok(&folder.path().join("clone.git"), ["symbolic-ref", "HEAD"]), b"refs/heads/trunk\n");
    fails(folder.path(), ["clone", "nothing.git", "x"], 128, "repository 'nothing.git' does not exist");
    fails(
        folder.path(),
        ["clone", "empty.git", "clone.git"],
        128,
        "already exists and is not an empty directory",
    );
    fails(folder.path(), ["ls-remote", "ext::sh -c id"], 128, "transport 'ext' not allowed");
    fails(folder.path(), ["ls-remote", "-x"], 129, "");
    let url = format!("{}/nothing.git", git_daemon::serve(&git, folder.path(), &[]));
    fails(folder.path(), ["ls-remote", &url], 128, "");
}

#[test]
fn stock_git_uses_our_upload_pack() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("upload-pack");
    for format in ["sha1", "sha256"] {
        let source = make(&git, folder.path(), &format!("{format}.git"), format);
        let program = format!("{} upload-pack", env!("CARGO_BIN_EXE_gitwire"));
        let url = format!("file://{}", source.display());
        for version in VERSIONS {
            let name = format!("{format}-{version}");
            let clone = folder.path().join(&name);
            git.ok(folder.path(), ["-c", version, "clone", "-q", "--mirror", "-u", &program, &url, &name]);
            same(&git, &clone, &source);
        }
        add(&git, &source, "main", 200..203);
        for version in VERSIONS {
            let clone = folder.path().join(format!("{format}-{version}"));
            git.ok(&clone, ["-c", version, "fetch", "-q", "--upload-pack", &program]);
            same(&git, &clone, &source);
            let depth = folder.path().join(format!("{format}-{version}-shallow"));
            let place = depth.to_str().unwrap();
            git.ok(
                folder.path(),
                ["-c", version, "clone", "-q", "--bare", "--depth=2", "-u", &program, &url, place],
            );
            assert_eq!(git.ok(&depth, ["rev-list", "--count", "HEAD"]), b"2\n");
            git.ok(&depth, ["fetch", "-q", "--unshallow", "--upload-pack", &program]);
            git.ok(&depth, ["fsck", "--strict"]);
        }
    }
}

#[test]
fn a_killed_clone_is_none_or_whole() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("kill");
    let source = make(&git, folder.path(), "source.git", "sha1");
    let url = source.to_str().unwrap();
    let mut whole = 0;
    for instant in 0..20 {
        let name = format!("{instant}.git");
        let clone = folder.path().join(&name);
        let mut child = gitwire(folder.path(), ["clone", "-q", "--mirror", url, &name]).spawn().unwrap();
        sleep(Duration::from_millis(instant * 3));
        child.kill().unwrap();
        child.wait().unwrap();
        if clone.join("HEAD").exists() {
            whole += 1;
            same(&git, &clone, &source);
        } else {
            // It is no repository, and a second attempt completes it.
            let git_dir = format!("--git-dir={}", clone.display());
            assert!(!git.run(folder.path(), [&git_dir, "rev-parse", "HEAD"]).status.success());
        }
    }
    // Which instants hit what is up to the machine.
    assert!(whole <= 20);
}
