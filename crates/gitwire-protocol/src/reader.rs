//! Reading the peer's lines, one at a time, out of a buffer that grows.

use bytes::{Buf, Bytes, BytesMut};
use gitwire_pktline::{Decoded, Decoder, Packet, Position, Specials, error_message, text};
use gitwire_sideband::Demultiplexer;

use crate::error::{Actual, Excerpt, RemoteChannel};
use crate::{ProtocolError, Violation};

/// The peer's stream: where we are in it, and whether it is over. Holds no bytes.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    decoder: Decoder,
    ended: bool,
    /// Where the last line started that was taken.
    at: Position,
}

/// A packet, taken from the buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    Data(Bytes),
    Flush,
    Delimiter,
}

impl Line {
    /// The line that a packet is, its data copied.
    pub(crate) fn of(packet: Packet<'_>) -> Self {
        match packet {
            Packet::Data(data) => Self::Data(Bytes::copy_from_slice(data)),
            Packet::Flush => Self::Flush,
            Packet::Delimiter | Packet::ResponseEnd => Self::Delimiter,
        }
    }
}

impl Reader {
    pub(crate) fn new(specials: Specials) -> Self {
        let mut decoder = Decoder::default();
        decoder.accept(specials);
        Self { decoder, ended: false, at: Position::START }
    }

    pub(crate) fn accept(&mut self, specials: Specials) {
        self.decoder.accept(specials);
    }

    pub(crate) const fn end(&mut self) {
        self.ended = true;
    }

    pub(crate) const fn ended(&self) -> bool {
        self.ended
    }

    /// Where the line starts that was taken last: the place of what is wrong with it.
    pub(crate) const fn at(&self) -> Position {
        self.at
    }

    /// Where the next line starts.
    pub(crate) const fn position(&self) -> Position {
        self.decoder.position()
    }

    /// Takes the line at the front of `input`. `None` if more must come.
    ///
    /// # Errors
    /// Bytes that are no line, the peer's `ERR` line, and the end of the stream: `expected` says what is due.
    pub(crate) fn take(
        &mut self,
        input: &mut BytesMut,
        expected: &'static str,
    ) -> Result<Option<Line>, ProtocolError> {
        let Some((packet, consumed)) = self.decode(input)? else {
            return if self.ended { Err(self.end_in(input, expected)) } else { Ok(None) };
        };
        let line = match packet {
            Packet::Data(data) => {
                refuse_error_line(data)?;
                let mut taken = input.split_to(consumed);
                taken.advance(gitwire_pktline::PREFIX_LEN);
                Line::Data(taken.freeze())
            }
            Packet::Flush => {
                input.advance(consumed);
                Line::Flush
            }
            Packet::Delimiter | Packet::ResponseEnd => {
                input.advance(consumed);
                Line::Delimiter
            }
        };
        Ok(Some(line))
    }

    /// Gives the packet at the front of `input` to `read`, then takes it. `None` if more must come.
    ///
    /// # Errors
    /// As [`take`](Self::take), and what `read` says.
    pub(crate) fn parse<T>(
        &mut self,
        input: &mut BytesMut,
        expected: &'static str,
        read: impl FnOnce(&Self, Packet<'_>) -> Result<T, ProtocolError>,
    ) -> Result<Option<T>, ProtocolError> {
        let Some((packet, consumed)) = self.decode(input)? else {
            return if self.ended { Err(self.end_in(input, expected)) } else { Ok(None) };
        };
        if let Packet::Data(data) = packet {
            refuse_error_line(data)?;
        }
        let value = read(self, packet)?;
        input.advance(consumed);
        Ok(Some(value))
    }

    /// Reads the line at the front of `input` and steps over it, but leaves it in the buffer: for lists, whose lines are
    /// taken together. `None` if more must come.
    pub(crate) fn decode<'a>(
        &mut self,
        input: &'a [u8],
    ) -> Result<Option<(Packet<'a>, usize)>, ProtocolError> {
        let at = self.decoder.position();
        match self.decoder.decode(input)? {
            Decoded::Packet { packet, consumed } => {
                self.at = at;
                Ok(Some((packet, consumed)))
            }
            Decoded::Incomplete { .. } => Ok(None),
        }
    }

    /// Takes what `ahead`, a copy of this reader, has read.
    pub(crate) fn follow(&mut self, ahead: Self, input: &mut BytesMut, consumed: usize) {
        *self = ahead;
        input.advance(consumed);
    }

    /// Listens while the application has the turn: the only thing that the peer may say now is that it gives up.
    pub(crate) fn listen(&self, input: &[u8]) -> Result<(), ProtocolError> {
        match self.decoder.clone().decode(input) {
            Ok(Decoded::Packet { packet: Packet::Data(data), .. }) => refuse_error_line(data),
            _ => Ok(()),
        }
    }

    /// What is wrong with a stream that ends here.
    #[cold]
    pub(crate) fn end_in(&self, rest: &[u8], expected: &'static str) -> ProtocolError {
        match self.decoder.end(rest) {
            Err(error) => error.into(),
            Ok(()) => Violation::Unexpected { expected, actual: Actual::End }.at(self.decoder.position()),
        }
    }

    /// Hands the stream over to whoever reads a multiplexed part of it.
    pub(crate) fn demultiplexer(&self) -> Demultiplexer {
        Demultiplexer::new(self.decoder.clone())
    }

    /// Takes the stream back.
    pub(crate) fn resume(&mut self, demultiplexer: Demultiplexer) -> Result<(), ProtocolError> {
        self.decoder = demultiplexer
            .into_decoder()
            .ok_or(ProtocolError::Internal("the multiplexed part is not over"))?;
        Ok(())
    }

    /// What is wrong with the line that was taken last.
    #[cold]
    pub(crate) fn violation(&self, violation: Violation) -> ProtocolError {
        violation.at(self.at)
    }

    /// The line that was taken last has no meaning here.
    #[cold]
    pub(crate) fn unexpected(&self, expected: &'static str, line: &Line) -> ProtocolError {
        let actual = match line {
            Line::Data(data) if data.is_empty() => Actual::EmptyLine,
            Line::Data(data) => Actual::Line(Excerpt::new(data)),
            Line::Flush => Actual::Flush,
            Line::Delimiter => Actual::Delimiter,
        };
        self.violation(Violation::Unexpected { expected, actual })
    }

    /// Counts one more of `what`.
    pub(crate) fn count(
        &self,
        counter: &mut u64,
        more: usize,
        max: u64,
        what: &'static str,
    ) -> Result<(), ProtocolError> {
        *counter = counter.saturating_add(u64::try_from(more).unwrap_or(u64::MAX));
        if *counter > max { Err(ProtocolError::Limit { what, max, at: self.at }) } else { Ok(()) }
    }
}

/// The peer's words, if the line is an `ERR` line.
pub(crate) fn refuse_error_line(data: &[u8]) -> Result<(), ProtocolError> {
    match error_message(data) {
        None => Ok(()),
        Some(message) => Err(ProtocolError::Remote {
            channel: RemoteChannel::ErrorLine,
            message: Bytes::copy_from_slice(text(message)),
        }),
    }
}
