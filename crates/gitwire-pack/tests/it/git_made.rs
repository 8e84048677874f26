//! Packs that git made: our files are git's, byte for byte.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use gitwire_pack::{
    BaseCache, Index, IndexVersion, IndexerOptions, Limits, Pack, Resolve, ReverseIndex, verify_pack,
};
use gitwire_testkit::git::{Folder, Git};
use gitwire_types::{Never, ObjectFormat};

use crate::packs::{idx_of, index_in, rev_of};

/// A repository with some history: growing files, a tag, a merge of nothing.
fn repository(git: &Git, folder: &Path, format: &str) {
    git.ok(folder, ["init", "-q", &format!("--object-format={format}"), "."]);
    for round in 0..40 {
        let lines: Vec<String> =
            (0..200 + round).map(|line| format!("line {} of the file\n", line * 7 % 211)).collect();
        fs::write(folder.join("file"), lines.concat()).unwrap();
        fs::write(folder.join(format!("new{round}")), format!("content {round}\n")).unwrap();
        git.ok(folder, ["add", "."]);
        git.ok(folder, ["commit", "-q", "-m", &format!("round {round}")]);
    }
    git.ok(folder, ["tag", "-a", "-m", "a tag", "v1"]);
    git.ok(folder, ["repack", "-adfq"]);
}

fn the_pack(folder: &Path) -> Vec<u8> {
    let packs = fs::read_dir(folder.join(".git/objects/pack")).unwrap();
    let mut paths = packs.map(|entry| entry.unwrap().path());
    fs::read(paths.find(|path| path.extension().is_some_and(|end| end == "pack")).unwrap()).unwrap()
}

#[track_caller]
fn check(format: ObjectFormat) {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("git-made");
    let path = folder.path();
    repository(&git, path, format.name());
    let pack = the_pack(path);
    fs::write(path.join("x.pack"), &pack).unwrap();
    git.ok(path, ["index-pack", "--rev-index", "x.pack"]);
    let (idx, rev) = (fs::read(path.join("x.idx")).unwrap(), fs::read(path.join("x.rev")).unwrap());
    git.ok(path, ["index-pack", "--index-version=1", "-o", "x1.idx", "x.pack"]);
    let idx1 = fs::read(path.join("x1.idx")).unwrap();

    for threads in [1, 4] {
        for piece in [1, 7, 4096, usize::MAX] {
            let options = IndexerOptions::new(format).threads(threads);
            let indexed = index_in(&pack, options, piece, &Resolve::default()).unwrap();
            assert!(idx_of(&indexed) == idx, "{threads} threads, pieces of {piece}");
            assert!(rev_of(&indexed) == rev, "{threads} threads, pieces of {piece}");
            let mut v1 = Vec::new();
            indexed
                .write_index(IndexVersion::V1, |piece| {
                    v1.extend_from_slice(piece);
                    Ok(())
                })
                .unwrap();
            assert!(v1 == idx1);
        }
    }
    for idx in [idx, idx1] {
        read_all(&git, path, &pack, &idx, &rev, format);
    }
}

/// Reads each object in every way.
fn read_all(git: &Git, path: &Path, pack: &[u8], idx: &[u8], rev: &[u8], format: ObjectFormat) {
    let limits = Limits::default();
    let index = Index::open(idx, format, &limits).unwrap();
    let reverse = ReverseIndex::open(rev, index.count(), &index.pack_checksum().unwrap()).unwrap();
    reverse.check(&index, &Never).unwrap();
    let mut lines = String::new();
    let options = IndexerOptions::new(format);
    let statistics = verify_pack(&pack, &index, options, &Resolve::default(), &Never, &mut |object| {
        lines += &format!(
            "{} {:6} {} {} {}",
            object.id,
            object.kind.name(),
            object.size,
            object.len,
            object.offset
        );
        if let Some((depth, base)) = object.delta {
            lines += &format!(" {depth} {base}");
        }
        lines.push('\n');
    })
    .unwrap();
    let theirs = String::from_utf8(git.ok(path, ["verify-pack", "-v", "x.pack"])).unwrap();
    let theirs: String =
        theirs.lines().take(statistics.objects as usize).map(|line| format!("{line}\n")).collect();
    assert_eq!(lines, theirs);

    let pack = Pack::open(pack, index, Arc::new(BaseCache::new(1 << 20)), limits).unwrap().check_ids();
    let (mut out, mut room) = (Vec::new(), [0; 33]);
    for place in 0..pack.index().count() {
        let position = pack.position_at(place).unwrap();
        assert_eq!(reverse.position(place).unwrap(), position);
        let (id, facts) = pack.entry_at(place).unwrap();
        assert_eq!(pack.entry(&id).unwrap(), Some(facts));
        assert_eq!(pack.index().lookup(&id).unwrap(), Some(position));
        assert_eq!(pack.index().lookup_prefix(&id, 16).unwrap(), position..position + 1);
        assert_eq!(pack.at_offset(facts.offset).unwrap(), Some((id, place)));
        assert_eq!(pack.at_offset(facts.offset + 1).unwrap(), None);
        let kind = pack.read(&id, 1 << 20, &mut out).unwrap().unwrap();
        assert_eq!(kind, facts.kind);
        assert_eq!(pack.info(&id).unwrap(), Some((kind, out.len() as u64)));
        let mut stream = pack.open_object(&id).unwrap().unwrap();
        let mut streamed = Vec::new();
        loop {
            match stream.read(&mut room).unwrap() {
                0 => break,
                count => streamed.extend_from_slice(&room[..count]),
            }
        }
        assert_eq!(streamed, out);
    }
}

#[test]
fn sha1() {
    check(ObjectFormat::Sha1);
}

#[test]
fn sha256() {
    check(ObjectFormat::Sha256);
}

#[test]
fn an_empty_pack() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("empty-pack");
    git.ok(folder.path(), ["init", "-q", "."]);
    let pack = git.feed(folder.path(), ["pack-objects", "--stdout"], b"").stdout;
    fs::write(folder.path().join("x.pack"), &pack).unwrap();
    git.ok(folder.path(), ["index-pack", "--rev-index", "x.pack"]);
    let indexed = index_in(&pack, IndexerOptions::new(ObjectFormat::Sha1), 5, &Resolve::default()).unwrap();
    assert_eq!(idx_of(&indexed), fs::read(folder.path().join("x.idx")).unwrap());
    assert_eq!(rev_of(&indexed), fs::read(folder.path().join("x.rev")).unwrap());
}
