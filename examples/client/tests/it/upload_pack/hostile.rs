//! Requests that ask for too much: refused in a line, at once, and without holding more than the limits allow.
//!
//! What a process holds is measured on the process: the most that it has had (`VmHWM`) over what an idle one has. The caps are the limits
//! of `docs/SECURITY.md` times the bytes that an entry takes.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use gitwire_testkit::git::{Folder, Git};

use super::run::{Served, Start, program};
use crate::history::make;

/// What came of a request.
struct Outcome {
    code: Option<i32>,
    /// The `ERR` line, or the front of the answer.
    says: String,
    /// KiB over an idle process.
    held: u64,
}

/// Feeds `lines` from an iterator, so that the test itself holds none of them, until the program closes its end.
fn feed(path: &Path, protocol: &str, lines: impl Iterator<Item = Vec<u8>> + Send) -> Outcome {
    let mut command = program();
    command.args(["-c", "uploadpack.allowFilter=true", "upload-pack", "--stateless-rpc"]).arg(path);
    command.env("GIT_PROTOCOL", protocol).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let (mut pipe, mut out, pid) = (child.stdin.take().unwrap(), child.stdout.take().unwrap(), child.id());
    let idle = idle(pid);
    let mut answer = Vec::new();
    let held = thread::scope(|scope| {
        let feeding = scope.spawn(move || {
            let mut block = Vec::new();
            for line in lines {
                block.extend_from_slice(&line);
                if block.len() > 1 << 16 {
                    if pipe.write_all(&block).is_err() {
                        return;
                    }
                    block.clear();
                }
            }
            // Whoever has refused has gone.
            pipe.write_all(&block).ok();
        });
        let watching = scope.spawn(move || {
            let mut held = 0;
            while let Some(now) = peak(pid) {
                held = now.max(held);
                thread::sleep(Duration::from_millis(2));
            }
            held
        });
        out.read_to_end(&mut answer).unwrap();
        let code = child.wait().unwrap();
        feeding.join().unwrap();
        (watching.join().unwrap(), code)
    });
    let says = String::from_utf8_lossy(answer.get(4..).unwrap_or_default()).chars().take(200).collect();
    Outcome { code: held.1.code(), says, held: held.0.saturating_sub(idle) }
}

/// What a process that has not been asked anything has held, once it sleeps and holds no more than a moment before.
fn idle(pid: u32) -> u64 {
    let end = Instant::now() + Duration::from_secs(10);
    let mut before = None;
    while Instant::now() < end {
        thread::sleep(Duration::from_millis(20));
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let asleep = status.lines().any(|line| line.starts_with("State:\tS"));
        let now = peak(pid).filter(|_| asleep);
        if now.is_some() && now == before {
            break;
        }
        before = now;
    }
    peak(pid).unwrap_or_default()
}

/// The most that a process has held, in KiB; `None` once it is gone.
fn peak(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

fn line(text: &str) -> Vec<u8> {
    format!("{:04x}{text}\n", text.len() + 5).into_bytes()
}

/// `front`, so many lines that `each` makes, and `end`.
fn request<'a>(
    front: &'a [&str],
    count: u64,
    each: impl Fn(u64) -> String + Send + 'a,
    end: &'a [&str],
) -> impl Iterator<Item = Vec<u8>> + Send + 'a {
    let packet = |text: &&str| {
        if text.len() == 4 && text.starts_with("000") { text.as_bytes().to_vec() } else { line(text) }
    };
    front.iter().map(packet).chain((0..count).map(move |nth| line(&each(nth)))).chain(end.iter().map(packet))
}

struct Here {
    git: Git,
    path: std::path::PathBuf,
    main: String,
    _folder: Folder,
}

fn here(name: &str) -> Option<Here> {
    let git = Git::find()?;
    let folder = Folder::new(name);
    let path = make(&git, folder.path(), "r.git", "sha1");
    let main = String::from_utf8(git.ok(&path, ["rev-parse", "main"])).unwrap().trim().to_owned();
    Some(Here { git, path, main, _folder: folder })
}

const FETCH: [&str; 3] = ["command=fetch", "0001", "no-progress"];
const END: [&str; 2] = ["done", "0000"];

#[test]
fn a_million_haves() {
    let Some(here) = here("hostile-haves") else { return };
    let want = format!("want {}", here.main);
    let front = [&FETCH[..], &[&want[..]]].concat();
    // At the limit all are looked up, above it the first one too many ends it. 33 bytes an id, twice: to name each once.
    for (count, says) in [(262_144, "packfile"), (1_000_000, "more than 262144 haves")] {
        let outcome =
            feed(&here.path, "version=2", request(&front, count, |nth| format!("have {nth:040x}"), &END));
        assert!(outcome.says.contains(says), "{}", outcome.says);
        assert!(outcome.held < 64 << 10, "{count}: {} KiB", outcome.held);
    }
    let front = [&format!("{want} multi_ack_detailed side-band-64k")[..], "0000"];
    let outcome =
        feed(&here.path, "", request(&front, 1_000_000, |nth| format!("have {nth:040x}"), &["done"]));
    assert_eq!((outcome.code, &outcome.says[..]), (Some(128), "ERR more than 262144 haves"));
    assert!(outcome.held < 48 << 10, "{} KiB", outcome.held);
}

#[test]
fn a_million_wants() {
    let Some(here) = here("hostile-wants") else { return };
    // A million are let pass, and refused for what they are: 33 bytes each, sorted in place.
    for (count, says) in [
        (1_000_000, "ERR upload-pack: not our ref 0000000000000000000000000000000000000000"),
        (1_000_001, "ERR more than 1000000 wants"),
    ] {
        let outcome =
            feed(&here.path, "version=2", request(&FETCH, count, |nth| format!("want {nth:040x}"), &END));
        assert_eq!((outcome.code, &outcome.says[..]), (Some(128), says));
        assert!(outcome.held < 128 << 10, "{count}: {} KiB", outcome.held);
    }
    // The same one a million times is wanted once.
    let outcome =
        feed(&here.path, "version=2", request(&FETCH, 1_000_000, |_| format!("want {}", here.main), &END));
    assert!(outcome.says.starts_with("packfile"), "{}", outcome.says);
    assert!(outcome.held < 128 << 10, "{} KiB", outcome.held);
}

#[test]
fn a_million_prefixes() {
    let Some(here) = here("hostile-prefixes") else { return };
    let front = ["command=ls-refs", "0001"];
    for count in [65_535, 65_536, 1_000_000] {
        let outcome = feed(
            &here.path,
            "version=2",
            request(&front, count, |nth| format!("ref-prefix r{nth}"), &["0000"]),
        );
        assert_eq!(outcome.code, Some(0), "{count}");
        // Beyond 65,535 none counts, and every ref is listed.
        assert_eq!(outcome.says.contains("HEAD"), count > 65_535, "{count}: {}", outcome.says);
        assert!(outcome.held < 32 << 10, "{count}: {} KiB", outcome.held);
    }
    let long = "x".repeat(60_000);
    let outcome =
        feed(&here.path, "version=2", request(&front, 1000, |_| format!("ref-prefix {long}"), &["0000"]));
    assert_eq!(&outcome.says[..], "ERR more than 4194304 bytes of arguments");
    assert!(outcome.held < 16 << 10, "{} KiB", outcome.held);
}

#[test]
fn a_million_ends_of_history() {
    let Some(here) = here("hostile-shallow") else { return };
    let want = format!("want {}", here.main);
    let front = [&FETCH[..], &[&want[..]]].concat();
    for (count, says) in [(50_000, "packfile"), (1_000_001, "ERR more than 1000000 shallow lines")] {
        let outcome =
            feed(&here.path, "version=2", request(&front, count, |nth| format!("shallow {nth:040x}"), &END));
        assert!(outcome.says.contains(says), "{count}: {}", outcome.says);
        assert!(outcome.held < 192 << 10, "{count}: {} KiB", outcome.held);
    }
    let outcome =
        feed(&here.path, "version=2", request(&front, 1001, |nth| format!("deepen-not r{nth}"), &END));
    assert_eq!(&outcome.says[..], "ERR more than 1000 deepen-not lines");
}

#[test]
fn capabilities_and_options_without_end() {
    let Some(here) = here("hostile-capabilities") else { return };
    let front = ["command=ls-refs"];
    for (each, says) in [
        ("agent=x", "ERR more than 1000 capabilities"),
        ("server-option=x", "ERR more than 1000 capabilities"),
    ] {
        let outcome =
            feed(&here.path, "version=2", request(&front, 1_000_000, |_| each.to_owned(), &["0000"]));
        assert_eq!((outcome.code, &outcome.says[..]), (Some(128), says), "{each}");
        assert!(outcome.held < 8 << 10, "{} KiB", outcome.held);
    }
    let want = format!("want {} {}", here.main, "x ".repeat(20_000));
    let outcome = feed(&here.path, "", [line(&want)].into_iter());
    assert_eq!(&outcome.says[..], "ERR more than 1000 capabilities");
}

#[test]
fn numbers_that_are_none_and_depths_that_contradict() {
    let Some(here) = here("hostile-depth") else { return };
    let want = format!("want {}", here.main);
    let ask = |lines: &[&str]| {
        let all = [&FETCH[..], &[&want[..]], lines, &END].concat();
        let outcome = feed(&here.path, "version=2", request(&all, 0, |_| String::new(), &[]));
        (outcome.code, outcome.says)
    };
    for (lines, says) in [
        (&["deepen 0"][..], "ERR Invalid deepen: deepen 0"),
        (&["deepen -1"], "ERR Invalid deepen: deepen -1"),
        (&["deepen 99999999999999999999"], "ERR Invalid deepen: deepen 99999999999999999999"),
        (&["deepen 0xfffffffff"], "ERR Invalid deepen: deepen 0xfffffffff"),
        (&["deepen-since -1"], "ERR Invalid deepen-since: deepen-since -1"),
        (
            &["deepen 1", "deepen-since 1700000000"],
            "ERR git upload-pack: deepen and deepen-since (or deepen-not) cannot be used together",
        ),
        (
            &["deepen-not main", "deepen 1"],
            "ERR git upload-pack: deepen and deepen-since (or deepen-not) cannot be used together",
        ),
        (
            &["filter blob:limit=99999999999999999999"],
            "ERR invalid filter-spec 'blob:limit=99999999999999999999'",
        ),
        (&["filter tree:18446744073709551616"], "ERR expected 'tree:<depth>'"),
        (&["filter combine:"], "ERR expected something after combine:"),
    ] {
        assert_eq!(ask(lines), (Some(128), says.to_owned()), "{lines:?}");
    }
    let nested = format!("filter {}tree:1", "combine:".repeat(9));
    assert_eq!(ask(&[&nested]).1, "ERR invalid filter-spec: combine filters are nested more than 8 deep");
    let many = format!("filter combine:tree:1{}", "+tree:1".repeat(9000));
    assert!(
        ask(&[&many]).1.starts_with("ERR invalid filter-spec: combine filter has more than"),
        "{:?}",
        ask(&[&many])
    );
}

#[test]
fn lines_that_are_none() {
    let Some(here) = here("hostile-lines") else { return };
    for (bytes, says) in [
        (&b"fff1"[..], "ERR protocol error: bad line length 65521"),
        (b"ffff", "ERR protocol error: bad line length 65535"),
        (b"0003", "ERR protocol error: bad line length 3"),
        (b"-001", "ERR protocol error: bad line length character: -001"),
    ] {
        let endless = std::iter::once(bytes.to_vec()).chain((0..100).map(|_| vec![b'x'; 1 << 16]));
        let outcome = feed(&here.path, "version=2", endless);
        assert_eq!((outcome.code, &outcome.says[..]), (Some(128), says));
        assert!(outcome.held < 4 << 10, "{} KiB", outcome.held);
    }
}

/// Beside a request that dies, git's answer is the same refusal.
#[test]
fn git_refuses_unknown_wants_in_the_same_words() {
    let Some(here) = here("hostile-git") else { return };
    let served =
        Served { git: &here.git, path: &here.path, format: "sha1", names: std::collections::HashMap::new() };
    let request = format!("command=fetch\n0001\nwant {}\nwant {}\ndone\n0000", "5".repeat(40), here.main);
    let (ours, theirs) = served.ask(Start::V2, &served.bytes(&request));
    assert_eq!(ours.stdout, theirs.stdout);
    assert_eq!(ours.status.code(), theirs.status.code());
}
