//! From a received pack to refs: objects durable, all of them there, then refs.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use gitwire_storage::{ObjectStore, Presence};
use gitwire_types::{Force, Interrupt, ObjectId};
use gitwire_walk::{Graph, WalkError, check_connectivity};

use super::download::Received;
use super::moves::Moves;
use super::plan::Following;
use super::shallow::adopt;
use super::{Fetch, FetchHeadRole, Fetched, Plan, Wanted};
use crate::event::Listener;
use crate::{ClientError, Event};

/// Indexes what has come, makes sure that nothing is missing, and moves the refs.
pub(crate) fn publish(
    fetch: &Fetch,
    received: Received,
    listener: Listener<'_>,
    stop: &dyn Interrupt,
) -> Result<Fetched, ClientError> {
    let Received { refs, mut plan, tips, staging, shallow, server_shallow, elsewhere } = received;
    // They must be there before what came is looked at, and stay until refs lead to them.
    let _kept = packs_elsewhere(fetch, &plan, &elsewhere, stop)?;
    let staged = match staging {
        None => None,
        Some(staging) => {
            if let Some(progress) = staging.progress() {
                listener(Event::Indexing(progress));
            }
            Some(staging.finish(stop)?)
        }
    };
    let objects = match &staged {
        Some(staged) => staged.objects(),
        None => plan.repository.objects()?,
    };
    let first_late = plan.wanted.len();
    late_tags(&mut plan, &*objects)?;
    let mut boundary: BTreeSet<ObjectId> = match &shallow {
        Some(shallow) => shallow.iter().copied().collect(),
        None => plan.repository.shallow()?.iter().copied().collect(),
    };
    let adopted = adopt(fetch, &plan, (&server_shallow, &tips), &boundary, &objects, stop)?;
    boundary.extend(&adopted.cuts);
    let cut = shallow.is_some() || !adopted.cuts.is_empty();
    let boundary: Vec<ObjectId> = boundary.into_iter().collect();
    let graph = || -> Result<Graph, ClientError> {
        let mut graph = Graph::new(Arc::clone(&objects), plan.repository.format(), fetch.walk.clone());
        graph.set_boundary(&boundary)?;
        Ok(graph)
    };
    if staged.is_some() && fetch.is_partial() {
        // What the promisor's objects lead to is promised; they themselves must be here.
        let wanted: Vec<ObjectId> = plan.wanted.iter().map(|wanted| wanted.id).collect();
        let mut missing = None;
        objects.headers(&wanted, &mut |at, presence| {
            missing = missing.or(wanted.get(at).copied().filter(|_| presence == Presence::Absent));
        })?;
        if let Some(id) = missing {
            return Err(ClientError::Incomplete { id });
        }
    } else if staged.is_some() {
        listener(Event::Checking);
        let wanted = plan.wanted.iter().map(|wanted| wanted.id).filter(|id| !adopted.refused.contains(id));
        let wanted: Vec<ObjectId> = wanted.collect();
        // A boundary that moves leaves even what was there before without a part of its history.
        let complete = if shallow.is_some() { &[][..] } else { &tips };
        check_connectivity(graph()?, &wanted, complete, stop).map_err(|error| match error {
            WalkError::Missing { id, .. } => ClientError::Incomplete { id },
            error => error.into(),
        })?;
    }
    listener(Event::Updating);
    let pack = staged.as_ref().and_then(|staged| staged.statistics());
    let checksum = staged.as_ref().and_then(|staged| staged.checksum());
    let moves = Moves::new(fetch, &plan, graph()?, &adopted.refused, stop)?;
    let updates = moves.make(first_late, staged, cut.then_some(boundary))?;
    Ok(Fetched { refs, updates, pack, checksum })
}

#[cfg(feature = "http")]
fn packs_elsewhere(
    fetch: &Fetch,
    plan: &Plan,
    packs: &[(ObjectId, Bytes)],
    stop: &dyn Interrupt,
) -> Result<Vec<Box<dyn Send>>, ClientError> {
    let mut request = super::download::stage_request(fetch);
    request.thin = false;
    super::elsewhere::bring(fetch, &*plan.repository, packs, &request, stop)
}

/// Nobody asks for such packs then.
#[cfg(not(feature = "http"))]
fn packs_elsewhere(
    _: &Fetch,
    _: &Plan,
    packs: &[(ObjectId, Bytes)],
    _: &dyn Interrupt,
) -> Result<Vec<Box<dyn Send>>, ClientError> {
    match packs.is_empty() {
        true => Ok(Vec::new()),
        false => Err(ClientError::NotOffered("packs without URIs")),
    }
}

/// Tags that came along, with what they lead to.
fn late_tags(plan: &mut Plan, objects: &dyn ObjectStore) -> Result<(), ClientError> {
    let following = std::mem::take(&mut plan.following);
    let ids: Vec<ObjectId> = following.iter().flat_map(|tag| [tag.id, tag.target]).collect();
    let mut here = vec![false; ids.len()];
    objects.headers(&ids, &mut |at, presence| {
        if let Some(here) = here.get_mut(at) {
            *here = matches!(presence, Presence::Here { .. });
        }
    })?;
    let came = here.chunks(2).map(|pair| pair.iter().all(|here| *here));
    plan.wanted.extend(following.into_iter().zip(came).filter(|(_, came)| *came).map(|(tag, _)| tag.into()));
    Ok(())
}

impl From<Following> for Wanted {
    fn from(tag: Following) -> Self {
        let (local, role) = (Some(tag.name.clone()), FetchHeadRole::NotForMerge);
        Self { local, remote: tag.name, id: tag.id, force: Force::No, role }
    }
}
