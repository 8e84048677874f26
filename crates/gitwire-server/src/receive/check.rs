//! The commands looked at together: unpacked, connected, not hidden, and not declined.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use gitwire_protocol::PushCommand;
use gitwire_storage::ObjectStore;
use gitwire_types::{Interrupt, ObjectId};
use gitwire_walk::{Graph, WalkError, check_connectivity};

use super::{Proposal, ReceiveSession, put};
use crate::ServeError;

impl ReceiveSession {
    /// Refuses what cannot be carried out whatever the refs hold.
    pub(super) fn decide(&mut self, stop: &dyn Interrupt) -> Result<(), ServeError> {
        if self.unpack_error.is_some() {
            self.refuse_all(b"unpacker error");
            return Ok(());
        }
        if self.policy.check_connectivity {
            self.check_connected(stop)?;
        }
        for (command, refused) in self.request.commands.iter().zip(&mut self.refused) {
            if refused.is_none() && self.policy.hidden.hides(&command.name) {
                let what: &[u8] = if command.is_delete() {
                    b"deny deleting a hidden ref"
                } else {
                    b"deny updating a hidden ref"
                };
                *refused = Some(Bytes::from_static(what));
            }
        }
        self.run_pre_receive();
        Ok(())
    }

    /// Refuses all commands that have not been refused yet.
    pub(super) fn refuse_all(&mut self, reason: &'static [u8]) {
        for refused in self.refused.iter_mut().filter(|refused| refused.is_none()) {
            *refused = Some(Bytes::from_static(reason));
        }
    }

    /// The commands that have not been refused.
    pub(super) fn accepted(&self) -> Vec<PushCommand> {
        let pairs = self.request.commands.iter().zip(&self.refused);
        pairs.filter(|(_, refused)| refused.is_none()).map(|(command, _)| command.clone()).collect()
    }

    /// The repository's objects and the new ones.
    pub(super) fn objects(&self) -> Result<Arc<dyn ObjectStore>, ServeError> {
        match &self.staged {
            Some(staged) => Ok(staged.objects()),
            None => Ok(self.repository.objects()?),
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
        let ours = self.repository.shallow()?;
        let brought = self.brought_boundary(&ours)?;
        let both = [&ours[..], &brought].concat();
        let tips: Vec<ObjectId> = self
            .request
            .commands
            .iter()
            .filter(|command| !command.is_delete())
            .map(|command| command.new)
            .collect();
        if tips.is_empty() || self.connected(&ours, &tips, &known, stop)? {
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
            let reason: &[u8] = if self.connected(&ours, &tip, &known, stop)? {
                continue;
            } else if brought.is_empty() || !self.connected(&both, &tip, &known, stop)? {
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

    fn connected(
        &self,
        boundary: &[ObjectId],
        tips: &[ObjectId],
        known: &[ObjectId],
        stop: &dyn Interrupt,
    ) -> Result<bool, ServeError> {
        match check_connectivity(self.graph(boundary)?, tips, known, stop) {
            Ok(_) => Ok(true),
            Err(WalkError::Missing { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The hook sees all commands that are left, and is not asked when there are none.
    fn run_pre_receive(&mut self) {
        let commands = self.accepted();
        if commands.is_empty() {
            return;
        }
        let said = &mut self.said;
        let proposal = Proposal {
            repository: &*self.repository,
            staged: self.staged.as_deref(),
            options: &self.request.push_options,
            pusher: &self.pusher,
        };
        let verdict = self.hooks.pre_receive(proposal, &commands, &mut |text| put(said, text));
        if verdict.is_err() {
            self.refuse_all(b"pre-receive hook declined");
        }
    }
}
