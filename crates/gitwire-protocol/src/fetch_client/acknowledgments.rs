//! The server's answers to haves, in versions 0 and 1.

use alloc::boxed::Box;

use bytes::BytesMut;
use gitwire_capability::AckMode;

use super::context::{Context, Step};
use super::{FetchEvent, Haves, Negotiation, Pack, Readiness, State};
use crate::message::{AckStatus, Acknowledgment};
use crate::reader::Line;
use crate::{ProtocolError, Violation};

/// Reading *server-response*.
#[derive(Debug)]
pub(super) struct Acknowledgments {
    pub(super) negotiation: Box<Negotiation>,
}

impl Acknowledgments {
    pub(super) fn step(
        self,
        context: &mut Context,
        input: &mut BytesMut,
        output: &mut BytesMut,
    ) -> Result<Step, ProtocolError> {
        const EXPECTED: &str = "ACK or NAK";
        let data = match context.reader.take(input, EXPECTED)? {
            None => return Ok(Step::Read(State::Acknowledgments(self))),
            Some(Line::Data(data)) => data,
            Some(line) => return Err(context.reader.unexpected(EXPECTED, &line)),
        };
        let line = Acknowledgment::parse(context.format(), &data)
            .map_err(|violation| context.reader.violation(violation))?;
        match line {
            Acknowledgment::Nak => self.nak(context, output),
            Acknowledgment::Ack { id, status } => self.ack(context, id, status, output, &Line::Data(data)),
        }
    }

    /// The end of an answer, or the last word of a server with which nothing is common.
    fn nak(mut self, context: &mut Context, output: &mut BytesMut) -> Result<Step, ProtocolError> {
        let negotiation = &mut self.negotiation;
        if let Some(rest) = negotiation.in_flight.checked_sub(1) {
            negotiation.in_flight = rest;
            let ready = if negotiation.ready { Readiness::Ready } else { Readiness::NotReady };
            return self.round_end(context, ready, output);
        }
        if negotiation.done_sent {
            return Ok(start_pack(self.negotiation));
        }
        Err(context.reader.unexpected("ACK", &Line::Data(bytes::Bytes::from_static(b"NAK"))))
    }

    fn round_end(
        self,
        context: &mut Context,
        ready: Readiness,
        output: &mut BytesMut,
    ) -> Result<Step, ProtocolError> {
        let negotiation = self.negotiation;
        if negotiation.done_sent {
            return Ok(Step::Go(State::Acknowledgments(Self { negotiation })));
        }
        let next = match ready {
            Readiness::Ready if negotiation.no_done() => State::Acknowledgments(Self { negotiation }),
            Readiness::Ready => negotiation.send_done(context, output)?,
            Readiness::NotReady => State::Haves(Haves { negotiation }),
        };
        Ok(Step::Event(next, FetchEvent::RoundEnd { ready }))
    }

    fn ack(
        mut self,
        context: &mut Context,
        id: gitwire_types::ObjectId,
        status: AckStatus,
        output: &mut BytesMut,
        line: &Line,
    ) -> Result<Step, ProtocolError> {
        let negotiation = &mut self.negotiation;
        let Some(due) = negotiation.acks_due.checked_sub(1) else {
            return Err(context.reader.violation(Violation::Acknowledgments));
        };
        negotiation.acks_due = due;
        let event = FetchEvent::Acknowledged { id, status };
        match (status, negotiation.ack_mode().unwrap_or_default()) {
            (AckStatus::Plain, AckMode::Single) => self.single(context, event, output),
            (AckStatus::Plain, _)
                if negotiation.done_sent || (negotiation.no_done() && negotiation.ready) =>
            {
                // The last line before the pack, whatever else was due.
                Ok(Step::Event(start_pack_state(self.negotiation), event))
            }
            (AckStatus::Plain, _) | (_, AckMode::Single) => Err(context.reader.unexpected("NAK", line)),
            (AckStatus::Common, _) => {
                negotiation.learn_common(id);
                Ok(Step::Event(State::Acknowledgments(self), event))
            }
            (AckStatus::Ready, _) => {
                negotiation.ready = true;
                Ok(Step::Event(State::Acknowledgments(self), event))
            }
            (AckStatus::Continue, _) => Ok(Step::Event(State::Acknowledgments(self), event)),
        }
    }

    /// Without `multi_ack` one ACK settles everything: the server says nothing more before the pack, not even to `done`.
    fn single(
        self,
        context: &mut Context,
        event: FetchEvent,
        output: &mut BytesMut,
    ) -> Result<Step, ProtocolError> {
        let mut negotiation = self.negotiation;
        if !negotiation.done_sent {
            super::write::haves(&[], super::WindowEnd::Done, output)?;
            negotiation.done_sent = true;
            context.turn = true;
        }
        Ok(Step::Event(start_pack_state(negotiation), event))
    }
}

fn start_pack(negotiation: Box<Negotiation>) -> Step {
    Step::Go(start_pack_state(negotiation))
}

fn start_pack_state(negotiation: Box<Negotiation>) -> State {
    State::Pack(Pack::new(negotiation))
}
