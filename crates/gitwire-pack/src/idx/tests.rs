use gitwire_object::{Hasher, Trust};
use gitwire_types::{Never, ObjectFormat, ObjectId};

use crate::{Index, IndexEntry, IndexVersion, Limits, WriteIndex};

const SHA1: ObjectFormat = ObjectFormat::Sha1;

fn id(first: u8, last: u8) -> ObjectId {
    let mut raw = [0x55; 20];
    (raw[0], raw[19]) = (first, last);
    ObjectId::from_sha1(raw)
}

fn entries() -> Vec<IndexEntry> {
    let ids = [id(0, 1), id(0, 2), id(7, 0), id(7, 9), id(7, 9), id(255, 255)];
    let offsets = [12, 1 << 33, 40, (1 << 31) - 1, 1 << 31, 99];
    let entries = ids.into_iter().zip(offsets);
    entries.map(|(id, offset)| IndexEntry { id, offset, crc32: Some(id.as_bytes()[19].into()) }).collect()
}

fn written(entries: &[IndexEntry], how: WriteIndex) -> Vec<u8> {
    let mut file = Vec::new();
    how.write(entries, &id(1, 1), |piece| {
        file.extend_from_slice(piece);
        Ok(())
    })
    .unwrap();
    file
}

fn v2() -> Vec<u8> {
    written(&entries(), WriteIndex::new(SHA1))
}

/// With its own checksum made right again.
fn sealed(mut file: Vec<u8>) -> Vec<u8> {
    file.truncate(file.len().saturating_sub(20));
    let mut hasher = Hasher::new(SHA1, Trust::Own);
    hasher.update(&file);
    file.extend_from_slice(hasher.finish().unwrap().as_bytes());
    file
}

#[track_caller]
fn check(file: &[u8], expected: &str) {
    let opened = Index::open(file, SHA1, &Limits::default());
    let error = opened.and_then(|index| index.check(Some(1 << 40), &Never)).expect_err(expected);
    assert_eq!(error.to_string(), format!("pack index: {expected}"));
}

#[test]
fn what_was_written_is_read() {
    for version in [IndexVersion::V1, IndexVersion::V2] {
        // Offsets that fit in version 1, where it is wanted.
        let mut entries = entries();
        if version == IndexVersion::V1 {
            entries.iter_mut().for_each(|entry| {
                *entry = IndexEntry { offset: entry.offset % 1000 + 12, crc32: None, ..*entry }
            });
        }
        let file = written(&entries, WriteIndex { version, ..WriteIndex::new(SHA1) });
        let index = Index::open(&file[..], SHA1, &Limits::default()).unwrap();
        assert_eq!(index.version(), version);
        index.check(None, &Never).unwrap();
        assert_eq!(index.iter().collect::<Result<Vec<_>, _>>().unwrap(), entries);
        assert_eq!(index.pack_checksum().unwrap(), id(1, 1));
    }
}

/// An offset that version 1 cannot hold makes it version 2, as in git.
#[test]
fn large_offsets_need_version_2() {
    let file = written(&entries(), WriteIndex { version: IndexVersion::V1, ..WriteIndex::new(SHA1) });
    assert_eq!(file, v2());
}

#[test]
fn lookups() {
    let file = v2();
    let index = Index::open(&file[..], SHA1, &Limits::default()).unwrap();
    let lookup = |id| index.lookup(&id).unwrap();
    assert_eq!(lookup(id(0, 1)), Some(0));
    assert_eq!(lookup(id(0, 2)), Some(1));
    assert!(matches!(lookup(id(7, 9)), Some(3 | 4)));
    assert_eq!(lookup(id(255, 255)), Some(5));
    assert_eq!(lookup(id(0, 0)), None);
    assert_eq!(lookup(id(8, 0)), None);
    let prefix = |id, digits| index.lookup_prefix(&id, digits).unwrap();
    assert_eq!(prefix(id(9, 9), 0), 0..6);
    assert_eq!(prefix(id(0x0f, 9), 1), 0..5);
    assert_eq!(prefix(id(0xf0, 9), 1), 5..6);
    assert_eq!(prefix(id(7, 0), 2), 2..5);
    assert_eq!(prefix(id(7, 0), 3), 2..5);
    assert_eq!(prefix(id(7, 0), 39), 2..3 + 2);
    assert_eq!(prefix(id(7, 0), 40), 2..3);
    assert_eq!(prefix(id(7, 9), 40), 3..5);
    assert!(prefix(id(8, 9), 40).is_empty());
    assert!(index.lookup(&ObjectId::zero(ObjectFormat::Sha256)).is_err());
}

#[test]
fn malformed() {
    let with = |at: usize, bytes: &[u8]| {
        let mut file = v2();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    check(&[], "0 bytes long, expected 1064");
    check(&v2()[..1063], "1063 bytes long, expected 1064");
    check(&with(4, &3_u32.to_be_bytes()), "version 3, at offset 4");
    // Without the signature it would be version 1.
    check(&with(0, &[0]), "fanout table goes down at entry 1");
    let count = |count: u32| with(8 + 255 * 4, &count.to_be_bytes());
    check(&count(4), "fanout table goes down at entry 255");
    check(&count(7), "1256 bytes long, expected 1268");
    check(&count(u32::MAX), "4294967295 objects, the limit is 134217728");
    check(&with(8 + 6 * 4, &9_u32.to_be_bytes()), "fanout table goes down at entry 7");
    check(&v2()[..v2().len() - 1], "1255 bytes long, expected 1240");
    let mut long = v2();
    long.extend([0; 40]);
    check(&long, "1296 bytes long, expected 1240");
}

#[test]
fn malformed_within() {
    let with = |at: usize, bytes: &[u8]| {
        let mut file = v2();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        sealed(file)
    };
    let (ids, offsets) = (8 + 1024, 8 + 1024 + 6 * 24);
    check(&with(ids, &[1]), "id at position 0 is out of order");
    check(&with(ids, id(0, 3).as_bytes()), "id at position 1 is out of order");
    check(&with(ids + 5 * 20, &[254]), "id at position 5 is out of order");
    check(
        &with(offsets, &[0, 0, 0, 11]),
        "position 0 has offset 11, the pack's entries end at 1099511627756",
    );
    check(&with(offsets, &[0x80, 0, 0, 2]), "offset at position 0 refers to large offset 2 of 2");
    check(
        &with(offsets + 24, &[0, 1, 0, 0]),
        "position 1 has offset 281474976710656, the pack's entries end at 1099511627756",
    );
    let mut flipped = v2();
    *flipped.last_mut().unwrap() ^= 1;
    let opened = Index::open(&flipped[..], SHA1, &Limits::default()).unwrap();
    let error = opened.check(None, &Never).unwrap_err().to_string();
    assert!(
        error.starts_with("pack index: checksum ") && error.contains("its trailer at offset 1236"),
        "{error}"
    );
}

#[test]
fn limit_of_objects() {
    let limits = |objects_max| Limits { objects_max, ..Limits::default() };
    assert!(Index::open(&v2()[..], SHA1, &limits(6)).is_ok());
    let error = Index::open(&v2()[..], SHA1, &limits(5)).unwrap_err();
    assert_eq!(error.to_string(), "pack index: 6 objects, the limit is 5");
}
