#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]
#![no_std]
#![doc = include_str!("../README.md")]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod capabilities;
mod error;
mod fetch_client;
mod limits;
mod machine;
pub mod message;
mod preface;
mod push_client;
mod reader;
mod receive_pack;
mod refs;
mod states;
#[cfg(test)]
mod testing;
mod upload_pack;
mod version;
mod wire;

pub use crate::capabilities::ServerCapabilities;
pub use crate::error::{Actual, Excerpt, Misuse, ProtocolError, RemoteChannel, Violation};
pub use crate::fetch_client::{
    FetchAwaiting, FetchClient, FetchClientOptions, FetchEvent, FetchRequest, LsRefsRequest, Readiness,
    WindowEnd,
};
pub use crate::limits::Limits;
pub use crate::machine::{Machine, Next};
pub use crate::push_client::{PushAwaiting, PushClient, PushClientOptions, PushEvent, PushRequest};
pub use crate::receive_pack::{
    CommandReport, CommandResult, PushCommand, PushReport, ReceivePack, ReceivePackAwaiting,
    ReceivePackEvent, ReceivePackOptions, UpdateOptions, UpdateRequest,
};
pub use crate::refs::{AdvertisedRef, RefBlock, Refs};
pub use crate::upload_pack::{
    HaveAnswers, HavesEnd, Serving, UploadPack, UploadPackAwaiting, UploadPackEvent, UploadPackOptions,
    UploadRequest,
};
pub use crate::version::{Mode, Version};

/// What this library calls itself towards peers.
const AGENT: &[u8] = concat!("gitwire/", env!("CARGO_PKG_VERSION")).as_bytes();
