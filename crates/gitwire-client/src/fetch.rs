//! Fetching: from a remote's refs to refs of one's own.

mod chosen;
mod download;
#[cfg(feature = "http")]
mod elsewhere;
mod moves;
mod negotiate;
mod options;
mod outcome;
mod plan;
mod publish;
mod shallow;

use std::sync::Arc;

use bytes::Bytes;
use gitwire_protocol::FetchClient;
use gitwire_protocol::message::{DepthRequest, Service};
use gitwire_storage::{FsckRules, ReflogEntry, Repository, StageRequest};
use gitwire_types::{FetchRefspec, FilterSpec, Interrupt, Never, ObjectId};
use gitwire_walk::{HaveBudget, NegotiationAlgorithm, WalkLimits};

pub use self::chosen::{Chooser, PackWish};
#[cfg(any(feature = "gitdir", feature = "http"))]
pub(crate) use self::download::tips;
pub(crate) use self::download::{Download, Planner};
#[cfg(feature = "http")]
pub(crate) use self::download::{Received, follow_tags, missing};
pub(crate) use self::negotiate::{Tips, common};
pub use self::options::{ForMerge, NegotiationTips, Prune, ShallowSource, TagFollowing};
pub use self::outcome::{FetchHeadRole, Fetched, Update, UpdateKind};
pub(crate) use self::plan::{Plan, Wanted, map_refs};
pub(crate) use self::publish::publish;
use crate::conversation::{Carrier, Conversation, have};
use crate::event::Listener;
use crate::{ClientError, Event, PromisorPolicy, Remote, RemoteRefs};

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
    /// Where what the refspecs name is stored beside where they say (`remote.<name>.fetch`, where refspecs stand on a command line;
    /// `--refmap`).
    pub tracking: Vec<FetchRefspec>,
    /// Which of it `git pull` would merge.
    pub for_merge: ForMerge,
    /// Which tags come along.
    pub tags: TagFollowing,
    /// Whether refs go that the remote has no more.
    pub prune: Prune,
    /// How much history.
    pub depth: DepthRequest,
    /// What becomes of a history that is cut at the remote.
    pub shallow_source: ShallowSource,
    /// What to leave out. What is left out is not looked for afterwards.
    pub filter: Option<FilterSpec>,
    /// Which promisor remotes are taken that the server tells of.
    pub promisors: PromisorPolicy,
    /// Whether updates may lose history, whatever the refspecs say.
    pub force: bool,
    /// All refs or none.
    pub atomic: bool,
    /// Nothing changes; what would change is told.
    pub dry_run: bool,
    /// Everything comes, whatever is here already (`--refetch`).
    pub refetch: bool,
    /// What goes to the reflogs: the message is put before what became of each ref. `None`: reflogs are left alone.
    pub reflog: Option<ReflogEntry>,
    /// The rules by which objects are checked (`fetch.fsckObjects`); `None`: they are not.
    pub fsck: Option<Arc<FsckRules>>,
    /// Packs with fewer objects are stored as single objects, where the repository has such (`fetch.unpackLimit`). 0: none are.
    pub unpack_limit: u32,
    /// The protocols over which the server may name packs that it does not send itself: `http`, `https` (`fetch.uriProtocols`). None
    /// by default: then it sends everything.
    #[cfg(feature = "http")]
    pub uri_protocols: Vec<String>,
    /// Which commits are named to find out what both sides have.
    pub negotiation_tips: NegotiationTips,
    /// How commits are chosen to find out what both sides have.
    pub negotiation: NegotiationAlgorithm,
    /// How many of them may be named.
    pub haves: HaveBudget,
    /// What walks may hold.
    pub walk: WalkLimits,
    /// Threads for indexing what comes.
    pub threads: usize,
    /// What is asked of the pack.
    pub pack: PackWish,
    /// The largest pack that is taken, in bytes; by default as a [`StageRequest`] has it.
    pub pack_bytes_max: u64,
    /// Bytes of memory for indexing what comes, beside a fixed sum an object. 96 MiB, as `core.deltaBaseCacheLimit`.
    pub memory: u64,
}

impl Fetch {
    /// A fetch of the remote's `HEAD`.
    #[must_use]
    pub fn new(remote: Remote) -> Self {
        Self {
            remote,
            refspecs: Vec::new(),
            tracking: Vec::new(),
            for_merge: ForMerge::default(),
            tags: TagFollowing::default(),
            prune: Prune::default(),
            depth: DepthRequest::default(),
            shallow_source: ShallowSource::default(),
            filter: None,
            promisors: PromisorPolicy::default(),
            force: false,
            atomic: false,
            dry_run: false,
            refetch: false,
            reflog: None,
            fsck: None,
            unpack_limit: 0,
            #[cfg(feature = "http")]
            uri_protocols: Vec::new(),
            negotiation_tips: NegotiationTips::default(),
            negotiation: NegotiationAlgorithm::default(),
            haves: HaveBudget::default(),
            walk: WalkLimits::default(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            pack: PackWish::default(),
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

    /// The commits that both sides have and the [`negotiation_tips`](Fetch::negotiation_tips) reach, as far as a few questions tell;
    /// nothing is fetched (`--negotiate-only`).
    ///
    /// # Errors
    /// The server does not speak version 2, or cannot answer without sending a pack; what ends a fetch.
    pub fn negotiate(
        &self,
        repository: &dyn Repository,
        stop: &dyn Interrupt,
    ) -> Result<Vec<ObjectId>, ClientError> {
        let mut graph =
            gitwire_walk::Graph::new(repository.objects()?, repository.format(), self.walk.clone());
        graph.set_boundary(&repository.shallow()?)?;
        let tips = match &self.negotiation_tips.from {
            Some(tips) => tips.clone(),
            None => download::tips(repository)?,
        };
        let tips = Tips { known: &[], tips: &tips, always: &self.negotiation_tips.always };
        let (algorithm, budget) = (self.negotiation, self.haves.clone());
        let negotiator = gitwire_walk::Negotiator::new(graph, algorithm, budget);
        common(&self.remote, negotiator, tips, stop)?.ok_or(ClientError::NotOffered("wait-for-done"))
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

    /// Whether what is lacking afterwards is promised by the remote.
    pub(crate) fn is_partial(&self) -> bool {
        self.filter.is_some() || self.promisors.chooses_filter || self.pack.promisor
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
