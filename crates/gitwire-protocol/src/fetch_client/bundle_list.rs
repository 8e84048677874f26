//! The server's list of bundles (version 2).

use bytes::BytesMut;

use super::context::{Context, Step};
use super::{Command, FetchEvent, State};
use crate::ProtocolError;
use crate::message::BundleUriLine;
use crate::reader::{Line, refuse_error_line};

/// Reading the answer to `bundle-uri`.
#[derive(Debug, Default)]
pub(super) struct BundleList {
    lines: u64,
}

impl BundleList {
    pub(super) fn step(mut self, context: &mut Context, input: &mut BytesMut) -> Result<Step, ProtocolError> {
        const EXPECTED: &str = "a line of a bundle list";
        let data = match context.reader.take(input, EXPECTED)? {
            None => return Ok(Step::Read(State::BundleList(self))),
            Some(Line::Flush) => return Ok(Step::Event(State::Command(Command), FetchEvent::BundleUrisEnd)),
            Some(Line::Data(data)) => data,
            Some(line) => return Err(context.reader.unexpected(EXPECTED, &line)),
        };
        let max = context.options.limits.section_lines_max;
        context.reader.count(&mut self.lines, 1, max, "lines of a bundle list")?;
        refuse_error_line(&data)?;
        let next = State::BundleList(self);
        // The list is advice, and what of it cannot be read is no reason to end a fetch.
        Ok(match BundleUriLine::parse(&data) {
            Ok(line) => {
                let (key, value) = (data.slice_ref(line.key), data.slice_ref(line.value));
                Step::Event(next, FetchEvent::BundleUri { key, value })
            }
            Err(_) => Step::Go(next),
        })
    }
}
