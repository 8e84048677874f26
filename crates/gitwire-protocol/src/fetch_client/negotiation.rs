//! What a fetch knows between its rounds.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use bytes::BytesMut;
use gitwire_capability::{
    AckMode, FetchAgreement, FetchFeature, FetchWish, SideBand, V2Agreement, V2Command, V2FetchFeature,
};
use gitwire_types::ObjectId;

use super::context::{Context, not_offered};
use super::sections::Sections;
use super::{Acknowledgments, FetchRequest, Haves, ShallowList, State, WindowEnd, write};
use crate::error::Misuse;
use crate::message::is_sendable;
use crate::{Mode, ProtocolError, Version};

/// What a fetch knows between its rounds.
#[derive(Debug)]
pub(super) struct Negotiation {
    pub(super) request: FetchRequest,
    pub(super) agreed: Agreed,
    mode: Mode,
    /// What is common, for requests that must say it again: in the order in which it was learned.
    pub(super) common: Vec<ObjectId>,
    known_common: BTreeSet<ObjectId>,
    /// Haves so far, for the size of the next window.
    sent: usize,
    /// The size of the last window, in version 2.
    last_window: usize,
    /// Windows that the server has not answered yet.
    pub(super) in_flight: usize,
    /// How many ACK lines may still come.
    pub(super) acks_due: u64,
    pub(super) ready: bool,
    pub(super) done_sent: bool,
}

/// What both sides use.
#[derive(Debug)]
pub(super) enum Agreed {
    Fetch(FetchAgreement),
    V2(V2Agreement),
}

impl Negotiation {
    pub(super) fn new(context: &Context, mut request: FetchRequest) -> Result<Self, ProtocolError> {
        check_values(context, &request)?;
        let agreed = match context.version() {
            Some(Version::V2) => Agreed::V2(agree_v2(context, &mut request)?),
            _ => Agreed::Fetch(agree(context, &request)?),
        };
        Ok(Self {
            request,
            agreed,
            mode: context.options.mode,
            common: Vec::new(),
            known_common: BTreeSet::new(),
            sent: 0,
            last_window: 0,
            in_flight: 0,
            acks_due: 0,
            ready: false,
            done_sent: false,
        })
    }

    /// How haves are acknowledged; `None` in version 2.
    pub(super) const fn ack_mode(&self) -> Option<AckMode> {
        match &self.agreed {
            Agreed::Fetch(agreement) => Some(agreement.ack_mode),
            Agreed::V2(_) => None,
        }
    }

    /// Whether the pack may come without `done`, once the server is ready.
    pub(super) fn no_done(&self) -> bool {
        matches!(&self.agreed, Agreed::Fetch(agreement) if agreement.no_done())
    }

    /// Whether the pack comes in bands.
    pub(super) fn is_banded(&self) -> bool {
        !matches!(&self.agreed, Agreed::Fetch(agreement) if agreement.side_band == SideBand::None)
    }

    pub(super) const fn is_v2(&self) -> bool {
        matches!(&self.agreed, Agreed::V2(_))
    }

    /// Writes what is due before the first haves. Says whether a list of boundaries comes now.
    pub(super) fn begin(
        &mut self,
        context: &mut Context,
        output: &mut BytesMut,
    ) -> Result<bool, ProtocolError> {
        let depth = !self.request.depth.is_empty();
        match &self.agreed {
            Agreed::Fetch(agreement) if depth || self.mode == Mode::Duplex => {
                write::upload_request(&self.request, agreement, output)?;
                context.turn = depth;
                Ok(depth)
            }
            Agreed::Fetch(_) | Agreed::V2(_) => Ok(false),
        }
    }

    /// How many haves the next window should have (coverage: 16, doubling to 32, then 32 more; stateless: doubling to 16384,
    /// then a tenth more).
    pub(super) fn window(&self) -> usize {
        const INITIAL: usize = 16;
        const PIPE_SAFE: usize = 32;
        const LARGE: usize = 16_384;
        let grow = |count: usize| match count {
            0 => INITIAL,
            count if count < LARGE => count.saturating_mul(2),
            count => count.saturating_mul(11) / 10,
        };
        match (self.ack_mode(), self.mode) {
            (None, _) => grow(self.last_window),
            (Some(AckMode::Single | AckMode::Multi), Mode::Stateless) => 0,
            (_, Mode::Stateless) => grow(self.sent).saturating_sub(self.sent),
            (_, Mode::Duplex) => match self.sent {
                0 => INITIAL,
                count if count < PIPE_SAFE => count,
                _ => PIPE_SAFE,
            },
        }
    }

    /// Checks a window before anything changes.
    pub(super) fn check(&self, ids: &[ObjectId], end: WindowEnd) -> Result<(), Misuse> {
        if ids.is_empty() && end == WindowEnd::Flush {
            return Err(Misuse::Invalid("an empty window of haves that is not the last one"));
        }
        if !ids.is_empty() && self.window() == 0 {
            return Err(Misuse::NotOffered("multi_ack_detailed"));
        }
        Ok(())
    }

    /// Sends a window and says what is read next.
    pub(super) fn send(
        mut self: Box<Self>,
        context: &mut Context,
        ids: &[ObjectId],
        end: WindowEnd,
        output: &mut BytesMut,
    ) -> Result<State, ProtocolError> {
        self.sent = self.sent.saturating_add(ids.len());
        self.last_window = if self.is_v2() { self.window() } else { 0 };
        let told = match (&self.agreed, self.mode) {
            (Agreed::V2(_), _) | (_, Mode::Stateless) => ids.len().saturating_add(self.common.len()),
            (_, Mode::Duplex) => ids.len(),
        };
        self.expect_acks(told);
        self.done_sent = end == WindowEnd::Done;
        context.turn = true;
        if let Agreed::V2(agreement) = &self.agreed {
            write::fetch_command(&self, agreement, ids, output)?;
            return Ok(State::Sections(Sections::new(self)));
        }
        if end == WindowEnd::Flush {
            self.in_flight = self.in_flight.saturating_add(1);
        }
        self.write_haves(context, ids, end, output)
    }

    /// Ends a negotiation of versions 0 and 1 that the server has had enough of.
    pub(super) fn send_done(
        mut self: Box<Self>,
        context: &mut Context,
        output: &mut BytesMut,
    ) -> Result<State, ProtocolError> {
        self.expect_acks(self.common.len());
        self.done_sent = true;
        context.turn = true;
        self.write_haves(context, &[], WindowEnd::Done, output)
    }

    fn write_haves(
        self: Box<Self>,
        context: &Context,
        ids: &[ObjectId],
        end: WindowEnd,
        output: &mut BytesMut,
    ) -> Result<State, ProtocolError> {
        if self.mode == Mode::Duplex {
            write::haves(ids, end, output)?;
            let ahead = end == WindowEnd::Flush && self.in_flight <= context.options.windows_ahead;
            return Ok(match ahead {
                true => State::Haves(Haves { negotiation: self }),
                false => State::Acknowledgments(Acknowledgments { negotiation: self }),
            });
        }
        if let Agreed::Fetch(agreement) = &self.agreed {
            write::upload_request(&self.request, agreement, output)?;
        }
        write::have_lines(&self.common, output)?;
        write::haves(ids, end, output)?;
        Ok(match self.request.depth.is_empty() {
            true => State::Acknowledgments(Acknowledgments { negotiation: self }),
            false => State::ShallowList(ShallowList::repeated(self)),
        })
    }

    /// Each have gets one ACK at most; a flush may get one more, and the end one more.
    fn expect_acks(&mut self, haves: usize) {
        let due = u64::try_from(haves).unwrap_or(u64::MAX).saturating_add(2);
        self.acks_due = self.acks_due.saturating_add(due);
    }

    /// Forgets to tell the last object again. That it is common stays known.
    pub(super) fn imply(&mut self, id: &ObjectId) {
        if !self.is_v2() && self.common.last() == Some(id) {
            self.common.pop();
        }
    }

    /// Notes an object that must be told again in each request.
    pub(super) fn learn_common(&mut self, id: ObjectId) {
        let again = self.is_v2() || self.mode == Mode::Stateless;
        if again && self.known_common.insert(id) {
            self.common.push(id);
        }
    }
}

/// Checks a request in itself.
fn check_values(context: &Context, request: &FetchRequest) -> Result<(), Misuse> {
    let depth = &request.depth;
    let none = request.wants.is_empty() && request.wanted_refs.is_empty();
    if none && !request.wait_for_done {
        return Err(Misuse::Invalid("a fetch without wants"));
    }
    if depth.depth.is_some_and(|depth| depth == 0 || depth > crate::message::DepthRequest::UNSHALLOW) {
        return Err(Misuse::Invalid("a depth that is none"));
    }
    if depth.depth.is_some() && (depth.since.is_some() || !depth.not.is_empty()) {
        return Err(Misuse::Invalid("a depth beside a time or refs"));
    }
    if depth.since == Some(0) {
        return Err(Misuse::Invalid("a time that is none"));
    }
    let format = context.format();
    if request.wants.iter().chain(&request.shallow).any(|id| id.format() != format) {
        return Err(Misuse::Invalid("ids of another format than the server's"));
    }
    let texts =
        request.wanted_refs.iter().chain(&depth.not).chain(&request.filter).chain(&request.packfile_uris);
    if texts.chain(&request.server_options).any(|text| !is_sendable(text)) {
        return Err(Misuse::Unsendable("a ref, filter or option with NUL or LF"));
    }
    Ok(())
}

/// What is used of what a server of version 0 or 1 can do.
fn agree(context: &Context, request: &FetchRequest) -> Result<FetchAgreement, ProtocolError> {
    let offer = context.fetch_offer().ok_or(ProtocolError::Internal("no version 0 or 1"))?;
    if !request.wanted_refs.is_empty() {
        return Err(Misuse::NotOffered("ref-in-want").into());
    }
    if request.wait_for_done {
        return Err(Misuse::NotOffered("wait-for-done").into());
    }
    let depth = &request.depth;
    let mut wish = FetchWish::new(context.format());
    wish.agent = context.agent(request.into());
    wish.session_id = context.session_id(request.into());
    let used = [
        (FetchFeature::NoDone, context.options.mode == Mode::Stateless),
        (FetchFeature::ThinPack, request.thin_pack),
        (FetchFeature::OfsDelta, request.ofs_delta),
        (FetchFeature::IncludeTag, request.include_tag),
        (FetchFeature::NoProgress, !request.progress),
    ];
    for (feature, used) in used {
        wish.features.remove(feature);
        if used {
            wish.features.insert(feature);
        }
    }
    let needed = [
        (FetchFeature::Shallow, depth.depth.is_some() || !request.shallow.is_empty()),
        (FetchFeature::DeepenSince, depth.since.is_some()),
        (FetchFeature::DeepenNot, !depth.not.is_empty()),
        (FetchFeature::DeepenRelative, depth.relative),
        (FetchFeature::Filter, request.filter.is_some()),
    ];
    let needed = needed.into_iter().filter(|(_, needed)| *needed);
    wish.required = needed.map(|(feature, _)| feature).collect();
    offer.agree(&wish).map_err(not_offered)
}

/// What is used of what a server of version 2 can do. What it cannot do and need not goes from the request.
fn agree_v2(context: &Context, request: &mut FetchRequest) -> Result<V2Agreement, ProtocolError> {
    let depth = !request.depth.is_empty() || request.depth.relative || !request.shallow.is_empty();
    let needed = [
        (V2FetchFeature::Shallow, depth),
        (V2FetchFeature::Filter, request.filter.is_some()),
        (V2FetchFeature::RefInWant, !request.wanted_refs.is_empty()),
        (V2FetchFeature::WaitForDone, request.wait_for_done),
    ];
    let needed = needed.into_iter().filter(|(_, needed)| *needed).map(|(feature, _)| feature);
    let agreement = context.v2_agreement((&*request).into(), needed.collect())?;
    if !agreement.commands.contains(V2Command::Fetch) {
        return Err(Misuse::NotOffered("fetch").into());
    }
    request.sideband_all &= agreement.fetch.contains(V2FetchFeature::SidebandAll);
    request.packfile_uris =
        request.packfile_uris.take().filter(|_| agreement.fetch.contains(V2FetchFeature::PackfileUris));
    Ok(agreement)
}
