//! Requests in a notation that is easy to read, and the two programs that get them.

use std::collections::HashMap;
use std::env;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;

use gitwire_testkit::git::{Folder, Git};

/// A repository, and what its requests call its objects.
pub(super) struct Served<'a> {
    pub(super) git: &'a Git,
    pub(super) path: &'a Path,
    pub(super) format: &'a str,
    /// `{name}` in a request stands for the id.
    pub(super) names: HashMap<String, String>,
}

/// How the programs are started.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start<'a> {
    /// `GIT_PROTOCOL`.
    pub(super) protocol: &'a str,
    /// `--stateless-rpc`, `--http-backend-info-refs`, or nothing.
    pub(super) mode: &'a str,
    /// `key=value` of the configuration.
    pub(super) config: &'a [&'a str],
    /// `GIT_NAMESPACE`, where it is not empty.
    pub(super) namespace: &'a str,
}

impl Start<'_> {
    pub(super) const V2: Self =
        Self { protocol: "version=2", mode: "--stateless-rpc", config: &[], namespace: "" };
}

impl Served<'_> {
    /// The bytes that a request stands for. One packet a line: `0000`, `0001`, `0002` are those, `raw:` goes out as it stands with the
    /// escapes `\0`, `\n`, `\\`; everything else is a data packet with an LF, or without one if it ends in `\`.
    pub(super) fn bytes(&self, request: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        for line in request.lines().map(str::trim_start).filter(|line| !line.is_empty()) {
            packet(&self.fill(line), &mut bytes);
        }
        bytes
    }

    pub(super) fn fill(&self, line: &str) -> String {
        let mut line = line.to_owned();
        for (name, id) in &self.names {
            line = line.replace(&format!("{{{name}}}"), id);
        }
        line
    }

    /// Both answers to the same bytes: ours, then git's.
    pub(super) fn ask(&self, start: Start<'_>, input: &[u8]) -> (Output, Output) {
        (self.ours(start, input), self.theirs(start, input))
    }

    /// Our answer.
    pub(super) fn ours(&self, start: Start<'_>, input: &[u8]) -> Output {
        feed(self.prepare(program(), start), input)
    }

    /// git's answer.
    pub(super) fn theirs(&self, start: Start<'_>, input: &[u8]) -> Output {
        feed(self.prepare(self.git.command(self.path, NOTHING), start), input)
    }

    /// The ids of the objects in a pack, sorted, without the bases that it leaves out. git reads the pack: nothing of ours is asked.
    pub(super) fn objects(&self, pack: &[u8], thin: bool) -> Vec<String> {
        let Some(count) = pack.get(8..12) else { return Vec::new() };
        let count = count.iter().fold(0, |count, byte| count << 8 | usize::from(*byte));
        let folder = Folder::new("answer");
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let format = format!("--object-format={}", self.format);
        let indexed = if thin {
            let words = ["index-pack", "--stdin", "--fix-thin", "-o", &at("p.idx"), &at("p.pack")];
            self.git.feed(self.path, words, pack)
        } else {
            fs::write(at("p.pack"), pack).unwrap();
            self.git.run(folder.path(), ["index-pack", &format, "-o", &at("p.idx"), &at("p.pack")])
        };
        assert!(indexed.status.success(), "{}", String::from_utf8_lossy(&indexed.stderr));
        let index = fs::read(at("p.idx")).unwrap();
        let listed = self.git.feed(folder.path(), ["show-index", &format], &index);
        assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
        let text = String::from_utf8(listed.stdout).unwrap();
        let mut entries: Vec<(u64, &str)> = text
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(offset, rest)| (offset.parse().unwrap(), rest.split(' ').next().unwrap()))
            .collect();
        // Bases that were left out stand behind what came.
        entries.sort_unstable();
        let mut ids: Vec<String> = entries.iter().take(count).map(|(_, id)| (*id).to_owned()).collect();
        ids.sort_unstable();
        ids
    }

    fn prepare(&self, mut command: Command, start: Start<'_>) -> Command {
        for pair in start.config {
            command.args(["-c", pair]);
        }
        command.arg("upload-pack");
        if !start.mode.is_empty() {
            command.arg(start.mode);
        }
        command.arg(self.path).current_dir(self.path);
        command.env("GIT_PROTOCOL", start.protocol).env("GIT_USER_AGENT", "twin/1");
        if !start.namespace.is_empty() {
            command.env("GIT_NAMESPACE", start.namespace);
        }
        command
    }
}

const NOTHING: [&str; 0] = [];

/// Appends what one line of a request stands for ([`Served::bytes`]).
pub(crate) fn packet(line: &str, bytes: &mut Vec<u8>) {
    if ["0000", "0001", "0002"].contains(&line) {
        bytes.extend_from_slice(line.as_bytes());
    } else if let Some(raw) = line.strip_prefix("raw:") {
        bytes.extend_from_slice(&unescape(raw));
    } else {
        let data = line.strip_suffix('\\').map_or_else(|| unescape(&format!("{line}\\n")), unescape);
        bytes.extend_from_slice(format!("{:04x}", data.len() + 4).as_bytes());
        bytes.extend_from_slice(&data);
    }
}

/// The program under test: the one of `GITWIRE_PROGRAM`, where that is set.
pub(crate) fn program() -> Command {
    let program = env::var_os("GITWIRE_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_gitwire").into());
    let mut command = Command::new(program);
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env("HOME", "/nonexistent");
    command.env_remove("GIT_DIR").env_remove("GIT_NAMESPACE");
    command
}

fn feed(mut command: Command, input: &[u8]) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    thread::scope(|scope| {
        // Whoever refuses a request does not read it to its end.
        scope.spawn(move || drop(pipe.write_all(input)));
        child.wait_with_output().unwrap()
    })
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut characters = text.bytes();
    while let Some(byte) = characters.next() {
        bytes.push(match byte {
            b'\\' => match characters.next() {
                Some(b'0') => 0,
                Some(b'n') => b'\n',
                Some(other) => other,
                None => b'\\',
            },
            byte => byte,
        });
    }
    bytes
}
