//! Our client against git's server, live and as recorded: each conversation comes to its end, however its bytes are cut.

use std::io::{Read, Write};

use bytes::BytesMut;
use gitwire_protocol::message::DepthRequest;
use gitwire_protocol::{FetchRequest, Machine, Mode, ProtocolError};

use crate::drive::{Client, Heard, Rest, Seeded};
use crate::git::{Fixture, before_pack, settle, settle_by};
use crate::repo::{Repo, golden, unknown};

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) version: u8,
    pub(crate) mode: Mode,
    wish: Wish,
}

#[derive(Clone, Copy)]
enum Wish {
    Look,
    Clone,
    Common,
    Mixed,
    Depth,
    Deepen,
}

pub(crate) fn cases() -> Vec<Case> {
    use Mode::{Duplex, Stateless};
    let names: [(u8, Mode, [&'static str; 6]); 5] = [
        (0, Duplex, ["v0-look", "v0-clone", "v0-common", "v0-mixed", "v0-depth", "v0-deepen"]),
        (1, Duplex, ["v1-look", "v1-clone", "v1-common", "v1-mixed", "v1-depth", "v1-deepen"]),
        (2, Duplex, ["v2-look", "v2-clone", "v2-common", "v2-mixed", "v2-depth", "v2-deepen"]),
        (
            0,
            Stateless,
            [
                "http-v0-look",
                "http-v0-clone",
                "http-v0-common",
                "http-v0-mixed",
                "http-v0-depth",
                "http-v0-deepen",
            ],
        ),
        (
            2,
            Stateless,
            [
                "http-v2-look",
                "http-v2-clone",
                "http-v2-common",
                "http-v2-mixed",
                "http-v2-depth",
                "http-v2-deepen",
            ],
        ),
    ];
    let wishes = [Wish::Look, Wish::Clone, Wish::Common, Wish::Mixed, Wish::Depth, Wish::Deepen];
    let mut cases = Vec::new();
    for (version, mode, names) in names {
        cases.extend(names.into_iter().zip(wishes).map(|(name, wish)| Case { name, version, mode, wish }));
    }
    cases
}

pub(crate) fn client(repo: &Repo, case: &Case) -> Client {
    let mut request = FetchRequest::default();
    request.wants = vec![repo.main[0]];
    request.progress = false;
    let haves = match case.wish {
        Wish::Look => return Client::new(case.mode, None, &[]),
        Wish::Clone => Vec::new(),
        Wish::Common => repo.main[12..].to_vec(),
        Wish::Mixed => (1..=60).map(unknown).chain(repo.main[12..].iter().copied()).collect(),
        Wish::Depth => {
            request.depth = DepthRequest::commits(3);
            Vec::new()
        }
        Wish::Deepen => {
            request.shallow = vec![repo.main[2]];
            request.depth = DepthRequest::commits(6);
            repo.main[..3].to_vec()
        }
    };
    Client::new(case.mode, Some(request), &haves)
}

/// Both directions of a conversation.
#[derive(Default)]
struct Recorded {
    to_client: Vec<u8>,
    to_server: Vec<u8>,
}

fn live(fixture: &Fixture, case: &Case, mut client: Client) -> (Heard, Recorded) {
    let mut recorded = Recorded::default();
    match case.mode {
        Mode::Duplex => live_duplex(fixture, case, &mut client, &mut recorded),
        Mode::Stateless => live_stateless(fixture, case, &mut client, &mut recorded),
    }
    (client.heard, recorded)
}

fn live_duplex(fixture: &Fixture, case: &Case, client: &mut Client, recorded: &mut Recorded) {
    let path = fixture.path();
    let mut child = fixture.command(case.version, &["upload-pack", path.to_str().unwrap()]).spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take(), child.stdout.take().unwrap());
    let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
    let mut buffer = [0; 4096];
    loop {
        let rest = client.run(&mut input, &mut output).unwrap();
        recorded.to_server.extend_from_slice(&output);
        stdin.as_mut().unwrap().write_all(&output.split()).unwrap();
        match rest {
            Rest::Turn => {}
            Rest::Done => break,
            Rest::Read => {
                let len = stdout.read(&mut buffer).unwrap();
                recorded.to_client.extend_from_slice(&buffer[..len]);
                input.extend_from_slice(&buffer[..len]);
                if len == 0 {
                    client.machine.end_of_input();
                }
            }
        }
    }
    drop(stdin.take());
    assert!(child.wait().unwrap().success());
}

fn live_stateless(fixture: &Fixture, case: &Case, client: &mut Client, recorded: &mut Recorded) {
    let mut input = BytesMut::new();
    let mut output = BytesMut::new();
    let mut answer = fixture.upload_pack(case.version, &["--http-backend-info-refs"], b"");
    if case.version == 0 {
        answer.splice(0..0, *b"001e# service=git-upload-pack\n0000");
    }
    loop {
        recorded.to_client.extend_from_slice(&answer);
        input.extend_from_slice(&answer);
        answer.clear();
        match client.run(&mut input, &mut output).unwrap() {
            Rest::Done => return,
            Rest::Read => panic!("{}: an answer that is not whole", case.name),
            Rest::Turn => {
                assert!(input.is_empty());
                recorded.to_server.extend_from_slice(&output);
                answer = fixture.upload_pack(case.version, &["--stateless-rpc"], &output.split());
                assert!(!answer.is_empty(), "{}: {}", case.name, recorded.to_server.escape_ascii());
            }
        }
    }
}

/// The recorded answers, cut by `seed`.
pub(crate) fn replay(
    repo: &Repo,
    case: &Case,
    to_client: &[u8],
    seed: u64,
) -> Result<(Heard, Vec<u8>), ProtocolError> {
    let mut client = client(repo, case);
    let mut seeded = Seeded::new(seed);
    let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
    let mut rest = to_client;
    loop {
        match client.run(&mut input, &mut output)? {
            Rest::Done => return Ok((client.heard, output.to_vec())),
            Rest::Turn => {}
            Rest::Read if rest.is_empty() => client.machine.end_of_input(),
            Rest::Read => {
                let len = match seed {
                    0 => rest.len(),
                    1 => 1,
                    seed => 1 + seeded.below(rest.len().min(4 << (seed * 2))),
                };
                let (piece, more) = rest.split_at(len);
                input.extend_from_slice(piece);
                rest = more;
            }
        }
    }
}

#[test]
fn recorded_conversations_are_read_the_same_however_they_are_cut() {
    let repo = Repo::load();
    for case in cases() {
        let to_client = std::fs::read(golden(&format!("{}.to-client", case.name))).unwrap();
        let to_server = std::fs::read(golden(&format!("{}.to-server", case.name))).unwrap();
        let (joined, output) = replay(&repo, &case, &to_client, 0).unwrap();
        assert!(output == to_server, "{}:\n{}", case.name, output.escape_ascii());
        let whole = matches!(case.wish, Wish::Look) || (joined.ended && joined.pack.starts_with(b"PACK"));
        assert!(whole, "{}: {:?}", case.name, joined.lines);
        for seed in 1..6 {
            let cut = replay(&repo, &case, &to_client, seed).unwrap();
            assert!(
                cut.0 == joined && cut.1 == output,
                "{} seed {seed}:\n{:?}\n{:?}",
                case.name,
                cut.0.lines,
                joined.lines
            );
        }
    }
}

#[test]
fn git_still_serves_as_recorded() {
    let Some(fixture) = Fixture::new() else { return };
    let repo = Repo::parse(&fixture.table());
    for case in cases() {
        let (heard, recorded) = live(&fixture, &case, client(&repo, &case));
        settle_by(&format!("{}.to-client", case.name), &recorded.to_client, before_pack);
        settle(&format!("{}.to-server", case.name), &recorded.to_server);
        if matches!(case.wish, Wish::Clone) {
            let folder = gitwire_testkit::git::Folder::new("clone");
            fixture.git.ok(folder.path(), ["init", "-q", "--bare", "c.git"]);
            let indexed =
                fixture.git.feed(&folder.path().join("c.git"), ["index-pack", "--stdin"], &heard.pack);
            assert!(indexed.status.success(), "{}", String::from_utf8_lossy(&indexed.stderr));
        }
    }
}
