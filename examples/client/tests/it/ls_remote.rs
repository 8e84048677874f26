use gitwire_testkit::git::{Folder, Git};

use crate::history::make;
use crate::program::{fails, gitwire, ok};

#[test]
fn lists_are_gits() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("ls-remote");
    let source = make(&git, folder.path(), "source.git", "sha1");
    for tag in ["mark", "mark1.1", "mark1.2", "mark1.10", "deep/mark1.1"] {
        git.ok(&source, ["tag", "-a", "-m", tag, tag, "HEAD"]);
    }
    let config = "url.source.insteadOf=short:";
    for words in [
        &["--sort=refname", "source.git"][..],
        &["--heads", "source.git"],
        &["-h", "source.git"],
        &["--tags", "--refs", "source.git"],
        &["--heads", "--tags", "source.git"],
        &["--refs", "source.git"],
        &["--symref", "source.git"],
        &["--sort=-refname", "source.git"],
        &["--tags", "--sort=version:refname", "source.git"],
        &["--tags", "--sort=-v:refname", "source.git"],
        &["source.git", "mark1.1"],
        &["source.git", "tags/mark*"],
        &["source.git", "refs/*/mark1.?", "HEAD"],
        &["source.git", "mark1.[!2]", "ark"],
        &["source.git", "deep*{}"],
        &["--exit-code", "source.git", "nothing"],
        &["--get-url", "short:.git"],
        &["--get-url", "anything"],
        &["short:.git", "HEAD"],
    ] {
        let theirs = git.command(folder.path(), ["-c", config, "ls-remote"]).args(words).output().unwrap();
        let ours = gitwire(folder.path(), ["-c", config, "ls-remote"]).args(words).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        assert_eq!(text(ours.stdout), text(theirs.stdout), "{words:?}");
        assert_eq!(ours.status.code(), theirs.status.code(), "{words:?}");
    }
    fails(folder.path(), ["ls-remote", "-h"], 129, "");
    fails(folder.path(), ["ls-remote", "--exit-code", "./absent"], 128, "");
    git.ok(&source, ["remote", "add", "other", "."]);
    let listed = ok(&source, ["ls-remote"]);
    assert_eq!(String::from_utf8(listed.stderr).unwrap(), "From .\n");
    fails(&source, ["-c", "remote.other.fetch=refs/heads/*:one", "ls-remote"], 128, "refspec");
    assert!(ok(&source, ["ls-remote", "-q"]).stderr.is_empty());
}

#[test]
fn bundles_and_commands_stand_for_repositories() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("ls-remote-doors");
    let source = make(&git, folder.path(), "source.git", "sha1");
    git.ok(&source, ["bundle", "create", "-q", "../all", "--all"]);
    git.ok(&source, ["bundle", "create", "-q", "--version=3", "../new", "main~2..main", "v1"]);
    std::fs::write(folder.path().join("other"), "no bundle\n").unwrap();
    let allow = "protocol.ext.allow=always";
    for words in [
        &["all"][..],
        &["--tags", "all"],
        &["new", "main"],
        &["other"],
        &["ext::git %s source.git"],
        &["ext::%S source.git", "HEAD"],
        &["ext::git %x source.git"],
    ] {
        let theirs = git.command(folder.path(), ["-c", allow, "ls-remote"]).args(words).output().unwrap();
        let ours = gitwire(folder.path(), ["-c", allow, "ls-remote"]).args(words).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        assert_eq!(text(ours.stdout), text(theirs.stdout), "{words:?}");
        assert_eq!(ours.status.code(), theirs.status.code(), "{words:?}");
    }
    fails(folder.path(), ["ls-remote", "ext::git %s source.git"], 128, "transport 'ext' not allowed");
    fails(folder.path(), ["-c", "protocol.allow=never", "ls-remote", "all2"], 128, "'file' not allowed");
    fails(folder.path(), ["ls-remote", "http::://x/y"], 128, "url has no scheme");
}

#[test]
fn options_of_the_server_come_from_the_configuration_too() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("ls-remote-options");
    let source = make(&git, folder.path(), "source.git", "sha1");
    git.ok(&source, ["remote", "add", "near", "."]);
    for option in ["one", "", "two", "three"] {
        git.ok(&source, ["config", "--add", "remote.near.serverOption", option]);
    }
    let asked = |words: &[&str]| {
        let mut command = gitwire(&source, ["ls-remote"]);
        let output = command.args(words).env("GIT_TRACE_PACKET", "1").output().unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stderr).unwrap();
        let ours = text.lines().filter_map(|line| line.split_once("ls-remote> server-option="));
        ours.map(|(_, option)| option.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(asked(&["near"]), ["two", "three"]);
    assert_eq!(asked(&["-o", "four", "near"]), ["four"]);
    let old = "protocol.version=0";
    fails(
        &source,
        ["-c", old, "ls-remote", "-o", "x", "."],
        128,
        "server options require protocol version 2",
    );
}
