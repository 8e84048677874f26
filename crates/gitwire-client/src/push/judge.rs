//! Whether a ref of the remote may change.

use gitwire_capability::{PushFeature, PushOffer};
use gitwire_storage::{Presence, RefStore};
use gitwire_types::{Force, Interrupt, ObjectId, ObjectKind, RefName};
use gitwire_walk::Graph;

use super::included::includes;
use super::matching::{Change, Target, Targets};
use super::track::tracking_name;
use super::{Expect, Push, PushStatus, PushUpdate, Rejection};
use crate::ClientError;
use crate::revision::follow;

/// What is to be asked for, and what not.
pub(super) fn judge(
    push: &Push,
    targets: Targets,
    offer: &PushOffer,
    refs: &dyn RefStore,
    graph: &mut Graph,
    stop: &dyn Interrupt,
) -> Result<Vec<PushUpdate>, ClientError> {
    let mut updates = Vec::new();
    for target in targets.list {
        let Target { name, old, change: Some(change), force } = target else { continue };
        let lease = leased(push, &name, refs)?;
        let (source, new) = match change {
            Change::Set(source) => (Some(source.name), Some(source.id)),
            Change::Delete => (None, None),
        };
        let mut update = PushUpdate {
            source,
            destination: name,
            old,
            new,
            forced: false,
            status: PushStatus::Done,
            changes: Vec::new(),
        };
        update.status = if new.is_some() && old == new {
            PushStatus::UpToDate
        } else {
            let is_forced = push.force || force == Force::Yes;
            let (obstacle, is_leased) = match lease {
                Some(lease) if lease.expected != old => (Some(Rejection::StaleInfo), false),
                Some(lease) if !lease.is_included(&update.destination, refs, graph, stop)? => {
                    (Some(Rejection::NotIncluded), false)
                }
                lease => (obstacle(old, new, &update.destination, graph, stop)?, lease.is_some()),
            };
            match obstacle {
                Some(obstacle) if !is_forced && !is_leased => PushStatus::Rejected(obstacle),
                obstacle => {
                    update.forced = obstacle.is_some();
                    PushStatus::Done
                }
            }
        };
        if update.status == PushStatus::Done
            && new.is_none()
            && !offer.features.contains(PushFeature::DeleteRefs)
        {
            update.status = PushStatus::Rejected(Rejection::DeletionUnsupported);
        }
        updates.push(update);
    }
    if push.atomic {
        give_up_together(&mut updates);
    }
    Ok(updates)
}

/// An atomic push of which one ref is rejected changes none.
fn give_up_together(updates: &mut [PushUpdate]) {
    if updates.iter().any(|update| matches!(update.status, PushStatus::Rejected(_))) {
        for update in updates.iter_mut().filter(|update| update.status == PushStatus::Done) {
            update.status = PushStatus::Rejected(Rejection::AtomicPushFailed);
        }
    }
}

/// Why a ref may not change without force.
fn obstacle(
    old: Option<ObjectId>,
    new: Option<ObjectId>,
    name: &RefName,
    graph: &mut Graph,
    stop: &dyn Interrupt,
) -> Result<Option<Rejection>, ClientError> {
    let (Some(old), Some(new)) = (old, new) else { return Ok(None) };
    if name.is_tag() {
        return Ok(Some(Rejection::AlreadyExists));
    }
    if !is_here(graph, &old)? {
        return Ok(Some(Rejection::FetchFirst));
    }
    for id in [&old, &new] {
        if graph.peel(id)?.kind != ObjectKind::Commit {
            return Ok(Some(Rejection::NeedsForce));
        }
    }
    Ok((!graph.is_ancestor(&old, &new, stop)?).then_some(Rejection::NonFastForward))
}

/// What a ref of the remote must hold.
struct Leased {
    expected: Option<ObjectId>,
    /// The ref here that says so, where what it says must be part of what is here.
    included: Option<RefName>,
}

impl Leased {
    /// Whether what was last seen of the ref `name` is part of what is here, where that is asked.
    fn is_included(
        &self,
        name: &RefName,
        refs: &dyn RefStore,
        graph: &mut Graph,
        stop: &dyn Interrupt,
    ) -> Result<bool, ClientError> {
        match (&self.included, self.expected) {
            (Some(tracking), Some(seen)) => includes(name, tracking, seen, refs, graph, stop),
            _ => Ok(true),
        }
    }
}

/// What a ref must hold by a lease; `None`: no lease names it.
fn leased(push: &Push, name: &RefName, refs: &dyn RefStore) -> Result<Option<Leased>, ClientError> {
    let fits = |short: &RefName| short.candidates().any(|candidate| candidate == *name);
    let expect = match push.leases.iter().find(|lease| fits(&lease.name)) {
        Some(lease) => lease.expect,
        None if push.lease_rest => Expect::Tracked,
        None => return Ok(None),
    };
    let known = |expected| Leased { expected, included: None };
    Ok(Some(match expect {
        Expect::Absent => known(None),
        Expect::Id(id) => known(Some(id)),
        Expect::Tracked => match tracking_name(push, name) {
            Some(tracking) => Leased {
                expected: follow(refs, &tracking)?.map(|(_, id)| id),
                included: push.lease_if_included.then_some(tracking),
            },
            None => known(None),
        },
    }))
}

pub(super) fn is_here(graph: &Graph, id: &ObjectId) -> Result<bool, ClientError> {
    let mut here = false;
    graph.objects().headers(&[*id], &mut |_, presence| here = matches!(presence, Presence::Here { .. }))?;
    Ok(here)
}
