//! Reverse indexes that somebody else wrote.

use gitwire_pack::{Index, IndexEntry, Limits, PackError, ReverseIndex, WriteIndex, write_reverse_index};
use gitwire_types::{Never, ObjectFormat, ObjectId};

/// Opens a reverse index for a pack of as many objects as the first byte says, and asks it everything. One that passes its
/// check is written again, byte for byte the same.
///
/// # Panics
/// When a place disagrees with the index, or writing gives another file.
pub(super) fn rev_read(data: &[u8]) {
    let [count, file @ ..] = data else { return };
    let pack = ObjectId::from_sha1([7; 20]);
    let entries: Vec<IndexEntry> = (0..*count)
        .map(|each| {
            // The order of the pack turns that of the ids around.
            let offset = 12 + 10 * u64::from(count - each);
            IndexEntry { id: ObjectId::from_sha1([each; 20]), offset, crc32: Some(0) }
        })
        .collect();
    let mut idx = Vec::new();
    let sink = |piece: &[u8]| {
        idx.extend_from_slice(piece);
        Ok(())
    };
    WriteIndex::new(ObjectFormat::Sha1).write(&entries[..], &pack, sink).unwrap();
    let index = Index::open(idx, ObjectFormat::Sha1, &Limits::default()).unwrap();
    let Ok(reverse) = ReverseIndex::open(file, index.count(), &pack) else { return };
    for place in 0..reverse.count() {
        let _ = (reverse.position(place), reverse.place(&index, u64::from(place)));
    }
    match reverse.check(&index, &Never) {
        Ok(()) => {}
        Err(error) => {
            return assert!(!matches!(error, PackError::Internal(_) | PackError::Misuse(_)), "{error}");
        }
    }
    for entry in &entries {
        let place = reverse.place(&index, entry.offset).unwrap().unwrap();
        assert_eq!(index.entry(reverse.position(place).unwrap()).unwrap(), *entry);
    }
    let mut again = Vec::new();
    let sink = |piece: &[u8]| {
        again.extend_from_slice(piece);
        Ok(())
    };
    write_reverse_index((0..u32::from(*count)).rev(), &pack, sink).unwrap();
    assert_eq!(again, file);
}
