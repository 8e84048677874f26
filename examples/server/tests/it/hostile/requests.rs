//! Requests that mean harm: names, ids, options and counts that should not be.

use std::io::Write as _;
use std::net::TcpStream;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Door, line};
use crate::bombs::post;

const ZERO: &str = "0000000000000000000000000000000000000000";
const FLUSH: &str = "0000";

/// The tip of what the server holds: what a push can name without sending anything.
fn tip(door: &Door) -> String {
    String::from_utf8(door.git.ok(&door.path, ["rev-parse", "main"])).unwrap().trim().to_owned()
}

/// A pack of nothing, as git sends where the server has all.
fn empty_pack() -> Vec<u8> {
    gitwire_testkit::pack::PackBuilder::new().finish()
}

fn request(command: &str, features: &str, more: &[u8]) -> Vec<u8> {
    [line(&format!("{command}\0{features}")).as_bytes(), FLUSH.as_bytes(), more, &empty_pack()].concat()
}

#[test]
fn names_that_are_paths() {
    let Some(door) = Door::new("names") else { return };
    let tip = tip(&door);
    let long = format!("refs/heads/{}", "n".repeat(4_096));
    for name in [
        "refs/heads/../../config",
        "refs/heads/..",
        "refs/../HEAD",
        "../config",
        "/etc/passwd",
        "refs/heads//a",
        "refs/heads/a/",
        "refs/heads/.a",
        "refs/heads/a.lock",
        "refs/heads/a.lock/b",
        "refs/heads/a@{1}",
        "refs/heads/a b",
        "refs/heads/a\tb",
        "refs/heads/a\x7f",
        "refs/heads/a\\b",
        "refs/heads/a:b",
        "refs/heads/a?",
        "refs/heads/a*",
        "refs/heads/a[",
        "refs/heads/a^",
        "refs/heads/a~",
        "refs/heads/a.",
        "HEAD",
        "config",
        "packed-refs",
        "gitwire/lease",
        "refs",
        "@",
        &long,
    ] {
        let before = door.holds();
        let answer = door.post("", &request(&format!("{ZERO} {tip} {name}"), "report-status", b""));
        let told = answer.contains("ng ") || answer.contains("ERR ");
        assert!(told && !answer.contains("\\nok "), "{name}: {answer}");
        assert_eq!(door.holds(), before, "{name}");
    }
    // Not said with an error: what comes before NUL is the name, and a name ends there.
    assert!(!door.folder().join("config").exists());
}

#[test]
fn names_that_stand_in_each_others_way() {
    let Some(door) = Door::new("ways") else { return };
    let tip = tip(&door);
    let body = request(&format!("{ZERO} {tip} refs/heads/main/below"), "report-status", b"");
    door.says("", &body, "ng refs/heads/main/below refname conflict");
    let twice = format!("{ZERO} {tip} refs/heads/x");
    let body = [line(&format!("{twice}\0report-status")), line(&twice), FLUSH.to_owned()].concat();
    door.says("", &[body.as_bytes(), &empty_pack()].concat(), "ng refs/heads/x ");
    let wrong = format!("{} {tip} refs/heads/main", "1".repeat(40));
    door.says("", &request(&wrong, "report-status", b""), "ng refs/heads/main ");
}

#[test]
fn ids_that_are_none() {
    let Some(door) = Door::new("ids") else { return };
    let tip = tip(&door);
    let (short, rest) = (tip.get(1..).unwrap(), tip.get(6..).unwrap());
    let path = format!("../../{rest}");
    for id in [short, &format!("{tip}0"), &path, &format!("-{short}"), "x"] {
        let command = format!("{ZERO} {id} refs/heads/hostile");
        door.says("", &request(&command, "report-status", b""), "ERR ");
        let command = format!("{id} {ZERO} refs/heads/main");
        door.says("", &request(&command, "report-status", b""), "ERR ");
    }
    for text in ["", " ", ZERO, &format!("{ZERO} {tip}"), &format!("{ZERO} {tip} "), &format!("{ZERO}{tip}x")]
    {
        door.says("", &request(text, "report-status", b""), "ERR ");
    }
}

#[test]
fn more_than_is_decent_of_everything() {
    let Some(door) = Door::new("floods") else { return };
    let tip = tip(&door);
    // A million commands, of the same name and of others.
    let mut body = line(&format!("{ZERO} {tip} refs/heads/x\0report-status"));
    for number in 0..1_000_000 {
        body += &line(&format!("{ZERO} {tip} refs/heads/x{}", number % 300_000));
    }
    door.says("", body.as_bytes(), "commands");
    // 130 MB of capabilities, a line each.
    let body = line(&format!("{ZERO} {tip} refs/heads/x\0{}", "a ".repeat(30_000)));
    door.says("", body.repeat(2_000).as_bytes(), "ERR ");
    // Shallow lines without end.
    let body = line(&format!("shallow {tip}")).repeat(1_100_000);
    door.says("", body.as_bytes(), "ERR ");
}

#[test]
fn options_that_carry_more_than_one() {
    let Some(door) = Door::new("options") else { return };
    door.git.ok(&door.path, ["config", "receive.advertisePushOptions", "true"]);
    let tip = tip(&door);
    let push = |options: &[u8]| {
        let body = [options, FLUSH.as_bytes()].concat();
        request(&format!("{ZERO} {tip} refs/heads/hostile"), "report-status push-options", &body)
    };
    door.says("", &push(line("a\nb").as_bytes()), "malformed push option");
    door.says("", &push(line("a\0b").as_bytes()), "malformed push option");
    door.says("", &push(line("x").repeat(1_001).as_bytes()), "push options");
    // 130 MB of them.
    door.says("", &push(line(&"x".repeat(65_000)).repeat(2_000).as_bytes()), "ERR ");
}

#[test]
fn a_request_that_inflates_without_end() {
    let Some(door) = Door::new("gzip") else { return };
    let tip = tip(&door);
    let command = line(&format!("{ZERO} {tip} refs/heads/x\0report-status"));
    // 400 MB of commands, of flushes, and of a pack that is none.
    for (first, again) in [
        (String::new(), command.clone()),
        (String::new(), FLUSH.to_owned()),
        (format!("{command}{FLUSH}"), "\0".repeat(4)),
    ] {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(first.as_bytes()).unwrap();
        let block = again.repeat(20_000);
        for _ in 0..(400 << 20) / block.len() {
            encoder.write_all(block.as_bytes()).unwrap();
        }
        door.says("Content-Encoding: gzip\r\n", &encoder.finish().unwrap(), "HTTP/1.1 ");
    }
}

#[test]
fn bodies_that_are_none_of_a_push() {
    let Some(door) = Door::new("bodies") else { return };
    let tip = tip(&door);
    let good = request(&format!("{ZERO} {tip} refs/heads/hostile"), "report-status", b"");
    let before = door.holds();
    // What is asked for is what the path says, whatever else is said.
    let (answer, _) = post(&door.server, "git-upload-pack", "", &good);
    assert!(answer.contains("ERR ") || answer.starts_with("HTTP/1.1 4"), "{answer}");
    for head in [
        "POST /r.git/git-receive-pack HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n",
        "GET /r.git/git-receive-pack HTTP/1.1\r\nHost: localhost\r\n",
        "POST /r.git/info/refs?service=git-receive-pack HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-git-receive-pack-request\r\n",
        "POST /r.git/git-receive-pack HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-git-receive-pack-request\r\nTransfer-Encoding: chunked\r\n",
        "POST /r.git/git-receive-pack HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-git-receive-pack-request\r\nContent-Length: 7\r\n",
    ] {
        let mut stream = TcpStream::connect(door.server.url.strip_prefix("http://").unwrap()).unwrap();
        let text = format!("{head}Connection: close\r\nContent-Length: {}\r\n\r\n", good.len());
        stream.write_all(&[text.as_bytes(), &good].concat()).ok();
        let mut answer = Vec::new();
        std::io::Read::read_to_end(&mut stream, &mut answer).ok();
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{head}: {}", answer.escape_ascii());
        assert_eq!(door.holds(), before, "{head}");
    }
    for cut in 0..good.len() - 1 {
        let answer = door.post("", &good[..cut]);
        assert!(!answer.contains("ok refs/heads/hostile"), "cut at {cut}: {answer}");
    }
    assert_eq!(door.holds(), before);
}
