//! From what a client wants to the bytes of a pack.

use bytes::BytesMut;
use gitwire_storage::{PackSource, SourceState};
use gitwire_types::{Interrupt, ObjectId};

use crate::objects::Question;
use crate::{Graph, ObjectFilter};

/// What a pack must hold and how it may be written.
///
/// Start from [`PackRequest::new`] and change what differs.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PackRequest {
    /// What the receiver asks for: commits, tags, trees or blobs, with all that they reach.
    pub wants: Vec<ObjectId>,
    /// What the receiver has, with all that it reaches: neither goes.
    pub haves: Vec<ObjectId>,
    /// Which objects a partial clone leaves out.
    pub filter: ObjectFilter,
    /// Tags that go along where what they point at does (`include-tag`): what the references below `refs/tags/` point at.
    /// Those that are no tags are passed over.
    pub tags: Vec<ObjectId>,
    /// Whether deltas may have bases that only the receiver holds (`thin-pack`).
    pub thin: bool,
    /// Whether a delta may name its base by offset (`ofs-delta`).
    pub ofs_delta: bool,
    /// Whether the receiver's history is shallow: then the trees of everything it has are left out, not only of those
    /// commits that border on what it wants.
    pub shallow: bool,
    /// How many earlier objects each object without a usable stored delta is tried against; 0 makes no deltas.
    pub window: u32,
    /// The longest chain of deltas that is made.
    pub depth: u32,
    /// Bytes of memory that making deltas may hold at once, beside the fixed sum per object.
    pub memory: u64,
    /// Threads that making deltas may use.
    pub threads: usize,
}

impl PackRequest {
    /// A whole pack of what `wants` reach and `haves` do not, without thin deltas, with offsets.
    #[must_use]
    pub fn new(wants: Vec<ObjectId>, haves: Vec<ObjectId>) -> Self {
        Self {
            wants,
            haves,
            filter: ObjectFilter::default(),
            tags: Vec::new(),
            thin: false,
            ofs_delta: true,
            shallow: false,
            // git's defaults: `pack.window`, `pack.depth`.
            window: 10,
            depth: 50,
            // A window of objects of some megabytes each.
            memory: 64 << 20,
            threads: 1,
        }
    }

    pub(crate) fn question(&self) -> Question {
        Question {
            wants: self.wants.clone(),
            haves: self.haves.clone(),
            filter: self.filter,
            tags: self.tags.clone(),
            exclude_all_trees: self.shallow,
            promised_may_lack: false,
        }
    }
}

/// The pack that `request` asks for, over the objects of `graph` and with its boundary as it is set.
///
/// Nothing is done before the first [`next`](PackSource::next). Each call does a bounded piece of work: first it finds all objects, then
/// it locates them and makes deltas, then it gives bytes. Before the first byte every object is known and located. Memory: about
/// 100 bytes an object and 90 a commit, the tree cache of the limits, and the request's `memory`.
#[must_use]
pub fn pack_source(graph: Graph, request: PackRequest) -> Box<dyn PackSource> {
    Box::new(Walked { graph, request })
}

struct Walked {
    graph: Graph,
    request: PackRequest,
}

impl PackSource for Walked {
    fn next(
        &mut self,
        _room: usize,
        _out: &mut BytesMut,
        stop: &dyn Interrupt,
    ) -> gitwire_storage::Result<SourceState> {
        let range = self.graph.range(&self.request.wants, &self.request.haves, stop)?;
        let what = "making a pack";
        Err(if range.commits.is_empty() {
            crate::WalkError::Internal(what)
        } else {
            crate::WalkError::Unsupported(what)
        }
        .into())
    }
}
