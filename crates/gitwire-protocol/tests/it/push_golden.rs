//! Recorded pushes: what git's receive-pack says to our client, and what our server says to the same requests, byte for byte; read
//! the same however they are cut.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use bytes::{Bytes, BytesMut};
use gitwire_capability::{PushFeature, Value};
use gitwire_pktline::{Decoded, Packet, decode};
use gitwire_protocol::{
    CommandReport, Machine, Mode, Next, ProtocolError, PushAwaiting, PushClient, PushClientOptions,
    PushCommand, PushEvent, PushReport, PushRequest, ReceivePack, ReceivePackAwaiting, ReceivePackEvent,
    ReceivePackOptions, Serving, Version,
};
use gitwire_types::{ObjectFormat, ObjectId};
use proptest::prelude::*;

use crate::drive::{Rest, Seeded};
use crate::git::{AGENT, Fixture, settle};
use crate::repo::{Repo, golden};

/// A push, and what a server with `receive.denyNonFastForwards` makes of it.
#[derive(Clone, Copy)]
struct Push {
    name: &'static str,
    /// Name, and what it is to hold: a number of `main`'s commits from the tip, or nothing.
    commands: &'static [(&'static str, Option<usize>)],
    options: &'static [&'static str],
    /// What the client leaves out.
    without: &'static [PushFeature],
    atomic: bool,
    refused: &'static [(&'static str, &'static str)],
    /// What the server says in the other band.
    says: &'static str,
}

const PLAIN: Push =
    Push { name: "", commands: &[], options: &[], without: &[], atomic: false, refused: &[], says: "" };

const MIXED: &[(&str, Option<usize>)] =
    &[("refs/heads/new", Some(3)), ("refs/heads/side", Some(0)), ("refs/tags/v1", None)];

const PUSHES: &[Push] = &[
    Push { name: "look", ..PLAIN },
    Push { name: "create", commands: &[("refs/heads/new", Some(3))], ..PLAIN },
    Push {
        name: "mixed",
        commands: MIXED,
        refused: &[("refs/heads/side", "non-fast-forward")],
        says: "error: denying non-fast-forward refs/heads/side (you should pull first)\n",
        ..PLAIN
    },
    Push {
        name: "delete",
        commands: &[("refs/heads/side", None), ("refs/heads/main", None)],
        refused: &[("refs/heads/main", "deletion of the current branch prohibited")],
        says: "error: refusing to delete the current branch: refs/heads/main\n",
        ..PLAIN
    },
    Push {
        name: "atomic",
        commands: MIXED,
        atomic: true,
        refused: &[
            ("refs/heads/new", "atomic push failure"),
            ("refs/heads/side", "non-fast-forward"),
            ("refs/tags/v1", "atomic push failure"),
        ],
        says: "error: denying non-fast-forward refs/heads/side (you should pull first)\n",
        ..PLAIN
    },
    Push {
        name: "options",
        commands: &[("refs/heads/new", Some(3))],
        options: &["one", "two words"],
        ..PLAIN
    },
    Push {
        name: "bare",
        commands: &[("refs/heads/new", Some(3))],
        without: &[PushFeature::SideBand64k],
        ..PLAIN
    },
    Push {
        name: "silent",
        commands: &[("refs/heads/new", Some(3))],
        without: &[PushFeature::ReportStatus, PushFeature::ReportStatusV2],
        ..PLAIN
    },
    Push {
        name: "old-report",
        commands: &[("refs/heads/new", Some(3))],
        without: &[PushFeature::ReportStatusV2],
        ..PLAIN
    },
];

#[derive(Clone, Copy)]
struct Case {
    push: Push,
    version: Version,
    mode: Mode,
}

impl Case {
    fn all() -> impl Iterator<Item = Self> {
        let ways = [(Version::V0, Mode::Duplex), (Version::V1, Mode::Duplex), (Version::V0, Mode::Stateless)];
        ways.into_iter()
            .flat_map(|(version, mode)| PUSHES.iter().map(move |push| Self { push: *push, version, mode }))
    }

    fn name(&self, side: &str) -> String {
        let front = if self.mode == Mode::Stateless { "http-" } else { "" };
        format!("push-{front}v{}-{}.{side}", u8::from(self.version == Version::V1), self.push.name)
    }

    fn recorded(&self, side: &str) -> Vec<u8> {
        std::fs::read(golden(&self.name(side))).unwrap()
    }

    fn commands(&self, repo: &Repo) -> Vec<PushCommand> {
        let zero = ObjectId::zero(ObjectFormat::Sha1);
        let command = |(name, new): &(&'static str, Option<usize>)| PushCommand {
            old: repo.refs.iter().find(|shown| shown.name == name.as_bytes()).map_or(zero, |shown| shown.id),
            new: new.map_or(zero, |at| repo.main[at]),
            name: Bytes::from_static(name.as_bytes()),
        };
        self.push.commands.iter().map(command).collect()
    }
}

/// A pack without objects: the server has them all.
fn empty_pack() -> Vec<u8> {
    let checksum = b"\x02\x9d\x08\x82\x3b\xd8\xa8\xea\xb5\x10\xad\x6a\xc7\x5c\x82\x3c\xfd\x3e\xd3\x1e";
    [&b"PACK\0\0\0\x02\0\0\0\0"[..], checksum].concat()
}

struct Client {
    machine: PushClient,
    push: Push,
    commands: Vec<PushCommand>,
    heard: Vec<String>,
}

impl Client {
    fn new(case: &Case, repo: &Repo) -> Self {
        let mut options = PushClientOptions::default();
        options.mode = case.mode;
        let (machine, commands) = (PushClient::new(options), case.commands(repo));
        Self { machine, push: case.push, commands, heard: Vec::new() }
    }

    fn run(&mut self, input: &mut BytesMut, output: &mut BytesMut) -> Result<Rest, ProtocolError> {
        loop {
            match self.machine.step(input, output)? {
                Next::Event(PushEvent::Refs(block)) => {
                    self.heard.extend(block.iter().map(|shown| format!("{shown:?}")));
                }
                Next::Event(PushEvent::Progress(text)) => match self.heard.last_mut() {
                    // How it was cut is no matter.
                    Some(last) if last.starts_with("said ") => *last += &text.escape_ascii().to_string(),
                    _ => self.heard.push(format!("said {}", text.escape_ascii())),
                },
                Next::Event(event) => self.heard.push(format!("{event:?}")),
                Next::Answer => self.answer(output)?,
                Next::Turn => return Ok(Rest::Turn),
                Next::Read => return Ok(Rest::Read),
                Next::Done => return Ok(Rest::Done),
            }
        }
    }

    fn answer(&mut self, output: &mut BytesMut) -> Result<(), ProtocolError> {
        if self.machine.awaiting() == PushAwaiting::Pack {
            let pack = empty_pack();
            self.machine.pack_frame(output, |room| {
                room[..pack.len()].copy_from_slice(&pack);
                pack.len()
            })?;
            return self.machine.end_pack();
        }
        if self.commands.is_empty() {
            return self.machine.finish(output);
        }
        let mut wish = PushClient::wish(ObjectFormat::Sha1);
        // The version of this library is no part of a recording.
        wish.agent = None;
        self.push.without.iter().for_each(|feature| wish.features.remove(*feature));
        if self.push.atomic {
            wish.features.insert(PushFeature::Atomic);
        }
        if !self.push.options.is_empty() {
            wish.features.insert(PushFeature::PushOptions);
        }
        let agreement = self.machine.offer().unwrap().agree(&wish).unwrap();
        let mut request = PushRequest::new(agreement, self.commands.clone());
        request.push_options =
            self.push.options.iter().map(|option| Bytes::from_static(option.as_bytes())).collect();
        self.machine.push(&request, output)
    }
}

/// Our server with git's refs and git's verdicts.
struct Server<'a> {
    machine: ReceivePack,
    case: Case,
    repo: &'a Repo,
    pack: Vec<u8>,
    options: Vec<Bytes>,
}

impl<'a> Server<'a> {
    fn new(case: Case, repo: &'a Repo, serving: Serving) -> Self {
        let mut options = ReceivePackOptions::new(case.version, serving, ObjectFormat::Sha1);
        options.offer.agent = Some(Value::sanitized(AGENT.as_bytes()));
        if case.push.options.is_empty() {
            options.offer.features.remove(PushFeature::PushOptions);
        } else {
            options.offer.features.insert(PushFeature::PushOptions);
        }
        Self { machine: ReceivePack::new(options), case, repo, pack: Vec::new(), options: Vec::new() }
    }

    /// Steps until the machine reads (`false`) or is done.
    fn run(&mut self, input: &mut BytesMut, output: &mut BytesMut) -> Result<bool, ProtocolError> {
        loop {
            match self.machine.step(input, output)? {
                Next::Event(ReceivePackEvent::Request(request)) => self.options = request.push_options,
                Next::Event(ReceivePackEvent::Pack(bytes)) => {
                    self.pack.extend_from_slice(&bytes);
                    if self.pack.len() == empty_pack().len() {
                        self.machine.pack_taken()?;
                    }
                }
                Next::Event(_) | Next::Turn => {}
                Next::Answer => self.answer(output)?,
                Next::Read => return Ok(false),
                Next::Done => return Ok(true),
            }
        }
    }

    fn answer(&mut self, output: &mut BytesMut) -> Result<(), ProtocolError> {
        match self.machine.awaiting() {
            ReceivePackAwaiting::Refs => {
                for shown in self.repo.refs.iter().filter(|shown| shown.name != b"HEAD") {
                    self.machine.send_ref(&shown.name, shown.id, output)?;
                }
                self.machine.end_refs(&[], output)
            }
            ReceivePackAwaiting::Report => {
                let Push { commands, refused, says, .. } = self.case.push;
                self.machine.progress(says.as_bytes(), output)?;
                let said = |(name, _): &(&'static str, Option<usize>)| {
                    let why = refused.iter().find(|(refused, _)| refused == name);
                    let name = Bytes::from_static(name.as_bytes());
                    match why {
                        Some((_, why)) => CommandReport::rejected(name, Bytes::from_static(why.as_bytes())),
                        None => CommandReport::ok(name),
                    }
                };
                self.machine.report(&PushReport::new(commands.iter().map(said).collect()), output)
            }
            _ => self.machine.finish(output),
        }
    }
}

/// How bytes are cut: into pieces of these lengths, the last one again and again.
type Cuts<'a> = &'a mut dyn FnMut(usize) -> usize;

/// Our client with recorded answers: what it heard, and what it said.
fn replay_client(
    case: &Case,
    repo: &Repo,
    to_client: &[u8],
    cuts: Cuts<'_>,
) -> Result<(Vec<String>, Vec<u8>), ProtocolError> {
    let mut client = Client::new(case, repo);
    let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
    // What the server says of the push it does not say before.
    let (mut left, mut later) = to_client.split_at(advertisement(case, to_client));
    loop {
        match client.run(&mut input, &mut output)? {
            Rest::Done => return Ok((client.heard, output.to_vec())),
            Rest::Turn => left = std::mem::take(&mut later),
            Rest::Read if left.is_empty() => client.machine.end_of_input(),
            Rest::Read => {
                let (piece, rest) = left.split_at(cuts(left.len()));
                input.extend_from_slice(piece);
                left = rest;
            }
        }
    }
}

/// How long the refs are, with what ends them and, over HTTP, what stands before.
fn advertisement(case: &Case, to_client: &[u8]) -> usize {
    let mut flushes = if case.mode == Mode::Stateless { 2 } else { 1 };
    let mut len = 0;
    while flushes > 0 {
        let Decoded::Packet { packet, consumed } = decode(&to_client[len..]).unwrap() else {
            panic!("it is cut")
        };
        flushes -= usize::from(packet == Packet::Flush);
        len += consumed;
    }
    len
}

/// Our server with recorded requests: what it said.
fn replay_server(
    case: &Case,
    repo: &Repo,
    to_server: &[u8],
    cuts: Cuts<'_>,
) -> Result<Vec<u8>, ProtocolError> {
    let mut output = BytesMut::new();
    let mut serving = Serving::Duplex;
    if case.mode == Mode::Stateless {
        output.extend_from_slice(b"001f# service=git-receive-pack\n0000");
        assert!(Server::new(*case, repo, Serving::Advertisement).run(&mut BytesMut::new(), &mut output)?);
        serving = Serving::Stateless;
        if to_server.is_empty() {
            return Ok(output.to_vec());
        }
    }
    let mut server = Server::new(*case, repo, serving);
    let (mut input, mut left) = (BytesMut::new(), to_server);
    while !server.run(&mut input, &mut output)? {
        if left.is_empty() {
            server.machine.end_of_input();
            continue;
        }
        let (piece, rest) = left.split_at(cuts(left.len()));
        input.extend_from_slice(piece);
        left = rest;
    }
    assert_eq!(server.options, case.push.options);
    Ok(output.to_vec())
}

#[test]
fn recorded_pushes_are_read_the_same_however_they_are_cut() {
    let repo = Repo::load();
    for case in Case::all() {
        let (to_client, to_server) = (case.recorded("to-client"), case.recorded("to-server"));
        let whole = replay_client(&case, &repo, &to_client, &mut |left| left).unwrap();
        let name = case.name("");
        assert!(whole.1 == to_server, "{name}\n{}", whole.1.escape_ascii());
        let refused = whole.0.iter().filter(|line| line.contains("Rejected")).count();
        assert_eq!(refused, case.push.refused.len(), "{name} {:?}", whole.0);
        for seed in 1..6 {
            let mut seeded = Seeded::new(seed);
            let cut = replay_client(&case, &repo, &to_client, &mut |left| {
                if seed == 1 { 1 } else { 1 + seeded.below(left.min(4 << (seed * 2))) }
            });
            assert!(cut.unwrap() == whole, "{name} seed {seed}");
        }
    }
}

#[test]
fn our_server_answers_recorded_pushes_as_git_does() {
    let repo = Repo::load();
    for case in Case::all() {
        let (to_client, to_server) = (case.recorded("to-client"), case.recorded("to-server"));
        for seed in 0..4 {
            let mut seeded = Seeded::new(seed);
            let said = replay_server(&case, &repo, &to_server, &mut |left| match seed {
                0 => left,
                1 => 1,
                _ => 1 + seeded.below(left.min(50)),
            });
            let said = said.unwrap();
            assert!(
                said == to_client,
                "{} seed {seed}:\n{}\nrecorded:\n{}",
                case.name(""),
                said.escape_ascii(),
                to_client.escape_ascii()
            );
        }
    }
}

proptest! {
    #[test]
    fn cuts_change_nothing(nth in 0..27_usize, cuts in proptest::collection::vec(1..200_usize, 1..60)) {
        let repo = Repo::load();
        let case = Case::all().nth(nth).unwrap();
        let (to_client, to_server) = (case.recorded("to-client"), case.recorded("to-server"));
        let cutter = || {
            let mut cuts = cuts.clone().into_iter().cycle();
            move |left: usize| cuts.next().unwrap().min(left)
        };
        let whole = replay_client(&case, &repo, &to_client, &mut |left| left).unwrap();
        prop_assert_eq!(replay_client(&case, &repo, &to_client, &mut cutter()).unwrap(), whole);
        prop_assert_eq!(replay_server(&case, &repo, &to_server, &mut cutter()).unwrap(), to_client);
    }
}

/// A repository of its own for one push.
fn target(fixture: &Fixture, case: &Case) -> PathBuf {
    let path = fixture.path().with_file_name(case.name("git"));
    let (from, to) = (fixture.path(), path.to_str().unwrap().to_owned());
    fixture.git.ok(&from, ["clone", "-q", "--mirror", from.to_str().unwrap(), &to]);
    fixture.git.ok(&path, ["config", "receive.denyNonFastForwards", "true"]);
    // Set by name it is refused in fewer words.
    fixture.git.ok(&path, ["config", "receive.denyDeleteCurrent", "refuse"]);
    if !case.push.options.is_empty() {
        fixture.git.ok(&path, ["config", "receive.advertisePushOptions", "true"]);
    }
    path
}

/// Our client against `git receive-pack`: what each said.
fn live(fixture: &Fixture, case: &Case, repo: &Repo) -> [Vec<u8>; 2] {
    let path = target(fixture, case);
    let path = path.to_str().unwrap();
    let version = u8::from(case.version == Version::V1);
    let spawn = |words: &[&str]| fixture.command(version, words).spawn().unwrap();
    let mut client = Client::new(case, repo);
    let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
    let mut said = [Vec::new(), Vec::new()];
    let mut child = None;
    if case.mode == Mode::Duplex {
        child = Some(spawn(&["receive-pack", path]));
    } else {
        let shown =
            spawn(&["receive-pack", "--http-backend-info-refs", path]).wait_with_output().unwrap().stdout;
        input.extend_from_slice(b"001f# service=git-receive-pack\n0000");
        input.extend_from_slice(&shown);
        said[0].extend_from_slice(&input);
    }
    let mut buffer = [0; 4096];
    loop {
        match client.run(&mut input, &mut output).unwrap() {
            Rest::Done => break,
            Rest::Turn => {
                let child = child.get_or_insert_with(|| spawn(&["receive-pack", "--stateless-rpc", path]));
                said[1].extend_from_slice(&output);
                child.stdin.as_mut().unwrap().write_all(&output.split()).unwrap();
            }
            Rest::Read => {
                let len = child.as_mut().unwrap().stdout.as_mut().unwrap().read(&mut buffer).unwrap();
                said[0].extend_from_slice(&buffer[..len]);
                input.extend_from_slice(&buffer[..len]);
                if len == 0 {
                    client.machine.end_of_input();
                }
            }
        }
    }
    if let Some(mut child) = child {
        // What it says to the end; a client that is not told of more does not wait for it.
        drop(child.stdin.take());
        child.stdout.as_mut().unwrap().read_to_end(&mut said[0]).unwrap();
        assert!(child.wait().unwrap().success());
    }
    said
}

#[test]
fn git_still_receives_as_recorded() {
    let Some(fixture) = Fixture::new() else { return };
    let repo = Repo::parse(&fixture.table());
    for case in Case::all() {
        let [to_client, to_server] = live(&fixture, &case, &repo);
        settle(&case.name("to-client"), &to_client);
        settle(&case.name("to-server"), &to_server);
    }
}
