//! What can be wrong with a multi-pack index.

use crate::ChunkProblem;

/// Why a multi-pack index is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MultiPackProblem {
    /// The first four bytes are not `MIDX`.
    #[error("multi-pack index starts with {0:?}, not with MIDX")]
    Signature([u8; 4]),
    /// A version other than 1.
    #[error("multi-pack index has version {0}, at offset 4")]
    Version(u8),
    /// Its ids are of another hash function.
    #[error("multi-pack index has hash function {0}, at offset 5")]
    HashFunction(u8),
    /// It continues others.
    #[error("multi-pack index stands on {0} others, at offset 7")]
    Bases(u8),
    /// Its chunks do not fit together.
    #[error("multi-pack index: {0}")]
    Chunks(#[from] ChunkProblem),
    /// Counts of ids go down.
    #[error("multi-pack index: the count of ids goes down at entry {0}")]
    Fanout(u8),
    /// A name of a pack is missing, is no name, or does not come after the one before it; or something follows the last.
    #[error("multi-pack index: the name of pack {0} is not what it must be")]
    Names(u32),
    /// An id stands behind a greater one, or in another place than the counts say.
    #[error("multi-pack index: the id at position {0} is out of order")]
    Order(u32),
    /// An object is in no pack, or its large offset is not there.
    #[error("multi-pack index: the object at position {0} is nowhere")]
    Entry(u32),
    /// Objects are not in the order of their packs.
    #[error("multi-pack index: place {0} is out of the order of the packs")]
    Place(u32),
    /// The chunk `BTMP` says other places of a pack than its objects have.
    #[error("multi-pack index: pack {0} has other places than its objects")]
    PackPlaces(u32),
    /// The order in a file of its own is not one of this index.
    #[error("the order of the multi-pack index is not its own")]
    OrderFile,
    /// It does not hash to its trailer.
    #[error("multi-pack index does not hash to its trailer at offset {offset}")]
    Checksum {
        /// Where the trailer starts.
        offset: usize,
    },
}
