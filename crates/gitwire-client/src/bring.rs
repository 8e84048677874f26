//! Bringing what a partial clone left out (`partial-clone`).

use std::fmt;
use std::sync::Arc;

use bytes::BytesMut;
use gitwire_protocol::message::Service;
use gitwire_protocol::{
    FetchAwaiting, FetchClient, FetchEvent, FetchRequest, LsRefsRequest, ServerCapabilities, WindowEnd,
};
use gitwire_storage::{
    Presence, Promisor, Repository, StageRequest, Staging, StorageError, StorageErrorKind, Transaction,
};
use gitwire_types::{FilterSpec, Interrupt, Never, ObjectId};

use crate::conversation::{Conversation, have};
use crate::event::Listener;
use crate::{ClientError, Event, Remote};

/// Promisor remotes of a partial clone, asked one after the other for what is missing: what a [`Lazy`](gitwire_storage::Lazy) repository
/// needs.
///
/// Objects are asked for by their ids, all of a batch in one request, without haves and without the blobs that they lead to. They are
/// marked as sent by a promisor.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use gitwire_client::{PromisorRemotes, Remote};
/// use gitwire_gitdir::{GitDir, OpenOptions};
/// use gitwire_storage::{Lazy, ObjectStore as _, Repository as _};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let clone = Arc::new(GitDir::open("/srv/partial.git", &OpenOptions::default())?);
/// let mut remotes = PromisorRemotes::new(clone.clone());
/// remotes.add(b"origin", Remote::parse(b"https://example.org/whole.git")?);
/// let whole = Lazy::new(clone, Arc::new(remotes));
/// // From here on a blob that was left out comes when it is read.
/// let objects = whole.objects()?;
/// # Ok(())
/// # }
/// ```
pub struct PromisorRemotes {
    repository: Arc<dyn Repository>,
    remotes: Vec<(Vec<u8>, Remote)>,
    stage: StageRequest,
    brought: Brought,
}

/// Hears which remote has brought objects.
type Brought = Box<dyn Fn(&[u8]) -> Result<(), StorageError> + Send + Sync>;

impl PromisorRemotes {
    /// No remotes yet; what they bring goes into `repository`, which must not be a lazy one.
    #[must_use]
    pub fn new(repository: Arc<dyn Repository>) -> Self {
        let mut stage = StageRequest::default();
        stage.thin = false;
        Self { repository, remotes: Vec::new(), stage, brought: Box::new(|_| Ok(())) }
    }

    /// A remote to ask when those before it have not brought everything.
    pub fn add(&mut self, name: &[u8], remote: Remote) {
        self.remotes.push((name.to_vec(), remote));
    }

    /// Tells `brought` the name of each remote that has brought something.
    #[must_use]
    pub fn with_listener(
        mut self,
        brought: impl Fn(&[u8]) -> Result<(), StorageError> + Send + Sync + 'static,
    ) -> Self {
        self.brought = Box::new(brought);
        self
    }

    fn missing(&self, ids: &[ObjectId]) -> Result<Vec<ObjectId>, StorageError> {
        let mut missing = Vec::new();
        self.repository.objects()?.headers(ids, &mut |at, presence| {
            missing.extend(ids.get(at).copied().filter(|_| presence == Presence::Absent));
        })?;
        Ok(missing)
    }
}

impl Promisor for PromisorRemotes {
    fn bring(&self, ids: &[ObjectId]) -> Result<(), StorageError> {
        let mut missing = ids.to_vec();
        let mut why = None;
        for (name, remote) in &self.remotes {
            match bring(remote, &*self.repository, &missing, &self.stage, &mut |_| (), &Never) {
                Ok(()) => (self.brought)(name)?,
                Err(error) => why = Some(format!("{}: {error}", name.escape_ascii())),
            }
            missing = self.missing(&missing)?;
            if missing.is_empty() {
                return Ok(());
            }
        }
        let Some(id) = missing.first() else { return Ok(()) };
        let mut text = format!("could not fetch {id} from promisor remote");
        if let Some(why) = why {
            text.push(' ');
            text.push_str(&why);
        }
        Err(StorageError::new(StorageErrorKind::Missing(*id), text))
    }
}

impl fmt::Debug for PromisorRemotes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PromisorRemotes").field("remotes", &self.remotes.len()).finish_non_exhaustive()
    }
}

/// Brings single objects from a remote, and what they lead to but blobs, where it can leave those out. The pack is marked as sent by a
/// promisor.
///
/// # Errors
/// The remote is not reached, or does not give them; a pack that breaks the limits of `stage`; the repository fails.
pub fn bring(
    remote: &Remote,
    repository: &dyn Repository,
    ids: &[ObjectId],
    stage: &StageRequest,
    listener: Listener<'_>,
    stop: &dyn Interrupt,
) -> Result<(), ClientError> {
    let mut stage = stage.clone();
    stage.promisor = true;
    let mut bringing =
        Bringing { remote, repository, ids, stage, staging: None, asked: false, filters: false, stop };
    have(remote, Service::UploadPack, remote.fetch_client(), &mut bringing, listener)?;
    let Some(staging) = bringing.staging else {
        return Err(ClientError::Internal("the conversation has ended without a pack"));
    };
    let staged = staging.finish(stop)?;
    repository.commit(Some(staged), Transaction::default(), &mut |_| Ok(()))?;
    Ok(())
}

/// The conversation: wants alone.
struct Bringing<'a> {
    remote: &'a Remote,
    repository: &'a dyn Repository,
    ids: &'a [ObjectId],
    stage: StageRequest,
    staging: Option<Box<dyn Staging>>,
    asked: bool,
    /// Whether the server can leave blobs out.
    filters: bool,
    stop: &'a dyn Interrupt,
}

impl Bringing<'_> {
    fn learn(&mut self, capabilities: &ServerCapabilities) -> Result<(), ClientError> {
        let (ours, theirs) = (self.repository.format(), capabilities.object_format());
        if ours != theirs {
            return Err(ClientError::ObjectFormat { ours, theirs });
        }
        self.filters = capabilities.offers_filter();
        Ok(())
    }

    fn request(&self) -> FetchRequest {
        let mut request = FetchRequest::default();
        request.wants = self.ids.to_vec();
        request.thin_pack = false;
        request.filter = self.filters.then(|| FilterSpec::BlobNone.to_bytes().into());
        request.server_options.clone_from(&self.remote.server_options);
        request
    }
}

impl Conversation for Bringing<'_> {
    type Machine = FetchClient;

    fn event(&mut self, event: FetchEvent, listener: Listener<'_>) -> Result<(), ClientError> {
        self.stop.check()?;
        match event {
            FetchEvent::Capabilities(capabilities) => self.learn(&capabilities)?,
            FetchEvent::PackStart => self.staging = Some(self.repository.stage(&self.stage)?),
            FetchEvent::Pack(bytes) => {
                let staging = self.staging.as_mut();
                staging.ok_or(ClientError::Internal("a pack that has not begun"))?.write(&bytes)?;
            }
            FetchEvent::Progress(text) => listener(Event::Remote(&text)),
            _ => {}
        }
        Ok(())
    }

    fn answer(
        &mut self,
        machine: &mut FetchClient,
        output: &mut BytesMut,
        _: Listener<'_>,
    ) -> Result<(), ClientError> {
        self.stop.check()?;
        match machine.awaiting() {
            FetchAwaiting::ListRefs => Ok(machine.list_refs(LsRefsRequest::default(), output)?),
            FetchAwaiting::Haves => Ok(machine.haves(&[], WindowEnd::Done, output)?),
            _ if self.asked => Ok(machine.finish(output)?),
            _ => {
                self.asked = true;
                Ok(machine.fetch(self.request(), output)?)
            }
        }
    }
}
