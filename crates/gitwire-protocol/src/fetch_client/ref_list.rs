//! The server's refs, of any version, as blocks of lines.

use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::{Buf, BytesMut};
use gitwire_pktline::{Packet, Position, text};
use gitwire_types::ObjectFormat;

use super::context::{Context, Step};
use super::{Command, FetchEvent, State};
use crate::message::{LsRefsLine, RefAdvertisementLine};
use crate::reader::{Line, Reader, refuse_error_line};
use crate::refs::Dialect;
use crate::{ProtocolError, RefBlock};

/// The most bytes of lines in one block: what one step does is bounded.
const BLOCK_MAX: usize = 256 << 10;

/// Reading a list of refs.
#[derive(Debug)]
pub(super) struct RefList {
    dialect: Dialect,
    part: Part,
    /// Where the list starts: what limits count from.
    start: Position,
    shallows: u64,
}

/// Where in the list we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    First,
    Refs,
    Border,
}

/// What a line of the list is.
enum Kind {
    /// A ref that the next line may say more of.
    Open,
    /// A ref of which all is said.
    Closed,
    /// No ref any more.
    Border,
}

impl RefList {
    pub(super) fn advertisement(context: &Context) -> Result<Self, ProtocolError> {
        let offer = context.fetch_offer().ok_or(UNKNOWN)?;
        let shared = |value: &gitwire_capability::Value| value.as_shared().clone();
        let mut symrefs: Vec<_> =
            offer.symrefs.iter().map(|symref| (shared(&symref.name), shared(&symref.target))).collect();
        symrefs.sort();
        let dialect = Dialect::Advertisement(Arc::new(symrefs));
        Ok(Self { dialect, part: Part::First, start: context.reader.position(), shallows: 0 })
    }

    pub(super) fn ls_refs(context: &Context) -> Result<Self, ProtocolError> {
        context.capabilities.as_ref().ok_or(UNKNOWN)?;
        Ok(Self { dialect: Dialect::LsRefs, part: Part::Refs, start: context.reader.position(), shallows: 0 })
    }

    pub(super) fn step(mut self, context: &mut Context, input: &mut BytesMut) -> Result<Step, ProtocolError> {
        if self.part == Part::Border {
            return self.border(context, input);
        }
        if self.part == Part::First && skip_no_refs(context, input)? {
            self.part = Part::Border;
            return Ok(Step::Go(State::RefList(self)));
        }
        let len = self.scan(context, input)?;
        if len > 0 {
            self.part = if self.part == Part::First { Part::Refs } else { self.part };
            let block = RefBlock::new(input.split_to(len).freeze(), context.format(), self.dialect.clone());
            return Ok(Step::Event(State::RefList(self), FetchEvent::Refs(block)));
        }
        match self.part {
            Part::Border => Ok(Step::Go(State::RefList(self))),
            _ if context.reader.ended() => Err(self.end(context, input)),
            _ => Ok(Step::Read(State::RefList(self))),
        }
    }

    /// Steps over as many lines of refs as there are, and says how many bytes they have.
    ///
    /// In versions 0 and 1 the last line waits until the next one is there, which may say what it peels to. An error waits
    /// until the refs before it have been taken.
    fn scan(&mut self, context: &mut Context, input: &[u8]) -> Result<usize, ProtocolError> {
        let mut ahead = context.reader.clone();
        let (mut read, mut settled) = (0_usize, 0_usize);
        while read < BLOCK_MAX {
            let before = ahead.clone();
            let line = match self.line(&mut ahead, input.get(read..).unwrap_or_default(), context) {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(error) if settled == 0 => return Err(error),
                Err(_) => break,
            };
            let (kind, consumed) = line;
            if !matches!(kind, Kind::Closed) {
                settled = read;
                context.reader = before;
            }
            if matches!(kind, Kind::Border) {
                self.part = Part::Border;
                break;
            }
            read = read.saturating_add(consumed);
            if matches!(kind, Kind::Closed) {
                settled = read;
                context.reader = ahead.clone();
            }
        }
        Ok(settled)
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
        let kind = match &self.dialect {
            Dialect::LsRefs => check_ls_refs(context.format(), data, ahead)?,
            Dialect::Advertisement(_) | Dialect::Push => check_advertised(context.format(), data, ahead)?,
        };
        if !matches!(kind, Kind::Border) {
            self.check_limits(ahead, context)?;
        }
        Ok(Some((kind, consumed)))
    }

    fn check_limits(&self, ahead: &Reader, context: &Context) -> Result<(), ProtocolError> {
        let limits = &context.options.limits;
        let next = ahead.position();
        if next.line.saturating_sub(self.start.line) > limits.refs_max {
            return Err(ProtocolError::Limit { what: "refs", max: limits.refs_max, at: ahead.at() });
        }
        if next.offset.saturating_sub(self.start.offset) > limits.advertisement_bytes_max {
            let max = limits.advertisement_bytes_max;
            return Err(ProtocolError::Limit { what: "bytes of refs", max, at: ahead.at() });
        }
        Ok(())
    }

    /// What comes after the refs: the server's boundary, in versions 0 and 1, and the flush packet.
    fn border(mut self, context: &mut Context, input: &mut BytesMut) -> Result<Step, ProtocolError> {
        let Some(line) = context.reader.take(input, EXPECTED)? else {
            return Ok(Step::Read(State::RefList(self)));
        };
        let data = match (&line, &self.dialect) {
            (Line::Flush, _) => return Ok(Step::Event(State::Command(Command), FetchEvent::RefsEnd)),
            (Line::Data(data), Dialect::Advertisement(_)) => data,
            _ => return Err(context.reader.unexpected(EXPECTED, &line)),
        };
        match RefAdvertisementLine::parse(context.format(), data) {
            Ok(RefAdvertisementLine::Shallow(id)) => {
                context.reader.count(
                    &mut self.shallows,
                    1,
                    context.options.limits.shallows_max,
                    "shallow lines",
                )?;
                Ok(Step::Event(State::RefList(self), FetchEvent::ServerShallow(id)))
            }
            Ok(_) => Err(context.reader.unexpected("shallow or a flush packet", &line)),
            Err(violation) => Err(context.reader.violation(violation)),
        }
    }

    /// The stream ends inside the list, perhaps after a line that waits.
    #[cold]
    fn end(&self, context: &mut Context, input: &[u8]) -> ProtocolError {
        let mut ahead = context.reader.clone();
        let mut rest = input;
        while let Ok(Some((_, consumed))) = ahead.decode(rest) {
            rest = rest.get(consumed..).unwrap_or_default();
        }
        ahead.end_in(rest, EXPECTED)
    }
}

const EXPECTED: &str = "a ref or a flush packet";

const UNKNOWN: ProtocolError = ProtocolError::Internal("the server's capabilities are not known");

/// An empty repository has one line that names no ref, for its capabilities.
fn skip_no_refs(context: &mut Context, input: &mut BytesMut) -> Result<bool, ProtocolError> {
    let mut ahead = context.reader.clone();
    let Some((Packet::Data(data), consumed)) = ahead.decode(input)? else {
        return Ok(false);
    };
    match RefAdvertisementLine::parse_ref(context.format(), text(data)) {
        Ok(RefAdvertisementLine::Ref { id, name: RefAdvertisementLine::NO_REFS, .. }) if id.is_zero() => {}
        _ => return Ok(false),
    }
    context.reader = ahead;
    input.advance(consumed);
    Ok(true)
}

fn check_ls_refs(format: ObjectFormat, data: &[u8], ahead: &Reader) -> Result<Kind, ProtocolError> {
    match LsRefsLine::parse(format, data) {
        Ok(_) => Ok(Kind::Closed),
        Err(violation) => refuse_error_line(data).and(Err(ahead.violation(violation))),
    }
}

fn check_advertised(format: ObjectFormat, data: &[u8], ahead: &Reader) -> Result<Kind, ProtocolError> {
    match RefAdvertisementLine::parse_ref(format, text(data)) {
        Ok(RefAdvertisementLine::Ref { name, .. }) if name.ends_with(b"^{}") => Ok(Kind::Closed),
        Ok(_) => Ok(Kind::Open),
        Err(_) if data.starts_with(b"shallow ") => Ok(Kind::Border),
        Err(violation) => refuse_error_line(data).and(Err(ahead.violation(violation))),
    }
}
