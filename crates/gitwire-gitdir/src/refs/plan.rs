//! What a transaction is going to do to each ref, worked out under its lock.

use std::collections::BTreeSet;
use std::time::Duration;

use gitwire_storage::{Expected, RefEdit, Result, StorageError, StorageErrorKind, Transaction};
use gitwire_types::{ObjectId, RefTarget};

use super::loose::LooseRef;
use super::packed::PackedRefs;
use super::view::RefFiles;
use super::{chain, is_per_worktree};
use crate::error::{Context as _, is_absent, shown};
use crate::fs::{Directory, FileKind, Links};
use crate::lock::{DIRECTORY_MODE, Leased, Lock, parent_of};

/// One edit, ready to be made.
#[derive(Debug)]
pub(crate) struct Planned<'a> {
    /// Its place in the transaction.
    pub(crate) index: usize,
    pub(crate) edit: &'a RefEdit,
    /// The ref that is changed: the edit's own, or the one that it leads to.
    pub(crate) name: Vec<u8>,
    /// Its lock; `None` once the edit is made or given up.
    pub(crate) lock: Option<Lock>,
    /// The object that it led to before.
    pub(crate) old: Option<ObjectId>,
    /// What it was before.
    pub(crate) before: Option<RefTarget>,
    /// Whether the change shows.
    pub(crate) applied: bool,
    /// Where it stood before.
    pub(crate) place: Place,
    /// Directories that were made for it.
    pub(crate) made: Vec<Vec<u8>>,
}

/// Where a ref's value stood before a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Nowhere,
    Loose,
    Packed,
}

/// Why an edit is not made: a reason for whoever asked, or a failure that ends the whole transaction.
#[derive(Debug)]
pub(crate) enum Refusal {
    Reason(String),
    Failure(StorageError),
}

impl From<StorageError> for Refusal {
    fn from(error: StorageError) -> Self {
        Self::Failure(error)
    }
}

/// How refs are locked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Locking<'a> {
    pub(crate) leased: Leased<'a>,
    /// How long a lock that somebody holds is waited for.
    pub(crate) patience: Duration,
    /// Whether new refs get no lock of their own, because they go into `packed-refs` of a repository that nobody else uses.
    pub(crate) new_unlocked: bool,
}

/// Locks the ref of an edit and looks whether it may be made.
pub(crate) fn plan<'a>(
    files: &RefFiles,
    index: usize,
    edit: &'a RefEdit,
    locking: Locking<'_>,
) -> Result<Planned<'a>, Refusal> {
    let requested = edit.name.as_bytes();
    let refuse = |why: String| Refusal::Reason(format!("cannot lock ref '{}': {why}", shown(requested)));
    if !may_be_changed(requested) {
        return Err(Refusal::Reason(format!("refusing to update ref with bad name '{}'", shown(requested))));
    }
    let name = match edit.new {
        Some(RefTarget::Direct(_)) => end_of_chain(files, requested)?,
        // A symbolic ref is set or deleted itself.
        _ => requested.to_vec(),
    };
    if !may_be_changed(&name) {
        return Err(refuse(format!("it leads to '{}'", shown(&name))));
    }
    let unlocked = locking.new_unlocked
        && matches!(edit.new, Some(RefTarget::Direct(_)))
        && !is_per_worktree(&name)
        && files.read(&name)? == LooseRef::Absent;
    let (lock, made) = if unlocked {
        (None, Vec::new())
    } else {
        let (lock, made) = lock(files, &name, locking)?;
        (Some(lock), made)
    };
    let mut planned = Planned {
        index,
        edit,
        name,
        lock,
        old: None,
        before: None,
        applied: false,
        place: Place::Nowhere,
        made,
    };
    let value = match files.loose(&planned.name)? {
        LooseRef::Value(value) => {
            planned.place = Place::Loose;
            Some(value)
        }
        LooseRef::Broken => {
            return Err(refuse(format!(
                "unable to resolve reference '{}': reference broken",
                shown(&planned.name)
            )));
        }
        LooseRef::Absent => {
            let found = files.packed()?.find(&planned.name)?.map(|found| RefTarget::Direct(found.id));
            if found.is_some() {
                planned.place = Place::Packed;
            }
            found
        }
    };
    planned.old = match &value {
        Some(value) => resolve(files, value)?,
        None => None,
    };
    planned.before.clone_from(&value);
    check_expected(&edit.expected, value.is_some(), planned.old, requested).map_err(refuse)?;
    if planned.place == Place::Nowhere
        && edit.new.is_some()
        && let Some(other) = conflicting(files, &*files.packed()?, &planned.name)?
    {
        return Err(refuse(format!("'{}' exists; cannot create '{}'", shown(&other), shown(&planned.name))));
    }
    Ok(planned)
}

/// Whether a ref is what it is expected to be; if not, why the edit is refused.
pub(crate) fn check_expected(
    expected: &Expected,
    exists: bool,
    old: Option<ObjectId>,
    requested: &[u8],
) -> Result<(), String> {
    match (expected, old) {
        (Expected::Any, _) => Ok(()),
        (Expected::Absent, _) if !exists => Ok(()),
        (Expected::Absent, _) => Err("reference already exists".to_owned()),
        (Expected::Id(id), Some(old)) if *id == old => Ok(()),
        (Expected::Id(id), Some(old)) => Err(format!("is at {old} but expected {id}")),
        (Expected::Id(_), None) => Err(format!("unable to resolve reference '{}'", shown(requested))),
    }
}

/// Two changes of one ref have no order.
pub(crate) fn refuse_twice(transaction: &Transaction) -> Result<()> {
    let mut names = BTreeSet::new();
    match transaction.edits.iter().find(|edit| !names.insert(edit.name.as_bytes())) {
        None => Ok(()),
        Some(edit) => Err(StorageError::new(
            StorageErrorKind::Misuse,
            format!("multiple updates for ref '{}' not allowed", edit.name),
        )),
    }
}

/// A ref of the same transaction that cannot stand beside `name`: two of them cannot be a file and a directory of the same name.
pub(crate) fn beside(taken: &BTreeSet<Vec<u8>>, name: &[u8]) -> Option<Vec<u8>> {
    let slashes = name.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    let above = slashes.filter_map(|at| name.get(..at)).find(|above| taken.contains(*above));
    let directory = [name, b"/"].concat();
    let below = taken.range(directory.clone()..).next().filter(|next| next.starts_with(&directory));
    above.or(below.map(Vec::as_slice)).map(<[u8]>::to_vec)
}

/// The refusal of a ref that cannot stand beside another one of its transaction.
pub(crate) fn refused_beside(name: &[u8], other: &[u8]) -> Refusal {
    let (name, other) = (shown(name), shown(other));
    Refusal::Reason(format!(
        "cannot lock ref '{name}': cannot process '{other}' and '{name}' at the same time"
    ))
}

/// `HEAD` and its like, and everything below `refs/`.
pub(crate) fn may_be_changed(name: &[u8]) -> bool {
    let deep = name.starts_with(b"refs/") && name.len() > b"refs/".len();
    let pseudo =
        name.ends_with(b"HEAD") && name.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_');
    deep || pseudo
}

/// The last name of a chain of symbolic refs that begins at `name`.
fn end_of_chain(files: &RefFiles, name: &[u8]) -> Result<Vec<u8>, Refusal> {
    chain::end_of_chain(|name| files.loose(name), name)?.ok_or_else(|| too_many_symbolic(name))
}

/// The refusal of a ref that leads to others without end.
pub(crate) fn too_many_symbolic(name: &[u8]) -> Refusal {
    Refusal::Reason(format!("cannot lock ref '{}': too many symbolic refs in a row", shown(name)))
}

/// The object that a value leads to.
pub(crate) fn resolve(files: &RefFiles, value: &RefTarget) -> Result<Option<ObjectId>> {
    chain::resolve(|name| files.read(name), value)
}

/// Takes the lock of a ref, making the directories above it; gives those that it made.
fn lock(files: &RefFiles, name: &[u8], locking: Locking<'_>) -> Result<(Lock, Vec<Vec<u8>>), Refusal> {
    let home = files.home(name);
    let refuse = |why: String| Refusal::Reason(format!("cannot lock ref '{}': {why}", shown(name)));
    let mut made = Vec::new();
    for _ in 0..ATTEMPTS {
        if let Err(blocking) = make_parents(&**home, name, &mut made)? {
            return Err(refuse(format!("'{}' exists; cannot create '{}'", shown(&blocking), shown(name))));
        }
        match Lock::acquire(&*files.file_system, home, name, locking.patience, Some(locking.leased)) {
            Ok(lock) => return Ok((lock, made)),
            Err(error) if error.kind() == StorageErrorKind::Busy => return Err(refuse(error.to_string())),
            // Somebody removed an empty directory meanwhile.
            Err(error) if home.stat(parent_of(name), Links::Follow).is_err_and(|error| is_absent(&error)) => {
                drop(error);
            }
            Err(error) if is_too_long(&error) => return Err(refuse(error.to_string())),
            Err(error) => return Err(Refusal::Failure(error)),
        }
    }
    Err(refuse("directories above it vanish again and again".to_owned()))
}

/// Whether the fault is the name's alone: longer than a file system has names.
fn is_too_long(error: &StorageError) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<std::io::Error>());
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::InvalidFilename)
}

/// Makes the directories above `name`. The inner error: what stands where a directory should be.
fn make_parents(
    home: &dyn Directory,
    name: &[u8],
    made: &mut Vec<Vec<u8>>,
) -> Result<std::result::Result<(), Vec<u8>>> {
    let slashes = name.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    for parent in slashes.filter_map(|at| name.get(..at)) {
        match home.make_dir(parent, DIRECTORY_MODE) {
            Ok(()) => made.push(parent.to_vec()),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                let stat = home.stat(parent, Links::Follow);
                if stat.is_ok_and(|stat| stat.kind != FileKind::Directory) {
                    return Ok(Err(parent.to_vec()));
                }
            }
            // The directory above went away; the caller tries again.
            Err(error) if is_absent(&error) => return Ok(Ok(())),
            Err(error) => {
                return Err(error).context(|| format!("cannot make directory '{}'", shown(parent)));
            }
        }
    }
    Ok(Ok(()))
}

/// An existing ref that cannot stand beside `name`: one that would be a directory above it, or one below it.
fn conflicting(files: &RefFiles, packed: &PackedRefs, name: &[u8]) -> Result<Option<Vec<u8>>> {
    let slashes = name.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    for above in slashes.filter_map(|at| name.get(..at)).filter(|above| above.starts_with(b"refs/")) {
        if packed.find(above)?.is_some() {
            return Ok(Some(above.to_vec()));
        }
    }
    let below = [name, b"/"].concat();
    if let Some(found) = packed.iter_from(&below).next().transpose()?
        && found.name.starts_with(&below)
    {
        return Ok(Some(found.name.to_vec()));
    }
    loose_below(&**files.home(name), &below)
}

/// A ref in a file below `directory`, which ends in a slash.
fn loose_below(home: &dyn Directory, directory: &[u8]) -> Result<Option<Vec<u8>>> {
    let mut pending = vec![directory.to_vec()];
    while let Some(directory) = pending.pop() {
        let entries = match home.list(&directory) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => continue,
            Err(error) => {
                return Err(error).context(|| format!("cannot read directory '{}'", shown(&directory)));
            }
        };
        for entry in entries {
            let mut full = directory.clone();
            full.extend_from_slice(&entry.name);
            if home.stat(&full, Links::Refuse).is_ok_and(|stat| stat.kind == FileKind::Directory) {
                full.push(b'/');
                pending.push(full);
            } else if !entry.name.ends_with(b".lock") {
                return Ok(Some(full));
            }
        }
    }
    Ok(None)
}

/// Removes the directories in `path` that hold nothing, and `path` itself if it then holds nothing; a ref may take its place.
pub(crate) fn remove_empty_tree(home: &dyn Directory, path: &[u8]) {
    let Ok(entries) = home.list(path) else { return };
    for entry in entries {
        let full = [path, b"/", entry.name.as_slice()].concat();
        if home.stat(&full, Links::Refuse).is_ok_and(|stat| stat.kind == FileKind::Directory) {
            remove_empty_tree(home, &full);
        }
    }
    home.remove_dir(path).ok();
}

/// Removes the empty directories above `name`, but not `refs` and those in it.
pub(crate) fn remove_empty_parents(home: &dyn Directory, name: &[u8]) {
    let mut parent = parent_of(name);
    let kept = if is_per_worktree(name) { 1 } else { 2 };
    while parent.iter().filter(|byte| **byte == b'/').count() >= kept && home.remove_dir(parent).is_ok() {
        parent = parent_of(parent);
    }
}

/// How often directories are made anew that somebody removes while they are empty.
const ATTEMPTS: usize = 4;
