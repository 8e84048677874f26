//! What can be wrong with a multiplexed stream.

use gitwire_pktline::{PktLineError, Position};

/// Why bytes are no packet of a multiplexed stream, or why data cannot become one.
///
/// What the peer says on band 3 is no error of this kind: it comes out as [`Band::Error`](crate::Band::Error).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SidebandError {
    /// A line without data, so without a band. Keep-alive packets do name one.
    #[error("{at}: no band")]
    NoBand {
        /// Where the line starts.
        at: Position,
    },
    /// A band other than 1, 2 and 3.
    #[error("{at}: unknown band {band}")]
    UnknownBand {
        /// The byte where the band should be.
        band: u8,
        /// Where the line starts.
        at: Position,
    },
    /// No pkt-line, or data that do not fit into one.
    #[error(transparent)]
    PktLine(#[from] PktLineError),
}

impl SidebandError {
    /// The same error, of a line that starts at `at`.
    #[must_use]
    pub fn at(self, at: Position) -> Self {
        match self {
            Self::NoBand { .. } => Self::NoBand { at },
            Self::UnknownBand { band, .. } => Self::UnknownBand { band, at },
            Self::PktLine(error) => Self::PktLine(error),
        }
    }

    /// Where the line starts, if the error comes from reading one.
    #[must_use]
    pub const fn position(&self) -> Option<Position> {
        match self {
            Self::NoBand { at } | Self::UnknownBand { at, .. } => Some(*at),
            Self::PktLine(error) => error.position(),
        }
    }

    /// What the peer may be told, without the `ERR ` in front.
    #[must_use]
    pub const fn reply(&self) -> &'static str {
        match self {
            Self::NoBand { .. } => "protocol error: no band designator",
            Self::UnknownBand { .. } => "protocol error: bad band",
            Self::PktLine(error) => error.reply(),
        }
    }
}
