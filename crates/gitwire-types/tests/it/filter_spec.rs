//! Filters: `git rev-list --filter` as the judge of what is one.

use gitwire_testkit::git::{Folder, Git};
use gitwire_types::{FilterSpec, Limits};

#[test]
fn verdicts_on_filters() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("filter");
    git.ok(folder.path(), ["init", "-q"]);
    std::fs::write(folder.path().join("f"), "x\n").unwrap();
    git.ok(folder.path(), ["add", "f"]);
    git.ok(folder.path(), ["commit", "-q", "-m", "x"]);
    let arguments = [
        "",
        "none",
        "0",
        "1k",
        "2M",
        "3g",
        "1kk",
        "0x10",
        "010",
        "08",
        "0x",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1:2",
        "tag",
        "Tag",
        "blob",
        "18446744073709551615",
        "18446744073709551616",
        "1@",
        "1%40",
        "%31",
        "%3",
        "%zz",
        "1+blob:none",
        "1%2bblob:none",
        "1+",
        "+tree:1",
    ];
    for combine in ["", "combine:", "combine:combine:", "combine:blob:none+", "combine%3a"] {
        for word in ["blob:", "blob:limit=", "tree:", "object:type=", "sparse:path=", "auto", "", "TREE:"] {
            for argument in arguments {
                let spec = format!("{combine}{word}{argument}");
                let option = format!("--filter={spec}");
                let theirs = git.run(folder.path(), ["rev-list", "--objects", &option, "HEAD"]);
                let ours = FilterSpec::parse(spec.as_bytes(), &Limits::default());
                // Recent git has `auto`, for clients alone; rev-list refuses it as every server does.
                assert_eq!(ours.is_ok(), theirs.status.success(), "{spec:?}: {ours:?}");
            }
        }
    }
}
