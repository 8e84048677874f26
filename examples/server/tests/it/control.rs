//! The control channel, asked as its first client asks it: a Python script that connects, sends, receives once and prints.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use gitwire_testkit::git::{Folder, Git, skipped};
use serde_json::{Value, json};

use crate::server::{Server, add, make, refs};

const SCRIPT: &str = r#"
import json, socket, sys
client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
client.connect(("127.0.0.1", int(sys.argv[1])))
client.send(json.dumps({"type": "git", "command": sys.argv[2]}).encode())
print(client.recv(1024).decode())
"#;

/// A server of `root` with a git:// door and a control channel.
fn start(root: &Path, more: &[&str]) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gitwired"));
    command
        .args(["--listen", "git://127.0.0.1:0", "--control", "127.0.0.1:0", "--root"])
        .arg(root)
        .args(more);
    Server::with_doors(&mut command, 2)
}

fn script(port: u16, command: &str) -> Command {
    let mut python = Command::new("python3");
    python.args(["-c", SCRIPT, &port.to_string(), command]).stdin(Stdio::null());
    python
}

pub fn has_python() -> bool {
    let found = Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        skipped("python3 is not installed");
    }
    found
}

#[track_caller]
fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// What comes back for these bytes, until the end.
fn say(port: u16, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(bytes).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

fn ask(port: u16, command: &str) -> Value {
    json(&say(port, json!({ "type": "git", "command": command }).to_string().as_bytes()))
}

#[track_caller]
fn refused(port: u16, command: &str, why: &str) {
    let answer = ask(port, command);
    assert!(answer["error"].as_str().is_some_and(|error| error.contains(why)), "{command}: {answer}");
}

#[test]
fn twenty_scripts_at_once_mirror_a_repository() {
    let Some(git) = Git::find() else { return };
    if !has_python() {
        return;
    }
    let (folder, upstream) = (Folder::new("control"), Folder::new("control-upstream"));
    let source = make(&git, upstream.path(), "source.git", "sha1");
    let elsewhere = Server::start(upstream.path(), &[]);
    let url = format!("{}/source.git", elsewhere.url);
    let server = start(folder.path(), &[]);
    let port = server.port("control");
    let scripts: Vec<_> = (0..20)
        .map(|number| {
            let command = format!("git clone {url} copy-{number}");
            script(port, &command).stdout(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for (number, script) in scripts.into_iter().enumerate() {
        let output = script.wait_with_output().unwrap();
        let answer = json(&String::from_utf8(output.stdout).unwrap());
        let name = format!("copy-{number}");
        assert_eq!(answer["type"], "git");
        assert_eq!(answer["command"], "clone");
        assert_eq!(answer["args"], json!([url, name]));
        assert_eq!(answer["status"], "success");
        let message = answer["message"].as_str().unwrap();
        assert!(message.contains(&format!("into {name}.git: 4 refs changed, ")), "{message}");
        assert_eq!(answer.as_object().unwrap().len(), 5);
        let copy = folder.path().join(format!("{name}.git"));
        assert_eq!(refs(&git, &copy), refs(&git, &source));
        git.ok(&copy, ["fsck", "--strict"]);
    }
    // What was mirrored is served.
    git.ok(folder.path(), ["clone", "-q", "--bare", &format!("{}/copy-7.git", server.url), "served"]);
    assert_eq!(ask(port, "list")["message"].as_str().unwrap().lines().count(), 21);
}

#[test]
fn a_mirror_follows() {
    let Some(git) = Git::find() else { return };
    let (folder, upstream) = (Folder::new("control-fetch"), Folder::new("control-fetch-upstream"));
    let source = make(&git, upstream.path(), "source.git", "sha256");
    let elsewhere = Server::start(upstream.path(), &[]);
    let server = start(folder.path(), &[]);
    let port = server.port("control");
    let answer = ask(port, &format!("git clone {}/source.git", elsewhere.url));
    assert_eq!(answer["status"], "success", "{answer}");
    add(&git, &source, 300..303);
    git.ok(&source, ["update-ref", "-d", "refs/heads/side"]);
    let answer = ask(port, "git fetch source");
    let message = answer["message"].as_str().unwrap();
    assert!(message.contains("2 refs changed, 12 objects"), "{message}");
    assert_eq!(refs(&git, &folder.path().join("source.git")), refs(&git, &source));
    let listed = ask(port, &format!("git ls-remote {}/source.git", server.url));
    let expected = git.ok(folder.path(), ["ls-remote", source.to_str().unwrap()]);
    assert_eq!(listed["message"].as_str().unwrap(), String::from_utf8(expected).unwrap().trim_end());
    assert_eq!(ask(port, "git init group/new")["message"], "made group/new.git, which is empty");
    assert_eq!(ask(port, "list")["message"], "group/new.git\nsource.git");
    git.ok(folder.path(), ["ls-remote", &format!("{}/group/new.git", server.url)]);
}

#[test]
fn what_cannot_be_done_is_told_and_the_server_lives_on() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("control-refused");
    let outside = Folder::new("control-outside");
    let root = folder.path();
    make(&git, root, "here.git", "sha1");
    std::os::unix::fs::symlink(outside.path(), root.join("link.git")).unwrap();
    let server = start(root, &[]);
    let port = server.port("control");
    let url = &server.url;
    for (bytes, error) in [
        (&b"{'type': 'git'}"[..], "not a JSON object: unexpected '\\'' at byte 1"),
        (b"[1]", "not a JSON object: unexpected '[' at byte 0"),
        (b"{\"type\":\"git\",\"command\":1e999999}", "not a JSON object: number out of range at byte 31"),
        (
            b"{\"type\":\"git\",\"command\":\"\xff\"}",
            "not a JSON object: invalid unicode code point at byte 25",
        ),
        (b"{\"type\":\"git\",\"command\":\"a\0\"}", "not a JSON object: unexpected '\\x00' at byte 26"),
        (
            b"{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":{",
            "too many objects and lists in each other: at most 8",
        ),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "not a JSON object: unexpected 'G' at byte 0"),
    ] {
        assert_eq!(json(&say(port, bytes))["error"], error);
    }
    assert!(json(&say(port, &[b"{\"a\":\"", vec![b'x'; 1 << 20].as_slice()].concat()))["error"].is_string());
    let mut silent = TcpStream::connect(("127.0.0.1", port)).unwrap();
    silent.shutdown(std::net::Shutdown::Write).unwrap();
    let mut text = String::new();
    silent.read_to_string(&mut text).unwrap();
    assert_eq!(text, "{\"error\":\"No data received\"}");
    refused(port, "git", "the command is empty");
    refused(port, "git frobnicate", "unknown command 'frobnicate'");
    refused(port, "git clone", "expected: git clone URL [NAME]");
    refused(port, "git clone --upload-pack=touch x", "options are not understood");
    refused(port, &format!("git clone {url}/none.git"), "access denied or repository not exported");
    refused(port, &format!("git clone {url}/here.git here"), "there is a repository 'here' already");
    refused(port, &format!("git clone {url}/here.git link"), "there is a repository 'link' already");
    for name in ["../x", "a/../b", ".x", "/tmp/x", "a/b/c", "x.lock", "a\\b", "-x"] {
        assert!(ask(port, &format!("git clone {url}/here.git {name}"))["error"].is_string(), "{name}");
        assert!(ask(port, &format!("git init {name}"))["error"].is_string(), "{name}");
        assert!(ask(port, &format!("git fetch {name}"))["error"].is_string(), "{name}");
    }
    refused(port, "git fetch here", "was not cloned from anywhere");
    refused(port, "git fetch link", "there is no repository 'link'");
    refused(port, "git clone /etc x", "only git://, http:// and https:// URLs");
    refused(port, "git clone file:///etc x", "only git://, http:// and https:// URLs");
    refused(port, "git clone ssh://127.0.0.1/x", "only git://, http:// and https:// URLs");
    refused(port, "git clone ext::sh%20-c%20id x", "");
    refused(port, "git clone git://10.0.0.1/x", "host '10.0.0.1' is not among those that may be reached");
    refused(
        port,
        "git clone http://169.254.169.254/latest/meta-data",
        "is not among those that may be reached",
    );
    refused(port, "git clone http://[::ffff:10.0.0.1]/x", "is not among those that may be reached");
    refused(port, "git clone http://a:b@127.0.0.1/x", "a URL with a user");
    refused(port, "git clone git://127.0.0.1:1/x", "connect to 127.0.0.1:1: ");
    assert_eq!(ask(port, "list")["message"], "here.git");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    let left: Vec<_> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn a_redirect_leads_nowhere_else() {
    let folder = Folder::new("control-redirect");
    let server = start(folder.path(), &[]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            let path = line.split_whitespace().nth(1).unwrap_or_default().to_owned();
            let answer = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nConnection: close\r\n";
            write!(stream, "{answer}Location: http://10.255.255.1:81{path}\r\n\r\n").unwrap();
        }
    });
    let start = Instant::now();
    refused(server.port("control"), &format!("git clone http://127.0.0.1:{port}/x.git"), "not allowed");
    assert!(start.elapsed() < Duration::from_secs(10));
}

/// A server whose answers stop after so many bytes, and never go on.
fn stalls(to: u16, after: u64) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.unwrap();
            let server = TcpStream::connect(("127.0.0.1", to)).unwrap();
            let (mut from, mut into) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut from, &mut into));
            thread::spawn(move || {
                let (mut from, mut into) = (server.take(after), client);
                std::io::copy(&mut from, &mut into).ok();
                thread::sleep(Duration::from_secs(600));
            });
        }
    });
    port
}

fn drafts(root: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with('.')).collect()
}

#[test]
fn a_clone_that_was_killed_is_nowhere() {
    let Some(git) = Git::find() else { return };
    let (folder, upstream) = (Folder::new("control-kill"), Folder::new("control-kill-upstream"));
    make(&git, upstream.path(), "source.git", "sha1");
    let elsewhere = Server::start(upstream.path(), &[]);
    let slow = stalls(elsewhere.port("git"), 4096);
    let mut server = start(folder.path(), &[]);
    let mut client = TcpStream::connect(("127.0.0.1", server.port("control"))).unwrap();
    let request = json!({ "type": "git", "command": format!("git clone git://127.0.0.1:{slow}/source.git") });
    client.write_all(request.to_string().as_bytes()).unwrap();
    let begun = Instant::now();
    let is_under_way = || drafts(folder.path()).first().is_some_and(|draft| draft.join("config").exists());
    while !is_under_way() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not begin");
        thread::sleep(Duration::from_millis(10));
    }
    // Not yet whole, so that nobody sees it.
    assert_eq!(ask(server.port("control"), "list")["message"], "");
    let draft = drafts(folder.path()).remove(0);
    let hidden = format!("{}/{}", server.url, draft.file_name().unwrap().to_str().unwrap());
    assert!(!git.run(folder.path(), ["ls-remote", &hidden]).status.success());
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let server = start(folder.path(), &[]);
    assert_eq!(ask(server.port("control"), "list")["message"], "");
    assert!(!git.run(folder.path(), ["ls-remote", &format!("{}/source.git", server.url)]).status.success());
    // The name is free, and the second attempt is whole.
    let url = format!("{}/source.git", elsewhere.url);
    assert_eq!(ask(server.port("control"), &format!("git clone {url}"))["status"], "success");
    git.ok(&folder.path().join("source.git"), ["fsck", "--strict"]);
}

#[test]
fn a_command_has_its_time_and_what_it_began_goes() {
    let Some(git) = Git::find() else { return };
    let (folder, upstream) = (Folder::new("control-time"), Folder::new("control-time-upstream"));
    make(&git, upstream.path(), "source.git", "sha1");
    let elsewhere = Server::start(upstream.path(), &[]);
    let slow = stalls(elsewhere.port("git"), 4096);
    let server = start(folder.path(), &["--limit", "control-timeout=1"]);
    refused(
        server.port("control"),
        &format!("git clone git://127.0.0.1:{slow}/source.git"),
        "took longer than 1 s",
    );
    assert_eq!(ask(server.port("control"), "list")["message"], "");
    let server = start(folder.path(), &["--limit", "clone-bytes=2000"]);
    let url = format!("{}/source.git", elsewhere.url);
    refused(server.port("control"), &format!("git clone {url}"), "2000");
}

#[test]
fn it_stays_on_this_machine() {
    let folder = Folder::new("control-public");
    let mut command = Command::new(env!("CARGO_BIN_EXE_gitwired"));
    command.args(["--listen", "git://127.0.0.1:0", "--control", "0.0.0.0:0", "--root"]).arg(folder.path());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(128));
    assert!(String::from_utf8_lossy(&output.stderr).contains("stays on a loopback address"));
}
