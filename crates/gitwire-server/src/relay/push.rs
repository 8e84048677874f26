//! Pushes: the pack streams through, but for its checksum, which waits for the verdict.

use std::error::Error;

use bytes::{Bytes, BytesMut};
use gitwire_capability::PushFeature;
use gitwire_protocol::{
    CommandReport, ProtocolError, PushAwaiting, PushClient, PushClientOptions, PushEvent, PushReport,
    PushRequest, ReceivePack, ReceivePackEvent, ReceivePackOptions, Serving, Version,
};
use gitwire_transport::Moved;
use gitwire_transport::blocking::Driver;
use gitwire_types::ObjectFormat;

use super::{PushGate, Relay, RelayError, end, fill};

pub(super) fn serve(relay: Relay, gate: &mut dyn PushGate) -> Result<(), RelayError> {
    let machine = PushClient::new(PushClientOptions::default());
    let mut far = Driver::new(machine, relay.upstream, relay.upstream_deadlines);
    let offer = match far.next() {
        Ok(Moved::Event(PushEvent::Capabilities(offer))) => Ok(offer),
        Ok(_) => Err(RelayError::Ended("it has begun")),
        Err(error) => Err(RelayError::upstream(error)),
    };
    let mut options = match &offer {
        Ok(offer) => ReceivePackOptions::relaying(far.machine().version(), Serving::Duplex, offer),
        Err(_) => ReceivePackOptions::new(Version::V0, Serving::Duplex, ObjectFormat::default()),
    };
    options.offer.features.insert(PushFeature::NoThin);
    let near = Driver::new(ReceivePack::new(options), relay.client, relay.client_deadlines);
    let mut push = Push { near, far, held: BytesMut::new(), report: PushReport::default() };
    let passed = offer.and_then(|_| push.pass(gate));
    end(push.near, push.far, passed)
}

/// The two conversations, and what waits between them.
struct Push {
    near: Driver<ReceivePack>,
    far: Driver<PushClient>,
    /// The last bytes of the pack so far.
    held: BytesMut,
    /// What upstream says came of it.
    report: PushReport,
}

/// What a gate says.
type Verdict = Result<(), Box<dyn Error + Send + Sync>>;

impl Push {
    fn pass(&mut self, gate: &mut dyn PushGate) -> Result<(), RelayError> {
        self.refs()?;
        let moved = self.near.next().map_err(RelayError::client)?;
        let Moved::Event(ReceivePackEvent::Request(asked)) = moved else {
            return self.ask(PushClient::finish);
        };
        let (brings_pack, request) = (asked.needs_pack(), PushRequest::from(*asked));
        let mut verdict = gate.request(&request);
        if verdict.is_err() {
            self.ask(PushClient::finish)?;
        } else {
            self.ask(|machine, output| machine.push(&request, output))?;
            if brings_pack {
                verdict = self.pack(gate)?;
            }
        }
        match verdict {
            Err(why) => self.refuse(&request, &why.to_string()),
            Ok(()) => self.settle()?,
        }
        let Self { near, report, .. } = self;
        near.with(|machine, output| machine.report(report, output).and_then(|()| machine.finish(output)))
            .map_err(RelayError::client)?;
        self.drain()
    }

    fn refs(&mut self) -> Result<(), RelayError> {
        let mut boundary = Vec::new();
        loop {
            self.drain()?;
            match self.far.next().map_err(RelayError::upstream)? {
                Moved::Event(PushEvent::Refs(block)) => {
                    for (name, id) in block.iter().filter_map(|shown| Some((shown.name, shown.id?))) {
                        self.tell(|machine, output| machine.send_ref(name, id, output))?;
                    }
                }
                Moved::Event(PushEvent::ServerShallow(id)) => boundary.push(id),
                Moved::Event(_) => return self.tell(|machine, output| machine.end_refs(&boundary, output)),
                Moved::Answer | Moved::Done => return Err(RelayError::Ended("its refs")),
            }
        }
    }

    fn pack(&mut self, gate: &mut dyn PushGate) -> Result<Verdict, RelayError> {
        let mut whole = false;
        while !whole {
            let moved = self.near.next().map_err(RelayError::client)?;
            let Moved::Event(ReceivePackEvent::Pack(piece)) = moved else {
                return Ok(Err("the pack is cut short".into()));
            };
            whole = match gate.pack(&piece) {
                Ok(whole) => whole,
                Err(why) => return Ok(Err(why)),
            };
            self.held.extend_from_slice(&piece);
            self.forward(self.held.len().saturating_sub(HELD))?;
        }
        self.tell(|machine, _| machine.pack_taken())?;
        let verdict = gate.verdict();
        if verdict.is_ok() {
            self.forward(self.held.len())?;
            if self.far.machine().awaiting() == PushAwaiting::Pack {
                self.ask(|machine, _| machine.end_pack())?;
            }
        }
        Ok(verdict)
    }

    /// Sends what was held to upstream, unless it has said already what came of the push.
    fn forward(&mut self, len: usize) -> Result<(), RelayError> {
        let mut piece: Bytes = self.held.split_to(len).freeze();
        while !piece.is_empty() && self.far.machine().awaiting() == PushAwaiting::Pack {
            match self.far.next().map_err(RelayError::upstream)? {
                Moved::Event(event) => self.hear(event)?,
                _ => self.ask(|machine, output| {
                    machine.pack_frame(output, |room| fill(room, &mut piece)).map(drop)
                })?,
            }
        }
        Ok(())
    }

    /// Upstream's own words, to the end.
    fn settle(&mut self) -> Result<(), RelayError> {
        while let Moved::Event(event) = self.far.next().map_err(RelayError::upstream)? {
            self.hear(event)?;
        }
        Ok(())
    }

    fn hear(&mut self, event: PushEvent) -> Result<(), RelayError> {
        match event {
            PushEvent::Progress(text) => {
                self.tell(|machine, output| machine.progress(&text, output))?;
                self.near.tick().map_err(|error| RelayError::Client(error.into()))?;
            }
            PushEvent::Unpacked(error) => self.report.unpack_error = error,
            PushEvent::Status(status) => self.report.commands.push(status),
            _ => {}
        }
        Ok(())
    }

    fn refuse(&mut self, request: &PushRequest, why: &str) {
        let line = why.lines().next().filter(|line| !line.is_empty()).unwrap_or("refused");
        let why = Bytes::copy_from_slice(line.as_bytes());
        let commands = request.commands.iter();
        self.report = PushReport::new(
            commands.map(|asked| CommandReport::rejected(asked.name.clone(), why.clone())).collect(),
        );
    }

    /// Waits until little is on its way to the client.
    fn drain(&mut self) -> Result<(), RelayError> {
        self.near.next().map(drop).map_err(RelayError::client)
    }

    fn ask(
        &mut self,
        command: impl FnOnce(&mut PushClient, &mut BytesMut) -> Result<(), ProtocolError>,
    ) -> Result<(), RelayError> {
        self.far.with(command).map_err(RelayError::upstream)
    }

    fn tell(
        &mut self,
        answer: impl FnOnce(&mut ReceivePack, &mut BytesMut) -> Result<(), ProtocolError>,
    ) -> Result<(), RelayError> {
        self.near.with(answer).map_err(RelayError::client)
    }
}

/// A pack that lacks its last byte is none; the checksum, of at most this many bytes, may wait as a whole.
const HELD: usize = 32;
