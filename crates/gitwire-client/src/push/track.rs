//! Refs of one's own that follow the remote's.

use gitwire_storage::{Expected, RefEdit, Repository, StorageError, Transaction};
use gitwire_types::{ObjectId, RefName, RefTarget};

use super::{Push, PushStatus, PushUpdate};

/// The ref here that follows a ref of the remote.
pub(super) fn tracking_name(push: &Push, name: &RefName) -> Option<RefName> {
    push.tracking.iter().find_map(|refspec| refspec.map(name).ok().flatten()?.destination)
}

/// Moves the refs that follow those that the remote has now; they go to `followed`.
pub(super) fn track(
    push: &Push,
    repository: &dyn Repository,
    updates: &[PushUpdate],
    followed: &mut Vec<RefName>,
) -> Result<(), StorageError> {
    let refs = repository.refs()?;
    let mut transaction = Transaction { reflog: push.reflog.clone(), ..Transaction::default() };
    for (name, new) in updates.iter().flat_map(changed) {
        let Some(local) = tracking_name(push, &name) else { continue };
        followed.push(local.clone());
        let new = new.map(RefTarget::Direct);
        let held = refs.get(&local)?;
        let is_named = transaction.edits.iter().any(|edit| edit.name == local);
        if held != new && !is_named && !matches!(held, Some(RefTarget::Symbolic(_))) {
            transaction.edits.push(RefEdit { name: local, expected: Expected::Any, new });
        }
    }
    if !transaction.edits.is_empty() {
        // One that somebody holds locked is set right by the next fetch.
        repository.commit(None, transaction, &mut |_| Ok(()))?;
    }
    Ok(())
}

/// What the remote's refs hold now, as far as it has said so.
fn changed(update: &PushUpdate) -> Vec<(RefName, Option<ObjectId>)> {
    if !matches!(update.status, PushStatus::Done | PushStatus::UpToDate) {
        return Vec::new();
    }
    if update.changes.is_empty() {
        return vec![(update.destination.clone(), update.new)];
    }
    let one = |change: &gitwire_protocol::UpdateOptions| {
        let name = match &change.name {
            Some(name) => RefName::new(name.clone()).ok()?,
            None => update.destination.clone(),
        };
        let new = change.new.map_or(update.new, |id| (!id.is_zero()).then_some(id));
        Some((name, new))
    };
    update.changes.iter().filter_map(one).collect()
}
