//! Where the client's history will end.

use gitwire_protocol::message::ShallowUpdate as Line;
use gitwire_types::{Depth, Interrupt, ObjectId, RefName, Since};
use gitwire_walk::{Graph, ShallowRequest, ShallowUpdate, WalkError, shallow_update};

use super::advertise::look_up;
use super::{Fetch, View};
use crate::{Policy, ServeError, Visibility as _};

/// Computes how the client's boundary moves, and sets the graph's; `None` where there is no boundary on either side.
pub(super) fn update(
    graph: &mut Graph,
    fetch: &Fetch,
    view: &View,
    policy: &Policy,
    stop: &dyn Interrupt,
) -> Result<Option<ShallowUpdate>, ServeError> {
    let asked = &fetch.request.depth;
    if asked.is_empty() && fetch.shallow.is_empty() && view.shallow.is_empty() {
        return Ok(None);
    }
    let mut not = Vec::new();
    let request = if let Some(depth) = asked.depth {
        let depth = Depth::new(depth).map_err(|error| ServeError::Refused(error.to_string()))?;
        if asked.relative { ShallowRequest::Relative(depth) } else { ShallowRequest::Depth(depth) }
    } else if asked.is_empty() {
        ShallowRequest::Keep
    } else {
        for name in &asked.not {
            not.push(excluded(view, policy, name)?);
        }
        ShallowRequest::Select { since: asked.since.and_then(Since::new), not: &not }
    };
    let update = shallow_update(graph, &fetch.wants, &fetch.shallow, &view.shallow, request, stop);
    match update {
        // Nothing but ends of history that are not here: nothing to say of them.
        Ok(update) if asked.is_empty() && update.boundary.is_empty() => Ok(None),
        Ok(update) => Ok(Some(update)),
        Err(WalkError::Kind { id, .. }) if fetch.shallow.contains(&id) => {
            Err(ServeError::Refused(format!("invalid shallow object {id}")))
        }
        Err(error) => Err(error.into()),
    }
}

/// The lines of an update.
pub(super) fn lines(update: Option<&ShallowUpdate>) -> Vec<Line> {
    let Some(update) = update else { return Vec::new() };
    let shallow = update.shallow.iter().copied().map(Line::Shallow);
    shallow.chain(update.unshallow.iter().copied().map(Line::Unshallow)).collect()
}

/// What the ref of a `deepen-not` line holds; short names are tried as git tries them.
fn excluded(view: &View, policy: &Policy, name: &[u8]) -> Result<ObjectId, ServeError> {
    if let Ok(short) = RefName::copy_from(name) {
        for candidate in short.candidates().filter(|candidate| policy.shows(candidate.as_bytes())) {
            if let Some(id) = look_up(&*view.refs, candidate.as_bytes())? {
                return Ok(id);
            }
        }
    }
    let name = name.escape_ascii();
    Err(ServeError::Refused(format!("git upload-pack: deepen-not is not a ref: deepen-not {name}")))
}
