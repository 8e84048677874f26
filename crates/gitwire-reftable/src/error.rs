//! The one error of the crate.

use std::fmt;

use crate::SourceFailure;

/// Why a reftable could not be read or written.
///
/// `offset` is a byte offset from the start of the file; inside log blocks, which are compressed, `offset` is that of the block
/// and `at` counts in its inflated bytes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReftableError {
    // --- The file is broken.
    /// The file is shorter than a header and a footer.
    #[error("reftable of {size} bytes is too short for a header and a footer")]
    TooShort {
        /// Its size.
        size: u64,
    },
    /// The first four bytes are not `REFT`.
    #[error("reftable starts with {found:?}, not with REFT")]
    Signature {
        /// What stands there.
        found: [u8; 4],
    },
    /// A version other than 1 and 2.
    #[error("reftable has version {found}, at offset 4")]
    Version {
        /// The version.
        found: u8,
    },
    /// Version 2 with a hash function that nobody knows.
    #[error("reftable has hash function {found:?}, at offset 24")]
    HashFunction {
        /// Its four letters.
        found: [u8; 4],
    },
    /// The footer does not begin with the header.
    #[error("reftable's footer at offset {offset} does not repeat its header")]
    FooterHeader {
        /// The footer.
        offset: u64,
    },
    /// The footer's checksum is wrong.
    #[error("reftable's footer at offset {offset} has CRC {actual:08x}, and says {expected:08x}")]
    FooterChecksum {
        /// The footer.
        offset: u64,
        /// By itself.
        expected: u32,
        /// By its bytes.
        actual: u32,
    },
    /// A position in the footer or in an index that cannot be.
    #[error("reftable's {part} is said to be at offset {position}, which cannot be")]
    Position {
        /// Of what.
        part: Part,
        /// The position.
        position: u64,
    },
    /// A block of another type than belongs there.
    #[error("reftable has a block of type {found:#04x} at offset {offset}, where the {part} should be")]
    BlockType {
        /// The block.
        offset: u64,
        /// Its type.
        found: u8,
        /// What was expected.
        part: Part,
    },
    /// A block whose length cannot be.
    #[error("reftable's block at offset {offset} cannot be {length} bytes long")]
    BlockLength {
        /// The block.
        offset: u64,
        /// The length that it says.
        length: u64,
    },
    /// A block whose restart table cannot be.
    #[error("reftable's block at offset {offset} has a bad restart table")]
    Restarts {
        /// The block.
        offset: u64,
    },
    /// A record that does not fit in its block, or a number that does not fit in 64 bits.
    #[error("reftable's block at offset {offset} has a bad record at {at}: {problem}")]
    Record {
        /// The block.
        offset: u64,
        /// Where in the block the record begins.
        at: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// A log block that is no zlib stream (RFC 1950), or inflates to something else than its length.
    #[error("reftable's log block at offset {offset} has bad compressed data")]
    Inflate {
        /// The block.
        offset: u64,
    },

    // --- A limit.
    /// More than the [`Limits`](crate::Limits) allow.
    #[error("reftable's block at offset {offset} has {what} of {found} bytes, and {max} are allowed")]
    Limit {
        /// The block.
        offset: u64,
        /// What is too large.
        what: &'static str,
        /// How large it is.
        found: u64,
        /// How large it may be.
        max: u64,
    },

    // --- The caller.
    /// Records must come in the order of their keys, refs before logs.
    #[error("record '{}' is written out of order", .name.escape_ascii())]
    Order {
        /// The record's ref.
        name: Vec<u8>,
    },
    /// A record that is larger than a block.
    #[error("record of '{}' does not fit into a block of {block_size} bytes", .name.escape_ascii())]
    TooLarge {
        /// The record's ref.
        name: Vec<u8>,
        /// Bytes in a block.
        block_size: u32,
    },
    /// An update index outside of those of the table, or an id of another hash function.
    #[error("record of '{}' does not belong into this table", .name.escape_ascii())]
    Foreign {
        /// The record's ref.
        name: Vec<u8>,
    },

    // --- The medium.
    /// The source failed.
    #[error("cannot read reftable: {0}")]
    Source(#[source] SourceFailure),
}

/// A part of a reftable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// Refs.
    Refs,
    /// The index of the refs.
    RefIndex,
    /// Which refs name which object.
    Objects,
    /// The index of those.
    ObjectIndex,
    /// Reflogs.
    Logs,
    /// The index of the reflogs.
    LogIndex,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refs => "refs",
            Self::RefIndex => "ref index",
            Self::Objects => "objects",
            Self::ObjectIndex => "object index",
            Self::Logs => "logs",
            Self::LogIndex => "log index",
        })
    }
}
