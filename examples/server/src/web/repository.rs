//! A repository as pages show it: what is hidden from clients is hidden here.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use gitwire_gitdir::GitDir;
use gitwire_object::{CommitRef, TagRef};
use gitwire_server::{DirectoryRoot, HiddenRefs, Policy, RepositoryRequest};
use gitwire_storage::{ObjectStore, Presence, RefStore, Repository as _, StorageError, StorageErrorKind};
use gitwire_types::{Interrupt, ObjectFormat, ObjectId, ObjectKind, RefName, RefTarget};
use gitwire_walk::{Graph, WalkLimits};

use super::failure::Failure;
use super::limits::Limits;
use super::route::{encoded, encoded_path};
use super::text::line;

/// A repository that is open for one page.
pub(crate) struct Shown<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) stop: &'a dyn Interrupt,
    pub(crate) format: ObjectFormat,
    pub(crate) objects: Arc<dyn ObjectStore>,
    /// Its path below the root, as it is written in URLs of clients.
    pub(crate) path: Vec<u8>,
    pub(crate) description: Option<String>,
    git: GitDir,
    refs: Arc<dyn RefStore>,
    hidden: HiddenRefs,
}

/// Which state of a repository is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Revision {
    /// That of the default branch.
    Default,
    Branch(Vec<u8>),
    Tag(Vec<u8>),
    /// That of a commit, by its id in hexadecimal digits.
    Commit(Vec<u8>),
}

/// A revision, found.
#[derive(Debug, Clone)]
pub(crate) struct At {
    pub(crate) revision: Revision,
    pub(crate) commit: ObjectId,
    /// What people call it.
    pub(crate) label: String,
}

/// A branch or a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    /// Its name below `refs/heads/` or `refs/tags/`.
    pub(crate) name: Vec<u8>,
    pub(crate) id: ObjectId,
}

/// Branches or tags, as many as are read.
#[derive(Debug, Default)]
pub(crate) struct References {
    pub(crate) list: Vec<Reference>,
    /// Whether there are more.
    pub(crate) is_cut: bool,
}

impl<'a> Shown<'a> {
    /// Opens what `request` names, for who asks.
    pub(crate) fn open(
        root: &DirectoryRoot,
        request: &RepositoryRequest<'_>,
        policy: &Policy,
        limits: &'a Limits,
        stop: &'a dyn Interrupt,
    ) -> Result<Self, Failure> {
        let git = root.find(request)?;
        let hidden = hidden(policy, &git)?;
        let description = description(git.path());
        let (objects, refs) = (git.objects()?, git.refs()?);
        Ok(Self {
            limits,
            stop,
            format: git.format(),
            objects,
            path: request.path.to_vec(),
            description,
            git,
            refs,
            hidden,
        })
    }

    /// What people call it: its path without the end `.git`.
    pub(crate) fn name(&self) -> String {
        shown_name(&self.path)
    }

    /// Its path in URLs, with a slash at its front.
    pub(crate) fn link(&self) -> String {
        format!("/{}", encoded_path(&self.path))
    }

    /// The name of the default branch, whether it exists or not; `None` where `HEAD` names none.
    pub(crate) fn default_branch(&self) -> Result<Option<Vec<u8>>, Failure> {
        let Some(RefTarget::Symbolic(name)) = self.refs.head()? else { return Ok(None) };
        Ok(name.as_bytes().strip_prefix(HEADS).map(<[u8]>::to_vec))
    }

    /// Branches that are shown, in the order of their names.
    pub(crate) fn branches(&self) -> Result<References, Failure> {
        self.references(HEADS)
    }

    /// Tags that are shown, in the order of their names.
    pub(crate) fn tags(&self) -> Result<References, Failure> {
        self.references(TAGS)
    }

    /// Finds a revision; `None` for the default one of a repository without commits.
    pub(crate) fn at(&self, revision: Revision) -> Result<Option<At>, Failure> {
        match &revision {
            Revision::Default => self.at_default(),
            Revision::Branch(name) => {
                let id =
                    self.get(HEADS, name)?.ok_or(Failure::not_found("There is no branch of this name."))?;
                Ok(Some(At { commit: self.commit_of(id)?, label: line(name), revision }))
            }
            Revision::Tag(name) => {
                let id = self.get(TAGS, name)?.ok_or(Failure::not_found("There is no tag of this name."))?;
                Ok(Some(At { commit: self.commit_of(id)?, label: line(name), revision }))
            }
            Revision::Commit(hex) => {
                let commit = self.visible_commit(hex)?;
                let label = abbreviated(&commit);
                Ok(Some(At { commit, label, revision }))
            }
        }
    }

    /// The commit of these hexadecimal digits, if what is shown reaches it: nobody sees by its id what was hidden or taken back.
    pub(crate) fn visible_commit(&self, hex: &[u8]) -> Result<ObjectId, Failure> {
        let nothing = || Failure::not_found("There is no commit of this id.");
        let id = ObjectId::from_hex(self.format, hex).map_err(|_| nothing())?;
        let mut is_commit = false;
        self.objects.headers(&[id], &mut |_, presence| {
            is_commit = matches!(presence, Presence::Here { kind: ObjectKind::Commit, .. });
        })?;
        if !is_commit {
            return Err(nothing());
        }
        let mut tips: Vec<ObjectId> = self.at_default()?.into_iter().map(|at| at.commit).collect();
        self.each(b"refs/", &mut |reference| {
            tips.push(reference.id);
            ControlFlow::Continue(())
        })?;
        let mut limits = WalkLimits::default();
        (limits.commits_max, limits.object_bytes_max) = (self.limits.reach_max, self.limits.object_bytes_max);
        let mut graph = Graph::new(Arc::clone(&self.objects), self.format, limits);
        graph.set_boundary(&self.git.shallow()?)?;
        if graph.unreached(&tips, &[id], self.stop)?.is_empty() { Ok(id) } else { Err(nothing()) }
    }

    /// Reads an object that must be a `kind`.
    pub(crate) fn read(&self, id: &ObjectId, kind: ObjectKind) -> Result<Vec<u8>, Failure> {
        let mut content = Vec::new();
        match self.objects.read(id, self.limits.object_bytes_max, &mut content)? {
            Some(found) if found == kind => Ok(content),
            Some(_) => Err(Failure::not_found("What stands here is something else.")),
            None => {
                Err(StorageError::new(StorageErrorKind::Missing(*id), format!("object {id} is missing"))
                    .into())
            }
        }
    }

    /// The commits whose parents are not here.
    pub(crate) fn shallow(&self) -> Result<Arc<[ObjectId]>, Failure> {
        Ok(self.git.shallow()?)
    }

    /// The tree of a commit.
    pub(crate) fn tree_of(&self, commit: &ObjectId) -> Result<ObjectId, Failure> {
        let content = self.read(commit, ObjectKind::Commit)?;
        Ok(CommitRef::parse(self.format, &content)?.tree())
    }

    /// The commit that a tag or commit leads to.
    pub(crate) fn commit_of(&self, id: ObjectId) -> Result<ObjectId, Failure> {
        let mut id = id;
        for _ in 0..TAG_CHAIN_MAX {
            let mut content = Vec::new();
            match self.objects.read(&id, self.limits.object_bytes_max, &mut content)? {
                Some(ObjectKind::Commit) => return Ok(id),
                Some(ObjectKind::Tag) => id = TagRef::parse(self.format, &content)?.target(),
                _ => break,
            }
        }
        Err(Failure::not_found("This leads to no commit."))
    }

    /// What `HEAD` leads to, or the first branch where that is nothing that is shown.
    fn at_default(&self) -> Result<Option<At>, Failure> {
        let revision = Revision::Default;
        match self.refs.head()? {
            Some(RefTarget::Symbolic(name)) => {
                if let Some(branch) = name.as_bytes().strip_prefix(HEADS)
                    && let Some(id) = self.get(HEADS, branch)?
                {
                    return Ok(Some(At { revision, commit: self.commit_of(id)?, label: line(branch) }));
                }
            }
            Some(RefTarget::Direct(commit)) => {
                let label = abbreviated(&commit);
                return Ok(Some(At { revision, commit: self.commit_of(commit)?, label }));
            }
            None => {}
        }
        let mut first = None;
        self.each(HEADS, &mut |reference| {
            first = Some(reference);
            ControlFlow::Break(())
        })?;
        let Some(Reference { name, id }) = first else { return Ok(None) };
        let label = line(&name);
        Ok(Some(At { revision: Revision::Branch(name), commit: self.commit_of(id)?, label }))
    }

    fn get(&self, folder: &[u8], name: &[u8]) -> Result<Option<ObjectId>, Failure> {
        let full = [folder, name].concat();
        if self.hidden.hides(&full) || RefName::new(full.clone()).is_err() {
            return Ok(None);
        }
        let mut found = None;
        self.refs.each_from(&full, &[full.clone().into()], &mut |record| {
            if record.name == full {
                found = record.id;
            }
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }

    fn references(&self, folder: &'static [u8]) -> Result<References, Failure> {
        let mut found = References::default();
        self.each(folder, &mut |reference| {
            if found.list.len() >= self.limits.refs_max {
                found.is_cut = true;
                return ControlFlow::Break(());
            }
            found.list.push(reference);
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    /// Every ref below `folder` that is shown and leads somewhere, with its name below it.
    fn each(
        &self,
        folder: &'static [u8],
        each: &mut dyn FnMut(Reference) -> ControlFlow<()>,
    ) -> Result<(), Failure> {
        self.refs.each(&[folder.into()], &mut |record| {
            if let (Some(id), Some(name), false) =
                (record.id, record.name.strip_prefix(folder), self.hidden.hides(record.name))
            {
                return Ok(each(Reference { name: name.to_vec(), id }));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(())
    }
}

impl Revision {
    /// From the parameters of a URL.
    pub(crate) fn of(query: &str) -> Self {
        let parameter = |name| super::route::parameter(query, name);
        if let Some(id) = parameter("commit") {
            Self::Commit(id)
        } else if let Some(name) = parameter("branch") {
            Self::Branch(name)
        } else if let Some(name) = parameter("tag") {
            Self::Tag(name)
        } else {
            Self::Default
        }
    }

    /// What a URL has for it behind its path.
    pub(crate) fn query(&self) -> String {
        match self {
            Self::Default => String::new(),
            Self::Branch(name) => format!("?branch={}", encoded(name)),
            Self::Tag(name) => format!("?tag={}", encoded(name)),
            Self::Commit(id) => format!("?commit={}", encoded(id)),
        }
    }
}

/// What people call the repository at a path.
pub(crate) fn shown_name(path: &[u8]) -> String {
    line(path.strip_suffix(b".git").filter(|rest| !rest.is_empty()).unwrap_or(path))
}

/// The first digits of an id.
pub(crate) fn abbreviated(id: &ObjectId) -> String {
    id.to_string().chars().take(ABBREVIATION).collect()
}

/// The refs of a repository that nobody is told of.
pub(crate) fn hidden(policy: &Policy, git: &GitDir) -> Result<HiddenRefs, Failure> {
    let policy = policy.clone().with_config(&git.config());
    policy.map(|policy| policy.hidden).map_err(|error| Failure::Internal(error.to_string()))
}

/// What the owner wrote into the file `description`: its first line, unless it is git's own.
pub(crate) fn description(git_dir: &Path) -> Option<String> {
    use std::io::Read as _;
    let path = git_dir.join("description");
    // A link could lead anywhere.
    if !std::fs::symlink_metadata(&path).is_ok_and(|found| found.is_file()) {
        return None;
    }
    let mut text = Vec::new();
    std::fs::File::open(&path).ok()?.take(DESCRIPTION_BYTES).read_to_end(&mut text).ok()?;
    let first = text.split(|byte| *byte == b'\n').next()?.trim_ascii();
    (!first.is_empty() && !first.starts_with(b"Unnamed repository")).then(|| line(first))
}

const HEADS: &[u8] = b"refs/heads/";
const TAGS: &[u8] = b"refs/tags/";

/// Digits of an id that people tell it by.
const ABBREVIATION: usize = 10;

/// Tags that lead to tags: as walks allow.
const TAG_CHAIN_MAX: usize = 256;

/// Bytes of a description that are read: three times what we let anybody write.
const DESCRIPTION_BYTES: u64 = 1024;
