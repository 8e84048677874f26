#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

mod hasher;
mod header;

pub use crate::hasher::{HashError, Hasher, Trust, object_id};
pub use crate::header::ObjectHeader;
