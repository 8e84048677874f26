//! Filling one block.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use crate::block::LOGS;
use crate::bytes_reader::{put_varint, u24_bytes};

/// A block that is being filled.
#[derive(Debug)]
pub(super) struct BlockWriter {
    kind: u8,
    /// From the start of the block, the table's header included where it is the first.
    bytes: Vec<u8>,
    /// Where the block's own header begins.
    start: usize,
    size: usize,
    interval: usize,
    entries: usize,
    restarts: Vec<usize>,
    last: Vec<u8>,
}

impl BlockWriter {
    /// `first` is what comes before the block in its own place: the table's header, or nothing.
    pub(super) fn new(first: Vec<u8>, kind: u8, size: u32, interval: u16) -> Self {
        let start = first.len();
        let mut bytes = first;
        bytes.extend_from_slice(&[kind, 0, 0, 0]);
        Self {
            kind,
            bytes,
            start,
            size: usize::try_from(size).unwrap_or(usize::MAX),
            interval: interval.into(),
            entries: 0,
            restarts: Vec::new(),
            last: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// How many records it holds.
    pub(super) fn entries(&self) -> usize {
        self.entries
    }

    /// Adds a record if there is room for it.
    pub(super) fn add(&mut self, key: &[u8], extra: u8, value: &[u8]) -> bool {
        let (before, restarts) = (self.bytes.len(), self.restarts.len());
        self.append(key, extra, value);
        let tail = self.restarts.len().saturating_mul(3).saturating_add(2);
        if self.bytes.len().saturating_add(tail) > self.size {
            self.bytes.truncate(before);
            self.restarts.truncate(restarts);
            return false;
        }
        self.accept(key);
        true
    }

    /// Adds a record and lets the block grow.
    pub(super) fn add_whatever(&mut self, key: &[u8], extra: u8, value: &[u8]) {
        self.append(key, extra, value);
        self.accept(key);
    }

    fn accept(&mut self, key: &[u8]) {
        self.entries = self.entries.saturating_add(1);
        self.last.clear();
        self.last.extend_from_slice(key);
    }

    fn append(&mut self, key: &[u8], extra: u8, value: &[u8]) {
        let due = self.entries.checked_rem(self.interval).unwrap_or(0) == 0;
        let whole = self.entries == 0 || due && self.restarts.len() < RESTARTS_MAX;
        let shared = if whole {
            self.restarts.push(self.bytes.len());
            0
        } else {
            self.last.iter().zip(key).take_while(|(one, other)| one == other).count()
        };
        let suffix = key.get(shared..).unwrap_or_default();
        put_varint(&mut self.bytes, shared as u64);
        put_varint(&mut self.bytes, (suffix.len() as u64) << 3 | u64::from(extra));
        self.bytes.extend_from_slice(suffix);
        self.bytes.extend_from_slice(value);
    }

    /// Writes the block to the end of `out`: the last key in it, and how many zeros fill its place.
    pub(super) fn finish(mut self, out: &mut Vec<u8>) -> (Vec<u8>, usize) {
        for restart in &self.restarts {
            self.bytes.extend_from_slice(&u24_bytes(*restart));
        }
        let count = u16::try_from(self.restarts.len()).unwrap_or(u16::MAX);
        self.bytes.extend_from_slice(&count.to_be_bytes());
        let len = u24_bytes(self.bytes.len());
        let first = self.start.saturating_add(4);
        if let Some(room) = self.bytes.get_mut(self.start.saturating_add(1)..first) {
            room.copy_from_slice(&len);
        }
        if self.kind != LOGS {
            out.extend_from_slice(&self.bytes);
            return (self.last, self.size.saturating_sub(self.bytes.len()));
        }
        let (header, records) = self.bytes.split_at_checked(first).unwrap_or((&self.bytes, &[]));
        out.extend_from_slice(header);
        let mut encoder = ZlibEncoder::new(&mut *out, Compression::default());
        // Writing into memory does not fail.
        let written = encoder.write_all(records).and_then(|()| encoder.finish().map(drop));
        debug_assert!(written.is_ok());
        (self.last, 0)
    }
}

/// What the two bytes of their count can say.
const RESTARTS_MAX: usize = 65_535;
