//! Reading haves of versions 0 and 1, and acknowledging them in each of the three modes.

use alloc::vec::Vec;

use bytes::{Buf, BytesMut};
use gitwire_capability::{AckMode, FetchAgreement};
use gitwire_pktline::Packet;
use gitwire_types::ObjectId;

use super::context::{Context, Step, check_answers};
use super::pack::Pack;
use super::{Done, HaveAnswers, HavesEnd, Serving, State, UploadPackEvent};
use crate::ProtocolError;
use crate::message::{AckStatus, Acknowledgment, UploadHavesLine};
use crate::reader::Line;

/// Reading haves, up to a flush packet or `done`.
#[derive(Debug)]
pub(super) struct Haves {
    agreement: FetchAgreement,
    no_progress: bool,
    ids: Vec<ObjectId>,
    /// Haves since the last flush.
    lines: u64,
    said: Said,
}

/// What has been said to the client's haves.
#[derive(Debug, Default)]
struct Said {
    /// The last common object.
    last: Option<ObjectId>,
    /// There are several common objects.
    several: bool,
    /// Everything that is wanted builds upon what is common.
    covered: bool,
    ready: bool,
    /// Since the last flush: something common, something unknown.
    common: bool,
    other: bool,
}

impl Haves {
    pub(super) fn new(agreement: FetchAgreement, no_progress: bool) -> Self {
        Self { agreement, no_progress, ids: Vec::new(), lines: 0, said: Said::default() }
    }

    pub(super) fn step(
        mut self,
        context: &mut Context,
        input: &mut BytesMut,
        output: &mut BytesMut,
    ) -> Result<Step, ProtocolError> {
        const EXPECTED: &str = "have, done or a flush packet";
        let stateless = context.options.serving == Serving::Stateless;
        if stateless && self.lines == 0 && input.is_empty() && context.reader.ended() {
            // A request that asked for the boundary alone.
            return Ok(Step::Go(State::Done(Done)));
        }
        loop {
            let Some((packet, consumed)) = context.reader.decode(input)? else {
                return match context.reader.ended() {
                    true => Err(context.reader.end_in(input, EXPECTED)),
                    false => Ok(Step::Read(State::Haves(self))),
                };
            };
            let end = match packet {
                Packet::Flush => Some(HavesEnd::Flush),
                Packet::Data(data) => self.line(context, data)?,
                packet => return Err(context.reader.unexpected(EXPECTED, &Line::of(packet))),
            };
            input.advance(consumed);
            if let Some(end) = end {
                return self.block(context, end, output);
            }
        }
    }

    fn line(&mut self, context: &Context, data: &[u8]) -> Result<Option<HavesEnd>, ProtocolError> {
        crate::reader::refuse_error_line(data)?;
        let parsed = UploadHavesLine::parse(context.options.format, data);
        let id = match parsed.map_err(|violation| context.reader.violation(violation))? {
            UploadHavesLine::Done => return Ok(Some(HavesEnd::Done)),
            UploadHavesLine::Have(id) => id,
        };
        context.reader.count(&mut self.lines, 1, context.options.limits.haves_max, "haves")?;
        self.ids.push(id);
        Ok((self.ids.len() >= UploadPackEvent::BLOCK).then_some(HavesEnd::More))
    }

    fn block(
        self,
        context: &mut Context,
        end: HavesEnd,
        output: &mut BytesMut,
    ) -> Result<Step, ProtocolError> {
        let due = HavesDue { haves: self, end };
        if due.haves.ids.is_empty() {
            // Nothing to ask the application.
            let none = HaveAnswers { common: &[], covered_after: None };
            return Ok(Step::Go(due.answer(context, &none, output)?));
        }
        context.events.push_back(UploadPackEvent::Haves { ids: due.haves.ids.clone(), end });
        Ok(Step::Go(State::HavesDue(due)))
    }
}

/// The application says which haves are common.
#[derive(Debug)]
pub(super) struct HavesDue {
    haves: Haves,
    end: HavesEnd,
}

impl HavesDue {
    pub(super) const fn step(self) -> Step {
        Step::Answer(State::HavesDue(self))
    }

    pub(super) fn check(&self, answers: &HaveAnswers<'_>) -> Result<(), ProtocolError> {
        Ok(check_answers(answers.common.len(), self.haves.ids.len())?)
    }

    pub(super) fn answer(
        self,
        context: &mut Context,
        answers: &HaveAnswers<'_>,
        output: &mut BytesMut,
    ) -> Result<State, ProtocolError> {
        let Self { mut haves, end } = self;
        let mode = haves.agreement.ack_mode;
        for (at, (id, common)) in core::mem::take(&mut haves.ids).into_iter().zip(answers.common).enumerate()
        {
            haves.said.covered |= answers.covered_after.is_some_and(|count| count <= at);
            if *common { haves.said.common(mode, id, output)? } else { haves.said.other(mode, id, output)? }
        }
        haves.said.covered |= answers.covered_after.is_some();
        match end {
            HavesEnd::More => Ok(State::Haves(haves)),
            HavesEnd::Flush => haves.flush(context, output),
            HavesEnd::Done => haves.done(context, output),
        }
    }
}

impl Haves {
    fn flush(mut self, context: &mut Context, output: &mut BytesMut) -> Result<State, ProtocolError> {
        let mode = self.agreement.ack_mode;
        self.said.flush(mode, output)?;
        if self.agreement.no_done() && self.said.ready {
            self.said.acknowledge_last(output)?;
            return Ok(self.pack(context));
        }
        context.turn = true;
        if context.options.serving == Serving::Stateless {
            return Ok(State::Done(Done));
        }
        (self.lines, self.said.common, self.said.other) = (0, false, false);
        Ok(State::Haves(self))
    }

    fn done(mut self, context: &mut Context, output: &mut BytesMut) -> Result<State, ProtocolError> {
        match (self.said.last, self.agreement.ack_mode) {
            (None, _) => Acknowledgment::Nak.write(output)?,
            (Some(_), AckMode::Single) => {}
            (Some(_), AckMode::Multi | AckMode::Detailed) => self.said.acknowledge_last(output)?,
        }
        Ok(self.pack(context))
    }

    fn pack(self, context: &mut Context) -> State {
        context.events.push_back(UploadPackEvent::PackWanted);
        State::Pack(Pack::v0(self.agreement.side_band, self.no_progress))
    }
}

impl Said {
    fn common(&mut self, mode: AckMode, id: ObjectId, output: &mut BytesMut) -> Result<(), ProtocolError> {
        // Without a mode one object is acknowledged; each time it is named.
        let other = self.last.replace(id).is_some_and(|last| last != id);
        self.several |= other;
        self.common = true;
        let status = match mode {
            AckMode::Single if self.several => return Ok(()),
            AckMode::Single => AckStatus::Plain,
            AckMode::Multi => AckStatus::Continue,
            AckMode::Detailed => AckStatus::Common,
        };
        Ok(Acknowledgment::Ack { id, status }.write(output)?)
    }

    /// Once there is enough, what we lack is acknowledged too, so that the client stops looking.
    fn other(&mut self, mode: AckMode, id: ObjectId, output: &mut BytesMut) -> Result<(), ProtocolError> {
        self.other = true;
        let enough = self.covered && self.last.is_some();
        let status = match mode {
            AckMode::Multi if enough => AckStatus::Continue,
            AckMode::Detailed if enough => {
                self.ready = true;
                AckStatus::Ready
            }
            _ => return Ok(()),
        };
        Ok(Acknowledgment::Ack { id, status }.write(output)?)
    }

    fn flush(&mut self, mode: AckMode, output: &mut BytesMut) -> Result<(), ProtocolError> {
        if let (AckMode::Detailed, Some(id)) = (mode, self.last)
            && self.common
            && !self.other
            && self.covered
        {
            self.ready = true;
            Acknowledgment::Ack { id, status: AckStatus::Ready }.write(output)?;
        }
        if self.last.is_none() || mode != AckMode::Single {
            Acknowledgment::Nak.write(output)?;
        }
        Ok(())
    }

    fn acknowledge_last(&mut self, output: &mut BytesMut) -> Result<(), ProtocolError> {
        let id = self.last.ok_or(ProtocolError::Internal("ready without anything in common"))?;
        Ok(Acknowledgment::Ack { id, status: AckStatus::Plain }.write(output)?)
    }
}
