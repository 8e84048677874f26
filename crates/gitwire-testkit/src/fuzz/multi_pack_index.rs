//! Multi-pack indexes that somebody else wrote.

use gitwire_object::{Hasher, Trust};
use gitwire_pack::{MultiPackIndex, MultiPackProblem};
use gitwire_types::ObjectFormat;

/// Reads an index and asks it everything; its checksum is put right first, so that it hides nothing.
///
/// # Panics
/// When answers contradict each other.
pub(super) fn multi_pack_index(data: &[u8]) {
    let mut hasher = Hasher::new(ObjectFormat::Sha1, Trust::Own);
    hasher.update(data);
    let file = [data, hasher.finish().unwrap().as_bytes()].concat();
    let index = match MultiPackIndex::parse(file, ObjectFormat::Sha1) {
        Ok(index) => index,
        Err(problem) => return assert!(!matches!(problem, MultiPackProblem::Checksum { .. })),
    };
    let order = index.order().ok().flatten();
    for position in 0..index.count() {
        let (pack, offset) = index.entry(position).unwrap();
        assert!((pack as usize) < index.packs().len());
        assert_eq!(index.lookup(&index.id(position).unwrap()), Some(position));
        if let Some(order) = &order {
            let place = order.place(position).unwrap();
            assert_eq!(order.position(place), Some(position));
            assert_eq!(order.place_at(&index, pack, offset), Some(place));
        }
    }
    assert_eq!(index.entry(index.count()), None);
}
