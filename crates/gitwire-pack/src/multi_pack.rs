//! Multi-pack indexes: one index of the objects of many packs (`gitformat-pack`, "multi-pack-index files").

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

mod order;
mod problem;

use std::fmt;
use std::ops::Range;

use gitwire_object::{Hasher, Trust};
use gitwire_types::{ObjectFormat, ObjectId};

pub use self::order::MultiPackOrder;
pub use self::problem::MultiPackProblem;
use crate::bytes::be32;
use crate::chunks::{ChunkProblem, Chunks, Fanout, nth};

/// Where the objects of many packs are, one copy of each.
///
/// All of it is checked when it is read, its checksum included; afterwards every question has an answer. Whether the packs are those that it was
/// written for is not: whoever opens it sees to it that they are there.
///
/// ```
/// # use gitwire_pack::{MultiPackIndex, MultiPackProblem};
/// # use gitwire_types::{ObjectFormat, ObjectId};
/// # fn find(file: Vec<u8>, id: &ObjectId) -> Result<(), MultiPackProblem> {
/// let index = MultiPackIndex::parse(file, ObjectFormat::Sha1)?;
/// if let Some((pack, offset)) = index.lookup(id).and_then(|position| index.entry(position)) {
///     println!("in {} at {offset}", index.packs()[pack as usize].escape_ascii());
/// }
/// # Ok(())
/// # }
/// ```
pub struct MultiPackIndex {
    format: ObjectFormat,
    data: Vec<u8>,
    checksum: ObjectId,
    fanout: Fanout,
    packs: Vec<Vec<u8>>,
    ids: Range<usize>,
    offsets: Range<usize>,
    large: Range<usize>,
    order: Option<Range<usize>>,
    /// Of each pack: its first place, and how many it has.
    bitmapped: Option<Range<usize>>,
}

impl MultiPackIndex {
    /// Reads a whole file.
    ///
    /// # Errors
    /// What is wrong with it. An index that continues others (`multi-pack-index.d`) is not read.
    pub fn parse(data: Vec<u8>, format: ObjectFormat) -> Result<Self, MultiPackProblem> {
        let raw_len = format.raw_len();
        let truncated = || ChunkProblem::Truncated { offset: data.len() };
        let Some(header) = data.first_chunk::<12>() else { return Err(truncated().into()) };
        let [signature @ .., version, function, chunks, bases, _, _, _, _] = *header;
        if &signature != b"MIDX" {
            return Err(MultiPackProblem::Signature(signature));
        }
        if version != 1 {
            return Err(MultiPackProblem::Version(version));
        }
        let own_function = if format == ObjectFormat::Sha1 { 1 } else { 2 };
        if function != own_function {
            return Err(MultiPackProblem::HashFunction(function));
        }
        if bases != 0 {
            return Err(MultiPackProblem::Bases(bases));
        }
        let pack_count = header.last_chunk::<4>().map_or(0, |count| be32(count));
        let end = data.len().checked_sub(raw_len).ok_or_else(truncated)?;
        let table = Chunks::parse(&data, header.len(), chunks, end)?;
        let checksum = check_sum(&data, end, format)?;
        let counts = table.sized(*b"OIDF", Fanout::LEN)?;
        let fanout = Fanout::parse(data.get(counts).unwrap_or_default());
        let fanout = fanout.map_err(MultiPackProblem::Fanout)?;
        let count = fanout.count() as usize;
        let packs = pack_names(data.get(table.needed(*b"PNAM")?).unwrap_or_default(), pack_count)?;
        let ids = table.sized(*b"OIDL", count.saturating_mul(raw_len))?;
        if let Some(position) = fanout.check_order(data.get(ids.clone()).unwrap_or_default(), raw_len) {
            return Err(MultiPackProblem::Order(position));
        }
        let offsets = table.sized(*b"OOFF", count.saturating_mul(8))?;
        let large = table.find(*b"LOFF").unwrap_or_default();
        let sized = |name: [u8; 4], len: usize| table.find(name).map(|_| table.sized(name, len)).transpose();
        let order = sized(*b"RIDX", count.saturating_mul(4))?;
        let bitmapped = sized(*b"BTMP", packs.len().saturating_mul(8))?;
        let this = Self { format, data, checksum, fanout, packs, ids, offsets, large, order, bitmapped };
        match (0..this.count()).find(|position| this.entry(*position).is_none()) {
            Some(position) => Err(MultiPackProblem::Entry(position)),
            None => Ok(this),
        }
    }

    /// The number of objects.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.fanout.count()
    }

    /// The names of its packs' indexes, as they lie beside it.
    #[must_use]
    pub fn packs(&self) -> &[Vec<u8>] {
        &self.packs
    }

    /// Its own checksum, which names the files beside it.
    #[must_use]
    pub fn checksum(&self) -> ObjectId {
        self.checksum
    }

    /// The position of an object; `None` if it is not there.
    #[must_use]
    pub fn lookup(&self, id: &ObjectId) -> Option<u32> {
        if id.format() != self.format {
            return None;
        }
        self.fanout.search(self.data.get(self.ids.clone())?, id.as_bytes())
    }

    /// The object at a position; `None` past the last.
    #[must_use]
    pub fn id(&self, position: u32) -> Option<ObjectId> {
        let raw = nth(self.data.get(self.ids.clone())?, self.format.raw_len(), position as usize)?;
        ObjectId::from_raw(self.format, raw).ok()
    }

    /// The number of the pack that an object is in, and where its entry starts there; `None` past the last.
    #[must_use]
    pub fn entry(&self, position: u32) -> Option<(u32, u64)> {
        let row = nth(self.data.get(self.offsets.clone())?, 8, position as usize)?;
        let (pack, small) = (be32(row), be32(row.get(4..)?));
        if pack as usize >= self.packs.len() {
            return None;
        }
        // Without a table of large offsets all are small.
        if small & LARGE == 0 || self.large.is_empty() {
            return Some((pack, small.into()));
        }
        let large = nth(self.data.get(self.large.clone())?, 8, (small & !LARGE) as usize)?;
        Some((pack, u64::from_be_bytes(*large.first_chunk()?)))
    }

    /// The order of the objects' places, which bitmaps go by, where the index has it in itself.
    ///
    /// # Errors
    /// The order is none, or is not that of the packs.
    pub fn order(&self) -> Result<Option<MultiPackOrder>, MultiPackProblem> {
        let Some(table) = self.order.clone().and_then(|range| self.data.get(range)) else { return Ok(None) };
        MultiPackOrder::new(self, table).map(Some)
    }

    /// The same from a file of its own (`multi-pack-index-*.rev`), as it was written before indexes had it in themselves.
    ///
    /// # Errors
    /// The file is no such order, or not of this index.
    pub fn order_from(&self, file: &[u8]) -> Result<MultiPackOrder, MultiPackProblem> {
        MultiPackOrder::from_file(self, self.format, file)
    }

    /// First place and number of places of a pack, by the index.
    fn bitmapped(&self, pack: usize) -> Option<(u32, u32)> {
        let row = nth(self.data.get(self.bitmapped.clone()?)?, 8, pack)?;
        Some((be32(row), be32(row.get(4..)?)))
    }
}

impl fmt::Debug for MultiPackIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MultiPackIndex")
            .field("packs", &self.packs.len())
            .field("count", &self.count())
            .finish_non_exhaustive()
    }
}

/// The names: in order, each with a zero byte behind it, and zero bytes at the end.
fn pack_names(chunk: &[u8], count: u32) -> Result<Vec<Vec<u8>>, MultiPackProblem> {
    let mut names: Vec<Vec<u8>> = Vec::new();
    let mut rest = chunk;
    for number in 0..count {
        let len = rest.iter().position(|byte| *byte == 0).ok_or(MultiPackProblem::Names(number))?;
        let name = rest.get(..len).unwrap_or_default();
        let is_next = names.last().is_none_or(|last| last.as_slice() < name);
        if name.is_empty() || name.contains(&b'/') || !is_next {
            return Err(MultiPackProblem::Names(number));
        }
        names.push(name.to_vec());
        rest = rest.get(len.saturating_add(1)..).unwrap_or_default();
    }
    if rest.iter().any(|byte| *byte != 0) {
        return Err(MultiPackProblem::Names(count));
    }
    Ok(names)
}

/// The trailer, once the file was found to hash to it.
fn check_sum(data: &[u8], end: usize, format: ObjectFormat) -> Result<ObjectId, MultiPackProblem> {
    let (content, trailer) = data.split_at_checked(end).unwrap_or_default();
    let mut hasher = Hasher::new(format, Trust::Own);
    hasher.update(content);
    match hasher.finish() {
        Ok(actual) if actual.as_bytes() == trailer => Ok(actual),
        _ => Err(MultiPackProblem::Checksum { offset: end }),
    }
}

/// Set in an offset that is the number of a large one.
const LARGE: u32 = 1 << 31;

#[cfg(test)]
mod tests;
