//! Reftables read and written, with git as the witness.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends at what it did not expect")]

mod damage;
mod git;
mod round_trip;

use std::sync::Arc;

use gitwire_reftable::{
    Limits, LogRecord, LogValue, MemorySource, Ordered as _, RefRecord, RefValue, ReftableError, Table,
    WriteOptions, Writer,
};
use gitwire_types::{ObjectFormat, ObjectId};

/// A ref as a value of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Deleted,
    Id(ObjectId),
    Tag(ObjectId, ObjectId),
    Symbolic(Vec<u8>),
}

/// A line of a reflog as a value of its own; `None`: it is deleted.
pub(crate) type Line = Option<(ObjectId, ObjectId, Vec<u8>, u64, i16, Vec<u8>)>;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Content {
    /// Sorted by name.
    pub(crate) refs: Vec<(Vec<u8>, u64, Value)>,
    /// Sorted by name, latest first.
    pub(crate) logs: Vec<(Vec<u8>, u64, Line)>,
}

pub(crate) fn id(format: ObjectFormat, seed: u64) -> ObjectId {
    let mut raw = vec![0; format.raw_len()];
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for byte in &mut raw {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *byte = state.to_le_bytes()[3];
    }
    ObjectId::from_raw(format, &raw).unwrap()
}

pub(crate) fn write(
    content: &Content,
    format: ObjectFormat,
    options: &WriteOptions,
) -> Result<Vec<u8>, ReftableError> {
    let mut out = Vec::new();
    let mut writer = Writer::new(format, 1..=1000, options);
    for (name, index, value) in &content.refs {
        let value = match value {
            Value::Deleted => RefValue::Deleted,
            Value::Id(id) => RefValue::Id(*id),
            Value::Tag(id, peeled) => RefValue::Tag { id: *id, peeled: *peeled },
            Value::Symbolic(target) => RefValue::Symbolic(target),
        };
        writer.add_ref(&RefRecord { name, update_index: *index, value }, &mut out)?;
    }
    for (name, index, line) in &content.logs {
        let value = match line {
            None => LogValue::Deleted,
            Some((old, new, committer, seconds, zone, message)) => LogValue::Change {
                old: *old,
                new: *new,
                committer,
                email: b"a@b",
                seconds: *seconds,
                zone: *zone,
                message,
            },
        };
        writer.add_log(&LogRecord { name, update_index: *index, value }, &mut out)?;
    }
    writer.finish(&mut out)?;
    Ok(out)
}

pub(crate) fn open(file: &[u8]) -> Result<Table, ReftableError> {
    Table::open(Arc::new(MemorySource::new(file.to_vec())), Limits::default())
}

pub(crate) fn read(table: &Table) -> Result<Content, ReftableError> {
    read_from(table, b"")
}

/// What comes from `name` on.
pub(crate) fn read_from(table: &Table, name: &[u8]) -> Result<Content, ReftableError> {
    let mut content = Content::default();
    let mut refs = table.refs_from(name)?;
    while refs.advance()? {
        let record = refs.record();
        let value = match record.value {
            RefValue::Id(id) => Value::Id(id),
            RefValue::Tag { id, peeled } => Value::Tag(id, peeled),
            RefValue::Symbolic(target) => Value::Symbolic(target.to_vec()),
            _ => Value::Deleted,
        };
        content.refs.push((record.name.to_vec(), record.update_index, value));
    }
    let mut logs = table.logs_from(name)?;
    while logs.advance()? {
        let record = logs.record();
        let line = match record.value {
            LogValue::Change { old, new, committer, seconds, zone, message, .. } => {
                Some((old, new, committer.to_vec(), seconds, zone, message.to_vec()))
            }
            _ => None,
        };
        content.logs.push((record.name.to_vec(), record.update_index, line));
    }
    Ok(content)
}
