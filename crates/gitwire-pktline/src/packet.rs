//! What a line is, borrowed and owned.

use bytes::Bytes;

use crate::text;

/// One pkt-line, borrowed from the buffer it was decoded from.
///
/// The three packets without data are lines whose length is too small to be one: `0000`, `0001`, `0002`. The last two
/// belong to protocol version 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Packet<'a> {
    /// `0000`: the end of a list, a section or a message.
    Flush,
    /// `0001`: the border between two sections of one message (`gitprotocol-v2`).
    Delimiter,
    /// `0002`: the end of an answer, added by a remote helper for its parent; it never travels on the network
    /// (`gitprotocol-v2`).
    ResponseEnd,
    /// What stands after the length: any bytes, none for `0004`.
    Data(&'a [u8]),
}

impl<'a> Packet<'a> {
    /// The data, unless it is a packet without any. A trailing LF is left in place.
    #[must_use]
    pub const fn data(self) -> Option<&'a [u8]> {
        match self {
            Self::Data(data) => Some(data),
            Self::Flush | Self::Delimiter | Self::ResponseEnd => None,
        }
    }

    /// The data as a line of text: without the one LF that may end it.
    ///
    /// ```
    /// use gitwire_pktline::Packet;
    ///
    /// assert_eq!(Packet::Data(b"NAK\n").text(), Some(&b"NAK"[..]));
    /// assert_eq!(Packet::Flush.text(), None);
    /// ```
    #[must_use]
    pub fn text(self) -> Option<&'a [u8]> {
        self.data().map(text)
    }

    /// The same packet, with its data copied.
    #[must_use]
    pub fn to_owned(self) -> OwnedPacket {
        match self {
            Self::Flush => OwnedPacket::Flush,
            Self::Delimiter => OwnedPacket::Delimiter,
            Self::ResponseEnd => OwnedPacket::ResponseEnd,
            Self::Data(data) => OwnedPacket::Data(Bytes::copy_from_slice(data)),
        }
    }
}

/// One pkt-line that owns its data, for queues and channels; cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum OwnedPacket {
    /// `0000`, as in [`Packet::Flush`].
    Flush,
    /// `0001`, as in [`Packet::Delimiter`].
    Delimiter,
    /// `0002`, as in [`Packet::ResponseEnd`].
    ResponseEnd,
    /// What stands after the length, as in [`Packet::Data`].
    Data(Bytes),
}

impl OwnedPacket {
    /// The same packet, borrowed.
    #[must_use]
    pub fn as_packet(&self) -> Packet<'_> {
        match self {
            Self::Flush => Packet::Flush,
            Self::Delimiter => Packet::Delimiter,
            Self::ResponseEnd => Packet::ResponseEnd,
            Self::Data(data) => Packet::Data(data),
        }
    }
}
