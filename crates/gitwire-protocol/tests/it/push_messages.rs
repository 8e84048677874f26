//! The messages of a push: what is written is read again, and what is malformed is refused with the exact reason.

use bytes::BytesMut;
use gitwire_pktline::{Packet, Packets, PktLineError};
use gitwire_protocol::Violation;
use gitwire_protocol::message::{PushCertificate, ReportOption, ReportStatusLine, UpdateRequestLine};
use gitwire_types::{ObjectFormat, ObjectId};
use proptest::prelude::*;

const ID: &str = "74730d410fcb6603ace96f1dc55ea6196122532d";
const SHA1: ObjectFormat = ObjectFormat::Sha1;

fn text(front: &str) -> Vec<u8> {
    front.replace("ID", ID).into_bytes()
}

#[track_caller]
fn refused<T: std::fmt::Debug>(parsed: Result<T, Violation>, expected: &str) {
    assert_eq!(parsed.unwrap_err().to_string(), expected.replace("ID", ID));
}

#[test]
fn malformed_update_requests() {
    #[track_caller]
    fn check(line: &str, expected: &str) {
        refused(UpdateRequestLine::parse(SHA1, &text(line)), expected);
    }
    let shape = |line: &str| format!("expected old and new object id and a ref name, got '{line}'");
    for line in
        ["", "shallow", "push-certs", "push-cert ", "ID", "ID ID", "ID ID\\x00", "ID  ID a", "ID\\tID a"]
    {
        let bytes = line.replace("\\x00", "\0").replace("\\t", "\t");
        // What stands behind a NUL is no part of the line.
        check(&bytes, &shape(line.trim_end_matches("\\x00")));
    }
    check("IDID refs/heads/a", &shape("IDID refs/heads/a"));
    check("1234 ID refs/heads/a", &shape("1234 ID refs/heads/a"));
    check("ID ID ", "malformed ref name: 'ID ID '");
    check("ID ID \0report-status", "malformed ref name: 'ID ID '");
    check("shallow 12", "object id has length 2, expected 40 in 'shallow 12'");
    check("shallow ID refs/heads/a", "object id has length 53, expected 40 in 'shallow ID refs/heads/a'");
    let bad = ID.replacen('7', "g", 1);
    check(
        &format!("{bad} ID a"),
        &format!("object id has byte 0x67 at offset 0, which is no hexadecimal digit in '{bad} ID a'"),
    );
    check(
        &format!("ID {bad} a"),
        &format!("object id has byte 0x67 at offset 0, which is no hexadecimal digit in 'ID {bad} a'"),
    );
    // Upper case is read, as git does; a name may hold what it likes, and is looked at by others.
    let upper = format!("{} {} a b\n", ID.to_uppercase(), ID);
    let id = ObjectId::from_hex(SHA1, ID.as_bytes()).unwrap();
    let expected = UpdateRequestLine::Command { old: id, new: id, name: b"a b", capabilities: None };
    assert_eq!(UpdateRequestLine::parse(SHA1, upper.as_bytes()), Ok(expected));
    // Ids of the other hash function.
    refused(UpdateRequestLine::parse(ObjectFormat::Sha256, &text("ID ID a")), &shape("ID ID a"));
}

#[test]
fn malformed_reports() {
    #[track_caller]
    fn check(line: &str, expected: &str) {
        refused(ReportStatusLine::parse(SHA1, &text(line)), expected);
    }
    for line in ["", "unpack", "ok", "okay refs/heads/a", "ng", "option", "NG refs/heads/a why", " ok a"] {
        check(line, &format!("expected a line of a report, got '{line}'"));
    }
    check("ok ", "malformed ref name: 'ok '");
    check("ng ", "malformed ref name: 'ng '");
    check("ng  why", "malformed ref name: 'ng  why'");
    check("option refname ", "malformed ref name: 'option refname '");
    check("option old-oid 12", "object id has length 2, expected 40 in 'option old-oid 12'");
    check("option new-oid IDID", "object id has length 80, expected 40 in 'option new-oid IDID'");
    // What is odd and has a meaning all the same.
    let parse = |line: &'static str| ReportStatusLine::parse(SHA1, line.as_bytes());
    assert_eq!(parse("unpack "), Ok(ReportStatusLine::UnpackError(b"")));
    assert_eq!(parse("unpack ok\n"), Ok(ReportStatusLine::UnpackOk));
    assert_eq!(parse("ng a"), Ok(ReportStatusLine::Rejected { name: b"a", reason: b"" }));
    assert_eq!(parse("ng a  b c"), Ok(ReportStatusLine::Rejected { name: b"a", reason: b" b c" }));
    assert_eq!(parse("option new"), Ok(ReportStatusLine::Option(ReportOption::Other(b"new"))));
    assert_eq!(
        parse("option forced-update x"),
        Ok(ReportStatusLine::Option(ReportOption::Other(b"forced-update x")))
    );
}

#[test]
fn malformed_certificates() {
    #[track_caller]
    fn check(certificate: &str, expected: &str) {
        refused(PushCertificate::parse(SHA1, &text(certificate)), expected);
    }
    const FRONT: &str = "certificate version 0.1\npusher A <a@example.org> 1 +0000\n";
    check("", "expected certificate version 0.1, got ''");
    check("certificate version 0.2\n", "expected certificate version 0.1, got 'certificate version 0.2'");
    check("certificate version 0.1", "expected a blank line, got ''");
    check(FRONT, "expected a blank line, got ''");
    check(&format!("{FRONT}\nID ID\n"), "expected old and new object id and a ref name, got 'ID ID'");
    check(&format!("{FRONT}\nID ID \n"), "malformed ref name: 'ID ID '");
    check(&format!("{FRONT}\n\n"), "expected old and new object id and a ref name, got ''");
    check(
        &format!("{FRONT}\nID ID a\nsomething\n-----BEGIN\n"),
        "expected old and new object id and a ref name, got 'something'",
    );
    check(&format!("{FRONT}pusher B\n\n"), "malformed second pusher: 'pusher B'");
    check(&format!("{FRONT}pushee x\npushee x\n\n"), "malformed second pushee: 'pushee x'");
    check(&format!("{FRONT}nonce 1\nnonce 2\n\n"), "malformed second nonce: 'nonce 2'");
}

#[test]
fn what_is_signed_is_what_came() {
    #[track_caller]
    fn check(payload: &str, signature: &str) {
        let whole = text(&format!("{payload}{signature}"));
        let read = PushCertificate::parse(SHA1, &whole).unwrap();
        assert_eq!(read.payload(), text(payload));
        assert_eq!(read.signature, signature.as_bytes());
    }
    let signature = "-----BEGIN PGP SIGNATURE-----\nabc\n-----END PGP SIGNATURE-----\n";
    // In an order of its own, with headers that nobody knows, an upper-case id, options twice, no pusher, no LF at the end.
    check("certificate version 0.1\nnonce 1\nlater thing\npusher A\n\nID ID a\n", signature);
    check(
        "certificate version 0.1\npush-option x\npusher A\npush-option x\n\nABCDEF7890ABCDEF7890ABCDEF7890ABCDEF7890 ID a\n",
        signature,
    );
    check("certificate version 0.1\n\n", signature);
    check("certificate version 0.1\n\nID ID refs/heads/a", "");
    check("certificate version 0.1\npusher A\n\nID ID a\n", "-----BEGIN SSH SIGNATURE-----");
    assert_eq!(PushCertificate::default().payload(), b"");
}

/// The data of the one line that `write` appends.
fn written(write: impl FnOnce(&mut BytesMut) -> Result<(), PktLineError>) -> Vec<u8> {
    let mut out = BytesMut::new();
    write(&mut out).unwrap();
    let mut packets = Packets::new(&out);
    let Some(Ok(Packet::Data(data))) = packets.next() else { panic!("not one line") };
    assert!(packets.next().is_none());
    data.to_vec()
}

fn word() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>().prop_filter("a line's end", |byte| !b"\n\0".contains(byte)), 1..30)
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    "refs/[a-z]{1,9}/[!-~]{1,20}".prop_map(String::into_bytes)
}

proptest! {
    #[test]
    fn lines_are_read_as_written(old: [u8; 20], new: [u8; 20], name in name(), words in word()) {
        let (old, new) = (ObjectId::from_sha1(old), ObjectId::from_sha1(new));
        for capabilities in [None, Some(&words[..])] {
            let line = UpdateRequestLine::Command { old, new, name: &name, capabilities };
            let data = written(|out| line.write(out));
            prop_assert_eq!(UpdateRequestLine::parse(SHA1, &data), Ok(line));
        }
        for line in [UpdateRequestLine::Shallow(old), UpdateRequestLine::Certificate { capabilities: &words }] {
            let data = written(|out| line.write(out));
            prop_assert_eq!(UpdateRequestLine::parse(SHA1, &data), Ok(line));
        }
        for line in [
            ReportStatusLine::UnpackOk,
            ReportStatusLine::Ok(&name),
            ReportStatusLine::Rejected { name: &name, reason: &words },
            ReportStatusLine::Option(ReportOption::RefName(&name)),
            ReportStatusLine::Option(ReportOption::OldOid(old)),
            ReportStatusLine::Option(ReportOption::NewOid(new)),
            ReportStatusLine::Option(ReportOption::ForcedUpdate),
        ] {
            let data = written(|out| line.write(out));
            prop_assert_eq!(ReportStatusLine::parse(SHA1, &data), Ok(line));
        }
    }

    #[test]
    fn certificates_are_read_as_written(
        pusher in word(), pushee in proptest::option::of(word()), nonce in proptest::option::of(word()),
        options in proptest::collection::vec(word(), 0..3),
        commands in proptest::collection::vec((any::<[u8; 20]>(), any::<[u8; 20]>(), name()), 0..4),
    ) {
        let mut certificate = PushCertificate::default();
        certificate.pusher = &pusher;
        certificate.pushee = pushee.as_deref();
        certificate.nonce = nonce.as_deref();
        certificate.push_options = options.iter().map(Vec::as_slice).collect();
        certificate.commands = commands
            .iter()
            .map(|(old, new, name)| (ObjectId::from_sha1(*old), ObjectId::from_sha1(*new), &name[..]))
            .collect();
        let payload = certificate.to_text();
        let whole = [&payload[..], b"-----BEGIN\n"].concat();
        let read = PushCertificate::parse(SHA1, &whole).unwrap();
        prop_assert_eq!(read.payload(), payload);
        prop_assert_eq!(read.to_text(), read.payload());
        prop_assert_eq!(read.pusher, certificate.pusher);
        prop_assert_eq!(read.pushee, certificate.pushee);
        prop_assert_eq!(read.nonce, certificate.nonce);
        prop_assert_eq!(&read.push_options, &certificate.push_options);
        prop_assert_eq!(&read.commands, &certificate.commands);
    }

    #[test]
    fn no_bytes_make_a_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = UpdateRequestLine::parse(SHA1, &bytes);
        let _ = ReportStatusLine::parse(SHA1, &bytes);
        let _ = PushCertificate::parse(SHA1, &bytes);
    }
}
