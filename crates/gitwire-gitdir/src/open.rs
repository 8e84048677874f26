//! Finding a Git directory and making sure that we understand it (`gitrepository-layout`, `repository-version`).

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gitwire_storage::{Result, StorageError, StorageErrorKind};
use gitwire_types::ObjectFormat;

use crate::alternates;
use crate::config::{Config, ConfigSources};
use crate::error::{Context as _, corrupt, optional, unsupported};
use crate::fs::{Directory, Disk, FileKind, FileSystem, Links, Sharing, path_from, read_all, share};

/// How a Git directory is opened.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OpenOptions {
    /// Where the files are.
    pub file_system: Arc<dyn FileSystem>,
    /// Which places are looked at.
    pub lookup: Lookup,
    /// Where else configuration is read, as git does it; with it includes are followed, in the repository's files too. `None`:
    /// the repository's own files alone.
    pub sources: Option<Arc<ConfigSources>>,
    /// Variables that win over the repository's own, as by `git -c`.
    pub config: Config,
    /// Whether each object that is read whole is hashed and compared with its name.
    pub verify_objects: bool,
    /// Bytes that the cache of delta bases may hold, for all views of the repository together.
    pub base_cache_bytes: usize,
    /// How deep alternates of alternates are followed.
    pub alternates_depth_max: u32,
    /// How many objects promisors may have promised. Only a partial clone in which something is missed finds out what was promised.
    pub promised_max: usize,
    /// Where the repository's own objects are, instead of in `objects`: what git calls `GIT_OBJECT_DIRECTORY`.
    pub object_directory: Option<PathBuf>,
    /// Object directories that are borrowed from, beside those that `objects/info/alternates` names.
    pub alternates: Vec<PathBuf>,
}

impl OpenOptions {
    /// Takes object directories from git's variables: `GIT_OBJECT_DIRECTORY`, and `GIT_ALTERNATE_OBJECT_DIRECTORIES`, a list with colons
    /// of which entries may be quoted. That is how git's server tells programs of a quarantine.
    ///
    /// ```
    /// use gitwire_gitdir::OpenOptions;
    ///
    /// let mut options = OpenOptions::default();
    /// options.object_variables(&|name| match name {
    ///     "GIT_OBJECT_DIRECTORY" => Some("/srv/r.git/objects/incoming".into()),
    ///     _ => Some("/srv/r.git/objects:\"/srv/a:b\"".into()),
    /// });
    /// assert_eq!(options.object_directory, Some("/srv/r.git/objects/incoming".into()));
    /// assert_eq!(options.alternates, ["/srv/r.git/objects", "/srv/a:b"].map(std::path::PathBuf::from));
    /// ```
    pub fn object_variables(&mut self, variable: &dyn Fn(&str) -> Option<OsString>) {
        let value = |name| variable(name).filter(|value| !value.is_empty());
        self.object_directory = value("GIT_OBJECT_DIRECTORY").map(PathBuf::from);
        let list = value("GIT_ALTERNATE_OBJECT_DIRECTORIES").unwrap_or_default();
        self.alternates = alternates::parse_list(list.as_encoded_bytes());
    }
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            file_system: Arc::new(Disk),
            lookup: Lookup::default(),
            sources: None,
            config: Config::default(),
            verify_objects: false,
            // As git's core.deltaBaseCacheLimit.
            base_cache_bytes: 96 << 20,
            object_directory: None,
            alternates: Vec::new(),
            // As git: deeper nesting is a mistake or an attack.
            alternates_depth_max: 5,
            // Three times what the largest public histories hold; half a gigabyte of memory.
            promised_max: 32 << 20,
        }
    }
}

/// Which places are looked at for a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Lookup {
    /// `PATH/.git`, then `PATH` itself.
    #[default]
    WorkTree,
    /// `PATH/.git`, `PATH`, `PATH.git/.git`, `PATH.git`: what servers and local clones accept.
    Guess,
    /// `PATH` itself and nothing else (`git upload-pack --strict`).
    Exact,
}

/// A Git directory that was found and understood.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    pub(crate) common_path: PathBuf,
    pub(crate) dir: Arc<dyn Directory>,
    pub(crate) common: Arc<dyn Directory>,
    pub(crate) config: Config,
    pub(crate) format: ObjectFormat,
    pub(crate) ref_format: RefFormat,
}

/// How a repository keeps its references (`extensions.refStorage`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RefFormat {
    /// A file each, and `packed-refs`.
    #[default]
    Files,
    /// A stack of reftables.
    Reftable,
}

impl RefFormat {
    /// What git calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Reftable => "reftable",
        }
    }

    /// The one that git calls so.
    #[must_use]
    pub const fn from_name(name: &[u8]) -> Option<Self> {
        match name {
            b"files" => Some(Self::Files),
            b"reftable" => Some(Self::Reftable),
            _ => None,
        }
    }
}

pub(crate) fn find(path: &Path, options: &OpenOptions) -> Result<Found> {
    let with_suffix = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let candidates = match options.lookup {
        Lookup::Exact => vec![path.to_owned()],
        Lookup::WorkTree => vec![path.join(".git"), path.to_owned()],
        Lookup::Guess => {
            vec![path.join(".git"), path.to_owned(), with_suffix(".git/.git"), with_suffix(".git")]
        }
    };
    for candidate in candidates {
        if let Some(found) = look_at(&candidate, options)? {
            return Ok(found);
        }
    }
    Err(StorageError::new(
        StorageErrorKind::NoRepository,
        format!("'{}' does not appear to be a git repository", path.display()),
    ))
}

/// The repository at exactly this place, or at the place that the file there names.
fn look_at(path: &Path, options: &OpenOptions) -> Result<Option<Found>> {
    let Some(path) = follow_git_file(path, &*options.file_system)? else { return Ok(None) };
    let dir = optional(options.file_system.directory(&path))
        .context(|| format!("cannot open directory '{}'", path.display()))?;
    let Some(dir) = dir else { return Ok(None) };
    let (common, common_path) = common_directory(&dir, &path, options)?;
    let has_objects = match &options.object_directory {
        Some(path) => options.file_system.directory(path).is_ok(),
        None => is_directory(&*common, b"objects"),
    };
    if !has_valid_head(&*dir) || !has_objects || !is_directory(&*common, b"refs") {
        return Ok(None);
    }
    let config = read_config(&*dir, &*common, &options.config)?;
    let (format, ref_format) = check_format(&config)?;
    let config = match &options.sources {
        Some(sources) => with_sources(sources, options, &path, &common_path, config)?,
        None => config,
    };
    refuse_grafts(&*common)?;
    let sharing = Sharing::of(&config);
    let shared = share(Arc::clone(&dir), &sharing);
    // One directory stays one.
    let common = if Arc::ptr_eq(&dir, &common) { Arc::clone(&shared) } else { share(common, &sharing) };
    let dir = shared;
    Ok(Some(Found { path, common_path, dir, common, config, format, ref_format }))
}

/// The directory that a `.git` file names (`gitdir: PATH`), or the path itself where it is a directory.
fn follow_git_file(path: &Path, file_system: &dyn FileSystem) -> Result<Option<PathBuf>> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(Some(path.to_owned()));
    };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let name = name.as_encoded_bytes();
    let Ok(dir) = file_system.directory(parent) else { return Ok(None) };
    match dir.stat(name, Links::Follow) {
        Ok(stat) if stat.kind == FileKind::File => {}
        Ok(_) => return Ok(Some(path.to_owned())),
        Err(_) => return Ok(None),
    }
    let content = dir
        .open(name, Links::Follow)
        .and_then(|file| read_all(&*file, SMALL_FILE_MAX))
        .context(|| format!("cannot read '{}'", path.display()))?;
    let Some(target) = content.strip_prefix(b"gitdir: ") else { return Ok(None) };
    let target = path_from(target.trim_ascii_end());
    // Joining an absolute path replaces what stands before it.
    Ok(Some(parent.join(target)))
}

/// The directory that all worktrees share, as the file `commondir` says.
fn common_directory(
    dir: &Arc<dyn Directory>,
    path: &Path,
    options: &OpenOptions,
) -> Result<(Arc<dyn Directory>, PathBuf)> {
    let content = optional(dir.open(b"commondir", Links::Follow))
        .and_then(|file| file.map(|file| read_all(&*file, SMALL_FILE_MAX)).transpose())
        .context(|| format!("cannot read '{}/commondir'", path.display()))?;
    let Some(content) = content else { return Ok((Arc::clone(dir), path.to_owned())) };
    let common = path.join(path_from(content.trim_ascii_end()));
    let common = options.file_system.canonical(&common).unwrap_or(common);
    let opened = options
        .file_system
        .directory(&common)
        .context(|| format!("cannot open directory '{}'", common.display()))?;
    Ok((opened, common))
}

/// Whether `HEAD` is what a repository's is: a symbolic ref below `refs/`, in old ways or new, or an object id.
fn has_valid_head(dir: &dyn Directory) -> bool {
    match dir.stat(b"HEAD", Links::Refuse) {
        Ok(stat) if stat.kind == FileKind::Link => {
            dir.read_link(b"HEAD").is_ok_and(|target| target.starts_with(b"refs/"))
        }
        Ok(_) => {
            let Ok(content) =
                dir.open(b"HEAD", Links::Refuse).and_then(|file| read_all(&*file, SMALL_FILE_MAX))
            else {
                return false;
            };
            if let Some(target) = content.strip_prefix(b"ref:") {
                return target.trim_ascii_start().starts_with(b"refs/");
            }
            let hex = content.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
            hex >= ObjectFormat::Sha1.hex_len()
        }
        Err(_) => false,
    }
}

fn is_directory(dir: &dyn Directory, path: &[u8]) -> bool {
    dir.stat(path, Links::Follow).is_ok_and(|stat| stat.kind == FileKind::Directory)
}

fn read_config(dir: &dyn Directory, common: &dyn Directory, overlay: &Config) -> Result<Config> {
    let mut config = read_config_file(common, b"config")?.unwrap_or_default();
    if config.boolean("extensions", None, "worktreeConfig").ok().flatten() == Some(true) {
        config.append(read_config_file(dir, b"config.worktree")?.unwrap_or_default());
    }
    config.append(overlay.clone());
    Ok(config)
}

/// The configuration as git puts it together: the system's, the user's, the repository's, and the command's.
fn with_sources(
    sources: &ConfigSources,
    options: &OpenOptions,
    path: &Path,
    common_path: &Path,
    own: Config,
) -> Result<Config> {
    let file_system = &*options.file_system;
    let mut config = sources.read(file_system, Some(path))?;
    config.append(sources.read_file(file_system, &common_path.join("config"), Some(path))?);
    if own.boolean("extensions", None, "worktreeConfig").ok().flatten() == Some(true) {
        config.append(sources.read_file(file_system, &path.join("config.worktree"), Some(path))?);
    }
    config.append(sources.command.clone());
    config.append(options.config.clone());
    Ok(config)
}

pub(crate) fn read_config_file(dir: &dyn Directory, name: &[u8]) -> Result<Option<Config>> {
    let shown = name.escape_ascii();
    let content = optional(dir.open(name, Links::Follow))
        .and_then(|file| file.map(|file| read_all(&*file, CONFIG_MAX)).transpose())
        .context(|| format!("cannot read '{shown}'"))?;
    let Some(content) = content else { return Ok(None) };
    let config = Config::parse(&content)
        .map_err(|error| corrupt(format!("{error} in file {shown}")).with_source(error))?;
    Ok(Some(config))
}

/// Refuses repositories of versions and with extensions that we do not know; says which hash function it uses and how it keeps refs.
fn check_format(config: &Config) -> Result<(ObjectFormat, RefFormat)> {
    let bad = |error: crate::ConfigError| corrupt(error.to_string()).with_source(error);
    let version = config.integer("core", None, "repositoryFormatVersion").map_err(bad)?.unwrap_or(0);
    if !(0..=1).contains(&version) {
        return Err(unsupported(format!("expected git repo version <= 1, found {version}")));
    }
    let mut format = ObjectFormat::Sha1;
    let mut ref_format = RefFormat::Files;
    for entry in config.entries().iter().filter(|entry| entry.section == "extensions") {
        let value = entry.value.as_deref().unwrap_or_default();
        let shown = value.escape_ascii();
        match entry.name.as_str() {
            // Known since before version 1; harmless for readers.
            "noop" | "preciousobjects" | "partialclone" | "worktreeconfig" => continue,
            "noop-v1" | "relativeworktrees" => {}
            "objectformat" => {
                format = ObjectFormat::from_name(value).ok_or_else(|| {
                    unsupported(format!("invalid value for 'extensions.objectformat': '{shown}'"))
                })?;
            }
            "refstorage" => {
                ref_format = RefFormat::from_name(value).ok_or_else(|| {
                    unsupported(format!("invalid value for 'extensions.refstorage': '{shown}'"))
                })?;
            }
            // At version 0 git ignores what it does not know.
            _ if version == 0 => continue,
            name => return Err(unsupported(format!("unknown repository extension found: {name}"))),
        }
        if version == 0 {
            return Err(unsupported(format!(
                "repo version is 0, but v1-only extension found: {}",
                entry.name
            )));
        }
    }
    Ok((format, ref_format))
}

/// Grafts rewrite history for one repository only. Git has replaced them; serving or fetching with them is wrong.
fn refuse_grafts(common: &dyn Directory) -> Result<()> {
    let content = optional(common.open(b"info/grafts", Links::Follow))
        .and_then(|file| file.map(|file| read_all(&*file, CONFIG_MAX)).transpose())
        .context(|| "cannot read 'info/grafts'".to_owned())?
        .unwrap_or_default();
    let mut lines = content.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    if lines.any(|line| !line.is_empty() && !line.starts_with(b"#")) {
        return Err(unsupported(
            "grafts are not supported; `git replace --convert-graft-file` replaces them",
        ));
    }
    Ok(())
}

/// `.git` files, `commondir` and `HEAD` hold one path or name each.
pub(crate) const SMALL_FILE_MAX: u64 = 64 << 10;

/// Configuration is written by people and programs, some KiB; a file beyond this is not one.
pub(crate) const CONFIG_MAX: u64 = 16 << 20;
