//! What a fetch has done.

use gitwire_types::{ObjectId, RefName};

use crate::RemoteRefs;

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
    /// The checksum of the pack as it is stored; `None` if none came.
    pub checksum: Option<ObjectId>,
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
    /// What `FETCH_HEAD` says of it.
    pub fetch_head: FetchHeadRole,
}

/// What `FETCH_HEAD` says of a ref that was fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum FetchHeadRole {
    /// `git pull` would merge it.
    Merge,
    /// It would not.
    #[default]
    NotForMerge,
    /// Nothing: the ref is there twice, and moves because it follows the remote's.
    Ignore,
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
    /// It stayed, because the remote's history is cut where the one here is not: [`ShallowSource`](super::ShallowSource).
    ShallowRefused,
    /// It stayed, for it may not move so; why.
    Rejected(String),
    /// It was to move, and the repository could not do it; why.
    Failed(String),
}
