//! From an entry to the content of its object.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use gitwire_object::{Hasher, Namer, Trust};
use gitwire_types::{ObjectId, ObjectKind};

use crate::hash::attack;
use crate::indexer::options::IndexerOptions;
use crate::indexer::table::Code;
use crate::indexer::work::{Made, SMALL, lock};
use crate::indexer::worker::Worker;
use crate::inflate::{Compressed, InflateStream, Inflater};
use crate::spilled::{self, Base, Meter, Spilled, Take, delta_error};
use crate::{EntryHeader, InflateProblem, PackError, ReadAt};

/// The buffers of one thread.
pub(crate) struct Scratch {
    pub(crate) inflater: Inflater,
    pub(crate) hasher: Hasher,
    pub(crate) namer: Namer<Unnamed>,
    /// Bytes of the buffers that `namer` has.
    pub(crate) unnamed: usize,
    pub(crate) input: Vec<u8>,
    pub(crate) delta: Vec<u8>,
    /// For the content of an object that exists already.
    pub(crate) other: Vec<u8>,
    /// Buffers by their length.
    spare: BTreeMap<usize, Vec<Vec<u8>>>,
    spare_bytes: usize,
    spare_max: usize,
}

/// An object whose name is not known yet.
pub(crate) struct Unnamed {
    pub(crate) entry: u32,
    pub(crate) kind: ObjectKind,
    pub(crate) depth: u32,
    pub(crate) made: Arc<Made>,
}

impl AsRef<[u8]> for Unnamed {
    fn as_ref(&self) -> &[u8] {
        self.made.bytes()
    }
}

impl Scratch {
    pub(crate) fn new(options: &IndexerOptions) -> Self {
        Self {
            inflater: Inflater::new(),
            hasher: Hasher::new(options.format, Trust::Stranger),
            namer: Namer::new(options.format),
            unnamed: 0,
            input: Vec::new(),
            delta: Vec::new(),
            other: Vec::new(),
            spare: BTreeMap::new(),
            spare_bytes: 0,
            spare_max: options.unnamed_max(),
        }
    }

    /// A buffer of at least `size` bytes, whatever they are.
    fn room(&mut self, size: usize) -> Vec<u8> {
        // Four lengths for each power of two.
        let step = 1_usize << size.max(LEN_MIN).ilog2().saturating_sub(2);
        let len = size.max(LEN_MIN).checked_next_multiple_of(step).unwrap_or(size);
        let mut fit = self.spare.range_mut(len..=len.saturating_mul(2)).map(|(_, buffers)| buffers);
        match fit.find_map(Vec::pop) {
            Some(buffer) => {
                self.spare_bytes = self.spare_bytes.saturating_sub(buffer.len());
                buffer
            }
            None => vec![0; len],
        }
    }

    /// Takes back a buffer. Those that are in use for objects without a name come back too.
    pub(crate) fn recycle(&mut self, buffer: Vec<u8>) {
        let bytes = self.spare_bytes.saturating_add(buffer.len());
        if (LEN_MIN..=KEEP_MAX).contains(&buffer.len())
            && bytes.saturating_add(self.unnamed) <= self.spare_max
        {
            self.spare_bytes = bytes;
            self.spare.entry(buffer.len()).or_default().push(buffer);
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

    /// Makes an object that is stored whole and that deltas are made against.
    pub(crate) fn whole(
        &mut self,
        entry: u32,
        header: &EntryHeader,
        kind: ObjectKind,
    ) -> Result<Object, PackError> {
        let (offset, _) = self.shared.table.place(entry);
        let (declared, max) = (header.size, self.shared.options.limits.delta_bytes_max);
        if declared > max.max(STREAM_ABOVE) {
            return Err(PackError::ObjectTooLarge { offset, declared, max });
        }
        if declared > self.shared.options.hold_max() {
            return self.large(entry, header, None, kind, true);
        }
        let size = usize::try_from(declared).unwrap_or(usize::MAX);
        self.make_way(size, 0);
        let mut buffer = self.scratch.room(size);
        self.inflate(entry, header, &mut buffer)?;
        self.charge(size)?;
        Ok(Object::Held { buffer, size })
    }

    /// Makes the object of the delta `entry` from its base. One that is too large to be held is kept if `keep` says so; a blob that is
    /// not to be kept is not held either where it is large.
    pub(crate) fn apply(
        &mut self,
        entry: u32,
        base: &Made,
        kind: ObjectKind,
        keep: bool,
    ) -> Result<Object, PackError> {
        let (offset, _) = self.shared.table.place(entry);
        let header = self.header(entry)?;
        let hold_max = match kind {
            ObjectKind::Blob if !keep => STREAM_ABOVE,
            _ => self.shared.options.hold_max(),
        };
        let Made::Held { buffer: base_buffer, size: base_size } = base else {
            return self.large(entry, &header, Some(base.base()), kind, keep);
        };
        if header.size > hold_max {
            return self.large(entry, &header, Some(base.base()), kind, keep);
        }
        let base_bytes = base_buffer.get(..*base_size).unwrap_or_default();
        let mut delta = std::mem::take(&mut self.scratch.delta);
        let delta_len = usize::try_from(header.size).unwrap_or(usize::MAX);
        if delta.len() < delta_len {
            delta.resize(delta_len, 0);
        }
        self.inflate(entry, &header, &mut delta)?;
        let bytes = delta.get(..delta_len).unwrap_or_default();
        let max = self.shared.options.limits.delta_bytes_max;
        let sizes = gitwire_delta::Header::parse(bytes).map_err(|source| delta_error(offset, source))?;
        sizes.check(*base_size as u64, max).map_err(|source| delta_error(offset, source))?;
        if sizes.result_size > hold_max {
            self.keep_delta(delta);
            return self.large(entry, &header, Some(base.base()), kind, keep);
        }
        let size = usize::try_from(sizes.result_size).unwrap_or(usize::MAX);
        self.make_way(size, *base_size);
        let made = if size <= KEEP_MAX {
            let mut buffer = self.scratch.room(size);
            let room = buffer.get_mut(..size).unwrap_or_default();
            gitwire_delta::apply_to(base_bytes, bytes, room).map(|()| buffer)
        } else {
            // The size is but a claim, and nothing is taken for it before the instructions bear it out.
            let mut buffer = Vec::new();
            gitwire_delta::apply(base_bytes, bytes, max, &mut buffer).map(|()| buffer)
        };
        self.keep_delta(delta);
        self.charge(size)?;
        Ok(Object::Held { buffer: made.map_err(|source| delta_error(offset, source))?, size })
    }

    /// Names an object in pieces, and spills it where it is to be kept.
    pub(crate) fn large(
        &mut self,
        entry: u32,
        header: &EntryHeader,
        base: Option<Base<'_>>,
        kind: ObjectKind,
        keep: bool,
    ) -> Result<Object, PackError> {
        let shared = self.shared;
        let meter = &shared.work.meter;
        let spilled = match keep {
            true => {
                // Nobody else spills meanwhile.
                self.wait_for_turn();
                if meter.is_half_full() {
                    self.forget();
                }
                Some(Spilled::new(shared.spool, meter)?)
            }
            false => None,
        };
        let (offset, end) = shared.table.place(entry);
        let start = offset.saturating_add(u64::from(header.len));
        let place = Compressed { entry: offset, start, end, size: header.size };
        let mut taking = Taking { hasher: &mut self.scratch.hasher, kind, spilled, meter };
        let max = shared.options.limits.delta_bytes_max;
        let size = spilled::make(shared.spool, place, base, max, shared.interrupt, &mut taking)?;
        let spilled = taking.spilled;
        let id = self.scratch.hasher.finish_reset().map_err(|error| attack(offset, error))?;
        Ok(Object::Large { id, size, spilled })
    }

    /// Counts what was made.
    fn charge(&self, size: usize) -> Result<(), PackError> {
        if size < SMALL { Ok(()) } else { self.shared.work.meter.charge(size as u64) }
    }

    fn keep_delta(&mut self, delta: Vec<u8>) {
        if delta.capacity() <= KEEP_MAX {
            self.scratch.delta = delta;
        }
    }

    /// Makes an object again whose content was dropped.
    pub(crate) fn make_again(&mut self, entry: u32, kind: ObjectKind) -> Result<Made, PackError> {
        let mut chain = Vec::new();
        let mut at = entry;
        while !matches!(self.shared.table.code(at), Some(Code::Whole(_)) | None) {
            chain.push(at);
            at = self.shared.families.parent(at);
        }
        let header = self.header(at)?;
        let mut made = self.whole(at, &header, kind)?.kept()?;
        while let Some(next) = chain.pop() {
            self.shared.interrupt.check()?;
            let above = self.apply(next, &made, kind, true)?.kept()?;
            if let Made::Held { buffer, .. } = std::mem::replace(&mut made, above) {
                self.recycle(buffer);
            }
        }
        if let Some(size) = made.held() {
            self.shared.work.held.fetch_add(size, Ordering::Relaxed);
        }
        Ok(made)
    }

    /// Waits for the turn of this thread where an object is large.
    fn make_way(&mut self, size: usize, base: usize) {
        let share = self.shared.options.memory_used() / self.shared.options.threads / 8;
        if size.max(base) > share.max(KEEP_MAX) {
            self.wait_for_turn();
        }
    }

    fn wait_for_turn(&mut self) {
        if self.large.is_none() {
            self.large = Some(lock(&self.shared.work.large));
        }
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
}

/// What became of an entry.
pub(crate) enum Object {
    /// It is held.
    Held { buffer: Vec<u8>, size: usize },
    /// It was named, and is spilled where it was to be kept.
    Large { id: ObjectId, size: u64, spilled: Option<Spilled> },
}

impl Object {
    /// What was asked for to be kept.
    fn kept(self) -> Result<Made, PackError> {
        match self {
            Self::Held { buffer, size } => Ok(Made::Held { buffer, size }),
            Self::Large { spilled: Some(spilled), .. } => Ok(Made::Spilled(spilled)),
            Self::Large { .. } => Err(PackError::Internal("what is asked for is kept")),
        }
    }
}

/// Names an object that comes in pieces, and keeps it where that is asked for.
struct Taking<'a> {
    hasher: &'a mut Hasher,
    kind: ObjectKind,
    spilled: Option<Spilled>,
    meter: &'a Meter,
}

impl Take for Taking<'_> {
    fn begin(&mut self, size: u64) -> Result<(), PackError> {
        self.hasher.begin_object(self.kind, size);
        Ok(())
    }

    fn piece(&mut self, piece: &[u8]) -> Result<(), PackError> {
        self.meter.charge(piece.len() as u64)?;
        self.hasher.update(piece);
        self.spilled.as_mut().map_or(Ok(()), |spilled| spilled.append(piece))
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

/// Blobs above this are hashed in pieces if nothing is made against them, whatever the memory.
pub(crate) const STREAM_ABOVE: u64 = 1 << 20;
/// The length of the smallest buffer.
const LEN_MIN: usize = 256;
/// Buffers above this are given back at once.
pub(crate) const KEEP_MAX: usize = 1 << 20;
/// Bytes that are read for a header.
const READ_AHEAD: usize = EntryHeader::MAX_LEN;
