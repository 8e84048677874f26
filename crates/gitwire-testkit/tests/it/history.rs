//! The generator against git: what it says it makes is what git holds.

use gitwire_testkit::git::{Folder, Git};
use gitwire_testkit::{Dice, History, Manner};
use gitwire_types::ObjectFormat;

fn make(seed: u64) -> History {
    let mut dice = Dice::new(seed);
    let format = if dice.one_in(3) { ObjectFormat::Sha256 } else { ObjectFormat::Sha1 };
    let manner = if dice.one_in(2) { Manner::Odd } else { Manner::Plain };
    let mut history = History::new(format, manner);
    for _ in 0..3 {
        history.grow(&mut dice, 12);
        history.tag(&mut dice, 4);
        history.rewrite(&mut dice);
    }
    history.scatter(&mut dice, 50);
    history
}

#[test]
fn git_has_the_same_objects_and_refs() {
    let Some(git) = Git::find() else { return };
    for seed in 0..8 {
        let history = make(seed);
        let folder = Folder::new("history");
        let path = history.in_git(&git, folder.path());
        let shown = git.ok(&path, ["for-each-ref", "--format=%(objectname) %(refname)"]);
        let refs = history.refs().iter();
        let expected: Vec<u8> = refs
            .flat_map(|(name, id)| [id.to_hex().as_bytes(), b" ", name.as_bytes(), b"\n"].concat())
            .collect();
        assert_eq!(shown.escape_ascii().to_string(), expected.escape_ascii().to_string(), "seed {seed}");
        let check = ["cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)"];
        let held = git.ok(&path, check);
        let mut lines: Vec<String> =
            history.objects().iter().map(|object| format!("{} {}", object.id, object.kind)).collect();
        lines.sort_unstable();
        assert_eq!(String::from_utf8(held).unwrap().lines().collect::<Vec<_>>(), lines, "seed {seed}");
        git.ok(&path, ["fsck", "--connectivity-only"]);
    }
}

#[test]
fn a_seed_makes_the_same_history_again() {
    for seed in 0..4 {
        let ids = |history: &History| history.objects().iter().map(|object| object.id).collect::<Vec<_>>();
        assert_eq!(ids(&make(seed)), ids(&make(seed)));
    }
}
