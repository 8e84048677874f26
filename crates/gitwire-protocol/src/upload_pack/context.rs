//! What all states of the server share.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::BytesMut;
use gitwire_pktline::{Packets, Specials};
use gitwire_sideband::{Muxer, PacketSize};
use gitwire_types::ObjectId;

use super::{Serving, State, UploadPackEvent, UploadPackOptions, UploadRequest};
use crate::error::Misuse;
use crate::reader::Reader;
use crate::{ProtocolError, Version};

/// What all states share.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) options: UploadPackOptions,
    pub(super) reader: Reader,
    /// What the application hears next, before anything else happens.
    pub(super) events: VecDeque<UploadPackEvent>,
    /// An answer has just been written whole: the next step says so.
    pub(super) turn: bool,
    /// Under `sideband-all` every line has a band.
    pub(super) banded: bool,
}

impl Context {
    pub(super) fn new(options: UploadPackOptions) -> Self {
        let specials = if options.version == Version::V2 { Specials::Delimiter } else { Specials::Flush };
        Self { options, reader: Reader::new(specials), events: VecDeque::new(), turn: false, banded: false }
    }

    /// Where a command of version 2 leads: to the next, unless each request stands for itself.
    pub(super) fn after_command(&mut self) -> State {
        self.turn = true;
        self.banded = false;
        match self.options.serving {
            Serving::Duplex => State::Command(super::command::Command::new(self)),
            Serving::Stateless | Serving::Advertisement => State::Done(super::Done),
        }
    }

    /// Appends lines that `write` writes, each in band 1 if every line has a band.
    pub(super) fn lines(
        &self,
        output: &mut BytesMut,
        write: impl FnOnce(&mut BytesMut) -> Result<(), ProtocolError>,
    ) -> Result<(), ProtocolError> {
        let start = output.len();
        let written = if self.banded { in_band(output, write) } else { write(output) };
        written.inspect_err(|_| output.truncate(start))
    }
}

fn in_band(
    output: &mut BytesMut,
    write: impl FnOnce(&mut BytesMut) -> Result<(), ProtocolError>,
) -> Result<(), ProtocolError> {
    let mut lines = BytesMut::new();
    write(&mut lines)?;
    for packet in Packets::new(&lines) {
        match packet?.data() {
            Some(line) => Muxer::new(PacketSize::Large).line(line, output)?,
            None => gitwire_pktline::encode_delimiter(output),
        }
    }
    Ok(())
}

/// What a request gathers line by line, for its events.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) request: UploadRequest,
    wants: Vec<ObjectId>,
    shallow: Vec<ObjectId>,
    pub(super) want_lines: u64,
    shallow_lines: u64,
    argument_bytes: u64,
}

impl Gathered {
    pub(super) fn want(&mut self, context: &mut Context, id: ObjectId) -> Result<(), ProtocolError> {
        self.count_want(context)?;
        self.wants.push(id);
        if self.wants.len() >= UploadPackEvent::BLOCK {
            context.events.push_back(UploadPackEvent::Wants(core::mem::take(&mut self.wants)));
        }
        Ok(())
    }

    pub(super) fn count_want(&mut self, context: &Context) -> Result<(), ProtocolError> {
        context.reader.count(&mut self.want_lines, 1, context.options.limits.wants_max, "wants")
    }

    pub(super) fn shallow(&mut self, context: &mut Context, id: ObjectId) -> Result<(), ProtocolError> {
        let max = context.options.limits.shallows_max;
        context.reader.count(&mut self.shallow_lines, 1, max, "shallow lines")?;
        self.shallow.push(id);
        if self.shallow.len() >= UploadPackEvent::BLOCK {
            context.events.push_back(UploadPackEvent::Shallow(core::mem::take(&mut self.shallow)));
        }
        Ok(())
    }

    /// Bytes of an argument that is kept as it came.
    pub(super) fn keep(&mut self, context: &Context, value: &[u8]) -> Result<bytes::Bytes, ProtocolError> {
        let max = context.options.limits.argument_bytes_max;
        context.reader.count(&mut self.argument_bytes, value.len(), max, "bytes of arguments")?;
        Ok(bytes::Bytes::copy_from_slice(value))
    }

    pub(super) fn deepen_not(&mut self, context: &Context, name: &[u8]) -> Result<(), ProtocolError> {
        let name = self.keep(context, name)?;
        let not = &mut self.request.depth.not;
        not.push(name);
        let max = context.options.limits.deepen_nots_max;
        context.reader.count(&mut 0, not.len(), max, "deepen-not lines")
    }

    pub(super) fn filter(&mut self, context: &Context, spec: &[u8]) -> Result<(), ProtocolError> {
        if self.request.filter.is_some() {
            return Err(context.reader.violation(crate::Violation::repeated("filter", spec)));
        }
        self.request.filter = Some(self.keep(context, spec)?);
        Ok(())
    }

    /// Hands everything to the application. A depth beside a time or refs is refused, and a ref that is wanted twice, as git does.
    pub(super) fn finish(mut self, context: &mut Context) -> Result<UploadRequest, ProtocolError> {
        let names = &mut self.request.wanted_refs;
        names.sort_unstable();
        if let Some([name, _]) = names.windows(2).find(|pair| pair.first() == pair.last()) {
            return Err(context.reader.violation(crate::Violation::repeated("want-ref", name)));
        }
        let depth = &self.request.depth;
        if depth.depth.is_some() && (depth.since.is_some() || !depth.not.is_empty()) {
            let what = "deepen and deepen-since (or deepen-not)";
            return Err(context.reader.violation(crate::Violation::Conflict(what)));
        }
        if !self.wants.is_empty() {
            context.events.push_back(UploadPackEvent::Wants(core::mem::take(&mut self.wants)));
        }
        if !self.shallow.is_empty() {
            context.events.push_back(UploadPackEvent::Shallow(core::mem::take(&mut self.shallow)));
        }
        context.events.push_back(UploadPackEvent::Request(Box::new(self.request.clone())));
        Ok(self.request)
    }
}

/// Checks that there is an answer for each have.
pub(super) fn check_answers(given: usize, asked: usize) -> Result<(), Misuse> {
    if given == asked { Ok(()) } else { Err(Misuse::Answers { given, asked }) }
}

/// What one step of a state comes to.
pub(super) type Step = crate::states::Step<State>;
