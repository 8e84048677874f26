//! Readers and writers beside a git that packs, repacks and collects garbage all the time.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gitwire_storage::{EditOutcome, Expected, Presence, RefEdit, Repository as _, StageRequest, Transaction};
use gitwire_types::{Never, ObjectFormat, ObjectId, RefName, RefTarget};

use crate::git::{Scratch, available, command, git, work_tree};
use crate::refs::{FORMAT, listing, open};
use crate::staging::{edits, pack};

/// How long each test runs; `GITWIRE_SOAK_SECONDS` makes it longer.
fn duration() -> Duration {
    let seconds = std::env::var("GITWIRE_SOAK_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(3))
}

/// Sets a flag when it goes, be it by a panic: else a failed thread would leave the others running for ever.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs git commands one after the other until `stop`; one that meets another's lock may fail.
fn keep_running(path: &Path, commands: &[&str], stop: &AtomicBool) -> u32 {
    let mut rounds = 0;
    while !stop.load(Ordering::Relaxed) {
        for arguments in commands {
            command(path).args(arguments.split_whitespace()).output().unwrap();
        }
        rounds += 1;
    }
    rounds
}

#[test]
fn every_object_is_found_while_git_repacks_and_prunes() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let path = work_tree(&scratch, "sha1", 12);
    let ids: Vec<ObjectId> = git(&path, "rev-list --objects --all --no-object-names")
        .lines()
        .map(|line| ObjectId::from_hex(ObjectFormat::Sha1, line.as_bytes()).unwrap())
        .collect();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let repack = scope.spawn(|| {
            keep_running(
                &path,
                &["repack -q -a -d -f --depth=5", "gc -q --prune=now", "repack -q -a -d -f"],
                &stop,
            )
        });
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let _stop = Stop(&stop);
                    let repository = open(&path);
                    let start = Instant::now();
                    let mut rounds = 0;
                    while start.elapsed() < duration() {
                        let view = repository.objects().unwrap();
                        let mut content = Vec::new();
                        for id in &ids {
                            assert!(view.read(id, 1 << 20, &mut content).unwrap().is_some(), "{id} is gone");
                        }
                        view.headers(&ids, &mut |index, presence| {
                            assert!(matches!(presence, Presence::Here { .. }), "{} is gone", ids[index]);
                        })
                        .unwrap();
                        rounds += 1;
                    }
                    rounds
                })
            })
            .collect();
        let rounds: Vec<u32> = readers.into_iter().map(|reader| reader.join().unwrap()).collect();
        stop.store(true, Ordering::Relaxed);
        eprintln!("{} rounds of git, {rounds:?} of reading", repack.join().unwrap());
    });
}

#[test]
fn no_ref_is_missed_and_no_update_lost_while_git_packs_refs() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let path = work_tree(&scratch, "sha1", 3);
    for number in 0..10 {
        git(&path, &format!("branch b{number}"));
    }
    let values = blobs(&path, 20_000);
    let names: Vec<String> =
        git(&path, FORMAT).lines().map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let packer = scope.spawn(|| keep_running(&path, &["pack-refs --all --prune"], &stop));
        let reader = scope.spawn(|| {
            let _stop = Stop(&stop);
            let repository = open(&path);
            while !stop.load(Ordering::Relaxed) {
                let seen: Vec<String> = listing(&repository, &[])
                    .lines()
                    .map(|line| line.split(' ').nth(1).unwrap().to_owned())
                    .collect();
                let seen: Vec<_> =
                    seen.into_iter().filter(|name| !name.starts_with("refs/values/")).collect();
                assert_eq!(seen, names);
            }
        });
        let writers: Vec<_> = (0..2)
            .map(|writer| {
                let (path, values, stop) = (&path, &values[writer * 10_000..][..10_000], &stop);
                scope.spawn(move || {
                    let _stop = Stop(stop);
                    flip(path, writer, values)
                })
            })
            .collect();
        let rounds: Vec<u32> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
        stop.store(true, Ordering::Relaxed);
        reader.join().unwrap();
        eprintln!("{} rounds of git, {rounds:?} of writing", packer.join().unwrap());
    });
    assert_eq!(listing(&open(&path), &[]), git(&path, FORMAT));
    git(&path, "fsck --strict --no-dangling");
}

#[test]
fn nothing_that_arrives_is_lost_while_git_repacks() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let source = work_tree(&scratch, "sha1", 20);
    let tips: Vec<String> = git(&source, "rev-list --reverse HEAD").lines().map(str::to_owned).collect();
    let packs: Vec<_> = tips
        .iter()
        .enumerate()
        .map(|(at, tip)| {
            let known = at.checked_sub(1).map_or(String::new(), |before| format!("^{}\n", tips[before]));
            pack(&source, "--thin", &format!("{tip}\n{known}"))
        })
        .collect();
    let path = scratch.join("fetched.git");
    git(scratch.path(), "init -q --bare -b main fetched.git");
    let stop = AtomicBool::new(false);
    let start = Instant::now();
    while start.elapsed() < duration() {
        std::thread::scope(|scope| {
            let _stop = Stop(&stop);
            stop.store(false, Ordering::Relaxed);
            // Not `--prune=now`: that removes the quarantines of all who are at work, ours and git's own.
            scope.spawn(|| keep_running(&path, &["repack -q -a -d", "gc -q"], &stop));
            let repository = open(&path);
            for (tip, pack) in tips.iter().zip(&packs) {
                let mut staging = repository.stage(&StageRequest::default()).unwrap();
                staging.write(pack).unwrap();
                let staged = staging.finish(&Never).unwrap();
                let transaction = Transaction {
                    edits: edits(&format!("{tip} refs/heads/main"), ObjectFormat::Sha1),
                    ..Transaction::default()
                };
                // A `gc` packs refs, too, and may hold the lock.
                let outcomes = repository.commit(Some(staged), transaction.clone(), &mut |_| Ok(())).unwrap();
                assert!(
                    outcomes == [EditOutcome::Done] || format!("{outcomes:?}").contains(".lock"),
                    "{outcomes:?}"
                );
            }
        });
        git(&path, "fsck --strict --no-dangling");
        assert_eq!(git(&path, "rev-list --count main").trim(), "20");
        git(&path, "update-ref -d refs/heads/main");
        git(&path, "gc -q --prune=now");
        let packs = std::fs::read_dir(path.join("objects/pack")).unwrap();
        let names: Vec<_> = packs.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert!(!names.iter().any(|name| name.ends_with(".keep")), "{names:?}");
    }
}

/// Many objects without history.
fn blobs(path: &Path, count: u32) -> Vec<ObjectId> {
    let mut child =
        command(path).args(["fast-import", "--quiet"]).stdin(std::process::Stdio::piped()).spawn().unwrap();
    let stream: String = (0..count).map(|number| format!("blob\ndata 8\n{number:08}\n")).collect();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), stream.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    git(path, "cat-file --batch-check --batch-all-objects")
        .lines()
        .filter(|line| line.ends_with("blob 8"))
        .map(|line| ObjectId::from_hex(ObjectFormat::Sha1, &line.as_bytes()[..40]).unwrap())
        .collect()
}

/// Makes, changes and deletes a ref; after each step it must be what was written. No value comes twice: git removes the file
/// of a ref that it has packed if the file holds the same value as then, even where the ref was deleted and made anew.
fn flip(path: &Path, writer: usize, values: &[ObjectId]) -> u32 {
    let repository = open(path);
    let name = RefName::new(format!("refs/values/w{writer}/x")).unwrap();
    let start = Instant::now();
    let mut rounds = 0;
    for three in values.chunks_exact(3).take_while(|_| start.elapsed() < duration()) {
        let steps = [
            (Expected::Absent, Some(three[0])),
            (Expected::Id(three[0]), Some(three[1])),
            (Expected::Id(three[1]), Some(three[2])),
            (Expected::Id(three[2]), None),
        ];
        for (expected, new) in steps {
            let edit = RefEdit { name: name.clone(), expected, new: new.map(RefTarget::Direct) };
            let transaction = Transaction { edits: vec![edit], ..Transaction::default() };
            // Git prunes what it packed under the ref's lock: then we are refused, and try again.
            loop {
                match repository.commit(None, transaction.clone(), &mut |_| Ok(())) {
                    Ok(outcomes) if outcomes == [EditOutcome::Done] => break,
                    Ok(outcomes) => assert!(format!("{outcomes:?}").contains(".lock"), "{outcomes:?}"),
                    Err(error) => assert!(error.to_string().contains(".lock"), "{error}"),
                }
            }
            assert_eq!(repository.refs().unwrap().get(&name).unwrap(), new.map(RefTarget::Direct));
        }
        rounds += 1;
    }
    rounds
}
