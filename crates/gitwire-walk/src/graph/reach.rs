//! Who reaches whom.

use gitwire_types::{Interrupt, ObjectId};

use super::load::Pace;
use super::{DateQueue, FIRST_MARK, Graph, RangeWalk};
use crate::WalkError;

impl Graph {
    /// Whether `descendant` reaches `ancestor`; every commit reaches itself. Tags are followed. False where either leads to
    /// no commit. What is missing below them is passed over.
    ///
    /// # Errors
    /// Damaged objects, limits, an interrupt, a failing store.
    pub fn is_ancestor(
        &mut self,
        ancestor: &ObjectId,
        descendant: &ObjectId,
        stop: &dyn Interrupt,
    ) -> Result<bool, WalkError> {
        let (Some(ancestor), Some(descendant)) =
            (self.peel_to_commit(ancestor)?, self.peel_to_commit(descendant)?)
        else {
            return Ok(false);
        };
        if ancestor == descendant {
            return Ok(true);
        }
        let found = self.meets(ancestor, descendant, stop);
        self.clear_everywhere(RangeWalk::MARKS);
        found
    }

    /// Those of `wanted` that none of `tips` reaches, in their order. An object that is no commit is reached only where it is
    /// a tip itself, or a tag that a tip leads through; [`unreached`](crate::unreached) looks into trees too.
    ///
    /// # Errors
    /// Damaged objects, limits, an interrupt, a failing store. What is missing below the tips is passed over.
    pub fn unreached(
        &mut self,
        tips: &[ObjectId],
        wanted: &[ObjectId],
        stop: &dyn Interrupt,
    ) -> Result<Vec<ObjectId>, WalkError> {
        let left = self.mark_reached(tips, wanted, stop);
        self.clear_everywhere(WANTED | REACHED);
        left
    }

    fn mark_reached(
        &mut self,
        tips: &[ObjectId],
        wanted: &[ObjectId],
        stop: &dyn Interrupt,
    ) -> Result<Vec<ObjectId>, WalkError> {
        let mut numbers = Vec::with_capacity(wanted.len());
        let mut left = 0_usize;
        for id in wanted {
            let at = self.number(id)?;
            left += usize::from(self.set(at, WANTED));
            numbers.push(at);
        }
        // Nothing of an earlier generation reaches any of them.
        let mut floor = u64::MAX;
        for id in wanted {
            floor = floor.min(self.indexed_generation(id));
        }
        let mut queue = DateQueue::default();
        for tip in tips {
            let Some(peeled) = self.try_peel(tip)? else { continue };
            for id in peeled.tags.iter().chain([&peeled.id]) {
                if let Some(at) = self.known(id) {
                    left -= usize::from(self.has(at, WANTED) && self.set(at, REACHED));
                }
            }
            if peeled.kind == gitwire_types::ObjectKind::Commit {
                let at = self.number(&peeled.id)?;
                if self.try_load(at)? {
                    self.set(at, REACHED);
                    queue.push(self.time(at), at);
                }
            }
        }
        let mut pace = Pace::default();
        while left > 0 {
            pace.check(stop)?;
            let Some(at) = queue.pop() else { break };
            for nth in 0..self.parents(at).len() {
                let Some(parent) = self.parents(at).get(nth).copied() else { continue };
                if self.set(parent, REACHED) {
                    left -= usize::from(self.has(parent, WANTED));
                    if self.try_load(parent)? && self.reaches_down_to(parent, floor) {
                        queue.push(self.time(parent), parent);
                    }
                }
            }
        }
        Ok(wanted.iter().zip(numbers).filter(|(_, at)| !self.has(*at, REACHED)).map(|(id, _)| *id).collect())
    }

    /// Walks down from the descendant and leaves out whatever the ancestor reaches: none of that reaches the ancestor.
    fn meets(&mut self, ancestor: u32, descendant: u32, stop: &dyn Interrupt) -> Result<bool, WalkError> {
        if !self.try_load(ancestor)? || !self.try_load(descendant)? {
            return Ok(false);
        }
        let mut walk = RangeWalk::forgiving().above(self.generation(ancestor));
        walk.exclude(self, ancestor)?;
        walk.include(self, descendant)?;
        while walk.has_wanted() {
            walk.step(self, 64, stop)?;
            if self.has(ancestor, RangeWalk::MET) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Reached from a tip.
const REACHED: u32 = FIRST_MARK << 8;
/// Asked for.
const WANTED: u32 = FIRST_MARK << 9;
