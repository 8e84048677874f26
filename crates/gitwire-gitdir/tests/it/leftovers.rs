//! What a process of ours leaves that is killed, and what is not ours, on a real disk.

use std::path::Path;

use gitwire_gitdir::{GitDir, OpenOptions};
use gitwire_storage::{EditOutcome, Expected, RefEdit, ReflogEntry, Repository as _, Transaction};
use gitwire_types::{ObjectFormat, ObjectId, RefName, RefTarget};

use crate::git::{Scratch, available, git, work_tree};

fn change(path: &Path, name: &str, id: ObjectId) -> EditOutcome {
    let repository = GitDir::open(path, &OpenOptions::default()).unwrap();
    let edit = RefEdit {
        name: RefName::new(name.to_owned()).unwrap(),
        expected: Expected::Any,
        new: Some(RefTarget::Direct(id)),
    };
    let reflog = ReflogEntry { committer: "A <a@example.com> 1 +0000".into(), message: "push".into() };
    let transaction = Transaction { edits: vec![edit], reflog: Some(reflog), ..Transaction::default() };
    repository.commit(None, transaction, &mut |_| Ok(())).unwrap().remove(0)
}

#[test]
fn our_locks_go_with_their_holder_and_others_stay() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let path = work_tree(&scratch, "sha1", 2).join(".git");
    let id =
        ObjectId::from_hex(ObjectFormat::Sha1, git(&path, "rev-parse main~1").trim().as_bytes()).unwrap();
    let lease = path.join("gitwire/lease-0123456789abcdef");
    let lock = path.join("refs/heads/main.lock");
    let keep = path.join("objects/pack/pack-x.keep");
    let quarantine = path.join("objects/tmp_objdir-incoming-0123456789abcdef/pack");
    let leave = || {
        std::fs::create_dir_all(lease.parent().unwrap()).unwrap();
        std::fs::create_dir_all(&quarantine).unwrap();
        std::fs::write(&lease, "gitwire lease 0123456789abcdef\n").unwrap();
        std::fs::hard_link(&lease, &lock).unwrap();
        std::fs::hard_link(&lease, &keep).unwrap();
        std::fs::File::open(&lease).unwrap()
    };
    // While the holder lives nobody takes what is its.
    let holder = leave();
    holder.try_lock().unwrap();
    let outcome = change(&path, "refs/heads/main", id);
    assert!(matches!(&outcome, EditOutcome::Rejected(why) if why.contains("main.lock")), "{outcome:?}");
    assert!(lock.exists() && keep.exists() && quarantine.exists() && lease.exists());
    // When it is gone, the next change finds nothing in its way. A program that another test starts may hold a copy of it for a moment.
    holder.unlock().unwrap();
    assert_eq!(change(&path, "refs/heads/main", id), EditOutcome::Done);
    assert!(!lock.exists() && !keep.exists() && !quarantine.exists() && !lease.exists());
    // A lock of git's is git's.
    std::fs::write(&lock, "").unwrap();
    let outcome = change(&path, "refs/heads/main", id);
    assert!(matches!(&outcome, EditOutcome::Rejected(why) if why.contains("main.lock")), "{outcome:?}");
    assert!(lock.exists());
    std::fs::remove_file(&lock).unwrap();
    assert_eq!(git(&path, "fsck --strict"), "");
}

/// Whoever deletes a ref and dies then leaves its reflog, where the reflog of another ref wants a directory, or a file.
#[test]
fn reflogs_of_refs_that_are_gone_stand_in_nobodys_way() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let path = work_tree(&scratch, "sha1", 1).join(".git");
    let id = ObjectId::from_hex(ObjectFormat::Sha1, git(&path, "rev-parse main").trim().as_bytes()).unwrap();
    let logs = path.join("logs/refs/heads");
    std::fs::write(logs.join("a"), "what was\n").unwrap();
    std::fs::create_dir_all(logs.join("b/c")).unwrap();
    std::fs::write(logs.join("b/c/d"), "what was\n").unwrap();
    assert_eq!(change(&path, "refs/heads/a/b", id), EditOutcome::Done);
    assert_eq!(change(&path, "refs/heads/b", id), EditOutcome::Done);
    assert_eq!(git(&path, "reflog a/b").lines().count(), 1);
    assert_eq!(git(&path, "reflog b").lines().count(), 1);
}
