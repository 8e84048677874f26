//! Checking a pack against its index, as `git verify-pack` does.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use gitwire_types::{Interrupt, ObjectId, ObjectKind};

use crate::bytes::read_exact_at;
use crate::{
    EntryHeader, Index, IndexEntry, IndexSource, Indexer, IndexerOptions, PackError, ReadAt, Resolve, Spool,
    Statistics, StorageFailure,
};

/// An object of a pack that was verified: what a line of `git verify-pack -v` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedObject {
    /// The object.
    pub id: ObjectId,
    /// What it is.
    pub kind: ObjectKind,
    /// The size in its entry's header: of the object, or of the delta.
    pub size: u64,
    /// The bytes of its entry.
    pub len: u64,
    /// Where its entry starts.
    pub offset: u64,
    /// The deltas between it and a whole object, and what the first of them is against.
    pub delta: Option<(u32, ObjectId)>,
}

/// Checks everything: the checksums of pack and index, each entry, each object's id, and that the index holds just these
/// objects at just these places with these CRCs. `each` sees the objects in the order of the pack, once all is known to be
/// well.
///
/// It works as [`Indexer`] does, in the threads and memory of `options`.
///
/// # Errors
/// What is wrong, with its offset; [`PackError::Storage`], [`PackError::Interrupted`].
pub fn verify_pack<D: ReadAt, I: ReadAt>(
    data: &D,
    index: &Index<I>,
    options: IndexerOptions,
    resolve: &Resolve<'_>,
    interrupt: &dyn Interrupt,
    each: &mut dyn FnMut(VerifiedObject),
) -> Result<Statistics, PackError> {
    if options.format != index.format() {
        return Err(PackError::Misuse("index of another hash function"));
    }
    index.check(Some(data.size()), interrupt)?;
    let resolve = Resolve { bases: None, ..*resolve };
    let mut indexer = Indexer::new(InPlace { data, len: 0 }, options);
    let mut room = vec![0; PIECE];
    let mut at = 0;
    loop {
        let count = data.read_at(at, &mut room).map_err(PackError::Storage)?;
        if count == 0 {
            break;
        }
        indexer.write(room.get(..count).unwrap_or_default(), interrupt)?;
        at = at.saturating_add(count as u64);
    }
    let indexed = indexer.finish(&resolve, interrupt)?;
    let (expected, actual) = (index.pack_checksum()?, indexed.checksum());
    if expected != actual {
        return Err(PackError::WrongPack { expected, actual });
    }
    if index.count() != indexed.count() {
        return Err(PackError::ObjectCount { expected: index.count(), actual: indexed.count() });
    }
    compare(index, &indexed)?;
    for object in indexed.places() {
        let mut header = [0; EntryHeader::MAX_LEN];
        let len = usize::try_from(object.len).unwrap_or(usize::MAX).min(EntryHeader::MAX_LEN);
        let bytes = header.get_mut(..len).unwrap_or_default();
        read_exact_at(data, object.offset, bytes)?;
        let header = EntryHeader::parse(bytes, index.format(), object.offset)?;
        let size = header.map_or(0, |header| header.size);
        each(VerifiedObject { size, ..object });
    }
    Ok(indexed.statistics())
}

/// Finds the first object that the index knows otherwise.
fn compare<I: ReadAt>(index: &Index<I>, indexed: &impl IndexSource) -> Result<(), PackError> {
    let mut position = 0;
    while position < index.count() {
        // Equal ids are duplicates, and may stand in any order.
        let first = indexed.entry(position);
        let behind = position.saturating_add(1)..index.count();
        let same = behind.take_while(|position| indexed.entry(*position).id == first.id).count();
        let end = position.saturating_add(1).saturating_add(u32::try_from(same).unwrap_or(0));
        let mut known =
            (position..end).map(|position| index.entry(position)).collect::<Result<Vec<_>, _>>()?;
        known.sort_by_key(|entry| entry.offset);
        for (expected, position) in known.into_iter().zip(position..end) {
            compare_entry(&expected, &indexed.entry(position))?;
        }
        position = end;
    }
    Ok(())
}

fn compare_entry(expected: &IndexEntry, actual: &IndexEntry) -> Result<(), PackError> {
    let offset = actual.offset;
    if expected.id != actual.id {
        return Err(PackError::Hash { offset, expected: expected.id, actual: actual.id });
    }
    if expected.offset != offset {
        return Err(PackError::Offset { offset, id: actual.id, expected: expected.offset });
    }
    match (expected.crc32, actual.crc32) {
        (Some(expected), Some(actual)) if expected != actual => {
            Err(PackError::Crc { offset, expected, actual })
        }
        _ => Ok(()),
    }
}

/// A pack that stays where it is while it is indexed.
struct InPlace<'a, D> {
    data: &'a D,
    len: u64,
}

impl<D: ReadAt> ReadAt for InPlace<'_, D> {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<usize, StorageFailure> {
        self.data.read_at(offset, out)
    }

    fn size(&self) -> u64 {
        self.len
    }

    fn in_memory(&self) -> Option<&[u8]> {
        self.data.in_memory()
    }

    fn spill(&self) -> Result<Box<dyn Spool>, StorageFailure> {
        self.data.spill()
    }
}

impl<D: ReadAt> Spool for InPlace<'_, D> {
    fn append(&mut self, bytes: &[u8]) -> Result<(), StorageFailure> {
        self.len = self.len.saturating_add(bytes.len() as u64);
        Ok(())
    }

    fn write_at(&mut self, _: u64, _: &[u8]) -> Result<(), StorageFailure> {
        Err("a pack that is verified is left as it is".into())
    }
}

/// Bytes that are read at once.
const PIECE: usize = 256 << 10;
