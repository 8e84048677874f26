//! Cycles of deltas, and objects that stand in a pack twice: what git takes, we take.

use std::fs;

use gitwire_pack::{Duplicates, PackError, Resolve};
use gitwire_testkit::git::{Folder, Git};
use gitwire_types::ObjectId;

use crate::packs::{PackBuilder, appending, blob_id, idx_of, index, index_in, options};

/// Our verdict is git's, and so is the index.
#[track_caller]
fn check(pack: &[u8], good: bool) {
    check_since(&[0], pack, good);
}

/// The same for what git does only since some version.
#[track_caller]
fn check_since(version: &[u32], pack: &[u8], good: bool) {
    let ours = index(pack);
    assert_eq!(ours.is_ok(), good, "{ours:?}");
    let Some(git) = Git::find() else { return };
    if git.version().as_slice() < version {
        return;
    }
    let folder = Folder::new("cycles");
    git.ok(folder.path(), ["init", "-q", "."]);
    fs::write(folder.path().join("x.pack"), pack).unwrap();
    let theirs = git.run(folder.path(), ["index-pack", "x.pack"]);
    assert_eq!(theirs.status.success(), good, "{}", String::from_utf8_lossy(&theirs.stderr));
    if let Ok(ours) = ours {
        assert_eq!(idx_of(&ours), fs::read(folder.path().join("x.idx")).unwrap());
    }
}

/// Before, git refused a delta against an id that stands in the pack twice.
const TWO_BASES: &[u32] = &[2, 50];

/// A delta that makes one content of another.
fn replacing(base: &[u8], result: &[u8]) -> Vec<u8> {
    [&[base.len() as u8, result.len() as u8, result.len() as u8], result].concat()
}

const A: &[u8] = b"this is A";
const B: &[u8] = b"and this is B";

fn a() -> ObjectId {
    blob_id(A)
}

fn b() -> ObjectId {
    blob_id(B)
}

#[test]
fn two_deltas_against_each_other() {
    let mut pack = PackBuilder::new();
    pack.id_delta(a(), &replacing(A, B));
    pack.id_delta(b(), &replacing(B, A));
    check(&pack.finish(), false);
    assert!(matches!(index(&pack.finish()), Err(PackError::Unresolved { count: 2, offset: 12, .. })));
}

#[test]
fn a_delta_against_itself() {
    let mut pack = PackBuilder::new();
    pack.id_delta(a(), &replacing(A, A));
    check(&pack.finish(), false);
}

#[test]
fn a_cycle_with_a_way_out() {
    let mut pack = PackBuilder::new();
    pack.id_delta(a(), &replacing(A, B));
    pack.id_delta(b(), &replacing(B, A));
    pack.blob(A);
    check_since(TWO_BASES, &pack.finish(), true);
}

#[test]
fn a_base_behind_its_delta() {
    let mut pack = PackBuilder::new();
    pack.id_delta(b(), &replacing(B, b"made last"));
    pack.id_delta(a(), &replacing(A, B));
    pack.blob(A);
    check(&pack.finish(), true);
}

#[test]
fn an_object_twice() {
    let mut pack = PackBuilder::new();
    pack.blob(A);
    pack.blob(B);
    let second = pack.blob(A);
    check(&pack.finish(), true);
    let delta = pack.id_delta(a(), &appending(A.len(), b"!"));
    assert!(delta > second);
    check_since(TWO_BASES, &pack.finish(), true);
    let refused = index_in(&pack.finish(), options(1).duplicates(Duplicates::Refuse), 9, &Resolve::default());
    assert!(matches!(refused, Err(PackError::Duplicate { id, offset }) if id == a() && offset == second));
}
