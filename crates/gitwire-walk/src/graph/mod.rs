//! Commits and their parents, read once.

mod load;
mod queue;
mod range;
mod reach;

use std::fmt;
use std::sync::Arc;

use gitwire_storage::ObjectStore;
use gitwire_types::{ObjectFormat, ObjectId};

pub(crate) use self::load::Pace;
pub use self::load::Peeled;
pub(crate) use self::queue::DateQueue;
pub use self::range::Range;
pub(crate) use self::range::RangeWalk;

use crate::id_table::IdTable;
use crate::{WalkError, WalkLimits};

/// The commits of a repository as far as walks have seen them: parents, trees and times, each commit read once.
///
/// A graph belongs to one conversation: marks of one walk are not cleared for the next of the same kind. Commits on the
/// [boundary](Self::set_boundary) have no parents, whatever they say.
///
/// ```
/// # use std::sync::Arc;
/// # use gitwire_storage::{ObjectStore, StorageError};
/// # use gitwire_types::{Never, ObjectFormat, ObjectId};
/// # use gitwire_walk::{Graph, WalkError, WalkLimits};
/// # fn is_fast_forward(store: Arc<dyn ObjectStore>, old: ObjectId, new: ObjectId) -> Result<bool, WalkError> {
/// let mut graph = Graph::new(store, ObjectFormat::Sha1, WalkLimits::default());
/// graph.is_ancestor(&old, &new, &Never)
/// # }
/// ```
pub struct Graph {
    objects: Arc<dyn ObjectStore>,
    limits: WalkLimits,
    ids: IdTable,
    nodes: Vec<Node>,
    /// Raw ids of trees, one for each node; zero until the node is loaded.
    trees: Vec<u8>,
    /// Numbers of parents; each node has a range of them.
    edges: Vec<u32>,
    scratch: Vec<u8>,
    parents: Vec<ObjectId>,
    /// Whether the store's commit-graph is asked.
    uses_index: bool,
    /// Commits that were read before the commit-graph is asked.
    read: u32,
}

impl Graph {
    /// An empty graph over `objects`, whose ids are of `format`.
    #[must_use]
    pub fn new(objects: Arc<dyn ObjectStore>, format: ObjectFormat, limits: WalkLimits) -> Self {
        Self {
            objects,
            limits,
            ids: IdTable::new(format),
            nodes: Vec::new(),
            trees: Vec::new(),
            edges: Vec::new(),
            scratch: Vec::new(),
            parents: Vec::new(),
            uses_index: true,
            read: 0,
        }
    }

    /// The same graph, which reads every commit from the store itself: for whoever must know that it is there.
    #[must_use]
    pub(crate) fn without_index(mut self) -> Self {
        self.uses_index = false;
        self
    }

    /// Whether some commits stand without the parents that they name.
    pub(crate) fn has_boundary(&self) -> bool {
        self.nodes.iter().any(|node| node.flags & GRAFTED != 0)
    }

    /// Makes `ids` commits without parents: a shallow boundary (`gitprotocol-pack`, *shallow*). Ids that the store lacks
    /// do no harm. It replaces the boundary that was set before.
    ///
    /// # Errors
    /// Too many commits.
    pub fn set_boundary(&mut self, ids: &[ObjectId]) -> Result<(), WalkError> {
        self.clear_everywhere(GRAFTED);
        for id in ids {
            let at = self.number(id)?;
            self.set(at, GRAFTED);
        }
        Ok(())
    }

    /// The hash function of its ids.
    #[must_use]
    pub fn format(&self) -> ObjectFormat {
        self.ids.format()
    }

    /// The store that it reads.
    #[must_use]
    pub fn objects(&self) -> &Arc<dyn ObjectStore> {
        &self.objects
    }

    /// What it may cost.
    #[must_use]
    pub fn limits(&self) -> &WalkLimits {
        &self.limits
    }

    /// The number of commits seen so far, loaded or only named.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether nothing has been seen yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The number of a commit, given now if it has none.
    pub(crate) fn number(&mut self, id: &ObjectId) -> Result<u32, WalkError> {
        if id.format() != self.ids.format() {
            return Err(WalkError::Missing { id: *id, kind: None });
        }
        let (at, new) = self.ids.insert(id.as_bytes());
        if new {
            self.grow()?;
        }
        Ok(at)
    }

    /// The number of a commit that walks have met.
    pub(crate) fn known(&self, id: &ObjectId) -> Option<u32> {
        self.ids.get(id.as_bytes())
    }

    pub(crate) fn id(&self, at: u32) -> Result<ObjectId, WalkError> {
        self.ids.id(at)
    }

    pub(crate) fn raw(&self, at: u32) -> &[u8] {
        self.ids.raw(at)
    }

    /// The raw id of a loaded commit's tree.
    pub(crate) fn tree(&self, at: u32) -> &[u8] {
        let len = self.ids.format().raw_len();
        let start = at as usize * len;
        self.trees.get(start..start + len).unwrap_or_default()
    }

    /// The parents of a loaded commit; none on the boundary.
    pub(crate) fn parents(&self, at: u32) -> &[u32] {
        let node = self.node(at);
        if node.flags & GRAFTED != 0 {
            return &[];
        }
        self.own_parents(at)
    }

    /// The parents that a loaded commit names, on the boundary too.
    pub(crate) fn own_parents(&self, at: u32) -> &[u32] {
        let node = self.node(at);
        let start = node.parents as usize;
        self.edges.get(start..start + node.parent_count as usize).unwrap_or_default()
    }

    pub(crate) fn time(&self, at: u32) -> i64 {
        self.node(at).time
    }

    /// Greater than that of every commit that a loaded one reaches; 0 where nothing is known. What the store's commit-graph does not know is
    /// of the last generation: nothing that is known there reaches it. So is what was read before the commit-graph was asked.
    pub(crate) fn generation(&self, at: u32) -> u64 {
        self.node(at).generation
    }

    /// The generation of a commit that need not be loaded, as [`generation`](Self::generation) would give it.
    pub(crate) fn indexed_generation(&self, id: &ObjectId) -> u64 {
        let index = self.objects.commits().filter(|_| self.uses_index);
        let facts = index.and_then(|index| index.commit(id, &mut Vec::new()));
        facts.map_or(u64::MAX, |facts| facts.generation)
    }

    /// Whether a loaded commit may reach commits of a generation.
    pub(crate) fn reaches_down_to(&self, at: u32, generation: u64) -> bool {
        let own = self.generation(at);
        own == 0 || own >= generation
    }

    pub(crate) fn has(&self, at: u32, flags: u32) -> bool {
        self.node(at).flags & flags != 0
    }

    pub(crate) fn flags(&self, at: u32) -> u32 {
        self.node(at).flags
    }

    /// Sets flags; whether any of them is new.
    pub(crate) fn set(&mut self, at: u32, flags: u32) -> bool {
        match self.nodes.get_mut(at as usize) {
            Some(node) => {
                let new = flags & !node.flags != 0;
                node.flags |= flags;
                new
            }
            None => false,
        }
    }

    pub(crate) fn unset(&mut self, at: u32, flags: u32) {
        if let Some(node) = self.nodes.get_mut(at as usize) {
            node.flags &= !flags;
        }
    }

    /// Puts a commit on the boundary.
    pub(crate) fn graft(&mut self, at: u32) {
        self.set(at, GRAFTED);
    }

    pub(crate) fn is_grafted(&self, at: u32) -> bool {
        self.has(at, GRAFTED)
    }

    /// Takes flags away from every commit.
    pub(crate) fn clear_everywhere(&mut self, flags: u32) {
        for node in &mut self.nodes {
            node.flags &= !flags;
        }
    }

    fn node(&self, at: u32) -> &Node {
        self.nodes.get(at as usize).unwrap_or(&UNLOADED)
    }

    fn grow(&mut self) -> Result<(), WalkError> {
        if self.nodes.len() >= self.limits.commits_max as usize {
            return Err(WalkError::Limit { what: "commits_max", max: self.limits.commits_max.into() });
        }
        self.nodes.push(UNLOADED);
        let len = self.ids.format().raw_len();
        self.trees.resize(self.trees.len() + len, 0);
        Ok(())
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Graph").field("commits", &self.nodes.len()).finish_non_exhaustive()
    }
}

/// What is known of a commit besides its id and its tree.
#[derive(Debug, Clone, Copy)]
struct Node {
    /// Committer time, seconds since 1970.
    time: i64,
    generation: u64,
    parents: u32,
    parent_count: u32,
    flags: u32,
}

const UNLOADED: Node = Node { time: 0, generation: 0, parents: 0, parent_count: 0, flags: 0 };

/// The commit was read: time, tree and parents are there.
const LOADED: u32 = 1;
/// The store was asked and has no such commit.
const ABSENT: u32 = 1 << 1;
/// The commit is on the shallow boundary.
const GRAFTED: u32 = 1 << 2;

/// Marks of walks start at this bit. A walk takes its own marks away when it ends.
pub(crate) const FIRST_MARK: u32 = 1 << 8;
