//! One push of one client, without I/O towards it.

mod advertise;
mod certificate;
mod check;
#[cfg(feature = "gitdir")]
mod config;
mod hooks;
mod policy;
mod proc_receive;
#[cfg(feature = "gitdir")]
mod programs;
mod push;
mod refusal;
mod update;
mod voice;

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;

use bytes::{Bytes, BytesMut};
use gitwire_capability::SideBand;
use gitwire_protocol::message::PushCertificate;
use gitwire_protocol::{ReceivePack, ReceivePackAwaiting, ReceivePackEvent, Serving, UpdateRequest, Version};
use gitwire_storage::{Repository, Staging};
use gitwire_types::Interrupt;

use self::advertise::Advertising;
use self::push::Push;
use self::voice::{Told, Voice};
use crate::{Conversation, Observer, PushFacts, Receiving, Reply, ServeError};

pub use self::certificate::{CertificateCheck, CertificatePolicy, NonceStatus};
pub use self::hooks::{
    Hooks, MaintenanceTask, NoHooks, Processed, Proposal, Pusher, Refusal, SignatureCheck, SignatureStatus,
    TransactionState,
};
pub use self::policy::{ConfigTrust, CurrentBranch, ReceivePolicy};
pub use self::proc_receive::ProcReceiveRefs;
#[cfg(feature = "gitdir")]
pub use self::programs::{ProgramHooks, configured_hooks};

/// The server's side of a push into any [`Repository`]: answers the events of a [`ReceivePack`].
///
/// What arrives goes into a staging area that nobody else sees. When the pack is whole it is checked: its objects as the staging area
/// is told to, then whether everything that the new tips reach is there, then each command against the [`ReceivePolicy`], then the
/// [`Hooks`]. Only then objects and refs become part of the repository, in one call of [`Repository::commit`]. The client hears what
/// came of each command, and what the hooks have to say while they say it.
///
/// From the hooks on the work is done by a thread of its own, and [`work`](Conversation::work) only waits for its words. When the session is dropped, a
/// push whose refs have not changed yet is given up.
///
/// ```
/// # use std::sync::Arc;
/// use gitwire_protocol::{Serving, Version};
/// use gitwire_server::{Pusher, ReceivePolicy, Receiving};
/// use gitwire_storage::MemoryRepository;
/// use gitwire_types::ObjectFormat;
///
/// let repository = Arc::new(MemoryRepository::new(ObjectFormat::Sha1));
/// let receiving = Receiving::new(repository, Arc::new(ReceivePolicy::default()));
/// let pusher = Pusher::new("A U Thor <author@example.com> 1700000000 +0000");
/// let (session, machine) = receiving.session(pusher, Version::V0, Serving::Duplex);
/// # let _ = (session, machine);
/// ```
pub struct ReceiveSession {
    repository: Arc<dyn Repository>,
    policy: Arc<ReceivePolicy>,
    hooks: Arc<dyn Hooks>,
    serving: Serving,
    nonce: Option<String>,
    due: Due,
    staging: Option<Box<dyn Staging>>,
    /// The push; `None` while a thread works on it.
    push: Option<Push>,
    voice: Arc<Voice>,
    thread: Option<JoinHandle<()>>,
    /// What was heard of the thread and not passed on yet.
    told: VecDeque<Told>,
    reported: bool,
    /// Whether the client reads bands. Else words go `aside`.
    bands: bool,
    aside: Option<Aside>,
    observer: Option<Arc<dyn Observer>>,
}

/// Takes the words of hooks where the client can take none.
type Aside = Box<dyn FnMut(&[u8]) + Send>;

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
    /// What the thread has to tell that carries them out.
    Listen,
}

impl ReceiveSession {
    /// A session of a push into `receiving`, and the machine whose events it answers.
    #[must_use]
    pub fn new(
        receiving: Receiving,
        pusher: Pusher,
        version: Version,
        serving: Serving,
    ) -> (Self, ReceivePack) {
        let Receiving { repository, policy, hooks, observer } = receiving;
        let nonce = policy.certificates.as_ref().map(CertificatePolicy::nonce);
        let format = repository.format();
        let machine = ReceivePack::new(policy.machine_options(version, serving, format, nonce.as_deref()));
        let voice = Arc::new(Voice::default());
        let push = Push {
            repository: Arc::clone(&repository),
            policy: Arc::clone(&policy),
            hooks: Arc::clone(&hooks),
            pusher,
            voice: Arc::clone(&voice),
            request: UpdateRequest::default(),
            staged: None,
            unpack_error: None,
            refused: Vec::new(),
            unmade: Default::default(),
            joined: Default::default(),
            processed: Default::default(),
            boundary: None,
            certificate: None,
            kept: None,
        };
        let session = Self {
            repository,
            policy,
            hooks,
            serving,
            nonce,
            due: Due::Nothing,
            staging: None,
            push: Some(push),
            voice,
            thread: None,
            told: VecDeque::new(),
            reported: false,
            bands: false,
            aside: None,
            observer,
        };
        (session, machine)
    }

    /// The same; where the client cannot take the words of hooks, because it reads no bands, `aside` gets them.
    #[must_use]
    pub fn with_aside(mut self, aside: impl FnMut(&[u8]) + Send + 'static) -> Self {
        self.aside = Some(Box::new(aside));
        self
    }

    fn push(&mut self) -> Result<&mut Push, ServeError> {
        self.push.as_mut().ok_or(ServeError::Internal("the push is elsewhere"))
    }

    fn heard(&mut self, request: UpdateRequest) -> Due {
        self.bands = request.agreement.side_band != SideBand::None;
        if let Some(observer) = &self.observer {
            let session_id = request.agreement.session_id.as_ref().map(|id| id.as_bytes());
            observer.push(&PushFacts { session_id, commands: request.commands.len() });
        }
        let certificate = request.certificate.clone();
        let needs_pack = request.needs_pack();
        let Some(push) = &mut self.push else { return Due::Nothing };
        push.hear(request);
        if let (Some(text), Some(given), Some(policy)) = (certificate, &self.nonce, &self.policy.certificates)
            && let Ok(certificate) = PushCertificate::parse(self.repository.format(), &text)
        {
            push.certificate = Some(CertificateCheck::new(policy, &certificate, given, self.serving));
        }
        push.check_certificate_options();
        if needs_pack { Due::Open } else { Due::Unpack }
    }

    fn open(&mut self) -> Result<(), ServeError> {
        if let Some(error) = self.policy.unusable.clone() {
            let push = self.push()?;
            push.say(format!("fatal: {error}\n").as_bytes());
            push.unpack_error = Some(push::one_line(error.as_bytes()));
            return Ok(());
        }
        self.staging = Some(self.repository.stage(&self.policy.stage)?);
        Ok(())
    }

    /// Gives the next bytes to the staging area. What is wrong with them is remembered for the report.
    fn take(&mut self, pack: &[u8]) -> Result<Due, ServeError> {
        let Some(staging) = &mut self.staging else { return Ok(Due::Taken) };
        match staging.write(pack).and_then(|()| staging.is_complete()) {
            Ok(true) => Ok(Due::Taken),
            Ok(false) => Ok(Due::Nothing),
            Err(error) => {
                self.staging = None;
                self.push()?.cannot_unpack(&error);
                Ok(Due::Taken)
            }
        }
    }

    /// Resolves the pack and checks its objects.
    fn unpack(&mut self, stop: &dyn Interrupt) -> Result<(), ServeError> {
        let finished = self.staging.take().map(|staging| staging.finish(stop));
        let policy = Arc::clone(&self.policy);
        let push = self.push()?;
        for note in &policy.notes {
            push.say(format!("warning: {note}\n").as_bytes());
        }
        match finished {
            Some(Ok(staged)) => {
                for warning in staged.warnings() {
                    push.say(format!("warning: {warning}\n").as_bytes());
                }
                push.staged = Some(staged);
            }
            Some(Err(error)) => push.cannot_unpack(&error),
            None => {}
        }
        Ok(())
    }

    /// Lets a thread carry the push out.
    fn start(&mut self) -> Result<(), ServeError> {
        let Some(push) = self.push.take() else { return Ok(()) };
        let thread = std::thread::Builder::new().name("push".to_owned()).spawn(move || push.run());
        self.thread = Some(thread.map_err(|_| ServeError::Internal("there is no thread for the push"))?);
        Ok(())
    }

    /// Hears what the thread has to tell.
    fn listen(&mut self, stop: &dyn Interrupt) -> Result<(), ServeError> {
        if stop.check().is_err() {
            self.voice.cancel();
        }
        self.told.extend(self.voice.hear());
        while let Some(at) = self.told.iter().position(|told| matches!(told, Told::Failed(_))) {
            if let Some(Told::Failed(error)) = self.told.remove(at) {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Passes on what was heard.
    fn pass_on(&mut self, machine: &mut ReceivePack, output: &mut BytesMut) -> Result<(), ServeError> {
        while let Some(told) = self.told.pop_front() {
            match told {
                Told::Said(said) => self.speak(&said, machine, output)?,
                Told::Report(report) => {
                    machine.report(&report, output)?;
                    self.reported = true;
                }
                Told::Over if !self.reported => {
                    return Err(ServeError::Internal("the work on a push has panicked"));
                }
                Told::Over => {
                    machine.finish(output)?;
                    self.due = Due::Nothing;
                }
                Told::Failed(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn speak(
        &mut self,
        said: &[u8],
        machine: &mut ReceivePack,
        output: &mut BytesMut,
    ) -> Result<(), ServeError> {
        if self.bands && machine.awaiting() != ReceivePackAwaiting::Nothing {
            machine.progress(said, output)?;
        } else if let Some(aside) = self.aside.as_mut().filter(|_| !self.bands) {
            aside(said);
        }
        Ok(())
    }
}

impl Conversation for ReceiveSession {
    type Machine = ReceivePack;

    fn on(&mut self, event: ReceivePackEvent) -> Reply {
        self.due = match event {
            ReceivePackEvent::RefsWanted => Due::Refs(Box::default()),
            ReceivePackEvent::Request(request) => self.heard(*request),
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

    fn only_waits(&self) -> bool {
        matches!(self.due, Due::Listen)
    }

    fn work(&mut self, stop: &dyn Interrupt) -> Result<(), ServeError> {
        self.due = match std::mem::replace(&mut self.due, Due::Nothing) {
            Due::Refs(mut advertising) => {
                advertising.work(&*self.repository, &self.policy, &*self.hooks)?;
                Due::Refs(advertising)
            }
            Due::Open => {
                self.open()?;
                Due::Nothing
            }
            Due::Take(data) => self.take(&data)?,
            Due::Unpack => {
                self.unpack(stop)?;
                Due::Decide
            }
            Due::Decide => {
                self.push()?.decide(stop)?;
                self.start()?;
                Due::Listen
            }
            Due::Listen => {
                self.listen(stop)?;
                Due::Listen
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
        match &mut self.due {
            Due::Refs(advertising) => {
                if advertising.answer(machine, output)? {
                    let boundary = self.repository.shallow()?;
                    machine.end_refs(&boundary, output)?;
                    self.due = Due::Nothing;
                }
                Ok(())
            }
            Due::Listen => self.pass_on(machine, output),
            Due::Nothing => Err(ServeError::Internal("nothing is due, and the machine waits")),
            _ => Ok(()),
        }
    }

    fn wind_up(&mut self) {
        self.voice.cancel();
        if let Some(thread) = self.thread.take() {
            // A panic has been told of.
            let _ = thread.join();
        }
    }
}

impl Drop for ReceiveSession {
    fn drop(&mut self) {
        self.voice.cancel();
    }
}

impl std::fmt::Debug for ReceiveSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReceiveSession").field("push", &self.push).finish_non_exhaustive()
    }
}
