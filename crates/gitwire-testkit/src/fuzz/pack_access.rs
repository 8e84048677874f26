//! Reading by id from a pack whose bytes and index are anything.

use std::sync::Arc;

use gitwire_pack::{BaseCache, Index, IndexEntry, Limits, Pack, PackError, WriteIndex};
use gitwire_types::{ObjectFormat, ObjectId};

/// Joins pack bytes with an index that claims what the first bytes say: a count, then an offset of two bytes each. Reading
/// gives the object or an error, the same from a cache that holds everything as from one that holds nothing.
///
/// # Panics
/// When the two disagree.
pub(super) fn pack_access(data: &[u8]) {
    let [count, rest @ ..] = data else { return };
    let count = count % 16;
    let Some((offsets, entries)) = rest.split_at_checked(usize::from(count) * 2) else { return };
    let mut pack = b"PACK\0\0\0\x02\0\0\0".to_vec();
    pack.push(count);
    pack.extend_from_slice(entries);
    pack.extend_from_slice(&[7; 20]);
    let ids: Vec<ObjectId> = (0..count).map(|each| ObjectId::from_sha1([each; 20])).collect();
    let claims: Vec<IndexEntry> = ids
        .iter()
        .zip(offsets.chunks(2))
        .map(|(id, offset)| IndexEntry {
            id: *id,
            offset: u64::from(u16::from_be_bytes([offset[0], offset[1]])),
            crc32: Some(0),
        })
        .collect();
    let mut idx = Vec::new();
    let sink = |piece: &[u8]| {
        idx.extend_from_slice(piece);
        Ok(())
    };
    WriteIndex::new(ObjectFormat::Sha1).write(&claims[..], &ObjectId::from_sha1([7; 20]), sink).unwrap();
    let read = |cache: usize| {
        let limits = Limits {
            object_bytes_max: 1 << 16,
            delta_bytes_max: 1 << 14,
            delta_depth_max: 30,
            ..Limits::default()
        };
        let index = Index::open(&idx[..], ObjectFormat::Sha1, &limits).unwrap();
        let pack = Pack::open(&pack[..], index, Arc::new(BaseCache::new(cache)), limits).unwrap();
        let each = |id: &ObjectId| {
            let mut out = Vec::new();
            let kind = pack.read(id, 1 << 16, &mut out).inspect_err(check).ok().flatten();
            let _ = (pack.info(id).inspect_err(check), pack.entry(id).inspect_err(check));
            kind.map(|kind| (kind, out))
        };
        ids.iter().map(each).collect::<Vec<_>>()
    };
    assert_eq!(read(0), read(1 << 20));
}

fn check(error: &PackError) {
    assert!(!matches!(error, PackError::Internal(_) | PackError::Misuse(_)), "{error}");
}
