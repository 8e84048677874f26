//! Whether a client may have what it wants, and what it may hear of what it has.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use gitwire_protocol::{Serving, Version};
use gitwire_storage::Presence;
use gitwire_types::{FilterSpec, Interrupt, Limits, ObjectFormat, ObjectId};
use gitwire_walk::{Graph, ObjectFilter, unreached};

use super::advertise::look_up;
use super::{Fetch, View};
use crate::{Filters, Haves, Policy, ServeError, Visibility, Wants};

/// What of an object's place in the repository lets a client want it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rule {
    any: bool,
    /// Refs that are hidden from everybody count too.
    hidden: bool,
    /// What a ref reaches is as good as what it holds.
    reachable: bool,
}

impl Rule {
    pub(super) fn new(policy: &Policy, version: Version, serving: Serving) -> Self {
        let wants = Visibility::wants(policy, version);
        // Refs may move between two requests: what they held when they were shown is then below them. git's rule too.
        let moved = serving == Serving::Stateless && version != Version::V2;
        Self {
            any: wants == Wants::Any,
            hidden: wants == Wants::Tips,
            reachable: wants == Wants::Reachable || moved,
        }
    }
}

/// The repository as one client may see it.
pub(super) struct Sight<'a> {
    pub(super) view: &'a View,
    pub(super) policy: &'a Policy,
    pub(super) rule: Rule,
    pub(super) format: ObjectFormat,
    pub(super) stop: &'a dyn Interrupt,
}

impl Sight<'_> {
    /// Checks the wants of a request against the policy; adds what is wanted by name.
    pub(super) fn check(&self, fetch: &mut Fetch) -> Result<(), ServeError> {
        self.check_filter(fetch)?;
        fetch.wants.sort_unstable();
        fetch.wants.dedup();
        let mut missing = None;
        self.view.objects.headers(&fetch.wants, &mut |at, presence| {
            if !matches!(presence, Presence::Here { .. }) {
                missing = missing.or(fetch.wants.get(at).copied());
            }
        })?;
        if let Some(id) = missing {
            return Err(not_ours(id));
        }
        self.check_shown(&fetch.wants)?;
        for name in std::mem::take(&mut fetch.request.wanted_refs) {
            let shown = self.policy.shows(&name);
            let id = if shown { look_up(&*self.view.refs, &name)? } else { None };
            let unknown = || ServeError::Refused(format!("unknown ref {}", name.escape_ascii()));
            let id = id.ok_or_else(unknown)?;
            fetch.wants.push(id);
            fetch.wanted_refs.push((name, id));
        }
        Ok(())
    }

    /// How large objects are that a client may see; `None` for what is not there.
    pub(super) fn sizes(&self, ids: &[ObjectId]) -> Result<Vec<Option<u64>>, ServeError> {
        let mut sizes = vec![None; ids.len()];
        self.view.objects.headers(ids, &mut |at, presence| {
            if let (Some(found), Presence::Here { size, .. }) = (sizes.get_mut(at), presence) {
                *found = Some(size);
            }
        })?;
        let here = ids.iter().zip(&sizes).filter(|(_, size)| size.is_some());
        let here: Vec<ObjectId> = here.map(|(id, _)| *id).collect();
        self.check_shown(&here)?;
        Ok(sizes)
    }

    /// Those of what a client says to have of which it may not learn that they are here.
    pub(super) fn unseen(&self, haves: &[ObjectId]) -> Result<HashSet<ObjectId>, ServeError> {
        if self.policy.haves() == Haves::Any {
            return Ok(HashSet::new());
        }
        let tips = self.tips(|name| self.policy.shows(name), &mut HashSet::new())?;
        let mut graph = self.graph()?;
        Ok(graph.unreached(&tips, haves, self.stop)?.into_iter().collect())
    }

    /// Checks that a client may see objects that are there.
    pub(super) fn check_shown(&self, ids: &[ObjectId]) -> Result<(), ServeError> {
        if self.rule.any || ids.is_empty() {
            return Ok(());
        }
        let mut left: HashSet<ObjectId> = ids.iter().copied().collect();
        let everybody = |name: &[u8]| self.policy.view.as_ref().is_none_or(|view| view.shows(name));
        let tips = if self.rule.hidden {
            self.tips(everybody, &mut left)?
        } else {
            self.tips(|name| self.policy.shows(name), &mut left)?
        };
        if self.rule.reachable && !left.is_empty() {
            let below: Vec<ObjectId> = left.into_iter().collect();
            left = unreached(self.graph()?, &tips, &below, self.stop)?.into_iter().collect();
        }
        left.into_iter().next().map_or(Ok(()), |id| Err(not_ours(id)))
    }

    /// What shown refs hold, `HEAD` first: it is taken off `left`. All of it, unless nothing was left before the end.
    fn tips(
        &self,
        shows: impl Fn(&[u8]) -> bool,
        left: &mut HashSet<ObjectId>,
    ) -> Result<Vec<ObjectId>, ServeError> {
        let ends = !left.is_empty();
        let refs = &*self.view.refs;
        let mut tips = Vec::new();
        if shows(b"HEAD") {
            tips.extend(look_up(refs, b"HEAD")?);
        }
        let mut met: HashSet<ObjectId> = tips.iter().copied().collect();
        left.retain(|id| !met.contains(id));
        refs.each(&[], &mut |record| {
            if let Some(id) = record.id.filter(|_| shows(record.name)) {
                left.remove(&id);
                if met.insert(id) {
                    tips.push(id);
                }
            }
            let ended = ends && left.is_empty();
            Ok(if ended { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        Ok(tips)
    }

    fn graph(&self) -> Result<Graph, ServeError> {
        let mut graph = Graph::new(Arc::clone(&self.view.objects), self.format, self.policy.walk.clone());
        graph.set_boundary(&self.view.shallow)?;
        Ok(graph)
    }

    fn check_filter(&self, fetch: &mut Fetch) -> Result<(), ServeError> {
        let Some(text) = &fetch.request.filter else { return Ok(()) };
        let refused = |reason: String| Err(ServeError::Refused(reason));
        let Filters::Allow(rules) = &self.policy.filters else {
            return refused("filter requested but not supported".into());
        };
        let spec = match FilterSpec::parse(text, &Limits::default()) {
            Ok(spec) => spec,
            Err(error) => return refused(error.reply()),
        };
        rules.check(&spec).map_err(ServeError::Refused)?;
        let filter = ObjectFilter::resolve(&spec, &mut |name| self.patterns(name))?;
        fetch.filter = Some((spec, filter));
        Ok(())
    }
}

fn not_ours(id: ObjectId) -> ServeError {
    ServeError::Refused(format!("upload-pack: not our ref {id}"))
}
