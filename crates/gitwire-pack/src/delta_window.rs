//! The search for a base: a window over objects that are sorted so that likely bases stand before their targets.

use std::cell::OnceCell;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use gitwire_delta::{DeltaIndex, Made};
use gitwire_types::ObjectKind;

/// The objects that were looked at last, each a possible base for the next.
///
/// Whoever builds a pack sorts objects so that likely bases stand before their targets (by kind, by path, larger first), asks for a
/// delta for each, and admits each. `T` is the caller's name for an object.
///
/// ```
/// use gitwire_pack::{DeltaWindow, WindowLimits};
/// use gitwire_types::ObjectKind;
///
/// let mut window = DeltaWindow::new(WindowLimits::default());
/// let base: Vec<u8> = (0..2000_u32).flat_map(|n| (n * n).to_le_bytes()).collect();
/// let target = base[..7000].to_vec();
/// window.admit("base", ObjectKind::Blob, base, 0);
/// let found = window.find(ObjectKind::Blob, &target, target.len() / 2, |_| true);
/// let found = found.ok_or("a prefix is a small delta")?;
/// assert_eq!((found.base, found.depth), ("base", 1));
/// assert!(found.delta.len() < 20);
/// # Ok::<(), &str>(())
/// ```
pub struct DeltaWindow<T> {
    limits: WindowLimits,
    members: VecDeque<Member<T>>,
    /// What the members hold, with room for their indexes.
    bytes: u64,
    scratch: Vec<u8>,
    best: Vec<u8>,
}

/// What a [`DeltaWindow`] may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct WindowLimits {
    /// The number of objects that a target is tried against.
    pub objects_max: usize,
    /// The longest chain of deltas that is made.
    pub depth_max: u32,
    /// Bytes that the window holds: objects and their indexes.
    pub bytes_max: u64,
}

impl Default for WindowLimits {
    fn default() -> Self {
        // git's `pack.window` and `pack.depth`; memory for a window of objects of some megabytes each.
        Self { objects_max: 10, depth_max: 50, bytes_max: 64 << 20 }
    }
}

/// A delta that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundDelta<'a, T> {
    /// The object that it is against.
    pub base: T,
    /// Deltas down to a whole object, this one included, as far as they were made here.
    pub depth: u32,
    /// The delta.
    pub delta: &'a [u8],
}

struct Member<T> {
    name: T,
    kind: ObjectKind,
    depth: u32,
    content: Arc<[u8]>,
    /// Made when it is tried for the first time.
    index: OnceCell<DeltaIndex<Arc<[u8]>>>,
}

impl<T: Copy> DeltaWindow<T> {
    /// An empty window.
    #[must_use]
    pub fn new(limits: WindowLimits) -> Self {
        Self { limits, members: VecDeque::new(), bytes: 0, scratch: Vec::new(), best: Vec::new() }
    }

    /// The smallest delta of at most `max_size` bytes for `target` against a member of its kind that `is_base` lets through; the
    /// newest member is tried first, and a very small delta ends the search.
    pub fn find(
        &mut self,
        kind: ObjectKind,
        target: &[u8],
        mut max_size: usize,
        mut is_base: impl FnMut(T) -> bool,
    ) -> Option<FoundDelta<'_, T>> {
        let mut found = None;
        for member in self.members.iter().rev() {
            let is_much_smaller = member.content.len() < target.len() / SIZE_RATIO_MAX;
            let is_too_deep = member.depth >= self.limits.depth_max;
            if member.kind != kind || is_much_smaller || is_too_deep || !is_base(member.name) {
                continue;
            }
            let index = member.index.get_or_init(|| DeltaIndex::new(Arc::clone(&member.content)));
            if index.make(target, max_size, &mut self.scratch) == Made::Delta {
                std::mem::swap(&mut self.scratch, &mut self.best);
                found = Some((member.name, member.depth + 1));
                max_size = self.best.len().saturating_sub(1);
                if self.best.len() < target.len() / GOOD_ENOUGH {
                    break;
                }
            }
        }
        found.map(|(base, depth)| FoundDelta { base, depth, delta: &self.best })
    }

    /// Takes in an object, which stands at `depth` itself: 0 unless it goes as a delta that was made here. The oldest members
    /// make room.
    pub fn admit(&mut self, name: T, kind: ObjectKind, content: Vec<u8>, depth: u32) {
        let member = Member { name, kind, depth, content: content.into(), index: OnceCell::new() };
        self.bytes = self.bytes.saturating_add(member.cost());
        self.members.push_back(member);
        while self.members.len() > self.limits.objects_max || self.bytes > self.limits.bytes_max {
            let Some(gone) = self.members.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(gone.cost());
        }
    }
}

impl<T> Member<T> {
    /// Its content, and as much again for the index.
    fn cost(&self) -> u64 {
        2 * self.content.len() as u64
    }
}

impl<T> fmt::Debug for DeltaWindow<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeltaWindow")
            .field("members", &self.members.len())
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

/// A target that is more than this many times as large as a base has too little in common with it.
const SIZE_RATIO_MAX: usize = 32;

/// A delta of less than this part of its target is not worth looking further.
const GOOD_ENOUGH: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seed: u32, len: usize) -> Vec<u8> {
        let mut state = seed | 1;
        let next = |_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state.to_le_bytes()[1]
        };
        (0..len).map(next).collect()
    }

    /// Whether a window of these limits finds the first of `before` objects, which are alike, for one more of them.
    fn finds(limits: WindowLimits, before: usize) -> bool {
        let mut window = DeltaWindow::new(limits);
        for name in 0..before {
            window.admit(name, ObjectKind::Blob, noise(7, 1000), 0);
        }
        window.find(ObjectKind::Blob, &noise(7, 1000), 100, |name| name == 0).is_some()
    }

    #[test]
    fn limits_hold() {
        let limits =
            |objects_max, bytes_max| WindowLimits { objects_max, bytes_max, ..WindowLimits::default() };
        assert!(finds(limits(3, 1 << 20), 3));
        assert!(!finds(limits(3, 1 << 20), 4));
        assert!(finds(limits(10, 6000), 3));
        assert!(!finds(limits(10, 5999), 3));
        assert!(!finds(limits(0, 1 << 20), 1));
        let mut window = DeltaWindow::new(WindowLimits { depth_max: 2, ..WindowLimits::default() });
        window.admit("deep", ObjectKind::Blob, noise(9, 500), 2);
        assert_eq!(window.find(ObjectKind::Blob, &noise(9, 500), 100, |_| true), None);
        window.admit("less", ObjectKind::Blob, noise(9, 500), 1);
        let found = window.find(ObjectKind::Blob, &noise(9, 500), 100, |_| true);
        assert_eq!(found.map(|found| (found.base, found.depth)), Some(("less", 2)));
    }

    #[test]
    fn bases_are_of_the_same_kind_and_like_size_and_the_smallest_delta_wins() {
        let mut window = DeltaWindow::new(WindowLimits::default());
        let target = noise(3, 4000);
        window.admit("tree", ObjectKind::Tree, target.clone(), 0);
        window.admit("small", ObjectKind::Blob, target[..124].to_vec(), 0);
        assert_eq!(window.find(ObjectKind::Blob, &target, 3990, |_| true), None);
        window.admit("best", ObjectKind::Blob, target[..3800].to_vec(), 0);
        window.admit("half", ObjectKind::Blob, target[..2000].to_vec(), 0);
        let found = window.find(ObjectKind::Blob, &target, 3990, |_| true).map(|found| found.base);
        assert_eq!(found, Some("best"));
        let found =
            window.find(ObjectKind::Blob, &target, 3990, |name| name != "best").map(|found| found.base);
        assert_eq!(found, Some("half"));
    }
}
