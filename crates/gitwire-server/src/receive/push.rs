//! A push that has been heard: what is asked for, what came with it, and what becomes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use gitwire_capability::PushFeature;
use gitwire_protocol::{CommandReport, CommandResult, PushCommand, PushReport, UpdateOptions, UpdateRequest};
use gitwire_storage::{ObjectStore, Repository, Staged, StorageError, StorageErrorKind};
use gitwire_types::{Interrupt, ObjectId};

use super::voice::{Ending, Told, Voice};
use super::{CertificateCheck, Hooks, MaintenanceTask, Proposal, Pusher, ReceivePolicy};
use crate::ServeError;

/// Everything that is known of one push. It moves into a thread of its own once the objects are checked, because hooks take their time.
pub(super) struct Push {
    pub(super) repository: Arc<dyn Repository>,
    pub(super) policy: Arc<ReceivePolicy>,
    pub(super) hooks: Arc<dyn Hooks>,
    pub(super) pusher: Pusher,
    pub(super) voice: Arc<Voice>,
    pub(super) request: UpdateRequest,
    pub(super) staged: Option<Box<dyn Staged>>,
    /// Why the pack was not taken.
    pub(super) unpack_error: Option<Bytes>,
    /// For each command: why it is not carried out, as far as that is known.
    pub(super) refused: Vec<Option<Bytes>>,
    /// Deletions of what is not there, by their place: no error, and nothing to tell hooks of.
    pub(super) unmade: BTreeSet<usize>,
    /// Commands that another one carries out, because they name the same ref, with its place.
    pub(super) joined: BTreeMap<usize, usize>,
    /// What the `proc-receive` hook made of commands that it carried out, by their place.
    pub(super) processed: BTreeMap<usize, Vec<UpdateOptions>>,
    /// Commits whose parents the repository will lack, where the push changes them.
    pub(super) boundary: Option<Vec<ObjectId>>,
    /// The certificate, and what is known of it.
    pub(super) certificate: Option<CertificateCheck>,
    /// What keeps objects from being cleared away that no ref leads to yet.
    pub(super) kept: Option<Box<dyn Send>>,
}

impl Push {
    /// Carries the push out to its end, telling what comes of it.
    pub(super) fn run(mut self) {
        let ending = Ending(Arc::clone(&self.voice));
        let carried_out = self.carry_out();
        // Nothing is left behind when the client hears of it.
        self.staged = None;
        self.kept = None;
        match carried_out {
            Ok(()) => {
                self.voice.tell(Told::Report(self.report()));
                self.run_after();
            }
            Err(error) => self.voice.tell(Told::Failed(error)),
        }
        drop(ending);
    }

    fn carry_out(&mut self) -> Result<(), ServeError> {
        if self.unpack_error.is_none() {
            self.check_signature();
            self.run_pre_receive();
        }
        // Nobody may wait for it any more.
        self.voice.begin(None);
        self.voice.check()?;
        self.update()
    }

    /// A push that was heard.
    pub(super) fn hear(&mut self, request: UpdateRequest) {
        self.refused = vec![None; request.commands.len()];
        self.request = request;
    }

    pub(super) fn is_atomic(&self) -> bool {
        self.request.agreement.features.contains(PushFeature::Atomic)
    }

    /// What is wrong with the pack is told; what is wrong on our side is not.
    pub(super) fn cannot_unpack(&mut self, error: &StorageError) {
        let ours = match error.kind() {
            StorageErrorKind::Corrupt(_) | StorageErrorKind::Limit => causes(error),
            _ => "internal error".to_owned(),
        };
        self.say(format!("error: {ours}\n").as_bytes());
        self.unpack_error = Some(one_line(ours.as_bytes()));
    }

    pub(super) fn say(&self, text: &[u8]) {
        self.voice.say(text);
    }

    pub(super) fn refuse(&mut self, at: usize, reason: impl Into<Bytes>) {
        if let Some(refused) = self.refused.get_mut(at) {
            *refused = Some(reason.into());
        }
    }

    /// Refuses all commands that have not been refused yet.
    pub(super) fn refuse_all(&mut self, reason: &'static [u8]) {
        for refused in self.refused.iter_mut().filter(|refused| refused.is_none()) {
            *refused = Some(Bytes::from_static(reason));
        }
    }

    /// The commands that have not been refused, with their places.
    pub(super) fn accepted(&self) -> impl Iterator<Item = (usize, &PushCommand)> {
        let pairs = self.request.commands.iter().zip(&self.refused).enumerate();
        pairs.filter_map(|(at, (command, refused))| refused.is_none().then_some((at, command)))
    }

    /// The repository's objects and the new ones.
    pub(super) fn objects(&self) -> Result<Arc<dyn ObjectStore>, ServeError> {
        match &self.staged {
            Some(staged) => Ok(staged.objects()),
            None => Ok(self.repository.objects()?),
        }
    }

    /// Asks a hook, which may take its time.
    pub(super) fn ask<T>(&self, ask: impl FnOnce(&dyn Hooks, Proposal<'_>, &mut dyn FnMut(&[u8])) -> T) -> T {
        self.voice.begin(self.policy.hook_time_max);
        let answer = ask(&*self.hooks, self.proposal(), &mut |text| self.voice.say(text));
        self.voice.begin(None);
        answer
    }

    pub(super) fn proposal(&self) -> Proposal<'_> {
        Proposal {
            repository: &*self.repository,
            staged: self.staged.as_deref(),
            commands: &self.request.commands,
            options: &self.request.push_options,
            atomic: self.is_atomic(),
            pusher: &self.pusher,
            certificate: self.certificate.as_ref(),
            stop: &*self.voice,
        }
    }

    /// What runs behind the report.
    fn run_after(&mut self) {
        let made = |at: &usize| !self.unmade.contains(at);
        let made: Vec<(usize, &PushCommand)> = self.accepted().filter(|(at, _)| made(at)).collect();
        if made.is_empty() {
            return;
        }
        let mut changes = Vec::new();
        for (at, command) in &made {
            match self.processed.get(at).filter(|changed| !changed.is_empty()) {
                None => changes.push((*command).clone()),
                Some(changed) => changes.extend(changed.iter().map(|change| PushCommand {
                    old: change.old.unwrap_or(command.old),
                    new: change.new.unwrap_or(command.new),
                    name: change.name.clone().unwrap_or_else(|| command.name.clone()),
                })),
            }
        }
        let names: Vec<Bytes> = made.iter().map(|(_, command)| command.name.clone()).collect();
        self.ask(|hooks, proposal, say| hooks.post_receive(proposal, &changes, say));
        self.ask(|hooks, proposal, say| hooks.post_update(proposal, &names, say));
        let tasks = [
            (self.policy.maintenance, MaintenanceTask::Auto),
            (self.policy.server_info, MaintenanceTask::ServerInfo),
        ];
        for (_, task) in tasks.into_iter().filter(|(is_due, _)| *is_due) {
            self.ask(|hooks, proposal, say| hooks.maintain(proposal, task, say));
        }
    }

    fn report(&self) -> PushReport {
        let pairs = self.request.commands.iter().zip(&self.refused).enumerate();
        let fates = pairs.map(|(at, (command, refused))| match refused {
            None => {
                let options = self.processed.get(&at).cloned().unwrap_or_default();
                CommandReport { name: command.name.clone(), result: CommandResult::Done(options) }
            }
            Some(reason) => CommandReport::rejected(command.name.clone(), reason.clone()),
        });
        let commands = fates.collect();
        match &self.unpack_error {
            None => PushReport::new(commands),
            Some(error) => PushReport::unpack_error(error.clone(), commands),
        }
    }
}

impl std::fmt::Debug for Push {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Push").field("request", &self.request).finish_non_exhaustive()
    }
}

/// What went wrong and why, outermost first.
fn causes(error: &StorageError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = cause.source();
    }
    text
}

/// A reason that fits into one line of the report.
pub(super) fn one_line(reason: &[u8]) -> Bytes {
    let line: Vec<u8> =
        reason.iter().take(REASON_MAX).map(|byte| if *byte < b' ' { b' ' } else { *byte }).collect();
    if line.is_empty() { Bytes::from_static(b"failed") } else { line.into() }
}

/// The most of a reason that is told.
const REASON_MAX: usize = 1_000;
