//! The outcome of an enumeration, for whoever wants to see it.

use gitwire_types::{Interrupt, ObjectId, ObjectKind};

use super::{Enumeration, Fact, Found, Progress};
use crate::{Graph, PackRequest, WalkError};

/// What a pack would hold.
#[derive(Debug)]
pub struct ObjectList {
    found: Found,
}

impl ObjectList {
    /// Finds what the pack for `request` would hold, without making it.
    ///
    /// # Errors
    /// [`WalkError::Missing`] for a missing commit, tree or tag that must go; objects that are not what others say they are, or damaged;
    /// limits; an interrupt; a failing store. Blobs are not looked for.
    pub fn of(graph: Graph, request: &PackRequest, stop: &dyn Interrupt) -> Result<Self, WalkError> {
        let mut enumeration = Enumeration::new(graph, request.question());
        while enumeration.step(stop)? != Progress::Done {}
        Ok(Self { found: enumeration.into_parts().1 })
    }

    /// The number of objects.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.found.sent()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The objects: commits newest first, then what they hold.
    pub fn iter(&self) -> impl Iterator<Item = (ObjectId, ObjectKind)> {
        self.pick(|fact| fact.is(Fact::SEND))
    }

    /// Trees and blobs that the receiver has where its history borders on what is sent: bases for thin deltas.
    pub fn edges(&self) -> impl Iterator<Item = (ObjectId, ObjectKind)> {
        self.pick(|fact| fact.is(Fact::EXCLUDED) && matches!(fact.kind, ObjectKind::Tree | ObjectKind::Blob))
    }

    fn pick(&self, test: impl Fn(Fact) -> bool) -> impl Iterator<Item = (ObjectId, ObjectKind)> {
        self.found.select(test).filter_map(|at| Some((self.found.id(at).ok()?, self.found.fact(at).kind)))
    }
}
