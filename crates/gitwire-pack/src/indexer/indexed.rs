//! A pack that was indexed.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use std::fmt;
use std::sync::atomic::Ordering;

use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

use crate::indexer::family::{Families, NONE, Names};
use crate::indexer::options::Duplicates;
use crate::indexer::resolve::Naming;
use crate::indexer::table::{Code, Table};
use crate::{
    IndexEntry, IndexSource, IndexVersion, LARGE_OFFSET_ABOVE, PackError, StorageFailure, VerifiedObject,
    WriteIndex, write_reverse_index,
};

/// A pack of which every object is named: what its index is written from.
pub struct Indexed<S> {
    spool: S,
    format: ObjectFormat,
    checksum: ObjectId,
    table: Table,
    names: Names,
    families: Families,
    /// Entries in the order of their ids.
    order: Vec<u32>,
    statistics: Statistics,
}

/// What a pack is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Statistics {
    /// Objects, appended bases among them.
    pub objects: u32,
    /// Of these, deltas against an offset.
    pub offset_deltas: u32,
    /// Of these, deltas against an id.
    pub id_deltas: u32,
    /// Bases that were appended to complete a thin pack.
    pub appended: u32,
    /// Bytes of the pack, with its trailer.
    pub pack_bytes: u64,
    /// Bytes of all objects, appended bases left out.
    pub object_bytes: u64,
    /// The longest chain of deltas.
    pub depth_max: u32,
}

impl<S> Indexed<S> {
    pub(crate) fn new(naming: Naming<'_, S>, checksum: ObjectId, appended: u32) -> Result<Self, PackError> {
        let Naming { spool, options, table, names, mut families, counts, .. } = naming;
        families.forget_children();
        let order = sort(&names, table.count(), options.threads.get());
        let format = options.format;
        if options.duplicates == Duplicates::Refuse {
            let mut pairs = order.iter().zip(order.iter().skip(1));
            if let Some((_, entry)) = pairs.find(|(a, b)| names.id(**a) == names.id(**b)) {
                return Err(PackError::Duplicate { id: names.id(*entry), offset: table.place(*entry).0 });
            }
        }
        let deltas = |code: Code| {
            u32::try_from(table.codes.iter().filter(|each| **each == code).count()).unwrap_or(u32::MAX)
        };
        let statistics = Statistics {
            objects: table.count(),
            offset_deltas: deltas(Code::OffsetDelta),
            id_deltas: deltas(Code::IdDelta),
            appended,
            pack_bytes: table.end.saturating_add(format.raw_len() as u64),
            object_bytes: counts.bytes.load(Ordering::Relaxed),
            depth_max: counts.depth_max.load(Ordering::Relaxed),
        };
        Ok(Self { spool, format, checksum, table, names, families, order, statistics })
    }

    /// The checksum of the pack, as its trailer says it: by it git names packs.
    pub fn checksum(&self) -> ObjectId {
        self.checksum
    }

    /// What the pack is made of.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// The spool with the pack.
    pub fn spool(&self) -> &S {
        &self.spool
    }

    /// Gives the spool back; the rest is forgotten.
    pub fn into_spool(self) -> S {
        self.spool
    }

    /// Every object and its kind, in the order of the pack. Bases that were appended come last.
    pub fn objects(&self) -> impl Iterator<Item = (ObjectId, ObjectKind)> + '_ {
        (0..self.table.count()).filter_map(|entry| Some((self.names.id(entry), self.names.kind(entry)?)))
    }

    /// Where each object stands, in the order of the pack. The size in the entry's header is left at 0.
    pub(crate) fn places(&self) -> impl Iterator<Item = VerifiedObject> + '_ {
        let depths = self.depths();
        (0..self.table.count()).zip(depths).filter_map(|(entry, depth)| {
            let (offset, end) = self.table.place(entry);
            let parent = self.families.parent(entry);
            let delta = (parent != NONE).then(|| (depth, self.names.id(parent)));
            let (id, kind) = (self.names.id(entry), self.names.kind(entry)?);
            Some(VerifiedObject { id, kind, size: 0, len: end.saturating_sub(offset), offset, delta })
        })
    }

    /// The deltas between each entry and a whole object.
    fn depths(&self) -> Vec<u32> {
        let mut depths = vec![0; self.table.offsets.len()];
        let mut chain = Vec::new();
        for entry in 0..self.table.count() {
            let known = |depths: &[u32], at: u32| depths.get(at as usize).copied().unwrap_or(0);
            let mut at = entry;
            while known(&depths, at) == 0 && self.families.parent(at) != NONE {
                chain.push(at);
                at = self.families.parent(at);
            }
            let mut depth = known(&depths, at);
            while let Some(at) = chain.pop() {
                depth = depth.saturating_add(1);
                if let Some(place) = depths.get_mut(at as usize) {
                    *place = depth;
                }
            }
        }
        depths
    }

    /// Writes the pack's index to `sink`, in pieces, as git would; gives the checksum of the index.
    ///
    /// # Errors
    /// [`PackError::Storage`] with the sink's error.
    pub fn write_index(
        &self,
        version: IndexVersion,
        sink: impl FnMut(&[u8]) -> Result<(), StorageFailure>,
    ) -> Result<ObjectId, PackError> {
        let how = WriteIndex { format: self.format, version, large_offset_above: LARGE_OFFSET_ABOVE };
        how.write(self, &self.checksum, sink)
    }

    /// Writes the pack's reverse index to `sink`, in pieces, as git would; gives the checksum of the reverse index.
    ///
    /// # Errors
    /// [`PackError::Storage`] with the sink's error.
    pub fn write_reverse_index(
        &self,
        sink: impl FnMut(&[u8]) -> Result<(), StorageFailure>,
    ) -> Result<ObjectId, PackError> {
        let mut positions = vec![0; self.order.len()];
        for (position, entry) in (0..).zip(&self.order) {
            if let Some(place) = positions.get_mut(*entry as usize) {
                *place = position;
            }
        }
        write_reverse_index(positions, &self.checksum, sink)
    }

    /// The number of objects.
    pub fn count(&self) -> u32 {
        self.table.count()
    }
}

impl<S> IndexSource for Indexed<S> {
    fn count(&self) -> u32 {
        self.table.count()
    }

    fn entry(&self, position: u32) -> IndexEntry {
        let entry = self.order.get(position as usize).copied().unwrap_or(0);
        let crc32 = self.table.crcs.get(entry as usize).copied();
        IndexEntry { id: self.names.id(entry), offset: self.table.place(entry).0, crc32 }
    }
}

impl<S> fmt::Debug for Indexed<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Indexed")
            .field("checksum", &self.checksum)
            .field("statistics", &self.statistics)
            .finish_non_exhaustive()
    }
}

/// The entries in the order of their ids; equal ids in the order of the pack. Each thread sorts a range of first bytes.
fn sort(names: &Names, count: u32, threads: usize) -> Vec<u32> {
    let threads = if count < 1 << 14 { 1 } else { u64::try_from(threads.clamp(1, 64)).unwrap_or(1) };
    let part = |share: u64| {
        // The share of an id, by its first sixteen bits.
        let mut keys: Vec<(u64, u32)> = (0..count)
            .map(|entry| (names.prefix(entry), entry))
            .filter(|(prefix, _)| (prefix >> 48).saturating_mul(threads) >> 16 == share)
            .collect();
        keys.sort_unstable_by(|a, b| {
            a.0.cmp(&b.0).then_with(|| names.id(a.1).cmp(&names.id(b.1))).then(a.1.cmp(&b.1))
        });
        keys.into_iter().map(|(_, entry)| entry).collect::<Vec<u32>>()
    };
    let part = &part;
    std::thread::scope(|scope| {
        let handles: Vec<_> = (1..threads).map(|share| scope.spawn(move || part(share))).collect();
        let mut order = part(0);
        for (share, handle) in (1..).zip(handles) {
            order.extend(handle.join().unwrap_or_else(|_| part(share)));
        }
        order
    })
}
