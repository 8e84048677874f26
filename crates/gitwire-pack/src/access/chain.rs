//! Making an object from its chain of deltas, without recursion.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use std::fmt;
use std::sync::Arc;

use gitwire_types::{Never, ObjectKind};

use crate::access::Pack;
use crate::access::window::Window;
use crate::base_cache::Cached;
use crate::inflate::{Compressed, InflateStream, Inflater, compressed_bound};
use crate::spilled::{self, Base, Meter, Spilled, Take, delta_error};
use crate::{EntryHeader, EntryKind, PackError, ReadAt};

/// Buffers that are used again from call to call.
pub(crate) struct Scratch {
    inflater: Inflater,
    pub(super) window: Window,
    input: Vec<u8>,
    delta: Vec<u8>,
    chain: Vec<Link>,
    /// Places on the way down a chain whose kinds are not known.
    pub(super) places: Vec<u32>,
}

/// A delta on the way from an object to the end of its chain.
#[derive(Debug, Clone, Copy)]
struct Link {
    offset: u64,
    header: EntryHeader,
}

/// What was made.
pub(crate) enum Content {
    Held(Vec<u8>),
    Spilled(Spilled),
}

/// The same, where others may hold it, too.
enum Shared {
    Held(Arc<Vec<u8>>),
    Spilled(Spilled),
}

/// An object on the way up a chain.
struct Known {
    kind: ObjectKind,
    depth: u32,
    content: Shared,
}

/// An object that is asked for in memory.
struct Gathered(Vec<u8>);

impl Take for Gathered {
    fn begin(&mut self, _size: u64) -> Result<(), PackError> {
        Ok(())
    }

    fn piece(&mut self, piece: &[u8]) -> Result<(), PackError> {
        self.0.extend_from_slice(piece);
        Ok(())
    }
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
        if scratch.chain.is_empty() {
            return match root {
                Root::Cached(cached) => {
                    let declared = cached.content.len() as u64;
                    if declared > max {
                        return Err(PackError::ObjectTooLarge { offset, declared, max });
                    }
                    out.extend_from_slice(&cached.content);
                    Ok((cached.kind, cached.depth))
                }
                Root::Whole { offset, header, kind } => {
                    self.inflate(offset, &header, max.min(self.limits.object_bytes_max), scratch, out)?;
                    self.keep_tree(offset, kind, 0, out);
                    Ok((kind, 0))
                }
            };
        }
        let (base, last) = self.base_of_last(root, scratch)?;
        let limit = self.limits.delta_bytes_max.min(max);
        let (kind, depth) = (base.kind, base.depth.saturating_add(1));
        match self.apply(last, &base, limit, Some(out), scratch)? {
            Content::Held(made) => {
                *out = made;
                self.keep_tree(offset, kind, depth, out);
            }
            Content::Spilled(_) => return Err(PackError::Internal("what is asked for in memory is held")),
        }
        Ok((kind, depth))
    }

    /// Makes the object of the delta at `offset`, wherever it has room.
    pub(crate) fn make_at(
        &self,
        offset: u64,
        scratch: &mut Scratch,
    ) -> Result<(ObjectKind, Content), PackError> {
        let root = self.walk(offset, scratch)?;
        if let (Root::Cached(cached), true) = (&root, scratch.chain.is_empty()) {
            return Ok((cached.kind, Content::Held(Vec::clone(&cached.content))));
        }
        let (base, last) = self.base_of_last(root, scratch)?;
        let made = self.apply(last, &base, self.limits.delta_bytes_max, None, scratch)?;
        Ok((base.kind, made))
    }

    /// Goes up the chain to its last delta: that, and what it is against.
    fn base_of_last(&self, root: Root, scratch: &mut Scratch) -> Result<(Known, Link), PackError> {
        let mut base = match root {
            Root::Cached(cached) => {
                Known { kind: cached.kind, depth: cached.depth, content: Shared::Held(cached.content) }
            }
            Root::Whole { offset, header, kind } => {
                let max = self.limits.delta_bytes_max;
                let content = if header.size > self.cache.hold_max() {
                    if header.size > max {
                        return Err(PackError::ObjectTooLarge { offset, declared: header.size, max });
                    }
                    Content::Spilled(self.spill(offset, &header, None, max)?)
                } else {
                    let mut content = Vec::new();
                    self.inflate(offset, &header, max, scratch, &mut content)?;
                    Content::Held(content)
                };
                self.keep(offset, kind, 0, content)
            }
        };
        loop {
            let link = scratch.chain.pop().ok_or(PackError::Internal("a chain ends at its first object"))?;
            if scratch.chain.is_empty() {
                return Ok((base, link));
            }
            let made = self.apply(link, &base, self.limits.delta_bytes_max, None, scratch)?;
            base = self.keep(link.offset, base.kind, base.depth.saturating_add(1), made);
        }
    }

    /// Keeps what more than one object may be made of.
    fn keep(&self, offset: u64, kind: ObjectKind, depth: u32, content: Content) -> Known {
        let content = match content {
            Content::Held(content) => {
                let content = Arc::new(content);
                let cached = Cached { kind, content: Arc::clone(&content), depth };
                self.cache.insert(self.number, offset, cached);
                Shared::Held(content)
            }
            Content::Spilled(spilled) => Shared::Spilled(spilled),
        };
        Known { kind, depth, content }
    }

    /// Keeps a tree that was read: a walk reads next the one that is a delta against it.
    fn keep_tree(&self, offset: u64, kind: ObjectKind, depth: u32, content: &[u8]) {
        if kind == ObjectKind::Tree && content.len() <= TREE_MAX {
            let content = Arc::new(content.to_vec());
            self.cache.insert(self.number, offset, Cached { kind, content, depth });
        }
    }

    /// Makes the object of a delta. What is too large to be held is spilled, unless there is an `out`: then it goes there.
    fn apply(
        &self,
        link: Link,
        base: &Known,
        max: u64,
        out: Option<&mut Vec<u8>>,
        scratch: &mut Scratch,
    ) -> Result<Content, PackError> {
        let hold_max = self.cache.hold_max();
        if let Shared::Held(content) = &base.content
            && link.header.size <= hold_max
        {
            let mut delta = std::mem::take(&mut scratch.delta);
            self.inflate(link.offset, &link.header, self.limits.delta_bytes_max, scratch, &mut delta)?;
            let failed = |source| delta_error(link.offset, source);
            let result_size = gitwire_delta::Header::parse(&delta).map_err(failed)?.result_size;
            if out.is_some() || result_size <= hold_max || result_size > max {
                let mut made = out.map_or_else(Vec::new, std::mem::take);
                let applied = gitwire_delta::apply(content, &delta, max, &mut made);
                scratch.delta = delta;
                return applied.map(|()| Content::Held(made)).map_err(failed);
            }
        }
        let against = match &base.content {
            Shared::Held(content) => Base::Held(content),
            Shared::Spilled(spilled) => spilled.into(),
        };
        match out {
            None => Ok(Content::Spilled(self.spill(link.offset, &link.header, Some(against), max)?)),
            Some(out) => {
                let mut made = Gathered(std::mem::take(out));
                self.make(link.offset, &link.header, Some(against), max, &mut made)?;
                Ok(Content::Held(made.0))
            }
        }
    }

    fn spill(
        &self,
        offset: u64,
        header: &EntryHeader,
        base: Option<Base<'_>>,
        max: u64,
    ) -> Result<Spilled, PackError> {
        let mut spilled = Spilled::new(&self.data, &Meter::new(&self.limits, self.end))?;
        self.make(offset, header, base, max, &mut spilled)?;
        Ok(spilled)
    }

    fn make(
        &self,
        offset: u64,
        header: &EntryHeader,
        base: Option<Base<'_>>,
        max: u64,
        take: &mut dyn Take,
    ) -> Result<(), PackError> {
        let start = offset.saturating_add(u64::from(header.len));
        let place = Compressed { entry: offset, start, end: self.end, size: header.size };
        spilled::make(&self.data, place, base, max, &Never, take).map(drop)
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
            let header = self.header_at(at, scratch)?;
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
        let Scratch { inflater, window, input, .. } = scratch;
        if bound <= Window::LEN || self.data.in_memory().is_some() {
            let input = self.front(place.start, bound, window)?;
            return Ok(inflater.whole(input, out, place.entry)?.is_some());
        }
        if input.len() < bound {
            input.resize(bound, 0);
        }
        let room = input.get_mut(..bound).unwrap_or_default();
        let count = self.data.read_at(place.start, room).map_err(PackError::Storage)?;
        let input = input.get(..count).unwrap_or_default();
        Ok(inflater.whole(input, out, place.entry)?.is_some())
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
        Self {
            inflater: Inflater::new(),
            window: Window::default(),
            input: Vec::new(),
            delta: Vec::new(),
            chain: Vec::new(),
            places: Vec::new(),
        }
    }
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scratch")
    }
}

/// Up to this size an object is inflated in one piece, into memory that is taken on the word of its header.
const WHOLE_MAX: u64 = 256 << 10;
/// Larger trees are not kept for the next one: a shard of the cache holds a few of them.
const TREE_MAX: usize = 1 << 20;
/// Larger buffers are not kept.
const KEEP_MAX: usize = 512 << 10;
