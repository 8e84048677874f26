//! Reading *upload-request* of versions 0 and 1.

use alloc::boxed::Box;

use bytes::BytesMut;
use gitwire_capability::{Budget, FetchAgreement, FetchFeature, FetchOffer};
use gitwire_pktline::{Packet, encode_flush};

use super::context::{Context, Gathered, Step};
use super::haves::Haves;
use super::{Done, Serving, State};
use crate::message::{ShallowUpdate, UploadRequestLine};
use crate::reader::Line;
use crate::{ProtocolError, Violation};

/// Reading wants, boundary, depth and filter, up to a flush packet.
#[derive(Debug)]
pub(super) struct Request {
    gathered: Gathered,
    /// What the client may use.
    offer: Box<FetchOffer>,
    agreement: FetchAgreement,
    budget: Budget,
}

/// What a line of the request comes to.
enum Read {
    Line,
    End,
}

impl Request {
    pub(super) fn new(context: &Context) -> Self {
        let offer = Box::new(offer(context));
        Self {
            gathered: Gathered::default(),
            agreement: FetchAgreement::offered(&offer),
            offer,
            budget: context.options.limits.capability_budget(),
        }
    }

    pub(super) fn step(mut self, context: &mut Context, input: &mut BytesMut) -> Result<Step, ProtocolError> {
        let fresh = self.gathered.want_lines == 0;
        // Who only looks at the refs may close the stream; a request that stands for itself must be one.
        let may_end = context.options.serving == Serving::Duplex;
        if may_end && fresh && input.is_empty() && context.reader.ended() {
            return Ok(Step::Go(State::Done(Done)));
        }
        let Some((packet, consumed)) = context.reader.decode(input)? else {
            return match context.reader.ended() {
                true => Err(context.reader.end_in(input, EXPECTED)),
                false => Ok(Step::Read(State::Request(self))),
            };
        };
        let read = self.packet(context, packet)?;
        bytes::Buf::advance(input, consumed);
        match read {
            Read::Line => Ok(Step::Go(State::Request(self))),
            Read::End if fresh => Ok(Step::Go(State::Done(Done))),
            Read::End => self.end(context),
        }
    }

    fn packet(&mut self, context: &mut Context, packet: Packet<'_>) -> Result<Read, ProtocolError> {
        let data = match packet {
            Packet::Flush => return Ok(Read::End),
            Packet::Data(data) => data,
            packet => return Err(context.reader.unexpected(EXPECTED, &Line::of(packet))),
        };
        crate::reader::refuse_error_line(data)?;
        let parsed = UploadRequestLine::parse(context.options.format, data);
        match parsed.map_err(|violation| context.reader.violation(violation))? {
            UploadRequestLine::Want { id, capabilities } => {
                let added = self.agreement.add(capabilities, &self.offer, &mut self.budget);
                added.map_err(|error| context.reader.violation(error.into()))?;
                self.gathered.want(context, id)?;
            }
            UploadRequestLine::Shallow(id) => self.gathered.shallow(context, id)?,
            UploadRequestLine::Deepen(depth) => self.gathered.request.depth.depth = Some(depth),
            UploadRequestLine::DeepenSince(since) => self.gathered.request.depth.since = Some(since),
            UploadRequestLine::DeepenNot(name) => self.gathered.deepen_not(context, name)?,
            UploadRequestLine::Filter(spec) => {
                if !self.agreement.features.contains(FetchFeature::Filter) {
                    return Err(context.reader.violation(Violation::NotNegotiated("filter")));
                }
                self.gathered.filter(context, spec)?;
            }
        }
        Ok(Read::Line)
    }

    fn end(mut self, context: &mut Context) -> Result<Step, ProtocolError> {
        let has = |feature| self.agreement.features.contains(feature);
        let request = &mut self.gathered.request;
        request.thin_pack = has(FetchFeature::ThinPack);
        request.ofs_delta = has(FetchFeature::OfsDelta);
        request.include_tag = has(FetchFeature::IncludeTag);
        request.no_progress = has(FetchFeature::NoProgress);
        request.depth.relative = has(FetchFeature::DeepenRelative);
        request.agent = self.agreement.agent.as_ref().map(|agent| agent.as_shared().clone());
        request.session_id = self.agreement.session_id.as_ref().map(|id| id.as_shared().clone());
        let request = self.gathered.finish(context)?;
        let haves = Haves::new(self.agreement, request.no_progress);
        Ok(Step::Go(match request.depth.is_empty() {
            true => State::Haves(haves),
            false => State::Boundary(Boundary { haves }),
        }))
    }
}

/// The application says how the client's boundary moves.
#[derive(Debug)]
pub(super) struct Boundary {
    haves: Haves,
}

impl Boundary {
    pub(super) const fn step(self) -> Step {
        Step::Answer(State::Boundary(self))
    }

    pub(super) fn answer(
        self,
        context: &mut Context,
        updates: &[ShallowUpdate],
        output: &mut BytesMut,
    ) -> Result<State, ProtocolError> {
        for update in updates {
            update.write(output)?;
        }
        encode_flush(output);
        context.turn = context.options.serving == Serving::Duplex;
        Ok(State::Haves(self.haves))
    }
}

const EXPECTED: &str = "want, shallow, deepen, filter or a flush packet";

/// What a client may use: `no-done` in any stateless request, whether or not this machine has advertised it.
fn offer(context: &Context) -> FetchOffer {
    let mut offer = context.options.fetch.clone();
    if context.options.serving == Serving::Stateless {
        offer.features.insert(FetchFeature::NoDone);
    }
    offer
}
