//! A file system that is not there: what was written is one thing, what survives a crash another.
//!
//! Every operation is numbered. [`SimFs::crash_at`] ends the machine before an operation: from there on nothing works.
//! [`SimFs::after_crash`] then gives the disk that the next start would find: what was synced, and of the rest what
//! [`Survival`] says. [`SimFs::fail_at`] lets one operation fail instead. There are no symbolic links.

mod world;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gitwire_gitdir::fs::{DirEntry, Directory, File, FileKind, FileSystem, Links, Stat};

pub use self::world::{Fault, Survival};
use self::world::{Number, World};

/// A simulated disk. Clones are the same disk.
#[derive(Debug, Clone)]
pub struct SimFs(Arc<Mutex<World>>);

impl SimFs {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(World::new())))
    }

    /// How many operations there were.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.world().operations
    }

    /// Ends the machine before operation `number`, counted from 0.
    pub fn crash_at(&self, number: u64) {
        self.world().crash_at = Some(number);
    }

    /// Lets operation `number` fail with an error of the system (`EIO` is 5, `ENOSPC` 28, `EMFILE` 24).
    pub fn fail_at(&self, number: u64, code: i32) {
        self.fault_at(number, Fault::Error(code));
    }

    /// Lets operation `number` go wrong.
    pub fn fault_at(&self, number: u64, fault: Fault) {
        self.world().fail_at = Some((number, fault));
    }

    /// Lets nothing go wrong any more.
    pub fn no_fault(&self) {
        let mut world = self.world();
        world.fail_at = None;
        world.crash_at = None;
    }

    /// The disk that is found when the machine starts again.
    #[must_use]
    pub fn after_crash(&self, survival: Survival) -> Self {
        Self(Arc::new(Mutex::new(self.world().after_crash(survival))))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn at(&self, number: Number) -> SimDirectory {
        SimDirectory { disk: self.clone(), number }
    }
}

impl Default for SimFs {
    fn default() -> Self {
        Self::new()
    }
}

impl FileSystem for SimFs {
    fn directory(&self, path: &Path) -> io::Result<Arc<dyn Directory>> {
        let mut world = self.world();
        world.step()?;
        let number = world.directory(World::ROOT, path.as_os_str().as_encoded_bytes())?;
        Ok(Arc::new(self.at(number)))
    }

    fn make_directories(&self, path: &Path) -> io::Result<()> {
        let path = path.as_os_str().as_encoded_bytes();
        let ends = (0..=path.len()).filter(|at| *at == path.len() || path[*at] == b'/');
        for end in ends.filter(|end| *end > 0) {
            let mut world = self.world();
            world.step()?;
            match world.make_directory(World::ROOT, &path[..end]) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_owned())
    }

    fn now(&self) -> Duration {
        self.world().clock
    }

    fn pause(&self, how_long: Duration) {
        self.world().clock += how_long;
    }

    fn nonce(&self) -> u64 {
        let mut world = self.world();
        world.nonce += 1;
        world.nonce
    }
}

#[derive(Debug)]
struct SimDirectory {
    disk: SimFs,
    number: Number,
}

impl SimDirectory {
    /// One operation on the world.
    fn step(&self) -> io::Result<MutexGuard<'_, World>> {
        let mut world = self.disk.world();
        world.step()?;
        Ok(world)
    }

    fn file(&self, number: Number) -> Arc<dyn File> {
        Arc::new(SimFile { disk: self.disk.clone(), number, locked: AtomicBool::new(false) })
    }
}

impl Directory for SimDirectory {
    fn open_dir(&self, path: &[u8]) -> io::Result<Arc<dyn Directory>> {
        let number = self.step()?.directory(self.number, path)?;
        Ok(Arc::new(self.disk.at(number)))
    }

    fn open(&self, path: &[u8], _links: Links) -> io::Result<Arc<dyn File>> {
        let number = self.step()?.file(self.number, path)?;
        Ok(self.file(number))
    }

    fn create(&self, path: &[u8], mode: u32) -> io::Result<Arc<dyn File>> {
        let number = self.step()?.create(self.number, path, mode)?;
        Ok(self.file(number))
    }

    fn append(&self, path: &[u8], mode: u32) -> io::Result<Arc<dyn File>> {
        let mut world = self.step()?;
        let number = match world.file(self.number, path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => world.create(self.number, path, mode)?,
            found => found?,
        };
        Ok(self.file(number))
    }

    fn stat(&self, path: &[u8], _links: Links) -> io::Result<Stat> {
        let world = self.step()?;
        Ok(world.stat(world.find(self.number, path)?))
    }

    fn read_link(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        let world = self.step()?;
        world.find(self.number, path)?;
        Err(io::ErrorKind::InvalidInput.into())
    }

    fn list(&self, path: &[u8]) -> io::Result<Vec<DirEntry>> {
        let world = self.step()?;
        let number = world.directory(self.number, path)?;
        let entries = world.entries(number)?;
        let kind =
            |number: Number| if world.is_directory(number) { FileKind::Directory } else { FileKind::File };
        Ok(entries.iter().map(|(name, at)| DirEntry { name: name.clone(), kind: Some(kind(*at)) }).collect())
    }

    fn make_dir(&self, path: &[u8], _mode: u32) -> io::Result<()> {
        self.step()?.make_directory(self.number, path)
    }

    fn remove_file(&self, path: &[u8]) -> io::Result<()> {
        let mut world = self.step()?;
        world.file(self.number, path)?;
        world.unlink(self.number, path)
    }

    fn remove_dir(&self, path: &[u8]) -> io::Result<()> {
        let mut world = self.step()?;
        let number = world.directory(self.number, path)?;
        if !world.entries(number)?.is_empty() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        world.unlink(self.number, path)
    }

    fn rename(&self, from: &[u8], to: &[u8]) -> io::Result<()> {
        self.step()?.rename(self.number, from, to)
    }

    fn link(&self, from: &[u8], to: &[u8]) -> io::Result<()> {
        self.step()?.link(self.number, from, to)
    }

    fn set_mode(&self, path: &[u8], mode: u32) -> io::Result<()> {
        let mut world = self.step()?;
        let number = world.find(self.number, path)?;
        world.set_mode(number, mode);
        Ok(())
    }

    fn sync(&self, path: &[u8]) -> io::Result<()> {
        let mut world = self.step()?;
        let number = world.directory(self.number, path)?;
        world.sync_directory(number);
        Ok(())
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimFs,
    number: Number,
    /// Whether this holds the file's lock.
    locked: AtomicBool,
}

impl Drop for SimFile {
    fn drop(&mut self) {
        if *self.locked.get_mut() {
            self.disk.world().locked.remove(&self.number);
        }
    }
}

impl File for SimFile {
    fn stat(&self) -> io::Result<Stat> {
        let mut world = self.disk.world();
        world.step()?;
        Ok(world.stat(self.number))
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        let mut world = self.disk.world();
        world.step()?;
        let content = world.content(self.number);
        let rest = usize::try_from(offset).ok().and_then(|at| content.get(at..)).unwrap_or_default();
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut world = self.disk.world();
        let stepped = world.step();
        world.write(self.number, Some(offset), cut(data, &stepped));
        stepped
    }

    fn write(&self, data: &[u8]) -> io::Result<()> {
        let mut world = self.disk.world();
        let stepped = world.step();
        world.write(self.number, None, cut(data, &stepped));
        stepped
    }

    fn sync(&self) -> io::Result<()> {
        let mut world = self.disk.world();
        let stepped = world.step();
        match stepped {
            Ok(()) => world.sync_file(self.number),
            Err(_) => world.lose_file(self.number),
        }
        stepped
    }

    fn try_lock(&self) -> io::Result<bool> {
        let mut world = self.disk.world();
        world.step()?;
        let taken = world.locked.insert(self.number);
        self.locked.fetch_or(taken, Ordering::Relaxed);
        Ok(taken)
    }
}

/// As much of `data` as is written where the operation goes wrong so.
fn cut<'d>(data: &'d [u8], stepped: &io::Result<()>) -> &'d [u8] {
    match stepped {
        Ok(()) => data,
        Err(error) if error.kind() == io::ErrorKind::WriteZero => &data[..data.len() / 2],
        Err(_) => &[],
    }
}
