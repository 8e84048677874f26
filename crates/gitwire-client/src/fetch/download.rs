//! The conversation of a fetch: refs, negotiation, pack.

use std::collections::{BTreeSet, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use gitwire_protocol::message::{AckStatus, ShallowUpdate};
use gitwire_protocol::{FetchAwaiting, FetchClient, FetchEvent, FetchRequest, WindowEnd};
use gitwire_storage::{Presence, Repository, StageRequest, Staging};
use gitwire_types::{Interrupt, ObjectId, RefTarget};
use gitwire_walk::{Graph, Negotiator};

use super::{Fetch, Plan, Wanted};
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
            listing: Listing::new(prefixes),
            server_shallow: Vec::new(),
            planned: None,
            negotiator: None,
            staging: None,
            asked: false,
        }
    }

    pub(crate) fn into_received(self) -> Result<Received, ClientError> {
        let Planned { plan, tips, shallow, shallow_before } =
            self.planned.ok_or(ClientError::Internal("the conversation has ended before it began"))?;
        let changed = shallow != shallow_before;
        let shallow = changed.then(|| shallow.into_iter().collect());
        Ok(Received { refs: self.listing.refs, plan, tips, staging: self.staging, shallow })
    }

    /// The refs are known: what is fetched, if anything is missing.
    fn request(&mut self) -> Result<Option<FetchRequest>, ClientError> {
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
        request.filter = self.fetch.filter.as_ref().map(|filter| filter.to_bytes().into());
        request.include_tag = !plan.following.is_empty();
        let nothing = request.wants.is_empty();
        if !nothing {
            self.negotiator = Some(self.negotiator(graph, &plan, &tips)?);
        }
        self.planned = Some(Planned { plan, tips, shallow_before: shallow.clone(), shallow });
        Ok((!nothing).then_some(request))
    }

    fn graph(&self, repository: &dyn Repository) -> Result<Graph, ClientError> {
        Ok(Graph::new(repository.objects()?, repository.format(), self.fetch.walk.clone()))
    }

    fn negotiator(&self, graph: Graph, plan: &Plan, tips: &[ObjectId]) -> Result<Negotiator, ClientError> {
        let objects = Arc::clone(graph.objects());
        let mut negotiator = Negotiator::new(graph, self.fetch.negotiation, self.fetch.haves.clone());
        if tips.is_empty() {
            return Ok(negotiator);
        }
        let own: HashSet<&ObjectId> = tips.iter().collect();
        let shown: Vec<ObjectId> = plan.wanted.iter().map(|wanted| wanted.id).collect();
        let (here, _) = partition(&*objects, shown)?;
        for id in here.iter().filter(|id| own.contains(id)) {
            negotiator.known(id)?;
        }
        for tip in tips {
            negotiator.tip(tip)?;
        }
        Ok(negotiator)
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
        let mut window = Vec::new();
        let mut end = WindowEnd::Flush;
        let room = machine.window();
        while end == WindowEnd::Flush {
            if window.len() >= room.max(1) {
                break;
            }
            match negotiator.next()? {
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
        let mut request = StageRequest::default();
        request.pack_bytes_max = self.fetch.pack_bytes_max;
        request.threads = self.fetch.threads;
        request.memory = self.fetch.memory;
        request.promisor = self.fetch.filter.is_some();
        self.staging = Some(planned.plan.repository.stage(&request)?);
        Ok(())
    }

    fn move_boundary(&mut self, update: ShallowUpdate) {
        let Some(planned) = &mut self.planned else { return };
        match update {
            ShallowUpdate::Shallow(id) => planned.shallow.insert(id),
            ShallowUpdate::Unshallow(id) => planned.shallow.remove(&id),
        };
    }
}

impl Conversation for Download<'_> {
    type Machine = FetchClient;

    fn event(&mut self, event: FetchEvent, listener: Listener<'_>) -> Result<(), ClientError> {
        let Some(event) = self.listing.take(event) else { return Ok(()) };
        match event {
            FetchEvent::ServerShallow(id) => self.server_shallow.push(id),
            FetchEvent::Shallow(update) => self.move_boundary(update),
            FetchEvent::Acknowledged { id, status } => {
                // `ready` may name an object that the server lacks.
                if status != AckStatus::Ready
                    && let Some(negotiator) = &mut self.negotiator
                {
                    negotiator.common(&id)?;
                }
            }
            FetchEvent::PackStart => self.begin_pack()?,
            FetchEvent::Pack(bytes) => self.receive(&bytes, listener)?,
            FetchEvent::Progress(text) => listener(Event::Remote(&text)),
            _ => {}
        }
        Ok(())
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
                match self.request()? {
                    Some(request) => {
                        for id in std::mem::take(&mut self.server_shallow) {
                            self.move_boundary(ShallowUpdate::Shallow(id));
                        }
                        Ok(machine.fetch(request, output)?)
                    }
                    None => Ok(machine.finish(output)?),
                }
            }
        }
    }
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
    wants.sort_unstable();
    wants.dedup();
    if !fetch.depth.is_empty() {
        return Ok(wants);
    }
    let (here, mut missing) = partition(&**graph.objects(), wants)?;
    // An object may be here without what it reaches, left by a fetch that was broken off.
    missing.extend(graph.unreached(tips, &here, stop)?);
    Ok(missing)
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
