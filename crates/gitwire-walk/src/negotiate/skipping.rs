//! Ever larger steps down.

use super::{ADVERTISED, COMMON, POPPED, SEEN};
use crate::graph::DateQueue;
use crate::{Graph, WalkError};

/// Names a tip, then leaves out 1, 2, 4, 7, … commits before the next: a history of a million commits takes some forty lines.
#[derive(Debug, Default)]
pub(super) struct Skipping {
    queue: DateQueue,
    open: usize,
    /// For each commit how long the present step is, and how much of it is left.
    steps: Vec<Step>,
    stack: Vec<u32>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Step {
    length: u32,
    left: u32,
}

impl Step {
    /// The step of a parent.
    fn down(self) -> Self {
        if self.left > 0 {
            return Self { length: self.length, left: self.left - 1 };
        }
        let length = self.length.saturating_add(self.length / 2).saturating_add(1);
        Self { length, left: length }
    }
}

impl Skipping {
    pub(super) fn known(&mut self, graph: &mut Graph, at: u32) {
        self.push(graph, at, ADVERTISED);
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
            let step = self.step(at);
            let mut goes_on = false;
            for nth in 0..graph.parents(at).len() {
                let Some(parent) = graph.parents(at).get(nth).copied() else { continue };
                if graph.try_load(parent)? {
                    goes_on |= self.descend(graph, at, parent, step);
                }
            }
            // The last commit of a line is named even within a step: nothing below it could be.
            if !is_common && (step.left == 0 || !goes_on) {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    pub(super) fn common(&mut self, graph: &mut Graph, at: u32) -> bool {
        let known = graph.has(at, COMMON);
        self.mark_common(graph, at);
        known
    }

    /// Queues a parent with its step; false where the walk has been there.
    fn descend(&mut self, graph: &mut Graph, at: u32, parent: u32, step: Step) -> bool {
        if graph.has(parent, POPPED) {
            return false;
        }
        self.push(graph, parent, 0);
        if graph.has(at, COMMON | ADVERTISED) {
            self.mark_common(graph, parent);
        } else {
            let down = step.down();
            if self.step(parent).length < down.length
                && let Some(slot) = self.steps.get_mut(parent as usize)
            {
                *slot = down;
            }
        }
        true
    }

    fn push(&mut self, graph: &mut Graph, at: u32, marks: u32) {
        if graph.set(at, SEEN) {
            graph.set(at, marks);
            if self.steps.len() <= at as usize {
                self.steps.resize(graph.len(), Step::default());
            }
            self.queue.push(graph.time(at), at);
            if !graph.has(at, COMMON) {
                self.open += 1;
            }
        }
    }

    fn step(&self, at: u32) -> Step {
        self.steps.get(at as usize).copied().unwrap_or_default()
    }

    /// Marks a commit and what has been queued below it.
    fn mark_common(&mut self, graph: &mut Graph, at: u32) {
        self.stack.push(at);
        while let Some(at) = self.stack.pop() {
            if graph.has(at, SEEN) && graph.set(at, COMMON) {
                if !graph.has(at, POPPED) {
                    self.open = self.open.saturating_sub(1);
                }
                self.stack.extend_from_slice(graph.parents(at));
            }
        }
    }
}
