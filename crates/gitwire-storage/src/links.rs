//! What the objects of a pack lead to, noted while each of them is in memory.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use gitwire_object::{CommitLinks, TagRef, TreeRef};
use gitwire_pack::Content;
use gitwire_types::{ObjectId, ObjectKind};

/// Notes what the objects of a pack lead to, for back ends that implement [`Staged::outward`](crate::Staged::outward): a receiver
/// then need not read the pack a second time to find out whether everything is there.
///
/// Give each object to [`note`](Self::note) as it is inspected, then all that the pack brought to [`outward`](Self::outward). What is
/// noted is bounded; a pack that leads to more is walked instead.
#[derive(Debug)]
pub struct PackLinks {
    shards: Vec<Mutex<Shard>>,
    /// Something was not noted.
    gave_up: AtomicBool,
}

/// An id of which every byte counts: trees may name ids that no hash function made, many alike in the bytes that usually count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Whole(ObjectId);

impl Hash for Whole {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.0.as_bytes());
    }
}

#[derive(Debug, Default)]
struct Shard {
    /// What is led to, and what it must be.
    targets: HashMap<Whole, ObjectKind>,
    /// Trees and the trees in them, by the front of their ids: enough to tell how deep they may be.
    nested: Vec<(u64, u64)>,
}

/// What the objects of a pack lead to that is not among them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutwardLinks {
    /// The objects, in no order, and what they must be.
    pub links: Vec<(ObjectId, ObjectKind)>,
    /// Trees of the pack are not nested deeper than this.
    pub tree_depth: u32,
}

impl PackLinks {
    /// Nothing noted yet.
    #[must_use]
    pub fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), gave_up: AtomicBool::new(false) }
    }

    /// Notes what an object leads to. Any number of threads may do so at once.
    pub fn note(&self, id: &ObjectId, kind: ObjectKind, content: Content<'_>) {
        if kind == ObjectKind::Blob || self.gave_up.load(Ordering::Relaxed) {
            return;
        }
        let Content::Whole(content) = content else { return self.give_up() };
        if content.len() > CONTENT_MAX || self.try_note(id, kind, content).is_none() {
            self.give_up();
        }
    }

    /// `None` where it cannot be noted.
    fn try_note(&self, id: &ObjectId, kind: ObjectKind, content: &[u8]) -> Option<()> {
        let format = id.format();
        match kind {
            ObjectKind::Commit => {
                let links = CommitLinks::parse(format, content).ok()?;
                self.target(&links.tree, ObjectKind::Tree)?;
                links.parents().try_for_each(|parent| self.target(&parent, ObjectKind::Commit))
            }
            ObjectKind::Tag => {
                let tag = TagRef::parse(format, content).ok()?;
                self.target(&tag.target(), tag.kind())
            }
            ObjectKind::Tree => TreeRef::new(format, content).iter().try_for_each(|entry| {
                let entry = entry.ok()?;
                match entry.mode {
                    mode if mode.is_gitlink() => Some(()),
                    mode if mode.is_tree() => {
                        self.nest(id, &entry.id())?;
                        self.target(&entry.id(), ObjectKind::Tree)
                    }
                    _ => self.target(&entry.id(), ObjectKind::Blob),
                }
            }),
            ObjectKind::Blob => Some(()),
        }
    }

    fn target(&self, id: &ObjectId, kind: ObjectKind) -> Option<()> {
        let mut shard = self.shard(id)?.lock().unwrap_or_else(PoisonError::into_inner);
        let room = shard.targets.len() < TARGETS_MAX;
        match shard.targets.get(&Whole(*id)) {
            Some(known) => (*known == kind).then_some(()),
            None if room => {
                shard.targets.insert(Whole(*id), kind);
                Some(())
            }
            None => None,
        }
    }

    fn nest(&self, tree: &ObjectId, inner: &ObjectId) -> Option<()> {
        let mut shard = self.shard(tree)?.lock().unwrap_or_else(PoisonError::into_inner);
        (shard.nested.len() < NESTED_MAX).then(|| shard.nested.push((front(tree), front(inner))))
    }

    fn shard(&self, id: &ObjectId) -> Option<&Mutex<Shard>> {
        // Not the front of an id, by which trees are told apart.
        self.shards.get(usize::from(*id.as_bytes().last()?) % SHARDS)
    }

    /// Nobody will ask for what was noted.
    fn give_up(&self) {
        self.gave_up.store(true, Ordering::Relaxed);
        for shard in &self.shards {
            *shard.lock().unwrap_or_else(PoisonError::into_inner) = Shard::default();
        }
    }

    /// What is led to and not among the objects that the pack brought; `None` where not everything was noted, where the objects
    /// contradict each other, or where trees may contain themselves.
    #[must_use]
    pub fn outward(self, brought: impl Iterator<Item = (ObjectId, ObjectKind)>) -> Option<OutwardLinks> {
        if self.gave_up.into_inner() {
            return None;
        }
        let shards = self.shards.into_iter();
        let mut shards: Vec<Shard> =
            shards.map(|shard| shard.into_inner().unwrap_or_else(PoisonError::into_inner)).collect();
        for (id, kind) in brought {
            let shard = shards.get_mut(usize::from(*id.as_bytes().last()?) % SHARDS)?;
            if shard.targets.remove(&Whole(id)).is_some_and(|wanted| wanted != kind) {
                return None;
            }
        }
        let mut nested: Vec<(u64, u64)> = Vec::new();
        let mut links = Vec::new();
        for shard in shards {
            nested.extend(shard.nested);
            links.extend(shard.targets.into_iter().map(|(Whole(id), kind)| (id, kind)));
        }
        Some(OutwardLinks { links, tree_depth: depth_of(nested)? })
    }
}

impl Default for PackLinks {
    fn default() -> Self {
        Self::new()
    }
}

/// The front of an id. Different trees may share it: they are then taken for one, and at least as deep as each is.
fn front(id: &ObjectId) -> u64 {
    id.as_bytes().first_chunk().map_or(0, |front| u64::from_be_bytes(*front))
}

/// The longest way through trees in trees, counted in trees; `None` where it does not end.
fn depth_of(mut nested: Vec<(u64, u64)>) -> Option<u32> {
    nested.sort_unstable();
    // Each tree with a tree in it: where its part of the list starts, and how deep it is once that is known.
    let mut trees: HashMap<u64, (usize, Depth)> = HashMap::new();
    for (at, (tree, _)) in nested.iter().enumerate() {
        trees.entry(*tree).or_insert((at, Depth::Unknown));
    }
    let mut deepest = 1;
    let mut way: Vec<(u64, usize, u32)> = Vec::new();
    for (root, _) in &nested {
        let mut enter = Some(*root);
        loop {
            if let Some(tree) = enter.take()
                && let Some((start, depth)) = trees.get_mut(&tree)
            {
                match depth {
                    Depth::Unknown => {
                        *depth = Depth::OnTheWay;
                        way.push((tree, *start, 2));
                    }
                    Depth::OnTheWay => return None,
                    Depth::Known(known) => {
                        let known = known.saturating_add(1);
                        way.last_mut().into_iter().for_each(|(.., own)| *own = known.max(*own));
                    }
                }
            }
            let Some((tree, next, own)) = way.last_mut() else { break };
            match nested.get(*next).filter(|(of, _)| of == tree) {
                Some((_, inner)) => {
                    *next = next.saturating_add(1);
                    enter = Some(*inner);
                }
                None => {
                    let (tree, own) = (*tree, *own);
                    way.pop();
                    deepest = own.max(deepest);
                    trees.get_mut(&tree)?.1 = Depth::Known(own);
                    way.last_mut()
                        .into_iter()
                        .for_each(|(.., above)| *above = own.saturating_add(1).max(*above));
                    if way.is_empty() {
                        break;
                    }
                }
            }
        }
    }
    Some(deepest)
}

#[derive(Debug, Clone, Copy)]
enum Depth {
    Unknown,
    OnTheWay,
    Known(u32),
}

/// Threads seldom wait for each other.
const SHARDS: usize = 16;

/// Objects that are noted in each shard, at about 40 bytes: 224,000 in all, 9 MiB, which is two pushes of 100,000 objects.
const TARGETS_MAX: usize = 14_000;

/// Trees in trees that are noted in each shard, at 16 bytes: a quarter of a million in all.
const NESTED_MAX: usize = 16 << 10;

/// No commit, tag or tree of this size is made by people.
const CONTENT_MAX: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use gitwire_types::ObjectFormat;

    use super::*;

    #[track_caller]
    fn check(nested: &[(u64, u64)], expected: Option<u32>) {
        assert_eq!(depth_of(nested.to_vec()), expected);
    }

    fn id(number: usize) -> ObjectId {
        ObjectId::from_hex(ObjectFormat::Sha1, format!("{number:016x}{:08x}{number:016x}", 0).as_bytes())
            .unwrap()
    }

    fn tree(entries: &[(&str, usize)]) -> Vec<u8> {
        let entry = |(at, (mode, to)): (usize, &(&str, usize))| {
            [format!("{mode} {at:04}\0").as_bytes(), id(*to).as_bytes()].concat()
        };
        entries.iter().enumerate().flat_map(entry).collect()
    }

    #[track_caller]
    fn check_outward(objects: &[(usize, ObjectKind, Vec<u8>)], expected: Option<&[(usize, ObjectKind)]>) {
        let links = PackLinks::new();
        for (number, kind, content) in objects {
            links.note(&id(*number), *kind, Content::Whole(content));
        }
        let outward = links.outward(objects.iter().map(|(number, kind, _)| (id(*number), *kind)));
        let found = outward.map(|mut outward| {
            outward.links.sort_unstable();
            outward.links
        });
        assert_eq!(found, expected.map(|links| links.iter().map(|(to, kind)| (id(*to), *kind)).collect()));
    }

    #[test]
    fn what_is_led_to_and_not_there_is_told() {
        use ObjectKind::{Blob, Commit, Tag, Tree};
        let commit = |tree: usize, parent: usize| {
            format!(
                "tree {}\nparent {}\nauthor a <a> 1 +0000\ncommitter a <a> 1 +0000\n\n",
                id(tree),
                id(parent)
            )
        };
        let tag = format!("object {}\ntype commit\ntag x\n\nx\n", id(1));
        let mixed = tree(&[("40000", 5), ("100644", 6), ("160000", 7), ("120000", 8)]);
        check_outward(&[], Some(&[]));
        check_outward(&[(1, Commit, commit(2, 3).into())], Some(&[(2, Tree), (3, Commit)]));
        check_outward(&[(1, Commit, commit(2, 3).into()), (2, Tree, tree(&[]))], Some(&[(3, Commit)]));
        check_outward(&[(4, Tag, tag.clone().into())], Some(&[(1, Commit)]));
        check_outward(&[(2, Tree, mixed.clone())], Some(&[(5, Tree), (6, Blob), (8, Blob)]));
        check_outward(&[(2, Tree, mixed.clone()), (6, Blob, vec![])], Some(&[(5, Tree), (8, Blob)]));
        // A blob where a tree must be; one id in two places; what cannot be read; trees in themselves.
        check_outward(&[(2, Tree, mixed), (5, Blob, vec![])], None);
        check_outward(&[(2, Tree, tree(&[("40000", 5), ("100644", 5)]))], None);
        check_outward(&[(1, Commit, b"tree".to_vec())], None);
        check_outward(&[(4, Tag, b"object".to_vec())], None);
        check_outward(&[(2, Tree, b"40000".to_vec())], None);
        check_outward(&[(2, Tree, tree(&[("40000", 2)]))], None);
        let links = PackLinks::new();
        links.note(&id(1), Tree, Content::Large { size: 1, data: None });
        assert_eq!(links.outward(std::iter::empty()), None);
    }

    #[test]
    fn no_more_is_noted_than_there_is_room_for() {
        // All in one shard: their last bytes are alike.
        let many = |count: usize, mode| {
            let entries: Vec<_> = (1..=count).map(|number| (mode, number << 8)).collect();
            let links = PackLinks::new();
            links.note(&id(1), ObjectKind::Tree, Content::Whole(&tree(&entries)));
            links.outward(std::iter::empty()).is_some()
        };
        assert!(many(TARGETS_MAX, "100644") && !many(TARGETS_MAX + 1, "100644"));
        let nested = |count: usize| {
            let links = PackLinks::new();
            let content = tree(&[("40000", 1)]).repeat(count);
            links.note(&id(2), ObjectKind::Tree, Content::Whole(&content));
            links.outward(std::iter::empty()).is_some()
        };
        assert!(nested(NESTED_MAX) && !nested(NESTED_MAX + 1));
        let long = |size: usize| {
            let links = PackLinks::new();
            let mut content = format!("tree {}\n", id(1)).into_bytes();
            content.resize(size, b'x');
            links.note(&id(2), ObjectKind::Commit, Content::Whole(&content));
            links.outward(std::iter::empty()).is_some()
        };
        assert!(long(CONTENT_MAX) && !long(CONTENT_MAX + 1));
    }

    #[test]
    fn trees_are_as_deep_as_the_longest_way() {
        check(&[], Some(1));
        check(&[(1, 2)], Some(2));
        check(&[(1, 2), (1, 3), (3, 4), (2, 3)], Some(4));
        check(&[(3, 4), (4, 5), (1, 3), (1, 9), (0, 1)], Some(5));
        check(&[(1, 2), (1, 2), (5, 1), (6, 1)], Some(3));
        check(&[(1, 1)], None);
        check(&[(1, 2), (2, 3), (3, 1)], None);
        let long: Vec<(u64, u64)> = (0..100_000).map(|at| (at, at + 1)).collect();
        check(&long, Some(100_001));
    }
}
