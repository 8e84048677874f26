#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]
#![doc = include_str!("../README.md")]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

mod commit;
mod error;
pub mod fsck;
mod hasher;
mod header;
mod namer;
mod sha1;
mod signature;
mod tag;
mod tree;

pub use crate::commit::{CommitLinks, CommitRef, Header, Headers, Parents};
pub use crate::error::{ObjectError, Problem};
pub use crate::hasher::{HashError, Hasher, Trust, object_id};
pub use crate::header::ObjectHeader;
pub use crate::namer::Namer;
pub use crate::signature::Signature;
pub use crate::tag::TagRef;
pub use crate::tree::{EntryMode, TreeEntry, TreeIter, TreeRef, TreeStream};
