//! The commands looked at together: unpacked, connected, not hidden, and not declined.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use gitwire_protocol::message::PushCertificate;
use gitwire_types::{Interrupt, ObjectId, ObjectKind};
use gitwire_walk::{Graph, ObjectList, PackRequest, WalkError, check_connectivity, links_hang_on, unreached};

use super::push::Push;
use crate::{ServeError, Visibility as _};

impl Push {
    /// Refuses what cannot be carried out whatever the refs hold.
    pub(super) fn decide(&mut self, stop: &dyn Interrupt) -> Result<(), ServeError> {
        if self.unpack_error.is_some() {
            self.refuse_all(b"unpacker error");
            return Ok(());
        }
        if self.policy.check_connectivity {
            match self.check_connected(stop) {
                Err(ServeError::Walk(error)) if is_the_pushers(&error) => {
                    self.cannot_unpack(&error.into());
                    self.refuse_all(b"unpacker error");
                    return Ok(());
                }
                checked => checked?,
            }
        }
        if self.policy.view.is_some() || self.policy.check_visibility && !self.policy.hidden.is_empty() {
            self.check_visible(stop)?;
        }
        for (command, refused) in self.request.commands.iter().zip(&mut self.refused) {
            if refused.is_none() && !self.policy.shows(&command.name) {
                let what: &[u8] = if command.is_delete() {
                    b"deny deleting a hidden ref"
                } else {
                    b"deny updating a hidden ref"
                };
                *refused = Some(Bytes::from_static(what));
            }
        }
        Ok(())
    }

    /// The options inside of a certificate are those outside of it: nobody between may add one.
    pub(super) fn check_certificate_options(&mut self) {
        let Some(text) = &self.request.certificate else { return };
        let same = PushCertificate::parse(self.repository.format(), text).is_ok_and(|certificate| {
            certificate.push_options.iter().copied().eq(self.request.push_options.iter().map(|o| &o[..]))
        });
        if !same {
            self.refuse_all(b"inconsistent push options");
        }
    }

    pub(super) fn graph(&self, boundary: &[ObjectId]) -> Result<Graph, ServeError> {
        let mut graph = Graph::new(self.objects()?, self.repository.format(), self.policy.walk.clone());
        graph.set_boundary(boundary)?;
        Ok(graph)
    }

    /// Everything that the new tips reach must be there.
    fn check_connected(&mut self, stop: &dyn Interrupt) -> Result<(), ServeError> {
        let mut known = Vec::new();
        self.repository.refs()?.each(&[], &mut |record| {
            known.extend(record.id);
            Ok(ControlFlow::Continue(()))
        })?;
        known.extend(self.hooks.borrowed_tips(&*self.repository)?);
        let tips: Vec<ObjectId> = self
            .request
            .commands
            .iter()
            .filter(|command| !command.is_delete())
            .map(|command| command.new)
            .collect();
        if tips.is_empty() || self.hangs_on(&tips, &known, stop)? {
            return Ok(());
        }
        let ours = self.repository.shallow()?;
        let brought = self.brought_boundary(&ours)?;
        let both = [&ours[..], &brought].concat();
        if self.missing(&ours, &tips, &known, stop)?.is_none() {
            return Ok(());
        }
        if self.policy.shallow_update && !brought.is_empty() {
            self.boundary = Some(both.clone());
        }
        for at in 0..self.request.commands.len() {
            let Some(command) = self.request.commands.get(at).filter(|command| !command.is_delete()) else {
                continue;
            };
            let tip = [command.new];
            let Some(mut missing) = self.missing(&ours, &tip, &known, stop)? else { continue };
            let mut with_boundary = !brought.is_empty();
            if with_boundary && let Some(still) = self.missing(&both, &tip, &known, stop)? {
                (missing, with_boundary) = (still, false);
            }
            let reason: &[u8] = if !with_boundary {
                self.say_what_lacks(&missing);
                if self.policy.stage.fsck.is_some() {
                    self.lacks_objects();
                    return Ok(());
                }
                b"missing necessary objects"
            } else if self.policy.shallow_update {
                continue;
            } else {
                b"shallow update not allowed"
            };
            if let Some(refused) = self.refused.get_mut(at) {
                *refused = Some(Bytes::from_static(reason));
            }
        }
        Ok(())
    }

    /// What the push does not bring must be reached by refs that the pusher sees.
    fn check_visible(&mut self, stop: &dyn Interrupt) -> Result<(), ServeError> {
        let policy = Arc::clone(&self.policy);
        let boundary = match &self.boundary {
            Some(boundary) => boundary.clone(),
            None => self.repository.shallow()?.to_vec(),
        };
        let mut seen = Vec::new();
        self.repository.refs()?.each(&[], &mut |record| {
            seen.extend(record.id.filter(|_| policy.shows(record.name)));
            Ok(ControlFlow::Continue(()))
        })?;
        if policy.shows_borrowed() {
            seen.extend(self.hooks.borrowed_tips(&*self.repository)?);
        }
        let mut brought = HashSet::new();
        if let Some(staged) = &self.staged {
            staged.new_objects(&mut |id, _| {
                brought.insert(id);
                ControlFlow::Continue(())
            })?;
        }
        let new: Vec<(usize, ObjectId)> =
            self.accepted().filter(|(_, command)| !command.is_delete()).map(|(at, c)| (at, c.new)).collect();
        for (at, tip) in new {
            let request = PackRequest::new(vec![tip], seen.clone());
            let reached = ObjectList::of(self.graph(&boundary)?, &request, stop)?;
            let found: Vec<ObjectId> =
                reached.iter().map(|(id, _)| id).filter(|id| !brought.contains(id)).collect();
            if !found.is_empty() && !unreached(self.graph(&boundary)?, &seen, &found, stop)?.is_empty() {
                self.refuse(at, &b"missing necessary objects"[..]);
            }
        }
        Ok(())
    }

    /// Where objects are checked, a pack is refused as a whole whose objects name what is not there: as git's own check of them does.
    fn lacks_objects(&mut self) {
        self.unpack_error = Some(Bytes::from_static(b"missing necessary objects"));
        self.refuse_all(b"unpacker error");
    }

    /// Of the client's boundary, what the push brings.
    fn brought_boundary(&self, ours: &[ObjectId]) -> Result<Vec<ObjectId>, ServeError> {
        let shallow = &self.request.shallow;
        let mut new = vec![false; shallow.len()];
        self.objects()?.headers(shallow, &mut |at, presence| {
            if let (Some(new), gitwire_storage::Presence::Here { .. }) = (new.get_mut(at), presence) {
                *new = true;
            }
        })?;
        let brought = shallow.iter().zip(new).filter(|(id, new)| *new && !ours.contains(id));
        Ok(brought.map(|(id, _)| *id).collect())
    }

    /// Whether everything is there, as far as the links that were noted while the pack was indexed tell it; else a walk must.
    fn hangs_on(
        &self,
        tips: &[ObjectId],
        known: &[ObjectId],
        stop: &dyn Interrupt,
    ) -> Result<bool, ServeError> {
        let Some(staged) = &self.staged else { return Ok(false) };
        let Some(outward) = staged.outward() else { return Ok(false) };
        if outward.tree_depth >= self.policy.walk.tree_depth_max {
            return Ok(false);
        }
        let mut others: HashSet<ObjectId> = tips.iter().copied().collect();
        staged.new_objects(&mut |id, _| {
            others.remove(&id);
            if others.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        // A tip that is there already must be reached, too: most likely a reference names it.
        if !others.is_empty() {
            known.iter().for_each(|id| _ = others.remove(id));
        }
        Ok(others.is_empty() && links_hang_on(&*self.objects()?, &outward.links, known, stop)?)
    }

    /// The first object that is not there of those that `tips` reach.
    fn missing(
        &self,
        boundary: &[ObjectId],
        tips: &[ObjectId],
        known: &[ObjectId],
        stop: &dyn Interrupt,
    ) -> Result<Option<WalkError>, ServeError> {
        match check_connectivity(self.graph(boundary)?, tips, known, stop) {
            Ok(_) => Ok(None),
            Err(missing @ WalkError::Missing { .. }) => Ok(Some(missing)),
            Err(error) => Err(error.into()),
        }
    }

    /// Names to the pusher what its push should have brought.
    fn say_what_lacks(&self, missing: &WalkError) {
        let text = match missing {
            WalkError::Missing { kind: Some(ObjectKind::Commit), .. } => {
                format!("fatal: Failed to traverse parents: {missing}\n")
            }
            _ => format!("error: {missing}\n"),
        };
        self.say(text.as_bytes());
    }

    /// Stores the certificate of a signed push, and asks what its signature is worth.
    pub(super) fn check_signature(&mut self) {
        let Some(text) = self.request.certificate.clone() else { return };
        let signature = self.ask(|hooks, proposal, _| hooks.check_signature(proposal, &text));
        // Where it cannot be stored hooks do without.
        let object = self.repository.store(ObjectKind::Blob, &text).ok();
        if let Some(certificate) = &mut self.certificate {
            certificate.signature = signature;
            certificate.object = object;
        }
    }

    /// The hook sees all commands, also those that are refused already.
    pub(super) fn run_pre_receive(&mut self) {
        let commands = &self.request.commands;
        let verdict = self.ask(|hooks, proposal, say| hooks.pre_receive(proposal, commands, say));
        if verdict.is_err() {
            self.refuse_all(b"pre-receive hook declined");
        }
    }
}

/// Whether a walk over what a push reaches ended because of what the push brings, not because of us.
const fn is_the_pushers(error: &WalkError) -> bool {
    matches!(error, WalkError::Limit { .. } | WalkError::Kind { .. } | WalkError::Malformed { .. })
}
