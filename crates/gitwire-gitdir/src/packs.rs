//! Packs below `objects/pack` of all object directories.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::sync::Arc;

use gitwire_pack::{ReadAt, Spool, StorageFailure};
use gitwire_storage::{MultiPackPart, PackFiles, PackName, PackPart, Result, StoredFile};
use gitwire_types::{ObjectFormat, ObjectId};

use crate::alternates::ObjectDirectory;
use crate::error::{Context as _, is_absent, optional, shown};
use crate::fs::{Directory, File, FileKind, FileSystem, Links, Stat, is_out_of_descriptors, is_racy};
use crate::quarantine::{Beside, FileSpool};

/// The packs of some object directories. A name is the directory's number, a slash, and the file's name without its end.
#[derive(Debug)]
pub(crate) struct DirectoryPacks {
    pub(crate) file_system: Arc<dyn FileSystem>,
    pub(crate) directories: Vec<ObjectDirectory>,
}

impl PackFiles for DirectoryPacks {
    fn list(&self) -> Result<Vec<PackName>> {
        let mut names = Vec::new();
        for (number, directory) in self.directories.iter().enumerate() {
            names.extend(
                list_packs(directory)?.into_iter().map(|stem| {
                    PackName::new(&[number.to_string().as_bytes(), b"/", stem.as_slice()].concat())
                }),
            );
        }
        Ok(names)
    }

    fn open(&self, name: &PackName, part: PackPart) -> Result<Option<Arc<dyn ReadAt>>> {
        let Some((directory, stem)) = self.split(name) else { return Ok(None) };
        open_part(directory, &[b"pack/", stem, b".", part.extension().as_bytes()].concat())
    }

    fn groups(&self) -> u32 {
        u32::try_from(self.directories.len()).unwrap_or(u32::MAX)
    }

    fn open_multi(&self, group: u32, part: MultiPackPart) -> Result<Option<Arc<dyn ReadAt>>> {
        let Some(directory) = self.directories.get(group as usize) else { return Ok(None) };
        let path = match part {
            MultiPackPart::Index => b"pack/multi-pack-index".to_vec(),
            MultiPackPart::Reverse(id) => format!("pack/multi-pack-index-{id}.rev").into_bytes(),
            MultiPackPart::Bitmap(id) => format!("pack/multi-pack-index-{id}.bitmap").into_bytes(),
            _ => return Ok(None),
        };
        open_part(directory, &path)
    }

    fn pack_named(&self, group: u32, index: &[u8]) -> Option<PackName> {
        let stem = index.strip_suffix(b".idx").filter(|stem| stem.starts_with(b"pack-"))?;
        Some(PackName::new(&[group.to_string().as_bytes(), b"/", stem].concat()))
    }

    fn version(&self) -> Result<Option<u64>> {
        let mut hasher = DefaultHasher::new();
        let now = self.file_system.now();
        for directory in &self.directories {
            let stat = optional(directory.dir.stat(b"pack", Links::Follow))
                .context(|| format!("cannot look at '{}/pack'", directory.path.display()))?;
            if stat.is_some_and(|stat| is_racy(&stat, now)) {
                return Ok(None);
            }
            stat.map(|Stat { modified, changed, inode, .. }| (modified, changed, inode)).hash(&mut hasher);
        }
        Ok(Some(hasher.finish()))
    }
}

impl DirectoryPacks {
    fn split<'a>(&self, name: &'a PackName) -> Option<(&ObjectDirectory, &'a [u8])> {
        let slash = memchr::memchr(b'/', name.as_bytes())?;
        let (number, stem) = name.as_bytes().split_at_checked(slash)?;
        let number: usize = std::str::from_utf8(number).ok()?.parse().ok()?;
        Some((self.directories.get(number)?, stem.strip_prefix(b"/")?))
    }
}

fn open_part(directory: &ObjectDirectory, path: &[u8]) -> Result<Option<Arc<dyn ReadAt>>> {
    let opened = match directory.dir.open(path, Links::Follow) {
        Err(error) if is_out_of_descriptors(&error) => {
            Unopened::new(&directory.dir, path).map(|file| Arc::new(file) as Arc<dyn ReadAt>)
        }
        opened => opened.and_then(FileReader::new).map(|file| {
            let beside = Some(Beside { dir: Arc::clone(&directory.dir), path: b"pack/".to_vec() });
            Arc::new(FileReader { beside, ..file }) as Arc<dyn ReadAt>
        }),
    };
    optional(opened).context(|| format!("cannot open '{}/{}'", directory.path.display(), shown(path)))
}

/// The packs of one directory whose names are `pack-` and an id.
pub(crate) fn names(directory: &ObjectDirectory, format: ObjectFormat) -> Result<Vec<ObjectId>> {
    let id = |stem: &[u8]| {
        let digits = stem.strip_prefix(b"pack-")?;
        // Upper-case digits would name another file.
        ObjectId::from_hex(format, digits).ok().filter(|id| id.to_hex().as_bytes() == digits)
    };
    Ok(list_packs(directory)?.iter().filter_map(|stem| id(stem)).collect())
}

/// Where a file of the pack that `names` gave stands below the object directory.
pub(crate) fn file_name(name: &ObjectId, part: PackPart) -> Vec<u8> {
    [b"pack/pack-", name.to_hex().as_bytes(), b".", part.extension().as_bytes()].concat()
}

/// A file as it lies there; `None` where there is none.
pub(crate) fn open_file(directory: &ObjectDirectory, path: &[u8]) -> Result<Option<StoredFile>> {
    let opened = directory.dir.open(path, Links::Follow).and_then(|file| {
        let stat = file.stat()?;
        let data = Arc::new(FileReader { file, size: stat.size, beside: None });
        Ok((stat.kind == FileKind::File).then(|| StoredFile { data, modified: Some(stat.modified) }))
    });
    match opened {
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => Ok(None),
        opened => {
            let what = || format!("cannot open '{}/{}'", directory.path.display(), shown(path));
            Ok(optional(opened).context(what)?.flatten())
        }
    }
}

/// The packs of one directory that have both pack and index, the newest first, as git asks them: most of what is asked for is new.
fn list_packs(directory: &ObjectDirectory) -> Result<Vec<Vec<u8>>> {
    let entries = match directory.dir.list(b"pack") {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        Err(error) => {
            return Err(error).context(|| format!("cannot read '{}/pack'", directory.path.display()));
        }
    };
    let stems = |end: &'static [u8]| {
        entries
            .iter()
            .filter_map(move |entry| entry.name.strip_suffix(end).filter(|stem| stem.starts_with(b"pack-")))
    };
    let packs: std::collections::HashSet<&[u8]> = stems(b".pack").collect();
    let mut found = Vec::new();
    for stem in stems(b".idx").filter(|stem| packs.contains(stem)) {
        let path = [b"pack/", stem, b".pack"].concat();
        match directory.dir.stat(&path, Links::Follow) {
            Ok(stat) => found.push((stat.modified, stem.to_vec())),
            Err(error) if is_absent(&error) => {}
            Err(error) => {
                return Err(error)
                    .context(|| format!("cannot look at '{}/{}'", directory.path.display(), shown(&path)));
            }
        }
    }
    found.sort_by(|one, other| other.0.cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
    Ok(found.into_iter().map(|(_, stem)| stem).collect())
}

/// An open file for positioned reads. Its size is what it was when it was opened: a file that somebody cuts ends early.
#[derive(Debug)]
pub(crate) struct FileReader {
    file: Arc<dyn File>,
    size: u64,
    /// Where what is made of it may be spilled.
    beside: Option<Beside>,
}

impl FileReader {
    pub(crate) fn new(file: Arc<dyn File>) -> io::Result<Self> {
        let size = file.stat()?.size;
        Ok(Self { file, size, beside: None })
    }
}

impl ReadAt for FileReader {
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
        let beside = self.beside.as_ref().and_then(|beside| beside.unnamed().ok());
        // Who may only read a repository has a place of their own.
        Ok(Box::new(beside.map_or_else(|| FileSpool::temporary(&std::env::temp_dir()), Ok)?))
    }
}

/// A file that is opened for each read, because this process may not hold more files open: slower, and gone when somebody
/// removes it, but a repository of a thousand packs can be read.
#[derive(Debug)]
struct Unopened {
    dir: Arc<dyn Directory>,
    path: Vec<u8>,
    size: u64,
}

impl Unopened {
    fn new(dir: &Arc<dyn Directory>, path: &[u8]) -> io::Result<Self> {
        let size = dir.stat(path, Links::Follow)?.size;
        Ok(Self { dir: Arc::clone(dir), path: path.to_vec(), size })
    }
}

impl ReadAt for Unopened {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<usize, StorageFailure> {
        FileReader::new(self.dir.open(&self.path, Links::Follow)?)?.read_at(offset, out)
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn spill(&self) -> Result<Box<dyn Spool>, StorageFailure> {
        Ok(Box::new(FileSpool::temporary(&std::env::temp_dir())?))
    }
}
