//! The states of the server, and the first and the last of them.

use bytes::BytesMut;
use gitwire_pktline::encode_flush;

use super::command::Command;
use super::context::{Context, Step};
use super::fetch::{Fetch, FetchHaves};
use super::haves::{Haves, HavesDue};
use super::pack::Pack;
use super::query::{BundleUri, BundleUriDue, ObjectInfo, ObjectInfoDue};
use super::refs::{LsRefs, Refs};
use super::request::{Boundary, Request};
use super::{Serving, UploadPackEvent};
use crate::states;
use crate::wire::text_line;
use crate::{LsRefsRequest, Next, ProtocolError, Version};

/// Where the conversation stands.
#[derive(Debug)]
pub(super) enum State {
    Start(Start),
    Refs(Refs),
    Request(Request),
    Boundary(Boundary),
    Haves(Haves),
    HavesDue(HavesDue),
    Command(Command),
    LsRefs(LsRefs),
    Fetch(Fetch),
    ObjectInfo(ObjectInfo),
    ObjectInfoDue(ObjectInfoDue),
    BundleUri(BundleUri),
    BundleUriDue(BundleUriDue),
    FetchHaves(FetchHaves),
    Pack(Pack),
    Done(Done),
}

impl states::State for State {
    type Context = Context;
    type Event = UploadPackEvent;

    const DONE: Self = Self::Done(Done);

    fn due(context: &mut Context) -> Option<Next<UploadPackEvent>> {
        if let Some(event) = context.events.pop_front() {
            return Some(Next::Event(event));
        }
        core::mem::take(&mut context.turn).then_some(Next::Turn)
    }

    fn step(
        self,
        context: &mut Context,
        input: &mut BytesMut,
        output: &mut BytesMut,
    ) -> Result<Step, ProtocolError> {
        let step = match self {
            Self::Start(state) => state.step(context, output),
            Self::Refs(state) => Ok(state.step()),
            Self::Request(state) => state.step(context, input),
            Self::Boundary(state) => Ok(state.step()),
            Self::Haves(state) => state.step(context, input, output),
            Self::HavesDue(state) => Ok(state.step()),
            Self::Command(state) => state.step(context, input),
            Self::LsRefs(state) => state.step(context, input),
            Self::Fetch(state) => state.step(context, input),
            Self::FetchHaves(state) => Ok(state.step()),
            Self::ObjectInfo(state) => state.step(context, input),
            Self::ObjectInfoDue(state) => Ok(state.step()),
            Self::BundleUri(state) => state.step(context, input),
            Self::BundleUriDue(state) => Ok(state.step()),
            Self::Pack(state) => state.step(context, input),
            Self::Done(Done) => Ok(Step::Done),
        };
        Ok(match step? {
            // What the state wants to tell comes before what it waits for.
            Step::Read(state) | Step::Answer(state) if !context.events.is_empty() => Step::Go(state),
            Step::Done if !context.events.is_empty() => Step::Go(Self::DONE),
            step => step,
        })
    }
}

/// Nothing has been said.
#[derive(Debug)]
pub(super) struct Start;

impl Start {
    fn step(self, context: &mut Context, output: &mut BytesMut) -> Result<Step, ProtocolError> {
        let Context { options, .. } = &*context;
        let stateless = options.serving == Serving::Stateless;
        if stateless {
            let next = match options.version {
                Version::V2 => State::Command(Command::new(context)),
                Version::V0 | Version::V1 => State::Request(Request::new(context)),
            };
            return Ok(Step::Go(next));
        }
        if let Some(line) = options.version.line() {
            text_line(&[line], output)?;
        }
        if options.version != Version::V2 {
            context.events.push_back(UploadPackEvent::RefsWanted(LsRefsRequest::everything()));
            return Ok(Step::Go(State::Refs(Refs::advertisement())));
        }
        let mut written = Ok(());
        options.v2.each_line(|line| {
            if written.is_ok() {
                written = text_line(&[line], output);
            }
        });
        written?;
        encode_flush(output);
        Ok(Step::Go(context.after_command()))
    }
}

/// Nothing more is due. What the peer still sends is left alone.
#[derive(Debug)]
pub(super) struct Done;
