//! Naming objects: inflate, apply deltas, hash; on each thread a family of deltas at a time, bases first.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use gitwire_object::{Hasher, Trust};
use gitwire_types::{Interrupt, ObjectId, ObjectKind};

use crate::access::delta_error;
use crate::hash::attack;
use crate::indexer::family::{Families, IdDeltas, NONE, Names};
use crate::indexer::options::{Content, IndexerOptions, Resolve};
use crate::indexer::progress::Progress;
use crate::indexer::table::{Code, Table};
use crate::inflate::{Compressed, InflateStream, Inflater};
use crate::{EntryHeader, InflateProblem, PackError, ReadAt};

/// What the threads share.
pub(crate) struct Shared<'a> {
    pub(crate) spool: &'a dyn ReadAt,
    pub(crate) options: &'a IndexerOptions,
    pub(crate) table: &'a Table,
    pub(crate) families: &'a Families,
    pub(crate) id_deltas: &'a IdDeltas,
    pub(crate) names: &'a Names,
    pub(crate) resolve: &'a Resolve<'a>,
    pub(crate) progress: &'a Progress,
    pub(crate) interrupt: &'a dyn Interrupt,
    pub(crate) counts: &'a Counts,
    pub(crate) work: Work,
}

/// Sums for the statistics.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) bytes: AtomicU64,
    pub(crate) depth_max: AtomicU32,
}

/// Who does what next.
pub(crate) struct Work {
    threads: usize,
    /// The next entry that nobody has looked at.
    next: AtomicU32,
    end: u32,
    queue: Mutex<Queue>,
    arrived: Condvar,
    /// Threads that have nothing to do: whoever has more than it needs gives some away.
    hungry: AtomicUsize,
    stop: AtomicBool,
    failure: Mutex<Option<PackError>>,
    /// Bytes of objects that deltas are made against, small ones left out.
    held: AtomicUsize,
    /// Held by the one thread that works on large objects.
    large: Mutex<()>,
}

#[derive(Default)]
struct Queue {
    frames: Vec<Frame>,
    idle: usize,
    done: bool,
}

impl Work {
    /// Entries `next..end`, by `threads` threads.
    pub(crate) fn new(threads: usize, next: u32, end: u32) -> Self {
        Self {
            threads,
            next: AtomicU32::new(next),
            end,
            queue: Mutex::default(),
            arrived: Condvar::new(),
            hungry: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            failure: Mutex::new(None),
            held: AtomicUsize::new(0),
            large: Mutex::new(()),
        }
    }

    /// The first error, once all threads have ended.
    pub(crate) fn into_result(self) -> Result<(), PackError> {
        match self.failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn fail(&self, error: PackError) {
        lock(&self.failure).get_or_insert(error);
        self.stop.store(true, Ordering::Release);
        lock(&self.queue).done = true;
        self.arrived.notify_all();
    }

    /// The next few entries to look at.
    fn claim(&self) -> Range<u32> {
        // Not past the end by more than the number of threads.
        if self.next.load(Ordering::Relaxed) >= self.end {
            return self.end..self.end;
        }
        let start = self.next.fetch_add(CLAIM, Ordering::Relaxed).min(self.end);
        start..start.saturating_add(CLAIM).min(self.end)
    }

    /// Waits for a family of another thread; `None`: there is nothing left to do.
    fn receive(&self) -> Option<Frame> {
        let mut queue = lock(&self.queue);
        queue.idle = queue.idle.saturating_add(1);
        loop {
            if let Some(frame) = queue.frames.pop() {
                queue.idle = queue.idle.saturating_sub(1);
                self.set_hungry(&queue);
                return Some(frame);
            }
            if queue.done || queue.idle >= self.threads {
                queue.done = true;
                self.arrived.notify_all();
                return None;
            }
            self.set_hungry(&queue);
            queue = self.arrived.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn give(&self, frame: Frame) {
        let mut queue = lock(&self.queue);
        queue.frames.push(frame);
        self.set_hungry(&queue);
        drop(queue);
        self.arrived.notify_one();
    }

    fn set_hungry(&self, queue: &Queue) {
        self.hungry.store(queue.idle.saturating_sub(queue.frames.len()), Ordering::Relaxed);
    }
}

/// An object whose children are being made.
struct Frame {
    entry: u32,
    kind: ObjectKind,
    depth: u32,
    /// `None`: dropped to save memory, to be made again.
    content: Option<Arc<Made>>,
    /// The children to come: a list, those that refer to it by id, and the one that comes last.
    next: u32,
    ids: Range<u32>,
    last: u32,
}

/// The content of an object: the front of a buffer that is used again.
struct Made {
    buffer: Vec<u8>,
    size: usize,
}

impl Made {
    fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.size).unwrap_or_default()
    }
}

/// One thread.
pub(crate) struct Worker<'a> {
    shared: &'a Shared<'a>,
    stack: Vec<Frame>,
    scratch: &'a mut Scratch,
    /// Held while a large object is on the stack.
    large: Option<MutexGuard<'a, ()>>,
    named: u64,
}

/// The buffers of one thread.
pub(crate) struct Scratch {
    inflater: Inflater,
    hasher: Hasher,
    input: Vec<u8>,
    delta: Vec<u8>,
    /// For the content of an object that exists already.
    other: Vec<u8>,
    spare: Vec<Vec<u8>>,
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

impl<'a> Worker<'a> {
    pub(crate) fn new(shared: &'a Shared<'a>, scratch: &'a mut Scratch) -> Self {
        Self { shared, stack: Vec::new(), scratch, large: None, named: 0 }
    }

    /// Works until nothing is left for any thread.
    pub(crate) fn run(mut self) {
        if let Err(error) = self.try_run() {
            self.shared.work.fail(error);
        }
        self.shared.progress.add_resolved(self.named);
    }

    /// Makes what is made against an object that stands in the pack as `entry` and is `content`.
    pub(crate) fn run_from(
        mut self,
        entry: u32,
        kind: ObjectKind,
        id: &ObjectId,
        content: Vec<u8>,
    ) -> Result<(), PackError> {
        let size = content.len();
        self.push(entry, kind, 0, id, Made { buffer: content, size });
        let result = self.run_stack();
        self.shared.progress.add_resolved(self.named);
        result
    }

    fn try_run(&mut self) -> Result<(), PackError> {
        loop {
            let claimed = self.shared.work.claim();
            if claimed.is_empty() {
                break;
            }
            self.shared.interrupt.check()?;
            for entry in claimed {
                if let Some(Code::Whole(kind)) = self.shared.table.code(entry) {
                    self.root(entry, kind)?;
                    self.run_stack()?;
                }
                if self.shared.work.stop.load(Ordering::Relaxed) {
                    return Ok(());
                }
            }
        }
        while let Some(frame) = self.shared.work.receive() {
            self.stack.push(frame);
            self.run_stack()?;
        }
        Ok(())
    }

    /// Makes children, deepest first, until the stack is empty.
    fn run_stack(&mut self) -> Result<(), PackError> {
        let mut steps = 0_u32;
        while let Some(mut frame) = self.stack.pop() {
            steps = steps.wrapping_add(1);
            if steps.is_multiple_of(64) {
                self.shared.interrupt.check()?;
                if self.shared.work.stop.load(Ordering::Relaxed) {
                    return Ok(());
                }
            }
            let Some(child) = frame.child(self.shared) else {
                self.release(frame.content);
                continue;
            };
            let base = match frame.content.take() {
                Some(content) => content,
                None => Arc::new(self.make_again(frame.entry)?),
            };
            let (entry, kind, depth) = (frame.entry, frame.kind, frame.depth.saturating_add(1));
            if !frame.is_exhausted() {
                frame.content = Some(base.clone());
                self.stack.push(frame);
            }
            self.child(child, entry, kind, depth, base)?;
            self.share();
        }
        self.large = None;
        Ok(())
    }

    /// Names an object that is stored whole.
    fn root(&mut self, entry: u32, kind: ObjectKind) -> Result<(), PackError> {
        let (offset, _) = self.shared.table.place(entry);
        let header = self.header(entry)?;
        let streamed = header.size > STREAM_ABOVE;
        let (first, last) = self.shared.families.children(entry);
        if streamed && first == NONE && last == NONE {
            let id = self.hash_stream(entry, &header, kind)?;
            let against = self.shared.id_deltas.against(self.shared.table, &id);
            if against.is_empty() {
                let size = header.size;
                self.check(offset, &id, kind, Content::Large { size }, &[])?;
                self.name(entry, &id, kind, size, 0);
                return Ok(());
            }
        }
        let made = self.inflate_base(entry, &header)?;
        self.finish(entry, kind, 0, made)
    }

    /// Makes the object of a delta.
    fn child(
        &mut self,
        entry: u32,
        parent: u32,
        kind: ObjectKind,
        depth: u32,
        base: Arc<Made>,
    ) -> Result<(), PackError> {
        let (offset, _) = self.shared.table.place(entry);
        let max = self.shared.options.limits.delta_depth_max;
        if depth > max {
            return Err(PackError::ChainTooDeep { offset, max });
        }
        self.shared.families.set_parent(entry, parent);
        let made = self.apply(entry, base.bytes())?;
        self.release(Some(base));
        self.finish(entry, kind, depth, made)
    }

    /// Hashes and checks an object; keeps it where deltas are made against it.
    fn finish(&mut self, entry: u32, kind: ObjectKind, depth: u32, made: Made) -> Result<(), PackError> {
        let (offset, _) = self.shared.table.place(entry);
        let hashed = self.scratch.hasher.object_id(kind, made.bytes());
        let id = hashed.map_err(|error| attack(offset, error))?;
        self.check(offset, &id, kind, Content::Whole(made.bytes()), made.bytes())?;
        self.name(entry, &id, kind, made.size as u64, depth);
        self.push(entry, kind, depth, &id, made);
        Ok(())
    }

    fn name(&mut self, entry: u32, id: &ObjectId, kind: ObjectKind, size: u64, depth: u32) {
        self.shared.names.set(entry, id, kind);
        self.shared.counts.bytes.fetch_add(size, Ordering::Relaxed);
        if depth > self.shared.counts.depth_max.load(Ordering::Relaxed) {
            self.shared.counts.depth_max.fetch_max(depth, Ordering::Relaxed);
        }
        self.named = self.named.saturating_add(1);
        if self.named >= REPORT_EVERY {
            self.shared.progress.add_resolved(std::mem::take(&mut self.named));
        }
    }

    /// Asks the caller's checks.
    fn check(
        &mut self,
        offset: u64,
        id: &ObjectId,
        kind: ObjectKind,
        content: Content<'_>,
        bytes: &[u8],
    ) -> Result<(), PackError> {
        if let Some(existing) = self.shared.resolve.existing
            && let Some((known, size)) = existing.info(id).map_err(PackError::Storage)?
        {
            let collision = || PackError::Collision { offset, id: *id };
            let (whole, own) = match content {
                Content::Whole(bytes) => (true, bytes.len() as u64),
                Content::Large { size } => (false, size),
            };
            if known != kind || size != own {
                return Err(collision());
            }
            let other = &mut self.scratch.other;
            if whole
                && existing.read(id, size, other).map_err(PackError::Storage)?.is_some()
                && other != bytes
            {
                return Err(collision());
            }
            other.clear();
        }
        match self.shared.resolve.inspect {
            Some(inspect) => inspect.inspect(id, kind, content).map_err(|source| PackError::Refused {
                offset,
                id: *id,
                source,
            }),
            None => Ok(()),
        }
    }

    /// Puts an object on the stack if anything is made against it.
    fn push(&mut self, entry: u32, kind: ObjectKind, depth: u32, id: &ObjectId, made: Made) {
        let (next, last) = self.shared.families.children(entry);
        let ids = self.shared.id_deltas.against(self.shared.table, id);
        if next == NONE && last == NONE && ids.is_empty() {
            self.recycle(made.buffer);
            return;
        }
        if made.size >= SMALL {
            self.shared.work.held.fetch_add(made.size, Ordering::Relaxed);
        }
        self.stack.push(Frame { entry, kind, depth, content: Some(Arc::new(made)), next, ids, last });
        if self.shared.work.held.load(Ordering::Relaxed) > self.shared.options.memory_used() / 2 {
            self.forget();
        }
    }

    /// Drops the content of all waiting objects but the one that is needed next: they will be made again.
    fn forget(&mut self) {
        let waiting = self.stack.len().saturating_sub(1);
        let mut dropped = Vec::new();
        for frame in self.stack.iter_mut().take(waiting) {
            if frame.content.as_ref().is_some_and(|made| made.size >= SMALL) {
                dropped.push(frame.content.take());
            }
        }
        for content in dropped {
            self.release(content);
        }
    }

    /// Gives the family that has waited longest to a thread that has none.
    fn share(&mut self) {
        if self.shared.work.hungry.load(Ordering::Relaxed) == 0 || self.large.is_some() {
            return;
        }
        // The last frame is what this thread goes on with, unless it is the only one and has more than one child.
        let enough = match self.stack.as_slice() {
            [] => false,
            [only] => only.next != NONE || !only.ids.is_empty(),
            _ => true,
        };
        if !enough {
            return;
        }
        if self.stack.len() > 1 {
            let frame = self.stack.remove(0);
            self.shared.work.give(frame);
        } else if let Some(only) = self.stack.first_mut() {
            let half = only.split();
            self.shared.work.give(half);
        }
    }

    fn release(&mut self, content: Option<Arc<Made>>) {
        if let Some(made) = content.and_then(Arc::into_inner) {
            if made.size >= SMALL {
                self.shared.work.held.fetch_sub(made.size, Ordering::Relaxed);
            }
            self.recycle(made.buffer);
        }
    }

    fn recycle(&mut self, buffer: Vec<u8>) {
        if buffer.capacity() <= KEEP_MAX && self.scratch.spare.len() < SPARE_MAX {
            self.scratch.spare.push(buffer);
        }
    }
}

impl Worker<'_> {
    /// The header of an entry.
    fn header(&mut self, entry: u32) -> Result<EntryHeader, PackError> {
        let (start, end) = self.shared.table.place(entry);
        let len = usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX);
        let bytes = read(self.shared.spool, &mut self.scratch.input, start, len.min(READ_AHEAD))?;
        EntryHeader::parse(bytes, self.shared.options.format, start)?
            .ok_or(PackError::Truncated { offset: end })
    }

    /// Inflates an object that is stored whole.
    fn inflate_base(&mut self, entry: u32, header: &EntryHeader) -> Result<Made, PackError> {
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
    fn apply(&mut self, entry: u32, base: &[u8]) -> Result<Made, PackError> {
        let (offset, _) = self.shared.table.place(entry);
        let header = self.header(entry)?;
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
        if delta.capacity() <= KEEP_MAX {
            self.scratch.delta = delta;
        }
        Ok(Made { buffer: made.map_err(|source| delta_error(offset, source))?, size })
    }

    /// Makes an object again whose content was dropped.
    fn make_again(&mut self, entry: u32) -> Result<Made, PackError> {
        let mut chain = Vec::new();
        let mut at = entry;
        while !matches!(self.shared.table.code(at), Some(Code::Whole(_)) | None) {
            chain.push(at);
            at = self.shared.families.parent(at);
        }
        let header = self.header(at)?;
        let mut made = self.inflate_base(at, &header)?;
        while let Some(next) = chain.pop() {
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
    fn hash_stream(
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

impl Frame {
    /// The next child to make.
    fn child(&mut self, shared: &Shared<'_>) -> Option<u32> {
        if self.next != NONE {
            let child = self.next;
            self.next = shared.families.next(child);
            return Some(child);
        }
        for place in self.ids.by_ref() {
            if let Some(child) = shared.id_deltas.claim(shared.table, place) {
                return Some(child);
            }
        }
        let last = std::mem::replace(&mut self.last, NONE);
        (last != NONE).then_some(last)
    }

    fn is_exhausted(&self) -> bool {
        self.next == NONE && self.ids.is_empty() && self.last == NONE
    }

    /// Takes all children but the last for another thread.
    fn split(&mut self) -> Self {
        let ids = std::mem::replace(&mut self.ids, 0..0);
        let next = std::mem::replace(&mut self.next, NONE);
        let (entry, kind, depth, content) = (self.entry, self.kind, self.depth, self.content.clone());
        Self { entry, kind, depth, content, next, ids, last: NONE }
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Entries that a thread takes at once: few enough to share the work, many enough to read them together.
const CLAIM: u32 = 64;
/// Whole objects above this are hashed in pieces if nothing is made against them.
const STREAM_ABOVE: u64 = 1 << 20;
/// Buffers above this are given back at once.
const KEEP_MAX: usize = 1 << 20;
/// Buffers that a thread keeps for its next objects.
const SPARE_MAX: usize = 4;
/// Objects below this are not counted: the stack holds few of them.
const SMALL: usize = 16 << 10;
/// Bytes that are read for a header.
const READ_AHEAD: usize = EntryHeader::MAX_LEN;
/// Objects between two reports of progress.
const REPORT_EVERY: u64 = 256;
