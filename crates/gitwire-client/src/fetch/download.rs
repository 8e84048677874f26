//! The conversation of a fetch: refs, negotiation, pack.

use std::collections::{BTreeSet, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use gitwire_protocol::message::{AckStatus, ShallowUpdate};
use gitwire_protocol::{FetchAwaiting, FetchClient, FetchEvent, FetchRequest, WindowEnd};
use gitwire_storage::{Presence, Repository, StageRequest, Staging};
use gitwire_types::{FilterSpec, Interrupt, ObjectId, RefTarget};
use gitwire_walk::{Graph, NegotiationAlgorithm, Negotiator};

use super::{Fetch, Plan, ShallowSource, Wanted};
use crate::conversation::Conversation;
use crate::event::Listener;
use crate::ls_remote::Listing;
use crate::{ClientError, Event, RemoteRefs};

/// Chooses what is fetched, once the refs are known.
pub(crate) type Planner<'a> = &'a dyn Fn(&RemoteRefs) -> Result<Plan, ClientError>;

/// The conversation of a fetch.
pub(crate) struct Download<'a> {
    fetch: &'a Fetch,
    planner: Planner<'a>,
    stop: &'a dyn Interrupt,
    listing: Listing,
    server_shallow: Vec<ObjectId>,
    planned: Option<Planned>,
    negotiator: Option<Negotiator>,
    staging: Option<Box<dyn Staging>>,
    elsewhere: Vec<(ObjectId, Bytes)>,
    /// What was acknowledged last, if another common commit reaches it.
    implied: Option<ObjectId>,
    /// Commits that are named in any case and have not been yet.
    always: Vec<ObjectId>,
    asked: bool,
}

/// A plan, and what is known of the repository that it is for.
struct Planned {
    plan: Plan,
    /// What the repository's refs held when the fetch began.
    tips: Vec<ObjectId>,
    shallow: BTreeSet<ObjectId>,
    shallow_before: BTreeSet<ObjectId>,
}

/// What a conversation has brought.
pub(crate) struct Received {
    pub(crate) refs: RemoteRefs,
    pub(crate) plan: Plan,
    pub(crate) tips: Vec<ObjectId>,
    pub(crate) staging: Option<Box<dyn Staging>>,
    /// The repository's boundary afterwards, where it has changed.
    pub(crate) shallow: Option<Vec<ObjectId>>,
    /// Where the remote's own history is cut, where nobody asked for a depth.
    pub(crate) server_shallow: Vec<ObjectId>,
    /// Packs that are to be fetched from elsewhere, and where they are.
    pub(crate) elsewhere: Vec<(ObjectId, Bytes)>,
}

impl<'a> Download<'a> {
    pub(crate) fn new(
        fetch: &'a Fetch,
        prefixes: Vec<Bytes>,
        planner: Planner<'a>,
        stop: &'a dyn Interrupt,
    ) -> Self {
        Self {
            fetch,
            planner,
            stop,
            listing: Listing::new(&fetch.remote.server_options, prefixes),
            server_shallow: Vec::new(),
            planned: None,
            negotiator: None,
            staging: None,
            elsewhere: Vec::new(),
            implied: None,
            always: fetch.negotiation_tips.always.clone(),
            asked: false,
        }
    }

    pub(crate) fn into_received(self) -> Result<Received, ClientError> {
        let Planned { plan, tips, shallow, shallow_before } =
            self.planned.ok_or(ClientError::Internal("the conversation has ended before it began"))?;
        let changed = shallow != shallow_before;
        let shallow = changed.then(|| shallow.into_iter().collect());
        let (refs, staging) = (self.listing.refs, self.staging);
        let (server_shallow, elsewhere) = (self.server_shallow, self.elsewhere);
        Ok(Received { refs, plan, tips, staging, shallow, server_shallow, elsewhere })
    }

    /// The refs are known: what is fetched, if anything is missing.
    fn request(&mut self, listener: Listener<'_>) -> Result<Option<FetchRequest>, ClientError> {
        let mut plan = (self.planner)(&self.listing.refs)?;
        let (ours, theirs) = (plan.repository.format(), self.listing.refs.format);
        if ours != theirs {
            return Err(ClientError::ObjectFormat { ours, theirs });
        }
        let tips = tips(&*plan.repository)?;
        let shallow: BTreeSet<ObjectId> = plan.repository.shallow()?.iter().copied().collect();
        let boundary: Vec<ObjectId> = shallow.iter().copied().collect();
        let mut graph = self.graph(&*plan.repository)?;
        graph.set_boundary(&boundary)?;
        follow_tags(&mut plan)?;
        let wants = wants(self.fetch, &plan, &tips, &mut graph, self.stop)?;
        let mut request = FetchRequest::default();
        request.wants = wants;
        request.shallow = boundary;
        request.depth = self.fetch.depth.clone();
        let capabilities = self.listing.refs.capabilities();
        let (taken, chosen) =
            capabilities.map(|offer| self.fetch.promisors.answer(offer)).unwrap_or_default();
        request.promisors = taken;
        let filter = if self.fetch.promisors.chooses_filter { chosen } else { self.fetch.filter.clone() };
        request.filter = filter.and_then(|filter| self.filter(&filter, listener));
        let pack = &self.fetch.pack;
        request.include_tag = pack.tags || !plan.following.is_empty();
        (request.thin_pack, request.progress) = (pack.thin, pack.progress);
        request.server_options.clone_from(&self.fetch.remote.server_options);
        #[cfg(feature = "http")]
        if !self.fetch.uri_protocols.is_empty() {
            request.packfile_uris = Some(self.fetch.uri_protocols.join(",").into());
            // git's server names no URIs where its answer is not banded throughout.
            request.sideband_all = true;
        }
        let nothing = request.wants.is_empty();
        if !nothing {
            self.refuse_shallow_source()?;
            self.negotiator = Some(self.negotiator(graph, &plan, &tips, &request.wants)?);
        }
        self.planned = Some(Planned { plan, tips, shallow_before: shallow.clone(), shallow });
        Ok((!nothing).then_some(request))
    }

    /// What is to be left out, if the server knows how.
    fn filter(&self, filter: &FilterSpec, listener: Listener<'_>) -> Option<Bytes> {
        let offered = self.listing.refs.capabilities()?.offers_filter();
        if !offered {
            listener(Event::FilterIgnored);
        }
        offered.then(|| filter.to_bytes().into())
    }

    fn graph(&self, repository: &dyn Repository) -> Result<Graph, ClientError> {
        Ok(Graph::new(repository.objects()?, repository.format(), self.fetch.walk.clone()))
    }

    fn negotiator(
        &self,
        graph: Graph,
        plan: &Plan,
        tips: &[ObjectId],
        wants: &[ObjectId],
    ) -> Result<Negotiator, ClientError> {
        let objects = Arc::clone(graph.objects());
        let algorithm = match self.fetch.refetch {
            true => NegotiationAlgorithm::Noop,
            false => self.fetch.negotiation,
        };
        let borrowed = plan.repository.borrowed_tips()?;
        let own: BTreeSet<ObjectId> = tips.iter().chain(&borrowed).copied().collect();
        let wants: HashSet<&ObjectId> = wants.iter().collect();
        let reached = plan.wanted.iter().map(|wanted| wanted.id).filter(|id| !wants.contains(id));
        // What both sides hold as a ref, and what is wanted but known to be here with all its history.
        let shown = self.listing.refs.iter().filter_map(|shown| shown.id).filter(|id| own.contains(id));
        let known: BTreeSet<ObjectId> = reached.chain(shown).collect();
        let mut negotiator = Negotiator::new(graph, algorithm, self.fetch.haves.clone());
        let (here, _) = partition(&*objects, known.into_iter().collect())?;
        for id in &here {
            negotiator.known(id)?;
        }
        match &self.fetch.negotiation_tips.from {
            Some(tips) => tips.iter().try_for_each(|tip| negotiator.tip(tip))?,
            None => own.iter().try_for_each(|tip| negotiator.tip(tip))?,
        }
        Ok(negotiator)
    }

    /// Whether history that is cut at the remote is worth anything.
    fn refuse_shallow_source(&self) -> Result<(), ClientError> {
        let refuse = self.fetch.shallow_source == ShallowSource::Refuse && self.fetch.depth.is_empty();
        if refuse && !self.server_shallow.is_empty() {
            return Err(ClientError::ShallowSource);
        }
        Ok(())
    }

    /// Names the next window of commits.
    fn haves(
        &mut self,
        machine: &mut FetchClient,
        output: &mut BytesMut,
        listener: Listener<'_>,
    ) -> Result<(), ClientError> {
        let negotiator =
            self.negotiator.as_mut().ok_or(ClientError::Internal("haves are due without a request"))?;
        let room = machine.window();
        let mut window = if room > 0 { std::mem::take(&mut self.always) } else { Vec::new() };
        let always: HashSet<ObjectId> = window.iter().copied().collect();
        let mut end = WindowEnd::Flush;
        while end == WindowEnd::Flush {
            if window.len() >= room.max(1) {
                break;
            }
            match negotiator.next()? {
                Some(id) if always.contains(&id) => {}
                Some(id) if room > 0 => window.push(id),
                _ => end = WindowEnd::Done,
            }
        }
        self.stop.check()?;
        listener(Event::Negotiating(u64::from(negotiator.haves())));
        Ok(machine.haves(&window, end, output)?)
    }

    fn receive(&mut self, pack: &[u8], listener: Listener<'_>) -> Result<(), ClientError> {
        self.stop.check()?;
        let staging = self.staging.as_mut().ok_or(ClientError::Internal("a pack that has not begun"))?;
        staging.write(pack)?;
        if let Some(progress) = staging.progress() {
            listener(Event::Receiving(&progress));
        }
        Ok(())
    }

    fn begin_pack(&mut self) -> Result<(), ClientError> {
        let planned = self.planned.as_ref().ok_or(ClientError::Internal("a pack without a request"))?;
        let mut request = stage_request(self.fetch);
        request.keep.clone_from(&self.fetch.pack.keep);
        // Single objects bear no mark of a promise.
        request.unpack_limit = if request.promisor { 0 } else { self.fetch.unpack_limit };
        self.staging = Some(planned.plan.repository.stage(&request)?);
        Ok(())
    }

    /// Where a depth was asked for the server says how the boundary here moves; else, where its own history is cut.
    fn move_boundary(&mut self, update: ShallowUpdate) -> Result<(), ClientError> {
        let Some(planned) = &mut self.planned else { return Ok(()) };
        match update {
            ShallowUpdate::Shallow(id) if self.fetch.depth.is_empty() => {
                self.server_shallow.push(id);
                self.refuse_shallow_source()?;
            }
            ShallowUpdate::Shallow(id) => drop(planned.shallow.insert(id)),
            ShallowUpdate::Unshallow(id) => drop(planned.shallow.remove(&id)),
        }
        Ok(())
    }
}

impl Conversation for Download<'_> {
    type Machine = FetchClient;

    fn event(&mut self, event: FetchEvent, listener: Listener<'_>) -> Result<(), ClientError> {
        let Some(event) = self.listing.take(event) else { return Ok(()) };
        match event {
            FetchEvent::ServerShallow(id) => self.server_shallow.push(id),
            FetchEvent::Shallow(update) => self.move_boundary(update)?,
            FetchEvent::Acknowledged { id, status } => {
                // `ready` may name an object that the server lacks.
                if status != AckStatus::Ready
                    && let Some(negotiator) = &mut self.negotiator
                {
                    self.implied = negotiator.common(&id)?.then_some(id);
                }
            }
            FetchEvent::PackfileUri { hash, uri } => self.elsewhere.push((hash, uri)),
            FetchEvent::PackStart => self.begin_pack()?,
            FetchEvent::Pack(bytes) => self.receive(&bytes, listener)?,
            FetchEvent::Progress(text) => listener(Event::Remote(&text)),
            _ => {}
        }
        Ok(())
    }

    fn heard(&mut self, machine: &mut FetchClient) {
        if let Some(id) = self.implied.take() {
            machine.implied(&id);
        }
    }

    fn answer(
        &mut self,
        machine: &mut FetchClient,
        output: &mut BytesMut,
        listener: Listener<'_>,
    ) -> Result<(), ClientError> {
        match machine.awaiting() {
            FetchAwaiting::Haves => self.haves(machine, output, listener),
            _ if self.listing.ask(machine, output)? => Ok(()),
            _ if self.asked => Ok(machine.finish(output)?),
            _ => {
                self.asked = true;
                match self.request(listener)? {
                    Some(request) => Ok(machine.fetch(request, output)?),
                    None => Ok(machine.finish(output)?),
                }
            }
        }
    }
}

/// How a pack of this fetch is received.
pub(crate) fn stage_request(fetch: &Fetch) -> StageRequest {
    let mut request = StageRequest::default();
    request.pack_bytes_max = fetch.pack_bytes_max;
    request.threads = fetch.threads;
    request.memory = fetch.memory;
    request.promisor = fetch.is_partial();
    request.fsck.clone_from(&fetch.fsck);
    request
}

/// What is wanted and not here with all that it reaches.
fn wants(
    fetch: &Fetch,
    plan: &Plan,
    tips: &[ObjectId],
    graph: &mut Graph,
    stop: &dyn Interrupt,
) -> Result<Vec<ObjectId>, ClientError> {
    let mut wants: Vec<ObjectId> = plan.wanted.iter().map(|wanted| wanted.id).collect();
    if !fetch.depth.is_empty() || fetch.refetch {
        // A ref that stands where the remote's does is not fetched again beside others, as git has it: a depth counts from those
        // that move, unless none does.
        let moved = moved(plan)?;
        wants = if moved.is_empty() { wants } else { moved };
    }
    wants.sort_unstable();
    wants.dedup();
    if !fetch.depth.is_empty() || fetch.refetch {
        return Ok(wants);
    }
    let (here, mut missing) = partition(&**graph.objects(), wants)?;
    // An object may be here without what it reaches, left by a fetch that was broken off.
    missing.extend(graph.unreached(tips, &here, stop)?);
    Ok(missing)
}

/// What is wanted and does not stand already in the ref that it is for.
fn moved(plan: &Plan) -> Result<Vec<ObjectId>, ClientError> {
    let refs = plan.repository.refs()?;
    let mut moved = Vec::new();
    for wanted in &plan.wanted {
        let held = match &wanted.local {
            Some(local) => refs.get(local)?.and_then(|target| target.id().copied()),
            None => None,
        };
        if held != Some(wanted.id) {
            moved.push(wanted.id);
        }
    }
    Ok(moved)
}

/// The same of the repository as it is now.
#[cfg(feature = "http")]
pub(crate) fn missing(
    fetch: &Fetch,
    plan: &Plan,
    tips: &[ObjectId],
    stop: &dyn Interrupt,
) -> Result<Vec<ObjectId>, ClientError> {
    let repository = &*plan.repository;
    let mut graph = Graph::new(repository.objects()?, repository.format(), fetch.walk.clone());
    graph.set_boundary(&repository.shallow()?)?;
    wants(fetch, plan, tips, &mut graph, stop)
}

/// What the repository's refs and its `HEAD` hold.
pub(crate) fn tips(repository: &dyn Repository) -> Result<Vec<ObjectId>, ClientError> {
    let refs = repository.refs()?;
    let mut tips = Vec::new();
    if let Some(RefTarget::Direct(id)) = refs.head()? {
        tips.push(id);
    }
    refs.each(&[], &mut |record| {
        tips.extend(record.id);
        Ok(ControlFlow::Continue(()))
    })?;
    tips.sort_unstable();
    tips.dedup();
    Ok(tips)
}

/// Those that are here, and those that are not.
fn partition(
    objects: &dyn gitwire_storage::ObjectStore,
    ids: Vec<ObjectId>,
) -> Result<(Vec<ObjectId>, Vec<ObjectId>), ClientError> {
    let mut here = vec![false; ids.len()];
    objects.headers(&ids, &mut |at, presence| {
        if let Some(here) = here.get_mut(at) {
            *here = matches!(presence, Presence::Here { .. });
        }
    })?;
    let (here, missing): (Vec<_>, Vec<_>) = ids.into_iter().zip(here).partition(|(_, here)| *here);
    let ids = |pairs: Vec<(ObjectId, bool)>| pairs.into_iter().map(|(id, _)| id).collect();
    Ok((ids(here), ids(missing)))
}

/// Tags that lead to what is fetched, or is here already, are wanted as well.
pub(crate) fn follow_tags(plan: &mut Plan) -> Result<(), ClientError> {
    if plan.following.is_empty() {
        return Ok(());
    }
    let fetched: HashSet<ObjectId> = plan.wanted.iter().map(|wanted| wanted.id).collect();
    let targets = plan.following.iter().map(|tag| tag.target).collect();
    let (here, _) = partition(&*plan.repository.objects()?, targets)?;
    let here: HashSet<ObjectId> = here.into_iter().collect();
    let (now, later) = std::mem::take(&mut plan.following)
        .into_iter()
        .partition(|tag| fetched.contains(&tag.target) || here.contains(&tag.target));
    plan.following = later;
    plan.wanted.extend(now.into_iter().map(Wanted::from));
    Ok(())
}
