//! The commands of version 2 that ask without fetching: `object-info` and `bundle-uri`.

use alloc::vec::Vec;

use bytes::BytesMut;
use gitwire_pktline::{Packet, encode_flush};
use gitwire_types::ObjectId;

use super::context::{Context, Step, check_answers};
use super::{State, UploadPackEvent};
use crate::message::{BundleUriLine, ObjectInfoArgument, ObjectInfoLine};
use crate::{ProtocolError, Violation};

/// Reading the arguments of `object-info`.
#[derive(Debug, Default)]
pub(super) struct ObjectInfo {
    ids: Vec<ObjectId>,
    size: bool,
}

impl ObjectInfo {
    pub(super) fn step(mut self, context: &mut Context, input: &mut BytesMut) -> Result<Step, ProtocolError> {
        const EXPECTED: &str = "an argument of object-info or a flush packet";
        let (format, max) = (context.options.format, context.options.limits.wants_max);
        let end = context.reader.parse(input, EXPECTED, |reader, packet| {
            let data = match packet {
                Packet::Flush => return Ok(true),
                Packet::Data(data) => data,
                Packet::Delimiter | Packet::ResponseEnd => {
                    return Err(reader.violation(Violation::AfterArguments("object-info")));
                }
            };
            let argument = ObjectInfoArgument::parse(format, data);
            match argument.map_err(|violation| reader.violation(violation))? {
                ObjectInfoArgument::Size => self.size = true,
                ObjectInfoArgument::Oid(id) => {
                    self.ids.push(id);
                    reader.count(&mut 0, self.ids.len(), max, "objects to tell of")?;
                }
            }
            Ok(false)
        })?;
        match end {
            None => Ok(Step::Read(State::ObjectInfo(self))),
            Some(false) => Ok(Step::Go(State::ObjectInfo(self))),
            Some(true) => self.end(context),
        }
    }

    /// All arguments are read. Without objects there is nothing to tell of.
    pub(super) fn end(self, context: &mut Context) -> Result<Step, ProtocolError> {
        let size = self.size && !self.ids.is_empty();
        let due = ObjectInfoDue { ids: self.ids, size, told: 0 };
        Ok(Step::Go(due.ask(context)))
    }
}

/// The application says how large the objects are.
#[derive(Debug)]
pub(super) struct ObjectInfoDue {
    ids: Vec<ObjectId>,
    size: bool,
    told: usize,
}

impl ObjectInfoDue {
    pub(super) const fn step(self) -> Step {
        Step::Answer(State::ObjectInfoDue(self))
    }

    fn block(&self) -> &[ObjectId] {
        let rest = self.ids.get(self.told..).unwrap_or_default();
        rest.get(..UploadPackEvent::BLOCK).unwrap_or(rest)
    }

    fn ask(self, context: &mut Context) -> State {
        context.events.push_back(UploadPackEvent::ObjectInfo(self.block().to_vec()));
        State::ObjectInfoDue(self)
    }

    pub(super) fn check(&self, sizes: &[Option<u64>]) -> Result<(), ProtocolError> {
        Ok(check_answers(sizes.len(), self.block().len())?)
    }

    pub(super) fn answer(
        mut self,
        context: &mut Context,
        sizes: &[Option<u64>],
        output: &mut BytesMut,
    ) -> Result<State, ProtocolError> {
        if self.told == 0 && self.size {
            ObjectInfoLine::Attributes.write(output)?;
        }
        for (id, size) in self.block().iter().zip(sizes) {
            let size = self.size.then_some(*size);
            ObjectInfoLine::Object { id: *id, size }.write(output)?;
        }
        self.told = self.told.saturating_add(sizes.len());
        if self.told < self.ids.len() {
            return Ok(self.ask(context));
        }
        encode_flush(output);
        Ok(context.after_command())
    }
}

/// Reading the arguments of `bundle-uri`: there are none.
#[derive(Debug)]
pub(super) struct BundleUri;

impl BundleUri {
    pub(super) fn step(self, context: &mut Context, input: &mut BytesMut) -> Result<Step, ProtocolError> {
        let end = context.reader.parse(input, "a flush packet", |reader, packet| match packet {
            Packet::Flush => Ok(()),
            Packet::Data(line) => Err(reader.violation(Violation::argument("bundle-uri", line))),
            Packet::Delimiter | Packet::ResponseEnd => {
                Err(reader.violation(Violation::AfterArguments("bundle-uri")))
            }
        })?;
        Ok(match end {
            None => Step::Read(State::BundleUri(self)),
            Some(()) => self.end(context),
        })
    }

    pub(super) fn end(self, context: &mut Context) -> Step {
        context.events.push_back(UploadPackEvent::BundleUrisWanted);
        Step::Go(State::BundleUriDue(BundleUriDue))
    }
}

/// The application says where bundles are to be had.
#[derive(Debug)]
pub(super) struct BundleUriDue;

impl BundleUriDue {
    pub(super) const fn step(self) -> Step {
        Step::Answer(State::BundleUriDue(self))
    }

    pub(super) fn answer(
        self,
        context: &mut Context,
        lines: &[BundleUriLine<'_>],
        output: &mut BytesMut,
    ) -> Result<State, ProtocolError> {
        let start = output.len();
        let written = lines.iter().try_for_each(|line| line.write(output));
        written.inspect_err(|_| output.truncate(start))?;
        encode_flush(output);
        Ok(context.after_command())
    }
}
