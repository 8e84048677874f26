//! One block: records whose keys share prefixes, and a table of those that are written out.

use bytes::Bytes;
use gitwire_types::ObjectFormat;

use crate::bytes_reader::BytesReader;
use crate::error::ReftableError;
use crate::limits::Limits;
use crate::record::{LogValue, RefValue, split_log_key};

/// What a block holds: its first byte.
pub(crate) const REFS: u8 = b'r';
pub(crate) const LOGS: u8 = b'g';
pub(crate) const OBJECTS: u8 = b'o';
pub(crate) const INDEX: u8 = b'i';

/// A block, inflated where it was compressed.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    /// From the start of the block, the table's header included where the block is the first, to the end of the restart table.
    pub(crate) bytes: Bytes,
    /// Where it begins in the file.
    pub(crate) offset: u64,
    pub(crate) kind: u8,
    /// Where the next one begins.
    pub(crate) next: u64,
    /// Where its records begin, and end.
    first: usize,
    last: usize,
    restarts: usize,
}

impl Block {
    /// `bytes` ends with the restart table; records begin at `first`.
    pub(crate) fn new(
        bytes: Bytes,
        first: usize,
        offset: u64,
        kind: u8,
        next: u64,
    ) -> Result<Self, ReftableError> {
        let bad = || ReftableError::Restarts { offset };
        let tail = bytes.len().checked_sub(2).ok_or_else(bad)?;
        let restarts = usize::from(BytesReader::new(&bytes, tail).u16().ok_or_else(bad)?);
        let last = tail.checked_sub(restarts.saturating_mul(3)).ok_or_else(bad)?;
        if restarts == 0 || last < first {
            return Err(bad());
        }
        Ok(Self { bytes, offset, kind, next, first, last, restarts })
    }

    /// Where the record begins whose key is written out for the `nth` time.
    fn restart(&self, nth: usize) -> Result<usize, ReftableError> {
        let bad = || ReftableError::Restarts { offset: self.offset };
        let at = nth.checked_mul(3).and_then(|at| at.checked_add(self.last)).ok_or_else(bad)?;
        let at = BytesReader::new(&self.bytes, at).u24().and_then(|at| usize::try_from(at).ok());
        at.filter(|at| (self.first..self.last).contains(at)).ok_or_else(bad)
    }
}

/// A place in a block.
#[derive(Debug)]
pub(crate) struct BlockCursor {
    pub(crate) block: Block,
    format: ObjectFormat,
    key_max: usize,
    /// Where the next record begins.
    at: usize,
    /// Whether the next record's key must be written out.
    whole: bool,
    /// The key of the record that was read last.
    key: Vec<u8>,
    has_key: bool,
    /// The three bits that go with it, and where its value begins.
    extra: u8,
    value_at: usize,
    /// Whether that record is yet to be given.
    held: bool,
}

impl BlockCursor {
    /// Before the first record.
    pub(crate) fn new(block: Block, format: ObjectFormat, limits: &Limits) -> Self {
        let at = block.first;
        let key_max = usize::try_from(limits.key_bytes_max).unwrap_or(usize::MAX);
        let key = Vec::new();
        Self {
            block,
            format,
            key_max,
            at,
            whole: true,
            key,
            has_key: false,
            extra: 0,
            value_at: at,
            held: false,
        }
    }

    /// Goes on to the block behind this one, whose keys must be greater.
    pub(crate) fn follow(&mut self, block: Block) {
        self.at = block.first;
        self.whole = true;
        self.block = block;
    }

    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }

    /// Goes on to the next record of the block; whether there is one.
    pub(crate) fn advance(&mut self) -> Result<bool, ReftableError> {
        if std::mem::take(&mut self.held) {
            return Ok(true);
        }
        if self.at >= self.block.last {
            return Ok(false);
        }
        self.read_record().map(|()| true)
    }

    /// Goes to the first record whose key is `key` or greater; whether there is one in this block.
    pub(crate) fn seek(&mut self, key: &[u8]) -> Result<bool, ReftableError> {
        // Of the records whose keys are written out, the first that is greater.
        let (mut low, mut high) = (0, self.block.restarts);
        while low < high {
            let middle = low.midpoint(high);
            self.go_to(self.block.restart(middle)?)?;
            if self.key.as_slice() <= key {
                low = middle.saturating_add(1);
            } else {
                high = middle;
            }
        }
        let start = match low.checked_sub(1) {
            Some(before) => self.block.restart(before)?,
            None => self.block.first,
        };
        self.go_to(start)?;
        while self.key.as_slice() < key {
            if self.at >= self.block.last {
                return Ok(false);
            }
            self.read_record()?;
        }
        self.held = true;
        Ok(true)
    }

    /// Reads the record at `at`, whose key must be written out.
    fn go_to(&mut self, at: usize) -> Result<(), ReftableError> {
        self.at = at;
        self.whole = true;
        self.has_key = false;
        self.held = false;
        self.read_record()
    }

    fn read_record(&mut self) -> Result<(), ReftableError> {
        let at = self.at;
        let offset = self.block.offset;
        let bad = |problem| ReftableError::Record { offset, at, problem };
        // The restart table is no part of any record.
        let bytes = self.block.bytes.get(..self.block.last).unwrap_or_default();
        let mut reader = BytesReader::new(bytes, at);
        let numbers = reader.varint().zip(reader.varint()).ok_or(bad("its key has no lengths"))?;
        let shared = usize::try_from(numbers.0).unwrap_or(usize::MAX);
        let suffix = usize::try_from(numbers.1 >> 3).unwrap_or(usize::MAX);
        let suffix = reader.take(suffix).ok_or(bad("its key goes beyond the block"))?;
        let kept = if self.whole { (shared == 0).then_some(&[][..]) } else { self.key.get(..shared) };
        let kept = kept.ok_or(bad("its key shares more than there is"))?.len();
        let behind = self.key.get(kept..).unwrap_or_default();
        if self.has_key && suffix <= behind {
            return Err(bad("its key is not greater than the one before it"));
        }
        let len = kept.saturating_add(suffix.len());
        if len > self.key_max {
            let (found, max) = (len as u64, self.key_max as u64);
            return Err(ReftableError::Limit { offset, what: "a key", found, max });
        }
        let tail = self.key.get(..kept).unwrap_or_default();
        if self.block.kind == LOGS && split_log_key(&[tail, suffix].concat()).is_none() {
            return Err(bad("its key is not that of a log"));
        }
        self.extra = u8::try_from(numbers.1 & 7).unwrap_or(0);
        self.value_at = reader.position();
        let skipped = skip_value(self.block.kind, self.extra, self.format, &mut reader);
        skipped.ok_or(bad("its value does not fit"))?;
        self.key.truncate(kept);
        self.key.extend_from_slice(suffix);
        self.has_key = true;
        self.whole = false;
        self.at = reader.position();
        Ok(())
    }

    /// The current record's value.
    pub(crate) fn value(&self) -> (u8, BytesReader<'_>) {
        (self.extra, BytesReader::new(&self.block.bytes, self.value_at))
    }
}

/// Reads over a record's value.
fn skip_value(kind: u8, extra: u8, format: ObjectFormat, reader: &mut BytesReader<'_>) -> Option<()> {
    match kind {
        REFS => {
            reader.varint()?;
            RefValue::read(extra, format, reader).map(drop)
        }
        LOGS => LogValue::read(extra, format, reader).map(drop),
        INDEX => reader.varint().map(drop),
        _ => None,
    }
}
