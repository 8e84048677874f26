//! Pack indexes that somebody else wrote.

use gitwire_pack::{Index, Limits, PackError, WriteIndex};
use gitwire_types::{Never, ObjectFormat, ObjectId};

/// Opens an index and asks it everything. One that passes its check and has no room left over is written again, byte for
/// byte the same.
///
/// # Panics
/// When a lookup disagrees with the table, or writing gives another file.
pub(super) fn idx_read(data: &[u8]) {
    let [format, file @ ..] = data else { return };
    let format = if format & 1 == 0 { ObjectFormat::Sha1 } else { ObjectFormat::Sha256 };
    let Ok(index) = Index::open(file, format, &Limits { objects_max: 1000, ..Limits::default() }) else {
        return;
    };
    let sound = index.check(None, &Never);
    for position in 0..index.count() {
        let Ok(id) = index.id(position) else { panic!("position {position} is within the table") };
        let _ = (index.offset(position), index.crc32(position));
        let (found, range) = (index.lookup(&id), index.lookup_prefix(&id, 7));
        if sound.is_ok() {
            let found = found.unwrap().unwrap();
            assert_eq!(index.id(found).unwrap(), id);
            assert!(range.unwrap().contains(&position));
        }
    }
    assert!(!matches!(sound, Err(PackError::Internal(_))));
    let _ = index.lookup(&ObjectId::zero(format));
    let (Ok(()), Ok(entries)) = (sound, index.iter().collect::<Result<Vec<_>, _>>()) else { return };
    let mut again = Vec::new();
    let sink = |piece: &[u8]| {
        again.extend_from_slice(piece);
        Ok(())
    };
    let how = WriteIndex { version: index.version(), ..WriteIndex::new(format) };
    how.write(&entries[..], &index.pack_checksum().unwrap(), sink).unwrap();
    let large = entries.iter().any(|entry| entry.offset >= 1 << 31);
    assert!(large || again.len() != file.len() || again == file);
}
