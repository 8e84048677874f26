//! What a client says it has: `have` lines, chosen so that few of them find what both sides share (`gitprotocol-pack`, *packfile
//! negotiation*).

mod consecutive;
mod skipping;

use gitwire_types::ObjectId;

use self::consecutive::Consecutive;
use self::skipping::Skipping;
use crate::{Graph, WalkError};

/// How the commits to name are chosen (`git-config`, `fetch.negotiationAlgorithm`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum NegotiationAlgorithm {
    /// Every commit, newest first, until one is common: git's default.
    #[default]
    Consecutive,
    /// Ever larger steps down: fewer lines, a larger pack.
    Skipping,
    /// None at all.
    Noop,
}

/// How many `have` lines a negotiation may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HaveBudget {
    /// The largest number of haves altogether.
    pub haves_max: u32,
    /// The largest number of haves since the last common one, once there has been one.
    pub in_vain_max: u32,
    /// The largest number of references from which a walk starts: the newest ones.
    pub tips_max: u32,
}

impl Default for HaveBudget {
    fn default() -> Self {
        Self {
            // Some 400 KB of lines. Whoever shares nothing that recent gets a whole pack.
            haves_max: 8192,
            // What git allows (`MAX_IN_VAIN`).
            in_vain_max: 256,
            // Tens of thousands of references would be tens of thousands of lines before the first step down.
            tips_max: 2048,
        }
    }
}

/// Chooses the commits that a client names as haves.
///
/// Tell it first what the server is known to have ([`known`](Self::known)) and where the own history starts
/// ([`tip`](Self::tip)); then ask for haves and pass on what the server acknowledges.
///
/// ```
/// # use gitwire_types::ObjectId;
/// # use gitwire_walk::{Graph, HaveBudget, NegotiationAlgorithm, Negotiator, WalkError};
/// # fn first_window(graph: Graph, tips: &[ObjectId]) -> Result<Vec<ObjectId>, WalkError> {
/// let mut negotiator = Negotiator::new(graph, NegotiationAlgorithm::Consecutive, HaveBudget::default());
/// for tip in tips {
///     negotiator.tip(tip)?;
/// }
/// let mut window = Vec::new();
/// while window.len() < 16
///     && let Some(have) = negotiator.next()?
/// {
///     window.push(have);
/// }
/// # Ok(window)
/// # }
/// ```
#[derive(Debug)]
pub struct Negotiator {
    graph: Graph,
    chooser: Chooser,
    budget: HaveBudget,
    tips: Vec<u32>,
    haves: u32,
    in_vain: u32,
    found_common: bool,
}

#[derive(Debug)]
enum Chooser {
    Consecutive(Consecutive),
    Skipping(Skipping),
    Noop,
}

impl Negotiator {
    /// A negotiator over `graph`, whose boundary is the repository's own.
    #[must_use]
    pub fn new(graph: Graph, algorithm: NegotiationAlgorithm, budget: HaveBudget) -> Self {
        let chooser = match algorithm {
            NegotiationAlgorithm::Consecutive => Chooser::Consecutive(Consecutive::default()),
            NegotiationAlgorithm::Skipping => Chooser::Skipping(Skipping::default()),
            NegotiationAlgorithm::Noop => Chooser::Noop,
        };
        Self { graph, chooser, budget, tips: Vec::new(), haves: 0, in_vain: 0, found_common: false }
    }

    /// Says that the server has this object: one that it advertised and that is here too. It is still named, so that the
    /// server knows; what it reaches is not. Ids that are not here, or lead to no commit, are passed over.
    ///
    /// # Errors
    /// Damaged objects, limits, a failing store.
    pub fn known(&mut self, id: &ObjectId) -> Result<(), WalkError> {
        let Some(at) = self.present(id)? else { return Ok(()) };
        match &mut self.chooser {
            Chooser::Consecutive(chooser) => chooser.known(&mut self.graph, at),
            Chooser::Skipping(chooser) => {
                chooser.known(&mut self.graph, at);
                Ok(())
            }
            Chooser::Noop => Ok(()),
        }
    }

    /// Says where a walk may start: what one of the own references points at. Say first what is [`known`](Self::known). Ids that
    /// are not here, or lead to no commit, are passed over.
    ///
    /// # Errors
    /// Damaged objects, limits, a failing store.
    pub fn tip(&mut self, id: &ObjectId) -> Result<(), WalkError> {
        if matches!(self.chooser, Chooser::Noop) {
            return Ok(());
        }
        if let Some(at) = self.present(id)? {
            self.tips.push(at);
        }
        Ok(())
    }

    /// The next commit to name; `None` when there is nothing more worth saying, or the budget is spent.
    ///
    /// # Errors
    /// Damaged objects, limits, a failing store. Missing commits are passed over.
    #[allow(
        clippy::should_implement_trait,
        reason = "it can fail, and acknowledgements come between the calls"
    )]
    pub fn next(&mut self) -> Result<Option<ObjectId>, WalkError> {
        self.start();
        if self.haves >= self.budget.haves_max || self.found_common && self.in_vain >= self.budget.in_vain_max
        {
            return Ok(None);
        }
        let next = match &mut self.chooser {
            Chooser::Consecutive(chooser) => chooser.next(&mut self.graph)?,
            Chooser::Skipping(chooser) => chooser.next(&mut self.graph)?,
            Chooser::Noop => None,
        };
        let Some(at) = next else { return Ok(None) };
        self.haves += 1;
        self.in_vain += 1;
        self.graph.id(at).map(Some)
    }

    /// Says that the server acknowledged this id as common. True where that was known before. Ids that never were named
    /// are passed over.
    ///
    /// # Errors
    /// Damaged objects, limits, a failing store.
    pub fn common(&mut self, id: &ObjectId) -> Result<bool, WalkError> {
        self.found_common = true;
        self.in_vain = 0;
        let Some(at) = self.graph.known(id) else { return Ok(false) };
        match &mut self.chooser {
            Chooser::Consecutive(chooser) => chooser.common(&mut self.graph, at),
            Chooser::Skipping(chooser) => Ok(chooser.common(&mut self.graph, at)),
            Chooser::Noop => Ok(false),
        }
    }

    /// The number of haves named so far.
    #[must_use]
    pub fn haves(&self) -> u32 {
        self.haves
    }

    /// The graph, for other work on the same commits.
    #[must_use]
    pub fn into_graph(mut self) -> Graph {
        self.graph.clear_everywhere(MARKS);
        self.graph
    }

    /// The loaded commit that `id` leads to.
    fn present(&mut self, id: &ObjectId) -> Result<Option<u32>, WalkError> {
        let Some(at) = self.graph.peel_to_commit(id)? else { return Ok(None) };
        Ok(self.graph.try_load(at)?.then_some(at))
    }

    /// Hands over the newest tips that were named since the last have.
    fn start(&mut self) {
        if self.tips.is_empty() {
            return;
        }
        let mut tips = std::mem::take(&mut self.tips);
        let graph = &self.graph;
        tips.sort_by_key(|at| std::cmp::Reverse(graph.time(*at)));
        tips.truncate(self.budget.tips_max as usize);
        for at in tips {
            match &mut self.chooser {
                Chooser::Consecutive(chooser) => chooser.tip(&mut self.graph, at),
                Chooser::Skipping(chooser) => chooser.tip(&mut self.graph, at),
                Chooser::Noop => {}
            }
        }
    }
}

/// Both sides have it.
const COMMON: u32 = crate::graph::FIRST_MARK << 16;
/// The server advertised it: it is named, its parents are common.
const ADVERTISED: u32 = COMMON << 1;
/// It has been put into the queue.
const SEEN: u32 = COMMON << 2;
/// It has been taken out again.
const POPPED: u32 = COMMON << 3;
const MARKS: u32 = COMMON | ADVERTISED | SEEN | POPPED;
