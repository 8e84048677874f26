//! Which deltas are made against which entries.
//!
//! Each entry's children form a list. The child with the most descendants comes last: by then its parent is needed no
//! longer, so while the descendants are made, only parents of smaller families wait in memory, and of those there are at most
//! as many as the count of entries has bits.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};

use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

use crate::PackError;
use crate::indexer::table::{Code, Table};

/// No entry.
pub(crate) const NONE: u32 = u32::MAX;

/// The trees of deltas, by entry.
#[derive(Debug)]
pub(crate) struct Families {
    /// The base of each delta, as far as it is known.
    parents: Vec<AtomicU32>,
    first: Vec<u32>,
    next: Vec<u32>,
    last: Vec<u32>,
}

impl Families {
    /// Finds the bases of all offset deltas.
    ///
    /// # Errors
    /// [`PackError::DeltaBase`] for a base that is no entry.
    pub(crate) fn build(table: &Table, threads: usize) -> Result<Self, PackError> {
        let count = table.offsets.len();
        let mut parents = vec![NONE; count];
        let chunk = count.div_ceil(threads.max(1)).max(1 << 14);
        std::thread::scope(|scope| {
            let find = |(part, parents): (usize, &mut [u32])| {
                find_parents(table, part.saturating_mul(chunk), parents)
            };
            let mut parts = parents.chunks_mut(chunk).enumerate();
            let first = parts.next();
            let handles: Vec<_> = parts.map(|part| scope.spawn(move || find(part))).collect();
            first.map_or(Ok(()), find)?;
            handles
                .into_iter()
                .try_for_each(|handle| handle.join().unwrap_or(Err(PackError::Internal("a thread panicked"))))
        })?;
        let (first, next, last) = link(&parents);
        let parents = parents.into_iter().map(AtomicU32::new).collect();
        Ok(Self { parents, first, next, last })
    }

    /// The children of `entry` that are offset deltas: the first of the list, and the one that comes last.
    pub(crate) fn children(&self, entry: u32) -> (u32, u32) {
        let at = |column: &[u32]| column.get(entry as usize).copied().unwrap_or(NONE);
        (at(&self.first), at(&self.last))
    }

    /// The next child of the same parent.
    pub(crate) fn next(&self, entry: u32) -> u32 {
        self.next.get(entry as usize).copied().unwrap_or(NONE)
    }

    pub(crate) fn parent(&self, entry: u32) -> u32 {
        self.parents.get(entry as usize).map_or(NONE, |parent| parent.load(Ordering::Acquire))
    }

    pub(crate) fn set_parent(&self, entry: u32, parent: u32) {
        if let Some(place) = self.parents.get(entry as usize) {
            place.store(parent, Ordering::Release);
        }
    }

    /// Frees what only the naming of objects needs.
    pub(crate) fn forget_children(&mut self) {
        for column in [&mut self.first, &mut self.next, &mut self.last] {
            *column = Vec::new();
        }
    }

    /// Makes room for an entry that is no delta and has no children in the pack.
    pub(crate) fn push(&mut self) {
        self.parents.push(AtomicU32::new(NONE));
        for column in [&mut self.first, &mut self.next, &mut self.last] {
            column.push(NONE);
        }
    }
}

fn find_parents(table: &Table, start: usize, parents: &mut [u32]) -> Result<(), PackError> {
    let columns = table.codes.iter().zip(&table.bases).zip(&table.offsets).skip(start);
    for (parent, ((code, base), offset)) in parents.iter_mut().zip(columns) {
        if *code == Code::OffsetDelta {
            let distance = offset.saturating_sub(*base);
            *parent = table.at_offset(*base).ok_or(PackError::DeltaBase { offset: *offset, distance })?;
        }
    }
    Ok(())
}

/// The lists: first child, next of the same parent, last child.
fn link(parents: &[u32]) -> (Vec<u32>, Vec<u32>, Vec<u32>) {
    let mut weights = vec![1_u32; parents.len()];
    let (mut first, mut next, mut last) =
        (vec![NONE; parents.len()], vec![NONE; parents.len()], vec![NONE; parents.len()]);
    // A base stands before its deltas, so that from the end all descendants of an entry come before it.
    let count = u32::try_from(parents.len()).unwrap_or(NONE);
    for (entry, parent) in (0..count).zip(parents).rev() {
        let weight = |weights: &[u32], entry: u32| weights.get(entry as usize).copied().unwrap_or(0);
        let own = weight(&weights, entry);
        let parent = *parent as usize;
        let (Some(sum), Some(head), Some(heavy)) =
            (weights.get_mut(parent), first.get_mut(parent), last.get_mut(parent))
        else {
            continue;
        };
        *sum = sum.saturating_add(own);
        let listed = if *heavy == NONE {
            *heavy = entry;
            continue;
        } else if own > weight(&weights, *heavy) {
            std::mem::replace(heavy, entry)
        } else {
            entry
        };
        if let Some(link) = next.get_mut(listed as usize) {
            *link = std::mem::replace(head, listed);
        }
    }
    (first, next, last)
}

/// The deltas against ids, found by those ids.
#[derive(Debug)]
pub(crate) struct IdDeltas {
    format: ObjectFormat,
    /// Places in [`Table::id_deltas`], in the order of the ids.
    order: Vec<u32>,
    /// By place in `order`: whether its base was found.
    claimed: Vec<AtomicBool>,
}

impl IdDeltas {
    pub(crate) fn new(table: &Table, format: ObjectFormat) -> Self {
        let mut order: Vec<u32> = (0..).take(table.id_deltas.len()).collect();
        order.sort_by_key(|nth| table.id_base(*nth as usize, format));
        let claimed = order.iter().map(|_| AtomicBool::new(false)).collect();
        Self { format, order, claimed }
    }

    /// The places of the deltas against `id`.
    pub(crate) fn against(&self, table: &Table, id: &ObjectId) -> Range<u32> {
        if self.order.is_empty() {
            return 0..0;
        }
        let base = |nth: &u32| table.id_base(*nth as usize, self.format);
        let start = self.order.partition_point(|nth| base(nth) < id.as_bytes());
        let rest = self.order.get(start..).unwrap_or_default();
        let count = rest.partition_point(|nth| base(nth) == id.as_bytes());
        let at = |place: usize| u32::try_from(place).unwrap_or(NONE);
        at(start)..at(start.saturating_add(count))
    }

    /// Takes the delta at `place`: its entry, for the first that asks.
    pub(crate) fn claim(&self, table: &Table, place: u32) -> Option<u32> {
        let claimed = self.claimed.get(place as usize)?;
        let nth = *self.order.get(place as usize)?;
        let first = !claimed.swap(true, Ordering::AcqRel);
        first.then(|| table.id_deltas.get(nth as usize).copied()).flatten()
    }
}

/// Ids and kinds of entries, written by many threads, each entry by one.
#[derive(Debug)]
pub(crate) struct Names {
    format: ObjectFormat,
    /// The ids, in words, highest byte first.
    words: Vec<AtomicU32>,
    /// 1 to 4 by [`ObjectKind::ALL`]; 0: not known yet.
    kinds: Vec<AtomicU8>,
}

impl Names {
    pub(crate) fn new(count: usize, format: ObjectFormat) -> Self {
        let mut this = Self { format, words: Vec::new(), kinds: Vec::new() };
        this.words.resize_with(count.saturating_mul(this.width()), || AtomicU32::new(0));
        this.kinds.resize_with(count, || AtomicU8::new(0));
        this
    }

    pub(crate) fn push(&mut self) {
        for _ in 0..self.width() {
            self.words.push(AtomicU32::new(0));
        }
        self.kinds.push(AtomicU8::new(0));
    }

    /// Words an id.
    fn width(&self) -> usize {
        self.format.raw_len() / 4
    }

    fn words(&self, entry: u32) -> &[AtomicU32] {
        let start = (entry as usize).saturating_mul(self.width());
        self.words.get(start..start.saturating_add(self.width())).unwrap_or_default()
    }

    pub(crate) fn set(&self, entry: u32, id: &ObjectId, kind: ObjectKind) {
        let (raw, _) = id.as_bytes().as_chunks::<4>();
        for (word, bytes) in self.words(entry).iter().zip(raw) {
            word.store(u32::from_be_bytes(*bytes), Ordering::Relaxed);
        }
        if let Some(place) = self.kinds.get(entry as usize) {
            let number = (1..).zip(ObjectKind::ALL).find(|(_, each)| *each == kind);
            place.store(number.map_or(0, |(number, _)| number), Ordering::Release);
        }
    }

    pub(crate) fn kind(&self, entry: u32) -> Option<ObjectKind> {
        let number = self.kinds.get(entry as usize)?.load(Ordering::Acquire);
        ObjectKind::ALL.get(usize::from(number.checked_sub(1)?)).copied()
    }

    pub(crate) fn id(&self, entry: u32) -> ObjectId {
        let mut raw = [0; 32];
        let (chunks, _) = raw.as_chunks_mut::<4>();
        for (chunk, word) in chunks.iter_mut().zip(self.words(entry)) {
            *chunk = word.load(Ordering::Relaxed).to_be_bytes();
        }
        let bytes = raw.get(..self.format.raw_len()).unwrap_or_default();
        ObjectId::from_raw(self.format, bytes).unwrap_or(ObjectId::zero(self.format))
    }

    /// The first eight bytes of an id, as a number that orders as ids do.
    pub(crate) fn prefix(&self, entry: u32) -> u64 {
        match self.words(entry) {
            [high, low, ..] => {
                u64::from(high.load(Ordering::Relaxed)) << 32 | u64::from(low.load(Ordering::Relaxed))
            }
            _ => 0,
        }
    }
}
