//! Reading commits and tags.

use gitwire_storage::Presence;
use gitwire_types::{Interrupt, ObjectId, ObjectKind};

use super::{ABSENT, Graph, LOADED};
use crate::{WalkError, read};

/// Where an object leads once tags are followed: what [`Graph::peel`] finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peeled {
    /// The tags on the way, outermost first.
    pub tags: Vec<ObjectId>,
    /// What the last of them points at, or the object itself.
    pub id: ObjectId,
    /// What that is.
    pub kind: ObjectKind,
}

impl Graph {
    /// Reads a commit unless it was read before; false where the store has none of that id.
    pub(crate) fn try_load(&mut self, at: u32) -> Result<bool, WalkError> {
        let flags = self.flags(at);
        if flags & LOADED != 0 {
            return Ok(true);
        }
        if flags & ABSENT != 0 {
            return Ok(false);
        }
        let id = self.id(at)?;
        if self.load_from_index(at, &id)? {
            return Ok(true);
        }
        let mut scratch = core::mem::take(&mut self.scratch);
        let kind = read::headers(&*self.objects, &id, &self.limits, &mut scratch);
        let loaded = match kind {
            Ok(None) => {
                self.set(at, ABSENT);
                Ok(false)
            }
            Ok(Some(ObjectKind::Commit)) => self.load_from_bytes(at, &id, &scratch).map(|()| true),
            Ok(Some(actual)) => Err(WalkError::Kind { id, expected: ObjectKind::Commit, actual }),
            Err(error) => Err(error),
        };
        self.scratch = scratch;
        loaded
    }

    /// Reads a commit that must be there.
    pub(crate) fn load(&mut self, at: u32) -> Result<(), WalkError> {
        if self.try_load(at)? { Ok(()) } else { Err(WalkError::missing(ObjectKind::Commit, self.id(at)?)) }
    }

    /// Follows tags from `id` to what they point at; `None` where an object on the way is missing.
    pub(crate) fn try_peel(&mut self, id: &ObjectId) -> Result<Option<Peeled>, WalkError> {
        match self.peel(id) {
            Err(WalkError::Missing { .. }) => Ok(None),
            peeled => peeled.map(Some),
        }
    }

    /// Follows tags from `id` to what they point at.
    ///
    /// # Errors
    /// [`WalkError::Missing`] where an object on the way is not there; damaged tags; a chain beyond the limits; a failing store.
    pub fn peel(&mut self, id: &ObjectId) -> Result<Peeled, WalkError> {
        let mut tags = Vec::new();
        let mut id = *id;
        loop {
            if self.known(&id).is_some_and(|at| self.has(at, LOADED)) {
                return Ok(Peeled { tags, id, kind: ObjectKind::Commit });
            }
            let mut kind = None;
            self.objects.headers(&[id], &mut |_, presence| {
                if let Presence::Here { kind: found, .. } = presence {
                    kind = Some(found);
                }
            })?;
            match kind {
                None => return Err(WalkError::Missing { id, kind: None }),
                Some(ObjectKind::Tag) => {}
                Some(kind) => return Ok(Peeled { tags, id, kind }),
            }
            if tags.len() >= self.limits.tag_chain_max as usize {
                return Err(WalkError::Limit {
                    what: "tag_chain_max",
                    max: self.limits.tag_chain_max.into(),
                });
            }
            tags.push(id);
            id = read::tag_target(&*self.objects, &id, &self.limits, &mut self.scratch)?;
        }
    }

    /// The number of the commit that `id` leads to; `None` where it leads to no commit, or to nothing.
    pub(crate) fn peel_to_commit(&mut self, id: &ObjectId) -> Result<Option<u32>, WalkError> {
        match self.try_peel(id)? {
            Some(Peeled { id, kind: ObjectKind::Commit, .. }) => self.number(&id).map(Some),
            _ => Ok(None),
        }
    }

    fn load_from_index(&mut self, at: u32, id: &ObjectId) -> Result<bool, WalkError> {
        if !self.uses_index || self.read < self.limits.commits_before_index {
            self.read = self.read.saturating_add(1);
            return Ok(false);
        }
        let Some(index) = self.objects.commits() else { return Ok(false) };
        let mut parents = core::mem::take(&mut self.parents);
        let facts = index.commit(id, &mut parents);
        let loaded = match facts {
            None => Ok(false),
            Some(facts) => {
                let times = (facts.time, facts.generation);
                self.store(at, facts.tree.as_bytes(), times, &parents).map(|()| true)
            }
        };
        self.parents = parents;
        loaded
    }

    fn load_from_bytes(&mut self, at: u32, id: &ObjectId, bytes: &[u8]) -> Result<(), WalkError> {
        let mut parents = core::mem::take(&mut self.parents);
        let stored = read::commit(id, bytes, &mut parents)
            .and_then(|facts| self.store(at, facts.tree.as_bytes(), (facts.time, u64::MAX), &parents));
        self.parents = parents;
        stored
    }

    fn store(
        &mut self,
        at: u32,
        tree: &[u8],
        (time, generation): (i64, u64),
        parents: &[ObjectId],
    ) -> Result<(), WalkError> {
        let edges = u32::try_from(self.edges.len()).ok().filter(|_| parents.len() <= u32::MAX as usize);
        let (Some(start), Ok(count)) = (edges, u32::try_from(parents.len())) else {
            return Err(WalkError::Limit { what: "commits_max", max: self.limits.commits_max.into() });
        };
        for parent in parents {
            let number = self.number(parent)?;
            self.edges.push(number);
        }
        let len = tree.len();
        if let Some(room) = self.trees.get_mut(at as usize * len..(at as usize + 1) * len) {
            room.copy_from_slice(tree);
        }
        if let Some(node) = self.nodes.get_mut(at as usize) {
            (node.time, node.generation) = (time, generation);
            (node.parents, node.parent_count) = (start, count);
            node.flags |= LOADED;
        }
        Ok(())
    }
}

/// Asks `stop` once in [`CHECK_EVERY`] calls.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pace(u32);

impl Pace {
    pub(crate) fn check(&mut self, stop: &dyn Interrupt) -> Result<(), WalkError> {
        self.0 = self.0.wrapping_add(1);
        if self.0.is_multiple_of(CHECK_EVERY) { Ok(stop.check()?) } else { Ok(()) }
    }
}

/// Commits between two questions whether to go on: some milliseconds where each must be inflated.
const CHECK_EVERY: u32 = 512;
