//! What a client may cost an HTTP server, and what it is told where it asks for more.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::thread::sleep;
use std::time::{Duration, Instant};

use gitwire_server::http::HttpOptions;
use gitwire_server::{Policy, ReceivePolicy};

use super::{Fixture, Setup, noise};

const FETCH: &str = "POST /r.git/git-upload-pack HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-git-upload-pack-request\r\n";
const PUSH: &str = "POST /r.git/git-receive-pack HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-git-receive-pack-request\r\n";
const REFS: &str = "GET /r.git/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: x\r\n";

impl Fixture {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// The status of the answer, `-` where the connection ends without one.
    #[track_caller]
    fn status(&self, head: &str, body: &[u8]) -> String {
        let mut stream = self.connect();
        // A server that refuses may have closed before everything is sent.
        stream.write_all(&[head.as_bytes(), b"Connection: close\r\n\r\n", body].concat()).ok();
        status(&mut stream)
    }
}

fn status(stream: &mut TcpStream) -> String {
    let answer = rest(stream);
    String::from_utf8_lossy(answer.get(9..12).unwrap_or(b"-")).into_owned()
}

/// All that comes until the connection ends.
fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
        _ => answer,
    }
}

fn setup(change: impl FnOnce(&mut HttpOptions)) -> Setup {
    let mut options = HttpOptions::default();
    change(&mut options);
    Setup { options, ..Setup::default() }
}

/// A request for nothing that is so many bytes long: `have` lines of objects that nobody has.
fn haves(tip: &str, bytes: usize) -> Vec<u8> {
    let mut request = format!("0032want {tip}\n0000").into_bytes();
    let line = format!("0032have {}\n", "1".repeat(40));
    while request.len() + line.len() + 4 <= bytes {
        request.extend_from_slice(line.as_bytes());
    }
    // An argument of any length fills it up.
    assert_eq!(request.len() + 4, bytes);
    request.extend_from_slice(b"0000");
    request
}

fn gzip(fixture: &Fixture, bytes: &[u8]) -> Vec<u8> {
    let path = fixture.folder.path().join("body");
    fs::write(&path, bytes).unwrap();
    std::process::Command::new("gzip").arg("-nc").arg(&path).output().unwrap().stdout
}

fn chunked(bytes: &[u8]) -> Vec<u8> {
    let chunks = bytes.chunks(1000).flat_map(|chunk| {
        [format!("{:x}\r\n", chunk.len()).into_bytes(), chunk.to_vec(), b"\r\n".to_vec()].concat()
    });
    chunks.chain(*b"0\r\n\r\n").collect()
}

#[test]
fn request_bytes_max() {
    let max = 50 + 4 + 50 * 100 + 4;
    let Some(fixture) = Fixture::new(setup(|options| options.request_bytes_max = max as u64)) else { return };
    let tip = String::from_utf8(fixture.tip(&fixture.served())).unwrap();
    for (bytes, status) in [(max, "200"), (max + 50, "413")] {
        let body = haves(tip.trim(), bytes);
        let length = format!("Content-Length: {}\r\n", body.len());
        assert_eq!(fixture.status(&format!("{FETCH}{length}"), &body), status);
        assert_eq!(
            fixture.status(&format!("{FETCH}Transfer-Encoding: chunked\r\n"), &chunked(&body)),
            status
        );
        let small = gzip(&fixture, &body);
        assert!(small.len() < max / 2);
        let head = format!("{FETCH}Content-Encoding: gzip\r\nContent-Length: {}\r\n", small.len());
        assert_eq!(fixture.status(&head, &small), status);
    }
}

#[test]
fn what_is_no_gzip_and_what_is_cut_short() {
    let Some(fixture) = Fixture::new(Setup::default()) else { return };
    let head = format!("{FETCH}Content-Encoding: gzip\r\nContent-Length: 4\r\n");
    assert_eq!(fixture.status(&head, b"abcd"), "400");
    let small = gzip(&fixture, &haves(&"1".repeat(40), 58));
    let cut = &small[..small.len() / 2];
    let head = format!("{FETCH}Content-Encoding: gzip\r\nContent-Length: {}\r\n", cut.len());
    assert_eq!(fixture.status(&head, cut), "400");
}

#[test]
fn a_push_is_as_large_as_its_policy_says() {
    let mut policy = ReceivePolicy::default();
    policy.stage.pack_bytes_max = 100 << 10;
    let receive = Some(policy.clone());
    let Some(fixture) = Fixture::new(Setup { receive, ..Setup::default() }) else { return };
    // More than any push of these limits can be is not even read.
    let limits = &policy.protocol;
    let most = policy.stage.pack_bytes_max
        + limits.command_bytes_max
        + limits.commands_max * 256
        + limits.certificate_bytes_max
        + limits.argument_bytes_max;
    assert_eq!(fixture.status(&format!("{PUSH}Content-Length: {}\r\n", most + 1), b""), "413");
    for (start, end, passes) in [(0, 90 << 10, true), (90 << 10, 200 << 10, false)] {
        // Nothing of it is what was pushed before.
        fs::write(fixture.work().join("large"), &noise(end)[start..]).unwrap();
        fixture.git.ok(&fixture.work(), ["add", "."]);
        fixture.git.ok(&fixture.work(), ["commit", "-q", "-m", "large"]);
        let pushed = fixture.git.run(&fixture.work(), ["push", "-q", &fixture.url(), "main"]);
        assert_eq!(pushed.status.success(), passes, "{}", String::from_utf8_lossy(&pushed.stderr));
    }
}

#[test]
fn head_bytes_max() {
    let Some(fixture) = Fixture::new(setup(|options| options.head_bytes_max = 10_000)) else { return };
    let fixed = REFS.len() + "X: \r\nConnection: close\r\n\r\n".len();
    let ask = |bytes: usize| fixture.status(&format!("{REFS}X: {}\r\n", "x".repeat(bytes - fixed)), b"");
    assert_eq!(ask(10_000), "200");
    // What comes in one piece with the rest of it may be longer.
    assert_eq!(ask(20_001), "431");
}

#[test]
fn headers_max() {
    let Some(fixture) = Fixture::new(setup(|options| options.headers_max = 20)) else { return };
    // Two of them are Host and Connection.
    assert_eq!(fixture.status(&format!("{REFS}{}", "X: x\r\n".repeat(18)), b""), "200");
    assert_eq!(fixture.status(&format!("{REFS}{}", "X: x\r\n".repeat(19)), b""), "431");
}

#[test]
fn head_timeout() {
    let Some(fixture) = Fixture::new(setup(|options| options.head_timeout = Duration::from_secs(1))) else {
        return;
    };
    // Nothing; some of a head, a byte at a time; a whole request and then nothing.
    for (bytes, slowly) in [("", false), (REFS, true), (&format!("{REFS}\r\n"), false)] {
        let mut stream = fixture.connect();
        let started = Instant::now();
        if slowly {
            for byte in bytes.bytes().take(30) {
                // It is closed below us.
                stream.write_all(&[byte]).ok();
                sleep(Duration::from_millis(100));
            }
        } else {
            stream.write_all(bytes.as_bytes()).unwrap();
        }
        rest(&mut stream);
        let took = started.elapsed();
        assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(9), "{bytes:?} {took:?}");
    }
}

#[test]
fn by_default_nobody_is_waited_for_longer_than_ten_seconds() {
    let Some(fixture) = Fixture::new(setup(|_| ())) else { return };
    let (mut idle, mut silent) = (fixture.connect(), fixture.connect());
    let started = Instant::now();
    silent.write_all(format!("{FETCH}Content-Length: 1000\r\n\r\n").as_bytes()).unwrap();
    assert_eq!(rest(&mut idle), b"");
    assert_eq!(status(&mut silent), "408");
    let took = started.elapsed();
    assert!(took >= Duration::from_secs(9) && took < Duration::from_secs(19), "{took:?}");
}

#[test]
fn slow_bodies_are_cut() {
    let mut policy = Policy::default();
    policy.deadlines.idle = Some(Duration::from_secs(1));
    let mut receive = ReceivePolicy::default();
    receive.deadlines.first_byte = Some(Duration::from_secs(1));
    let receive = Some(receive);
    let Some(fixture) = Fixture::new(Setup { policy, receive, ..Setup::default() }) else { return };
    for (head, body) in [(FETCH, &b"0032want "[..]), (PUSH, b"")] {
        let started = Instant::now();
        assert_eq!(fixture.status(&format!("{head}Content-Length: 1000\r\n"), body), "408", "{head}");
        assert!(started.elapsed() < Duration::from_secs(9));
    }
}

#[test]
fn who_takes_nothing_is_cut() {
    let slow = setup(|options| {
        (options.write_window, options.write_bytes_min) = (Duration::from_secs(1), 10 << 10);
    });
    let Some(fixture) = Fixture::new(slow) else { return };
    // More than the system's buffers hold.
    fs::write(fixture.work().join("large"), noise(20 << 20)).unwrap();
    fixture.git.ok(&fixture.work(), ["add", "."]);
    fixture.git.ok(&fixture.work(), ["commit", "-q", "-m", "large"]);
    fixture.git.ok(&fixture.work(), ["push", "-q", "../root/r.git", "main"]);
    let [_, pack, _] = fixture.files();
    let mut stream = fixture.connect();
    let size = fs::metadata(fixture.served().join(&pack)).unwrap().len();
    stream.write_all(format!("GET /r.git/{pack} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
    sleep(Duration::from_secs(4));
    assert!((rest(&mut stream).len() as u64) < size);
}

#[test]
fn connections_max() {
    let Some(fixture) = Fixture::new(setup(|options| options.connections_max = 2)) else { return };
    let (one, _two, mut three) = (fixture.connect(), fixture.connect(), fixture.connect());
    sleep(Duration::from_millis(200));
    three.write_all(format!("{REFS}Connection: close\r\n\r\n").as_bytes()).unwrap();
    three.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let error = three.read(&mut [0; 1]).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    drop(one);
    three.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert_eq!(status(&mut three), "200");
}

#[test]
fn connections_per_address_max() {
    let Some(fixture) = Fixture::new(setup(|options| options.connections_per_address_max = 2)) else {
        return;
    };
    let ask = |stream: &mut TcpStream| {
        stream.write_all(format!("{REFS}Connection: close\r\n\r\n").as_bytes()).ok();
        status(stream)
    };
    let (mut one, mut two) = (fixture.connect(), fixture.connect());
    sleep(Duration::from_millis(200));
    assert_eq!(ask(&mut fixture.connect()), "-");
    assert_eq!((ask(&mut one), ask(&mut two)), ("200".to_owned(), "200".to_owned()));
    sleep(Duration::from_millis(200));
    assert_eq!(ask(&mut fixture.connect()), "200");
}

#[test]
fn a_client_that_asks_first_is_told_first() {
    let Some(fixture) = Fixture::new(Setup::default()) else { return };
    let mut stream = fixture.connect();
    let head = format!("{FETCH}Expect: 100-continue\r\nConnection: close\r\nContent-Length: 4\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut said = [0; 25];
    stream.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"0000").unwrap();
    assert_eq!(status(&mut stream), "200");
    // What is refused is refused before the body is sent.
    for (head, status) in [
        (FETCH.replace("r.git", "none.git"), "404"),
        (FETCH.replace("upload-pack-request", "other"), "415"),
        (PUSH.to_owned(), "403"),
        (format!("{FETCH}Content-Encoding: br\r\n"), "415"),
    ] {
        assert_eq!(
            fixture.status(&format!("{head}Expect: 100-continue\r\nContent-Length: 4\r\n"), b""),
            status
        );
    }
}

#[test]
fn a_refusal_is_heard_by_who_is_still_sending() {
    let Some(fixture) = Fixture::new(Setup::default()) else { return };
    let body = vec![b'x'; 900 << 10];
    for (head, status_of) in [
        (FETCH.replace("r.git", "none.git"), "404"),
        (FETCH.replace("upload-pack-request", "other"), "415"),
        (PUSH.to_owned(), "403"),
        (FETCH.replace("POST", "PUT"), "405"),
    ] {
        let mut stream = fixture.connect();
        let head = format!("{head}Content-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).unwrap();
        // Slowly, so that the answer is there before the end.
        for piece in body.chunks(100 << 10) {
            stream.write_all(piece).unwrap();
            sleep(Duration::from_millis(20));
        }
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer[9..], status_of.as_bytes(), "{head}");
    }
}

#[test]
fn no_path_leads_out_of_the_root() {
    let Some(fixture) = Fixture::new(Setup::default()) else { return };
    let root = fixture.folder.path().join("root");
    fixture.git.ok(fixture.folder.path(), ["clone", "-q", "--bare", "root/r.git", "outside.git"]);
    symlink("../outside.git", root.join("link.git")).unwrap();
    symlink("../../outside.git/HEAD", root.join("r.git/linked")).unwrap();
    fs::create_dir(root.join("sub")).unwrap();
    for path in [
        "/../outside.git",
        "/%2e%2e/outside.git",
        "/sub/../../outside.git",
        "/sub/%2e%2e/%2e%2e/outside.git",
        "/sub%2f..%2f..%2foutside.git",
        "/..%2foutside.git",
        "/link.git",
        "//r.git",
        "/sub//../r.git",
        "/./r.git",
        "/r.git/",
        "/r.git%00",
        "/r.git%0a",
        "/%5c..%5coutside.git",
        "",
    ] {
        for end in ["info/refs?service=git-upload-pack", "info/refs", "HEAD", "objects/info/packs"] {
            let head = format!("GET {path}/{end} HTTP/1.1\r\nHost: x\r\n");
            assert_eq!(fixture.status(&head, b""), "404", "{path}/{end}");
        }
        let head = FETCH.replace("/r.git", path);
        assert_eq!(fixture.status(&format!("{head}Content-Length: 4\r\n"), b"0000"), "404", "{path}");
    }
    for path in ["/r.git/linked", "/r.git/objects/../config", "/r.git/hooks/../HEAD/"] {
        assert_eq!(fixture.status(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n"), b""), "404", "{path}");
    }
    // A NUL, a line feed and a space are no part of a request line.
    for path in ["/r.git\0/HEAD", "/r.git /HEAD"] {
        assert_eq!(fixture.status(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n"), b""), "400", "{path:?}");
    }
}
