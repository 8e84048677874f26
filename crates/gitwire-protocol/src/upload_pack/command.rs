//! Reading the front of a command of version 2.

use bytes::{Buf, BytesMut};
use gitwire_capability::{Budget, V2Command, V2Request};
use gitwire_pktline::{Packet, text};

use super::context::{Context, Step};
use super::fetch::Fetch;
use super::query::{BundleUri, ObjectInfo};
use super::refs::LsRefs;
use super::{Done, State};
use crate::reader::refuse_error_line;
use crate::{ProtocolError, Violation};

/// Reading the command and the client's capabilities, up to a delimiter, or a flush packet.
#[derive(Debug)]
pub(super) struct Command {
    request: V2Request,
    budget: Budget,
    lines: u64,
}

impl Command {
    pub(super) fn new(context: &Context) -> Self {
        Self { request: V2Request::default(), budget: context.options.limits.capability_budget(), lines: 0 }
    }

    pub(super) fn step(mut self, context: &mut Context, input: &mut BytesMut) -> Result<Step, ProtocolError> {
        const EXPECTED: &str = "a command, a capability, a delimiter or a flush packet";
        if self.lines == 0 && input.is_empty() && context.reader.ended() {
            return Ok(Step::Go(State::Done(Done)));
        }
        let Some((packet, consumed)) = context.reader.decode(input)? else {
            return match context.reader.ended() {
                true => Err(context.reader.end_in(input, EXPECTED)),
                false => Ok(Step::Read(State::Command(self))),
            };
        };
        match packet {
            Packet::Data(data) => {
                refuse_error_line(data)?;
                self.lines = self.lines.saturating_add(1);
                let added = self.request.add(text(data), &context.options.v2, &mut self.budget);
                added.map_err(|error| context.reader.violation(error.into()))?;
                let options = self.request.server_options.len();
                let max = context.options.limits.server_options_max;
                context.reader.count(&mut 0, options, max, "server options")?;
                input.advance(consumed);
                Ok(Step::Go(State::Command(self)))
            }
            Packet::Flush if self.lines == 0 => {
                input.advance(consumed);
                Ok(Step::Go(State::Done(Done)))
            }
            // A command without arguments may end without a delimiter: the flush packet then is the arguments' end.
            Packet::Flush => {
                let state = self.enter(context)?;
                input.advance(consumed);
                match state {
                    State::LsRefs(state) => Ok(state.end(context)),
                    State::Fetch(state) => state.end(context),
                    State::ObjectInfo(state) => state.end(context),
                    State::BundleUri(state) => Ok(state.end(context)),
                    state => Ok(Step::Go(state)),
                }
            }
            Packet::Delimiter | Packet::ResponseEnd => {
                let state = self.enter(context)?;
                input.advance(consumed);
                Ok(Step::Go(state))
            }
        }
    }

    fn enter(self, context: &mut Context) -> Result<State, ProtocolError> {
        let command = self.request.command.ok_or_else(|| context.reader.violation(Violation::NoCommand))?;
        let checked = self.request.check_format(context.options.format);
        checked.map_err(|error| context.reader.violation(error.into()))?;
        match command {
            V2Command::LsRefs => Ok(State::LsRefs(LsRefs::new(&self.request))),
            V2Command::Fetch => Ok(State::Fetch(Fetch::new(&self.request))),
            V2Command::ObjectInfo => Ok(State::ObjectInfo(ObjectInfo::default())),
            V2Command::BundleUri => Ok(State::BundleUri(BundleUri)),
            _ => Err(ProtocolError::Internal("a command that nobody offers")),
        }
    }
}
