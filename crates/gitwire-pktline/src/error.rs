//! What can be wrong with a line, and where.

use core::fmt;

use crate::PREFIX_LEN;

/// Where a line starts in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The number of the line, counted from 1; packets without data count too.
    pub line: u64,
    /// Bytes of the stream before the line.
    pub offset: u64,
}

impl Position {
    /// The start of a stream: line 1, offset 0.
    pub const START: Self = Self { line: 1, offset: 0 };

    /// The start of the next line, when the one here has `len` bytes with its prefix.
    #[inline]
    #[must_use]
    pub const fn after(self, len: usize) -> Self {
        Self { line: self.line.wrapping_add(1), offset: self.offset.wrapping_add(len as u64) }
    }
}

impl Default for Position {
    fn default() -> Self {
        Self::START
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pkt-line {} at byte {}", self.line, self.offset)
    }
}

/// Why bytes are no pkt-line, or why data cannot become one.
///
/// The peer is to blame for [`NotHex`](Self::NotHex), [`BadLength`](Self::BadLength) and
/// [`UnexpectedEnd`](Self::UnexpectedEnd); a limit was hit in [`TooLong`](Self::TooLong); the last three say that an encoder
/// was called wrongly, and nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PktLineError {
    /// The length has a byte that is no hexadecimal digit.
    #[error("{at}: length \"{}\" is not hexadecimal", digits.escape_ascii())]
    NotHex {
        /// The four bytes where the length should be.
        digits: [u8; PREFIX_LEN],
        /// Where the line starts.
        at: Position,
    },
    /// The length is smaller than the prefix and means nothing here: `0003` always, `0001` and `0002` where
    /// [`Specials`](crate::Specials) leaves them out.
    #[error("{at}: length {length:04x} has no meaning")]
    BadLength {
        /// The length that the line claims.
        length: u16,
        /// Where the line starts.
        at: Position,
    },
    /// The line is longer than [`Limits::line_max`](crate::Limits::line_max).
    #[error("{at}: length {length} exceeds {max}")]
    TooLong {
        /// The length that the line claims, prefix included.
        length: u16,
        /// The longest that is accepted.
        max: usize,
        /// Where the line starts.
        at: Position,
    },
    /// The stream ends inside a line.
    #[error("{at}: the stream ends, at least {needed} more bytes are due")]
    UnexpectedEnd {
        /// How many bytes are missing, as far as can be told.
        needed: usize,
        /// Where the line starts.
        at: Position,
    },
    /// Asked to send a line without data. `0004` should not be sent (`gitprotocol-common`).
    #[error("a line without data must not be sent")]
    EmptyData,
    /// Asked to send more data than a line carries.
    #[error("{len} bytes do not fit into a line of at most {max} bytes of data")]
    DataTooLong {
        /// The length of the data.
        len: usize,
        /// The most that fits.
        max: usize,
    },
    /// The bytes that the open packet stood on are gone from the buffer.
    #[error("the buffer was cut below the start of the open packet")]
    BufferCut,
}

impl PktLineError {
    /// Where the line starts, if the error comes from reading one.
    #[must_use]
    pub const fn position(&self) -> Option<Position> {
        match self {
            Self::NotHex { at, .. }
            | Self::BadLength { at, .. }
            | Self::TooLong { at, .. }
            | Self::UnexpectedEnd { at, .. } => Some(*at),
            Self::EmptyData | Self::DataTooLong { .. } | Self::BufferCut => None,
        }
    }

    /// What the peer may be told, without the `ERR ` in front: nothing of our side shows in it.
    #[must_use]
    pub const fn reply(&self) -> &'static str {
        match self {
            Self::NotHex { .. } => "protocol error: bad line length character",
            Self::BadLength { .. } | Self::TooLong { .. } => "protocol error: bad line length",
            Self::UnexpectedEnd { .. } => "the remote end hung up unexpectedly",
            Self::EmptyData | Self::DataTooLong { .. } | Self::BufferCut => "internal error",
        }
    }
}
