//! A push from a seed: two repositories, what is to change, how it travels, and what must have come of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use gitwire_capability::PushFeature;
use gitwire_protocol::{
    CommandResult, Machine as _, Mode, Next, ProtocolError, PushAwaiting, PushClient, PushClientOptions,
    PushCommand, PushEvent, PushRequest, Serving, Version,
};
use gitwire_server::{Pusher, ReceivePolicy, Receiving, ServeError};
use gitwire_testkit::pack::pack;
use gitwire_testkit::{Dice, History, Manner};
use gitwire_types::{ObjectFormat, ObjectId};

use super::Scenario;
use super::join::{End, Request, Rest, duplex, stateless};
use super::server::Server;
use super::store::{State, Store};
use super::wire::{Fault, Wire};

/// Everything that a seed decides, but what happens on the way.
#[derive(Debug)]
pub(super) struct Push {
    seed: u64,
    server: History,
    client: History,
    commands: Vec<PushCommand>,
    /// Names of refs that the client is wrong about.
    stale: BTreeSet<Bytes>,
    is_atomic: bool,
    on_disk: bool,
    version: Version,
    mode: Mode,
    policy: ReceivePolicy,
}

impl Scenario for Push {
    const NAME: &str = "push";

    fn roll(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let format = if dice.one_in(4) { ObjectFormat::Sha256 } else { ObjectFormat::Sha1 };
        let manner = if dice.one_in(2) { Manner::Odd } else { Manner::Plain };
        let mut server = History::new(format, manner);
        let before = dice.below(25);
        server.grow(&mut dice, before);
        let mut client = server.clone();
        let more = 1 + dice.below(25);
        client.grow(&mut dice, more);
        let tags = dice.below(4);
        client.tag(&mut dice, tags);
        client.rewrite(&mut dice);
        let (commands, stale) = commands(&mut dice, &server, &client);
        let mut policy = ReceivePolicy::default();
        policy.stage.fsck = policy.stage.fsck.filter(|_| manner == Manner::Plain);
        let is_atomic = dice.one_in(2);
        let version = *dice.pick(&[Version::V0, Version::V1, Version::V2]);
        let mode = *dice.pick(&[Mode::Duplex, Mode::Stateless]);
        let on_disk = dice.one_in(3);
        Self { seed, server, client, commands, stale, is_atomic, on_disk, version, mode, policy }
    }

    fn summary(&self) -> String {
        let Self { version, mode, on_disk, is_atomic, commands, stale, .. } = self;
        let (format, new) = (self.server.format(), self.new_objects().len());
        format!(
            "version {version}, {mode:?}, {format:?}, on disk {on_disk}, atomic {is_atomic}, {new} new objects, {commands:?}, stale {stale:?}"
        )
    }

    fn run(&self, fault: Fault) -> (usize, usize) {
        let server = if self.on_disk { Store::on_disk(&self.server) } else { Store::in_memory(&self.server) };
        let before = server.state();
        let mut wire = Wire::new(self.seed, fault);
        let mut client = self.client();
        let policy = Arc::new(self.policy.clone());
        let serve = |serving| {
            let pusher = Pusher::new("A U Thor <author@example.com> 1700000000 +0000");
            let receiving = Receiving::new(Arc::clone(&server.repository), Arc::clone(&policy));
            Server::new(receiving.session(pusher, self.version, serving))
        };
        let ends = match self.mode {
            Mode::Duplex => duplex(&mut wire, &mut client, serve(Serving::Duplex)),
            Mode::Stateless => {
                let preface = b"001f# service=git-receive-pack\n0000";
                stateless(&mut wire, &mut client, preface, &mut |request| match request {
                    Request::Refs => serve(Serving::Advertisement),
                    Request::Command => serve(Serving::Stateless),
                })
            }
        };
        check_blame(fault, ends.client.as_ref().err(), ends.server.as_ref().err());
        server.check_whole();
        let after = server.state();
        // Objects are there before refs change, and stay where a ref has changed meanwhile: the server came to its end then.
        if ends.server.is_err() && after.refs == before.refs {
            assert_eq!(after, before, "nothing has changed, and something stayed behind");
        }
        self.judge(fault, &before, &after, &client.heard);
        wire.moved()
    }
}

impl Push {
    fn client(&self) -> Client {
        let mut options = PushClientOptions::default();
        options.mode = self.mode;
        let objects = self.new_objects();
        let pack = pack(self.client.format(), objects.into_iter());
        Client {
            machine: PushClient::new(options),
            format: self.client.format(),
            commands: self.commands.clone(),
            is_atomic: self.is_atomic,
            pack,
            sent: 0,
            heard: Heard::default(),
        }
    }

    fn new_objects(&self) -> Vec<(gitwire_types::ObjectKind, &[u8])> {
        let there: BTreeSet<ObjectId> = self.server.objects().iter().map(|object| object.id).collect();
        let new = self.client.objects().iter().filter(|object| !there.contains(&object.id));
        new.map(|object| (object.kind, &object.content[..])).collect()
    }

    fn judge(&self, fault: Fault, before: &State, after: &State, heard: &Heard) {
        if fault.is_lie() {
            return;
        }
        let mut changed = 0;
        for command in &self.commands {
            let value = |id: ObjectId| (!id.is_zero()).then_some(id);
            let is = after.refs.get(&command.name[..]).copied();
            let was = before.refs.get(&command.name[..]).copied();
            assert!(is == was || is == value(command.new), "{command:?}: {is:?}");
            changed += usize::from(is != was);
            match heard.statuses.get(&command.name) {
                Some(true) => assert_eq!(is, value(command.new), "{command:?} was said to be done"),
                Some(false) => assert_eq!(is, was, "{command:?} was said to be refused"),
                None => assert!(!fault.is_harmless(), "nothing was said of {command:?}: {heard:?}"),
            }
            if fault.is_harmless() {
                let is_done =
                    !self.stale.contains(&command.name) && (!self.is_atomic || self.stale.is_empty());
                assert_eq!(heard.statuses.get(&command.name), Some(&is_done), "{command:?}: {heard:?}");
            }
        }
        let names: BTreeSet<&[u8]> = self.commands.iter().map(|command| &command.name[..]).collect();
        let others = |state: &State| {
            let refs = state.refs.iter().filter(|(name, _)| !names.contains(&name[..]));
            refs.map(|(name, id)| (name.clone(), *id)).collect::<BTreeMap<_, _>>()
        };
        assert_eq!(others(after), others(before), "a ref changed that nobody spoke of");
        assert!(
            !self.is_atomic || changed == 0 || changed == self.commands.len(),
            "{changed} of all have changed"
        );
    }
}

/// What makes the server's refs those of the client, and sometimes what rests on a mistake.
fn commands(dice: &mut Dice, server: &History, client: &History) -> (Vec<PushCommand>, BTreeSet<Bytes>) {
    let zero = ObjectId::zero(server.format());
    let mut commands = Vec::new();
    let mut stale = BTreeSet::new();
    for (name, new) in client.refs() {
        let old = server.refs().get(name).copied().unwrap_or(zero);
        if old != *new {
            commands.push(PushCommand { old, new: *new, name: name.as_shared().clone() });
        }
    }
    for (name, old) in server.refs() {
        // The branch that HEAD names is not given up.
        if !client.refs().contains_key(name) && name.as_bytes() != b"refs/heads/main" {
            commands.push(PushCommand { old: *old, new: zero, name: name.as_shared().clone() });
        }
    }
    if commands.is_empty() {
        let new = client.commits().next().unwrap_or(zero);
        commands.push(PushCommand { old: zero, new, name: Bytes::from_static(b"refs/heads/one-more") });
    }
    if dice.one_in(4) {
        let at = dice.below(commands.len());
        let command = &mut commands[at];
        if !command.new.is_zero() {
            command.old = client.commits().last().filter(|id| *id != command.old).unwrap_or(command.new);
            if server.refs().values().all(|id| *id != command.old) {
                stale.insert(command.name.clone());
            } else {
                command.old = server
                    .refs()
                    .iter()
                    .find(|(name, _)| name.as_bytes() == &command.name[..])
                    .map_or(zero, |(_, id)| *id);
            }
        }
    }
    (commands, stale)
}

/// What a client was told, at last.
#[derive(Debug, Default)]
struct Heard {
    /// Whether each command was carried out.
    statuses: BTreeMap<Bytes, bool>,
    lines: Vec<String>,
}

struct Client {
    machine: PushClient,
    format: ObjectFormat,
    commands: Vec<PushCommand>,
    is_atomic: bool,
    pack: Vec<u8>,
    sent: usize,
    heard: Heard,
}

impl Client {
    fn answer(&mut self, output: &mut BytesMut) -> Result<(), ProtocolError> {
        if self.machine.awaiting() == PushAwaiting::Pack {
            let rest = &self.pack[self.sent..];
            self.sent += self.machine.pack_frame(output, |room| {
                let len = room.len().min(rest.len());
                room[..len].copy_from_slice(&rest[..len]);
                len
            })?;
            return if self.sent == self.pack.len() { self.machine.end_pack() } else { Ok(()) };
        }
        let mut wish = PushClient::wish(self.format);
        if self.is_atomic {
            wish.features.insert(PushFeature::Atomic);
            wish.required.insert(PushFeature::Atomic);
        }
        let agreement = self.machine.offer().and_then(|offer| offer.agree(&wish).ok());
        let Some(agreement) = agreement else { return self.machine.finish(output) };
        self.machine.push(&PushRequest::new(agreement, self.commands.clone()), output)
    }

    fn hear(&mut self, event: PushEvent) {
        match event {
            PushEvent::Status(status) => {
                self.heard.lines.push(format!("{status:?}"));
                let is_done = matches!(status.result, CommandResult::Done(_));
                self.heard.statuses.insert(status.name, is_done);
            }
            PushEvent::Unpacked(Some(error)) => self.heard.lines.push(format!("unpack: {error:?}")),
            _ => {}
        }
    }
}

impl End for Client {
    type Error = ProtocolError;

    fn step(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
        room: usize,
    ) -> Result<Rest, ProtocolError> {
        loop {
            match self.machine.step(input, output)? {
                Next::Event(event) => self.hear(event),
                Next::Answer if output.len() > room => return Ok(Rest::Full),
                Next::Answer => self.answer(output)?,
                Next::Turn => return Ok(Rest::Turn),
                Next::Read => return Ok(Rest::Read),
                Next::Done => return Ok(Rest::Done),
            }
        }
    }

    fn end_of_input(&mut self) {
        self.machine.end_of_input();
    }
}

/// Nobody blames itself.
fn check_blame(fault: Fault, client: Option<&ProtocolError>, server: Option<&ServeError>) {
    let check = |error: &ProtocolError| match error {
        ProtocolError::Internal(_) => panic!("{error:?}"),
        // A server that seems to offer less makes a request impossible that was right before.
        ProtocolError::Misuse(_) => assert!(fault.is_lie(), "{error:?}"),
        _ => assert!(!fault.is_harmless(), "nothing is wrong with the wire: {error:?}"),
    };
    client.inspect(|error| check(error));
    match server {
        Some(ServeError::Protocol(error)) => check(error),
        Some(ServeError::Internal(what)) => panic!("the server blames itself: {what}"),
        Some(error) => assert!(!fault.is_harmless(), "nothing is wrong with the wire: {error:?}"),
        None => {}
    }
}
