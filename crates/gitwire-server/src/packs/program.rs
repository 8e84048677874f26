//! A program that stands in for `git pack-objects` (`git-config`, `uploadpack.packObjectsHook`).

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use bytes::{BufMut as _, BytesMut};
use gitwire_gitdir::GitDir;
use gitwire_storage::{PackSource, SourceState, StorageError, StorageErrorKind};
use gitwire_types::Interrupt;

use super::{PackMaker, PackOrder};
use crate::ServeError;

/// Lets a program make packs: it gets the command line of `git pack-objects` as its arguments and the request on its
/// standard input, as git's own hook does, and runs in the Git directory.
///
/// What it writes to standard error goes to the client. Whoever names the program runs it: it must never come from the configuration of
/// a repository that is served.
#[derive(Debug, Clone)]
pub struct ProgramPacks {
    command: OsString,
    git_dir: PathBuf,
}

impl ProgramPacks {
    /// A shell command that makes the packs of `repository`.
    #[must_use]
    pub fn new(command: impl Into<OsString>, repository: &GitDir) -> Self {
        let path = repository.path();
        let git_dir = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Self { command: command.into(), git_dir }
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "the one place that starts this program, which our caller names"
    )]
    fn spawn(&self, order: &PackOrder) -> std::io::Result<Child> {
        let mut line = self.command.clone();
        line.push(" \"$@\"");
        let mut command = Command::new("sh");
        command.arg("-c").arg(line).arg(&self.command).args(arguments(order));
        command.current_dir(&self.git_dir).env("GIT_DIR", ".");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
    }
}

impl PackMaker for ProgramPacks {
    fn make(&self, order: PackOrder) -> Result<Box<dyn PackSource>, ServeError> {
        let failed = |error| storage("cannot run the pack-objects hook", Some(error));
        let mut child = self.spawn(&order).map_err(failed)?;
        let (send, pieces) = sync_channel(PIECES);
        let input = question(&order);
        if let Some(mut stdin) = child.stdin.take() {
            // A program that does not read its input to the end may do so; its exit tells whether the pack is good.
            thread::spawn(move || stdin.write_all(input.as_bytes()).ok());
        }
        if let Some(stderr) = child.stderr.take() {
            let send = send.clone();
            thread::spawn(move || pump(stderr, &send, Piece::Said));
        }
        if let Some(stdout) = child.stdout.take() {
            thread::spawn(move || pump(stdout, &send, Piece::Pack));
        }
        Ok(Box::new(Made { child, pieces, said: Vec::new(), left: BytesMut::new() }))
    }
}

/// The command line of the program that the hook stands in for.
fn arguments(order: &PackOrder) -> Vec<OsString> {
    let request = &order.request;
    let mut line: Vec<&str> = vec!["git"];
    if request.shallow {
        line.extend(["--shallow-file", ""]);
    }
    line.extend(["pack-objects", "--revs"]);
    let options = [
        (request.thin, "--thin"),
        (true, "--stdout"),
        (request.shallow, "--shallow"),
        (order.progress, "--progress"),
        (!order.progress, "-q"),
        (request.ofs_delta, "--delta-base-offset"),
        (!request.tags.is_empty(), "--include-tag"),
    ];
    line.extend(options.into_iter().filter(|(given, _)| *given).map(|(_, option)| option));
    let mut line: Vec<OsString> = line.into_iter().map(OsString::from).collect();
    if let Some(filter) = &order.filter {
        let mut option = OsString::from("--filter=");
        option.push(OsStr::from_bytes(&filter.to_bytes()));
        line.push(option);
    }
    line
}

/// What such a program reads.
fn question(order: &PackOrder) -> String {
    let mut text = String::new();
    if order.request.shallow {
        for id in &order.boundary {
            let _ = writeln!(text, "--shallow {id}");
        }
    }
    for id in &order.request.wants {
        let _ = writeln!(text, "{id}");
    }
    text.push_str("--not\n");
    for id in &order.request.haves {
        let _ = writeln!(text, "{id}");
    }
    text.push('\n');
    text
}

/// What a program says, by either pipe.
enum Piece {
    Pack(Vec<u8>),
    Said(Vec<u8>),
}

fn pump(mut from: impl Read, to: &SyncSender<Piece>, piece: fn(Vec<u8>) -> Piece) {
    let mut room = [0; 64 << 10];
    while let Ok(len @ 1..) = from.read(&mut room) {
        let read = room.get(..len).unwrap_or_default().to_vec();
        // The source has gone: the client has.
        if to.send(piece(read)).is_err() {
            return;
        }
    }
}

/// A pack that a program makes.
struct Made {
    child: Child,
    pieces: Receiver<Piece>,
    said: Vec<u8>,
    left: BytesMut,
}

impl PackSource for Made {
    fn next(
        &mut self,
        room: usize,
        out: &mut BytesMut,
        stop: &dyn Interrupt,
    ) -> gitwire_storage::Result<SourceState> {
        loop {
            stop.check().map_err(|_| StorageError::new(StorageErrorKind::Interrupted, "interrupted"))?;
            if !self.left.is_empty() {
                let len = self.left.len().min(room.max(1));
                out.put(self.left.split_to(len));
                return Ok(SourceState::More);
            }
            match self.pieces.recv_timeout(PATIENCE) {
                Ok(Piece::Pack(bytes)) => self.left.extend_from_slice(&bytes),
                Ok(Piece::Said(text)) => {
                    self.said.extend_from_slice(&text);
                    return Ok(SourceState::More);
                }
                Err(RecvTimeoutError::Timeout) => return Ok(SourceState::More),
                Err(RecvTimeoutError::Disconnected) => {
                    let ended =
                        self.child.wait().map_err(|error| storage("pack-objects hook", Some(error)))?;
                    return if ended.success() {
                        Ok(SourceState::End)
                    } else {
                        Err(storage("pack-objects died", None))
                    };
                }
            }
        }
    }

    fn take_said(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.said)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // Nobody reads it any more; one that has ended already is not hurt.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn storage(what: &str, error: Option<std::io::Error>) -> StorageError {
    let failure = StorageError::new(StorageErrorKind::Io, what.to_owned());
    match error {
        Some(error) => failure.with_source(error),
        None => failure,
    }
}

/// Pieces of 64 KiB that wait for the client.
const PIECES: usize = 4;

/// How long one call waits for the program before it gives the turn back.
const PATIENCE: Duration = Duration::from_millis(100);
