//! From a received pack to refs: objects durable, all of them there, then refs.

use std::collections::HashSet;
use std::sync::Arc;

use gitwire_storage::{EditOutcome, Expected, ObjectStore, Presence, RefEdit, RefStore, Staged, Transaction};
use gitwire_types::{Force, Interrupt, ObjectId, RefName, RefTarget};
use gitwire_walk::{Graph, WalkError, check_connectivity};

use super::download::Received;
use super::plan::Following;
use super::{Fetch, Fetched, Plan, Prune, Update, UpdateKind, Wanted};
use crate::event::Listener;
use crate::{ClientError, Event};

/// Indexes what has come, makes sure that nothing is missing, and moves the refs.
pub(crate) fn publish(
    fetch: &Fetch,
    received: Received,
    listener: Listener<'_>,
    stop: &dyn Interrupt,
) -> Result<Fetched, ClientError> {
    let Received { refs, mut plan, tips, staging, shallow } = received;
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
    late_tags(&mut plan, &*objects)?;
    let boundary = match &shallow {
        Some(shallow) => shallow.clone(),
        None => plan.repository.shallow()?.to_vec(),
    };
    let graph = || -> Result<Graph, ClientError> {
        let mut graph = Graph::new(Arc::clone(&objects), plan.repository.format(), fetch.walk.clone());
        graph.set_boundary(&boundary)?;
        Ok(graph)
    };
    if staged.is_some() && fetch.filter.is_none() {
        listener(Event::Checking);
        let wanted: Vec<ObjectId> = plan.wanted.iter().map(|wanted| wanted.id).collect();
        check_connectivity(graph()?, &wanted, &tips, stop).map_err(|error| match error {
            WalkError::Missing { id } => ClientError::Incomplete { id },
            error => error.into(),
        })?;
    }
    listener(Event::Updating);
    let pack = staged.as_ref().and_then(|staged| staged.statistics());
    let updates = move_refs(fetch, &plan, graph()?, staged, shallow, stop)?;
    Ok(Fetched { refs, updates, pack })
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

fn move_refs(
    fetch: &Fetch,
    plan: &Plan,
    mut graph: Graph,
    staged: Option<Box<dyn Staged>>,
    shallow: Option<Vec<ObjectId>>,
    stop: &dyn Interrupt,
) -> Result<Vec<Update>, ClientError> {
    let refs = plan.repository.refs()?;
    let mut transaction = Transaction { atomic: fetch.atomic, shallow, ..Transaction::default() };
    let mut updates = Vec::with_capacity(plan.wanted.len());
    if fetch.prune == Prune::Yes {
        prune(fetch, plan, &*refs, &mut transaction, &mut updates)?;
    }
    let mut named = HashSet::new();
    for wanted in &plan.wanted {
        let mut update = Update {
            remote: wanted.remote.clone(),
            local: wanted.local.clone(),
            old: None,
            new: Some(wanted.id),
            kind: UpdateKind::UpToDate,
        };
        if let Some(local) = wanted.local.clone().filter(|local| named.insert(local.clone())) {
            update.old = held(&*refs, &local)?;
            let force = if fetch.force { Force::Yes } else { wanted.force };
            update.kind = judge(&local, update.old, wanted.id, force, &mut graph, stop)?;
            if !matches!(update.kind, UpdateKind::UpToDate | UpdateKind::Rejected(_)) {
                let expected = update.old.map_or(Expected::Absent, Expected::Id);
                let new = Some(RefTarget::Direct(wanted.id));
                transaction.edits.push(RefEdit { name: local, expected, new });
            }
        }
        updates.push(update);
    }
    let rejected = updates.iter().any(|update| matches!(update.kind, UpdateKind::Rejected(_)));
    if fetch.atomic && rejected {
        transaction.edits.clear();
    }
    let names: Vec<RefName> = transaction.edits.iter().map(|edit| edit.name.clone()).collect();
    let outcomes = plan.repository.commit(staged, transaction, &mut |_| Ok(()))?;
    for (name, outcome) in names.into_iter().zip(outcomes) {
        if let EditOutcome::Rejected(why) = outcome
            && let Some(update) = updates.iter_mut().find(|update| update.local.as_ref() == Some(&name))
        {
            update.kind = UpdateKind::Rejected(why);
        }
    }
    Ok(updates)
}

/// Whether a ref may move.
fn judge(
    local: &RefName,
    old: Option<ObjectId>,
    new: ObjectId,
    force: Force,
    graph: &mut Graph,
    stop: &dyn Interrupt,
) -> Result<UpdateKind, ClientError> {
    let Some(old) = old else { return Ok(UpdateKind::New) };
    if old == new {
        return Ok(UpdateKind::UpToDate);
    }
    if !local.is_tag() && graph.is_ancestor(&old, &new, stop)? {
        return Ok(UpdateKind::FastForward);
    }
    Ok(match (force, local.is_tag()) {
        (Force::Yes, _) => UpdateKind::Forced,
        (Force::No, true) => UpdateKind::Rejected("would clobber existing tag".to_owned()),
        (Force::No, false) => UpdateKind::Rejected("non-fast-forward".to_owned()),
    })
}

/// Takes out refs that came from the remote, which has them no more.
fn prune(
    fetch: &Fetch,
    plan: &Plan,
    refs: &dyn RefStore,
    transaction: &mut Transaction,
    updates: &mut Vec<Update>,
) -> Result<(), ClientError> {
    let kept: HashSet<&RefName> = plan.wanted.iter().filter_map(|wanted| wanted.local.as_ref()).collect();
    refs.each(&[], &mut |record| {
        let Ok(name) = RefName::copy_from(record.name) else {
            return Ok(std::ops::ControlFlow::Continue(()));
        };
        let source = || fetch.refspecs.iter().find_map(|refspec| refspec.map_back(&name).ok().flatten());
        if record.symbolic.is_none()
            && !kept.contains(&name)
            && let Some(remote) = source()
        {
            let expected = record.id.map_or(Expected::Any, Expected::Id);
            transaction.edits.push(RefEdit { name: name.clone(), expected, new: None });
            let kind = UpdateKind::Pruned;
            updates.push(Update { remote, local: Some(name), old: record.id, new: None, kind });
        }
        Ok(std::ops::ControlFlow::Continue(()))
    })?;
    Ok(())
}

/// What a ref of the repository holds, if it names an object itself.
fn held(refs: &dyn RefStore, name: &RefName) -> Result<Option<ObjectId>, ClientError> {
    Ok(refs.get(name)?.and_then(|target| target.id().copied()))
}

impl From<Following> for Wanted {
    fn from(tag: Following) -> Self {
        Self { local: Some(tag.name.clone()), remote: tag.name, id: tag.id, force: Force::No }
    }
}
