//! What happened to a ref: `logs/NAME` (`git-reflog`).

use std::io::ErrorKind;
use std::ops::ControlFlow;

use gitwire_storage::{LogRecord, ReflogEntry, Result, StorageError, StorageErrorKind};
use gitwire_types::{ObjectFormat, ObjectId};

use super::view::RefFiles;
use crate::config::Config;
use crate::error::{Context as _, is_absent, shown};
use crate::fs::{File, FileKind, Links};
use crate::lock::{DIRECTORY_MODE, FILE_MODE, parent_of};
use crate::quarantine::remove_tree;

/// Which refs get a reflog that have none yet (`core.logAllRefUpdates`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogPolicy {
    None,
    /// Branches, remote-tracking refs, notes and `HEAD`.
    Usual,
    Always,
}

impl LogPolicy {
    /// As configured; without configuration bare repositories log nothing.
    pub(crate) fn of(config: &Config) -> Self {
        let value = config.string("core", None, "logAllRefUpdates");
        if value.is_some_and(|value| value.eq_ignore_ascii_case(b"always")) {
            return Self::Always;
        }
        let truth = |name| config.boolean("core", None, name).ok().flatten();
        match truth("logAllRefUpdates") {
            Some(true) => Self::Usual,
            Some(false) => Self::None,
            None if truth("bare") == Some(true) => Self::None,
            None => Self::Usual,
        }
    }

    /// Whether a ref gets a reflog that has none yet.
    pub(crate) fn makes(self, name: &[u8]) -> bool {
        match self {
            Self::None => false,
            Self::Usual => {
                name == b"HEAD"
                    || [&b"refs/heads/"[..], b"refs/remotes/", b"refs/notes/"]
                        .iter()
                        .any(|prefix| name.starts_with(prefix))
            }
            Self::Always => true,
        }
    }
}

/// Appends a line to the reflog of `name`, if it has one or is to have one. Durable as the content of a file is; a reflog is
/// not worth more.
pub(crate) fn append(
    files: &RefFiles,
    policy: LogPolicy,
    name: &[u8],
    change: (Option<ObjectId>, Option<ObjectId>),
    entry: &ReflogEntry,
) -> Result<()> {
    let home = files.home(name);
    let path = [b"logs/", name].concat();
    let exists = home.stat(&path, Links::Refuse).is_ok_and(|stat| stat.kind == FileKind::File);
    if !exists && !policy.makes(name) {
        return Ok(());
    }
    if !exists {
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        for parent in slashes.filter_map(|at| path.get(..at)) {
            // The reflog of a ref that went, whose remover died before it came to the reflog: no ref of that name can be there,
            // because this one is.
            if home.stat(parent, Links::Refuse).is_ok_and(|stat| stat.kind == FileKind::File) {
                home.remove_file(parent).ok();
            }
            // What fails here shows when the file is opened.
            home.make_dir(parent, DIRECTORY_MODE).ok();
        }
        // Of refs whose names begin with this one there can be none either, only what is left of their reflogs.
        if home.stat(&path, Links::Refuse).is_ok_and(|stat| stat.kind == FileKind::Directory) {
            remove_tree(&**home, &path);
        }
    }
    let line = line(files.format, change, entry);
    home.append(&path, FILE_MODE)
        .and_then(|file| file.write(&line))
        .context(|| format!("cannot append to '{}'", shown(&path)))
}

/// Removes the reflog of a ref that is gone.
pub(crate) fn remove(files: &RefFiles, name: &[u8]) {
    let home = files.home(name);
    let path = [b"logs/", name].concat();
    // A reflog without its ref is litter, not damage.
    home.remove_file(&path).ok();
    let mut parent = parent_of(&path);
    while parent.iter().filter(|byte| **byte == b'/').count() >= 3 && home.remove_dir(parent).is_ok() {
        parent = parent_of(parent);
    }
}

/// Gives the lines of the reflog of `name`, the latest first; those that say nothing of objects are left out, as git leaves them out.
pub(crate) fn each(
    files: &RefFiles,
    name: &[u8],
    each: &mut dyn FnMut(LogRecord) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let path = [b"logs/", name].concat();
    let what = || format!("cannot read '{}'", shown(&path));
    let file = match files.home(name).open(&path, Links::Refuse) {
        Ok(file) => file,
        // At most a folder with the reflogs of refs whose names begin with this one.
        Err(error) if is_absent(&error) || error.kind() == ErrorKind::IsADirectory => return Ok(()),
        Err(error) => return Err(error).context(what),
    };
    let stat = file.stat().context(what)?;
    // What is read and not yet given: from `at` on, less what has been given.
    let (mut at, mut unread) = (stat.size, Vec::new());
    while at > 0 {
        let start = at.saturating_sub(PIECE);
        let mut piece = read_exact(&*file, start, at).context(what)?;
        piece.append(&mut unread);
        // The first line of a piece may begin before it.
        let whole = match piece.iter().position(|byte| *byte == b'\n') {
            _ if start == 0 => 0,
            Some(end) => end.saturating_add(1),
            None => piece.len(),
        };
        unread = piece.drain(..whole).collect();
        // Of the one that is not all there, the line feed is.
        let lines = piece.split(|byte| *byte == b'\n').map(<[u8]>::len);
        if lines.chain([unread.len().saturating_sub(1)]).any(|len| len > LINE_MAX) {
            let text = format!("a line of '{}' is longer than {LINE_MAX} bytes", shown(&path));
            return Err(StorageError::new(StorageErrorKind::Limit, text));
        }
        for record in piece.rsplit(|byte| *byte == b'\n').filter_map(|line| record(files.format, line)) {
            if each(record)?.is_break() {
                return Ok(());
            }
        }
        at = start;
    }
    Ok(())
}

fn read_exact(file: &dyn File, start: u64, end: u64) -> std::io::Result<Vec<u8>> {
    let mut piece = vec![0; usize::try_from(end.saturating_sub(start)).unwrap_or(0)];
    let mut filled = 0;
    while let Some(room) = piece.get_mut(filled..).filter(|room| !room.is_empty()) {
        match file.read_at(start.saturating_add(filled as u64), room)? {
            // It has become shorter meanwhile.
            0 => break,
            got => filled = filled.saturating_add(got),
        }
    }
    piece.truncate(filled);
    Ok(piece)
}

/// `OLD NEW Name <address> seconds zone`, and perhaps a tab and why.
fn record(format: ObjectFormat, line: &[u8]) -> Option<LogRecord> {
    let mut words = line.splitn(3, |byte| *byte == b' ');
    let mut id = || ObjectId::from_hex(format, words.next()?).ok();
    let (old, new) = (id()?, id()?);
    let who = words.next()?.split(|byte| *byte == b'\t').next()?;
    let after = who.iter().rposition(|byte| *byte == b'>')?.saturating_add(2);
    let seconds = who.get(after..)?.split(|byte| *byte == b' ').next()?;
    let some = |id: ObjectId| Some(id).filter(|id| !id.is_zero());
    Some(LogRecord { old: some(old), new: some(new), seconds: str::from_utf8(seconds).ok()?.parse().ok()? })
}

/// Bytes that are read of a reflog at once: some three hundred lines.
const PIECE: u64 = 64 << 10;

/// Bytes of a line: messages of commits' first lines are hundreds.
const LINE_MAX: usize = 1 << 20;

fn line(
    format: ObjectFormat,
    (old, new): (Option<ObjectId>, Option<ObjectId>),
    entry: &ReflogEntry,
) -> Vec<u8> {
    let hex = |id: Option<ObjectId>| id.unwrap_or(ObjectId::zero(format)).to_hex();
    let mut line = Vec::new();
    line.extend_from_slice(hex(old).as_bytes());
    line.push(b' ');
    line.extend_from_slice(hex(new).as_bytes());
    line.push(b' ');
    line.extend(entry.committer.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }));
    let message = one_line(&entry.message);
    if !message.is_empty() {
        line.push(b'\t');
        line.extend_from_slice(&message);
    }
    line.push(b'\n');
    line
}

/// A message as reflogs hold it: all white space is one space, none at its ends.
pub(crate) fn one_line(message: &[u8]) -> Vec<u8> {
    let words: Vec<_> = message.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
    words.join(&b' ')
}
