//! Putting a table on top of a stack, and making tables one where the stack would grow too tall.
//!
//! A stack is in order when each table is at least twice as large as all newer ones together: then there are but few tables, and no
//! record is written again more often than there are tables. Where a new table would break that order, and little is to be written
//! again, it takes in the tables below it at once and costs no more than it would alone. Where much is to be written again, that is
//! done afterwards, while others may add tables.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gitwire_reftable::{
    Deletions, Limits, MemorySource, Table, TableName, WriteOptions, compact, write_list,
};
use gitwire_storage::Result;
use gitwire_types::RefTarget;

use super::records::Records;
use super::stack::{LIST, NamedTable, Snapshot, Stack, failure};
use crate::error::{Context as _, shown};
use crate::fs::{FileSystem, Links};
use crate::lock::{FILE_MODE, Leased, Lock, lock_name};

/// How tables are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub(super) write: WriteOptions,
    /// How much larger a table is than all newer ones together, at least.
    pub(super) factor: u64,
    /// How long the lock of the list is waited for.
    pub(super) patience: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        // Git's factor. Two hundred pushes at once are through in less.
        Self { write: WriteOptions::default(), factor: 2, patience: Duration::from_secs(10) }
    }
}

impl Settings {
    /// Whether a ref finds room in a block, and lines of its reflog do.
    pub(super) fn fits(&self, name: &[u8], target: Option<&RefTarget>) -> bool {
        let target = match target {
            Some(RefTarget::Symbolic(target)) => target.as_bytes().len(),
            _ => 0,
        };
        // Half of a block is left for the rest of a reflog's line.
        let half = u64::from(self.write.block_size / 2);
        name.len().saturating_add(target) as u64 <= half
    }
}

/// The held lock of a stack's list.
#[derive(Debug)]
pub(super) struct ListLock<'a> {
    stack: &'a Stack,
    lock: Lock,
    /// The tables that the list names, which cannot change now.
    now: Arc<Snapshot>,
}

impl<'a> ListLock<'a> {
    pub(super) fn take(
        stack: &'a Stack,
        file_system: &dyn FileSystem,
        patience: Duration,
        leased: Leased<'_>,
    ) -> Result<Self> {
        let lock = Lock::acquire(file_system, stack.dir(), &stack.path_of(LIST), patience, Some(leased))?;
        Ok(Self { stack, lock, now: stack.current()? })
    }

    pub(super) fn next_update_index(&self) -> u64 {
        self.now.next_update_index()
    }

    /// Removes the tables that the list does not name.
    pub(super) fn sweep(&self) {
        self.stack.sweep(&self.now.list);
    }

    /// Adds a table, durably, or changes nothing.
    pub(super) fn add(
        &mut self,
        records: Records<'_>,
        file_system: &dyn FileSystem,
        settings: Settings,
    ) -> Result<Made> {
        let update_index = records.update_index;
        let bytes = records.write(self.stack.format())?;
        drop(records);
        let bytes = Bytes::from(bytes);
        // What cannot be read of older tables is told by whoever asks for it.
        let (from, bytes) = self.fold(&bytes, settings).unwrap_or((self.now.tables.len(), bytes));
        let below = self.now.tables.get(..from).unwrap_or_default();
        let taken_in = self.now.tables.get(from..).unwrap_or_default();
        let first = taken_in.first().map_or(update_index, |named| named.table.min_update_index());
        let name = new_name(first, update_index, file_system);
        let path = self.stack.path_of(&name);
        let context = || format!("cannot write '{}'", shown(&path));
        let dir = self.stack.dir();
        let names = below.iter().map(|named| named.name.as_slice()).chain([name.as_slice()]);
        let list = write_list(names);
        let written = dir
            .create(&path, FILE_MODE)
            .and_then(|file| file.write(&bytes).and_then(|()| file.sync()))
            .context(context)
            // The name must be there before the list says so.
            .and_then(|()| self.stack.sync())
            .and_then(|()| self.lock.write(&list));
        if let Err(error) = written {
            dir.remove_file(&path).ok();
            return Err(error);
        }
        if let Err(error) = self.lock.commit().and_then(|()| self.stack.sync()) {
            self.restore();
            dir.remove_file(&path).ok();
            return Err(error);
        }
        Ok(Made { list })
    }

    /// Puts the old list back into force. Where that fails, the new one is as good: it names tables that are there.
    fn restore(&mut self) {
        let restored = self.lock.write(&self.now.list).and_then(|()| self.lock.commit());
        restored.and_then(|()| self.stack.sync()).ok();
    }

    /// Takes in the newest tables where that keeps the stack in order at little cost: from which on, and the table with them.
    fn fold(&self, bytes: &Bytes, settings: Settings) -> Result<(usize, Bytes)> {
        let tables = &self.now.tables;
        let sizes: Vec<u64> = tables.iter().map(|named| named.table.size()).collect();
        let Some(mut from) = out_of_order(&sizes, bytes.len() as u64, settings.factor) else {
            return Ok((tables.len(), bytes.clone()));
        };
        let cost: u64 = sizes.get(from..).unwrap_or_default().iter().sum();
        if cost > u64::from(settings.write.block_size).saturating_mul(FOLDED_BLOCKS_MAX) {
            return Ok((tables.len(), bytes.clone()));
        }
        // Somebody who holds a table's lock makes it one with others.
        let dir = self.stack.dir();
        let is_locked = |named: &NamedTable| dir.stat(&lock_name(&named.path), Links::Refuse).is_ok();
        if let Some(last) = tables.get(from..).unwrap_or_default().iter().rposition(is_locked) {
            from = from.saturating_add(last).saturating_add(1);
        }
        if from == tables.len() {
            return Ok((from, bytes.clone()));
        }
        let new = Table::open(Arc::new(MemorySource::new(bytes.clone())), Limits::default());
        let new = new.map_err(|error| failure(error, &[]))?;
        let parts: Vec<Table> = tables
            .get(from..)
            .unwrap_or_default()
            .iter()
            .map(|named| named.table.clone())
            .chain([new])
            .collect();
        let deletions = if from == 0 { Deletions::Drop } else { Deletions::Keep };
        let mut bytes = Vec::new();
        let made = compact(&parts, deletions, &settings.write, &mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        });
        made.map_err(|error| failure(error, &[]))?;
        Ok((from, bytes.into()))
    }
}

/// A table that was added.
#[derive(Debug)]
pub(super) struct Made {
    /// The list that names it.
    list: Vec<u8>,
}

impl Made {
    /// The same with the lock, which is held until all is done.
    pub(super) fn keep(self, lock: ListLock<'_>) -> Added<'_> {
        Added { lock, list: self.list }
    }
}

/// A table that was added, under a lock that is still held.
#[derive(Debug)]
pub(super) struct Added<'a> {
    lock: ListLock<'a>,
    list: Vec<u8>,
}

impl Added<'_> {
    /// Makes the stack what it was.
    pub(super) fn roll_back(mut self) {
        self.lock.restore();
    }

    /// Removes what no list names any more, gives the lock back, and makes tables one that are worth it.
    pub(super) fn tidy(self, file_system: &Arc<dyn FileSystem>, leased: Leased<'_>, settings: Settings) {
        let stack = self.lock.stack;
        stack.sweep(&self.list);
        drop(self.lock);
        // The next change tries again.
        super::compaction::run(stack, &**file_system, leased, settings).ok();
    }
}

/// The first table that is too small for those that are newer, `top` bytes among them.
pub(super) fn out_of_order(sizes: &[u64], top: u64, factor: u64) -> Option<usize> {
    let mut newer = top;
    let mut found = None;
    for (at, size) in sizes.iter().enumerate().rev() {
        if *size < newer.saturating_mul(factor) {
            found = Some(at);
        }
        newer = newer.saturating_add(*size);
    }
    found
}

/// A name that no table has.
pub(super) fn new_name(first: u64, last: u64, file_system: &dyn FileSystem) -> Vec<u8> {
    let [number, ..] = [file_system.nonce() & u64::from(u32::MAX)];
    let number = u32::try_from(number).unwrap_or(0);
    TableName { min_update_index: first, max_update_index: last, number }.to_string().into_bytes()
}

/// So much is written again together with a new table: with git's blocks a mebibyte, some milliseconds.
const FOLDED_BLOCKS_MAX: u64 = 256;

#[cfg(test)]
mod tests {
    use super::out_of_order;

    #[test]
    fn stacks_in_order_stay_as_they_are() {
        let check = |sizes: &[u64], top: u64, expected: Option<usize>| {
            assert_eq!(out_of_order(sizes, top, 2), expected, "{sizes:?} {top}");
        };
        check(&[], 1, None);
        check(&[2], 1, None);
        check(&[1], 1, Some(0));
        check(&[18, 6, 2], 1, None);
        check(&[18, 6, 1], 1, Some(2));
        check(&[18, 5, 2], 1, Some(1));
        check(&[17, 6, 2], 1, Some(0));
        check(&[100, 1, 50], 1, Some(0));
    }
}
