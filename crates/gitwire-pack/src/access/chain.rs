//! Making an object from its chain of deltas, without recursion.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use std::fmt;
use std::sync::Arc;

use gitwire_types::ObjectKind;

use crate::access::Pack;
use crate::base_cache::Cached;
use crate::inflate::{Compressed, InflateStream, Inflater, compressed_bound};
use crate::{EntryHeader, EntryKind, PackError, ReadAt};

/// Buffers that are used again from call to call.
pub(crate) struct Scratch {
    inflater: Inflater,
    input: Vec<u8>,
    delta: Vec<u8>,
    chain: Vec<Link>,
}

/// A delta on the way from an object to the end of its chain.
#[derive(Debug, Clone, Copy)]
struct Link {
    offset: u64,
    header: EntryHeader,
}

/// Where the walk down a chain ended.
enum Root {
    Cached(Cached),
    Whole { offset: u64, header: EntryHeader, kind: ObjectKind },
}

impl<D: ReadAt, I: ReadAt> Pack<D, I> {
    /// Makes the object at `offset` into `out`; its kind, and the number of deltas it took.
    pub(crate) fn resolve_at(
        &self,
        offset: u64,
        max: u64,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<(ObjectKind, u32), PackError> {
        let root = self.walk(offset, scratch)?;
        let chain_len = scratch.chain.len();
        let (mut base, base_offset) = match root {
            Root::Cached(cached) if chain_len == 0 => {
                let declared = cached.content.len() as u64;
                if declared > max {
                    return Err(PackError::ObjectTooLarge { offset, declared, max });
                }
                out.extend_from_slice(&cached.content);
                return Ok((cached.kind, cached.depth));
            }
            Root::Whole { offset, header, kind } if chain_len == 0 => {
                self.inflate(offset, &header, max.min(self.limits.object_bytes_max), scratch, out)?;
                return Ok((kind, 0));
            }
            Root::Cached(cached) => (cached, None),
            Root::Whole { offset, header, kind } => {
                let mut content = Vec::new();
                self.inflate(offset, &header, self.limits.delta_bytes_max, scratch, &mut content)?;
                (Cached { kind, content: Arc::new(content), depth: 0 }, Some(offset))
            }
        };
        if let Some(base_offset) = base_offset {
            self.cache.insert(self.number, base_offset, base.clone());
        }
        while let Some(link) = scratch.chain.pop() {
            let last = scratch.chain.is_empty();
            let limit = self.limits.delta_bytes_max.min(if last { max } else { u64::MAX });
            let mut delta = std::mem::take(&mut scratch.delta);
            self.inflate(link.offset, &link.header, self.limits.delta_bytes_max, scratch, &mut delta)?;
            let mut made = if last { std::mem::take(out) } else { Vec::new() };
            let applied = gitwire_delta::apply(&base.content, &delta, limit, &mut made);
            scratch.delta = delta;
            applied.map_err(|source| delta_error(link.offset, source))?;
            let depth = base.depth.saturating_add(1);
            if last {
                *out = made;
                return Ok((base.kind, depth));
            }
            base = Cached { kind: base.kind, content: Arc::new(made), depth };
            self.cache.insert(self.number, link.offset, base.clone());
        }
        Err(PackError::Internal("a chain ends at its first object"))
    }

    /// Follows bases from `offset` to a whole or a cached object, noting the deltas on the way.
    fn walk(&self, offset: u64, scratch: &mut Scratch) -> Result<Root, PackError> {
        scratch.chain.clear();
        let mut at = offset;
        loop {
            if let Some(cached) = self.cache.get(self.number, at) {
                let depth = u64::from(cached.depth).saturating_add(scratch.chain.len() as u64);
                return match depth <= u64::from(self.limits.delta_depth_max) {
                    true => Ok(Root::Cached(cached)),
                    false => Err(PackError::ChainTooDeep { offset, max: self.limits.delta_depth_max }),
                };
            }
            let header = self.header_at(at)?;
            let kind = header.kind;
            if let EntryKind::Whole(kind) = kind {
                return Ok(Root::Whole { offset: at, header, kind });
            }
            if scratch.chain.len() as u64 >= u64::from(self.limits.delta_depth_max) {
                return Err(PackError::ChainTooDeep { offset, max: self.limits.delta_depth_max });
            }
            scratch.chain.push(Link { offset: at, header });
            at = self.base_of(at, &header)?;
            // Offsets only lead back; an id may lead anywhere.
            if matches!(kind, EntryKind::IdDelta { .. }) && scratch.chain.iter().any(|link| link.offset == at)
            {
                return Err(PackError::DeltaCycle { offset: at });
            }
        }
    }

    /// The entry header at `offset`.
    pub(crate) fn header_at(&self, offset: u64) -> Result<EntryHeader, PackError> {
        let mut room = [0; EntryHeader::MAX_LEN];
        let left = usize::try_from(self.end.saturating_sub(offset)).unwrap_or(usize::MAX);
        let room = room.get_mut(..left.min(EntryHeader::MAX_LEN)).unwrap_or_default();
        let count = self.data.read_at(offset, room).map_err(PackError::Storage)?;
        let bytes = room.get(..count).unwrap_or_default();
        EntryHeader::parse(bytes, self.index.format(), offset)?
            .ok_or(PackError::Truncated { offset: offset.saturating_add(count as u64) })
    }

    /// Where the base of the delta at `offset` starts.
    pub(crate) fn base_of(&self, offset: u64, header: &EntryHeader) -> Result<u64, PackError> {
        match header.kind {
            EntryKind::Whole(_) => Ok(offset),
            EntryKind::OffsetDelta { distance } => Ok(offset.saturating_sub(distance)),
            EntryKind::IdDelta { base } => match self.index.lookup(&base)? {
                Some(position) => self.offset(position),
                None => Err(PackError::MissingBase { offset, base }),
            },
        }
    }

    /// Inflates the entry at `offset` into `out`, which is cleared first.
    pub(crate) fn inflate(
        &self,
        offset: u64,
        header: &EntryHeader,
        max: u64,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<(), PackError> {
        let declared = header.size;
        if declared > max {
            return Err(PackError::ObjectTooLarge { offset, declared, max });
        }
        out.clear();
        let start = offset.saturating_add(u64::from(header.len));
        let place = Compressed { entry: offset, start, end: self.end, size: declared };
        let left = self.end.saturating_sub(start);
        let bound = compressed_bound(declared).min(left);
        // No stream makes more than 1032 times its length, and this much is all that a small object is worth.
        let whole = usize::try_from(bound).ok().filter(|_| declared <= WHOLE_MAX);
        if let Some(bound) = whole {
            out.resize(usize::try_from(declared).unwrap_or(0), 0);
            if self.inflate_whole(place, bound, scratch, out)? {
                return Ok(());
            }
            out.clear();
        }
        let mut stream = InflateStream::new(place);
        loop {
            let piece = stream.next(&self.data)?;
            if piece.is_empty() {
                return Ok(());
            }
            out.extend_from_slice(piece);
        }
    }

    /// False: the stream does not end within `bound` bytes.
    fn inflate_whole(
        &self,
        place: Compressed,
        bound: usize,
        scratch: &mut Scratch,
        out: &mut [u8],
    ) -> Result<bool, PackError> {
        let held = self.data.in_memory().and_then(|all| {
            let start = usize::try_from(place.start).ok()?;
            let end = usize::try_from(place.end).ok()?;
            all.get(start..end)
        });
        let input = match held {
            Some(held) => held,
            None => {
                if scratch.input.len() < bound {
                    scratch.input.resize(bound, 0);
                }
                let room = scratch.input.get_mut(..bound).unwrap_or_default();
                let count = self.data.read_at(place.start, room).map_err(PackError::Storage)?;
                scratch.input.get(..count).unwrap_or_default()
            }
        };
        Ok(scratch.inflater.whole(input, out, place.entry)?.is_some())
    }
}

/// An error of a delta; one limit has one name.
pub(crate) fn delta_error(offset: u64, source: gitwire_delta::DeltaError) -> PackError {
    match source {
        gitwire_delta::DeltaError::ResultTooLarge { declared, limit } => {
            PackError::ObjectTooLarge { offset, declared, max: limit }
        }
        source => PackError::Delta { offset, source },
    }
}

impl Scratch {
    /// Gives back what one large object has left behind.
    pub(crate) fn shrink(&mut self) {
        for buffer in [&mut self.input, &mut self.delta] {
            if buffer.capacity() > KEEP_MAX {
                *buffer = Vec::new();
            }
        }
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self { inflater: Inflater::new(), input: Vec::new(), delta: Vec::new(), chain: Vec::new() }
    }
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scratch")
    }
}

/// Up to this size an object is inflated in one piece, into memory that is taken on the word of its header.
const WHOLE_MAX: u64 = 256 << 10;
/// Larger buffers are not kept.
const KEEP_MAX: usize = 512 << 10;
