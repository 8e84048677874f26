//! The three bands, and how long a packet may be.

use gitwire_pktline::{MAX_LINE, PREFIX_LEN};

/// What a packet of a multiplexed stream carries: its first byte (`gitprotocol-pack`, *Packfile Data*).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Band {
    /// 1: the pack, the report of a push; under `sideband-all` a line of the protocol.
    Data,
    /// 2: text for the user's terminal.
    Progress,
    /// 3: the peer's last words. It closes the connection after them.
    Error,
}

impl Band {
    /// The band that a byte names; `None` for all but 1, 2 and 3.
    #[inline]
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Data),
            2 => Some(Self::Progress),
            3 => Some(Self::Error),
            _ => None,
        }
    }

    /// The byte that names it.
    #[inline]
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Data => 1,
            Self::Progress => 2,
            Self::Error => 3,
        }
    }
}

/// How long the packets of a multiplexed stream may be, by the capability that was agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PacketSize {
    /// `side-band`: 1000 bytes a line, 995 of them data.
    Small,
    /// `side-band-64k`, and protocol version 2 always: 65520 bytes a line, 65515 of them data.
    Large,
}

impl PacketSize {
    /// The longest line in bytes, with its prefix and its band.
    #[must_use]
    pub const fn line_max(self) -> usize {
        match self {
            Self::Small => 1000,
            Self::Large => MAX_LINE,
        }
    }

    /// The most data in one packet.
    ///
    /// ```
    /// use gitwire_sideband::PacketSize;
    ///
    /// assert_eq!(PacketSize::Small.data_max(), 995);
    /// assert_eq!(PacketSize::Large.data_max(), 65515);
    /// ```
    #[must_use]
    pub const fn data_max(self) -> usize {
        self.line_max().saturating_sub(HEADER_LEN)
    }
}

/// What stands before the data of a packet: the length and the band.
pub(crate) const HEADER_LEN: usize = PREFIX_LEN.saturating_add(1);
