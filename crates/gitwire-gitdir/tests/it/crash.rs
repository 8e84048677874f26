//! Crashes at every operation of a clone and of a fetch, and failures of every operation, on a simulated disk.

use std::path::Path;
use std::sync::Arc;

use gitwire_gitdir::{GitDir, InitOptions, InitialHead, OpenOptions};
use gitwire_storage::{EditOutcome, Expected, RefEdit, Repository as _, Result, StageRequest, Transaction};
use gitwire_testkit::sim_fs::{SimFs, Survival};
use gitwire_types::{Never, ObjectFormat, ObjectId, RefName, RefTarget};

use crate::git::{Scratch, available, git, work_tree};
use crate::staging::pack;

/// What a peer sends, and what is then to be there.
struct Source {
    pack: Vec<u8>,
    refs: Vec<(RefName, ObjectId)>,
    objects: Vec<ObjectId>,
}

fn source(path: &Path, refs: &[(&str, &str)], exclude: &str) -> Source {
    let id = |text: &str| ObjectId::from_hex(ObjectFormat::Sha1, text.as_bytes()).unwrap();
    let refs: Vec<_> = refs
        .iter()
        .map(|(name, revision)| {
            let name = RefName::new((*name).to_owned()).unwrap();
            (name, id(git(path, &format!("rev-parse {revision}")).trim()))
        })
        .collect();
    let tips: Vec<String> = refs.iter().map(|(_, id)| id.to_string()).collect();
    let objects = git(path, &format!("rev-list --objects --no-object-names {}", tips.join(" ")));
    Source {
        pack: pack(path, "--thin", &format!("{}\n{exclude}", tips.join("\n"))),
        refs,
        objects: objects.lines().map(id).collect(),
    }
}

pub(crate) fn options(disk: &SimFs) -> OpenOptions {
    let mut options = OpenOptions::default();
    options.file_system = Arc::new(disk.clone());
    options.verify_objects = true;
    options
}

fn receive(repository: &GitDir, source: &Source, old: &[Option<ObjectId>]) -> Result<()> {
    let mut staging = repository.stage(&StageRequest::default())?;
    for piece in source.pack.chunks(700) {
        staging.write(piece)?;
    }
    let staged = staging.finish(&Never)?;
    let edits = source.refs.iter().zip(old).map(|((name, id), old)| RefEdit {
        name: name.clone(),
        expected: old.map_or(Expected::Absent, Expected::Id),
        new: Some(RefTarget::Direct(*id)),
    });
    let transaction = Transaction { edits: edits.collect(), atomic: true, ..Transaction::default() };
    let outcomes = repository.commit(Some(staged), transaction, &mut |_| Ok(()))?;
    if outcomes.iter().all(|outcome| *outcome == EditOutcome::Done) {
        return Ok(());
    }
    Err(gitwire_storage::StorageError::new(gitwire_storage::StorageErrorKind::Busy, format!("{outcomes:?}")))
}

/// A clone as a program does it: `HEAD` comes last.
fn clone(disk: &SimFs, source: &Source) -> Result<()> {
    let mut init = InitOptions::default();
    init.open = options(disk);
    init.head = InitialHead::Later;
    let repository = GitDir::init_bare("/clone.git", &init)?;
    receive(&repository, source, &vec![None; source.refs.len()])?;
    let name = RefName::new("refs/heads/main").unwrap();
    repository.set_head(&RefTarget::Symbolic(name))
}

#[track_caller]
pub(crate) fn check_objects(repository: &GitDir, objects: &[ObjectId], context: &str) {
    let view = repository.objects().unwrap();
    let mut content = Vec::new();
    for id in objects {
        let found = view.read(id, 1 << 20, &mut content);
        assert!(matches!(found, Ok(Some(_))), "{context}: {id}: {found:?}");
    }
}

fn survivals(seed: u64) -> impl Iterator<Item = Survival> {
    let seeded = (0..6).map(move |nth| Survival::Seeded(seed * 6 + nth));
    [Survival::Synced, Survival::Everything].into_iter().chain(seeded)
}

fn new_refs(count: usize) -> Vec<(String, &'static str)> {
    let tags =
        (0..count).map(|nth| (format!("refs/tags/t{nth}"), if nth % 2 == 0 { "HEAD" } else { "note" }));
    std::iter::once(("refs/heads/main".to_owned(), "HEAD")).chain(tags).collect()
}

#[test]
fn a_crash_in_a_clone_leaves_no_head_or_everything() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let path = work_tree(&scratch, "sha1", 3);
    git(&path, "tag -a -m note note HEAD~1");
    // Few refs get files of their own, many go into packed-refs, very many there without locks.
    for tags in [1, 12, 24] {
        let refs = new_refs(tags);
        let refs: Vec<_> = refs.iter().map(|(name, revision)| (name.as_str(), *revision)).collect();
        let source = source(&path, &refs, "");
        let whole = SimFs::new();
        clone(&whole, &source).unwrap();
        for crash in 0..=whole.operations() {
            let disk = SimFs::new();
            disk.crash_at(crash);
            let done = clone(&disk, &source).is_ok();
            assert_eq!(done, crash == whole.operations());
            for survival in survivals(crash) {
                let after = disk.after_crash(survival);
                let context = format!("crash at {crash} of {}, {survival:?}", whole.operations());
                match GitDir::open("/clone.git", &options(&after)) {
                    Err(_) => assert!(!done, "{context}: the clone was acknowledged"),
                    Ok(repository) => {
                        let view = repository.refs().unwrap();
                        for (name, id) in &source.refs {
                            assert_eq!(
                                view.get(name).unwrap(),
                                Some(RefTarget::Direct(*id)),
                                "{context}: {name}"
                            );
                        }
                        check_objects(&repository, &source.objects, &context);
                    }
                }
            }
        }
    }
}

#[test]
fn a_crash_or_failure_in_a_fetch_leaves_each_ref_old_or_new_and_whole() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let path = work_tree(&scratch, "sha1", 4);
    let old = source(&path, &[("refs/heads/main", "HEAD~2"), ("refs/heads/other", "HEAD~3")], "");
    let exclude: String = old.refs.iter().map(|(_, id)| format!("^{id}\n")).collect();
    let new = source(&path, &[("refs/heads/main", "HEAD"), ("refs/heads/other", "HEAD~1")], &exclude);
    let before: Vec<_> = old.refs.iter().map(|(_, id)| Some(*id)).collect();
    let prepare = || {
        let disk = SimFs::new();
        clone(&disk, &old).unwrap();
        disk.after_crash(Survival::Everything)
    };
    let fetch = |disk: &SimFs| receive(&GitDir::open("/clone.git", &options(disk))?, &new, &before);
    let whole = prepare();
    fetch(&whole).unwrap();
    let count = whole.operations();
    let mut locked = 0;
    for (crash, fail) in (0..=count).map(|at| (Some(at), None)).chain((0..count).map(|at| (None, Some(at)))) {
        let disk = prepare();
        crash.inspect(|at| disk.crash_at(*at));
        // EIO and ENOSPC in turn.
        fail.inspect(|at| disk.fail_at(*at, if at % 2 == 0 { 5 } else { 28 }));
        let done = fetch(&disk).is_ok();
        for survival in survivals(crash.or(fail).unwrap_or(0)) {
            let after = disk.after_crash(survival);
            let context = format!("crash {crash:?}, failure {fail:?} of {count}, {survival:?}");
            let repository = GitDir::open("/clone.git", &options(&after)).expect(&context);
            let view = repository.refs().unwrap();
            let mut all_new = true;
            for ((name, old), (_, new)) in old.refs.iter().zip(&new.refs) {
                let Some(RefTarget::Direct(is)) = view.get(name).expect(&context) else {
                    panic!("{context}: {name} is gone")
                };
                assert!(is == *old || is == *new, "{context}: {name} is {is}");
                all_new &= is == *new;
            }
            assert!(all_new || !done, "{context}: the fetch was acknowledged");
            check_objects(&repository, if all_new { &new.objects } else { &old.objects }, &context);
            // After a failure without a crash nothing is in the way, unless it was the removal that failed.
            if crash.is_none() && survival == Survival::Everything {
                let next = receive_again(&after, &new);
                assert!(next.is_ok() || is_about_lock(&next), "{context}: {next:?}");
                locked += u32::from(next.is_err());
            }
        }
    }
    assert!(locked <= 2, "{locked} failures left a lock");
}

fn is_about_lock(result: &Result<()>) -> bool {
    result.as_ref().is_err_and(|error| error.to_string().contains(".lock"))
}

/// The next fetch.
fn receive_again(disk: &SimFs, new: &Source) -> Result<()> {
    let repository = GitDir::open("/clone.git", &options(disk))?;
    let view = repository.refs()?;
    let mut old = Vec::new();
    for (name, _) in &new.refs {
        old.push(view.get(name)?.and_then(|target| target.id().copied()));
    }
    receive(&repository, new, &old)
}

#[test]
fn a_pack_is_read_without_holding_it_open_where_too_many_files_are() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let path = work_tree(&scratch, "sha1", 2);
    let source = source(&path, &[("refs/heads/main", "HEAD")], "");
    let disk = SimFs::new();
    clone(&disk, &source).unwrap();
    let read_all = |disk: &SimFs| -> Result<()> {
        let view = GitDir::open("/clone.git", &options(disk))?.objects()?;
        let mut content = Vec::new();
        for id in &source.objects {
            assert!(view.read(id, 1 << 20, &mut content)?.is_some());
        }
        Ok(())
    };
    let whole = disk.after_crash(Survival::Everything);
    read_all(&whole).unwrap();
    // Whichever open fails with EMFILE, nothing is said to be absent; for pack and index reading goes on.
    let good = (0..whole.operations())
        .filter(|at| {
            let disk = disk.after_crash(Survival::Everything);
            disk.fail_at(*at, 24);
            read_all(&disk).is_ok()
        })
        .count();
    assert!(good >= 2, "{good} of {}", whole.operations());
}
