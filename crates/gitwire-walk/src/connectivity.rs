//! Whether everything that is reached is there.

use gitwire_types::{Interrupt, ObjectId};

use crate::objects::{Enumeration, Progress, Question};
use crate::{Graph, WalkError};

/// What a connectivity check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Connectivity {
    /// The number of objects that were looked at.
    pub objects: u64,
    /// How many of them are not here but promised by a remote.
    pub promised: u64,
}

/// Checks that everything `tips` reach is there, as a receiver must before references move; what `complete` reach (the references
/// that stood before) is taken for granted. Commits on the graph's boundary need no parents.
///
/// # Errors
/// [`WalkError::Missing`] with the first object that is not there; damaged objects, limits, an interrupt, a failing
/// store.
pub fn check_connectivity(
    graph: Graph,
    tips: &[ObjectId],
    complete: &[ObjectId],
    stop: &dyn Interrupt,
) -> Result<Connectivity, WalkError> {
    let question = Question {
        wants: tips.to_vec(),
        haves: complete.to_vec(),
        promised_may_lack: true,
        ..Question::default()
    };
    // A commit-graph may know commits that are gone.
    let mut enumeration = Enumeration::new(graph.without_index(), question);
    while enumeration.step(stop)? != Progress::Done {}
    enumeration.check_blobs(stop)?;
    Ok(Connectivity { objects: enumeration.found().sent(), promised: enumeration.promised() })
}
