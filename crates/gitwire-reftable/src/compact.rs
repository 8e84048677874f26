//! Several tables made one.

use crate::error::ReftableError;
use crate::merge::Merged;
use crate::record::{LogValue, RefValue};
use crate::source::SourceFailure;
use crate::table::Table;
use crate::write::{WriteOptions, Writer};

/// What becomes of records that say that something is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletions {
    /// They stay, because older tables may say otherwise.
    Keep,
    /// They go, because there are no older tables.
    Drop,
}

/// Writes what `tables`, oldest first, say together as one table. Pieces of it are given to `sink` as they are made; a cursor's block
/// of each table is all that is held.
///
/// ```
/// use gitwire_reftable::{Deletions, Limits, MemorySource, RefRecord, RefValue, Table, WriteOptions, Writer, compact};
/// use gitwire_types::ObjectFormat;
/// use std::sync::Arc;
///
/// let table = |index, value| {
///     let mut file = Vec::new();
///     let mut writer = Writer::new(ObjectFormat::Sha1, index..=index, &WriteOptions::default());
///     writer.add_ref(&RefRecord { name: b"refs/heads/a", update_index: index, value }, &mut file)?;
///     writer.finish(&mut file)?;
///     Table::open(Arc::new(MemorySource::new(file)), Limits::default())
/// };
/// let stack = [table(1, RefValue::Symbolic(b"refs/heads/main"))?, table(2, RefValue::Deleted)?];
/// let mut file = Vec::new();
/// compact(&stack, Deletions::Drop, &WriteOptions::default(), &mut |piece| {
///     file.extend_from_slice(piece);
///     Ok(())
/// })?;
/// let one = Table::open(Arc::new(MemorySource::new(file)), Limits::default())?;
/// assert!(one.find_ref(b"refs/heads/a")?.is_none());
/// assert_eq!((one.min_update_index(), one.max_update_index()), (1, 2));
/// # Ok::<(), gitwire_reftable::ReftableError>(())
/// ```
///
/// # Errors
/// A damaged table; a failing source or sink. Without tables nothing is written.
pub fn compact(
    tables: &[Table],
    deletions: Deletions,
    options: &WriteOptions,
    sink: &mut dyn FnMut(&[u8]) -> Result<(), SourceFailure>,
) -> Result<(), ReftableError> {
    let Some(first) = tables.first() else { return Ok(()) };
    let min = tables.iter().map(Table::min_update_index).min().unwrap_or(0);
    let max = tables.iter().map(Table::max_update_index).max().unwrap_or(0);
    let mut writer = Writer::new(first.format(), min..=max, options);
    let mut out = Vec::with_capacity(PIECE);
    let mut give = |out: &mut Vec<u8>, least: usize| {
        if out.len() < least {
            return Ok(());
        }
        let given = sink(out).map_err(ReftableError::Source);
        out.clear();
        given
    };
    let refs: Result<Vec<_>, _> = tables.iter().map(|table| table.refs_from(b"")).collect();
    let mut refs = Merged::new(refs?)?;
    while let Some(cursor) = refs.advance()? {
        let record = cursor.record();
        if deletions == Deletions::Keep || record.value != RefValue::Deleted {
            writer.add_ref(&record, &mut out)?;
            give(&mut out, PIECE)?;
        }
    }
    let logs: Result<Vec<_>, _> = tables.iter().map(|table| table.logs_from(b"")).collect();
    let mut logs = Merged::new(logs?)?;
    while let Some(cursor) = logs.advance()? {
        let record = cursor.record();
        if deletions == Deletions::Keep || record.value != LogValue::Deleted {
            writer.add_log(&record, &mut out)?;
            give(&mut out, PIECE)?;
        }
    }
    writer.finish(&mut out)?;
    give(&mut out, 0)
}

/// Given to the sink at once.
const PIECE: usize = 64 << 10;
