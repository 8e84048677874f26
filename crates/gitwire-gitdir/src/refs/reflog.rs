//! What happened to a ref: `logs/NAME` (`git-reflog`).

use gitwire_storage::{ReflogEntry, Result};
use gitwire_types::{ObjectFormat, ObjectId};

use super::view::RefFiles;
use crate::config::Config;
use crate::error::{Context as _, shown};
use crate::fs::{FileKind, Links};
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
