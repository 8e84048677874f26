//! The one error of the crate.

use std::error::Error;

use gitwire_types::{Interrupted, ObjectId};

use crate::StorageFailure;

/// Why a pack, or one of the files beside it, could not be used.
///
/// `offset` is a byte offset from the start of the file that the message names; for an entry, that of its header.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    // --- The pack is broken.
    /// The first four bytes are not `PACK`.
    #[error("pack starts with {found:?}, not with PACK")]
    Signature {
        /// What stands there.
        found: [u8; 4],
    },
    /// A version other than 2 and 3.
    #[error("pack has version {found}, at offset 4")]
    Version {
        /// The version.
        found: u32,
    },
    /// The pack ends too early.
    #[error("pack ends at offset {offset}")]
    Truncated {
        /// Where it ends.
        offset: u64,
    },
    /// Bytes follow where the pack should have ended.
    #[error("pack goes on after its end at offset {offset}")]
    TrailingData {
        /// The first byte too many.
        offset: u64,
    },
    /// The pack does not hash to its trailer.
    #[error("pack has checksum {actual}, its trailer at offset {offset} says {expected}")]
    Checksum {
        /// Where the trailer starts.
        offset: u64,
        /// By the trailer.
        expected: ObjectId,
        /// By the bytes before it.
        actual: ObjectId,
    },
    /// An entry of a type that is none: 0 or 5.
    #[error("entry at offset {offset} has type {found}")]
    EntryType {
        /// The entry.
        offset: u64,
        /// The type.
        found: u8,
    },
    /// A size or distance in an entry header does not fit in 64 bits.
    #[error("entry at offset {offset} has a number that does not fit in 64 bits")]
    VarintOverflow {
        /// The entry.
        offset: u64,
    },
    /// Compressed data that is not a zlib stream (RFC 1950).
    #[error("entry at offset {offset} has bad compressed data: {problem}")]
    Inflate {
        /// The entry.
        offset: u64,
        /// What the inflater said.
        problem: InflateProblem,
    },
    /// An entry inflates to more than its header declares.
    #[error("entry at offset {offset} inflates to more than the {declared} bytes that it declares")]
    InflateOverrun {
        /// The entry.
        offset: u64,
        /// By its header.
        declared: u64,
    },
    /// An entry inflates to less than its header declares.
    #[error("entry at offset {offset} inflates to {actual} bytes, it declares {declared}")]
    InflateUnderrun {
        /// The entry.
        offset: u64,
        /// By its header.
        declared: u64,
        /// What there was.
        actual: u64,
    },
    /// An offset delta whose base is itself, before the first entry, or no entry.
    #[error("delta at offset {offset} has its base {distance} bytes before, where no entry starts")]
    DeltaBase {
        /// The delta.
        offset: u64,
        /// What its header says.
        distance: u64,
    },
    /// A delta that is broken.
    #[error("delta at offset {offset} is broken")]
    Delta {
        /// The delta.
        offset: u64,
        /// What is wrong with it, and where in it.
        source: gitwire_delta::DeltaError,
    },
    /// A delta that leads back to itself.
    #[error("delta at offset {offset} leads back to itself")]
    DeltaCycle {
        /// A delta of the cycle.
        offset: u64,
    },
    /// Deltas whose base is neither in the pack nor known, or leads back to them.
    #[error("pack has {count} unresolved deltas, the first at offset {offset} against {base}")]
    Unresolved {
        /// How many.
        count: u64,
        /// The first of them.
        offset: u64,
        /// What it is a delta against.
        base: ObjectId,
    },
    /// The same object twice, where that is refused.
    #[error("object {id} stands in the pack twice, the second time at offset {offset}")]
    Duplicate {
        /// The object.
        id: ObjectId,
        /// Its later entry.
        offset: u64,
    },
    /// An entry that carries the marks of a SHA-1 collision attack.
    #[error("entry at offset {offset} carries a SHA-1 collision attack on {id}")]
    CollisionAttack {
        /// The entry.
        offset: u64,
        /// The id, not to be used as a name.
        id: ObjectId,
    },
    /// An object that is known already, with other content.
    #[error("entry at offset {offset} is {id}, which exists with other content")]
    Collision {
        /// The entry.
        offset: u64,
        /// The id.
        id: ObjectId,
    },
    /// The check of the caller refused an object.
    #[error("entry at offset {offset}, {id}, is refused")]
    Refused {
        /// The entry.
        offset: u64,
        /// The object.
        id: ObjectId,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },

    // --- A pack and its index disagree.
    /// An entry whose bytes are not those that were indexed.
    #[error("entry at offset {offset} has CRC {actual:08x}, the index says {expected:08x}")]
    Crc {
        /// The entry.
        offset: u64,
        /// By the index.
        expected: u32,
        /// By the pack.
        actual: u32,
    },
    /// An object that stands elsewhere than its index says.
    #[error("entry at offset {offset} is {id}, the index has it at offset {expected}")]
    Offset {
        /// The entry.
        offset: u64,
        /// The object.
        id: ObjectId,
        /// By the index.
        expected: u64,
    },
    /// An object that does not hash to its id.
    #[error("entry at offset {offset} is {actual}, the index says {expected}")]
    Hash {
        /// The entry.
        offset: u64,
        /// By the index.
        expected: ObjectId,
        /// By the content.
        actual: ObjectId,
    },
    /// A pack that is not the one that was indexed.
    #[error("index is for pack {expected}, this is {actual}")]
    WrongPack {
        /// By the index.
        expected: ObjectId,
        /// By the pack's trailer.
        actual: ObjectId,
    },
    /// A pack of another number of objects than its index.
    #[error("pack has {actual} objects, its index {expected}")]
    ObjectCount {
        /// By the index.
        expected: u32,
        /// By the pack's header.
        actual: u32,
    },
    /// A base of a delta that is not in the index.
    #[error("delta at offset {offset} is against {base}, which is not in the pack")]
    MissingBase {
        /// The delta.
        offset: u64,
        /// What it is against.
        base: ObjectId,
    },

    // --- An index or a reverse index is broken.
    /// An `.idx` that is broken.
    #[error("pack index: {0}")]
    Index(IndexProblem),
    /// A `.rev` that is broken.
    #[error("reverse index: {0}")]
    ReverseIndex(ReverseIndexProblem),

    // --- Limits.
    /// A pack of more bytes than allowed.
    #[error("pack is larger than the limit of {max} bytes")]
    PackTooLarge {
        /// [`Limits::pack_bytes_max`](crate::Limits::pack_bytes_max).
        max: u64,
    },
    /// A pack that declares more objects than allowed.
    #[error("pack declares {declared} objects, the limit is {max}")]
    TooManyObjects {
        /// By its header.
        declared: u32,
        /// [`Limits::objects_max`](crate::Limits::objects_max).
        max: u32,
    },
    /// An object or delta that declares more bytes than allowed.
    #[error("entry at offset {offset} declares {declared} bytes, the limit is {max}")]
    ObjectTooLarge {
        /// The entry.
        offset: u64,
        /// By its header, or by the header of its delta.
        declared: u64,
        /// The limit that applies.
        max: u64,
    },
    /// A chain of more deltas than allowed.
    #[error("delta at offset {offset} ends a chain of more than {max} deltas")]
    ChainTooDeep {
        /// The delta.
        offset: u64,
        /// [`Limits::delta_depth_max`](crate::Limits::delta_depth_max).
        max: u32,
    },
    /// Objects that are too large to be held take more room than allowed.
    #[error(
        "objects that are too large for memory take more than the limit of {max} bytes (spill_bytes_max)"
    )]
    TooMuchSpilled {
        /// [`Limits::spill_bytes_max`](crate::Limits::spill_bytes_max).
        max: u64,
    },
    /// A pack whose objects take more to make than allowed.
    #[error("the objects of the pack take more than the limit of {max} bytes to make (work_bytes_max)")]
    TooMuchWork {
        /// [`Limits::work_bytes_max`](crate::Limits::work_bytes_max), or more for a large pack.
        max: u64,
    },

    // --- Everything else.
    /// The medium failed.
    #[error("storage failed")]
    Storage(#[source] StorageFailure),
    /// The caller asked for an end.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The crate was called wrongly.
    #[error("misuse: {0}")]
    Misuse(&'static str),
    /// A branch that cannot be reached was: a bug of this crate.
    #[error("internal error: {0}")]
    Internal(&'static str),
}

impl From<IndexProblem> for PackError {
    fn from(problem: IndexProblem) -> Self {
        Self::Index(problem)
    }
}

impl From<ReverseIndexProblem> for PackError {
    fn from(problem: ReverseIndexProblem) -> Self {
        Self::ReverseIndex(problem)
    }
}

impl PackError {
    /// Whose fault it is.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::PackTooLarge { .. }
            | Self::TooManyObjects { .. }
            | Self::ObjectTooLarge { .. }
            | Self::ChainTooDeep { .. }
            | Self::TooMuchSpilled { .. }
            | Self::TooMuchWork { .. } => Blame::Limit,
            Self::Delta { source: gitwire_delta::DeltaError::ResultTooLarge { .. }, .. } => Blame::Limit,
            Self::Storage(_) => Blame::Storage,
            Self::Interrupted(_) | Self::Misuse(_) => Blame::Caller,
            Self::Internal(_) => Blame::Internal,
            _ => Blame::Data,
        }
    }
}

/// Whose fault a [`PackError`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Blame {
    /// Whoever wrote the pack, or the disk that kept it.
    Data,
    /// Nobody's: it is more than [`Limits`](crate::Limits) allows.
    Limit,
    /// The medium.
    Storage,
    /// The caller, who asked for an end or called wrongly.
    Caller,
    /// This crate.
    Internal,
}

/// What is wrong with compressed data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InflateProblem {
    /// No zlib stream.
    #[error("no zlib stream")]
    Format,
    /// The content does not match the stream's Adler-32.
    #[error("wrong checksum")]
    Checksum,
    /// A stream that wants a preset dictionary, of which Git has none.
    #[error("needs a preset dictionary")]
    Dictionary,
    /// The stream does not end where the entry does.
    #[error("ends elsewhere than its entry")]
    Length,
}

/// What is wrong with an `.idx` (`gitformat-pack`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IndexProblem {
    /// A version other than 1 and 2.
    #[error("version {found}, at offset 4")]
    Version {
        /// The version.
        found: u32,
    },
    /// A length that does not fit what the fanout table says.
    #[error("{actual} bytes long, expected {expected}")]
    Size {
        /// The least length that the tables need. 64-bit offsets may add to it, fewer than there are objects.
        expected: u64,
        /// The length.
        actual: u64,
    },
    /// A fanout table that goes down.
    #[error("fanout table goes down at entry {entry}")]
    Fanout {
        /// The first entry that is smaller than the one before.
        entry: u8,
    },
    /// More objects than allowed.
    #[error("{count} objects, the limit is {max}")]
    TooManyObjects {
        /// By the fanout table.
        count: u32,
        /// [`Limits::objects_max`](crate::Limits::objects_max).
        max: u32,
    },
    /// Ids that are not in order, or not below their fanout entry.
    #[error("id at position {position} is out of order")]
    Order {
        /// The first id that is not where it belongs.
        position: u32,
    },
    /// A reference to a 64-bit offset that the file does not hold.
    #[error("offset at position {position} refers to large offset {large} of {count}")]
    LargeOffset {
        /// The object's position.
        position: u32,
        /// The large offset it wants.
        large: u32,
        /// How many there are.
        count: u64,
    },
    /// An offset that lies outside of the pack.
    #[error("position {position} has offset {offset}, the pack's entries end at {end}")]
    OutsidePack {
        /// The object's position.
        position: u32,
        /// Its offset.
        offset: u64,
        /// Where the pack's trailer starts.
        end: u64,
    },
    /// A position beyond the last object.
    #[error("position {position} of {count}")]
    Position {
        /// What was asked for.
        position: u32,
        /// How many objects there are.
        count: u32,
    },
    /// The file does not hash to its trailer.
    #[error("checksum {actual}, its trailer at offset {offset} says {expected}")]
    Checksum {
        /// Where the trailer starts.
        offset: u64,
        /// By the trailer.
        expected: ObjectId,
        /// By the bytes before it.
        actual: ObjectId,
    },
}

/// What is wrong with a `.rev` (`gitformat-pack`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReverseIndexProblem {
    /// The first four bytes are not `RIDX`.
    #[error("starts with {found:?}, not with RIDX")]
    Signature {
        /// What stands there.
        found: [u8; 4],
    },
    /// A version other than 1.
    #[error("version {found}, at offset 4")]
    Version {
        /// The version.
        found: u32,
    },
    /// Another hash function than the pack's.
    #[error("hash function {found}, at offset 8, expected {expected}")]
    HashFunction {
        /// 1 for SHA-1, 2 for SHA-256.
        found: u32,
        /// The same for the repository.
        expected: u32,
    },
    /// A length that does not fit the number of objects.
    #[error("{actual} bytes long, expected {expected}")]
    Size {
        /// By the number of objects.
        expected: u64,
        /// The length.
        actual: u64,
    },
    /// A reverse index of another pack.
    #[error("is for pack {actual}, expected {expected}")]
    WrongPack {
        /// The pack's checksum.
        expected: ObjectId,
        /// By the reverse index.
        actual: ObjectId,
    },
    /// A position that is none, or is not in the order of the pack.
    #[error("entry {entry} holds {found}, which is not the object that stands there")]
    Entry {
        /// The place in the reverse index.
        entry: u32,
        /// What stands there.
        found: u32,
    },
    /// The file does not hash to its trailer.
    #[error("checksum {actual}, its trailer at offset {offset} says {expected}")]
    Checksum {
        /// Where the trailer starts.
        offset: u64,
        /// By the trailer.
        expected: ObjectId,
        /// By the bytes before it.
        actual: ObjectId,
    },
}
