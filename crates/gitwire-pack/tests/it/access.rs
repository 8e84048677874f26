//! Reading by id where pack and index are at odds.

use std::sync::Arc;

use gitwire_pack::{BaseCache, Index, IndexEntry, Limits, Pack, PackError, WriteIndex};
use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

use crate::packs::{PackBuilder, SHA1, appending, blob_id, idx_of, index, whole_text};

fn open(pack: Vec<u8>, idx: Vec<u8>) -> Result<Pack<Vec<u8>, Vec<u8>>, PackError> {
    let limits = Limits::default();
    Pack::open(pack, Index::open(idx, SHA1, &limits)?, Arc::new(BaseCache::new(1 << 20)), limits)
}

/// An index that claims what it is told.
fn claim(pack: &[u8], entries: &[(ObjectId, u64)]) -> Vec<u8> {
    let mut entries: Vec<_> =
        entries.iter().map(|(id, offset)| IndexEntry { id: *id, offset: *offset, crc32: Some(0) }).collect();
    entries.sort_by_key(|entry| entry.id);
    let checksum = ObjectId::from_raw(SHA1, &pack[pack.len() - 20..]).unwrap();
    let mut idx = Vec::new();
    let how = WriteIndex { large_offset_above: 1000, ..WriteIndex::new(SHA1) };
    how.write(&entries[..], &checksum, |piece| {
        idx.extend_from_slice(piece);
        Ok(())
    })
    .unwrap();
    idx
}

#[test]
fn cycles_by_id() {
    let mut pack = PackBuilder::new();
    let ids = [blob_id(b"a"), blob_id(b"b"), blob_id(b"c")];
    let mut places = Vec::new();
    for at in 0..3 {
        places.push((ids[at], pack.id_delta(ids[(at + 1) % 3], &appending(1, b"x"))));
    }
    let pack = pack.finish();
    let pack = open(pack.clone(), claim(&pack, &places)).unwrap();
    for id in ids {
        let error = pack.read(&id, 100, &mut Vec::new()).unwrap_err();
        assert!(matches!(error, PackError::DeltaCycle { .. }), "{error}");
        assert!(matches!(pack.info(&id), Err(PackError::ChainTooDeep { .. })));
    }
}

#[test]
fn a_base_that_is_not_indexed() {
    let mut builder = PackBuilder::new();
    let delta = builder.id_delta(blob_id(b"a"), &appending(1, b"x"));
    let pack = builder.finish();
    let pack = open(pack.clone(), claim(&pack, &[(blob_id(b"ax"), delta)])).unwrap();
    let error = pack.read(&blob_id(b"ax"), 100, &mut Vec::new()).unwrap_err();
    let expected = format!("delta at offset 12 is against {}, which is not in the pack", blob_id(b"a"));
    assert_eq!(whole_text(&error), expected);
}

#[test]
fn offsets_outside_of_the_pack() {
    let mut builder = PackBuilder::new();
    builder.blob(b"a");
    let second = builder.blob(b"b");
    let bytes = builder.finish();
    let end = bytes.len() - 20;
    for offset in [0, 11, end as u64, 5000, 1 << 40] {
        let idx = claim(&bytes, &[(blob_id(b"a"), offset), (blob_id(b"b"), second)]);
        let pack = open(bytes.clone(), idx).unwrap();
        let error = pack.read(&blob_id(b"a"), 100, &mut Vec::new()).unwrap_err();
        let position = pack.index().lookup(&blob_id(b"a")).unwrap().unwrap();
        let expected = format!("position {position} has offset {offset}, the pack's entries end at {end}");
        assert_eq!(whole_text(&error), format!("pack index: {expected}"));
        assert_eq!(pack.read(&blob_id(b"b"), 100, &mut Vec::new()).unwrap(), Some(ObjectKind::Blob));
    }
}

/// Content that does not belong to its id is refused where that is asked for.
#[test]
fn another_object_than_the_index_says() {
    let mut builder = PackBuilder::new();
    let offset = builder.blob(b"a");
    let bytes = builder.finish();
    let (right, wrong) = (blob_id(b"a"), blob_id(b"b"));
    let idx = claim(&bytes, &[(wrong, offset)]);
    assert!(open(bytes.clone(), idx.clone()).unwrap().read(&wrong, 9, &mut Vec::new()).is_ok());
    let pack = open(bytes, idx).unwrap().check_ids();
    let expected = format!("entry at offset 12 is {right}, the index says {wrong}");
    assert_eq!(pack.read(&wrong, 9, &mut Vec::new()).unwrap_err().to_string(), expected);
    let mut stream = pack.open_object(&wrong).unwrap().unwrap();
    let mut room = [0; 10];
    assert_eq!(stream.read(&mut room).unwrap(), 1);
    assert_eq!(stream.read(&mut room).unwrap_err().to_string(), expected);
}

#[test]
fn the_pack_of_another_index() {
    let one = |content: &[u8]| {
        let mut pack = PackBuilder::new();
        pack.blob(content);
        pack.finish()
    };
    let (a, b) = (one(b"a"), one(b"b"));
    let idx = idx_of(&index(&b).unwrap());
    assert!(matches!(open(a.clone(), idx), Err(PackError::WrongPack { .. })));
    let idx = idx_of(&index(&PackBuilder::new().finish()).unwrap());
    assert!(matches!(open(a, idx), Err(PackError::ObjectCount { expected: 0, actual: 1 })));
}

#[test]
fn sizes_beyond_what_the_caller_takes() {
    let mut builder = PackBuilder::new();
    let base = builder.blob(b"12345");
    let delta = builder.offset_delta(base, &appending(5, b"6"));
    let bytes = builder.finish();
    let pack = open(bytes.clone(), idx_of(&index(&bytes).unwrap())).unwrap();
    for (content, offset) in [(b"12345".as_slice(), base), (b"123456", delta)] {
        let (id, size) = (blob_id(content), content.len() as u64);
        for _ in 0..2 {
            // The second time from the cache.
            let error = pack.read(&id, size - 1, &mut Vec::new()).unwrap_err();
            let expected =
                format!("entry at offset {offset} declares {size} bytes, the limit is {}", size - 1);
            assert_eq!(whole_text(&error), expected);
            let mut out = Vec::new();
            pack.read(&id, size, &mut out).unwrap();
            assert_eq!(out, content);
        }
    }
    assert_eq!(pack.read(&blob_id(b"absent"), 9, &mut Vec::new()).unwrap(), None);
    let other = ObjectId::zero(ObjectFormat::Sha256);
    assert!(matches!(pack.read(&other, 9, &mut Vec::new()), Err(PackError::Misuse(_))));
}
