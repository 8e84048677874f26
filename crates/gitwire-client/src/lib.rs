#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]
#![doc = include_str!("../README.md")]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

mod accept;
mod bring;
#[cfg(feature = "gitdir")]
mod bundles;
#[cfg(feature = "gitdir")]
mod clone;
mod conversation;
#[cfg(feature = "http")]
mod dumb;
mod error;
mod event;
mod fetch;
mod ls_remote;
mod push;
mod refs;
mod remote;
mod revision;
#[cfg(feature = "http")]
mod web_file;

pub use crate::accept::{AcceptPromisors, PromisorPolicy};
pub use crate::bring::{PromisorRemotes, bring};
#[cfg(feature = "gitdir")]
pub use crate::bundles::{
    BroughtBundles, Bundle, BundleError, BundleLimits, BundleList, BundleMode, BundleUris,
};
#[cfg(feature = "gitdir")]
pub use crate::clone::{Clone, CloneKind, Cloned};
pub use crate::conversation::{Carrier, Conversation};
#[cfg(feature = "http")]
pub use crate::dumb::{DumbError, DumbLimits};
pub use crate::error::ClientError;
pub use crate::event::{Event, Listener};
pub use crate::fetch::{
    Chooser, Fetch, FetchHeadRole, Fetched, ForMerge, NegotiationTips, PackWish, Prune, ShallowSource,
    TagFollowing, Update, UpdateKind,
};
pub use crate::ls_remote::ls_remote;
pub use crate::push::{
    Expect, Lease, Matching, PrePush, Push, PushStatus, PushUpdate, Pushed, RefspecProblem, Rejection,
    Signer, Signing,
};
pub use crate::refs::RemoteRefs;
pub use crate::remote::Remote;
pub use crate::revision::find_revision;
