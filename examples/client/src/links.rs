//! Whether what arrives names only what is there: the half of `--strict` that is not about the objects themselves.

use std::collections::HashSet;

use gitwire_object::{CommitLinks, TagRef, TreeRef};
use gitwire_storage::{ObjectStore, Presence};
use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

use crate::failure::Failure;

/// Looks at what each of `new` names: it must be there, and be of the kind that is named.
pub(crate) fn check(
    objects: &dyn ObjectStore,
    format: ObjectFormat,
    new: &[(ObjectId, ObjectKind)],
) -> Result<(), Failure> {
    let mut content = Vec::new();
    for (id, kind) in new.iter().filter(|(_, kind)| *kind != ObjectKind::Blob) {
        let found = objects.read(id, CONTENT_MAX, &mut content)?;
        if found.is_none() {
            return Err(Failure::fatal(format!("object {id} is gone")));
        }
        let named = links(format, *kind, &content)?;
        let ids: Vec<ObjectId> = named.iter().map(|(id, _)| *id).collect();
        let mut wrong = None;
        objects.headers(&ids, &mut |at, presence| {
            let Some((id, expected)) = named.get(at) else { return };
            match presence {
                Presence::Here { kind, .. } if kind == *expected => {}
                Presence::Here { .. } => wrong = Some(format!("object of unexpected type: {id}")),
                _ => wrong = Some(format!("object {id} is missing, and named by an object of the pack")),
            }
        })?;
        if let Some(wrong) = wrong {
            return Err(Failure::fatal(wrong));
        }
    }
    Ok(())
}

/// Whether all that `new` names is among `new`: then nothing else need be looked at to know that nothing is missing.
pub(crate) fn are_self_contained(
    objects: &dyn ObjectStore,
    format: ObjectFormat,
    new: &[(ObjectId, ObjectKind)],
) -> Result<bool, Failure> {
    let there: HashSet<ObjectId> = new.iter().map(|(id, _)| *id).collect();
    let mut content = Vec::new();
    for (id, kind) in new.iter().filter(|(_, kind)| *kind != ObjectKind::Blob) {
        let found = objects.read(id, CONTENT_MAX, &mut content)?;
        let named = links(format, *kind, &content)?;
        if found.is_none() || !named.iter().all(|(id, _)| there.contains(id)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What an object names; commits of other repositories are not meant to be here.
fn links(
    format: ObjectFormat,
    kind: ObjectKind,
    content: &[u8],
) -> Result<Vec<(ObjectId, ObjectKind)>, Failure> {
    let mut named = Vec::new();
    match kind {
        ObjectKind::Commit => {
            let commit = CommitLinks::parse(format, content)?;
            named.push((commit.tree, ObjectKind::Tree));
            named.extend(commit.parents().map(|parent| (parent, ObjectKind::Commit)));
        }
        ObjectKind::Tree => {
            for entry in TreeRef::new(format, content) {
                let entry = entry?;
                match entry.mode {
                    mode if mode.is_gitlink() => {}
                    mode => named.push((entry.id(), mode.kind())),
                }
            }
        }
        ObjectKind::Tag => {
            let tag = TagRef::parse(format, content)?;
            named.push((tag.target(), tag.kind()));
        }
        ObjectKind::Blob => {}
    }
    Ok(named)
}

/// Trees and commits are small; the largest known trees have some MiB.
const CONTENT_MAX: u64 = 1 << 30;
