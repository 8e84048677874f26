//! Any bytes as a reftable.

use std::sync::Arc;

use gitwire_reftable::{
    Limits, LogCursor, MemorySource, Ordered as _, RefCursor, ReftableError, Table, WriteOptions, Writer,
};

/// A table is read in order, without end only where its bytes are, and what was read is found again and can be written again. Bytes
/// that end in no footer are tried with one as well: no mutation guesses a checksum.
pub(super) fn reftable(data: &[u8]) {
    check(data.to_vec());
    check(sealed(data));
}

/// The same with a footer that repeats the header and has the right checksum.
fn sealed(data: &[u8]) -> Vec<u8> {
    let mut file = data.to_vec();
    let header = if file.get(4) == Some(&2) { 28 } else { 24 };
    if let Some(footer) = file.len().checked_sub(header + 44).filter(|footer| *footer >= header) {
        file.copy_within(..header, footer);
        let end = file.len() - 4;
        let checksum = crc32fast::hash(&file[footer..end]);
        file[end..].copy_from_slice(&checksum.to_be_bytes());
    }
    file
}

fn check(file: Vec<u8>) {
    let source = Arc::new(MemorySource::new(file));
    let Ok(table) = Table::open(source, Limits::default()) else { return };
    for name in [&b""[..], b"HEAD", b"refs/heads/main", b"\xff"] {
        // Whatever an index says, a search ends.
        table.find_ref(name).ok();
        table.logs_from(name).and_then(|mut logs| logs.advance()).ok();
    }
    let Ok(again) = rewritten(&table) else { return };
    let again = Table::open(Arc::new(MemorySource::new(again)), Limits::default()).unwrap();
    let (mut one, mut other) = (table.refs_from(b"").unwrap(), again.refs_from(b"").unwrap());
    while one.advance().unwrap() {
        assert!(other.advance().unwrap());
        assert_eq!(one.record(), other.record());
        let found = again.find_ref(one.key()).unwrap();
        assert_eq!(found.as_ref().map(RefCursor::record), Some(one.record()));
    }
    assert!(!other.advance().unwrap());
    let (mut one, mut other) = (table.logs_from(b"").unwrap(), again.logs_from(b"").unwrap());
    while one.advance().unwrap() {
        assert!(other.advance().unwrap());
        assert_eq!(LogCursor::record(&one), other.record());
    }
    assert!(!other.advance().unwrap());
}

/// The same records in a table of ours.
fn rewritten(table: &Table) -> Result<Vec<u8>, ReftableError> {
    let mut out = Vec::new();
    let indexes = table.min_update_index()..=table.max_update_index();
    let mut writer = Writer::new(table.format(), indexes, &WriteOptions::default());
    let mut refs = table.refs_from(b"")?;
    let mut last: Option<Vec<u8>> = None;
    while refs.advance()? {
        assert!(last.is_none_or(|last| last.as_slice() < refs.key()), "in order");
        last = Some(refs.key().to_vec());
        writer.add_ref(&refs.record(), &mut out)?;
    }
    let mut logs = table.logs_from(b"")?;
    while logs.advance()? {
        writer.add_log(&logs.record(), &mut out)?;
    }
    writer.finish(&mut out)?;
    Ok(out)
}
