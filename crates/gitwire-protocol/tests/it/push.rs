//! Both machines of a push: against each other with cuts from a seed, cut short, damaged, at their limits, and against git.

use std::io::{Read as _, Write as _};
use std::process::Stdio;

use bytes::{Bytes, BytesMut};
use gitwire_capability::{PushFeature, Value};
use gitwire_protocol::{
    CommandReport, Limits, Machine, Mode, Next, ProtocolError, PushAwaiting, PushClient, PushClientOptions,
    PushCommand, PushEvent, PushReport, PushRequest, ReceivePack, ReceivePackAwaiting, ReceivePackEvent,
    ReceivePackOptions, Serving, Version,
};
use gitwire_types::{ObjectFormat, ObjectId};

use crate::damage::check_blame;
use crate::drive::{Seeded, fake_pack};
use crate::git::Fixture;

/// A server that refuses every ref with `no` in its name.
struct Server {
    machine: ReceivePack,
    commands: Vec<PushCommand>,
    pack: Vec<u8>,
}

impl Server {
    fn new(options: ReceivePackOptions) -> Self {
        Self { machine: ReceivePack::new(options), commands: Vec::new(), pack: Vec::new() }
    }

    /// Steps until the machine reads (`false`) or is done.
    fn run(&mut self, input: &mut BytesMut, output: &mut BytesMut) -> Result<bool, ProtocolError> {
        for _ in 0..100_000 {
            match self.machine.step(input, output)? {
                Next::Event(ReceivePackEvent::Request(request)) => self.commands = request.commands,
                Next::Event(ReceivePackEvent::Pack(bytes)) => {
                    self.pack.extend_from_slice(&bytes);
                    if self.pack.len() >= fake_pack().len() {
                        self.machine.pack_taken()?;
                    }
                }
                Next::Event(_) | Next::Turn => {}
                Next::Answer => self.answer(output)?,
                Next::Read => return Ok(false),
                Next::Done => return Ok(true),
            }
        }
        panic!("the server does not come to rest");
    }

    fn answer(&mut self, output: &mut BytesMut) -> Result<(), ProtocolError> {
        match self.machine.awaiting() {
            ReceivePackAwaiting::Refs => {
                self.machine.send_ref(b"refs/heads/main", id(1), output)?;
                self.machine.send_have(id(9), output)?;
                self.machine.end_refs(&[id(7)], output)
            }
            ReceivePackAwaiting::Report => {
                self.machine.progress(b"looking\n", output)?;
                let said = self.commands.iter().map(|command| {
                    let refused = command.name.ends_with(b"no");
                    let name = command.name.clone();
                    if refused {
                        CommandReport::rejected(name, "not here".into())
                    } else {
                        CommandReport::ok(name)
                    }
                });
                self.machine.report(&PushReport::new(said.collect()), output)?;
                self.machine.progress(b"and done\n", output)
            }
            _ => self.machine.finish(output),
        }
    }
}

/// A client that pushes once.
struct Client {
    machine: PushClient,
    commands: Vec<PushCommand>,
    sent: usize,
    heard: Heard,
}

/// What the client hears, joined.
#[derive(Debug, Default, PartialEq, Eq)]
struct Heard {
    refs: Vec<Vec<u8>>,
    lines: Vec<String>,
    progress: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
enum Rest {
    Turn,
    Read,
    Done,
}

impl Client {
    fn new(mode: Mode, limits: Limits, commands: Vec<PushCommand>) -> Self {
        let mut options = PushClientOptions::default();
        (options.mode, options.limits) = (mode, limits);
        Self { machine: PushClient::new(options), commands, sent: 0, heard: Heard::default() }
    }

    fn run(&mut self, input: &mut BytesMut, output: &mut BytesMut) -> Result<Rest, ProtocolError> {
        for _ in 0..100_000 {
            match self.machine.step(input, output)? {
                Next::Event(PushEvent::Refs(block)) => {
                    self.heard.refs.extend(block.iter().map(|shown| shown.name.to_vec()));
                }
                Next::Event(PushEvent::Progress(text)) => self.heard.progress.extend_from_slice(&text),
                Next::Event(PushEvent::Capabilities(_)) => {}
                Next::Event(event) => self.heard.lines.push(format!("{event:?}")),
                Next::Turn => return Ok(Rest::Turn),
                Next::Answer => self.answer(output)?,
                Next::Read => return Ok(Rest::Read),
                Next::Done => return Ok(Rest::Done),
            }
        }
        panic!("the client does not come to rest");
    }

    fn answer(&mut self, output: &mut BytesMut) -> Result<(), ProtocolError> {
        if self.machine.awaiting() == PushAwaiting::Command {
            let offer = self.machine.offer().unwrap();
            let Ok(agreement) = offer.agree(&PushClient::wish(ObjectFormat::Sha1)) else {
                return self.machine.finish(output);
            };
            let request = PushRequest::new(agreement, self.commands.clone());
            return self.machine.push(&request, output);
        }
        let pack = fake_pack();
        let rest = &pack[self.sent..];
        self.sent += self.machine.pack_frame(output, |room| {
            let len = room.len().min(rest.len()).min(5_000);
            room[..len].copy_from_slice(&rest[..len]);
            len
        })?;
        if self.sent == pack.len() { self.machine.end_pack() } else { Ok(()) }
    }
}

fn id(byte: u8) -> ObjectId {
    ObjectId::from_sha1([byte; 20])
}

fn command(old: u8, new: u8, name: &'static str) -> PushCommand {
    let id = |byte| if byte == 0 { ObjectId::zero(ObjectFormat::Sha1) } else { id(byte) };
    PushCommand { old: id(old), new: id(new), name: Bytes::from_static(name.as_bytes()) }
}

fn mixed() -> Vec<PushCommand> {
    vec![
        command(0, 2, "refs/heads/new"),
        command(1, 3, "refs/heads/main"),
        command(4, 5, "refs/heads/no"),
        command(6, 0, "refs/heads/old"),
    ]
}

fn options(version: Version, serving: Serving, without: &[PushFeature]) -> ReceivePackOptions {
    let mut options = ReceivePackOptions::new(version, serving, ObjectFormat::Sha1);
    without.iter().for_each(|feature| options.offer.features.remove(*feature));
    options
}

/// A conversation, and what each side said.
fn join(
    version: Version,
    mode: Mode,
    without: &[PushFeature],
    commands: &[PushCommand],
    seed: u64,
) -> (Heard, [Vec<u8>; 2]) {
    let serving = |first| match (mode, first) {
        (Mode::Duplex, _) => Serving::Duplex,
        (Mode::Stateless, true) => Serving::Advertisement,
        (Mode::Stateless, false) => Serving::Stateless,
    };
    let mut client = Client::new(mode, Limits::default(), commands.to_vec());
    let mut server = Server::new(options(version, serving(true), without));
    let mut seeded = Seeded::new(seed);
    let (mut to_client, mut to_server) = (BytesMut::new(), BytesMut::new());
    let (mut client_in, mut server_in) = (BytesMut::new(), BytesMut::new());
    let mut said = [Vec::new(), Vec::new()];
    if mode == Mode::Stateless && version != Version::V1 {
        to_client.extend_from_slice(b"001f# service=git-receive-pack\n0000");
        said[0].extend_from_slice(&to_client);
    }
    let mut over = false;
    for _ in 0..200_000 {
        let before = to_client.len();
        over = over || server.run(&mut server_in, &mut to_client).unwrap();
        said[0].extend_from_slice(&to_client[before..]);
        let before = to_server.len();
        let rest = client.run(&mut client_in, &mut to_server).unwrap();
        said[1].extend_from_slice(&to_server[before..]);
        if over && mode == Mode::Stateless && to_server.len() > before {
            server = Server::new(options(version, serving(false), without));
            over = false;
        }
        if rest == Rest::Done {
            let packed = commands.iter().any(|command| !command.is_delete());
            assert_eq!(server.pack, if packed { fake_pack() } else { Vec::new() });
            assert_eq!(server.commands, commands);
            return (client.heard, said);
        }
        for (from, to) in [(&mut to_client, &mut client_in), (&mut to_server, &mut server_in)] {
            let max =
                if seed == 0 { from.len() } else { 1 + seeded.below(from.len().clamp(1, 64 << (seed % 8))) };
            to.unsplit(from.split_to(max.min(from.len())));
        }
    }
    panic!("the two do not come to an end");
}

const WITHOUT: [&[PushFeature]; 4] = [
    &[],
    &[PushFeature::ReportStatusV2],
    &[PushFeature::SideBand64k],
    &[PushFeature::ReportStatus, PushFeature::ReportStatusV2],
];

#[test]
fn every_version_mode_and_agreement_comes_to_its_end() {
    let deletions = [command(6, 0, "refs/heads/old"), command(4, 0, "refs/heads/no")];
    for version in [Version::V0, Version::V1] {
        for mode in [Mode::Duplex, Mode::Stateless] {
            for without in WITHOUT {
                for commands in [&mixed()[..], &deletions] {
                    let (whole, said) = join(version, mode, without, commands, 0);
                    let reported = !without.contains(&PushFeature::ReportStatus);
                    let refused = whole.lines.iter().filter(|line| line.contains("not here")).count();
                    assert_eq!(refused, usize::from(reported), "{whole:?}");
                    assert_eq!(whole.refs, [&b"refs/heads/main"[..], b".have"]);
                    let banded = !without.contains(&PushFeature::SideBand64k);
                    assert_eq!(whole.progress, if banded { &b"looking\nand done\n"[..] } else { b"" });
                    for seed in 1..6 {
                        let (cut, cut_said) = join(version, mode, without, commands, seed);
                        assert_eq!(cut, whole, "{version} {mode:?} {without:?} seed {seed}");
                        assert!(cut_said == said, "{version} {mode:?} {without:?} seed {seed}");
                    }
                }
            }
        }
    }
}

/// Each side alone, with what the other one said. Whether a client heard all of the report, a server all of the request.
fn replay(side: usize, mode: Mode, input: &[u8]) -> Result<bool, ProtocolError> {
    let (mut input, mut output) = (BytesMut::from(input), BytesMut::new());
    let mut ended = false;
    let mut client = Client::new(mode, Limits::default(), mixed());
    let mut server = Server::new(options(Version::V0, Serving::Duplex, &[]));
    loop {
        let done = match side {
            0 => client.run(&mut input, &mut output)?,
            _ if server.run(&mut input, &mut output)? => Rest::Done,
            _ => Rest::Read,
        };
        match done {
            Rest::Done if side == 0 => {
                return Ok(client.heard.lines.last().is_some_and(|line| line == "ReportEnd"));
            }
            Rest::Done => return Ok(!server.commands.is_empty()),
            Rest::Turn => {}
            Rest::Read => {
                assert!(!ended, "it reads on after the end");
                ended = true;
                match side {
                    0 => client.machine.end_of_input(),
                    _ => server.machine.end_of_input(),
                }
            }
        }
    }
}

#[test]
fn a_push_that_is_cut_short_or_damaged_ends_with_a_name() {
    let (_, said) = join(Version::V0, Mode::Duplex, &[], &mixed(), 0);
    for (side, said) in said.iter().enumerate() {
        // What the pack says is none of the protocol's business.
        let pack = said.windows(4).position(|word| word == b"PACK").map_or(said.len(), |at| at + 8);
        for len in 0..pack {
            let done = replay(side, Mode::Duplex, &said[..len]);
            match done {
                // A client may go before it says what it wants, and whether a pack is whole is for others to say. A server
                // may go once its report is whole.
                Ok(is_whole) => assert!(is_whole || side == 1 && len == 0, "side {side} at {len}"),
                Err(error) => check_blame(&error, "push", len),
            }
        }
        let mut bytes = said.clone();
        for at in 0..pack {
            for mask in [1_u8 << (at % 8), 0x40 ^ (at as u8 | 1)] {
                bytes[at] ^= mask;
                match replay(side, Mode::Duplex, &bytes) {
                    // A server that seems to offer less makes a request of ours impossible.
                    Ok(_) | Err(ProtocolError::Misuse(_)) => {}
                    Err(error) => check_blame(&error, "push", at),
                }
                bytes[at] ^= mask;
            }
        }
    }
}

/// What a server under these limits says to a request.
fn serve(limits: Limits, request: &[u8]) -> Result<(), ProtocolError> {
    let mut options = options(Version::V0, Serving::Stateless, &[]);
    options.limits = limits;
    options.offer.nonce = Some(Value::sanitized(b"1"));
    options.offer.features.insert(PushFeature::PushOptions);
    let mut server = Server::new(options);
    let (mut input, mut output) = (BytesMut::from(request), BytesMut::new());
    if !server.run(&mut input, &mut output)? {
        server.machine.end_of_input();
        server.run(&mut input, &mut output)?;
    }
    Ok(())
}

#[track_caller]
fn check(fits: Limits, above: Limits, request: &[u8], expected: &str) {
    assert_eq!(serve(fits, request), Ok(()));
    match serve(above, request) {
        Err(ProtocolError::Limit { what, .. }) => assert_eq!(what, expected),
        other => panic!("{other:?}"),
    }
}

fn lines(lines: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines {
        match *line {
            "" => out.extend_from_slice(b"0000"),
            line => gitwire_pktline::encode_data(line.as_bytes(), &mut out).unwrap(),
        }
    }
    out
}

#[test]
fn limits_at_max_and_above() {
    let default = Limits::default();
    let zero = "0".repeat(40);
    let one = "1".repeat(40);
    let first = format!("{one} {zero} refs/heads/a\0report-status push-options");
    let second = format!("{one} {zero} refs/heads/bcd");
    let request = lines(&[&first, &second, "", "one", "two", ""]);
    check(Limits { commands_max: 2, ..default }, Limits { commands_max: 1, ..default }, &request, "commands");
    check(
        Limits { command_bytes_max: 26, ..default },
        Limits { command_bytes_max: 25, ..default },
        &request,
        "bytes of ref names",
    );
    check(
        Limits { push_options_max: 2, ..default },
        Limits { push_options_max: 1, ..default },
        &request,
        "push options",
    );
    check(
        Limits { argument_bytes_max: 6, ..default },
        Limits { argument_bytes_max: 5, ..default },
        &request,
        "bytes of arguments",
    );
    let text = [
        "certificate version 0.1\n".to_owned(),
        "pusher A <a@example.org> 1 +0000\n".to_owned(),
        "nonce 1\n".to_owned(),
        "\n".to_owned(),
        format!("{one} {zero} refs/heads/a\n"),
        "-----BEGIN\n".to_owned(),
    ];
    let len = text.iter().map(|line| line.len() as u64).sum();
    let mut signed = vec!["push-cert\0report-status"];
    signed.extend(text.iter().map(String::as_str));
    signed.extend(["push-cert-end\n", ""]);
    check(
        Limits { certificate_bytes_max: len, ..default },
        Limits { certificate_bytes_max: len - 1, ..default },
        &lines(&signed),
        "bytes of a certificate",
    );
    check(
        Limits { commands_max: 1, ..default },
        Limits { commands_max: 0, ..default },
        &lines(&signed),
        "commands",
    );
}

#[test]
fn a_push_option_is_one_line() {
    let first = format!("{} {} refs/heads/a\0report-status push-options", "1".repeat(40), "0".repeat(40));
    let push = |option: &str| serve(Limits::default(), &lines(&[&first, "", option, ""]));
    for good in ["", "a", "a=b;c", "a b", "ä", "a\r"] {
        push(good).unwrap();
    }
    for bad in ["a\nb", "\n\n", "a\0", "\0b"] {
        let error = push(bad).unwrap_err().to_string();
        assert!(error.contains("malformed push option"), "{bad:?}: {error}");
    }
}

#[test]
fn git_takes_what_our_client_pushes() {
    let Some(fixture) = Fixture::new() else { return };
    let folder = gitwire_testkit::git::Folder::new("push");
    fixture.git.ok(folder.path(), ["init", "-q", "--bare", "t.git"]);
    let target = folder.path().join("t.git");
    let tip = String::from_utf8(fixture.git.ok(&fixture.path(), ["rev-parse", "main"])).unwrap();
    let tip = ObjectId::from_hex(ObjectFormat::Sha1, tip.trim().as_bytes()).unwrap();
    let revisions = format!("{tip}\n");
    let pack =
        fixture.git.feed(&fixture.path(), ["pack-objects", "--revs", "--stdout"], revisions.as_bytes());
    let zero = ObjectId::zero(ObjectFormat::Sha1);
    let name = |text: &'static str| Bytes::from_static(text.as_bytes());
    let create = vec![PushCommand { old: zero, new: tip, name: name("refs/heads/main") }];
    let heard = push_to_git(&fixture, &target, create, &pack.stdout);
    assert!(heard.lines.iter().any(|line| line == "Unpacked(None)"), "{heard:?}");
    assert_eq!(fixture.git.ok(&target, ["rev-parse", "main"]), format!("{tip}\n").into_bytes());
    fixture.git.ok(&target, ["fsck", "--strict"]);
    fixture.git.ok(&target, ["branch", "old", "main"]);
    let delete = vec![
        PushCommand { old: tip, new: zero, name: name("refs/heads/old") },
        PushCommand { old: tip, new: zero, name: name("refs/heads/main") },
    ];
    // It is the current branch then, which git does not let go.
    fixture.git.ok(&target, ["symbolic-ref", "HEAD", "refs/heads/main"]);
    let heard = push_to_git(&fixture, &target, delete, b"");
    let refused = heard.lines.iter().filter(|line| line.contains("Rejected")).count();
    assert_eq!(refused, 1, "{heard:?}");
    assert_eq!(fixture.git.ok(&target, ["for-each-ref", "--format=%(refname)"]), b"refs/heads/main\n");
}

/// Pushes to `git receive-pack` over pipes.
fn push_to_git(
    fixture: &Fixture,
    target: &std::path::Path,
    commands: Vec<PushCommand>,
    pack: &[u8],
) -> Heard {
    let mut command = fixture.git.command(target, ["receive-pack", target.to_str().unwrap()]);
    command.env("GIT_PROTOCOL", "version=1").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut client = Client::new(Mode::Duplex, Limits::default(), commands);
    let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
    let mut buffer = [0; 4096];
    loop {
        let next = client.machine.step(&mut input, &mut output).unwrap();
        match next {
            Next::Event(PushEvent::Progress(text)) => client.heard.progress.extend_from_slice(&text),
            Next::Event(event) => client.heard.lines.push(format!("{event:?}")),
            Next::Answer if client.machine.awaiting() == PushAwaiting::Pack => {
                // Small enough for one frame, and for a pipe.
                let sent = client.machine.pack_frame(&mut output, |room| {
                    room[..pack.len()].copy_from_slice(pack);
                    pack.len()
                });
                assert_eq!(sent.unwrap(), pack.len());
                client.machine.end_pack().unwrap();
            }
            Next::Answer => client.answer(&mut output).unwrap(),
            Next::Turn => stdin.write_all(&output.split()).unwrap(),
            Next::Done => break,
            Next::Read => {
                let len = stdout.read(&mut buffer).unwrap();
                input.extend_from_slice(&buffer[..len]);
                if len == 0 {
                    client.machine.end_of_input();
                }
            }
        }
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
    assert_eq!(client.machine.version(), Version::V1);
    client.heard
}
