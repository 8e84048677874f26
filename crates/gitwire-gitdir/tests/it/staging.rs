//! Packs that arrive, with git as sender and witness.

use std::fmt::Write as _;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Stdio;

use gitwire_gitdir::{GitDir, InitOptions, InitialHead, OpenOptions};
use gitwire_storage::{
    EditOutcome, Expected, FsckRules, RefEdit, Repository as _, StageRequest, Staged, StorageErrorKind,
    Transaction,
};
use gitwire_types::{Never, ObjectFormat, ObjectId, ObjectKind, RefName, RefTarget};

use crate::git::{Scratch, available, command, git, work_tree};
use crate::refs::{FORMAT, open};

/// The pack that `git pack-objects` makes for a list of revisions.
pub(crate) fn pack(path: &Path, options: &str, revisions: &str) -> Vec<u8> {
    let mut child = command(path)
        .args(["pack-objects", "--stdout", "--revs", "-q"])
        .args(options.split_whitespace())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    io::Write::write_all(&mut child.stdin.take().unwrap(), revisions.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    output.stdout
}

fn stage(repository: &GitDir, pack: &[u8]) -> Box<dyn Staged> {
    let mut staging = repository.stage(&StageRequest::default()).unwrap();
    for piece in pack.chunks(1000) {
        staging.write(piece).unwrap();
    }
    staging.finish(&Never).unwrap()
}

/// Every ref of a listing as an edit that makes it.
pub(crate) fn edits(listing: &str, format: ObjectFormat) -> Vec<RefEdit> {
    listing
        .lines()
        .map(|line| {
            let mut words = line.split(' ');
            let id = ObjectId::from_hex(format, words.next().unwrap().as_bytes()).unwrap();
            RefEdit {
                name: RefName::new(words.next().unwrap().to_owned()).unwrap(),
                expected: Expected::Any,
                new: Some(RefTarget::Direct(id)),
            }
        })
        .collect()
}

fn entries(path: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_pack_is_kept_for_whoever_asks() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let source = work_tree(&scratch, "sha1", 2);
    let path = scratch.join("kept.git");
    let repository = GitDir::init_bare(&path, &InitOptions::default()).unwrap();
    let mut request = StageRequest::default();
    // Twice: a note that is there is left as it is.
    for why in [&b"a test"[..], b"another"] {
        request.keep = Some(why.to_vec());
        let mut staging = repository.stage(&request).unwrap();
        staging.write(&pack(&source, "", "HEAD\n")).unwrap();
        let staged = staging.finish(&Never).unwrap();
        let stem = format!("objects/pack/pack-{}", staged.checksum().unwrap());
        repository.commit(Some(staged), Transaction::default(), &mut |_| Ok(())).unwrap();
        assert_eq!(std::fs::read(path.join(format!("{stem}.keep"))).unwrap(), b"a test");
        // Later work clears up what is abandoned, and this is not.
        repository.stage(&StageRequest::default()).unwrap();
        assert!(path.join(format!("{stem}.keep")).exists());
    }
}

#[test]
fn a_clone_and_a_thin_fetch_are_whole() {
    if !available() {
        return;
    }
    for (name, format) in [("sha1", ObjectFormat::Sha1), ("sha256", ObjectFormat::Sha256)] {
        let scratch = Scratch::new();
        let source = work_tree(&scratch, name, 6);
        for number in 0..10 {
            git(&source, &format!("tag -a -m note v{number} HEAD~{}", number % 4));
        }
        let path = scratch.join("clone.git");
        let mut options = InitOptions::default();
        options.format = format;
        options.head = InitialHead::Later;
        let clone = GitDir::init_bare(&path, &options).unwrap();
        assert!(GitDir::open(&path, &OpenOptions::default()).is_err());

        let staged = stage(&clone, &pack(&source, "", "HEAD~1\n"));
        let mut new = 0;
        staged
            .new_objects(&mut |_, _| {
                new += 1;
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(new, staged.statistics().unwrap().objects);
        let tip = ObjectId::from_hex(format, git(&source, "rev-parse HEAD~1").trim().as_bytes()).unwrap();
        let mut content = Vec::new();
        assert_eq!(staged.objects().read(&tip, 1 << 20, &mut content).unwrap(), Some(ObjectKind::Commit));
        assert_eq!(clone.objects().unwrap().read(&tip, 1 << 20, &mut content).unwrap(), None);
        let view = staged.objects();
        let main = edits(&format!("{tip} refs/heads/main"), format);
        let transaction = Transaction { edits: main, atomic: true, ..Transaction::default() };
        assert_eq!(clone.commit(Some(staged), transaction, &mut |_| Ok(())).unwrap(), [EditOutcome::Done]);
        // The view of the quarantine outlives it.
        assert_eq!(view.read(&tip, 1 << 20, &mut content).unwrap(), Some(ObjectKind::Commit));
        clone.set_head(&RefTarget::Symbolic(RefName::new("refs/heads/main").unwrap())).unwrap();
        git(&path, "fsck --strict --full");

        let clone = open(&path);
        let staged = stage(&clone, &pack(&source, "--thin --all", &format!("^{tip}\n")));
        let transaction = Transaction {
            edits: edits(&git(&source, FORMAT), format),
            atomic: true,
            ..Transaction::default()
        };
        assert!(
            clone
                .commit(Some(staged), transaction, &mut |_| Ok(()))
                .unwrap()
                .iter()
                .all(|one| *one == EditOutcome::Done)
        );
        assert_eq!(git(&path, FORMAT), git(&source, FORMAT));
        assert_eq!(git(&path, "fsck --strict --full --no-dangling"), "");
        assert!(entries(&path.join("objects")).iter().all(|name| !name.starts_with("tmp")));
        let packs = entries(&path.join("objects/pack"));
        assert_eq!(packs.len(), 4, "{packs:?}");
        for index in packs.iter().filter(|name| name.ends_with(".idx")) {
            git(&path, &format!("verify-pack objects/pack/{index}"));
        }
    }
}

/// A history of a file of 3 MB and a directory of 40,000 entries, each changed a little twice.
fn large_history(path: &Path) {
    let mut stream = String::from("blob\nmark :1\ndata 1\nx\n");
    let mut lines: Vec<String> = (0..60_000_u32).map(|nth| format!("{:048x}\n", nth.pow(2))).collect();
    for nth in 0..3 {
        lines.swap(7 + nth, 30_000);
        let file = lines.concat();
        write!(stream, "commit refs/heads/main\ncommitter A <a@b> {nth} +0000\ndata 1\nx\n").unwrap();
        write!(stream, "M 100644 inline file\ndata {}\n{file}\n", file.len()).unwrap();
        let names = if nth == 0 { 0..40_000 } else { nth * 10_000 + 5..nth * 10_000 + 6 };
        for name in names {
            writeln!(stream, "M {} :1 many/{name:08}", if nth == 0 { "100644" } else { "100755" }).unwrap();
        }
    }
    let mut child = command(path).args(["fast-import", "--quiet"]).stdin(Stdio::piped()).spawn().unwrap();
    io::Write::write_all(&mut child.stdin.take().unwrap(), stream.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn what_is_too_large_to_be_held_comes_whole_and_leaves_nothing_behind() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    git(scratch.path(), "init -q --bare large.git");
    let source = scratch.join("large.git");
    large_history(&source);
    let first = pack(&source, "", "main~2\n");
    let rest = pack(&source, "--thin", "main\n^main~2\n");
    assert!(rest.len() < 100_000, "{}", rest.len());
    for unpack_limit in [0, 100] {
        let path = scratch.join(&format!("limit-{unpack_limit}.git"));
        let repository = GitDir::init_bare(&path, &InitOptions::default()).unwrap();
        let mut request = StageRequest::default();
        // Whatever has more than 1 MiB is not held.
        (request.memory, request.unpack_limit) = (0, unpack_limit);
        request.fsck = Some(FsckRules::incoming().into());
        for pack in [&first, &rest, &rest] {
            let mut staging = repository.stage(&request).unwrap();
            staging.write(pack).unwrap();
            let staged = staging.finish(&Never).unwrap();
            // Without a name from the start.
            let quarantine = staged.path().unwrap().join("pack");
            assert!(!entries(&quarantine).iter().any(|name| name.contains("spill")));
            repository.commit(Some(staged), Transaction::default(), &mut |_| Ok(())).unwrap();
        }
        for id in git(&source, "rev-list --objects main").lines().filter_map(|line| line.split(' ').next()) {
            assert_eq!(git(&path, &format!("cat-file -s {id}")), git(&source, &format!("cat-file -s {id}")));
        }
        git(&path, "fsck --strict --full --no-dangling");
        assert!(entries(&path.join("objects")).iter().all(|name| !name.starts_with("tmp")));
    }
}

#[test]
fn what_is_given_up_leaves_nothing_behind() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let source = work_tree(&scratch, "sha1", 3);
    let path = scratch.join("clone.git");
    let clone = GitDir::init_bare(&path, &InitOptions::default()).unwrap();
    let whole = pack(&source, "", "HEAD\n");
    let check_nothing = || {
        assert_eq!(entries(&path.join("objects")), ["info", "pack"]);
        assert_eq!(entries(&path.join("objects/pack")), [""; 0]);
    };
    let mut staging = clone.stage(&StageRequest::default()).unwrap();
    staging.write(&whole[..whole.len() / 2]).unwrap();
    drop(staging);
    check_nothing();
    drop(stage(&clone, &whole));
    check_nothing();
    for cut in (0..whole.len()).step_by(41) {
        let mut staging = clone.stage(&StageRequest::default()).unwrap();
        staging.write(&whole[..cut]).unwrap();
        assert!(matches!(staging.finish(&Never).map(drop).unwrap_err().kind(), StorageErrorKind::Corrupt(_)));
        let mut flipped = whole.clone();
        flipped[cut] ^= 1;
        let mut staging = clone.stage(&StageRequest::default()).unwrap();
        let failed = staging.write(&flipped).is_err();
        assert!(staging.finish(&Never).is_err() || failed);
        check_nothing();
    }
}

#[test]
fn every_cut_and_every_flipped_bit_is_told_with_its_place_and_leaves_nothing_behind() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let source = work_tree(&scratch, "sha1", 1);
    let path = scratch.join("clone.git");
    let clone = GitDir::init_bare(&path, &InitOptions::default()).unwrap();
    let whole = pack(&source, "", "HEAD\n");
    let refused = |pack: &[u8], what: &str| {
        let mut staging = clone.stage(&StageRequest::default()).unwrap();
        let result = staging.write(pack).and_then(|()| staging.finish(&Never).map(drop));
        let error = result.expect_err(what).to_string();
        let positioned =
            error.contains(|digit: char| digit.is_ascii_digit()) || error.contains("starts with");
        assert!(positioned, "{what}: {error}");
        assert_eq!(entries(&path.join("objects")), ["info", "pack"], "{what}");
        assert_eq!(entries(&path.join("objects/pack")), [""; 0], "{what}");
    };
    for cut in 0..whole.len() {
        refused(&whole[..cut], &format!("cut at {cut}"));
    }
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        refused(&flipped, &format!("bit {bit}"));
    }
}

#[test]
fn a_pack_gets_a_reverse_index_where_it_has_many_objects() {
    if !available() {
        return;
    }
    for (objects, files) in [(999, 2), (1_000, 3)] {
        let scratch = Scratch::new();
        let source = work_tree(&scratch, "sha1", 0);
        // A commit and a tree are objects too.
        for number in 2..objects {
            std::fs::write(source.join(number.to_string()), number.to_string()).unwrap();
        }
        git(&source, "add .");
        git(&source, "commit -q -m many");
        let path = scratch.join("clone.git");
        let clone = GitDir::init_bare(&path, &InitOptions::default()).unwrap();
        let staged = stage(&clone, &pack(&source, "", "HEAD\n"));
        clone.commit(Some(staged), Transaction::default(), &mut |_| Ok(())).unwrap();
        assert_eq!(entries(&path.join("objects/pack")).len(), files, "{objects} objects");
    }
}

#[test]
fn the_same_pack_twice_is_one_pack() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let source = work_tree(&scratch, "sha1", 3);
    let path = scratch.join("clone.git");
    let clone = GitDir::init_bare(&path, &InitOptions::default()).unwrap();
    let whole = pack(&source, "", "HEAD\n");
    for _ in 0..2 {
        let staged = stage(&clone, &whole);
        clone.commit(Some(staged), Transaction::default(), &mut |_| Ok(())).unwrap();
        assert_eq!(entries(&path.join("objects/pack")).len(), 2);
    }
    let other = GitDir::init_bare(scratch.join("other.git"), &InitOptions::default()).unwrap();
    let staged = stage(&other, &whole);
    let error = clone.commit(Some(staged), Transaction::default(), &mut |_| Ok(())).unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Misuse);
}

#[test]
fn limits_are_kept() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let source = work_tree(&scratch, "sha1", 3);
    let clone = GitDir::init_bare(scratch.join("clone.git"), &InitOptions::default()).unwrap();
    let whole = pack(&source, "", "HEAD\n");
    let objects = u32::from_be_bytes(whole[8..12].try_into().unwrap());
    let mut content = Vec::new();
    let staged = stage(&clone, &whole);
    let mut largest = 0;
    let view = staged.objects();
    staged
        .new_objects(&mut |id, _| {
            view.read(&id, 1 << 20, &mut content).unwrap();
            largest = largest.max(content.len() as u64);
            ControlFlow::Continue(())
        })
        .unwrap();
    let deepest = staged.statistics().unwrap().depth_max;
    drop(staged);
    type Set = fn(&mut StageRequest, u64);
    let cases: [(Set, u64); 4] = [
        (|request, max| request.pack_bytes_max = max, whole.len() as u64),
        (|request, max| request.objects_max = u32::try_from(max).unwrap(), u64::from(objects)),
        (|request, max| request.object_bytes_max = max, largest),
        (|request, max| request.delta_depth_max = u32::try_from(max).unwrap(), u64::from(deepest)),
    ];
    for (index, (set, max)) in cases.into_iter().enumerate() {
        let receive = |max: u64| {
            let mut request = StageRequest::default();
            set(&mut request, max);
            let mut staging = clone.stage(&request)?;
            staging.write(&whole)?;
            staging.finish(&Never).map(drop)
        };
        receive(max).unwrap();
        if max > 0 {
            assert_eq!(receive(max - 1).unwrap_err().kind(), StorageErrorKind::Limit, "case {index}");
        }
    }
}

#[test]
fn unsound_objects_are_refused_where_that_is_asked_for() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let source = work_tree(&scratch, "sha1", 1);
    let sound = pack(&source, "", "HEAD\n");
    let mut child = command(&source)
        .args(["hash-object", "-w", "--literally", "-t", "commit", "--stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let tree = git(&source, "rev-parse HEAD^{tree}");
    let content = format!("tree {tree}author x <x> 1 +0000\ncommitter x <x> 01 +0000\n\nno\n");
    io::Write::write_all(&mut child.stdin.take().unwrap(), content.as_bytes()).unwrap();
    let bad = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let unsound = pack(&source, "", &bad);
    let clone = GitDir::init_bare(scratch.join("clone.git"), &InitOptions::default()).unwrap();
    for (pack, fsck, refused) in [(&sound, true, false), (&unsound, false, false), (&unsound, true, true)] {
        let mut request = StageRequest::default();
        request.fsck = fsck.then(|| FsckRules::incoming().into());
        let mut staging = clone.stage(&request).unwrap();
        staging.write(pack).unwrap();
        let finished = staging.finish(&Never).map(drop);
        assert_eq!(finished.is_err(), refused, "{finished:?}");
        if let Err(error) = finished {
            let below =
                std::error::Error::source(&error).and_then(std::error::Error::source).unwrap().to_string();
            assert!(below.contains("zeroPaddedDate"), "{below}");
        }
    }
}
