//! Fetches: every question of the client's is asked upstream, and upstream's answer is ours.

use bytes::{Bytes, BytesMut};
use gitwire_capability::V2FetchFeature;
use gitwire_protocol::message::{AckStatus, WantedRef};
use gitwire_protocol::{
    FetchAwaiting, FetchClient, FetchClientOptions, FetchEvent, FetchRequest, HaveAnswers, LsRefsRequest,
    ProtocolError, Readiness, Serving, UploadPack, UploadPackEvent, UploadPackOptions, UploadRequest,
    Version, WindowEnd,
};
use gitwire_transport::Moved;
use gitwire_transport::blocking::Driver;
use gitwire_types::{ObjectFormat, ObjectId};

use super::{Relay, RelayError, end, fill};

pub(super) fn serve(relay: Relay) -> Result<(), RelayError> {
    let mut options = FetchClientOptions::default();
    // The client waits for the answer to a window before it sends the next but one.
    options.windows_ahead = 0;
    let mut far = Driver::new(FetchClient::new(options), relay.upstream, relay.upstream_deadlines);
    let offer = match far.next() {
        Ok(Moved::Event(FetchEvent::Capabilities(offer))) => Ok(offer),
        Ok(_) => Err(RelayError::Ended("it has begun")),
        Err(error) => Err(RelayError::upstream(error)),
    };
    let options = match &offer {
        Ok(offer) => {
            let mut options = UploadPackOptions::relaying(offer, Serving::Duplex);
            // A pack that the client has from elsewhere does not come through here.
            options.v2.fetch.remove(V2FetchFeature::PackfileUris);
            options
        }
        Err(_) => UploadPackOptions::new(Version::V0, Serving::Duplex, ObjectFormat::default()),
    };
    let is_new = options.version == Version::V2;
    let near = Driver::new(UploadPack::new(options), relay.client, relay.client_deadlines);
    let mut fetch = Fetch { near, far, is_new, wants: Vec::new(), boundary: Vec::new(), deepens: false };
    let passed = offer.and_then(|_| fetch.pass());
    // Upstream may have nothing more to hear.
    let _ = fetch.far.with(|machine, output| machine.finish(output));
    end(fetch.near, fetch.far, passed)
}

/// The two conversations, and what has come of a request that is not whole yet.
struct Fetch {
    near: Driver<UploadPack>,
    far: Driver<FetchClient>,
    is_new: bool,
    wants: Vec<ObjectId>,
    boundary: Vec<ObjectId>,
    /// The request under way asks for a depth.
    deepens: bool,
}

impl Fetch {
    fn pass(&mut self) -> Result<(), RelayError> {
        while let Moved::Event(event) = self.near.next().map_err(RelayError::client)? {
            match event {
                UploadPackEvent::RefsWanted(request) => self.refs(request)?,
                UploadPackEvent::Wants(ids) => self.wants.extend(ids),
                UploadPackEvent::Shallow(ids) => self.boundary.extend(ids),
                UploadPackEvent::Request(asked) if !asked.empty => self.request(*asked)?,
                UploadPackEvent::Haves { ids, .. } => self.haves(&ids)?,
                UploadPackEvent::PackWanted => self.pack()?,
                _ => {}
            }
        }
        Ok(())
    }

    fn refs(&mut self, request: LsRefsRequest) -> Result<(), RelayError> {
        self.ask(|machine, output| machine.list_refs(request, output))?;
        let mut boundary = Vec::new();
        loop {
            match self.hear("its refs")? {
                FetchEvent::Refs(block) => {
                    for shown in &block {
                        self.tell(|machine, output| machine.send_ref(&shown, output))?;
                    }
                    self.drain()?;
                }
                FetchEvent::ServerShallow(id) => boundary.push(id),
                _ => return self.tell(|machine, output| machine.end_refs(&boundary, output)),
            }
        }
    }

    fn request(&mut self, asked: UploadRequest) -> Result<(), RelayError> {
        let mut request = FetchRequest::from(asked);
        request.wants = std::mem::take(&mut self.wants);
        request.shallow = std::mem::take(&mut self.boundary);
        self.deepens = !request.depth.is_empty();
        self.ask(|machine, output| machine.fetch(request, output))?;
        if self.is_new || !self.deepens {
            return Ok(());
        }
        let mut updates = Vec::new();
        while let Moved::Event(event) = self.far.next().map_err(RelayError::upstream)? {
            if let FetchEvent::Shallow(update) = event {
                updates.push(update);
            }
        }
        self.tell(|machine, output| machine.shallow_info(&updates, output))
    }

    fn haves(&mut self, ids: &[ObjectId]) -> Result<(), RelayError> {
        let mut common = Vec::new();
        // Upstream may have had enough of an earlier part of this window.
        let mut ready = self.far.machine().awaiting() != FetchAwaiting::Haves;
        let mut answered = ready;
        if !answered {
            self.ask(|machine, output| machine.haves(ids, WindowEnd::Flush, output))?;
        }
        while !answered {
            match self.hear("it has answered")? {
                FetchEvent::Acknowledged { status: AckStatus::Ready, .. } => {}
                FetchEvent::Acknowledged { id, status } => {
                    common.push(id);
                    // One is all that a server without `multi_ack` says.
                    ready = status == AckStatus::Plain && !self.is_new;
                    answered = ready;
                }
                FetchEvent::RoundEnd { ready: upstream } => {
                    ready = upstream == Readiness::Ready;
                    answered = true;
                }
                _ => {}
            }
        }
        let common: Vec<bool> = ids.iter().map(|id| common.contains(id)).collect();
        let answers = HaveAnswers { common: &common, covered_after: ready.then_some(0) };
        self.tell(|machine, output| machine.acknowledge(answers, output))
    }

    fn pack(&mut self) -> Result<(), RelayError> {
        if self.far.machine().awaiting() == FetchAwaiting::Haves {
            self.ask(|machine, output| machine.haves(&[], WindowEnd::Done, output))?;
        }
        let (mut updates, mut wanted) = (Vec::new(), Vec::new());
        loop {
            match self.hear("its pack")? {
                FetchEvent::Shallow(update) => updates.push(update),
                FetchEvent::WantedRef { id, name } => wanted.push((id, name)),
                FetchEvent::PackStart => {
                    if self.is_new && (self.deepens || !updates.is_empty()) {
                        self.tell(|machine, output| machine.shallow_info(&updates, output))?;
                    }
                    if !wanted.is_empty() {
                        let wanted: Vec<_> =
                            wanted.iter().map(|(id, name)| WantedRef { id: *id, name }).collect();
                        self.tell(|machine, output| machine.wanted_refs(&wanted, output))?;
                    }
                }
                FetchEvent::Pack(piece) => self.send(piece)?,
                FetchEvent::Progress(text) => {
                    self.tell(|machine, output| machine.progress(&text, output))?;
                    self.drain()?;
                }
                FetchEvent::PackEnd => return self.tell(UploadPack::end_pack),
                _ => {}
            }
        }
    }

    fn send(&mut self, mut piece: Bytes) -> Result<(), RelayError> {
        while !piece.is_empty() {
            self.drain()?;
            self.tell(|machine, output| machine.pack_frame(output, |room| fill(room, &mut piece)).map(drop))?;
        }
        Ok(())
    }

    /// Waits until little is on its way to the client.
    fn drain(&mut self) -> Result<(), RelayError> {
        self.near.next().map(drop).map_err(RelayError::client)
    }

    /// What upstream says; `before` what it may not end.
    fn hear(&mut self, before: &'static str) -> Result<FetchEvent, RelayError> {
        match self.far.next().map_err(RelayError::upstream)? {
            Moved::Event(event) => Ok(event),
            Moved::Answer | Moved::Done => Err(RelayError::Ended(before)),
        }
    }

    fn ask(
        &mut self,
        command: impl FnOnce(&mut FetchClient, &mut BytesMut) -> Result<(), ProtocolError>,
    ) -> Result<(), RelayError> {
        self.far.with(command).map_err(RelayError::upstream)
    }

    fn tell(
        &mut self,
        answer: impl FnOnce(&mut UploadPack, &mut BytesMut) -> Result<(), ProtocolError>,
    ) -> Result<(), RelayError> {
        self.near.with(answer).map_err(RelayError::client)
    }
}
