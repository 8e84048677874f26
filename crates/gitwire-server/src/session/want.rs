//! Whether a client may have what it wants.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use gitwire_protocol::{Serving, Version};
use gitwire_storage::{Presence, RefStore};
use gitwire_types::{FilterSpec, Interrupt, Limits, ObjectFormat, ObjectId};
use gitwire_walk::{Graph, ObjectFilter};

use super::advertise::look_up;
use super::{Fetch, View};
use crate::{Filters, HiddenRefs, Policy, ServeError, Wants};

/// What of an object's place in the repository lets a client want it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rule {
    any: bool,
    /// Refs that are hidden count too.
    hidden: bool,
    /// What a ref reaches is as good as what it holds.
    reachable: bool,
}

impl Rule {
    pub(super) fn new(policy: &Policy, version: Version, serving: Serving) -> Self {
        let wants = if version == Version::V2 { policy.wants_v2 } else { policy.wants };
        // Refs may move between two requests: what they held when they were shown is then below them. git's rule too.
        let moved = serving == Serving::Stateless && version != Version::V2;
        Self {
            any: wants == Wants::Any,
            hidden: wants == Wants::Tips,
            reachable: wants == Wants::Reachable || moved,
        }
    }
}

/// Checks the wants of a request against the policy; adds what is wanted by name.
pub(super) fn check(
    fetch: &mut Fetch,
    view: &View,
    policy: &Policy,
    rule: Rule,
    format: ObjectFormat,
    stop: &dyn Interrupt,
) -> Result<(), ServeError> {
    check_filter(fetch, policy)?;
    fetch.wants.sort_unstable();
    fetch.wants.dedup();
    let mut missing = None;
    view.objects.headers(&fetch.wants, &mut |at, presence| {
        if !matches!(presence, Presence::Here { .. }) {
            missing = missing.or(fetch.wants.get(at).copied());
        }
    })?;
    if let Some(id) = missing {
        return Err(not_ours(id));
    }
    check_shown(&fetch.wants, view, policy, rule, format, stop)?;
    for name in std::mem::take(&mut fetch.request.wanted_refs) {
        let id = if policy.hidden.hides(&name) { None } else { look_up(&*view.refs, &name)? };
        let unknown = || ServeError::Refused(format!("unknown ref {}", name.escape_ascii()));
        let id = id.ok_or_else(unknown)?;
        fetch.wants.push(id);
        fetch.wanted_refs.push((name, id));
    }
    Ok(())
}

/// Checks that a client may see objects that are there.
fn check_shown(
    ids: &[ObjectId],
    view: &View,
    policy: &Policy,
    rule: Rule,
    format: ObjectFormat,
    stop: &dyn Interrupt,
) -> Result<(), ServeError> {
    if rule.any || ids.is_empty() {
        return Ok(());
    }
    let refused = not_held(ids, &*view.refs, policy, rule, |tips, left| {
        let mut graph = Graph::new(Arc::clone(&view.objects), format, policy.walk.clone());
        graph.set_boundary(&view.shallow)?;
        Ok(graph.unreached(tips, left, stop)?.first().copied())
    })?;
    refused.map_or(Ok(()), |id| Err(not_ours(id)))
}

fn not_ours(id: ObjectId) -> ServeError {
    ServeError::Refused(format!("upload-pack: not our ref {id}"))
}

/// How large objects are that a client may see; `None` for what is not there.
pub(super) fn sizes(
    ids: &[ObjectId],
    view: &View,
    policy: &Policy,
    rule: Rule,
    format: ObjectFormat,
    stop: &dyn Interrupt,
) -> Result<Vec<Option<u64>>, ServeError> {
    let mut sizes = vec![None; ids.len()];
    view.objects.headers(ids, &mut |at, presence| {
        if let (Some(found), Presence::Here { size, .. }) = (sizes.get_mut(at), presence) {
            *found = Some(size);
        }
    })?;
    let here = ids.iter().zip(&sizes).filter(|(_, size)| size.is_some());
    let here: Vec<ObjectId> = here.map(|(id, _)| *id).collect();
    check_shown(&here, view, policy, rule, format, stop)?;
    Ok(sizes)
}

/// The first want that no ref holds, or, where reaching is enough, that none reaches.
fn not_held(
    wants: &[ObjectId],
    refs: &dyn RefStore,
    policy: &Policy,
    rule: Rule,
    unreached: impl FnOnce(&[ObjectId], &[ObjectId]) -> Result<Option<ObjectId>, ServeError>,
) -> Result<Option<ObjectId>, ServeError> {
    let nothing = HiddenRefs::default();
    let hidden = if rule.hidden { &nothing } else { &policy.hidden };
    let mut left: HashSet<ObjectId> = wants.iter().copied().collect();
    let mut tips = Vec::new();
    if !hidden.hides(b"HEAD") {
        let head = look_up(refs, b"HEAD")?;
        tips.extend(head);
    }
    for tip in &tips {
        left.remove(tip);
    }
    refs.each(&[], &mut |record| {
        if let Some(id) = record.id.filter(|_| !hidden.hides(record.name)) {
            left.remove(&id);
            if rule.reachable {
                tips.push(id);
            }
        }
        // A walk needs all tips; without one, nothing is left to find.
        let found = left.is_empty();
        Ok(if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    if left.is_empty() {
        return Ok(None);
    }
    let left: Vec<ObjectId> = left.into_iter().collect();
    if rule.reachable {
        tips.sort_unstable();
        tips.dedup();
        return unreached(&tips, &left);
    }
    Ok(left.first().copied())
}

fn check_filter(fetch: &mut Fetch, policy: &Policy) -> Result<(), ServeError> {
    let Some(text) = &fetch.request.filter else { return Ok(()) };
    let refused = |reason: String| Err(ServeError::Refused(reason));
    let Filters::Allow(rules) = &policy.filters else {
        return refused("filter requested but not supported".into());
    };
    let spec = match FilterSpec::parse(text, &Limits::default()) {
        Ok(spec) => spec,
        Err(error) => return refused(format!("invalid filter-spec: {error}")),
    };
    rules.check(&spec).map_err(ServeError::Refused)?;
    ObjectFilter::try_from(&spec)?;
    Ok(())
}
