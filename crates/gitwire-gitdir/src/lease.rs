//! What tells that a lock, a kept pack or a quarantine is ours, and whether whoever made it still runs.
//!
//! A lease is a small file `gitwire/lease-NONCE` in the Git directory, synced before it gets a further name and locked with `flock` for
//! as long as its holder runs. Git's lock files are made as further names of that file: `refs/heads/main.lock` then holds the nonce from the
//! moment it exists, whatever a crash spares, and whoever meets it learns from the same `flock` whether the holder is gone.
//! A lock that is no lease belongs to git or to somebody else, and is never touched.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use gitwire_storage::{Result, StorageError, StorageErrorKind};

use crate::barrier::Barrier;
use crate::error::Context as _;
use crate::fs::{Directory, File, FileSystem, Links, read_all};
use crate::lock::{DIRECTORY_MODE, FILE_MODE};

/// A held lease. Dropped: its file goes, and then its lock.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) common: Arc<dyn Directory>,
    nonce: Vec<u8>,
    /// How many temporary names were given out.
    given: AtomicU64,
    /// Open for as long as the lease is held.
    file: Arc<dyn File>,
    /// `None` until its content was synced; then whether that went well.
    durable: OnceLock<bool>,
}

impl Lease {
    pub(crate) fn take(file_system: &dyn FileSystem, common: &Arc<dyn Directory>) -> Result<Arc<Self>> {
        let context = || "cannot write a lease in 'gitwire'".to_owned();
        match common.make_dir(DIRECTORY, DIRECTORY_MODE) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error).context(context),
            _ => {}
        }
        for _ in 0..NAMES_TRIED {
            let nonce = format!("{:016x}", file_system.nonce()).into_bytes();
            let file = match common.create(&lease_path(&nonce), FILE_MODE) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                made => made.context(context)?,
            };
            // Where there are no such locks nobody else can take it either. One that somebody took meanwhile has been
            // mistaken for one that was left behind, and will go.
            let free = file.try_lock().unwrap_or(true);
            let lease = Self {
                common: Arc::clone(common),
                nonce,
                given: AtomicU64::new(0),
                file,
                durable: OnceLock::new(),
            };
            lease.file.write(&[MARK, &lease.nonce, b"\n"].concat()).context(context)?;
            if free {
                return Ok(Arc::new(lease));
            }
        }
        Err(StorageError::new(StorageErrorKind::Busy, "no lease is to be had in 'gitwire'"))
    }

    /// What it is told by.
    pub(crate) fn nonce(&self) -> &[u8] {
        &self.nonce
    }

    /// Raises `barrier`, and makes the lease durable with it.
    pub(crate) fn raise(&self, mut barrier: Barrier, file_system: &dyn FileSystem) -> Result<()> {
        if self.durable.get().is_none() {
            barrier.file(Arc::clone(&self.file), &lease_path(&self.nonce));
        }
        let raised = barrier.raise(file_system);
        self.durable.get_or_init(|| raised.is_ok());
        raised
    }

    /// Gives it the further name `path` below the common directory, which must not exist. What has such a name must be seen to be
    /// ours whatever a crash spares, so that the content is durable first.
    pub(crate) fn link(&self, path: &[u8]) -> io::Result<()> {
        let mut failed = None;
        let durable = self.durable.get_or_init(|| match self.file.sync() {
            Ok(()) => true,
            Err(error) => {
                failed = Some(error);
                false
            }
        });
        if !durable {
            return Err(failed.unwrap_or_else(|| io::Error::other("the lease could not be synced")));
        }
        self.common.link(&lease_path(&self.nonce), path)
    }

    /// A path that nobody uses, below the common directory.
    pub(crate) fn temporary(&self) -> Vec<u8> {
        let number = self.given.fetch_add(1, Ordering::Relaxed);
        [DIRECTORY, b"/new-", &self.nonce, format!("-{number}").as_bytes()].concat()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // One that stays is free, and goes with the next recovery.
        self.common.remove_file(&lease_path(&self.nonce)).ok();
    }
}

/// A lease whose holder is gone. Its lock is ours while this lives, so that nobody else clears up after the same holder.
#[derive(Debug)]
pub(crate) struct Abandoned {
    pub(crate) nonce: Vec<u8>,
    _file: Arc<dyn File>,
}

/// What stands at `path`, if that is a lease, or a further name of one, and its holder is gone.
pub(crate) fn abandoned(dir: &dyn Directory, path: &[u8]) -> Option<Abandoned> {
    let file = dir.open(path, Links::Refuse).ok()?;
    let content = read_all(&*file, LEASE_MAX).ok()?;
    let nonce = content.strip_prefix(MARK)?.strip_suffix(b"\n")?;
    if !is_nonce(nonce) || !file.try_lock().ok()? {
        return None;
    }
    // Only who holds the lock removes the name: from here on it stays what it is.
    let (is, was) = (dir.stat(path, Links::Refuse).ok()?, file.stat().ok()?);
    (is.inode == was.inode && is.device == was.device)
        .then(|| Abandoned { nonce: nonce.to_vec(), _file: file })
}

/// Whether this can be what a lease is told by.
pub(crate) fn is_nonce(text: &[u8]) -> bool {
    text.len() == 16 && text.iter().all(u8::is_ascii_hexdigit)
}

pub(crate) fn lease_path(nonce: &[u8]) -> Vec<u8> {
    [DIRECTORY, b"/lease-", nonce].concat()
}

pub(crate) fn intent_path(nonce: &[u8]) -> Vec<u8> {
    [DIRECTORY, b"/intent-", nonce].concat()
}

/// Where leases and intents stand, in the common directory.
pub(crate) const DIRECTORY: &[u8] = b"gitwire";

/// What a lease begins with. No ref, `packed-refs` or `shallow` does.
const MARK: &[u8] = b"gitwire lease ";

/// A mark, a nonce and a line feed are 31 bytes.
const LEASE_MAX: u64 = 64;

/// A number that is taken is an accident; so many in a row are none.
const NAMES_TRIED: usize = 8;
