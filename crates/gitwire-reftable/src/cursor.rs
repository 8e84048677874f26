//! Records of one table, one after the other.

use crate::block::BlockCursor;
use crate::error::ReftableError;
use crate::merge::Ordered;
use crate::record::{LogRecord, LogValue, RefRecord, RefValue, split_log_key};
use crate::table::Table;

/// A place in one part of a table.
#[derive(Debug)]
pub(crate) struct Cursor {
    table: Table,
    /// `None`: behind the last record.
    place: Option<BlockCursor>,
}

impl Cursor {
    pub(crate) fn new(table: Table, place: Option<BlockCursor>) -> Self {
        Self { table, place }
    }

    pub(crate) fn advance(&mut self) -> Result<bool, ReftableError> {
        let Some(place) = &mut self.place else { return Ok(false) };
        while !place.advance()? {
            match self.table.next_block(&place.block)? {
                Some(block) => place.follow(block),
                None => {
                    self.place = None;
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    pub(crate) fn key(&self) -> &[u8] {
        self.place.as_ref().map_or(&[], BlockCursor::key)
    }
}

/// Refs of one table in the order of their names.
#[derive(Debug)]
pub struct RefCursor(pub(crate) Cursor);

impl RefCursor {
    /// The ref that it stands at. Before the first [`advance`](Ordered::advance) and behind the last record: a deletion without
    /// a name.
    #[must_use]
    pub fn record(&self) -> RefRecord<'_> {
        let empty = RefRecord { name: b"", update_index: 0, value: RefValue::Deleted };
        let Some(place) = &self.0.place else { return empty };
        let (kind, mut reader) = place.value();
        // Both were read when the cursor came here.
        let index = reader.varint().unwrap_or(0);
        let Some(value) = RefValue::read(kind, self.0.table.format(), &mut reader) else { return empty };
        let update_index = self.0.table.min_update_index().saturating_add(index);
        RefRecord { name: place.key(), update_index, value }
    }
}

impl Ordered for RefCursor {
    fn advance(&mut self) -> Result<bool, ReftableError> {
        self.0.advance()
    }

    fn key(&self) -> &[u8] {
        self.0.key()
    }
}

/// Lines of reflogs of one table: by the names of refs, the latest of each first.
#[derive(Debug)]
pub struct LogCursor(pub(crate) Cursor);

impl LogCursor {
    /// The line that it stands at. Before the first [`advance`](Ordered::advance) and behind the last record: a deletion without
    /// a name.
    #[must_use]
    pub fn record(&self) -> LogRecord<'_> {
        let empty = LogRecord { name: b"", update_index: 0, value: LogValue::Deleted };
        let Some(place) = &self.0.place else { return empty };
        let (kind, mut reader) = place.value();
        let Some((name, update_index)) = split_log_key(place.key()) else { return empty };
        match LogValue::read(kind, self.0.table.format(), &mut reader) {
            Some(value) => LogRecord { name, update_index, value },
            None => empty,
        }
    }
}

impl Ordered for LogCursor {
    fn advance(&mut self) -> Result<bool, ReftableError> {
        self.0.advance()
    }

    fn key(&self) -> &[u8] {
        self.0.key()
    }
}
