//! Where bytes of packs and indexes are read from.

use std::error::Error;
use std::sync::Arc;

use crate::{MemorySpool, Spool};

/// Positioned reads of something that does not change: a file, a block of memory, an object in a store.
///
/// The crate does no I/O; whoever owns the bytes implements this. A file is read with `pread`, not mapped: a file that
/// another process truncates then ends early, which is an error, where a mapping would end the process.
pub trait ReadAt: Send + Sync {
    /// Fills the front of `out` with the bytes from `offset` on; how many, fewer than asked for only at the end.
    ///
    /// # Errors
    /// The medium fails.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<usize, StorageFailure>;

    /// The length in bytes.
    fn size(&self) -> u64;

    /// All of the bytes, where they are in memory anyway. Faster, never different.
    fn in_memory(&self) -> Option<&[u8]> {
        None
    }

    /// An empty medium on the same ground, for what is too large to be held: it goes with the value, and nothing is left of it
    /// after a crash. Memory, where there is no other.
    ///
    /// # Errors
    /// The medium fails.
    fn spill(&self) -> Result<Box<dyn Spool>, StorageFailure> {
        Ok(Box::new(MemorySpool::new()))
    }
}

/// What a [`ReadAt`] or [`Spool`](crate::Spool) fails with: the error of the medium, whatever it is.
pub type StorageFailure = Box<dyn Error + Send + Sync>;

impl ReadAt for [u8] {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<usize, StorageFailure> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.get(offset..)).unwrap_or_default();
        let count = rest.len().min(out.len());
        if let (Some(from), Some(to)) = (rest.get(..count), out.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        Ok(count)
    }

    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn in_memory(&self) -> Option<&[u8]> {
        Some(self)
    }
}

impl ReadAt for Vec<u8> {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<usize, StorageFailure> {
        self.as_slice().read_at(offset, out)
    }

    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn in_memory(&self) -> Option<&[u8]> {
        Some(self)
    }
}

/// Passes everything on to what is pointed at.
macro_rules! pointer {
    ($($pointer:ty),*) => {$(
        impl<T: ReadAt + ?Sized> ReadAt for $pointer {
            fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<usize, StorageFailure> {
                (**self).read_at(offset, out)
            }

            fn size(&self) -> u64 {
                (**self).size()
            }

            fn in_memory(&self) -> Option<&[u8]> {
                (**self).in_memory()
            }

            fn spill(&self) -> Result<Box<dyn Spool>, StorageFailure> {
                (**self).spill()
            }
        }
    )*};
}

pointer!(&T, Box<T>, Arc<T>);
