//! One line out of a slice.

use core::iter::FusedIterator;

use crate::{Decoder, MAX_LINE, PREFIX_LEN, Packet, PktLineError, Position, hex};

/// What stands at the front of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// A whole packet.
    Packet {
        /// The packet; its data are a part of the input.
        packet: Packet<'a>,
        /// How many bytes of the input it takes, prefix included.
        consumed: usize,
    },
    /// The front of a packet, or nothing.
    Incomplete {
        /// How many more bytes are due, at least. After the prefix is there, the number is exact.
        needed: usize,
    },
}

/// Decodes the pkt-line at the front of `input`, without a copy and without a state.
///
/// Reads what git reads: digits of either case, `0004` as a line without data, all three packets without data. `0003`
/// and lines longer than [`MAX_LINE`] are refused as soon as their prefix is there. Use a [`Decoder`](crate::Decoder)
/// where errors should know their place in the stream, or where a smaller limit holds.
///
/// ```
/// use gitwire_pktline::{Decoded, Packet, decode};
///
/// let input = b"0008NAK\n0000";
/// let Decoded::Packet { packet, consumed } = decode(input)? else { panic!("the line is whole") };
/// assert_eq!(packet, Packet::Data(b"NAK\n"));
/// assert_eq!(consumed, 8);
/// assert_eq!(decode(b"0008NA")?, Decoded::Incomplete { needed: 2 });
/// # Ok::<(), gitwire_pktline::PktLineError>(())
/// ```
///
/// # Errors
/// [`PktLineError::NotHex`], [`PktLineError::BadLength`] for `0003`, [`PktLineError::TooLong`]. The position is that of a
/// stream that starts at `input`.
#[inline]
pub fn decode(input: &[u8]) -> Result<Decoded<'_>, PktLineError> {
    decode_at(input, MAX_LINE, Position::START)
}

/// The packets of a slice that holds whole ones: a recorded message, a body, the pkt-lines inside a pkt-line.
///
/// Ends after the last packet, or after the first error. A slice that ends inside a packet is
/// [`PktLineError::UnexpectedEnd`].
///
/// ```
/// use gitwire_pktline::{Packet, Packets};
///
/// let packets: Vec<_> = Packets::new(b"000eunpack ok\n0000").collect::<Result<_, _>>()?;
/// assert_eq!(packets, [Packet::Data(b"unpack ok\n"), Packet::Flush]);
/// # Ok::<(), gitwire_pktline::PktLineError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Packets<'a> {
    decoder: Decoder,
    rest: &'a [u8],
}

impl<'a> Packets<'a> {
    /// The packets of `input`, under the default limits.
    #[must_use]
    pub fn new(input: &'a [u8]) -> Self {
        Self { decoder: Decoder::default(), rest: input }
    }

    /// What no packet was made of yet.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Packet<'a>, PktLineError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let at = self.decoder.position();
        let end = match self.decoder.decode(self.rest) {
            Ok(Decoded::Packet { packet, consumed }) => {
                self.rest = self.rest.get(consumed..).unwrap_or_default();
                return Some(Ok(packet));
            }
            Ok(Decoded::Incomplete { needed }) => PktLineError::UnexpectedEnd { needed, at },
            Err(error) => error,
        };
        self.rest = &[];
        Some(Err(end))
    }
}

impl FusedIterator for Packets<'_> {}

/// As [`decode`], with a limit and a position for errors. The limit is at least 3 and at most 65535.
#[inline]
pub(crate) fn decode_at(input: &[u8], line_max: usize, at: Position) -> Result<Decoded<'_>, PktLineError> {
    let Some((digits, rest)) = input.split_first_chunk::<PREFIX_LEN>() else {
        return Ok(Decoded::Incomplete { needed: PREFIX_LEN.saturating_sub(input.len()) });
    };
    // Widening: `usize` has at least 32 bits wherever a line of 65520 bytes can be held.
    let length = hex::read(*digits) as usize;
    if length > line_max {
        return Err(refuse(*digits, line_max, at));
    }
    let Some(data_len) = length.checked_sub(PREFIX_LEN) else {
        return special(length, at);
    };
    match rest.split_at_checked(data_len) {
        Some((data, _)) => Ok(Decoded::Packet { packet: Packet::Data(data), consumed: length }),
        None => Ok(Decoded::Incomplete { needed: data_len.saturating_sub(rest.len()) }),
    }
}

#[cold]
fn special(length: usize, at: Position) -> Result<Decoded<'static>, PktLineError> {
    let packet = match length {
        0 => Packet::Flush,
        1 => Packet::Delimiter,
        2 => Packet::ResponseEnd,
        _ => return Err(PktLineError::BadLength { length: 3, at }),
    };
    Ok(Decoded::Packet { packet, consumed: PREFIX_LEN })
}

#[cold]
fn refuse(digits: [u8; PREFIX_LEN], max: usize, at: Position) -> PktLineError {
    match u16::try_from(hex::read(digits)) {
        Ok(length) => PktLineError::TooLong { length, max, at },
        Err(_) => PktLineError::NotHex { digits, at },
    }
}
