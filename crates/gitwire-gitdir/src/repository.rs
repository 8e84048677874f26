//! A Git directory as a repository.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once, PoisonError, RwLock};

use bytes::Bytes;
use gitwire_object::{Trust, object_id};

use gitwire_storage::{
    EditOutcome, ObjectStore, RefEdit, RefStore, Repository, Result, StageRequest, Staged, Staging,
    StorageError, StorageErrorKind, Transaction, Veto,
};
use gitwire_types::{ObjectFormat, ObjectId, ObjectKind, RefName, RefTarget};

use crate::config::{Config, ConfigError, ConfigSection};
use crate::error::{Context as _, corrupt, optional};
use crate::fs::{Directory, FileSystem, Links, read_all};
use crate::lease::Lease;
use crate::lock::{FILE_PATIENCE, Leased, Lock, replace_file, sync_parent};
use crate::loose;
use crate::objects::ObjectFiles;
use crate::open::{CONFIG_MAX, Found, Lookup, OpenOptions, RefFormat, find};
use crate::recovery::{recover, sweep};
use crate::refs::{
    NO_HEAD, PackedCache, RefFiles, RefTables, RefView, Surroundings, TableView, apply, tables,
};
use crate::shallow;
use crate::staging::{DirectoryStaging, Published, publish};

/// A Git directory on disk. Cheap to clone; may be used from many threads.
///
/// ```no_run
/// use gitwire_gitdir::{GitDir, OpenOptions};
/// use gitwire_storage::Repository as _;
///
/// let repository = GitDir::open("/srv/git/project.git", &OpenOptions::default())?;
/// println!("{} {:?}", repository.format(), repository.refs()?.head()?);
/// # Ok::<(), gitwire_storage::StorageError>(())
/// ```
#[derive(Debug, Clone)]
pub struct GitDir(Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) file_system: Arc<dyn FileSystem>,
    pub(crate) path: std::path::PathBuf,
    pub(crate) common_path: std::path::PathBuf,
    pub(crate) common: Arc<dyn Directory>,
    pub(crate) format: ObjectFormat,
    pub(crate) config: RwLock<Arc<Config>>,
    pub(crate) objects: ObjectFiles,
    pub(crate) refs: Arc<RefFiles>,
    /// Where the refs are, if they are not files.
    pub(crate) tables: Option<RefTables>,
    swept: Once,
}

impl GitDir {
    /// Opens the repository at `path`, which names a Git directory, a work tree with one in it, or a `.git` file.
    ///
    /// # Errors
    /// [`NoRepository`](gitwire_storage::StorageErrorKind::NoRepository) where there is none;
    /// [`Unsupported`](gitwire_storage::StorageErrorKind::Unsupported) where its version or an extension is unknown;
    /// failures of the medium.
    pub fn open(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Self> {
        let repository = Self::from_found(find(path.as_ref(), options)?, options)?;
        let config = repository.config();
        let objects = || repository.objects();
        // Whoever only reads may not be allowed to; the next change tells.
        recover(&Surroundings { files: &repository.0.refs, config: &config, objects: &objects }).ok();
        Ok(repository.clone())
    }

    pub(crate) fn from_found(found: Found, options: &OpenOptions) -> Result<Self> {
        let Found { path, common_path, dir, common, config, format, ref_format } = found;
        let tables = match ref_format {
            RefFormat::Files => None,
            RefFormat::Reftable => Some(RefTables::new(&dir, &common, &path, format)),
        };
        let refs = RefFiles {
            file_system: Arc::clone(&options.file_system),
            dir,
            common: Arc::clone(&common),
            format,
            packed: PackedCache::default(),
        };
        Ok(Self(Arc::new(Inner {
            file_system: Arc::clone(&options.file_system),
            objects: ObjectFiles::open(&common_path, &common, format, options, &config)?,
            path,
            common_path,
            common,
            format,
            config: RwLock::new(Arc::new(config)),
            refs: Arc::new(refs),
            tables,
            swept: Once::new(),
        })))
    }

    /// The Git directory: of the worktree, where it is one of several.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The directory that holds objects and refs: the same, or the one that all worktrees share.
    #[must_use]
    pub fn common_path(&self) -> &Path {
        &self.0.common_path
    }

    /// The repository's own configuration, as it was when it was opened or last changed through this value.
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.0.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether it has no work tree.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.config().boolean("core", None, "bare").ok().flatten().unwrap_or(false)
    }

    /// A file that the configuration names: below the Git directory, unless its path is absolute. `None` where there is none.
    ///
    /// # Errors
    /// A file of more than `max` bytes; a failing medium.
    pub fn read_file(&self, path: &Path, max: u64) -> Result<Option<Vec<u8>>> {
        let path = self.0.path.join(path);
        let context = || format!("cannot read '{}'", path.display());
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(None) };
        let opened = self
            .0
            .file_system
            .directory(parent)
            .and_then(|dir| dir.open(name.as_encoded_bytes(), Links::Follow));
        let Some(file) = optional(opened).context(context)? else { return Ok(None) };
        read_all(&*file, max).map(Some).context(context)
    }

    /// What `HEAD` is.
    ///
    /// # Errors
    /// A failing medium or an unreadable `HEAD`.
    pub fn head(&self) -> Result<Head> {
        let refs = self.refs()?;
        Ok(match refs.head()? {
            None => Head::Missing,
            Some(RefTarget::Direct(id)) => Head::Detached(id),
            Some(RefTarget::Symbolic(name)) => match refs.get(&name)? {
                None => Head::Unborn(name),
                Some(_) => Head::Branch(name),
            },
        })
    }

    /// Sets `HEAD` itself, durably: to a ref, which need not exist, or to an object (detached).
    ///
    /// # Errors
    /// A lock that somebody holds; a failing medium.
    pub fn set_head(&self, target: &RefTarget) -> Result<()> {
        if let Some(tables) = &self.0.tables {
            return self.set_head_in(tables, target);
        }
        let text = match target {
            RefTarget::Direct(id) => format!("{id}\n").into_bytes(),
            RefTarget::Symbolic(name) => [b"ref: ", name.as_bytes(), b"\n"].concat(),
        };
        replace_file(&*self.0.file_system, &self.0.refs.dir, b"HEAD", &text)
    }

    /// Sets `HEAD` in the tables; the file of that name only says that this is a repository.
    fn set_head_in(&self, tables: &RefTables, target: &RefTarget) -> Result<()> {
        let inner = &*self.0;
        self.clear_up()?;
        let config = self.config();
        let surroundings = Surroundings { files: &inner.refs, config: &config, objects: &|| self.objects() };
        let lease = Lease::take(&*inner.file_system, &inner.common)?;
        tables::set_head(&surroundings, tables, target, Leased { lease: &lease, heir_of: None })?;
        if inner.refs.dir.stat(b"HEAD", Links::Refuse).is_ok() {
            return Ok(());
        }
        replace_file(&*inner.file_system, &inner.refs.dir, b"HEAD", NO_HEAD)
    }

    /// Puts sections at the end of the configuration file.
    ///
    /// # Errors
    /// A lock that somebody holds; a section whose text is no configuration; a failing medium.
    pub fn add_config(&self, sections: &[ConfigSection]) -> Result<()> {
        let mut added = Vec::new();
        for section in sections {
            section.write(&mut added);
        }
        self.edit_config(&added, |text| {
            if text.last().is_some_and(|byte| *byte != b'\n') {
                text.push(b'\n');
            }
            text.extend_from_slice(&added);
            Ok(())
        })
    }

    /// Sets a section's variables in the configuration file, each in place of all the values that it has there.
    ///
    /// # Errors
    /// As [`add_config`](Self::add_config); a file that is no configuration.
    pub fn set_config(&self, section: &ConfigSection) -> Result<()> {
        let mut added = Vec::new();
        section.write(&mut added);
        self.edit_config(&added, |text| section.replace(text))
    }

    /// `added`: what the file says beside what it said before, or in place of it.
    fn edit_config(
        &self,
        added: &[u8],
        edit: impl FnOnce(&mut Vec<u8>) -> std::result::Result<(), ConfigError>,
    ) -> Result<()> {
        let inner = &*self.0;
        let mut lock = Lock::acquire(&*inner.file_system, &inner.common, b"config", FILE_PATIENCE, None)?;
        let misuse = |error: ConfigError| {
            StorageError::new(StorageErrorKind::Misuse, format!("new configuration: {error}"))
                .with_source(error)
        };
        let parsed = Config::parse(added).map_err(misuse)?;
        let mut text = optional(inner.common.open(b"config", Links::Follow))
            .and_then(|file| file.map(|file| read_all(&*file, CONFIG_MAX)).transpose())
            .context(|| "cannot read 'config'".to_owned())?
            .unwrap_or_default();
        edit(&mut text).map_err(|error| corrupt(format!("'config': {error}")).with_source(error))?;
        lock.write(&text)?;
        lock.commit()?;
        sync_parent(&*inner.common, b"config")?;
        let mut config = inner.config.write().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut config).append(parsed);
        Ok(())
    }

    /// The repositories from whose object directories this one borrows (`objects/info/alternates`).
    ///
    /// # Errors
    /// A failing medium.
    pub fn lenders(&self) -> Result<Vec<PathBuf>> {
        let directories = self.0.objects.directories()?;
        let parents = directories.iter().skip(1).filter_map(|directory| directory.path.parent());
        Ok(parents.map(Path::to_owned).collect())
    }

    /// Finishes and removes what those of us that died left.
    fn clear_up(&self) -> Result<()> {
        let inner = &*self.0;
        let config = self.config();
        let objects = || self.objects();
        recover(&Surroundings { files: &inner.refs, config: &config, objects: &objects })?;
        // What a crash of the machine left was there when this was opened.
        inner.swept.call_once(|| {
            sweep(&*inner.common, &*inner.objects.own.dir);
            if let Some(tables) = &inner.tables {
                tables.sweep(&*inner.file_system, &mut || Lease::take(&*inner.file_system, &inner.common));
            }
        });
        Ok(())
    }

    /// Whether both are the same value, or clones of it.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }
}

impl Inner {
    /// How a repository is opened that lends objects: its refs are read and nothing else.
    fn lender_options(&self) -> OpenOptions {
        OpenOptions {
            file_system: Arc::clone(&self.file_system),
            lookup: Lookup::Exact,
            ..OpenOptions::default()
        }
    }
}

/// The states of `HEAD`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Head {
    /// There is none: the repository is not finished.
    Missing,
    /// It names a ref that exists.
    Branch(gitwire_types::RefName),
    /// It names a ref that does not exist yet.
    Unborn(gitwire_types::RefName),
    /// It names an object.
    Detached(ObjectId),
}

impl Repository for GitDir {
    fn format(&self) -> ObjectFormat {
        self.0.format
    }

    fn objects(&self) -> Result<Arc<dyn ObjectStore>> {
        // `core.commitGraph`, which is on unless it is set otherwise.
        let graph = self.config().boolean("core", None, "commitGraph").ok().flatten().unwrap_or(true);
        let files = &self.0.objects;
        Ok(Arc::new(if graph { files.view_with_graph()? } else { files.view()? }))
    }

    fn refs(&self) -> Result<Arc<dyn RefStore>> {
        Ok(match &self.0.tables {
            None => Arc::new(RefView::new(Arc::clone(&self.0.refs))),
            Some(tables) => Arc::new(TableView::new(tables.current()?)),
        })
    }

    fn shallow(&self) -> Result<Arc<[ObjectId]>> {
        Ok(shallow::read(&*self.0.common, self.0.format)?.into())
    }

    fn stage(&self, request: &StageRequest) -> Result<Box<dyn Staging>> {
        self.clear_up()?;
        Ok(Box::new(DirectoryStaging::new(self, request)?))
    }

    fn commit(
        &self,
        objects: Option<Box<dyn Staged>>,
        refs: Transaction,
        prepared: &mut dyn FnMut(&[RefEdit]) -> Result<(), Veto>,
    ) -> Result<Vec<EditOutcome>> {
        self.clear_up()?;
        let config = self.config();
        let surroundings = Surroundings { files: &self.0.refs, config: &config, objects: &|| self.objects() };
        // What keeps the pack goes when the refs are there, and the lease after it.
        let Published { lease, keep: _keep, barrier } = match objects {
            Some(staged) => publish(self, staged)?,
            None => Published::nothing(Lease::take(&*self.0.file_system, &self.0.common)?),
        };
        let leased = Leased { lease: &lease, heir_of: None };
        match &self.0.tables {
            None => apply(&surroundings, &refs, leased, barrier, prepared),
            Some(tables) => tables::apply(&surroundings, tables, &refs, leased, barrier, prepared),
        }
    }

    fn publish(&self, objects: Box<dyn Staged>) -> Result<Box<dyn Send>> {
        self.clear_up()?;
        let Published { lease, keep, mut barrier } = publish(self, objects)?;
        barrier.raise(&*self.0.file_system)?;
        // In this order they go.
        Ok(Box::new((keep, lease)))
    }

    fn store(&self, kind: ObjectKind, content: &[u8]) -> Result<ObjectId> {
        let inner = &*self.0;
        let id = object_id(inner.format, Trust::Stranger, kind, content).map_err(|error| {
            StorageError::new(StorageErrorKind::Corrupt(None), error.to_string()).with_source(error)
        })?;
        loose::store(&inner.objects.own.dir, inner.file_system.nonce(), &id, kind, content)?;
        Ok(id)
    }

    fn checked_out(&self, branch: &RefName) -> Result<Option<PathBuf>> {
        Ok(self.checked_out_at(branch)?.map(|tree| tree.path))
    }

    fn borrowed_tips(&self) -> Result<Vec<ObjectId>> {
        let config = self.config();
        let prefixes = config.string("core", None, "alternateRefsPrefixes").unwrap_or_default();
        let prefixes = prefixes.split(|byte| *byte == b' ').filter(|prefix| !prefix.is_empty());
        let prefixes: Vec<Bytes> = prefixes.map(Bytes::copy_from_slice).collect();
        // Whole components count, as with `git for-each-ref`.
        let told = |name: &[u8]| {
            let below = |prefix: &Bytes| {
                let rest = name.strip_prefix(&prefix[..]);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/") || prefix.ends_with(b"/"))
            };
            prefixes.is_empty() || prefixes.iter().any(below)
        };
        let mut tips = Vec::new();
        for path in self.lenders()? {
            // What is there no more, or is no repository, lends objects all the same.
            let Ok(lender) = Self::open(&path, &self.0.lender_options()) else { continue };
            let refs = lender.refs()?;
            let read = refs.each(&prefixes, &mut |record| {
                tips.extend(record.id.filter(|_| told(record.name)));
                Ok(ControlFlow::Continue(()))
            });
            if let Err(error) = read {
                return Err(error.in_context(&format!("cannot read refs of '{}'", path.display())));
            }
        }
        Ok(tips)
    }
}
