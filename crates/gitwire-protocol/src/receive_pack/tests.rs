//! Every state of the table is reached, what is malformed is told with its place, and answers out of turn change nothing.

use std::string::ToString;
use std::vec::Vec;

use gitwire_capability::Value;
use gitwire_types::ObjectFormat;

use super::*;
use crate::testing::{ID, lines, reached};

const ZERO: &str = "0000000000000000000000000000000000000000";

fn server(serving: Serving) -> ReceivePack {
    let mut options = ReceivePackOptions::new(Version::V1, serving, ObjectFormat::Sha1);
    options.offer.features.insert(gitwire_capability::PushFeature::PushOptions);
    options.offer.nonce = Some(Value::sanitized(b"1-n"));
    ReceivePack::new(options)
}

/// Takes every push; the pack ends with the input.
fn serve(
    server: &mut ReceivePack,
    request: &[u8],
) -> Result<(Vec<ReceivePackEvent>, Vec<u8>), ProtocolError> {
    let (mut input, mut output) = (BytesMut::from(request), BytesMut::new());
    let (mut events, mut commands) = (Vec::new(), Vec::new());
    loop {
        let next = server.step(&mut input, &mut output)?;
        match (next, server.awaiting()) {
            (Next::Event(event), _) => {
                if let ReceivePackEvent::Request(request) = &event {
                    commands.extend(
                        request.commands.iter().map(|command| CommandReport::ok(command.name.clone())),
                    );
                }
                events.push(event);
            }
            (Next::Answer, ReceivePackAwaiting::Refs) => {
                server.send_ref(b"refs/heads/main", ObjectId::from_sha1([0x11; 20]), &mut output)?;
                server.send_have(ObjectId::from_sha1([0x22; 20]), &mut output)?;
                server.end_refs(&[], &mut output)?;
            }
            (Next::Answer, ReceivePackAwaiting::Report) => {
                server.progress(b"checking\n", &mut output)?;
                server.report(&PushReport::new(core::mem::take(&mut commands)), &mut output)?;
            }
            (Next::Answer, ReceivePackAwaiting::Finish) => server.finish(&mut output)?,
            (Next::Answer, other) => panic!("an answer is due while {other:?}"),
            (Next::Read, _) => server.end_of_input(),
            (Next::Done, _) => return Ok((events, output.to_vec())),
            (Next::Turn, _) => {}
        }
    }
}

#[test]
fn all_states_are_reached() {
    let signed = lines(&[
        "push-cert\0report-status-v2 push-options",
        "certificate version 0.1",
        "pusher A <a@example.org> 1 +0000",
        "nonce 1-n",
        "",
        "ID ID refs/heads/main",
        "-----BEGIN",
        "push-cert-end",
        "0000",
        "an option",
        "0000",
    ]);
    let (events, _) = serve(&mut server(Serving::Duplex), &[&signed[..], b"PACK"].concat()).unwrap();
    let [
        ReceivePackEvent::RefsWanted,
        ReceivePackEvent::Request(request),
        ReceivePackEvent::Pack(pack),
        ReceivePackEvent::PackEnd,
    ] = &events[..]
    else {
        panic!("{events:?}");
    };
    assert_eq!(pack, "PACK");
    assert_eq!(request.push_options, ["an option"]);
    assert!(request.certificate.as_ref().unwrap().ends_with(b"refs/heads/main\n-----BEGIN\n"));
    let states = ["Certificate", "Done", "Epilogue", "Options", "Pack", "Refs", "Report", "Request", "Start"];
    assert_eq!(reached().into_iter().collect::<Vec<_>>(), states);
}

#[test]
fn an_advertisement_has_its_capabilities_on_the_first_line() {
    let (_, output) = serve(&mut server(Serving::Advertisement), b"").unwrap();
    let expected = lines(&[
        "version 1",
        &std::format!(
            "ID refs/heads/main\0report-status report-status-v2 delete-refs quiet atomic ofs-delta side-band-64k push-cert=1-n \
             push-options object-format=sha1 agent={}",
            core::str::from_utf8(crate::AGENT).unwrap()
        ),
        "2222222222222222222222222222222222222222 .have",
        "0000",
    ]);
    let sorted = |bytes: &[u8]| {
        let mut words: Vec<_> = bytes.split(|byte| b" \n\0".contains(byte)).map(<[u8]>::to_vec).collect();
        words.sort();
        words
    };
    assert_eq!(sorted(&output), sorted(&expected), "{}", output.escape_ascii());
    assert!(output.ends_with(b"2222222222222222222222222222222222222222 .have\n0000"));
}

#[test]
fn a_report_in_bands_stands_between_progress() {
    let request = lines(&["ID ID refs/heads/main\0report-status side-band-64k", "0000"]);
    let (_, output) = serve(&mut server(Serving::Stateless), &[&request[..], b"PACK"].concat()).unwrap();
    assert_eq!(
        output.escape_ascii().to_string(),
        "000e\\x02checking\\n002e\\x01000eunpack ok\\n0017ok refs/heads/main\\n00000000"
    );
}

#[test]
fn what_is_malformed_is_told() {
    #[track_caller]
    fn check(request: &[&str], expected: &str) {
        let mut server = server(Serving::Stateless);
        let error = serve(&mut server, &lines(request)).unwrap_err();
        assert_eq!(error.to_string(), expected);
        // Sticky.
        let again = server.step(&mut BytesMut::new(), &mut BytesMut::new()).unwrap_err();
        assert_eq!(again, error);
    }
    check(
        &["ID ID"],
        "pkt-line 1 at byte 0: expected old and new object id and a ref name, got '1111111111111111111111111111111111111111 1111111111111111111111111111111111111111'",
    );
    check(
        &["ID ID "],
        "pkt-line 1 at byte 0: malformed ref name: '1111111111111111111111111111111111111111 1111111111111111111111111111111111111111 '",
    );
    check(
        &["want ID"],
        "pkt-line 1 at byte 0: expected old and new object id and a ref name, got 'want 1111111111111111111111111111111111111111'",
    );
    check(&["shallow x"], "pkt-line 1 at byte 0: object id has length 1, expected 40 in 'shallow x'");
    check(
        &["ID ID refs/heads/main", ""],
        "pkt-line 2 at byte 102: expected old and new object id and a ref name, got ''",
    );
    check(
        &["ID ID refs/heads/main"],
        "pkt-line 2 at byte 102: expected a command, shallow, push-cert or a flush packet, got the end of the stream",
    );
    check(
        &["ID ID refs/heads/main\0object-format=sha256", "0000"],
        "pkt-line 2 at byte 123: object format sha256 does not match sha1",
    );
    check(
        &["ID ID refs/heads/main", "push-cert\0", "0000"],
        "pkt-line 2 at byte 102: commands and a certificate cannot be used together",
    );
    check(
        &["push-cert\0", "certificate version 9", "push-cert-end"],
        "pkt-line 3 at byte 41: expected certificate version 0.1, got 'certificate version 9'",
    );
    check(
        &["push-cert\0", "0000"],
        "pkt-line 2 at byte 15: expected a line of a certificate or push-cert-end, got a flush packet",
    );
    check(
        &["push-cert\0", "certificate version 0.1", "", "x", "push-cert-end"],
        "pkt-line 5 at byte 54: expected old and new object id and a ref name, got 'x'",
    );
    check(
        &["ID ID refs/heads/main\0push-options", "0000", "0001"],
        "pkt-line 3 at byte 119: length 0001 has no meaning",
    );
    check(
        &["ID ID refs/heads/main\0push-options", "0000", "x"],
        "pkt-line 4 at byte 125: expected a push option or a flush packet, got the end of the stream",
    );
    check(
        &[],
        "pkt-line 1 at byte 0: expected a command, shallow, push-cert or a flush packet, got the end of the stream",
    );
    check(&["ERR enough"], "the peer reports: enough");
}

#[test]
fn nothing_asked_is_nothing_answered() {
    for request in [&["0000"][..], &["shallow ID", "0000"]] {
        let (events, output) = serve(&mut server(Serving::Stateless), &lines(request)).unwrap();
        assert!(events.is_empty() && output.is_empty(), "{request:?}");
    }
}

#[test]
fn a_deletion_brings_no_pack_and_the_server_does_not_wait_for_one() {
    let mut server = server(Serving::Stateless);
    let line = std::format!("ID {ZERO} refs/heads/old\0report-status");
    let mut input = BytesMut::from(&lines(&[&line, "0000"])[..]);
    let mut output = BytesMut::new();
    let next = server.step(&mut input, &mut output).unwrap();
    assert!(matches!(next, Next::Event(ReceivePackEvent::Request(request)) if !request.needs_pack()));
    assert_eq!(server.step(&mut input, &mut output), Ok(Next::Answer));
    assert_eq!(server.awaiting(), ReceivePackAwaiting::Report);
    assert!(!server.keep_alive(&mut output), "without a side-band there is no way");
}

#[test]
fn out_of_turn() {
    let mut server = server(Serving::Stateless);
    let mut output = BytesMut::new();
    let id = ObjectId::from_sha1([0x11; 20]);
    assert!(server.send_ref(b"refs/heads/main", id, &mut output).is_err());
    assert!(server.end_refs(&[], &mut output).is_err());
    assert!(server.pack_taken().is_err());
    assert!(server.progress(b"x", &mut output).is_err());
    assert!(server.report(&PushReport::default(), &mut output).is_err());
    assert!(server.finish(&mut output).is_err());
    assert!(output.is_empty());
    let request = std::format!("ID {ZERO} refs/heads/old\0report-status-v2");
    let mut input = BytesMut::from(&lines(&[&request, "0000"])[..]);
    let _ = server.step(&mut input, &mut output).unwrap();
    let bad = CommandReport::rejected("refs/heads/old".into(), "two\nlines".into());
    assert!(server.report(&PushReport::new(std::vec![bad]), &mut output).is_err());
    assert!(output.is_empty());
    let change = UpdateOptions { name: Some("refs/x".into()), old: Some(id), new: None, forced: true };
    let done = CommandReport {
        name: "refs/heads/old".into(),
        result: CommandResult::Done(std::vec![change.clone(), change]),
    };
    server.report(&PushReport::new(std::vec![done]), &mut output).unwrap();
    let part = [
        "ok refs/heads/old",
        "option refname refs/x",
        &std::format!("option old-oid {ID}"),
        "option forced-update",
    ];
    let expected = [&["unpack ok"], &part[..], &part[..], &["0000"]].concat();
    assert_eq!(output, lines(&expected));
}

#[test]
fn who_aborts_speaks_in_the_band_that_is_heard() {
    let mut output = BytesMut::new();
    let mut early = server(Serving::Stateless);
    early.abort(b"shutting down", &mut output);
    assert_eq!(output.split(), &b"0015ERR shutting down"[..]);
    let mut late = server(Serving::Stateless);
    let request = lines(&["ID ID refs/heads/main\0report-status side-band-64k", "0000"]);
    let _ = late.step(&mut BytesMut::from(&request[..]), &mut output).unwrap();
    late.abort(b"shutting down", &mut output);
    assert_eq!(output, &b"0012\x03shutting down"[..]);
    assert_eq!(late.step(&mut BytesMut::new(), &mut output), Ok(Next::Done));
}
