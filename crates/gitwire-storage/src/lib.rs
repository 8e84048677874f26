#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]
#![doc = include_str!("../README.md")]

mod error;
mod files;
mod fsck;
mod lazy;
mod links;
mod memory;
mod namespaced;
mod objects;
mod packed;
mod packs;
mod refs;
mod repository;

pub use crate::error::{StorageError, StorageErrorKind};
pub use crate::files::{ObjectFile, ObjectFiles, StoredFile};
pub use crate::fsck::PackCheck;
pub use crate::lazy::{Lazy, Promisor};
pub use crate::links::{OutwardLinks, PackLinks};
pub use crate::memory::MemoryRepository;
pub use crate::namespaced::{Namespace, Namespaced};
pub use crate::objects::{
    CommitFacts, CommitIndex, EntrySpan, ObjectReader, ObjectStore, Presence, Reachability,
};
pub use crate::packed::{
    MultiPackPart, PackFiles, PackName, PackPart, PackedOptions, PackedStore, PackedView,
};
pub use crate::packs::{
    Entry, EntryBase, PackAccess, PackId, PackSource, PackWritten, Preparation, SourceState,
};
pub use crate::refs::{
    EditOutcome, Expected, LogRecord, Peeled, RefEdit, RefRecord, RefStore, ReflogEntry, Transaction, Veto,
};
pub use crate::repository::{Repository, StageRequest, Staged, Staging};
pub use gitwire_object::fsck::Rules as FsckRules;

pub use gitwire_pack::{Bits, Duplicates};

/// The result of a storage operation.
pub type Result<T, E = StorageError> = core::result::Result<T, E>;
