//! One table: where its parts are, and the way to a key.

use std::sync::Arc;

use bytes::Bytes;
use flate2::{Decompress, FlushDecompress, Status};
use gitwire_types::ObjectFormat;

use crate::block::{Block, BlockCursor, INDEX, LOGS, OBJECTS, REFS};
use crate::bytes_reader::BytesReader;
use crate::cursor::{Cursor, LogCursor, RefCursor};
use crate::error::{Part, ReftableError};
use crate::frame::{Footer, Header};
use crate::limits::Limits;
use crate::record::log_key;
use crate::source::Source;

/// A reftable that is read (`technical/reftable`). Cheap to clone.
///
/// ```
/// use gitwire_reftable::{Limits, MemorySource, RefRecord, RefValue, Table, WriteOptions, Writer};
/// use gitwire_types::{ObjectFormat, ObjectId};
/// use std::sync::Arc;
///
/// let mut file = Vec::new();
/// let mut writer = Writer::new(ObjectFormat::Sha1, 1..=1, &WriteOptions::default());
/// let value = RefValue::Id(ObjectId::from_hex(ObjectFormat::Sha1, &[b'1'; 40])?);
/// writer.add_ref(&RefRecord { name: b"refs/heads/main", update_index: 1, value }, &mut file)?;
/// writer.finish(&mut file)?;
///
/// let table = Table::open(Arc::new(MemorySource::new(file)), Limits::default())?;
/// let found = table.find_ref(b"refs/heads/main")?;
/// assert_eq!(found.as_ref().map(|cursor| cursor.record().value), Some(value));
/// assert!(table.find_ref(b"refs/heads/other")?.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Table(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    source: Arc<dyn Source>,
    limits: Limits,
    header: Header,
    header_len: usize,
    footer: Footer,
    /// Where the footer begins.
    end: u64,
    /// What the first block holds; `None` where there is no block.
    first: Option<u8>,
}

impl Table {
    /// Reads header and footer.
    ///
    /// # Errors
    /// A header or footer that is none, or does not match its checksum; a failing source.
    pub fn open(source: Arc<dyn Source>, limits: Limits) -> Result<Self, ReftableError> {
        let size = source.size();
        let start = source.read(0, HEADER_LEN_MAX).map_err(ReftableError::Source)?;
        let (header, header_len) = Header::parse(&start)?;
        let footer_len = header_len.saturating_add(44);
        let end = size.checked_sub(footer_len as u64).filter(|end| *end >= header_len as u64);
        let end = end.ok_or(ReftableError::TooShort { size })?;
        let footer = source.read(end, footer_len).map_err(ReftableError::Source)?;
        if footer.len() != footer_len {
            return Err(ReftableError::TooShort { size });
        }
        let footer = Footer::parse(&footer, start.get(..header_len).unwrap_or_default(), end)?;
        let mut first = None;
        if end > header_len as u64 {
            let kind = source.read(header_len as u64, 1).map_err(ReftableError::Source)?;
            let found = kind.first().copied().unwrap_or_default();
            if found != REFS && found != LOGS {
                return Err(ReftableError::BlockType { offset: 0, found, part: Part::Refs });
            }
            first = Some(found);
        }
        Ok(Self(Arc::new(Inner { source, limits, header, header_len, footer, end, first })))
    }

    /// The hash function of its ids.
    #[must_use]
    pub fn format(&self) -> ObjectFormat {
        self.0.header.format
    }

    /// The first transaction that it holds.
    #[must_use]
    pub fn min_update_index(&self) -> u64 {
        self.0.header.min_update_index
    }

    /// The last transaction that it holds.
    #[must_use]
    pub fn max_update_index(&self) -> u64 {
        self.0.header.max_update_index
    }

    /// Bytes in the file.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.0.source.size()
    }

    /// Its refs whose names are `name` or come after it.
    ///
    /// # Errors
    /// A damaged table; a failing source.
    pub fn refs_from(&self, name: &[u8]) -> Result<RefCursor, ReftableError> {
        let start = (self.0.first == Some(REFS)).then_some(0);
        let place = self.seek(REFS, start, self.0.footer.ref_index, name)?;
        Ok(RefCursor(Cursor::new(self.clone(), place)))
    }

    /// What it says of one ref; the cursor stands at it.
    ///
    /// # Errors
    /// A damaged table; a failing source.
    pub fn find_ref(&self, name: &[u8]) -> Result<Option<RefCursor>, ReftableError> {
        let mut cursor = self.refs_from(name)?;
        let found = cursor.0.advance()? && cursor.0.key() == name;
        Ok(found.then_some(cursor))
    }

    /// Its lines of reflogs from the first one of `name` on.
    ///
    /// # Errors
    /// A damaged table; a failing source.
    pub fn logs_from(&self, name: &[u8]) -> Result<LogCursor, ReftableError> {
        let footer = &self.0.footer;
        let start = match self.0.first {
            Some(LOGS) => Some(0),
            _ => Some(footer.logs).filter(|at| *at != 0),
        };
        let key = if name.is_empty() { Vec::new() } else { log_key(name, u64::MAX) };
        let place = self.seek(LOGS, start, footer.log_index, &key)?;
        Ok(LogCursor(Cursor::new(self.clone(), place)))
    }

    /// The place before the first record of `kind` whose key is `key` or greater.
    fn seek(
        &self,
        kind: u8,
        start: Option<u64>,
        index: u64,
        key: &[u8],
    ) -> Result<Option<BlockCursor>, ReftableError> {
        let Some(start) = start else { return Ok(None) };
        let start = if index != 0 && !key.is_empty() { self.descend(kind, index, key)? } else { Some(start) };
        let Some(start) = start else { return Ok(None) };
        let mut place = self.cursor(self.block(start, kind)?);
        if key.is_empty() {
            return Ok(Some(place));
        }
        while !place.seek(key)? {
            match self.next_block(&place.block)? {
                Some(block) => place.follow(block),
                None => return Ok(None),
            }
        }
        Ok(Some(place))
    }

    /// The block of `kind` that holds `key` if any does, by the index whose highest level begins at `index`.
    fn descend(&self, kind: u8, index: u64, key: &[u8]) -> Result<Option<u64>, ReftableError> {
        let mut place = self.cursor(self.block(index, INDEX)?);
        for _ in 0..INDEX_DEPTH_MAX {
            // Only the highest level can be more than one block here: of the others the last key is known to be greater.
            while !place.seek(key)? {
                match self.next_block(&place.block)? {
                    Some(block) => place.follow(block),
                    None => return Ok(None),
                }
            }
            let position = place.value().1.varint().unwrap_or(u64::MAX);
            // What an index leads to is written before it.
            if position >= place.block.offset {
                let part = if kind == REFS { Part::RefIndex } else { Part::LogIndex };
                return Err(ReftableError::Position { part, position });
            }
            let found = self.kind_at(position)?;
            if found != INDEX {
                return Ok(Some(position));
            }
            place = self.cursor(self.block(position, INDEX)?);
        }
        let part = if kind == REFS { Part::RefIndex } else { Part::LogIndex };
        Err(ReftableError::Position { part, position: index })
    }

    fn cursor(&self, block: Block) -> BlockCursor {
        BlockCursor::new(block, self.0.header.format, &self.0.limits)
    }

    /// The block behind `block`, where that is one of the same kind.
    pub(crate) fn next_block(&self, block: &Block) -> Result<Option<Block>, ReftableError> {
        if block.next >= self.0.end {
            return Ok(None);
        }
        match self.kind_at(block.next)? {
            kind if kind == block.kind => self.block(block.next, kind).map(Some),
            REFS | LOGS | INDEX | OBJECTS => Ok(None),
            found => Err(ReftableError::BlockType { offset: block.next, found, part: part_of(block.kind) }),
        }
    }

    /// The type of the block at `offset`.
    fn kind_at(&self, offset: u64) -> Result<u8, ReftableError> {
        let at = if offset == 0 { self.0.header_len as u64 } else { offset };
        let byte = self.0.source.read(at, 1).map_err(ReftableError::Source)?;
        Ok(byte.first().copied().unwrap_or_default())
    }

    /// Reads the block at `offset`, which must be of `kind`.
    fn block(&self, offset: u64, kind: u8) -> Result<Block, ReftableError> {
        let Inner { source, limits, header, header_len, end, .. } = &*self.0;
        let room = end.checked_sub(offset).filter(|room| *room > 0);
        let room = room.ok_or(ReftableError::Position { part: part_of(kind), position: offset })?;
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let usual = usize::try_from(header.block_size).unwrap_or(0).max(READ_AT_LEAST);
        let mut bytes = source.read(offset, usual.min(room)).map_err(ReftableError::Source)?;
        let skipped = if offset == 0 { *header_len } else { 0 };
        let mut reader = BytesReader::new(&bytes, skipped);
        let short = ReftableError::BlockLength { offset, length: bytes.len() as u64 };
        let (Some(found), Some(length)) = (reader.u8(), reader.u24()) else { return Err(short) };
        if found != kind {
            return Err(ReftableError::BlockType { offset, found, part: part_of(kind) });
        }
        if length > limits.block_bytes_max {
            let (found, max) = (length.into(), limits.block_bytes_max.into());
            return Err(ReftableError::Limit { offset, what: "a block", found, max });
        }
        let len = usize::try_from(length).unwrap_or(usize::MAX);
        let first = reader.position();
        if len < first || kind != LOGS && len > room {
            return Err(ReftableError::BlockLength { offset, length: length.into() });
        }
        if kind == LOGS {
            let (inflated, consumed) = self.inflate(offset, first, len)?;
            let next = offset.saturating_add(first as u64).saturating_add(consumed);
            return Block::new(inflated, first, offset, kind, next);
        }
        if len > bytes.len() {
            bytes = source.read(offset, len).map_err(ReftableError::Source)?;
        }
        // Behind a block that does not fill its place are zeros, unless blocks follow each other.
        let aligned = usize::try_from(header.block_size).unwrap_or(usize::MAX);
        let padded = len < aligned && bytes.get(len).is_none_or(|byte| *byte == 0);
        let step = if padded { aligned } else { len };
        let next = offset.saturating_add(step as u64);
        if len > bytes.len() {
            return Err(ReftableError::BlockLength { offset, length: length.into() });
        }
        Block::new(bytes.slice(..len), first, offset, kind, next)
    }

    /// Inflates the log block at `offset`, whose compressed bytes begin `first` bytes behind that: the block, `len` bytes with
    /// its header, and how many bytes it was.
    fn inflate(&self, offset: u64, first: usize, len: usize) -> Result<(Bytes, u64), ReftableError> {
        let bad = || ReftableError::Inflate { offset };
        let start = offset.saturating_add(first as u64);
        let mut inflated = vec![0; len];
        let room = inflated.get_mut(first..).ok_or_else(bad)?;
        let mut inflater = Decompress::new(true);
        let mut input = Bytes::new();
        loop {
            if input.is_empty() {
                let at = start.saturating_add(inflater.total_in());
                let left = usize::try_from(self.0.end.saturating_sub(at)).unwrap_or(usize::MAX);
                input = self.0.source.read(at, left.min(INFLATED_AT_ONCE)).map_err(ReftableError::Source)?;
                if input.is_empty() {
                    return Err(bad());
                }
            }
            let before = (inflater.total_in(), inflater.total_out());
            let filled = usize::try_from(before.1).unwrap_or(usize::MAX);
            let out = room.get_mut(filled..).ok_or_else(bad)?;
            let status = inflater.decompress(&input, out, FlushDecompress::None).map_err(|_| bad())?;
            let taken = inflater.total_in().saturating_sub(before.0);
            input = input.slice(usize::try_from(taken).unwrap_or(usize::MAX).min(input.len())..);
            if status == Status::StreamEnd {
                break;
            }
            if (inflater.total_in(), inflater.total_out()) == before {
                return Err(bad());
            }
        }
        if inflater.total_out() != room.len() as u64 {
            return Err(bad());
        }
        Ok((inflated.into(), inflater.total_in()))
    }
}

fn part_of(kind: u8) -> Part {
    match kind {
        REFS => Part::Refs,
        LOGS => Part::Logs,
        OBJECTS => Part::Objects,
        _ => Part::RefIndex,
    }
}

/// Bytes of the longer header.
const HEADER_LEN_MAX: usize = 28;

/// Read at least for a block, where its size is not known beforehand: a page, and git's usual block.
const READ_AT_LEAST: usize = 4096;

/// Read at once of what is inflated: a log block of git's is shorter.
const INFLATED_AT_ONCE: usize = 4096;

/// Levels of an index: with two records a block, the fewest that make sense, it would be more refs than there can be bytes.
const INDEX_DEPTH_MAX: usize = 32;
