//! One push of one client, without I/O towards it.

mod advertise;
mod check;
mod hooks;
mod policy;
#[cfg(feature = "gitdir")]
mod programs;
mod update;

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use gitwire_protocol::{
    CommandReport, PushReport, ReceivePack, ReceivePackAwaiting, ReceivePackEvent, Serving, UpdateRequest,
    Version,
};
use gitwire_storage::{Repository, Staged, Staging, StorageError, StorageErrorKind};
use gitwire_types::{Interrupt, ObjectId};

use self::advertise::Advertising;
use crate::{Conversation, Reply, ServeError};

pub use self::hooks::{Hooks, NoHooks, Proposal, Pusher, Refusal};
pub use self::policy::{CurrentBranch, ReceivePolicy};
#[cfg(feature = "gitdir")]
pub use self::programs::ProgramHooks;

/// The server's side of a push into any [`Repository`]: answers the events of a [`ReceivePack`].
///
/// What arrives goes into a staging area that nobody else sees. When the pack is whole it is checked: its objects as the staging area
/// is told to, then whether everything that the new tips reach is there, then each command against the [`ReceivePolicy`], then the
/// [`Hooks`]. Only then objects and refs become part of the repository, in one call of [`Repository::commit`]. The client hears what
/// came of each command, and what the hooks had to say.
///
/// ```
/// # use std::sync::Arc;
/// use gitwire_protocol::{Serving, Version};
/// use gitwire_server::{NoHooks, Pusher, ReceivePolicy, ReceiveSession};
/// use gitwire_storage::MemoryRepository;
/// use gitwire_types::ObjectFormat;
///
/// let repository = Arc::new(MemoryRepository::new(ObjectFormat::Sha1));
/// let policy = Arc::new(ReceivePolicy::default());
/// let pusher = Pusher::new("A U Thor <author@example.com> 1700000000 +0000");
/// let (session, machine) =
///     ReceiveSession::new(repository, policy, Arc::new(NoHooks), pusher, Version::V0, Serving::Duplex);
/// # let _ = (session, machine);
/// ```
pub struct ReceiveSession {
    repository: Arc<dyn Repository>,
    policy: Arc<ReceivePolicy>,
    hooks: Arc<dyn Hooks>,
    pusher: Pusher,
    due: Due,
    request: UpdateRequest,
    staging: Option<Box<dyn Staging>>,
    staged: Option<Box<dyn Staged>>,
    /// Why the pack was not taken.
    unpack_error: Option<Bytes>,
    /// For each command: why it is not carried out, as far as that is known.
    refused: Vec<Option<Bytes>>,
    /// Deletions of what is not there, by their place: no error, and nothing to tell hooks of.
    unmade: BTreeSet<usize>,
    /// Commands that another one carries out, because they name the same ref.
    joined: BTreeSet<usize>,
    /// Commits whose parents the repository will lack, where the push changes them.
    boundary: Option<Vec<ObjectId>>,
    /// What hooks and checks have to say, on its way to the client.
    said: BytesMut,
}

/// What the machine waits for.
enum Due {
    Nothing,
    Refs(Box<Advertising>),
    /// A place for the pack.
    Open,
    /// The next bytes of the pack.
    Take(Bytes),
    /// The pack is whole, or cannot be: to be told to the machine.
    Taken,
    /// It is resolved and checked.
    Unpack,
    /// The commands are looked at together.
    Decide,
    /// They are carried out.
    Update,
    /// The report goes out.
    Report,
    /// What runs behind it.
    After,
    /// All is said.
    End,
}

impl ReceiveSession {
    /// A session and the machine whose events it answers.
    #[must_use]
    pub fn new(
        repository: Arc<dyn Repository>,
        policy: Arc<ReceivePolicy>,
        hooks: Arc<dyn Hooks>,
        pusher: Pusher,
        version: Version,
        serving: Serving,
    ) -> (Self, ReceivePack) {
        let machine = ReceivePack::new(policy.machine_options(version, serving, repository.format()));
        let session = Self {
            repository,
            policy,
            hooks,
            pusher,
            due: Due::Nothing,
            request: UpdateRequest::default(),
            staging: None,
            staged: None,
            unpack_error: None,
            refused: Vec::new(),
            unmade: BTreeSet::new(),
            joined: BTreeSet::new(),
            boundary: None,
            said: BytesMut::new(),
        };
        (session, machine)
    }

    /// Gives the next bytes to the staging area. What is wrong with them is remembered for the report.
    fn take(&mut self, pack: &[u8]) -> Due {
        let Some(staging) = &mut self.staging else { return Due::Taken };
        match staging.write(pack).and_then(|()| staging.is_complete()) {
            Ok(true) => Due::Taken,
            Ok(false) => Due::Nothing,
            Err(error) => {
                self.cannot_unpack(&error);
                Due::Taken
            }
        }
    }

    /// What is wrong with the pack is told; what is wrong on our side is not.
    fn cannot_unpack(&mut self, error: &StorageError) {
        self.staging = None;
        let ours = match error.kind() {
            StorageErrorKind::Corrupt(_) | StorageErrorKind::Limit => error.to_string(),
            _ => "internal error".to_owned(),
        };
        self.unpack_error = Some(update::one_line(ours.as_bytes()));
    }

    /// Resolves the pack and checks its objects.
    fn unpack(&mut self, stop: &dyn Interrupt) {
        if let Some(staging) = self.staging.take() {
            match staging.finish(stop) {
                Ok(staged) => self.staged = Some(staged),
                Err(error) => self.cannot_unpack(&error),
            }
        }
    }

    fn say(&mut self, text: &[u8]) {
        put(&mut self.said, text);
    }

    fn report(&self) -> PushReport {
        let fate = |(command, refused): (&gitwire_protocol::PushCommand, &Option<Bytes>)| match refused {
            None => CommandReport::ok(command.name.clone()),
            Some(reason) => CommandReport::rejected(command.name.clone(), reason.clone()),
        };
        let commands = self.request.commands.iter().zip(&self.refused).map(fate).collect();
        match &self.unpack_error {
            None => PushReport::new(commands),
            Some(error) => PushReport::unpack_error(error.clone(), commands),
        }
    }
}

impl Conversation for ReceiveSession {
    type Machine = ReceivePack;

    fn on(&mut self, event: ReceivePackEvent) -> Reply {
        self.due = match event {
            ReceivePackEvent::RefsWanted => Due::Refs(Box::default()),
            ReceivePackEvent::Request(request) => {
                self.refused = vec![None; request.commands.len()];
                self.request = *request;
                if self.request.needs_pack() { Due::Open } else { Due::Unpack }
            }
            ReceivePackEvent::Pack(data) => Due::Take(data),
            ReceivePackEvent::PackEnd => Due::Unpack,
            _ => return Reply::Continue,
        };
        Reply::Job
    }

    // Each piece of the pack is stored before the next is read: the disk's pace is the client's pace.
    fn must_work(&self) -> bool {
        matches!(self.due, Due::Open | Due::Take(_))
    }

    fn work(&mut self, stop: &dyn Interrupt) -> Result<(), ServeError> {
        self.due = match std::mem::replace(&mut self.due, Due::Nothing) {
            Due::Refs(mut advertising) => {
                advertising.work(&*self.repository, &self.policy)?;
                Due::Refs(advertising)
            }
            Due::Open => {
                self.staging = Some(self.repository.stage(&self.policy.stage)?);
                Due::Nothing
            }
            Due::Take(data) => self.take(&data),
            Due::Unpack => {
                self.unpack(stop);
                Due::Decide
            }
            Due::Decide => {
                self.decide(stop)?;
                Due::Update
            }
            Due::Update => {
                self.update(stop)?;
                Due::Report
            }
            Due::After => {
                self.run_after();
                Due::End
            }
            due => due,
        };
        Ok(())
    }

    fn settle(&mut self, machine: &mut ReceivePack, _output: &mut BytesMut) -> Result<(), ServeError> {
        if let Due::Taken = self.due {
            machine.pack_taken()?;
            self.due = Due::Unpack;
        }
        Ok(())
    }

    fn answer(&mut self, machine: &mut ReceivePack, output: &mut BytesMut) -> Result<(), ServeError> {
        if let Due::Refs(advertising) = &mut self.due {
            if advertising.answer(machine, output)? {
                let boundary = self.repository.shallow()?;
                machine.end_refs(&boundary, output)?;
                self.due = Due::Nothing;
            }
            return Ok(());
        }
        if !self.said.is_empty() && machine.awaiting() != ReceivePackAwaiting::Nothing {
            machine.progress(&self.said.split(), output)?;
        }
        match self.due {
            Due::Report => {
                machine.report(&self.report(), output)?;
                self.due = Due::After;
            }
            Due::End => {
                machine.finish(output)?;
                self.due = Due::Nothing;
            }
            Due::Nothing => return Err(ServeError::Internal("nothing is due, and the machine waits")),
            _ => {}
        }
        Ok(())
    }
}

/// Gathers what hooks and checks have to say. A flood of it is cut: what hooks write waits until the work on the push is done.
fn put(said: &mut BytesMut, text: &[u8]) {
    let room = SAID_MAX.saturating_sub(said.len());
    said.extend_from_slice(text.get(..room).unwrap_or(text));
}

/// The most of it that waits at once. 8 MiB: the output of two long builds.
const SAID_MAX: usize = 8 << 20;

impl std::fmt::Debug for ReceiveSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReceiveSession").field("request", &self.request).finish_non_exhaustive()
    }
}
