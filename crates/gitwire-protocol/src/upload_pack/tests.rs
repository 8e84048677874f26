//! Every state of the table is reached, and answers out of turn change nothing.

use std::collections::BTreeSet;
use std::string::{String, ToString};
use std::vec::Vec;

use bytes::BytesMut;
use gitwire_capability::{FeatureSet, V2FetchFeature};
use gitwire_types::ObjectFormat;

use super::*;
use crate::Version;
use crate::testing::{ID, lines, reached};

pub(super) fn server(version: Version, serving: Serving) -> UploadPack {
    let mut options = UploadPackOptions::new(version, serving, ObjectFormat::Sha1);
    options.v2.commands = FeatureSet::all();
    options.v2.fetch.insert(V2FetchFeature::SidebandAll);
    options.v2.fetch.insert(V2FetchFeature::RefInWant);
    UploadPack::new(options)
}

/// Answers as a repository does that has every object and one ref; sends an empty pack.
fn serve(server: &mut UploadPack, request: &[&str]) -> Result<Vec<u8>, ProtocolError> {
    let (mut input, mut output) = (BytesMut::from(&lines(request)[..]), BytesMut::new());
    let mut count = 0;
    loop {
        let next = server.step(&mut input, &mut output)?;
        if let Next::Event(UploadPackEvent::Haves { ids, .. }) = &next {
            count = ids.len();
        }
        match next {
            Next::Answer => answer(server, count, &mut output)?,
            Next::Read => server.end_of_input(),
            Next::Done => return Ok(output.to_vec()),
            _ => {}
        }
    }
}

/// Gives the answer that is due.
pub(super) fn answer(
    server: &mut UploadPack,
    haves: usize,
    output: &mut BytesMut,
) -> Result<(), ProtocolError> {
    let id = ObjectId::from_sha1([0x11; 20]);
    match server.awaiting() {
        UploadPackAwaiting::Refs => {
            server.send_ref(&AdvertisedRef::new(b"refs/heads/main", id), output)?;
            server.end_refs(&[id], output)
        }
        UploadPackAwaiting::ShallowInfo => server.shallow_info(&[ShallowUpdate::Shallow(id)], output),
        UploadPackAwaiting::Acknowledgments => {
            let common = std::vec![true; haves];
            server.acknowledge(HaveAnswers { common: &common, covered_after: Some(1) }, output)
        }
        UploadPackAwaiting::ObjectInfo => server.object_info(&[Some(5), None], output),
        UploadPackAwaiting::BundleUris => {
            let line = BundleUriLine { key: b"bundle.version", value: b"1" };
            server.bundle_uris(&[line], output)
        }
        UploadPackAwaiting::Pack => server.end_pack(output),
        UploadPackAwaiting::Client | UploadPackAwaiting::Nothing => Ok(()),
    }
}

#[test]
fn all_states_are_reached() {
    let deep = ["want ID multi_ack_detailed", "deepen 1", "0000", "have ID", "0000", "done"];
    serve(&mut server(Version::V0, Serving::Duplex), &deep).unwrap();
    let both =
        ["command=ls-refs", "0001", "0000", "command=fetch", "0001", "want ID", "have ID", "0000", "0000"];
    serve(&mut server(Version::V2, Serving::Duplex), &both).unwrap();
    let queries = [
        "command=object-info",
        "0001",
        "size",
        "oid ID",
        "oid ID",
        "0000",
        "command=bundle-uri",
        "0001",
        "0000",
    ];
    serve(&mut server(Version::V2, Serving::Duplex), &queries).unwrap();
    let states = [
        "Start",
        "Refs",
        "Request",
        "Boundary",
        "Haves",
        "HavesDue",
        "Command",
        "LsRefs",
        "Fetch",
        "FetchHaves",
        "ObjectInfo",
        "ObjectInfoDue",
        "BundleUri",
        "BundleUriDue",
        "Pack",
        "Done",
    ];
    let expected: BTreeSet<String> = states.into_iter().map(String::from).collect();
    assert_eq!(reached(), expected);
}

#[test]
fn requests_that_make_no_sense() {
    /// The client is told in an `ERR` line; our error says where.
    #[track_caller]
    fn check(version: Version, request: &[&str], expected: &str, told: &str) {
        let mut server = server(version, Serving::Stateless);
        let (mut input, mut output) = (BytesMut::from(&lines(request)[..]), BytesMut::new());
        let error = loop {
            match server.step(&mut input, &mut output) {
                Ok(Next::Read) => server.end_of_input(),
                Ok(Next::Done | Next::Answer) => panic!("accepted"),
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(error.to_string(), expected);
        let line = output.get(8..).unwrap_or_default().to_vec();
        assert_eq!(String::from_utf8_lossy(&line), told);
        assert_eq!(server.step(&mut input, &mut output), Err(error), "errors are sticky");
        assert_eq!(output.len(), line.len() + 8, "and told once");
    }
    use Version::{V0, V2};
    check(
        V0,
        &["have ID"],
        "pkt-line 1 at byte 0: expected a line of an upload-request, got 'have 1111111111111111111111111111111111111111'",
        "git upload-pack: protocol error, expected to get oid, not 'have 1111111111111111111111111111111111111111'",
    );
    check(
        V0,
        &["want ID", "filter blob:none"],
        "pkt-line 2 at byte 50: filter was not negotiated",
        "git upload-pack: filtering capability not negotiated",
    );
    check(
        V0,
        &["want ID", "deepen 1", "deepen-since 1", "0000"],
        "pkt-line 4 at byte 82: deepen and deepen-since (or deepen-not) cannot be used together",
        "git upload-pack: deepen and deepen-since (or deepen-not) cannot be used together",
    );
    check(
        V0,
        &["want ID"],
        "pkt-line 2 at byte 50: expected want, shallow, deepen, filter or a flush packet, got the end of the stream",
        "the remote end hung up unexpectedly",
    );
    check(
        V0,
        &["want ID object-format=sha256"],
        "pkt-line 1 at byte 0: object format sha256 does not match sha1",
        "mismatched object format: server sha1; client sha256",
    );
    check(
        V0,
        &["want ID", "0000", "want ID"],
        "pkt-line 3 at byte 54: expected have or done, got 'want 1111111111111111111111111111111111111111'",
        "git upload-pack: expected SHA1 list, got 'want 1111111111111111111111111111111111111111'",
    );
    check(
        V0,
        &["0001"],
        "pkt-line 1 at byte 0: length 0001 has no meaning",
        "protocol error: bad line length 1",
    );
    check(
        V2,
        &["command=push", "0001"],
        "pkt-line 1 at byte 0: command push was not offered",
        "invalid command 'push'",
    );
    check(
        V2,
        &["command=fetch", "command=ls-refs"],
        "pkt-line 2 at byte 18: command ls-refs follows command fetch",
        "command 'ls-refs' requested after already requesting command 'fetch'",
    );
    check(
        V2,
        &["frotz"],
        "pkt-line 1 at byte 0: capability frotz was not offered",
        "unknown capability 'frotz'",
    );
    check(V2, &["agent=x/1", "0001"], "pkt-line 2 at byte 14: no command requested", "no command requested");
    check(
        V2,
        &["command=fetch", "object-format=sha256", "0001"],
        "pkt-line 3 at byte 43: object format sha256 does not match sha1",
        "mismatched object format: server sha1; client sha256",
    );
    check(
        V2,
        &["command=ls-refs", "0001", "prefix x"],
        "pkt-line 3 at byte 24: expected an argument of ls-refs, got 'prefix x'",
        "unexpected line: 'prefix x'",
    );
    check(
        V2,
        &["command=fetch", "0001", "filter blob:none"],
        "pkt-line 3 at byte 22: expected an argument of fetch, got 'filter blob:none'",
        "unexpected line: 'filter blob:none'",
    );
    check(
        V2,
        &["command=fetch", "0001", "want ID", "0001"],
        "pkt-line 4 at byte 72: expected flush after fetch arguments",
        "expected flush after fetch arguments",
    );
}

#[test]
fn answers_out_of_turn() {
    let mut server = server(Version::V0, Serving::Duplex);
    let mut output = BytesMut::new();
    let id = ObjectId::from_sha1([0x11; 20]);
    let none = HaveAnswers { common: &[], covered_after: None };
    #[track_caller]
    fn check(result: Result<(), ProtocolError>, expected: &str) {
        assert_eq!(result.unwrap_err().to_string(), expected);
    }
    check(server.send_ref(&AdvertisedRef::new(b"HEAD", id), &mut output), "misuse: send_ref is out of turn");
    check(server.end_refs(&[], &mut output), "misuse: end_refs is out of turn");
    check(server.shallow_info(&[], &mut output), "misuse: shallow_info is out of turn");
    check(server.acknowledge(none, &mut output), "misuse: acknowledge is out of turn");
    check(server.wanted_refs(&[], &mut output), "misuse: wanted_refs is out of turn");
    check(server.packfile_uris(&[], &mut output), "misuse: packfile_uris is out of turn");
    check(server.pack_frame(&mut output, |_| 0).map(drop), "misuse: a pack is out of turn");
    check(server.progress(b"x", &mut output), "misuse: a pack is out of turn");
    check(server.end_pack(&mut output), "misuse: a pack is out of turn");
    assert!(output.is_empty() && !server.keep_alive(&mut output));
    while !matches!(server.step(&mut BytesMut::new(), &mut output), Ok(Next::Answer)) {}
    check(
        server.send_ref(&AdvertisedRef::new(b"a b", id), &mut output),
        "misuse: a ref name with a control byte or a blank cannot be sent",
    );
    let long = ObjectId::from_sha256([1; 32]);
    check(
        server.send_ref(&AdvertisedRef::new(b"HEAD", long), &mut output),
        "misuse: an id of another format than the repository's",
    );
    assert!(output.is_empty());
}

/// A server of version 2 that owes the pack.
fn before_pack(arguments: &[&str]) -> (UploadPack, BytesMut) {
    let mut server = server(Version::V2, Serving::Stateless);
    let request = [&["command=fetch", "0001"], arguments, &["want ID", "done", "0000"]].concat();
    let (mut input, mut output) = (BytesMut::from(&lines(&request)[..]), BytesMut::new());
    while !matches!(server.step(&mut input, &mut output), Ok(Next::Answer)) {}
    assert!(output.is_empty());
    (server, output)
}

#[test]
fn sections_come_in_order_and_once() {
    let id = ObjectId::from_sha1([0x11; 20]);
    let (mut server, mut output) = before_pack(&["want-ref refs/heads/main"]);
    assert!(!server.keep_alive(&mut output), "there is no way to keep a stream alive before its pack");
    let early = server.begin_pack(&mut output).unwrap_err();
    assert_eq!(early.to_string(), "misuse: a pack before the wanted refs is out of turn");
    server.shallow_info(&[ShallowUpdate::Shallow(id)], &mut output).unwrap();
    server.wanted_refs(&[WantedRef { id, name: b"refs/heads/main" }], &mut output).unwrap();
    let late = server.shallow_info(&[], &mut output).unwrap_err();
    assert_eq!(late.to_string(), "misuse: shallow-info is out of turn");
    server.packfile_uris(&[PackfileUri { hash: id, uri: b"https://x/p" }], &mut output).unwrap();
    server.progress(b"p", &mut output).unwrap();
    assert!(server.keep_alive(&mut output));
    assert_eq!(
        server.pack_frame(&mut output, |room| {
            room[..4].copy_from_slice(b"PACK");
            4
        }),
        Ok(4)
    );
    assert!(server.pack_frame(&mut output, |room| room.len() + 1).is_err());
    server.end_pack(&mut output).unwrap();
    let expected = [
        &lines(&["shallow-info"])[..],
        b"0034shallow ",
        ID.as_bytes(),
        b"0001",
        &lines(&[
            "wanted-refs",
            "ID refs/heads/main",
            "0001",
            "packfile-uris",
            "ID https://x/p",
            "0001",
            "packfile",
        ]),
        b"0006\x02p0005\x010009\x01PACK0000",
    ];
    assert_eq!(output, expected.concat());
}

#[test]
fn under_sideband_all_every_line_has_a_band() {
    let (mut server, mut output) = before_pack(&["sideband-all"]);
    assert!(server.keep_alive(&mut output));
    server.pack_frame(&mut output, |_| 0).unwrap();
    server.end_pack(&mut output).unwrap();
    assert_eq!(output, "0005\x02000e\x01packfile\n0000");
    let (mut server, mut output) = before_pack(&["sideband-all"]);
    server.abort(b"upload-pack: not our ref x", &mut output);
    assert_eq!(output, "001f\x03upload-pack: not our ref x");
}

#[test]
fn last_words_fit_the_state() {
    let (mut machine, mut output) = before_pack(&[]);
    machine.abort(b"not our ref", &mut output);
    assert_eq!(output, "0013ERR not our ref");
    assert_eq!(machine.step(&mut BytesMut::new(), &mut output), Ok(Next::Done));
    let (mut machine, mut output) = before_pack(&[]);
    machine.begin_pack(&mut output).unwrap();
    machine.abort(b"disk", &mut output);
    assert_eq!(output, "000dpackfile\n0009\x03disk");
    // Without a side-band there are no words once the pack is on its way.
    let mut machine = server(Version::V0, Serving::Stateless);
    let (mut input, mut output) = (BytesMut::from(&lines(&["want ID", "0000", "done"])[..]), BytesMut::new());
    while !matches!(machine.step(&mut input, &mut output), Ok(Next::Answer)) {}
    machine
        .pack_frame(&mut output, |room| {
            room[..4].copy_from_slice(b"PACK");
            4
        })
        .unwrap();
    assert!(!machine.keep_alive(&mut output));
    machine.abort(b"disk", &mut output);
    assert_eq!(output, "0008NAK\nPACK");
}

#[test]
fn too_few_answers_are_refused_and_may_be_given_again() {
    let mut server = server(Version::V2, Serving::Stateless);
    let other = "have 2222222222222222222222222222222222222222";
    // What is named twice is asked once.
    let request = lines(&["command=fetch", "0001", "want ID", "have ID", other, "have ID", "0000"]);
    let (mut input, mut output) = (BytesMut::from(&request[..]), BytesMut::new());
    while !matches!(server.step(&mut input, &mut output), Ok(Next::Answer)) {}
    let short = HaveAnswers { common: &[true], covered_after: None };
    assert_eq!(
        server.acknowledge(short, &mut output).unwrap_err().to_string(),
        "misuse: 1 answers to 2 questions"
    );
    server.acknowledge(HaveAnswers { common: &[false, false], covered_after: None }, &mut output).unwrap();
    assert_eq!(output, lines(&["acknowledgments", "NAK", "0000"]));
}

#[test]
fn capabilities_are_read_from_every_want() {
    let mut server = server(Version::V0, Serving::Stateless);
    let request = ["want ID ofs-delta", "want ID side-band-64k", "0000", "done"];
    let output = serve(&mut server, &request).unwrap();
    assert_eq!(output, b"0008NAK\n0000", "the pack ends in a flush packet, as it does in bands alone");
}

#[test]
fn wants_come_in_blocks() {
    let mut machine = server(Version::V0, Serving::Stateless);
    let wants = lines(&["want ID"]).repeat(UploadPackEvent::BLOCK + 1);
    let request = [&wants[..], b"0000"].concat();
    let (mut input, mut output) = (BytesMut::from(&request[..]), BytesMut::new());
    let mut lens = Vec::new();
    while let Ok(Next::Event(event)) = machine.step(&mut input, &mut output) {
        match event {
            UploadPackEvent::Wants(ids) => lens.push(ids.len()),
            event => assert!(matches!(event, UploadPackEvent::Request(_))),
        }
    }
    assert_eq!(lens, [UploadPackEvent::BLOCK, 1]);
}

#[test]
fn without_a_mode_one_common_object_is_acknowledged_each_time() {
    let mut server = server(Version::V0, Serving::Stateless);
    let other = "have 2222222222222222222222222222222222222222";
    let request = lines(&["want ID", "0000", "have ID", "have ID", other, "have ID", "0000"]);
    let (mut input, mut output) = (BytesMut::from(&request[..]), BytesMut::new());
    while !matches!(server.step(&mut input, &mut output), Ok(Next::Answer)) {}
    server.acknowledge(HaveAnswers { common: &[true; 4], covered_after: None }, &mut output).unwrap();
    assert_eq!(output, lines(&["ACK ID", "ACK ID"]));
}

#[test]
fn objects_and_bundles_are_told_of() {
    let mut machine = server(Version::V2, Serving::Duplex);
    let request = [
        "command=object-info",
        "0001",
        "size",
        "oid ID",
        "oid ID",
        "0000",
        "command=bundle-uri",
        "0001",
        "0000",
    ];
    let output = serve(&mut machine, &request).unwrap();
    let told =
        [&b"0008size"[..], b"002e", ID.as_bytes(), b" 5", b"002d", ID.as_bytes(), b" ", b"0000"].concat();
    let told = [&told[..], b"0014bundle.version=1", b"0000"].concat();
    assert!(output.ends_with(&told), "{}", output.escape_ascii());

    // Without a word of what is wanted, the objects are named and nothing else.
    let request = ["command=object-info", "0001", "oid ID", "oid ID", "0000"];
    let output = serve(&mut server(Version::V2, Serving::Stateless), &request).unwrap();
    assert_eq!(output, [b"002c", ID.as_bytes(), b"002c", ID.as_bytes(), b"0000"].concat());
}
