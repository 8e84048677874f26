//! A remote whose own history is cut.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use gitwire_object::CommitLinks;
use gitwire_storage::{ObjectStore, Presence};
use gitwire_types::{Interrupt, ObjectFormat, ObjectId, ObjectKind};
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

/// Looks at where the remote's history is cut: commits that are here without their parents need a cut here too.
pub(super) fn adopt(
    fetch: &Fetch,
    plan: &Plan,
    server: &[ObjectId],
    boundary: &BTreeSet<ObjectId>,
    objects: &Arc<dyn ObjectStore>,
    stop: &dyn Interrupt,
) -> Result<Adopted, ClientError> {
    let format = plan.repository.format();
    let mut cuts = Vec::new();
    for id in server.iter().filter(|id| !boundary.contains(*id)) {
        if lacks_parents(&**objects, format, id, fetch.walk.object_bytes_max)? {
            cuts.push(*id);
        }
    }
    let mut adopted = Adopted::default();
    if cuts.is_empty() {
        return Ok(adopted);
    }
    let mut graph = Graph::new(Arc::clone(objects), format, fetch.walk.clone());
    let all: Vec<ObjectId> = boundary.iter().chain(&cuts).copied().collect();
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

/// Whether a commit is here, and one of its parents is not.
fn lacks_parents(
    objects: &dyn ObjectStore,
    format: ObjectFormat,
    id: &ObjectId,
    max: u64,
) -> Result<bool, ClientError> {
    let mut present = false;
    objects.headers(&[*id], &mut |_, presence| present = matches!(presence, Presence::Here { .. }))?;
    let mut content = Vec::new();
    if !present || objects.read(id, max, &mut content)? != Some(ObjectKind::Commit) {
        return Ok(false);
    }
    // What is no commit of good form is found by the check that follows.
    let Ok(commit) = CommitLinks::parse(format, &content) else { return Ok(false) };
    let parents: Vec<ObjectId> = commit.parents().collect();
    let mut lacks = false;
    objects.headers(&parents, &mut |_, presence| lacks |= presence == Presence::Absent)?;
    Ok(lacks)
}
