//! What there is to push.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use gitwire_storage::{RefStore, Repository};
use gitwire_types::{ObjectId, RefName};

use super::RefspecProblem;
use super::matching::{Named, find_named};
use crate::ClientError;
use crate::revision::{find_revision, follow};

/// The repository's refs.
pub(super) struct LocalRefs {
    repository: Arc<dyn Repository>,
    store: Arc<dyn RefStore>,
    /// All that lead to an object, in the order of their names.
    pub(super) all: Vec<(RefName, ObjectId)>,
    by_name: HashMap<RefName, ObjectId>,
}

/// What one refspec pushes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// A ref's full name, or the words of the refspec.
    pub(super) name: Bytes,
    pub(super) id: ObjectId,
    /// The ref that it is, or `HEAD`.
    ref_name: Option<RefName>,
}

impl Source {
    /// A ref.
    pub(super) fn of(name: &RefName, id: ObjectId) -> Self {
        Self { name: name.as_shared().clone(), id, ref_name: Some(name.clone()) }
    }
}

impl LocalRefs {
    pub(super) fn read(repository: Arc<dyn Repository>) -> Result<Self, ClientError> {
        let store = repository.refs()?;
        let mut all = Vec::new();
        store.each(&[], &mut |record| {
            if let (Ok(name), Some(id)) = (RefName::copy_from(record.name), record.id) {
                all.push((name, id));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        let by_name = all.iter().cloned().collect();
        Ok(Self { repository, store, all, by_name })
    }

    pub(super) fn repository(&self) -> &Arc<dyn Repository> {
        &self.repository
    }

    pub(super) fn id(&self, name: &RefName) -> Option<ObjectId> {
        self.by_name.get(name).copied()
    }

    /// What a refspec's source names: a ref, perhaps by a short name, or an object in another way.
    pub(super) fn source(&self, text: &Bytes) -> Result<Result<Source, RefspecProblem>, ClientError> {
        let named = RefName::new(text.clone()).map_or(Named::Nothing, |name| {
            find_named(&name, |candidate| self.by_name.contains_key(candidate))
        });
        Ok(match named {
            Named::One(name) => match self.id(&name) {
                Some(id) => Ok(Source::of(&name, id)),
                None => return Err(ClientError::Internal("a ref that was found is gone")),
            },
            Named::Several => Err(RefspecProblem::AmbiguousSource(text.clone())),
            Named::Nothing => match find_revision(&*self.repository, text)? {
                Some(id) => {
                    let ref_name = (text.as_ref() == b"HEAD").then(RefName::head);
                    Ok(Source { name: text.clone(), id, ref_name })
                }
                None => Err(RefspecProblem::UnknownSource(text.clone())),
            },
        })
    }

    /// Where a source goes that says no destination: to the ref that it is, or the branch that it stands for.
    pub(super) fn own_name(&self, source: &Source) -> Result<Result<RefName, RefspecProblem>, ClientError> {
        let problem = || RefspecProblem::NotABranch(source.name.clone());
        let Some(name) = &source.ref_name else { return Ok(Err(problem())) };
        Ok(match follow(&*self.store, name)? {
            Some((last, _)) if last == *name || last.is_branch() => Ok(last),
            _ => Err(problem()),
        })
    }

    /// The prefix that a source's kind gives to a short destination: `refs/heads/` or `refs/tags/`.
    pub(super) fn guess(
        &self,
        source: &Source,
        destination: &RefName,
    ) -> Result<Option<RefName>, ClientError> {
        let Some(name) = &source.ref_name else { return Ok(None) };
        let Some((last, _)) = follow(&*self.store, name)? else { return Ok(None) };
        let prefix = match () {
            () if last.is_branch() => &b"refs/heads/"[..],
            () if last.is_tag() => b"refs/tags/",
            () => return Ok(None),
        };
        Ok(RefName::new([prefix, destination.as_bytes()].concat()).ok())
    }
}
