#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]
#![no_std]
#![doc = include_str!("../README.md")]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

extern crate alloc;

mod error;
mod feature;
mod fetch;
mod line;
mod list;
mod promisor;
mod push;
mod v2;
mod v2_request;
mod value;
mod write;

pub use crate::error::CapabilityError;
pub use crate::feature::{Feature, FeatureSet, FetchFeature, PushFeature, V2Command, V2FetchFeature};
pub use crate::fetch::{AckMode, FetchAgreement, FetchOffer, FetchWish};
pub use crate::line::{Line, split_line, split_want};
pub use crate::list::{Budget, Capabilities, Capability, Limits};
pub use crate::promisor::{
    PromisorRemote, accepted_promisors, parse_accepted_promisors, parse_promisors, promisors,
};
pub use crate::push::{Certificate, PushAgreement, PushOffer, PushWish, Report};
pub use crate::v2::{V2Agreement, V2Offer, V2Wish};
pub use crate::v2_request::V2Request;
pub use crate::value::{OfferedFormats, SideBand, Symref, Unknown, Value};
