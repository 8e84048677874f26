//! Object ids under dense numbers.

use std::hash::BuildHasher;

use gitwire_types::{ObjectFormat, ObjectId};
use hashbrown::{DefaultHashBuilder, HashTable};

use crate::WalkError;

/// A set of object ids that numbers them from 0 in the order of their arrival.
///
/// The raw ids lie in one block; the table holds numbers only: 20 bytes (SHA-1) and at most ten more an id. The hasher is
/// seeded, since peers choose ids.
#[derive(Debug, Clone)]
pub(crate) struct IdTable {
    format: ObjectFormat,
    raw: Vec<u8>,
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl IdTable {
    pub(crate) fn new(format: ObjectFormat) -> Self {
        Self { format, raw: Vec::new(), table: HashTable::new(), hasher: DefaultHashBuilder::default() }
    }

    /// The number of `raw`, which is new where the second value says so.
    pub(crate) fn insert(&mut self, raw: &[u8]) -> (u32, bool) {
        let Self { format, raw: block, table, hasher } = self;
        let len = format.raw_len();
        let hash = hash(hasher, raw);
        let entry = table.entry(
            hash,
            |at| slot(block, len, *at) == raw,
            |at| self::hash(hasher, slot(block, len, *at)),
        );
        match entry {
            hashbrown::hash_table::Entry::Occupied(found) => (*found.get(), false),
            hashbrown::hash_table::Entry::Vacant(free) => {
                // More than u32 ids do not fit in memory; limits end the walk long before.
                let at = u32::try_from(block.len() / len).unwrap_or(u32::MAX);
                free.insert(at);
                block.extend_from_slice(raw);
                (at, true)
            }
        }
    }

    pub(crate) fn get(&self, raw: &[u8]) -> Option<u32> {
        let len = self.format.raw_len();
        self.table.find(hash(&self.hasher, raw), |at| slot(&self.raw, len, *at) == raw).copied()
    }

    /// The raw bytes of the id under `at`; empty for a number that was never given.
    pub(crate) fn raw(&self, at: u32) -> &[u8] {
        slot(&self.raw, self.format.raw_len(), at)
    }

    pub(crate) fn id(&self, at: u32) -> Result<ObjectId, WalkError> {
        ObjectId::from_raw(self.format, self.raw(at))
            .map_err(|_| WalkError::Internal("an id that was never numbered"))
    }

    pub(crate) fn format(&self) -> ObjectFormat {
        self.format
    }
}

fn slot(block: &[u8], len: usize, at: u32) -> &[u8] {
    let start = at as usize * len;
    block.get(start..start + len).unwrap_or_default()
}

fn hash(hasher: &DefaultHashBuilder, raw: &[u8]) -> u64 {
    // All of it: a peer that names ids of its own making can let any part of them be the same.
    hasher.hash_one(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client said a million `shallow` lines that differed in their last four bytes, and the server searched each among all others.
    #[test]
    fn ids_that_differ_in_any_byte_differ_in_their_hash() {
        let table = IdTable::new(ObjectFormat::Sha256);
        for len in [20, 32] {
            let id = vec![0; len];
            for at in 0..len {
                let mut other = id.clone();
                other[at] = 1;
                assert_ne!(hash(&table.hasher, &id), hash(&table.hasher, &other), "{at} of {len}");
            }
        }
    }
}
