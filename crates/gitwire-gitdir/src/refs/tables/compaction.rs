//! Making many tables one, while others add tables: as git does it, so that git may do it beside us.
//!
//! Under the lock of the list the tables that are to be one are locked; then the list is free again. When the new table is written,
//! the list is locked once more, and the new one takes the place of the old ones, which nobody else could change.

use std::time::Duration;

use gitwire_reftable::{Deletions, Table, compact, write_list};
use gitwire_storage::{Result, StorageErrorKind};

use super::add::{Settings, new_name, out_of_order};
use super::stack::{LIST, NamedTable, Stack, failure};
use crate::error::{Context as _, shown};
use crate::fs::FileSystem;
use crate::lock::{FILE_MODE, Leased, Lock};

/// Makes the newest tables of a stack one, where it is out of order.
pub(super) fn run(
    stack: &Stack,
    file_system: &dyn FileSystem,
    leased: Leased<'_>,
    settings: Settings,
) -> Result<()> {
    let due = |tables: &[NamedTable]| {
        let sizes: Vec<u64> = tables.iter().map(|named| named.table.size()).collect();
        out_of_order(&sizes, 0, settings.factor)
    };
    let now = stack.current()?;
    if due(&now.tables).is_none() {
        return Ok(());
    }
    let lock =
        Lock::acquire(file_system, stack.dir(), &stack.path_of(LIST), settings.patience, Some(leased))?;
    let now = stack.current()?;
    let Some(from) = due(&now.tables) else { return Ok(()) };
    let parts = now.tables.get(from..).unwrap_or_default();
    let mut locks = Vec::with_capacity(parts.len());
    for part in parts {
        match Lock::acquire(file_system, stack.dir(), &part.path, Duration::ZERO, Some(leased)) {
            Ok(lock) => locks.push(lock),
            // Somebody makes it one with others already.
            Err(error) if error.kind() == StorageErrorKind::Busy => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    drop(lock);
    let deletions = if from == 0 { Deletions::Drop } else { Deletions::Keep };
    let temporary = write(stack, file_system, parts, deletions, leased, settings)?;
    let replaced = replace(stack, file_system, parts, &temporary, leased, settings);
    if replaced.is_err() {
        stack.dir().remove_file(&temporary).ok();
    }
    drop(locks);
    replaced
}

/// Writes what `parts` say together into a file that is no table yet; its path.
fn write(
    stack: &Stack,
    file_system: &dyn FileSystem,
    parts: &[NamedTable],
    deletions: Deletions,
    leased: Leased<'_>,
    settings: Settings,
) -> Result<Vec<u8>> {
    // What a crash leaves of it is found by its lease.
    let path = match std::sync::Arc::ptr_eq(&leased.lease.common, stack.dir()) {
        true => leased.lease.temporary(),
        false => stack.path_of(format!("compaction-{:016x}", file_system.nonce()).as_bytes()),
    };
    let context = || format!("cannot write '{}'", shown(&path));
    let file = stack.dir().create(&path, FILE_MODE).context(context)?;
    let tables: Vec<Table> = parts.iter().map(|named| named.table.clone()).collect();
    let written = compact(&tables, deletions, &settings.write, &mut |piece| Ok(file.write(piece)?));
    let written = written.map_err(|error| failure(error, &path)).and_then(|()| file.sync().context(context));
    match written {
        Ok(()) => Ok(path),
        Err(error) => {
            stack.dir().remove_file(&path).ok();
            Err(error)
        }
    }
}

/// Puts the new table in the place of `parts`.
fn replace(
    stack: &Stack,
    file_system: &dyn FileSystem,
    parts: &[NamedTable],
    temporary: &[u8],
    leased: Leased<'_>,
    settings: Settings,
) -> Result<()> {
    let mut lock =
        Lock::acquire(file_system, stack.dir(), &stack.path_of(LIST), settings.patience, Some(leased))?;
    let now = stack.current()?;
    let names = |tables: &[NamedTable]| tables.iter().map(|named| named.name.clone()).collect::<Vec<_>>();
    let (all, old) = (names(&now.tables), names(parts));
    // Whoever does not look at the locks of tables may have taken them away.
    let Some(at) = all.windows(old.len().max(1)).position(|some| some == old) else {
        stack.dir().remove_file(temporary).ok();
        return Ok(());
    };
    let first = parts.iter().map(|named| named.table.min_update_index()).min().unwrap_or(0);
    let last = parts.iter().map(|named| named.table.max_update_index()).max().unwrap_or(0);
    let name = new_name(first, last, file_system);
    let path = stack.path_of(&name);
    stack.dir().rename(temporary, &path).context(|| format!("cannot rename to '{}'", shown(&path)))?;
    stack.sync()?;
    let before = all.get(..at).unwrap_or_default();
    let after = all.get(at.saturating_add(old.len())..).unwrap_or_default();
    let list = write_list(before.iter().chain([&name]).chain(after).map(Vec::as_slice));
    lock.write(&list)?;
    lock.commit()?;
    stack.sync()?;
    stack.sweep(&list);
    Ok(())
}
