//! The real file system, by way of directory handles.

#![allow(clippy::disallowed_methods, reason = "this is the one module that touches files")]

use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, Mode, OFlags};

use super::{DirEntry, Directory, File, FileKind, FileSystem, Links, Stat, Unsynced};

/// The file system of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl FileSystem for Disk {
    fn directory(&self, path: &Path) -> io::Result<Arc<dyn Directory>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Arc::new(DiskDirectory(rustix::fs::open(path, flags, Mode::empty())?)))
    }

    fn make_directories(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        fs::canonicalize(path)
    }

    fn now(&self) -> Duration {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }

    fn pause(&self, how_long: Duration) {
        std::thread::sleep(how_long);
    }

    fn nonce(&self) -> u64 {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        // The standard hasher is seeded by the system once per state: the only randomness that a name needs.
        let mut hasher = std::hash::RandomState::new().build_hasher();
        hasher.write_u64(COUNT.fetch_add(1, Ordering::Relaxed));
        hasher.write_u32(std::process::id());
        hasher.finish()
    }

    /// By threads side by side, so that the file system makes one commit of its journal for all of them.
    fn sync_together(&self, parts: &[Unsynced]) -> Vec<io::Result<()>> {
        let results: Vec<OnceLock<io::Result<()>>> = parts.iter().map(|_| OnceLock::new()).collect();
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some((part, result)) =
                Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| parts.get(at).zip(results.get(at)))
            {
                result.get_or_init(|| part.sync());
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..parts.len().min(SYNCS_AT_ONCE) {
                let thread = std::thread::Builder::new().name("sync".to_owned()).stack_size(SYNC_STACK);
                // Where there is no thread this one does more.
                if thread.spawn_scoped(scope, work).is_err() {
                    break;
                }
            }
            work();
        });
        results
            .into_iter()
            .map(|result| result.into_inner().unwrap_or_else(|| Err(io::ErrorKind::Other.into())))
            .collect()
    }
}

#[derive(Debug)]
struct DiskDirectory(OwnedFd);

impl Directory for DiskDirectory {
    fn open_dir(&self, path: &[u8]) -> io::Result<Arc<dyn Directory>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Arc::new(Self(rustix::fs::openat(&self.0, self_or(path), flags, Mode::empty())?)))
    }

    fn open(&self, path: &[u8], links: Links) -> io::Result<Arc<dyn File>> {
        // Non-blocking, so that a pipe that somebody put into a repository does not hang us; for files it says nothing.
        let mut flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        if links == Links::Refuse {
            flags |= OFlags::NOFOLLOW;
        }
        let file = fs::File::from(rustix::fs::openat(&self.0, path, flags, Mode::empty())?);
        if file.metadata()?.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(Arc::new(DiskFile(file)))
    }

    fn create(&self, path: &[u8], mode: u32) -> io::Result<Arc<dyn File>> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.0, path, flags, Mode::from_raw_mode(mode))?;
        Ok(Arc::new(DiskFile(fs::File::from(fd))))
    }

    fn append(&self, path: &[u8], mode: u32) -> io::Result<Arc<dyn File>> {
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.0, path, flags, Mode::from_raw_mode(mode))?;
        Ok(Arc::new(DiskFile(fs::File::from(fd))))
    }

    fn stat(&self, path: &[u8], links: Links) -> io::Result<Stat> {
        let flags = match links {
            Links::Follow => AtFlags::empty(),
            Links::Refuse => AtFlags::SYMLINK_NOFOLLOW,
        };
        let stat = rustix::fs::statat(&self.0, self_or(path), flags)?;
        Ok(stat_of(&stat))
    }

    fn read_link(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        Ok(rustix::fs::readlinkat(&self.0, path, Vec::new())?.into_bytes())
    }

    fn list(&self, path: &[u8]) -> io::Result<Vec<DirEntry>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = rustix::fs::Dir::new(rustix::fs::openat(&self.0, self_or(path), flags, Mode::empty())?)?;
        let mut entries = Vec::new();
        for entry in dir {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            let kind = match entry.file_type() {
                rustix::fs::FileType::Unknown => None,
                other => Some(kind_of(other)),
            };
            entries.push(DirEntry { name: name.to_vec(), kind });
        }
        Ok(entries)
    }

    fn make_dir(&self, path: &[u8], mode: u32) -> io::Result<()> {
        Ok(rustix::fs::mkdirat(&self.0, path, Mode::from_raw_mode(mode))?)
    }

    fn remove_file(&self, path: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, path, AtFlags::empty())?)
    }

    fn remove_dir(&self, path: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, path, AtFlags::REMOVEDIR)?)
    }

    fn rename(&self, from: &[u8], to: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.0, from, &self.0, to)?)
    }

    fn link(&self, from: &[u8], to: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::linkat(&self.0, from, &self.0, to, AtFlags::empty())?)
    }

    fn set_mode(&self, path: &[u8], mode: u32) -> io::Result<()> {
        Ok(rustix::fs::chmodat(&self.0, self_or(path), Mode::from_raw_mode(mode), AtFlags::empty())?)
    }

    fn sync(&self, path: &[u8]) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(rustix::fs::fsync(rustix::fs::openat(&self.0, self_or(path), flags, Mode::empty())?)?)
    }
}

#[derive(Debug)]
struct DiskFile(fs::File);

impl File for DiskFile {
    fn stat(&self) -> io::Result<Stat> {
        Ok(stat_of(&rustix::fs::fstat(&self.0)?))
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read_at(out, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return done,
            }
        }
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_all_at(data, offset)
    }

    fn write(&self, data: &[u8]) -> io::Result<()> {
        io::Write::write_all(&mut &self.0, data)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }

    fn try_lock(&self) -> io::Result<bool> {
        match rustix::fs::flock(&self.0, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// The empty path means the directory itself.
fn self_or(path: &[u8]) -> &[u8] {
    if path.is_empty() { b"." } else { path }
}

fn stat_of(stat: &rustix::fs::Stat) -> Stat {
    Stat {
        kind: kind_of(rustix::fs::FileType::from_raw_mode(stat.st_mode)),
        size: u64::try_from(stat.st_size).unwrap_or(0),
        mode: stat.st_mode & 0o7777,
        modified: time_of(stat.st_mtime, stat.st_mtime_nsec),
        changed: time_of(stat.st_ctime, stat.st_ctime_nsec),
        device: stat.st_dev,
        inode: stat.st_ino,
        owner: stat.st_uid,
    }
}

/// Times before 1970 become 1970: they are compared, never shown.
fn time_of(seconds: i64, nanoseconds: u64) -> Duration {
    Duration::new(u64::try_from(seconds).unwrap_or(0), 0).saturating_add(Duration::from_nanos(nanoseconds))
}

fn kind_of(kind: rustix::fs::FileType) -> FileKind {
    match kind {
        rustix::fs::FileType::RegularFile => FileKind::File,
        rustix::fs::FileType::Directory => FileKind::Directory,
        rustix::fs::FileType::Symlink => FileKind::Link,
        _ => FileKind::Other,
    }
}

/// More than a file system gathers into one commit of its journal gain nothing.
const SYNCS_AT_ONCE: usize = 16;

/// A sync is one call of the system.
const SYNC_STACK: usize = 64 << 10;
