//! Why a delta is not one.

/// What is wrong with a delta, and where.
///
/// `at` is always an offset in the delta, from its first byte; for an instruction it is the offset of its opcode. Whoever wrote
/// the delta broke the format, but for the last three: a limit of the caller, a mistake of the caller, and our memory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeltaError {
    /// The delta ends within its header or within an instruction.
    #[error("delta ends at offset {at}, {missing} or more bytes short")]
    Truncated {
        /// Where more bytes were needed: the delta's length.
        at: u64,
        /// The least number of bytes that are missing.
        missing: u64,
    },
    /// A size in the header does not fit in 64 bits.
    #[error("delta size at offset {at} does not fit in 64 bits")]
    SizeOverflow {
        /// The byte that is too much.
        at: u64,
    },
    /// The header declares another base size than the base has.
    #[error("delta is for a base of {declared} bytes, not {actual}")]
    BaseSize {
        /// By the header.
        declared: u64,
        /// The base that is there.
        actual: u64,
    },
    /// Opcode 0, which is reserved.
    #[error("delta has the reserved opcode 0 at offset {at}")]
    Reserved {
        /// The opcode.
        at: u64,
    },
    /// A copy reaches past the end of the base.
    #[error("delta copies {len} bytes at {offset} of a base of {base} bytes, at offset {at}")]
    CopyOutOfBounds {
        /// The opcode.
        at: u64,
        /// Where in the base it starts.
        offset: u32,
        /// How many bytes it wants.
        len: u32,
        /// The size of the base.
        base: u64,
    },
    /// An instruction makes the result longer than the header declares.
    #[error("delta makes more than the {declared} bytes that it declares, at offset {at}")]
    ResultTooLong {
        /// The opcode.
        at: u64,
        /// By the header.
        declared: u64,
    },
    /// The instructions end before the result is as long as the header declares.
    #[error("delta makes {actual} of the {declared} bytes that it declares")]
    ResultTooShort {
        /// By the header.
        declared: u64,
        /// What there was.
        actual: u64,
    },
    /// The header declares a larger result than the caller allows.
    #[error("delta result of {declared} bytes is larger than the limit of {limit}")]
    ResultTooLarge {
        /// By the header.
        declared: u64,
        /// By the caller.
        limit: u64,
    },
    /// The room that the caller gave for the result is not as long as the header declares.
    #[error("room of {actual} bytes for a delta result of {declared}")]
    RoomSize {
        /// By the header.
        declared: u64,
        /// By the caller.
        actual: u64,
    },
    /// A result within the caller's limit that this machine cannot address or has no memory for.
    #[error("no memory for a delta result of {declared} bytes")]
    OutOfMemory {
        /// By the header.
        declared: u64,
    },
}
