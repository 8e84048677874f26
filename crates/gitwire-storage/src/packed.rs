//! Objects in packs, wherever the packs are.

mod multi;
mod reach;
mod reader;
mod view;

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use gitwire_pack::{BaseCache, Blame, Index, Limits, Pack, PackBitmaps, PackError, ReadAt};
use gitwire_types::{ObjectFormat, ObjectId};

use self::multi::Multis;
use self::reader::Promoting;
pub use self::view::PackedView;
use crate::{Result, StorageError};

/// Where packs and the files beside them are: a directory, a bucket, memory.
pub trait PackFiles: Send + Sync {
    /// The packs that are whole, in the order in which they should be asked.
    ///
    /// # Errors
    /// A failing medium.
    fn list(&self) -> Result<Vec<PackName>>;

    /// Opens a file of a pack for positioned reads; it stays readable when somebody removes it. `None`: it is not there.
    ///
    /// # Errors
    /// A failing medium.
    fn open(&self, name: &PackName, part: PackPart) -> Result<Option<Arc<dyn ReadAt>>>;

    /// How many groups of packs may each have a multi-pack index: object directories.
    fn groups(&self) -> u32 {
        0
    }

    /// Opens a file of the multi-pack index of a group, as [`PackFiles::open`] does.
    ///
    /// # Errors
    /// A failing medium.
    fn open_multi(&self, _group: u32, _part: MultiPackPart) -> Result<Option<Arc<dyn ReadAt>>> {
        Ok(None)
    }

    /// What a pack of a group is named whose `.idx` has this name; `None` where that is no name of a pack.
    fn pack_named(&self, _group: u32, _index: &[u8]) -> Option<PackName> {
        None
    }

    /// A number that is another one whenever [`PackFiles::list`] may be; `None` where that cannot be told.
    ///
    /// # Errors
    /// A failing medium.
    fn version(&self) -> Result<Option<u64>> {
        Ok(None)
    }
}

/// The name that a [`PackFiles`] gives a pack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackName(Arc<[u8]>);

impl PackName {
    /// A name; its bytes mean something only to the [`PackFiles`] that made it.
    #[must_use]
    pub fn new(name: &[u8]) -> Self {
        Self(name.into())
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for PackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.escape_ascii(), f)
    }
}

/// The files of a pack (`gitrepository-layout`, `objects/pack`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PackPart {
    /// The entries.
    Pack,
    /// From ids to offsets.
    Index,
    /// From the order of offsets to the order of ids.
    Reverse,
    /// Reachability bitmaps.
    Bitmap,
    /// The mark of a pack that a promisor remote sent.
    Promisor,
}

impl PackPart {
    /// The end of the file's name.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Pack => "pack",
            Self::Index => "idx",
            Self::Reverse => "rev",
            Self::Bitmap => "bitmap",
            Self::Promisor => "promisor",
        }
    }
}

/// The files of a multi-pack index (`gitformat-pack`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MultiPackPart {
    /// The index.
    Index,
    /// The order of the objects of the index with this checksum, where the index has it not in itself.
    Reverse(ObjectId),
    /// Reachability bitmaps for the index with this checksum.
    Bitmap(ObjectId),
}

/// How packs are read.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PackedOptions {
    /// What is accepted of a pack.
    pub limits: Limits,
    /// Bytes that the cache of delta bases may hold, for all views together.
    pub base_cache_bytes: usize,
    /// The largest index that is held in memory once it is used much; larger ones are read piece by piece.
    pub index_bytes_max: u64,
    /// The largest file of reachability bitmaps that is read; it is held in memory.
    pub bitmap_bytes_max: u64,
    /// The largest multi-pack index that is read; it is held in memory. 0: none is.
    pub multi_pack_bytes_max: u64,
    /// Whether each object that is read whole is hashed and compared with its id.
    pub verify: bool,
}

impl Default for PackedOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            // As git's core.deltaBaseCacheLimit.
            base_cache_bytes: 96 << 20,
            // Nine million objects: the largest public histories. Beyond it memory counts more than a lookup's pace.
            index_bytes_max: 256 << 20,
            // Those of a history of ten million objects have about this size.
            bitmap_bytes_max: 256 << 20,
            // Eight million objects.
            multi_pack_bytes_max: 256 << 20,
            verify: false,
        }
    }
}

/// A pack whose files are open.
pub(crate) type OpenPack = Pack<Arc<dyn ReadAt>, Promoting>;

/// A pack that views share.
#[derive(Debug)]
pub(crate) struct StoredPack {
    pub(crate) name: PackName,
    pub(crate) state: PackState,
    /// Read when they are asked for first; `None`: there are none that are of use.
    pub(crate) bitmaps: OnceLock<Option<PackBitmaps>>,
}

#[derive(Debug)]
pub(crate) enum PackState {
    Open(Box<OpenPack>),
    /// It could not be opened; objects that are found nowhere else may be in it.
    Damaged(PackError),
}

/// The packs at one time.
type PackList = Arc<[Arc<StoredPack>]>;

/// All packs of a [`PackFiles`], opened once and shared by every view.
#[derive(Debug)]
pub struct PackedStore<F> {
    shared: Arc<Shared<F>>,
}

#[derive(Debug)]
pub(crate) struct Shared<F> {
    files: F,
    format: ObjectFormat,
    options: PackedOptions,
    cache: Arc<BaseCache>,
    known: Mutex<Known>,
}

/// The packs as they were listed last.
#[derive(Debug, Default)]
struct Known {
    version: Option<u64>,
    packs: PackList,
    multis: Arc<Multis>,
}

impl<F: PackFiles> PackedStore<F> {
    /// The packs of `files`, which hold objects named in `format`. Nothing is read yet.
    #[must_use]
    pub fn new(files: F, format: ObjectFormat, options: PackedOptions) -> Self {
        let cache = Arc::new(BaseCache::new(options.base_cache_bytes));
        Self { shared: Arc::new(Shared { files, format, options, cache, known: Mutex::default() }) }
    }

    /// A view of the packs as they are now.
    ///
    /// # Errors
    /// A failing medium. A damaged pack is no error here: it is one where an object is found nowhere else.
    pub fn view(&self) -> Result<PackedView<F>> {
        let (packs, multis) = self.shared.current()?;
        Ok(PackedView::new(Arc::clone(&self.shared), packs, multis))
    }

    /// Where the packs are.
    #[must_use]
    pub fn files(&self) -> &F {
        &self.shared.files
    }
}

impl<F: PackFiles> Shared<F> {
    /// The packs that there are now.
    fn current(&self) -> Result<(PackList, Arc<Multis>)> {
        // Asked before listing: what comes in between shows in the next answer.
        let version = self.files.version()?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if version.is_some() && known.version == version {
            return Ok((Arc::clone(&known.packs), Arc::clone(&known.multis)));
        }
        let mut packs = Vec::new();
        for name in self.files.list()? {
            // A damaged one is tried again: it may be another by now.
            let kept =
                known.packs.iter().find(|pack| pack.name == name && matches!(pack.state, PackState::Open(_)));
            match kept {
                Some(pack) => packs.push(Arc::clone(pack)),
                None => packs.extend(self.open(name)?.map(Arc::new)),
            }
        }
        let multis = Arc::new(known.multis.next());
        *known = Known { version, packs: packs.into(), multis };
        Ok((Arc::clone(&known.packs), Arc::clone(&known.multis)))
    }

    /// Opens a pack; `None` where it has gone since it was listed.
    fn open(&self, name: PackName) -> Result<Option<StoredPack>> {
        let (Some(index), Some(data)) =
            (self.files.open(&name, PackPart::Index)?, self.files.open(&name, PackPart::Pack)?)
        else {
            return Ok(None);
        };
        let index = Promoting::new(index, self.options.index_bytes_max);
        let opened = Index::open(index, self.format, &self.options.limits)
            .and_then(|index| Pack::open(data, index, Arc::clone(&self.cache), self.options.limits));
        let state = match opened {
            Ok(pack) if self.options.verify => PackState::Open(Box::new(pack.check_ids())),
            Ok(pack) => PackState::Open(Box::new(pack)),
            Err(error) if error.blame() == Blame::Storage => return Err(pack_error(&name, error)),
            Err(error) => PackState::Damaged(error),
        };
        Ok(Some(StoredPack { name, state, bitmaps: OnceLock::new() }))
    }
}

/// What a pack's error is to storage.
pub(crate) fn pack_error(name: &PackName, error: PackError) -> StorageError {
    StorageError::from(error).in_context(&name.to_string())
}
