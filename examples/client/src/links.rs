//! Whether what arrives names only what is there: the half of `--strict` that is not about the objects themselves.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use gitwire_gitdir::GitDir;
use gitwire_object::{CommitLinks, TagRef, TreeRef};
use gitwire_storage::{ObjectStore, Presence, Repository as _};
use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

use crate::failure::Failure;

/// Looks at what each of `new` names: it must be there, and be of the kind that is named.
pub(crate) fn check(
    objects: &dyn ObjectStore,
    repository: &GitDir,
    new: &[(ObjectId, ObjectKind)],
) -> Result<(), Failure> {
    let shallow = shallow(repository)?;
    let mut content = Vec::new();
    for (id, kind) in new.iter().filter(|(_, kind)| *kind != ObjectKind::Blob) {
        let found = objects.read(id, CONTENT_MAX, &mut content)?;
        if found.is_none() {
            return Err(Failure::fatal(format!("object {id} is gone")));
        }
        let named = links(repository.format(), *kind, &content, shallow.binary_search(id).is_ok())?;
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
    repository: &GitDir,
    new: &[(ObjectId, ObjectKind)],
) -> Result<bool, Failure> {
    let there: HashSet<ObjectId> = new.iter().map(|(id, _)| *id).collect();
    let shallow = shallow(repository)?;
    let mut content = Vec::new();
    for (id, kind) in new.iter().filter(|(_, kind)| *kind != ObjectKind::Blob) {
        let found = objects.read(id, CONTENT_MAX, &mut content)?;
        let named = links(repository.format(), *kind, &content, shallow.binary_search(id).is_ok())?;
        if found.is_none() || !named.iter().all(|(id, _)| there.contains(id)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The commits whose parents are not here, in the order of their ids: as the repository says, or the file that git names to the
/// programs of a fetch that changes the list.
fn shallow(repository: &GitDir) -> Result<Arc<[ObjectId]>, Failure> {
    let Some(path) = std::env::var_os("GIT_SHALLOW_FILE") else { return Ok(repository.shallow()?) };
    let list = if path.is_empty() { None } else { repository.read_file(Path::new(&path), SHALLOW_MAX)? };
    let lines = list.unwrap_or_default();
    let ids = lines.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end).filter(|line| !line.is_empty());
    let mut ids: Vec<ObjectId> = ids
        .map(|line| ObjectId::from_hex(repository.format(), line))
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::fatal(format!("bad shallow line: {error}")))?;
    ids.sort_unstable();
    Ok(ids.into())
}

/// What an object names; commits of other repositories are not meant to be here.
fn links(
    format: ObjectFormat,
    kind: ObjectKind,
    content: &[u8],
    is_shallow: bool,
) -> Result<Vec<(ObjectId, ObjectKind)>, Failure> {
    let mut named = Vec::new();
    match kind {
        ObjectKind::Commit => {
            let commit = CommitLinks::parse(format, content)?;
            named.push((commit.tree, ObjectKind::Tree));
            // Whose history is cut off has its parents elsewhere.
            let parents = commit.parents().filter(|_| !is_shallow);
            named.extend(parents.map(|parent| (parent, ObjectKind::Commit)));
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

/// A line for each of a million commits.
const SHALLOW_MAX: u64 = 64 << 20;

/// Trees and commits are small; the largest known trees have some MiB.
const CONTENT_MAX: u64 = 1 << 30;
