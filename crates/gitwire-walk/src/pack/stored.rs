//! Bytes of stored packs: entries are mostly read in the order in which they stand.

use gitwire_pack::EntryHeader;
use gitwire_storage::{EntrySpan, PackAccess, PackId, StorageError, StorageErrorKind};
use gitwire_types::ObjectFormat;

use crate::WalkError;

/// A piece of a stored pack.
#[derive(Debug, Default)]
pub(crate) struct StoredBytes {
    pack: Option<PackId>,
    start: u64,
    bytes: Vec<u8>,
}

impl StoredBytes {
    /// Between 1 and `most` bytes of a pack.
    pub(crate) fn get(
        &mut self,
        packs: &dyn PackAccess,
        pack: PackId,
        at: u64,
        most: usize,
    ) -> Result<&[u8], WalkError> {
        let end = self.start + self.bytes.len() as u64;
        if self.pack != Some(pack) || at < self.start || at >= end {
            self.fill(packs, pack, at)?;
        }
        let rest = self.rest(at);
        if rest.is_empty() {
            return Err(cut_short().into());
        }
        Ok(rest.get(..most).unwrap_or(rest))
    }

    /// Whether bytes at this place are held.
    pub(crate) fn holds(&self, pack: PackId, at: u64) -> bool {
        self.pack == Some(pack) && at >= self.start && !self.rest(at).is_empty()
    }

    /// The header of an entry.
    pub(crate) fn header(
        &mut self,
        packs: &dyn PackAccess,
        span: &EntrySpan,
        format: ObjectFormat,
    ) -> Result<EntryHeader, WalkError> {
        let end = self.start + self.bytes.len() as u64;
        let is_held = self.pack == Some(span.pack) && span.start >= self.start;
        if !is_held || span.start.saturating_add(HEADER_MAX) > end {
            self.fill(packs, span.pack, span.start)?;
        }
        let header = EntryHeader::parse(self.rest(span.start), format, span.start);
        header.map_err(StorageError::from)?.ok_or_else(|| cut_short().into())
    }

    fn rest(&self, at: u64) -> &[u8] {
        let from = usize::try_from(at.saturating_sub(self.start)).unwrap_or(usize::MAX);
        self.bytes.get(from..).unwrap_or_default()
    }

    fn fill(&mut self, packs: &dyn PackAccess, pack: PackId, at: u64) -> Result<(), WalkError> {
        // What is far from what came before stands alone.
        let end = self.start + self.bytes.len() as u64;
        let is_near = self.pack == Some(pack) && (self.start..end + BLOCK as u64).contains(&at);
        self.pack = None;
        self.bytes.resize(if is_near { BLOCK } else { FIRST }, 0);
        let count = packs.read_at(pack, at, &mut self.bytes)?;
        self.bytes.truncate(count);
        (self.pack, self.start) = (Some(pack), at);
        Ok(())
    }
}

/// The error of a pack that is shorter than it was.
pub(crate) fn cut_short() -> StorageError {
    StorageError::new(StorageErrorKind::Corrupt(None), "stored bytes end early")
}

/// Bytes read from the store at once.
pub(crate) const BLOCK: usize = 64 << 10;
/// The same, where nothing was read near by.
const FIRST: usize = 4 << 10;
/// No header of an entry is longer: ten bytes of size and the longest id.
const HEADER_MAX: u64 = 48;
