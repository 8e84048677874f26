//! Files of named chunks: multi-pack indexes and commit-graphs (`gitformat-chunk`).

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use std::ops::Range;

/// What is wrong with a file's table of chunks, or with the length of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChunkProblem {
    /// The file is too short for its table, or for its trailer.
    #[error("ends at offset {offset}")]
    Truncated {
        /// The length of the file.
        offset: usize,
    },
    /// A chunk starts before the one before it ends, inside the table, or behind the end.
    #[error("entry {entry} of the table of chunks says offset {found:#x}")]
    Offset {
        /// Counted from 0.
        entry: usize,
        /// What it says.
        found: u64,
    },
    /// The table ends early, or goes on behind its end.
    #[error("the table of chunks does not end with entry {entry}")]
    Terminator {
        /// The entry that must be the last.
        entry: usize,
    },
    /// Two chunks of one name.
    #[error("chunk {} comes twice", shown(.0))]
    Twice([u8; 4]),
    /// A chunk that must be there is not.
    #[error("chunk {} is missing", shown(.0))]
    Missing([u8; 4]),
    /// A chunk has another length than what it holds takes.
    #[error("chunk {} at offset {offset} has {actual} bytes, expected {expected}", shown(name))]
    Length {
        /// The chunk.
        name: [u8; 4],
        /// Where it starts.
        offset: usize,
        /// What it must have.
        expected: usize,
        /// What it has.
        actual: usize,
    },
}

fn shown(name: &[u8; 4]) -> impl std::fmt::Display {
    name.escape_ascii().to_string()
}

/// Where the chunks of a file are.
#[derive(Debug)]
pub(crate) struct Chunks {
    list: Vec<([u8; 4], Range<usize>)>,
}

impl Chunks {
    /// Reads a table of `count` chunks at `at`; the chunks end where the trailer starts, at `end`.
    pub(crate) fn parse(data: &[u8], at: usize, count: u8, end: usize) -> Result<Self, ChunkProblem> {
        let truncated = ChunkProblem::Truncated { offset: data.len() };
        let rows = usize::from(count).saturating_add(1);
        let table_end = at.saturating_add(rows.saturating_mul(12));
        let table = data.get(at..table_end).filter(|_| table_end <= end).ok_or(truncated)?;
        let (rows, _) = table.as_chunks::<12>();
        let mut list: Vec<([u8; 4], Range<usize>)> = Vec::with_capacity(rows.len());
        let mut last = table_end;
        for (entry, row) in rows.iter().enumerate() {
            let (name, offset) = row.split_first_chunk::<4>().ok_or(truncated)?;
            let found = offset.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes));
            let start = usize::try_from(found).ok().filter(|start| (last..=end).contains(start));
            let start = start.ok_or(ChunkProblem::Offset { entry, found })?;
            if let Some((_, range)) = list.last_mut() {
                range.end = start;
            }
            let is_last = entry == usize::from(count);
            if is_last != (*name == [0; 4]) {
                return Err(ChunkProblem::Terminator { entry: usize::from(count) });
            }
            if !is_last {
                if list.iter().any(|(known, _)| known == name) {
                    return Err(ChunkProblem::Twice(*name));
                }
                list.push((*name, start..start));
            }
            last = start;
        }
        Ok(Self { list })
    }

    /// Where a chunk is.
    pub(crate) fn find(&self, name: [u8; 4]) -> Option<Range<usize>> {
        self.list.iter().find(|(known, _)| *known == name).map(|(_, range)| range.clone())
    }

    /// A chunk that must be there.
    pub(crate) fn needed(&self, name: [u8; 4]) -> Result<Range<usize>, ChunkProblem> {
        self.find(name).ok_or(ChunkProblem::Missing(name))
    }

    /// A chunk that must be there and have this many bytes.
    pub(crate) fn sized(&self, name: [u8; 4], expected: usize) -> Result<Range<usize>, ChunkProblem> {
        has_len(name, self.needed(name)?, expected)
    }
}

/// A chunk that must have this many bytes.
pub(crate) fn has_len(
    name: [u8; 4],
    range: Range<usize>,
    expected: usize,
) -> Result<Range<usize>, ChunkProblem> {
    match range.len() {
        actual if actual == expected => Ok(range),
        actual => Err(ChunkProblem::Length { name, offset: range.start, expected, actual }),
    }
}

/// A table of counts, one for each first byte of an id: where it stands, and the positions of the ids of each byte.
#[derive(Debug)]
pub(crate) struct Fanout(Box<[u32; 256]>);

impl Fanout {
    /// Its length in bytes.
    pub(crate) const LEN: usize = 1024;

    /// Reads a table; the entry at which the counts go down is the error.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, u8> {
        let mut counts = Box::new([0; 256]);
        let (words, _) = bytes.as_chunks::<4>();
        let mut last = 0;
        for ((entry, word), count) in (0..=u8::MAX).zip(words).zip(counts.iter_mut()) {
            *count = u32::from_be_bytes(*word);
            if *count < last {
                return Err(entry);
            }
            last = *count;
        }
        Ok(Self(counts))
    }

    pub(crate) fn count(&self) -> u32 {
        self.0.last().copied().unwrap_or(0)
    }

    fn range(&self, byte: u8) -> Range<usize> {
        let at = |byte: u8| self.0.get(usize::from(byte)).map_or(0, |count| *count as usize);
        byte.checked_sub(1).map_or(0, at)..at(byte)
    }

    /// The position of `id` among sorted ids of its length.
    pub(crate) fn search(&self, ids: &[u8], id: &[u8]) -> Option<u32> {
        let mut range = self.range(*id.first()?);
        while range.start < range.end {
            let middle = range.start.midpoint(range.end);
            match nth(ids, id.len(), middle)?.cmp(id) {
                std::cmp::Ordering::Less => range.start = middle.saturating_add(1),
                std::cmp::Ordering::Equal => return u32::try_from(middle).ok(),
                std::cmp::Ordering::Greater => range.end = middle,
            }
        }
        None
    }

    /// The first position whose id does not come after the one before it, or does not belong where the counts say.
    pub(crate) fn check_order(&self, ids: &[u8], raw_len: usize) -> Option<u32> {
        let mut last: Option<&[u8]> = None;
        for byte in 0..=u8::MAX {
            for position in self.range(byte) {
                let id = nth(ids, raw_len, position).filter(|id| id.first() == Some(&byte));
                if id.is_none() || last.is_some_and(|last| Some(last) >= id) {
                    return u32::try_from(position).ok();
                }
                last = id;
            }
        }
        None
    }
}

/// The `position`th of elements of `len` bytes.
pub(crate) fn nth(table: &[u8], len: usize, position: usize) -> Option<&[u8]> {
    let start = position.checked_mul(len)?;
    table.get(start..start.checked_add(len)?)
}
