//! How each object goes: as a stored entry, or made anew.

use std::collections::{HashMap, HashSet};

use gitwire_storage::{Entry, EntryBase, ObjectStore, PackId};
use gitwire_types::{Interrupt, ObjectId, ObjectKind};

use super::cover::{Cover, kind_at};
use super::kept::Kept;
use super::locate::Locating;
use super::search::{Search, SearchLimits};
use crate::graph::RangeWalk;
use crate::objects::{Fact, Found};
use crate::{Graph, WalkError};

/// Where an object's bytes come from. One for each object that was met, by its number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot {
    /// Of the entry in its pack.
    pub(crate) offset: u64,
    /// Of the entry, with its header.
    pub(crate) len: u64,
    /// What the entry's data inflates to.
    pub(crate) size: u64,
    /// Where the object's entry starts in the new pack, once it is written.
    pub(crate) written_at: u64,
    /// The pack, or [`NONE`]: the object, or the delta where there is a base, is deflated.
    pub(crate) pack: u32,
    /// The number of the object that the delta is against, or [`NONE`].
    pub(crate) base: u32,
    /// Deltas down to a whole object, this one included.
    depth: u16,
    pub(crate) header_len: u8,
    mark: Mark,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    /// On the chain that is being looked at.
    Open,
    /// In the order of writing.
    Placed,
}

impl Slot {
    pub(super) const EMPTY: Self = Self {
        offset: 0,
        len: 0,
        size: 0,
        written_at: 0,
        pack: NONE,
        base: NONE,
        depth: 0,
        header_len: 0,
        mark: Mark::New,
    };

    /// The object goes as it stands.
    pub(super) fn stored(entry: &Entry) -> Self {
        Self {
            offset: entry.offset,
            len: entry.len,
            size: entry.size,
            pack: entry.pack.0,
            header_len: entry.header_len,
            ..Self::EMPTY
        }
    }

    /// The object goes as a delta that was made, of this size.
    pub(super) fn make_delta(&mut self, base: u32, size: u64) {
        (self.pack, self.base, self.size) = (NONE, base, size);
    }

    /// The object is read and deflated instead of copied.
    fn make_anew(&mut self) {
        (self.pack, self.base, self.depth) = (NONE, NONE, 0);
    }
}

/// No object, no pack.
pub(crate) const NONE: u32 = u32::MAX;

/// Finds a place for every object, in pieces; then the order of writing.
#[derive(Debug)]
pub(crate) struct Planner {
    pub(super) found: Found,
    /// For commits as bases; only where deltas may be thin.
    graph: Option<Graph>,
    pub(super) slots: Vec<Slot>,
    pub(super) locating: Locating,
    pub(super) promised_may_lack: bool,
    /// Stored deltas whose base has not been found: object, pack and offset of the base.
    pub(super) loose_ends: Vec<(u32, EntryBase)>,
    /// What bitmaps say that the receiver has.
    cover: Option<Cover>,
    /// What goes as it stands in packs with bitmaps.
    kept: Option<Kept>,
}

impl Planner {
    pub(crate) fn new(graph: Graph, found: Found, thin: bool) -> Self {
        let sent: Vec<u32> = found.select(|fact| fact.is(Fact::SEND)).collect();
        let slots = vec![Slot::EMPTY; found.len()];
        Self {
            found,
            graph: thin.then_some(graph),
            slots,
            locating: Locating::new(sent),
            promised_may_lack: false,
            loose_ends: Vec::new(),
            cover: None,
            kept: None,
        }
    }

    /// The same, leaving out what is missing and promised where `may_lack` says so.
    pub(crate) fn with_promised(mut self, may_lack: bool) -> Self {
        self.promised_may_lack = may_lack;
        self
    }

    /// The same with what bitmaps have said, and what goes as it stands beside what was found.
    pub(crate) fn with_cover(mut self, cover: Cover, kept: Kept) -> Self {
        (self.cover, self.kept) = (Some(cover), Some(kept));
        self
    }

    /// Joins stored deltas with their bases, once all objects are located, and starts the search for more deltas.
    pub(crate) fn resolve(
        mut self,
        objects: &dyn ObjectStore,
        limits: SearchLimits,
    ) -> Result<Compressor, WalkError> {
        let mut by_place = self.locating.take_sent();
        // What is in no pack is new, and comes first; then as it stands, so that packs are read from front to back.
        by_place.sort_by_key(|at| {
            let slot = self.slot(*at);
            (slot.pack.wrapping_add(1), slot.offset)
        });
        let walked = self.found.len();
        self.find_bases(objects, &by_place)?;
        // What bitmaps say that the receiver has was a base within its pack already, and is no new one.
        let edges = if self.cover.is_some() { walked } else { self.found.len() };
        let edges = if self.graph.is_some() { edges } else { 0 };
        let limits = SearchLimits { same_path: self.cover.is_some(), ..limits };
        let search = Search::new(objects, &self.found, &self.slots, edges, limits)?;
        Ok(Compressor { planner: self, by_place, search })
    }

    pub(super) fn slot(&self, at: u32) -> Slot {
        self.slots.get(at as usize).copied().unwrap_or(Slot::EMPTY)
    }

    fn change(&mut self, at: u32, change: impl FnOnce(&mut Slot)) {
        if let Some(slot) = self.slots.get_mut(at as usize) {
            change(slot);
        }
    }

    /// Joins stored deltas with their bases: another object that goes, or one that the receiver has.
    fn find_bases(&mut self, objects: &dyn ObjectStore, by_place: &[u32]) -> Result<(), WalkError> {
        for (at, base) in std::mem::take(&mut self.loose_ends) {
            let pack = self.slot(at).pack;
            let number = match base {
                EntryBase::Whole => None,
                EntryBase::Offset(offset) => {
                    let place = (pack.wrapping_add(1), offset);
                    let key = |at: &u32| {
                        let slot = self.slot(*at);
                        (slot.pack.wrapping_add(1), slot.offset)
                    };
                    match by_place.binary_search_by_key(&place, key) {
                        Ok(nth) => by_place.get(nth).copied(),
                        Err(_) => self.number_at(objects, pack, offset)?,
                    }
                }
                EntryBase::Id(id) => self.number_of(objects, &id)?,
            };
            match number {
                Some(base) => self.change(at, |slot| slot.base = base),
                None => self.change(at, Slot::make_anew),
            }
        }
        Ok(())
    }

    /// The object at an offset of a pack, if it can be a base.
    fn number_at(
        &mut self,
        objects: &dyn ObjectStore,
        pack: u32,
        offset: u64,
    ) -> Result<Option<u32>, WalkError> {
        let Some(packs) = objects.packs() else { return Ok(None) };
        let (id, _) = packs.at_offset(PackId(pack), offset)?;
        self.number_of(objects, &id)
    }

    /// The number of an object if it goes, or if the receiver has it and deltas may be thin.
    fn number_of(&mut self, objects: &dyn ObjectStore, id: &ObjectId) -> Result<Option<u32>, WalkError> {
        if let Some(at) = self.found.get(id) {
            let fact = self.found.fact(at);
            let is_theirs = fact.is(Fact::EXCLUDED) && self.graph.is_some();
            let is_base = fact.is(Fact::SEND | Fact::KEPT) || is_theirs;
            return Ok(is_base.then_some(at));
        }
        let is_theirs = |graph: &Graph| graph.known(id).is_some_and(|at| graph.has(at, RangeWalk::EXCLUDED));
        let kept = self.kept_base(objects, id)?;
        let flags = if kept.is_some() { Fact::EXCLUDED | Fact::KEPT } else { Fact::EXCLUDED };
        let (kind, name) = match &self.graph {
            _ if let Some(kept) = kept => kept,
            None => return Ok(None),
            Some(graph) if is_theirs(graph) => (ObjectKind::Commit, 0),
            Some(_) => match self.cover.as_ref().map(|cover| cover.holds(objects, id)).transpose()? {
                Some(Some(held)) => held,
                _ => return Ok(None),
            },
        };
        let (at, _) = self.found.meet(id.as_bytes(), kind, name)?;
        self.found.flag(at, flags);
        self.slots.resize(self.found.len(), Slot::EMPTY);
        Ok(Some(at))
    }

    /// What an object is and the number of its path, where it goes as it stands.
    fn kept_base(
        &self,
        objects: &dyn ObjectStore,
        id: &ObjectId,
    ) -> Result<Option<(ObjectKind, u32)>, WalkError> {
        let (Some(kept), Some(reach)) = (&self.kept, objects.bitmaps()) else { return Ok(None) };
        let Some(place) = reach.place(id)?.filter(|place| kept.places.has(*place)) else { return Ok(None) };
        Ok(kind_at(reach, place).map(|kind| (kind, 0)))
    }

    /// Puts every base before its deltas, and breaks chains that are circles or too long.
    fn place(&mut self, by_place: &[u32]) -> Vec<u32> {
        let mut order = Vec::with_capacity(by_place.len());
        let mut chain = Vec::new();
        for at in by_place {
            let mut next = *at;
            while next != NONE && self.slot(next).mark == Mark::New && self.found.fact(next).is(Fact::SEND) {
                self.change(next, |slot| slot.mark = Mark::Open);
                chain.push(next);
                next = self.slot(next).base;
            }
            if next != NONE && self.slot(next).mark == Mark::Open {
                // A circle: copies of the same objects in two packs are deltas against each other.
                if let Some(last) = chain.last() {
                    self.change(*last, Slot::make_anew);
                }
            }
            while let Some(at) = chain.pop() {
                let base = self.slot(at).base;
                let depth = if base == NONE { 0 } else { self.slot(base).depth.saturating_add(1) };
                self.change(at, |slot| {
                    slot.depth = depth;
                    if depth > DEPTH_MAX {
                        slot.make_anew();
                    }
                    slot.mark = Mark::Placed;
                });
                order.push(at);
            }
        }
        order
    }
}

/// Makes deltas, in pieces; then the order of writing.
#[derive(Debug)]
pub(crate) struct Compressor {
    planner: Planner,
    by_place: Vec<u32>,
    search: Search,
}

impl Compressor {
    /// How many of how many candidates have been looked at.
    pub(crate) fn progress(&self) -> (u64, u64) {
        self.search.progress()
    }

    /// Looks for some deltas; true once there are no more to be found.
    pub(crate) fn step(
        &mut self,
        objects: &dyn ObjectStore,
        stop: &dyn Interrupt,
    ) -> Result<bool, WalkError> {
        self.search.step(objects, &self.planner.found, &mut self.planner.slots, stop)
    }

    /// The order of writing and where everything comes from.
    pub(crate) fn finish(mut self) -> Plan {
        let order = self.planner.place(&self.by_place);
        let Planner { found, slots, kept, .. } = self.planner;
        let mut plan =
            Plan { found, slots, order: Vec::new(), early: 0, made: self.search.into_made(), kept };
        plan.set_order(order);
        plan
    }
}

/// Everything that is needed for writing.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) found: Found,
    pub(crate) slots: Vec<Slot>,
    pub(crate) order: Vec<u32>,
    /// So many of them go before what is kept, which may be deltas against them; the others may be deltas against that.
    pub(crate) early: usize,
    /// Deltas that were made, by their targets.
    pub(crate) made: HashMap<u32, Vec<u8>>,
    /// What goes as it stands.
    pub(crate) kept: Option<Kept>,
}

impl Plan {
    /// Takes an order in which bases come before their deltas.
    fn set_order(&mut self, order: Vec<u32>) {
        let mut late = HashSet::new();
        for at in &order {
            let base = self.slot(*at).base;
            if base != NONE && (self.found.fact(base).is(Fact::KEPT) || late.contains(&base)) {
                late.insert(*at);
            }
        }
        let (last, first): (Vec<u32>, Vec<u32>) = order.into_iter().partition(|at| late.contains(at));
        (self.early, self.order) = (first.len(), first);
        self.order.extend(last);
    }

    pub(crate) fn slot(&self, at: u32) -> Slot {
        self.slots.get(at as usize).copied().unwrap_or(Slot::EMPTY)
    }
}

/// The longest chain that stored deltas may form: git's `pack.depth` can be no larger, and receivers refuse longer ones.
const DEPTH_MAX: u16 = 4095;
