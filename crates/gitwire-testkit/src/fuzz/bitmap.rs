//! Reachability bitmaps that somebody else wrote.

use gitwire_object::{Hasher, Trust};
use gitwire_pack::{BitmapProblem, PackBitmaps};
use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

/// Reads the bitmaps of a pack of as many objects as the first byte says, and asks them everything; the checksum is put right first, so that
/// it hides nothing.
///
/// # Panics
/// When an answer names an object that the pack does not have.
pub(super) fn bitmap(data: &[u8]) {
    let [count, content @ ..] = data else { return };
    let pack = ObjectId::from_sha1([7; 20]);
    let mut hasher = Hasher::new(ObjectFormat::Sha1, Trust::Own);
    hasher.update(content);
    let file = [content, hasher.finish().unwrap().as_bytes()].concat();
    let bitmaps = match PackBitmaps::parse(file, u32::from(*count), &pack) {
        Ok(bitmaps) => bitmaps,
        Err(error) => return assert_ne!(error, BitmapProblem::Checksum),
    };
    for kind in [ObjectKind::Commit, ObjectKind::Tree, ObjectKind::Blob, ObjectKind::Tag] {
        assert!(bitmaps.of_kind(kind).iter().all(|place| place < bitmaps.objects()));
    }
    for position in 0..=bitmaps.objects() {
        let _ = bitmaps.name(position);
        let reached = bitmaps.reach(position);
        assert_eq!(bitmaps.has(position), !matches!(reached, Ok(None)));
        if let Ok(Some(reached)) = reached {
            assert!(reached.iter().all(|place| place < bitmaps.objects()));
            assert_eq!(reached.iter().count(), reached.count() as usize);
        }
    }
}
