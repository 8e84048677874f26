//! One stack of tables.

use std::sync::{Arc, Mutex, PoisonError};

use gitwire_reftable::{
    Limits, LogCursor, Merged, Ordered as _, RefCursor, RefValue, ReftableError, Table, read_list,
};
use gitwire_storage::{Result, StorageError, StorageErrorKind};
use gitwire_types::{ObjectFormat, RefName, RefTarget};

use super::file::source;
use crate::error::{Context as _, corrupt, optional, shown};
use crate::fs::{Directory, Links, read_all};
use crate::refs::loose::LooseRef;

/// A directory with tables and the list of them.
#[derive(Debug)]
pub(super) struct Stack {
    dir: Arc<dyn Directory>,
    /// Below `dir`.
    path: Vec<u8>,
    format: ObjectFormat,
    limits: Limits,
    cached: Mutex<Option<Arc<Snapshot>>>,
}

impl Stack {
    pub(super) fn new(dir: Arc<dyn Directory>, path: Vec<u8>, format: ObjectFormat, limits: Limits) -> Self {
        Self { dir, path, format, limits, cached: Mutex::default() }
    }

    pub(super) fn dir(&self) -> &Arc<dyn Directory> {
        &self.dir
    }

    pub(super) fn format(&self) -> ObjectFormat {
        self.format
    }

    /// Makes the names of its files durable.
    pub(super) fn sync(&self) -> Result<()> {
        self.dir.sync(&self.path).context(|| format!("cannot sync directory '{}'", shown(&self.path)))
    }

    /// Removes the tables that `list` does not name; the caller holds its lock. Who reads them has them open, or reads the list again.
    pub(super) fn sweep(&self, list: &[u8]) {
        for name in self.unnamed(list) {
            // One that stays goes with the next change.
            self.dir.remove_file(&self.path_of(&name)).ok();
        }
    }

    /// The tables that are there and that `list` does not name: what a crash left, or what somebody is about to add.
    pub(super) fn unnamed(&self, list: &[u8]) -> Vec<Vec<u8>> {
        let named = read_list(list).unwrap_or_default();
        let names = self.dir.list(&self.path).unwrap_or_default().into_iter().map(|entry| entry.name);
        names.filter(|name| name.ends_with(b".ref") && !named.contains(&name.as_slice())).collect()
    }

    /// Where a file of the stack is, below its directory.
    pub(super) fn path_of(&self, name: &[u8]) -> Vec<u8> {
        [&self.path, &b"/"[..], name].concat()
    }

    /// The tables that the list names now. A table is written once, under a name of its own: whatever has been opened stays good.
    pub(super) fn current(&self) -> Result<Arc<Snapshot>> {
        let mut missing = None;
        for _ in 0..ATTEMPTS {
            let list = self.list()?;
            let cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(cached) = cached.as_ref().filter(|cached| cached.list == list) {
                return Ok(Arc::clone(cached));
            }
            match self.open(list, cached.as_deref())? {
                Ok(snapshot) => {
                    let snapshot = Arc::new(snapshot);
                    *self.cached.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&snapshot));
                    return Ok(snapshot);
                }
                // Somebody made several tables one since the list was read.
                Err(name) => missing = Some(name),
            }
        }
        let name = self.path_of(&missing.unwrap_or_default());
        Err(corrupt(format!("table '{}', which 'tables.list' names, is not there", shown(&name))))
    }

    fn list(&self) -> Result<Vec<u8>> {
        let path = self.path_of(LIST);
        let content = optional(self.dir.open(&path, Links::Refuse))
            .and_then(|file| file.map(|file| read_all(&*file, LIST_MAX)).transpose())
            .context(|| format!("cannot read '{}'", shown(&path)))?;
        Ok(content.unwrap_or_default())
    }

    /// Opens the tables of a list, but for those that are open; the inner error: one that is not there.
    fn open(
        &self,
        list: Vec<u8>,
        known: Option<&Snapshot>,
    ) -> Result<std::result::Result<Snapshot, Vec<u8>>> {
        let path = self.path_of(LIST);
        let names = read_list(&list)
            .ok_or_else(|| corrupt(format!("'{}' names what is no file beside it", shown(&path))))?;
        let mut tables = Vec::with_capacity(names.len());
        for name in names {
            let known = known.and_then(|known| known.tables.iter().find(|table| table.name == name));
            if let Some(known) = known {
                tables.push(known.clone());
                continue;
            }
            let path = self.path_of(name);
            let context = || format!("cannot read '{}'", shown(&path));
            let Some(file) = optional(self.dir.open(&path, Links::Refuse)).context(context)? else {
                return Ok(Err(name.to_vec()));
            };
            let table = Table::open(source(file).context(context)?, self.limits)
                .map_err(|error| failure(error, &path))?;
            if table.format() != self.format {
                return Err(corrupt(format!("table '{}' is of another hash function", shown(&path))));
            }
            tables.push(NamedTable { name: name.to_vec(), path, table });
        }
        Ok(Ok(Snapshot { list, tables }))
    }
}

/// A table and the name of its file.
#[derive(Debug, Clone)]
pub(super) struct NamedTable {
    pub(super) name: Vec<u8>,
    pub(super) path: Vec<u8>,
    pub(super) table: Table,
}

/// The tables of one stack at one time, oldest first.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// The content of the list.
    pub(super) list: Vec<u8>,
    pub(super) tables: Vec<NamedTable>,
}

impl Snapshot {
    /// What a ref holds.
    pub(super) fn read(&self, name: &[u8]) -> Result<LooseRef> {
        for NamedTable { path, table, .. } in self.tables.iter().rev() {
            if let Some(found) = table.find_ref(name).map_err(|error| failure(error, path))? {
                return Ok(value(found.record().value));
            }
        }
        Ok(LooseRef::Absent)
    }

    /// The refs whose names are `from` or come after it.
    pub(super) fn refs_from(&self, from: &[u8]) -> Result<Merged<RefCursor>> {
        let cursors: std::result::Result<Vec<_>, _> =
            self.tables.iter().map(|named| named.table.refs_from(from)).collect();
        cursors.and_then(Merged::new).map_err(|error| failure(error, &[]))
    }

    /// The lines of reflogs from the first of `name` on.
    pub(super) fn logs_from(&self, name: &[u8]) -> Result<Merged<LogCursor>> {
        let cursors: std::result::Result<Vec<_>, _> =
            self.tables.iter().map(|named| named.table.logs_from(name)).collect();
        cursors.and_then(Merged::new).map_err(|error| failure(error, &[]))
    }

    /// The first ref whose name begins with `prefix`.
    pub(super) fn first_below(&self, prefix: &[u8]) -> Result<Option<Vec<u8>>> {
        let mut refs = self.refs_from(prefix)?;
        while let Some(cursor) = refs.advance().map_err(|error| failure(error, &[]))? {
            if !cursor.key().starts_with(prefix) {
                break;
            }
            if cursor.record().value != RefValue::Deleted {
                return Ok(Some(cursor.key().to_vec()));
            }
        }
        Ok(None)
    }

    /// The number of the next transaction.
    pub(super) fn next_update_index(&self) -> u64 {
        let last = self.tables.iter().map(|named| named.table.max_update_index()).max();
        last.map_or(1, |last| last.saturating_add(1))
    }
}

/// What a record says, as a file of its own would.
pub(super) fn value(value: RefValue<'_>) -> LooseRef {
    match value {
        RefValue::Id(id) | RefValue::Tag { id, .. } => LooseRef::Value(RefTarget::Direct(id)),
        RefValue::Symbolic(target) => RefName::new(target.to_vec())
            .map_or(LooseRef::Broken, |target| LooseRef::Value(RefTarget::Symbolic(target))),
        RefValue::Deleted => LooseRef::Absent,
        // A kind that later versions may bring.
        _ => LooseRef::Broken,
    }
}

/// An error of the table at `path`, where it is known which one it is.
pub(super) fn failure(error: ReftableError, path: &[u8]) -> StorageError {
    let kind = match &error {
        ReftableError::Source(_) => StorageErrorKind::Io,
        ReftableError::Limit { .. } | ReftableError::TooLarge { .. } => StorageErrorKind::Limit,
        ReftableError::Order { .. } | ReftableError::Foreign { .. } => StorageErrorKind::Misuse,
        _ => StorageErrorKind::Corrupt(None),
    };
    let context = if path.is_empty() { error.to_string() } else { format!("'{}': {error}", shown(path)) };
    StorageError::new(kind, context).with_source(error)
}

/// The list of tables.
pub(super) const LIST: &[u8] = b"tables.list";

/// Compaction keeps a stack at some ten tables; ten thousand are 500 KB.
const LIST_MAX: u64 = 1 << 20;

/// How often the list is read again because a table of it went. Each time somebody made a new one.
const ATTEMPTS: usize = 16;
