//! Carrying the commands out: each against the policy and its hook, then all in one transaction.

use bytes::Bytes;
use gitwire_capability::PushFeature;
use gitwire_protocol::PushCommand;
use gitwire_storage::{EditOutcome, Expected, Presence, RefEdit, ReflogEntry, Transaction};
use gitwire_types::{Interrupt, RefName, RefTarget};

use super::{CurrentBranch, Proposal, ReceiveSession};
use crate::ServeError;

impl ReceiveSession {
    /// Makes objects and refs part of the repository.
    pub(super) fn update(&mut self, stop: &dyn Interrupt) -> Result<(), ServeError> {
        let atomic = self.request.agreement.features.contains(PushFeature::Atomic);
        if atomic && self.refused.iter().any(Option::is_some) {
            self.refuse_all(b"atomic push failure");
        }
        let mut edits = Vec::new();
        for at in 0..self.request.commands.len() {
            let (Some(command), Some(None)) = (self.request.commands.get(at).cloned(), self.refused.get(at))
            else {
                continue;
            };
            match self.edit(&command, stop)? {
                Ok(edit) => edits.push((at, edit)),
                Err(reason) => {
                    if let Some(refused) = self.refused.get_mut(at) {
                        *refused = Some(reason);
                    }
                }
            }
        }
        if atomic && self.refused.iter().any(Option::is_some) {
            self.refuse_all(b"atomic push failure");
        }
        edits.retain(|(at, _)| matches!(self.refused.get(*at), Some(None)));
        if edits.is_empty() {
            self.staged = None;
            return Ok(());
        }
        self.commit(edits, atomic)
    }

    fn commit(&mut self, edits: Vec<(usize, Option<RefEdit>)>, atomic: bool) -> Result<(), ServeError> {
        let positions: Vec<usize> =
            edits.iter().filter(|(_, edit)| edit.is_some()).map(|(at, _)| *at).collect();
        let transaction = Transaction {
            edits: edits.into_iter().filter_map(|(_, edit)| edit).collect(),
            atomic,
            reflog: Some(ReflogEntry {
                committer: self.pusher.committer.clone(),
                message: Bytes::from_static(b"push"),
            }),
            shallow: self.boundary.take(),
        };
        if transaction.edits.is_empty() {
            return Ok(());
        }
        let outcomes = match self.repository.commit(self.staged.take(), transaction, &mut |_| Ok(())) {
            Ok(outcomes) => outcomes,
            Err(error) if atomic => {
                self.said
                    .extend_from_slice(format!("error: {}\n", ServeError::from(error).reply()).as_bytes());
                self.refuse_all(b"atomic transaction failed");
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        for (at, outcome) in positions.into_iter().zip(outcomes) {
            if let (EditOutcome::Rejected(why), Some(refused)) = (outcome, self.refused.get_mut(at)) {
                *refused = Some(one_line(why.as_bytes()));
            }
        }
        Ok(())
    }

    /// What a command changes, or why it is refused; `None` for a deletion of what is not there.
    fn edit(
        &mut self,
        command: &PushCommand,
        stop: &dyn Interrupt,
    ) -> Result<Result<Option<RefEdit>, Bytes>, ServeError> {
        let name =
            RefName::full(command.name.clone()).ok().filter(|name| name.as_bytes().starts_with(b"refs/"));
        let Some(name) = name else {
            return Ok(Err(Bytes::from_static(b"funny refname")));
        };
        if let Some(reason) = self.refusal(&name, command, stop)? {
            return Ok(Err(Bytes::from_static(reason)));
        }
        if !self.run_update(command) {
            return Ok(Err(Bytes::from_static(b"hook declined")));
        }
        if command.is_delete() && self.repository.refs()?.get(&name)?.is_none() {
            let warning =
                format!("warning: deleting a non-existent ref {}\n", name.as_bytes().escape_ascii());
            self.said.extend_from_slice(warning.as_bytes());
            return Ok(Ok(None));
        }
        let expected = if command.is_create() { Expected::Absent } else { Expected::Id(command.old) };
        let new = (!command.is_delete()).then_some(RefTarget::Direct(command.new));
        let expected = if command.is_delete() && command.is_create() { Expected::Any } else { expected };
        Ok(Ok(Some(RefEdit { name, expected, new })))
    }

    /// What the policy says against a command, in git's words.
    fn refusal(
        &mut self,
        name: &RefName,
        command: &PushCommand,
        stop: &dyn Interrupt,
    ) -> Result<Option<&'static [u8]>, ServeError> {
        let head = self.repository.refs()?.head()?;
        let current = matches!(&head, Some(RefTarget::Symbolic(branch)) if branch == name);
        if current && self.policy.work_tree && !command.is_delete() {
            match self.policy.update_current {
                CurrentBranch::Refuse => return Ok(Some(b"branch is currently checked out")),
                CurrentBranch::Warn => self.said.extend_from_slice(b"warning: updating the current branch\n"),
                CurrentBranch::Allow => {}
            }
        }
        if command.is_delete() {
            if self.policy.deny_deletes && name.is_branch() {
                return Ok(Some(b"deletion prohibited"));
            }
            if current {
                match self.policy.delete_current {
                    CurrentBranch::Refuse => return Ok(Some(b"deletion of the current branch prohibited")),
                    CurrentBranch::Warn => {
                        self.said.extend_from_slice(b"warning: deleting the current branch\n");
                    }
                    CurrentBranch::Allow => {}
                }
            }
            return Ok(None);
        }
        if !self.is_here(command)? {
            return Ok(Some(b"bad pack"));
        }
        if self.policy.deny_non_fast_forwards && !command.is_create() && name.is_branch() {
            let boundary = self.repository.shallow()?;
            let mut graph = self.graph(&boundary)?;
            if !graph.is_ancestor(&command.old, &command.new, stop)? {
                return Ok(Some(b"non-fast-forward"));
            }
        }
        Ok(None)
    }

    fn is_here(&self, command: &PushCommand) -> Result<bool, ServeError> {
        let mut here = false;
        self.objects()?.headers(&[command.new], &mut |_, presence| {
            here = matches!(presence, Presence::Here { .. });
        })?;
        Ok(here)
    }

    fn run_update(&mut self, command: &PushCommand) -> bool {
        let said = &mut self.said;
        let proposal = Proposal {
            repository: &*self.repository,
            staged: self.staged.as_deref(),
            options: &self.request.push_options,
            pusher: &self.pusher,
        };
        let verdict = self.hooks.update(proposal, command, &mut |text| said.extend_from_slice(text));
        if verdict.is_err() {
            let text = format!("error: hook declined to update {}\n", command.name.escape_ascii());
            self.said.extend_from_slice(text.as_bytes());
        }
        verdict.is_ok()
    }

    /// What runs behind the report.
    pub(super) fn run_after(&mut self) {
        let commands = self.accepted();
        if commands.is_empty() {
            return;
        }
        let said = &mut self.said;
        let proposal = Proposal {
            repository: &*self.repository,
            staged: None,
            options: &self.request.push_options,
            pusher: &self.pusher,
        };
        self.hooks.post_receive(proposal, &commands, &mut |text| said.extend_from_slice(text));
    }
}

/// A reason that fits into one line of the report.
pub(super) fn one_line(reason: &[u8]) -> Bytes {
    let line: Vec<u8> =
        reason.iter().take(REASON_MAX).map(|byte| if *byte < b' ' { b' ' } else { *byte }).collect();
    if line.is_empty() { Bytes::from_static(b"failed") } else { line.into() }
}

/// The most of a reason that is told.
const REASON_MAX: usize = 1_000;
