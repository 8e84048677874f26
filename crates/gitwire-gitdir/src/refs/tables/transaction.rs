//! Changes of references in tables: one new table holds all of them, so that its name in the list is the point where they show.
//!
//! 1. The list is locked (`tables.list.lock`); now nobody else adds a table. Each ref's value is compared with what is expected.
//! 2. The caller looks at what is about to happen, and may refuse.
//! 3. `shallow` changes, where it is to; then the table is written, durably, and its name comes into the list, durably. A crash before
//!    that leaves nothing but a file that nobody names, which the next change removes.
//! 4. Only now the outcome is told. A failure before that undoes what was done.

use std::collections::BTreeSet;
use std::time::Duration;

use gitwire_storage::{EditOutcome, RefEdit, Result, StorageErrorKind, Transaction, Veto};
use gitwire_types::{ObjectId, RefTarget};

use super::add::{Added, ListLock, Settings};
use super::records::Records;
use super::{RefTables, Tables};
use crate::barrier::Barrier;
use crate::config::Config;
use crate::error::shown;
use crate::lock::Leased;
use crate::refs::loose::LooseRef;
use crate::refs::plan::{
    Refusal, beside, check_expected, may_be_changed, refuse_twice, refused_beside, too_many_symbolic,
};
use crate::refs::transaction::Surroundings;
use crate::refs::{chain, is_per_worktree};
use crate::shallow;

/// Makes the changes of `transaction`, or says of each why not. `before` becomes durable before any of them.
pub(crate) fn apply(
    around: &Surroundings<'_>,
    tables: &RefTables,
    transaction: &Transaction,
    leased: Leased<'_>,
    mut before: Barrier,
    prepared: &mut dyn FnMut(&[RefEdit]) -> Result<(), Veto>,
) -> Result<Vec<EditOutcome>> {
    before.raise(&*around.files.file_system)?;
    refuse_twice(transaction)?;
    let refused = vec![None; transaction.edits.len()];
    let settings = Settings::of(around.config);
    let mut running = Running {
        around,
        tables,
        transaction,
        leased,
        settings,
        planned: Vec::new(),
        taken: BTreeSet::new(),
        refused,
    };
    let added = running.run(prepared)?;
    let outcomes = running.outcomes();
    // The locks are free now; what is left to do is not worth an error.
    for added in added {
        added.tidy(&around.files.file_system, leased, settings);
    }
    Ok(outcomes)
}

/// Sets `HEAD` itself.
pub(crate) fn set_head(
    around: &Surroundings<'_>,
    tables: &RefTables,
    target: &RefTarget,
    leased: Leased<'_>,
) -> Result<()> {
    let settings = Settings::of(around.config);
    let stack = tables.home(b"HEAD");
    let mut lock = ListLock::take(stack, &*around.files.file_system, settings.patience, leased)?;
    let mut records = Records::new(around, lock.next_update_index(), settings);
    records.set(b"HEAD", target)?;
    lock.add(records, &*around.files.file_system, settings).map(drop)
}

struct Running<'a> {
    around: &'a Surroundings<'a>,
    tables: &'a RefTables,
    transaction: &'a Transaction,
    leased: Leased<'a>,
    settings: Settings,
    planned: Vec<Planned<'a>>,
    /// The names of those.
    taken: BTreeSet<Vec<u8>>,
    /// Why each edit is not made.
    refused: Vec<Option<String>>,
}

/// One edit that may be made.
struct Planned<'a> {
    /// Its place in the transaction.
    index: usize,
    edit: &'a RefEdit,
    /// The ref that is changed: the edit's own, or the one that it leads to.
    name: Vec<u8>,
    /// The object that it led to before.
    old: Option<ObjectId>,
    exists: bool,
}

impl<'a> Running<'a> {
    fn run(&mut self, prepared: &mut dyn FnMut(&[RefEdit]) -> Result<(), Veto>) -> Result<Vec<Added<'a>>> {
        let locks = match self.lock() {
            Ok(locks) => locks,
            Err(error) if error.kind() == StorageErrorKind::Busy => {
                self.refuse_all(&format!("cannot lock references: {error}"));
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        let now = self.tables.current()?;
        self.plan_all(&now)?;
        if self.transaction.atomic && self.refused.iter().any(Option::is_some) {
            self.refuse_all("atomic transaction failed");
            return Ok(Vec::new());
        }
        let files = self.around.files;
        let mut shallow = match &self.transaction.shallow {
            Some(ids) => {
                Some(shallow::Change::prepare(&*files.file_system, &files.common, ids, self.leased)?)
            }
            None => None,
        };
        if let Err(veto) = prepared(&self.surviving()) {
            self.refuse_all(&veto.reason);
            return Ok(Vec::new());
        }
        if let Some(shallow) = &mut shallow {
            // Refs to history that ends at these commits come only after them.
            shallow.commit(files.format)?;
        }
        let added = self.make(locks, &now);
        if let (Err(_), Some(shallow)) = (&added, &mut shallow) {
            // What cannot be put back names commits that are there, whose parents may be there too.
            shallow.roll_back().ok();
        }
        added
    }

    /// Takes the locks of the stacks that may change: all there are, in the same order always.
    fn lock(&self) -> Result<Vec<ListLock<'a>>> {
        if self.transaction.edits.is_empty() {
            return Ok(Vec::new());
        }
        let file_system = &*self.around.files.file_system;
        let take = |stack| ListLock::take(stack, file_system, self.settings.patience, self.leased);
        self.tables.stacks().map(take).collect()
    }

    /// Notes which refs may not be changed, in the order of names.
    fn plan_all(&mut self, now: &Tables) -> Result<()> {
        let edits = &self.transaction.edits;
        let mut order: Vec<usize> = (0..edits.len()).collect();
        order.sort_by_key(|at| edits.get(*at).map(|edit| edit.name.as_bytes()));
        for at in order {
            let Some(edit) = edits.get(at) else { continue };
            match self.plan(now, at, edit) {
                Ok(planned) => {
                    self.taken.insert(planned.name.clone());
                    self.planned.push(planned);
                }
                Err(Refusal::Reason(reason)) => {
                    if let Some(refused) = self.refused.get_mut(at) {
                        *refused = Some(reason);
                    }
                }
                Err(Refusal::Failure(error)) => return Err(error),
            }
        }
        Ok(())
    }

    fn plan(&self, now: &Tables, index: usize, edit: &'a RefEdit) -> Result<Planned<'a>, Refusal> {
        let requested = edit.name.as_bytes();
        let refuse = |why: String| Refusal::Reason(format!("cannot lock ref '{}': {why}", shown(requested)));
        if !may_be_changed(requested) {
            return Err(Refusal::Reason(format!(
                "refusing to update ref with bad name '{}'",
                shown(requested)
            )));
        }
        let name = match edit.new {
            Some(RefTarget::Direct(_)) => {
                let end = chain::end_of_chain(|name| now.read(name), requested)?;
                end.ok_or_else(|| too_many_symbolic(requested))?
            }
            // A symbolic ref is set or deleted itself.
            _ => requested.to_vec(),
        };
        if !may_be_changed(&name) {
            return Err(refuse(format!("it leads to '{}'", shown(&name))));
        }
        if !self.settings.fits(&name, edit.new.as_ref()) {
            return Err(refuse("its name is too long for a block of a table".to_owned()));
        }
        let value = match now.read(&name)? {
            LooseRef::Value(value) => Some(value),
            LooseRef::Absent => None,
            LooseRef::Broken => {
                return Err(refuse(format!(
                    "unable to resolve reference '{}': reference broken",
                    shown(&name)
                )));
            }
        };
        let old = match &value {
            Some(value) => chain::resolve(|name| now.read(name), value)?,
            None => None,
        };
        check_expected(&edit.expected, value.is_some(), old, requested).map_err(refuse)?;
        if value.is_none()
            && edit.new.is_some()
            && let Some(other) = conflicting(now, &name)?
        {
            return Err(refuse(format!("'{}' exists; cannot create '{}'", shown(&other), shown(&name))));
        }
        match beside(&self.taken, &name) {
            Some(other) => Err(refused_beside(&name, &other)),
            None => Ok(Planned { index, edit, name, old, exists: value.is_some() }),
        }
    }

    /// Writes a table for each stack in which something changes.
    fn make(&self, locks: Vec<ListLock<'a>>, now: &Tables) -> Result<Vec<Added<'a>>> {
        let mut added: Vec<Added<'a>> = Vec::new();
        for (own, mut lock) in locks.into_iter().enumerate() {
            let mut records = Records::new(self.around, lock.next_update_index(), self.settings);
            // The first stack is the shared one.
            let belongs = |name: &[u8]| !self.tables.has_own() || is_per_worktree(name) == (own > 0);
            let made = self.record(&mut records, now, &belongs).and_then(|()| match records.is_empty() {
                true => Ok(None),
                false => lock.add(records, &*self.around.files.file_system, self.settings).map(Some),
            });
            match made {
                Ok(made) => added.extend(made.map(|made| made.keep(lock))),
                Err(error) => {
                    for added in added.into_iter().rev() {
                        added.roll_back();
                    }
                    return Err(error);
                }
            }
        }
        Ok(added)
    }

    /// What is to be written of the refs that belong into one stack.
    fn record(&self, records: &mut Records<'_>, now: &Tables, belongs: &dyn Fn(&[u8]) -> bool) -> Result<()> {
        let head = match now.read(b"HEAD")? {
            LooseRef::Value(RefTarget::Symbolic(head)) => Some(head),
            _ => None,
        };
        for planned in &self.planned {
            let name = planned.name.as_slice();
            let entry = self.transaction.reflog_of(planned.index);
            let change = match &planned.edit.new {
                Some(target) => chain::resolve(|name| now.read(name), target)?.map(|new| (planned.old, new)),
                None => None,
            };
            if belongs(name) {
                match &planned.edit.new {
                    Some(target) => records.set(name, target)?,
                    None if planned.exists => records.delete(name, now)?,
                    None => {}
                }
                if let (Some(change), Some(entry)) = (change, &entry) {
                    records.log(name, change, entry, now)?;
                }
            }
            let is_head = head.as_ref().is_some_and(|head| head.as_bytes() == name);
            if let (Some(change), Some(entry), true) = (change, &entry, is_head && belongs(b"HEAD")) {
                records.log(b"HEAD", change, entry, now)?;
            }
        }
        Ok(())
    }

    /// The edits that are about to be made, in the order of the transaction.
    fn surviving(&self) -> Vec<RefEdit> {
        let edits = self.transaction.edits.iter().zip(&self.refused);
        edits.filter(|(_, refused)| refused.is_none()).map(|(edit, _)| edit.clone()).collect()
    }

    fn refuse_all(&mut self, reason: &str) {
        for refused in &mut self.refused {
            refused.get_or_insert_with(|| reason.to_owned());
        }
    }

    fn outcomes(self) -> Vec<EditOutcome> {
        let outcome = |refused: Option<String>| refused.map_or(EditOutcome::Done, EditOutcome::Rejected);
        self.refused.into_iter().map(outcome).collect()
    }
}

/// An existing ref that cannot stand beside `name`: one whose name continues it, or is continued by it.
fn conflicting(now: &Tables, name: &[u8]) -> Result<Option<Vec<u8>>> {
    let slashes = name.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    for above in slashes.filter_map(|at| name.get(..at)).filter(|above| above.starts_with(b"refs/")) {
        if now.read(above)? != LooseRef::Absent {
            return Ok(Some(above.to_vec()));
        }
    }
    now.home(name).first_below(&[name, b"/"].concat())
}

impl Settings {
    /// As configured. Git waits a tenth of a second for the lock of the list; but where each ref has a lock of its own, pushers to
    /// different refs do not meet, and here they do.
    fn of(config: &Config) -> Self {
        let number = |name: &str| config.integer("reftable", None, name).ok().flatten();
        let mut settings = Self::default();
        if let Some(size) =
            number("blockSize").and_then(|size| u32::try_from(size).ok()).filter(|size| *size > 0)
        {
            settings.write.block_size = size.clamp(BLOCK_SIZE_MIN, BLOCK_SIZE_MAX);
        }
        if let Some(interval) = number("restartInterval").and_then(|interval| u16::try_from(interval).ok()) {
            settings.write.restart_interval = interval.max(1);
        }
        if let Some(factor) = number("geometricFactor").and_then(|factor| u64::try_from(factor).ok()) {
            settings.factor = factor.clamp(2, 255);
        }
        if let Some(milliseconds) = number("lockTimeout") {
            settings.patience = u64::try_from(milliseconds).map_or(PATIENCE_MAX, Duration::from_millis);
        }
        settings
    }
}

/// Names of refs must fit: with less, a usual one does not.
const BLOCK_SIZE_MIN: u32 = 1024;

/// What three bytes can say.
const BLOCK_SIZE_MAX: u32 = (16 << 20) - 1;

/// A lock that is held for longer has lost its owner.
const PATIENCE_MAX: Duration = Duration::from_secs(60);
