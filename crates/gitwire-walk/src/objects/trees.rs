//! Going through trees, each once.

use std::sync::Arc;

use gitwire_object::{TreeEntry, TreeStream};
use gitwire_storage::{ObjectReader, ObjectStore};
use gitwire_types::{ObjectId, ObjectKind};

use super::paths::{Directory, Paths};
use super::tree_diff::{Tree, TreeCache};
use super::{Fact, Found, PIECE, Place, Question, look_up};
use crate::read::{self, Held};
use crate::{ObjectFilter, WalkError, WalkLimits};

/// What becomes of what a tree holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// It goes, as far as the filter allows.
    Send,
    /// The receiver has it.
    Exclude,
}

/// Trees that wait to be read. Nothing recurses: however deep or shared trees are, each waits here at most once for every
/// depth that makes a difference.
#[derive(Debug)]
pub(crate) struct TreeWalk {
    waiting: Vec<Waiting>,
    cache: TreeCache,
    spare: Tree,
    filter: ObjectFilter,
    /// Where the filter asks for paths.
    paths: Option<Paths>,
    limits: WalkLimits,
    promised_may_lack: bool,
    promised: u64,
    /// So many of the objects that were met were looked up, if they are blobs; the rest is once there are so many.
    looked_up: usize,
    look_up_at: usize,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    at: u32,
    /// The depth of what it holds.
    depth: u32,
    place: Place,
    side: Side,
}

impl TreeWalk {
    pub(crate) fn new(limits: &WalkLimits, question: &Question) -> Self {
        let filter = question.filter.clone();
        Self {
            waiting: Vec::new(),
            cache: TreeCache::new(limits.tree_cache_bytes),
            spare: Tree::default(),
            paths: Paths::new(filter.patterns(), limits.objects_max),
            filter,
            limits: limits.clone(),
            promised_may_lack: question.promised_may_lack,
            promised: 0,
            looked_up: 0,
            look_up_at: if question.must_be_there { LOOKED_UP } else { usize::MAX },
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn promised(&self) -> u64 {
        self.promised
    }

    pub(crate) fn looked_up(&self) -> usize {
        self.looked_up
    }

    fn look_up(&mut self, objects: &dyn ObjectStore, found: &Found) -> Result<(), WalkError> {
        for part in found.blobs_sent_from(self.looked_up).chunks(PIECE) {
            self.promised += look_up(objects, found, part, self.promised_may_lack)?;
        }
        self.looked_up = found.len();
        self.look_up_at = self.looked_up.saturating_add(LOOKED_UP);
        Ok(())
    }

    /// Puts a commit's tree up for reading, unless it was met before.
    pub(crate) fn push_tree(&mut self, found: &mut Found, raw: &[u8], side: Side) -> Result<(), WalkError> {
        match &self.paths {
            Some(_) if side == Side::Send => self.meet_root(found, raw),
            _ => self.meet(found, raw, ObjectKind::Tree, Place::ROOT, 0, side),
        }
    }

    /// A commit's tree, where paths count: that it stands somewhere else as well does not matter.
    fn meet_root(&mut self, found: &mut Found, raw: &[u8]) -> Result<(), WalkError> {
        let (at, _) = found.meet(raw, ObjectKind::Tree, Place::ROOT.order())?;
        found.rise(at, 0);
        if found.fact(at).is(Fact::EXCLUDED) || !self.filter.takes_depth(0) {
            return Ok(());
        }
        if self.filter.takes(ObjectKind::Tree) {
            found.flag(at, Fact::SEND);
        }
        let Some(paths) = &mut self.paths else { return Ok(()) };
        let enters = self.filter.takes_below(0) && paths.enter_root(at)?;
        if enters { self.wait(at, 0, Place::ROOT, Side::Send) } else { Ok(()) }
    }

    /// Puts a tree up for reading whose own fate is decided elsewhere. What it holds counts as depth 0, as in git: such a tree is
    /// no commit's.
    pub(crate) fn push_root(&mut self, found: &mut Found, raw: &[u8], side: Side) -> Result<(), WalkError> {
        let (at, _) = found.meet(raw, ObjectKind::Tree, Place::ROOT.order())?;
        if side == Side::Exclude {
            found.flag(at, Fact::EXCLUDED);
        }
        found.rise(at, 0);
        self.waiting.push(Waiting { at, depth: 0, place: Place::ROOT, side });
        Ok(())
    }

    /// Reads at most `budget` trees; what is left of it.
    pub(crate) fn run(
        &mut self,
        objects: &dyn ObjectStore,
        found: &mut Found,
        mut budget: usize,
    ) -> Result<usize, WalkError> {
        while budget > 0
            && let Some(next) = self.waiting.pop()
        {
            self.read(objects, found, next)?;
            budget -= 1;
        }
        Ok(budget)
    }

    fn read(&mut self, objects: &dyn ObjectStore, found: &mut Found, next: Waiting) -> Result<(), WalkError> {
        let id = found.id(next.at)?;
        let mut tree = std::mem::take(&mut self.spare);
        let kind = match read::held(objects, &id, &self.limits, &mut tree.bytes)? {
            Held::Whole(kind) => kind,
            Held::Large(object) if object.kind() == ObjectKind::Tree => {
                self.spare = tree;
                return self.read_large(&id, (objects, object), found, next);
            }
            Held::Large(object) => Some(object.kind()),
        };
        match kind {
            Some(ObjectKind::Tree) => {}
            Some(actual) => return Err(WalkError::Kind { id, expected: ObjectKind::Tree, actual }),
            None => return self.absent(objects, id, next.side),
        }
        // Where depth decides, what was met below one commit says nothing about what is met below another.
        let key = next.place.key;
        let before = if self.filter.asks_depth() { None } else { self.cache.take(key) };
        let directory = self.directory(next)?;
        let first = self.waiting.len();
        tree.each_new(&id, before.as_ref(), |entry| {
            self.entry(objects, found, entry, next, directory.as_ref())
        })?;
        self.first_comes_first(first);
        self.cache.put(key, tree);
        self.spare = before.unwrap_or_default();
        Ok(())
    }

    /// Goes through a tree that is not held.
    fn read_large(
        &mut self,
        id: &ObjectId,
        (objects, mut object): (&dyn ObjectStore, Box<dyn ObjectReader>),
        found: &mut Found,
        next: Waiting,
    ) -> Result<(), WalkError> {
        let failed = |error| read::malformed(id, ObjectKind::Tree, error);
        let directory = self.directory(next)?;
        let first = self.waiting.len();
        let mut tree = TreeStream::new(id.format(), self.limits.held_bytes_max);
        let mut room = vec![0; read::PIECE];
        loop {
            let count = object.read(&mut room)?;
            if count == 0 {
                break;
            }
            tree.push(room.get(..count).unwrap_or_default());
            while let Some(entry) = tree.next_entry().map_err(failed)? {
                self.entry(objects, found, &entry, next, directory.as_ref())?;
            }
        }
        tree.finish().map_err(failed)?;
        self.first_comes_first(first);
        Ok(())
    }

    fn directory(&self, next: Waiting) -> Result<Option<Arc<Directory>>, WalkError> {
        match &self.paths {
            Some(paths) if next.side == Side::Send => paths.directory(next.place).map(Some),
            _ => Ok(None),
        }
    }

    fn entry(
        &mut self,
        objects: &dyn ObjectStore,
        found: &mut Found,
        entry: &TreeEntry<'_>,
        next: Waiting,
        directory: Option<&Arc<Directory>>,
    ) -> Result<(), WalkError> {
        if entry.mode.is_gitlink() {
            return Ok(());
        }
        if found.len() >= self.look_up_at {
            self.look_up(objects, found)?;
        }
        let place = next.place.below(entry.name);
        if let Some(directory) = directory {
            return self.meet_in(found, entry, place, next.depth, directory);
        }
        self.meet(found, entry.raw_id(), entry.mode.kind(), place, next.depth, next.side)
    }

    /// What was put up for reading from `first` on is read in its order.
    fn first_comes_first(&mut self, first: usize) {
        if let Some(new) = self.waiting.get_mut(first..) {
            new.reverse();
        }
    }

    /// Decides about an object that stands at a place.
    fn meet(
        &mut self,
        found: &mut Found,
        raw: &[u8],
        kind: ObjectKind,
        place: Place,
        depth: u32,
        side: Side,
    ) -> Result<(), WalkError> {
        let (at, _) = found.meet(raw, kind, place.order())?;
        let fact = found.fact(at);
        if fact.is(Fact::EXCLUDED) {
            return Ok(());
        }
        if side == Side::Exclude {
            found.flag(at, Fact::EXCLUDED);
            return if kind == ObjectKind::Tree { self.wait(at, depth, place, side) } else { Ok(()) };
        }
        let rises = found.rise(at, u16::try_from(depth).unwrap_or(u16::MAX - 1));
        let counts = rises && (fact.depth == u16::MAX || self.filter.asks_depth());
        if !counts || !self.filter.takes_depth(depth) {
            return Ok(());
        }
        // Whether a blob below a size goes is decided once sizes are looked up.
        let waits_for_size = kind == ObjectKind::Blob && self.filter.size_limit().is_some();
        if self.filter.takes(kind) {
            found.flag(at, if waits_for_size { Fact::SIZED } else { Fact::SEND });
        }
        if kind == ObjectKind::Tree && self.filter.takes_below(depth) {
            return self.wait(at, depth, place, side);
        }
        Ok(())
    }

    /// Decides about what stands in a directory, where its path counts: each path anew.
    fn meet_in(
        &mut self,
        found: &mut Found,
        entry: &TreeEntry<'_>,
        place: Place,
        depth: u32,
        directory: &Directory,
    ) -> Result<(), WalkError> {
        let kind = entry.mode.kind();
        let (at, _) = found.meet(entry.raw_id(), kind, place.order())?;
        let fact = found.fact(at);
        found.rise(at, u16::try_from(depth).unwrap_or(u16::MAX - 1));
        let Some(paths) = &mut self.paths else { return Ok(()) };
        if fact.is(Fact::EXCLUDED) || !self.filter.takes_depth(depth) {
            return Ok(());
        }
        if kind == ObjectKind::Tree {
            if self.filter.takes(kind) {
                found.flag(at, Fact::SEND);
            }
            let enters = self.filter.takes_below(depth) && paths.enter(at, place, directory, entry.name)?;
            return if enters { self.wait(at, depth, place, Side::Send) } else { Ok(()) };
        }
        if self.filter.takes(kind) && !fact.is(Fact::SEND | Fact::SIZED) && paths.takes(directory, entry.name)
        {
            let waits_for_size = self.filter.size_limit().is_some();
            found.flag(at, if waits_for_size { Fact::SIZED } else { Fact::SEND });
        }
        Ok(())
    }

    fn wait(&mut self, at: u32, depth: u32, place: Place, side: Side) -> Result<(), WalkError> {
        if depth > self.limits.tree_depth_max {
            return Err(WalkError::Limit { what: "tree_depth_max", max: self.limits.tree_depth_max.into() });
        }
        self.waiting.push(Waiting { at, depth: depth.saturating_add(1), place, side });
        Ok(())
    }

    fn absent(&mut self, objects: &dyn ObjectStore, id: ObjectId, side: Side) -> Result<(), WalkError> {
        if side == Side::Exclude {
            return Ok(());
        }
        if !self.promised_may_lack || objects.promised(&[id])? != [true] {
            return Err(WalkError::missing(ObjectKind::Tree, id));
        }
        self.promised += 1;
        Ok(())
    }
}

/// Blobs that may be noted before they are looked up: some MiB, and less than a large push has.
const LOOKED_UP: usize = 64 << 10;
