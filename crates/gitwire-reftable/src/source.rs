//! Where the bytes of a table come from.

use std::error::Error;
use std::fmt;

use bytes::Bytes;

/// Why a [`Source`] failed.
pub type SourceFailure = Box<dyn Error + Send + Sync>;

/// The bytes of one file, which do not change: reftables are written once.
pub trait Source: fmt::Debug + Send + Sync {
    /// How many there are.
    fn size(&self) -> u64;

    /// `len` bytes from `offset` on; fewer only where the file ends.
    ///
    /// # Errors
    /// The medium fails.
    fn read(&self, offset: u64, len: usize) -> Result<Bytes, SourceFailure>;
}

/// A table in memory.
#[derive(Debug, Clone, Default)]
pub struct MemorySource(Bytes);

impl MemorySource {
    /// Of these bytes.
    #[must_use]
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self(bytes.into())
    }
}

impl Source for MemorySource {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read(&self, offset: u64, len: usize) -> Result<Bytes, SourceFailure> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.0.len());
        let end = start.saturating_add(len).min(self.0.len());
        Ok(self.0.slice(start..end))
    }
}
