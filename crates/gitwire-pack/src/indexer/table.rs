//! What is known of each entry, a column per fact.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use gitwire_types::{ObjectFormat, ObjectKind};

use crate::{EntryHeader, EntryKind};

/// An entry as the scan finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scanned {
    pub(crate) offset: u64,
    /// Bytes to the end of the entry.
    pub(crate) len: u64,
    pub(crate) crc32: u32,
    pub(crate) header: EntryHeader,
}

/// The entries of a pack in its order. Memory grows with what arrived, by 21 bytes an entry.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) offsets: Vec<u64>,
    pub(crate) crcs: Vec<u32>,
    pub(crate) codes: Vec<Code>,
    /// For an offset delta the offset of its base.
    pub(crate) bases: Vec<u64>,
    /// The entries that are deltas against an id, and those ids one after the other.
    pub(crate) id_deltas: Vec<u32>,
    pub(crate) id_bases: Vec<u8>,
    /// Where the last entry ends.
    pub(crate) end: u64,
}

/// What an entry is, in a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    Whole(ObjectKind),
    OffsetDelta,
    IdDelta,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self {
            offsets: Vec::new(),
            crcs: Vec::new(),
            codes: Vec::new(),
            bases: Vec::new(),
            id_deltas: Vec::new(),
            id_bases: Vec::new(),
            end: 0,
        }
    }

    /// The number of entries: as many as a `u32` counts, for that is what a header can declare.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.offsets.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn push(&mut self, entry: &Scanned) {
        let (code, base) = match entry.header.kind {
            EntryKind::Whole(kind) => (Code::Whole(kind), 0),
            EntryKind::OffsetDelta { distance } => (Code::OffsetDelta, entry.offset.saturating_sub(distance)),
            EntryKind::IdDelta { base } => {
                self.id_deltas.push(self.count());
                self.id_bases.extend_from_slice(base.as_bytes());
                (Code::IdDelta, 0)
            }
        };
        self.offsets.push(entry.offset);
        self.crcs.push(entry.crc32);
        self.codes.push(code);
        self.bases.push(base);
        self.end = entry.offset.saturating_add(entry.len);
    }

    /// Where entry `at` starts and ends.
    pub(crate) fn place(&self, at: u32) -> (u64, u64) {
        let at = at as usize;
        let start = self.offsets.get(at).copied().unwrap_or(self.end);
        let end = self.offsets.get(at.saturating_add(1)).copied().unwrap_or(self.end);
        (start, end)
    }

    pub(crate) fn code(&self, at: u32) -> Option<Code> {
        self.codes.get(at as usize).copied()
    }

    /// The entry that starts at `offset`.
    pub(crate) fn at_offset(&self, offset: u64) -> Option<u32> {
        self.offsets.binary_search(&offset).ok().and_then(|at| u32::try_from(at).ok())
    }

    /// The base of the `nth` delta against an id.
    pub(crate) fn id_base(&self, nth: usize, format: ObjectFormat) -> &[u8] {
        let len = format.raw_len();
        let start = nth.saturating_mul(len);
        self.id_bases.get(start..start.saturating_add(len)).unwrap_or_default()
    }
}
