//! From what a client wants to the bytes of a pack.

mod cover;
mod fill;
mod kept;
mod locate;
mod plan;
mod search;
mod stored;
mod tips;
mod write;

use std::sync::Arc;

use bytes::BytesMut;
use gitwire_storage::{ObjectStore, PackSource, PackWritten, Preparation, SourceState};
use gitwire_types::{Interrupt, ObjectId};

pub(crate) use self::cover::reached_by_bitmaps;
use self::cover::{CoverProgress, Covering};
use self::kept::Choice;
use self::plan::{Compressor, Planner};
use self::search::SearchLimits;
use self::write::Writer;
use crate::objects::{Enumeration, Progress, Question};
use crate::{Graph, ObjectFilter, WalkError};

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
    /// Objects that the receiver can get elsewhere (`packfile-uris`): those that would go are left out, and
    /// [`PackSource::left_out`] names them. What they lead to goes.
    pub elsewhere: Vec<ObjectId>,
    /// Whether what is missing and was promised ([`ObjectStore::promised`]) is left out: the receiver can get it where it was promised.
    /// Otherwise it must come (`Lazy`), or there is no pack.
    pub promised_may_lack: bool,
    /// Whether deltas may have bases that only the receiver holds (`thin-pack`).
    pub thin: bool,
    /// Whether a delta may name its base by offset (`ofs-delta`).
    pub ofs_delta: bool,
    /// Whether the receiver's history is shallow: then the trees of everything it has are left out, not only of those
    /// commits that border on what it wants.
    pub shallow: bool,
    /// Whether reachability bitmaps are asked, where there are some.
    pub bitmaps: bool,
    /// How many trees and blobs, the longest, may go as thin deltas against what the receiver has at their path, where bitmaps say what goes
    /// and they stand whole or as long deltas. 0: all go as they stand, which costs nothing; some thousands can halve the pack
    /// of a fetch, for several times the work.
    pub shortened: usize,
    /// How many earlier objects each object without a usable stored delta is tried against; 0 makes no deltas.
    pub window: u32,
    /// The longest chain of deltas that is made.
    pub depth: u32,
    /// Bytes of memory that making deltas may hold at once, beside the fixed sum per object.
    pub memory: u64,
    /// The most threads that making deltas may use; what is made does not depend on them. At present one does it all.
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
            elsewhere: Vec::new(),
            promised_may_lack: false,
            thin: false,
            ofs_delta: true,
            shallow: false,
            bitmaps: true,
            shortened: 0,
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
            filter: self.filter.clone(),
            tags: self.tags.clone(),
            exclude_all_trees: self.shallow,
            promised_may_lack: self.promised_may_lack,
            must_be_there: false,
        }
    }
}

/// The pack that `request` asks for, over the objects of `graph` and with its boundary as it is set.
///
/// Nothing is done before the first [`next`](PackSource::next). Each call does a bounded piece of work: first it finds all objects, then
/// it locates them and makes deltas, then it gives bytes. Before the first byte every object is known and located. Memory: about
/// 100 bytes an object and 100 a commit, the tree cache of the limits, and the request's `memory`.
#[must_use]
pub fn pack_source(graph: Graph, request: PackRequest) -> Box<dyn PackSource> {
    let objects = Arc::clone(graph.objects());
    // Bitmaps know of whole histories and of nothing left out.
    let covers = request.bitmaps
        && !request.shallow
        && request.elsewhere.is_empty()
        && !request.promised_may_lack
        && Covering::takes(&request.filter)
        && !graph.has_boundary()
        && objects.bitmaps().is_some();
    let stage = Stage::Start { covers, graph: Box::new(graph), question: Box::new(request.question()) };
    let PackRequest { window, depth, memory, thin, ofs_delta, elsewhere, promised_may_lack, .. } = request;
    let shortened = if thin { request.shortened } else { 0 };
    let search = SearchLimits { window, depth, memory, same_path: false };
    let left_out = if elsewhere.is_empty() { LeftOut::Known(Vec::new()) } else { LeftOut::Sought(elsewhere) };
    Box::new(Source { objects, thin, shortened, ofs_delta, search, stage, left_out, promised_may_lack })
}

#[derive(Debug)]
struct Source {
    objects: Arc<dyn ObjectStore>,
    thin: bool,
    shortened: usize,
    ofs_delta: bool,
    search: SearchLimits,
    stage: Stage,
    left_out: LeftOut,
    promised_may_lack: bool,
}

/// What the receiver gets elsewhere.
#[derive(Debug)]
enum LeftOut {
    /// Some of these, once it is known what goes.
    Sought(Vec<ObjectId>),
    Known(Vec<ObjectId>),
}

#[derive(Debug)]
enum Stage {
    Start {
        covers: bool,
        graph: Box<Graph>,
        question: Box<Question>,
    },
    /// Bitmaps are asked.
    Cover(Box<Covering>),
    /// What they know is looked at.
    Choose(Box<Choice>, Box<Graph>),
    Enumerate(Box<Enumeration>),
    Plan(Box<Planner>),
    Compress(Box<Compressor>),
    Write(Box<Writer>),
    Ended(PackWritten),
    /// An error was given; there is nothing more to be had.
    Failed,
}

impl PackSource for Source {
    fn next(
        &mut self,
        room: usize,
        out: &mut BytesMut,
        stop: &dyn Interrupt,
    ) -> gitwire_storage::Result<SourceState> {
        let stage = std::mem::replace(&mut self.stage, Stage::Failed);
        let (stage, state) = self.advance(stage, room, out, stop)?;
        self.stage = stage;
        Ok(state)
    }

    fn written(&self) -> Option<PackWritten> {
        match &self.stage {
            Stage::Write(writer) => Some(writer.written()),
            Stage::Ended(written) => Some(*written),
            _ => None,
        }
    }

    fn left_out(&self) -> Option<&[ObjectId]> {
        match &self.left_out {
            LeftOut::Sought(_) => None,
            LeftOut::Known(ids) => Some(ids),
        }
    }
}

impl Source {
    fn advance(
        &mut self,
        stage: Stage,
        room: usize,
        out: &mut BytesMut,
        stop: &dyn Interrupt,
    ) -> Result<(Stage, SourceState), WalkError> {
        Ok(match stage {
            Stage::Start { covers, graph, question } => {
                stop.check().map_err(WalkError::from)?;
                (self.start(covers, *graph, *question), FIRST)
            }
            Stage::Cover(mut covering) => match covering.step(stop)? {
                CoverProgress::Found(count) => {
                    (Stage::Cover(covering), SourceState::Preparing(Preparation::Enumerating(count)))
                }
                CoverProgress::Useless => {
                    let (graph, question, ..) = covering.into_parts();
                    (self.start(false, graph, question), FIRST)
                }
                CoverProgress::Done => {
                    let (graph, _, found, cover) = covering.into_parts();
                    let choice = Choice::new(cover, found, self.thin, self.shortened);
                    let state = counting(choice.progress());
                    (Stage::Choose(Box::new(choice), Box::new(graph)), state)
                }
            },
            Stage::Choose(mut choice, graph) => {
                let done = choice.step(&*self.objects, self.ofs_delta, stop)?;
                let state = counting(choice.progress());
                if done {
                    let (found, kept, cover) = choice.finish(&*self.objects);
                    let planner = Planner::new(*graph, found, self.thin).with_cover(cover, kept);
                    (Stage::Plan(Box::new(planner)), state)
                } else {
                    (Stage::Choose(choice, graph), state)
                }
            }
            Stage::Enumerate(mut enumeration) => match enumeration.step(stop)? {
                Progress::Found(count) => {
                    let state = SourceState::Preparing(Preparation::Enumerating(count));
                    (Stage::Enumerate(enumeration), state)
                }
                Progress::Done => {
                    let (graph, mut found) = enumeration.into_parts();
                    if let LeftOut::Sought(ids) = &mut self.left_out {
                        let mut ids = std::mem::take(ids);
                        ids.retain(|id| found.leave_out(id));
                        self.left_out = LeftOut::Known(ids);
                    }
                    let planner = Planner::new(graph, found, self.thin).with_promised(self.promised_may_lack);
                    let state = counting(planner.progress());
                    (Stage::Plan(Box::new(planner)), state)
                }
            },
            Stage::Plan(mut planner) => {
                let done = planner.step(&*self.objects, stop)?;
                let state = counting(planner.progress());
                if done {
                    let compressor = planner.resolve(&*self.objects, self.search)?;
                    (Stage::Compress(Box::new(compressor)), state)
                } else {
                    (Stage::Plan(planner), state)
                }
            }
            Stage::Compress(mut compressor) => {
                let done = compressor.step(&*self.objects, stop)?;
                let (looked_at, all) = compressor.progress();
                let state = SourceState::Preparing(Preparation::Compressing(looked_at, all));
                if done {
                    let writer = Writer::new(Arc::clone(&self.objects), compressor.finish(), self.ofs_delta);
                    (Stage::Write(Box::new(writer)), state)
                } else {
                    (Stage::Compress(compressor), state)
                }
            }
            Stage::Write(mut writer) => {
                if writer.write(room, out, stop)? {
                    (Stage::Ended(writer.written()), SourceState::End)
                } else {
                    (Stage::Write(writer), SourceState::More)
                }
            }
            Stage::Ended(written) => (Stage::Ended(written), SourceState::End),
            Stage::Failed => return Err(WalkError::Internal("asked again after an error")),
        })
    }
}

impl Source {
    /// How objects are found.
    fn start(&self, covers: bool, graph: Graph, question: Question) -> Stage {
        if covers && let Some(reach) = self.objects.bitmaps() {
            let covering = Covering::new(graph, question, self.thin, reach.objects());
            return Stage::Cover(Box::new(covering));
        }
        Stage::Enumerate(Box::new(Enumeration::new(graph, question)))
    }
}

fn counting((done, all): (u64, u64)) -> SourceState {
    SourceState::Preparing(Preparation::Counting(done, all))
}

/// Before anything was found.
const FIRST: SourceState = SourceState::Preparing(Preparation::Enumerating(0));
