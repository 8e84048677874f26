//! The command `fetch` of version 2, up to the pack.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use bytes::{Buf, BytesMut};
use gitwire_capability::{V2FetchFeature, V2Request};
use gitwire_pktline::{Packet, encode_delimiter, encode_flush};
use gitwire_types::ObjectId;

use super::context::{Context, Gathered, Step, check_answers};
use super::pack::Pack;
use super::{HaveAnswers, HavesEnd, State, UploadPackEvent, UploadRequest};
use crate::message::{AckStatus, Acknowledgment, FetchArgument, Section};
use crate::reader::refuse_error_line;
use crate::wire::text_line;
use crate::{ProtocolError, Violation};

/// Reading the arguments.
#[derive(Debug)]
pub(super) struct Fetch {
    gathered: Gathered,
    haves: Vec<ObjectId>,
    done: bool,
}

impl Fetch {
    pub(super) fn new(request: &V2Request) -> Self {
        let mut gathered = Gathered::default();
        gathered.request.agent = request.agent.as_ref().map(|agent| agent.as_shared().clone());
        gathered.request.session_id = request.session_id.as_ref().map(|id| id.as_shared().clone());
        let options = request.server_options.iter().map(|option| option.as_shared().clone());
        gathered.request.server_options = options.collect();
        gathered.request.promisors = request.promisor_remote.as_ref().map(|names| names.as_shared().clone());
        Self { gathered, haves: Vec::new(), done: false }
    }

    pub(super) fn step(mut self, context: &mut Context, input: &mut BytesMut) -> Result<Step, ProtocolError> {
        const EXPECTED: &str = "an argument of fetch or a flush packet";
        let Some((packet, consumed)) = context.reader.decode(input)? else {
            return match context.reader.ended() {
                true => Err(context.reader.end_in(input, EXPECTED)),
                false => Ok(Step::Read(State::Fetch(self))),
            };
        };
        match packet {
            Packet::Data(data) => {
                refuse_error_line(data)?;
                let parsed = FetchArgument::parse(context.options.format, data);
                let argument = parsed.map_err(|violation| context.reader.violation(violation))?;
                self.argument(context, argument, data)?;
                input.advance(consumed);
                Ok(Step::Go(State::Fetch(self)))
            }
            Packet::Flush => {
                input.advance(consumed);
                self.end(context)
            }
            Packet::Delimiter | Packet::ResponseEnd => {
                Err(context.reader.violation(Violation::AfterArguments("fetch")))
            }
        }
    }

    fn argument(
        &mut self,
        context: &mut Context,
        argument: FetchArgument<'_>,
        data: &[u8],
    ) -> Result<(), ProtocolError> {
        if let Some(feature) = needed(argument)
            && !context.options.v2.fetch.contains(feature)
        {
            return Err(context.reader.violation(Violation::argument("fetch", data)));
        }
        let gathered = &mut self.gathered;
        match argument {
            FetchArgument::Want(id) => gathered.want(context, id)?,
            FetchArgument::WantRef(name) => {
                gathered.count_want(context)?;
                let name = gathered.keep(context, name)?;
                gathered.request.wanted_refs.push(name);
            }
            FetchArgument::Have(id) => {
                self.haves.push(id);
                let max = context.options.limits.haves_max;
                context.reader.count(&mut 0, self.haves.len(), max, "haves")?;
            }
            FetchArgument::Done => self.done = true,
            FetchArgument::WaitForDone => gathered.request.wait_for_done = true,
            FetchArgument::ThinPack => gathered.request.thin_pack = true,
            FetchArgument::NoProgress => gathered.request.no_progress = true,
            FetchArgument::IncludeTag => gathered.request.include_tag = true,
            FetchArgument::OfsDelta => gathered.request.ofs_delta = true,
            FetchArgument::Shallow(id) => gathered.shallow(context, id)?,
            FetchArgument::Deepen(depth) => gathered.request.depth.depth = Some(depth),
            FetchArgument::DeepenRelative => gathered.request.depth.relative = true,
            FetchArgument::DeepenSince(since) => gathered.request.depth.since = Some(since),
            FetchArgument::DeepenNot(name) => gathered.deepen_not(context, name)?,
            FetchArgument::Filter(spec) => gathered.filter(context, spec)?,
            FetchArgument::SidebandAll => gathered.request.sideband_all = true,
            FetchArgument::PackfileUris(protocols) => {
                gathered.request.packfile_uris = Some(gathered.keep(context, protocols)?);
            }
        }
        Ok(())
    }

    /// Without wants there is nothing to answer, unless the client only wants to learn what is common.
    pub(super) fn end(mut self, context: &mut Context) -> Result<Step, ProtocolError> {
        let empty = self.gathered.want_lines == 0 && !self.gathered.request.wait_for_done;
        self.gathered.request.empty = empty;
        let request = self.gathered.finish(context)?;
        if empty {
            return Ok(Step::Go(context.after_command()));
        }
        context.banded = request.sideband_all;
        if self.haves.is_empty() {
            return Ok(Step::Go(pack(context, &request)));
        }
        // One answer to each, however often it was named.
        let mut named = BTreeSet::new();
        self.haves.retain(|id| named.insert(*id));
        let due = FetchHaves {
            request,
            ids: self.haves,
            asked: 0,
            common: Vec::new(),
            covered: false,
            done: self.done,
        };
        Ok(Step::Go(due.ask(context)))
    }
}

/// The application says which haves are common; nothing is written before all of them are through.
#[derive(Debug)]
pub(super) struct FetchHaves {
    request: UploadRequest,
    ids: Vec<ObjectId>,
    /// How many of the ids have been answered.
    asked: usize,
    common: Vec<ObjectId>,
    covered: bool,
    done: bool,
}

impl FetchHaves {
    pub(super) const fn step(self) -> Step {
        Step::Answer(State::FetchHaves(self))
    }

    pub(super) fn check(&self, answers: &HaveAnswers<'_>) -> Result<(), ProtocolError> {
        Ok(check_answers(answers.common.len(), self.block().len())?)
    }

    pub(super) fn answer(
        mut self,
        context: &mut Context,
        answers: &HaveAnswers<'_>,
        output: &mut BytesMut,
    ) -> Result<State, ProtocolError> {
        let block = self.block().iter().zip(answers.common);
        let common: Vec<_> = block.filter(|(_, common)| **common).map(|(id, _)| *id).collect();
        self.common.extend(common);
        self.covered |= answers.covered_after.is_some();
        self.asked = self.asked.saturating_add(answers.common.len());
        if self.asked < self.ids.len() {
            return Ok(self.ask(context));
        }
        self.acknowledge(context, output)
    }

    fn block(&self) -> &[ObjectId] {
        let rest = self.ids.get(self.asked..).unwrap_or_default();
        rest.get(..UploadPackEvent::BLOCK).unwrap_or(rest)
    }

    fn ask(self, context: &mut Context) -> State {
        let ids = self.block().to_vec();
        let last = self.asked.saturating_add(ids.len()) >= self.ids.len();
        let end = match (last, self.done) {
            (false, _) => HavesEnd::More,
            (true, false) => HavesEnd::Flush,
            (true, true) => HavesEnd::Done,
        };
        context.events.push_back(UploadPackEvent::Haves { ids, end });
        State::FetchHaves(self)
    }

    fn acknowledge(self, context: &mut Context, output: &mut BytesMut) -> Result<State, ProtocolError> {
        if self.done {
            return Ok(pack(context, &self.request));
        }
        let ready = self.covered && !self.common.is_empty() && !self.request.wait_for_done;
        context.lines(output, |output| {
            Section::Acknowledgments.write(output)?;
            if self.common.is_empty() {
                Acknowledgment::Nak.write(output)?;
            }
            for id in &self.common {
                Acknowledgment::Ack { id: *id, status: AckStatus::Plain }.write(output)?;
            }
            if ready { Ok(text_line(&[b"ready"], output)?) } else { Ok(()) }
        })?;
        if ready {
            encode_delimiter(output);
            return Ok(pack(context, &self.request));
        }
        encode_flush(output);
        Ok(context.after_command())
    }
}

fn pack(context: &mut Context, request: &UploadRequest) -> State {
    context.events.push_back(UploadPackEvent::PackWanted);
    State::Pack(Pack::v2(request.no_progress, !request.wanted_refs.is_empty()))
}

/// The feature that an argument needs.
const fn needed(argument: FetchArgument<'_>) -> Option<V2FetchFeature> {
    Some(match argument {
        FetchArgument::WantRef(_) => V2FetchFeature::RefInWant,
        FetchArgument::Filter(_) => V2FetchFeature::Filter,
        FetchArgument::SidebandAll => V2FetchFeature::SidebandAll,
        FetchArgument::PackfileUris(_) => V2FetchFeature::PackfileUris,
        FetchArgument::WaitForDone => V2FetchFeature::WaitForDone,
        FetchArgument::Shallow(_)
        | FetchArgument::Deepen(_)
        | FetchArgument::DeepenRelative
        | FetchArgument::DeepenSince(_)
        | FetchArgument::DeepenNot(_) => V2FetchFeature::Shallow,
        _ => return None,
    })
}
