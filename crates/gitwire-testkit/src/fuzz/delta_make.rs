//! Deltas of our own.

use gitwire_delta::{DeltaIndex, Made, apply};

/// Makes a delta between the two halves of the data, applies it, and demands the target; then asks for a shorter one. The
/// first two bytes say where the base ends and how often it is repeated, and what size is asked for.
///
/// # Panics
/// When the result is another, or a delta is longer than was asked for.
pub(super) fn delta_make(data: &[u8]) {
    let [split, cap, data @ ..] = data else { return };
    let (base, target) = data.split_at(data.len() * usize::from(*split) / 255);
    let base = base.repeat(usize::from(cap & 3) + 1);
    let index = DeltaIndex::new(&base);
    let mut delta = Vec::new();
    if index.make(target, usize::MAX, &mut delta) == Made::Declined {
        return assert!(target.is_empty(), "every target but nothing has a delta");
    }
    let mut result = Vec::new();
    assert_eq!(apply(&base, &delta, target.len() as u64, &mut result), Ok(()));
    assert!(result == target);

    let whole = delta.len();
    let max = whole * usize::from(*cap) / 255;
    match index.make(target, max, &mut delta) {
        Made::Delta => assert!(delta.len() <= max && apply(&base, &delta, u64::MAX, &mut result) == Ok(())),
        // Where more blocks than an index keeps are alike, what is found may depend on how far the search goes.
        Made::Declined => assert!(max < whole || base.len() >= 64 * 16),
    }
}
