//! The first lines: the preface of smart HTTP, the version, and what the server offers.

use alloc::sync::Arc;

use bytes::{Buf, BytesMut};
use gitwire_capability::{PushOffer, split_line};
use gitwire_pktline::{Packet, text};

use super::context::{Context, Step};
use super::{PushEvent, RefList, State};
use crate::message::{Service, ServicePreface};
use crate::reader::{Line, Reader, refuse_error_line};
use crate::{ProtocolError, Version, Violation};

const FIRST_LINE: &str = "version 1 or a ref";

/// The first line with a ref tells what is offered.
#[derive(Debug, Default)]
pub(super) struct Greeting {
    preface: Preface,
}

/// How far the `# service=` of smart HTTP has come.
#[derive(Debug, Default, PartialEq, Eq)]
enum Preface {
    #[default]
    Possible,
    FlushDue,
    Over,
}

impl Greeting {
    pub(super) fn step(mut self, context: &mut Context, input: &mut BytesMut) -> Result<Step, ProtocolError> {
        // A ref line stays in the buffer: the list of refs starts with it.
        let mut ahead = context.reader.clone();
        let Some((packet, consumed)) = ahead.decode(input)? else {
            return match context.reader.ended() {
                true => Err(context.reader.end_in(input, FIRST_LINE)),
                false => Ok(Step::Read(State::Greeting(self))),
            };
        };
        let data = match packet {
            Packet::Flush if self.preface == Preface::FlushDue => {
                self.preface = Preface::Over;
                return Ok(self.take(context, ahead, input, consumed));
            }
            _ if self.preface == Preface::FlushDue => {
                return Err(ahead.unexpected("a flush packet after the service", &Line::of(packet)));
            }
            // Old servers show an empty repository so.
            Packet::Flush => return offered(context, PushOffer::default()),
            Packet::Data(data) => text(data),
            Packet::Delimiter | Packet::ResponseEnd => {
                return Err(ahead.unexpected(FIRST_LINE, &Line::Delimiter));
            }
        };
        refuse_error_line(data)?;
        if self.preface == Preface::Possible && ServicePreface::is_preface(data) {
            let preface = ServicePreface::parse(data).map_err(|violation| ahead.violation(violation))?;
            if preface.0 != Service::ReceivePack {
                return Err(ahead.violation(Violation::line("# service=git-receive-pack", data)));
            }
            self.preface = Preface::FlushDue;
            return Ok(self.take(context, ahead, input, consumed));
        }
        match data.strip_prefix(b"version ") {
            Some(b"1") if context.version == Version::V0 => {
                context.version = Version::V1;
                Ok(self.take(context, ahead, input, consumed))
            }
            Some(_) => Err(ahead.unexpected(FIRST_LINE, &Line::of(packet))),
            None => {
                let list = split_line(data).capabilities.unwrap_or_default();
                let mut offer = PushOffer::default();
                let added = offer.add(list, &mut context.options.limits.capability_budget());
                added.map_err(|error| ahead.violation(error.into()))?;
                offered(context, offer)
            }
        }
    }

    fn take(self, context: &mut Context, ahead: Reader, input: &mut BytesMut, consumed: usize) -> Step {
        context.reader = ahead;
        input.advance(consumed);
        Step::Go(State::Greeting(self))
    }
}

fn offered(context: &mut Context, offer: PushOffer) -> Result<Step, ProtocolError> {
    let primary = offer.formats.primary();
    context.format = primary.map_err(|error| Violation::from(error).at(context.reader.position()))?;
    let offer = Arc::new(offer);
    context.offer = Some(Arc::clone(&offer));
    let next = State::RefList(RefList::new(context.reader.position()));
    Ok(Step::Event(next, PushEvent::Capabilities(offer)))
}
