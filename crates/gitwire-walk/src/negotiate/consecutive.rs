//! Every commit, newest first, until one is common.

use super::{ADVERTISED, COMMON, POPPED, SEEN};
use crate::graph::DateQueue;
use crate::{Graph, WalkError};

/// git's default: walks down from all tips at once and leaves out what is below a common commit.
#[derive(Debug, Default)]
pub(super) struct Consecutive {
    queue: DateQueue,
    /// Commits in the queue that are not known to be common.
    open: usize,
    stack: Vec<u32>,
}

impl Consecutive {
    pub(super) fn known(&mut self, graph: &mut Graph, at: u32) -> Result<(), WalkError> {
        self.push(graph, at, ADVERTISED);
        let parents = graph.parents(at).to_vec();
        // What is not queued yet is met as a parent of this commit.
        parents
            .into_iter()
            .filter(|parent| graph.has(*parent, SEEN))
            .collect::<Vec<_>>()
            .into_iter()
            .try_for_each(|parent| self.mark_common(graph, parent))
    }

    pub(super) fn tip(&mut self, graph: &mut Graph, at: u32) {
        self.push(graph, at, 0);
    }

    pub(super) fn next(&mut self, graph: &mut Graph) -> Result<Option<u32>, WalkError> {
        while self.open > 0 {
            let Some(at) = self.queue.pop() else { break };
            graph.set(at, POPPED);
            let is_common = graph.has(at, COMMON);
            if !is_common {
                self.open = self.open.saturating_sub(1);
            }
            let parents_are_common = graph.has(at, COMMON | ADVERTISED);
            for nth in 0..graph.parents(at).len() {
                let Some(parent) = graph.parents(at).get(nth).copied() else { continue };
                if parents_are_common {
                    self.mark_common(graph, parent)?;
                } else if graph.try_load(parent)? {
                    self.push(graph, parent, 0);
                }
            }
            if !is_common {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    pub(super) fn common(&mut self, graph: &mut Graph, at: u32) -> Result<bool, WalkError> {
        let known = graph.has(at, COMMON);
        self.mark_common(graph, at)?;
        Ok(known)
    }

    fn push(&mut self, graph: &mut Graph, at: u32, marks: u32) {
        if graph.set(at, SEEN) {
            graph.set(at, marks);
            self.queue.push(graph.time(at), at);
            if !graph.has(at, COMMON) {
                self.open += 1;
            }
        }
    }

    /// Marks a commit, and what has been queued below it, as common. What has not is queued, to carry the mark further down
    /// where the walk still comes.
    fn mark_common(&mut self, graph: &mut Graph, at: u32) -> Result<(), WalkError> {
        self.stack.push(at);
        while let Some(at) = self.stack.pop() {
            if !graph.set(at, COMMON) {
                continue;
            }
            if graph.has(at, SEEN) {
                if !graph.has(at, POPPED) {
                    self.open = self.open.saturating_sub(1);
                }
                self.stack.extend_from_slice(graph.parents(at));
            } else if graph.try_load(at)? {
                self.push(graph, at, 0);
            }
        }
        Ok(())
    }
}
