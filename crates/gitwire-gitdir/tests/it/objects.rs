//! Objects as git reads them.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use gitwire_gitdir::{GitDir, OpenOptions};
use gitwire_storage::{ObjectStore, Presence, Repository as _};
use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

use crate::git::{Scratch, available, command, git, work_tree};
use crate::refs::open;

/// Every object that git knows, with kind and size.
fn all(path: &Path, format: ObjectFormat) -> Vec<(ObjectId, String)> {
    git(path, "cat-file --batch-check --batch-all-objects")
        .lines()
        .map(|line| {
            let (hex, rest) = line.split_once(' ').unwrap();
            (ObjectId::from_hex(format, hex.as_bytes()).unwrap(), rest.to_owned())
        })
        .collect()
}

/// What `git cat-file` says of an object: kind and content.
fn content_by_git(path: &Path, id: &ObjectId) -> Vec<u8> {
    let mut child = command(path)
        .args(["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(format!("{id}\n").as_bytes()).unwrap();
    child.wait_with_output().unwrap().stdout
}

/// Reads an object whole and in pieces; both must agree.
fn read(objects: &dyn ObjectStore, id: &ObjectId) -> Vec<u8> {
    let mut whole = Vec::new();
    let kind = objects.read(id, 1 << 30, &mut whole).unwrap().unwrap();
    let mut reader = objects.open(id).unwrap().unwrap();
    assert_eq!((reader.kind(), reader.size()), (kind, whole.len() as u64));
    let mut pieces = Vec::new();
    let mut room = [0; 7];
    loop {
        let got = reader.read(&mut room).unwrap();
        if got == 0 {
            break;
        }
        pieces.extend_from_slice(&room[..got]);
    }
    assert!(pieces == whole);
    whole
}

#[track_caller]
fn check_same_objects(path: &Path, format: ObjectFormat) {
    let mut options = OpenOptions::default();
    options.verify_objects = true;
    let repository = GitDir::open(path, &options).unwrap();
    assert_eq!(repository.format(), format);
    let objects = repository.objects().unwrap();
    let expected = all(path, format);
    assert!(!expected.is_empty());
    let ids: Vec<_> = expected.iter().map(|(id, _)| *id).collect();
    let mut answers = vec![String::new(); ids.len()];
    objects
        .headers(&ids, &mut |index, presence| {
            let Presence::Here { kind, size } = presence else { panic!("{} is absent", ids[index]) };
            answers[index] = format!("{kind} {size}");
        })
        .unwrap();
    for ((id, expected), answer) in expected.iter().zip(&answers) {
        assert_eq!(answer, expected, "{id}");
        let content = read(&*objects, id);
        let by_git = [format!("{id} {expected}\n").as_bytes(), &content, b"\n"].concat();
        assert!(content_by_git(path, id) == by_git, "{id}");
    }
    let absent = ObjectId::zero(format);
    objects.headers(&[absent], &mut |_, presence| assert_eq!(presence, Presence::Absent)).unwrap();
    assert_eq!(objects.read(&absent, 10, &mut Vec::new()).unwrap(), None);
    assert!(objects.open(&absent).unwrap().is_none());
}

#[test]
fn loose_and_packed_objects_are_read_as_git_reads_them() {
    if !available() {
        return;
    }
    for (name, format) in [("sha1", ObjectFormat::Sha1), ("sha256", ObjectFormat::Sha256)] {
        let scratch = Scratch::new();
        let path = work_tree(&scratch, name, 4);
        git(&path, "tag -a -m note v1");
        check_same_objects(&path, format);
        git(&path, "repack -q -d");
        git(&path, "commit -q --allow-empty -m more");
        check_same_objects(&path, format);
        git(&path, "repack -q -d");
        git(&path, "repack -q -a -d -f --depth=20");
        check_same_objects(&path, format);
        git(&path, "-c pack.indexVersion=1 repack -q -a -d -f");
        check_same_objects(&path, format);
    }
}

#[test]
fn alternates_are_followed() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let path = work_tree(&scratch, "sha1", 3);
    git(scratch.path(), "clone -q --bare --shared work one.git");
    git(scratch.path(), "clone -q --bare --reference one.git --shared one.git two.git");
    std::fs::write(
        scratch.join("one.git/objects/info/alternates"),
        "# a comment\n../../work/.git/objects\n/none\n",
    )
    .unwrap();
    for name in ["one.git", "two.git"] {
        check_same_objects(&scratch.join(name), ObjectFormat::Sha1);
    }
    // A ring of alternates ends.
    std::fs::write(path.join(".git/objects/info/alternates"), "../../../two.git/objects\n").unwrap();
    check_same_objects(&path, ObjectFormat::Sha1);
}

#[test]
fn a_view_outlives_a_repack_and_finds_what_moved() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let path = work_tree(&scratch, "sha1", 3);
    let ids: Vec<_> = all(&path, ObjectFormat::Sha1).into_iter().map(|(id, _)| id).collect();
    let repository = open(&path);
    let loose = repository.objects().unwrap();
    git(&path, "repack -q -a -d");
    git(&path, "prune-packed");
    let packed = repository.objects().unwrap();
    git(&path, "repack -q -a -d -f --depth=3 --window=3");
    git(&path, "commit -q --allow-empty -m more");
    git(&path, "gc -q --prune=now");
    for view in [loose, packed] {
        for id in &ids {
            read(&*view, id);
        }
    }
}

#[test]
fn a_single_object_is_stored_as_git_would_store_it() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    for format in ["sha1", "sha256"] {
        let path = scratch.join(format);
        git(scratch.path(), &format!("init -q --bare --object-format={format} {format}"));
        let repository = GitDir::open(&path, &OpenOptions::default()).unwrap();
        for content in [&b""[..], b"what it holds\n", &[7; 200_000]] {
            let id = repository.store(ObjectKind::Blob, content).unwrap();
            // A second time nothing is in the way.
            assert_eq!(repository.store(ObjectKind::Blob, content).unwrap(), id);
            assert_eq!(git(&path, &format!("cat-file -s {id}")).trim(), content.len().to_string());
            let mut read = Vec::new();
            let kind = repository.objects().unwrap().read(&id, 1 << 20, &mut read).unwrap();
            assert_eq!((kind, read.as_slice()), (Some(ObjectKind::Blob), content));
        }
        assert_eq!(git(&path, "fsck --strict --no-dangling"), "");
        assert!(git(&path, "count-objects").starts_with("3 objects"));
    }
}

#[test]
fn what_the_refs_of_lenders_hold_is_known() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let work = work_tree(&scratch, "sha1", 3);
    git(&work, "branch side main~1");
    git(scratch.path(), "clone -q --bare --shared work fork.git");
    let fork = scratch.join("fork.git");
    let tips = |prefixes: &str| {
        if !prefixes.is_empty() {
            crate::git::command(&fork)
                .args(["config", "core.alternateRefsPrefixes", prefixes])
                .output()
                .unwrap();
        }
        let repository = GitDir::open(&fork, &OpenOptions::default()).unwrap();
        assert_eq!(repository.lenders().unwrap().len(), 1);
        let mut tips: Vec<String> =
            repository.borrowed_tips().unwrap().iter().map(ToString::to_string).collect();
        tips.sort();
        tips
    };
    let id = |name: &str| git(&work, &format!("rev-parse {name}")).trim().to_owned();
    let mut both = vec![id("main"), id("side")];
    both.sort();
    assert_eq!(tips(""), both);
    assert_eq!(tips("refs/heads/side refs/tags"), [id("side")]);
    assert_eq!(tips("refs/heads/si"), Vec::<String>::new());
    // A lender that is gone lends nothing, and stands in nobody's way.
    std::fs::rename(&work, scratch.join("elsewhere")).unwrap();
    let repository = GitDir::open(&fork, &OpenOptions::default()).unwrap();
    assert!(repository.borrowed_tips().unwrap().is_empty());
}
