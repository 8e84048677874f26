//! The server's side of a negotiation: which haves are common, and whether they are enough.

use gitwire_storage::Presence;
use gitwire_types::{Interrupt, ObjectId, ObjectKind};

use crate::WalkError;
use crate::graph::{DateQueue, FIRST_MARK, Graph, Pace};

/// What a server learns from one `have` line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Have {
    /// The store has no such object.
    Unknown,
    /// It is here, and the client has not said so before in any way.
    Common,
    /// It is here, and follows from what the client said before.
    Repeated,
}

/// What a client was heard to have, and whether that covers what it wants.
///
/// It serves every acknowledgement mode of v0 and v2 alike: [`have`](Self::have) decides whether a line is acknowledged,
/// [`is_ready`](Self::is_ready) whether the server can give up asking: every wanted commit reaches one that the client has. All questions of
/// one conversation together cost one walk over the commits that are newer than the oldest have.
#[derive(Debug)]
pub struct HaveSet {
    graph: Graph,
    common: Vec<ObjectId>,
    last: Option<ObjectId>,
    /// Wanted commits that do not reach a have yet.
    open: usize,
    /// Commits whose parents have not been looked at.
    frontier: DateQueue,
    oldest: Option<i64>,
    /// For each commit the first of its links in `links`.
    children: Vec<u32>,
    /// Child, and the next link of the same parent.
    links: Vec<(u32, u32)>,
    stack: Vec<u32>,
}

impl HaveSet {
    /// Nothing heard yet; `wants` is what the client wants. Wants that lead to no commit need no have.
    ///
    /// # Errors
    /// [`WalkError::Missing`] for a want that is not there; damaged objects, limits, a failing store.
    pub fn new(graph: Graph, wants: &[ObjectId]) -> Result<Self, WalkError> {
        let mut set = Self {
            graph,
            common: Vec::new(),
            last: None,
            open: 0,
            frontier: DateQueue::default(),
            oldest: None,
            children: Vec::new(),
            links: Vec::new(),
            stack: Vec::new(),
        };
        for want in wants {
            let peeled = set.graph.peel(want)?;
            if peeled.kind == ObjectKind::Commit {
                let at = set.graph.number(&peeled.id)?;
                set.graph.load(at)?;
                if set.graph.set(at, WANTED | EXPLORED) {
                    set.open += 1;
                    // First of all, whatever its date: git looks at the parents of each want too.
                    set.frontier.push(i64::MAX, at);
                }
            }
        }
        Ok(set)
    }

    /// Hears one have.
    ///
    /// # Errors
    /// Damaged objects, limits, a failing store.
    pub fn have(&mut self, id: &ObjectId) -> Result<Have, WalkError> {
        let mut kind = None;
        self.graph.objects().headers(&[*id], &mut |_, presence| {
            if let Presence::Here { kind: found, .. } = presence {
                kind = Some(found);
            }
        })?;
        let Some(kind) = kind else { return Ok(Have::Unknown) };
        self.last = Some(*id);
        let at = self.graph.number(id)?;
        let new = self.graph.set(at, THEY_HAVE);
        if kind == ObjectKind::Commit {
            self.graph.load(at)?;
            let time = self.graph.time(at);
            self.oldest = Some(self.oldest.map_or(time, |oldest| oldest.min(time)));
            self.settle(at);
            for nth in 0..self.graph.parents(at).len() {
                let Some(parent) = self.graph.parents(at).get(nth).copied() else { continue };
                self.graph.set(parent, THEY_HAVE);
                self.settle(parent);
            }
        }
        if !new {
            return Ok(Have::Repeated);
        }
        self.common.push(*id);
        Ok(Have::Common)
    }

    /// Whether every wanted commit reaches a commit that the client has, and there is such a commit.
    ///
    /// # Errors
    /// Damaged objects, limits, an interrupt, a failing store. What is missing below the wants is passed over.
    pub fn is_ready(&mut self, stop: &dyn Interrupt) -> Result<bool, WalkError> {
        if self.common.is_empty() {
            return Ok(false);
        }
        let Some(oldest) = self.oldest else { return Ok(self.open == 0) };
        let mut pace = Pace::default();
        while self.open > 0 && self.frontier.next_time().is_some_and(|time| time >= oldest) {
            pace.check(stop)?;
            let Some(at) = self.frontier.pop() else { break };
            self.settle(at);
            if !self.graph.has(at, COVERED) {
                self.expand(at)?;
            }
        }
        Ok(self.open == 0)
    }

    /// The common objects, in the order in which they were heard and without those that follow from others: what the pack
    /// may leave out, with all that it reaches.
    #[must_use]
    pub fn common(&self) -> &[ObjectId] {
        &self.common
    }

    /// The last have that was here: what a final `ACK` names.
    #[must_use]
    pub fn last(&self) -> Option<ObjectId> {
        self.last
    }

    /// The graph and the common objects, for making the pack.
    #[must_use]
    pub fn into_parts(mut self) -> (Graph, Vec<ObjectId>) {
        self.graph.clear_everywhere(WANTED | EXPLORED | THEY_HAVE | COVERED);
        (self.graph, self.common)
    }

    /// Looks at the parents of a commit that does not reach a have yet.
    fn expand(&mut self, at: u32) -> Result<(), WalkError> {
        for nth in 0..self.graph.parents(at).len() {
            let Some(parent) = self.graph.parents(at).get(nth).copied() else { continue };
            if !self.graph.try_load(parent)? {
                continue;
            }
            self.link(parent, at);
            if self.graph.set(parent, EXPLORED) {
                self.frontier.push(self.graph.time(parent), parent);
            }
            if self.graph.has(parent, COVERED) {
                self.cover(at);
            } else {
                self.settle(parent);
            }
        }
        Ok(())
    }

    /// Covers a commit that the walk has met and the client has.
    fn settle(&mut self, at: u32) {
        if self.graph.has(at, THEY_HAVE) && self.graph.has(at, EXPLORED) {
            self.cover(at);
        }
    }

    /// Marks a commit and those that the walk came from as reaching a have.
    fn cover(&mut self, at: u32) {
        self.stack.push(at);
        while let Some(at) = self.stack.pop() {
            if !self.graph.set(at, COVERED) {
                continue;
            }
            if self.graph.has(at, WANTED) {
                self.open = self.open.saturating_sub(1);
            }
            let mut link = self.children.get(at as usize).copied().unwrap_or(NO_LINK);
            while let Some((child, next)) = self.links.get(link as usize) {
                self.stack.push(*child);
                link = *next;
            }
        }
    }

    fn link(&mut self, parent: u32, child: u32) {
        if self.children.len() <= parent as usize {
            self.children.resize(self.graph.len().max(parent as usize + 1), NO_LINK);
        }
        let (Some(first), Ok(at)) = (self.children.get_mut(parent as usize), u32::try_from(self.links.len()))
        else {
            return;
        };
        self.links.push((child, *first));
        *first = at;
    }
}

/// The client wants it.
const WANTED: u32 = FIRST_MARK << 16;
/// The walk from the wants has met it.
const EXPLORED: u32 = FIRST_MARK << 17;
/// The client has it.
const THEY_HAVE: u32 = FIRST_MARK << 18;
/// It reaches a commit that the client has, or is one.
const COVERED: u32 = FIRST_MARK << 19;

const NO_LINK: u32 = u32::MAX;
