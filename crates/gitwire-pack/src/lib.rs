#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]
#![doc = include_str!("../README.md")]

mod access;
mod base_cache;
mod bitmap;
mod bytes;
mod chunks;
mod commit_graph;
mod decode;
mod delta_window;
mod error;
mod hash;
mod header;
mod idx;
mod idx_write;
mod indexer;
mod inflate;
mod limits;
mod multi_pack;
mod read_at;
mod rev;
mod spilled;
mod spool;
#[cfg(test)]
mod testing;
mod verify;

pub use crate::access::{EntryBase, EntryFacts, ObjectStream, Pack};
pub use crate::base_cache::BaseCache;
pub use crate::bitmap::{BitmapProblem, Bits, PackBitmaps};
pub use crate::chunks::ChunkProblem;
pub use crate::commit_graph::{CommitGraph, CommitGraphProblem, GraphCommit};
pub use crate::decode::{PackDecoder, PackItem};
pub use crate::delta_window::{DeltaWindow, FoundDelta, WindowLimits};
pub use crate::error::{Blame, IndexProblem, InflateProblem, PackError, ReverseIndexProblem};
pub use crate::header::{EntryHeader, EntryKind, PackHeader};
pub use crate::idx::{Index, IndexEntry};
pub use crate::idx_write::{IndexSource, IndexVersion, LARGE_OFFSET_ABOVE, WriteIndex};
pub use crate::indexer::{
    Content, Duplicates, Indexed, Indexer, IndexerOptions, Inspect, KnownObjects, Progress, Resolve,
    Statistics,
};
pub use crate::limits::Limits;
pub use crate::multi_pack::{MultiPackIndex, MultiPackOrder, MultiPackProblem};
pub use crate::read_at::{ReadAt, StorageFailure};
pub use crate::rev::{ReverseIndex, write_reverse_index};
pub use crate::spool::{MemorySpool, Spool};
pub use crate::verify::{VerifiedObject, verify_pack};
