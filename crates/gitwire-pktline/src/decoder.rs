//! Lines out of a stream, with the place of each.

use crate::decode::decode_at;
use crate::{Decoded, MAX_LINE, Packet, PktLineError, Position};

/// What a [`Decoder`] accepts at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest line in bytes, prefix included. 65520 by default, as the format says ([`MAX_LINE`]): git never sends a
    /// longer one and refuses to read it. Set it lower where only short lines are due. Below 4 no line with data passes;
    /// above 65535 it is 65535, since four digits say no more.
    pub line_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { line_max: MAX_LINE }
    }
}

/// Which packets without data have a meaning where we read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Specials {
    /// Flush alone: protocol versions 0 and 1.
    Flush,
    /// Flush and delimiter: protocol version 2 on the network.
    Delimiter,
    /// All three: between a remote helper and its parent, and what [`decode`](crate::decode) and git's own reader take.
    #[default]
    ResponseEnd,
}

/// Decodes the pkt-lines of one stream. Holds no bytes, only the place it has come to, so that an error says in which line
/// and at which offset of the stream it lies.
///
/// The caller owns the buffer, and takes away from its front what was consumed.
///
/// ```
/// use bytes::{Buf, BytesMut};
/// use gitwire_pktline::{Decoded, Decoder, Packet, PktLineError};
///
/// let mut decoder = Decoder::default();
/// let mut buffer = BytesMut::from(&b"0008NAK\n000"[..]);
///
/// let Decoded::Packet { packet, consumed } = decoder.decode(&buffer)? else { panic!("the line is whole") };
/// assert_eq!(packet.text(), Some(&b"NAK"[..]));
/// buffer.advance(consumed);
///
/// // The next line has come in part. One byte more is due, and it is a wrong one.
/// assert_eq!(decoder.decode(&buffer)?, Decoded::Incomplete { needed: 1 });
/// buffer.extend_from_slice(b"3");
/// let error = decoder.decode(&buffer).unwrap_err();
/// assert_eq!(error.to_string(), "pkt-line 2 at byte 8: length 0003 has no meaning");
/// # Ok::<(), PktLineError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Decoder {
    /// As in [`Limits`], but never below the packets without data and never above what four digits say.
    line_max: usize,
    specials: Specials,
    at: Position,
}

impl Decoder {
    /// A decoder at the start of a stream that takes all packets without data.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            line_max: limits.line_max.clamp(SPECIAL_LENGTH_MAX, usize::from(u16::MAX)),
            specials: Specials::default(),
            at: Position::START,
        }
    }

    /// Decodes the packet at the front of `input`, which continues where the last packet ended, and steps over it.
    ///
    /// # Errors
    /// [`PktLineError::NotHex`], [`PktLineError::BadLength`], [`PktLineError::TooLong`], with the place of the line. The
    /// decoder stays there: the same input gives the same error.
    #[inline]
    pub fn decode<'a>(&mut self, input: &'a [u8]) -> Result<Decoded<'a>, PktLineError> {
        let decoded = decode_at(input, self.line_max, self.at)?;
        if let Decoded::Packet { packet, consumed } = decoded {
            self.admit(packet)?;
            self.at = self.at.after(consumed);
        }
        Ok(decoded)
    }

    /// Steps over a line of `len` bytes with its prefix, which the caller took by itself: a line whose data pass on before
    /// all of it has come. Its length is what is there plus what [`Decoded::Incomplete`] says is due.
    pub fn pass(&mut self, len: usize) {
        self.at = self.at.after(len);
    }

    /// Says that the stream is over, when `rest` is what was left of it.
    ///
    /// # Errors
    /// [`PktLineError::UnexpectedEnd`] if that is the front of a packet, or what [`decode`](Self::decode) says of it.
    pub fn end(&self, rest: &[u8]) -> Result<(), PktLineError> {
        match decode_at(rest, self.line_max, self.at)? {
            Decoded::Incomplete { needed } if !rest.is_empty() => {
                Err(PktLineError::UnexpectedEnd { needed, at: self.at })
            }
            Decoded::Incomplete { .. } | Decoded::Packet { .. } => Ok(()),
        }
    }

    /// Changes which packets without data are taken from here on: the version is known only after the first line.
    pub fn accept(&mut self, specials: Specials) {
        self.specials = specials;
    }

    /// Where the next packet starts. After an error: where the wrong one starts.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.at
    }

    #[inline]
    fn admit(&self, packet: Packet<'_>) -> Result<(), PktLineError> {
        let (length, least) = match packet {
            Packet::Data(_) | Packet::Flush => return Ok(()),
            Packet::Delimiter => (1, Specials::Delimiter),
            Packet::ResponseEnd => (2, Specials::ResponseEnd),
        };
        if self.specials < least { Err(PktLineError::BadLength { length, at: self.at }) } else { Ok(()) }
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

/// The longest length that means a packet without data, or nothing.
const SPECIAL_LENGTH_MAX: usize = 3;
