//! The pack, passed through.

use alloc::boxed::Box;

use bytes::{Buf, Bytes, BytesMut};
use gitwire_capability::AckMode;
use gitwire_pktline::{Packet, text};
use gitwire_sideband::{Demultiplexed, Demultiplexer};

use super::context::{Context, Step};
use super::{Command, FetchEvent, Negotiation, State};
use crate::ProtocolError;
use crate::error::RemoteChannel;
use crate::reader::Line;

/// Reading the pack.
#[derive(Debug)]
pub(super) struct Pack {
    negotiation: Box<Negotiation>,
    stage: Stage,
}

/// How far the pack has come.
#[derive(Debug)]
enum Stage {
    /// Nothing has been said of it.
    Announce,
    /// The first bytes tell a pack from an error line.
    First,
    /// In bands.
    Banded(Demultiplexer),
    /// As it is, up to the end of the stream.
    Bare,
    /// The whole stream is over.
    Ended,
}

impl Pack {
    pub(super) const fn new(negotiation: Box<Negotiation>) -> Self {
        Self { negotiation, stage: Stage::Announce }
    }

    pub(super) fn step(mut self, context: &mut Context, input: &mut BytesMut) -> Result<Step, ProtocolError> {
        match self.stage {
            Stage::Announce => {
                self.stage = Stage::First;
                Ok(Step::Event(State::Pack(self), FetchEvent::PackStart))
            }
            Stage::First => self.first(context, input),
            Stage::Banded(stream) => Self { stage: Stage::First, ..self }.banded(context, input, stream),
            Stage::Bare => self.bare(context, input),
            Stage::Ended => Ok(Step::Done),
        }
    }

    /// In place of the pack there may still come an error line, or, after an answer that was settled early, acknowledgments of
    /// the window that was ahead.
    fn first(mut self, context: &mut Context, input: &mut BytesMut) -> Result<Step, ProtocolError> {
        let banded = self.negotiation.is_banded();
        let Some((front, _)) = input.split_first_chunk::<5>() else {
            return match context.reader.ended() {
                true => Err(context.reader.end_in(input, "a pack")),
                false => Ok(Step::Read(State::Pack(self))),
            };
        };
        let [a, b, c, d, first] = *front;
        let word = matches!(first, b'E' | b'A' | b'N');
        if banded && !word {
            self.stage = Stage::Banded(context.reader.demultiplexer());
            return Ok(Step::Go(State::Pack(self)));
        }
        if !banded && [a, b, c, d] == *b"PACK" {
            self.stage = Stage::Bare;
            return Ok(Step::Go(State::Pack(self)));
        }
        match context.reader.take(input, "a pack")? {
            None => Ok(Step::Read(State::Pack(self))),
            Some(Line::Data(data)) if self.is_late_answer(&data) => Ok(Step::Go(State::Pack(self))),
            Some(line) => Err(context.reader.unexpected("a pack", &line)),
        }
    }

    /// git's server acknowledges more than once without `multi_ack` when the first objects it knows are related.
    fn is_late_answer(&self, data: &[u8]) -> bool {
        let single = self.negotiation.ack_mode() == Some(AckMode::Single);
        single && text(data).starts_with(b"ACK ")
    }

    fn banded(
        mut self,
        context: &mut Context,
        input: &mut BytesMut,
        mut stream: Demultiplexer,
    ) -> Result<Step, ProtocolError> {
        let progress = match stream.next(input)? {
            Demultiplexed::Data { data, consumed } => {
                let data = (data.len(), consumed);
                self.stage = Stage::Banded(stream);
                return Ok(self.event(take(input, data), FetchEvent::Pack));
            }
            Demultiplexed::Progress { text, consumed } => (text.len(), consumed),
            Demultiplexed::Error { text: words, .. } => {
                let message = Bytes::copy_from_slice(text(words));
                return Err(ProtocolError::Remote { channel: RemoteChannel::Band, message });
            }
            Demultiplexed::Special { packet: Packet::Flush, consumed } => {
                input.advance(consumed);
                context.reader.resume(stream)?;
                return Ok(self.end());
            }
            Demultiplexed::Special { .. } => {
                context.reader.resume(stream)?;
                return Err(context.reader.unexpected("a pack in bands", &Line::Delimiter));
            }
            Demultiplexed::Incomplete { .. } if context.reader.ended() => {
                stream.end(input)?;
                context.reader.resume(stream)?;
                return Err(context.reader.end_in(input, "a flush packet after the pack"));
            }
            Demultiplexed::Incomplete { .. } => {
                self.stage = Stage::Banded(stream);
                return Ok(Step::Read(State::Pack(self)));
            }
        };
        context.count_progress(progress.0)?;
        self.stage = Stage::Banded(stream);
        Ok(self.event(take(input, progress), FetchEvent::Progress))
    }

    /// Without a side-band the pack ends with the stream.
    fn bare(self, context: &mut Context, input: &mut BytesMut) -> Result<Step, ProtocolError> {
        if !input.is_empty() {
            let data = input.split().freeze();
            return Ok(Step::Event(State::Pack(self), FetchEvent::Pack(data)));
        }
        if context.reader.ended() { Ok(self.end()) } else { Ok(Step::Read(State::Pack(self))) }
    }

    /// What is empty was only to show that the server lives.
    fn event(self, data: Bytes, event: fn(Bytes) -> FetchEvent) -> Step {
        if data.is_empty() {
            Step::Go(State::Pack(self))
        } else {
            Step::Event(State::Pack(self), event(data))
        }
    }

    fn end(mut self) -> Step {
        let next = if self.negotiation.is_v2() {
            State::Command(Command)
        } else {
            self.stage = Stage::Ended;
            State::Pack(self)
        };
        Step::Event(next, FetchEvent::PackEnd)
    }
}

/// Takes the last `len` of the first `consumed` bytes, shared, and drops those before them.
fn take(input: &mut BytesMut, (len, consumed): (usize, usize)) -> Bytes {
    let mut taken = input.split_to(consumed);
    taken.advance(consumed.saturating_sub(len));
    taken.freeze()
}
