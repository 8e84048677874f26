//! Whether everything that is reached is there.

use std::collections::{HashSet, VecDeque};

use gitwire_object::{CommitLinks, TreeRef};
use gitwire_storage::ObjectStore;
use gitwire_types::{Interrupt, ObjectId, ObjectKind};

use crate::objects::{Enumeration, Progress, Question};
use crate::{Graph, WalkError};

/// What a connectivity check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Connectivity {
    /// The number of objects that were looked at.
    pub objects: u64,
    /// How many of them are not here but promised by a remote.
    pub promised: u64,
}

/// Checks that everything `tips` reach is there, as a receiver must before references move; what `complete` reach (the references
/// that stood before) is taken for granted. Commits on the graph's boundary need no parents.
///
/// # Errors
/// [`WalkError::Missing`] with the first object that is not there; damaged objects, limits, an interrupt, a failing
/// store.
pub fn check_connectivity(
    graph: Graph,
    tips: &[ObjectId],
    complete: &[ObjectId],
    stop: &dyn Interrupt,
) -> Result<Connectivity, WalkError> {
    let question = Question {
        wants: tips.to_vec(),
        haves: complete.to_vec(),
        promised_may_lack: true,
        must_be_there: true,
        ..Question::default()
    };
    // A commit-graph may know commits that are gone.
    let mut enumeration = Enumeration::new(graph.without_index(), question);
    while enumeration.step(stop)? != Progress::Done {}
    enumeration.check_blobs(stop)?;
    Ok(Connectivity { objects: enumeration.found().sent(), promised: enumeration.promised() })
}

/// Whether what the objects of a pack lead to (`links`, with the kinds that they must be) is all reached by `complete`, as a look at a
/// few trees tells: links to commits and tags must be among `complete`, and all other links in the trees of those commits, of
/// which only such are read that are not linked to themselves. What is pushed usually hangs on what is there like that.
///
/// `false` says nothing: [`check_connectivity`] must answer then.
///
/// # Errors
/// An interrupt.
pub fn links_hang_on(
    objects: &dyn ObjectStore,
    links: &[(ObjectId, ObjectKind)],
    complete: &[ObjectId],
    stop: &dyn Interrupt,
) -> Result<bool, WalkError> {
    let mut left = Left::new(links);
    let mut anchors = Vec::new();
    for id in complete {
        match left.kind(id) {
            Some(ObjectKind::Commit) if left.strike(id) => anchors.push(*id),
            Some(ObjectKind::Tag) => drop(left.strike(id)),
            _ => {}
        }
    }
    if left.any(|kind| matches!(kind, ObjectKind::Commit | ObjectKind::Tag)) {
        return Ok(false);
    }
    let mut content = Vec::new();
    let mut pending = VecDeque::new();
    for anchor in anchors {
        // A reference may name what is gone.
        let Ok(Some(ObjectKind::Commit)) = objects.read(&anchor, TREE_BYTES_MAX, &mut content) else {
            return Ok(false);
        };
        let Ok(links) = CommitLinks::parse(anchor.format(), &content) else { return Ok(false) };
        match left.kind(&links.tree) {
            Some(ObjectKind::Tree) => drop(left.strike(&links.tree)),
            _ => pending.push_back(links.tree),
        }
    }
    let mut seen: HashSet<ObjectId> = pending.iter().copied().collect();
    while left.count > 0 {
        let Some(tree) = pending.pop_front().filter(|_| seen.len() < TREES_MAX) else { return Ok(false) };
        stop.check()?;
        let Ok(Some(ObjectKind::Tree)) = objects.read(&tree, TREE_BYTES_MAX, &mut content) else {
            return Ok(false);
        };
        for entry in TreeRef::new(tree.format(), &content).iter() {
            let Ok(entry) = entry else { return Ok(false) };
            let kind = entry.mode.kind();
            match left.kind(&entry.id()) {
                _ if kind == ObjectKind::Commit => {}
                Some(wanted) if wanted == kind => drop(left.strike(&entry.id())),
                Some(_) => return Ok(false),
                None if kind == ObjectKind::Tree && seen.insert(entry.id()) => pending.push_back(entry.id()),
                None => {}
            }
        }
    }
    Ok(true)
}

/// Links that were not found yet. A sorted list, and no map: whoever pushes chooses the ids.
struct Left {
    links: Vec<(ObjectId, ObjectKind)>,
    struck: Vec<bool>,
    count: usize,
}

impl Left {
    fn new(links: &[(ObjectId, ObjectKind)]) -> Self {
        let mut links = links.to_vec();
        links.sort_unstable_by_key(|(id, _)| *id);
        links.dedup_by_key(|(id, _)| *id);
        let count = links.len();
        Self { links, struck: vec![false; count], count }
    }

    fn place(&self, id: &ObjectId) -> Option<usize> {
        self.links.binary_search_by_key(id, |(id, _)| *id).ok()
    }

    /// What a link must lead to; of found ones, too: what is known to be whole needs no second look.
    fn kind(&self, id: &ObjectId) -> Option<ObjectKind> {
        self.place(id).and_then(|at| self.links.get(at)).map(|(_, kind)| *kind)
    }

    /// A link is found; whether it was not before.
    fn strike(&mut self, id: &ObjectId) -> bool {
        let struck = self.place(id).and_then(|at| self.struck.get_mut(at));
        let new = struck.is_some_and(|struck| !std::mem::replace(struck, true));
        self.count -= usize::from(new);
        new
    }

    fn any(&self, is: impl Fn(ObjectKind) -> bool) -> bool {
        self.links.iter().zip(&self.struck).any(|((_, kind), struck)| !struck && is(*kind))
    }
}

/// Trees that are read before a walk is asked instead: a push that changes so many directories pays for one.
const TREES_MAX: usize = 4_096;

/// A directory of a hundred thousand entries.
const TREE_BYTES_MAX: u64 = 4 << 20;
