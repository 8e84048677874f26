//! One conversation with one client, without I/O towards it.

mod advertise;
mod depth;
mod pack;
mod sparse;
mod want;

use std::sync::Arc;

use bytes::BytesMut;
use gitwire_capability::parse_accepted_promisors;
use gitwire_protocol::message::{BundleUriLine, PackfileUri, WantedRef};
use gitwire_protocol::{HaveAnswers, Serving, UploadPack, UploadPackEvent, UploadRequest, Version};
use gitwire_storage::{Lazy, ObjectStore, Promisor, RefStore, Repository};
use gitwire_types::{FilterSpec, Interrupt, ObjectId};
use gitwire_walk::{Graph, Have, HaveSet, ObjectFilter, ShallowUpdate};

pub(crate) use self::advertise::Advertising;
#[cfg(feature = "http")]
pub(crate) use self::advertise::resolve;
use self::pack::Packing;
use self::want::{Rule, Sight};
use crate::{BlobPackfileUri, Conversation, FetchFacts, Observer, PackMaker, Policy, Reply, ServeError};

/// The server's side of clone, fetch and ls-remote over any [`Repository`]: answers the events of an [`UploadPack`].
///
/// It does no I/O towards the client and is moved between threads as one value. A front end steps the machine; each event goes to
/// [`on`](Conversation::on), which says what the next answer will cost; when the machine says `Answer`, the front end calls
/// [`work`](Conversation::work), where blocking is allowed, and then [`answer`](Conversation::answer), which only appends to the output. A long answer
/// comes in pieces: as long as the machine says `Answer`, do so again.
///
/// ```
/// # use std::sync::Arc;
/// # use gitwire_storage::Repository;
/// use bytes::BytesMut;
/// use gitwire_protocol::{Machine, Next, Serving, Version};
/// use gitwire_server::{Conversation, Policy, ServeError, Session};
/// use gitwire_types::Never;
///
/// /// Answers a request that has been read to its end.
/// fn serve(repository: Arc<dyn Repository>, mut input: BytesMut) -> Result<BytesMut, ServeError> {
///     let (mut session, mut machine) =
///         Session::new(repository, Arc::new(Policy::default()), Version::V2, Serving::Stateless);
///     let mut output = BytesMut::new();
///     machine.end_of_input();
///     loop {
///         match machine.step(&mut input, &mut output)? {
///             Next::Event(event) => {
///                 let _ = session.on(event);
///             }
///             Next::Answer => {
///                 session.work(&Never)?;
///                 session.answer(&mut machine, &mut output)?;
///             }
///             Next::Turn => {}
///             Next::Read | Next::Done => return Ok(output),
///         }
///     }
/// }
/// ```
pub struct Session {
    repository: Arc<dyn Repository>,
    policy: Arc<Policy>,
    version: Version,
    rule: Rule,
    packs: Option<Arc<dyn PackMaker>>,
    promisor: Option<Arc<dyn Promisor>>,
    /// The client has taken a promisor that it was told of. git's client says so where it asks for refs, and no more when it fetches.
    accepts_promisors: bool,
    observer: Option<Arc<dyn Observer>>,
    /// The objects and refs as they were when the client first asked for them.
    view: Option<View>,
    due: Due,
    fetch: Fetch,
}

/// What the repository looks like to this conversation.
#[derive(Clone)]
pub(crate) struct View {
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) refs: Arc<dyn RefStore>,
    shallow: Arc<[ObjectId]>,
}

impl View {
    pub(crate) fn of(repository: &dyn Repository) -> Result<Self, ServeError> {
        // Refs first: what they lead to is then in the view of the objects.
        let refs = repository.refs()?;
        let objects = repository.objects()?;
        Ok(Self { objects, refs, shallow: repository.shallow()? })
    }
}

/// What the machine waits for.
enum Due {
    Nothing,
    Refs(Box<Advertising>),
    /// The request is to be checked; versions 0 and 1 then get the boundary, if they asked for a depth.
    Request,
    Haves {
        ids: Vec<ObjectId>,
        common: Vec<bool>,
        covered_after: Option<usize>,
    },
    Pack(Box<Packing>),
    /// How large some objects are, once that is known.
    Sizes {
        ids: Vec<ObjectId>,
        sizes: Vec<Option<u64>>,
    },
    Bundles,
}

/// A request for a pack, as far as it is known.
#[derive(Default)]
struct Fetch {
    wants: Vec<ObjectId>,
    shallow: Vec<ObjectId>,
    request: UploadRequest,
    wanted_refs: Vec<(bytes::Bytes, ObjectId)>,
    checked: bool,
    told: bool,
    update: Option<ShallowUpdate>,
    haves: Option<HaveSet>,
    /// What is left out, as the client said it and as it is meant.
    filter: Option<(FilterSpec, ObjectFilter)>,
    /// What the client may get elsewhere.
    elsewhere: Vec<BlobPackfileUri>,
}

impl Session {
    /// About how many bytes of a pack one call of [`work`](Conversation::work) makes.
    pub const PIECE: usize = 256 << 10;

    /// A session and the machine whose events it answers.
    #[must_use]
    pub fn new(
        repository: Arc<dyn Repository>,
        policy: Arc<Policy>,
        version: Version,
        serving: Serving,
    ) -> (Self, UploadPack) {
        let machine = UploadPack::new(policy.machine_options(version, serving, repository.format()));
        let rule = Rule::new(&policy, version, serving);
        let (due, fetch) = (Due::Nothing, Fetch::default());
        let (packs, promisor, observer, view) = (None, None, None, None);
        let session = Self {
            repository,
            policy,
            version,
            rule,
            packs,
            promisor,
            accepts_promisors: false,
            observer,
            view,
            due,
            fetch,
        };
        (session, machine)
    }

    /// The same, telling `observer` how it goes.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// The same, with packs that `packs` makes.
    #[must_use]
    pub fn with_packs(mut self, packs: Arc<dyn PackMaker>) -> Self {
        self.packs = Some(packs);
        self
    }

    /// The same for a partial clone: what it lacks and a client is to get, `promisor` brings first, unless the client gets it from a promisor
    /// itself. The objects stay in the repository. Without one there is no pack then.
    #[must_use]
    pub fn with_promisor(mut self, promisor: Arc<dyn Promisor>) -> Self {
        self.promisor = Some(promisor);
        self
    }

    fn view(&mut self) -> Result<View, ServeError> {
        if let Some(view) = &self.view {
            return Ok(view.clone());
        }
        let view = match self.promisor.as_ref().filter(|_| !self.accepts_promisors) {
            Some(promisor) => View::of(&Lazy::new(Arc::clone(&self.repository), Arc::clone(promisor)))?,
            None => View::of(&*self.repository)?,
        };
        Ok(self.view.insert(view).clone())
    }

    /// Notes whether the client takes one of the promisors that it was told of.
    fn note_promisors(&mut self, names: Option<&bytes::Bytes>) {
        let named = names.map(|names| parse_accepted_promisors(names));
        let named = named.and_then(Result::ok).unwrap_or_default();
        self.accepts_promisors |=
            named.iter().any(|name| self.policy.promisors.iter().any(|promisor| promisor.name == *name));
    }

    /// Checks what is wanted, once, and computes the boundary.
    fn check_request(&mut self, view: &View, stop: &dyn Interrupt) -> Result<(), ServeError> {
        if self.fetch.checked {
            return Ok(());
        }
        if self.promisor.is_some() && !self.accepts_promisors {
            view.objects.prefetch(&self.fetch.wants)?;
        }
        let mut fetch = std::mem::take(&mut self.fetch);
        let checked = self.sight(view, stop).check(&mut fetch);
        self.fetch = fetch;
        checked?;
        let mut graph = self.graph(view);
        self.fetch.update = depth::update(&mut graph, &self.fetch, view, &self.policy, stop)?;
        self.fetch.haves = Some(HaveSet::new(graph, &self.fetch.wants)?);
        self.fetch.checked = true;
        Ok(())
    }

    /// Tells the observer of the request, once.
    fn tell(&mut self, haves: usize) {
        let fetch = &mut self.fetch;
        let Some(observer) = self.observer.as_ref().filter(|_| !fetch.told) else { return };
        fetch.told = true;
        let request = &fetch.request;
        observer.fetch(&FetchFacts {
            version: self.version,
            session_id: request.session_id.as_deref(),
            agent: request.agent.as_deref(),
            wants: fetch.wants.len().saturating_sub(fetch.wanted_refs.len()),
            wanted_refs: fetch.wanted_refs.len(),
            haves,
            shallows: fetch.shallow.len(),
            depth: &request.depth,
            filter: request
                .filter
                .as_ref()
                .and_then(|text| FilterSpec::parse(text, &gitwire_types::Limits::default()).ok()),
        });
    }

    fn sight<'a>(&'a self, view: &'a View, stop: &'a dyn Interrupt) -> Sight<'a> {
        Sight { view, policy: &self.policy, rule: self.rule, format: self.repository.format(), stop }
    }

    fn graph(&self, view: &View) -> Graph {
        Graph::new(Arc::clone(&view.objects), self.repository.format(), self.policy.walk.clone())
    }

    /// Looks a block of haves up; how many of them it takes until the server has enough.
    fn hear(
        &mut self,
        view: &View,
        ids: &[ObjectId],
        common: &mut Vec<bool>,
        stop: &dyn Interrupt,
    ) -> Result<Option<usize>, ServeError> {
        // What the client says that it has need not come from a promisor.
        if self.promisor.is_none() {
            view.objects.prefetch(ids)?;
        }
        let unseen = self.sight(view, stop).unseen(ids)?;
        let haves = self.fetch.haves.as_mut().ok_or(ServeError::Internal("haves without a request"))?;
        let mut covered_after = haves.is_ready(stop)?.then_some(0);
        for (before, id) in ids.iter().enumerate() {
            let have = if unseen.contains(id) { Have::Unknown } else { haves.have(id)? };
            common.push(have != Have::Unknown);
            if covered_after.is_none() && have == Have::Common && haves.is_ready(stop)? {
                covered_after = Some(before.saturating_add(1));
            }
        }
        Ok(covered_after)
    }

    /// What version 2 says before the pack.
    fn sections(
        &self,
        left_out: &[ObjectId],
        machine: &mut UploadPack,
        output: &mut BytesMut,
    ) -> Result<(), ServeError> {
        if self.version != Version::V2 {
            return Ok(());
        }
        if let Some(update) = &self.fetch.update {
            machine.shallow_info(&depth::lines(Some(update)), output)?;
        }
        if !self.fetch.wanted_refs.is_empty() {
            let refs = &self.fetch.wanted_refs;
            let refs: Vec<_> = refs.iter().map(|(name, id)| WantedRef { id: *id, name }).collect();
            machine.wanted_refs(&refs, output)?;
        }
        if !left_out.is_empty() {
            let mut uris: Vec<PackfileUri<'_>> = Vec::new();
            for entry in self.fetch.elsewhere.iter().filter(|entry| left_out.contains(&entry.blob)) {
                let uri = PackfileUri { hash: entry.pack, uri: &entry.uri };
                if !uris.contains(&uri) {
                    uris.push(uri);
                }
            }
            machine.packfile_uris(&uris, output)?;
        }
        Ok(())
    }
}

impl Conversation for Session {
    type Machine = UploadPack;

    fn on(&mut self, event: UploadPackEvent) -> Reply {
        match event {
            UploadPackEvent::RefsWanted(request) => {
                self.note_promisors(request.promisors.as_ref());
                // A client that lists refs again wants to see them as they are now.
                self.view = None;
                self.due = Due::Refs(Box::new(Advertising::new(request)));
                Reply::Job
            }
            UploadPackEvent::Wants(ids) => {
                self.fetch.wants.extend(ids);
                Reply::Continue
            }
            UploadPackEvent::Shallow(ids) => {
                self.fetch.shallow.extend(ids);
                Reply::Continue
            }
            UploadPackEvent::Request(request) => {
                self.note_promisors(request.promisors.as_ref());
                self.fetch.request = *request;
                self.due = Due::Request;
                Reply::Job
            }
            UploadPackEvent::Haves { ids, .. } => {
                self.due = Due::Haves { ids, common: Vec::new(), covered_after: None };
                Reply::Job
            }
            UploadPackEvent::PackWanted => {
                self.due = Due::Pack(Box::default());
                Reply::Pack
            }
            UploadPackEvent::ObjectInfo(ids) => {
                self.due = Due::Sizes { ids, sizes: Vec::new() };
                Reply::Job
            }
            UploadPackEvent::BundleUrisWanted => {
                self.due = Due::Bundles;
                Reply::Job
            }
            _ => Reply::Continue,
        }
    }

    fn work(&mut self, stop: &dyn Interrupt) -> Result<(), ServeError> {
        let view = self.view()?;
        match std::mem::replace(&mut self.due, Due::Nothing) {
            due @ (Due::Nothing | Due::Bundles) => self.due = due,
            Due::Sizes { ids, .. } => {
                let sizes = self.sight(&view, stop).sizes(&ids)?;
                self.due = Due::Sizes { ids, sizes };
            }
            Due::Refs(mut advertising) => {
                advertising.work(&view, &self.policy)?;
                self.due = Due::Refs(advertising);
            }
            Due::Request => {
                self.check_request(&view, stop)?;
                self.due = Due::Request;
            }
            Due::Haves { ids, mut common, .. } => {
                self.check_request(&view, stop)?;
                self.tell(ids.len());
                let covered_after = self.hear(&view, &ids, &mut common, stop)?;
                self.due = Due::Haves { ids, common, covered_after };
            }
            Due::Pack(mut packing) => {
                self.check_request(&view, stop)?;
                if !packing.is_begun() {
                    self.tell(0);
                    let order = self.pack_order(&view)?;
                    packing.begin(order, self.packs.as_deref())?;
                }
                packing.work(stop)?;
                self.due = Due::Pack(packing);
            }
        }
        Ok(())
    }

    fn answer(&mut self, machine: &mut UploadPack, output: &mut BytesMut) -> Result<(), ServeError> {
        match std::mem::replace(&mut self.due, Due::Nothing) {
            // The request has been checked, and versions 0 and 1 wait for the boundary.
            Due::Request => machine.shallow_info(&depth::lines(self.fetch.update.as_ref()), output)?,
            Due::Nothing => return Err(ServeError::Internal("nothing is due, and the machine waits")),
            Due::Refs(mut advertising) => {
                if advertising.answer(machine, output)? {
                    let boundary = self.view.as_ref().map(|view| Arc::clone(&view.shallow));
                    machine.end_refs(&boundary.unwrap_or_default(), output)?;
                    if self.version == Version::V2 {
                        self.view = None;
                    }
                } else {
                    self.due = Due::Refs(advertising);
                }
            }
            Due::Sizes { sizes, .. } => machine.object_info(&sizes, output)?,
            Due::Bundles => {
                let list = self.policy.bundle_uris.as_deref().unwrap_or_default();
                let lines: Vec<_> = list.iter().map(|(key, value)| BundleUriLine { key, value }).collect();
                machine.bundle_uris(&lines, output)?;
            }
            Due::Haves { common, covered_after, .. } => {
                machine.acknowledge(HaveAnswers { common: &common, covered_after }, output)?;
            }
            Due::Pack(mut packing) => {
                if !packing.is_announced() {
                    let Some(left_out) = packing.left_out() else {
                        self.due = Due::Pack(packing);
                        return Ok(());
                    };
                    self.sections(left_out, machine, output)?;
                }
                if packing.answer(machine, output)? {
                    self.fetch = Fetch::default();
                    self.view = None;
                } else {
                    self.due = Due::Pack(packing);
                }
            }
        }
        Ok(())
    }

    // A request that has been heard is looked at at once: what may not be had is refused before the client is asked for more.
    fn must_work(&self) -> bool {
        matches!(self.due, Due::Request) && !self.fetch.checked
    }

    fn settle(&mut self, _machine: &mut UploadPack, _output: &mut BytesMut) -> Result<(), ServeError> {
        Ok(())
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("version", &self.version).finish_non_exhaustive()
    }
}
