//! References in reftables: `reftable/tables.list` names a stack of tables, in which the newest counts (`technical/reftable`).
//!
//! Linked worktrees have a stack of their own for their `HEAD` and the other refs that belong to them alone.

mod add;
mod compaction;
mod file;
mod records;
mod stack;
mod transaction;
mod view;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gitwire_reftable::Limits;
use gitwire_storage::Result;
use gitwire_types::ObjectFormat;

use self::add::ListLock;
use self::stack::{Snapshot, Stack};
pub(crate) use self::transaction::{apply, set_head};
pub(crate) use self::view::TableView;
use super::is_per_worktree;
use super::loose::LooseRef;
use crate::fs::{Directory, FileSystem, Links};
use crate::lease::Lease;
use crate::lock::Leased;

/// Where the tables of a repository stand.
#[derive(Debug)]
pub(crate) struct RefTables {
    pub(crate) format: ObjectFormat,
    /// The refs that all worktrees share.
    main: Stack,
    /// The refs of this worktree, where it is a linked one.
    own: Option<Stack>,
}

impl RefTables {
    /// Of the Git directory `dir`, whose path is `path`.
    pub(crate) fn new(
        dir: &Arc<dyn Directory>,
        common: &Arc<dyn Directory>,
        path: &Path,
        format: ObjectFormat,
    ) -> Self {
        let limits = Limits::default();
        let main = Stack::new(Arc::clone(common), b"reftable".to_vec(), format, limits);
        let own = (!Arc::ptr_eq(dir, common)).then(|| {
            // By its path below the common directory its lock can be a leased one.
            let below = path.file_name().map(|name| [b"worktrees/", name.as_encoded_bytes()].concat());
            let identity = |dir: &dyn Directory, path: &[u8]| {
                dir.stat(path, Links::Follow).ok().map(|stat| (stat.device, stat.inode))
            };
            let is_below = |below: &Vec<u8>| {
                identity(&**common, below).is_some_and(|it| Some(it) == identity(&**dir, b""))
            };
            match below.filter(is_below) {
                Some(below) => {
                    Stack::new(Arc::clone(common), [&below, &b"/reftable"[..]].concat(), format, limits)
                }
                None => Stack::new(Arc::clone(dir), b"reftable".to_vec(), format, limits),
            }
        });
        Self { format, main, own }
    }

    /// The refs as they are now.
    pub(crate) fn current(&self) -> Result<Tables> {
        let own = self.own.as_ref().map(Stack::current).transpose()?;
        Ok(Tables { main: self.main.current()?, own })
    }

    /// The stack that holds `name`.
    fn home(&self, name: &[u8]) -> &Stack {
        match &self.own {
            Some(own) if is_per_worktree(name) => own,
            _ => &self.main,
        }
    }

    /// All stacks, the shared one first.
    fn stacks(&self) -> impl Iterator<Item = &Stack> {
        std::iter::once(&self.main).chain(&self.own)
    }

    /// Whether this worktree has a stack of its own.
    fn has_own(&self) -> bool {
        self.own.is_some()
    }

    /// Removes the tables that a crash left, if nobody is changing anything.
    pub(crate) fn sweep(&self, file_system: &dyn FileSystem, lease: &mut dyn FnMut() -> Result<Arc<Lease>>) {
        for stack in self.stacks() {
            if stack.current().is_ok_and(|now| stack.unnamed(&now.list).is_empty()) {
                continue;
            }
            let Ok(lease) = lease() else { return };
            let leased = Leased { lease: &lease, heir_of: None };
            if let Ok(lock) = ListLock::take(stack, file_system, Duration::ZERO, leased) {
                lock.sweep();
            }
        }
    }

    /// What `HEAD` holds of the linked worktree whose Git directory is `below` the common directory; of the main one where that
    /// is empty.
    pub(crate) fn head_of(&self, below: &[u8]) -> Result<LooseRef> {
        if below.is_empty() {
            return self.main.current()?.read(b"HEAD");
        }
        let path = [below, b"/reftable"].concat();
        Stack::new(Arc::clone(self.main.dir()), path, self.format, Limits::default()).current()?.read(b"HEAD")
    }
}

/// The refs at one time.
#[derive(Debug, Clone)]
pub(crate) struct Tables {
    main: Arc<Snapshot>,
    own: Option<Arc<Snapshot>>,
}

impl Tables {
    /// The stack that holds `name`.
    fn home(&self, name: &[u8]) -> &Snapshot {
        match &self.own {
            Some(own) if is_per_worktree(name) => own,
            _ => &self.main,
        }
    }

    /// What a ref holds.
    pub(crate) fn read(&self, name: &[u8]) -> Result<LooseRef> {
        self.home(name).read(name)
    }
}
