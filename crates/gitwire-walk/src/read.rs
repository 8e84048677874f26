//! What walks need of commits, trees and tags.

use gitwire_storage::{CommitFacts, ObjectStore};
use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

use crate::{WalkError, WalkLimits};

/// Tree, parents and time of a commit; the parents go to `parents`, which is cleared first.
pub(crate) fn commit(
    id: &ObjectId,
    bytes: &[u8],
    parents: &mut Vec<ObjectId>,
) -> Result<CommitFacts, WalkError> {
    parents.clear();
    let bad = || WalkError::Malformed { id: *id, kind: ObjectKind::Commit, source: "header".into() };
    let format = id.format();
    let mut tree = None;
    let mut time = 0;
    for line in bytes.split(|b| *b == b'\n') {
        if line.is_empty() {
            break;
        }
        if let Some(hex) = line.strip_prefix(b"tree ") {
            tree = Some(ObjectId::from_hex(format, hex).map_err(|_| bad())?);
        } else if let Some(hex) = line.strip_prefix(b"parent ") {
            parents.push(ObjectId::from_hex(format, hex).map_err(|_| bad())?);
        } else if let Some(who) = line.strip_prefix(b"committer ") {
            let after = who.rsplit(|b| *b == b'>').next().unwrap_or_default();
            time = core::str::from_utf8(after)
                .ok()
                .and_then(|t| t.split_whitespace().next())
                .and_then(|t| t.parse().ok())
                .unwrap_or(0);
            break;
        }
    }
    Ok(CommitFacts { tree: tree.ok_or_else(bad)?, time, generation: 0 })
}

/// What a tag points at; `None` where the store lacks the tag.
pub(crate) fn tag_target(
    objects: &dyn ObjectStore,
    id: &ObjectId,
    limits: &WalkLimits,
    scratch: &mut Vec<u8>,
) -> Result<Option<ObjectId>, WalkError> {
    match objects.read(id, limits.object_bytes_max, scratch)? {
        None => Ok(None),
        Some(ObjectKind::Tag) => scratch
            .strip_prefix(b"object ")
            .and_then(|rest| rest.get(..id.format().hex_len()))
            .and_then(|hex| ObjectId::from_hex(id.format(), hex).ok())
            .map(Some)
            .ok_or_else(|| WalkError::Malformed { id: *id, kind: ObjectKind::Tag, source: "header".into() }),
        Some(actual) => Err(WalkError::Kind { id: *id, expected: ObjectKind::Tag, actual }),
    }
}

/// The mode and id of the first entry of a tree, and its length; `None` where it is cut short.
pub(crate) fn tree_entry(format: ObjectFormat, bytes: &[u8]) -> Option<(u32, &[u8], &[u8], usize)> {
    let nul = memchr::memchr(0, bytes)?;
    let head = bytes.get(..nul)?;
    let space = memchr::memchr(b' ', head)?;
    let (mode, name) = (head.get(..space)?, head.get(space + 1..)?);
    let mode = mode.iter().try_fold(0_u32, |mode, digit| {
        matches!(digit, b'0'..=b'7').then(|| mode.wrapping_shl(3) | u32::from(digit - b'0'))
    })?;
    let end = nul + 1 + format.raw_len();
    Some((mode, name, bytes.get(nul + 1..end)?, end))
}
