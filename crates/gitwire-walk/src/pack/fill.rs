//! Two growing sets: what the receiver has, and what goes.

use gitwire_storage::{Bits, ObjectStore, Reachability};
use gitwire_types::{ObjectId, ObjectKind};

use super::cover::Cover;
use crate::objects::{Fact, Found, Place, Tree, TreeCache};
use crate::{Graph, WalkError, WalkLimits};

/// Whose objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The receiver's.
    Held,
    /// Those that go.
    Sent,
}

/// Which trees are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compared {
    /// Those without a place. What has one goes as it stands.
    Unplaced,
    All,
}

/// The sets, and the trees that are still to be read into them. Nothing is in both: what the receiver has does not go.
#[derive(Debug)]
pub(crate) struct Fill {
    held: Bits,
    sent: Bits,
    /// What has no place, of either side.
    found: Found,
    waiting: Vec<Waiting>,
    cache: TreeCache,
    spare: Tree,
    limits: WalkLimits,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    tree: ObjectId,
    place: Place,
    depth: u32,
}

impl Fill {
    pub(crate) fn new(graph: &Graph, places: u32) -> Self {
        let limits = graph.limits().clone();
        Self {
            held: Bits::new(places),
            sent: Bits::new(places),
            found: Found::new(graph.format(), limits.objects_max),
            waiting: Vec::new(),
            cache: TreeCache::new(limits.tree_cache_bytes),
            spare: Tree::default(),
            limits,
        }
    }

    pub(crate) fn into_parts(self) -> (Found, Cover) {
        (self.found, Cover { held: self.held, sent: self.sent })
    }

    /// Whether no bitmap has said anything, and nothing is common.
    pub(crate) fn knows_nothing(&self) -> bool {
        self.held.is_empty() && self.sent.is_empty()
    }

    /// How many objects go, so far.
    pub(crate) fn sent_count(&self) -> u64 {
        self.found.sent() + u64::from(self.sent.count())
    }

    /// Whether an object is in the set of a side, or does not belong there.
    pub(crate) fn covers(
        &self,
        reach: &dyn Reachability,
        side: Side,
        id: &ObjectId,
    ) -> Result<bool, WalkError> {
        Ok(match reach.place(id)? {
            Some(place) => self.held.has(place) || side == Side::Sent && self.sent.has(place),
            None => self.found.get(id).is_some_and(|at| {
                let fact = self.found.fact(at);
                fact.is(Fact::EXCLUDED) || side == Side::Sent && fact.is(Fact::SEND)
            }),
        })
    }

    pub(crate) fn is_held(&self, reach: &dyn Reachability, id: &ObjectId) -> Result<bool, WalkError> {
        self.covers(reach, Side::Held, id)
    }

    pub(crate) fn goes(&self, reach: &dyn Reachability, id: &ObjectId) -> Result<bool, WalkError> {
        Ok(match reach.place(id)? {
            Some(place) => self.sent.has(place),
            None => self.found.get(id).is_some_and(|at| self.found.fact(at).is(Fact::SEND)),
        })
    }

    /// Adds all that a bitmap names.
    pub(crate) fn add_all(&mut self, side: Side, reached: &Bits) {
        match side {
            Side::Held => self.held.add(reached),
            Side::Sent => self.sent.add(reached),
        }
    }

    /// Takes out of what goes what the receiver has.
    pub(crate) fn settle(&mut self) {
        self.sent.remove(&self.held);
    }

    /// Adds an object to the set of a side; true where it is new there.
    pub(crate) fn add(
        &mut self,
        reach: &dyn Reachability,
        side: Side,
        id: &ObjectId,
        kind: ObjectKind,
        name: u32,
    ) -> Result<bool, WalkError> {
        if let Some(place) = reach.place(id)? {
            let set = if side == Side::Held { &mut self.held } else { &mut self.sent };
            let is_new = !set.has(place);
            if side == Side::Held {
                set.insert(place);
                return Ok(is_new);
            }
            if !is_new || self.held.has(place) {
                return Ok(false);
            }
            self.sent.insert(place);
            return Ok(true);
        }
        let (at, _) = self.found.meet(id.as_bytes(), kind, name)?;
        let fact = self.found.fact(at);
        let flag = if side == Side::Held { Fact::EXCLUDED } else { Fact::SEND };
        if fact.is(flag) || fact.is(Fact::EXCLUDED) {
            return Ok(false);
        }
        self.found.flag(at, flag);
        Ok(true)
    }

    /// Adds an object to what goes, whether the receiver has it or not.
    pub(crate) fn add_anyhow(
        &mut self,
        reach: &dyn Reachability,
        id: &ObjectId,
        kind: ObjectKind,
    ) -> Result<(), WalkError> {
        match reach.place(id)? {
            Some(place) => self.sent.insert(place),
            None => {
                let (at, _) = self.found.meet(id.as_bytes(), kind, 0)?;
                self.found.flag(at, Fact::SEND);
            }
        }
        Ok(())
    }

    /// Puts a tree up for reading, unless it is known.
    pub(crate) fn push_tree(
        &mut self,
        reach: &dyn Reachability,
        side: Side,
        tree: &ObjectId,
    ) -> Result<(), WalkError> {
        if self.add(reach, side, tree, ObjectKind::Tree, 0)? {
            self.waiting.push(Waiting { tree: *tree, place: Place::ROOT, depth: 0 });
        }
        Ok(())
    }

    /// Reads at most `budget` trees; what is left of it.
    pub(crate) fn run(
        &mut self,
        objects: &dyn ObjectStore,
        reach: &dyn Reachability,
        side: Side,
        mut budget: usize,
    ) -> Result<usize, WalkError> {
        while budget > 0
            && let Some(next) = self.waiting.pop()
        {
            self.read(objects, reach, side, next)?;
            budget -= 1;
        }
        Ok(budget)
    }

    fn read(
        &mut self,
        objects: &dyn ObjectStore,
        reach: &dyn Reachability,
        side: Side,
        next: Waiting,
    ) -> Result<(), WalkError> {
        let max = self.limits.object_bytes_max;
        if next.depth > self.limits.tree_depth_max {
            return Err(WalkError::Limit { what: "tree_depth_max", max: self.limits.tree_depth_max.into() });
        }
        let mut tree = std::mem::take(&mut self.spare);
        match objects.read(&next.tree, max, &mut tree.bytes)? {
            Some(ObjectKind::Tree) => {}
            // What the receiver has may lack something here.
            None if side == Side::Held => return Ok(()),
            None => return Err(WalkError::missing(ObjectKind::Tree, next.tree)),
            Some(actual) => {
                return Err(WalkError::Kind { id: next.tree, expected: ObjectKind::Tree, actual });
            }
        }
        let before = self.cache.take(next.place.key);
        tree.each_new(&next.tree, before.as_ref(), |entry| {
            if entry.mode.is_gitlink() {
                return Ok(());
            }
            let place = next.place.below(entry.name);
            let (id, kind) = (entry.id(), entry.mode.kind());
            if self.add(reach, side, &id, kind, place.path())? && kind == ObjectKind::Tree {
                self.waiting.push(Waiting { tree: id, place, depth: next.depth.saturating_add(1) });
            }
            Ok(())
        })?;
        self.cache.put(next.place.key, tree);
        self.spare = before.unwrap_or_default();
        Ok(())
    }

    /// Lists what stands in `before`, which the receiver has, in the places of what is new in `tree`: bases for what has no place.
    pub(crate) fn compare(
        &mut self,
        objects: &dyn ObjectStore,
        reach: &dyn Reachability,
        tree: &ObjectId,
        before: &ObjectId,
        compared: Compared,
    ) -> Result<(), WalkError> {
        let max = self.limits.object_bytes_max;
        let mut pairs = vec![(*tree, *before, Place::ROOT)];
        let (mut new, mut old) = (Tree::default(), Tree::default());
        let mut budget = COMPARED_MAX;
        while let Some((tree, before, place)) = pairs.pop() {
            let stays = compared == Compared::Unplaced && reach.place(&tree)?.is_some();
            if tree == before || stays || budget == 0 {
                continue;
            }
            budget -= 1;
            let read =
                (objects.read(&tree, max, &mut new.bytes)?, objects.read(&before, max, &mut old.bytes)?);
            if read != (Some(ObjectKind::Tree), Some(ObjectKind::Tree)) {
                continue;
            }
            self.add_base(&before, ObjectKind::Tree, place)?;
            old.each_new(&before, None, |_| Ok(()))?;
            let mut changed = std::collections::HashMap::new();
            new.each_new(&tree, Some(&old), |entry| {
                changed.insert(entry.name.to_vec(), (entry.id(), entry.mode.kind()));
                Ok(())
            })?;
            old.each_new(&before, None, |entry| {
                let Some((id, kind)) = changed.get(entry.name) else { return Ok(()) };
                if *kind != entry.mode.kind() || entry.mode.is_gitlink() || *id == entry.id() {
                    return Ok(());
                }
                let place = place.below(entry.name);
                match kind {
                    ObjectKind::Tree => pairs.push((*id, entry.id(), place)),
                    _ => self.add_base(&entry.id(), *kind, place)?,
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn add_base(&mut self, id: &ObjectId, kind: ObjectKind, place: Place) -> Result<(), WalkError> {
        let (at, _) = self.found.meet(id.as_bytes(), kind, place.path())?;
        if !self.found.fact(at).is(Fact::SEND) {
            self.found.flag(at, Fact::EXCLUDED);
        }
        Ok(())
    }

    /// Takes all objects of a kind out of what goes.
    pub(crate) fn leave_out(&mut self, reach: &dyn Reachability, kind: ObjectKind) -> Result<(), WalkError> {
        let bits = reach.of_kind(kind).ok_or(WalkError::Internal("bitmaps that were there are gone"))?;
        self.sent.remove(bits);
        let listed = self.found.select(|fact| fact.kind == kind && fact.is(Fact::SEND));
        for id in listed.map(|at| self.found.id(at)).collect::<Result<Vec<_>, _>>()? {
            self.found.leave_out(&id);
        }
        Ok(())
    }

    pub(crate) fn leave_out_one(&mut self, reach: &dyn Reachability, id: &ObjectId) -> Result<(), WalkError> {
        match reach.place(id)? {
            Some(place) => self.sent.take_out(place),
            None => {
                self.found.leave_out(id);
            }
        }
        Ok(())
    }

    /// The blobs that go.
    pub(crate) fn blobs(&self, reach: &dyn Reachability) -> Result<Vec<ObjectId>, WalkError> {
        let mut blobs = self.sent.clone();
        if let Some(bits) = reach.of_kind(ObjectKind::Blob) {
            blobs.keep(bits);
        }
        let placed = blobs.iter().map(|place| Ok(reach.object(place)?.0));
        let is_blob = |fact: Fact| fact.kind == ObjectKind::Blob && fact.is(Fact::SEND);
        placed.chain(self.found.select(is_blob).map(|at| self.found.id(at))).collect()
    }
}

/// Pairs of trees that are compared below one commit.
const COMPARED_MAX: u32 = 1024;
