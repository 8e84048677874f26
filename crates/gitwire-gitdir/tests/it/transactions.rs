//! Changes of references, with git as the witness.

use std::path::Path;

use bytes::Bytes;
use gitwire_gitdir::GitDir;
use gitwire_storage::{EditOutcome, Expected, RefEdit, ReflogEntry, Repository as _, Transaction, Veto};
use gitwire_types::{ObjectFormat, ObjectId, RefName, RefTarget};

use crate::git::{Scratch, available, git, work_tree};
use crate::refs::{FORMAT, listing, open};

fn id(path: &Path, revision: &str) -> ObjectId {
    ObjectId::from_hex(ObjectFormat::Sha1, git(path, &format!("rev-parse {revision}")).trim().as_bytes())
        .unwrap()
}

pub(crate) fn edit(name: &str, expected: Expected, new: Option<ObjectId>) -> RefEdit {
    RefEdit { name: RefName::new(name.to_owned()).unwrap(), expected, new: new.map(RefTarget::Direct) }
}

pub(crate) fn apply(repository: &GitDir, atomic: bool, edits: Vec<RefEdit>) -> Vec<EditOutcome> {
    let reflog = ReflogEntry {
        committer: Bytes::from_static(b"C O Mitter <committer@example.com> 1700000000 +0000"),
        message: Bytes::from_static(b"test:  two\nlines"),
    };
    let transaction = Transaction { edits, atomic, reflog: Some(reflog), ..Transaction::default() };
    repository.commit(None, transaction, &mut |_| Ok(())).unwrap()
}

fn reason(outcome: &EditOutcome) -> &str {
    match outcome {
        EditOutcome::Rejected(reason) => reason,
        _ => "done",
    }
}

/// No lock or empty directory is left, and git and we list the same.
#[track_caller]
fn check_tidy(path: &Path) {
    let found = std::process::Command::new("find")
        .arg(path)
        .args(["-name", "*.lock", "-o", "-name", "*.new"])
        .output();
    assert_eq!(String::from_utf8_lossy(&found.unwrap().stdout), "");
    assert_eq!(listing(&open(path), &[]), git(path, FORMAT));
    git(path, "fsck --strict --no-dangling");
}

#[test]
fn refs_are_made_changed_and_deleted() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let path = work_tree(&scratch, "sha1", 3);
    let (one, two) = (id(&path, "HEAD"), id(&path, "HEAD~1"));
    let repository = open(&path);
    let outcomes = apply(
        &repository,
        false,
        vec![
            edit("refs/heads/a/b/c", Expected::Absent, Some(one)),
            edit("refs/heads/main", Expected::Id(one), Some(two)),
            edit("refs/tags/t", Expected::Any, Some(two)),
        ],
    );
    assert_eq!(outcomes, [EditOutcome::Done, EditOutcome::Done, EditOutcome::Done]);
    check_tidy(&path);
    assert_eq!(id(&path, "main"), two);
    let log = git(&path, "reflog show --format=%H%x20%gs main");
    assert!(log.starts_with(&format!("{two} test: two lines\n")), "{log}");
    assert!(git(&path, "reflog show HEAD").contains("test: two lines"));
    git(&path, "pack-refs --all --prune");
    let outcomes = apply(
        &repository,
        false,
        vec![
            edit("refs/heads/a/b/c", Expected::Id(one), None),
            edit("refs/heads/a/b", Expected::Absent, Some(one)),
            edit("refs/tags/t", Expected::Id(one), None),
            edit("refs/heads/main/x", Expected::Any, Some(one)),
        ],
    );
    assert_eq!(outcomes[0], EditOutcome::Done);
    assert!(reason(&outcomes[1]).contains("'refs/heads/a/b/c' exists"), "{}", reason(&outcomes[1]));
    assert!(reason(&outcomes[2]).contains(&format!("is at {two} but expected {one}")));
    assert!(reason(&outcomes[3]).contains("'refs/heads/main' exists"), "{}", reason(&outcomes[3]));
    check_tidy(&path);
    assert_eq!(
        apply(&repository, true, vec![edit("refs/heads/a/b", Expected::Absent, Some(one))]),
        [EditOutcome::Done]
    );
    check_tidy(&path);
}

#[test]
fn an_atomic_transaction_is_made_whole_or_not_at_all() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let path = work_tree(&scratch, "sha1", 2);
    let (one, two) = (id(&path, "HEAD"), id(&path, "HEAD~1"));
    let before = git(&path, FORMAT);
    let outcomes = apply(
        &open(&path),
        true,
        vec![
            edit("refs/heads/new", Expected::Absent, Some(two)),
            edit("refs/heads/main", Expected::Id(two), Some(two)),
        ],
    );
    assert_eq!(reason(&outcomes[0]), "atomic transaction failed");
    assert_eq!(
        reason(&outcomes[1]),
        format!("cannot lock ref 'refs/heads/main': is at {one} but expected {two}")
    );
    assert_eq!(git(&path, FORMAT), before);
    let veto = open(&path)
        .commit(
            None,
            Transaction {
                edits: vec![edit("refs/heads/deep/new", Expected::Any, Some(one))],
                ..Transaction::default()
            },
            &mut |edits| {
                assert_eq!(edits.len(), 1);
                Err(Veto { reason: "no".to_owned() })
            },
        )
        .unwrap();
    assert_eq!(reason(&veto[0]), "no");
    assert!(!path.join(".git/refs/heads/deep").exists());
    assert_eq!(git(&path, FORMAT), before);
    check_tidy(&path);
}

#[test]
fn many_new_refs_go_into_packed_refs_at_once() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let path = work_tree(&scratch, "sha1", 2);
    git(&path, "tag -a -m note annotated");
    git(&path, "tag -a -m note twice annotated");
    let (one, tag) = (id(&path, "HEAD"), id(&path, "twice"));
    let edits = (0..20)
        .map(|number| {
            edit(
                &format!("refs/remotes/o/{}/x", 20 - number),
                Expected::Absent,
                Some(if number % 2 == 0 { one } else { tag }),
            )
        })
        .collect();
    assert!(apply(&open(&path), true, edits).iter().all(|outcome| *outcome == EditOutcome::Done));
    assert!(!path.join(".git/refs/remotes/o").exists());
    check_tidy(&path);
    let packed = std::fs::read_to_string(path.join(".git/packed-refs")).unwrap();
    git(&path, "pack-refs --all");
    let by_git = std::fs::read_to_string(path.join(".git/packed-refs")).unwrap();
    let remotes = |text: &str| -> Vec<String> {
        text.lines()
            .skip_while(|line| !line.contains("refs/remotes"))
            .take_while(|line| !line.contains("refs/tags"))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(remotes(&packed), remotes(&by_git));
    let some =
        (5..=15).map(|number| edit(&format!("refs/remotes/o/{number}/x"), Expected::Any, None)).collect();
    assert!(apply(&open(&path), true, some).iter().all(|outcome| *outcome == EditOutcome::Done));
    check_tidy(&path);
}

#[test]
fn symbolic_refs_are_followed_by_updates_and_not_by_deletions() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let path = work_tree(&scratch, "sha1", 2);
    let (one, two) = (id(&path, "HEAD"), id(&path, "HEAD~1"));
    git(&path, "symbolic-ref refs/heads/alias refs/heads/main");
    let repository = open(&path);
    assert_eq!(
        apply(&repository, true, vec![edit("refs/heads/alias", Expected::Id(one), Some(two))]),
        [EditOutcome::Done]
    );
    assert_eq!(git(&path, "symbolic-ref refs/heads/alias").trim(), "refs/heads/main");
    assert_eq!(id(&path, "main"), two);
    assert_eq!(
        apply(&repository, true, vec![edit("refs/heads/alias", Expected::Id(two), None)]),
        [EditOutcome::Done]
    );
    assert_eq!(id(&path, "main"), two);
    let symbolic = RefEdit {
        name: RefName::new("refs/remotes/origin/HEAD").unwrap(),
        expected: Expected::Absent,
        new: Some(RefTarget::Symbolic(RefName::new("refs/heads/main").unwrap())),
    };
    let transaction = Transaction { edits: vec![symbolic], ..Transaction::default() };
    assert_eq!(repository.commit(None, transaction, &mut |_| Ok(())).unwrap(), [EditOutcome::Done]);
    assert_eq!(git(&path, "symbolic-ref refs/remotes/origin/HEAD").trim(), "refs/heads/main");
    check_tidy(&path);
}

#[test]
fn a_lock_that_somebody_holds_refuses_one_ref() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let path = work_tree(&scratch, "sha1", 2);
    let (one, two) = (id(&path, "HEAD"), id(&path, "HEAD~1"));
    std::fs::write(path.join(".git/refs/heads/main.lock"), "").unwrap();
    let outcomes = apply(
        &open(&path),
        false,
        vec![
            edit("refs/heads/main", Expected::Id(one), Some(two)),
            edit("refs/heads/b", Expected::Any, Some(two)),
        ],
    );
    assert!(
        reason(&outcomes[0]).contains("Unable to create 'refs/heads/main.lock'"),
        "{}",
        reason(&outcomes[0])
    );
    assert_eq!(outcomes[1], EditOutcome::Done);
    assert_eq!(id(&path, "main"), one);
    std::fs::remove_file(path.join(".git/refs/heads/main.lock")).unwrap();
    check_tidy(&path);
}
