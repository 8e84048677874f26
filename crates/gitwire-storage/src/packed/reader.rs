//! Indexes that are read piece by piece until that costs more than holding them.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use gitwire_pack::{ReadAt, StorageFailure};

/// A file that is taken into memory once it has been read often enough: a lookup in memory costs a hundredth of one that
/// asks the system ten times, and most views of a repository never look anything up.
pub(crate) struct Promoting {
    source: Arc<dyn ReadAt>,
    reads: AtomicU32,
    whole: OnceLock<Option<Vec<u8>>>,
    bytes_max: u64,
}

impl Promoting {
    pub(crate) fn new(source: Arc<dyn ReadAt>, bytes_max: u64) -> Self {
        Self { source, reads: AtomicU32::new(0), whole: OnceLock::new(), bytes_max }
    }

    /// All of it; `None` where it is too large, ends early, or there is no memory for it. An error of the medium comes back
    /// where the bytes are needed.
    fn load(&self) -> Option<Vec<u8>> {
        let size = self.source.size();
        if size > self.bytes_max || self.source.in_memory().is_some() {
            return None;
        }
        let size = usize::try_from(size).ok()?;
        let mut whole = Vec::new();
        whole.try_reserve_exact(size).ok()?;
        whole.resize(size, 0);
        let mut filled = 0;
        while filled < size {
            match self.source.read_at(filled as u64, whole.get_mut(filled..)?) {
                Ok(got) if got > 0 => filled = filled.saturating_add(got),
                _ => return None,
            }
        }
        Some(whole)
    }
}

impl ReadAt for Promoting {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<usize, StorageFailure> {
        if let Some(Some(whole)) = self.whole.get() {
            return whole.read_at(offset, out);
        }
        if self.reads.fetch_add(1, Ordering::Relaxed) >= READS_BEFORE {
            self.reads.store(READS_BEFORE, Ordering::Relaxed);
            if let Some(whole) = self.whole.get_or_init(|| self.load()) {
                return whole.read_at(offset, out);
            }
        }
        self.source.read_at(offset, out)
    }

    fn size(&self) -> u64 {
        self.source.size()
    }

    fn in_memory(&self) -> Option<&[u8]> {
        self.source.in_memory().or_else(|| self.whole.get()?.as_deref())
    }
}

impl fmt::Debug for Promoting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Promoting").field("size", &self.size()).finish_non_exhaustive()
    }
}

/// About sixteen lookups: by then reading all of an ordinary index has cost less than going on.
const READS_BEFORE: u32 = 256;
