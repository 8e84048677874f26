//! A place beside the objects of a repository for a pack that is not yet part of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gitwire_pack::{ReadAt, Spool, StorageFailure};
use gitwire_storage::Result;

use crate::alternates::ObjectDirectory;
use crate::error::Context as _;
use crate::fs::{Directory, Disk, File, FileKind, FileSystem as _, Links};
use crate::lease::Lease;

/// `objects/tmp_objdir-incoming-…`: an object directory of its own, under the name by which `git prune` knows what is left
/// of a process that died. Dropped: it goes with all that is in it.
#[derive(Debug)]
pub(crate) struct Quarantine {
    objects: Arc<dyn Directory>,
    /// Its name below the object directory.
    pub(crate) name: Vec<u8>,
    pub(crate) path: PathBuf,
}

impl Quarantine {
    /// Under a lease, by which it is found when whoever made it has died.
    pub(crate) fn make(lease: &Lease, objects: &ObjectDirectory) -> Result<Self> {
        let name = [PREFIX, lease.nonce()].concat();
        let path = objects.path.join(crate::fs::path_from(&name));
        objects
            .dir
            .make_dir(&name, PRIVATE)
            .context(|| format!("cannot make a quarantine in '{}'", objects.path.display()))?;
        // From here on dropping it cleans up.
        let made = Self { objects: Arc::clone(&objects.dir), name, path };
        made.objects
            .make_dir(&made.path_of(b"pack"), PRIVATE)
            .context(|| format!("cannot make directory '{}/pack'", made.path.display()))?;
        Ok(made)
    }

    /// The path of something in it, relative to the object directory.
    pub(crate) fn path_of(&self, name: &[u8]) -> Vec<u8> {
        [&self.name, &b"/"[..], name].concat()
    }

    /// It as an object directory.
    pub(crate) fn as_objects(&self) -> Result<ObjectDirectory> {
        self.objects
            .open_dir(&self.name)
            .and_then(|dir| ObjectDirectory::open(self.path.clone(), dir))
            .context(|| format!("cannot open directory '{}'", self.path.display()))
    }
}

impl Drop for Quarantine {
    fn drop(&mut self) {
        // What cannot be removed is litter that `git prune` finds; there is nobody to tell.
        remove_tree(&*self.objects, &self.name);
    }
}

pub(crate) fn remove_tree(dir: &dyn Directory, path: &[u8]) {
    for entry in dir.list(path).unwrap_or_default() {
        let full = [path, b"/", entry.name.as_slice()].concat();
        let kind = entry.kind.or_else(|| dir.stat(&full, Links::Refuse).ok().map(|stat| stat.kind));
        if kind == Some(FileKind::Directory) {
            remove_tree(dir, &full);
        } else {
            dir.remove_file(&full).ok();
        }
    }
    dir.remove_dir(path).ok();
}

/// A pack on its way into a file.
///
/// Repositories receive packs so. Who only looks at a pack that passes by keeps it in a [`temporary`](Self::temporary) one.
#[derive(Debug)]
pub struct FileSpool {
    pub(crate) file: Arc<dyn File>,
    size: u64,
    beside: Beside,
}

/// Where more files can be made: a directory, and a path below it with its slash.
#[derive(Debug, Clone)]
pub(crate) struct Beside {
    pub(crate) dir: Arc<dyn Directory>,
    pub(crate) path: Vec<u8>,
}

impl Beside {
    /// An empty file whose name is gone before anything is written to it.
    pub(crate) fn unnamed(&self) -> std::io::Result<FileSpool> {
        let name = format!("tmp_pack_spill_{:016x}", Disk.nonce());
        let path = [self.path.as_slice(), name.as_bytes()].concat();
        let file = self.dir.create(&path, NOBODY_ELSES)?;
        self.dir.remove_file(&path)?;
        Ok(FileSpool { file, size: 0, beside: self.clone() })
    }
}

impl FileSpool {
    /// An empty file without a name, on the file system that `directory` is on. It goes with the value, or with the process.
    ///
    /// ```
    /// use gitwire_gitdir::FileSpool;
    /// use gitwire_pack::{Indexer, IndexerOptions};
    /// use gitwire_types::ObjectFormat;
    ///
    /// let spool = FileSpool::temporary(&std::env::temp_dir())?;
    /// let indexer = Indexer::new(spool, IndexerOptions::new(ObjectFormat::Sha1));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// As the system says.
    pub fn temporary(directory: &Path) -> std::io::Result<Self> {
        Beside { dir: Disk.directory(directory)?, path: Vec::new() }.unnamed()
    }

    /// An empty file at `path` below `dir`.
    pub(crate) fn make(dir: &Arc<dyn Directory>, path: &[u8]) -> std::io::Result<Self> {
        let folder = memchr::memrchr(b'/', path).map_or(0, |slash| slash.saturating_add(1));
        let beside = Beside { dir: Arc::clone(dir), path: path.get(..folder).unwrap_or_default().to_vec() };
        Ok(Self { file: dir.create(path, PACK_MODE)?, size: 0, beside })
    }
}

impl ReadAt for FileSpool {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<usize, StorageFailure> {
        let mut filled = 0_usize;
        while let Some(room) = out.get_mut(filled..).filter(|room| !room.is_empty()) {
            let got = self.file.read_at(offset.saturating_add(filled as u64), room)?;
            if got == 0 {
                break;
            }
            filled = filled.saturating_add(got);
        }
        Ok(filled)
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn spill(&self) -> Result<Box<dyn Spool>, StorageFailure> {
        Ok(Box::new(self.beside.unnamed()?))
    }
}

impl Spool for FileSpool {
    fn append(&mut self, bytes: &[u8]) -> Result<(), StorageFailure> {
        self.file.write_at(self.size, bytes)?;
        self.size = self.size.saturating_add(bytes.len() as u64);
        Ok(())
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), StorageFailure> {
        if offset.saturating_add(bytes.len() as u64) > self.size {
            return Err("write beyond the end of the spool".into());
        }
        Ok(self.file.write_at(offset, bytes)?)
    }
}

/// Git's name for such directories; a lease's nonce stands behind it.
pub(crate) const PREFIX: &[u8] = b"tmp_objdir-incoming-";

/// Nobody else looks into a quarantine.
const PRIVATE: u32 = 0o700;

/// What has no name is not for others either, and notes beside a pack git writes for none but the owner.
pub(crate) const NOBODY_ELSES: u32 = 0o600;

/// Packs never change.
pub(crate) const PACK_MODE: u32 = 0o444;
