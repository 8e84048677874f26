//! Packs in files of their own.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use gitwire_gitdir::FileSpool;
use gitwire_pack::{ReadAt, Spool, StorageFailure};

use crate::failure::Failure;

/// A pack in a file: one that is there already and only read, or one that is written as it comes.
#[derive(Debug)]
pub(crate) struct PackFile {
    file: File,
    size: u64,
    written: bool,
}

impl PackFile {
    /// A pack that is there. What is appended to the spool must be what the file holds.
    pub(crate) fn existing(file: File) -> Self {
        Self { file, size: 0, written: false }
    }

    /// A new pack.
    pub(crate) fn new(file: File) -> Self {
        Self { file, size: 0, written: true }
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }
}

impl ReadAt for PackFile {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<usize, StorageFailure> {
        Ok(read_fully(&self.file, offset, out)?)
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn spill(&self) -> Result<Box<dyn Spool>, StorageFailure> {
        Ok(Box::new(FileSpool::temporary(&std::env::temp_dir())?))
    }
}

impl Spool for PackFile {
    fn append(&mut self, bytes: &[u8]) -> Result<(), StorageFailure> {
        if self.written {
            self.file.write_all_at(bytes, self.size)?;
        }
        self.size = self.size.saturating_add(bytes.len() as u64);
        Ok(())
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), StorageFailure> {
        if !self.written {
            return Err("a pack that is there is left as it is".into());
        }
        Ok(self.file.write_all_at(bytes, offset)?)
    }
}

/// A file that is read in place.
#[derive(Debug)]
pub(crate) struct Whole {
    file: File,
    size: u64,
}

impl Whole {
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        Ok(Self { file, size })
    }
}

impl ReadAt for Whole {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<usize, StorageFailure> {
        Ok(read_fully(&self.file, offset, out)?)
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn spill(&self) -> Result<Box<dyn Spool>, StorageFailure> {
        Ok(Box::new(FileSpool::temporary(&std::env::temp_dir())?))
    }
}

/// Writes a file that is there as a whole or not at all, and is not written again, as git keeps packs.
pub(crate) fn write_whole<E: Into<Failure>>(
    path: &Path,
    write: impl FnOnce(&mut dyn FnMut(&[u8]) -> Result<(), StorageFailure>) -> Result<(), E>,
) -> Result<(), Failure> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".tmp-{}", std::process::id()));
    let temporary = Path::new(&name);
    let failed =
        |error: std::io::Error| Failure::fatal(format!("unable to create '{}': {error}", path.display()));
    let file = File::options().write(true).create_new(true).mode(0o444).open(temporary).map_err(failed)?;
    let mut out = std::io::BufWriter::with_capacity(1 << 18, file);
    let written = write(&mut |piece| Ok(out.write_all(piece)?)).map_err(Into::into);
    let done = written.and_then(|()| {
        let file = out.into_inner().map_err(|error| failed(error.into_error()))?;
        freeze(&file)
            .and_then(|()| file.sync_all())
            .and_then(|()| std::fs::rename(temporary, path))
            .map_err(failed)
    });
    if done.is_err() {
        let _ = std::fs::remove_file(temporary);
    }
    done
}

/// Lets everybody read a file and nobody write it, whatever the umask: so git leaves packs and indexes that go into no repository.
pub(crate) fn freeze(file: &File) -> std::io::Result<()> {
    file.set_permissions(std::fs::Permissions::from_mode(0o444))
}

fn read_fully(file: &File, offset: u64, out: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < out.len() {
        match file.read_at(&mut out[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
