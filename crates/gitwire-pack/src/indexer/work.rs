//! What the threads hand each other.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use gitwire_types::ObjectKind;

use crate::PackError;
use crate::indexer::family::NONE;
use crate::indexer::worker::Shared;
use crate::spilled::{Base, Meter, Spilled};

/// Who does what next.
pub(crate) struct Work {
    threads: usize,
    /// The next entry that nobody has looked at.
    next: AtomicU32,
    end: u32,
    queue: Mutex<Queue>,
    arrived: Condvar,
    /// Threads that have nothing to do: whoever has more than it needs gives some away.
    pub(crate) hungry: AtomicUsize,
    pub(crate) stop: AtomicBool,
    failure: Mutex<Option<PackError>>,
    /// Bytes of objects that deltas are made against, small ones left out.
    pub(crate) held: AtomicUsize,
    pub(crate) meter: Arc<Meter>,
    /// Held by the one thread that works on large objects.
    pub(crate) large: Mutex<()>,
}

#[derive(Default)]
struct Queue {
    frames: Vec<Frame>,
    idle: usize,
    done: bool,
}

impl Work {
    /// Entries `next..end`, by `threads` threads.
    pub(crate) fn new(threads: usize, next: u32, end: u32, meter: &Arc<Meter>) -> Self {
        Self {
            meter: Arc::clone(meter),
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

    pub(crate) fn fail(&self, error: PackError) {
        lock(&self.failure).get_or_insert(error);
        self.stop.store(true, Ordering::Release);
        lock(&self.queue).done = true;
        self.arrived.notify_all();
    }

    /// The next few entries to look at.
    pub(crate) fn claim(&self) -> Range<u32> {
        // Not past the end by more than the number of threads.
        if self.next.load(Ordering::Relaxed) >= self.end {
            return self.end..self.end;
        }
        let start = self.next.fetch_add(CLAIM, Ordering::Relaxed).min(self.end);
        start..start.saturating_add(CLAIM).min(self.end)
    }

    /// A family of another thread, if one is there.
    pub(crate) fn take(&self) -> Option<Frame> {
        let mut queue = lock(&self.queue);
        let frame = queue.frames.pop()?;
        self.set_hungry(&queue);
        Some(frame)
    }

    /// Waits for a family of another thread; `None`: there is nothing left to do.
    pub(crate) fn receive(&self) -> Option<Frame> {
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

    pub(crate) fn give(&self, frame: Frame) {
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
pub(crate) struct Frame {
    pub(crate) entry: u32,
    pub(crate) kind: ObjectKind,
    pub(crate) depth: u32,
    /// `None`: dropped to save memory, to be made again.
    pub(crate) content: Option<Arc<Made>>,
    /// The children to come: a list, those that refer to it by id, and the one that comes last.
    pub(crate) next: u32,
    pub(crate) ids: Range<u32>,
    pub(crate) last: u32,
}

/// The content of an object.
pub(crate) enum Made {
    /// The front of a buffer that is used again.
    Held { buffer: Vec<u8>, size: usize },
    /// What is too large for that.
    Spilled(Spilled),
}

impl Made {
    /// Its bytes; none where it is spilled.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Held { buffer, size } => buffer.get(..*size).unwrap_or_default(),
            Self::Spilled(_) => &[],
        }
    }

    /// The memory that its buffer takes.
    pub(crate) fn taken(&self) -> usize {
        match self {
            Self::Held { buffer, .. } => buffer.capacity(),
            Self::Spilled(_) => 0,
        }
    }

    /// As deltas see it.
    pub(crate) fn base(&self) -> Base<'_> {
        match self {
            Self::Held { buffer, size } => Base::Held(buffer.get(..*size).unwrap_or_default()),
            Self::Spilled(spilled) => spilled.into(),
        }
    }

    /// Its bytes in memory, where there are so many that they count.
    pub(crate) fn held(&self) -> Option<usize> {
        match self {
            Self::Held { size, .. } if *size >= SMALL => Some(*size),
            _ => None,
        }
    }

    pub(crate) fn is_small(&self) -> bool {
        matches!(self, Self::Held { size, .. } if *size < SMALL)
    }
}

impl Frame {
    /// The next child to make.
    pub(crate) fn child(&mut self, shared: &Shared<'_>) -> Option<u32> {
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

    pub(crate) fn is_exhausted(&self) -> bool {
        self.next == NONE && self.ids.is_empty() && self.last == NONE
    }

    /// Takes all children but the last for another thread.
    pub(crate) fn split(&mut self) -> Self {
        let ids = std::mem::replace(&mut self.ids, 0..0);
        let next = std::mem::replace(&mut self.next, NONE);
        let (entry, kind, depth, content) = (self.entry, self.kind, self.depth, self.content.clone());
        Self { entry, kind, depth, content, next, ids, last: NONE }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Entries that a thread takes at once: few enough to share the work, many enough to read them together.
const CLAIM: u32 = 64;
/// Objects below this are not counted: the stack holds few of them.
pub(crate) const SMALL: usize = 16 << 10;
