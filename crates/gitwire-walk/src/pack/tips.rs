//! What would go whole, or as a long delta, although the receiver has something that is more alike.
//!
//! In a pack the newest of its kind stands whole, and older ones are deltas against it; or it is a delta against what was alike long ago, when
//! it was pushed. What stands in its place in the history of the receiver is mostly better.

use std::collections::HashSet;

use gitwire_storage::Reachability;
use gitwire_types::ObjectKind;

use super::cover::kind_at;
use crate::WalkError;
use crate::objects::{Fact, Found};

/// Objects that could go as shorter deltas.
#[derive(Debug, Default)]
pub(super) struct Tips {
    /// The bytes that each takes as it stands, and its place.
    long: Vec<(u64, u32)>,
}

impl Tips {
    /// Notes that an object goes from this place as it stands: whole, or as a delta against what the receiver has.
    pub(super) fn note(&mut self, place: u32, bytes: u64, is_delta: bool) {
        if bytes >= if is_delta { LONG_DELTA } else { LONG } {
            self.long.push((bytes, place));
        }
    }

    /// Moves those of the longest `max` for which there are bases in `found` from what is kept to there; gives the places of the moved.
    pub(super) fn list(
        self,
        reach: &dyn Reachability,
        found: &mut Found,
        max: usize,
    ) -> Result<Vec<u32>, WalkError> {
        let mut long = self.long;
        // The longest are worth most.
        long.sort_unstable_by_key(|(bytes, place)| (std::cmp::Reverse(*bytes), *place));
        long.truncate(max);
        let is_base = |fact: Fact| fact.is(Fact::EXCLUDED) && is_tree_or_blob(fact.kind);
        let key = |fact: Fact| (fact.kind, fact.name);
        let bases: HashSet<_> = found.select(is_base).map(|at| key(found.fact(at))).collect();
        let mut moved = Vec::new();
        for (_, place) in long {
            let Some(kind) = kind_at(reach, place).filter(|kind| is_tree_or_blob(*kind)) else { continue };
            let (id, name) = reach.object(place)?;
            // Without a number it stands nowhere in particular.
            if name != 0 && bases.contains(&(kind, name)) {
                let (at, _) = found.meet(id.as_bytes(), kind, name)?;
                found.flag(at, Fact::SEND);
                moved.push(place);
            }
        }
        Ok(moved)
    }
}

fn is_tree_or_blob(kind: ObjectKind) -> bool {
    matches!(kind, ObjectKind::Tree | ObjectKind::Blob)
}

/// Whole entries shorter than this gain little: a delta and the name of its base take some fifty bytes.
const LONG: u64 = 256;
/// Deltas shorter than this are not worth the tenth of a millisecond that it takes to look for another.
const LONG_DELTA: u64 = 4096;
