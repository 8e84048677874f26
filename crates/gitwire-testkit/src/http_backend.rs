//! git's own HTTP server for tests: a web server of one page in front of `git http-backend`.
//!
//! ```
//! use gitwire_testkit::git::{Folder, Git};
//! use gitwire_testkit::http_backend::{Talk, serve};
//!
//! let Some(git) = Git::find() else { return };
//! let folder = Folder::new("http-backend");
//! git.ok(folder.path(), ["init", "-q", "--bare", "x.git"]);
//! let url = serve(&git, folder.path(), Talk::Smart, &[]);
//! git.ok(folder.path(), ["clone", "-q", &format!("{url}/x.git"), "clone"]);
//! ```

use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::thread;

use crate::git::Git;

/// What a server lets its clients know of `git http-backend`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Talk {
    /// Everything: the smart protocol.
    Smart,
    /// Files alone, as a web server that knows nothing of Git: queries are dropped.
    Dumb,
}

/// Serves every repository below `root` for as long as the process lives, pushes by anybody too, with `environment` added to that
/// of `git http-backend`; gives the URL.
///
/// # Panics
/// When no port can be had.
#[must_use]
pub fn serve(git: &Git, root: &Path, talk: Talk, environment: &[(&str, &str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let pairs = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let backend = Backend {
        git: git.clone(),
        root: root.to_str().unwrap().to_owned(),
        talk,
        environment: pairs.collect(),
    };
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let backend = backend.clone();
            // A client that hangs up is the test's affair.
            thread::spawn(move || backend.answer(&stream));
        }
    });
    url
}

#[derive(Clone)]
struct Backend {
    git: Git,
    root: String,
    talk: Talk,
    environment: Vec<(String, String)>,
}

impl Backend {
    /// Answers the one request of a connection.
    fn answer(&self, stream: &TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(stream);
        let head = Head::read(&mut reader)?;
        let mut child = self.command(&head).spawn()?;
        let mut input = child.stdin.take().ok_or(io::ErrorKind::Other)?;
        let mut output = BufReader::new(child.stdout.take().ok_or(io::ErrorKind::Other)?);
        thread::scope(|scope| {
            // The request may be longer than what git reads before it answers.
            scope.spawn(move || head.copy_body(&mut reader, &mut input));
            respond(&mut output, stream)
        })?;
        child.wait()?;
        Ok(())
    }

    fn command(&self, head: &Head) -> std::process::Command {
        let (path, query) = head.target.split_once('?').unwrap_or((&head.target, ""));
        let query = if self.talk == Talk::Smart { query } else { "" };
        let mut command = self.git.command(Path::new(&self.root), ["http-backend"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.env("GIT_PROJECT_ROOT", &self.root).env("GIT_HTTP_EXPORT_ALL", "1");
        command.env("REQUEST_METHOD", &head.method).env("PATH_INFO", path).env("QUERY_STRING", query);
        // Somebody who is known may push.
        command.env("REMOTE_USER", "tester").env("REMOTE_ADDR", "127.0.0.1");
        for (header, variable) in [
            ("content-type", "CONTENT_TYPE"),
            ("content-length", "CONTENT_LENGTH"),
            ("content-encoding", "HTTP_CONTENT_ENCODING"),
            ("git-protocol", "GIT_PROTOCOL"),
        ] {
            if let Some(value) = head.header(header) {
                command.env(variable, value);
            }
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// A request line and its headers.
struct Head {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
}

impl Head {
    fn read(reader: &mut impl BufRead) -> io::Result<Self> {
        let mut first = String::new();
        reader.read_line(&mut first)?;
        let mut words = first.split_whitespace().map(ToOwned::to_owned);
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        Ok(Self { method, target, headers: headers(reader)? })
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn copy_body(&self, reader: &mut impl BufRead, to: &mut impl io::Write) -> io::Result<()> {
        if self.header("transfer-encoding") != Some("chunked") {
            let length = self.header("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
            return io::copy(&mut reader.take(length), to).map(drop);
        }
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let length = u64::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
            io::copy(&mut reader.take(length), to)?;
            reader.read_line(&mut line)?;
            if length == 0 {
                return Ok(());
            }
        }
    }
}

/// Header lines up to an empty one, names in lower case.
fn headers(reader: &mut impl BufRead) -> io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            return Ok(headers);
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

/// Makes a web server's answer of a CGI program's (RFC 3875, 6).
fn respond(output: &mut impl BufRead, mut stream: &TcpStream) -> io::Result<()> {
    let said = headers(output)?;
    let status = said.iter().find(|(name, _)| name == "status").map_or("200 OK", |(_, value)| value.as_str());
    let mut head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
    for (name, value) in said.iter().filter(|(name, _)| name != "status") {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all((head + "\r\n").as_bytes())?;
    io::copy(output, &mut stream)?;
    stream.shutdown(std::net::Shutdown::Write)
}
