//! Where a pack is kept while it is indexed.

use crate::{ReadAt, StorageFailure};

/// Takes a pack as it comes and gives it back for positioned reads: a file in quarantine, or memory.
pub trait Spool: ReadAt {
    /// Writes behind the last byte.
    ///
    /// # Errors
    /// The medium fails.
    fn append(&mut self, bytes: &[u8]) -> Result<(), StorageFailure>;

    /// Overwrites bytes that are there.
    ///
    /// # Errors
    /// The medium fails.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), StorageFailure>;
}

/// A pack in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemorySpool(Vec<u8>);

impl MemorySpool {
    /// An empty spool.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The bytes.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl ReadAt for MemorySpool {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<usize, StorageFailure> {
        self.0.read_at(offset, out)
    }

    fn size(&self) -> u64 {
        self.0.size()
    }

    fn in_memory(&self) -> Option<&[u8]> {
        Some(&self.0)
    }
}

impl Spool for MemorySpool {
    fn append(&mut self, bytes: &[u8]) -> Result<(), StorageFailure> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), StorageFailure> {
        let start = usize::try_from(offset)?;
        let room = self.0.get_mut(start..).and_then(|rest| rest.get_mut(..bytes.len()));
        room.ok_or("write beyond the end of the spool")?.copy_from_slice(bytes);
        Ok(())
    }
}
