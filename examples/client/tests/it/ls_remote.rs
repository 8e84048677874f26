use gitwire_testkit::git::{Folder, Git};

use crate::history::make;
use crate::stock::{fails, gitwire, ok};

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
