//! How an object stands in a pack.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use gitwire_types::{ObjectId, ObjectKind};

use crate::access::{Pack, Scratch, Tables};
use crate::inflate::{Compressed, InflateStream};
use crate::{EntryHeader, EntryKind, PackError, ReadAt};

/// How an object stands in a pack: what is needed to copy its entry into another pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryFacts {
    /// Where its entry starts.
    pub offset: u64,
    /// The bytes from there to the end of its compressed data.
    pub len: u64,
    /// The length of the entry's header within `len`.
    pub header_len: u8,
    /// What the object is, once its deltas are applied.
    pub kind: ObjectKind,
    /// The size in the header: of the object, or of the delta.
    pub size: u64,
    /// What it is a delta against.
    pub base: EntryBase,
}

/// What an entry is a delta against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryBase {
    /// Nothing: it is whole.
    Whole,
    /// The entry at this offset of the same pack.
    Offset(u64),
    /// The object of this id.
    Id(ObjectId),
}

impl<D: ReadAt, I: ReadAt> Pack<D, I> {
    pub(crate) fn facts_of(
        &self,
        place: u32,
        offset: u64,
        scratch: &mut Scratch,
    ) -> Result<EntryFacts, PackError> {
        let header = self.header_at(offset, scratch)?;
        let next = self.next_start(place)?;
        let base = match header.kind {
            EntryKind::Whole(_) => EntryBase::Whole,
            EntryKind::OffsetDelta { distance } => EntryBase::Offset(offset.saturating_sub(distance)),
            EntryKind::IdDelta { base } => EntryBase::Id(base),
        };
        let kind = match (header.kind, self.tables.get()) {
            (EntryKind::Whole(kind), _) => kind,
            (_, Some(tables)) => self.known_kind(tables, place, offset, header, scratch)?,
            _ => self.kind_of(offset, header, scratch)?.0,
        };
        let (len, header_len, size) = (next.saturating_sub(offset), header.len, header.size);
        Ok(EntryFacts { offset, len, header_len, kind, size, base })
    }

    /// The kind at the end of a chain, which is looked for once for every object on the way.
    fn known_kind(
        &self,
        tables: &Tables,
        place: u32,
        offset: u64,
        first: EntryHeader,
        scratch: &mut Scratch,
    ) -> Result<ObjectKind, PackError> {
        let (mut at, mut header, mut place) = (offset, first, place);
        let mut passed = std::mem::take(&mut scratch.places);
        passed.clear();
        let (kind, mut depth) = loop {
            if let Some(known) = tables.kind(place) {
                break known;
            }
            if let EntryKind::Whole(kind) = header.kind {
                break (kind, 0);
            }
            // A cycle ends here as well.
            if passed.len() as u64 >= u64::from(self.limits.delta_depth_max) {
                return Err(PackError::ChainTooDeep { offset, max: self.limits.delta_depth_max });
            }
            passed.push(place);
            let base = self.base_of(at, &header)?;
            let base_place = match header.kind {
                EntryKind::OffsetDelta { .. } => self.find_before(place, base)?,
                _ => self.find_place(base)?,
            };
            let Some(base_place) = base_place else {
                // A base that the index does not know.
                return Ok(self.kind_of(offset, first, scratch)?.0);
            };
            (at, place) = (base, base_place);
            header = self.header_at(at, scratch)?;
        };
        while let Some(place) = passed.pop() {
            depth = depth.saturating_add(1);
            tables.note(place, kind, depth);
        }
        scratch.places = passed;
        match depth <= self.limits.delta_depth_max {
            true => Ok(kind),
            false => Err(PackError::ChainTooDeep { offset, max: self.limits.delta_depth_max }),
        }
    }

    /// The kind at the end of a chain, and the number of deltas on the way, by the headers alone.
    pub(crate) fn kind_of(
        &self,
        offset: u64,
        header: EntryHeader,
        scratch: &mut Scratch,
    ) -> Result<(ObjectKind, u32), PackError> {
        let (mut at, mut header, mut depth) = (offset, header, 0_u32);
        loop {
            if let EntryKind::Whole(kind) = header.kind {
                return Ok((kind, depth));
            }
            // A cycle ends here as well.
            if depth >= self.limits.delta_depth_max {
                return Err(PackError::ChainTooDeep { offset, max: self.limits.delta_depth_max });
            }
            depth = depth.saturating_add(1);
            at = self.base_of(at, &header)?;
            header = self.header_at(at, scratch)?;
        }
    }

    /// Kind and size of the object at `offset`.
    pub(crate) fn info_at(&self, offset: u64, scratch: &mut Scratch) -> Result<(ObjectKind, u64), PackError> {
        let header = self.header_at(offset, scratch)?;
        let (kind, depth) = self.kind_of(offset, header, scratch)?;
        if depth == 0 {
            return Ok((kind, header.size));
        }
        let start = offset.saturating_add(u64::from(header.len));
        let place = Compressed { entry: offset, start, end: self.end, size: header.size };
        // The two sizes stand in the first bytes of the delta.
        let mut stream = InflateStream::new(place);
        let mut front = Vec::with_capacity(gitwire_delta::Header::MAX_LEN);
        while front.len() < gitwire_delta::Header::MAX_LEN {
            let piece = stream.next(&self.data)?;
            if piece.is_empty() {
                break;
            }
            let room = gitwire_delta::Header::MAX_LEN.saturating_sub(front.len());
            front.extend(piece.iter().take(room));
        }
        let delta =
            gitwire_delta::Header::parse(&front).map_err(|source| PackError::Delta { offset, source })?;
        Ok((kind, delta.result_size))
    }
}
