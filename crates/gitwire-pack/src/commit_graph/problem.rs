//! What can be wrong with a commit-graph.

use gitwire_types::ObjectId;

use crate::ChunkProblem;

/// Why a file of a commit-graph is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommitGraphProblem {
    /// The first four bytes are not `CGPH`.
    #[error("commit-graph starts with {0:?}, not with CGPH")]
    Signature([u8; 4]),
    /// A version other than 1.
    #[error("commit-graph has version {0}, at offset 4")]
    Version(u8),
    /// Its ids are of another hash function.
    #[error("commit-graph has hash function {0}, at offset 5")]
    HashFunction(u8),
    /// It stands on another number of files than there are before it.
    #[error("commit-graph stands on {actual} files, expected {expected}")]
    Bases {
        /// Before it in the chain.
        expected: usize,
        /// By the file, at offset 7.
        actual: u8,
    },
    /// It stands on another file.
    #[error("commit-graph stands on another file than {expected}, number {number}")]
    OtherBase {
        /// Counted from 0, the oldest.
        number: usize,
        /// The file that is there.
        expected: ObjectId,
    },
    /// Its chunks do not fit together.
    #[error("commit-graph: {0}")]
    Chunks(#[from] ChunkProblem),
    /// Counts of ids go down.
    #[error("commit-graph: the count of ids goes down at entry {0}")]
    Fanout(u8),
    /// More commits than positions.
    #[error("commit-graph has {0} commits")]
    TooManyCommits(u32),
    /// An id stands behind a greater one, or in another place than the counts say.
    #[error("commit-graph: the id at position {0} is out of order")]
    Order(u32),
    /// A parent that is not known.
    #[error(
        "commit-graph: the commit at position {position} has a parent at position {parent}, which is none"
    )]
    Parent {
        /// The commit.
        position: u32,
        /// Its parent.
        parent: u32,
    },
    /// The list of a commit's parents does not end.
    #[error("commit-graph: the commit at position {0} has parents that are not listed")]
    Edges(u32),
    /// A corrected date is not listed.
    #[error("commit-graph: the commit at position {0} has no date")]
    Date(u32),
    /// A parent is not older than its child.
    #[error(
        "commit-graph: the commit at position {position} is not of a later generation than its parent at {parent}"
    )]
    Generation {
        /// The commit.
        position: u32,
        /// Its parent.
        parent: u32,
    },
    /// It does not hash to its trailer.
    #[error("commit-graph does not hash to its trailer at offset {offset}")]
    Checksum {
        /// Where the trailer starts.
        offset: usize,
    },
}
