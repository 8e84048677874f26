//! Packets of a multiplexed stream apart again.

use gitwire_pktline::{Decoded, Decoder, Packet, Position};

use crate::band::HEADER_LEN;
use crate::{Band, SidebandError};

/// Takes the data of one pkt-line apart into band and data, without a copy.
///
/// Data may be empty: `0005\1` and `0005\2` are keep-alive packets.
///
/// ```
/// use gitwire_sideband::{Band, demultiplex};
///
/// assert_eq!(demultiplex(b"\x02Counting objects: 3\r")?, (Band::Progress, &b"Counting objects: 3\r"[..]));
/// assert_eq!(demultiplex(b"\x01")?, (Band::Data, &b""[..]));
/// assert_eq!(demultiplex(b"\x04?").unwrap_err().to_string(), "pkt-line 1 at byte 0: unknown band 4");
/// # Ok::<(), gitwire_sideband::SidebandError>(())
/// ```
///
/// # Errors
/// [`SidebandError::NoBand`] for no bytes at all, [`SidebandError::UnknownBand`]. The position is that of a stream of this
/// one line; [`SidebandError::at`] puts the real one.
#[inline]
pub fn demultiplex(payload: &[u8]) -> Result<(Band, &[u8]), SidebandError> {
    let Some((&byte, data)) = payload.split_first() else {
        return Err(SidebandError::NoBand { at: Position::START });
    };
    match Band::from_byte(byte) {
        Some(band) => Ok((band, data)),
        None => Err(SidebandError::UnknownBand { band: byte, at: Position::START }),
    }
}

/// What stands at the front of a multiplexed stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demultiplexed<'a> {
    /// Data of band 1, as much as is there: they do not wait for the end of their packet. Empty for a keep-alive packet.
    Data {
        /// The data, a part of the input.
        data: &'a [u8],
        /// How many bytes of the input this takes.
        consumed: usize,
    },
    /// A whole packet of band 2. Empty for a keep-alive packet. Show it through [`ProgressText`](crate::ProgressText).
    Progress {
        /// The text, a part of the input.
        text: &'a [u8],
        /// How many bytes of the input this takes.
        consumed: usize,
    },
    /// A whole packet of band 3: the peer's last words. Show them through [`SafeText`](crate::SafeText).
    Error {
        /// The text, a part of the input.
        text: &'a [u8],
        /// How many bytes of the input this takes.
        consumed: usize,
    },
    /// A packet that carries no band: flush, delimiter or response-end.
    Special {
        /// Which one.
        packet: Packet<'static>,
        /// How many bytes of the input this takes.
        consumed: usize,
    },
    /// Nothing that can pass on yet.
    Incomplete {
        /// How many more bytes are due, at least.
        needed: usize,
    },
}

/// Takes a multiplexed stream apart as it comes. Band 1 passes in pieces, in place; only the short texts of bands 2 and 3
/// wait until they are whole.
///
/// Under `sideband-all` the lines of the protocol need to be whole: decode them with a
/// [`Decoder`](gitwire_pktline::Decoder) and [`demultiplex`].
///
/// ```
/// use gitwire_sideband::{Demultiplexed, Demultiplexer};
///
/// let mut stream = Demultiplexer::default();
/// // A packet of 8 bytes of data, three of which are there.
/// assert_eq!(stream.next(b"000d\x01PAC")?, Demultiplexed::Data { data: b"PAC", consumed: 8 });
/// assert_eq!(stream.next(b"")?, Demultiplexed::Incomplete { needed: 5 });
/// assert_eq!(stream.next(b"K\0\0\0\x020000")?, Demultiplexed::Data { data: b"K\0\0\0\x02", consumed: 5 });
/// # Ok::<(), gitwire_sideband::SidebandError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Demultiplexer {
    decoder: Decoder,
    /// Data of band 1 still due in the packet that has begun.
    due: usize,
    /// The length of that packet's line.
    line: usize,
}

impl Demultiplexer {
    /// A stream that goes on where `decoder` stands, under its limits.
    #[must_use]
    pub const fn new(decoder: Decoder) -> Self {
        Self { decoder, due: 0, line: 0 }
    }

    /// Takes what stands at the front of `input` and steps over it.
    ///
    /// # Errors
    /// [`SidebandError`], with the place of the line; the same again for the same input.
    #[inline]
    pub fn next<'a>(&mut self, input: &'a [u8]) -> Result<Demultiplexed<'a>, SidebandError> {
        if self.due > 0 {
            return Ok(self.more(input));
        }
        let at = self.decoder.position();
        let before = self.decoder.clone();
        match self.decoder.decode(input)? {
            Decoded::Packet { packet: Packet::Data(payload), consumed } => match demultiplex(payload) {
                Ok((Band::Data, data)) => Ok(Demultiplexed::Data { data, consumed }),
                Ok((Band::Progress, text)) => Ok(Demultiplexed::Progress { text, consumed }),
                Ok((Band::Error, text)) => Ok(Demultiplexed::Error { text, consumed }),
                Err(error) => {
                    self.decoder = before;
                    Err(error.at(at))
                }
            },
            Decoded::Packet { packet: Packet::Flush, consumed } => {
                Ok(Demultiplexed::Special { packet: Packet::Flush, consumed })
            }
            Decoded::Packet { packet: Packet::Delimiter, consumed } => {
                Ok(Demultiplexed::Special { packet: Packet::Delimiter, consumed })
            }
            Decoded::Packet { packet: Packet::ResponseEnd, consumed } => {
                Ok(Demultiplexed::Special { packet: Packet::ResponseEnd, consumed })
            }
            Decoded::Incomplete { needed } => self.begin(input, needed),
        }
    }

    /// Gives the decoder back, to read on without bands.
    ///
    /// `None` inside a packet of band 1.
    #[must_use]
    pub fn into_decoder(self) -> Option<Decoder> {
        (self.due == 0).then_some(self.decoder)
    }

    /// Says that the stream is over, when `rest` is what was left of it.
    ///
    /// # Errors
    /// [`PktLineError::UnexpectedEnd`](gitwire_pktline::PktLineError::UnexpectedEnd) inside a packet.
    pub fn end(&self, rest: &[u8]) -> Result<(), SidebandError> {
        if self.due > 0 {
            let at = self.decoder.position();
            let needed = self.due.saturating_sub(rest.len());
            return Err(gitwire_pktline::PktLineError::UnexpectedEnd { needed, at }.into());
        }
        Ok(self.decoder.end(rest)?)
    }

    /// A packet of which `needed` bytes are missing: what is there of band 1 passes on.
    fn begin<'a>(&mut self, input: &'a [u8], needed: usize) -> Result<Demultiplexed<'a>, SidebandError> {
        let Some((header, data)) = input.split_first_chunk::<HEADER_LEN>() else {
            return Ok(Demultiplexed::Incomplete { needed });
        };
        let [_, _, _, _, byte] = *header;
        match demultiplex(&[byte]).map_err(|error| error.at(self.decoder.position()))? {
            (Band::Data, _) if !data.is_empty() => {
                self.line = input.len().saturating_add(needed);
                self.due = needed;
                Ok(Demultiplexed::Data { data, consumed: input.len() })
            }
            _ => Ok(Demultiplexed::Incomplete { needed }),
        }
    }

    /// More of a packet that has begun.
    fn more<'a>(&mut self, input: &'a [u8]) -> Demultiplexed<'a> {
        let (data, _) = input.split_at_checked(self.due).unwrap_or((input, &[]));
        if data.is_empty() {
            return Demultiplexed::Incomplete { needed: self.due };
        }
        self.due = self.due.saturating_sub(data.len());
        if self.due == 0 {
            self.decoder.pass(self.line);
        }
        Demultiplexed::Data { data, consumed: data.len() }
    }
}
