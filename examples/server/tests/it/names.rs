//! The names by which HTTP doors on this machine's own address may be asked for.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use gitwire_testkit::git::{Folder, Git};

use crate::server::{Server, make};

fn status(address: &str, line: &str, host: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

#[test]
fn a_page_whose_name_leads_here_reads_nothing() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("names");
    make(&git, folder.path(), "r.git", "sha1");
    let ready = folder.path().join("ready");
    let options = ["--listen", "http://127.0.0.1:0", "--allow-push", "anyone", "--host", "git.example"];
    let _server =
        Server::start(folder.path(), &[&options[..], &["--ready-file", ready.to_str().unwrap()]].concat());
    let urls = loop {
        let urls = std::fs::read_to_string(&ready).unwrap_or_default();
        if !urls.is_empty() {
            break urls;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    };
    let address = urls.lines().find_map(|url| url.strip_prefix("http://")).unwrap().to_owned();
    let port = address.rsplit(':').next().unwrap();
    for line in ["GET /", "GET /r.git/info/refs?service=git-receive-pack", "GET /r.git/HEAD", "GET /metrics"]
    {
        for host in [address.as_str(), "localhost", &format!("localhost:{port}"), "git.example"] {
            assert_eq!(status(&address, line, host), "200", "{line} of {host}");
        }
        for host in ["evil.example", &format!("evil.example:{port}"), "127.0.0.1.evil.example", ""] {
            assert_eq!(status(&address, line, host), "421", "{line} of {host}");
        }
        let (method, path) = line.split_once(' ').unwrap();
        let line = format!("{method} http://evil.example{path}");
        assert_eq!(status(&address, &line, "localhost"), "421", "{line}");
    }
}
