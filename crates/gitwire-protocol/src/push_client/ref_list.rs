//! The server's refs, as blocks of lines.

use bytes::BytesMut;
use gitwire_pktline::{Packet, Position, text};

use super::context::{Context, Step};
use super::{Command, PushEvent, State};
use crate::message::RefAdvertisementLine;
use crate::reader::{Line, Reader, refuse_error_line};
use crate::refs::Dialect;
use crate::{ProtocolError, RefBlock};

/// The most bytes of lines in one block: what one step does is bounded.
const BLOCK_MAX: usize = 256 << 10;

const EXPECTED: &str = "a ref, shallow or a flush packet";

/// Reading the advertisement.
#[derive(Debug)]
pub(super) struct RefList {
    /// Where the list starts: what limits count from.
    start: Position,
    shallows: u64,
}

/// What a line of the list is.
enum Kind {
    Ref,
    /// The line of an empty repository, which is there for its capabilities.
    NoRefs,
    /// No ref any more.
    Border,
}

impl RefList {
    pub(super) const fn new(start: Position) -> Self {
        Self { start, shallows: 0 }
    }

    pub(super) fn step(self, context: &mut Context, input: &mut BytesMut) -> Result<Step, ProtocolError> {
        let mut ahead = context.reader.clone();
        let mut len = 0_usize;
        while len < BLOCK_MAX {
            let before = ahead.clone();
            match self.line(&mut ahead, input.get(len..).unwrap_or_default(), context) {
                // Behind the server's boundary there are no refs any more.
                Ok(Some((Kind::Ref, consumed))) if self.shallows == 0 => len = len.saturating_add(consumed),
                Ok(Some((Kind::NoRefs, consumed))) if len == 0 => {
                    bytes::Buf::advance(input, consumed);
                    context.reader = ahead;
                    return Ok(Step::Go(State::RefList(self)));
                }
                Ok(Some(_)) if len == 0 => return self.border(context, input),
                Err(error) if len == 0 => return Err(error),
                Ok(None) if len == 0 => {
                    return match context.reader.ended() {
                        true => Err(context.reader.end_in(input, EXPECTED)),
                        false => Ok(Step::Read(State::RefList(self))),
                    };
                }
                // What is read so far is told first.
                _ => {
                    ahead = before;
                    break;
                }
            }
        }
        context.reader = ahead;
        let lines = input.split_to(len).freeze();
        let block = RefBlock::new(lines, context.format, Dialect::Push);
        Ok(Step::Event(State::RefList(self), PushEvent::Refs(block)))
    }

    /// Reads one line and says what it is.
    fn line(
        &self,
        ahead: &mut Reader,
        input: &[u8],
        context: &Context,
    ) -> Result<Option<(Kind, usize)>, ProtocolError> {
        let Some((packet, consumed)) = ahead.decode(input)? else {
            return Ok(None);
        };
        let Packet::Data(data) = packet else {
            return Ok(Some((Kind::Border, consumed)));
        };
        match RefAdvertisementLine::parse_ref(context.format, text(data)) {
            Ok(RefAdvertisementLine::Ref { id, name: RefAdvertisementLine::NO_REFS, .. }) if id.is_zero() => {
                return Ok(Some((Kind::NoRefs, consumed)));
            }
            Ok(_) => {}
            Err(_) if data.starts_with(b"shallow ") => return Ok(Some((Kind::Border, consumed))),
            Err(violation) => return refuse_error_line(data).and(Err(ahead.violation(violation))),
        }
        let limits = &context.options.limits;
        let next = ahead.position();
        let mut lines = next.line.saturating_sub(self.start.line);
        ahead.count(&mut lines, 0, limits.refs_max, "refs")?;
        let mut bytes = next.offset.saturating_sub(self.start.offset);
        ahead.count(&mut bytes, 0, limits.advertisement_bytes_max, "bytes of refs")?;
        Ok(Some((Kind::Ref, consumed)))
    }

    /// What comes after the refs: the server's boundary and the flush packet.
    fn border(mut self, context: &mut Context, input: &mut BytesMut) -> Result<Step, ProtocolError> {
        let Some(line) = context.reader.take(input, EXPECTED)? else {
            return Ok(Step::Read(State::RefList(self)));
        };
        let data = match &line {
            Line::Flush => return Ok(Step::Event(State::Command(Command), PushEvent::RefsEnd)),
            Line::Data(data) => data,
            Line::Delimiter => return Err(context.reader.unexpected(EXPECTED, &line)),
        };
        match RefAdvertisementLine::parse(context.format, data) {
            Ok(RefAdvertisementLine::Shallow(id)) => {
                let max = context.options.limits.shallows_max;
                context.reader.count(&mut self.shallows, 1, max, "shallow lines")?;
                Ok(Step::Event(State::RefList(self), PushEvent::ServerShallow(id)))
            }
            Ok(_) => Err(context.reader.unexpected(EXPECTED, &line)),
            Err(violation) => Err(context.reader.violation(violation)),
        }
    }
}
