//! From a received pack to refs: objects durable, all of them there, then refs.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use gitwire_storage::{EditOutcome, Expected, ObjectStore, Presence, RefEdit, RefStore, Staged, Transaction};
use gitwire_types::{Force, Interrupt, ObjectId, ObjectKind, RefName, RefTarget};
use gitwire_walk::{Graph, WalkError, check_connectivity};

use super::download::Received;
use super::plan::Following;
use super::shallow::adopt;
use super::{Fetch, FetchHeadRole, Fetched, Plan, Prune, Update, UpdateKind, Wanted};
use crate::event::Listener;
use crate::{ClientError, Event};

/// Indexes what has come, makes sure that nothing is missing, and moves the refs.
pub(crate) fn publish(
    fetch: &Fetch,
    received: Received,
    listener: Listener<'_>,
    stop: &dyn Interrupt,
) -> Result<Fetched, ClientError> {
    let Received { refs, mut plan, tips, staging, shallow, server_shallow } = received;
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
    let mut boundary: BTreeSet<ObjectId> = match &shallow {
        Some(shallow) => shallow.iter().copied().collect(),
        None => plan.repository.shallow()?.iter().copied().collect(),
    };
    let adopted = adopt(fetch, &plan, &server_shallow, &boundary, &objects, stop)?;
    boundary.extend(&adopted.cuts);
    let cut = shallow.is_some() || !adopted.cuts.is_empty();
    let boundary: Vec<ObjectId> = boundary.into_iter().collect();
    let graph = || -> Result<Graph, ClientError> {
        let mut graph = Graph::new(Arc::clone(&objects), plan.repository.format(), fetch.walk.clone());
        graph.set_boundary(&boundary)?;
        Ok(graph)
    };
    if staged.is_some() && fetch.filter.is_none() {
        listener(Event::Checking);
        let wanted = plan.wanted.iter().map(|wanted| wanted.id).filter(|id| !adopted.refused.contains(id));
        let wanted: Vec<ObjectId> = wanted.collect();
        // A boundary that moves leaves even what was there before without a part of its history.
        let complete = if shallow.is_some() { &[][..] } else { &tips };
        check_connectivity(graph()?, &wanted, complete, stop).map_err(|error| match error {
            WalkError::Missing { id } => ClientError::Incomplete { id },
            error => error.into(),
        })?;
    }
    listener(Event::Updating);
    let pack = staged.as_ref().and_then(|staged| staged.statistics());
    let mut moves = Moves::new(fetch, &plan, graph()?, stop)?;
    for wanted in &plan.wanted {
        moves.consider(wanted, adopted.refused.contains(&wanted.id))?;
    }
    let checksum = staged.as_ref().and_then(|staged| staged.checksum());
    let updates = moves.make(staged, cut.then_some(boundary))?;
    Ok(Fetched { refs, updates, pack, checksum })
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

/// What becomes of the refs.
struct Moves<'a> {
    fetch: &'a Fetch,
    plan: &'a Plan,
    graph: Graph,
    refs: Arc<dyn RefStore>,
    stop: &'a dyn Interrupt,
    updates: Vec<Update>,
    edits: Vec<RefEdit>,
    actions: Vec<Bytes>,
}

impl<'a> Moves<'a> {
    fn new(
        fetch: &'a Fetch,
        plan: &'a Plan,
        graph: Graph,
        stop: &'a dyn Interrupt,
    ) -> Result<Self, ClientError> {
        let refs = plan.repository.refs()?;
        let (updates, edits, actions) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { fetch, plan, graph, refs, stop, updates, edits, actions })
    }

    /// Finds out what becomes of one ref.
    fn consider(&mut self, wanted: &Wanted, refused: bool) -> Result<(), ClientError> {
        let mut update = Update {
            remote: wanted.remote.clone(),
            local: wanted.local.clone(),
            old: None,
            new: Some(wanted.id),
            kind: UpdateKind::UpToDate,
            fetch_head: wanted.role,
        };
        if refused {
            (update.kind, update.fetch_head) = (UpdateKind::ShallowRefused, FetchHeadRole::Ignore);
        } else if let Some(local) = &wanted.local {
            update.old = held(&*self.refs, local)?;
            let force = if self.fetch.force { Force::Yes } else { wanted.force };
            update.kind = self.judge(local, update.old, wanted.id, force)?;
            if !matches!(update.kind, UpdateKind::UpToDate | UpdateKind::Rejected(_)) {
                let expected = update.old.map_or(Expected::Absent, Expected::Id);
                let new = Some(RefTarget::Direct(wanted.id));
                self.edits.push(RefEdit { name: local.clone(), expected, new });
                self.actions.push(Bytes::from_static(action(&update)));
            }
        }
        if update.fetch_head == FetchHeadRole::Merge && !is_commit(&mut self.graph, &wanted.id)? {
            update.fetch_head = FetchHeadRole::NotForMerge;
        }
        self.updates.push(update);
        Ok(())
    }

    /// Makes the objects part of the repository, then changes the refs.
    fn make(
        mut self,
        staged: Option<Box<dyn Staged>>,
        shallow: Option<Vec<ObjectId>>,
    ) -> Result<Vec<Update>, ClientError> {
        let mut transaction = Transaction { atomic: self.fetch.atomic, shallow, ..Transaction::default() };
        transaction.reflog.clone_from(&self.fetch.reflog);
        let mut pruned = Vec::new();
        if self.fetch.prune == Prune::Yes {
            pruned = self.prune()?;
        }
        let rejected = self.updates.iter().any(|update| matches!(update.kind, UpdateKind::Rejected(_)));
        if self.fetch.atomic && rejected {
            pruned.clear();
            self.edits.clear();
            self.actions.clear();
        }
        if self.fetch.dry_run {
            return Ok(self.updates);
        }
        if self.fetch.atomic {
            self.actions.resize(self.edits.len(), Bytes::new());
            self.edits.append(&mut pruned);
        } else if !pruned.is_empty() {
            // They may stand where new ones are to go. What leads to objects that are not here yet is not touched.
            self.commit(None, Transaction { edits: pruned, ..Transaction::default() })?;
        }
        (transaction.edits, transaction.actions) =
            (std::mem::take(&mut self.edits), std::mem::take(&mut self.actions));
        self.commit(staged, transaction)?;
        Ok(self.updates)
    }

    fn commit(
        &mut self,
        staged: Option<Box<dyn Staged>>,
        transaction: Transaction,
    ) -> Result<(), ClientError> {
        let names: Vec<RefName> = transaction.edits.iter().map(|edit| edit.name.clone()).collect();
        let outcomes = self.plan.repository.commit(staged, transaction, &mut |_| Ok(()))?;
        let mut refused: HashMap<RefName, String> = names
            .into_iter()
            .zip(outcomes)
            .filter_map(|(name, outcome)| match outcome {
                EditOutcome::Rejected(why) => Some((name, why)),
                _ => None,
            })
            .collect();
        if refused.is_empty() {
            return Ok(());
        }
        for update in &mut self.updates {
            if let Some(why) = update.local.as_ref().and_then(|local| refused.remove(local)) {
                update.kind = UpdateKind::Rejected(why);
            }
        }
        Ok(())
    }

    /// Whether a ref may move.
    fn judge(
        &mut self,
        local: &RefName,
        old: Option<ObjectId>,
        new: ObjectId,
        force: Force,
    ) -> Result<UpdateKind, ClientError> {
        let Some(old) = old else { return Ok(UpdateKind::New) };
        if old == new {
            return Ok(UpdateKind::UpToDate);
        }
        if local.is_tag() {
            return Ok(match force {
                Force::Yes => UpdateKind::Forced,
                Force::No => UpdateKind::Rejected("would clobber existing tag".to_owned()),
            });
        }
        // What is no history cannot lose any.
        if !is_commit(&mut self.graph, &old)? || !is_commit(&mut self.graph, &new)? {
            return Ok(UpdateKind::New);
        }
        if self.graph.is_ancestor(&old, &new, self.stop)? {
            return Ok(UpdateKind::FastForward);
        }
        Ok(match force {
            Force::Yes => UpdateKind::Forced,
            Force::No => UpdateKind::Rejected("non-fast-forward".to_owned()),
        })
    }

    /// Refs that came from the remote, which has them no more. What a refspec leaves out is not looked at.
    fn prune(&mut self) -> Result<Vec<RefEdit>, ClientError> {
        let kept: HashSet<&RefName> =
            self.plan.wanted.iter().filter_map(|wanted| wanted.local.as_ref()).collect();
        let refspecs = &self.fetch.refspecs;
        let mut edits = Vec::new();
        let mut updates = Vec::new();
        self.refs.each(&[], &mut |record| {
            let Ok(name) = RefName::copy_from(record.name) else {
                return Ok(std::ops::ControlFlow::Continue(()));
            };
            let source = || refspecs.iter().find_map(|refspec| refspec.map_back(&name).ok().flatten());
            if record.symbolic.is_none()
                && !kept.contains(&name)
                && let Some(remote) = source()
                && !refspecs.iter().any(|refspec| refspec.excludes(&remote))
            {
                let expected = record.id.map_or(Expected::Any, Expected::Id);
                edits.push(RefEdit { name: name.clone(), expected, new: None });
                let (kind, fetch_head) = (UpdateKind::Pruned, FetchHeadRole::Ignore);
                let old = record.id;
                updates.push(Update { remote, local: Some(name), old, new: None, kind, fetch_head });
            }
            Ok(std::ops::ControlFlow::Continue(()))
        })?;
        updates.append(&mut self.updates);
        self.updates = updates;
        Ok(edits)
    }
}

/// What the reflog says of an update.
fn action(update: &Update) -> &'static [u8] {
    let tags = update.local.as_ref().is_some_and(RefName::is_tag);
    match update.kind {
        UpdateKind::FastForward => b"fast-forward",
        UpdateKind::Forced if tags => b"updating tag",
        UpdateKind::Forced => b"forced-update",
        _ if update.remote.is_tag() => b"storing tag",
        _ if update.remote.is_branch() => b"storing head",
        _ => b"storing ref",
    }
}

/// Whether an object is a commit or a tag of one.
fn is_commit(graph: &mut Graph, id: &ObjectId) -> Result<bool, ClientError> {
    match graph.peel(id) {
        Ok(peeled) => Ok(peeled.kind == ObjectKind::Commit),
        Err(WalkError::Missing { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// What a ref of the repository holds, if it names an object itself.
fn held(refs: &dyn RefStore, name: &RefName) -> Result<Option<ObjectId>, ClientError> {
    Ok(refs.get(name)?.and_then(|target| target.id().copied()))
}

impl From<Following> for Wanted {
    fn from(tag: Following) -> Self {
        let (local, role) = (Some(tag.name.clone()), FetchHeadRole::NotForMerge);
        Self { local, remote: tag.name, id: tag.id, force: Force::No, role }
    }
}
