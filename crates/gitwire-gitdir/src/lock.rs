//! Git's lock files: `NAME.lock`, made so that only one process can, written, and renamed over `NAME` (`gitrepository-layout`).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use gitwire_storage::{Result, StorageError, StorageErrorKind};

use crate::error::{Context as _, shown};
use crate::fs::{Directory, File, FileSystem, Links};
use crate::lease::{Lease, abandoned, intent_path};

/// A held lock. Dropped: the lock file goes; before [`Lock::commit`] nothing has changed then.
///
/// No file stays open: a transaction may hold more locks than a process may have open files.
#[derive(Debug)]
pub(crate) struct Lock {
    dir: Arc<dyn Directory>,
    /// What is locked.
    name: Vec<u8>,
    held: bool,
    /// Where the lock file is a further name of this, the new content is written beside it.
    lease: Option<Arc<Lease>>,
    written: Option<Vec<u8>>,
}

/// How locks are taken that a crash must not leave behind for ever.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leased<'a> {
    pub(crate) lease: &'a Arc<Lease>,
    /// Whose locks are taken over: a transaction that died and is being finished.
    pub(crate) heir_of: Option<&'a [u8]>,
}

impl Lock {
    /// Takes the lock of `name` below `dir`; tries again for as long as `patience` lasts. A leased lock whose holder is gone
    /// is no obstacle.
    pub(crate) fn acquire(
        file_system: &dyn FileSystem,
        dir: &Arc<dyn Directory>,
        name: &[u8],
        patience: Duration,
        leased: Option<Leased<'_>>,
    ) -> Result<Self> {
        // Further names of the lease are relative to where it stands.
        let leased = leased.filter(|leased| Arc::ptr_eq(&leased.lease.common, dir));
        let mut waited = Duration::ZERO;
        let mut pause = Duration::from_millis(1);
        loop {
            match make_lock_file(&**dir, name, leased) {
                Ok(lease) => {
                    return Ok(Self {
                        dir: Arc::clone(dir),
                        name: name.to_vec(),
                        held: true,
                        lease,
                        written: None,
                    });
                }
                Err(error)
                    if error.kind() == io::ErrorKind::AlreadyExists && take_over(&**dir, name, leased) => {}
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
    pub(crate) fn write(&mut self, content: &[u8]) -> Result<()> {
        let written = self.write_before(content)?;
        written.sync().context(|| format!("cannot write '{}.lock'", shown(&self.name)))
    }

    /// The same; the file must be made durable before [`commit`](Self::commit).
    pub(crate) fn write_before(&mut self, content: &[u8]) -> Result<Arc<dyn File>> {
        let made = match &self.lease {
            Some(lease) => {
                let path = self.written.insert(lease.temporary());
                self.dir.create(path, FILE_MODE)
            }
            None => self.dir.append(&lock_name(&self.name), FILE_MODE),
        };
        made.and_then(|file| file.write(content).map(|()| file))
            .context(|| format!("cannot write '{}.lock'", shown(&self.name)))
    }

    /// Puts what was written into force. The directory is not yet durable. A leased lock is still held then.
    pub(crate) fn commit(&mut self) -> Result<()> {
        let from = self.written.clone().unwrap_or_else(|| lock_name(&self.name));
        self.dir
            .rename(&from, &self.name)
            .context(|| format!("cannot rename '{}.lock'", shown(&self.name)))?;
        self.written = None;
        self.held = self.lease.is_some();
        Ok(())
    }

    /// Removes what is locked; the lock is still held. It may be gone already.
    pub(crate) fn commit_removal(&mut self) -> Result<()> {
        match self.dir.remove_file(&self.name) {
            Err(error) if !crate::error::is_absent(&error) => {
                Err(error).context(|| format!("cannot remove '{}'", shown(&self.name)))
            }
            _ => Ok(()),
        }
    }
}

/// Makes the lock file; gives the lease that it is a further name of.
fn make_lock_file(
    dir: &dyn Directory,
    name: &[u8],
    leased: Option<Leased<'_>>,
) -> io::Result<Option<Arc<Lease>>> {
    use io::ErrorKind::{CrossesDevices, PermissionDenied, TooManyLinks, Unsupported};
    let lock = lock_name(name);
    if let Some(Leased { lease, .. }) = leased {
        match lease.link(&lock) {
            Ok(()) => return Ok(Some(Arc::clone(lease))),
            // Some file systems have no links.
            Err(error)
                if matches!(error.kind(), CrossesDevices | PermissionDenied | TooManyLinks | Unsupported) => {
            }
            Err(error) => return Err(error),
        }
    }
    dir.create(&lock, FILE_MODE).map(|_| None)
}

/// Removes a leased lock whose holder is gone: whether it is worth trying again. One whose transaction is still to be
/// finished stays, unless we are about to finish it.
fn take_over(dir: &dyn Directory, name: &[u8], leased: Option<Leased<'_>>) -> bool {
    let Some(leased) = leased else { return false };
    let lock = lock_name(name);
    let Some(left) = abandoned(dir, &lock) else { return false };
    if leased.heir_of != Some(&left.nonce) && dir.stat(&intent_path(&left.nonce), Links::Refuse).is_ok() {
        return false;
    }
    dir.remove_file(&lock).is_ok()
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(written) = &self.written {
            self.dir.remove_file(written).ok();
        }
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
    let mut lock = Lock::acquire(file_system, dir, name, FILE_PATIENCE, None)?;
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

pub(crate) fn lock_name(name: &[u8]) -> Vec<u8> {
    [name, b".lock"].concat()
}

/// What git makes files with; the umask takes from it.
pub(crate) const FILE_MODE: u32 = 0o666;

/// What git makes directories with; the umask takes from it.
pub(crate) const DIRECTORY_MODE: u32 = 0o777;

/// How long a lock of a single file is waited for. Git gives up at once; nobody holds such a lock for long.
pub(crate) const FILE_PATIENCE: Duration = Duration::from_millis(100);
