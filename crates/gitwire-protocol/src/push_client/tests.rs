//! Every state of the table is reached, what is malformed is told with its place, and calls out of turn change nothing.

use std::format;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use gitwire_capability::Certificate;

use super::*;
use crate::testing::{ID, lines, reached};
use crate::{CommandReport, CommandResult, RemoteChannel, UpdateOptions};

const REFS: &str =
    "ID refs/heads/main\0report-status report-status-v2 delete-refs side-band-64k ofs-delta push-options";

fn client() -> PushClient {
    PushClient::new(PushClientOptions::default())
}

fn command(name: &'static str) -> PushCommand {
    let id = ObjectId::from_hex(ObjectFormat::Sha1, ID.as_bytes()).unwrap();
    let new = ObjectId::from_sha1([0x22; 20]);
    PushCommand { old: id, new, name: Bytes::from_static(name.as_bytes()) }
}

fn delete(name: &'static str) -> PushCommand {
    PushCommand { new: ObjectId::zero(ObjectFormat::Sha1), ..command(name) }
}

fn request(client: &PushClient, commands: Vec<PushCommand>) -> PushRequest {
    let mut wish = PushClient::wish(ObjectFormat::Sha1);
    wish.agent = None;
    PushRequest::new(client.offer().unwrap().agree(&wish).unwrap(), commands)
}

/// What a client heard and said that pushes one ref with a small pack.
#[derive(Debug, Default)]
struct Talk {
    heard: Vec<String>,
    said: Vec<u8>,
}

/// Hears `answers` to its end, and pushes `commands` on the way.
fn converse(
    client: &mut PushClient,
    answers: &[u8],
    commands: Vec<PushCommand>,
) -> Result<Talk, ProtocolError> {
    let (mut input, mut output) = (BytesMut::from(answers), BytesMut::new());
    let mut heard = Vec::new();
    let mut sent = false;
    loop {
        let next = client.step(&mut input, &mut output)?;
        match (next, client.awaiting()) {
            (Next::Event(PushEvent::Capabilities(_)), _) => heard.push("Capabilities".to_string()),
            (Next::Event(PushEvent::Refs(block)), _) => {
                heard.extend(block.iter().map(|shown| shown.name.escape_ascii().to_string()));
            }
            (Next::Event(event), _) => heard.push(format!("{event:?}")),
            (Next::Answer, PushAwaiting::Command) if commands.is_empty() => client.finish(&mut output)?,
            (Next::Answer, PushAwaiting::Command) => {
                let request = request(client, commands.clone());
                client.push(&request, &mut output)?;
            }
            (Next::Answer, PushAwaiting::Pack) if sent => client.end_pack()?,
            (Next::Answer, PushAwaiting::Pack) => {
                sent = true;
                client.pack_frame(&mut output, |room| {
                    room[..4].copy_from_slice(b"PACK");
                    4
                })?;
            }
            (Next::Answer, other) => panic!("an answer is due while {other:?}"),
            (Next::Read, _) => client.end_of_input(),
            (Next::Turn, _) => {}
            (Next::Done, _) => return Ok(Talk { heard, said: output.to_vec() }),
        }
    }
}

/// An advertisement, and a report in one band.
fn banded(report: &[&str], behind: &[u8]) -> Vec<u8> {
    let report = lines(report);
    let packet = format!("{:04x}\x01", report.len().saturating_add(5));
    [&lines(&["version 1", REFS, "shallow ID", "0000"])[..], packet.as_bytes(), &report, behind].concat()
}

#[test]
fn all_states_are_reached() {
    let report = ["unpack ok", "ok refs/heads/main", "0000"];
    let talk =
        converse(&mut client(), &banded(&report, b"000a\x02hello0000"), vec![command("refs/heads/main")]);
    let talk = talk.unwrap();
    let status = CommandReport::ok("refs/heads/main".into());
    let expected = [
        "Capabilities".to_string(),
        "refs/heads/main".into(),
        format!("ServerShallow({ID})"),
        "RefsEnd".into(),
        "Unpacked(None)".into(),
        format!("Status({status:?})"),
        "ReportEnd".into(),
        "Progress(b\"hello\")".into(),
    ];
    assert_eq!(talk.heard, expected);
    let states = ["Command", "Done", "Greeting", "Pack", "RefList", "Report"];
    assert_eq!(reached().into_iter().collect::<Vec<_>>(), states);
}

#[test]
fn a_push_is_written_as_git_writes_it() {
    let new = "2".repeat(40);
    let mut machine = client();
    let commands = vec![command("refs/heads/main"), delete("refs/heads/old")];
    let report = ["unpack ok", "ok refs/heads/main", "ok refs/heads/old", "0000"];
    let talk = converse(&mut machine, &banded(&report, b"0000"), commands).unwrap();
    let expected = format!(
        "0085{ID} {new} refs/heads/main\0 report-status-v2 side-band-64k0064{ID} {} refs/heads/old0000",
        "0".repeat(40)
    );
    assert_eq!(String::from_utf8(talk.said).unwrap(), expected);
    // Nothing to push: a flush packet on one stream, silence in requests.
    let talk = converse(&mut client(), &lines(&[REFS, "0000"]), Vec::new()).unwrap();
    assert_eq!(talk.said, b"0000");
    let options = PushClientOptions { mode: Mode::Stateless, ..PushClientOptions::default() };
    let talk = converse(&mut PushClient::new(options), &lines(&[REFS, "0000"]), Vec::new()).unwrap();
    assert_eq!(talk.said, b"");
}

#[test]
fn reports_are_read_with_all_that_they_say() {
    #[track_caller]
    fn check(report: &[&str], expected: &[CommandReport]) {
        let talk = converse(&mut client(), &banded(report, b"0000"), vec![command("refs/heads/a")]).unwrap();
        let told: Vec<_> = talk.heard.into_iter().filter(|line| line.starts_with("Status")).collect();
        let expected: Vec<_> = expected.iter().map(|report| format!("Status({report:?})")).collect();
        assert_eq!(told, expected);
    }
    let done = |changes| CommandReport { name: "refs/heads/a".into(), result: CommandResult::Done(changes) };
    check(
        &["unpack ok", "ng refs/heads/a no way", "0000"],
        &[CommandReport::rejected("refs/heads/a".into(), "no way".into())],
    );
    check(
        &["unpack index-pack abnormal exit", "ng refs/heads/a unpacker error", "0000"],
        &[CommandReport::rejected("refs/heads/a".into(), "unpacker error".into())],
    );
    let first = UpdateOptions { name: Some("refs/for/a".into()), forced: true, ..UpdateOptions::default() };
    let second = UpdateOptions { new: Some(ObjectId::from_sha1([0x11; 20])), ..UpdateOptions::default() };
    check(
        &[
            "unpack ok",
            "ok refs/heads/a",
            "option refname refs/for/a",
            "option forced-update",
            "option some-day 1",
            "ok refs/heads/a",
            "option new-oid ID",
            "0000",
        ],
        &[done(vec![first, second])],
    );
    // Options behind a refusal have no meaning, and two refusals are two.
    check(
        &["unpack ok", "ng a b", "option refname x", "ng a c", "0000"],
        &[CommandReport::rejected("a".into(), "b".into()), CommandReport::rejected("a".into(), "c".into())],
    );
}

#[test]
fn a_report_that_comes_early_ends_the_pack() {
    let answers = banded(&["unpack no room", "ng refs/heads/a unpacker error", "0000"], b"0000");
    let (mut input, mut output) = (BytesMut::from(&answers[..]), BytesMut::new());
    let mut client = client();
    let mut heard = 0;
    while client.awaiting() != PushAwaiting::Nothing {
        match client.step(&mut input, &mut output).unwrap() {
            Next::Answer if client.awaiting() == PushAwaiting::Command => {
                let request = request(&client, vec![command("refs/heads/a")]);
                client.push(&request, &mut output).unwrap();
            }
            Next::Event(PushEvent::Unpacked(error)) => {
                assert_eq!(error.unwrap(), "no room");
                assert_eq!(client.awaiting(), PushAwaiting::Server);
                let late = client.pack_frame(&mut output, |_| panic!("no room is made"));
                assert_eq!(late, Err(Misuse::OutOfTurn("a pack").into()));
                assert_eq!(client.end_pack(), Err(Misuse::OutOfTurn("end_pack").into()));
            }
            Next::Event(_) => heard += 1,
            Next::Done => break,
            Next::Answer | Next::Read => panic!("everything is there"),
            Next::Turn => {}
        }
    }
    assert_eq!(heard, 6);
}

#[test]
fn what_is_malformed_is_told_with_its_place() {
    #[track_caller]
    fn check(answers: &[u8], expected: &str) {
        let mut client = client();
        let error = converse(&mut client, answers, vec![command("refs/heads/a")]).unwrap_err();
        assert_eq!(error.to_string().replace(ID, "ID"), expected);
        // Sticky.
        let again = client.step(&mut BytesMut::new(), &mut BytesMut::new()).unwrap_err();
        assert_eq!(again, error);
    }
    // The greeting.
    check(b"", "pkt-line 1 at byte 0: expected version 1 or a ref, got the end of the stream");
    check(b"00", "pkt-line 1 at byte 0: the stream ends, at least 2 more bytes are due");
    check(b"0001", "pkt-line 1 at byte 0: length 0001 has no meaning");
    check(b"zzzz", "pkt-line 1 at byte 0: length \"zzzz\" is not hexadecimal");
    check(&lines(&["version 2"]), "pkt-line 1 at byte 0: expected version 1 or a ref, got 'version 2'");
    check(
        &lines(&["version 1", "version 1"]),
        "pkt-line 2 at byte 14: expected version 1 or a ref, got 'version 1'",
    );
    check(
        &lines(&["nonsense"]),
        "pkt-line 1 at byte 0: expected an object id and a ref name, got 'nonsense'",
    );
    check(&lines(&["ERR not today"]), "the peer reports: not today");
    check(
        &lines(&["# service=git-upload-pack"]),
        "pkt-line 1 at byte 0: expected # service=git-receive-pack, got '# service=git-upload-pack'",
    );
    check(
        &lines(&["# service=git-receive-pack", "ID refs/heads/a"]),
        "pkt-line 2 at byte 31: expected a flush packet after the service, got 'ID refs/heads/a'",
    );
    check(
        &lines(&["ID refs/heads/main\0object-format=md5"]),
        "pkt-line 1 at byte 0: object format md5 is unknown",
    );
    // The list of refs.
    check(
        &lines(&[REFS]),
        "pkt-line 2 at byte 141: expected a ref, shallow or a flush packet, got the end of the stream",
    );
    check(&lines(&[REFS, "ID"]), "pkt-line 2 at byte 141: expected an object id and a ref name, got 'ID'");
    check(&lines(&[REFS, "0001"]), "pkt-line 2 at byte 141: length 0001 has no meaning");
    check(
        &lines(&[REFS, "1234 refs/heads/a", "0000"]),
        "pkt-line 2 at byte 141: expected an object id and a ref name, got '1234 refs/heads/a'",
    );
    check(
        &lines(&[REFS, "shallow ID", "ID refs/heads/a", "0000"]),
        "pkt-line 3 at byte 194: expected a ref, shallow or a flush packet, got 'ID refs/heads/a'",
    );
    check(
        &lines(&[REFS, "shallow 12", "0000"]),
        "pkt-line 2 at byte 141: object id has length 2, expected 40 in 'shallow 12'",
    );
    check(&lines(&[REFS, "ERR gone", "0000"]), "the peer reports: gone");
    // The report.
    let front = lines(&[REFS, "0000"]);
    let behind = |bytes: &[u8]| [&front[..], bytes].concat();
    check(
        &front,
        "pkt-line 1 at byte 0: expected a report of what came of the push, got the end of the stream",
    );
    check(
        &behind(b"0000"),
        "pkt-line 1 at byte 0: expected a report of what came of the push, got the end of the stream",
    );
    check(&behind(b"0001"), "pkt-line 3 at byte 145: length 0001 has no meaning");
    check(&behind(b"0004"), "pkt-line 3 at byte 145: no band");
    check(&behind(b"0006\x04a"), "pkt-line 3 at byte 145: unknown band 4");
    check(&behind(b"000a\x03dead\n"), "the peer reports: dead");
    check(
        &behind(b"000f\x01000eunp"),
        "pkt-line 3 at byte 145: the stream ends, at least 3 more bytes are due",
    );
    let report = |lines: &[&str]| banded(lines, b"0000");
    check(
        &report(&["0000"]),
        "pkt-line 1 at byte 0: expected a report of what came of the push, got a flush packet",
    );
    check(
        &report(&["ok refs/heads/a", "0000"]),
        "pkt-line 1 at byte 0: expected a report of what came of the push, got 'ok refs/heads/a'",
    );
    check(
        &report(&["unpack ok", "unpack ok", "0000"]),
        "pkt-line 2 at byte 14: expected a report of what came of the push, got 'unpack ok'",
    );
    check(
        &report(&["unpack ok", "maybe refs/heads/a", "0000"]),
        "pkt-line 2 at byte 14: expected a line of a report, got 'maybe refs/heads/a'",
    );
    check(&report(&["unpack ok", "ok ", "0000"]), "pkt-line 2 at byte 14: malformed ref name: 'ok '");
    check(
        &report(&["unpack ok", "ok refs/heads/a", "option new-oid 12", "0000"]),
        "pkt-line 3 at byte 34: object id has length 2, expected 40 in 'option new-oid 12'",
    );
    check(
        &report(&["unpack ok", "ok refs/heads/a", "0001"]),
        "pkt-line 3 at byte 34: length 0001 has no meaning",
    );
    check(
        &report(&["unpack ok", "ok refs/heads/a"]),
        "pkt-line 3 at byte 34: expected a report of what came of the push, got the end of the stream",
    );
    check(
        &report(&["unpack ok", "0000", "ok refs/heads/a"]),
        "pkt-line 2 at byte 14: expected nothing behind the report, got '0'",
    );
}

#[test]
fn the_peers_last_words_are_its_own() {
    let front = lines(&[REFS, "0000"]);
    let error = converse(&mut client(), &[&front[..], b"000a\x03dead\n"].concat(), vec![command("a")]);
    let expected = ProtocolError::Remote { channel: RemoteChannel::Band, message: "dead".into() };
    assert_eq!(error.unwrap_err(), expected);
    let error = converse(&mut client(), &lines(&["ERR not today"]), Vec::new()).unwrap_err();
    assert!(matches!(error, ProtocolError::Remote { channel: RemoteChannel::ErrorLine, .. }), "{error:?}");
}

/// A client to which a command is due.
fn at_command(refs: &str) -> PushClient {
    let mut client = client();
    let mut input = BytesMut::from(&lines(&[refs, "0000"])[..]);
    while client.awaiting() != PushAwaiting::Command {
        let _ = client.step(&mut input, &mut BytesMut::new()).unwrap();
    }
    client
}

#[test]
fn calls_out_of_turn_change_nothing() {
    let mut output = BytesMut::new();
    let ready = at_command(REFS);
    let one = request(&ready, vec![command("refs/heads/a")]);
    let mut early = client();
    assert_eq!(early.push(&one, &mut output), Err(Misuse::OutOfTurn("push").into()));
    assert_eq!(early.finish(&mut output), Err(Misuse::OutOfTurn("finish").into()));
    assert_eq!(early.pack_frame(&mut output, |_| 0), Err(Misuse::OutOfTurn("a pack").into()));
    assert_eq!(early.end_pack(), Err(Misuse::OutOfTurn("end_pack").into()));
    assert_eq!(early.awaiting(), PushAwaiting::Server);
    assert!(early.offer().is_none() && !early.keep_alive(&mut output));
    let mut ready = ready;
    assert_eq!(ready.pack_frame(&mut output, |_| 0), Err(Misuse::OutOfTurn("a pack").into()));
    assert!(output.is_empty());
    ready.push(&one, &mut output).unwrap();
    let written = output.clone();
    assert_eq!(ready.push(&one, &mut output), Err(Misuse::OutOfTurn("push").into()));
    assert_eq!(ready.finish(&mut output), Err(Misuse::OutOfTurn("finish").into()));
    let full = ready.pack_frame(&mut output, |room| room.len().saturating_add(1));
    assert_eq!(full, Err(Misuse::Invalid("a frame that is more than full").into()));
    assert_eq!(output, written);
    // Whoever gives up says nothing more.
    ready.abort(b"why", &mut output);
    assert_eq!((ready.awaiting(), output), (PushAwaiting::Nothing, written));
    assert!(matches!(ready.step(&mut BytesMut::new(), &mut BytesMut::new()), Ok(Next::Done)));
}

#[test]
fn requests_that_cannot_be_are_refused_before_a_byte_is_written() {
    #[track_caller]
    fn check(refs: &str, change: impl FnOnce(&mut PushRequest), expected: Misuse) {
        let mut client = at_command(refs);
        let mut request = request(&client, vec![command("refs/heads/a")]);
        change(&mut request);
        let mut output = BytesMut::new();
        assert_eq!(client.push(&request, &mut output), Err(expected.into()));
        assert!(output.is_empty() && client.awaiting() == PushAwaiting::Command);
    }
    let other = ObjectId::zero(ObjectFormat::Sha256);
    let wrong = Misuse::Invalid("an id of another format than the agreement's");
    check(REFS, |request| request.commands.clear(), Misuse::Invalid("a push without commands"));
    check(REFS, |request| request.commands[0].old = other, wrong);
    check(REFS, |request| request.commands[0].new = other, wrong);
    check(REFS, |request| request.shallow.push(other), wrong);
    let name = Misuse::Unsendable("a ref name with a control byte or a blank");
    for bad in ["", "a b", "a\0b", "a\n", "a\x7f"] {
        check(REFS, |request| request.commands[0].name = bad.into(), name);
    }
    let few = "ID refs/heads/main\0report-status";
    check(few, |request| request.commands[0] = delete("a"), Misuse::NotOffered("delete-refs"));
    let options = Misuse::Invalid("push options that were not agreed on");
    check(REFS, |request| request.push_options.push("a".into()), options);
    let agreed = |request: &mut PushRequest| request.agreement.features.insert(PushFeature::PushOptions);
    for bad in ["a\nb", "a\0b"] {
        let change = |request: &mut PushRequest| {
            agreed(request);
            request.push_options.push(bad.into());
        };
        check(REFS, change, Misuse::Unsendable("a push option"));
    }
    let certificate = Misuse::Invalid("a certificate that was not agreed on");
    check(REFS, |request| request.certificate = Some("x".into()), certificate);
}

#[test]
fn a_certificate_stands_in_place_of_the_commands() {
    let mut client = at_command("ID refs/heads/main\0report-status push-cert=1-n push-options delete-refs");
    let mut wish = PushClient::wish(ObjectFormat::Sha1);
    (wish.agent, wish.certificate) = (None, Certificate::Always);
    wish.features.insert(PushFeature::PushOptions);
    let agreement = client.offer().unwrap().agree(&wish).unwrap();
    assert_eq!(agreement.nonce.as_ref().unwrap().as_bytes(), b"1-n");
    let mut request = PushRequest::new(agreement, vec![delete("refs/heads/main")]);
    request.certificate = Some("certificate version 0.1\nnonce 1-n\n\ncommand\n-----BEGIN\n".into());
    request.push_options = vec!["one".into()];
    request.shallow = vec![ObjectId::from_sha1([0x11; 20])];
    let mut output = BytesMut::new();
    client.push(&request, &mut output).unwrap();
    let text = String::from_utf8(output.to_vec()).unwrap().replace(ID, "ID");
    assert!(text.contains("shallow ID") && text.contains("push-cert\0 report-status push-options"), "{text}");
    assert!(text.ends_with("000f-----BEGIN\n0012push-cert-end\n00000008one\n0000"), "{text}");
}

#[test]
fn limits_at_max_and_above() {
    #[track_caller]
    fn check(answers: &[u8], set: impl Fn(&mut Limits, u64), max: u64, what: &str) {
        for (max, fits) in [(max, true), (max - 1, false)] {
            let mut options = PushClientOptions::default();
            set(&mut options.limits, max);
            match converse(&mut PushClient::new(options), answers, vec![command("refs/heads/a")]) {
                Ok(_) => assert!(fits, "{what}: {max} is too much"),
                Err(ProtocolError::Limit { what: hit, .. }) => assert!(!fits && hit == what, "{hit}"),
                Err(error) => panic!("{error}"),
            }
        }
    }
    let refs = [REFS, "ID refs/heads/b", "ID refs/heads/c", "shallow ID", "shallow ID", "0000"];
    let report = lines(&["unpack ok", "ok refs/heads/a", "ng refs/heads/b c", "0000"]);
    let packet = format!("{:04x}\x01", report.len().saturating_add(5));
    let answers =
        [&lines(&refs)[..], b"000a\x02ab\ncd", packet.as_bytes(), &report, b"0006\x02e0000"].concat();
    check(&answers, |limits, max| limits.refs_max = max, 3, "refs");
    let bytes = lines(&refs[..3]).len() as u64;
    check(&answers, |limits, max| limits.advertisement_bytes_max = max, bytes, "bytes of refs");
    check(&answers, |limits, max| limits.shallows_max = max, 2, "shallow lines");
    check(&answers, |limits, max| limits.progress_bytes_max = max, 6, "bytes of progress");
    check(&answers, |limits, max| limits.commands_max = max, 2, "lines of a report");
}
