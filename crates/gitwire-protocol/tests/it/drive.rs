//! Applications for both machines, and ways of feeding them.

use std::collections::BTreeSet;

use bytes::BytesMut;
use gitwire_protocol::message::{AckStatus, ShallowUpdate};
use gitwire_protocol::{
    AdvertisedRef, FetchAwaiting, FetchClient, FetchClientOptions, FetchEvent, FetchRequest, HaveAnswers,
    LsRefsRequest, Machine, Mode, Next, ProtocolError, Readiness, UploadPack, UploadPackEvent,
    UploadPackOptions, UploadRequest, Version, WindowEnd,
};
use gitwire_types::ObjectId;

use crate::repo::Repo;

/// What the server's application sends as a pack: long enough for two frames.
pub(crate) fn fake_pack() -> Vec<u8> {
    let mut pack = b"PACK".to_vec();
    pack.extend_from_slice(&b"a prime number of bytes, so that cuts show: 47.".repeat(1_500));
    pack
}

/// A server with its application.
pub(crate) struct Server<'a> {
    pub(crate) machine: UploadPack,
    repo: &'a Repo,
    version: Version,
    wants: Vec<ObjectId>,
    shallow: Vec<ObjectId>,
    request: UploadRequest,
    common: BTreeSet<ObjectId>,
    sent: usize,
    pub(crate) pack: Vec<u8>,
}

impl<'a> Server<'a> {
    pub(crate) fn new(repo: &'a Repo, options: UploadPackOptions) -> Self {
        Self {
            version: options.version,
            machine: UploadPack::new(options),
            repo,
            wants: Vec::new(),
            shallow: Vec::new(),
            request: UploadRequest::default(),
            common: BTreeSet::new(),
            sent: 0,
            pack: fake_pack(),
        }
    }

    /// Steps until the machine reads, is done, or fails.
    pub(crate) fn run(&mut self, input: &mut BytesMut, output: &mut BytesMut) -> Result<bool, ProtocolError> {
        for _ in 0..1_000_000 {
            match self.machine.step(input, output)? {
                Next::Event(event) => self.hear(event, output)?,
                Next::Turn => {}
                Next::Answer => self.send_pack(output)?,
                Next::Read => return Ok(false),
                Next::Done => return Ok(true),
            }
        }
        panic!("the server does not come to rest");
    }

    fn hear(&mut self, event: UploadPackEvent, output: &mut BytesMut) -> Result<(), ProtocolError> {
        match event {
            UploadPackEvent::RefsWanted(asked) => {
                for shown in &self.repo.refs {
                    let wanted = asked.prefixes.is_empty()
                        || asked.prefixes.iter().any(|prefix| shown.name.starts_with(prefix));
                    let line = AdvertisedRef {
                        name: &shown.name,
                        id: Some(shown.id),
                        peeled: shown.peeled,
                        symref_target: shown.target.as_deref(),
                    };
                    if wanted {
                        self.machine.send_ref(&line, output)?;
                    }
                }
                self.machine.end_refs(&[], output)
            }
            UploadPackEvent::Wants(ids) => {
                self.wants.extend(ids);
                Ok(())
            }
            UploadPackEvent::Shallow(ids) => {
                self.shallow.extend(ids);
                Ok(())
            }
            UploadPackEvent::Request(request) => {
                self.request = *request;
                self.common.clear();
                if self.request.empty {
                    self.wants.clear();
                }
                if self.version != Version::V2 && !self.request.depth.is_empty() {
                    return self.machine.shallow_info(&self.boundary(), output);
                }
                Ok(())
            }
            UploadPackEvent::Haves { ids, .. } => {
                let mut covered_after = None;
                let mut common = Vec::new();
                if self.repo.covers(&self.wants, &self.common) {
                    covered_after = Some(0);
                }
                for (at, id) in ids.iter().enumerate() {
                    common.push(self.repo.has(id));
                    if self.repo.has(id) {
                        self.common.insert(*id);
                    }
                    if covered_after.is_none() && self.repo.covers(&self.wants, &self.common) {
                        covered_after = Some(at + 1);
                    }
                }
                self.machine.acknowledge(HaveAnswers { common: &common, covered_after }, output)
            }
            UploadPackEvent::PackWanted => {
                if self.version == Version::V2 && (!self.request.depth.is_empty() || !self.shallow.is_empty())
                {
                    self.machine.shallow_info(&self.boundary(), output)?;
                }
                self.sent = 0;
                Ok(())
            }
            other => panic!("{other:?}"),
        }
    }

    fn send_pack(&mut self, output: &mut BytesMut) -> Result<(), ProtocolError> {
        if self.sent == 0 && !self.request.no_progress {
            self.machine.progress(b"Counting objects\r", output)?;
            self.machine.keep_alive(output);
        }
        let rest = &self.pack[self.sent..];
        let written = self.machine.pack_frame(output, |room| {
            let len = room.len().min(rest.len());
            room[..len].copy_from_slice(&rest[..len]);
            len
        })?;
        self.sent += written;
        if self.sent == self.pack.len() {
            self.wants.clear();
            self.shallow.clear();
            self.machine.end_pack(output)?;
        }
        Ok(())
    }

    fn boundary(&self) -> Vec<ShallowUpdate> {
        match (self.request.depth.depth, self.wants.first()) {
            (Some(depth), Some(want)) => self.repo.boundary(want, depth, &self.shallow),
            _ => Vec::new(),
        }
    }
}

/// A ref: name, id, what it peels to, what it points at.
type HeardRef = (Vec<u8>, Option<ObjectId>, Option<ObjectId>, Option<Vec<u8>>);

/// What the client's application has heard, joined.
#[derive(Debug, Default, PartialEq, Eq, Clone)]
pub(crate) struct Heard {
    pub(crate) version: Option<Version>,
    pub(crate) refs: Vec<HeardRef>,
    pub(crate) lines: Vec<String>,
    pub(crate) progress: Vec<u8>,
    pub(crate) pack: Vec<u8>,
    pub(crate) ended: bool,
}

/// A client with its application: lists refs, then fetches once.
pub(crate) struct Client {
    pub(crate) machine: FetchClient,
    pub(crate) heard: Heard,
    listed: bool,
    request: Option<FetchRequest>,
    haves: Vec<ObjectId>,
}

impl Client {
    pub(crate) fn new(mode: Mode, request: Option<FetchRequest>, haves: &[ObjectId]) -> Self {
        let mut options = FetchClientOptions::default();
        options.mode = mode;
        options.agent = Some("gitwire/test".into());
        Self::with(options, request, haves)
    }

    pub(crate) fn with(
        options: FetchClientOptions,
        request: Option<FetchRequest>,
        haves: &[ObjectId],
    ) -> Self {
        let machine = FetchClient::new(options);
        Self { machine, heard: Heard::default(), listed: false, request, haves: haves.to_vec() }
    }

    /// Steps until a request is whole, the machine reads, or is done.
    pub(crate) fn run(&mut self, input: &mut BytesMut, output: &mut BytesMut) -> Result<Rest, ProtocolError> {
        for _ in 0..1_000_000 {
            match self.machine.step(input, output)? {
                Next::Event(event) => self.hear(event),
                Next::Turn => return Ok(Rest::Turn),
                Next::Answer => self.answer(output)?,
                Next::Read => return Ok(Rest::Read),
                Next::Done => return Ok(Rest::Done),
            }
        }
        panic!("the client does not come to rest");
    }

    fn answer(&mut self, output: &mut BytesMut) -> Result<(), ProtocolError> {
        match self.machine.awaiting() {
            FetchAwaiting::ListRefs => self.machine.list_refs(LsRefsRequest::everything(), output),
            FetchAwaiting::Command if !self.listed => {
                self.machine.list_refs(LsRefsRequest::everything(), output)
            }
            FetchAwaiting::Command => match self.request.take() {
                Some(request) => self.machine.fetch(request, output),
                None => self.machine.finish(output),
            },
            FetchAwaiting::Haves => {
                let len = self.machine.window().min(self.haves.len());
                let window: Vec<_> = self.haves.drain(..len).collect();
                let end = if self.haves.is_empty() || len == 0 { WindowEnd::Done } else { WindowEnd::Flush };
                self.machine.haves(&window, end, output)
            }
            other => panic!("an answer is due while {other:?}"),
        }
    }

    fn hear(&mut self, event: FetchEvent) {
        let heard = &mut self.heard;
        match event {
            FetchEvent::Capabilities(capabilities) => heard.version = Some(capabilities.version()),
            FetchEvent::Refs(block) => heard.refs.extend(block.iter().map(|shown| {
                (shown.name.to_vec(), shown.id, shown.peeled, shown.symref_target.map(<[u8]>::to_vec))
            })),
            FetchEvent::RefsEnd => self.listed = true,
            FetchEvent::Pack(data) => {
                assert!(!data.is_empty());
                heard.pack.extend_from_slice(&data);
            }
            FetchEvent::Progress(text) => heard.progress.extend_from_slice(&text),
            FetchEvent::PackEnd => heard.ended = true,
            FetchEvent::Acknowledged { id, status } => {
                let word = match status {
                    AckStatus::Plain => "plain",
                    AckStatus::Continue => "continue",
                    AckStatus::Common => "common",
                    AckStatus::Ready => "ready",
                };
                heard.lines.push(format!("ack {id} {word}"));
            }
            FetchEvent::RoundEnd { ready } => {
                heard
                    .lines
                    .push(format!("round {}", if ready == Readiness::Ready { "ready" } else { "open" }));
            }
            other => heard.lines.push(format!("{other:?}")),
        }
    }
}

/// Where a client has come to rest.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(crate) enum Rest {
    Turn,
    Read,
    Done,
}

/// Numbers for cuts: the same for the same seed.
pub(crate) struct Seeded(u64);

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, max: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % max
    }
}
