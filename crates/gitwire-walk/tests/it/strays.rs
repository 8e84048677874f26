//! Stored deltas against what stands elsewhere, which a thin pack could take over and had better not.

use gitwire_gitdir::{GitDir, OpenOptions};
use gitwire_object::{Hasher, Trust};
use gitwire_pack::{EntryHeader, EntryKind, PackHeader};
use gitwire_storage::Repository;
use gitwire_testkit::git::{Folder, Git};
use gitwire_testkit::pack::stored;
use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};
use gitwire_walk::{Graph, PackRequest, WalkLimits};

use crate::pack::made;

/// Bytes that nothing compresses.
fn noise(seed: u32) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..8_000).map(|_| next()).collect()
}

/// A delta that copies nothing.
fn of_inserts(base: &[u8], target: &[u8]) -> Vec<u8> {
    let mut delta = Vec::new();
    for mut size in [base.len(), target.len()] {
        while size > 127 {
            delta.push(size as u8 | 128);
            size >>= 7;
        }
        delta.push(size as u8);
    }
    for part in target.chunks(127) {
        delta.push(part.len() as u8);
        delta.extend_from_slice(part);
    }
    delta
}

#[test]
fn a_stored_delta_against_another_file_gives_way_to_one_against_the_same_file() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("strays");
    let path = folder.path();
    git.ok(path, ["init", "-q", "--initial-branch=main"]);
    let (other, before) = (noise(1), noise(2));
    let after = [&before[..], b"and a line more\n"].concat();
    let commit = |content: &[u8]| {
        for (name, content) in [("a/other", &other[..]), ("b/log", content)] {
            std::fs::create_dir_all(path.join(name).parent().unwrap()).unwrap();
            std::fs::write(path.join(name), content).unwrap();
        }
        git.ok(path, ["add", "."]);
        git.ok(path, ["commit", "-q", "-m", "one"]);
        let head = git.ok(path, ["rev-parse", "HEAD"]);
        ObjectId::from_hex(ObjectFormat::Sha1, head.trim_ascii()).unwrap()
    };
    let (old, new) = (commit(&before), commit(&after));
    let id = git.ok(path, ["rev-parse", "HEAD:a/other"]);
    let base = ObjectId::from_hex(ObjectFormat::Sha1, id.trim_ascii()).unwrap();
    let mut pack = PackHeader { version: 2, objects: 2 }.to_bytes().to_vec();
    let delta = of_inserts(&other, &after);
    for (kind, content) in
        [(EntryKind::Whole(ObjectKind::Blob), &other), (EntryKind::IdDelta { base }, &delta)]
    {
        EntryHeader { kind, size: content.len() as u64, len: 0 }.write(&mut pack);
        stored(content, &mut pack);
    }
    let mut hasher = Hasher::new(ObjectFormat::Sha1, Trust::Own);
    hasher.update(&pack);
    pack.extend_from_slice(hasher.finish().unwrap().as_bytes());
    assert!(git.feed(path, ["index-pack", "--stdin"], &pack).status.success());
    git.ok(path, ["prune-packed"]);
    let repository = GitDir::open(path, &OpenOptions::default()).unwrap();
    let graph = Graph::new(repository.objects().unwrap(), ObjectFormat::Sha1, WalkLimits::default());
    let mut request = PackRequest::new(vec![new], vec![old]);
    request.thin = true;
    let thin = made(graph, request, 1 << 16);
    assert!(thin.len() < 1_000, "{} bytes", thin.len());
    let client = path.join("client.git");
    git.ok(path, ["init", "-q", "--bare", client.to_str().unwrap()]);
    git.ok(&client, ["fetch", "-q", "..", &format!("{old}:refs/heads/old")]);
    assert!(git.feed(&client, ["index-pack", "--fix-thin", "--stdin"], &thin).status.success());
    git.ok(&client, ["update-ref", "refs/heads/new", &new.to_string()]);
    git.ok(&client, ["fsck", "--strict"]);
}
