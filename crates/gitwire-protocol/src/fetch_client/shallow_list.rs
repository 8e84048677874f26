//! How the client's boundary moves: the list that versions 0 and 1 send before haves are due.

use alloc::boxed::Box;

use bytes::BytesMut;

use super::context::{Context, Step};
use super::{Acknowledgments, FetchEvent, Haves, Negotiation, State};
use crate::ProtocolError;
use crate::message::ShallowUpdate;
use crate::reader::Line;

/// Reading *shallow-update*.
#[derive(Debug)]
pub(super) struct ShallowList {
    negotiation: Box<Negotiation>,
    repeated: bool,
    lines: u64,
}

impl ShallowList {
    /// The list that the application hears of.
    pub(super) const fn first(negotiation: Box<Negotiation>) -> Self {
        Self { negotiation, repeated: false, lines: 0 }
    }

    /// The same list again, as each stateless round brings it.
    pub(super) const fn repeated(negotiation: Box<Negotiation>) -> Self {
        Self { negotiation, repeated: true, lines: 0 }
    }

    pub(super) fn step(mut self, context: &mut Context, input: &mut BytesMut) -> Result<Step, ProtocolError> {
        const EXPECTED: &str = "shallow, unshallow or a flush packet";
        let data = match context.reader.take(input, EXPECTED)? {
            None => return Ok(Step::Read(State::ShallowList(self))),
            Some(Line::Data(data)) => data,
            Some(Line::Flush) if self.repeated => {
                let negotiation = self.negotiation;
                return Ok(Step::Go(State::Acknowledgments(Acknowledgments { negotiation })));
            }
            Some(Line::Flush) => {
                return Ok(Step::Go(State::Haves(Haves { negotiation: self.negotiation })));
            }
            Some(line) => return Err(context.reader.unexpected(EXPECTED, &line)),
        };
        let update = ShallowUpdate::parse(context.format(), &data)
            .map_err(|violation| context.reader.violation(violation))?;
        context.reader.count(&mut self.lines, 1, context.options.limits.shallows_max, "shallow lines")?;
        if self.repeated {
            return Ok(Step::Go(State::ShallowList(self)));
        }
        Ok(Step::Event(State::ShallowList(self), FetchEvent::Shallow(update)))
    }
}
