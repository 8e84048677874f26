//! Reachability bitmaps, `.bitmap` (`gitformat-bitmap`): which objects of a pack some of its commits reach.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

mod bits;
mod ewah;

use std::collections::HashMap;
use std::ops::Range;

use gitwire_object::{Hasher, Trust};
use gitwire_types::{ObjectId, ObjectKind};

pub use self::bits::Bits;
use self::ewah::Ewah;
use crate::bytes::be32;

/// The bitmaps of a pack. Bit *n* is the object that stands *n*th in the pack.
///
/// Everything is checked when it is opened, the checksum included, but for the inside of the bitmaps, which is checked when one is
/// asked for. What is wrong makes it useless and is no error of the pack: whoever opened it does without.
#[derive(Debug)]
pub struct PackBitmaps {
    data: Vec<u8>,
    objects: u32,
    kinds: [Bits; 4],
    /// By the position in the index of the commit.
    entries: HashMap<u32, usize>,
    list: Vec<Entry>,
    /// Numbers for the paths of the objects, by their positions in the index.
    names: Option<Range<usize>>,
}

#[derive(Debug)]
struct Entry {
    /// The entry whose bitmap, exclusive-or this one, is the result.
    base: Option<usize>,
    bitmap: Range<usize>,
}

/// Why bitmaps are not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BitmapProblem {
    /// The first four bytes are not `BITM`.
    #[error("bitmap file starts with {0:?}, not with BITM")]
    Signature([u8; 4]),
    /// A version other than 1.
    #[error("bitmap file has version {0}")]
    Version(u16),
    /// It does not say that all objects are covered, or uses what is not known here.
    #[error("bitmap file has flags {0:#06x}")]
    Flags(u16),
    /// It belongs to another pack.
    #[error("bitmap file is of pack {actual}, not of {expected}")]
    WrongPack {
        /// The pack beside it.
        expected: ObjectId,
        /// By the file.
        actual: ObjectId,
    },
    /// It does not hash to its trailer.
    #[error("bitmap file has a wrong checksum")]
    Checksum,
    /// It ends early, or a part of it goes beyond where it must end.
    #[error("bitmap file is broken at offset {0}")]
    Broken(usize),
    /// A bitmap names more objects than the pack has.
    #[error("bitmap at offset {0} names objects that the pack does not have")]
    TooManyBits(usize),
}

impl PackBitmaps {
    /// Reads the bitmaps of a pack of `objects` objects with this checksum.
    ///
    /// # Errors
    /// Why they are of no use.
    pub fn parse(data: Vec<u8>, objects: u32, pack: &ObjectId) -> Result<Self, BitmapProblem> {
        let hash_len = pack.format().raw_len();
        let end = data.len().checked_sub(hash_len).ok_or(BitmapProblem::Broken(data.len()))?;
        let mut reader = Reader { data: &data, at: 0, end };
        let signature = reader.array::<4>()?;
        if &signature != b"BITM" {
            return Err(BitmapProblem::Signature(signature));
        }
        let version = u16::from_be_bytes(reader.array()?);
        if version != 1 {
            return Err(BitmapProblem::Version(version));
        }
        let flags = u16::from_be_bytes(reader.array()?);
        if flags & FULL == 0 || flags & !(FULL | NAMES | LOOKUP | PSEUDO_MERGES) != 0 {
            return Err(BitmapProblem::Flags(flags));
        }
        let count = u32::from_be_bytes(reader.array()?);
        let actual = ObjectId::from_raw(pack.format(), reader.take(hash_len)?);
        let actual = actual.map_err(|_| BitmapProblem::Broken(reader.at))?;
        if actual != *pack {
            return Err(BitmapProblem::WrongPack { expected: *pack, actual });
        }
        check_sum(&data, end, pack)?;
        let names = names(flags, objects, &mut reader.end)?;
        let mut kinds: [Bits; 4] = std::array::from_fn(|_| Bits::new(objects));
        for kind in &mut kinds {
            let bitmap = reader.bitmap()?;
            let start = bitmap.start;
            read(&data, bitmap, start)?.or_into(kind).ok_or(BitmapProblem::TooManyBits(start))?;
        }
        let mut this =
            Self { objects, kinds, entries: HashMap::new(), list: Vec::new(), names, data: Vec::new() };
        for number in 0..count as usize {
            let position = u32::from_be_bytes(reader.array()?);
            let [distance, _flags] = reader.array()?;
            let base = match usize::from(distance) {
                0 => None,
                distance => Some(number.checked_sub(distance).ok_or(BitmapProblem::Broken(reader.at))?),
            };
            let bitmap = reader.bitmap()?;
            this.entries.insert(position, number);
            this.list.push(Entry { base, bitmap });
        }
        this.data = data;
        Ok(this)
    }

    /// The number of objects of the pack.
    #[must_use]
    pub fn objects(&self) -> u32 {
        self.objects
    }

    /// The objects of one kind.
    #[must_use]
    pub fn of_kind(&self, kind: ObjectKind) -> &Bits {
        let [commits, trees, blobs, tags] = &self.kinds;
        match kind {
            ObjectKind::Commit => commits,
            ObjectKind::Tree => trees,
            ObjectKind::Blob => blobs,
            ObjectKind::Tag => tags,
        }
    }

    /// Whether there is a bitmap of the commit at this position of the index.
    #[must_use]
    pub fn has(&self, index_position: u32) -> bool {
        self.entries.contains_key(&index_position)
    }

    /// What the commit at this position of the index reaches, itself included; `None` where there is no bitmap of it.
    ///
    /// # Errors
    /// The bitmap is broken.
    pub fn reach(&self, index_position: u32) -> Result<Option<Bits>, BitmapProblem> {
        let Some(number) = self.entries.get(&index_position) else { return Ok(None) };
        let mut bits = Bits::new(self.objects);
        let mut next = Some(*number);
        // Each base comes before what stands on it, so this comes to an end.
        while let Some(entry) = next.and_then(|number| self.list.get(number)) {
            let start = entry.bitmap.start;
            let bitmap = read(&self.data, entry.bitmap.clone(), start)?;
            bitmap.xor_into(&mut bits).ok_or(BitmapProblem::TooManyBits(start))?;
            next = entry.base;
        }
        Ok(Some(bits))
    }

    /// A number for the path of the object at this position of the index: objects of like paths have like numbers. 0 where that is
    /// not known.
    #[must_use]
    pub fn name(&self, index_position: u32) -> u32 {
        let at = self.names.as_ref().and_then(|names| {
            let start = names.start.checked_add((index_position as usize).checked_mul(4)?)?;
            Some(start).filter(|start| *start < names.end)
        });
        at.and_then(|at| self.data.get(at..)).map_or(0, be32)
    }
}

/// Whether the file hashes to its trailer.
fn check_sum(data: &[u8], end: usize, pack: &ObjectId) -> Result<(), BitmapProblem> {
    let (content, trailer) = data.split_at_checked(end).ok_or(BitmapProblem::Broken(end))?;
    let mut hasher = Hasher::new(pack.format(), Trust::Own);
    hasher.update(content);
    match hasher.finish() {
        Ok(actual) if actual.as_bytes() == trailer => Ok(()),
        _ => Err(BitmapProblem::Checksum),
    }
}

/// Where the numbers of the paths stand; what stands at the end of the file is taken off `end`.
fn names(flags: u16, objects: u32, end: &mut usize) -> Result<Option<Range<usize>>, BitmapProblem> {
    if flags & NAMES == 0 {
        return Ok(None);
    }
    let len = (objects as usize).saturating_mul(4);
    let start = end.checked_sub(len).ok_or(BitmapProblem::Broken(*end))?;
    let names = start..*end;
    *end = start;
    Ok(Some(names))
}

fn read(data: &[u8], bitmap: Range<usize>, start: usize) -> Result<Ewah<'_>, BitmapProblem> {
    data.get(bitmap).and_then(Ewah::new).ok_or(BitmapProblem::Broken(start))
}

/// Reads from front to back, up to where the last tables start.
struct Reader<'a> {
    data: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], BitmapProblem> {
        let end = self.at.checked_add(len).filter(|end| *end <= self.end);
        let bytes = end.and_then(|end| self.data.get(self.at..end));
        let bytes = bytes.ok_or(BitmapProblem::Broken(self.at))?;
        self.at = self.at.saturating_add(len);
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BitmapProblem> {
        let at = self.at;
        self.take(N)?.try_into().map_err(|_| BitmapProblem::Broken(at))
    }

    /// The place of a compressed bitmap: its bits in 32 bits, its words in 32 bits, the words, and 32 bits more.
    fn bitmap(&mut self) -> Result<Range<usize>, BitmapProblem> {
        let start = self.at;
        self.take(4)?;
        let words = u32::from_be_bytes(self.array()?) as usize;
        self.take(words.saturating_mul(8))?;
        self.take(4)?;
        Ok(start..self.at)
    }
}

/// Every object that is reached is in the pack too.
const FULL: u16 = 1;
/// Numbers of paths stand at the end.
const NAMES: u16 = 4;
/// A table of the commits stands before them; it is not needed, since all entries are read.
const LOOKUP: u16 = 0x10;
/// Bitmaps of many commits at once stand before that; they are not used.
const PSEUDO_MERGES: u16 = 0x20;

#[cfg(test)]
mod tests;
