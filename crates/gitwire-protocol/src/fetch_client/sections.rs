//! The answer to `fetch` of version 2, up to the pack.

use alloc::boxed::Box;

use bytes::{Bytes, BytesMut};
use gitwire_sideband::{Band, demultiplex};

use super::context::{Context, Step};
use super::{FetchEvent, Haves, Negotiation, Pack, Readiness, State};
use crate::error::RemoteChannel;
use crate::message::{AckStatus, Acknowledgment, PackfileUri, Section, ShallowUpdate, WantedRef};
use crate::reader::Line;
use crate::{ProtocolError, Violation};

/// Reading sections.
#[derive(Debug)]
pub(super) struct Sections {
    negotiation: Box<Negotiation>,
    place: Place,
    /// The sections that have come, a bit each.
    seen: u8,
    lines: u64,
}

/// Where in the answer we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A section's header is due.
    Header,
    /// Inside a section.
    In(Section),
}

impl Sections {
    pub(super) const fn new(negotiation: Box<Negotiation>) -> Self {
        Self { negotiation, place: Place::Header, seen: 0, lines: 0 }
    }

    pub(super) fn step(self, context: &mut Context, input: &mut BytesMut) -> Result<Step, ProtocolError> {
        let expected = match self.place {
            Place::Header => "a section of the answer to fetch",
            Place::In(_) => "a line of a section, or its end",
        };
        let Some(line) = context.reader.take(input, expected)? else {
            return Ok(Step::Read(State::Sections(self)));
        };
        let line = match line {
            Line::Data(data) if self.negotiation.request.sideband_all => match self.unband(context, &data)? {
                Banded::Line(data) => Line::Data(data),
                Banded::Progress(text) if text.is_empty() => return Ok(Step::Go(State::Sections(self))),
                Banded::Progress(text) => {
                    return Ok(Step::Event(State::Sections(self), FetchEvent::Progress(text)));
                }
            },
            line => line,
        };
        match (self.place, &line) {
            (Place::Header, Line::Data(data)) => {
                let header = Section::parse(data).map_err(|violation| context.reader.violation(violation))?;
                self.enter(context, header, &line)
            }
            (Place::In(Section::Acknowledgments), _) => self.acknowledgments(context, &line),
            (Place::In(section), Line::Data(data)) => self.line(context, section, data),
            (Place::In(_), Line::Delimiter) => {
                Ok(Step::Go(State::Sections(Self { place: Place::Header, ..self })))
            }
            _ => Err(context.reader.unexpected(expected, &line)),
        }
    }

    /// Each section comes once at most; the acknowledgments come first, and not after `done`.
    fn enter(mut self, context: &mut Context, header: Section, line: &Line) -> Result<Step, ProtocolError> {
        let bit = bit(header);
        let twice = self.seen & bit != 0;
        let acks_due = !self.negotiation.done_sent && self.seen == 0;
        if twice || acks_due != (header == Section::Acknowledgments) {
            let expected =
                if acks_due { "acknowledgments" } else { "another section of the answer to fetch" };
            return Err(context.reader.unexpected(expected, line));
        }
        self.seen |= bit;
        self.lines = 0;
        if header == Section::Packfile {
            return Ok(Step::Go(State::Pack(Pack::new(self.negotiation))));
        }
        self.place = Place::In(header);
        Ok(Step::Go(State::Sections(self)))
    }

    fn acknowledgments(mut self, context: &mut Context, line: &Line) -> Result<Step, ProtocolError> {
        let ready = self.negotiation.ready;
        let data = match line {
            Line::Data(data)
                if gitwire_pktline::text(data) == b"ready" && !self.negotiation.request.wait_for_done =>
            {
                self.negotiation.ready = true;
                return Ok(Step::Go(State::Sections(self)));
            }
            Line::Data(data) => data,
            Line::Flush if !ready => {
                let next = State::Haves(Haves { negotiation: self.negotiation });
                return Ok(Step::Event(next, FetchEvent::RoundEnd { ready: Readiness::NotReady }));
            }
            Line::Delimiter if ready => {
                let next = State::Sections(Self { place: Place::Header, ..self });
                return Ok(Step::Event(next, FetchEvent::RoundEnd { ready: Readiness::Ready }));
            }
            Line::Flush => return Err(context.reader.unexpected("a pack after ready", line)),
            Line::Delimiter => return Err(context.reader.unexpected("ready before another section", line)),
        };
        let parsed = Acknowledgment::parse(context.format(), data)
            .map_err(|violation| context.reader.violation(violation))?;
        let id = match parsed {
            Acknowledgment::Nak => return Ok(Step::Go(State::Sections(self))),
            Acknowledgment::Ack { id, status: AckStatus::Plain } => id,
            Acknowledgment::Ack { .. } => return Err(context.reader.unexpected("ACK, NAK or ready", line)),
        };
        let Some(due) = self.negotiation.acks_due.checked_sub(1) else {
            return Err(context.reader.violation(Violation::Acknowledgments));
        };
        self.negotiation.acks_due = due;
        self.negotiation.learn_common(id);
        let event = FetchEvent::Acknowledged { id, status: AckStatus::Plain };
        Ok(Step::Event(State::Sections(self), event))
    }

    fn line(mut self, context: &mut Context, section: Section, data: &Bytes) -> Result<Step, ProtocolError> {
        let format = context.format();
        let limits = &context.options.limits;
        let (max, what) = match section {
            Section::ShallowInfo => (limits.shallows_max, "shallow lines"),
            _ => (limits.section_lines_max, "lines of a section"),
        };
        context.reader.count(&mut self.lines, 1, max, what)?;
        let event = match section {
            Section::ShallowInfo => ShallowUpdate::parse(format, data).map(FetchEvent::Shallow),
            Section::WantedRefs => WantedRef::parse(format, data)
                .map(|line| FetchEvent::WantedRef { id: line.id, name: data.slice_ref(line.name) }),
            Section::PackfileUris => PackfileUri::parse(format, data)
                .map(|line| FetchEvent::PackfileUri { hash: line.hash, uri: data.slice_ref(line.uri) }),
            Section::Acknowledgments | Section::Packfile => {
                return Err(ProtocolError::Internal("a section without lines of its own"));
            }
        };
        let event = event.map_err(|violation| context.reader.violation(violation))?;
        Ok(Step::Event(State::Sections(self), event))
    }

    /// Under `sideband-all` every line has a band.
    fn unband(&self, context: &mut Context, data: &Bytes) -> Result<Banded, ProtocolError> {
        let (band, inner) =
            demultiplex(data).map_err(|error| ProtocolError::Sideband(error.at(context.reader.at())))?;
        match band {
            Band::Data => {
                crate::reader::refuse_error_line(inner)?;
                Ok(Banded::Line(data.slice_ref(inner)))
            }
            Band::Progress => {
                context.count_progress(inner.len())?;
                Ok(Banded::Progress(data.slice_ref(inner)))
            }
            Band::Error => Err(ProtocolError::Remote {
                channel: RemoteChannel::Band,
                message: Bytes::copy_from_slice(gitwire_pktline::text(inner)),
            }),
        }
    }
}

/// What a line under `sideband-all` carries.
enum Banded {
    Line(Bytes),
    Progress(Bytes),
}

const fn bit(section: Section) -> u8 {
    match section {
        Section::Acknowledgments => 1,
        Section::ShallowInfo => 2,
        Section::WantedRefs => 4,
        Section::PackfileUris => 8,
        Section::Packfile => 16,
    }
}
