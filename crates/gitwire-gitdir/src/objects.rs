//! All object directories of a repository, and views of them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use gitwire_storage::{
    CommitIndex, ObjectFile, ObjectFiles as StoredFiles, ObjectReader, ObjectStore, PackAccess,
    PackedOptions, PackedStore, PackedView, Presence, Reachability, Result, StorageErrorKind, StoredFile,
};
use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

use crate::Config;
use crate::alternates::{self, ObjectDirectory};
use crate::commit_graph::{CommitGraphs, ViewGraph};
use crate::error::Context as _;
use crate::fs::{Directory, FileSystem, Sharing, share};
use crate::loose::{LooseObject, path_of};
use crate::open::OpenOptions;
use crate::packs::{DirectoryPacks, file_name, names, open_file};
use crate::promised::Promised;

/// Where objects stand, and what views share.
#[derive(Debug)]
pub(crate) struct ObjectFiles {
    pub(crate) file_system: Arc<dyn FileSystem>,
    pub(crate) own: ObjectDirectory,
    pub(crate) format: ObjectFormat,
    options: PackedOptions,
    /// The own objects are not in `objects`.
    pub(crate) is_elsewhere: bool,
    /// What is borrowed from without a word in the repository.
    alternates: Vec<PathBuf>,
    alternates_depth_max: u32,
    promised_max: usize,
    promised: Arc<Promised>,
    graphs: Arc<CommitGraphs>,
    /// Packs of the object directories that there were last.
    store: Mutex<Option<Arc<PackedStore<DirectoryPacks>>>>,
}

impl ObjectFiles {
    pub(crate) fn open(
        common_path: &Path,
        common: &Arc<dyn Directory>,
        format: ObjectFormat,
        options: &OpenOptions,
        config: &Config,
    ) -> Result<Self> {
        let (path, dir) = match &options.object_directory {
            Some(path) => {
                let dir = options.file_system.directory(path);
                (path.clone(), dir.map(|dir| share(dir, &Sharing::of(config))))
            }
            None => (common_path.join("objects"), common.open_dir(b"objects")),
        };
        let own = dir
            .and_then(|dir| ObjectDirectory::open(path.clone(), dir))
            .context(|| format!("cannot open directory '{}'", path.display()))?;
        let mut packed = PackedOptions::default();
        packed.base_cache_bytes = options.base_cache_bytes;
        packed.verify = options.verify_objects;
        // `core.multiPackIndex`, which is on unless it is set otherwise.
        if config.boolean("core", None, "multiPackIndex").ok().flatten() == Some(false) {
            packed.multi_pack_bytes_max = 0;
        }
        Ok(Self {
            file_system: Arc::clone(&options.file_system),
            own,
            format,
            options: packed,
            alternates_depth_max: options.alternates_depth_max,
            promised_max: options.promised_max,
            is_elsewhere: options.object_directory.is_some(),
            alternates: options.alternates.clone(),
            promised: Arc::default(),
            graphs: Arc::new(CommitGraphs::new(Arc::clone(common), format)),
            store: Mutex::default(),
        })
    }

    /// All object directories, the repository's own first.
    pub(crate) fn directories(&self) -> Result<Vec<ObjectDirectory>> {
        alternates::resolve(&self.own, &self.alternates, &*self.file_system, self.alternates_depth_max)
    }

    /// A view of all objects. Packs that are open stay so from one view to the next.
    pub(crate) fn view(&self) -> Result<ObjectView> {
        let directories = self.directories()?;
        let packed = self.store_of(&directories).view()?;
        Ok(self.view_over(packed, directories, Arc::clone(&self.promised)))
    }

    /// The same, with the commit-graph where there is one.
    pub(crate) fn view_with_graph(&self) -> Result<ObjectView> {
        let mut view = self.view()?;
        view.graph = ViewGraph::new(Arc::clone(&self.graphs));
        Ok(view)
    }

    /// A view of all objects and of the packs of one directory more: a quarantine. Its cache holds at most so many bytes: what comes from
    /// a stranger decides on what is in it.
    pub(crate) fn view_with(&self, quarantine: ObjectDirectory, cache_bytes: usize) -> Result<ObjectView> {
        let mut directories = vec![quarantine];
        directories.extend(self.directories()?);
        let packed = self.new_store(&directories, cache_bytes).view()?;
        Ok(self.view_over(packed, directories, Arc::default()))
    }

    /// A view of the packs of a quarantine alone.
    pub(crate) fn view_of(&self, quarantine: ObjectDirectory, cache_bytes: usize) -> Result<ObjectView> {
        let directories = vec![quarantine];
        let packed = self.new_store(&directories, cache_bytes).view()?;
        Ok(self.view_over(packed, directories, Arc::default()))
    }

    fn view_over(
        &self,
        packed: PackedView<DirectoryPacks>,
        directories: Vec<ObjectDirectory>,
        promised: Arc<Promised>,
    ) -> ObjectView {
        let (format, verify, promised_max) = (self.format, self.options.verify, self.promised_max);
        let graph = ViewGraph::default();
        ObjectView { packed, directories, format, verify, promised, promised_max, graph }
    }

    fn store_of(&self, directories: &[ObjectDirectory]) -> Arc<PackedStore<DirectoryPacks>> {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |known: &&Arc<PackedStore<DirectoryPacks>>| {
            let known = known.files().directories.iter().map(|directory| directory.identity);
            known.eq(directories.iter().map(|directory| directory.identity))
        };
        if let Some(known) = store.as_ref().filter(same) {
            return Arc::clone(known);
        }
        Arc::clone(store.insert(Arc::new(self.new_store(directories, usize::MAX))))
    }

    fn new_store(&self, directories: &[ObjectDirectory], cache_max: usize) -> PackedStore<DirectoryPacks> {
        let files =
            DirectoryPacks { file_system: Arc::clone(&self.file_system), directories: directories.to_vec() };
        let mut options = self.options.clone();
        options.base_cache_bytes = options.base_cache_bytes.min(cache_max);
        PackedStore::new(files, self.format, options)
    }
}

/// A view of all objects of a repository.
///
/// Packs are asked first, then loose objects, then packs that came since the view was made: an object may move from a file
/// of its own into a pack, and from pack to pack, while the view lives.
#[derive(Debug)]
pub(crate) struct ObjectView {
    packed: PackedView<DirectoryPacks>,
    directories: Vec<ObjectDirectory>,
    format: ObjectFormat,
    verify: bool,
    promised: Arc<Promised>,
    promised_max: usize,
    graph: ViewGraph,
}

impl ObjectView {
    fn loose(&self, id: &ObjectId) -> Result<Option<LooseObject>> {
        if id.format() != self.format {
            return Ok(None);
        }
        for directory in &self.directories {
            if let Some(found) = LooseObject::open(&*directory.dir, id, self.verify)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Asks packs, then loose objects. A damaged copy in a pack does not hide a good loose one.
    fn known<T>(
        &self,
        packed: &mut dyn FnMut(&PackedView<DirectoryPacks>) -> Result<Option<T>>,
        loose: &mut dyn FnMut() -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        match packed(&self.packed) {
            Ok(Some(found)) => Ok(Some(found)),
            Ok(None) => loose(),
            Err(damage) if matches!(damage.kind(), StorageErrorKind::Corrupt(_)) => {
                loose()?.map_or(Err(damage), |found| Ok(Some(found)))
            }
            Err(error) => Err(error),
        }
    }

    /// The same, and once more where there are packs that the view did not know.
    fn find<T>(
        &self,
        packed: &mut dyn FnMut(&PackedView<DirectoryPacks>) -> Result<Option<T>>,
        loose: &mut dyn FnMut() -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        if let Some(found) = self.known(packed, loose)? {
            return Ok(Some(found));
        }
        if self.packed.refresh()?
            && let Some(found) = self.known(packed, loose)?
        {
            return Ok(Some(found));
        }
        self.packed.check_damage()?;
        Ok(None)
    }

    pub(crate) fn header_packed(&self, id: &ObjectId) -> Result<Option<(ObjectKind, u64)>> {
        self.packed.header_known(id)
    }

    /// Whether there are no packs.
    pub(crate) fn has_no_packs(&self) -> bool {
        PackAccess::packs(&self.packed) == 0
    }

    pub(crate) fn directories(&self) -> &[ObjectDirectory] {
        &self.directories
    }

    pub(crate) fn header_known(&self, id: &ObjectId) -> Result<Option<(ObjectKind, u64)>> {
        self.known(&mut |packed| packed.header_known(id), &mut || {
            Ok(self.loose(id)?.map(|object| (object.kind(), object.size())))
        })
    }

    fn read_loose(&self, id: &ObjectId, max: u64, out: &mut Vec<u8>) -> Result<Option<ObjectKind>> {
        let Some(mut object) = self.loose(id)? else { return Ok(None) };
        object.read_to_end(max, out)?;
        Ok(Some(object.kind()))
    }
}

impl ObjectStore for ObjectView {
    fn headers(&self, ids: &[ObjectId], out: &mut dyn FnMut(usize, Presence)) -> Result<()> {
        let mut missing = Vec::new();
        for (index, id) in ids.iter().enumerate() {
            match self.header_known(id)? {
                Some((kind, size)) => out(index, Presence::Here { kind, size }),
                None => missing.push((index, *id)),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let refreshed = self.packed.refresh()?;
        for (index, id) in missing {
            let found = if refreshed { self.header_known(&id)? } else { None };
            if found.is_none() && id == ObjectId::empty_tree(self.format) {
                out(index, Presence::Here { kind: ObjectKind::Tree, size: 0 });
                continue;
            }
            if found.is_none() {
                self.packed.check_damage()?;
            }
            out(index, found.map_or(Presence::Absent, |(kind, size)| Presence::Here { kind, size }));
        }
        Ok(())
    }

    fn read(&self, id: &ObjectId, max: u64, out: &mut Vec<u8>) -> Result<Option<ObjectKind>> {
        // Both ways fill `out`, one after the other.
        let out = std::cell::RefCell::new(out);
        let found = self
            .find(&mut |packed| packed.read_known(id, max, &mut out.borrow_mut()), &mut || {
                self.read_loose(id, max, &mut out.borrow_mut())
            })?;
        if found.is_none() && *id == ObjectId::empty_tree(self.format) {
            out.borrow_mut().clear();
            return Ok(Some(ObjectKind::Tree));
        }
        Ok(found)
    }

    fn open(&self, id: &ObjectId) -> Result<Option<Box<dyn ObjectReader>>> {
        let found = self.find(&mut |packed| packed.open_known(id), &mut || {
            Ok(self.loose(id)?.map(|object| Box::new(object) as Box<dyn ObjectReader>))
        })?;
        let is_built_in = found.is_none() && *id == ObjectId::empty_tree(self.format);
        Ok(if is_built_in { Some(Box::new(EmptyTree)) } else { found })
    }

    fn promised(&self, ids: &[ObjectId]) -> Result<Vec<bool>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.packed.refresh()?;
        self.promised.among(ids, &self.packed, self.promised_max)
    }

    fn packs(&self) -> Option<&dyn PackAccess> {
        Some(&self.packed)
    }

    fn commits(&self) -> Option<&dyn CommitIndex> {
        self.graph.find(&self.directories).map(|graph| graph as &dyn CommitIndex)
    }

    fn bitmaps(&self) -> Option<&dyn Reachability> {
        self.packed.bitmaps()
    }

    fn files(&self) -> Option<&dyn StoredFiles> {
        Some(self)
    }
}

/// The tree without entries, which git takes for there wherever it is named.
struct EmptyTree;

impl ObjectReader for EmptyTree {
    fn kind(&self) -> ObjectKind {
        ObjectKind::Tree
    }

    fn size(&self) -> u64 {
        0
    }

    fn read(&mut self, _room: &mut [u8]) -> Result<usize> {
        Ok(0)
    }
}

/// What is borrowed from other object directories is given as if it were the repository's own: a client need not be told of any place
/// besides, and none outside of what it may see.
impl StoredFiles for ObjectView {
    fn packs(&self) -> Result<Vec<ObjectId>> {
        let mut found = Vec::new();
        for directory in &self.directories {
            for id in names(directory, self.format)? {
                if !found.contains(&id) {
                    found.push(id);
                }
            }
        }
        Ok(found)
    }

    fn open(&self, file: ObjectFile) -> Result<Option<StoredFile>> {
        let (id, path) = match &file {
            ObjectFile::Loose(id) => (id, path_of(id)),
            ObjectFile::Pack(id, part) => (id, file_name(id, *part)),
        };
        if id.format() != self.format {
            return Ok(None);
        }
        for directory in &self.directories {
            if let Some(found) = open_file(directory, &path)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}
