//! The bytes of a file, read while they are sent.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gitwire_server::Jobs;
use gitwire_storage::{ObjectReader, StorageError};
use http::StatusCode;
use http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, HeaderValue};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::super::failure::Failure;
use super::super::reply::{Keep, PageBody, Reply, dressed};
use super::super::repository::{Revision, Shown};
use super::super::route::encoded;
use super::super::tree::{image_type, is_binary};

/// A file that is open.
pub(in super::super) struct Opened {
    reader: Box<dyn ObjectReader>,
    name: Vec<u8>,
    size: u64,
    first: Bytes,
}

/// Opens a file.
pub(in super::super) fn open(shown: &Shown<'_>, query: &str, path: &[Vec<u8>]) -> Result<Opened, Failure> {
    let nothing = || Failure::not_found("There is no such file in this state of the repository.");
    let at = shown.at(Revision::of(query))?.ok_or_else(nothing)?;
    let entry = shown.lookup(&shown.tree_of(&at.commit)?, path)?.ok_or_else(nothing)?;
    if entry.mode.is_tree() || entry.mode.is_gitlink() {
        return Err(nothing());
    }
    let size = shown.size(&entry.id)?;
    let mut reader = shown.objects.open(&entry.id)?.ok_or_else(nothing)?;
    let first = piece(&mut *reader)?;
    Ok(Opened { reader, name: entry.name, size, first })
}

/// Sends it. Nothing of it is ever run: what is no image of a known kind is text or a download, and what a browser makes of it is in a
/// sandbox.
pub(in super::super) fn send(opened: Opened, keep: Keep, jobs: &Arc<Jobs>) -> Reply {
    let Opened { reader, name, size, first } = opened;
    let (kind, disposition) = match image_type(&first) {
        Some(kind) => (kind, "inline"),
        None if is_binary(&first) => ("application/octet-stream", "attachment"),
        None => ("text/plain; charset=utf-8", "inline"),
    };
    let (sender, pieces) = mpsc::channel(1);
    tokio::spawn(pass_on(reader, first, sender, Arc::clone(jobs)));
    let mut reply = dressed(StatusCode::OK, keep, kind, PageBody::Pieces { pieces, left: size });
    let headers = reply.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    let disposition = format!("{disposition}; filename*=UTF-8''{}", encoded(&name));
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    reply
}

/// Reads piece by piece at the pace of who takes them. Work is done for a piece only while it is read.
async fn pass_on(
    mut reader: Box<dyn ObjectReader>,
    first: Bytes,
    sender: mpsc::Sender<io::Result<Bytes>>,
    jobs: Arc<Jobs>,
) {
    let mut next = Ok(first);
    loop {
        let is_last = match &next {
            Ok(piece) if piece.is_empty() => return,
            next => next.is_err(),
        };
        let sent = timeout(PATIENCE, sender.send(next)).await;
        if is_last || !matches!(sent, Ok(Ok(()))) {
            return;
        }
        let read = jobs.run(move |_| {
            let piece = piece(&mut *reader);
            (reader, piece)
        });
        // Without the rest the body is shorter than was said, which the client sees.
        let Ok((same, piece)) = read.await else { return };
        reader = same;
        next = piece.map_err(io::Error::other);
    }
}

/// The next bytes; none at the end.
fn piece(reader: &mut dyn ObjectReader) -> Result<Bytes, StorageError> {
    let mut room = vec![0; PIECE];
    let mut filled = 0;
    while filled < room.len() {
        match reader.read(room.get_mut(filled..).unwrap_or_default())? {
            0 => break,
            read => filled += read,
        }
    }
    room.truncate(filled);
    Ok(room.into())
}

/// What is read at once.
const PIECE: usize = 256 << 10;

/// How long a client may take for one piece.
const PATIENCE: Duration = Duration::from_secs(60);
