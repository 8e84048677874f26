//! Reading and changing references.

use std::fmt;
use std::ops::ControlFlow;

use bytes::Bytes;
use gitwire_types::{ObjectId, RefName, RefTarget};

use crate::Result;

/// An unchanging view of a repository's references.
pub trait RefStore: Send + Sync {
    /// What `HEAD` holds; `None` when there is no `HEAD`. A symbolic `HEAD` may name a ref that does not exist (unborn).
    ///
    /// # Errors
    /// A failing medium or an unreadable `HEAD`.
    fn head(&self) -> Result<Option<RefTarget>>;

    /// What a reference holds, not followed.
    ///
    /// # Errors
    /// A failing medium or an unreadable reference.
    fn get(&self, name: &RefName) -> Result<Option<RefTarget>>;

    /// References that hold neither an id nor a name are left out, as git leaves out what is broken. Whether the objects are
    /// there is not looked at. Every reference below `refs/` that starts with one of `prefixes` (all of them where there are none), once each, in
    /// the order of their bytes. Dangling symbolic refs come with `id: None`.
    ///
    /// # Errors
    /// A failing medium or an unreadable reference.
    fn each(
        &self,
        prefixes: &[Bytes],
        each: &mut dyn FnMut(RefRecord<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()>;

    /// As [`each`](Self::each), but only names that are `from` or stand behind it: to go on where an earlier call was broken off.
    ///
    /// # Errors
    /// As [`each`](Self::each).
    fn each_from(
        &self,
        from: &[u8],
        prefixes: &[Bytes],
        each: &mut dyn FnMut(RefRecord<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        self.each(prefixes, &mut |record| {
            if record.name < from { Ok(ControlFlow::Continue(())) } else { each(record) }
        })
    }

    /// The lines of a reference's reflog (`git-reflog`), the latest first. By default there are none.
    ///
    /// # Errors
    /// A failing medium or an unreadable reflog.
    fn log(&self, name: &RefName, each: &mut dyn FnMut(LogRecord) -> Result<ControlFlow<()>>) -> Result<()> {
        let _ = (name, each);
        Ok(())
    }

    /// A number that changes whenever any reference does: the key of advertisement caches.
    fn version(&self) -> Option<u64> {
        None
    }
}

impl fmt::Debug for dyn RefStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefStore")
    }
}

/// One reference as [`RefStore::each`] gives it.
#[derive(Debug, Clone, Copy)]
pub struct RefRecord<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// The object it leads to, symbolic refs followed; `None` for a dangling symbolic ref.
    pub id: Option<ObjectId>,
    /// The ref that it names, where it is symbolic.
    pub symbolic: Option<&'a [u8]>,
    /// What its object peels to, where it is a tag and the store knows without reading it.
    pub peeled: Peeled,
}

/// One line of a reflog as [`RefStore::log`] gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogRecord {
    /// What the reference held before; `None`: nothing.
    pub old: Option<ObjectId>,
    /// What it held afterwards; `None`: nothing.
    pub new: Option<ObjectId>,
    /// When it was changed, in seconds since 1970.
    pub seconds: u64,
}

/// What is known of an object's peeled form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peeled {
    /// Nothing: whoever needs it reads the object.
    Unknown,
    /// It is no tag.
    NotATag,
    /// It is a tag that leads to this object.
    To(ObjectId),
}

/// A set of changes of references, made together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transaction {
    /// The changes. Two for one name are refused.
    pub edits: Vec<RefEdit>,
    /// All or none, where set; else each on its own.
    pub atomic: bool,
    /// What goes to the reflogs, without a line end; `None`: reflogs are left alone.
    pub reflog: Option<ReflogEntry>,
    /// What goes behind the reflog's message and `: `, for the edit at the same place (`fetch origin: fast-forward`). An edit that
    /// has none, or an empty one, is logged with the message alone.
    pub actions: Vec<Bytes>,
    /// The new list of shallow commits, where it changes with the refs.
    pub shallow: Option<Vec<ObjectId>>,
}

impl Transaction {
    /// What goes to the reflog for the edit at `index`.
    #[must_use]
    pub fn reflog_of(&self, index: usize) -> Option<ReflogEntry> {
        let mut entry = self.reflog.clone()?;
        if let Some(action) = self.actions.get(index).filter(|action| !action.is_empty()) {
            entry.message = [&entry.message[..], b": ", action].concat().into();
        }
        Some(entry)
    }
}

/// Who changed a reference and why, for its reflog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReflogEntry {
    /// `Name <address> seconds zone`, as in a commit's committer line.
    pub committer: Bytes,
    /// The reason.
    pub message: Bytes,
}

/// A change of one reference.
///
/// A new object goes to where the reference leads: through symbolic refs to the last of them, as `git update-ref` does. A new
/// symbolic target, and a deletion, are made to the named reference itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefEdit {
    /// The reference.
    pub name: RefName,
    /// What it must hold before.
    pub expected: Expected,
    /// What it holds afterwards; `None`: it is gone.
    pub new: Option<RefTarget>,
}

/// What a reference must hold before it is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Anything, or nothing.
    Any,
    /// Nothing: it must not exist.
    Absent,
    /// This object, directly or through symbolic refs.
    Id(ObjectId),
}

/// What became of one edit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EditOutcome {
    /// It was made, durably.
    Done,
    /// It was not made; why, as git words it.
    Rejected(String),
}

/// A refusal by whoever looked at the prepared transaction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Veto {
    /// Why, for the peer.
    pub reason: String,
}
