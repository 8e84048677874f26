//! Clearing up after one of ours that died, so that nobody has to.
//!
//! Every write of ours stands under a [lease](crate::lease). A lease without a holder leads to all that was left: an intent is
//! carried out, because its transaction may have begun to show; locks, kept packs and quarantines go. What is not ours stays.

use std::collections::BTreeSet;
use std::time::Duration;

use gitwire_storage::{Result, StorageError, StorageErrorKind};

use crate::barrier::Barrier;
use crate::error::{Context as _, is_absent, optional, shown};
use crate::fs::{Directory, FileKind, Links, read_all};
use crate::lease::{DIRECTORY, Lease, abandoned, intent_path, is_nonce, lease_path};
use crate::lock::{FILE_MODE, Leased, Lock};
use crate::quarantine;
use crate::refs::{Surroundings, apply, intent, packed, rewrite, still_to_do};

/// Finishes what dead transactions began, and removes what they and dead receivers left.
pub(crate) fn recover(surroundings: &Surroundings<'_>) -> Result<()> {
    let files = surroundings.files;
    let common = &files.common;
    if !left(&**common)?.iter().any(|nonce| is_abandoned(&**common, nonce)) {
        return Ok(());
    }
    // One at a time: two must not finish the same transaction.
    let context = || "cannot begin a recovery in 'gitwire'".to_owned();
    let gate = common.append(&[DIRECTORY, b"/recovery"].concat(), FILE_MODE).context(context)?;
    let mut waited = Duration::ZERO;
    while !gate.try_lock().unwrap_or(true) {
        if waited >= GATE_PATIENCE {
            return Ok(());
        }
        files.file_system.pause(GATE_PAUSE);
        waited = waited.saturating_add(GATE_PAUSE);
    }
    for nonce in left(&**common)? {
        if !is_abandoned(&**common, &nonce) {
            continue;
        }
        finish(surroundings, &nonce)?;
        remove_temporaries(&**common, &nonce);
        remove_names(&**common);
        remove_unfinished_list(surroundings)?;
        quarantine::remove_tree(&**common, &[b"objects/", quarantine::PREFIX, &nonce].concat());
        common.remove_file(&lease_path(&nonce)).ok();
    }
    Ok(())
}

/// Whether nobody holds a lease any more. Its lock is not held on to: its further names are told by the same lock.
fn is_abandoned(common: &dyn Directory, nonce: &[u8]) -> bool {
    abandoned(common, &lease_path(nonce)).is_some()
        || common.stat(&lease_path(nonce), Links::Refuse).is_err()
        || is_unwritten(common, nonce)
}

/// Removes a list of packed refs that was never put in place; whoever holds its lock may still be writing it.
fn remove_unfinished_list(surroundings: &Surroundings<'_>) -> Result<()> {
    let files = surroundings.files;
    if files.common.stat(rewrite::NEW, Links::Refuse).is_err() {
        return Ok(());
    }
    let lease = Lease::take(&*files.file_system, &files.common)?;
    let leased = Some(Leased { lease: &lease, heir_of: None });
    let lock = Lock::acquire(&*files.file_system, &files.common, packed::NAME, Duration::ZERO, leased);
    if lock.is_ok() {
        files.common.remove_file(rewrite::NEW).ok();
    }
    Ok(())
}

/// Removes the further names of leases whose holder is gone.
fn remove_names(common: &dyn Directory) {
    for directory in [&b"refs"[..], b"reftable", b"worktrees"] {
        remove_locks(common, directory);
    }
    for lock in [&b"packed-refs.lock"[..], b"shallow.lock", b"HEAD.lock"] {
        remove_abandoned(common, lock);
    }
    for entry in common.list(b"objects/pack").unwrap_or_default() {
        if entry.name.ends_with(b".keep") {
            remove_abandoned(common, &[b"objects/pack/", entry.name.as_slice()].concat());
        }
    }
}

/// Removes what of ours is left without a lease: after a crash of the machine not even that may have survived.
pub(crate) fn sweep(common: &dyn Directory, objects: &dyn Directory) {
    remove_names(common);
    for entry in objects.list(b"").unwrap_or_default() {
        let nonce = entry.name.strip_prefix(quarantine::PREFIX).filter(|nonce| is_nonce(nonce));
        let Some(nonce) = nonce else { continue };
        // A lease is there before its quarantine, and goes after it.
        if common.stat(&lease_path(nonce), Links::Refuse).is_err_and(|error| is_absent(&error)) {
            quarantine::remove_tree(objects, &entry.name);
        }
    }
}

/// The nonces of all that stands in `gitwire`.
fn left(common: &dyn Directory) -> Result<BTreeSet<Vec<u8>>> {
    let entries =
        optional(common.list(DIRECTORY)).context(|| "cannot read directory 'gitwire'".to_owned())?;
    let nonce = |name: &[u8]| {
        let rest =
            [&b"lease-"[..], b"intent-", b"new-"].iter().find_map(|prefix| name.strip_prefix(*prefix))?;
        rest.get(..16).filter(|nonce| is_nonce(nonce)).map(<[u8]>::to_vec)
    };
    Ok(entries.unwrap_or_default().iter().filter_map(|entry| nonce(&entry.name)).collect())
}

/// A lease that a crash left without its content: its holder is gone if its lock is free.
fn is_unwritten(common: &dyn Directory, nonce: &[u8]) -> bool {
    let Ok(file) = common.open(&lease_path(nonce), Links::Refuse) else { return true };
    let unwritten = read_all(&*file, 64).is_ok_and(|content| !content.starts_with(b"gitwire lease "));
    unwritten && file.try_lock().unwrap_or(false)
}

/// Carries out the intent of a dead transaction.
fn finish(surroundings: &Surroundings<'_>, nonce: &[u8]) -> Result<()> {
    let files = surroundings.files;
    let path = intent_path(nonce);
    let context = || format!("cannot read '{}'", shown(&path));
    let content = optional(files.common.open(&path, Links::Refuse))
        .and_then(|file| file.map(|file| read_all(&*file, INTENT_MAX)).transpose())
        .context(context)?;
    let Some(content) = content else { return Ok(()) };
    let Some(transaction) = intent::read(&content, files.format)? else {
        return intent::remove(&*files.common, nonce);
    };
    let lease = Lease::take(&*files.file_system, &files.common)?;
    let leased = Leased { lease: &lease, heir_of: Some(nonce) };
    apply(surroundings, &transaction, leased, Barrier::default(), &mut |_| Ok(()))?;
    if still_to_do(files, &transaction)? {
        return Err(StorageError::new(
            StorageErrorKind::Busy,
            "a transaction that was cut off cannot be finished: somebody holds the locks of its refs",
        ));
    }
    intent::remove(&*files.common, nonce)
}

fn remove_temporaries(common: &dyn Directory, nonce: &[u8]) {
    let prefix = [b"new-", nonce].concat();
    for entry in common.list(DIRECTORY).unwrap_or_default() {
        if entry.name.starts_with(&prefix) {
            common.remove_file(&[DIRECTORY, b"/", entry.name.as_slice()].concat()).ok();
        }
    }
}

/// Removes the abandoned locks of ours below `directory`.
fn remove_locks(common: &dyn Directory, directory: &[u8]) {
    let mut pending = vec![directory.to_vec()];
    while let Some(directory) = pending.pop() {
        for entry in common.list(&directory).unwrap_or_default() {
            let path = [&directory, &b"/"[..], &entry.name].concat();
            let kind = entry.kind.or_else(|| common.stat(&path, Links::Refuse).ok().map(|stat| stat.kind));
            match kind {
                Some(FileKind::Directory) => pending.push(path),
                _ if path.ends_with(b".lock") => remove_abandoned(common, &path),
                _ => {}
            }
        }
    }
}

fn remove_abandoned(common: &dyn Directory, path: &[u8]) {
    let Some(left) = abandoned(common, path) else { return };
    // The locks of a transaction that is still to be finished are not in anybody's way until it is.
    if common.stat(&intent_path(&left.nonce), Links::Refuse).is_err() {
        common.remove_file(path).ok();
    }
}

/// How long another process is waited for that recovers.
const GATE_PATIENCE: Duration = Duration::from_secs(1);
const GATE_PAUSE: Duration = Duration::from_millis(5);

/// As much as a hundred thousand refs need.
const INTENT_MAX: u64 = 64 << 20;
