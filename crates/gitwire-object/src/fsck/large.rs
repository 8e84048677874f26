//! Objects that are too large to be held.

use std::collections::HashSet;
use std::error::Error;

use gitwire_types::{ObjectId, ObjectKind};

use super::checker::{CheckerError, Limits};
use super::finding::Report;
use super::header;
use super::names::Special;
use super::tree::{TreeCheck, bad};
use crate::{Problem, TreeStream};

/// Fills a room with what comes next of an object; 0 at the end.
pub(super) type Read<'a> = dyn FnMut(&mut [u8]) -> Result<usize, Box<dyn Error + Send + Sync>> + 'a;

/// Checks a tree; which objects are called `.gitmodules` and `.gitattributes` goes to `special`, each once.
pub(super) fn tree(
    limits: &Limits,
    read: &mut Read<'_>,
    report: &mut Report<'_>,
    special: &mut HashSet<(Special, ObjectId)>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut stream = TreeStream::new(report.object.format(), limits.entry_bytes_max);
    let mut check = TreeCheck::default();
    let mut room = vec![0; PIECE];
    let mut full = false;
    loop {
        let count = read(&mut room)?;
        if count == 0 {
            break;
        }
        stream.push(room.get(..count).unwrap_or_default());
        loop {
            match stream.next_entry() {
                Ok(Some(entry)) => check.entry(&entry, report, &mut |file, id| {
                    full |= special.len() > limits.special_max;
                    if !full {
                        special.insert((file, id));
                    }
                }),
                Ok(None) => break,
                Err(error) if error.problem == Problem::LongEntry => {
                    return Err(CheckerError::LongEntry { max: limits.entry_bytes_max }.into());
                }
                Err(_) => {
                    bad(report);
                    return Ok(());
                }
            }
        }
        if full {
            return Err(CheckerError::TooManySpecial { max: limits.special_max }.into());
        }
    }
    match stream.finish() {
        Ok(()) => check.finish(report),
        Err(_) => bad(report),
    }
    Ok(())
}

/// Checks a commit or tag: all of its headers, and of the message whether it has a NUL.
pub(super) fn headed(
    limits: &Limits,
    read: &mut Read<'_>,
    report: &mut Report<'_>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let max = limits.header_bytes_max;
    let (mut head, mut room) = (Vec::new(), vec![0; PIECE]);
    let (mut ended, mut nul_behind) = (false, false);
    loop {
        let count = read(&mut room)?;
        let piece = room.get(..count).unwrap_or_default();
        if count == 0 {
            break;
        }
        if ended {
            nul_behind |= memchr::memchr(0, piece).is_some();
            continue;
        }
        // The line that ends the headers may begin in the piece before.
        let from = head.len().saturating_sub(1);
        head.extend_from_slice(piece);
        let new = head.get(from..).unwrap_or_default();
        let end = memchr::memmem::find(new, b"\n\n").map(|at| at.saturating_add(2));
        // A NUL ends the check.
        let end = end.into_iter().chain(memchr::memchr(0, new).map(|at| at.saturating_add(1))).min();
        match end.map(|end| from.saturating_add(end)) {
            Some(end) if end <= max => ended = true,
            None if head.len() <= max => {}
            _ => return Err(CheckerError::LongHeader { max }.into()),
        }
    }
    let _ = match report.kind {
        ObjectKind::Tag => header::tag(report.object.format(), &head, report),
        _ => header::commit(report.object.format(), &head, nul_behind, report),
    };
    Ok(())
}

/// Read at once.
const PIECE: usize = 64 << 10;
