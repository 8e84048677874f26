//! Refspecs: git reads those of a configured remote before it does anything else, and says which it cannot read.

use gitwire_testkit::git::{Folder, Git};
use gitwire_types::{FetchRefspec, PushRefspec};

/// Sides of refspecs. No name of 64 digits: git of a SHA-1 repository takes that for a reference name.
const SIDES: &[&str] = &[
    "",
    "x",
    "a/b",
    "*",
    "a/*",
    "*b*",
    "@",
    "HEAD",
    "x~1",
    "a.lock",
    "a b",
    "/a",
    "0123456789012345678901234567890123456789",
];

#[test]
fn verdicts_on_refspecs() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("refspec");
    git.ok(folder.path(), ["init", "-q"]);
    git.ok(folder.path(), ["commit", "-q", "--allow-empty", "-m", "x"]);
    let compare = |kind: &str, spec: &str, ours: bool| {
        let setting = format!("remote.frotz.{kind}={spec}");
        let args = ["-c", "remote.frotz.url=.", "-c", &setting, "ls-remote", "frotz"];
        assert_eq!(git.run(folder.path(), args).status.success(), ours, "{kind} {spec:?}");
    };
    for sign in ["", "+", "^"] {
        for source in SIDES {
            let whole = format!("{sign}{source}");
            compare("fetch", &whole, FetchRefspec::parse(whole.clone()).is_ok());
            compare("push", &whole, PushRefspec::parse(whole.clone()).is_ok());
            // A few destinations are enough: both sides have the same rules.
            for destination in ["", "y", "y/*", "@", ":"] {
                let whole = format!("{sign}{source}:{destination}");
                compare("fetch", &whole, FetchRefspec::parse(whole.clone()).is_ok());
                compare("push", &whole, PushRefspec::parse(whole.clone()).is_ok());
            }
        }
    }
}
