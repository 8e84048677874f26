//! The HTTP connector against a server that says what a test tells it to say.

mod patience;
mod server;
mod tls;

use std::io::{Cursor, Read as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use gitwire_protocol::message::Service;
use gitwire_protocol::{FetchClient, FetchClientOptions, FetchEvent, LsRefsRequest, Mode};
use gitwire_transport::blocking::StatelessDriver;
use gitwire_transport::http::{Site, exchanges};
use gitwire_transport::{
    ConnectOptions, Credential, CredentialPlace, Credentials, Deadlines, Exchanges, HttpOptions, HttpTrace,
    Limits, Moved, Protocols, Redirects, RequestBody, Secret, TransportError, Url,
};

use self::server::{Asked, Server, answer, redirect};

const ADVERTISEMENT: &str = "application/x-git-upload-pack-advertisement";
const RESULT: &str = "application/x-git-upload-pack-result";
const GREETING: &str = "001e# service=git-upload-pack\n0000000eversion 2\n0000";

fn options() -> ConnectOptions {
    let mut options = ConnectOptions { parameters: Some("version=2".into()), ..ConnectOptions::user() };
    options.http.idle = Some(Duration::from_secs(60));
    options
}

fn open(url: &str, options: &ConnectOptions) -> Box<dyn Exchanges> {
    exchanges(&Url::parse(url.as_bytes()).unwrap(), Service::UploadPack, options).unwrap()
}

/// What `info/refs` says, or the error with its causes.
fn advertise(url: &str, options: &ConnectOptions) -> Result<String, String> {
    read(open(url, options).advertise())
}

fn read(answer: Result<Box<dyn std::io::Read + '_>, TransportError>) -> Result<String, String> {
    let mut text = String::new();
    match answer.map(|mut answer| answer.read_to_string(&mut text)) {
        Ok(Ok(_)) => Ok(text),
        Ok(Err(error)) => Err(error.to_string()),
        Err(error) => Err(match std::error::Error::source(&error) {
            Some(source) if !error.to_string().contains(&source.to_string()) => format!("{error}: {source}"),
            _ => error.to_string(),
        }),
    }
}

/// A server that gives every request the same answer; `BASE` in what is expected stands for its URL.
#[track_caller]
fn check(raw: impl Into<Vec<u8>>, expected: Result<&str, &str>) {
    let raw = raw.into();
    let server = Server::start(move |_| raw.clone());
    let actual = advertise(&format!("{}/a.git", server.url()), &options());
    let expected = expected.map(str::to_owned).map_err(|text| text.replace("BASE", server.url()));
    assert_eq!(actual, expected);
}

#[test]
fn malformed_answers() {
    check(answer(200, ADVERTISEMENT, GREETING), Ok(GREETING));
    check(answer(200, "Application/X-Git-Upload-Pack-Advertisement; charset=x", GREETING), Ok(GREETING));
    // Content types.
    let not_smart = Err("'BASE/a.git/' is not served by git's smart protocol");
    check(answer(200, "text/plain", GREETING), not_smart);
    check(answer(200, "text/html", "<html>"), not_smart);
    check(answer(200, "application/x-git-receive-pack-advertisement", GREETING), not_smart);
    check("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", not_smart);
    // Prefaces.
    let got = |line: &str| format!("invalid server response; got '{line}'");
    check(answer(200, ADVERTISEMENT, ""), Err(&got("")));
    check(answer(200, ADVERTISEMENT, "0000"), Err(&got("")));
    check(answer(200, ADVERTISEMENT, "<html>"), Err(&got("<html>")));
    check(
        answer(200, ADVERTISEMENT, "001f# service=git-receive-pack\n0000"),
        Err(&got("# service=git-receive-pack")),
    );
    // Answers that are cut.
    let length = |more: &str| {
        format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: {ADVERTISEMENT}\r\n{more}")
    };
    check(length("Content-Length: 999\r\n\r\n000eversion 2\n0000"), Err("the answer is cut short"));
    check(
        length("Transfer-Encoding: chunked\r\n\r\n12\r\n000eversion 2\n0000\r\n"),
        Err("the answer is cut short"),
    );
    check(
        length("Transfer-Encoding: chunked\r\n\r\n12\r\n000eversion 2\n0000\r\n0\r\n\r\n"),
        Ok("000eversion 2\n0000"),
    );
    // No HTTP at all.
    let broken = |why: &str| format!("unable to access 'BASE': {why}");
    check("", Err(&broken("connection closed before message completed")));
    check("SSH-2.0-x\r\n", Err(&broken("invalid HTTP version parsed")));
    check("HTTP/1.1 999999 x\r\n\r\n", Err(&broken("invalid HTTP status-code parsed")));
    check("HTTP/1.1 200 OK\r\nno header\r\n\r\n", Err(&broken("invalid HTTP header parsed")));
    // Codings.
    check(
        length("Content-Encoding: br\r\nContent-Length: 0\r\n\r\n"),
        Err("unable to access 'BASE/a.git/': content coding 'br' not accepted"),
    );
    check(
        length("Content-Encoding: gzip\r\nContent-Length: 11\r\n\r\nno zip here"),
        Err("read from the peer: invalid gzip header"),
    );
}

#[test]
fn answers_may_be_compressed() {
    let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::copy(&mut Cursor::new(GREETING), &mut zip).unwrap();
    let zip = zip.finish().unwrap();
    let head = |zip: &[u8]| {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {ADVERTISEMENT}\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
            zip.len()
        );
        [head.as_bytes(), zip].concat()
    };
    check(head(&zip), Ok(GREETING));
    check(head(&zip[..zip.len() - 1]), Err("unexpected end of file"));
}

#[test]
fn statuses_in_gits_words() {
    let error =
        |status: u16| format!("unable to access 'BASE/a.git/': The requested URL returned error: {status}");
    check(answer(401, "text/plain", "who?"), Err("could not read Username for 'BASE': no credentials"));
    check(answer(404, "text/plain", "none"), Err("repository 'BASE/a.git/' not found"));
    for status in [201, 204, 206, 304, 400, 403, 405, 410, 429, 500, 502, 503] {
        if status == 206 {
            continue;
        }
        check(answer(status, "text/plain", ""), Err(&error(status)));
    }
}

#[test]
fn what_a_server_says_beside_an_error_is_kept_up_to_message_bytes_max() {
    for (len, content_type, kept) in
        [(99, "text/plain", 99), (100, "text/plain", 100), (101, "text/plain", 100), (50, "text/html", 0)]
    {
        let server = Server::start(move |_| answer(403, content_type, &"x".repeat(len)));
        let mut options = options();
        options.http.limits.message_bytes_max = 100;
        let mut exchanges = open(server.url(), &options);
        let Err(TransportError::Http(error)) = exchanges.advertise().map(drop) else { panic!("no error") };
        assert_eq!(error.message().len(), kept, "{len} {content_type}");
    }
}

#[test]
fn headers_max_and_header_bytes_max() {
    let with = |fields: usize, bytes: usize| {
        let mut head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {ADVERTISEMENT}\r\nContent-Length: {}\r\n",
            GREETING.len()
        );
        for at in 2..fields {
            head.push_str(&format!("x-{at}: y\r\n"));
        }
        if bytes > 0 {
            head.push_str(&format!("x: {}\r\n", "z".repeat(bytes - head.len() - 7)));
        }
        head.push_str("\r\n");
        assert!(bytes == 0 || head.len() == bytes);
        Server::start(move |_| format!("{head}{GREETING}").into_bytes())
    };
    let mut options = options();
    (options.http.limits.headers_max, options.http.limits.header_bytes_max) = (10, 9000);
    let ask =
        |server: Server| advertise(server.url(), &options).map_err(|text| text.replace(server.url(), ""));
    let refused = |why: &str| Err(format!("unable to access '': {why}"));
    assert_eq!(ask(with(10, 0)), Ok(GREETING.to_owned()));
    assert_eq!(ask(with(11, 0)), refused("message head is too large"));
    assert_eq!(ask(with(0, 9000)), Ok(GREETING.to_owned()));
    assert_eq!(ask(with(0, 9001)), refused("message head is too large"));
}

#[test]
fn what_is_asked_and_how() {
    let server = Server::start(|asked| match asked.method.as_str() {
        "GET" => answer(200, ADVERTISEMENT, GREETING),
        _ => answer(200, RESULT, "0000"),
    });
    let mut exchanges = open(&format!("{}/a b.git?x=y", server.url()), &options());
    read(exchanges.advertise()).unwrap();
    read(exchanges.post(RequestBody::Whole(Bytes::from_static(b"0014command=ls-refs\n0000")))).unwrap();
    read(exchanges.post(RequestBody::Whole(Bytes::from(vec![b'h'; 1025])))).unwrap();
    drop(exchanges);
    let asked = server.asked();
    let host = server.url().strip_prefix("http://").unwrap();
    let agent = concat!("git/gitwire-", env!("CARGO_PKG_VERSION"));
    let expect = |at: usize, line: &str, headers: &[(&str, Option<&str>)]| {
        let asked: &Asked = &asked[at];
        assert_eq!(format!("{} {}", asked.method, asked.target), line);
        for (name, value) in headers {
            assert_eq!(asked.header(name), *value, "{name} of {line}");
        }
    };
    expect(
        0,
        "GET /a%20b.git?x=y/info/refs&service=git-upload-pack",
        &[
            ("host", Some(host)),
            ("user-agent", Some(agent)),
            ("accept", Some("*/*")),
            ("accept-encoding", Some("gzip")),
            ("pragma", Some("no-cache")),
            ("git-protocol", Some("version=2")),
            ("authorization", None),
        ],
    );
    let post = "POST /a%20b.git?x=y/git-upload-pack";
    let common = [
        ("content-type", Some("application/x-git-upload-pack-request")),
        ("accept", Some(RESULT)),
        ("git-protocol", Some("version=2")),
        ("expect", None),
    ];
    expect(1, post, &common);
    expect(1, post, &[("content-encoding", None), ("content-length", Some("24"))]);
    expect(2, post, &common);
    expect(2, post, &[("content-encoding", Some("gzip"))]);
    let mut plain = String::new();
    flate2::read::GzDecoder::new(&asked[2].body[..]).read_to_string(&mut plain).unwrap();
    assert_eq!(plain, "h".repeat(1025));
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_version_that_the_server_does_not_speak_is_not_said_again() {
    let server = Server::start(|asked| match asked.method.as_str() {
        "GET" => answer(200, ADVERTISEMENT, "001e# service=git-upload-pack\n00000000"),
        _ => answer(200, RESULT, "0000"),
    });
    let mut exchanges = open(server.url(), &options());
    read(exchanges.advertise()).unwrap();
    read(exchanges.post(RequestBody::Whole(Bytes::from_static(b"0000")))).unwrap();
    assert_eq!(server.asked()[1].header("git-protocol"), None);
}

#[test]
fn answers_to_requests_have_their_type() {
    let server = Server::start(|asked| match asked.method.as_str() {
        "GET" => answer(200, ADVERTISEMENT, GREETING),
        _ => answer(200, "text/html", "<html>"),
    });
    let mut exchanges = open(server.url(), &options());
    read(exchanges.advertise()).unwrap();
    let error = read(exchanges.post(RequestBody::Whole(Bytes::from_static(b"0000")))).unwrap_err();
    assert_eq!(error, format!("unable to access '{}/': expected {RESULT}, got 'text/html'", server.url()));
}

#[test]
fn a_connection_that_was_closed_meanwhile_is_opened_again() {
    let server = Server::start(|asked| match asked.method.as_str() {
        "GET" => answer(200, ADVERTISEMENT, GREETING),
        _ => answer(200, RESULT, "0000"),
    });
    server.close_after_each();
    let mut exchanges = open(server.url(), &options());
    read(exchanges.advertise()).unwrap();
    for _ in 0..3 {
        read(exchanges.post(RequestBody::Whole(Bytes::from_static(b"0000")))).unwrap();
    }
    assert_eq!(server.connections(), 4);
}

#[test]
fn redirects_of_the_first_request_move_the_repository() {
    let server = Server::start(|asked| match (asked.method.as_str(), asked.target.as_str()) {
        ("GET", "/old/info/refs?service=git-upload-pack") => {
            redirect(302, "/new.git/info/refs?service=git-upload-pack")
        }
        ("GET", "/new.git/info/refs?service=git-upload-pack") => answer(200, ADVERTISEMENT, GREETING),
        ("POST", "/new.git/git-upload-pack") => answer(200, RESULT, "0000"),
        _ => answer(404, "text/plain", ""),
    });
    let heads = Arc::new(Heads::default());
    let options = ConnectOptions { http_trace: Some(Arc::clone(&heads) as _), ..options() };
    let mut exchanges = open(&format!("{}/old", server.url()), &options);
    assert_eq!(read(exchanges.advertise()).unwrap(), GREETING);
    assert!(heads.0.lock().unwrap().contains(&format!("moved to {}/new.git/", server.url())));
    assert_eq!(read(exchanges.post(RequestBody::Whole(Bytes::from_static(b"0000")))).unwrap(), "0000");
}

#[test]
fn redirects_of_later_requests_are_not_followed() {
    let server = Server::start(|asked| match asked.method.as_str() {
        "GET" => answer(200, ADVERTISEMENT, GREETING),
        _ => redirect(307, "/other"),
    });
    let mut exchanges = open(server.url(), &options());
    read(exchanges.advertise()).unwrap();
    let error = read(exchanges.post(RequestBody::Whole(Bytes::from_static(b"0000")))).unwrap_err();
    assert!(error.ends_with("The requested URL returned error: 307"), "{error}");
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn redirects_that_are_refused() {
    let check = |location: &'static str, change: fn(&mut ConnectOptions), expected: &str| {
        let server = Server::start(move |asked| match asked.target.starts_with("/a/") {
            true => redirect(301, location),
            false => answer(200, ADVERTISEMENT, GREETING),
        });
        let mut options = options();
        change(&mut options);
        let error = advertise(&format!("{}/a", server.url()), &options).unwrap_err();
        let expected = expected.replace("BASE", server.url());
        assert_eq!(error, expected, "{location}");
    };
    let same: fn(&mut ConnectOptions) = |_| ();
    let asked = "BASE/a/info/refs?service=git-upload-pack";
    let refused =
        |to: &str, why: &str| format!("unable to access '{asked}': redirect to '{to}' not followed: {why}");
    check(
        "/login",
        same,
        &format!(
            "unable to update url base from redirection:\n  asked for: {asked}\n   redirect: BASE/login"
        ),
    );
    check(
        "/xinfo/refs?service=git-upload-pack",
        same,
        &format!(
            "unable to update url base from redirection:\n  asked for: {asked}\n   redirect: BASE/xinfo/refs?service=git-upload-pack"
        ),
    );
    check(
        "file:///etc/passwd",
        same,
        &refused("file:///etc/passwd", "other protocols than HTTP are disabled"),
    );
    check("ext::sh -c id", same, &refused("ext::sh -c id", "other protocols than HTTP are disabled"));
    check("gopher://u:secret@h/", same, &refused("gopher://h/", "other protocols than HTTP are disabled"));
    check(
        "https://127.0.0.1:1/info/refs",
        |options| options.protocols = Protocols { https: false, ..Protocols::user() },
        "transport 'https' not allowed",
    );
    check(
        "/b/info/refs?service=git-upload-pack",
        |options| options.http.redirects = Redirects::Never,
        "unable to access 'BASE/a/': The requested URL returned error: 301",
    );
}

#[test]
fn redirects_max() {
    let hop = |asked: &Asked| -> usize { asked.target.split('/').nth(1).unwrap().parse().unwrap() };
    for (redirects_max, ends) in [(5, true), (4, false)] {
        let server = Server::start(move |asked| match hop(asked) {
            5 => answer(200, ADVERTISEMENT, GREETING),
            at => redirect(308, &format!("/{}/info/refs?service=git-upload-pack", at + 1)),
        });
        let mut options = options();
        options.http.limits.redirects_max = redirects_max;
        let url = format!("{}/0", server.url());
        match advertise(&url, &options) {
            Ok(_) => assert!(ends),
            Err(error) => {
                assert!(!ends);
                assert_eq!(error, format!("unable to access '{url}/': maximum (4) redirects followed"));
            }
        }
    }
}

/// Gives what it has, and notes what it hears.
#[derive(Default)]
struct Notes {
    gives: Option<Credential>,
    heard: Mutex<Vec<String>>,
}

impl Notes {
    fn note(&self, what: &str, place: &CredentialPlace) {
        let user = place.user.as_deref().unwrap_or("-");
        let host = place.host.split(':').next().unwrap();
        let path = place.path.escape_ascii();
        let text = format!("{what} {} {host} {path} {user} {:?}", place.protocol, place.challenges);
        self.heard.lock().unwrap().push(text);
    }
}

impl Credentials for Notes {
    fn fill(&self, place: &CredentialPlace) -> Result<Option<Credential>, TransportError> {
        self.note("fill", place);
        Ok(self.gives.clone())
    }

    fn approve(&self, place: &CredentialPlace, _: &Credential) {
        self.note("approve", place);
    }

    fn reject(&self, place: &CredentialPlace, _: &Credential) {
        self.note("reject", place);
    }
}

const REALM: &str = "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"r\"\r\nContent-Length: 0\r\n\r\n";
/// `me:secret`.
const GOOD: &str = "Basic bWU6c2VjcmV0";

/// A server that wants to know who asks.
fn guarded() -> Server {
    Server::start(|asked| match (asked.header("authorization"), asked.method.as_str()) {
        (Some(GOOD | "Bearer t0ken"), "GET") => answer(200, ADVERTISEMENT, GREETING),
        (Some(GOOD | "Bearer t0ken"), _) => answer(200, RESULT, "0000"),
        _ => REALM.into(),
    })
}

fn with(notes: &Arc<Notes>) -> ConnectOptions {
    ConnectOptions { credentials: Some(Arc::clone(notes) as _), ..options() }
}

#[test]
fn credentials_are_asked_for_once_and_told_what_became_of_them() {
    let server = guarded();
    let good = Some(Credential::basic("me", "secret"));
    let notes = Arc::new(Notes { gives: good, ..Notes::default() });
    let url = server.url().replace("http://", "http://me@") + "/a%20b.git";
    let mut exchanges = open(&url, &with(&notes));
    read(exchanges.advertise()).unwrap();
    read(exchanges.post(RequestBody::Whole(Bytes::from_static(b"0000")))).unwrap();
    let place = r#"http 127.0.0.1 a b.git me ["Basic realm=\"r\""]"#;
    assert_eq!(*notes.heard.lock().unwrap(), [format!("fill {place}"), format!("approve {place}")]);
    let sent: Vec<bool> =
        server.asked().iter().map(|asked| asked.header("authorization").is_some()).collect();
    assert_eq!(sent, [false, true, true]);

    let wrong = Arc::new(Notes { gives: Some(Credential::basic("me", "wrong")), ..Notes::default() });
    let error = advertise(&url, &with(&wrong)).unwrap_err();
    assert_eq!(error, format!("Authentication failed for '{}/a%20b.git/'", server.url()));
    assert_eq!(*wrong.heard.lock().unwrap(), [format!("fill {place}"), format!("reject {place}")]);

    let token = Arc::new(Notes { gives: Some(Credential::Bearer(Secret::new("t0ken"))), ..Notes::default() });
    assert_eq!(advertise(&url, &with(&token)).unwrap(), GREETING);

    let none = Arc::new(Notes::default());
    let error = advertise(&url, &with(&none)).unwrap_err();
    assert_eq!(error, format!("could not read Username for '{}': no credentials", server.url()));
}

#[test]
fn credentials_of_the_url_come_first_and_are_shown_to_nobody() {
    let server = guarded();
    let notes = Arc::new(Notes::default());
    let url = |login: &str| server.url().replace("http://", &format!("http://{login}@"));
    assert_eq!(advertise(&url("me:secret"), &with(&notes)).unwrap(), GREETING);
    let error = advertise(&url("me:hunter2"), &with(&notes)).unwrap_err();
    assert_eq!(error, format!("Authentication failed for '{}/'", server.url()));
    assert!(notes.heard.lock().unwrap().is_empty());
}

/// Keeps what it hears.
#[derive(Default)]
struct Heads(Mutex<Vec<String>>);

impl HttpTrace for Heads {
    fn sent(&self, line: &str) {
        self.0.lock().unwrap().push(format!("> {line}"));
    }

    fn received(&self, line: &str) {
        self.0.lock().unwrap().push(format!("< {line}"));
    }

    fn redirected(&self, to: &str) {
        self.0.lock().unwrap().push(format!("moved to {to}"));
    }
}

#[test]
fn a_trace_shows_heads_and_no_passwords() {
    let server = guarded();
    let heads = Arc::new(Heads::default());
    let mut options = ConnectOptions { http_trace: Some(Arc::clone(&heads) as _), ..options() };
    options.http.headers = vec![("Cookie".into(), Secret::new("id=s3cret"))];
    advertise(&server.url().replace("http://", "http://me:secret@"), &options).unwrap();
    let heard = heads.0.lock().unwrap().join("\n");
    for line in [
        "> GET /info/refs?service=git-upload-pack HTTP/1.1",
        "> Git-Protocol: version=2",
        "> Cookie: id=<redacted>",
        "< HTTP/1.1 401 No",
        "> Authorization: Basic <redacted>",
        "< HTTP/1.1 200 x",
    ] {
        assert!(heard.lines().any(|heard| heard == line), "{line}: {heard}");
    }
    assert!(!heard.contains("bWU6") && !heard.contains("s3cret"), "{heard}");
}

#[test]
fn a_password_goes_only_to_who_asks_for_one_in_the_clear() {
    for challenge in ["Digest realm=\"r\", nonce=\"x\"", "Negotiate", "Digest realm=\"a, Basic b\""] {
        let server = Server::start(move |_| {
            format!("HTTP/1.1 401 No\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 0\r\n\r\n").into()
        });
        let url = server.url().replace("http://", "http://me:secret@");
        let error = advertise(&url, &options()).unwrap_err();
        assert_eq!(error, format!("Authentication failed for '{}/'", server.url()));
        assert!(server.asked().iter().all(|asked| asked.header("authorization").is_none()));
    }
}

#[test]
fn nothing_that_is_meant_for_one_server_goes_to_another() {
    let other = Server::start(|_| REALM.into());
    let to = format!("{}/a/info/refs?service=git-upload-pack", other.url());
    let server = Server::start(move |asked| match asked.header("authorization") {
        Some(GOOD) => redirect(302, &to),
        _ => REALM.into(),
    });
    let mut options = options();
    options.http.headers = vec![("X-Token".into(), Secret::new("t0ken"))];
    let url = server.url().replace("http://", "http://me:secret@") + "/a";
    let error = advertise(&url, &options).unwrap_err();
    assert_eq!(error, format!("could not read Username for '{}': no credentials", other.url()));
    assert!(server.asked().iter().all(|asked| asked.header("x-token") == Some("t0ken")));
    let asked = other.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!((asked[0].header("authorization"), asked[0].header("x-token")), (None, None));
}

/// Lists the refs of a server of version 2, in requests that are streamed.
fn list_streamed(url: &str, options: &ConnectOptions) -> Result<usize, String> {
    let mut client = FetchClientOptions::default();
    client.mode = Mode::Stateless;
    let limits = Limits { request_buffer_max: 0, ..Limits::default() };
    let (machine, deadlines) = (FetchClient::new(client), Deadlines::client());
    let mut driver = StatelessDriver::with_limits(machine, open(url, options), deadlines, limits);
    let mut refs = None;
    loop {
        match driver.next().map_err(|error| error.to_string())? {
            Moved::Event(FetchEvent::Refs(block)) => refs = Some(block.iter().count()),
            Moved::Answer if refs.is_none() => driver
                .with(|machine, output| machine.list_refs(LsRefsRequest::everything(), output))
                .map_err(|error| error.to_string())?,
            Moved::Answer => driver.with(|machine, output| machine.finish(output)).unwrap(),
            Moved::Event(_) => {}
            Moved::Done => return Ok(refs.unwrap_or_default()),
        }
    }
}

const ONE_REF: &str = "003d74730d410fcb6603ace96f1dc55ea6196122532d refs/heads/main\n0000";
const V2_GREETING: &str = "000eversion 2\n000cls-refs\n0000";

#[test]
fn who_asks_is_settled_before_a_request_that_cannot_be_sent_twice() {
    let server = Server::start(|asked| match (asked.header("authorization"), asked.method.as_str()) {
        (_, "GET") => answer(200, ADVERTISEMENT, V2_GREETING),
        (Some(GOOD), _) if asked.body == b"0000" => answer(200, RESULT, ""),
        (Some(GOOD), _) => answer(200, RESULT, ONE_REF),
        _ => REALM.into(),
    });
    let url = server.url().replace("http://", "http://me:secret@");
    assert_eq!(list_streamed(&url, &options()), Ok(1));
    let asked = server.asked();
    let said: Vec<_> = asked
        .iter()
        .map(|asked| {
            let known = asked.header("authorization").is_some();
            let coding = asked.header("transfer-encoding").unwrap_or("whole");
            (asked.method.as_str(), known, coding, asked.body.len())
        })
        .collect();
    let long = asked[3].body.len();
    assert!(long > 4);
    let expected = [
        ("GET", false, "whole", 0),
        ("POST", false, "whole", 4),
        ("POST", true, "whole", 4),
        ("POST", true, "chunked", long),
    ];
    assert_eq!(said, expected);
}

#[test]
fn a_probe_that_is_refused_ends_the_request() {
    let server = Server::start(|asked| match asked.method.as_str() {
        "GET" => answer(200, ADVERTISEMENT, V2_GREETING),
        _ => answer(403, "text/plain", "no"),
    });
    let error = list_streamed(server.url(), &options()).unwrap_err();
    let expected = format!("unable to access '{}/': The requested URL returned error: 403", server.url());
    assert_eq!(error, expected);
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn a_header_that_could_forge_another_is_refused() {
    let server = Server::start(|_| answer(200, ADVERTISEMENT, GREETING));
    for (name, value) in [("X", "a\r\nY: b"), ("X\r\nY", "b"), ("X Y", "b")] {
        let mut options = options();
        options.http.headers = vec![(name.into(), Secret::new(value))];
        let error = advertise(server.url(), &options).unwrap_err();
        assert!(error.starts_with("bad header"), "{error}");
        assert!(!error.contains("Y: b"), "{error}");
    }
    assert!(server.asked().is_empty());
}

#[test]
fn silence_ends() {
    let server = Server::start(|_| {
        std::thread::sleep(Duration::from_secs(5));
        Vec::new()
    });
    let url = Url::parse(server.url().as_bytes()).unwrap();
    let mut options = options();
    let http = HttpOptions::default();
    options.http = http;
    options.http.idle = Some(Duration::from_millis(50));
    let error = Site::new(&url, &options).unwrap().get("HEAD", 0).unwrap_err();
    assert!(matches!(error, TransportError::Deadline { .. }), "{error:?}");

    let mut exchanges = open(server.url(), &options);
    let hang_up = exchanges.hang_up().unwrap();
    let waiting = std::thread::spawn(move || read(exchanges.advertise()).unwrap_err());
    std::thread::sleep(Duration::from_millis(50));
    hang_up();
    assert_eq!(waiting.join().unwrap(), "read from the peer: the caller has hung up");
}

#[test]
fn a_host_that_is_not_reached() {
    let error = advertise("http://127.0.0.1:1/a", &options()).unwrap_err();
    assert!(error.starts_with("connect to 127.0.0.1:1: "), "{error}");
    let refused = ConnectOptions { protocols: Protocols { http: false, ..Protocols::user() }, ..options() };
    let url = Url::parse(b"http://127.0.0.1:1/a").unwrap();
    let error = exchanges(&url, Service::UploadPack, &refused).unwrap_err();
    assert_eq!(error.to_string(), "transport 'http' not allowed");
}
