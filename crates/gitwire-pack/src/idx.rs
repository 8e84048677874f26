//! Pack indexes, `.idx` versions 1 and 2 (`gitformat-pack`, "Original (version 1) pack-*.idx files" and what follows).

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

mod check;
mod lookup;

use std::fmt;
use std::ops::Range;

use gitwire_types::{ObjectFormat, ObjectId};

pub(crate) use self::check::hash_range;
use crate::bytes::read_exact_at;
use crate::{IndexProblem, IndexVersion, Limits, PackError, ReadAt};

/// A pack index: from an object's id to its place in the pack.
///
/// Objects are numbered from 0 in the order of their ids: their *position*. The file stays where it is, only its fanout
/// table is held; each answer reads what it needs. Where [`ReadAt::in_memory`] gives the bytes, nothing is copied.
///
/// [`Index::open`] checks what costs nothing: header, fanout table, lengths. [`Index::check`] reads all of it.
pub struct Index<R> {
    data: R,
    format: ObjectFormat,
    version: IndexVersion,
    fanout: Box<[u32; 256]>,
    layout: Layout,
}

/// An object as an index knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexEntry {
    /// The object.
    pub id: ObjectId,
    /// Where its entry starts in the pack.
    pub offset: u64,
    /// The CRC-32 of the entry's bytes in the pack; version 1 has none.
    pub crc32: Option<u32>,
}

/// Where the tables start, in bytes.
#[derive(Debug, Clone, Copy)]
struct Layout {
    /// The first id, and the distance to the next.
    ids: u64,
    id_stride: u64,
    /// The first CRC-32 (version 2).
    crcs: u64,
    /// The first offset, and the distance to the next.
    offsets: u64,
    offset_stride: u64,
    /// The first 64-bit offset (version 2), and how many there are.
    large: u64,
    large_count: u64,
    /// The pack's checksum; the index's follows.
    trailer: u64,
}

impl<R: ReadAt> Index<R> {
    /// Opens an index for objects named in `format`.
    ///
    /// # Errors
    /// An [`IndexProblem`] when header, fanout table and length do not fit together; [`PackError::Storage`].
    pub fn open(data: R, format: ObjectFormat, limits: &Limits) -> Result<Self, PackError> {
        let mut start = [0; 8];
        let len = data.size();
        let shortest = (FANOUT_LEN).saturating_add(2_u64.saturating_mul(format.raw_len() as u64));
        if len < shortest {
            return Err(IndexProblem::Size { expected: shortest, actual: len }.into());
        }
        read_exact_at(&data, 0, &mut start)?;
        let ([signature, version], []) = start.as_chunks::<4>() else {
            return Err(PackError::Internal("eight bytes are two times four"));
        };
        let version = match (signature, u32::from_be_bytes(*version)) {
            (b"\xfftOc", 2) => IndexVersion::V2,
            (b"\xfftOc", found) => return Err(IndexProblem::Version { found }.into()),
            _ => IndexVersion::V1,
        };
        let fanout_at = if version == IndexVersion::V2 { 8 } else { 0 };
        let fanout = read_fanout(&data, fanout_at)?;
        let count = fanout.last().copied().unwrap_or(0);
        if count > limits.objects_max {
            return Err(IndexProblem::TooManyObjects { count, max: limits.objects_max }.into());
        }
        let layout = match version {
            IndexVersion::V1 => Layout::v1(count, format, len),
            IndexVersion::V2 => Layout::v2(count, format, len),
        }?;
        Ok(Self { data, format, version, fanout, layout })
    }

    /// The number of objects.
    pub fn count(&self) -> u32 {
        self.fanout.last().copied().unwrap_or(0)
    }

    /// The version of the file's format.
    pub fn version(&self) -> IndexVersion {
        self.version
    }

    /// The hash function of its ids.
    pub fn format(&self) -> ObjectFormat {
        self.format
    }

    /// The checksum of the pack that it is for.
    ///
    /// # Errors
    /// [`PackError::Storage`].
    pub fn pack_checksum(&self) -> Result<ObjectId, PackError> {
        self.read_id(self.layout.trailer)
    }

    /// Its own checksum, as it says it is; [`Index::check`] compares.
    ///
    /// # Errors
    /// [`PackError::Storage`].
    pub fn checksum(&self) -> Result<ObjectId, PackError> {
        self.read_id(self.layout.trailer.saturating_add(self.format.raw_len() as u64))
    }

    /// The object at `position`.
    ///
    /// # Errors
    /// [`IndexProblem::Position`], [`IndexProblem::LargeOffset`], [`PackError::Storage`].
    pub fn entry(&self, position: u32) -> Result<IndexEntry, PackError> {
        Ok(IndexEntry {
            id: self.id(position)?,
            offset: self.offset(position)?,
            crc32: self.crc32(position)?,
        })
    }

    /// The id of the object at `position`.
    ///
    /// # Errors
    /// [`IndexProblem::Position`], [`PackError::Storage`].
    pub fn id(&self, position: u32) -> Result<ObjectId, PackError> {
        self.check_position(position)?;
        self.read_id(place(self.layout.ids, self.layout.id_stride, position))
    }

    /// Where the entry of the object at `position` starts in the pack. It is not checked against the pack.
    ///
    /// # Errors
    /// [`IndexProblem::Position`], [`IndexProblem::LargeOffset`], [`PackError::Storage`].
    pub fn offset(&self, position: u32) -> Result<u64, PackError> {
        self.check_position(position)?;
        let small = self.read_u32(place(self.layout.offsets, self.layout.offset_stride, position))?;
        if self.version == IndexVersion::V1 || small & LARGE_FLAG == 0 {
            return Ok(u64::from(small));
        }
        let large = small & !LARGE_FLAG;
        if u64::from(large) >= self.layout.large_count {
            let count = self.layout.large_count;
            return Err(IndexProblem::LargeOffset { position, large, count }.into());
        }
        let mut bytes = [0; 8];
        read_exact_at(&self.data, place(self.layout.large, 8, large), &mut bytes)?;
        Ok(u64::from_be_bytes(bytes))
    }

    /// The CRC-32 of the entry of the object at `position`; version 1 has none.
    ///
    /// # Errors
    /// [`IndexProblem::Position`], [`PackError::Storage`].
    pub fn crc32(&self, position: u32) -> Result<Option<u32>, PackError> {
        self.check_position(position)?;
        match self.version {
            IndexVersion::V1 => Ok(None),
            IndexVersion::V2 => self.read_u32(place(self.layout.crcs, 4, position)).map(Some),
        }
    }

    /// Every object, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = Result<IndexEntry, PackError>> + '_ {
        (0..self.count()).map(|position| self.entry(position))
    }

    /// The positions of the ids that start with `byte`, by the fanout table.
    fn fanout_range(&self, byte: u8) -> Range<u32> {
        let at = |byte: u8| self.fanout.get(usize::from(byte)).copied().unwrap_or(0);
        byte.checked_sub(1).map_or(0, at)..at(byte)
    }

    fn check_position(&self, position: u32) -> Result<(), PackError> {
        match self.count() {
            count if position < count => Ok(()),
            count => Err(IndexProblem::Position { position, count }.into()),
        }
    }

    fn read_u32(&self, at: u64) -> Result<u32, PackError> {
        let mut bytes = [0; 4];
        read_exact_at(&self.data, at, &mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn read_id(&self, at: u64) -> Result<ObjectId, PackError> {
        let mut bytes = [0; 32];
        let raw = bytes.get_mut(..self.format.raw_len()).unwrap_or_default();
        read_exact_at(&self.data, at, raw)?;
        ObjectId::from_raw(self.format, raw).map_err(|_| PackError::Internal("an id has its format's length"))
    }
}

impl<R> fmt::Debug for Index<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index")
            .field("format", &self.format)
            .field("version", &self.version)
            .field("count", &self.fanout.last())
            .finish_non_exhaustive()
    }
}

impl Layout {
    fn v1(count: u32, format: ObjectFormat, len: u64) -> Result<Self, PackError> {
        let raw = format.raw_len() as u64;
        let stride = raw.saturating_add(4);
        let trailer = place(FANOUT_LEN, stride, count);
        let expected = trailer.saturating_add(raw.saturating_mul(2));
        if len != expected {
            return Err(IndexProblem::Size { expected, actual: len }.into());
        }
        Ok(Self {
            ids: FANOUT_LEN.saturating_add(4),
            id_stride: stride,
            crcs: 0,
            offsets: FANOUT_LEN,
            offset_stride: stride,
            large: trailer,
            large_count: 0,
            trailer,
        })
    }

    fn v2(count: u32, format: ObjectFormat, len: u64) -> Result<Self, PackError> {
        let raw = format.raw_len() as u64;
        let ids = FANOUT_LEN.saturating_add(8);
        let crcs = place(ids, raw, count);
        let offsets = place(crcs, 4, count);
        let large = place(offsets, 4, count);
        let trailers = raw.saturating_mul(2);
        let expected = large.saturating_add(trailers);
        let (Some(extra), trailer) = (len.checked_sub(expected), len.saturating_sub(trailers)) else {
            return Err(IndexProblem::Size { expected, actual: len }.into());
        };
        // The first entry of a pack always has a small offset.
        let large_count = extra / 8;
        if extra % 8 != 0 || large_count > u64::from(count.saturating_sub(1)) {
            return Err(IndexProblem::Size { expected, actual: len }.into());
        }
        Ok(Self { ids, id_stride: raw, crcs, offsets, offset_stride: 4, large, large_count, trailer })
    }
}

/// Where element `index` of a table stands. Tables lie within a file, so nothing saturates that is read.
fn place(start: u64, stride: u64, index: u32) -> u64 {
    start.saturating_add(stride.saturating_mul(u64::from(index)))
}

fn read_fanout<R: ReadAt>(data: &R, at: u64) -> Result<Box<[u32; 256]>, PackError> {
    let mut bytes = [0; 1024];
    read_exact_at(data, at, &mut bytes)?;
    let mut fanout = Box::new([0; 256]);
    let mut last = 0;
    let (words, _) = bytes.as_chunks::<4>();
    for ((entry, word), count) in (0..=u8::MAX).zip(words).zip(fanout.iter_mut()) {
        *count = u32::from_be_bytes(*word);
        if *count < last {
            return Err(IndexProblem::Fanout { entry }.into());
        }
        last = *count;
    }
    Ok(fanout)
}

/// The length of the fanout table in bytes.
const FANOUT_LEN: u64 = 1024;
/// Set in a 32-bit offset of version 2 that is the number of a 64-bit one.
const LARGE_FLAG: u32 = 1 << 31;

#[cfg(test)]
mod tests;
