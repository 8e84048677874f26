//! Carrying the commands out: each against the policy and its hook, then all in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use gitwire_protocol::PushCommand;
use gitwire_storage::{EditOutcome, Expected, RefEdit, ReflogEntry, StorageErrorKind, Transaction, Veto};
use gitwire_types::{RefName, RefTarget};

use super::push::{Push, one_line};
use super::{CurrentBranch, Processed, TransactionState};
use crate::ServeError;

impl Push {
    /// Makes objects and refs part of the repository.
    pub(super) fn update(&mut self) -> Result<(), ServeError> {
        if self.accepted().next().is_none() {
            return Ok(());
        }
        self.refuse_duplicates();
        self.join_aliases()?;
        self.run_proc_receive()?;
        // Deletions come first: they make room for refs whose names they stand in the way of.
        let batches = if self.is_atomic() { &[Batch::All][..] } else { &[Batch::Deletions, Batch::Others] };
        for batch in batches {
            let edits = self.edits(*batch);
            self.commit(edits, *batch);
        }
        for (at, other) in std::mem::take(&mut self.joined) {
            if let Some(Some(reason)) = self.refused.get(other).cloned() {
                self.refuse(at, reason);
            }
        }
        Ok(())
    }

    /// Two changes of one ref contradict each other, or at least one is not what was meant.
    fn refuse_duplicates(&mut self) {
        let mut count = BTreeMap::<Bytes, usize>::new();
        for (_, command) in self.accepted() {
            let known = count.entry(command.name.clone()).or_default();
            *known = known.saturating_add(1);
        }
        count.retain(|_, count| *count > 1);
        for name in count.keys() {
            self.error(&format!("multiple updates for ref '{}' not allowed", name.escape_ascii()));
        }
        let twice = |(at, command): (usize, &PushCommand)| count.contains_key(&command.name).then_some(at);
        let twice: Vec<usize> = self.accepted().filter_map(twice).collect();
        twice.into_iter().for_each(|at| self.refuse(at, &b"multiple updates for ref not allowed"[..]));
    }

    /// Makes the new objects part of the repository before any ref leads to them, for whoever changes something else meanwhile.
    fn publish(&mut self) -> Result<(), ServeError> {
        if let Some(staged) = self.staged.take() {
            self.kept = Some(self.repository.publish(staged)?);
        }
        Ok(())
    }

    /// Lets the hook carry out what is its.
    fn run_proc_receive(&mut self) -> Result<(), ServeError> {
        let is_its = |(at, command): &(usize, &PushCommand)| {
            !self.joined.contains_key(at) && self.policy.proc_receive.take(command)
        };
        let (places, commands): (Vec<usize>, Vec<PushCommand>) =
            self.accepted().filter(is_its).map(|(at, command)| (at, command.clone())).unzip();
        let is_pointless = self.is_atomic() && self.refused.iter().any(Option::is_some);
        if commands.is_empty() || is_pointless {
            return Ok(());
        }
        self.publish()?;
        let mut answers: Vec<Option<Processed>> = vec![None; commands.len()];
        let verdict = self.ask(|hooks, proposal, say| {
            let mut answer = |at: usize, processed: Processed| {
                if let Some(place) = answers.get_mut(at) {
                    *place = Some(processed);
                }
            };
            hooks.proc_receive(proposal, &commands, &mut answer, say)
        });
        // From here on something may have changed.
        self.voice.commit();
        for (at, answer) in places.into_iter().zip(answers) {
            match answer {
                Some(Processed::Done(changes)) => {
                    self.processed.insert(at, changes);
                }
                Some(Processed::Rejected(reason)) => self.refuse(at, one_line(&reason)),
                Some(Processed::FallThrough) => {}
                None => self.refuse(at, NO_PROC_RECEIVE),
            }
        }
        if verdict.is_err() && self.is_atomic() {
            let others: Vec<usize> =
                self.accepted().map(|(at, _)| at).filter(|at| !self.processed.contains_key(at)).collect();
            others.into_iter().for_each(|at| self.refuse(at, NO_PROC_RECEIVE));
        }
        Ok(())
    }

    /// What the commands of a batch change.
    fn edits(&mut self, batch: Batch) -> Vec<(usize, RefEdit)> {
        let atomic = self.is_atomic();
        let mut edits = Vec::new();
        if atomic && self.refused.iter().any(Option::is_some) {
            self.refuse_all(b"atomic push failure");
        }
        for at in 0..self.request.commands.len() {
            let (Some(command), Some(None)) = (self.request.commands.get(at).cloned(), self.refused.get(at))
            else {
                continue;
            };
            let is_elsewhere = self.joined.contains_key(&at) || self.processed.contains_key(&at);
            if !batch.holds(&command) || is_elsewhere {
                continue;
            }
            match self.edit(&command) {
                Ok(Ok(Some(edit))) => edits.push((at, edit)),
                Ok(Ok(None)) => {
                    self.unmade.insert(at);
                }
                Ok(Err(reason)) => self.refuse(at, reason),
                // Other commands may be carried out already: the client must hear of them.
                Err(error) => {
                    self.error(&error.reply());
                    self.refuse(at, FAILED);
                }
            }
            // Nobody needs to be asked any more.
            if atomic && self.refused.get(at).is_some_and(Option::is_some) {
                break;
            }
        }
        if atomic && self.refused.iter().any(Option::is_some) {
            self.refuse_all(b"atomic push failure");
            edits.clear();
        }
        edits
    }

    fn commit(&mut self, edits: Vec<(usize, RefEdit)>, batch: Batch) {
        if edits.is_empty() {
            return;
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
            actions: Vec::new(),
            shallow: if brings { self.boundary.take() } else { None },
        };
        let outcomes = match self.transact(transaction, brings) {
            Ok(outcomes) => outcomes,
            // The client hears of it in the report: what an earlier batch has changed stays changed.
            Err(error) => {
                self.error(&error.reply());
                if atomic {
                    self.refuse_all(ATOMIC);
                } else {
                    positions.into_iter().for_each(|at| self.refuse(at, FAILED));
                }
                return;
            }
        };
        let mut said = BTreeSet::new();
        for (at, outcome) in positions.into_iter().zip(outcomes) {
            let EditOutcome::Rejected(why) = outcome else { continue };
            // One fault is enough for an atomic push, and the others are not at fault.
            let is_known = atomic && !said.is_empty() || why.as_bytes() == ATOMIC;
            if !is_known && said.insert(why.clone()) {
                self.error(&why);
            }
            match atomic {
                true => self.refuse_all(ATOMIC),
                false => self.refuse(at, in_short(&why)),
            }
        }
    }

    /// Makes a transaction, with the hook around it.
    fn transact(&mut self, transaction: Transaction, brings: bool) -> Result<Vec<EditOutcome>, ServeError> {
        let edits = transaction.edits.clone();
        let tell = |push: &Self, state: TransactionState, edits: &[RefEdit]| {
            push.ask(|hooks, proposal, say| hooks.reference_transaction(proposal, state, edits, say))
        };
        let declined = |edits: usize| {
            vec![EditOutcome::Rejected("reference-transaction hook declined".to_owned()); edits]
        };
        if tell(self, TransactionState::Preparing, &edits).is_err() {
            let _ = tell(self, TransactionState::Aborted, &edits);
            return Ok(declined(edits.len()));
        }
        let staged = if brings { self.staged.take() } else { None };
        self.voice.commit();
        let this = &*self;
        let mut prepared = |edits: &[RefEdit]| {
            this.voice.begin(this.policy.hook_time_max);
            // Others wait for the locks: nobody waits for the client now.
            let mut say = |text: &[u8]| this.voice.say_at_once(text);
            let state = TransactionState::Prepared;
            let verdict = this.hooks.reference_transaction(this.proposal(), state, edits, &mut say);
            this.voice.begin(None);
            verdict.map_err(|_| Veto { reason: "reference-transaction hook declined".to_owned() })
        };
        let outcomes = this.repository.commit(staged, transaction, &mut prepared);
        let made = |outcomes: &Vec<EditOutcome>| outcomes.contains(&EditOutcome::Done);
        let state = match outcomes.as_ref().is_ok_and(made) {
            true => TransactionState::Committed,
            false => TransactionState::Aborted,
        };
        let _ = tell(self, state, &edits);
        match outcomes {
            Err(error) if error.kind() == StorageErrorKind::Interrupted => Ok(declined(edits.len())),
            outcomes => Ok(outcomes?),
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
            // What is wrong with a ref is told when its turn comes.
            let Ok(Some(RefTarget::Symbolic(target))) = refs.get(&name) else { continue };
            let mut others = self.request.commands.iter().enumerate();
            let Some((other_at, other)) = others.find(|(_, other)| other.name == target.as_bytes()) else {
                continue;
            };
            if (command.old, command.new) == (other.old, other.new) {
                self.joined.insert(at, other_at);
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
            self.refuse(at, &b"inconsistent aliased update"[..]);
            self.refuse(other_at, &b"inconsistent aliased update"[..]);
        }
        Ok(())
    }

    /// What a command changes, or why it is refused; `None` for a deletion of what is not there.
    fn edit(&mut self, command: &PushCommand) -> Result<Result<Option<RefEdit>, Bytes>, ServeError> {
        let name = RefName::full(command.name.clone()).ok().filter(|name| is_below_refs(name, command));
        let Some(name) = name else {
            self.error(&format!("refusing to update funny ref '{}' remotely", command.name.escape_ascii()));
            return Ok(Err(Bytes::from_static(b"funny refname")));
        };
        if let Some(reason) = self.refusal(&name, command, &*self.voice)? {
            return Ok(Err(Bytes::from_static(reason)));
        }
        if !self.run_update(command) {
            return Ok(Err(Bytes::from_static(b"hook declined")));
        }
        let instead = self.policy.update_current == CurrentBranch::Instead && !command.is_delete();
        if instead && self.repository.checked_out(&name)?.is_some() {
            self.publish()?;
            if let Err(reason) =
                self.ask(|hooks, proposal, say| hooks.update_work_tree(proposal, command, say))
            {
                return Ok(Err(one_line(&reason)));
            }
        }
        if command.is_delete() {
            return Ok(Ok(self.deletion(name, command)?));
        }
        let expected = if command.is_create() { Expected::Absent } else { Expected::Id(command.old) };
        Ok(Ok(Some(RefEdit { name, expected, new: Some(RefTarget::Direct(command.new)) })))
    }

    /// What a deletion changes; `None` where nothing is there. The ref must hold what the pusher says, where that is an object: whatever
    /// else it holds may go.
    fn deletion(&self, name: RefName, command: &PushCommand) -> Result<Option<RefEdit>, ServeError> {
        if self.kind(&command.old)?.is_some() {
            return Ok(Some(RefEdit { name, expected: Expected::Id(command.old), new: None }));
        }
        if self.repository.refs()?.get(&name)?.is_none() {
            self.say(b"warning: deleting a non-existent ref\n");
            return Ok(None);
        }
        self.say(b"warning: allowing deletion of corrupt ref\n");
        Ok(Some(RefEdit { name, expected: Expected::Any, new: None }))
    }

    fn run_update(&self, command: &PushCommand) -> bool {
        let verdict = self.ask(|hooks, proposal, say| hooks.update(proposal, command, say));
        if verdict.is_err() {
            let text = format!("error: hook declined to update {}\n", command.name.escape_ascii());
            self.say(text.as_bytes());
        }
        verdict.is_ok()
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

/// The reason that the report gives: a few words for a program to know. People get all of it as progress.
fn in_short(why: &str) -> &'static [u8] {
    const SHORT: [(&str, &[u8]); 6] = [
        ("reference broken", FAILED),
        ("reference already exists", b"reference already exists"),
        ("unable to resolve reference", b"reference does not exist"),
        (" but expected ", b"incorrect old value provided"),
        ("exists; cannot create", b"refname conflict"),
        ("at the same time", b"refname conflict"),
    ];
    SHORT.iter().find(|(words, _)| why.contains(words)).map_or(FAILED, |(_, short)| short)
}

/// What becomes of commands that the hook was to carry out.
const NO_PROC_RECEIVE: &[u8] = b"fail to run proc-receive hook";

/// Why a command is not carried out that is not at fault.
const ATOMIC: &[u8] = b"atomic transaction failed";

/// Why a command is not carried out whose fault is on our side.
const FAILED: &[u8] = b"failed to update ref";
