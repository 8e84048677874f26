//! Finding every object that a pack must hold.

mod found;
mod list;
mod name;
mod paths;
mod tree_diff;
mod trees;

use std::collections::VecDeque;

use gitwire_storage::{ObjectStore, Presence};
use gitwire_types::{Interrupt, ObjectId, ObjectKind};

pub(crate) use self::found::{Fact, Found};
pub use self::list::ObjectList;
pub(crate) use self::name::Place;
pub(crate) use self::tree_diff::{Tree, TreeCache};
use self::trees::{Side, TreeWalk};
use crate::graph::{Peeled, RangeWalk};
use crate::{Graph, ObjectFilter, WalkError};

/// What an enumeration is asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Question {
    pub(crate) wants: Vec<ObjectId>,
    pub(crate) haves: Vec<ObjectId>,
    pub(crate) filter: ObjectFilter,
    pub(crate) tags: Vec<ObjectId>,
    /// The trees of all haves are left out, not only of the boundary.
    pub(crate) exclude_all_trees: bool,
    /// What a remote has promised may be missing.
    pub(crate) promised_may_lack: bool,
    /// Every object must be there: blobs are looked up on the way, so that of what is not there no more than some is noted.
    pub(crate) must_be_there: bool,
}

/// A walk over commits, then over what the receiver has at the boundary, then over the rest, in pieces.
#[derive(Debug)]
pub(crate) struct Enumeration {
    graph: Graph,
    question: Question,
    found: Found,
    trees: TreeWalk,
    stage: Stage,
    range: RangeWalk,
    /// Tags among the wants, outermost first.
    tags: Vec<ObjectId>,
    /// Trees and blobs that are wanted by name.
    roots: VecDeque<u32>,
    /// Commits whose trees are looked at next, newest first.
    commits: std::vec::IntoIter<u32>,
    /// Commits whose trees the receiver has.
    edges: std::vec::IntoIter<u32>,
    /// Blobs that are wanted by name.
    named_blobs: Vec<u32>,
    promised: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Start,
    Commits,
    Edges,
    Trees,
    Sizes,
    Tags,
    Done,
}

/// How an [`Enumeration`] stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// So many objects so far.
    Found(u64),
    /// There are no more.
    Done,
}

impl Enumeration {
    pub(crate) fn new(graph: Graph, question: Question) -> Self {
        let limits = graph.limits();
        let found = Found::new(graph.format(), limits.objects_max);
        let trees = TreeWalk::new(limits, &question);
        Self {
            graph,
            question,
            found,
            trees,
            stage: Stage::Start,
            range: RangeWalk::new(),
            tags: Vec::new(),
            roots: VecDeque::new(),
            commits: Vec::new().into_iter(),
            edges: Vec::new().into_iter(),
            named_blobs: Vec::new(),
            promised: 0,
        }
    }

    /// Does a bounded piece of work.
    pub(crate) fn step(&mut self, stop: &dyn Interrupt) -> Result<Progress, WalkError> {
        stop.check()?;
        match self.stage {
            Stage::Start => {
                self.start()?;
                self.stage = Stage::Commits;
            }
            Stage::Commits => {
                if self.range.step(&mut self.graph, PIECE, stop)? {
                    self.take_commits()?;
                    self.stage = Stage::Edges;
                }
            }
            Stage::Edges => {
                if self.step_edges()? {
                    self.add_wanted_tags()?;
                    self.stage = Stage::Trees;
                }
            }
            Stage::Trees => {
                if self.step_trees()? {
                    self.stage = Stage::Sizes;
                }
            }
            Stage::Sizes => {
                self.choose_by_size(stop)?;
                self.stage = Stage::Tags;
            }
            Stage::Tags => {
                self.add_following_tags()?;
                self.stage = Stage::Done;
            }
            Stage::Done => return Ok(Progress::Done),
        }
        Ok(Progress::Found(self.found.sent().max(self.range.found() as u64)))
    }

    /// What was found, once it is done, and the graph with its painted commits.
    pub(crate) fn into_parts(self) -> (Graph, Found) {
        (self.graph, self.found)
    }

    pub(crate) fn found(&self) -> &Found {
        &self.found
    }

    pub(crate) fn promised(&self) -> u64 {
        self.promised + self.trees.promised()
    }

    fn start(&mut self) -> Result<(), WalkError> {
        for have in std::mem::take(&mut self.question.haves) {
            // A have that is not here excludes nothing.
            if let Some(peeled) = self.graph.try_peel(&have)? {
                self.exclude(&peeled)?;
            }
        }
        for want in std::mem::take(&mut self.question.wants) {
            match self.graph.peel(&want) {
                Ok(peeled) => self.want(peeled)?,
                Err(WalkError::Missing { id, .. }) if self.is_promised(&id)? => self.promised += 1,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether an object may be missing.
    fn is_promised(&self, id: &ObjectId) -> Result<bool, WalkError> {
        Ok(self.question.promised_may_lack && self.graph.objects().promised(&[*id])? == [true])
    }

    fn exclude(&mut self, peeled: &Peeled) -> Result<(), WalkError> {
        for tag in &peeled.tags {
            let (at, _) = self.found.meet(tag.as_bytes(), ObjectKind::Tag, 0)?;
            self.found.flag(at, Fact::EXCLUDED);
        }
        match peeled.kind {
            ObjectKind::Commit => {
                let at = self.graph.number(&peeled.id)?;
                self.range.exclude(&mut self.graph, at)?;
                if self.question.exclude_all_trees && self.graph.try_load(at)? {
                    let mut edges: Vec<u32> = std::mem::take(&mut self.edges).collect();
                    edges.push(at);
                    self.edges = edges.into_iter();
                }
            }
            ObjectKind::Tree => self.trees.push_root(&mut self.found, peeled.id.as_bytes(), Side::Exclude)?,
            ObjectKind::Blob | ObjectKind::Tag => {
                let (at, _) = self.found.meet(peeled.id.as_bytes(), peeled.kind, 0)?;
                self.found.flag(at, Fact::EXCLUDED);
            }
        }
        Ok(())
    }

    /// Takes up what is wanted by name. What tags lead through and to counts as named too, as in git: no filter holds it back.
    fn want(&mut self, peeled: Peeled) -> Result<(), WalkError> {
        self.tags.extend_from_slice(&peeled.tags);
        match peeled.kind {
            // Commits come first in the order of objects; until then this one is only marked.
            ObjectKind::Commit => {
                let at = self.graph.number(&peeled.id)?;
                self.range.include(&mut self.graph, at)?;
                self.graph.set(at, EXPLICIT);
            }
            kind => {
                let (at, _) = self.found.meet(peeled.id.as_bytes(), kind, 0)?;
                self.roots.push_back(at);
            }
        }
        Ok(())
    }

    /// The commits are known: those that go are met in their order.
    fn take_commits(&mut self) -> Result<(), WalkError> {
        let (commits, boundary) = std::mem::take(&mut self.range).finish(&mut self.graph);
        let filter = &self.question.filter;
        for at in &commits {
            if filter.takes(ObjectKind::Commit) || self.graph.has(*at, EXPLICIT) {
                let (number, _) = self.found.meet(self.graph.raw(*at), ObjectKind::Commit, 0)?;
                self.found.flag(number, Fact::SEND);
            }
        }
        let mut edges: Vec<u32> = std::mem::take(&mut self.edges).collect();
        edges.extend(boundary);
        self.edges = edges.into_iter();
        self.commits = commits.into_iter();
        Ok(())
    }

    /// Marks what the receiver has at the boundary; true at the end.
    fn step_edges(&mut self) -> Result<bool, WalkError> {
        let mut budget = PIECE;
        while budget > 0 {
            if self.trees.is_idle() {
                let Some(at) = self.edges.next() else { return Ok(true) };
                if self.graph.try_load(at)? && self.question.filter.needs_trees() {
                    self.trees.push_tree(&mut self.found, self.graph.tree(at), Side::Exclude)?;
                }
                budget -= 1;
            }
            budget = self.trees.run(&**self.graph.objects(), &mut self.found, budget)?;
        }
        Ok(false)
    }

    /// Goes through the trees of what is wanted; true at the end.
    fn step_trees(&mut self) -> Result<bool, WalkError> {
        let needs_trees = self.question.filter.needs_trees();
        let mut budget = PIECE;
        while budget > 0 {
            if self.trees.is_idle() {
                if let Some(at) = self.roots.pop_front() {
                    self.add_root(at)?;
                } else if let Some(at) = self.commits.next() {
                    if needs_trees {
                        self.trees.push_tree(&mut self.found, self.graph.tree(at), Side::Send)?;
                    }
                } else {
                    return Ok(true);
                }
                budget -= 1;
            }
            budget = self.trees.run(&**self.graph.objects(), &mut self.found, budget)?;
        }
        Ok(false)
    }

    /// A tree or a blob that is wanted by name, or through a tag.
    fn add_root(&mut self, at: u32) -> Result<(), WalkError> {
        let fact = self.found.fact(at);
        if fact.is(Fact::EXCLUDED) {
            return Ok(());
        }
        self.found.flag(at, Fact::SEND);
        if fact.kind == ObjectKind::Tree {
            let raw = self.found.raw(at).to_vec();
            self.trees.push_root(&mut self.found, &raw, Side::Send)?;
        } else {
            self.named_blobs.push(at);
        }
        Ok(())
    }

    fn add_wanted_tags(&mut self) -> Result<(), WalkError> {
        for tag in std::mem::take(&mut self.tags) {
            let (at, _) = self.found.meet(tag.as_bytes(), ObjectKind::Tag, 0)?;
            if !self.found.fact(at).is(Fact::EXCLUDED) {
                self.found.flag(at, Fact::SEND);
            }
        }
        Ok(())
    }

    /// Looks up how large blobs are, where that decides whether they go.
    fn choose_by_size(&mut self, stop: &dyn Interrupt) -> Result<(), WalkError> {
        let Some(limit) = self.question.filter.size_limit() else { return Ok(()) };
        let waits = |fact: Fact| fact.is(Fact::SIZED) && !fact.is(Fact::SEND | Fact::EXCLUDED);
        let blobs: Vec<u32> = self.found.select(waits).collect();
        let absent = self.choose(&blobs, limit, stop)?;
        // The size of what is not here is known once it has come.
        if !absent.is_empty() && !self.question.promised_may_lack {
            let ids = absent.iter().map(|at| self.found.id(*at)).collect::<Result<Vec<_>, _>>()?;
            self.graph.objects().prefetch(&ids)?;
        }
        // What nobody knows the size of goes, if it can.
        for at in self.choose(&absent, limit, stop)? {
            self.found.flag(at, Fact::SEND);
        }
        Ok(())
    }

    /// Takes the blobs of less than `limit` bytes; gives back those that are not here.
    fn choose(&mut self, blobs: &[u32], limit: u64, stop: &dyn Interrupt) -> Result<Vec<u32>, WalkError> {
        let mut absent = Vec::new();
        for part in blobs.chunks(PIECE) {
            stop.check()?;
            let ids = part.iter().map(|at| self.found.id(*at)).collect::<Result<Vec<_>, _>>()?;
            let found = &mut self.found;
            self.graph.objects().headers(&ids, &mut |nth, presence| match (part.get(nth), presence) {
                (Some(at), Presence::Here { size, .. }) if size < limit => found.flag(*at, Fact::SEND),
                (Some(at), Presence::Absent) => absent.push(*at),
                _ => {}
            })?;
        }
        Ok(absent)
    }

    /// Adds the tags that lead to what goes (`include-tag`): when the fully peeled object goes, its whole chain of tags does.
    fn add_following_tags(&mut self) -> Result<(), WalkError> {
        let goes =
            |found: &Found, id: &ObjectId| found.get(id).is_some_and(|at| found.fact(at).is(Fact::SEND));
        for tag in std::mem::take(&mut self.question.tags) {
            if goes(&self.found, &tag) {
                continue;
            }
            let Some(peeled) = self.graph.try_peel(&tag)? else { continue };
            if peeled.tags.is_empty() || !goes(&self.found, &peeled.id) {
                continue;
            }
            for tag in &peeled.tags {
                let (at, _) = self.found.meet(tag.as_bytes(), ObjectKind::Tag, 0)?;
                self.found.flag(at, Fact::SEND);
            }
        }
        Ok(())
    }

    /// Where every object of `found` must be there, looks those up that were not read and not looked up on the way.
    pub(crate) fn check_blobs(&mut self, stop: &dyn Interrupt) -> Result<(), WalkError> {
        let blobs = self.found.blobs_sent_from(self.trees.looked_up());
        let may_lack = self.question.promised_may_lack;
        for part in blobs.chunks(PIECE) {
            stop.check()?;
            self.promised += look_up(&**self.graph.objects(), &self.found, part, may_lack)?;
        }
        // These may have been met long before they were wanted by name.
        for part in self.named_blobs.chunks(PIECE) {
            look_up(&**self.graph.objects(), &self.found, part, may_lack)?;
        }
        Ok(())
    }
}

/// Makes sure that blobs are there; how many are not, but may be missing.
fn look_up(
    objects: &dyn ObjectStore,
    found: &Found,
    blobs: &[u32],
    promised_may_lack: bool,
) -> Result<u64, WalkError> {
    let ids = blobs.iter().map(|at| found.id(*at)).collect::<Result<Vec<_>, _>>()?;
    let (mut fault, mut missing) = (None, Vec::new());
    objects.headers(&ids, &mut |nth, presence| {
        let Some(id) = ids.get(nth).copied() else { return };
        match presence {
            Presence::Here { kind: ObjectKind::Blob, .. } => {}
            Presence::Here { kind, .. } => {
                fault = Some(WalkError::Kind { id, expected: ObjectKind::Blob, actual: kind });
            }
            Presence::Absent => missing.push(id),
        }
    })?;
    if let Some(fault) = fault {
        return Err(fault);
    }
    let promised = match promised_may_lack && !missing.is_empty() {
        true => objects.promised(&missing)?,
        false => Vec::new(),
    };
    let mut promised = promised.into_iter().chain(std::iter::repeat(false));
    match missing.iter().find(|_| promised.next() != Some(true)) {
        Some(id) => Err(WalkError::missing(ObjectKind::Blob, *id)),
        None => Ok(missing.len() as u64),
    }
}

/// Objects that one piece of work looks at: some milliseconds.
pub(crate) const PIECE: usize = 1024;

/// A commit that is wanted by its id.
const EXPLICIT: u32 = crate::graph::FIRST_MARK << 20;
