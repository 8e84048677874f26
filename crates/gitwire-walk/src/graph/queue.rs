//! Commits, newest first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A queue of commits that gives the newest first; of two of one time, the one that came first.
#[derive(Debug, Clone, Default)]
pub(crate) struct DateQueue {
    heap: BinaryHeap<(i64, Reverse<u32>, u32)>,
    arrivals: u32,
}

impl DateQueue {
    pub(crate) fn push(&mut self, time: i64, commit: u32) {
        self.heap.push((time, Reverse(self.arrivals), commit));
        self.arrivals = self.arrivals.wrapping_add(1);
    }

    pub(crate) fn pop(&mut self) -> Option<u32> {
        self.heap.pop().map(|(_, _, commit)| commit)
    }

    /// The time of the commit that comes next.
    pub(crate) fn next_time(&self) -> Option<i64> {
        self.heap.peek().map(|(time, _, _)| *time)
    }
}
