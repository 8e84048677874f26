//! What must be durable before something else may happen.

use std::sync::Arc;

use gitwire_storage::{Result, StorageError};

use crate::error::{Context as _, shown};
use crate::fs::{Directory, File, FileSystem, Unsynced};

/// Files and directories that are to be made durable together. Syncs that run side by side share the work of the disk: three
/// take about as long as one.
#[derive(Debug, Default)]
pub(crate) struct Barrier {
    parts: Vec<Unsynced>,
    /// What each is called.
    names: Vec<Vec<u8>>,
}

impl Barrier {
    pub(crate) fn file(&mut self, file: Arc<dyn File>, name: &[u8]) {
        self.parts.push(Unsynced::File(file));
        self.names.push(name.to_vec());
    }

    pub(crate) fn directory(&mut self, dir: &Arc<dyn Directory>, path: &[u8]) {
        self.parts.push(Unsynced::Directory(Arc::clone(dir), path.to_vec()));
        self.names.push(path.to_vec());
    }

    pub(crate) const fn len(&self) -> usize {
        self.parts.len()
    }

    /// Comes back when all of it is durable. A failure is final for the files that it hit: nothing is synced twice.
    pub(crate) fn raise(&mut self, file_system: &dyn FileSystem) -> Result<()> {
        let (parts, names) = (std::mem::take(&mut self.parts), std::mem::take(&mut self.names));
        let results = file_system.sync_together(&parts);
        let failed = results.into_iter().zip(parts.iter().zip(names)).map(|(result, (part, name))| {
            result.context(|| match part {
                Unsynced::File(_) => format!("cannot sync '{}'", shown(&name)),
                Unsynced::Directory(..) => format!("cannot sync directory '{}'", shown(&name)),
            })
        });
        failed.collect::<std::result::Result<(), StorageError>>()
    }
}

/// So many files may wait for a barrier with their descriptors open; a process may have 1,024 by default.
pub(crate) const OPEN_MAX: usize = 64;
