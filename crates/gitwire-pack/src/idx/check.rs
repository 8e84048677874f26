//! Reading all of an index to see whether it is sound.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use gitwire_object::{Hasher, Trust};
use gitwire_types::Interrupt;

use crate::bytes::read_exact_at;
use crate::hash::finish;
use crate::idx::Index;
use crate::{IndexProblem, PackError, PackHeader, ReadAt};

impl<R: ReadAt> Index<R> {
    /// Reads all of it: its checksum, the order of its ids, its fanout table, and that each offset lies in a pack of
    /// `pack_len` bytes (its trailer included), where that is known.
    ///
    /// # Errors
    /// The [`IndexProblem`] that is met first, in this order; [`PackError::Storage`], [`PackError::Interrupted`].
    pub fn check(&self, pack_len: Option<u64>, interrupt: &dyn Interrupt) -> Result<(), PackError> {
        self.check_checksum(interrupt)?;
        let end = pack_len.map(|len| len.saturating_sub(self.format().raw_len() as u64));
        let mut previous = None;
        for position in 0..self.count() {
            if position % 0x4000 == 0 {
                interrupt.check()?;
            }
            let id = self.id(position)?;
            // Equal ids are duplicates, which git keeps.
            let ordered = previous.is_none_or(|previous| previous <= id);
            let first = id.as_bytes().first().copied().unwrap_or(0);
            if !ordered || !self.fanout_range(first).contains(&position) {
                return Err(IndexProblem::Order { position }.into());
            }
            previous = Some(id);
            let offset = self.offset(position)?;
            if let Some(end) = end
                && (offset >= end || offset < PackHeader::LEN as u64)
            {
                return Err(IndexProblem::OutsidePack { position, offset, end }.into());
            }
        }
        Ok(())
    }

    fn check_checksum(&self, interrupt: &dyn Interrupt) -> Result<(), PackError> {
        let offset = self.layout.trailer.saturating_add(self.format().raw_len() as u64);
        let actual = hash_range(&self.data, self.format(), offset, interrupt)?;
        let expected = self.checksum()?;
        if actual != expected {
            return Err(IndexProblem::Checksum { offset, expected, actual }.into());
        }
        Ok(())
    }
}

/// The checksum of the first `len` bytes of `data`.
pub(crate) fn hash_range<R: ReadAt + ?Sized>(
    data: &R,
    format: gitwire_types::ObjectFormat,
    len: u64,
    interrupt: &dyn Interrupt,
) -> Result<gitwire_types::ObjectId, PackError> {
    let mut hasher = Hasher::new(format, Trust::Own);
    let mut room = vec![0; 64 << 10];
    let mut at = 0_u64;
    while at < len {
        interrupt.check()?;
        let left = usize::try_from(len.saturating_sub(at)).unwrap_or(usize::MAX);
        let count = left.min(room.len());
        let piece = room.get_mut(..count).unwrap_or_default();
        read_exact_at(data, at, piece)?;
        hasher.update(piece);
        at = at.saturating_add(count as u64);
    }
    finish(hasher)
}
