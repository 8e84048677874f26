//! Deltas for what is not stored as a usable one.
//!
//! Objects are sorted so that likely bases stand before their targets: by kind, by place, what the receiver has before what goes,
//! large before small. Then each target is tried against the few objects before it, nearest first.

use std::collections::{HashMap, HashSet};

use gitwire_pack::{DeltaWindow, WindowLimits};
use gitwire_storage::{ObjectStore, Presence};
use gitwire_types::{Interrupt, ObjectKind};

use super::plan::{NONE, Slot};
use crate::WalkError;
use crate::objects::{Fact, Found, PIECE};

/// What a search may cost; from the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SearchLimits {
    pub(crate) window: u32,
    pub(crate) depth: u32,
    pub(crate) memory: u64,
    /// What stands in a pack is only tried against what has the same path.
    pub(crate) same_path: bool,
}

/// A search over one pack's objects, in pieces.
#[derive(Debug)]
pub(crate) struct Search {
    limits: SearchLimits,
    candidates: Vec<Candidate>,
    next: usize,
    window: DeltaWindow<Name>,
    made: HashMap<u32, Vec<u8>>,
    made_bytes: u64,
}

/// An object that needs a delta, or may be the base of one.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    at: u32,
    size: u64,
    is_target: bool,
}

/// What the window calls an object.
#[derive(Debug, Clone, Copy)]
struct Name {
    at: u32,
    /// It stands whole in this pack of the store; another from there was no base for it when that was written.
    pack: u32,
}

impl Search {
    /// Chooses the candidates among what was found; `slots` say how objects are stored. Of what the receiver has, the objects with numbers below
    /// `edges_below` may be bases.
    pub(crate) fn new(
        objects: &dyn ObjectStore,
        found: &Found,
        slots: &[Slot],
        edges_below: usize,
        limits: SearchLimits,
    ) -> Result<Self, WalkError> {
        let mut window = WindowLimits::default();
        (window.objects_max, window.depth_max) = (limits.window as usize, limits.depth);
        window.bytes_max = limits.memory;
        let mut search = Self {
            limits,
            candidates: Vec::new(),
            next: 0,
            window: DeltaWindow::new(window),
            made: HashMap::new(),
            made_bytes: 0,
        };
        if limits.window > 0 && limits.depth > 0 {
            search.choose(objects, found, slots, edges_below)?;
        }
        Ok(search)
    }

    /// How many of how many candidates have been looked at.
    pub(crate) fn progress(&self) -> (u64, u64) {
        (self.next as u64, self.candidates.len() as u64)
    }

    /// Looks at some candidates; true once all are.
    pub(crate) fn step(
        &mut self,
        objects: &dyn ObjectStore,
        found: &Found,
        slots: &mut [Slot],
        stop: &dyn Interrupt,
    ) -> Result<bool, WalkError> {
        for _ in 0..TARGETS_AT_ONCE {
            stop.check()?;
            let Some(candidate) = self.candidates.get(self.next).copied() else { return Ok(true) };
            self.next += 1;
            self.look_at(candidate, objects, found, slots)?;
        }
        Ok(false)
    }

    /// The deltas, by their targets.
    pub(crate) fn into_made(self) -> HashMap<u32, Vec<u8>> {
        self.made
    }

    fn choose(
        &mut self,
        objects: &dyn ObjectStore,
        found: &Found,
        slots: &[Slot],
        edges_below: usize,
    ) -> Result<(), WalkError> {
        let is_tree_or_blob = |fact: Fact| matches!(fact.kind, ObjectKind::Tree | ObjectKind::Blob);
        let slot = |at: u32| slots.get(at as usize).copied().unwrap_or(Slot::EMPTY);
        let place = |at: &u32| {
            let fact = found.fact(*at);
            (fact.kind, fact.name)
        };
        // A stored delta against something of another place that only the receiver has was the best within its pack; what the
        // receiver has in the same place is likely better.
        let is_stray = |at: &u32| {
            let base = slot(*at).base;
            let is_theirs = !found.fact(base).is(Fact::SEND | Fact::KEPT);
            let is_edge = is_theirs && (base as usize) < edges_below;
            is_edge && place(&base) != place(at) || is_theirs && self.limits.same_path
        };
        let is_target = |fact: Fact| is_tree_or_blob(fact) && fact.is(Fact::SEND);
        let mut targets: Vec<u32> =
            found.select(is_target).filter(|at| slot(*at).base == NONE || is_stray(at)).collect();
        let is_edge = |fact: Fact| is_tree_or_blob(fact) && fact.is(Fact::EXCLUDED);
        let mut edges: Vec<u32> =
            found.select(is_edge).take_while(|at| (*at as usize) < edges_below).collect();
        let wanted: HashSet<_> = targets.iter().map(place).collect();
        edges.retain(|at| wanted.contains(&place(at)));
        // Of what stands whole in a pack, whoever wrote that pack found nothing better within it.
        let fresh = targets.iter().filter(|at| slot(**at).pack == NONE).chain(&edges);
        let fresh: HashSet<_> = fresh.map(place).collect();
        targets.retain(|at| fresh.contains(&place(at)));
        let first_edge = targets.len();
        targets.append(&mut edges);
        for (nth, part) in targets.chunks(PIECE).enumerate() {
            let ids = part.iter().map(|at| found.id(*at)).collect::<Result<Vec<_>, _>>()?;
            objects.headers(&ids, &mut |at, presence| {
                let (Presence::Here { size, .. }, Some(number)) = (presence, part.get(at)) else { return };
                let is_target = nth * PIECE + at < first_edge;
                if (SMALLEST..=self.limits.memory / 4).contains(&size) {
                    self.candidates.push(Candidate { at: *number, size, is_target });
                }
            })?;
        }
        self.candidates.sort_by_key(|candidate| {
            let fact = found.fact(candidate.at);
            let order = (fact.kind, fact.name, candidate.is_target, std::cmp::Reverse(candidate.size));
            (order, candidate.at)
        });
        Ok(())
    }

    fn look_at(
        &mut self,
        candidate: Candidate,
        objects: &dyn ObjectStore,
        found: &Found,
        slots: &mut [Slot],
    ) -> Result<(), WalkError> {
        let id = found.id(candidate.at)?;
        let mut content = Vec::new();
        let Some(kind) = objects.read(&id, candidate.size, &mut content)? else {
            // Gone since it was located: a base is given up, a target fails when it is written.
            return Ok(());
        };
        let stored = slots.get(candidate.at as usize).copied().unwrap_or(Slot::EMPTY);
        let depth =
            if candidate.is_target { self.find_base(candidate.at, kind, &content, found, slots) } else { 0 };
        let pack = if candidate.is_target && depth == 0 { stored.pack } else { NONE };
        self.window.admit(Name { at: candidate.at, pack }, kind, content, depth);
        Ok(())
    }

    /// Tries the window; the depth at which the object stands now.
    fn find_base(
        &mut self,
        at: u32,
        kind: ObjectKind,
        target: &[u8],
        found: &Found,
        slots: &mut [Slot],
    ) -> u32 {
        let stored = slots.get(at as usize).copied().unwrap_or(Slot::EMPTY);
        // A delta must save half; where the object is stored compressed it must be smaller than that.
        let mut max_size = target.len() / 2;
        if stored.pack != NONE {
            max_size = max_size.min(usize::try_from(stored.len).unwrap_or(usize::MAX));
        }
        let name = |at: u32| found.fact(at).name;
        let is_near = |base: u32| !self.limits.same_path || name(base) == name(at);
        let is_base = |name: Name| stored.pack == NONE || name.pack != stored.pack && is_near(name.at);
        let Some(found) = self.window.find(kind, target, max_size, is_base) else { return 0 };
        let size = found.delta.len() as u64;
        if self.made_bytes.saturating_add(size) > self.limits.memory {
            return 0;
        }
        self.made_bytes += size;
        self.made.insert(at, found.delta.into());
        if let Some(slot) = slots.get_mut(at as usize) {
            slot.make_delta(found.base.at, size);
        }
        found.depth
    }
}

/// Candidates between two answers: some milliseconds.
const TARGETS_AT_ONCE: usize = 64;

/// Objects smaller than this gain nothing: the reference to the base is half of them.
const SMALLEST: u64 = 50;
