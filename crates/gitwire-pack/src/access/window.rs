//! Reading a pack around what is asked for.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use crate::access::{Pack, Scratch};
use crate::{EntryHeader, PackError, ReadAt};

/// A part of the pack that was read around what was asked for: objects that are read one after the other mostly stand so.
#[derive(Default)]
pub(super) struct Window {
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// The longest stream that is read here.
    pub(super) const LEN: usize = 32 << 10;

    fn rest(&self, at: u64) -> &[u8] {
        let from = at.checked_sub(self.start).and_then(|from| usize::try_from(from).ok());
        from.and_then(|from| self.bytes.get(from..)).unwrap_or_default()
    }

    /// Reads from `at` on: `wanted` bytes or more, and not above `left`.
    fn fill<D: ReadAt>(&mut self, data: &D, at: u64, wanted: usize, left: usize) -> Result<(), PackError> {
        let end = self.start.saturating_add(self.bytes.len() as u64);
        let is_near = at >= self.start && at < end.saturating_add(Self::LEN as u64);
        let len = if is_near { Self::LEN } else { FIRST };
        self.start = at;
        self.bytes.resize(len.max(wanted).min(left), 0);
        match data.read_at(at, &mut self.bytes) {
            Ok(count) => {
                self.bytes.truncate(count);
                Ok(())
            }
            Err(failure) => {
                self.bytes.clear();
                Err(PackError::Storage(failure))
            }
        }
    }
}

impl<D: ReadAt, I: ReadAt> Pack<D, I> {
    /// The entry header at `offset`.
    pub(crate) fn header_at(&self, offset: u64, scratch: &mut Scratch) -> Result<EntryHeader, PackError> {
        let bytes = self.front(offset, EntryHeader::MAX_LEN, &mut scratch.window)?;
        let bytes = bytes.get(..EntryHeader::MAX_LEN).unwrap_or(bytes);
        EntryHeader::parse(bytes, self.index.format(), offset)?
            .ok_or(PackError::Truncated { offset: offset.saturating_add(bytes.len() as u64) })
    }

    /// The pack's bytes from `at` on, at least `wanted` of them unless the entries end before.
    pub(super) fn front<'a>(
        &'a self,
        at: u64,
        wanted: usize,
        window: &'a mut Window,
    ) -> Result<&'a [u8], PackError> {
        let left = usize::try_from(self.end.saturating_sub(at)).unwrap_or(usize::MAX);
        if let Some(all) = self.data.in_memory() {
            let rest = usize::try_from(at).ok().and_then(|at| all.get(at..)).unwrap_or_default();
            return Ok(rest.get(..left).unwrap_or(rest));
        }
        let wanted = wanted.min(left);
        if window.rest(at).len() < wanted {
            window.fill(&self.data, at, wanted, left)?;
        }
        Ok(window.rest(at))
    }
}

/// Bytes that are read where nothing was read near by: most deltas of trees are shorter.
const FIRST: usize = 1 << 10;
