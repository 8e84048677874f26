//! What walks need of commits, trees and tags.

use gitwire_object::{CommitLinks, TagRef};
use gitwire_storage::{CommitFacts, ObjectStore};
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
    match objects.read(id, limits.object_bytes_max, scratch)? {
        None => Err(WalkError::missing(ObjectKind::Tag, *id)),
        Some(ObjectKind::Tag) => TagRef::parse(id.format(), scratch)
            .map(|tag| tag.target())
            .map_err(|error| malformed(id, ObjectKind::Tag, error)),
        Some(actual) => Err(WalkError::Kind { id: *id, expected: ObjectKind::Tag, actual }),
    }
}

/// The error for an object that cannot be read as what it is.
pub(crate) fn malformed(
    id: &ObjectId,
    kind: ObjectKind,
    source: impl core::error::Error + Send + Sync + 'static,
) -> WalkError {
    WalkError::Malformed { id: *id, kind, source: Box::new(source) }
}
