//! Packs that mean harm: objects that pretend to be others, and deltas that grow without end.

use gitwire_gitdir::{GitDir, InitOptions};
use gitwire_object::{Hasher, Trust, object_id};
use gitwire_pack::{EntryHeader, EntryKind, PackHeader};
use gitwire_storage::{Repository as _, Result, StageRequest, StorageErrorKind};
use gitwire_testkit::pack::pack;
use gitwire_types::{Never, ObjectFormat, ObjectKind};

use crate::git::{Scratch, available, git, work_tree};

fn receive(repository: &GitDir, pack: &[u8], request: &StageRequest) -> Result<()> {
    let mut staging = repository.stage(request)?;
    for piece in pack.chunks(64 << 10) {
        staging.write(piece)?;
    }
    staging.finish(&Never).map(drop)
}

#[test]
fn an_object_under_the_name_of_another_is_refused() {
    if !available() {
        return;
    }
    let scratch = Scratch::new();
    let source = work_tree(&scratch, "sha1", 1);
    let repository = GitDir::init_bare(scratch.join("r.git"), &InitOptions::default()).unwrap();
    // Small, as large as is held whole, and larger: those are compared as streams.
    for size in [10_usize, 1 << 20, (1 << 20) + 1, 3 << 20] {
        let content: Vec<u8> = (0..251_u8).cycle().take(size).collect();
        let mut other = content.clone();
        *other.last_mut().unwrap() ^= 1;
        let id = object_id(ObjectFormat::Sha1, Trust::Own, ObjectKind::Blob, &content).unwrap().to_string();
        std::fs::write(source.join("other"), &other).unwrap();
        let written = git(&source, "hash-object -w other");
        let loose = |id: &str| {
            let (fan, rest) = id.split_at(2);
            format!("objects/{fan}/{rest}")
        };
        let place = scratch.join("r.git").join(loose(&id));
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        // What another program wrote under this name.
        std::fs::copy(source.join(".git").join(loose(written.trim())), &place).unwrap();
        let pack = pack(ObjectFormat::Sha1, [(ObjectKind::Blob, content.as_slice())].into_iter());
        let error = receive(&repository, &pack, &StageRequest::default()).unwrap_err();
        assert!(matches!(error.kind(), StorageErrorKind::Corrupt(_)), "{size}: {error}");
        let told = error.to_string();
        assert!(told.contains("exists with other content") && told.contains(&id), "{size}: {told}");
        // The same again is no harm.
        std::fs::remove_file(&place).unwrap();
        std::fs::write(source.join("same"), &content).unwrap();
        git(&source, "hash-object -w same");
        std::fs::copy(source.join(".git").join(loose(&id)), &place).unwrap();
        receive(&repository, &pack, &StageRequest::default()).unwrap();
    }
    assert!(std::fs::read_dir(scratch.join("r.git/objects/pack")).unwrap().next().is_none());
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// A blob of 64 KiB, and a delta that repeats it `times` times.
fn bomb(times: u64) -> Vec<u8> {
    let base = vec![0_u8; 1 << 16];
    let mut delta = Vec::new();
    varint(base.len() as u64, &mut delta);
    varint(times << 16, &mut delta);
    // A copy without offset and size: from the start, 0x10000 bytes.
    delta.extend(std::iter::repeat_n(0x80_u8, usize::try_from(times).unwrap()));
    let mut pack = PackHeader { version: 2, objects: 2 }.to_bytes().to_vec();
    let start = pack.len();
    EntryHeader { kind: EntryKind::Whole(ObjectKind::Blob), size: base.len() as u64, len: 0 }
        .write(&mut pack);
    gitwire_testkit::pack::stored(&base, &mut pack);
    let distance = (pack.len() - start) as u64;
    EntryHeader { kind: EntryKind::OffsetDelta { distance }, size: delta.len() as u64, len: 0 }
        .write(&mut pack);
    gitwire_testkit::pack::stored(&delta, &mut pack);
    let mut hasher = Hasher::new(ObjectFormat::Sha1, Trust::Own);
    hasher.update(&pack);
    pack.extend_from_slice(hasher.finish().unwrap().as_bytes());
    pack
}

#[test]
fn a_delta_that_grows_without_end_is_refused_before_it_does() {
    let scratch = Scratch::new();
    let repository = GitDir::init_bare(scratch.join("r.git"), &InitOptions::default()).unwrap();
    let mut small = StageRequest::default();
    small.object_bytes_max = 4 << 16;
    receive(&repository, &bomb(4), &small).unwrap();
    assert_eq!(receive(&repository, &bomb(5), &small).unwrap_err().kind(), StorageErrorKind::Limit);
    // More than 1 GiB is refused by default; that much is made and not held.
    let before = resident();
    receive(&repository, &bomb(1 << 14), &StageRequest::default()).unwrap();
    for times in [(1 << 14) + 1, 1 << 15] {
        let error = receive(&repository, &bomb(times), &StageRequest::default()).unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::Limit, "{error}");
    }
    let grown = resident().saturating_sub(before);
    // Other tests of this process take some of it too.
    assert!(grown < 256 << 20, "{grown} bytes");
}

/// The most memory that this process has held, in bytes; 0 where the system does not tell.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    number.unwrap_or(0) << 10
}
