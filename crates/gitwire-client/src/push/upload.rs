//! The conversation of a push: refs, commands, pack, report.

use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use gitwire_capability::{Certificate, PushAgreement, PushFeature, PushOffer, Report as ReportVersion};
use gitwire_protocol::{
    CommandReport, PushAwaiting, PushClient, PushCommand, PushEvent, PushRequest, RefBlock,
};
use gitwire_storage::{PackSource, Repository, SourceState};
use gitwire_types::{Interrupt, ObjectId};
use gitwire_walk::{Graph, PackRequest, pack_source};

use super::judge::judge;
use super::local::LocalRefs;
use super::matching::{check_sources, match_refs};
use super::negotiate::negotiate;
use super::report::settle;
use super::track::track;
use super::{Push, PushStatus, PushUpdate, Pushed};
use crate::conversation::Conversation;
use crate::event::Listener;
use crate::{ClientError, Event, RemoteRefs};

/// The conversation of a push.
pub(super) struct Upload<'a> {
    push: &'a Push,
    local: LocalRefs,
    stop: &'a dyn Interrupt,
    refs: RemoteRefs,
    /// What the server has without a ref of its own, and where its history ends.
    haves: Vec<ObjectId>,
    server_shallow: Vec<ObjectId>,
    updates: Option<Vec<PushUpdate>>,
    packing: Option<Packing>,
    heard: Heard,
    negotiated: Result<(), ClientError>,
    unsigned: bool,
    /// Why nothing was asked for.
    failed: Option<ClientError>,
}

/// What the server has said of the push.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Whether it reports at all.
    pub(super) reports: bool,
    pub(super) unpack_error: Option<Bytes>,
    pub(super) statuses: Vec<CommandReport>,
}

/// A pack on its way.
struct Packing {
    source: Box<dyn PackSource>,
    made: BytesMut,
    sent: u64,
    ended: bool,
}

impl<'a> Upload<'a> {
    pub(super) fn new(
        push: &'a Push,
        repository: Arc<dyn Repository>,
        stop: &'a dyn Interrupt,
    ) -> Result<Self, ClientError> {
        let local = LocalRefs::read(repository)?;
        check_sources(push, &local)?;
        Ok(Self {
            push,
            local,
            stop,
            refs: RemoteRefs::default(),
            haves: Vec::new(),
            server_shallow: Vec::new(),
            updates: None,
            packing: None,
            heard: Heard::default(),
            negotiated: Ok(()),
            unsigned: false,
            failed: None,
        })
    }

    /// What has come of it.
    pub(super) fn into_pushed(self) -> Result<Pushed, ClientError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut updates =
            self.updates.ok_or(ClientError::Internal("the conversation has ended before it began"))?;
        let mut unexpected = Vec::new();
        let unpack_error = self.heard.unpack_error.clone();
        if !self.push.dry_run {
            unexpected = settle(&mut updates, self.heard);
        }
        let (mut followed, mut tracked) = (Vec::new(), Ok(()));
        if !self.push.dry_run {
            tracked = track(self.push, &**self.local.repository(), &updates, &mut followed);
        }
        let pack = self.packing.and_then(|packing| packing.source.written());
        Ok(Pushed {
            refs: self.refs,
            updates,
            unpack_error,
            unexpected,
            negotiated: self.negotiated,
            unsigned: self.unsigned,
            pack,
            followed,
            tracked,
        })
    }

    /// The refs are known: what is asked for, if anything.
    fn request(
        &mut self,
        machine: &PushClient,
        listener: Listener<'_>,
    ) -> Result<Option<PushRequest>, ClientError> {
        let repository = Arc::clone(self.local.repository());
        let offer = machine.offer().ok_or(ClientError::Internal("refs without an offer"))?;
        self.refs.format = offer.formats.primary().unwrap_or_default();
        self.refs.version = machine.version();
        let (ours, theirs) = (repository.format(), self.refs.format);
        if ours != theirs {
            return Err(ClientError::ObjectFormat { ours, theirs });
        }
        let agreement = self.agree(offer)?;
        let boundary = repository.shallow()?;
        let mut graph = self.graph(&boundary)?;
        let targets = match_refs(self.push, &self.local, &self.refs, &mut graph, self.stop)?;
        let updates = judge(self.push, targets, offer, &*repository.refs()?, &mut graph, self.stop)?;
        let asked: Vec<&PushUpdate> =
            updates.iter().filter(|update| update.status == PushStatus::Done).collect();
        if let Some(pre_push) = &self.push.pre_push {
            pre_push.approve(&asked).map_err(ClientError::Stopped)?;
        }
        let nothing = asked.is_empty() || self.push.dry_run;
        let commands = asked.into_iter().map(|update| command(update, ours)).collect();
        let wants: Vec<ObjectId> = if nothing { Vec::new() } else { wanted(&updates) };
        self.unsigned = self.push.signing.is_some() && agreement.nonce.is_none();
        self.heard.reports = agreement.report != ReportVersion::None;
        self.updates = Some(updates);
        if nothing {
            return Ok(None);
        }
        if !wants.is_empty() {
            let takes_thin = !agreement.features.contains(PushFeature::NoThin);
            self.packing = Some(self.pack(wants, &boundary, takes_thin, listener)?);
        }
        let mut request = PushRequest::new(agreement, commands);
        request.shallow = boundary.to_vec();
        request.push_options.clone_from(&self.push.push_options);
        if let Some(signing) = &self.push.signing {
            signing.sign(&mut request, &anonymous(&self.push.remote.name))?;
        }
        Ok(Some(request))
    }

    fn agree(&self, offer: &PushOffer) -> Result<PushAgreement, ClientError> {
        let push = self.push;
        let mut wish = PushClient::wish(self.local.repository().format());
        let needed = [
            (PushFeature::Atomic, push.atomic, "--atomic push"),
            (PushFeature::PushOptions, !push.push_options.is_empty(), "push options"),
        ];
        for (feature, is_needed, what) in needed {
            if is_needed && !offer.features.contains(feature) {
                return Err(ClientError::NotOffered(what));
            }
            if is_needed {
                wish.required.insert(feature);
            }
        }
        if push.quiet {
            wish.features.insert(PushFeature::Quiet);
        }
        if let Some(signing) = &push.signing {
            if signing.when == Certificate::Always && offer.nonce.is_none() {
                return Err(ClientError::NotOffered("--signed push"));
            }
            wish.certificate = signing.when;
        }
        // Hash function and features have been compared already.
        offer.agree(&wish).map_err(|_| ClientError::Internal("no agreement with an offer that was checked"))
    }

    fn graph(&self, boundary: &[ObjectId]) -> Result<Graph, ClientError> {
        let repository = self.local.repository();
        let mut graph = Graph::new(repository.objects()?, repository.format(), self.push.walk.clone());
        graph.set_boundary(boundary)?;
        Ok(graph)
    }

    /// Finds out all that goes, before the server hears of it.
    fn pack(
        &mut self,
        wants: Vec<ObjectId>,
        boundary: &[ObjectId],
        takes_thin: bool,
        listener: Listener<'_>,
    ) -> Result<Packing, ClientError> {
        // Neither side has what lies behind its own boundary.
        let ends: Vec<ObjectId> = boundary.iter().chain(&self.server_shallow).copied().collect();
        let shown = self.refs.iter().filter_map(|shown| shown.id);
        let mut haves: Vec<ObjectId> = shown.chain(self.haves.iter().copied()).collect();
        haves.sort_unstable();
        haves.dedup();
        if self.push.negotiate {
            let graph = self.graph(&ends)?;
            match negotiate(self.push, graph, &haves, &wants, self.stop) {
                Ok(common) => haves.extend(common),
                Err(ClientError::Interrupted(interrupted)) => return Err(interrupted.into()),
                Err(error) => self.negotiated = Err(error),
            }
        }
        let mut request = PackRequest::new(wants, haves);
        request.thin = self.push.thin && takes_thin;
        request.shallow = !ends.is_empty();
        request.bitmaps = self.push.bitmaps;
        request.memory = self.push.memory;
        let mut packing = Packing {
            source: pack_source(self.graph(&ends)?, request),
            made: BytesMut::new(),
            sent: 0,
            ended: false,
        };
        while packing.made.is_empty() && !packing.ended {
            packing.make(self.stop, listener)?;
        }
        Ok(packing)
    }

    fn send(
        &mut self,
        machine: &mut PushClient,
        output: &mut BytesMut,
        listener: Listener<'_>,
    ) -> Result<(), ClientError> {
        let packing = self.packing.as_mut().ok_or(ClientError::Internal("a pack that has not begun"))?;
        if packing.made.is_empty() && !packing.ended {
            packing.make(self.stop, listener)?;
        }
        while !packing.made.is_empty() {
            let made = &mut packing.made;
            let sent = machine.pack_frame(output, |room| {
                let len = room.len().min(made.len());
                if let (Some(room), Some(piece)) = (room.get_mut(..len), made.get(..len)) {
                    room.copy_from_slice(piece);
                }
                len
            })?;
            made.advance(sent);
            packing.sent = packing.sent.saturating_add(sent as u64);
        }
        if let Some(written) = packing.source.written() {
            listener(Event::Sending { written, bytes: packing.sent, done: packing.ended });
        }
        if packing.ended {
            machine.end_pack()?;
        }
        Ok(())
    }

    /// `.have` is no ref; what else there is goes to the list.
    fn take_refs(&mut self, block: RefBlock) {
        let without_a_name = block.iter().filter(|shown| shown.name == b".have");
        self.haves.extend(without_a_name.filter_map(|shown| shown.id));
        self.refs.blocks.push(block);
    }
}

impl Packing {
    fn make(&mut self, stop: &dyn Interrupt, listener: Listener<'_>) -> Result<(), ClientError> {
        match self.source.next(PIECE, &mut self.made, stop)? {
            SourceState::Preparing(preparation) => listener(Event::Packing(preparation)),
            SourceState::End => self.ended = true,
            _ => {}
        }
        Ok(())
    }
}

/// Bytes of the pack that are made at once: one frame of the machine.
const PIECE: usize = 64 << 10;

impl Conversation for Upload<'_> {
    type Machine = PushClient;

    fn event(&mut self, event: PushEvent, listener: Listener<'_>) -> Result<(), ClientError> {
        match event {
            PushEvent::Refs(block) => self.take_refs(block),
            PushEvent::ServerShallow(id) => self.server_shallow.push(id),
            PushEvent::Progress(text) => listener(Event::Remote(&text)),
            PushEvent::Unpacked(error) => self.heard.unpack_error = error,
            PushEvent::Status(status) => self.heard.statuses.push(status),
            _ => {}
        }
        self.stop.check()?;
        Ok(())
    }

    fn answer(
        &mut self,
        machine: &mut PushClient,
        output: &mut BytesMut,
        listener: Listener<'_>,
    ) -> Result<(), ClientError> {
        self.stop.check()?;
        if machine.awaiting() == PushAwaiting::Pack {
            return self.send(machine, output, listener);
        }
        match self.request(machine, listener) {
            Ok(Some(request)) => return Ok(machine.push(&request, output)?),
            Ok(None) => {}
            // The server is told that nothing comes.
            Err(error) => self.failed = Some(error),
        }
        Ok(machine.finish(output)?)
    }
}

fn command(update: &PushUpdate, format: gitwire_types::ObjectFormat) -> PushCommand {
    let id = |id: Option<ObjectId>| id.unwrap_or_else(|| ObjectId::zero(format));
    PushCommand { old: id(update.old), new: id(update.new), name: update.destination.as_shared().clone() }
}

/// What the server's refs are to hold.
fn wanted(updates: &[PushUpdate]) -> Vec<ObjectId> {
    let asked = updates.iter().filter(|update| update.status == PushStatus::Done);
    let mut wants: Vec<ObjectId> = asked.filter_map(|update| update.new).collect();
    wants.sort_unstable();
    wants.dedup();
    wants
}

/// A URL without the name and the password that may stand in it.
fn anonymous(url: &[u8]) -> Vec<u8> {
    let find = |word: &[u8]| url.windows(word.len()).position(|part| part == word);
    let Some((scheme, rest)) = find(b"://").and_then(|at| url.split_at_checked(at.saturating_add(3))) else {
        return url.to_vec();
    };
    let host = rest.split(|byte| *byte == b'/').next().unwrap_or_default();
    let user = host.iter().rposition(|byte| *byte == b'@').map_or(0, |at| at.saturating_add(1));
    [scheme, rest.get(user..).unwrap_or_default()].concat()
}
