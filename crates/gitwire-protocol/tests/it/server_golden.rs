//! Our server's answers are git's, byte for byte, up to the pack.

use bytes::BytesMut;
use gitwire_capability::Value;
use gitwire_protocol::message::{FetchArgument, UploadHavesLine, UploadRequestLine};
use gitwire_protocol::{Machine, ProtocolError, Serving, UploadPackOptions, Version};
use gitwire_types::{ObjectFormat, ObjectId};

use crate::drive::Server;
use crate::git::{AGENT, Fixture, before_pack, settle};
use crate::repo::{Repo, golden, unknown};

/// One request, or a whole stream, and how git is asked to answer it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    version: u8,
    serving: Serving,
    pub(crate) input: Vec<u8>,
}

fn v0(
    repo: &Repo,
    capabilities: &str,
    lines: &[UploadRequestLine<'_>],
    rounds: &[&[ObjectId]],
    done: bool,
) -> Vec<u8> {
    let mut out = BytesMut::new();
    let want = UploadRequestLine::Want { id: repo.main[0], capabilities: capabilities.as_bytes() };
    for line in [want].iter().chain(lines) {
        line.write(&mut out).unwrap();
    }
    out.extend_from_slice(b"0000");
    for (at, round) in rounds.iter().enumerate() {
        for id in *round {
            UploadHavesLine::Have(*id).write(&mut out).unwrap();
        }
        if !(done && at + 1 == rounds.len()) {
            out.extend_from_slice(b"0000");
        }
    }
    if done {
        UploadHavesLine::Done.write(&mut out).unwrap();
    }
    out.to_vec()
}

fn v2(lines: &[&str], arguments: &[FetchArgument<'_>]) -> Vec<u8> {
    let mut out = BytesMut::new();
    for line in lines {
        gitwire_pktline::encode_text(line.as_bytes(), &mut out).unwrap();
    }
    out.extend_from_slice(b"0001");
    for argument in arguments {
        argument.write(&mut out).unwrap();
    }
    out.extend_from_slice(b"0000");
    out.to_vec()
}

pub(crate) fn cases(repo: &Repo) -> Vec<Case> {
    let mut cases = advertisements();
    cases.extend(duplex_cases(repo));
    cases.extend(stateless_cases(repo));
    cases.extend(v2_cases(repo));
    cases
}

fn advertisements() -> Vec<Case> {
    let case = |name, version, serving, input: &[u8]| Case { name, version, serving, input: input.to_vec() };
    vec![
        case("v0-advertisement-http", 0, Serving::Advertisement, b""),
        case("v1-advertisement-http", 1, Serving::Advertisement, b""),
        case("v2-advertisement-http", 2, Serving::Advertisement, b""),
        case("v0-only-looks", 0, Serving::Duplex, b"0000"),
        case("v1-only-looks", 1, Serving::Duplex, b"0000"),
        case("v2-only-looks", 2, Serving::Duplex, b"0000"),
    ]
}

const MODES: [(&str, &str); 3] = [("single", ""), ("multi", "multi_ack"), ("detailed", "multi_ack_detailed")];

fn duplex_cases(repo: &Repo) -> Vec<Case> {
    let strangers: Vec<_> = (1..=8).map(unknown).collect();
    let (main, s) = (&repo.main, &strangers[..]);
    // One object in common: without multi_ack, git acknowledges a second one again if it is an ancestor of the first, which
    // its own client then takes for a broken pack. We acknowledge once, as the document says.
    let common = [main[10]];
    let mixed = [s[0], main[10], s[1], s[2]];
    let names = [
        ["v0-single-clone", "v0-single-common", "v0-single-unknown", "v0-single-mixed", "v0-single-rounds"],
        ["v0-multi-clone", "v0-multi-common", "v0-multi-unknown", "v0-multi-mixed", "v0-multi-rounds"],
        [
            "v0-detailed-clone",
            "v0-detailed-common",
            "v0-detailed-unknown",
            "v0-detailed-mixed",
            "v0-detailed-rounds",
        ],
    ];
    let mut cases = Vec::new();
    for ((_, acks), names) in MODES.iter().zip(names) {
        let capabilities = format!("{acks} side-band-64k ofs-delta no-progress agent=x/1");
        let rounds: [&[&[ObjectId]]; 5] = [
            &[],
            &[&common[..], &[]],
            &[&s[..4], &s[4..]],
            &[&mixed[..], &s[3..5], &[]],
            &[&s[..2], &mixed[..], &s[4..6], &s[6..]],
        ];
        for (name, rounds) in names.into_iter().zip(rounds) {
            let input = v0(repo, capabilities.trim_start(), &[], rounds, true);
            cases.push(Case { name, version: 0, serving: Serving::Duplex, input });
        }
    }
    cases
}

fn stateless_cases(repo: &Repo) -> Vec<Case> {
    let strangers: Vec<_> = (1..=8).map(unknown).collect();
    let main = &repo.main;
    let (common, mixed) = ([main[10], main[11]], [strangers[0], main[10], strangers[1]]);
    let detailed = "multi_ack_detailed side-band-64k no-progress";
    let no_done = "multi_ack_detailed no-done side-band-64k no-progress";
    let deepen = [UploadRequestLine::Deepen(3)];
    let shallow = [UploadRequestLine::Shallow(main[2]), UploadRequestLine::Deepen(6)];
    let hex = [UploadRequestLine::Shallow(main[2])];
    let list: Vec<(&str, Vec<u8>)> = vec![
        ("http-v0-clone", v0(repo, detailed, &[], &[], true)),
        ("http-v0-common", v0(repo, detailed, &[], &[&common], false)),
        ("http-v0-unknown", v0(repo, detailed, &[], &[&strangers], false)),
        ("http-v0-mixed", v0(repo, detailed, &[], &[&mixed], false)),
        ("http-v0-no-done-common", v0(repo, no_done, &[], &[&common], false)),
        ("http-v0-no-done-mixed", v0(repo, no_done, &[], &[&mixed], false)),
        ("http-v0-no-done-unknown", v0(repo, no_done, &[], &[&strangers], false)),
        ("http-v0-common-done", v0(repo, detailed, &[], &[&common], true)),
        ("http-v0-deepen-alone", v0(repo, detailed, &deepen, &[], false)),
        ("http-v0-deepen-done", v0(repo, detailed, &deepen, &[], true)),
        ("http-v0-deepen-shallow", v0(repo, detailed, &shallow, &[&[main[0]]], true)),
        ("http-v0-shallow-done", v0(repo, detailed, &hex, &[&[main[1]]], true)),
        ("http-v0-small-band", v0(repo, "side-band no-progress", &[], &[], true)),
        ("http-v0-no-band", v0(repo, "ofs-delta", &[], &[], true)),
        ("http-v0-nothing", b"0000".to_vec()),
    ];
    list.into_iter()
        .map(|(name, input)| Case { name, version: 0, serving: Serving::Stateless, input })
        .collect()
}

fn v2_cases(repo: &Repo) -> Vec<Case> {
    use FetchArgument::{Deepen, Done, Have, NoProgress, Shallow, WaitForDone, Want};
    let main = &repo.main;
    let fetch = |arguments: &[FetchArgument<'_>]| v2(&["command=fetch", "object-format=sha1"], arguments);
    let (want, quiet) = (Want(main[0]), NoProgress);
    let ls = |arguments: &[&str]| {
        let mut input = v2(&["command=ls-refs", "agent=x/1"], &[]);
        input.truncate(input.len() - 4);
        for argument in arguments {
            let mut line = Vec::new();
            gitwire_pktline::encode_text(argument.as_bytes(), &mut line).unwrap();
            input.extend(line);
        }
        input.extend(b"0000");
        input
    };
    let list: Vec<(&str, Vec<u8>)> = vec![
        ("http-v2-ls-refs", ls(&["peel", "symrefs", "unborn"])),
        ("http-v2-ls-refs-bare", ls(&[])),
        ("http-v2-ls-refs-prefix", ls(&["symrefs", "ref-prefix refs/tags/", "ref-prefix HEAD"])),
        ("http-v2-ls-refs-without-delimiter", b"0014command=ls-refs\n0000".to_vec()),
        ("http-v2-clone", fetch(&[quiet, want, Done])),
        ("http-v2-clone-without-done", fetch(&[quiet, want])),
        ("http-v2-common", fetch(&[quiet, want, Have(main[10]), Have(main[12])])),
        ("http-v2-common-done", fetch(&[quiet, want, Have(main[10]), Done])),
        ("http-v2-unknown", fetch(&[quiet, want, Have(unknown(1)), Have(unknown(2))])),
        ("http-v2-mixed", fetch(&[quiet, want, Have(unknown(1)), Have(main[10]), Have(unknown(2))])),
        ("http-v2-wait-for-done", fetch(&[quiet, WaitForDone, want, Have(main[10])])),
        ("http-v2-negotiate-only", fetch(&[WaitForDone, Have(main[10]), Have(unknown(3))])),
        ("http-v2-deepen", fetch(&[quiet, want, Deepen(3), Done])),
        ("http-v2-deepen-shallow", fetch(&[quiet, Shallow(main[2]), Deepen(6), want, Have(main[0]), Done])),
        ("http-v2-shallow", fetch(&[quiet, Shallow(main[2]), want, Have(main[1]), Done])),
        ("http-v2-nothing", fetch(&[Have(main[1])])),
        ("http-v2-empty", b"0000".to_vec()),
    ];
    let mut cases: Vec<_> = list
        .into_iter()
        .map(|(name, input)| Case { name, version: 2, serving: Serving::Stateless, input })
        .collect();
    let mut input = ls(&["symrefs"]);
    input.extend(fetch(&[quiet, want, Have(unknown(1))]));
    input.extend(fetch(&[quiet, want, Have(main[10]), Have(main[9])]));
    cases.push(Case { name: "v2-two-rounds", version: 2, serving: Serving::Duplex, input });
    cases
}

/// What our server says, when `input` is what the client sends before it closes.
pub(crate) fn answer(repo: &Repo, case: &Case, input: &[u8]) -> Result<Vec<u8>, ProtocolError> {
    let version = [Version::V0, Version::V1, Version::V2][usize::from(case.version)];
    let mut options = UploadPackOptions::new(version, case.serving, ObjectFormat::Sha1);
    options.fetch.agent = Some(Value::sanitized(AGENT.as_bytes()));
    options.v2.agent = Some(Value::sanitized(AGENT.as_bytes()));
    let mut server = Server::new(repo, options);
    server.pack.truncate(100);
    let (mut input, mut output) = (BytesMut::from(input), BytesMut::new());
    if !server.run(&mut input, &mut output)? {
        server.machine.end_of_input();
        assert!(server.run(&mut input, &mut output)?, "{} does not end", case.name);
    }
    Ok(output.to_vec())
}

#[test]
fn answers_are_as_recorded_from_git() {
    let repo = Repo::load();
    for case in cases(&repo) {
        let ours = answer(&repo, &case, &case.input).unwrap();
        let recorded = std::fs::read(golden(&format!("{}.server", case.name))).unwrap();
        assert!(
            before_pack(&ours) == recorded,
            "{}:\n{}\nrecorded:\n{}",
            case.name,
            before_pack(&ours).escape_ascii(),
            recorded.escape_ascii()
        );
    }
}

#[test]
fn git_still_answers_as_recorded() {
    let Some(fixture) = Fixture::new() else { return };
    let repo = Repo::parse(&fixture.table());
    for case in cases(&repo) {
        let args: &[&str] = match case.serving {
            Serving::Duplex => &[],
            Serving::Stateless => &["--stateless-rpc"],
            Serving::Advertisement => &["--http-backend-info-refs"],
        };
        let answer = fixture.upload_pack(case.version, args, &case.input);
        settle(&format!("{}.server", case.name), before_pack(&answer));
    }
}
