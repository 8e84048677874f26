#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]
#![doc = include_str!("../README.md")]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

pub mod access;
#[cfg(feature = "tokio")]
mod clients;
#[cfg(feature = "control")]
pub mod control;
mod conversation;
#[cfg(feature = "tokio")]
pub mod daemon;
mod error;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "tokio")]
mod jobs;
#[cfg(feature = "tokio")]
mod meter;
mod observer;
mod packs;
mod policy;
mod receive;
mod relay;
mod repositories;
mod session;
pub mod stdio;

pub use crate::conversation::{Conversation, Reply};
pub use crate::error::ServeError;
#[cfg(feature = "tokio")]
pub use crate::jobs::{JobCounts, Jobs};
#[cfg(feature = "tokio")]
pub use crate::meter::{Counts, Meter, Metered};
pub use crate::observer::{FetchFacts, Observer, PushFacts};
#[cfg(feature = "gitdir")]
pub use crate::packs::ProgramPacks;
pub use crate::packs::{PackMaker, PackOrder};
pub use crate::policy::{
    BlobPackfileUri, FilterRules, Filters, Haves, HiddenRefs, PackfileUris, Policy, Unborn, Visibility, Wants,
};
pub use crate::receive::{
    CertificateCheck, CertificatePolicy, ConfigTrust, CurrentBranch, Hooks, MaintenanceTask, NoHooks,
    NonceStatus, ProcReceiveRefs, Processed, Proposal, Pusher, ReceivePolicy, ReceiveSession, Refusal,
    SignatureCheck, SignatureStatus, TransactionState,
};
#[cfg(feature = "gitdir")]
pub use crate::receive::{ProgramHooks, configured_hooks};
pub use crate::relay::{PushGate, Relay, RelayError};
#[cfg(feature = "gitdir")]
pub use crate::repositories::{DirectoryRoot, Export};
pub use crate::repositories::{Door, OpenError, Receiving, Repositories, RepositoryRequest, Uploading};
pub use crate::session::Session;
