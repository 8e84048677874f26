//! Naming objects: inflate, apply deltas, hash; on each thread a family of deltas at a time, bases first.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard};

use gitwire_types::{Interrupt, ObjectId, ObjectKind};

use crate::hash::attack;
use crate::indexer::family::{Families, IdDeltas, NONE, Names};
use crate::indexer::make::{KEEP_MAX, Object, STREAM_ABOVE, Scratch, Unnamed};
use crate::indexer::options::{Content, IndexerOptions, Resolve};
use crate::indexer::progress::Progress;
use crate::indexer::table::{Code, Table};
use crate::indexer::work::{Frame, Made, Work};
use crate::spilled::Spilled;
use crate::{PackError, ReadAt};

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

/// One thread.
pub(crate) struct Worker<'a> {
    pub(crate) shared: &'a Shared<'a>,
    stack: Vec<Frame>,
    pub(crate) scratch: &'a mut Scratch,
    /// Held while a large object is on the stack.
    pub(crate) large: Option<MutexGuard<'a, ()>>,
    named: u64,
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
        content: Made,
    ) -> Result<(), PackError> {
        self.push(entry, kind, 0, id, content);
        let result = self.run_out();
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
        loop {
            let frame = match self.shared.work.take() {
                Some(frame) => frame,
                None => {
                    self.run_out()?;
                    match self.shared.work.receive() {
                        Some(frame) => frame,
                        None => return Ok(()),
                    }
                }
            };
            self.stack.push(frame);
            self.run_stack()?;
        }
    }

    /// Works until all that this thread has made has a name.
    fn run_out(&mut self) -> Result<(), PackError> {
        loop {
            self.run_stack()?;
            if self.scratch.namer.is_idle() {
                return Ok(());
            }
            self.scratch.namer.finish();
            self.name_ready()?;
        }
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
                None => Arc::new(self.make_again(frame.entry, frame.kind)?),
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
        let header = self.header(entry)?;
        let is_leaf = self.shared.families.children(entry) == (NONE, NONE);
        let made = match kind == ObjectKind::Blob && is_leaf && header.size > STREAM_ABOVE {
            true => self.large(entry, &header, None, kind, false)?,
            false => self.whole(entry, &header, kind)?,
        };
        let made = match made {
            Object::Large { id, spilled: None, .. } if self.is_base(&id) => {
                self.whole(entry, &header, kind)?
            }
            made => made,
        };
        self.finish(entry, kind, 0, made)
    }

    /// Whether a delta names this object as its base.
    fn is_base(&self, id: &ObjectId) -> bool {
        !self.shared.id_deltas.against(self.shared.table, id).is_empty()
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
        let is_leaf = self.shared.families.children(entry) == (NONE, NONE);
        let keep = kind != ObjectKind::Blob || !is_leaf;
        let made = match self.apply(entry, &base, kind, keep)? {
            Object::Large { id, spilled: None, .. } if self.is_base(&id) => {
                self.apply(entry, &base, kind, true)?
            }
            made => made,
        };
        self.release(Some(base));
        self.finish(entry, kind, depth, made)
    }

    /// Hashes and checks an object, a small one later and beside others; keeps it where deltas are made against it.
    fn finish(&mut self, entry: u32, kind: ObjectKind, depth: u32, made: Object) -> Result<(), PackError> {
        let (offset, _) = self.shared.table.place(entry);
        let (id, size, made) = match made {
            Object::Held { buffer, size } if size <= self.shared.options.wait_max() => {
                return self.name_later(entry, kind, depth, Made::Held { buffer, size });
            }
            Object::Held { buffer, size } => {
                let bytes = buffer.get(..size).unwrap_or_default();
                let hashed = self.scratch.hasher.object_id(kind, bytes);
                let id = hashed.map_err(|error| attack(offset, error))?;
                self.check(offset, &id, kind, Content::Whole(bytes))?;
                if size > KEEP_MAX {
                    self.shared.interrupt.check()?;
                }
                (id, size as u64, Some(Made::Held { buffer, size }))
            }
            Object::Large { id, size, spilled } => {
                let data = spilled.as_ref().filter(|_| kind != ObjectKind::Blob).map(Spilled::data);
                self.check(offset, &id, kind, Content::Large { size, data })?;
                (id, size, spilled.map(Made::Spilled))
            }
        };
        self.name(entry, &id, kind, size, depth);
        if let Some(made) = made {
            self.push(entry, kind, depth, &id, made);
        }
        Ok(())
    }

    /// Leaves an object to be hashed beside others. What is made against its offset need not wait for that.
    fn name_later(&mut self, entry: u32, kind: ObjectKind, depth: u32, made: Made) -> Result<(), PackError> {
        let taken = made.taken();
        let made = self.hold(made);
        let (next, last) = self.shared.families.children(entry);
        if next != NONE || last != NONE {
            let content = Some(made.clone());
            self.push_frame(Frame { entry, kind, depth, content, next, ids: 0..0, last });
        }
        self.scratch.unnamed = self.scratch.unnamed.saturating_add(taken);
        self.scratch.namer.push(kind, Unnamed { entry, kind, depth, made });
        if self.scratch.unnamed > self.shared.options.unnamed_max() {
            self.scratch.namer.finish();
        }
        self.name_ready()
    }

    /// Checks what was hashed since, and makes known what it is called.
    fn name_ready(&mut self) -> Result<(), PackError> {
        while let Some((Unnamed { entry, kind, depth, made }, id)) = self.scratch.namer.pop() {
            self.scratch.unnamed = self.scratch.unnamed.saturating_sub(made.taken());
            let (offset, _) = self.shared.table.place(entry);
            let id = id.map_err(|error| attack(offset, error))?;
            self.check(offset, &id, kind, Content::Whole(made.bytes()))?;
            self.name(entry, &id, kind, made.bytes().len() as u64, depth);
            let ids = self.shared.id_deltas.against(self.shared.table, &id);
            if ids.is_empty() {
                self.release(Some(made));
            } else {
                let content = Some(made);
                self.push_frame(Frame { entry, kind, depth, content, next: NONE, ids, last: NONE });
            }
        }
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
    ) -> Result<(), PackError> {
        if let Some(existing) = self.shared.resolve.existing
            && let Some((known, size)) = existing.info(id).map_err(PackError::Storage)?
        {
            let collision = || PackError::Collision { offset, id: *id };
            let (whole, own) = match content {
                Content::Whole(bytes) => (Some(bytes), bytes.len() as u64),
                Content::Large { size, .. } => (None, size),
            };
            if known != kind || size != own {
                return Err(collision());
            }
            let other = &mut self.scratch.other;
            if let Some(bytes) = whole
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
            if let Made::Held { buffer, .. } = made {
                self.recycle(buffer);
            }
            return;
        }
        let content = Some(self.hold(made));
        self.push_frame(Frame { entry, kind, depth, content, next, ids, last });
    }

    /// Counts what is held.
    fn hold(&self, made: Made) -> Arc<Made> {
        if let Some(size) = made.held() {
            self.shared.work.held.fetch_add(size, Ordering::Relaxed);
        }
        Arc::new(made)
    }

    fn push_frame(&mut self, frame: Frame) {
        self.stack.push(frame);
        if self.shared.work.held.load(Ordering::Relaxed) > self.shared.options.memory_used() / 2 {
            self.forget();
        }
    }

    /// Drops the content of all waiting objects but the one that is needed next: they will be made again.
    pub(crate) fn forget(&mut self) {
        let waiting = self.stack.len().saturating_sub(1);
        let mut dropped = Vec::new();
        for frame in self.stack.iter_mut().take(waiting) {
            if frame.content.as_ref().is_some_and(|made| !made.is_small()) {
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
            if let Some(size) = made.held() {
                self.shared.work.held.fetch_sub(size, Ordering::Relaxed);
            }
            if let Made::Held { buffer, .. } = made {
                self.recycle(buffer);
            }
        }
    }

    pub(crate) fn recycle(&mut self, buffer: Vec<u8>) {
        self.scratch.recycle(buffer);
    }
}

/// Objects between two reports of progress.
const REPORT_EVERY: u64 = 256;
