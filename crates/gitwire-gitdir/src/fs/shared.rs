//! `core.sharedRepository`: for whom beside its owner what is made in a repository is (`git-config`).

use std::io;
use std::sync::Arc;

use super::{DirEntry, Directory, File, FileKind, Links, Stat};
use crate::config::{Config, ConfigError};

/// Who may read and write the files of a repository.
///
/// ```
/// use gitwire_gitdir::{Config, Sharing};
///
/// let config = Config::parse(b"[core]\n\tsharedRepository = 0640\n")?;
/// assert_eq!(Sharing::of(&config)?, Sharing::Mode(0o640));
/// assert_eq!(Sharing::parse(Some(b"everybody"))?, Sharing::Everybody);
/// # Ok::<(), gitwire_gitdir::ConfigError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Sharing {
    /// Whoever the umask lets: git's default.
    #[default]
    Umask,
    /// The group reads and writes, whatever the umask takes.
    Group,
    /// The group reads and writes, and everybody reads.
    Everybody,
    /// These bits, whatever the umask gives or takes.
    Mode(u32),
}

impl Sharing {
    /// What a value of the variable means; `None` is the name that stands alone.
    ///
    /// # Errors
    /// Permissions without which the owner could not work; what is neither a word of git's, nor permissions, nor a truth value.
    pub fn parse(value: Option<&[u8]>) -> Result<Self, ConfigError> {
        let octal = match value {
            None | Some(b"group") => return Ok(Self::Group),
            Some(b"umask") => return Ok(Self::Umask),
            Some(b"all" | b"world" | b"everybody") => return Ok(Self::Everybody),
            Some(value) => std::str::from_utf8(value).ok().map(str::trim_ascii_start),
        };
        match octal.and_then(|text| if text.is_empty() { Some(0) } else { u32::from_str_radix(text, 8).ok() })
        {
            Some(0) => Ok(Self::Umask),
            // What versions of git before 1.5.0 wrote, and `git init --shared` still does.
            Some(1) => Ok(Self::Group),
            Some(2) => Ok(Self::Everybody),
            Some(mode) if mode & OWNER == OWNER => Ok(Self::Mode(mode & 0o666)),
            Some(mode) => Err(ConfigError::FileMode { mode }),
            None => {
                let mut alone = Config::default();
                alone.set(SECTION, None, NAME, value);
                let shared = alone.boolean(SECTION, None, NAME)?;
                Ok(if shared == Some(true) { Self::Group } else { Self::Umask })
            }
        }
    }

    /// What `core.sharedRepository` says.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn of(config: &Config) -> Result<Self, ConfigError> {
        config.values(SECTION, None, NAME).next_back().map_or(Ok(Self::Umask), Self::parse)
    }

    /// As `git init --shared` writes it; `None` where it writes nothing.
    #[must_use]
    pub fn to_config(self) -> Option<String> {
        match self {
            Self::Umask => None,
            Self::Group => Some("1".to_owned()),
            Self::Everybody => Some("2".to_owned()),
            Self::Mode(mode) => Some(format!("0{mode:o}")),
        }
    }

    /// The permissions of what was made with `made`, which the umask has cut.
    const fn apply(self, made: u32, kind: FileKind) -> u32 {
        let (mut granted, kept) = match self {
            Self::Umask => return made,
            Self::Group => (0o660, made),
            Self::Everybody => (0o664, made),
            Self::Mode(mode) => (mode, made & !0o777),
        };
        // What its owner does not write nobody does; what its owner runs those run who read it.
        if made & 0o200 == 0 {
            granted &= !0o222;
        }
        if made & 0o100 != 0 {
            granted |= (granted & 0o444) >> 2;
        }
        let mut mode = kept | granted;
        if matches!(kind, FileKind::Directory) {
            mode |= (mode & 0o444) >> 2;
            // Where the group has a part, what is made below is the group's too.
            if mode & 0o060 != 0 {
                mode |= 0o2000;
            }
        }
        mode
    }

    /// Gives what stands at `path` its permissions.
    pub(crate) fn adjust(self, dir: &dyn Directory, path: &[u8]) -> io::Result<()> {
        if self == Self::Umask {
            return Ok(());
        }
        let found = dir.stat(path, Links::Refuse)?;
        let mode = self.apply(found.mode, found.kind);
        if mode == found.mode { Ok(()) } else { dir.set_mode(path, mode) }
    }
}

/// `dir`, in which everything that is made gets the permissions that `sharing` says before anybody writes to it. Where `sharing`
/// is a mistake nothing can be made.
pub(crate) fn share(dir: Arc<dyn Directory>, sharing: &Result<Sharing, ConfigError>) -> Arc<dyn Directory> {
    match sharing {
        Ok(Sharing::Umask) => dir,
        _ => Arc::new(SharedDirectory { dir, sharing: sharing.clone() }),
    }
}

#[derive(Debug)]
struct SharedDirectory {
    dir: Arc<dyn Directory>,
    sharing: Result<Sharing, ConfigError>,
}

impl SharedDirectory {
    /// For whom that is which is made at `path` with `mode`.
    fn sharing(&self, path: &[u8], mode: u32) -> io::Result<Sharing> {
        match &self.sharing {
            // Whoever makes what only the owner may see means it, and git leaves what a fetch brought to who fetched.
            _ if mode & 0o077 == 0 || path == FETCH_HEAD => Ok(Sharing::Umask),
            Ok(sharing) => Ok(*sharing),
            Err(error) => Err(io::Error::new(io::ErrorKind::InvalidInput, error.clone())),
        }
    }
}

impl Directory for SharedDirectory {
    fn open_dir(&self, path: &[u8]) -> io::Result<Arc<dyn Directory>> {
        Ok(share(self.dir.open_dir(path)?, &self.sharing))
    }

    fn open(&self, path: &[u8], links: Links) -> io::Result<Arc<dyn File>> {
        self.dir.open(path, links)
    }

    fn create(&self, path: &[u8], mode: u32) -> io::Result<Arc<dyn File>> {
        let sharing = self.sharing(path, mode)?;
        let file = self.dir.create(path, mode)?;
        match sharing.adjust(&*self.dir, path) {
            Ok(()) => Ok(file),
            Err(error) => {
                self.dir.remove_file(path).ok();
                Err(error)
            }
        }
    }

    fn append(&self, path: &[u8], mode: u32) -> io::Result<Arc<dyn File>> {
        let sharing = self.sharing(path, mode)?;
        let file = self.dir.append(path, mode)?;
        // What is somebody else's is as they have left it.
        match sharing.adjust(&*self.dir, path) {
            Err(error) if error.kind() != io::ErrorKind::PermissionDenied => Err(error),
            _ => Ok(file),
        }
    }

    fn stat(&self, path: &[u8], links: Links) -> io::Result<Stat> {
        self.dir.stat(path, links)
    }

    fn read_link(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        self.dir.read_link(path)
    }

    fn list(&self, path: &[u8]) -> io::Result<Vec<DirEntry>> {
        self.dir.list(path)
    }

    fn make_dir(&self, path: &[u8], mode: u32) -> io::Result<()> {
        let sharing = self.sharing(path, mode)?;
        self.dir.make_dir(path, mode)?;
        sharing.adjust(&*self.dir, path)
    }

    fn remove_file(&self, path: &[u8]) -> io::Result<()> {
        self.dir.remove_file(path)
    }

    fn remove_dir(&self, path: &[u8]) -> io::Result<()> {
        self.dir.remove_dir(path)
    }

    fn rename(&self, from: &[u8], to: &[u8]) -> io::Result<()> {
        self.dir.rename(from, to)
    }

    fn link(&self, from: &[u8], to: &[u8]) -> io::Result<()> {
        self.dir.link(from, to)
    }

    fn set_mode(&self, path: &[u8], mode: u32) -> io::Result<()> {
        self.dir.set_mode(path, mode)
    }

    fn sync(&self, path: &[u8]) -> io::Result<()> {
        self.dir.sync(path)
    }
}

/// Without these the owner could not work.
const OWNER: u32 = 0o600;

/// The name under which it is written.
const FETCH_HEAD: &[u8] = b"FETCH_HEAD.lock";

const SECTION: &str = "core";
const NAME: &str = "sharedRepository";

#[cfg(test)]
mod tests;
