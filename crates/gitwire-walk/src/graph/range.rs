//! The commits that some commits reach and others do not.

use gitwire_types::{Interrupt, ObjectId};

use super::load::Pace;
use super::{DateQueue, FIRST_MARK, Graph};
use crate::WalkError;

/// What [`Graph::range`] finds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Range {
    /// Commits that are reached from what was included and not from what was excluded: newest first.
    pub commits: Vec<ObjectId>,
    /// Parents of `commits` that are reached from what was excluded.
    pub boundary: Vec<ObjectId>,
}

impl Graph {
    /// The commits that `include` reaches and `exclude` does not, as `git rev-list include --not exclude`. Tags are followed;
    /// what leads to no commit is passed over. Missing commits are forgiven on the excluded side only.
    ///
    /// Where clocks were skewed the range may hold some commits that `exclude` reaches, as git's may; it never lacks one.
    ///
    /// # Errors
    /// [`WalkError::Missing`] for a missing commit on the included side; objects that are damaged or no commits; limits;
    /// an interrupt; a failing store.
    pub fn range(
        &mut self,
        include: &[ObjectId],
        exclude: &[ObjectId],
        stop: &dyn Interrupt,
    ) -> Result<Range, WalkError> {
        let mut walk = RangeWalk::new();
        for id in exclude {
            if let Some(at) = self.peel_to_commit(id)? {
                walk.exclude(self, at)?;
            }
        }
        for id in include {
            let peeled = self.peel(id)?;
            if peeled.kind == gitwire_types::ObjectKind::Commit {
                let at = self.number(&peeled.id)?;
                walk.include(self, at)?;
            }
        }
        while !walk.step(self, usize::MAX, stop)? {}
        let (commits, boundary) = walk.finish(self);
        let ids = |list: Vec<u32>| list.into_iter().map(|at| self.id(at)).collect::<Result<Vec<_>, _>>();
        let range = Range { commits: ids(commits)?, boundary: ids(boundary)? };
        self.clear_everywhere(RangeWalk::MARKS);
        Ok(range)
    }
}

/// A walk by date that paints what is excluded, and everything below it, as far down as needed.
#[derive(Debug, Default)]
pub(crate) struct RangeWalk {
    queue: DateQueue,
    /// Commits in the queue that nothing excludes so far.
    wanted: usize,
    included: Vec<u32>,
    oldest: Option<i64>,
    since: Option<i64>,
    excludes: bool,
    forgiving: bool,
    /// Included commits of earlier generations are of no interest.
    floor: u64,
    slop: u32,
    pace: Pace,
    stack: Vec<u32>,
}

impl RangeWalk {
    /// The commit has been put into the queue.
    const SEEN: u32 = FIRST_MARK;
    /// It has been taken out again.
    const POPPED: u32 = FIRST_MARK << 1;
    /// It is reached from what is excluded.
    pub(crate) const EXCLUDED: u32 = FIRST_MARK << 2;
    /// It is in the boundary list.
    const BOUNDARY: u32 = FIRST_MARK << 3;
    /// A commit that is included names it as a parent.
    pub(crate) const MET: u32 = FIRST_MARK << 4;
    pub(crate) const MARKS: u32 = Self::SEEN | Self::POPPED | Self::EXCLUDED | Self::BOUNDARY | Self::MET;

    pub(crate) fn new() -> Self {
        Self { slop: SLOP, ..Self::default() }
    }

    /// A walk that excludes commits older than `since`, and what they reach (`git rev-list --since`).
    pub(crate) fn since(since: Option<i64>) -> Self {
        Self { since, excludes: since.is_some(), ..Self::new() }
    }

    /// A walk that passes over what is missing on the included side too.
    pub(crate) fn forgiving() -> Self {
        Self { forgiving: true, ..Self::new() }
    }

    /// The same walk, which leaves out what is of an earlier generation than this, and therefore reaches nothing of it.
    pub(crate) fn above(self, floor: u64) -> Self {
        Self { floor, ..self }
    }

    pub(crate) fn include(&mut self, graph: &mut Graph, at: u32) -> Result<(), WalkError> {
        graph.load(at)?;
        self.enqueue(graph, at);
        Ok(())
    }

    /// Excludes a commit; one that is missing is only remembered.
    pub(crate) fn exclude(&mut self, graph: &mut Graph, at: u32) -> Result<(), WalkError> {
        self.excludes = true;
        self.paint(graph, at)
    }

    /// Goes on for at most `budget` commits; true at the end.
    pub(crate) fn step(
        &mut self,
        graph: &mut Graph,
        budget: usize,
        stop: &dyn Interrupt,
    ) -> Result<bool, WalkError> {
        for _ in 0..budget {
            self.pace.check(stop)?;
            if self.is_done() {
                return Ok(true);
            }
            let Some(at) = self.queue.pop() else { return Ok(true) };
            graph.set(at, Self::POPPED);
            self.visit(graph, at)?;
        }
        Ok(false)
    }

    /// The number of commits found so far; some may yet turn out to be excluded.
    pub(crate) fn found(&self) -> usize {
        self.included.len()
    }

    /// Whether commits are queued that nothing excludes so far.
    pub(crate) fn has_wanted(&self) -> bool {
        self.wanted > 0
    }

    /// The commits that are included, newest first, and the excluded ones among their parents.
    pub(crate) fn finish(self, graph: &mut Graph) -> (Vec<u32>, Vec<u32>) {
        let mut commits = self.included;
        let mut boundary = Vec::new();
        if self.excludes {
            commits.retain(|at| !graph.has(*at, Self::EXCLUDED));
            for at in &commits {
                for nth in 0..graph.parents(*at).len() {
                    let Some(parent) = graph.parents(*at).get(nth).copied() else { continue };
                    if graph.has(parent, Self::EXCLUDED) && graph.set(parent, Self::BOUNDARY) {
                        boundary.push(parent);
                    }
                }
            }
        }
        (commits, boundary)
    }

    fn visit(&mut self, graph: &mut Graph, at: u32) -> Result<(), WalkError> {
        let too_old = self.since.is_some_and(|since| graph.time(at) < since);
        let was_excluded = graph.has(at, Self::EXCLUDED);
        if !was_excluded {
            self.wanted = self.wanted.saturating_sub(1);
        }
        if too_old {
            graph.set(at, Self::EXCLUDED);
        }
        let excluded = was_excluded || too_old;
        for nth in 0..graph.parents(at).len() {
            let Some(parent) = graph.parents(at).get(nth).copied() else { continue };
            if excluded {
                self.paint(graph, parent)?;
            } else if graph.try_load(parent)? {
                graph.set(parent, Self::MET);
                if graph.reaches_down_to(parent, self.floor) {
                    self.enqueue(graph, parent);
                }
            } else if !self.forgiving {
                return Err(WalkError::missing(gitwire_types::ObjectKind::Commit, graph.id(parent)?));
            }
        }
        if !excluded {
            self.included.push(at);
            let time = graph.time(at);
            self.oldest = Some(self.oldest.map_or(time, |oldest| oldest.min(time)));
            self.slop = SLOP;
        }
        Ok(())
    }

    fn enqueue(&mut self, graph: &mut Graph, at: u32) {
        if graph.set(at, Self::SEEN) {
            self.queue.push(graph.time(at), at);
            if !graph.has(at, Self::EXCLUDED) {
                self.wanted += 1;
            }
        }
    }

    /// Marks a commit and what the walk has already gone through below it.
    fn paint(&mut self, graph: &mut Graph, at: u32) -> Result<(), WalkError> {
        self.stack.push(at);
        while let Some(at) = self.stack.pop() {
            if !graph.set(at, Self::EXCLUDED) {
                continue;
            }
            if graph.has(at, Self::POPPED) {
                self.stack.extend_from_slice(graph.parents(at));
            } else if graph.has(at, Self::SEEN) {
                self.wanted = self.wanted.saturating_sub(1);
            } else if graph.try_load(at)? {
                self.enqueue(graph, at);
            }
        }
        Ok(())
    }

    /// Whether nothing that is still queued can exclude what has been included, by the commits' own clocks.
    fn is_done(&mut self) -> bool {
        if self.wanted > 0 {
            return false;
        }
        let (Some(next), Some(oldest)) = (self.queue.next_time(), self.oldest) else { return true };
        if next >= oldest {
            self.slop = SLOP;
            return false;
        }
        self.slop = self.slop.saturating_sub(1);
        self.slop == 0
    }
}

/// Commits looked at beyond the point where clocks say that no more can change. git looks at five; more costs little and
/// forgives more skew.
const SLOP: u32 = 64;
