//! What reachability bitmaps say of a request, so that only what is newer than they are is walked over.

use std::collections::HashSet;
use std::sync::Arc;

use gitwire_object::TreeRef;
use gitwire_storage::{Bits, ObjectStore, PackId, Reachability};
use gitwire_types::{Interrupt, ObjectId, ObjectKind};

use crate::graph::{FIRST_MARK, Pace};
use crate::objects::{Fact, Found};
use crate::{Graph, WalkError};

/// Objects of one pack that a request is known to want, and those that its receiver is known to have.
#[derive(Debug)]
pub(crate) struct Cover {
    pub(crate) pack: PackId,
    /// The receiver has them.
    pub(crate) held: Bits,
    /// They go.
    pub(crate) sent: Bits,
    /// The commits that are known to go with all that they reach: the walk over the rest stops at them.
    pub(crate) commits: Vec<ObjectId>,
}

impl Cover {
    /// Asks the bitmaps of the store; `None` where they say nothing of what is wanted.
    pub(crate) fn of(
        graph: &mut Graph,
        wants: &[ObjectId],
        haves: &[ObjectId],
        stop: &dyn Interrupt,
    ) -> Result<Option<Self>, WalkError> {
        let objects = Arc::clone(graph.objects());
        let Some(reach) = objects.bitmaps() else { return Ok(None) };
        let mut cover = Self {
            pack: reach.pack(),
            held: Bits::new(reach.objects()),
            sent: Bits::new(reach.objects()),
            commits: Vec::new(),
        };
        let wanted = known_below(graph, reach, wants, Unknown::Passed, &mut cover.sent, stop)?;
        if wanted.is_empty() {
            return Ok(None);
        }
        known_below(graph, reach, haves, Unknown::Read, &mut cover.held, stop)?;
        cover.commits = wanted;
        cover.sent.remove(&cover.held);
        Ok(Some(cover))
    }

    /// Joins what a walk over the rest has found with what is known: afterwards `found` has everything that goes but for what a pack
    /// gives as it stands.
    ///
    /// `tags` go along with what they lead to. A pack goes as it stands only where `as_it_stands` allows it.
    pub(crate) fn join(
        &mut self,
        graph: &mut Graph,
        found: &mut Found,
        tags: &[ObjectId],
        as_it_stands: bool,
        stop: &dyn Interrupt,
    ) -> Result<Joined, WalkError> {
        let objects = Arc::clone(graph.objects());
        let reach = objects.bitmaps().ok_or(WalkError::Internal("bitmaps that were there are gone"))?;
        let mut pace = Pace::default();
        let walked: Vec<u32> = found.select(|fact| fact.is(Fact::SEND)).collect();
        let mut inside = HashSet::new();
        for at in walked {
            pace.check(stop)?;
            let Some(place) = reach.place(&found.id(at)?)? else { continue };
            if self.held.has(place) {
                // An older commit had it too.
                found.keep_back(at);
            } else {
                self.sent.insert(place);
                inside.insert(at);
            }
        }
        self.add_tags(graph, reach, found, tags)?;
        if as_it_stands && self.sent.count() == reach.objects() {
            for at in inside {
                found.keep_back(at);
            }
            return Ok(Joined::Whole(self.pack));
        }
        let places: Vec<u32> = self.sent.iter().collect();
        for place in places {
            pace.check(stop)?;
            let kind = kind_at(reach, place).ok_or(WalkError::Internal("an object of no kind"))?;
            let (id, name) = reach.object(place)?;
            let (at, _) = found.meet(id.as_bytes(), kind, name)?;
            found.flag(at, Fact::SEND);
        }
        Ok(Joined::Listed)
    }

    /// Adds the tags that lead to what goes, as [`Enumeration`](crate::objects::Enumeration) does where there are no bitmaps.
    fn add_tags(
        &mut self,
        graph: &mut Graph,
        reach: &dyn Reachability,
        found: &mut Found,
        tags: &[ObjectId],
    ) -> Result<(), WalkError> {
        let goes = |sent: &Bits, found: &Found, id: &ObjectId| -> Result<bool, WalkError> {
            let listed = found.get(id).is_some_and(|at| found.fact(at).is(Fact::SEND));
            Ok(listed || reach.place(id)?.is_some_and(|place| sent.has(place)))
        };
        for tag in tags {
            if goes(&self.sent, found, tag)? {
                continue;
            }
            let Some(peeled) = graph.try_peel(tag)? else { continue };
            if peeled.tags.is_empty() || !goes(&self.sent, found, &peeled.id)? {
                continue;
            }
            for tag in &peeled.tags {
                match reach.place(tag)? {
                    Some(place) => self.sent.insert(place),
                    None => {
                        let (at, _) = found.meet(tag.as_bytes(), ObjectKind::Tag, 0)?;
                        found.flag(at, Fact::SEND);
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether the receiver is known to have an object: what it is, and the number of its path.
    pub(crate) fn holds(
        &self,
        objects: &dyn ObjectStore,
        id: &ObjectId,
    ) -> Result<Option<(ObjectKind, u32)>, WalkError> {
        let Some(reach) = objects.bitmaps() else { return Ok(None) };
        let Some(place) = reach.place(id)?.filter(|place| self.held.has(*place)) else { return Ok(None) };
        let (_, name) = reach.object(place)?;
        Ok(kind_at(reach, place).map(|kind| (kind, name)))
    }
}

/// Takes off `wanted` what the bitmaps of the store and the little that is newer than they are say that `tips` reach.
pub(crate) fn reached_by_bitmaps(
    graph: &mut Graph,
    tips: &[ObjectId],
    wanted: &mut Vec<ObjectId>,
    stop: &dyn Interrupt,
) -> Result<(), WalkError> {
    let objects = Arc::clone(graph.objects());
    let Some(reach) = objects.bitmaps() else { return Ok(()) };
    let mut reached = Bits::new(reach.objects());
    known_below(graph, reach, tips, Unknown::Read, &mut reached, stop)?;
    let mut left = Vec::new();
    for id in wanted.drain(..) {
        if !reach.place(&id)?.is_some_and(|place| reached.has(place)) {
            left.push(id);
        }
    }
    *wanted = left;
    Ok(())
}

/// What [`Cover::join`] comes to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Joined {
    /// All objects of this pack go, and none of them is listed.
    Whole(PackId),
    /// Everything that goes is listed.
    Listed,
}

fn kind_at(reach: &dyn Reachability, place: u32) -> Option<ObjectKind> {
    let kinds = [ObjectKind::Blob, ObjectKind::Tree, ObjectKind::Commit, ObjectKind::Tag];
    kinds.into_iter().find(|kind| reach.of_kind(*kind).is_some_and(|bits| bits.has(place)))
}

/// What is done with commits of which it is not known what they reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unknown {
    /// Nothing.
    Passed,
    /// They and what their trees hold are added too.
    Read,
}

/// Goes down from some objects to the first commits of which it is known what they reach, and adds that to `bits`; gives those commits.
fn known_below(
    graph: &mut Graph,
    reach: &dyn Reachability,
    ids: &[ObjectId],
    unknown: Unknown,
    bits: &mut Bits,
    stop: &dyn Interrupt,
) -> Result<Vec<ObjectId>, WalkError> {
    let mut pace = Pace::default();
    let mut known = Vec::new();
    let mut unread = Vec::new();
    let mut waiting = Vec::new();
    for id in ids {
        if let Some(at) = graph.peel_to_commit(id)?
            && graph.set(at, SEEN)
        {
            waiting.push(at);
        }
    }
    while let Some(at) = waiting.pop() {
        pace.check(stop)?;
        let id = graph.id(at)?;
        let place = reach.place(&id)?;
        if place.is_some_and(|place| bits.has(place)) {
            // What another commit reaches needs no word of its own.
            known.push(id);
            continue;
        }
        if let Some(reached) = reach.reach(&id)? {
            bits.add(&reached);
            known.push(id);
            continue;
        }
        if !graph.try_load(at)? {
            continue;
        }
        if let Ok(tree) = ObjectId::from_raw(id.format(), graph.tree(at)) {
            unread.push((place, tree));
        }
        for nth in 0..graph.parents(at).len() {
            let Some(parent) = graph.parents(at).get(nth).copied() else { continue };
            if graph.set(parent, SEEN) {
                waiting.push(parent);
            }
        }
    }
    graph.clear_everywhere(SEEN);
    if unknown == Unknown::Read {
        for (place, tree) in unread {
            place.into_iter().for_each(|place| bits.insert(place));
            read_tree(graph, reach, tree, bits, &mut pace, stop)?;
        }
    }
    Ok(known)
}

/// Adds a tree and what it holds, but for what is there already. What is not in the pack has no bit, and what cannot be read
/// holds nothing.
fn read_tree(
    graph: &Graph,
    reach: &dyn Reachability,
    tree: ObjectId,
    bits: &mut Bits,
    pace: &mut Pace,
    stop: &dyn Interrupt,
) -> Result<(), WalkError> {
    let max = graph.limits().object_bytes_max;
    let mut content = Vec::new();
    let mut outside = HashSet::new();
    let mut waiting = vec![tree];
    while let Some(tree) = waiting.pop() {
        pace.check(stop)?;
        match reach.place(&tree)? {
            Some(place) if bits.has(place) => continue,
            Some(place) => bits.insert(place),
            None if outside.insert(tree) => {}
            None => continue,
        }
        if graph.objects().read(&tree, max, &mut content)? != Some(ObjectKind::Tree) {
            continue;
        }
        for entry in TreeRef::new(tree.format(), &content).iter().map_while(Result::ok) {
            match entry.mode.kind() {
                ObjectKind::Tree => waiting.push(entry.id()),
                ObjectKind::Blob => {
                    reach.place(&entry.id())?.into_iter().for_each(|place| bits.insert(place));
                }
                // A commit of another repository.
                _ => {}
            }
        }
    }
    Ok(())
}

/// The walk down has been here.
const SEEN: u32 = FIRST_MARK << 19;
