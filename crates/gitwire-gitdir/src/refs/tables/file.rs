//! The bytes of one table on the disk.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use gitwire_reftable::{MemorySource, Source, SourceFailure};

use crate::fs::{File, read_all};

/// Takes a table's file: a small one is read whole, so that a tall stack holds no files open.
pub(super) fn source(file: Arc<dyn File>) -> io::Result<Arc<dyn Source>> {
    let size = file.stat()?.size;
    if size <= WHOLE_MAX {
        return Ok(Arc::new(MemorySource::new(read_all(&*file, WHOLE_MAX)?)));
    }
    Ok(Arc::new(FileSource { file, size, window: Mutex::default() }))
}

/// A table that stays on the disk. Its file may lose its name meanwhile, not its content.
#[derive(Debug)]
struct FileSource {
    file: Arc<dyn File>,
    size: u64,
    /// What was read last, and where.
    window: Mutex<(u64, Bytes)>,
}

impl Source for FileSource {
    fn size(&self) -> u64 {
        self.size
    }

    fn read(&self, offset: u64, len: usize) -> Result<Bytes, SourceFailure> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let len = len.min(left);
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let inside = offset.checked_sub(window.0).and_then(|start| usize::try_from(start).ok());
        let inside = inside.filter(|start| *start <= window.1.len());
        if let Some(start) = inside
            && start.saturating_add(len) <= window.1.len()
        {
            return Ok(window.1.slice(start..start.saturating_add(len)));
        }
        // Whoever goes on where the last piece ended reads everything; who jumps wants one block.
        let wanted = if inside.is_some() { SEQUENTIAL } else { SINGLE };
        let mut bytes = vec![0; len.max(wanted).min(left)];
        let mut filled = 0_usize;
        while let Some(room) = bytes.get_mut(filled..).filter(|room| !room.is_empty()) {
            match self.file.read_at(offset.saturating_add(filled as u64), room)? {
                0 => break,
                got => filled = filled.saturating_add(got),
            }
        }
        bytes.truncate(filled);
        *window = (offset, bytes.into());
        Ok(window.1.slice(..len.min(filled)))
    }
}

/// Larger tables are read in pieces. A few thousand refs; a stack has but few tables that large.
const WHOLE_MAX: u64 = 128 << 10;

/// Read at once by who reads on.
const SEQUENTIAL: usize = 64 << 10;

/// Read at once for one block.
const SINGLE: usize = 4 << 10;
