//! What reachability bitmaps say of a request, so that only what is newer than they are is walked over.
//!
//! First what the receiver has, then what it wants: commits down to the first of which it is known what they reach, then the trees of the commits
//! on the way, and of those only what is not known yet. Objects that bitmaps have places for are bits; all others are listed.

use std::sync::Arc;

use gitwire_storage::{Bits, ObjectStore, Presence, Reachability};
use gitwire_types::{Interrupt, ObjectId, ObjectKind};

use super::fill::{Compared, Fill, Side};
use crate::graph::{DateQueue, FIRST_MARK, Pace};
use crate::objects::{Found, PIECE, Question};
use crate::{Graph, ObjectFilter, WalkError};

/// A request that bitmaps are asked about, in pieces.
#[derive(Debug)]
pub(crate) struct Covering {
    graph: Graph,
    objects: Arc<dyn ObjectStore>,
    question: Question,
    thin: bool,
    fill: Fill,
    queue: DateQueue,
    /// Commits of which it is not known what they reach: those of the receiver, and those that it wants.
    unread: [Vec<u32>; 2],
    /// What is named and is no commit, of either.
    roots: [Vec<(ObjectId, ObjectKind)>; 2],
    /// What is wanted by name: no filter holds it back.
    named: Vec<(ObjectId, ObjectKind)>,
    stage: Stage,
    pace: Pace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Start(Side),
    Commits(Side),
    Roots(Side),
    Trees(Side),
    Finish,
    Done,
}

/// What is known once everything is found.
#[derive(Debug)]
pub(crate) struct Cover {
    /// The receiver has them.
    pub(crate) held: Bits,
    /// They go.
    pub(crate) sent: Bits,
}

/// How a [`Covering`] stands.
#[derive(Debug)]
pub(crate) enum CoverProgress {
    /// So many objects so far.
    Found(u64),
    /// Everything is known.
    Done,
    /// Bitmaps are of no use for this request.
    Useless,
}

impl Covering {
    /// Whether bitmaps can answer a question with this filter: one that does not depend on where objects stand.
    pub(crate) fn takes(filter: &ObjectFilter) -> bool {
        filter.patterns().is_empty() && (!filter.asks_depth() || !filter.takes_depth(0))
    }

    /// A question for bitmaps that say of this many objects where they are.
    pub(crate) fn new(graph: Graph, question: Question, thin: bool, places: u32) -> Self {
        let objects = Arc::clone(graph.objects());
        let fill = Fill::new(&graph, places);
        Self {
            graph,
            objects,
            question,
            thin,
            fill,
            queue: DateQueue::default(),
            unread: [Vec::new(), Vec::new()],
            roots: [Vec::new(), Vec::new()],
            named: Vec::new(),
            stage: Stage::Start(Side::Held),
            pace: Pace::default(),
        }
    }

    /// Does a bounded piece of work.
    pub(crate) fn step(&mut self, stop: &dyn Interrupt) -> Result<CoverProgress, WalkError> {
        stop.check()?;
        let objects = Arc::clone(&self.objects);
        let reach = objects.bitmaps().ok_or(WalkError::Internal("bitmaps that were there are gone"))?;
        match self.stage {
            Stage::Start(side) => {
                self.start(reach, side, stop)?;
                self.stage = Stage::Commits(side);
            }
            Stage::Commits(side) => {
                if self.step_commits(reach, side, stop)? {
                    self.graph.clear_everywhere(SEEN);
                    self.stage = match side {
                        Side::Held => Stage::Start(Side::Sent),
                        Side::Sent => Stage::Roots(Side::Held),
                    };
                    if side == Side::Sent && self.fill.knows_nothing() {
                        return Ok(CoverProgress::Useless);
                    }
                } else if side == Side::Held && self.unread(side).len() > UNREAD_MAX {
                    return Ok(CoverProgress::Useless);
                }
            }
            Stage::Roots(side) => {
                self.add_roots(reach, side)?;
                self.stage = Stage::Trees(side);
            }
            Stage::Trees(side) => {
                if self.step_trees(reach, side)? {
                    self.stage = match side {
                        Side::Held => Stage::Roots(Side::Sent),
                        Side::Sent => Stage::Finish,
                    };
                }
            }
            Stage::Finish => {
                self.finish(reach, stop)?;
                self.stage = Stage::Done;
            }
            Stage::Done => return Ok(CoverProgress::Done),
        }
        Ok(CoverProgress::Found(self.fill.sent_count()))
    }

    /// What was found beside the bitmaps' objects, and those. Where bitmaps are of no use: the question as it was.
    pub(crate) fn into_parts(self) -> (Graph, Question, Found, Cover) {
        let Self { mut graph, question, fill, .. } = self;
        graph.clear_everywhere(SEEN);
        let (found, cover) = fill.into_parts();
        (graph, question, found, cover)
    }

    fn unread(&mut self, side: Side) -> &mut Vec<u32> {
        let [held, sent] = &mut self.unread;
        if side == Side::Held { held } else { sent }
    }

    /// Takes up what one side names. Bitmaps of all its commits come first, so that the walk down from the others meets them.
    fn start(&mut self, reach: &dyn Reachability, side: Side, stop: &dyn Interrupt) -> Result<(), WalkError> {
        let ids = if side == Side::Held { self.question.haves.clone() } else { self.question.wants.clone() };
        let mut commits = Vec::new();
        for id in &ids {
            self.pace.check(stop)?;
            let peeled = match side {
                // A have that is not here excludes nothing.
                Side::Held => self.graph.try_peel(id)?,
                Side::Sent => Some(self.graph.peel(id)?),
            };
            let Some(peeled) = peeled else { continue };
            if side == Side::Sent {
                self.named.extend(peeled.tags.iter().map(|tag| (*tag, ObjectKind::Tag)));
                self.named.push((peeled.id, peeled.kind));
            }
            let [held, sent] = &mut self.roots;
            let roots = if side == Side::Held { held } else { sent };
            roots.extend(peeled.tags.iter().map(|tag| (*tag, ObjectKind::Tag)));
            if peeled.kind != ObjectKind::Commit {
                roots.push((peeled.id, peeled.kind));
            } else if !self.take_known(reach, side, &peeled.id)? {
                commits.push(peeled.id);
            }
        }
        for id in commits {
            self.enqueue(reach, side, &id)?;
        }
        Ok(())
    }

    /// Whether a commit is known with all that it reaches, by now.
    fn take_known(&mut self, reach: &dyn Reachability, side: Side, id: &ObjectId) -> Result<bool, WalkError> {
        if self.fill.covers(reach, side, id)? {
            return Ok(true);
        }
        let Some(reached) = reach.reach(id)? else { return Ok(false) };
        self.fill.add_all(side, &reached);
        Ok(true)
    }

    fn enqueue(&mut self, reach: &dyn Reachability, side: Side, id: &ObjectId) -> Result<(), WalkError> {
        let at = self.graph.number(id)?;
        if !self.graph.set(at, SEEN) || self.take_known(reach, side, id)? {
            return Ok(());
        }
        match side {
            Side::Held if !self.graph.try_load(at)? => {}
            Side::Sent => {
                self.graph.load(at)?;
                self.queue.push(self.graph.time(at), at);
            }
            Side::Held => self.queue.push(self.graph.time(at), at),
        }
        Ok(())
    }

    /// Goes down from newer commits to older ones; true at the end.
    fn step_commits(
        &mut self,
        reach: &dyn Reachability,
        side: Side,
        stop: &dyn Interrupt,
    ) -> Result<bool, WalkError> {
        for _ in 0..PIECE {
            self.pace.check(stop)?;
            let Some(at) = self.queue.pop() else { return Ok(true) };
            let id = self.graph.id(at)?;
            // A bitmap that was taken since it was queued may know it.
            if self.fill.covers(reach, side, &id)? {
                continue;
            }
            self.fill.add(reach, side, &id, ObjectKind::Commit, 0)?;
            self.unread(side).push(at);
            for nth in 0..self.graph.parents(at).len() {
                let Some(parent) = self.graph.parents(at).get(nth).copied() else { continue };
                let parent = self.graph.id(parent)?;
                self.enqueue(reach, side, &parent)?;
            }
        }
        Ok(false)
    }

    /// Takes up what is no commit. By now all commits of the receiver are known, and with the second side all that it has.
    fn add_roots(&mut self, reach: &dyn Reachability, side: Side) -> Result<(), WalkError> {
        if side == Side::Sent {
            self.fill.settle();
        }
        let [held, sent] = &mut self.roots;
        for (id, kind) in std::mem::take(if side == Side::Held { held } else { sent }) {
            if kind == ObjectKind::Tree {
                self.fill.push_tree(reach, side, &id)?;
            } else {
                self.fill.add(reach, side, &id, kind, 0)?;
            }
        }
        Ok(())
    }

    /// Reads the trees of the commits that were walked over; true at the end.
    fn step_trees(&mut self, reach: &dyn Reachability, side: Side) -> Result<bool, WalkError> {
        let mut budget = PIECE;
        let needs_trees = self.question.filter.needs_trees();
        let mut next = std::mem::take(self.unread(side));
        while budget > 0 {
            budget = self.fill.run(&*self.objects, reach, side, budget)?;
            if budget == 0 {
                break;
            }
            let Some(at) = next.pop() else { return Ok(true) };
            budget -= 1;
            if !needs_trees {
                continue;
            }
            let tree = ObjectId::from_raw(self.graph.format(), self.graph.tree(at));
            let tree = tree.map_err(|_| WalkError::Internal("a loaded commit has a tree"))?;
            if side == Side::Sent && self.thin {
                self.add_edges(reach, at, &tree)?;
            }
            self.fill.push_tree(reach, side, &tree)?;
        }
        *self.unread(side) = next;
        Ok(false)
    }

    /// Where a commit that goes follows one that the receiver has: what stood in the places of what is new there are likely bases.
    fn add_edges(&mut self, reach: &dyn Reachability, at: u32, tree: &ObjectId) -> Result<(), WalkError> {
        for nth in 0..self.graph.parents(at).len() {
            let Some(parent) = self.graph.parents(at).get(nth).copied() else { continue };
            let id = self.graph.id(parent)?;
            if !self.fill.is_held(reach, &id)? || !self.graph.try_load(parent)? {
                continue;
            }
            if let Ok(before) = ObjectId::from_raw(id.format(), self.graph.tree(parent)) {
                self.fill.compare(&*self.objects, reach, tree, &before, Compared::Unplaced)?;
            }
        }
        Ok(())
    }

    /// What the receiver's newest commit has in the places of what is new in what it wants: likely bases for what is stored whole, or against
    /// something else.
    fn add_tip_edges(&mut self, reach: &dyn Reachability) -> Result<(), WalkError> {
        let mut newest = None;
        for id in self.question.haves.iter().take(TIPS_MAX) {
            if let Some(at) = self.graph.peel_to_commit(id)?
                && self.graph.try_load(at)?
            {
                newest = newest.max(Some((self.graph.time(at), at)));
            }
        }
        let Some((_, have)) = newest else { return Ok(()) };
        for id in self.question.wants.iter().take(TIPS_MAX) {
            let Some(at) = self.graph.peel_to_commit(id)? else { continue };
            self.graph.load(at)?;
            let (new, old) = (self.graph.tree(at), self.graph.tree(have));
            let format = self.graph.format();
            if let (Ok(new), Ok(old)) = (ObjectId::from_raw(format, new), ObjectId::from_raw(format, old)) {
                self.fill.compare(&*self.objects, reach, &new, &old, Compared::All)?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, reach: &dyn Reachability, stop: &dyn Interrupt) -> Result<(), WalkError> {
        self.apply_filter(reach, stop)?;
        self.add_tags(reach)?;
        if self.thin && self.question.filter.lets_all_through() { self.add_tip_edges(reach) } else { Ok(()) }
    }

    /// Takes out what the filter leaves out.
    fn apply_filter(&mut self, reach: &dyn Reachability, stop: &dyn Interrupt) -> Result<(), WalkError> {
        let filter = self.question.filter.clone();
        if filter.lets_all_through() {
            return Ok(());
        }
        for kind in [ObjectKind::Commit, ObjectKind::Tree, ObjectKind::Blob, ObjectKind::Tag] {
            let below = matches!(kind, ObjectKind::Tree | ObjectKind::Blob) && !filter.takes_depth(0);
            // Tags come along by their names alone, as in a walk.
            if kind != ObjectKind::Tag && (!filter.takes(kind) || below) {
                self.fill.leave_out(reach, kind)?;
            }
        }
        if let Some(limit) = filter.size_limit() {
            self.leave_out_large(reach, limit, stop)?;
        }
        for (id, kind) in std::mem::take(&mut self.named) {
            self.fill.add(reach, Side::Sent, &id, kind, 0)?;
        }
        Ok(())
    }

    fn leave_out_large(
        &mut self,
        reach: &dyn Reachability,
        limit: u64,
        stop: &dyn Interrupt,
    ) -> Result<(), WalkError> {
        let objects = Arc::clone(&self.objects);
        for part in self.fill.blobs(reach)?.chunks(PIECE) {
            stop.check()?;
            let mut large = Vec::new();
            objects.headers(part, &mut |nth, presence| {
                if matches!(presence, Presence::Here { size, .. } if size >= limit) {
                    large.extend(part.get(nth));
                }
            })?;
            for id in large {
                self.fill.leave_out_one(reach, &id)?;
            }
        }
        Ok(())
    }

    /// Adds the tags that lead to what goes, as [`Enumeration`](crate::objects::Enumeration) does where there are no bitmaps.
    fn add_tags(&mut self, reach: &dyn Reachability) -> Result<(), WalkError> {
        for tag in std::mem::take(&mut self.question.tags) {
            if self.fill.goes(reach, &tag)? {
                continue;
            }
            let Some(peeled) = self.graph.try_peel(&tag)? else { continue };
            if peeled.tags.is_empty() || !self.fill.goes(reach, &peeled.id)? {
                continue;
            }
            for tag in &peeled.tags {
                self.fill.add_anyhow(reach, tag, ObjectKind::Tag)?;
            }
        }
        Ok(())
    }
}

impl Cover {
    /// Whether the receiver is known to have an object: what it is, and the number of its path.
    pub(crate) fn holds(
        &self,
        objects: &dyn ObjectStore,
        id: &ObjectId,
    ) -> Result<Option<(ObjectKind, u32)>, WalkError> {
        let Some(reach) = objects.bitmaps() else { return Ok(None) };
        let Some(place) = reach.place(id)?.filter(|place| self.held.has(*place)) else { return Ok(None) };
        let (_, name) = reach.object(place)?;
        Ok(kind_at(reach, place).map(|kind| (kind, name)))
    }
}

/// Takes off `wanted` what the bitmaps of the store and the little that is newer than they are say that `tips` reach.
pub(crate) fn reached_by_bitmaps(
    graph: Graph,
    tips: &[ObjectId],
    wanted: &mut Vec<ObjectId>,
    stop: &dyn Interrupt,
) -> Result<Graph, WalkError> {
    let objects = Arc::clone(graph.objects());
    let Some(reach) = objects.bitmaps() else { return Ok(graph) };
    // As if a receiver had it: what is missing below the tips is passed over.
    let question = Question { haves: tips.to_vec(), ..Question::default() };
    let mut covering = Covering::new(graph, question, false, reach.objects());
    loop {
        match covering.step(stop)? {
            CoverProgress::Found(_) => {}
            CoverProgress::Useless => return Ok(covering.into_parts().0),
            CoverProgress::Done => break,
        }
    }
    let (graph, .., cover) = covering.into_parts();
    let mut left = Vec::new();
    for id in wanted.drain(..) {
        if !reach.place(&id)?.is_some_and(|place| cover.held.has(place)) {
            left.push(id);
        }
    }
    *wanted = left;
    Ok(graph)
}

pub(super) fn kind_at(reach: &dyn Reachability, place: u32) -> Option<ObjectKind> {
    let kinds = [ObjectKind::Blob, ObjectKind::Tree, ObjectKind::Commit, ObjectKind::Tag];
    kinds.into_iter().find(|kind| reach.of_kind(*kind).is_some_and(|bits| bits.has(place)))
}

/// Commits of either side that are compared: the first that clients name are the newest, and most name one.
const TIPS_MAX: usize = 4;
/// The walk down has been here.
const SEEN: u32 = FIRST_MARK << 19;
/// Commits of the receiver that no bitmap knows, beyond which a walk between the two sides costs less than reading the trees of them all.
const UNREAD_MAX: usize = 1 << 16;
