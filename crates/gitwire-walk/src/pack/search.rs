//! Deltas for what is not stored as a usable one.
//!
//! Objects are sorted so that likely bases stand before their targets: by kind, by place, what the receiver has before what goes,
//! large before small. Then each target is tried against the few objects before it, nearest first.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use gitwire_delta::{DeltaIndex, Made};
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
}

/// A search over one pack's objects, in pieces.
#[derive(Debug)]
pub(crate) struct Search {
    limits: SearchLimits,
    candidates: Vec<Candidate>,
    next: usize,
    window: VecDeque<Member>,
    /// Bytes that the window holds.
    window_bytes: u64,
    made: HashMap<u32, Vec<u8>>,
    made_bytes: u64,
    scratch: Vec<u8>,
    best: Vec<u8>,
}

/// An object that needs a delta, or may be the base of one.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    at: u32,
    size: u64,
    is_target: bool,
}

/// An object in the window.
#[derive(Debug)]
struct Member {
    at: u32,
    kind: ObjectKind,
    content: Content,
    depth: u32,
    /// It stands whole in this pack of the store; another from there was no base for it when that was written.
    pack: u32,
}

/// Its content, and the index over it once it has been tried for the first time.
#[derive(Debug)]
struct Content {
    bytes: Arc<[u8]>,
    index: OnceCell<DeltaIndex<Arc<[u8]>>>,
}

impl Search {
    /// Chooses the candidates among what was found; `slots` say how objects are stored.
    pub(crate) fn new(
        objects: &dyn ObjectStore,
        found: &Found,
        slots: &[Slot],
        thin: bool,
        limits: SearchLimits,
    ) -> Result<Self, WalkError> {
        let mut search = Self {
            limits,
            candidates: Vec::new(),
            next: 0,
            window: VecDeque::new(),
            window_bytes: 0,
            made: HashMap::new(),
            made_bytes: 0,
            scratch: Vec::new(),
            best: Vec::new(),
        };
        if limits.window > 0 && limits.depth > 0 {
            search.choose(objects, found, slots, thin)?;
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
        thin: bool,
    ) -> Result<(), WalkError> {
        let is_tree_or_blob = |fact: Fact| matches!(fact.kind, ObjectKind::Tree | ObjectKind::Blob);
        let slot = |at: u32| slots.get(at as usize).copied().unwrap_or(Slot::EMPTY);
        let is_target = |fact: Fact| is_tree_or_blob(fact) && fact.is(Fact::SEND);
        let mut targets: Vec<u32> = found.select(is_target).filter(|at| slot(*at).base == NONE).collect();
        let is_edge = |fact: Fact| is_tree_or_blob(fact) && fact.is(Fact::EXCLUDED);
        let mut edges: Vec<u32> = if thin { found.select(is_edge).collect() } else { Vec::new() };
        let pack = targets.first().map_or(NONE, |first| slot(*first).pack);
        if edges.is_empty() && pack != NONE && targets.iter().all(|at| slot(*at).pack == pack) {
            // All stand whole in one pack: whoever wrote it found nothing better.
            return Ok(());
        }
        let places: HashSet<(ObjectKind, u32)> =
            targets.iter().map(|at| found.fact(*at)).map(|fact| (fact.kind, fact.name)).collect();
        edges.retain(|at| {
            let fact = found.fact(*at);
            places.contains(&(fact.kind, fact.name))
        });
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
        let mut depth = 0;
        let stored = slots.get(candidate.at as usize).copied().unwrap_or(Slot::EMPTY);
        if candidate.is_target
            && let Some((base, base_depth)) = self.best_base(kind, &content, stored)
        {
            depth = base_depth + 1;
            self.keep(candidate.at, base, slots);
        }
        let pack = if candidate.is_target && depth == 0 { stored.pack } else { NONE };
        self.admit(Member { at: candidate.at, kind, content: Content::new(content), depth, pack });
        Ok(())
    }

    /// Tries the window from its newest member; the best delta is left in `best`.
    fn best_base(&mut self, kind: ObjectKind, target: &[u8], stored: Slot) -> Option<(u32, u32)> {
        // A delta must save half; against what is stored compressed already it must at least be smaller than that.
        let mut most = target.len() / 2;
        if stored.pack != NONE {
            most = most.min(usize::try_from(stored.len).unwrap_or(usize::MAX));
        }
        let mut found = None;
        for member in self.window.iter().rev() {
            let settled = stored.pack != NONE && member.pack == stored.pack;
            if member.kind != kind || settled || member.depth + 1 > self.limits.depth {
                continue;
            }
            if member.content.bytes.len() < target.len() / 32 {
                continue;
            }
            if member.content.indexed().make(target, most, &mut self.scratch) == Made::Delta {
                most = self.scratch.len().saturating_sub(1);
                std::mem::swap(&mut self.scratch, &mut self.best);
                found = Some((member.at, member.depth));
                if self.best.len() < target.len() / GOOD_ENOUGH {
                    break;
                }
            }
        }
        found
    }

    fn keep(&mut self, at: u32, base: u32, slots: &mut [Slot]) {
        let size = self.best.len() as u64;
        if self.made_bytes.saturating_add(size) > self.limits.memory {
            return;
        }
        self.made_bytes += size;
        self.made.insert(at, self.best.clone());
        if let Some(slot) = slots.get_mut(at as usize) {
            slot.make_delta(base, size);
        }
    }

    fn admit(&mut self, member: Member) {
        self.window_bytes += member.content.cost();
        self.window.push_back(member);
        while self.window.len() > self.limits.window as usize || self.window_bytes > self.limits.memory {
            let Some(gone) = self.window.pop_front() else { break };
            self.window_bytes = self.window_bytes.saturating_sub(gone.content.cost());
        }
    }
}

impl Content {
    fn new(bytes: Vec<u8>) -> Self {
        Self { bytes: bytes.into(), index: OnceCell::new() }
    }

    fn indexed(&self) -> &DeltaIndex<Arc<[u8]>> {
        self.index.get_or_init(|| DeltaIndex::new(Arc::clone(&self.bytes)))
    }

    /// What it holds, with room for its index.
    fn cost(&self) -> u64 {
        2 * self.bytes.len() as u64
    }
}

/// Candidates between two answers: some milliseconds.
const TARGETS_AT_ONCE: usize = 64;

/// Objects smaller than this gain nothing: the reference to the base is half of them.
const SMALLEST: u64 = 50;

/// A delta of less than this part of its target is not worth looking further.
const GOOD_ENOUGH: usize = 100;
