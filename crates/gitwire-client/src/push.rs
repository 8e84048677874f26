//! Pushing: from refs of one's own to a remote's refs.

mod consent;
mod included;
mod judge;
mod local;
mod matching;
mod negotiate;
mod report;
mod track;
mod upload;

use std::sync::Arc;

use bytes::Bytes;
use gitwire_protocol::message::Service;
use gitwire_protocol::{PushClient, PushClientOptions, UpdateOptions, Version};
use gitwire_storage::{PackWritten, ReflogEntry, Repository, StorageError};
use gitwire_types::{FetchRefspec, Interrupt, Never, ObjectId, PushRefspec, RefName};
use gitwire_walk::WalkLimits;

pub use self::consent::{PrePush, Signer, Signing};
pub use self::matching::RefspecProblem;
use self::upload::Upload;
use crate::conversation::{Carrier, Conversation, have};
use crate::event::Listener;
use crate::{ClientError, Event, Prune, Remote, RemoteRefs};

/// Sends what refspecs name from a repository to a remote, as `git push` does.
///
/// ```no_run
/// # use std::sync::Arc;
/// # use gitwire_client::{ClientError, Push, PushStatus, Remote};
/// # use gitwire_storage::Repository;
/// use gitwire_types::PushRefspec;
///
/// # fn push(repository: Arc<dyn Repository>) -> Result<(), Box<dyn std::error::Error>> {
/// let mut push = Push::new(Remote::parse(b"git://127.0.0.1/project.git")?);
/// push.refspecs = vec![PushRefspec::parse("main")?, PushRefspec::parse(":refs/heads/old")?];
/// let pushed = push.run(repository, &mut |_| ())?;
/// for update in &pushed.updates {
///     println!("{} {:?}", update.destination, update.status);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Push {
    /// Where to.
    pub remote: Remote,
    /// What, and where to. None: `:`.
    pub refspecs: Vec<PushRefspec>,
    /// What `:` stands for.
    pub matching: Matching,
    /// Whether annotated tags go along that lead to what the remote has afterwards.
    pub follow_tags: bool,
    /// Whether refs of the remote go that refspecs lead to and no ref here fits any more.
    pub prune: Prune,
    /// Whether updates may lose history, whatever the refspecs say.
    pub force: bool,
    /// What refs of the remote must hold. Who leases a ref may lose its history.
    pub leases: Vec<Lease>,
    /// Whether the refs that `leases` do not name must hold what was last seen of them.
    pub lease_rest: bool,
    /// Whether a ref that must hold [what was last seen of it](Expect::Tracked) may change only if that is part of what the ref of
    /// its name has held here since it was seen, by the reflogs (`git push --force-if-includes`). So what somebody else fetched
    /// into the tracking ref is not lost unseen.
    pub lease_if_included: bool,
    /// All refs or none.
    pub atomic: bool,
    /// Nothing is sent; the answer says what would be.
    pub dry_run: bool,
    /// What the server's hooks are told.
    pub push_options: Vec<Bytes>,
    /// Whether deltas may have bases that only the server holds, where it takes such packs.
    pub thin: bool,
    /// Whether reachability bitmaps are asked, where there are some.
    pub bitmaps: bool,
    /// Whether the server is asked first, over a connection of its own and in version 2, which commits both have. It has what its
    /// refs show in any case.
    pub negotiate: bool,
    /// Whether the server is asked to keep its progress to itself.
    pub quiet: bool,
    /// What is fetched from the remote, and where to (`remote.NAME.fetch`): refs here that follow the remote's. Where a lease
    /// says what was last seen, it is taken from them; they are moved once the remote has moved.
    pub tracking: Vec<FetchRefspec>,
    /// What goes to the reflogs of those.
    pub reflog: Option<ReflogEntry>,
    /// How the push is signed; `None`: it is not.
    pub signing: Option<Signing>,
    /// Who may stop it before anything is asked for.
    pub pre_push: Option<Arc<dyn PrePush>>,
    /// What walks may hold.
    pub walk: WalkLimits,
    /// Bytes of memory that making deltas may hold at once. 64 MiB: a window of objects of some megabytes each.
    pub memory: u64,
}

/// What `:` stands for, and a push without refspecs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Matching {
    /// The branches that both sides have.
    #[default]
    Common,
    /// All branches (`--all`).
    All,
    /// All refs; what the remote has beside them goes (`--mirror`). Usually with [`force`](Push::force).
    Mirror,
}

/// What a ref of the remote must hold (`git push --force-with-lease`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The ref, perhaps by a short name.
    pub name: RefName,
    /// What it must hold.
    pub expect: Expect,
}

/// What a ref of the remote must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// What was last seen there: what the ref that [follows](Push::tracking) it holds.
    Tracked,
    /// Nothing: it must not exist.
    Absent,
    /// This object.
    Id(ObjectId),
}

/// What a push has done.
#[derive(Debug)]
#[non_exhaustive]
pub struct Pushed {
    /// What the remote showed.
    pub refs: RemoteRefs,
    /// One for each ref that was to change, in the remote's order; those that are new there come last.
    pub updates: Vec<PushUpdate>,
    /// Why the remote did not take the objects; `None` where it did, or did not say.
    pub unpack_error: Option<Bytes>,
    /// Names that the remote reported on and nobody had asked for, or twice.
    pub unexpected: Vec<Bytes>,
    /// Whether the server could be asked what both have, where that was to be. The push went on without.
    pub negotiated: Result<(), ClientError>,
    /// Whether the push was to be signed where the server takes that, and it does not.
    pub unsigned: bool,
    /// The pack that was sent; `None` if none was needed.
    pub pack: Option<PackWritten>,
    /// The refs that follow what was pushed, in the order of the updates.
    pub followed: Vec<RefName>,
    /// Whether they could be moved.
    pub tracked: Result<(), StorageError>,
}

/// What became of one ref of the remote.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushUpdate {
    /// What was pushed: a ref by its full name, or what the refspec names. `None`: the ref was to go.
    pub source: Option<Bytes>,
    /// The ref there.
    pub destination: RefName,
    /// What it held before.
    pub old: Option<ObjectId>,
    /// What it was to hold; `None`: nothing.
    pub new: Option<ObjectId>,
    /// Whether history is lost, by order.
    pub forced: bool,
    /// What was done.
    pub status: PushStatus,
    /// Where the server changed other refs, or to other ids, than it was asked to: all that it did.
    pub changes: Vec<UpdateOptions>,
}

/// What became of one ref of the remote.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushStatus {
    /// It held that already.
    UpToDate,
    /// It has changed, or would have.
    Done,
    /// It was not asked for: see why.
    Rejected(Rejection),
    /// The server refused; its words.
    RemoteRejected(Bytes),
    /// The server was asked and did not say what came of it.
    Unreported,
}

/// Why the client does not ask for a change. Displays in git's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// History would be lost.
    #[error("non-fast-forward")]
    NonFastForward,
    /// The remote has something that is not here.
    #[error("fetch first")]
    FetchFirst,
    /// Tags are not moved.
    #[error("already exists")]
    AlreadyExists,
    /// What is there or what is to be there is no commit.
    #[error("needs force")]
    NeedsForce,
    /// The remote does not hold what a lease says.
    #[error("stale info")]
    StaleInfo,
    /// What was last seen of the remote's ref has not become part of the ref here.
    #[error("remote ref updated since checkout")]
    NotIncluded,
    /// The server deletes nothing.
    #[error("remote does not support deleting refs")]
    DeletionUnsupported,
    /// Another ref of an atomic push was rejected.
    #[error("atomic push failed")]
    AtomicPushFailed,
}

impl Push {
    /// A push of the branches that both sides have.
    #[must_use]
    pub fn new(remote: Remote) -> Self {
        Self {
            remote,
            refspecs: Vec::new(),
            matching: Matching::default(),
            follow_tags: false,
            prune: Prune::default(),
            force: false,
            leases: Vec::new(),
            lease_rest: false,
            lease_if_included: false,
            atomic: false,
            dry_run: false,
            push_options: Vec::new(),
            thin: true,
            bitmaps: true,
            negotiate: false,
            quiet: false,
            tracking: Vec::new(),
            reflog: None,
            signing: None,
            pre_push: None,
            walk: WalkLimits::default(),
            memory: 64 << 20,
        }
    }

    /// Pushes. `listener` hears what happens. That the remote rejects single refs is no error: see [`PushUpdate::status`].
    ///
    /// # Errors
    /// A refspec names nothing that could be pushed; the remote is not reached, breaks off, or lacks what is asked of it; the
    /// repository fails. An error while the pack is sent leaves the remote as it was; one afterwards leaves it unknown what became of
    /// the push.
    pub fn run(
        &self,
        repository: Arc<dyn Repository>,
        listener: &mut dyn FnMut(Event<'_>),
    ) -> Result<Pushed, ClientError> {
        self.run_until(repository, listener, &Never)
    }

    /// Pushes, or stops when `stop` says so.
    ///
    /// # Errors
    /// As [`run`](Self::run); [`ClientError::Interrupted`].
    pub fn run_until(
        &self,
        repository: Arc<dyn Repository>,
        listener: &mut dyn FnMut(Event<'_>),
        stop: &dyn Interrupt,
    ) -> Result<Pushed, ClientError> {
        let mut carrier = |conversation: &mut dyn Conversation<Machine = PushClient>,
                           listener: Listener<'_>| {
            have(&self.asked_remote(), Service::ReceivePack, self.client(), conversation, listener)
        };
        self.run_over(repository, &mut carrier, listener, stop)
    }

    /// Pushes over a connection of the caller's: `carrier` steps a [`PushClient`] to its end and gives events and answers to the
    /// conversation. [`remote`](Self::remote) is not used.
    ///
    /// # Errors
    /// As [`run_until`](Self::run_until), and what the carrier returns.
    pub fn run_over(
        &self,
        repository: Arc<dyn Repository>,
        carrier: &mut Carrier<'_, PushClient>,
        listener: Listener<'_>,
        stop: &dyn Interrupt,
    ) -> Result<Pushed, ClientError> {
        let mut upload = Upload::new(self, repository, stop)?;
        carrier(&mut upload, listener)?;
        upload.into_pushed()
    }

    /// A machine that pushes to the remote.
    fn client(&self) -> PushClient {
        let mut options = PushClientOptions::default();
        options.mode = self.remote.mode();
        options.limits = self.remote.client.limits;
        PushClient::new(options)
    }

    /// There is no push of version 2, so nobody asks for it.
    fn asked_remote(&self) -> Remote {
        let mut remote = self.remote.clone();
        if remote.version == Version::V2 {
            remote.version = Version::V0;
        }
        remote
    }
}

impl Pushed {
    /// Whether every ref is as it was to be, and the objects were taken.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let good = |update: &PushUpdate| matches!(update.status, PushStatus::UpToDate | PushStatus::Done);
        self.unpack_error.is_none() && self.updates.iter().all(good)
    }
}
