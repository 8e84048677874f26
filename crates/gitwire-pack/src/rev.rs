//! Reverse indexes, `.rev`: from the order of the pack to the order of the ids (`gitformat-pack`, "pack-*.rev files").

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use std::fmt;

use gitwire_object::{Hasher, Trust};
use gitwire_types::{Interrupt, ObjectFormat, ObjectId};

use crate::bytes::{be32, read_exact_at};
use crate::hash::finish;
use crate::idx::hash_range;
use crate::idx_write::Output;

use crate::{Index, PackError, ReadAt, ReverseIndexProblem, StorageFailure};

/// A reverse index: entry *n* is the position in the index of the object that stands *n*th in the pack.
pub struct ReverseIndex<R> {
    data: R,
    format: ObjectFormat,
    count: u32,
}

impl<R: ReadAt> ReverseIndex<R> {
    /// Opens the reverse index of a pack of `count` objects and of checksum `pack`.
    ///
    /// # Errors
    /// A [`ReverseIndexProblem`]; [`PackError::Storage`].
    pub fn open(data: R, count: u32, pack: &ObjectId) -> Result<Self, PackError> {
        let format = pack.format();
        let this = Self { data, format, count };
        let (expected, actual) = (this.expected_len(), this.data.size());
        if actual != expected {
            return Err(ReverseIndexProblem::Size { expected, actual }.into());
        }
        let mut header = [0; HEADER_LEN];
        read_exact_at(&this.data, 0, &mut header)?;
        let ([signature, version, function], []) = header.as_chunks::<4>() else {
            return Err(PackError::Internal("twelve bytes are three times four"));
        };
        if signature != b"RIDX" {
            return Err(ReverseIndexProblem::Signature { found: *signature }.into());
        }
        let version = u32::from_be_bytes(*version);
        if version != 1 {
            return Err(ReverseIndexProblem::Version { found: version }.into());
        }
        let (found, expected) = (u32::from_be_bytes(*function), function_number(format));
        if found != expected {
            return Err(ReverseIndexProblem::HashFunction { found, expected }.into());
        }
        let actual = this.read_trailer(0)?;
        if actual != *pack {
            return Err(ReverseIndexProblem::WrongPack { expected: *pack, actual }.into());
        }
        Ok(this)
    }

    /// The number of objects.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The position in the index of the object that stands at `place` in the pack, counted from 0.
    ///
    /// # Errors
    /// [`ReverseIndexProblem::Entry`] for a position that is none; [`PackError::Misuse`] for a place that is none;
    /// [`PackError::Storage`].
    pub fn position(&self, place: u32) -> Result<u32, PackError> {
        if place >= self.count {
            return Err(PackError::Misuse("place beyond the last object"));
        }
        let mut word = [0; 4];
        read_exact_at(&self.data, entry_at(place), &mut word)?;
        match be32(&word) {
            found if found < self.count => Ok(found),
            found => Err(ReverseIndexProblem::Entry { entry: place, found }.into()),
        }
    }

    /// The place in the pack of the entry that starts at `offset`; `None` if none does.
    ///
    /// # Errors
    /// Those of [`ReverseIndex::position`] and of the index.
    pub fn place<I: ReadAt>(&self, index: &Index<I>, offset: u64) -> Result<Option<u32>, PackError> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low.midpoint(high);
            match index.offset(self.position(middle)?)?.cmp(&offset) {
                std::cmp::Ordering::Less => low = middle.saturating_add(1),
                std::cmp::Ordering::Equal => return Ok(Some(middle)),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok(None)
    }

    /// All positions in the order of the pack, once the file was found to hash to its trailer: damage is noticed, and whether the order is that of the
    /// offsets is not looked at, which would take five times as long.
    ///
    /// # Errors
    /// [`ReverseIndexProblem::Checksum`], [`ReverseIndexProblem::Entry`] for a position that is none; [`PackError::Storage`].
    pub(crate) fn positions(&self) -> Result<Box<[u32]>, PackError> {
        let raw_len = self.format.raw_len();
        let hashed = usize::try_from(self.expected_len()).unwrap_or(usize::MAX).saturating_sub(raw_len);
        let mut bytes = vec![0; hashed];
        read_exact_at(&self.data, 0, &mut bytes)?;
        let mut hasher = Hasher::new(self.format, Trust::Own);
        hasher.update(&bytes);
        let (actual, expected) = (finish(hasher)?, self.read_trailer(raw_len as u64)?);
        if actual != expected {
            return Err(ReverseIndexProblem::Checksum { offset: hashed as u64, expected, actual }.into());
        }
        let table = bytes.get(HEADER_LEN..).unwrap_or_default();
        let (words, _) =
            table.get(..table.len().saturating_sub(raw_len)).unwrap_or_default().as_chunks::<4>();
        let mut order = Vec::with_capacity(words.len());
        for (entry, word) in (0..).zip(words) {
            match u32::from_be_bytes(*word) {
                found if found < self.count => order.push(found),
                found => return Err(ReverseIndexProblem::Entry { entry, found }.into()),
            }
        }
        Ok(order.into())
    }

    /// Reads all of it: its checksum, and that it goes through the offsets of `index` in order.
    ///
    /// # Errors
    /// The [`ReverseIndexProblem`] that is met first; errors of the index; [`PackError::Storage`], [`PackError::Interrupted`].
    pub fn check<I: ReadAt>(&self, index: &Index<I>, interrupt: &dyn Interrupt) -> Result<(), PackError> {
        let raw_len = self.format.raw_len() as u64;
        let offset = self.expected_len().saturating_sub(raw_len);
        let actual = hash_range(&self.data, self.format, offset, interrupt)?;
        let expected = self.read_trailer(raw_len)?;
        if actual != expected {
            return Err(ReverseIndexProblem::Checksum { offset, expected, actual }.into());
        }
        let mut last = None;
        for place in 0..self.count {
            if place.is_multiple_of(0x4000) {
                interrupt.check()?;
            }
            let position = self.position(place)?;
            let offset = index.offset(position)?;
            if last.is_some_and(|last| last >= offset) {
                return Err(ReverseIndexProblem::Entry { entry: place, found: position }.into());
            }
            last = Some(offset);
        }
        Ok(())
    }

    fn expected_len(&self) -> u64 {
        entry_at(self.count).saturating_add(2_u64.saturating_mul(self.format.raw_len() as u64))
    }

    /// The id `skip` bytes behind the table.
    fn read_trailer(&self, skip: u64) -> Result<ObjectId, PackError> {
        let mut bytes = [0; 32];
        let raw = bytes.get_mut(..self.format.raw_len()).unwrap_or_default();
        read_exact_at(&self.data, entry_at(self.count).saturating_add(skip), raw)?;
        ObjectId::from_raw(self.format, raw).map_err(|_| PackError::Internal("an id has its format's length"))
    }
}

impl<R> fmt::Debug for ReverseIndex<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReverseIndex").field("count", &self.count).finish_non_exhaustive()
    }
}

/// Writes a reverse index byte for byte as git does, to `sink`, in pieces; gives its own checksum.
///
/// `positions` are the positions in the index in the order of the pack, `pack` is the checksum of the pack.
///
/// # Errors
/// [`PackError::Storage`] with the sink's error.
pub fn write_reverse_index(
    positions: impl IntoIterator<Item = u32>,
    pack: &ObjectId,
    sink: impl FnMut(&[u8]) -> Result<(), StorageFailure>,
) -> Result<ObjectId, PackError> {
    let mut out = Output::new(pack.format(), sink);
    out.put(b"RIDX\0\0\0\x01")?;
    out.put(&function_number(pack.format()).to_be_bytes())?;
    for position in positions {
        out.put(&position.to_be_bytes())?;
    }
    out.put(pack.as_bytes())?;
    out.finish()
}

fn entry_at(place: u32) -> u64 {
    u64::from(place).saturating_mul(4).saturating_add(HEADER_LEN as u64)
}

/// The number of a hash function in the files beside a pack.
fn function_number(format: ObjectFormat) -> u32 {
    match format {
        ObjectFormat::Sha1 => 1,
        ObjectFormat::Sha256 => 2,
    }
}

const HEADER_LEN: usize = 12;

#[cfg(test)]
mod tests;
