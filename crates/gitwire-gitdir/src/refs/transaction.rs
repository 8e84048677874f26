//! Changes of references, made together under git's locks.
//!
//! 1. Every ref is locked (`NAME.lock`), in the order of names, and its value compared with what is expected.
//! 2. `packed-refs` is locked where a ref must leave it, where many new refs are better written there at once, and where several refs
//!    change together or not at all: one renaming of that file then changes all of them, for everybody who reads.
//! 3. The caller looks at what is about to happen, and may refuse.
//! 4. New values are written into the lock files, durably, and the names of new objects become durable with them; up to here no ref
//!    has changed.
//! 5. What has a file of its own and is to change in `packed-refs` moves there as it is, durably: nobody sees a difference.
//! 6. Where still several files must change and the transaction is atomic, what is to be done is written down, durably: from here on
//!    a crash leads to all of it, once one of us comes by.
//! 7. `shallow`, then updated refs by renaming, then `packed-refs`, then deletions; a deleted ref leaves `packed-refs` first,
//!    so that no older value of it shows.
//! 8. The directories are made durable, then what was written down is taken back. Only now the outcome is told, and the locks
//!    are given back. A failure before that undoes what was done.

mod undo;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use gitwire_storage::{EditOutcome, Expected, ObjectStore, RefEdit, Result, Transaction, Veto};
use gitwire_types::{ObjectId, RefTarget};

use super::loose::LooseRef;
use super::packed;
use super::plan::{
    Locking, Place, Planned, Refusal, beside, plan, refuse_twice, refused_beside, remove_empty_parents,
    remove_empty_tree, resolve,
};
use super::reflog::{self, LogPolicy};
use super::rewrite::{Changes, rewrite};
use super::view::RefFiles;
use super::{intent, is_per_worktree};
use crate::barrier::{Barrier, OPEN_MAX};
use crate::config::Config;
use crate::error::{Context as _, is_absent};
use crate::fs::{FileKind, Links};
use crate::lock::{FILE_PATIENCE, Leased, Lock, lock_name, parent_of};
use crate::shallow;

/// What a transaction needs beside itself.
pub(crate) struct Surroundings<'a> {
    pub(crate) files: &'a RefFiles,
    pub(crate) config: &'a Config,
    /// For what new tags lead to; called only where refs are written into `packed-refs`.
    pub(crate) objects: &'a dyn Fn() -> Result<Arc<dyn ObjectStore>>,
}

/// Makes the changes of `transaction`, or says of each why not. `before` becomes durable before any ref changes, and in any case.
pub(crate) fn apply(
    surroundings: &Surroundings<'_>,
    transaction: &Transaction,
    leased: Leased<'_>,
    before: Barrier,
    prepared: &mut dyn FnMut(&[RefEdit]) -> Result<(), Veto>,
) -> Result<Vec<EditOutcome>> {
    let mut running = Running::new(surroundings, transaction, leased, before)?;
    let done = running.run(prepared).and_then(|()| running.raise());
    if done.is_err() {
        running.roll_back();
    }
    running.release();
    done?;
    Ok(running.outcomes())
}

/// Whether a ref of a transaction that was cut off is still what it was before.
pub(crate) fn still_to_do(files: &RefFiles, transaction: &Transaction) -> Result<bool> {
    for edit in &transaction.edits {
        let is = match files.read(edit.name.as_bytes())? {
            LooseRef::Value(value) => Some(value),
            _ => None,
        };
        let old = match &is {
            Some(value) => resolve(files, value)?,
            None => None,
        };
        let as_before = match edit.expected {
            Expected::Id(id) => old == Some(id),
            Expected::Absent => is.is_none(),
            Expected::Any => false,
        };
        if as_before && is != edit.new {
            return Ok(true);
        }
    }
    Ok(false)
}

struct Running<'a> {
    around: &'a Surroundings<'a>,
    transaction: &'a Transaction,
    leased: Leased<'a>,
    /// What must be durable before the next step.
    before: Barrier,
    planned: Vec<Planned<'a>>,
    /// The names of those.
    taken: BTreeSet<Vec<u8>>,
    /// Why each edit was not made.
    refused: Vec<Option<String>>,
    packed_lock: Option<Lock>,
    shallow: Option<shallow::Change>,
    /// Directories whose entries changed: whether of this worktree alone, and the path.
    touched: BTreeSet<(bool, Vec<u8>)>,
    /// Whether what is to be done has been written down.
    intended: bool,
    /// What makes `packed-refs` what it was, once it has changed.
    packed_before: Changes,
}

impl<'a> Running<'a> {
    fn new(
        around: &'a Surroundings<'a>,
        transaction: &'a Transaction,
        leased: Leased<'a>,
        before: Barrier,
    ) -> Result<Self> {
        refuse_twice(transaction)?;
        Ok(Self {
            around,
            transaction,
            leased,
            before,
            planned: Vec::new(),
            taken: BTreeSet::new(),
            refused: vec![None; transaction.edits.len()],
            packed_lock: None,
            shallow: None,
            touched: BTreeSet::new(),
            intended: false,
            packed_before: Changes::default(),
        })
    }

    fn run(&mut self, prepared: &mut dyn FnMut(&[RefEdit]) -> Result<(), Veto>) -> Result<()> {
        self.lock_refs()?;
        if self.transaction.atomic && self.refused.iter().any(Option::is_some) {
            self.refuse_all("atomic transaction failed");
            return Ok(());
        }
        let changes = self.lock_packed_refs()?;
        self.lock_shallow()?;
        let edits = self.surviving();
        if let Err(veto) = prepared(&edits) {
            self.refuse_all(&veto.reason);
            return Ok(());
        }
        self.write_locks(&changes)?;
        self.raise()?;
        self.settle(&changes)?;
        self.write_intent(&changes)?;
        if let Some(shallow) = &mut self.shallow {
            // Refs to history that ends at these commits come only after them.
            shallow.commit(self.around.files.format)?;
        }
        self.make_updates(&changes)?;
        self.make_packed(&changes)?;
        self.make_deletions()?;
        self.sync()?;
        if self.intended {
            intent::remove(&*self.around.files.common, self.leased.lease.nonce())?;
            self.intended = false;
        }
        for planned in self.planned.iter().filter(|planned| planned.applied && planned.edit.new.is_none()) {
            reflog::remove(self.around.files, &planned.name);
        }
        Ok(())
    }

    /// Writes down what is to be done, where a crash could leave a part of it done.
    fn write_intent(&mut self, changes: &Changes) -> Result<()> {
        let packs = !changes.put.is_empty() || !changes.removed.is_empty();
        let by_itself = |planned: &&Planned<'_>| match planned.edit.new {
            Some(_) => !changes.put.contains_key(&planned.name),
            None => planned.place == Place::Loose && !changes.removed.contains(&planned.name),
        };
        let parts = self.planned.iter().filter(by_itself).count();
        let parts =
            parts.saturating_add(usize::from(packs)).saturating_add(usize::from(self.shallow.is_some()));
        if !self.transaction.atomic || parts < 2 {
            return Ok(());
        }
        let steps: Vec<intent::Step> = self
            .planned
            .iter()
            .map(|planned| (planned.name.clone(), planned.old, planned.edit.new.clone()))
            .collect();
        self.intended = true;
        let format = self.around.files.format;
        intent::write(self.leased.lease, format, &steps, self.transaction.shallow.as_deref())
    }

    /// Locks each ref in the order of names, and notes which may not be changed.
    fn lock_refs(&mut self) -> Result<()> {
        let edits = &self.transaction.edits;
        let locking = Locking {
            patience: self.patience("filesRefLockTimeout", FILE_PATIENCE),
            new_unlocked: self.is_first_of_many()?,
            leased: self.leased,
        };
        let mut order: Vec<usize> = (0..edits.len()).collect();
        order.sort_by_key(|at| edits.get(*at).map(|edit| edit.name.as_bytes()));
        for at in order {
            let Some(edit) = edits.get(at) else { continue };
            let planned = plan(self.around.files, at, edit, locking)
                .and_then(|planned| self.check_beside(&planned).map(|()| planned));
            match planned {
                Ok(planned) => self.planned.push(planned),
                Err(Refusal::Reason(reason)) => self.refuse(at, reason),
                Err(Refusal::Failure(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether these are the first refs of a repository that has no `HEAD` yet, and so is none for anybody else, and so many
    /// that they go into `packed-refs`.
    fn is_first_of_many(&self) -> Result<bool> {
        let files = self.around.files;
        let new = self.transaction.edits.iter().filter(|edit| {
            matches!(edit.new, Some(RefTarget::Direct(_))) && !is_per_worktree(edit.name.as_bytes())
        });
        // Twice as many as it takes: some may lead elsewhere, or be refused.
        let many = new.count() >= PACKED_AT_ONCE_MIN.saturating_mul(2) && self.transaction.atomic;
        Ok(many && files.loose(b"HEAD")? == LooseRef::Absent && files.packed()?.iter().next().is_none())
    }

    /// Two refs of one transaction cannot be a file and a directory of the same name.
    fn check_beside(&mut self, planned: &Planned<'_>) -> Result<(), Refusal> {
        let name = &planned.name;
        if let Some(other) = beside(&self.taken, name) {
            return Err(refused_beside(name, &other));
        }
        self.taken.insert(name.clone());
        Ok(())
    }

    /// What must change in `packed-refs`; locks it where anything must.
    fn lock_packed_refs(&mut self) -> Result<Changes> {
        let mut changes = Changes::default();
        let files = self.around.files;
        if self.changes_together() {
            for planned in self.planned.iter().filter(|planned| is_packable(planned)) {
                match &planned.edit.new {
                    Some(RefTarget::Direct(id)) => drop(changes.put.insert(planned.name.clone(), *id)),
                    _ => drop(changes.removed.insert(planned.name.clone())),
                }
            }
            self.packed_lock = Some(self.lock_packed()?);
            return Ok(changes);
        }
        let known = files.packed()?;
        let is_new = |planned: &&Planned<'_>| {
            planned.place == Place::Nowhere
                && matches!(planned.edit.new, Some(RefTarget::Direct(_)))
                && !is_per_worktree(&planned.name)
        };
        // A ref without a lock of its own can go nowhere else.
        let pack_new = self.planned.iter().any(|planned| planned.lock.is_none())
            || self.planned.iter().filter(is_new).count() >= PACKED_AT_ONCE_MIN;
        for planned in &self.planned {
            match &planned.edit.new {
                Some(RefTarget::Direct(id)) if pack_new && is_new(&planned) => {
                    changes.put.insert(planned.name.clone(), *id);
                }
                None if known.find(&planned.name)?.is_some() => {
                    changes.removed.insert(planned.name.clone());
                }
                _ => {}
            }
        }
        if !changes.put.is_empty() || self.planned.iter().any(|planned| planned.edit.new.is_none()) {
            self.packed_lock = Some(self.lock_packed()?);
            // Now nobody else packs refs: a deleted one may have been packed a moment ago.
            let known = files.packed()?;
            for planned in self.planned.iter().filter(|planned| planned.edit.new.is_none()) {
                if known.find(&planned.name)?.is_some() {
                    changes.removed.insert(planned.name.clone());
                }
            }
        }
        Ok(changes)
    }

    fn lock_packed(&self) -> Result<Lock> {
        let files = self.around.files;
        let patience = self.patience("packedRefsTimeout", Duration::from_secs(1));
        Lock::acquire(&*files.file_system, &files.common, packed::NAME, patience, Some(self.leased))
    }

    /// Whether all refs that can are changed by one renaming.
    fn changes_together(&self) -> bool {
        self.transaction.atomic && self.planned.iter().filter(|planned| is_packable(planned)).nth(1).is_some()
    }

    /// Moves refs of files of their own into `packed-refs`, where one renaming is to change them.
    fn settle(&mut self, changes: &Changes) -> Result<()> {
        if !self.changes_together() {
            return Ok(());
        }
        let files = self.around.files;
        let known = files.packed()?;
        let mut as_they_are = Changes::default();
        for planned in self.planned.iter().filter(|planned| planned.place == Place::Loose) {
            let in_packed =
                changes.put.contains_key(&planned.name) || changes.removed.contains(&planned.name);
            if let Some(RefTarget::Direct(id)) = planned.before.as_ref().filter(|_| in_packed)
                && known.find(&planned.name)?.is_none_or(|found| found.id != *id)
            {
                as_they_are.put.insert(planned.name.clone(), *id);
            }
        }
        if !as_they_are.put.is_empty() {
            self.rewrite_packed(&as_they_are)?;
        }
        for planned in self.planned.iter_mut().filter(|planned| planned.place == Place::Loose) {
            let in_packed =
                changes.put.contains_key(&planned.name) || changes.removed.contains(&planned.name);
            if let Some(lock) = planned.lock.as_mut().filter(|_| in_packed) {
                lock.commit_removal()?;
                planned.place = Place::Packed;
                self.touched.insert((false, parent_of(&planned.name).to_vec()));
            }
        }
        // A file that came back would hide what is new.
        self.sync()
    }

    /// Puts a new `packed-refs` in place, durably.
    fn rewrite_packed(&self, changes: &Changes) -> Result<()> {
        let files = self.around.files;
        let objects = (self.around.objects)()?;
        rewrite(&files.common, &*files.packed()?, changes, files.format, &*objects)?;
        files.common.sync(b"").context(|| "cannot sync the Git directory".to_owned())
    }

    fn lock_shallow(&mut self) -> Result<()> {
        let Some(ids) = &self.transaction.shallow else { return Ok(()) };
        let files = self.around.files;
        self.shallow = Some(shallow::Change::prepare(&*files.file_system, &files.common, ids, self.leased)?);
        Ok(())
    }

    /// Writes new values into the lock files of refs that get files of their own. They are not durable yet.
    fn write_locks(&mut self, changes: &Changes) -> Result<()> {
        for planned in &mut self.planned {
            let text = match &planned.edit.new {
                Some(RefTarget::Direct(_)) if changes.put.contains_key(&planned.name) => continue,
                Some(RefTarget::Direct(id)) => format!("{id}\n").into_bytes(),
                Some(RefTarget::Symbolic(name)) => [b"ref: ", name.as_bytes(), b"\n"].concat(),
                None => continue,
            };
            if let Some(lock) = &mut planned.lock {
                self.before.file(lock.write_before(&text)?, &lock_name(&planned.name));
                // No more files stay open than a process may have.
                if self.before.len() >= OPEN_MAX {
                    self.before.raise(&*self.around.files.file_system)?;
                }
            }
        }
        Ok(())
    }

    /// Makes durable what must be before the next step.
    fn raise(&mut self) -> Result<()> {
        self.before.raise(&*self.around.files.file_system)
    }

    /// Puts the new values of updated refs into force.
    fn make_updates(&mut self, changes: &Changes) -> Result<()> {
        for at in 0..self.planned.len() {
            let logged = match self.planned.get(at) {
                Some(planned) if planned.edit.new.is_some() && !changes.put.contains_key(&planned.name) => {
                    self.log(at)
                }
                _ => continue,
            };
            let Some(planned) = self.planned.get_mut(at) else { continue };
            let Some(lock) = &mut planned.lock else { continue };
            let name = &planned.name;
            let home = Arc::clone(lock.dir());
            if home.stat(name, Links::Refuse).is_ok_and(|stat| stat.kind == FileKind::Directory) {
                remove_empty_tree(&*home, name);
            }
            match logged.and_then(|()| lock.commit()) {
                Ok(()) => {
                    planned.applied = true;
                    let own = is_per_worktree(name);
                    self.touched.extend(planned.made.iter().map(|made| (own, parent_of(made).to_vec())));
                    self.touched.insert((own, parent_of(name).to_vec()));
                }
                Err(error) if self.transaction.atomic => return Err(error),
                Err(error) => {
                    let index = planned.index;
                    self.refuse(index, error.to_string());
                }
            }
        }
        Ok(())
    }

    /// Puts the new `packed-refs` in place, and makes it durable before any file of a deleted ref goes.
    fn make_packed(&mut self, changes: &Changes) -> Result<()> {
        if changes.put.is_empty() && changes.removed.is_empty() {
            return Ok(());
        }
        for at in 0..self.planned.len() {
            if self.planned.get(at).is_some_and(|planned| changes.put.contains_key(&planned.name)) {
                self.log(at)?;
            }
        }
        for planned in &mut self.planned {
            if !changes.put.contains_key(&planned.name) && !changes.removed.contains(&planned.name) {
                continue;
            }
            planned.applied = true;
            match planned.before {
                Some(RefTarget::Direct(id)) => drop(self.packed_before.put.insert(planned.name.clone(), id)),
                None => drop(self.packed_before.removed.insert(planned.name.clone())),
                // What it hid is seen by nobody.
                Some(RefTarget::Symbolic(_)) => {}
            }
        }
        self.rewrite_packed(changes)
    }

    fn make_deletions(&mut self) -> Result<()> {
        for planned in self.planned.iter_mut().filter(|planned| planned.edit.new.is_none()) {
            let Some(lock) = &mut planned.lock else { continue };
            planned.applied = true;
            self.touched.insert((is_per_worktree(&planned.name), parent_of(&planned.name).to_vec()));
            match lock.commit_removal() {
                Err(error) if self.transaction.atomic => return Err(error),
                Err(error) => {
                    planned.applied = false;
                    if let Some(refused) = self.refused.get_mut(planned.index) {
                        *refused = Some(error.to_string());
                    }
                }
                Ok(()) => {}
            }
        }
        Ok(())
    }

    /// Writes the reflogs of one change: of the ref, of the symbolic ref that led to it, and of `HEAD` where it names the ref.
    fn log(&self, at: usize) -> Result<()> {
        let Some(planned) = self.planned.get(at) else { return Ok(()) };
        let Some(entry) = &self.transaction.reflog_of(planned.index) else { return Ok(()) };
        let files = self.around.files;
        let policy = LogPolicy::of(self.around.config);
        let new = match &planned.edit.new {
            Some(target) => resolve(files, target)?,
            None => return Ok(()),
        };
        let change: (Option<ObjectId>, Option<ObjectId>) = (planned.old, new);
        // As git does it: what stays as it is shows in the reflog of `HEAD` alone.
        if change.0 != change.1 {
            reflog::append(files, policy, &planned.name, change, entry)?;
        }
        // The symbolic ref that was named.
        let named = planned.edit.name.as_bytes();
        if named != planned.name && named != b"HEAD" {
            reflog::append(files, policy, named, change, entry)?;
        }
        match files.loose(b"HEAD")? {
            LooseRef::Value(RefTarget::Symbolic(head)) if head.as_bytes() == planned.name => {
                reflog::append(files, policy, b"HEAD", change, entry)
            }
            _ => Ok(()),
        }
    }

    /// Makes every directory that changed durable; of one that is gone, the one above it.
    fn sync(&self) -> Result<()> {
        let files = self.around.files;
        let mut directories = BTreeSet::new();
        for (own, path) in &self.touched {
            let home = if *own { &files.dir } else { &files.common };
            let mut path = path.as_slice();
            while !path.is_empty() && home.stat(path, Links::Refuse).is_err_and(|error| is_absent(&error)) {
                path = parent_of(path);
            }
            directories.insert((*own, path));
        }
        let mut barrier = Barrier::default();
        for (own, path) in directories {
            barrier.directory(if own { &files.dir } else { &files.common }, path);
        }
        barrier.raise(&*files.file_system)
    }

    /// Gives all locks back, and removes directories that were made for nothing.
    fn release(&mut self) {
        self.packed_lock = None;
        self.shallow = None;
        for planned in &mut self.planned {
            let is_packed = self.packed_before.put.contains_key(&planned.name)
                || self.packed_before.removed.contains(&planned.name);
            let stays = planned.applied && planned.edit.new.is_some() && !is_packed;
            if planned.lock.take().is_some() && !stays {
                remove_empty_parents(&**self.around.files.home(&planned.name), &planned.name);
            }
        }
    }

    fn refuse(&mut self, index: usize, reason: String) {
        if let Some(refused) = self.refused.get_mut(index) {
            *refused = Some(reason);
        }
    }

    fn refuse_all(&mut self, reason: &str) {
        for refused in &mut self.refused {
            refused.get_or_insert_with(|| reason.to_owned());
        }
    }

    /// The edits that are about to be made, in the order of the transaction.
    fn surviving(&self) -> Vec<RefEdit> {
        let edits = self.transaction.edits.iter().zip(&self.refused);
        edits.filter(|(_, refused)| refused.is_none()).map(|(edit, _)| edit.clone()).collect()
    }

    /// A time in milliseconds from the configuration; negative means for ever, which here is a minute.
    fn patience(&self, name: &str, default: Duration) -> Duration {
        match self.around.config.integer("core", None, name).ok().flatten() {
            None => default,
            Some(milliseconds) => u64::try_from(milliseconds).map_or(PATIENCE_MAX, Duration::from_millis),
        }
    }

    fn outcomes(self) -> Vec<EditOutcome> {
        let outcome = |refused: Option<String>| refused.map_or(EditOutcome::Done, EditOutcome::Rejected);
        self.refused.into_iter().map(outcome).collect()
    }
}

/// Whether the change of a ref can be one of `packed-refs` alone.
fn is_packable(planned: &Planned<'_>) -> bool {
    !matches!(planned.before, Some(RefTarget::Symbolic(_)))
        && !matches!(planned.edit.new, Some(RefTarget::Symbolic(_)))
        && !is_per_worktree(&planned.name)
}

/// From here on new refs are written into `packed-refs` with one sync, rather than into files with a sync each.
const PACKED_AT_ONCE_MIN: usize = 8;

/// A lock that is held for longer has lost its owner.
const PATIENCE_MAX: Duration = Duration::from_secs(60);
