//! Trees against the trees that stood in their places before.
//!
//! The tree of a commit is nearly that of the commit before it. Whatever two trees share byte for byte has been met already, so
//! only the rest is read entry by entry: a look-up for every changed entry, not for every entry of every tree.

use std::collections::HashMap;

use gitwire_object::{TreeEntry, TreeRef};
use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

use crate::{WalkError, read};

/// A tree's bytes and where its entries start.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) bytes: Vec<u8>,
    starts: Vec<u32>,
}

/// The last tree at each place.
#[derive(Debug)]
pub(crate) struct TreeCache {
    trees: HashMap<u64, Tree>,
    bytes: usize,
    bytes_max: usize,
}

impl TreeCache {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { trees: HashMap::new(), bytes: 0, bytes_max }
    }

    /// Takes out the tree that stood at a place.
    pub(crate) fn take(&mut self, place: u64) -> Option<Tree> {
        let tree = self.trees.remove(&place)?;
        self.bytes = self.bytes.saturating_sub(tree.cost());
        Some(tree)
    }

    /// Keeps a tree whose entries have all been met.
    pub(crate) fn put(&mut self, place: u64, tree: Tree) {
        let cost = tree.cost();
        if cost > self.bytes_max {
            return;
        }
        if self.bytes.saturating_add(cost) > self.bytes_max {
            self.trees.clear();
            self.bytes = 0;
        }
        self.bytes += cost;
        if let Some(before) = self.trees.insert(place, tree) {
            self.bytes = self.bytes.saturating_sub(before.cost());
        }
    }
}

impl Tree {
    fn cost(&self) -> usize {
        // The rest is what the map needs for a tree.
        self.bytes.capacity() + 4 * self.starts.capacity() + 96
    }

    /// Calls `each` with every entry that does not stand in `before` as it is.
    pub(crate) fn each_new(
        &mut self,
        id: &ObjectId,
        before: Option<&Self>,
        mut each: impl FnMut(&TreeEntry<'_>) -> Result<(), WalkError>,
    ) -> Result<(), WalkError> {
        let nothing = Self::default();
        let mut cursor = Cursor { before: before.unwrap_or(&nothing), nth: 0, format: id.format() };
        let Self { bytes, starts } = self;
        starts.clear();
        let mut at = 0;
        while at < bytes.len() {
            at = cursor.skip_equal(bytes, at, starts);
            let mut rest = TreeRef::new(id.format(), bytes.get(at..).unwrap_or_default()).iter();
            let Some(entry) = rest.next() else { break };
            let entry = entry.map_err(|error| read::malformed(id, ObjectKind::Tree, error))?;
            starts.push(u32::try_from(at).map_err(|_| WalkError::Internal("a tree past its limit"))?);
            cursor.step_over(&entry);
            each(&entry)?;
            at += rest.offset();
        }
        Ok(())
    }
}

/// A place in the tree before.
struct Cursor<'a> {
    before: &'a Tree,
    /// The entry that comes next.
    nth: usize,
    format: ObjectFormat,
}

impl Cursor<'_> {
    fn start(&self, nth: usize) -> usize {
        self.before.starts.get(nth).map_or(self.before.bytes.len(), |start| *start as usize)
    }

    /// Goes past all whole entries that are equal from here on; where the new tree's next entry starts.
    fn skip_equal(&mut self, new: &[u8], at: usize, starts: &mut Vec<u32>) -> usize {
        let here = self.start(self.nth);
        let old = self.before.bytes.get(here..).unwrap_or_default();
        let equal = equal_prefix(old, new.get(at..).unwrap_or_default());
        let rest = self.before.starts.get(self.nth..).unwrap_or_default();
        // An entry is whole within what is equal when the next one starts there, or the old tree ends there.
        let mut whole = rest.partition_point(|start| *start as usize <= here + equal);
        if here + equal < self.before.bytes.len() {
            whole = whole.saturating_sub(1);
        }
        let moved = |start: &u32| u32::try_from(*start as usize - here + at).unwrap_or(u32::MAX);
        starts.extend(rest.iter().take(whole).map(moved));
        self.nth += whole;
        at + (self.start(self.nth) - here)
    }

    /// Goes past the old entries that do not come after a new one.
    fn step_over(&mut self, new: &TreeEntry<'_>) {
        loop {
            let old = self.before.bytes.get(self.start(self.nth)..).unwrap_or_default();
            let Some(Ok(old)) = TreeRef::new(self.format, old).iter().next() else { return };
            if old.order(new).is_gt() {
                return;
            }
            self.nth += 1;
        }
    }
}

/// The number of bytes at the front that are equal.
fn equal_prefix(one: &[u8], two: &[u8]) -> usize {
    const BLOCK: usize = 256;
    let blocks = one.chunks_exact(BLOCK).zip(two.chunks_exact(BLOCK));
    let whole = blocks.take_while(|(one, two)| one == two).count() * BLOCK;
    let rest = one.iter().skip(whole).zip(two.iter().skip(whole));
    whole + rest.take_while(|(one, two)| one == two).count()
}
