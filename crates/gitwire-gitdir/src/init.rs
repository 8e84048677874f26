//! Making a Git directory as `git init --bare` does.

use std::path::Path;
use std::sync::Arc;

use gitwire_storage::{Result, StorageError, StorageErrorKind};
use gitwire_types::{ObjectFormat, RefName, RefTarget};

use crate::config::{Config, ConfigSection};
use crate::error::{Context as _, shown};
use crate::fs::{Directory, Links, Sharing, share};
use crate::lock::{DIRECTORY_MODE, replace_file};
use crate::open::{Found, OpenOptions, RefFormat};
use crate::repository::GitDir;

/// What a new repository is to be.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct InitOptions {
    /// How it is opened once it is there; its file system is the one that it is made on.
    pub open: OpenOptions,
    /// The hash function of its objects.
    pub format: ObjectFormat,
    /// How its references are kept.
    pub ref_format: RefFormat,
    /// What `HEAD` is at first.
    pub head: InitialHead,
    /// For whom its files are beside their owner.
    pub sharing: Sharing,
    /// Sections for the configuration file, behind those that every repository has.
    pub config: Vec<ConfigSection>,
}

/// What `HEAD` of a new repository is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum InitialHead {
    /// `refs/heads/master`, which does not exist yet: git's default.
    #[default]
    Master,
    /// This ref, which does not exist yet.
    Unborn(RefName),
    /// Nothing, so that it is no repository for anybody else until [`GitDir::set_head`] ends the work: for clones, which
    /// must not look whole before they are.
    Later,
}

impl GitDir {
    /// Makes a bare repository at `path`, durably; directories that are not there are made.
    ///
    /// What is there already stays, so that a second attempt completes what a first one began.
    ///
    /// ```no_run
    /// use gitwire_gitdir::{GitDir, InitOptions};
    ///
    /// let repository = GitDir::init_bare("/srv/git/new.git", &InitOptions::default())?;
    /// assert!(repository.is_bare());
    /// # Ok::<(), gitwire_storage::StorageError>(())
    /// ```
    ///
    /// # Errors
    /// [`Busy`](StorageErrorKind::Busy) where there is a repository already; failures of the medium.
    pub fn init_bare(path: impl AsRef<Path>, options: &InitOptions) -> Result<Self> {
        let path = path.as_ref();
        let file_system = &options.open.file_system;
        let opened = || format!("cannot make directory '{}'", path.display());
        file_system.make_directories(path).context(opened)?;
        let dir = share(file_system.directory(path).context(opened)?, &Ok(options.sharing));
        if dir.stat(b"HEAD", Links::Refuse).is_ok() {
            return Err(StorageError::new(
                StorageErrorKind::Busy,
                format!("'{}' is a repository already", path.display()),
            ));
        }
        options.sharing.adjust(&*dir, b"").context(opened)?;
        let below_refs = match options.ref_format {
            RefFormat::Files => FILE_DIRECTORIES,
            RefFormat::Reftable => TABLE_DIRECTORIES,
        };
        let directories = || DIRECTORIES.iter().chain(below_refs);
        for name in directories() {
            make_directory(&*dir, name)?;
        }
        let replace = |name: &[u8], content: &[u8]| replace_file(&**file_system, &dir, name, content);
        let text = config_text(options);
        let config = Config::parse(&text).map_err(|error| {
            StorageError::new(StorageErrorKind::Misuse, format!("new configuration: {error}"))
                .with_source(error)
        })?;
        replace(b"config", &text)?;
        replace(b"description", DESCRIPTION)?;
        replace(b"info/exclude", EXCLUDE)?;
        if options.ref_format == RefFormat::Reftable {
            // Who knows files only finds no branches here, rather than none yet.
            replace(b"refs/heads", b"this repository uses the reftable format\n")?;
            replace(b"reftable/tables.list", b"")?;
        }
        for name in directories().chain([&&b""[..]]) {
            dir.sync(name).context(|| format!("cannot sync directory '{}'", shown(name)))?;
        }
        let mut config = config;
        config.append(options.open.config.clone());
        let found = Found {
            path: path.to_owned(),
            common_path: path.to_owned(),
            common: Arc::clone(&dir),
            dir,
            config,
            format: options.format,
            ref_format: options.ref_format,
        };
        let repository = Self::from_found(found, &options.open)?;
        match &options.head {
            InitialHead::Later => {}
            InitialHead::Master => repository.set_head(&RefTarget::Symbolic(master()?))?,
            InitialHead::Unborn(name) => repository.set_head(&RefTarget::Symbolic(name.clone()))?,
        }
        sync_above(path, options)?;
        Ok(repository)
    }
}

/// Where `HEAD` leads unless it is said.
fn master() -> Result<RefName> {
    RefName::new("refs/heads/master")
        .map_err(|error| StorageError::new(StorageErrorKind::Misuse, error.to_string()).with_source(error))
}

fn make_directory(dir: &dyn Directory, name: &[u8]) -> Result<()> {
    match dir.make_dir(name, DIRECTORY_MODE) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(error).context(|| format!("cannot make directory '{}'", shown(name)))
        }
        _ => Ok(()),
    }
}

/// Makes the entry of the repository in the directory above it durable.
fn sync_above(path: &Path, options: &InitOptions) -> Result<()> {
    let file_system = &options.open.file_system;
    let context = || format!("cannot sync the directory above '{}'", path.display());
    let canonical = file_system.canonical(path).context(context)?;
    match canonical.parent() {
        Some(above) => file_system.directory(above).and_then(|above| above.sync(b"")).context(context),
        None => Ok(()),
    }
}

fn config_text(options: &InitOptions) -> Vec<u8> {
    let mut text = Vec::new();
    let extended = options.format != ObjectFormat::Sha1 || options.ref_format != RefFormat::Files;
    let version: &[u8] = if extended { b"1" } else { b"0" };
    let core = ConfigSection::new("core", None)
        .with("repositoryformatversion", version)
        .with("filemode", b"true")
        .with("bare", b"true");
    match options.sharing.to_config() {
        None => core.write(&mut text),
        Some(value) => {
            core.with("sharedrepository", value.as_bytes()).write(&mut text);
            // As git: what several write none of them is to lose.
            ConfigSection::new("receive", None).with("denyNonFastforwards", b"true").write(&mut text);
        }
    }
    let mut extensions = ConfigSection::new("extensions", None);
    if options.format != ObjectFormat::Sha1 {
        extensions = extensions.with("objectformat", options.format.name().as_bytes());
    }
    if options.ref_format != RefFormat::Files {
        extensions = extensions.with("refstorage", options.ref_format.name().as_bytes());
    }
    if extended {
        extensions.write(&mut text);
    }
    for section in &options.config {
        section.write(&mut text);
    }
    text
}

/// Those above before those in them.
const DIRECTORIES: &[&[u8]] = &[b"hooks", b"info", b"objects", b"objects/info", b"objects/pack", b"refs"];

/// Further ones where refs are files.
const FILE_DIRECTORIES: &[&[u8]] = &[b"refs/heads", b"refs/tags"];

/// Further ones where refs are in tables.
const TABLE_DIRECTORIES: &[&[u8]] = &[b"reftable"];

/// What gitweb and others show of a repository that nobody has described: git's own words, which hooks compare with.
const DESCRIPTION: &[u8] = b"Unnamed repository; edit this file 'description' to name the repository.\n";

const EXCLUDE: &[u8] = b"# Patterns of files that are never tracked here, one a line.\n";
