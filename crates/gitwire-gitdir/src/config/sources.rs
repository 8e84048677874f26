//! Configuration from outside a repository, found and put together as git does it (`git-config`, FILES and ENVIRONMENT).

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use gitwire_storage::{Result, StorageError, StorageErrorKind};

use super::environment;
use super::include::Includes;
use super::{Config, ConfigError};
use crate::error::{Context as _, corrupt, optional, unsupported};
use crate::fs::{FileSystem, Links, read_all};
use crate::open::CONFIG_MAX;
use crate::repository::GitDir;

/// Where a program that behaves like git finds its configuration: the system's file, the user's, and variables from the
/// environment or the command line. Libraries read none of these unless they are told to
/// ([`OpenOptions::sources`](crate::OpenOptions::sources)).
///
/// ```
/// use gitwire_gitdir::ConfigSources;
///
/// let none = |_: &str| None;
/// let sources = ConfigSources::from_variables(&none)?;
/// assert_eq!(sources.system.as_deref(), Some("/etc/gitconfig".as_ref()));
/// assert!(sources.global.is_empty() && sources.command.entries().is_empty());
/// # Ok::<(), gitwire_gitdir::ConfigError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigSources {
    /// The system's file.
    pub system: Option<PathBuf>,
    /// The user's files, the weaker first.
    pub global: Vec<PathBuf>,
    /// Variables from the environment, to which a program adds those of its command line (`-c`).
    pub command: Config,
    /// What `~` stands for in paths.
    pub home: Option<PathBuf>,
}

impl ConfigSources {
    /// As the environment says, which `variable` looks up: `GIT_CONFIG_NOSYSTEM`, `GIT_CONFIG_SYSTEM`, `GIT_CONFIG_GLOBAL`,
    /// `XDG_CONFIG_HOME`, `HOME`, `GIT_CONFIG_COUNT` with its keys and values, and `GIT_CONFIG_PARAMETERS`.
    ///
    /// # Errors
    /// Variables that git would refuse too.
    pub fn from_variables(
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> std::result::Result<Self, ConfigError> {
        let path = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = path("HOME");
        let mut truth = Config::default();
        if let Some(value) = variable("GIT_CONFIG_NOSYSTEM") {
            truth.set("git", None, "config_nosystem", Some(value.as_encoded_bytes()));
        }
        let system = match truth.boolean("git", None, "config_nosystem")? {
            Some(true) => None,
            _ => Some(path("GIT_CONFIG_SYSTEM").unwrap_or_else(|| PathBuf::from("/etc/gitconfig"))),
        };
        let global = match variable("GIT_CONFIG_GLOBAL") {
            Some(named) => vec![PathBuf::from(named)],
            None => {
                let base = path("XDG_CONFIG_HOME").or_else(|| home.as_ref().map(|home| home.join(".config")));
                let own = home.as_ref().map(|home| home.join(".gitconfig"));
                base.map(|base| base.join("git/config")).into_iter().chain(own).collect()
            }
        };
        Ok(Self { system, global, command: environment::variables(variable)?, home })
    }

    /// What the system's and the user's files say; with `git_dir`, also what they include for that repository alone.
    ///
    /// # Errors
    /// A file that is no configuration; a failing medium.
    pub fn read(&self, file_system: &dyn FileSystem, git_dir: Option<&Path>) -> Result<Config> {
        let mut config = Config::default();
        for path in self.system.iter().chain(&self.global) {
            config.append(self.read_file(file_system, path, git_dir)?);
        }
        Ok(config)
    }

    /// One file with what it includes; empty where there is none.
    pub(crate) fn read_file(
        &self,
        file_system: &dyn FileSystem,
        path: &Path,
        git_dir: Option<&Path>,
    ) -> Result<Config> {
        let includes = Includes { file_system, git_dir, home: self.home.as_deref() };
        let mut entries = Vec::new();
        includes.read(path, 0, &mut entries)?;
        Ok(Config { entries })
    }

    /// Refuses a repository that belongs to another user, unless `safe.directory` names it in a file that the repository's
    /// owner cannot write, or on the command line: its hooks and its configuration could run programs as `user`
    /// (`git-config`, `safe.directory`).
    ///
    /// # Errors
    /// [`Unsupported`](StorageErrorKind::Unsupported), in git's words, where it is not safe; a failing medium.
    pub fn check_owner(&self, repository: &GitDir, file_system: &dyn FileSystem, user: u32) -> Result<()> {
        let path = repository.path();
        let canonical = |path: &Path| file_system.canonical(path).unwrap_or_else(|_| path.to_owned());
        let owner = file_system
            .directory(path)
            .and_then(|dir| dir.stat(b"", Links::Follow))
            .context(|| format!("cannot look at '{}'", path.display()))?
            .owner;
        if owner == user {
            return Ok(());
        }
        let mut config = self.read(file_system, None)?;
        config.append(self.command.clone());
        let place = canonical(path);
        // A repository in a work tree may be named by either.
        let work_tree = place.parent().filter(|_| place.ends_with(".git"));
        let mut safe = false;
        for value in config.values("safe", None, "directory") {
            let value = value.unwrap_or_default();
            if value.is_empty() {
                safe = false;
                continue;
            }
            let expanded = expand_home(value, self.home.as_deref());
            let named = |place: &Path| match expanded.to_str().and_then(|text| text.strip_suffix("/*")) {
                Some(above) => place.starts_with(canonical(above.as_ref())),
                None => place == canonical(&expanded),
            };
            safe |= value == b"*" || named(&place) || work_tree.is_some_and(named);
        }
        if safe {
            return Ok(());
        }
        Err(unsupported(format!("detected dubious ownership in repository at '{}'", path.display())))
    }
}

/// `~/…` below the home directory; anything else as it is.
pub(super) fn expand_home(path: &[u8], home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix(b"~/"), home) {
        (Some(rest), Some(home)) => home.join(crate::fs::path_from(rest)),
        _ => crate::fs::path_from(path),
    }
}

/// The text of a file; `None` where there is none.
pub(super) fn read_text(file_system: &dyn FileSystem, path: &Path) -> Result<Option<Config>> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(None) };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let content = optional(
        file_system.directory(parent).and_then(|dir| dir.open(name.as_encoded_bytes(), Links::Follow)),
    );
    let content = match content {
        // `GIT_CONFIG_GLOBAL=/dev/null` and a directory in the place of a file say nothing.
        Err(error) if error.kind() == std::io::ErrorKind::IsADirectory => None,
        content => content
            .and_then(|file| file.map(|file| read_all(&*file, CONFIG_MAX)).transpose())
            .context(|| format!("cannot read '{}'", path.display()))?,
    };
    let Some(content) = content else { return Ok(None) };
    Config::parse(&content)
        .map(Some)
        .map_err(|error| corrupt(format!("{error} in file {}", path.display())).with_source(error))
}

/// What includes each other too deeply.
pub(super) fn too_deep(path: &Path) -> StorageError {
    let text = format!("exceeded maximum include depth while including '{}'", path.display());
    StorageError::new(StorageErrorKind::Limit, text)
}
