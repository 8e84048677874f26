//! Git's lock files: `NAME.lock`, made so that only one process can, written, and renamed over `NAME` (`gitrepository-layout`).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use gitwire_storage::{Result, StorageError, StorageErrorKind};

use crate::error::{Context as _, shown};
use crate::fs::{Directory, FileSystem};

/// A held lock. Dropped before [`Lock::commit`]: the lock file goes and nothing has changed.
///
/// The lock file is open only while it is written: a transaction may hold more locks than a process may have open files.
#[derive(Debug)]
pub(crate) struct Lock {
    dir: Arc<dyn Directory>,
    /// What is locked.
    name: Vec<u8>,
    held: bool,
}

impl Lock {
    /// Takes the lock of `name` below `dir`; tries again for as long as `patience` lasts.
    pub(crate) fn acquire(
        file_system: &dyn FileSystem,
        dir: &Arc<dyn Directory>,
        name: &[u8],
        patience: Duration,
    ) -> Result<Self> {
        let mut waited = Duration::ZERO;
        let mut pause = Duration::from_millis(1);
        loop {
            match dir.create(&lock_name(name), FILE_MODE) {
                Ok(_) => return Ok(Self { dir: Arc::clone(dir), name: name.to_vec(), held: true }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && waited < patience => {
                    file_system.pause(pause);
                    waited = waited.saturating_add(pause);
                    pause = pause.saturating_mul(2).min(Duration::from_millis(64));
                }
                Err(error) => {
                    let kind = match error.kind() {
                        io::ErrorKind::AlreadyExists => StorageErrorKind::Busy,
                        _ => StorageErrorKind::Io,
                    };
                    let context = format!("Unable to create '{}.lock': {error}", shown(name));
                    return Err(StorageError::new(kind, context).with_source(error));
                }
            }
        }
    }

    /// Where it is.
    pub(crate) fn dir(&self) -> &Arc<dyn Directory> {
        &self.dir
    }

    /// Writes the new content, durably; it is not yet in force.
    pub(crate) fn write(&self, content: &[u8]) -> Result<()> {
        self.dir
            .append(&lock_name(&self.name), FILE_MODE)
            .and_then(|file| file.write(content).and_then(|()| file.sync()))
            .context(|| format!("cannot write '{}.lock'", shown(&self.name)))
    }

    /// Puts what was written into force. The directory is not yet durable.
    pub(crate) fn commit(mut self) -> Result<()> {
        self.dir
            .rename(&lock_name(&self.name), &self.name)
            .context(|| format!("cannot rename '{}.lock'", shown(&self.name)))?;
        self.held = false;
        Ok(())
    }

    /// Removes what is locked, then the lock. It may be gone already.
    pub(crate) fn commit_removal(self) -> Result<()> {
        match self.dir.remove_file(&self.name) {
            Err(error) if !crate::error::is_absent(&error) => {
                Err(error).context(|| format!("cannot remove '{}'", shown(&self.name)))
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.held {
            // Nobody could be told, and a lock that stays is reported by whoever meets it.
            self.dir.remove_file(&lock_name(&self.name)).ok();
        }
    }
}

/// Replaces the file `name` below `dir` as a whole, durably.
pub(crate) fn replace_file(
    file_system: &dyn FileSystem,
    dir: &Arc<dyn Directory>,
    name: &[u8],
    content: &[u8],
) -> Result<()> {
    let lock = Lock::acquire(file_system, dir, name, FILE_PATIENCE)?;
    lock.write(content)?;
    lock.commit()?;
    sync_parent(&**dir, name)
}

/// Makes the entry of `name` durable.
pub(crate) fn sync_parent(dir: &dyn Directory, name: &[u8]) -> Result<()> {
    let parent = parent_of(name);
    dir.sync(parent).context(|| format!("cannot sync directory '{}'", shown(parent)))
}

/// The part of a path before its last slash; empty where there is none.
pub(crate) fn parent_of(name: &[u8]) -> &[u8] {
    name.iter().rposition(|byte| *byte == b'/').and_then(|slash| name.get(..slash)).unwrap_or_default()
}

fn lock_name(name: &[u8]) -> Vec<u8> {
    [name, b".lock"].concat()
}

/// What git makes files with; the umask takes from it.
pub(crate) const FILE_MODE: u32 = 0o666;

/// What git makes directories with; the umask takes from it.
pub(crate) const DIRECTORY_MODE: u32 = 0o777;

/// How long a lock of a single file is waited for. Git gives up at once; nobody holds such a lock for long.
pub(crate) const FILE_PATIENCE: Duration = Duration::from_millis(100);
