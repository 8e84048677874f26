//! Carrying the commands out: each against the policy and its hook, then all in one transaction.

use bytes::Bytes;
use gitwire_capability::PushFeature;
use gitwire_protocol::PushCommand;
use gitwire_storage::{EditOutcome, Expected, Presence, RefEdit, ReflogEntry, Transaction};
use gitwire_types::{Interrupt, ObjectKind, RefName, RefTarget};

use super::{CurrentBranch, Proposal, ReceiveSession, put};
use crate::ServeError;

impl ReceiveSession {
    /// Makes objects and refs part of the repository.
    pub(super) fn update(&mut self, stop: &dyn Interrupt) -> Result<(), ServeError> {
        let atomic = self.request.agreement.features.contains(PushFeature::Atomic);
        self.join_aliases()?;
        // Deletions come first: they make room for refs whose names they stand in the way of.
        let batches = if atomic { &[Batch::All][..] } else { &[Batch::Deletions, Batch::Others] };
        for batch in batches {
            let edits = self.edits(*batch, atomic, stop)?;
            self.commit(edits, *batch)?;
        }
        self.staged = None;
        Ok(())
    }

    /// What the commands of a batch change.
    fn edits(
        &mut self,
        batch: Batch,
        atomic: bool,
        stop: &dyn Interrupt,
    ) -> Result<Vec<(usize, RefEdit)>, ServeError> {
        let mut edits = Vec::new();
        if atomic && self.refused.iter().any(Option::is_some) {
            self.refuse_all(b"atomic push failure");
        }
        for at in 0..self.request.commands.len() {
            let (Some(command), Some(None)) = (self.request.commands.get(at).cloned(), self.refused.get(at))
            else {
                continue;
            };
            if !batch.holds(&command) || self.joined.contains(&at) {
                continue;
            }
            match self.edit(&command, stop) {
                Ok(Ok(Some(edit))) => edits.push((at, edit)),
                Ok(Ok(None)) => {
                    self.unmade.insert(at);
                }
                Ok(Err(reason)) => self.refuse(at, reason),
                // Other commands may be carried out already: the client must hear of them.
                Err(error) => {
                    self.say(format!("error: {}\n", error.reply()).as_bytes());
                    self.refuse(at, Bytes::from_static(FAILED));
                }
            }
        }
        if atomic && self.refused.iter().any(Option::is_some) {
            self.refuse_all(b"atomic push failure");
            edits.clear();
        }
        Ok(edits)
    }

    fn commit(&mut self, edits: Vec<(usize, RefEdit)>, batch: Batch) -> Result<(), ServeError> {
        if edits.is_empty() {
            return Ok(());
        }
        let atomic = batch == Batch::All;
        let (positions, edits): (Vec<usize>, Vec<RefEdit>) = edits.into_iter().unzip();
        let reflog =
            ReflogEntry { committer: self.pusher.committer.clone(), message: Bytes::from_static(b"push") };
        let brings = batch != Batch::Deletions;
        let transaction = Transaction {
            edits,
            atomic,
            reflog: Some(reflog),
            shallow: if brings { self.boundary.take() } else { None },
        };
        let staged = if brings { self.staged.take() } else { None };
        let outcomes = match self.repository.commit(staged, transaction, &mut |_| Ok(())) {
            Ok(outcomes) => outcomes,
            // The client hears of it in the report: what an earlier batch has changed stays changed.
            Err(error) => {
                let error = ServeError::from(error);
                self.say(format!("error: {}\n", error.reply()).as_bytes());
                if atomic {
                    self.refuse_all(b"atomic transaction failed");
                } else {
                    positions.into_iter().for_each(|at| self.refuse(at, Bytes::from_static(FAILED)));
                }
                return Ok(());
            }
        };
        for (at, outcome) in positions.into_iter().zip(outcomes) {
            match outcome {
                EditOutcome::Rejected(_) if atomic => self.refuse_all(b"atomic transaction failed"),
                EditOutcome::Rejected(why) => self.refuse(at, one_line(why.as_bytes())),
                _ => {}
            }
        }
        Ok(())
    }

    fn refuse(&mut self, at: usize, reason: Bytes) {
        if let Some(refused) = self.refused.get_mut(at) {
            *refused = Some(reason);
        }
    }

    /// A symbolic ref and the ref that it leads to, both of which the push changes: they must agree, and one change is enough.
    fn join_aliases(&mut self) -> Result<(), ServeError> {
        let refs = self.repository.refs()?;
        for at in 0..self.request.commands.len() {
            let Some(command) = self.request.commands.get(at).filter(|command| !command.is_delete()) else {
                continue;
            };
            let Ok(name) = RefName::full(command.name.clone()) else { continue };
            let Some(RefTarget::Symbolic(target)) = refs.get(&name)? else { continue };
            let mut others = self.request.commands.iter().enumerate();
            let Some((other_at, other)) = others.find(|(_, other)| other.name == target.as_bytes()) else {
                continue;
            };
            if (command.old, command.new) == (other.old, other.new) {
                self.joined.insert(at);
                continue;
            }
            let text = format!(
                "error: refusing inconsistent update between symref '{}' ({}..{}) and its target '{}' ({}..{})\n",
                name.as_bytes().escape_ascii(),
                command.old,
                command.new,
                other.name.escape_ascii(),
                other.old,
                other.new
            );
            self.say(text.as_bytes());
            self.refuse(at, Bytes::from_static(b"inconsistent aliased update"));
            self.refuse(other_at, Bytes::from_static(b"inconsistent aliased update"));
        }
        Ok(())
    }

    /// What a command changes, or why it is refused; `None` for a deletion of what is not there.
    fn edit(
        &mut self,
        command: &PushCommand,
        stop: &dyn Interrupt,
    ) -> Result<Result<Option<RefEdit>, Bytes>, ServeError> {
        let name = RefName::full(command.name.clone()).ok().filter(|name| is_below_refs(name, command));
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
            self.say(warning.as_bytes());
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
                CurrentBranch::Warn => self.say(b"warning: updating the current branch\n"),
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
                        self.say(b"warning: deleting the current branch\n");
                    }
                    CurrentBranch::Allow => {}
                }
            }
            return Ok(None);
        }
        match self.kind(command)? {
            None => return Ok(Some(b"bad pack")),
            Some(kind) if kind != ObjectKind::Commit && name.is_branch() => {
                let name = name.as_bytes().escape_ascii();
                let text = format!(
                    "error: cannot update ref '{name}': trying to write non-commit object {} to branch '{name}'\n",
                    command.new
                );
                self.say(text.as_bytes());
                return Ok(Some(b"invalid new value provided"));
            }
            Some(_) => {}
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

    fn kind(&self, command: &PushCommand) -> Result<Option<ObjectKind>, ServeError> {
        let mut found = None;
        self.objects()?.headers(&[command.new], &mut |_, presence| {
            if let Presence::Here { kind, .. } = presence {
                found = Some(kind);
            }
        })?;
        Ok(found)
    }

    fn run_update(&mut self, command: &PushCommand) -> bool {
        let said = &mut self.said;
        let proposal = Proposal {
            repository: &*self.repository,
            staged: self.staged.as_deref(),
            options: &self.request.push_options,
            pusher: &self.pusher,
        };
        let verdict = self.hooks.update(proposal, command, &mut |text| put(said, text));
        if verdict.is_err() {
            let text = format!("error: hook declined to update {}\n", command.name.escape_ascii());
            self.say(text.as_bytes());
        }
        verdict.is_ok()
    }

    /// What runs behind the report.
    pub(super) fn run_after(&mut self) {
        for at in std::mem::take(&mut self.unmade) {
            self.refuse(at, Bytes::from_static(b"unmade"));
        }
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
        self.hooks.post_receive(proposal, &commands, &mut |text| put(said, text));
    }
}

/// Which commands are carried out together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Batch {
    /// All or none of them.
    All,
    Deletions,
    Others,
}

impl Batch {
    fn holds(self, command: &PushCommand) -> bool {
        match self {
            Self::All => true,
            Self::Deletions => command.is_delete(),
            Self::Others => !command.is_delete(),
        }
    }
}

/// What a push may change: refs with two parts behind `refs`; what has one may only go.
fn is_below_refs(name: &RefName, command: &PushCommand) -> bool {
    let rest = name.as_bytes().strip_prefix(b"refs/");
    rest.is_some_and(|rest| command.is_delete() || rest.contains(&b'/'))
}

/// A reason that fits into one line of the report.
pub(super) fn one_line(reason: &[u8]) -> Bytes {
    let line: Vec<u8> =
        reason.iter().take(REASON_MAX).map(|byte| if *byte < b' ' { b' ' } else { *byte }).collect();
    if line.is_empty() { Bytes::from_static(b"failed") } else { line.into() }
}

/// Why a command is not carried out whose fault is on our side.
const FAILED: &[u8] = b"failed to update ref";

/// The most of a reason that is told.
const REASON_MAX: usize = 1_000;
