//! Small requests that would become large, at the HTTP door: what they make the server hold.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use gitwire_object::{Trust, object_id};
use gitwire_testkit::git::{Folder, Git};
use gitwire_testkit::pack::{PackBuilder, write_size};
use gitwire_types::{ObjectFormat, ObjectKind};

use crate::server::{Server, make};

/// A server of one repository that anyone may push to.
pub fn start(folder: &Folder) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gitwired"));
    command.args(["--listen", "http://127.0.0.1:0", "--allow-push=anyone", "--root"]).arg(folder.path());
    Server::spawn(&mut command)
}

/// What the server says to a request, and by how many KiB the most that it has held grew.
pub fn post(server: &Server, service: &str, more: &str, body: &[u8]) -> (String, u64) {
    let before = server.peak();
    let mut stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let head = format!(
        "POST /r.git/{service} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}\
         Content-Type: application/x-{service}-request\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    // A server that refuses may have closed before everything is sent.
    stream.write_all(&[head.as_bytes(), body].concat()).ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok();
    // The system counts roughly.
    (answer.escape_ascii().to_string(), server.peak().saturating_sub(before))
}

/// A delta that says a base of 64 KiB `times` times over.
pub fn repeating(times: u64) -> Vec<u8> {
    let mut delta = Vec::new();
    write_size(1 << 16, &mut delta);
    write_size(times << 16, &mut delta);
    // A copy without offset and size: from the start, 64 KiB.
    delta.extend(std::iter::repeat_n(0x80_u8, usize::try_from(times).unwrap()));
    delta
}

/// A blob of 64 KiB, and a delta that says it `times` times over.
fn pack(base: &[u8], times: u64) -> Vec<u8> {
    let mut pack = PackBuilder::new();
    let base = pack.blob(base);
    pack.offset_delta(base, &repeating(times));
    pack.finish()
}

#[test]
fn a_delta_bomb_is_refused_before_it_grows() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("delta-bomb");
    make(&git, folder.path(), "r.git", "sha1");
    let server = start(&folder);
    let base = vec![0; 1 << 16];
    let id = object_id(ObjectFormat::Sha1, Trust::Own, ObjectKind::Blob, &base).unwrap();
    for (times, refused) in [(16, false), ((1 << 14) + 1, true), (1 << 16, true)] {
        let pack = pack(&base, times);
        assert!(pack.len() <= 1110, "{}", pack.len());
        let command = format!("{} {id} refs/tags/bomb{times}\0report-status", "0".repeat(40));
        let command = format!("{:04x}{command}0000", command.len() + 4);
        let body = [command.as_bytes(), &pack].concat();
        let (answer, grown) = post(&server, "git-receive-pack", "", &body);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert_eq!(answer.contains(&format!("ng refs/tags/bomb{times} ")), refused, "{answer}");
        assert_eq!(answer.contains("unpack ok"), !refused, "{answer}");
        assert!(grown < 32 << 10, "{times}: {grown} KiB");
    }
}

#[test]
fn a_gzip_bomb_is_refused_before_it_grows() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("gzip-bomb");
    let path = make(&git, folder.path(), "r.git", "sha1");
    let server = start(&folder);
    let tip = String::from_utf8(git.ok(&path, ["rev-parse", "main"])).unwrap();
    let have = format!("0032have {}\n", "1".repeat(40));
    // What the machine takes for haves, for options, and for nothing at all: 200 MB each.
    for (first, again) in [
        (format!("0032want {}\n0000", tip.trim()), have.clone()),
        ("0014command=ls-refs\n0001".to_owned(), "0010ref-prefix x\n".replace("0010", "0011")),
        (String::new(), "0000".to_owned()),
    ] {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(first.as_bytes()).unwrap();
        let block = again.repeat(20_000);
        for _ in 0..(200 << 20) / block.len() {
            encoder.write_all(block.as_bytes()).unwrap();
        }
        let bomb = encoder.finish().unwrap();
        let more = "Content-Encoding: gzip\r\nGit-Protocol: version=2\r\n";
        let more = if first.starts_with("0032") { "Content-Encoding: gzip\r\n" } else { more };
        let (answer, grown) = post(&server, "git-upload-pack", more, &bomb);
        assert!(!answer.is_empty());
        assert!(grown < 48 << 10, "{again:?}: {grown} KiB, {answer:.300}");
    }
    git.ok(folder.path(), ["clone", "-q", &format!("{}/r.git", server.url), "after"]);
}
