//! Requests that no git sends.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use gitwire_testkit::git::{Folder, Git};

use crate::server::{Server, make};

/// What the server says to these bytes.
fn say(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // A server that refuses may have closed before everything is sent.
    stream.write_all(bytes).ok();
    stream.shutdown(Shutdown::Write).ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok();
    answer.escape_ascii().to_string()
}

fn line(text: &[u8]) -> Vec<u8> {
    [format!("{:04x}", text.len() + 4).as_bytes(), text].concat()
}

#[test]
fn malformed_requests_are_refused_in_a_line() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("raw");
    make(&git, folder.path(), "r.git", "sha1");
    let server = Server::start(folder.path(), &[]);
    let refused = |bytes: &[u8], reason: &str| {
        let answer = say(&server, bytes);
        assert!(
            answer.get(4..).is_some_and(|text| text.starts_with("ERR ") && text.contains(reason)),
            "{answer}"
        );
    };
    refused(b"0000", "expected a request");
    refused(b"zzzz", "");
    refused(b"0003", "");
    refused(b"ffff", "");
    refused(b"", "not whole");
    refused(b"0010git-up", "not whole");
    refused(&line(b"git-upload-pack"), "expected a service and a path");
    refused(&line(b"git-upload-pack "), "malformed path");
    refused(&line(b"git-upload-packs /r.git\0"), "expected a service and a path");
    refused(&line(b"git-upload-pack /r.git\nGET /\0host=h\0"), "malformed path");
    refused(&line(b"git-upload-pack /r.git\0host=h\r\nx\0"), "malformed parameter");
    refused(&line(b"git-receive-pack /r.git\0host=h\0"), "service not enabled");
    refused(&line(b"git-upload-archive /r.git\0host=h\0"), "service not enabled");
    refused(
        &line(&[b"git-upload-pack /r.git\0\0".to_vec(), b"x\0".repeat(65)].concat()),
        "malformed number of parameters",
    );
}

#[test]
fn a_client_that_says_nothing_is_not_waited_for() {
    let folder = Folder::new("silent");
    let server = Server::start(folder.path(), &["--limit", "request-timeout=1"]);
    let mut silent = TcpStream::connect(server.address()).unwrap();
    let mut slow = TcpStream::connect(server.address()).unwrap();
    slow.write_all(b"0030git-upload").unwrap();
    for stream in [&mut silent, &mut slow] {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut answer = Vec::new();
        // Closed or reset: it is over either way.
        stream.read_to_end(&mut answer).ok();
        assert_eq!(answer, b"");
    }
}

#[test]
fn odd_requests_are_served() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("odd");
    make(&git, folder.path(), "r.git", "sha1");
    let server = Server::start(folder.path(), &[]);
    let served = |request: &[u8], start: &str| {
        let answer = say(&server, &[line(request), b"0000".to_vec()].concat());
        assert!(answer.get(4..).is_some_and(|text| text.starts_with(start)), "{answer}");
    };
    let tip = String::from_utf8(git.ok(&folder.path().join("r.git"), ["rev-parse", "HEAD"])).unwrap();
    served(b"git-upload-pack /r.git", tip.trim());
    served(b"git-upload-pack /r.git\n", tip.trim());
    served(b"git-upload-pack /r.git\0host=h\0\0version=1\0", "version 1");
    served(b"git-upload-pack /r.git\0host=h\0\0version=2", "version 2");
    served(b"git-upload-pack /r.git\0\0version=2\0unknown=1\0", "version 2");
    let mut nuls = b"git-upload-pack /r.git".to_vec();
    nuls.resize(65_000, 0);
    served(&nuls, tip.trim());
}

#[test]
fn wants_that_nobody_may_have_are_refused() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("wants");
    let path = make(&git, folder.path(), "r.git", "sha1");
    let lone = git.feed(&path, ["hash-object", "-w", "--stdin"], b"nobody refers to this\n").stdout;
    let lone = String::from_utf8(lone).unwrap().trim().to_owned();
    let old = String::from_utf8(git.ok(&path, ["rev-parse", "main~3"])).unwrap().trim().to_owned();
    let absent = "1".repeat(40);
    let server = Server::start(folder.path(), &[]);
    let v0 = |id: &str| {
        let request = [line(b"git-upload-pack /r.git\0host=h\0"), line(format!("want {id}\n").as_bytes())];
        say(&server, &[request.concat(), b"0000".to_vec(), line(b"done\n")].concat())
    };
    let v2 = |id: &str| {
        let command = [line(b"command=fetch\n"), b"0001".to_vec(), line(format!("want {id}\n").as_bytes())];
        let request = line(b"git-upload-pack /r.git\0host=h\0\0version=2\0");
        say(&server, &[request, command.concat(), line(b"done\n"), b"0000".to_vec()].concat())
    };
    for answer in [v0(&lone), v0(&old), v0(&absent), v2(&lone), v2(&absent)] {
        assert!(answer.contains("ERR upload-pack: not our ref"), "{answer}");
    }
    assert!(v2(&old).contains("packfile"), "what a ref reaches may be had in version 2");
}
