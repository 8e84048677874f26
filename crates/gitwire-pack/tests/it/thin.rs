//! Thin packs, and objects that exist already.

use std::collections::HashMap;
use std::fs;

use gitwire_object::{Trust, object_id};
use gitwire_pack::{Content, Inspect, KnownObjects, PackError, Resolve, StorageFailure};
use gitwire_testkit::git::{Folder, Git};
use gitwire_types::{ObjectId, ObjectKind};

use crate::packs::{PackBuilder, SHA1, appending, blob_id, idx_of, index_in, options, rev_of};

/// Objects in a map.
#[derive(Default)]
struct Known(HashMap<ObjectId, (ObjectKind, Vec<u8>)>);

impl Known {
    fn blobs(contents: &[&[u8]]) -> Self {
        Self(
            contents.iter().map(|content| (blob_id(content), (ObjectKind::Blob, content.to_vec()))).collect(),
        )
    }
}

impl KnownObjects for Known {
    fn info(&self, id: &ObjectId) -> Result<Option<(ObjectKind, u64)>, StorageFailure> {
        Ok(self.0.get(id).map(|(kind, content)| (*kind, content.len() as u64)))
    }

    fn read(&self, id: &ObjectId, max: u64, out: &mut Vec<u8>) -> Result<Option<ObjectKind>, StorageFailure> {
        out.clear();
        let Some((kind, content)) = self.0.get(id) else { return Ok(None) };
        assert!(content.len() as u64 <= max);
        out.extend_from_slice(content);
        Ok(Some(*kind))
    }
}

/// git completes the same pack with the same bases in the same order.
#[test]
fn as_git_completes_it() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("thin");
    let path = folder.path();
    git.ok(path, ["init", "-q", "."]);
    for round in 0..30 {
        for file in 0..8 {
            let lines: Vec<String> = (0..150)
                .map(|line| format!("{file}: line {} {}\n", line * 31 % 97, line * (round / 9)))
                .collect();
            fs::write(path.join(format!("file{file}")), lines.concat() + &format!("end {}\n", round * file))
                .unwrap();
        }
        git.ok(path, ["add", "."]);
        git.ok(path, ["commit", "-q", "-m", &format!("round {round}")]);
    }
    let thin =
        git.feed(path, ["pack-objects", "--thin", "--stdout", "--revs", "-q"], b"HEAD\n^HEAD~1\n").stdout;
    git.ok(path, ["clone", "-q", "--bare", ".", "old.git"]);
    let old = path.join("old.git");
    git.ok(&old, ["update-ref", "HEAD", "HEAD~1"]);
    git.ok(&old, ["repack", "-adq"]);
    git.ok(&old, ["prune"]);
    let theirs = git.feed(&old, ["index-pack", "--fix-thin", "--stdin", "--rev-index"], &thin);
    assert!(theirs.status.success());

    // Everything that the old repository has.
    let mut known = Known::default();
    let list = git.ok(&old, ["cat-file", "--batch-all-objects", "--batch-check"]);
    for line in String::from_utf8(list).unwrap().lines() {
        let mut words = line.split(' ');
        let (id, kind) = (words.next().unwrap(), words.next().unwrap());
        let content = git.ok(&old, ["cat-file", kind, id]);
        let id = ObjectId::from_hex(SHA1, id.as_bytes()).unwrap();
        let kind = ObjectKind::from_name(kind.as_bytes()).unwrap();
        known.0.insert(id, (kind, content));
    }
    for threads in [1, 4] {
        let resolve = Resolve::default().bases(&known).existing(&known);
        let indexed = index_in(&thin, options(threads), 1000, &resolve).unwrap();
        assert!(indexed.statistics().appended > 0);
        let (idx, rev) = (idx_of(&indexed), rev_of(&indexed));
        let ids = |folder: &std::path::Path, name: &str| {
            let lines = git.ok(folder, ["verify-pack", "-v", name]);
            let text = String::from_utf8(lines).unwrap();
            let ids = text.lines().map_while(|line| line.split(' ').next().filter(|id| id.len() == 40));
            ids.map(str::to_owned).collect::<Vec<_>>()
        };
        fs::write(path.join("ours.idx"), idx).unwrap();
        fs::write(path.join("ours.pack"), indexed.into_spool().into_bytes()).unwrap();
        let name = String::from_utf8(theirs.stdout.clone()).unwrap();
        let name = format!("objects/pack/pack-{}.idx", name.trim().trim_start_matches("pack\t"));
        assert_eq!(ids(path, "ours.idx"), ids(&old, &name));
        git.ok(path, ["index-pack", "--rev-index", "-o", "again.idx", "ours.pack"]);
        assert_eq!(rev, fs::read(path.join("again.rev")).unwrap());
    }
    let error = index_in(&thin, options(1), 1000, &Resolve::default()).unwrap_err();
    assert!(matches!(error, PackError::Unresolved { .. }), "{error}");
}

/// A base that another base brings to light is not appended.
#[test]
fn only_the_bases_that_are_needed() {
    let known = Known::blobs(&[b"one", b"one two"]);
    let mut pack = PackBuilder::new();
    pack.id_delta(blob_id(b"one"), &appending(3, b" two"));
    pack.id_delta(blob_id(b"one two"), &appending(7, b" three"));
    let resolve = Resolve::default().bases(&known);
    let indexed = index_in(&pack.finish(), options(1), 5, &resolve).unwrap();
    assert_eq!((indexed.statistics().appended, indexed.count()), (1, 3));
}

/// A cycle whose objects are known from elsewhere is completed, as git does.
#[test]
fn a_cycle_with_its_objects_known() {
    let known = Known::blobs(&[b"one", b"two"]);
    let mut pack = PackBuilder::new();
    pack.id_delta(blob_id(b"one"), b"\x03\x03\x03two");
    pack.id_delta(blob_id(b"two"), b"\x03\x03\x03one");
    let indexed = index_in(&pack.finish(), options(1), 5, &Resolve::default().bases(&known)).unwrap();
    assert_eq!(indexed.statistics().appended, 1);
}

#[test]
fn a_known_object_that_lies() {
    let mut known = Known::default();
    known.0.insert(blob_id(b"one"), (ObjectKind::Blob, b"eno".to_vec()));
    let mut pack = PackBuilder::new();
    pack.id_delta(blob_id(b"one"), &appending(3, b" two"));
    let error = index_in(&pack.finish(), options(1), 5, &Resolve::default().bases(&known)).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("entry at offset 12 is {}, the index says {}", blob_id(b"eno"), blob_id(b"one"))
    );
}

/// An object that exists must be the same, byte for byte.
#[test]
fn collisions() {
    let mut pack = PackBuilder::new();
    pack.blob(b"zero");
    let second = pack.blob(b"one");
    let pack = pack.finish();
    let check = |kind, content: &[u8]| {
        let mut known = Known::default();
        known.0.insert(blob_id(b"one"), (kind, content.to_vec()));
        index_in(&pack, options(1), 5, &Resolve::default().existing(&known)).map(|indexed| indexed.count())
    };
    assert_eq!(check(ObjectKind::Blob, b"one").unwrap(), 2);
    for (kind, content) in
        [(ObjectKind::Blob, b"eno".as_slice()), (ObjectKind::Blob, b"o"), (ObjectKind::Tag, b"one")]
    {
        let error = check(kind, content).unwrap_err();
        let expected =
            format!("entry at offset {second} is {}, which exists with other content", blob_id(b"one"));
        assert_eq!(error.to_string(), expected);
    }
}

struct NoBlobOf(usize);

impl Inspect for NoBlobOf {
    fn inspect(
        &self,
        id: &ObjectId,
        kind: ObjectKind,
        content: Content<'_>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let Content::Whole(content) = content else { return Err("not held".into()) };
        assert_eq!(object_id(SHA1, Trust::Own, kind, content).unwrap(), *id);
        if content.len() == self.0 { Err("unwanted".into()) } else { Ok(()) }
    }
}

#[test]
fn inspection() {
    let mut pack = PackBuilder::new();
    let base = pack.blob(b"12345");
    let delta = pack.offset_delta(base, &appending(5, b"6"));
    let resolve = |unwanted| {
        let inspect = NoBlobOf(unwanted);
        index_in(&pack.finish(), options(2), 5, &Resolve::default().inspect(&inspect))
            .map(|indexed| indexed.count())
    };
    assert_eq!(resolve(7).unwrap(), 2);
    let error = resolve(6).unwrap_err();
    assert_eq!(error.to_string(), format!("entry at offset {delta}, {}, is refused", blob_id(b"123456")));
}
