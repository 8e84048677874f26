//! Every state of the table is reached, and commands out of turn change nothing.

use std::collections::BTreeSet;
use std::string::{String, ToString};
use std::vec::Vec;

use bytes::BytesMut;
use gitwire_types::ObjectId;

use super::*;
use crate::RemoteChannel;
use crate::message::DepthRequest;
use crate::testing::{lines, reached};

fn request() -> FetchRequest {
    FetchRequest { wants: [ObjectId::from_sha1([0x11; 20])].into(), ..FetchRequest::default() }
}

/// Lists, fetches with one have, and finishes.
fn converse(answers: &[u8], mut fetch: Option<FetchRequest>) -> Result<Vec<u8>, ProtocolError> {
    let mut client = FetchClient::new(FetchClientOptions { agent: None, ..FetchClientOptions::default() });
    let (mut input, mut output) = (BytesMut::from(answers), BytesMut::new());
    let (mut listed, mut told) = (false, false);
    loop {
        let next = client.step(&mut input, &mut output)?;
        match (next, client.awaiting()) {
            (Next::Answer, FetchAwaiting::ListRefs) => {
                client.list_refs(LsRefsRequest::default(), &mut output)?;
            }
            (Next::Answer, FetchAwaiting::Command)
                if !listed && client.context.version() == Some(Version::V2) =>
            {
                listed = true;
                client.list_refs(LsRefsRequest::default(), &mut output)?;
            }
            (Next::Answer, FetchAwaiting::Command) => match fetch.take() {
                Some(request) => client.fetch(request, &mut output)?,
                None => client.finish(&mut output)?,
            },
            (Next::Answer, _) => {
                let end = if told { WindowEnd::Done } else { WindowEnd::Flush };
                let window = [ObjectId::from_sha1([0x22; 20])];
                told = true;
                client.haves(&window, end, &mut output)?;
            }
            (Next::Read, _) => client.end_of_input(),
            (Next::Done, _) => return Ok(output.to_vec()),
            _ => {}
        }
    }
}

/// Asks for bundles alone.
fn bundles(answer: &[&str]) -> Result<Vec<(String, String)>, ProtocolError> {
    let answers = lines(&[&["version 2", "bundle-uri", "0000"], answer].concat());
    let mut client = FetchClient::new(FetchClientOptions { agent: None, ..FetchClientOptions::default() });
    let (mut input, mut output) = (BytesMut::from(&answers[..]), BytesMut::new());
    let (mut found, mut asked) = (Vec::new(), false);
    loop {
        match client.step(&mut input, &mut output)? {
            Next::Event(FetchEvent::BundleUri { key, value }) => {
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                found.push((text(&key), text(&value)));
            }
            Next::Answer if asked => client.finish(&mut output)?,
            Next::Answer => {
                asked = true;
                client.list_bundles(&[], &mut output)?;
                assert!(output.starts_with(b"0017command=bundle-uri\n"));
            }
            Next::Read => client.end_of_input(),
            Next::Done => return Ok(found),
            _ => {}
        }
    }
}

#[test]
fn a_list_of_bundles_ends_or_says_why() {
    let error = bundles(&["bundle.version=1", "ERR busy"]).unwrap_err();
    assert_eq!(error.to_string(), "the peer reports: busy");
    assert!(bundles(&["bundle.version=1"]).unwrap_err().to_string().contains("got the end of the stream"));
    assert!(bundles(&["0001"]).is_err());
    assert_eq!(bundles(&["0000"]).unwrap(), []);
}

#[test]
fn all_states_are_reached() {
    let v0 = [
        "ID refs/heads/main\0shallow multi_ack_detailed side-band-64k",
        "0000",
        "shallow ID",
        "0000",
        "NAK",
        "NAK",
    ];
    let pack = b"0009\x01PACK0000";
    let deep = FetchRequest { depth: DepthRequest::commits(1), ..request() };
    converse(&[&lines(&v0)[..], pack].concat(), Some(deep)).unwrap();
    let v2 = [
        "version 2",
        "ls-refs",
        "fetch",
        "0000",
        "ID HEAD",
        "0000",
        "acknowledgments",
        "NAK",
        "0000",
        "packfile",
    ];
    converse(&[&lines(&v2)[..], pack].concat(), Some(request())).unwrap();
    assert_eq!(
        bundles(&["bundle.version=1", "nonsense", "bundle.a.uri=x=y", "0000"]).unwrap(),
        [("bundle.version", "1"), ("bundle.a.uri", "x=y")]
            .map(|(key, value)| (String::from(key), String::from(value)))
    );
    let states = [
        "BundleList",
        "Greeting",
        "Capabilities",
        "Advertised",
        "RefList",
        "Command",
        "ShallowList",
        "Haves",
        "Acknowledgments",
        "Sections",
        "Pack",
        "Done",
    ];
    let expected: BTreeSet<String> = states.into_iter().map(String::from).collect();
    assert_eq!(reached(), expected);
}

#[test]
fn orders_that_make_no_sense() {
    #[track_caller]
    fn check(answers: &[&str], expected: &str) {
        let error = converse(&lines(answers), Some(request())).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    const REF: &str = "ID refs/heads/main\0multi_ack_detailed side-band-64k";
    const V2: [&str; 6] = ["version 2", "ls-refs", "fetch", "0000", "ID HEAD", "0000"];
    check(&[], "pkt-line 1 at byte 0: expected a version or a ref, got the end of the stream");
    check(&["version 3"], "pkt-line 1 at byte 0: expected an object id and a ref name, got 'version 3'");
    check(
        &["version 1", "version 1"],
        "pkt-line 2 at byte 14: expected an object id and a ref name, got 'version 1'",
    );
    check(&["ERR no such thing"], "the peer reports: no such thing");
    check(
        &["# service=git-receive-pack"],
        "pkt-line 1 at byte 0: expected # service=git-upload-pack, got '# service=git-receive-pack'",
    );
    check(
        &["# service=git-upload-pack", REF],
        "pkt-line 2 at byte 30: expected a flush packet after the service, got '1111111111111111111111111111111111111111 refs/heads/main\\x00multi_ack_detailed side-band-64k'",
    );
    check(&["0001"], "pkt-line 1 at byte 0: length 0001 has no meaning");
    check(
        &[REF, "shallow ID", "ID refs/x"],
        "pkt-line 3 at byte 147: expected shallow or a flush packet, got '1111111111111111111111111111111111111111 refs/x'",
    );
    check(
        &[REF, "0000", "ACK ID common", "0000"],
        "pkt-line 4 at byte 154: expected ACK or NAK, got a flush packet",
    );
    check(&[REF, "0000", "ACK ID"], "pkt-line 4 at byte 147: expected a pack, got the end of the stream");
    check(&["version 2", "fetch", "0000"], "misuse: the peer does not offer ls-refs");
    check(
        &[V2, ["packfile"; 6]].concat()[..7],
        "pkt-line 7 at byte 94: expected acknowledgments, got 'packfile'",
    );
    let after = |rest: &[&'static str]| -> Vec<&'static str> {
        V2.iter().copied().chain(rest.iter().copied()).collect()
    };
    check(
        &after(&["acknowledgments", "NAK", "0001"]),
        "pkt-line 9 at byte 122: expected ready before another section, got a delimiter packet",
    );
    check(
        &after(&["acknowledgments", "ready", "0000"]),
        "pkt-line 9 at byte 124: expected a pack after ready, got a flush packet",
    );
    check(
        &after(&["acknowledgments", "ready", "0001", "acknowledgments"]),
        "pkt-line 10 at byte 128: expected another section of the answer to fetch, got 'acknowledgments'",
    );
    check(
        &after(&["acknowledgments", "ACK ID common"]),
        "pkt-line 8 at byte 114: expected ACK, NAK or ready, got 'ACK 1111111111111111111111111111111111111111 common'",
    );
}

#[test]
fn commands_out_of_turn() {
    let mut client = FetchClient::new(FetchClientOptions::default());
    let mut output = BytesMut::new();
    let out_of_turn = |call| Err(ProtocolError::Misuse(Misuse::OutOfTurn(call)));
    assert_eq!(client.list_refs(LsRefsRequest::default(), &mut output), out_of_turn("list_refs"));
    assert_eq!(client.fetch(request(), &mut output), out_of_turn("fetch"));
    assert_eq!(client.haves(&[], WindowEnd::Done, &mut output), out_of_turn("haves"));
    assert_eq!(client.finish(&mut output), out_of_turn("finish"));
    assert_eq!(client.awaiting(), FetchAwaiting::Server);
    assert!(!client.keep_alive(&mut output));
    client.abort(b"enough", &mut output);
    assert!(output.is_empty());
    assert_eq!(client.awaiting(), FetchAwaiting::Nothing);
}

#[test]
fn requests_that_cannot_be_sent() {
    #[track_caller]
    fn check(change: impl FnOnce(&mut FetchRequest), expected: &str) {
        let mut asked = request();
        change(&mut asked);
        let offer = "ID refs/heads/main\0multi_ack_detailed side-band-64k shallow deepen-since filter";
        let error = converse(&lines(&[offer, "0000"]), Some(asked)).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    check(|asked| asked.wants.clear(), "misuse: a fetch without wants");
    check(|asked| asked.depth.depth = Some(0), "misuse: a depth that is none");
    check(|asked| asked.depth.since = Some(0), "misuse: a time that is none");
    check(
        |asked| asked.depth.not = [Bytes::from_static(b"x")].into(),
        "misuse: the peer does not offer deepen-not",
    );
    check(
        |asked| asked.wanted_refs = [Bytes::from_static(b"x")].into(),
        "misuse: the peer does not offer ref-in-want",
    );
    check(|asked| asked.wait_for_done = true, "misuse: the peer does not offer wait-for-done");
    check(
        |asked| asked.filter = Some(Bytes::from_static(b"a\nb")),
        "misuse: a ref, filter or option with NUL or LF cannot be sent",
    );
    check(
        |asked| asked.wants = [ObjectId::from_sha256([0; 32])].into(),
        "misuse: ids of another format than the server's",
    );
    check(
        |asked| asked.depth = DepthRequest { depth: Some(1), since: Some(1), ..DepthRequest::default() },
        "misuse: a depth beside a time or refs",
    );
}

#[test]
fn windows_grow_as_gits_do() {
    fn windows(mode: Mode, offer: &[&str], rounds: usize) -> Vec<usize> {
        let options = FetchClientOptions { mode, ..FetchClientOptions::default() };
        let mut client = FetchClient::new(options);
        let (mut input, mut output) = (BytesMut::from(&lines(offer)[..]), BytesMut::new());
        let (mut windows, mut asked) = (Vec::new(), false);
        loop {
            let next = client.step(&mut input, &mut output).unwrap();
            match (next, client.awaiting()) {
                (Next::Answer, FetchAwaiting::ListRefs) => {
                    client.list_refs(LsRefsRequest::default(), &mut output).unwrap();
                }
                (Next::Answer, FetchAwaiting::Command) if !asked => {
                    asked = true;
                    client.fetch(request(), &mut output).unwrap();
                }
                (Next::Answer, FetchAwaiting::Haves) if windows.len() < rounds => {
                    windows.push(client.window());
                    let ids = std::vec![ObjectId::from_sha1([0x22; 20]); client.window()];
                    client.haves(&ids, WindowEnd::Flush, &mut output).unwrap();
                }
                (Next::Answer, _) => return windows,
                (Next::Read, _) if client.context.version() == Some(Version::V2) => {
                    input.extend_from_slice(&lines(&["acknowledgments", "NAK", "0000"]));
                }
                (Next::Read, _) => input.extend_from_slice(&lines(&["NAK"])),
                _ => {}
            }
        }
    }
    let v0 = ["ID refs/heads/main\0multi_ack_detailed side-band-64k", "0000"];
    let v2 = ["version 2", "fetch", "0000"];
    assert_eq!(windows(Mode::Duplex, &v0, 6), [16, 16, 32, 32, 32, 32]);
    assert_eq!(windows(Mode::Stateless, &v0, 6), [16, 16, 32, 64, 128, 256]);
    let large = windows(Mode::Stateless, &v2, 13);
    assert_eq!(large[..6], [16, 32, 64, 128, 256, 512]);
    assert_eq!(large[10..], [16_384, 18_022, 19_824]);
}

/// What a client of version 2 hears of its fetch.
fn heard(asked: FetchRequest, offer: &str, answer: &[u8]) -> Result<Vec<String>, ProtocolError> {
    let mut client = FetchClient::new(FetchClientOptions::default());
    let front = lines(&["version 2", offer, "0000"]);
    let (mut input, mut output) = (BytesMut::from(&[&front[..], answer].concat()[..]), BytesMut::new());
    let (mut heard, mut asked) = (Vec::new(), Some(asked));
    loop {
        let next = client.step(&mut input, &mut output)?;
        match (next, client.awaiting()) {
            (Next::Event(event), _) => heard.push(alloc::format!("{event:?}")),
            (Next::Answer, FetchAwaiting::Command) => match asked.take() {
                Some(request) => client.fetch(request, &mut output)?,
                None => return Ok(heard),
            },
            (Next::Answer, _) => client.haves(&[], WindowEnd::Done, &mut output)?,
            (Next::Read, _) => client.end_of_input(),
            _ => {}
        }
    }
}

#[test]
fn shallow_info_and_wanted_refs_come_in_either_order() {
    let asked = || FetchRequest {
        wanted_refs: [Bytes::from_static(b"refs/heads/main")].into(),
        depth: DepthRequest::commits(1),
        ..FetchRequest::default()
    };
    let shallow = lines(&["shallow-info", "shallow ID", "0001"]);
    let wanted = lines(&["wanted-refs", "ID refs/heads/main", "0001"]);
    let pack = [&lines(&["packfile"])[..], b"0009\x01PACK0000"].concat();
    let offer = "fetch=shallow ref-in-want";
    let documented = heard(asked(), offer, &[&shallow[..], &wanted, &pack].concat()).unwrap();
    let as_git_does = heard(asked(), offer, &[&wanted[..], &shallow, &pack].concat()).unwrap();
    assert_eq!(documented.len(), 6);
    assert!(documented.iter().all(|event| as_git_does.contains(event)));
    let twice = heard(asked(), offer, &[&shallow[..], &shallow].concat()).unwrap_err();
    assert!(
        twice.to_string().ends_with("expected another section of the answer to fetch, got 'shallow-info'")
    );
}

#[test]
fn progress_may_come_anywhere_under_sideband_all() {
    let asked = FetchRequest { sideband_all: true, ..request() };
    let answer = b"0005\x020006\x02x000e\x01packfile\n0006\x02y0009\x01PACK0005\x010000";
    let events = heard(asked, "fetch=sideband-all", answer).unwrap();
    assert_eq!(
        events[1..],
        ["Progress(b\"x\")", "PackStart", "Progress(b\"y\")", "Pack(b\"PACK\")", "PackEnd"]
    );
}

#[test]
fn a_response_end_never_travels_on_the_network() {
    let error = heard(request(), "fetch", b"0002").unwrap_err();
    assert_eq!(error.to_string(), "pkt-line 4 at byte 28: length 0002 has no meaning");
}

#[test]
fn git_acknowledges_related_objects_again_without_multi_ack() {
    let answers = ["ID refs/heads/main\0side-band-64k", "0000", "ACK ID", "ACK ID", "ACK ID"];
    let output = converse(&[&lines(&answers)[..], b"0009\x01PACK0000"].concat(), Some(request())).unwrap();
    assert!(output.ends_with(b"0009done\n"));
}

#[test]
fn errors_in_place_of_a_pack_are_the_peers_words() {
    #[track_caller]
    fn check(rest: &[u8], expected: RemoteChannel) {
        let front = lines(&["ID refs/heads/main\0multi_ack side-band-64k", "0000", "NAK", "NAK"]);
        let error = converse(&[&front[..], rest].concat(), Some(request())).unwrap_err();
        let message = Bytes::from_static(b"upload-pack: not our ref");
        assert_eq!(error, ProtocolError::Remote { channel: expected, message });
    }
    check(b"0020ERR upload-pack: not our ref", RemoteChannel::ErrorLine);
    check(b"001d\x03upload-pack: not our ref", RemoteChannel::Band);
    check(b"0009\x01PACK001e\x03upload-pack: not our ref\n", RemoteChannel::Band);
}
