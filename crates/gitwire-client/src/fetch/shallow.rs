//! A remote whose own history is cut.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use gitwire_storage::{ObjectStore, Presence};
use gitwire_types::{Interrupt, ObjectId};
use gitwire_walk::Graph;

use super::{Fetch, Plan, ShallowSource};
use crate::ClientError;

/// What comes of the remote's cuts once its objects are here.
#[derive(Debug, Default)]
pub(super) struct Adopted {
    /// Where the history here is cut from now on, too.
    pub(super) cuts: Vec<ObjectId>,
    /// What is wanted and would need a cut that is not to be.
    pub(super) refused: HashSet<ObjectId>,
}

/// Looks at where the remote's history is cut: at a commit that has come, or that none of the refs here led to before (`tips`), it is
/// cut here too.
pub(super) fn adopt(
    fetch: &Fetch,
    plan: &Plan,
    (server, tips): (&[ObjectId], &[ObjectId]),
    boundary: &BTreeSet<ObjectId>,
    objects: &Arc<dyn ObjectStore>,
    stop: &dyn Interrupt,
) -> Result<Adopted, ClientError> {
    let mut adopted = Adopted::default();
    let new: Vec<ObjectId> = server.iter().filter(|id| !boundary.contains(*id)).copied().collect();
    let cuts = present(&**objects, new)?;
    if cuts.is_empty() {
        return Ok(adopted);
    }
    let mut graph = Graph::new(Arc::clone(objects), plan.repository.format(), fetch.walk.clone());
    graph.set_boundary(&boundary.iter().copied().collect::<Vec<_>>())?;
    let mut cuts = graph.unreached(tips, &cuts, stop)?;
    if cuts.is_empty() {
        return Ok(adopted);
    }
    let all: Vec<ObjectId> = boundary.iter().chain(&cuts).copied().collect();
    // What was loaded knows parents that are not there from now on.
    let mut graph = Graph::new(Arc::clone(objects), plan.repository.format(), fetch.walk.clone());
    graph.set_boundary(&all)?;
    let wanted: Vec<ObjectId> = plan.wanted.iter().map(|wanted| wanted.id).collect();
    if fetch.shallow_source == ShallowSource::Update {
        let unreached = graph.unreached(&wanted, &cuts, stop)?;
        cuts.retain(|id| !unreached.contains(id));
        adopted.cuts = cuts;
        return Ok(adopted);
    }
    for id in wanted {
        if graph.unreached(&[id], &cuts, stop)?.len() < cuts.len() {
            adopted.refused.insert(id);
        }
    }
    Ok(adopted)
}

/// Those that are here.
fn present(objects: &dyn ObjectStore, mut ids: Vec<ObjectId>) -> Result<Vec<ObjectId>, ClientError> {
    let mut here = vec![false; ids.len()];
    objects.headers(&ids, &mut |at, presence| {
        if let Some(here) = here.get_mut(at) {
            *here = matches!(presence, Presence::Here { .. });
        }
    })?;
    let mut here = here.into_iter();
    ids.retain(|_| here.next() == Some(true));
    Ok(ids)
}
