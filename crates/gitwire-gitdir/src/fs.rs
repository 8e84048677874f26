//! All access to files: the one place where gitwire's libraries touch a disk.
//!
//! Three small traits ([`FileSystem`], [`Directory`], [`File`]) hold every operation that a Git directory needs, so that a
//! simulated file system with crashes and injected errors can stand behind them. [`Disk`] is the real one. Paths are
//! relative to a directory handle, slash-separated bytes, so that a ref name is a path as it stands; nothing is ever mapped
//! into memory, because another process may truncate a pack while we read it.

mod disk;
mod shared;

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use self::disk::Disk;
pub use self::shared::Sharing;
pub(crate) use self::shared::share;

/// Where directories come from, and what else a machine gives: the time, a pause, numbers that do not repeat.
pub trait FileSystem: fmt::Debug + Send + Sync {
    /// Opens the directory at `path`, symbolic links followed.
    ///
    /// # Errors
    /// As the system says.
    fn directory(&self, path: &Path) -> io::Result<Arc<dyn Directory>>;

    /// Makes the directory at `path` and those above it that are not there; an existing one is no error.
    ///
    /// # Errors
    /// As the system says.
    fn make_directories(&self, path: &Path) -> io::Result<()>;

    /// `path` without symbolic links, `.` and `..`.
    ///
    /// # Errors
    /// As the system says.
    fn canonical(&self, path: &Path) -> io::Result<PathBuf>;

    /// The time since 1970 by the clock that file times are taken from.
    fn now(&self) -> Duration;

    /// Waits.
    fn pause(&self, how_long: Duration);

    /// A number for names of temporary files: different each time and in each process.
    fn nonce(&self) -> u64;

    /// Makes all of `parts` durable, in no order; what came of each. Each is tried, whatever became of the others.
    fn sync_together(&self, parts: &[Unsynced]) -> Vec<io::Result<()>> {
        parts.iter().map(Unsynced::sync).collect()
    }
}

/// A file or directory that changed and may not be durable yet.
#[derive(Debug, Clone)]
pub enum Unsynced {
    /// The content of a file.
    File(Arc<dyn File>),
    /// The entries of the directory at a path below one that is open.
    Directory(Arc<dyn Directory>, Vec<u8>),
}

impl Unsynced {
    /// Makes it durable.
    ///
    /// # Errors
    /// As the system says; see [`File::sync`].
    pub fn sync(&self) -> io::Result<()> {
        match self {
            Self::File(file) => file.sync(),
            Self::Directory(dir, path) => dir.sync(path),
        }
    }
}

/// An open directory. `path` is relative to it; the empty path is the directory itself where that makes sense.
pub trait Directory: fmt::Debug + Send + Sync {
    /// Opens a directory below this one, symbolic links followed.
    ///
    /// # Errors
    /// As the system says.
    fn open_dir(&self, path: &[u8]) -> io::Result<Arc<dyn Directory>>;

    /// Opens a file for reading.
    ///
    /// # Errors
    /// As the system says; `ELOOP` where `links` refuses a symbolic link.
    fn open(&self, path: &[u8], links: Links) -> io::Result<Arc<dyn File>>;

    /// Makes a file that must not exist, for reading and writing; `mode` is cut by the umask.
    ///
    /// # Errors
    /// `AlreadyExists`, and as the system says.
    fn create(&self, path: &[u8], mode: u32) -> io::Result<Arc<dyn File>>;

    /// Opens a file for appending and makes it where it is not there; never through a symbolic link.
    ///
    /// # Errors
    /// As the system says.
    fn append(&self, path: &[u8], mode: u32) -> io::Result<Arc<dyn File>>;

    /// What stands at `path`; a symbolic link as itself unless `links` follows it.
    ///
    /// # Errors
    /// As the system says.
    fn stat(&self, path: &[u8], links: Links) -> io::Result<Stat>;

    /// Where a symbolic link leads.
    ///
    /// # Errors
    /// As the system says; `InvalidInput` where it is no link.
    fn read_link(&self, path: &[u8]) -> io::Result<Vec<u8>>;

    /// The entries of a directory, `.` and `..` left out, in no order.
    ///
    /// # Errors
    /// As the system says.
    fn list(&self, path: &[u8]) -> io::Result<Vec<DirEntry>>;

    /// Makes a directory; `mode` is cut by the umask.
    ///
    /// # Errors
    /// `AlreadyExists`, and as the system says.
    fn make_dir(&self, path: &[u8], mode: u32) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// As the system says.
    fn remove_file(&self, path: &[u8]) -> io::Result<()>;

    /// Removes an empty directory.
    ///
    /// # Errors
    /// As the system says.
    fn remove_dir(&self, path: &[u8]) -> io::Result<()>;

    /// Moves `from` to `to` in one step, over what stands there.
    ///
    /// # Errors
    /// As the system says.
    fn rename(&self, from: &[u8], to: &[u8]) -> io::Result<()>;

    /// Gives the file `from` the second name `to`, which must not exist.
    ///
    /// # Errors
    /// `AlreadyExists`, and as the system says.
    fn link(&self, from: &[u8], to: &[u8]) -> io::Result<()>;

    /// Sets the permission bits of `path`.
    ///
    /// # Errors
    /// As the system says.
    fn set_mode(&self, path: &[u8], mode: u32) -> io::Result<()>;

    /// Makes the entries of the directory at `path` durable.
    ///
    /// # Errors
    /// As the system says.
    fn sync(&self, path: &[u8]) -> io::Result<()>;
}

/// An open file.
pub trait File: fmt::Debug + Send + Sync {
    /// What it is.
    ///
    /// # Errors
    /// As the system says.
    fn stat(&self) -> io::Result<Stat>;

    /// Reads at `offset` into the front of `out`; how many bytes, 0 at the end.
    ///
    /// # Errors
    /// As the system says.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize>;

    /// Writes all of `data` at `offset`.
    ///
    /// # Errors
    /// As the system says; some of it may have been written.
    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()>;

    /// Writes all of `data` at the file's own position: the end of a file opened by [`Directory::append`].
    ///
    /// # Errors
    /// As the system says; some of it may have been written.
    fn write(&self, data: &[u8]) -> io::Result<()>;

    /// Makes the content durable. A failure is final: the file must be given up, not synced again.
    ///
    /// # Errors
    /// As the system says.
    fn sync(&self) -> io::Result<()>;

    /// Takes the file's advisory lock, if nobody holds it: whether it is ours now. It ends when the file is closed, at the
    /// latest with the process, so that a lock that can be taken tells that its holder is gone.
    ///
    /// # Errors
    /// As the system says; not every file system has such locks.
    fn try_lock(&self) -> io::Result<bool>;
}

/// Whether the last part of a path may be a symbolic link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// It may; it is followed.
    Follow,
    /// It may not: for names that come from a peer or from a listing.
    Refuse,
}

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stat {
    /// What it is.
    pub kind: FileKind,
    /// Its size in bytes.
    pub size: u64,
    /// Its permission bits.
    pub mode: u32,
    /// When its content changed: time since 1970.
    pub modified: Duration,
    /// When its content or its inode changed: time since 1970.
    pub changed: Duration,
    /// The device it is on.
    pub device: u64,
    /// Its number on the device.
    pub inode: u64,
    /// The number of the user that owns it.
    pub owner: u32,
}

/// What kind of thing stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A pipe, socket or device.
    Other,
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    /// Its name.
    pub name: Vec<u8>,
    /// What it is; `None` where the listing does not tell.
    pub kind: Option<FileKind>,
}

/// Reads a whole file of at most `max` bytes.
///
/// # Errors
/// As the system says; `FileTooLarge` beyond `max`.
pub(crate) fn read_all(file: &dyn File, max: u64) -> io::Result<Vec<u8>> {
    let size = file.stat()?.size;
    if size > max {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("file of {size} bytes is larger than {max}"),
        ));
    }
    let mut content = Vec::new();
    let mut room = [0; 16 << 10];
    if size > room.len() as u64 {
        // The size is what the system says of a file that is there; a file that shrinks meanwhile leaves room unused.
        content.try_reserve_exact(usize::try_from(size).unwrap_or(0).saturating_add(1))?;
    }
    loop {
        let got = file.read_at(content.len() as u64, &mut room)?;
        content.extend_from_slice(room.get(..got).unwrap_or(&room));
        if got == 0 {
            return Ok(content);
        }
        if content.len() as u64 > max {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("file is larger than {max} bytes"),
            ));
        }
    }
}

/// Whether a file was not opened because it is a symbolic link.
pub(crate) fn is_link_refused(error: &io::Error) -> bool {
    rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::LOOP)
}

/// Whether a file was not opened because too many are.
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

/// Whether a file or directory changed so short a time ago that it may change again without its times showing it.
pub(crate) fn is_racy(stat: &Stat, now: Duration) -> bool {
    // Times without a fraction come from a file system that counts in seconds, or in two. Others count in ticks of the
    // kernel's clock: 10 ms where they are longest.
    let granularity =
        if stat.modified.subsec_nanos() == 0 { Duration::from_secs(3) } else { Duration::from_millis(30) };
    now.saturating_sub(stat.modified) < granularity || now < stat.modified
}

/// A path of the system from bytes.
pub(crate) fn path_from(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;
    PathBuf::from(OsString::from_vec(bytes.to_vec()))
}
