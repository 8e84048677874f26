//! A fetch from a seed: two repositories, what is asked for, how it travels, and what must have come of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::BytesMut;
use gitwire_client::{ClientError, Conversation, Fetch, Fetched, Prune, Remote, TagFollowing, UpdateKind};
use gitwire_protocol::message::DepthRequest;
use gitwire_protocol::{
    FetchClient, FetchClientOptions, Machine as _, Mode, Next, ProtocolError, Serving, Version,
};
use gitwire_server::{Policy, ServeError, Session};
use gitwire_storage::Repository;
use gitwire_testkit::{Dice, History, Manner};
use gitwire_types::{FetchRefspec, FilterSpec, Never, ObjectFormat};
use gitwire_walk::NegotiationAlgorithm;

use super::Scenario;
use super::join::{End, Ends, Request, Rest, duplex, stateless};
use super::server::Server;
use super::store::{State, Store};
use super::wire::{Fault, Wire};

/// Everything that a seed decides, but what happens on the way.
#[derive(Debug)]
pub(super) struct FetchOnce {
    seed: u64,
    server: History,
    client: History,
    /// Where the client keeps what it has; in memory if not.
    on_disk: bool,
    version: Version,
    mode: Mode,
    policy: Policy,
    fetch: Fetch,
}

impl Scenario for FetchOnce {
    const NAME: &str = "fetch";

    fn roll(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let (client, server) = histories(&mut dice);
        let version = *dice.pick(&[Version::V0, Version::V1, Version::V2]);
        let mode = *dice.pick(&[Mode::Duplex, Mode::Stateless]);
        let mut policy = Policy::default();
        policy.ref_in_want = dice.one_in(2);
        let fetch = fetch(&mut dice, &server);
        let on_disk = dice.one_in(3);
        Self { seed, server, client, on_disk, version, mode, policy, fetch }
    }

    fn summary(&self) -> String {
        let Self { version, mode, fetch, on_disk, .. } = self;
        let refspecs = fetch.refspecs.iter().map(|refspec| format!("{refspec:?}")).collect::<Vec<_>>();
        format!(
            "version {version}, {mode:?}, on disk {on_disk}, {:?}, {} commits here, {} there, {refspecs:?}, tags {:?}, {:?}, filter {:?}, {:?}",
            self.server.format(),
            self.client.commits().len(),
            self.server.commits().len(),
            fetch.tags,
            fetch.depth,
            fetch.filter,
            fetch.negotiation,
        )
    }

    fn run(&self, fault: Fault) -> (usize, usize) {
        let server: Arc<dyn Repository> = Arc::new(self.server.memory());
        let client = if self.on_disk { Store::on_disk(&self.client) } else { Store::in_memory(&self.client) };
        let before = client.state();
        let mut wire = Wire::new(self.seed, fault);
        let mut served = Ok(());
        let fetched = self.fetch.run_over(
            Arc::clone(&client.repository),
            &mut |conversation, _| {
                let ends = self.carry(&mut wire, conversation, &server);
                served = ends.server;
                ends.client
            },
            &mut |_| (),
            &Never,
        );
        self.judge(fault, &before, &client, &fetched);
        check_blame(fault, fetched.err().as_ref(), served.err().as_ref());
        wire.moved()
    }
}

impl FetchOnce {
    fn carry(
        &self,
        wire: &mut Wire,
        conversation: &mut dyn Conversation<Machine = FetchClient>,
        server: &Arc<dyn Repository>,
    ) -> Ends<ClientError, ServeError> {
        let mut options = FetchClientOptions::default();
        options.mode = self.mode;
        let mut client = Client { machine: FetchClient::new(options), conversation };
        let policy = Arc::new(self.policy.clone());
        let serve = |serving| {
            Server::new(Session::new(Arc::clone(server), Arc::clone(&policy), self.version, serving))
        };
        if self.mode == Mode::Duplex {
            return duplex(wire, &mut client, serve(Serving::Duplex));
        }
        let preface: &[u8] = match self.version {
            Version::V2 => b"",
            _ => b"001e# service=git-upload-pack\n0000",
        };
        stateless(wire, &mut client, preface, &mut |request| match request {
            Request::Refs => serve(Serving::Advertisement),
            Request::Command => serve(Serving::Stateless),
        })
    }

    fn judge(&self, fault: Fault, before: &State, client: &Store, fetched: &Result<Fetched, ClientError>) {
        let after = client.state();
        let fetched = match fetched {
            Err(error) => {
                assert!(!fault.is_harmless(), "nothing is wrong with the wire: {error:?}");
                assert_eq!(&after, before, "something stayed behind");
                return;
            }
            Ok(fetched) => fetched,
        };
        if self.fetch.filter.is_none() {
            client.check_whole();
        }
        if fault.is_lie() {
            return;
        }
        assert_eq!(fetched.refs.version(), self.version);
        for update in &fetched.updates {
            assert!(!matches!(update.kind, UpdateKind::Rejected(_)), "{update:?}");
        }
        for refspec in &self.fetch.refspecs {
            for (name, id) in self.server.refs() {
                let Ok(Some(mapped)) = refspec.map(name) else { continue };
                let here = mapped.destination.as_ref().and_then(|here| after.refs.get(here.as_bytes()));
                assert_eq!(here, Some(id), "{name}");
            }
        }
        if self.fetch.tags == TagFollowing::All {
            for (name, id) in self.server.refs().iter().filter(|(name, _)| name.is_tag()) {
                assert_eq!(after.refs.get(name.as_bytes()), Some(id), "{name}");
            }
        }
        if self.fetch.prune == Prune::Yes {
            let theirs: BTreeMap<_, _> =
                self.server.refs().iter().map(|(name, id)| (name.as_bytes().to_vec(), *id)).collect();
            assert_eq!(after.refs, theirs);
        }
    }
}

/// What the client has, and what the server has: nothing and something, an earlier state, two that have parted.
fn histories(dice: &mut Dice) -> (History, History) {
    let format = if dice.one_in(4) { ObjectFormat::Sha256 } else { ObjectFormat::Sha1 };
    let manner = if dice.one_in(2) { Manner::Odd } else { Manner::Plain };
    let mut server = History::new(format, manner);
    let grow = |history: &mut History, dice: &mut Dice, most: usize| {
        let commits = 1 + dice.below(most);
        history.grow(dice, commits);
        let tags = dice.below(4);
        history.tag(dice, tags);
    };
    let parted = dice.below(4);
    if parted == 0 {
        grow(&mut server, dice, 40);
        return (History::new(format, manner), server);
    }
    grow(&mut server, dice, 30);
    let mut client = server.clone();
    if parted > 1 {
        // Its own tags would stand in the way of the other's.
        let most = if dice.one_in(5) { 300 } else { 30 };
        let commits = dice.below(most);
        client.grow(dice, commits);
    }
    grow(&mut server, dice, 30);
    server.rewrite(dice);
    if dice.one_in(3) {
        server.scatter(dice, 400);
    }
    (client, server)
}

fn fetch(dice: &mut Dice, server: &History) -> Fetch {
    let mut fetch = Fetch::new(Remote::parse(b"/nowhere").unwrap());
    let specs: &[&str] = match dice.below(4) {
        0 => {
            fetch.prune = Prune::Yes;
            &["+refs/*:refs/*"]
        }
        1 if server.refs().keys().any(|name| name.as_bytes() == b"refs/heads/main") => {
            &["+refs/heads/main:refs/remotes/o/main"]
        }
        2 => &["+refs/heads/*:refs/remotes/o/*", "+refs/many/*:refs/copies/*"],
        _ => &["+refs/heads/*:refs/remotes/o/*"],
    };
    fetch.refspecs = specs.iter().map(|spec| FetchRefspec::parse(*spec).unwrap()).collect();
    fetch.tags = *dice.pick(&[TagFollowing::Auto, TagFollowing::All, TagFollowing::None]);
    if dice.one_in(4) {
        fetch.depth = DepthRequest::commits(1 + dice.below(5) as u32);
    }
    if dice.one_in(6) {
        let spec = *dice.pick(&["blob:none", "tree:2", "blob:limit=100", "combine:tree:4+blob:limit=1k"]);
        fetch.filter = Some(FilterSpec::parse(spec.as_bytes(), &gitwire_types::Limits::default()).unwrap());
    }
    fetch.negotiation = *dice.pick(&[NegotiationAlgorithm::Consecutive, NegotiationAlgorithm::Skipping]);
    fetch.atomic = dice.one_in(2);
    fetch.threads = 1;
    fetch
}

/// Nobody blames itself.
fn check_blame(fault: Fault, client: Option<&ClientError>, server: Option<&ServeError>) {
    let is_fair = |error: &ProtocolError| match error {
        ProtocolError::Internal(_) => false,
        // A server that seems to offer less makes a request impossible that was right before.
        ProtocolError::Misuse(_) => fault.is_lie(),
        _ => true,
    };
    match client {
        Some(ClientError::Internal(what)) => panic!("the client blames itself: {what}"),
        Some(ClientError::Protocol(error)) => assert!(is_fair(error), "the client: {error:?}"),
        _ => {}
    }
    match server {
        Some(ServeError::Internal(what)) => panic!("the server blames itself: {what}"),
        Some(ServeError::Protocol(error)) => assert!(is_fair(error), "the server: {error:?}"),
        Some(error) if fault.is_harmless() => panic!("nothing is wrong with the wire: {error:?}"),
        _ => {}
    }
}

struct Client<'a> {
    machine: FetchClient,
    conversation: &'a mut dyn Conversation<Machine = FetchClient>,
}

impl End for Client<'_> {
    type Error = ClientError;

    fn step(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
        room: usize,
    ) -> Result<Rest, ClientError> {
        loop {
            match self.machine.step(input, output)? {
                Next::Event(event) => {
                    self.conversation.event(event, &mut |_| ())?;
                    self.conversation.heard(&mut self.machine);
                }
                Next::Answer if output.len() > room => return Ok(Rest::Full),
                Next::Answer => self.conversation.answer(&mut self.machine, output, &mut |_| ())?,
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
