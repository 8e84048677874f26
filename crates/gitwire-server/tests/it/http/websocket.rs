//! The duplex protocol over WebSocket: what the upgrade asks for, and what ends a conversation.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gitwire_server::ReceivePolicy;
use gitwire_server::access::{Access, Credentials, Principal, Right, SignInError, Verdict};

use super::{Fixture, Setup};

/// A client that speaks frames by hand.
struct Client {
    stream: TcpStream,
    /// The answer to the request, without its body.
    head: String,
}

const UPGRADE: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const FETCH: &str = "GET /r.git/git-upload-pack HTTP/1.1";
const PUSH: &str = "GET /r.git/git-receive-pack HTTP/1.1";
const BINARY: u8 = 0x82;

impl Client {
    fn ask(fixture: &Fixture, lines: &[&str]) -> Self {
        let mut stream = TcpStream::connect(fixture.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(format!("{}\r\nHost: h:1\r\n\r\n", lines.join("\r\n")).as_bytes()).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        Self { stream, head: String::from_utf8(head).unwrap() }
    }

    #[track_caller]
    fn upgraded(fixture: &Fixture, lines: &[&str]) -> Self {
        let client = Self::ask(fixture, &[lines, &[UPGRADE]].concat());
        assert!(client.head.starts_with("HTTP/1.1 101 "), "{}", client.head);
        assert!(client.head.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
        client
    }

    /// One frame, with a mask of zeros.
    fn send(&mut self, first: u8, payload: &[u8]) {
        let len = u16::try_from(payload.len()).unwrap();
        let mut frame = vec![first];
        if len < 126 {
            frame.push(0x80 | u8::try_from(len).unwrap());
        } else {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&len.to_be_bytes());
        }
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(payload);
        // A server that has closed already takes no more.
        let _ = self.stream.write_all(&frame);
    }

    fn frame(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head).unwrap();
        let mut len = u64::from(head[1]);
        if len == 126 {
            let mut more = [0; 2];
            self.stream.read_exact(&mut more).unwrap();
            len = u16::from_be_bytes(more).into();
        } else if len == 127 {
            let mut more = [0; 8];
            self.stream.read_exact(&mut more).unwrap();
            len = u64::from_be_bytes(more);
        }
        let mut payload = vec![0; usize::try_from(len).unwrap()];
        self.stream.read_exact(&mut payload).unwrap();
        (head[0], payload)
    }

    /// What is said up to the close frame, and its code.
    fn rest(&mut self) -> (String, u16) {
        let mut said = Vec::new();
        loop {
            match self.frame() {
                (BINARY, payload) => said.extend(payload),
                (0x88, code) => {
                    let code = u16::from_be_bytes(code[..2].try_into().unwrap());
                    return (String::from_utf8_lossy(&said).into_owned(), code);
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn each_version_is_spoken_where_it_is_asked_for() {
    let setup = Setup { receive: Some(ReceivePolicy::default()), ..Setup::default() };
    let Some(fixture) = Fixture::new(setup) else { return };
    #[track_caller]
    fn check(fixture: &Fixture, lines: &[&str], start: &str) {
        let mut client = Client::upgraded(fixture, lines);
        client.send(BINARY, b"0000");
        let (said, code) = client.rest();
        assert!(said.contains(start) && said.ends_with("0000"), "{lines:?}: {said}");
        assert_eq!(code, 1000);
        client.send(0x88, &1000_u16.to_be_bytes());
        assert_eq!(client.stream.read(&mut [0]).unwrap(), 0, "the server hangs up");
    }
    check(&fixture, &[FETCH], " HEAD\0");
    check(&fixture, &[FETCH, "Git-Protocol: version=1"], "000eversion 1\n");
    check(&fixture, &[FETCH, "Git-Protocol: version=2"], "000eversion 2\n");
    check(&fixture, &[FETCH, "Git-Protocol: version=7"], " HEAD\0");
    check(&fixture, &[PUSH], " refs/heads/main\0report-status");
    check(&fixture, &[PUSH, "Git-Protocol: version=1"], "000eversion 1\n");
    check(&fixture, &[PUSH, "Git-Protocol: version=2"], " refs/heads/main\0report-status");
    // A page that this server has made may connect.
    check(&fixture, &[FETCH, "Origin: http://h:1"], " HEAD\0");
}

#[test]
fn the_end_of_input_is_a_close_frame_or_an_empty_message() {
    let Some(fixture) = Fixture::new(Setup::default()) else { return };
    for (first, payload) in [(0x88, &1000_u16.to_be_bytes()[..]), (BINARY, b"")] {
        let mut client = Client::upgraded(&fixture, &[FETCH, "Git-Protocol: version=2"]);
        client.send(first, payload);
        assert_eq!(client.rest().1, 1000);
    }
    // In the midst of a line it is told so, as long as it listens.
    let mut client = Client::upgraded(&fixture, &[FETCH, "Git-Protocol: version=2"]);
    client.send(BINARY, b"0014comm");
    client.send(BINARY, b"");
    let (said, code) = client.rest();
    assert!(said.contains("ERR "), "{said}");
    assert_eq!(code, 1000);
}

#[test]
fn what_is_not_the_protocol_closes_with_its_code() {
    let mut setup = Setup::default();
    setup.options.websocket.message_bytes_max = 1000;
    let Some(fixture) = Fixture::new(setup) else { return };
    let check = |first: u8, payload: &[u8], code: u16| {
        let mut client = Client::upgraded(&fixture, &[FETCH, "Git-Protocol: version=2"]);
        client.send(first, payload);
        client.send(BINARY, b"0000");
        assert_eq!(client.rest().1, code);
    };
    check(0x81, b"0000", 1003);
    check(0x81, b"\xff", 1003);
    // The largest that is taken: it says nothing, so that the flush behind it is heard.
    let lines = b"0014command=ls-refs\n0001".to_vec();
    let prefix = format!("{:04x}ref-prefix {}", 1000 - lines.len(), "x".repeat(1000 - lines.len() - 15));
    let largest = [lines, prefix.into_bytes()].concat();
    assert_eq!(largest.len(), 1000);
    let mut client = Client::upgraded(&fixture, &[FETCH, "Git-Protocol: version=2"]);
    client.send(BINARY, &largest);
    client.send(BINARY, b"00000000");
    let (said, code) = client.rest();
    assert!(said.ends_with("0000") && !said.contains("ERR"), "{said}");
    assert_eq!(code, 1000);
    check(BINARY, &[largest, b"0".to_vec()].concat(), 1009);
    check(0x83, b"0000", 1002);
    check(0xc2, b"0000", 1002);
}

#[test]
fn pings_are_answered_and_keep_nobody_alive() {
    let mut setup = Setup::default();
    setup.policy.deadlines.idle = Some(Duration::from_millis(300));
    let Some(fixture) = Fixture::new(setup) else { return };
    let mut client = Client::upgraded(&fixture, &[FETCH, "Git-Protocol: version=2"]);
    while !client.frame().1.ends_with(b"0000") {}
    let start = Instant::now();
    let mut answered = 0;
    loop {
        client.send(0x89, b"are you there");
        match client.frame() {
            (0x8a, payload) => assert_eq!(payload, b"are you there"),
            (0x88, _) => break,
            other => panic!("{other:?}"),
        }
        answered += 1;
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(answered > 3 && start.elapsed() > Duration::from_millis(250), "cut too early");
    // Who speaks in time is served.
    let mut client = Client::upgraded(&fixture, &[FETCH, "Git-Protocol: version=2"]);
    client.send(BINARY, b"0014command=ls-refs\n00000000");
    assert!(client.rest().0.contains(" refs/heads/main\n"));
}

#[test]
fn frames_right_behind_the_request_are_heard() {
    let Some(fixture) = Fixture::new(Setup::default()) else { return };
    let mut stream = TcpStream::connect(fixture.address).unwrap();
    let mut request =
        format!("{FETCH}\r\n{UPGRADE}\r\nGit-Protocol: version=2\r\nHost: h:1\r\n\r\n").into_bytes();
    let command = b"0014command=ls-refs\n00000000";
    request.extend_from_slice(&[BINARY, 0x80 | 28, 0, 0, 0, 0]);
    assert_eq!(command.len(), 28);
    request.extend_from_slice(command);
    stream.write_all(&request).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let (said, code) = Client { stream, head: String::new() }.rest();
    assert!(said.contains(" refs/heads/main\n"), "{said}");
    assert_eq!(code, 1000);
}

#[test]
fn nothing_is_left_of_a_push_whose_client_dies() {
    let setup = Setup { receive: Some(ReceivePolicy::default()), ..Setup::default() };
    let Some(fixture) = Fixture::new(setup) else { return };
    let objects = || {
        let entries = fs::read_dir(fixture.served().join("objects")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let until = |what: &str, done: &dyn Fn() -> bool| {
        let start = Instant::now();
        while !done() {
            assert!(start.elapsed() < Duration::from_secs(20), "{what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let before = objects();
    for ends in [b"".as_slice(), b"\x88\x80\0\0\0\0", b"\x82\x80\0\0\0\0"] {
        let mut client = Client::upgraded(&fixture, &[PUSH]);
        let command = format!("{} {} refs/heads/new\0report-status", "0".repeat(40), "1".repeat(40));
        let start = format!("{:04x}{command}0000PACK\0\0\0\x02\0\0\0\x01", command.len() + 4);
        client.send(BINARY, start.as_bytes());
        until("the push is staged", &|| objects() != before);
        client.stream.write_all(ends).unwrap();
        drop(client);
        until("what was staged goes", &|| objects() == before);
    }
}

/// Everybody reads but the secret; ann writes.
struct Book;

impl Access for Book {
    fn decide(&self, who: &Principal, repository: &[u8], right: Right) -> Verdict {
        match (who.name(), right) {
            (_, Right::Read) if repository != b"secret.git" => Verdict::Allowed,
            (Some("ann"), _) => Verdict::Allowed,
            (Some(_), _) => Verdict::Denied,
            (None, _) => Verdict::SignIn,
        }
    }

    fn authenticate(&self, credentials: &Credentials) -> Result<Principal, SignInError> {
        match &credentials.password[..] {
            b"right" => Ok(Principal::User(credentials.user.as_str().into())),
            _ => Err(SignInError::Wrong),
        }
    }
}

#[test]
fn who_asks_and_may_is_settled_before_the_upgrade() {
    let mut setup =
        Setup { receive: Some(ReceivePolicy::default()), access: Some(Arc::new(Book)), ..Setup::default() };
    setup.options.wrong_delay = Duration::from_millis(1);
    let Some(fixture) = Fixture::new(setup) else { return };
    #[track_caller]
    fn check(fixture: &Fixture, lines: &[&str], status: &str, part: &str) {
        let client = Client::ask(fixture, lines);
        assert!(client.head.starts_with(&format!("HTTP/1.1 {status} ")), "{lines:?}: {}", client.head);
        assert!(client.head.contains(part), "{lines:?}: {}", client.head);
    }
    // ann:right, bob:right, ann:wrong
    let (ann, bob, wrong) = (
        "Authorization: Basic YW5uOnJpZ2h0",
        "Authorization: Basic Ym9iOnJpZ2h0",
        "Authorization: Basic YW5uOndyb25n",
    );
    check(&fixture, &[FETCH, UPGRADE], "101", "upgrade: websocket\r\n");
    check(&fixture, &[PUSH, UPGRADE, ann], "101", "connection: Upgrade\r\n");
    check(&fixture, &[PUSH, UPGRADE], "401", "www-authenticate: Basic ");
    check(&fixture, &[PUSH, UPGRADE, wrong], "401", "www-authenticate: Basic ");
    check(&fixture, &[FETCH, UPGRADE, wrong], "401", "www-authenticate: Basic ");
    check(&fixture, &[PUSH, UPGRADE, bob], "403", "");
    check(&fixture, &["GET /none.git/git-upload-pack HTTP/1.1", UPGRADE], "404", "");
    check(&fixture, &["GET /%2e%2e/root/r.git/git-upload-pack HTTP/1.1", UPGRADE], "404", "");
    check(&fixture, &["GET /x%2fr.git/git-upload-pack HTTP/1.1", UPGRADE], "404", "");
    check(&fixture, &["GET /r.git/git-upload-archive HTTP/1.1", UPGRADE], "404", "");
    check(&fixture, &["GET /r.git/info/refs?service=git-upload-pack HTTP/1.1", UPGRADE], "200", "");
    check(&fixture, &[FETCH, UPGRADE, "Origin: http://elsewhere"], "403", "");
    check(&fixture, &[FETCH, UPGRADE, "Origin: null"], "403", "");
    check(&fixture, &[FETCH], "405", "allow: POST\r\n");
    check(&fixture, &[FETCH, "Connection: Upgrade\r\nUpgrade: h2c"], "405", "");
    check(&fixture, &[FETCH, &UPGRADE.replace("13", "8")], "426", "sec-websocket-version: 13\r\n");
    check(&fixture, &[FETCH, &UPGRADE.replace("keep-alive, Upgrade", "keep-alive")], "400", "");
    check(&fixture, &[FETCH, &UPGRADE.replace("dGhl", "dGh")], "400", "");
    check(&fixture, &[FETCH, &UPGRADE.replace("Sec-WebSocket-Key", "X")], "400", "");
    check(&fixture, &["POST /r.git/git-upload-pack HTTP/1.1", UPGRADE, "Content-Length: 0"], "415", "");
}

#[test]
fn an_upgraded_connection_counts_and_ends_with_the_server() {
    let mut setup = Setup::default();
    (setup.options.connections_max, setup.options.grace) = (1, Duration::from_millis(50));
    let Some(fixture) = Fixture::new(setup) else { return };
    let mut first = Client::upgraded(&fixture, &[FETCH, "Git-Protocol: version=2"]);
    let mut second = TcpStream::connect(fixture.address).unwrap();
    second.write_all(b"GET /r.git/HEAD HTTP/1.0\r\n\r\n").unwrap();
    second.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert!(second.read(&mut [0]).is_err(), "two are served where one may be");
    first.send(BINARY, b"0000");
    assert_eq!(first.rest().1, 1000);
    drop(first);
    second.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert_eq!(second.read(&mut [0]).unwrap(), 1);
    drop(second);

    let mut last = Client::upgraded(&fixture, &[FETCH, "Git-Protocol: version=2"]);
    drop(fixture);
    // The advertisement, then nothing more.
    let mut said = Vec::new();
    let _ = last.stream.read_to_end(&mut said);
    assert!(said.ends_with(b"0000"));
}
