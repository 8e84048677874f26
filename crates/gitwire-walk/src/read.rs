//! What walks need of commits, trees and tags.

use gitwire_object::{CommitLinks, TagRef};
use gitwire_storage::{CommitFacts, ObjectReader, ObjectStore, StorageErrorKind};
use gitwire_types::{ObjectId, ObjectKind};

use crate::{WalkError, WalkLimits};

/// Tree, parents and time of a commit; the parents go to `parents`, which is cleared first.
pub(crate) fn commit(
    id: &ObjectId,
    bytes: &[u8],
    parents: &mut Vec<ObjectId>,
) -> Result<CommitFacts, WalkError> {
    let links =
        CommitLinks::parse(id.format(), bytes).map_err(|error| malformed(id, ObjectKind::Commit, error))?;
    parents.clear();
    parents.extend(links.parents());
    let time = i64::try_from(links.time).unwrap_or(i64::MAX);
    Ok(CommitFacts { tree: links.tree, time, generation: 0 })
}

/// What a tag points at.
pub(crate) fn tag_target(
    objects: &dyn ObjectStore,
    id: &ObjectId,
    limits: &WalkLimits,
    scratch: &mut Vec<u8>,
) -> Result<ObjectId, WalkError> {
    match headers(objects, id, limits, scratch)? {
        None => Err(WalkError::missing(ObjectKind::Tag, *id)),
        Some(ObjectKind::Tag) => TagRef::parse(id.format(), scratch)
            .map(|tag| tag.target())
            .map_err(|error| malformed(id, ObjectKind::Tag, error)),
        Some(actual) => Err(WalkError::Kind { id: *id, expected: ObjectKind::Tag, actual }),
    }
}

/// Reads a commit or tag into `out`: of a large one all that comes before its message.
pub(crate) fn headers(
    objects: &dyn ObjectStore,
    id: &ObjectId,
    limits: &WalkLimits,
    out: &mut Vec<u8>,
) -> Result<Option<ObjectKind>, WalkError> {
    let mut object = match held(objects, id, limits, out)? {
        Held::Whole(kind) => return Ok(kind),
        Held::Large(object) => object,
    };
    let kind = object.kind();
    if !matches!(kind, ObjectKind::Commit | ObjectKind::Tag) {
        return Ok(Some(kind));
    }
    let mut room = vec![0; PIECE];
    loop {
        let count = object.read(&mut room)?;
        // The empty line may begin in the piece before.
        let from = out.len().saturating_sub(1);
        out.extend_from_slice(room.get(..count).unwrap_or_default());
        let new = out.get(from..).unwrap_or_default();
        let end = new.windows(2).position(|pair| pair == b"\n\n");
        let len = end.map_or(out.len(), |end| from + end + 2);
        if len > limits.held_bytes_max {
            return Err(WalkError::Limit { what: "held_bytes_max", max: limits.held_bytes_max as u64 });
        }
        if count == 0 || end.is_some() {
            return Ok(Some(kind));
        }
    }
}

/// An object, as far as it can be held.
pub(crate) enum Held {
    /// All of it was read; `None`: it is not there.
    Whole(Option<ObjectKind>),
    /// Nothing was read.
    Large(Box<dyn ObjectReader>),
}

/// Reads an object into `out` where it is not too large for that.
pub(crate) fn held(
    objects: &dyn ObjectStore,
    id: &ObjectId,
    limits: &WalkLimits,
    out: &mut Vec<u8>,
) -> Result<Held, WalkError> {
    let max = limits.object_bytes_max;
    let held_max = max.min(limits.held_bytes_max as u64);
    let error = match objects.read(id, held_max, out) {
        Ok(kind) => return Ok(Held::Whole(kind)),
        Err(error) if error.kind() == StorageErrorKind::Limit && held_max < max => error,
        Err(error) => return Err(error.into()),
    };
    out.clear();
    match objects.open(id)? {
        Some(object) if object.size() <= max => Ok(Held::Large(object)),
        _ => Err(error.into()),
    }
}

/// Read at once.
pub(crate) const PIECE: usize = 64 << 10;

/// The error for an object that cannot be read as what it is.
pub(crate) fn malformed(
    id: &ObjectId,
    kind: ObjectKind,
    source: impl core::error::Error + Send + Sync + 'static,
) -> WalkError {
    WalkError::Malformed { id: *id, kind, source: Box::new(source) }
}
