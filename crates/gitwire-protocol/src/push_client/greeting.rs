//! The first lines: the preface of smart HTTP, the version, and what the server offers.

use alloc::sync::Arc;

use bytes::BytesMut;
use gitwire_capability::{PushOffer, split_line};
use gitwire_pktline::{Packet, text};

use super::context::{Context, Step};
use super::{PushEvent, RefList, State};
use crate::message::Service;
use crate::preface::Preface;
use crate::reader::{Line, refuse_error_line};
use crate::{ProtocolError, Version, Violation};

const FIRST_LINE: &str = "version 1 or a ref";

/// The first line with a ref tells what is offered.
#[derive(Debug, Default)]
pub(super) struct Greeting {
    preface: Preface,
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
        if self.preface.takes(packet, Service::ReceivePack, &ahead)? {
            context.reader.follow(ahead, input, consumed);
            return Ok(Step::Go(State::Greeting(self)));
        }
        let data = match packet {
            // Old servers show an empty repository so.
            Packet::Flush => return offered(context, PushOffer::default()),
            Packet::Data(data) => text(data),
            Packet::Delimiter | Packet::ResponseEnd => {
                return Err(ahead.unexpected(FIRST_LINE, &Line::Delimiter));
            }
        };
        refuse_error_line(data)?;
        match data.strip_prefix(b"version ") {
            Some(b"1") if context.version == Version::V0 => {
                context.version = Version::V1;
                context.reader.follow(ahead, input, consumed);
                Ok(Step::Go(State::Greeting(self)))
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
}

fn offered(context: &mut Context, offer: PushOffer) -> Result<Step, ProtocolError> {
    let primary = offer.formats.primary();
    context.format = primary.map_err(|error| Violation::from(error).at(context.reader.position()))?;
    let offer = Arc::new(offer);
    context.offer = Some(Arc::clone(&offer));
    let next = State::RefList(RefList::new(context.reader.position()));
    Ok(Step::Event(next, PushEvent::Capabilities(offer)))
}
