//! Git directories below one directory.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gitwire_gitdir::fs::{Directory, FileKind, Links, Stat};
use gitwire_gitdir::{GitDir, Lookup, OpenOptions};
use gitwire_protocol::message::Service;
use gitwire_storage::{Repository, StorageError, StorageErrorKind};

use super::{Door, OpenError, Receiving, Repositories, RepositoryRequest, Uploading};
use crate::access::{Access, Right, Verdict};
use crate::policy::hidden_refs;
use crate::{Policy, ProgramHooks, ReceivePolicy, Visibility};

/// The Git directories below one directory: what a server shows to strangers.
///
/// Nothing outside of it is reached: paths with `..` are refused, and so is whatever a symbolic link or a `.git` file leads out
/// to. A repository that was opened stays open, so that its clients share what has been read.
pub struct DirectoryRoot {
    root: PathBuf,
    options: OpenOptions,
    export: Export,
    receive: Option<ReceivePolicy>,
    access: Option<Arc<dyn Access>>,
    open: Mutex<HashMap<PathBuf, (Marks, GitDir)>>,
}

/// Which repositories are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Export {
    /// All below the root.
    #[default]
    All,
    /// Those that hold a file `git-daemon-export-ok` (`git-daemon`).
    Marked,
}

impl DirectoryRoot {
    /// The repositories below `root`.
    ///
    /// # Errors
    /// `root` is not there.
    pub fn new(root: impl AsRef<Path>, export: Export) -> Result<Self, StorageError> {
        Self::with_options(root, export, OpenOptions::default())
    }

    /// The same with other ways to open a repository; where `lookup` is not [`Lookup::Exact`], `.git` and a suffix `.git` are
    /// tried too.
    ///
    /// # Errors
    /// `root` is not there.
    pub fn with_options(
        root: impl AsRef<Path>,
        export: Export,
        options: OpenOptions,
    ) -> Result<Self, StorageError> {
        let root = root.as_ref();
        let canonical = options.file_system.canonical(root).map_err(|error| {
            StorageError::new(StorageErrorKind::Io, format!("cannot open '{}'", root.display()))
                .with_source(error)
        })?;
        Ok(Self { root: canonical, options, export, receive: None, access: None, open: Mutex::default() })
    }

    /// The same, taking pushes under `policy` and what each repository's configuration adds to it, with the hooks that stand there.
    #[must_use]
    pub fn receiving(mut self, policy: ReceivePolicy) -> Self {
        self.receive = Some(policy);
        self
    }

    /// The same, where `access` decides who may do what; without it all may read, and all may push where pushes are taken.
    #[must_use]
    pub fn with_access(mut self, access: Arc<dyn Access>) -> Self {
        self.access = Some(access);
        self
    }

    /// The Git directory that `request` names, for who asks for it.
    ///
    /// # Errors
    /// As [`Repositories::open`].
    pub fn find(&self, request: &RepositoryRequest<'_>) -> Result<GitDir, OpenError> {
        self.find_seen(request).map(|(repository, _)| repository)
    }

    /// The same, with what of it is seen by who asks.
    fn find_seen(
        &self,
        request: &RepositoryRequest<'_>,
    ) -> Result<(GitDir, Option<Arc<dyn Visibility>>), OpenError> {
        for place in self.candidates(request.path)? {
            if let Some((place, repository)) = self.open_at(&place)? {
                let path = place.strip_prefix(&self.root).unwrap_or(&place);
                let path = path.as_os_str().as_bytes();
                self.decide(request, path)?;
                if !self.is_exported(&repository) {
                    return Err(not_found("it is not marked for export"));
                }
                is_open(&repository, request)?;
                let view = self.access.as_ref().and_then(|access| access.view(&request.principal, path));
                if view.is_some() && request.door == Door::HttpFiles {
                    return Err(OpenError::NotEnabled);
                }
                return Ok((repository, view));
            }
        }
        let parts: Vec<&[u8]> =
            request.path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).collect();
        self.decide(request, &parts.join(&b'/'))?;
        Err(not_found("nothing is there"))
    }

    fn decide(&self, request: &RepositoryRequest<'_>, path: &[u8]) -> Result<(), OpenError> {
        let Some(access) = &self.access else { return Ok(()) };
        match access.decide(&request.principal, path, Right::of(request.service)) {
            Verdict::Allowed => Ok(()),
            Verdict::SignIn => Err(OpenError::SignIn),
            Verdict::Denied => Err(OpenError::Denied),
            Verdict::Hidden => Err(not_found("it is not shown to who asks")),
        }
    }

    /// Where it is, without symbolic links.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.root
    }

    fn candidates(&self, path: &[u8]) -> Result<Vec<PathBuf>, OpenError> {
        let mut place = self.root.clone();
        for part in path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()) {
            if matches!(part, b"." | b"..") || part.contains(&0) {
                return Err(not_found("the path has a part that leads elsewhere"));
            }
            place.push(OsStr::from_bytes(part));
        }
        let suffixes: &[&str] =
            if self.options.lookup == Lookup::Exact { &[""] } else { &["/.git", "", ".git/.git", ".git"] };
        Ok(suffixes.iter().map(|suffix| with_suffix(&place, suffix)).collect())
    }

    /// The repository at exactly this place, and where that is without symbolic links; `None` if there is none.
    fn open_at(&self, place: &Path) -> Result<Option<(PathBuf, GitDir)>, OpenError> {
        let Ok(place) = self.options.file_system.canonical(place) else { return Ok(None) };
        self.inside(&place)?;
        let Ok(marks) = self.options.file_system.directory(&place).and_then(|dir| Marks::of(&*dir)) else {
            return Ok(None);
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, repository)) = open.get(&place)
            && *known == marks
        {
            let repository = repository.clone();
            return Ok(Some((place, repository)));
        }
        let mut options = self.options.clone();
        options.lookup = Lookup::Exact;
        let repository = match GitDir::open(&place, &options) {
            Ok(repository) => repository,
            Err(error) if error.kind() == StorageErrorKind::NoRepository => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // What a `.git` or `commondir` file names must lie inside as well.
        for path in [repository.path(), repository.common_path()] {
            let real = self.options.file_system.canonical(path);
            self.inside(&real.map_err(|_| not_found("its directory is gone"))?)?;
        }
        if open.len() >= OPEN_MAX {
            open.clear();
        }
        open.insert(place.clone(), (marks, repository.clone()));
        Ok(Some((place, repository)))
    }

    fn inside(&self, place: &Path) -> Result<(), OpenError> {
        if place.starts_with(&self.root) { Ok(()) } else { Err(not_found("it lies outside of the root")) }
    }

    fn is_exported(&self, repository: &GitDir) -> bool {
        let marked = || {
            let dir = self.options.file_system.directory(repository.path())?;
            dir.stat(b"git-daemon-export-ok", Links::Follow)
        };
        self.export == Export::All || marked().is_ok_and(|stat| stat.kind == FileKind::File)
    }
}

impl Repositories for DirectoryRoot {
    fn open(&self, request: &RepositoryRequest<'_>) -> Result<Arc<dyn Repository>, OpenError> {
        Ok(Arc::new(self.find(request)?))
    }

    /// Refs that the repository's configuration hides are hidden here too; more than `policy` gives it does not give.
    fn open_to_upload(
        &self,
        request: &RepositoryRequest<'_>,
        policy: &Arc<Policy>,
    ) -> Result<Uploading, OpenError> {
        let (repository, view) = self.find_seen(request)?;
        let mut policy = Arc::clone(policy);
        if let Some(hidden) = hidden_refs(&repository.config(), "uploadpack") {
            let policy = Arc::make_mut(&mut policy);
            policy.hidden = std::mem::take(&mut policy.hidden).and(hidden);
        }
        if view.is_some() {
            Arc::make_mut(&mut policy).view = view;
        }
        Ok(Uploading::new(Arc::new(repository), policy))
    }

    fn open_to_receive(&self, request: &RepositoryRequest<'_>) -> Result<Receiving, OpenError> {
        let policy = self.receive.clone().ok_or(OpenError::NotEnabled)?;
        let (repository, view) = self.find_seen(request)?;
        let mut policy = policy.with_repository(&repository).map_err(|error| {
            StorageError::new(StorageErrorKind::Misuse, "bad configuration".to_owned()).with_source(error)
        })?;
        if view.is_some() {
            policy.view = view;
        }
        let hooks = Arc::new(ProgramHooks::new(&repository).serving_many());
        let mut receiving = Receiving::new(Arc::new(repository), Arc::new(policy));
        receiving.hooks = hooks;
        Ok(receiving)
    }
}

impl fmt::Debug for DirectoryRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectoryRoot")
            .field("root", &self.root)
            .field("export", &self.export)
            .finish_non_exhaustive()
    }
}

/// By what a repository is known to be another, or configured otherwise, than when it was opened: device, inode and time of change of
/// `HEAD` and `config`.
#[derive(PartialEq, Eq)]
struct Marks {
    head: (u64, u64, Duration),
    config: Option<(u64, u64, Duration)>,
}

impl Marks {
    fn of(directory: &dyn Directory) -> std::io::Result<Self> {
        let mark = |stat: Stat| (stat.device, stat.inode, stat.changed);
        let head = directory.stat(b"HEAD", Links::Follow).map(mark)?;
        Ok(Self { head, config: directory.stat(b"config", Links::Follow).map(mark).ok() })
    }
}

/// Whether the repository's configuration leaves the way open by which a client comes (`git-http-backend`).
fn is_open(repository: &GitDir, request: &RepositoryRequest<'_>) -> Result<(), OpenError> {
    let name = match (request.door, request.service) {
        (Door::Http, Service::UploadPack) => "uploadpack",
        (Door::Http, Service::ReceivePack) => "receivepack",
        (Door::HttpFiles, _) => "getanyfile",
        _ => return Ok(()),
    };
    match repository.config().boolean("http", None, name) {
        Ok(Some(false)) => Err(OpenError::NotEnabled),
        Ok(_) => Ok(()),
        Err(error) => {
            let what = "bad configuration".to_owned();
            Err(StorageError::new(StorageErrorKind::Misuse, what).with_source(error).into())
        }
    }
}

fn with_suffix(place: &Path, suffix: &str) -> PathBuf {
    let mut name = place.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn not_found(why: &str) -> OpenError {
    OpenError::NotFound { why: why.to_owned() }
}

/// Repositories that stay open at once; each holds a few file descriptors. Beyond it all are let go and opened again as they are
/// asked for.
const OPEN_MAX: usize = 256;
