//! Which refs move, and how.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use gitwire_storage::{EditOutcome, Expected, RefEdit, RefStore, Staged, Transaction};
use gitwire_types::{Force, Interrupt, ObjectId, ObjectKind, RefName, RefTarget};
use gitwire_walk::{Graph, WalkError};

use super::{Fetch, FetchHeadRole, Plan, Prune, Update, UpdateKind, Wanted};
use crate::ClientError;

/// Which refs move, and how.
pub(super) struct Moves<'a> {
    fetch: &'a Fetch,
    plan: &'a Plan,
    graph: Graph,
    refs: Arc<dyn RefStore>,
    /// Objects that would need the history here to be cut.
    refused: &'a HashSet<ObjectId>,
    stop: &'a dyn Interrupt,
    updates: Vec<Update>,
    edits: Vec<RefEdit>,
    /// What the reflogs say of them.
    actions: Vec<Bytes>,
}

impl<'a> Moves<'a> {
    pub(super) fn new(
        fetch: &'a Fetch,
        plan: &'a Plan,
        graph: Graph,
        refused: &'a HashSet<ObjectId>,
        stop: &'a dyn Interrupt,
    ) -> Result<Self, ClientError> {
        let refs = plan.repository.refs()?;
        let (updates, edits, actions) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { fetch, plan, graph, refs, refused, stop, updates, edits, actions })
    }

    /// Makes the objects part of the repository, then moves the refs: what was asked for, and then the tags from `first_late` on
    /// that follow it.
    pub(super) fn make(
        mut self,
        first_late: usize,
        staged: Option<Box<dyn Staged>>,
        shallow: Option<Vec<ObjectId>>,
    ) -> Result<Vec<Update>, ClientError> {
        let pruned = if self.fetch.prune == Prune::Yes { self.prune()? } else { Vec::new() };
        let first_late = if self.fetch.atomic { self.plan.wanted.len() } else { first_late };
        let (asked, late) = self.plan.wanted.split_at_checked(first_late).unwrap_or_default();
        self.consider(asked)?;
        let mut transaction = Transaction { atomic: self.fetch.atomic, shallow, ..Transaction::default() };
        if self.fetch.dry_run {
            self.consider(late)?;
            return Ok(self.updates);
        }
        if self.fetch.atomic {
            let keep = !self.has_rejected();
            transaction.edits = std::mem::take(&mut self.edits).into_iter().filter(|_| keep).collect();
            transaction.edits.extend(pruned.into_iter().filter(|_| keep));
            transaction.actions = std::mem::take(&mut self.actions);
            self.commit(staged, transaction)?;
            return Ok(self.updates);
        }
        if !pruned.is_empty() {
            // They may stand where new ones are to go.
            self.commit(None, Transaction { edits: pruned, ..Transaction::default() })?;
        }
        transaction.edits = std::mem::take(&mut self.edits);
        transaction.actions = std::mem::take(&mut self.actions);
        self.commit(staged, transaction)?;
        // Tags follow what moved; where something was refused they wait, as git has it.
        if !late.is_empty() && !self.has_rejected() {
            self.consider(late)?;
            let (edits, actions) = (std::mem::take(&mut self.edits), std::mem::take(&mut self.actions));
            self.commit(None, Transaction { edits, actions, ..Transaction::default() })?;
        }
        Ok(self.updates)
    }

    fn has_rejected(&self) -> bool {
        let stays = |kind: &UpdateKind| matches!(kind, UpdateKind::Rejected(_) | UpdateKind::Failed(_));
        self.updates.iter().any(|update| stays(&update.kind))
    }

    /// Finds out what becomes of refs: first of those that are for merging.
    fn consider(&mut self, wanted: &[Wanted]) -> Result<(), ClientError> {
        let mut wanted: Vec<&Wanted> = wanted.iter().collect();
        wanted.sort_by_key(|wanted| wanted.role);
        wanted.into_iter().try_for_each(|wanted| self.consider_one(wanted))
    }

    fn consider_one(&mut self, wanted: &Wanted) -> Result<(), ClientError> {
        let mut update = Update {
            remote: wanted.remote.clone(),
            local: wanted.local.clone(),
            old: None,
            new: Some(wanted.id),
            kind: UpdateKind::UpToDate,
            fetch_head: wanted.role,
        };
        if self.refused.contains(&wanted.id) {
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

    fn commit(
        &mut self,
        staged: Option<Box<dyn Staged>>,
        mut transaction: Transaction,
    ) -> Result<(), ClientError> {
        transaction.reflog.clone_from(&self.fetch.reflog);
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
                update.kind = UpdateKind::Failed(why);
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
