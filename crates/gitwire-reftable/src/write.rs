//! Writing a table.

mod block;

use std::ops::RangeInclusive;

use gitwire_types::ObjectFormat;

use self::block::BlockWriter;
use crate::block::{INDEX, LOGS, REFS};
use crate::bytes_reader::put_varint;
use crate::error::ReftableError;
use crate::frame::{Footer, Header};
use crate::record::{LogRecord, RefRecord, log_key};

/// How a table is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteOptions {
    /// Bytes of a block (`reftable.blockSize`), at most 16 MiB less one.
    pub block_size: u32,
    /// Every how many records a key is written out (`reftable.restartInterval`).
    pub restart_interval: u16,
}

impl Default for WriteOptions {
    fn default() -> Self {
        // As git.
        Self { block_size: 4096, restart_interval: 16 }
    }
}

/// Writes one table: refs in the order of their names, then lines of reflogs in the order of their keys. What is written is put
/// at the end of `out`, from where the caller may take it between two calls.
///
/// Blocks are aligned; indexes are written as soon as a part has more than three blocks; which object which ref names is not
/// written, because nobody here asks.
#[derive(Debug)]
pub struct Writer {
    header: Header,
    footer: Footer,
    /// What the block that is being filled holds.
    kind: u8,
    block: BlockWriter,
    restart_interval: u16,
    /// The key that was added last to this part.
    last: Option<Vec<u8>>,
    /// The last key and the place of each block of this part.
    index: Vec<(Vec<u8>, u64)>,
    /// Bytes given out.
    position: u64,
    /// Zeros that come before the next block, if any comes.
    padding: usize,
    scratch: Vec<u8>,
}

impl Writer {
    /// For ids of `format` and the transactions `indexes`.
    #[must_use]
    pub fn new(format: ObjectFormat, indexes: RangeInclusive<u64>, options: &WriteOptions) -> Self {
        let block_size = options.block_size.clamp(BLOCK_SIZE_MIN, BLOCK_SIZE_MAX);
        let (min_update_index, max_update_index) = indexes.into_inner();
        let header = Header { format, block_size, min_update_index, max_update_index };
        let restart_interval = options.restart_interval.max(1);
        let mut first = Vec::new();
        header.write(&mut first);
        Self {
            footer: Footer::default(),
            kind: REFS,
            block: BlockWriter::new(first, REFS, block_size, restart_interval),
            restart_interval,
            last: None,
            index: Vec::new(),
            position: 0,
            padding: 0,
            header,
            scratch: Vec::new(),
        }
    }

    /// Adds a ref; its name must be greater than that of the one before.
    ///
    /// # Errors
    /// A ref out of order, or that does not belong into the table, or is larger than a block.
    pub fn add_ref(&mut self, record: &RefRecord<'_>, out: &mut Vec<u8>) -> Result<(), ReftableError> {
        let name = || record.name.to_vec();
        let index = record.update_index.checked_sub(self.header.min_update_index);
        let index = index.filter(|_| record.update_index <= self.header.max_update_index);
        let index = index.filter(|_| record.value.is_of(self.header.format));
        let index = index.ok_or_else(|| ReftableError::Foreign { name: name() })?;
        if self.kind != REFS || self.last.as_deref().is_some_and(|last| record.name <= last) {
            return Err(ReftableError::Order { name: name() });
        }
        let mut value = std::mem::take(&mut self.scratch);
        value.clear();
        put_varint(&mut value, index);
        record.value.write(&mut value);
        let added = self.add(record.name, record.value.kind(), &value, out);
        self.scratch = value;
        added.then_some(()).ok_or_else(|| self.too_large(record.name))?;
        self.note(record.name);
        Ok(())
    }

    /// Adds a line of a reflog; its key must be greater than that of the one before: by name, the latest first.
    ///
    /// # Errors
    /// A line out of order, or with ids of another hash function, or larger than a block.
    pub fn add_log(&mut self, record: &LogRecord<'_>, out: &mut Vec<u8>) -> Result<(), ReftableError> {
        if !record.value.is_of(self.header.format) {
            return Err(ReftableError::Foreign { name: record.name.to_vec() });
        }
        if self.kind == REFS {
            self.finish_part(out);
            self.kind = LOGS;
            let first = if self.position == 0 { self.header_bytes() } else { Vec::new() };
            self.block = self.new_block(first, LOGS);
            self.last = None;
            // At the start of a table it needs no telling.
            self.footer.logs = self.next_position();
        }
        let key = log_key(record.name, record.update_index);
        if self.last.as_deref().is_some_and(|last| key.as_slice() <= last) {
            return Err(ReftableError::Order { name: record.name.to_vec() });
        }
        let mut value = std::mem::take(&mut self.scratch);
        value.clear();
        record.value.write(&mut value);
        let added = self.add(&key, record.value.kind(), &value, out);
        self.scratch = value;
        added.then_some(()).ok_or_else(|| self.too_large(record.name))?;
        self.note(&key);
        Ok(())
    }

    /// Writes what is left, and the footer.
    ///
    /// # Errors
    /// None yet: room for those of later formats.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), ReftableError> {
        self.finish_part(out);
        if self.position == 0 {
            self.header.write(out);
        }
        self.footer.write(&self.header, out);
        Ok(())
    }

    /// Whether the record found room, in this block or in the next.
    fn add(&mut self, key: &[u8], extra: u8, value: &[u8], out: &mut Vec<u8>) -> bool {
        if self.block.add(key, extra, value) {
            return true;
        }
        self.flush(out);
        self.block.add(key, extra, value)
    }

    /// Writes the block that is being filled, if it holds anything, and begins a new one.
    fn flush(&mut self, out: &mut Vec<u8>) {
        if self.block.is_empty() {
            return;
        }
        let new = self.new_block(Vec::new(), self.kind);
        let block = std::mem::replace(&mut self.block, new);
        let start = self.next_position();
        let before = out.len();
        out.resize(before.saturating_add(self.padding), 0);
        let (last, padding) = block.finish(out);
        self.padding = padding;
        let written = out.len().saturating_sub(before);
        self.position = self.position.saturating_add(written as u64);
        self.index.push((last, start));
    }

    /// Writes what is left of a part, and its index where it has many blocks.
    fn finish_part(&mut self, out: &mut Vec<u8>) {
        self.flush(out);
        let kind = self.kind;
        let mut top = 0;
        let mut blocks_max = BLOCKS_WITHOUT_INDEX;
        while self.index.len() > blocks_max {
            let below = std::mem::take(&mut self.index);
            self.kind = INDEX;
            self.block = self.new_block(Vec::new(), INDEX);
            top = self.next_position();
            for (key, position) in below {
                let mut value = Vec::new();
                put_varint(&mut value, position);
                if self.block.add(&key, 0, &value) {
                    continue;
                }
                if self.block.entries() >= INDEX_ENTRIES_MIN {
                    self.flush(out);
                }
                if !self.block.add(&key, 0, &value) {
                    self.block.add_whatever(&key, 0, &value);
                    // Git finds the next block of a level only where blocks are no longer than they should be: there must be none.
                    blocks_max = 1;
                }
            }
            self.flush(out);
        }
        self.kind = kind;
        match kind {
            REFS => self.footer.ref_index = top,
            _ => self.footer.log_index = top,
        }
        self.index.clear();
    }

    /// Where the next block will begin.
    fn next_position(&self) -> u64 {
        self.position.saturating_add(self.padding as u64)
    }

    fn new_block(&self, first: Vec<u8>, kind: u8) -> BlockWriter {
        BlockWriter::new(first, kind, self.header.block_size, self.restart_interval)
    }

    fn header_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.header.write(&mut bytes);
        bytes
    }

    fn note(&mut self, key: &[u8]) {
        let last = self.last.get_or_insert_default();
        last.clear();
        last.extend_from_slice(key);
    }

    fn too_large(&self, name: &[u8]) -> ReftableError {
        ReftableError::TooLarge { name: name.to_vec(), block_size: self.header.block_size }
    }
}

/// So few blocks are found as fast without an index, which is what git thinks too.
const BLOCKS_WITHOUT_INDEX: usize = 3;

/// With fewer records in a block, as long keys would have it, the levels of an index would not become smaller.
const INDEX_ENTRIES_MIN: usize = 2;

/// A block must hold a header, a record and its restart.
const BLOCK_SIZE_MIN: u32 = 128;

/// What three bytes can say.
const BLOCK_SIZE_MAX: u32 = (16 << 20) - 1;
