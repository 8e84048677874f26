//! The first lines: which version the server speaks, and what it can do.

use alloc::boxed::Box;

use bytes::BytesMut;
use gitwire_capability::{Budget, FetchOffer, V2Offer, split_line};
use gitwire_pktline::{Packet, Specials, text};

use super::context::{Context, Step};
use super::{Advertised, Command, FetchEvent, State};
use crate::message::Service;
use crate::preface::Preface;
use crate::reader::{Line, refuse_error_line};
use crate::{ProtocolError, ServerCapabilities, Version};

const FIRST_LINE: &str = "a version or a ref";

/// The first line tells the version.
#[derive(Debug, Default)]
pub(super) struct Greeting {
    preface: Preface,
    version: Version,
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
        if self.preface.takes(packet, Service::UploadPack, &ahead)? {
            context.reader.follow(ahead, input, consumed);
            return Ok(Step::Go(State::Greeting(self)));
        }
        let data = match packet {
            // Old servers show an empty repository so.
            Packet::Flush => return self.advertised(context, FetchOffer::default()),
            Packet::Data(data) => text(data),
            Packet::Delimiter | Packet::ResponseEnd => {
                return Err(ahead.unexpected(FIRST_LINE, &Line::Delimiter));
            }
        };
        refuse_error_line(data)?;
        match data.strip_prefix(b"version ") {
            Some(b"1") if self.version == Version::V0 => {
                self.version = Version::V1;
                context.reader.follow(ahead, input, consumed);
                Ok(Step::Go(State::Greeting(self)))
            }
            Some(b"2") if self.version == Version::V0 => {
                context.reader.follow(ahead, input, consumed);
                context.reader.accept(Specials::Delimiter);
                let budget = context.capability_budget();
                Ok(Step::Go(State::Capabilities(Capabilities { offer: Box::default(), budget })))
            }
            _ => {
                let list = split_line(data).capabilities.unwrap_or_default();
                let mut offer = FetchOffer::default();
                let added = offer.add(list, &mut context.capability_budget());
                added.map_err(|error| ahead.violation(error.into()))?;
                self.advertised(context, offer)
            }
        }
    }

    fn advertised(&self, context: &mut Context, offer: FetchOffer) -> Result<Step, ProtocolError> {
        let capabilities = ServerCapabilities::fetch(self.version, offer)
            .map_err(|violation| violation.at(context.reader.position()))?;
        context.capabilities = Some(capabilities.clone());
        Ok(Step::Event(State::Advertised(Advertised), FetchEvent::Capabilities(capabilities)))
    }
}

/// Version 2: a line for each capability, up to a flush packet.
#[derive(Debug)]
pub(super) struct Capabilities {
    offer: Box<V2Offer>,
    budget: Budget,
}

impl Capabilities {
    pub(super) fn step(mut self, context: &mut Context, input: &mut BytesMut) -> Result<Step, ProtocolError> {
        let Some(line) = context.reader.take(input, "a capability")? else {
            return Ok(Step::Read(State::Capabilities(self)));
        };
        match line {
            Line::Data(data) if !data.is_empty() => {
                let added = self.offer.add(text(&data), &mut self.budget);
                added.map_err(|error| context.reader.violation(error.into()))?;
                Ok(Step::Go(State::Capabilities(self)))
            }
            Line::Flush => {
                let capabilities = ServerCapabilities::v2(*self.offer)
                    .map_err(|violation| context.reader.violation(violation))?;
                context.capabilities = Some(capabilities.clone());
                Ok(Step::Event(State::Command(Command), FetchEvent::Capabilities(capabilities)))
            }
            line => Err(context.reader.unexpected("a capability", &line)),
        }
    }
}
