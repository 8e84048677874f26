//! Fetching: from a remote's refs to refs of one's own.

mod download;
mod plan;
mod publish;

use std::sync::Arc;

use bytes::Bytes;
use gitwire_protocol::FetchClient;
use gitwire_protocol::message::{DepthRequest, Service};
use gitwire_storage::{Repository, StageRequest};
use gitwire_types::{FetchRefspec, FilterSpec, Interrupt, Never, ObjectId, RefName};
use gitwire_walk::{HaveBudget, NegotiationAlgorithm, WalkLimits};

pub(crate) use self::download::{Download, Planner};
#[cfg(feature = "http")]
pub(crate) use self::download::{Received, follow_tags, missing, tips};
pub(crate) use self::plan::{Plan, Wanted, map_refs};
pub(crate) use self::publish::publish;
use crate::conversation::{Carrier, Conversation, have};
use crate::event::Listener;
use crate::{ClientError, Event, Remote, RemoteRefs};

/// Brings what refspecs name from a remote into a repository, as `git fetch` does.
///
/// ```no_run
/// # use std::sync::Arc;
/// # use gitwire_client::{ClientError, Fetch, Remote};
/// # use gitwire_storage::Repository;
/// use gitwire_types::FetchRefspec;
///
/// # fn fetch(repository: Arc<dyn Repository>) -> Result<(), Box<dyn std::error::Error>> {
/// let mut fetch = Fetch::new(Remote::parse(b"git://127.0.0.1/project.git")?);
/// fetch.refspecs = vec![FetchRefspec::parse("+refs/heads/*:refs/remotes/origin/*")?];
/// let fetched = fetch.run(repository, &mut |_| ())?;
/// for update in &fetched.updates {
///     println!("{} {:?}", update.remote, update.kind);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Fetch {
    /// Where from.
    pub remote: Remote,
    /// What, and where to. None: `HEAD`, stored nowhere.
    pub refspecs: Vec<FetchRefspec>,
    /// Which tags come along.
    pub tags: TagFollowing,
    /// Whether refs go that the remote has no more.
    pub prune: Prune,
    /// How much history.
    pub depth: DepthRequest,
    /// What to leave out. What is left out is not looked for afterwards.
    pub filter: Option<FilterSpec>,
    /// Whether updates may lose history, whatever the refspecs say.
    pub force: bool,
    /// All refs or none.
    pub atomic: bool,
    /// How commits are chosen to find out what both sides have.
    pub negotiation: NegotiationAlgorithm,
    /// How many of them may be named.
    pub haves: HaveBudget,
    /// What walks may hold.
    pub walk: WalkLimits,
    /// Threads for indexing what comes.
    pub threads: usize,
    /// The largest pack that is taken, in bytes; by default as a [`StageRequest`] has it.
    pub pack_bytes_max: u64,
    /// Bytes of memory for indexing what comes, beside a fixed sum an object. 96 MiB, as `core.deltaBaseCacheLimit`.
    pub memory: u64,
}

/// Which tags come along with what is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TagFollowing {
    /// Those that lead to what is fetched or is here already, where anything is stored at all.
    #[default]
    Auto,
    /// All (`--tags`).
    All,
    /// None but those that refspecs name (`--no-tags`).
    None,
}

/// Whether refs go that the remote has no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Prune {
    /// They stay.
    #[default]
    No,
    /// They go.
    Yes,
}

/// What a fetch has done.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Fetched {
    /// What the remote showed.
    pub refs: RemoteRefs,
    /// One for each ref that was asked for, and for each that was pruned.
    pub updates: Vec<Update>,
    /// What the pack was made of; `None` if none was needed.
    pub pack: Option<gitwire_pack::Statistics>,
}

/// What became of one ref.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Update {
    /// Its name there.
    pub remote: RefName,
    /// Its name here; `None`: it is stored nowhere.
    pub local: Option<RefName>,
    /// What the name here held before.
    pub old: Option<ObjectId>,
    /// What the remote has; `None`: it has it no more.
    pub new: Option<ObjectId>,
    /// What was done.
    pub kind: UpdateKind,
}

/// What became of one ref.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpdateKind {
    /// It holds what the remote has already, or is stored nowhere.
    UpToDate,
    /// It is new.
    New,
    /// It moved on.
    FastForward,
    /// It moved, and history was lost.
    Forced,
    /// It went.
    Pruned,
    /// It stayed; why.
    Rejected(String),
}

impl Fetch {
    /// A fetch of the remote's `HEAD`.
    #[must_use]
    pub fn new(remote: Remote) -> Self {
        Self {
            remote,
            refspecs: Vec::new(),
            tags: TagFollowing::default(),
            prune: Prune::default(),
            depth: DepthRequest::default(),
            filter: None,
            force: false,
            atomic: false,
            negotiation: NegotiationAlgorithm::default(),
            haves: HaveBudget::default(),
            walk: WalkLimits::default(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            pack_bytes_max: StageRequest::default().pack_bytes_max,
            memory: 96 << 20,
        }
    }

    /// Fetches. `listener` hears what happens.
    ///
    /// # Errors
    /// The remote is not reached, breaks off, or sends less than it must; the repository fails. No ref has moved then.
    pub fn run(
        &self,
        repository: Arc<dyn Repository>,
        listener: &mut dyn FnMut(Event<'_>),
    ) -> Result<Fetched, ClientError> {
        self.run_until(repository, listener, &Never)
    }

    /// Fetches, or stops when `stop` says so.
    ///
    /// # Errors
    /// As [`run`](Self::run); [`ClientError::Interrupted`].
    pub fn run_until(
        &self,
        repository: Arc<dyn Repository>,
        listener: &mut dyn FnMut(Event<'_>),
        stop: &dyn Interrupt,
    ) -> Result<Fetched, ClientError> {
        let planner = |refs: &RemoteRefs| map_refs(self, refs, Arc::clone(&repository));
        self.run_planned(self.prefixes(), &planner, listener, stop)
    }

    /// Fetches over a connection of the caller's: `carrier` steps a [`FetchClient`] to its end
    /// and gives events and answers to the conversation. [`remote`](Self::remote) is not used.
    ///
    /// # Errors
    /// As [`run_until`](Self::run_until), and what the carrier returns.
    pub fn run_over(
        &self,
        repository: Arc<dyn Repository>,
        carrier: &mut Carrier<'_>,
        listener: Listener<'_>,
        stop: &dyn Interrupt,
    ) -> Result<Fetched, ClientError> {
        let planner = |refs: &RemoteRefs| map_refs(self, refs, Arc::clone(&repository));
        self.run_carried(self.prefixes(), &planner, carrier, listener, stop)
    }

    /// Fetches what `planner` chooses once it has seen the refs.
    pub(crate) fn run_planned(
        &self,
        prefixes: Vec<Bytes>,
        planner: Planner<'_>,
        listener: Listener<'_>,
        stop: &dyn Interrupt,
    ) -> Result<Fetched, ClientError> {
        let mut carrier = |conversation: &mut dyn Conversation<Machine = FetchClient>,
                           listener: Listener<'_>| {
            have(&self.remote, Service::UploadPack, self.remote.fetch_client(), conversation, listener)
        };
        let fetched = self.run_carried(prefixes, planner, &mut carrier, listener, stop);
        #[cfg(feature = "http")]
        if fetched.as_ref().is_err_and(crate::dumb::is_dumb) {
            let received = crate::dumb::fetch(self, planner, listener, stop)?;
            return publish(self, received, listener, stop);
        }
        fetched
    }

    fn run_carried(
        &self,
        prefixes: Vec<Bytes>,
        planner: Planner<'_>,
        carrier: &mut Carrier<'_>,
        listener: Listener<'_>,
        stop: &dyn Interrupt,
    ) -> Result<Fetched, ClientError> {
        let mut download = Download::new(self, prefixes, planner, stop);
        carrier(&mut download, listener)?;
        let received = download.into_received()?;
        publish(self, received, listener, stop)
    }

    /// What the server is asked to show.
    fn prefixes(&self) -> Vec<Bytes> {
        let mut prefixes: Vec<Bytes> = self.refspecs.iter().flat_map(FetchRefspec::prefixes).collect();
        if self.refspecs.is_empty() {
            prefixes.push(Bytes::from_static(b"HEAD"));
        }
        if self.tags != TagFollowing::None {
            prefixes.push(Bytes::from_static(b"refs/tags/"));
        }
        prefixes.sort_unstable();
        prefixes.dedup();
        prefixes
    }
}
