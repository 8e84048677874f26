//! Reading the report, in bands or as it is.

use alloc::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};
use gitwire_capability::{PushAgreement, Report as ReportVersion, SideBand};
use gitwire_pktline::{Packet, Specials, text};
use gitwire_sideband::{Demultiplexed, Demultiplexer};
use gitwire_types::ObjectFormat;

use super::context::{Context, Step};
use super::{Done, PushEvent, State};
use crate::error::RemoteChannel;
use crate::message::{ReportOption, ReportStatusLine};
use crate::reader::{Line, Reader};
use crate::{CommandReport, CommandResult, ProtocolError, UpdateOptions, Violation};

/// Reading the report.
#[derive(Debug)]
pub(super) struct Report {
    format: ObjectFormat,
    channel: Channel,
    due: Due,
    /// Lines of the report.
    lines: Reader,
    /// With bands: what of the report has come and is not read yet.
    banded: BytesMut,
    /// A status that further lines may say more of.
    open: Option<CommandReport>,
    /// What the application hears next.
    events: VecDeque<PushEvent>,
    commands: u64,
}

/// What of the report is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    /// The line about the pack.
    Unpack,
    /// A line about a command, or the end.
    Commands,
    /// Nothing: it is over, or there is none.
    Nothing,
}

/// How the server speaks.
#[derive(Debug)]
enum Channel {
    Bare,
    Bands(Demultiplexer),
    /// The bands are over.
    Closed,
}

/// What one look comes to.
pub(super) enum Heard {
    Progress(Bytes),
    Event(PushEvent),
    /// More must come.
    Nothing,
    End,
}

const EXPECTED: &str = "a report of what came of the push";

impl Report {
    pub(super) fn new(agreement: &PushAgreement, reader: Reader) -> Self {
        let (channel, lines) = match agreement.side_band {
            SideBand::None => (Channel::Bare, reader),
            _ => (Channel::Bands(reader.demultiplexer()), Reader::new(Specials::Flush)),
        };
        let due = if agreement.report == ReportVersion::None { Due::Nothing } else { Due::Unpack };
        Self {
            format: agreement.object_format,
            channel,
            due,
            lines,
            banded: BytesMut::new(),
            open: None,
            events: VecDeque::new(),
            commands: 0,
        }
    }

    pub(super) const fn end(&mut self) {
        if let Channel::Bare = self.channel {
            self.lines.end();
        }
    }

    pub(super) fn step(mut self, context: &mut Context, input: &mut BytesMut) -> Result<Step, ProtocolError> {
        match self.poll(context, input)? {
            Heard::Progress(text) => Ok(Step::Event(State::Report(self), PushEvent::Progress(text))),
            Heard::Event(event) => Ok(Step::Event(State::Report(self), event)),
            Heard::Nothing => Ok(Step::Read(State::Report(self))),
            Heard::End => Ok(Step::Go(State::Done(Done))),
        }
    }

    /// Looks at what has come.
    pub(super) fn poll(
        &mut self,
        context: &mut Context,
        input: &mut BytesMut,
    ) -> Result<Heard, ProtocolError> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Heard::Event(event));
            }
            if self.due != Due::Nothing && self.read_line(context, input)? {
                continue;
            }
            // Its first byte alone: how many have come by now depends on how they were cut.
            if let (Due::Nothing, Some(first)) = (self.due, self.banded.get(..1)) {
                return Err(self.lines.violation(Violation::line("nothing behind the report", first)));
            }
            let Channel::Bands(stream) = &mut self.channel else {
                return Ok(if self.due == Due::Nothing { Heard::End } else { Heard::Nothing });
            };
            match stream.next(input)? {
                Demultiplexed::Data { data, consumed } => {
                    self.banded.extend_from_slice(data);
                    input.advance(consumed);
                }
                Demultiplexed::Progress { text, consumed } => {
                    let text = Bytes::copy_from_slice(text);
                    input.advance(consumed);
                    context.count_progress(text.len())?;
                    if !text.is_empty() {
                        return Ok(Heard::Progress(text));
                    }
                }
                Demultiplexed::Error { text: words, .. } => {
                    let message = Bytes::copy_from_slice(text(words));
                    return Err(ProtocolError::Remote { channel: RemoteChannel::Band, message });
                }
                Demultiplexed::Special { packet: Packet::Flush, consumed } => {
                    input.advance(consumed);
                    self.close_bands()?;
                }
                Demultiplexed::Special { packet, .. } => {
                    return Err(context.reader.unexpected(EXPECTED, &Line::of(packet)));
                }
                Demultiplexed::Incomplete { .. } if context.reader.ended() => {
                    stream.end(input)?;
                    // A server that has said all may leave out the last flush packet.
                    self.close_bands()?;
                }
                Demultiplexed::Incomplete { .. } => return Ok(Heard::Nothing),
            }
        }
    }

    /// The bands are over, and the report must be.
    fn close_bands(&mut self) -> Result<(), ProtocolError> {
        self.channel = Channel::Closed;
        self.lines.end();
        if self.due == Due::Nothing { Ok(()) } else { Err(self.lines.end_in(&self.banded, EXPECTED)) }
    }

    /// Reads one line of the report. `false`: it is not whole.
    fn read_line(&mut self, context: &Context, input: &mut BytesMut) -> Result<bool, ProtocolError> {
        let source = if matches!(self.channel, Channel::Bare) { input } else { &mut self.banded };
        let Some(line) = self.lines.take(source, EXPECTED)? else {
            return Ok(false);
        };
        let data = match &line {
            Line::Flush if self.due == Due::Commands => {
                self.events.extend(self.open.take().map(PushEvent::Status));
                self.events.push_back(PushEvent::ReportEnd);
                self.due = Due::Nothing;
                return Ok(true);
            }
            Line::Data(data) => data,
            _ => return Err(self.lines.unexpected(EXPECTED, &line)),
        };
        let parsed = ReportStatusLine::parse(self.format, data);
        let parsed = parsed.map_err(|violation| self.lines.violation(violation))?;
        let copied = Bytes::copy_from_slice;
        let next = match (parsed, self.due) {
            (ReportStatusLine::UnpackOk, Due::Unpack) => return Ok(self.unpacked(None)),
            (ReportStatusLine::UnpackError(error), Due::Unpack) => {
                return Ok(self.unpacked(Some(copied(error))));
            }
            (ReportStatusLine::Ok(name), Due::Commands) => CommandReport::ok(copied(name)),
            (ReportStatusLine::Rejected { name, reason }, Due::Commands) => {
                CommandReport::rejected(copied(name), copied(reason))
            }
            (ReportStatusLine::Option(option), Due::Commands) => {
                self.option(option);
                return Ok(true);
            }
            _ => return Err(self.lines.unexpected(EXPECTED, &line)),
        };
        let max = context.options.limits.commands_max;
        self.lines.count(&mut self.commands, 1, max, "lines of a report")?;
        self.status(next);
        Ok(true)
    }

    fn unpacked(&mut self, error: Option<Bytes>) -> bool {
        self.due = Due::Commands;
        self.events.push_back(PushEvent::Unpacked(error));
        true
    }

    /// Another status: what was open is complete, unless this is a further change of the same command.
    fn status(&mut self, next: CommandReport) {
        if let (Some(open), CommandResult::Done(_)) = (&mut self.open, &next.result)
            && let CommandResult::Done(changes) = &mut open.result
            && open.name == next.name
            && !changes.is_empty()
        {
            changes.push(UpdateOptions::default());
            return;
        }
        self.events.extend(self.open.replace(next).map(PushEvent::Status));
    }

    /// What stands behind an `ok` line; behind another it has no meaning, and git passes it over.
    fn option(&mut self, option: ReportOption<'_>) {
        let Some(CommandReport { result: CommandResult::Done(changes), .. }) = &mut self.open else {
            return;
        };
        if changes.is_empty() {
            changes.push(UpdateOptions::default());
        }
        let Some(change) = changes.last_mut() else { return };
        match option {
            ReportOption::RefName(name) => change.name = Some(Bytes::copy_from_slice(name)),
            ReportOption::OldOid(old) => change.old = Some(old),
            ReportOption::NewOid(new) => change.new = Some(new),
            ReportOption::ForcedUpdate => change.forced = true,
            ReportOption::Other(_) => {}
        }
    }
}
