//! Cloning: a new Git directory that holds what a remote has.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use gitwire_gitdir::{ConfigSection, GitDir, InitOptions, InitialHead, RefFormat, Sharing};
use gitwire_storage::{Expected, RefEdit, Repository, Transaction};
use gitwire_types::{FetchRefspec, Force, Interrupt, Never, ObjectId, RefName, RefTarget};

use crate::bundles::{BundleUris, ask};
use crate::event::Listener;
use crate::fetch::{Fetch, FetchHeadRole, Fetched, Plan, ShallowSource, TagFollowing, Wanted, map_refs};
use crate::{ClientError, Event, Remote, RemoteRefs, find_revision};

/// Makes a Git directory of a remote, as `git clone` does, without a work tree.
///
/// `HEAD` is written last: a clone that was broken off is no repository, and a second attempt completes it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Clone {
    /// How it is fetched; the refspecs and tags are the clone's own.
    pub fetch: Fetch,
    /// What becomes of the remote's refs.
    pub kind: CloneKind,
    /// The branch or tag that `HEAD` stands for, instead of the remote's.
    pub branch: Option<Bytes>,
    /// Only that branch, and the tags on it.
    pub single_branch: bool,
    /// Whether tags come along.
    pub tags: bool,
    /// Only the history of this ref, or of an object by all its digits, which `HEAD` is set to; no branch is made (`--revision`).
    pub revision: Option<Bytes>,
    /// Where bundles are that bring a part of it (`--bundle-uri`).
    pub bundle_uri: Option<Bytes>,
    /// Whether the server is asked for bundles, where no URI is given (`transfer.bundleURI`).
    pub server_bundles: bool,
    /// The name of the remote. `origin`.
    pub origin: String,
    /// How the clone keeps its references.
    pub ref_format: RefFormat,
    /// For whom the clone is beside its owner (`core.sharedRepository`).
    pub sharing: Sharing,
}

/// What becomes of the remote's refs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloneKind {
    /// Branches and tags keep their names; nothing is written that would fetch them again.
    Bare,
    /// All refs keep their names, and later fetches do the same.
    Mirror,
    /// The remote's branches are stored below `refs/remotes/`, and the one that `HEAD` stands for is made. There is no work tree
    /// yet: whoever makes one finds everything in place.
    Tracking,
}

/// What a clone has done.
#[derive(Debug)]
#[non_exhaustive]
pub struct Cloned {
    /// The repository.
    pub repository: GitDir,
    /// What was fetched.
    pub fetched: Fetched,
    /// What `HEAD` is; `None` for an empty remote that does not say.
    pub head: Option<RefTarget>,
}

impl Clone {
    /// A clone of everything.
    #[must_use]
    pub fn new(remote: Remote, kind: CloneKind) -> Self {
        let mut fetch = Fetch::new(remote);
        fetch.shallow_source = ShallowSource::Update;
        Self {
            fetch,
            kind,
            branch: None,
            single_branch: false,
            tags: true,
            revision: None,
            bundle_uri: None,
            server_bundles: false,
            origin: "origin".to_owned(),
            ref_format: RefFormat::default(),
            sharing: Sharing::default(),
        }
    }

    /// Clones into the Git directory `path`, which is made. `listener` hears what happens.
    ///
    /// # Errors
    /// The remote is not reached, breaks off, or sends less than it must; there is a repository already; a failing disk. There is
    /// no `HEAD` then.
    pub fn run(
        &self,
        path: impl AsRef<Path>,
        listener: &mut dyn FnMut(Event<'_>),
    ) -> Result<Cloned, ClientError> {
        self.run_until(path, listener, &Never)
    }

    /// Clones, or stops when `stop` says so.
    ///
    /// # Errors
    /// As [`run`](Self::run); [`ClientError::Interrupted`].
    pub fn run_until(
        &self,
        path: impl AsRef<Path>,
        listener: &mut dyn FnMut(Event<'_>),
        stop: &dyn Interrupt,
    ) -> Result<Cloned, ClientError> {
        let path: PathBuf = path.as_ref().to_owned();
        let goes_on = self.bring_bundles(&path, listener, stop)?;
        let made = RefCell::new(None);
        let planner = |refs: &RemoteRefs| {
            let head = Head::choose(self, refs)?;
            let repository = self.init(&path, refs, &head)?;
            let plan = self.plan(refs, &head, Arc::new(repository.clone()))?;
            made.replace(Some((repository, head)));
            Ok(plan)
        };
        let fetched = self.fetch.run_planned(Vec::new(), &planner, listener, stop)?;
        let (repository, head) =
            made.into_inner().ok_or(ClientError::Internal("a clone without a repository"))?;
        self.local_branch(&repository, &head)?;
        if let Some(section) = goes_on {
            repository.add_config(&[section])?;
        }
        let mut target = head.target();
        if let (Some(revision), Head::Detached(id)) = (&self.revision, &head) {
            let commit = find_revision(&repository, format!("{id}^{{commit}}").as_bytes())?;
            let none = || ClientError::NoSuchRevision(revision.escape_ascii().to_string());
            target = Some(RefTarget::Direct(commit.ok_or_else(none)?));
        }
        // An empty remote that does not name its branch leaves the choice to us.
        let default = || RefName::new("refs/heads/master").map(RefTarget::Symbolic);
        let written = match &target {
            Some(target) => target.clone(),
            None => default().map_err(|_| ClientError::Internal("a good name"))?,
        };
        repository.set_head(&written)?;
        Ok(Cloned { repository, fetched, head: target })
    }

    /// Brings bundles before anything is fetched, over a connection of its own: bundles take their time, and no server has to wait.
    /// What the configuration is to say of them.
    fn bring_bundles(
        &self,
        path: &Path,
        listener: Listener<'_>,
        stop: &dyn Interrupt,
    ) -> Result<Option<ConfigSection>, ClientError> {
        let asks = self.bundle_uri.is_some() || self.server_bundles;
        if !asks || !self.fetch.depth.is_empty() {
            return Ok(None);
        }
        let asked = ask(&self.fetch.remote, self.bundle_uri.is_none());
        #[cfg(feature = "http")]
        if asked.as_ref().is_err_and(crate::dumb::is_dumb) {
            return Ok(None);
        }
        let (refs, list) = asked?;
        if self.bundle_uri.is_none() && list.is_none() {
            return Ok(None);
        }
        let repository = self.init(path, &refs, &Head::choose(self, &refs)?)?;
        let mut uris = BundleUris::new(Arc::new(repository));
        uris.connect = self.fetch.remote.connect.clone();
        uris.filter.clone_from(&self.fetch.filter);
        uris.walk = self.fetch.walk.clone();
        uris.stage.fsck.clone_from(&self.fetch.fsck);
        uris.stage.threads = self.fetch.threads;
        uris.stage.memory = self.fetch.memory;
        uris.stage.pack_bytes_max = self.fetch.pack_bytes_max;
        let brought = match (&self.bundle_uri, list) {
            (Some(uri), _) => uris.bring(uri, stop)?,
            (None, Some(list)) => uris.bring_list(&list, &self.fetch.remote.name, stop)?,
            (None, None) => return Ok(None),
        };
        for (uri, error) in &brought.failures {
            listener(Event::BundleFailed { uri, error });
        }
        let Some(uri) = self.bundle_uri.as_ref().filter(|_| brought.goes_on) else { return Ok(None) };
        let section = ConfigSection::new("fetch", None).with("bundleURI", uri);
        Ok(Some(match brought.token {
            Some(token) => section.with("bundleCreationToken", token.to_string().as_bytes()),
            None => section,
        }))
    }

    fn init(&self, path: &Path, refs: &RemoteRefs, head: &Head) -> Result<GitDir, ClientError> {
        let mut options = InitOptions::default();
        options.format = refs.format();
        options.ref_format = self.ref_format;
        options.sharing = self.sharing;
        options.head = InitialHead::Later;
        let origin = self.origin.as_bytes();
        let mut remote = ConfigSection::new("remote", Some(origin)).with("url", &self.fetch.remote.name);
        match self.kind {
            CloneKind::Bare => {}
            CloneKind::Tracking if self.revision.is_some() => {
                options.config.push(ConfigSection::new("core", None).with("bare", b"false"));
            }
            CloneKind::Mirror => remote = remote.with("fetch", b"+refs/*:refs/*").with("mirror", b"true"),
            CloneKind::Tracking => {
                options.config.push(ConfigSection::new("core", None).with("bare", b"false"));
                remote = remote.with("fetch", &self.refspec(head)?.to_bytes());
            }
        }
        if !self.tags {
            remote = remote.with("tagOpt", b"--no-tags");
        }
        if self.fetch.promisors.chooses_filter {
            remote = remote.with("promisor", b"true").with("partialclonefilter", b"auto");
        } else if let Some(filter) = &self.fetch.filter {
            remote = remote.with("promisor", b"true").with("partialclonefilter", &filter.to_bytes());
        }
        options.config.push(remote);
        if let (CloneKind::Tracking, Some(branch)) = (self.kind, head.branch()) {
            let section = ConfigSection::new("branch", Some(branch.short()))
                .with("remote", origin)
                .with("merge", branch.as_bytes());
            options.config.push(section);
        }
        Ok(GitDir::init_bare(path, &options)?)
    }

    /// Where the remote's branches go.
    fn refspec(&self, head: &Head) -> Result<FetchRefspec, ClientError> {
        let text = match (self.kind, head.branch().filter(|_| self.single_branch)) {
            (CloneKind::Mirror, _) => b"+refs/*:refs/*".to_vec(),
            (CloneKind::Bare, None) => b"+refs/heads/*:refs/heads/*".to_vec(),
            (CloneKind::Bare, Some(branch)) => [b"+", branch.as_bytes(), b":", branch.as_bytes()].concat(),
            (CloneKind::Tracking, branch) => {
                let short = branch.map_or(&b"*"[..], RefName::short);
                let origin = self.origin.as_bytes();
                [b"+refs/heads/", short, b":refs/remotes/", origin, b"/", short].concat()
            }
        };
        FetchRefspec::parse(text).map_err(|_| ClientError::Internal("a refspec of good names"))
    }

    fn plan(
        &self,
        refs: &RemoteRefs,
        head: &Head,
        repository: Arc<dyn Repository>,
    ) -> Result<Plan, ClientError> {
        let mut fetch = self.fetch.clone();
        if self.revision.is_some() {
            let wanted = head.id().map(Self::unnamed).into_iter().collect();
            return Ok(Plan { repository, wanted, following: Vec::new() });
        }
        let missing = self.single_branch && head.id().is_none();
        fetch.refspecs = if missing { Vec::new() } else { vec![self.refspec(head)?] };
        fetch.tags = match (self.tags, self.single_branch) {
            (false, _) => TagFollowing::None,
            (true, true) => TagFollowing::Auto,
            (true, false) => TagFollowing::All,
        };
        let mut plan = match (missing, self.single_branch, head) {
            (true, ..) => Plan { repository, wanted: Vec::new(), following: Vec::new() },
            // A tag is no branch, and is stored by following.
            (_, true, Head::Detached(id)) => {
                Plan { repository, wanted: vec![Self::unnamed(*id)], following: Vec::new() }
            }
            _ => map_refs(&fetch, refs, repository)?,
        };
        // What HEAD stands for may be on no branch.
        if let Some(id) = head.id()
            && !plan.wanted.iter().any(|wanted| wanted.id == id)
        {
            plan.wanted.push(Self::unnamed(id));
        }
        Ok(plan)
    }

    fn unnamed(id: ObjectId) -> Wanted {
        Wanted { remote: RefName::head(), id, local: None, force: Force::No, role: FetchHeadRole::Ignore }
    }

    /// The branch that `HEAD` stands for, and where the remote's `HEAD` points.
    fn local_branch(&self, repository: &GitDir, head: &Head) -> Result<(), ClientError> {
        let (CloneKind::Tracking, Head::Branch(branch, Some(id))) = (self.kind, head) else { return Ok(()) };
        let good =
            |name: Vec<u8>| RefName::new(name).map_err(|_| ClientError::Internal("a name of good parts"));
        let below = |rest: &[u8]| good([b"refs/remotes/", self.origin.as_bytes(), b"/", rest].concat());
        let edit = |name, target| RefEdit { name, expected: Expected::Any, new: Some(target) };
        let mut transaction = Transaction::default();
        transaction.edits.push(edit(branch.clone(), RefTarget::Direct(*id)));
        transaction.edits.push(edit(below(b"HEAD")?, RefTarget::Symbolic(below(branch.short())?)));
        repository.commit(None, transaction, &mut |_| Ok(()))?;
        Ok(())
    }
}

/// What `HEAD` will be.
#[derive(Debug, Clone)]
enum Head {
    /// A branch, and what it holds if it is there.
    Branch(RefName, Option<ObjectId>),
    Detached(ObjectId),
    Nothing,
}

impl Head {
    fn choose(clone: &Clone, refs: &RemoteRefs) -> Result<Self, ClientError> {
        if let Some(revision) = &clone.revision {
            return Self::revision(revision, refs);
        }
        if let Some(branch) = &clone.branch {
            for prefix in [&b"refs/heads/"[..], b"refs/tags/"] {
                let name = [prefix, branch].concat();
                let Some(shown) = refs.iter().find(|shown| shown.name == name) else { continue };
                let Some(id) = shown.id else { continue };
                return match RefName::new(name).ok().filter(RefName::is_branch) {
                    Some(name) => Ok(Self::Branch(name, Some(id))),
                    None => Ok(Self::Detached(shown.peeled.unwrap_or(id))),
                };
            }
            return Err(ClientError::NoSuchBranch(branch.escape_ascii().to_string()));
        }
        let branch = refs.head_branch().and_then(|name| RefName::copy_from(name).ok());
        Ok(match (branch.filter(RefName::is_branch), refs.head().and_then(|head| head.id)) {
            (Some(branch), _) => {
                let id = refs.id(branch.as_bytes());
                Self::Branch(branch, id)
            }
            (None, Some(id)) => Self::Detached(id),
            (None, None) => Self::Nothing,
        })
    }

    /// The commit that a ref, or an id, leads to.
    fn revision(revision: &Bytes, refs: &RemoteRefs) -> Result<Self, ClientError> {
        if let Some(shown) = refs.iter().find(|shown| shown.name == revision)
            && let Some(id) = shown.id
        {
            return Ok(Self::Detached(shown.peeled.unwrap_or(id)));
        }
        let id = ObjectId::from_hex(refs.format(), revision);
        id.map(Self::Detached).map_err(|_| ClientError::NoSuchRevision(revision.escape_ascii().to_string()))
    }

    fn branch(&self) -> Option<&RefName> {
        match self {
            Self::Branch(name, _) => Some(name),
            Self::Detached(_) | Self::Nothing => None,
        }
    }

    fn id(&self) -> Option<ObjectId> {
        match self {
            Self::Branch(_, id) => *id,
            Self::Detached(id) => Some(*id),
            Self::Nothing => None,
        }
    }

    fn target(&self) -> Option<RefTarget> {
        match self {
            Self::Branch(name, _) => Some(RefTarget::Symbolic(name.clone())),
            Self::Detached(id) => Some(RefTarget::Direct(*id)),
            Self::Nothing => None,
        }
    }
}
