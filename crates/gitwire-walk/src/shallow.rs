//! Shallow boundaries as a server computes them (`gitprotocol-pack`, *shallow-update*; `gitprotocol-v2`, *shallow-info*).

use gitwire_types::{Depth, Interrupt, ObjectId, Since};

use crate::WalkError;
use crate::graph::{FIRST_MARK, Graph, Pace, RangeWalk};

/// What a shallow request asks for, with refs already turned into ids.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum ShallowRequest<'a> {
    /// The client says where its history ends and asks for no change.
    Keep,
    /// `deepen N`: this many commits from each want.
    Depth(Depth),
    /// `deepen N` with `deepen-relative`: this many commits below where the client's history ends now, at the end that is nearest
    /// to a want; all history where the wants reach none.
    Relative(Depth),
    /// `deepen-since` and `deepen-not`: no commits before a time, none that some references reach.
    Select {
        /// No commits older than this.
        since: Option<Since>,
        /// What the references of `deepen-not` point at.
        not: &'a [ObjectId],
    },
}

/// The answer to a shallow request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ShallowUpdate {
    /// The commits to send as `shallow`: new ends of the client's history.
    pub shallow: Vec<ObjectId>,
    /// The commits to send as `unshallow`: ends no more.
    pub unshallow: Vec<ObjectId>,
    /// Every commit whose parents the walks of this fetch must not follow: for [`Graph::set_boundary`].
    pub boundary: Vec<ObjectId>,
    /// The parents of what is unshallowed: the pack must hold them and what they reach, as if they were wanted.
    pub wants: Vec<ObjectId>,
    /// What is unshallowed: the client has these commits and their trees.
    pub edges: Vec<ObjectId>,
}

/// Computes the answer to a shallow request as git's upload-pack does.
///
/// `client` is what the client named in its `shallow` lines, `server` the repository's own boundary. Ids of `client` that the
/// store lacks are passed over. Afterwards the graph's boundary is the answer's.
///
/// # Errors
/// [`WalkError::Kind`] where the client names something that is no commit; [`WalkError::NothingSelected`]; missing
/// commits, limits, an interrupt, a failing store.
pub fn shallow_update(
    graph: &mut Graph,
    wants: &[ObjectId],
    client: &[ObjectId],
    server: &[ObjectId],
    request: ShallowRequest<'_>,
    stop: &dyn Interrupt,
) -> Result<ShallowUpdate, WalkError> {
    graph.set_boundary(server)?;
    let mut ends = Vec::with_capacity(client.len());
    for id in client {
        let at = graph.number(id)?;
        if graph.try_load(at)? && graph.set(at, CLIENT_SHALLOW) {
            ends.push(at);
        }
    }
    let selected = select(graph, wants, &ends, server, request, stop);
    let update = selected.and_then(|shallow| answer(graph, shallow, &ends, server));
    graph.clear_everywhere(CLIENT_SHALLOW | SHALLOW | KEPT | DEPTH_SEEN);
    let update = update?;
    graph.set_boundary(&update.boundary)?;
    Ok(update)
}

/// Marks what the client will hold with its parents ([`KEPT`]); gives the ends.
fn select(
    graph: &mut Graph,
    wants: &[ObjectId],
    ends: &[u32],
    server: &[ObjectId],
    request: ShallowRequest<'_>,
    stop: &dyn Interrupt,
) -> Result<Vec<u32>, WalkError> {
    match request {
        ShallowRequest::Keep if server.is_empty() => Ok(Vec::new()),
        ShallowRequest::Depth(depth) | ShallowRequest::Relative(depth)
            if depth.is_infinite() && server.is_empty() =>
        {
            for at in ends {
                graph.set(*at, KEPT);
            }
            Ok(Vec::new())
        }
        ShallowRequest::Keep => {
            for at in ends {
                graph.graft(*at);
            }
            let heads = commits(graph, wants)?;
            by_depth(graph, &heads, None, stop)
        }
        ShallowRequest::Depth(depth) => {
            let heads = commits(graph, wants)?;
            by_depth(graph, &heads, finite(depth), stop)
        }
        ShallowRequest::Relative(depth) => {
            let heads = commits(graph, wants)?;
            let present = present_depth(graph, &heads, stop)?;
            let depth = present.zip(finite(depth)).map(|(present, more)| present.saturating_add(more));
            by_depth(graph, &heads, depth, stop)
        }
        ShallowRequest::Select { since, not } => by_selection(graph, wants, since, not, stop),
    }
}

fn finite(depth: Depth) -> Option<u32> {
    (!depth.is_infinite()).then_some(depth.get())
}

fn commits(graph: &mut Graph, ids: &[ObjectId]) -> Result<Vec<u32>, WalkError> {
    let mut list = Vec::with_capacity(ids.len());
    for id in ids {
        list.extend(graph.peel_to_commit(id)?);
    }
    Ok(list)
}

/// The commits at exactly `depth` from the nearest head, and those on the repository's own boundary before that.
fn by_depth(
    graph: &mut Graph,
    heads: &[u32],
    depth: Option<u32>,
    stop: &dyn Interrupt,
) -> Result<Vec<u32>, WalkError> {
    let mut shallow = Vec::new();
    let mut levels = Levels::from(graph, heads);
    let mut pace = Pace::default();
    while levels.descend() {
        while let Some(at) = levels.level.pop() {
            pace.check(stop)?;
            graph.load(at)?;
            if depth.is_some_and(|depth| levels.distance >= depth) || graph.is_grafted(at) {
                graph.set(at, SHALLOW);
                shallow.push(at);
                continue;
            }
            graph.set(at, KEPT);
            levels.add_parents(graph, at);
        }
    }
    Ok(shallow)
}

/// Commits by their distance from the nearest head, which itself is at 1. What was seen is marked with [`DEPTH_SEEN`].
struct Levels {
    level: Vec<u32>,
    next: Vec<u32>,
    distance: u32,
}

impl Levels {
    fn from(graph: &mut Graph, heads: &[u32]) -> Self {
        let next = heads.iter().copied().filter(|at| graph.set(*at, DEPTH_SEEN)).collect();
        Self { level: Vec::new(), next, distance: 0 }
    }

    /// Goes to the next level; whether there is one.
    fn descend(&mut self) -> bool {
        std::mem::swap(&mut self.level, &mut self.next);
        self.distance = self.distance.saturating_add(1);
        !self.level.is_empty()
    }

    fn add_parents(&mut self, graph: &mut Graph, at: u32) {
        for nth in 0..graph.parents(at).len() {
            let Some(parent) = graph.parents(at).get(nth).copied() else { continue };
            if graph.set(parent, DEPTH_SEEN) {
                self.next.push(parent);
            }
        }
    }
}

/// How many commits deep the client's history is, counted from the heads to the nearest of its ends.
fn present_depth(graph: &mut Graph, heads: &[u32], stop: &dyn Interrupt) -> Result<Option<u32>, WalkError> {
    let mut found = None;
    let mut levels = Levels::from(graph, heads);
    let mut pace = Pace::default();
    while found.is_none() && levels.descend() {
        while let Some(at) = levels.level.pop() {
            pace.check(stop)?;
            graph.load(at)?;
            if graph.has(at, CLIENT_SHALLOW) {
                found = Some(levels.distance);
                break;
            }
            levels.add_parents(graph, at);
        }
    }
    graph.clear_everywhere(DEPTH_SEEN);
    Ok(found)
}

/// The selected commits that have a parent which is not selected.
fn by_selection(
    graph: &mut Graph,
    wants: &[ObjectId],
    since: Option<Since>,
    not: &[ObjectId],
    stop: &dyn Interrupt,
) -> Result<Vec<u32>, WalkError> {
    let mut walk = RangeWalk::since(since.map(|since| i64::try_from(since.get()).unwrap_or(i64::MAX)));
    for at in commits(graph, not)? {
        walk.exclude(graph, at)?;
    }
    for at in commits(graph, wants)? {
        walk.include(graph, at)?;
    }
    while !walk.step(graph, usize::MAX, stop)? {}
    let (commits, _) = walk.finish(graph);
    graph.clear_everywhere(RangeWalk::MARKS);
    if commits.is_empty() {
        return Err(WalkError::NothingSelected);
    }
    for at in &commits {
        graph.set(*at, KEPT);
    }
    let is_end = |at: &u32| graph.parents(*at).iter().any(|parent| !graph.has(*parent, KEPT));
    let ends: Vec<u32> = commits.into_iter().filter(is_end).collect();
    for at in &ends {
        graph.set(*at, SHALLOW);
        graph.unset(*at, KEPT);
    }
    Ok(ends)
}

/// What changes for the client, from its ends and the new ones.
fn answer(
    graph: &mut Graph,
    selected: Vec<u32>,
    ends: &[u32],
    server: &[ObjectId],
) -> Result<ShallowUpdate, WalkError> {
    let mut update = ShallowUpdate { boundary: server.to_vec(), ..ShallowUpdate::default() };
    for at in selected {
        if !graph.has(at, CLIENT_SHALLOW | KEPT) {
            update.shallow.push(graph.id(at)?);
        }
    }
    for at in ends {
        let id = graph.id(*at)?;
        if graph.has(*at, KEPT) {
            update.unshallow.push(id);
            update.edges.push(id);
            for parent in graph.own_parents(*at) {
                update.wants.push(graph.id(*parent)?);
            }
        }
        update.boundary.push(id);
    }
    update.boundary.extend_from_slice(&update.shallow);
    update.boundary.sort_unstable();
    update.boundary.dedup();
    update.wants.sort_unstable();
    update.wants.dedup();
    Ok(update)
}

/// The client's history ends here now.
const CLIENT_SHALLOW: u32 = FIRST_MARK << 12;
/// It will end here.
const SHALLOW: u32 = FIRST_MARK << 13;
/// The client will hold this commit and its parents.
const KEPT: u32 = FIRST_MARK << 14;
/// The walk by depth has been here.
const DEPTH_SEEN: u32 = FIRST_MARK << 15;
