//! All doors of one server: encryption, options, numbers, the end, and what the sample says.

use std::fs;
use std::io::{BufRead as _, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use gitwire_testkit::git::{Folder, Git};

use crate::server::{Server, make, refs};
use crate::transcripts::gitwire;

fn gitwired(root: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gitwired"));
    command.arg("--root").arg(root);
    command
}

/// The status and the body of a GET.
pub fn get(port: u16, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[test]
fn https_serves_what_http_serves() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("https");
    let source = make(&git, folder.path(), "source.git", "sha1");
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
    fs::write(&chain, cert.pem()).unwrap();
    fs::write(&key, signing_key.serialize_pem()).unwrap();
    let mut command = gitwired(folder.path());
    command.args(["--listen", "https://127.0.0.1:0", "--tls-cert"]).arg(&chain).arg("--tls-key").arg(&key);
    let server = Server::spawn(command.args(["--limit", "request-timeout=1"]));
    let url = format!("{}/source.git", server.url);
    let trust = format!("http.sslCAInfo={}", chain.display());
    git.ok(folder.path(), ["-c", &trust, "clone", "-q", "--mirror", &url, "clone"]);
    assert_eq!(refs(&git, &folder.path().join("clone")), refs(&git, &source));
    assert!(!git.run(folder.path(), ["clone", "-q", &url, "untrusted"]).status.success());
    // And so does WebSocket.
    let ls_remote = |words: &[&str]| {
        let url = url.replace("https://", "wss://");
        let mut command = Command::new(gitwire());
        command.args(words).args(["ls-remote", &url]).env_remove("GIT_SSL_CAINFO");
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).contains("refs/heads/main"))
    };
    assert_eq!(ls_remote(&["-c", &trust]), (true, true));
    assert_eq!(ls_remote(&[]), (false, false));
    // Somebody who says nothing, or no TLS, is not waited for.
    for hello in [&b""[..], b"GET / HTTP/1.1\r\n\r\n"] {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port("https"))).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(hello).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).ok();
        assert!(!rest.starts_with(b"HTTP"));
    }
    let fails = |arguments: &[&str], why: &str| {
        let output =
            gitwired(folder.path()).args(["--listen", "https://127.0.0.1:0"]).args(arguments).output();
        let output = output.unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(128) && text.contains(why), "{text}");
    };
    let (chain, key) = (chain.to_str().unwrap(), key.to_str().unwrap());
    fails(&[], "needs --tls-cert and --tls-key");
    fails(&["--tls-cert", chain], "belong together");
    fails(&["--tls-cert", chain, "--tls-key", "/none"], "/none");
    fails(&["--tls-cert", key, "--tls-key", key], "there is no certificate");
    fails(&["--tls-cert", chain, "--tls-key", chain], "chain.pem");
}

#[test]
fn a_file_of_options_and_the_command_line_that_wins() {
    let folder = Folder::new("config");
    let file = folder.path().join("gitwired.toml");
    let ready = folder.path().join("ready");
    let run = |text: &str| {
        fs::write(&file, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_gitwired"));
        command.arg("--config").arg(&file);
        command
    };
    let shown = folder.path().display();
    let text = format!(
        "root = \"{shown}\"\nlisten = [\"http://127.0.0.1:0\"]\ncontrol = \"127.0.0.1:0\"\ngrace = 1\n"
    );
    let server = Server::with_doors(run(&text).arg("--ready-file").arg(&ready), 2);
    assert_eq!(get(server.port("http"), "/healthz"), (200, "ok\n".to_owned()));
    let begun = Instant::now();
    while !ready.exists() {
        assert!(begun.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(fs::read_to_string(&ready).unwrap(), format!("{}\n{}\n", server.urls[0], server.urls[1]));
    let server =
        Server::with_doors(run(&text).args(["--listen", "git://127.0.0.1:0", "--control", "off"]), 1);
    assert!(server.url.starts_with("git://"));
    let output = run(&(text + "speed = 1\n")).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(128));
    assert!(
        error.contains("gitwired.toml: ")
            && error.contains("line 5")
            && error.contains("unknown field `speed`")
    );
}

#[test]
fn numbers_for_operators() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("metrics");
    make(&git, folder.path(), "source.git", "sha1");
    let mut command = gitwired(folder.path());
    command.args(["--listen", "git://127.0.0.1:0", "--listen", "http://127.0.0.1:0"]);
    let server = Server::with_doors(&mut command, 2);
    let (door, port) = (server.url.clone(), server.port("http"));
    git.ok(folder.path(), ["clone", "-q", "--bare", &format!("{door}/source.git"), "clone"]);
    assert!(!git.run(folder.path(), ["ls-remote", &format!("{door}/none.git")]).status.success());
    let (status, text) = get(port, "/metrics");
    assert_eq!(status, 200);
    let number = |name: &str| -> u64 {
        let line =
            text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name}: {text}"));
        line.trim().parse().unwrap()
    };
    assert_eq!(number(&format!("gitwired_connections_total{{door=\"{door}\"}}")), 2);
    assert_eq!(number(&format!("gitwired_requests_total{{door=\"{door}\",result=\"refused\"}}")), 1);
    assert!(number(&format!("gitwired_sent_bytes_total{{door=\"{door}\"}}")) > 10_000);
    assert!(number("gitwired_jobs_max") == 64 && number("gitwired_jobs_running") == 0);
    // Each sample has its type, and each line is one of the format's.
    for line in text.lines() {
        let name = line.split(['{', ' ']).next().unwrap();
        assert!(line.starts_with("# ") || text.contains(&format!("# TYPE {name} ")), "{line}");
    }
    let mut command = gitwired(folder.path());
    command.args(["--listen", "http://127.0.0.1:0", "--allow-metrics=no"]);
    let server = Server::spawn(&mut command);
    assert_eq!(get(server.port("http"), "/metrics").0, 404);
    assert_eq!(get(server.port("http"), "/healthz").0, 200);
}

#[test]
fn a_transfer_may_end_after_sigterm_and_nothing_begins() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("grace");
    make(&git, folder.path(), "source.git", "sha1");
    let mut command = gitwired(folder.path());
    command.args([
        "--listen",
        "git://127.0.0.1:0",
        "--listen",
        "http://127.0.0.1:0",
        "--control",
        "127.0.0.1:0",
    ]);
    let mut server = Server::with_doors(command.args(["--grace", "60"]), 3);
    let ports = ["git", "http", "control"].map(|scheme| server.port(scheme));
    let mut transfer = TcpStream::connect(("127.0.0.1", ports[0])).unwrap();
    transfer.write_all(b"0020git-upload-pack /source.git\0").unwrap();
    let mut byte = [0];
    transfer.read_exact(&mut byte).unwrap();
    assert!(Command::new("kill").arg(server.child.id().to_string()).status().unwrap().success());
    let begun = Instant::now();
    for port in ports {
        while TcpStream::connect(("127.0.0.1", port)).is_ok() {
            assert!(begun.elapsed() < Duration::from_secs(20), "port {port} is still open");
            thread::sleep(Duration::from_millis(5));
        }
    }
    assert!(server.child.try_wait().unwrap().is_none(), "a transfer is under way");
    // The end of a conversation that asks for nothing.
    transfer.write_all(b"0000").unwrap();
    let mut rest = Vec::new();
    transfer.read_to_end(&mut rest).unwrap();
    assert!(rest.ends_with(b"0000"));
    drop(transfer);
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_transfer_that_does_not_end_is_cut_after_the_grace() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("grace-cut");
    make(&git, folder.path(), "source.git", "sha1");
    let server =
        Server::spawn(gitwired(folder.path()).args(["--listen", "git://127.0.0.1:0", "--grace", "1"]));
    let mut transfer = TcpStream::connect(("127.0.0.1", server.port("git"))).unwrap();
    transfer.write_all(b"0020git-upload-pack /source.git\0").unwrap();
    transfer.read_exact(&mut [0]).unwrap();
    let begun = Instant::now();
    assert_eq!(server.terminate(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn each_command_that_the_sample_prints_works() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("sample-doors");
    let gitwire = Path::new(env!("CARGO_BIN_EXE_gitwired")).with_file_name("gitwire");
    assert!(gitwire.is_file(), "build it first: cargo build -p gitwire-client-example");
    let mut command = Command::new(env!("CARGO_BIN_EXE_gitwired"));
    let mut server = Server::with_doors(command.env("XDG_DATA_HOME", folder.path()), 3);
    let mut hints = Vec::new();
    loop {
        let mut line = String::new();
        server.says.read_line(&mut line).unwrap();
        let Some((what, command)) = line.trim_end().split_at_checked(14) else { continue };
        if what.trim() == "to push" {
            break;
        }
        hints.push((what.trim().to_owned(), command.to_owned()));
    }
    let names: Vec<&str> = hints.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["git://", "web pages", "smart HTTP", "dumb HTTP", "WebSocket", "JSON control", "ssh"]);
    for (name, command) in &hints {
        let place = folder.path().join(name.replace(['/', ':', ' '], ""));
        fs::create_dir(&place).unwrap();
        if name == "web pages" {
            assert_eq!(get(server.port("http"), "/").0, 200);
            continue;
        }
        // As git's own environment in these tests, through a shell.
        let mut shell = git.command(&place, [""; 0]);
        let environment: Vec<_> =
            shell.get_envs().map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned))).collect();
        shell = Command::new("sh");
        shell.env_clear().current_dir(&place).args(["-c", command]).stdin(Stdio::null());
        for (name, value) in environment {
            shell.env(name, value.unwrap_or_default());
        }
        let output = shell.output().unwrap();
        let text =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{name}: {command}\n{text}");
        if name == "JSON control" {
            assert!(text.contains("\"message\":\"sample.git\""), "{text}");
        } else {
            assert!(place.join("sample/README.md").exists(), "{name}: {command}\n{text}");
        }
    }
    let rpc = |words: &[&str]| {
        let mut command = Command::new(&gitwire);
        let address = format!("127.0.0.1:{}", server.port("control"));
        let output = command.args(["rpc", "--connect", &address]).args(words).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(rpc(&["git", "init", "mine"]).0, Some(0));
    assert_eq!(rpc(&["{\"type\":\"git\",\"command\":\"list\"}"]).1.matches(".git").count(), 2);
    assert_eq!(rpc(&["git nothing"]), (Some(1), rpc(&["git nothing"]).1));
    assert_eq!(rpc(&["{\"type\":"]), (Some(1), "{\"error\":\"the request is not whole\"}\n".to_owned()));
    let mut nobody = Command::new(&gitwire);
    assert_eq!(
        nobody.args(["rpc", "--connect", "127.0.0.1:1", "list"]).output().unwrap().status.code(),
        Some(128)
    );
}

#[test]
fn the_log_says_who_asked_for_what_and_no_password() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("log");
    make(&git, folder.path(), "source.git", "sha1");
    let (log, users) = (folder.path().join("log"), folder.path().join("users"));
    let mut add = Command::new(env!("CARGO_BIN_EXE_gitwired"));
    add.args(["user", "add", "ann", "--users"]).arg(&users).stdin(Stdio::piped());
    let mut add = add.spawn().unwrap();
    add.stdin.take().unwrap().write_all(b"correct horse").unwrap();
    assert!(add.wait().unwrap().success());
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec \"$0\" \"$@\" 2> \"$LOG\"", env!("CARGO_BIN_EXE_gitwired")]).env("LOG", &log);
    shell.arg("--root").arg(folder.path()).arg("--users").arg(&users);
    shell.args([
        "--listen",
        "git://127.0.0.1:0",
        "--listen",
        "http://127.0.0.1:0",
        "--control",
        "127.0.0.1:0",
    ]);
    let server = Server::with_doors(shell.args(["--log=json", "--allow-read=auth"]), 3);
    let secret = server.urls[1].replace("://", "://ann:correct%20horse@") + "/source.git";
    git.ok(folder.path(), ["ls-remote", &secret]);
    assert!(!git.run(folder.path(), ["ls-remote", &secret.replace("horse", "mule")]).status.success());
    assert!(!git.run(folder.path(), ["ls-remote", &format!("{}/source.git", server.url)]).status.success());
    let mut control = TcpStream::connect(("127.0.0.1", server.port("control"))).unwrap();
    control.write_all(b"{\"type\":\"git\",\"command\":\"list\"}\n").unwrap();
    control.read_exact(&mut [0]).unwrap();
    assert_eq!(server.terminate(), Some(0));
    let log = fs::read_to_string(log).unwrap();
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let spoken = |door: &str, what: &str| {
        let said = |line: &&serde_json::Value| {
            line["span"]["name"] == door
                && line["span"]["peer"].as_str().is_some_and(|peer| peer.starts_with("127.0.0.1:"))
                && line["fields"]["message"] == what
        };
        lines.iter().find(said).unwrap_or_else(|| panic!("{door} {what}: {log}"))
    };
    assert_eq!(spoken("http", "answered")["span"]["path"], "/source.git/info/refs");
    assert_eq!(spoken("git", "refused")["fields"]["reply"], "authentication required");
    assert_eq!(spoken("control", "done")["fields"]["command"], "list");
    for secret in ["correct", "horse", "mule", "Y29ycmVjdCBob3JzZQ"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[test]
fn a_request_over_http_may_end_after_sigterm() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("grace-http");
    let source = make(&git, folder.path(), "source.git", "sha1");
    let tip = String::from_utf8(git.ok(&source, ["rev-parse", "main"])).unwrap();
    let mut server = Server::spawn(gitwired(folder.path()).args(["--listen", "http://127.0.0.1:0"]));
    let mut idle = TcpStream::connect(("127.0.0.1", server.port("http"))).unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    idle.read_exact(&mut [0]).unwrap();
    let (want, done) = (format!("0032want {}\n0000", tip.trim()), "0009done\n");
    let mut transfer = TcpStream::connect(("127.0.0.1", server.port("http"))).unwrap();
    let head = "POST /source.git/git-upload-pack HTTP/1.1\r\nHost: localhost\r\n\
        Expect: 100-continue\r\nContent-Type: application/x-git-upload-pack-request\r\nContent-Length:";
    write!(transfer, "{head} {}\r\n\r\n{want}", want.len() + done.len()).unwrap();
    // It is heard, and its end waited for.
    let mut go_on = [0; 25];
    transfer.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    assert!(Command::new("kill").arg(server.child.id().to_string()).status().unwrap().success());
    let mut rest = Vec::new();
    // Who has nothing under way is let go.
    idle.read_to_end(&mut rest).unwrap();
    assert!(server.child.try_wait().unwrap().is_none(), "a transfer is under way");
    transfer.write_all(done.as_bytes()).unwrap();
    let mut answer = Vec::new();
    transfer.read_to_end(&mut answer).unwrap();
    let has = |text: &[u8]| answer.windows(text.len()).any(|window| window == text);
    assert!(has(b"0008NAK\n") && has(b"PACK"), "{}", answer.escape_ascii());
    assert!(answer.ends_with(b"\r\n0\r\n\r\n"), "it ends well");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

#[test]
fn one_bound_holds_for_all_doors() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("one-bound");
    make(&git, folder.path(), "source.git", "sha1");
    let mut command = gitwired(folder.path());
    command.args(["--listen", "git://127.0.0.1:0", "--listen", "http://127.0.0.1:0", "--limit", "jobs=1"]);
    let server = Server::with_doors(&mut command, 2);
    thread::scope(|scope| {
        for number in 0..8 {
            let (git, folder, url) = (&git, &folder, &server.urls[number % 2]);
            let name = number.to_string();
            scope.spawn(move || {
                git.ok(folder.path(), ["clone", "-q", "--bare", &format!("{url}/source.git"), &name])
            });
        }
    });
    let (_, text) = get(server.port("http"), "/metrics");
    assert!(
        text.contains("\ngitwired_jobs_max 1\n") && text.contains("\ngitwired_jobs_waiting 0\n"),
        "{text}"
    );
}
