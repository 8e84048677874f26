//! Whether what was last seen of a remote's ref has become part of the ref here (`git-push`, `--force-if-includes`).

use std::ops::ControlFlow;

use gitwire_storage::RefStore;
use gitwire_types::{Interrupt, ObjectId, ObjectKind, RefName};
use gitwire_walk::Graph;

use super::judge::is_here;
use crate::ClientError;

/// Whether the ref `name` here has held `seen`, or something that comes from it, since `tracking` was last moved: it has what
/// it held at that time, and all that it held afterwards.
pub(super) fn includes(
    name: &RefName,
    tracking: &RefName,
    seen: ObjectId,
    refs: &dyn RefStore,
    graph: &mut Graph,
    stop: &dyn Interrupt,
) -> Result<bool, ClientError> {
    let mut moved = 0;
    refs.log(tracking, &mut |record| {
        moved = record.seconds;
        Ok(ControlFlow::Break(()))
    })?;
    let mut held = Vec::new();
    refs.log(name, &mut |record| {
        held.extend(record.new);
        let is_enough = record.new == Some(seen) || record.seconds < moved;
        Ok(if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    if held.contains(&seen) {
        return Ok(true);
    }
    held.sort_unstable();
    held.dedup();
    let mut tips = Vec::with_capacity(held.len());
    for id in held {
        // A reflog may name what has been cleared away.
        if is_here(graph, &id)? && graph.peel(&id)?.kind == ObjectKind::Commit {
            tips.push(id);
        }
    }
    Ok(graph.unreached(&tips, &[seen], stop)?.is_empty())
}
