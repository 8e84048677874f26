//! From an entry to the content of its object.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use std::sync::atomic::Ordering;

use gitwire_delta::StreamError;
use gitwire_object::{Hasher, Trust};
use gitwire_types::{ObjectId, ObjectKind};

use crate::access::delta_error;
use crate::hash::attack;
use crate::indexer::options::IndexerOptions;
use crate::indexer::table::Code;
use crate::indexer::work::{Made, lock};
use crate::indexer::worker::{SMALL, Worker};
use crate::inflate::{Compressed, InflateStream, Inflater};
use crate::{EntryHeader, InflateProblem, PackError, ReadAt};

/// The buffers of one thread.
pub(crate) struct Scratch {
    pub(crate) inflater: Inflater,
    pub(crate) hasher: Hasher,
    pub(crate) input: Vec<u8>,
    pub(crate) delta: Vec<u8>,
    /// For the content of an object that exists already.
    pub(crate) other: Vec<u8>,
    pub(crate) spare: Vec<Vec<u8>>,
}

impl Scratch {
    pub(crate) fn new(options: &IndexerOptions) -> Self {
        Self {
            inflater: Inflater::new(),
            hasher: Hasher::new(options.format, Trust::Stranger),
            input: Vec::new(),
            delta: Vec::new(),
            other: Vec::new(),
            spare: Vec::new(),
        }
    }
}

impl Worker<'_> {
    /// The header of an entry.
    pub(crate) fn header(&mut self, entry: u32) -> Result<EntryHeader, PackError> {
        let (start, end) = self.shared.table.place(entry);
        let len = usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX);
        let bytes = read(self.shared.spool, &mut self.scratch.input, start, len.min(READ_AHEAD))?;
        EntryHeader::parse(bytes, self.shared.options.format, start)?
            .ok_or(PackError::Truncated { offset: end })
    }

    /// Inflates an object that is stored whole.
    pub(crate) fn inflate_base(&mut self, entry: u32, header: &EntryHeader) -> Result<Made, PackError> {
        let (offset, _) = self.shared.table.place(entry);
        let (declared, max) = (header.size, self.shared.options.limits.delta_bytes_max);
        if declared > max.max(STREAM_ABOVE) {
            return Err(PackError::ObjectTooLarge { offset, declared, max });
        }
        let size = usize::try_from(declared).unwrap_or(usize::MAX);
        self.make_way(size, 0);
        let mut buffer = self.room(size);
        self.inflate(entry, header, &mut buffer)?;
        Ok(Made { buffer, size })
    }

    /// Makes the object of the delta `entry` from its base.
    pub(crate) fn apply(&mut self, entry: u32, base: &[u8]) -> Result<Made, PackError> {
        match self.apply_or_hash(entry, base, None)? {
            Applied::Held(made) => Ok(made),
            Applied::Hashed { .. } => Err(PackError::Internal("what is asked for whole is held")),
        }
    }

    /// Makes the object of the delta `entry` from its base; where it is large, and `stream` says of which kind it is, only to hash it.
    pub(crate) fn apply_or_hash(
        &mut self,
        entry: u32,
        base: &[u8],
        stream: Option<ObjectKind>,
    ) -> Result<Applied, PackError> {
        let (offset, _) = self.shared.table.place(entry);
        let header = self.header(entry)?;
        if let Some(kind) = stream.filter(|_| header.size > STREAM_ABOVE) {
            return self.hash_large_delta(entry, &header, base, kind);
        }
        let mut delta = std::mem::take(&mut self.scratch.delta);
        let delta_len = usize::try_from(header.size).unwrap_or(usize::MAX);
        if delta.len() < delta_len {
            delta.resize(delta_len, 0);
        }
        self.inflate(entry, &header, &mut delta)?;
        let bytes = delta.get(..delta_len).unwrap_or_default();
        let max = self.shared.options.limits.delta_bytes_max;
        let sizes = gitwire_delta::Header::parse(bytes).map_err(|source| delta_error(offset, source))?;
        sizes.check(base.len() as u64, max).map_err(|source| delta_error(offset, source))?;
        let size = usize::try_from(sizes.result_size).unwrap_or(usize::MAX);
        if let Some(kind) = stream.filter(|_| sizes.result_size > STREAM_ABOVE) {
            let mut hashing = HashDelta::new(offset, base, kind, max);
            hashing.feed(&mut self.scratch.hasher, bytes)?;
            self.keep_delta(delta);
            return hashing.finish(&mut self.scratch.hasher);
        }
        self.make_way(size, base.len());
        let made = if size <= KEEP_MAX {
            let mut buffer = self.room(size);
            let room = buffer.get_mut(..size).unwrap_or_default();
            gitwire_delta::apply_to(base, bytes, room).map(|()| buffer)
        } else {
            // The size is but a claim, and nothing is taken for it before the instructions bear it out.
            let mut buffer = Vec::new();
            gitwire_delta::apply(base, bytes, max, &mut buffer).map(|()| buffer)
        };
        self.keep_delta(delta);
        Ok(Applied::Held(Made { buffer: made.map_err(|source| delta_error(offset, source))?, size }))
    }

    /// Hashes what a delta makes that is large itself: neither is held.
    fn hash_large_delta(
        &mut self,
        entry: u32,
        header: &EntryHeader,
        base: &[u8],
        kind: ObjectKind,
    ) -> Result<Applied, PackError> {
        let (offset, end) = self.shared.table.place(entry);
        let start = offset.saturating_add(u64::from(header.len));
        let mut stream = InflateStream::new(Compressed { entry: offset, start, end, size: header.size });
        let mut hashing = HashDelta::new(offset, base, kind, self.shared.options.limits.delta_bytes_max);
        loop {
            let piece = stream.next(self.shared.spool)?;
            if piece.is_empty() {
                return hashing.finish(&mut self.scratch.hasher);
            }
            hashing.feed(&mut self.scratch.hasher, piece)?;
            self.shared.interrupt.check()?;
        }
    }

    fn keep_delta(&mut self, delta: Vec<u8>) {
        if delta.capacity() <= KEEP_MAX {
            self.scratch.delta = delta;
        }
    }

    /// Makes an object again whose content was dropped.
    pub(crate) fn make_again(&mut self, entry: u32) -> Result<Made, PackError> {
        let mut chain = Vec::new();
        let mut at = entry;
        while !matches!(self.shared.table.code(at), Some(Code::Whole(_)) | None) {
            chain.push(at);
            at = self.shared.families.parent(at);
        }
        let header = self.header(at)?;
        let mut made = self.inflate_base(at, &header)?;
        while let Some(next) = chain.pop() {
            self.shared.interrupt.check()?;
            let above = self.apply(next, made.bytes())?;
            self.recycle(std::mem::replace(&mut made, above).buffer);
        }
        if made.size >= SMALL {
            self.shared.work.held.fetch_add(made.size, Ordering::Relaxed);
        }
        Ok(made)
    }

    /// Waits for the turn of this thread where an object is large.
    fn make_way(&mut self, size: usize, base: usize) {
        let share = self.shared.options.memory_used() / self.shared.options.threads / 8;
        if size.max(base) > share.max(KEEP_MAX) && self.large.is_none() {
            self.large = Some(lock(&self.shared.work.large));
        }
    }

    /// A buffer of at least `size` bytes, whatever they are.
    fn room(&mut self, size: usize) -> Vec<u8> {
        let mut buffer = self.scratch.spare.pop().unwrap_or_default();
        if buffer.len() < size {
            buffer.resize(size, 0);
        }
        buffer
    }

    /// Inflates an entry into the front of `out`, which has room for it.
    fn inflate(&mut self, entry: u32, header: &EntryHeader, out: &mut [u8]) -> Result<(), PackError> {
        let (offset, end) = self.shared.table.place(entry);
        let start = offset.saturating_add(u64::from(header.len));
        let size = usize::try_from(header.size).unwrap_or(usize::MAX);
        let mut out = out.get_mut(..size).ok_or(PackError::Internal("a buffer has room for its object"))?;
        let len = usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX);
        if len <= KEEP_MAX || self.shared.spool.in_memory().is_some() {
            let input = read(self.shared.spool, &mut self.scratch.input, start, len)?;
            return match self.scratch.inflater.whole(input, out, offset)? {
                Some(consumed) if consumed == len => Ok(()),
                _ => Err(PackError::Inflate { offset, problem: InflateProblem::Length }),
            };
        }
        let mut stream = InflateStream::new(Compressed { entry: offset, start, end, size: header.size });
        loop {
            let piece = stream.next(self.shared.spool)?;
            let Some((room, rest)) = out.split_at_mut_checked(piece.len()) else {
                return Err(PackError::InflateOverrun { offset, declared: header.size });
            };
            if piece.is_empty() {
                return Ok(());
            }
            room.copy_from_slice(piece);
            out = rest;
        }
    }

    /// The id of an object that is not held at once.
    pub(crate) fn hash_stream(
        &mut self,
        entry: u32,
        header: &EntryHeader,
        kind: ObjectKind,
    ) -> Result<ObjectId, PackError> {
        let (offset, end) = self.shared.table.place(entry);
        let start = offset.saturating_add(u64::from(header.len));
        let mut stream = InflateStream::new(Compressed { entry: offset, start, end, size: header.size });
        self.scratch.hasher.begin_object(kind, header.size);
        loop {
            let piece = stream.next(self.shared.spool)?;
            if piece.is_empty() {
                break;
            }
            self.scratch.hasher.update(piece);
            self.shared.interrupt.check()?;
        }
        self.scratch.hasher.finish_reset().map_err(|error| attack(offset, error))
    }
}

/// What a delta made.
pub(crate) enum Applied {
    /// All of it.
    Held(Made),
    /// Its name.
    Hashed { id: ObjectId, size: u64 },
}

/// Hashes what a delta makes, piece by piece.
struct HashDelta<'b> {
    offset: u64,
    base: &'b [u8],
    kind: ObjectKind,
    stream: gitwire_delta::Stream,
    /// The size of the result, once the delta has said it.
    size: Option<u64>,
    room: Vec<u8>,
}

impl<'b> HashDelta<'b> {
    fn new(offset: u64, base: &'b [u8], kind: ObjectKind, max: u64) -> Self {
        let stream = gitwire_delta::Stream::new(&base, max);
        Self { offset, base, kind, stream, size: None, room: vec![0; PIECE] }
    }

    /// The next piece of the delta.
    fn feed(&mut self, hasher: &mut Hasher, mut delta: &[u8]) -> Result<(), PackError> {
        loop {
            let filled =
                self.stream.read(&mut self.base, &mut delta, &mut self.room).map_err(
                    |error| match error {
                        StreamError::Delta(source) => delta_error(self.offset, source),
                        StreamError::Base(never) => match never {},
                    },
                )?;
            if let (None, Some(header)) = (self.size, self.stream.header()) {
                hasher.begin_object(self.kind, header.result_size);
                self.size = Some(header.result_size);
            }
            if filled == 0 {
                return Ok(());
            }
            hasher.update(self.room.get(..filled).unwrap_or_default());
        }
    }

    fn finish(self, hasher: &mut Hasher) -> Result<Applied, PackError> {
        self.stream.finish().map_err(|source| delta_error(self.offset, source))?;
        let id = hasher.finish_reset().map_err(|error| attack(self.offset, error))?;
        Ok(Applied::Hashed { id, size: self.size.unwrap_or_default() })
    }
}

/// Bytes of the pack, where they lie or in `room`.
fn read<'b>(
    spool: &'b dyn ReadAt,
    room: &'b mut Vec<u8>,
    start: u64,
    len: usize,
) -> Result<&'b [u8], PackError> {
    if let Some(all) = spool.in_memory() {
        let from = usize::try_from(start).ok().and_then(|start| all.get(start..));
        return from.and_then(|from| from.get(..len)).ok_or(PackError::Truncated { offset: spool.size() });
    }
    if room.len() < len {
        room.resize(len, 0);
    }
    let room = room.get_mut(..len).unwrap_or_default();
    crate::bytes::read_exact_at(spool, start, room)?;
    Ok(room)
}

/// Blobs above this are hashed in pieces if nothing is made against them. What else there is must be seen whole to be checked.
pub(crate) const STREAM_ABOVE: u64 = 1 << 20;
/// Buffers above this are given back at once.
pub(crate) const KEEP_MAX: usize = 1 << 20;
/// As much of a result as is made at once where it is not held.
const PIECE: usize = 64 << 10;
/// Bytes that are read for a header.
const READ_AHEAD: usize = EntryHeader::MAX_LEN;
