//! Whether what is asked for lies below what somebody may see.

use std::collections::HashSet;
use std::sync::Arc;

use gitwire_storage::Presence;
use gitwire_types::{Interrupt, ObjectId, ObjectKind};

use crate::objects::{Enumeration, Progress, Question};
use crate::pack::reached_by_bitmaps;
use crate::{Graph, WalkError};

/// Those of `wanted` that nothing reaches which `tips` lead to: commits, and tags that tips lead through, as [`Graph::unreached`] finds
/// them; trees and blobs where no tree of those commits holds them. What is not there is reached by nothing.
///
/// Trees and blobs are looked for with reachability bitmaps first, then in the trees of the tips, in their order, then in all of
/// history, newest first, and no longer than something is left to find: at most what listing the objects for a clone costs.
///
/// # Errors
/// Damaged objects, trees that are missing below the tips, limits, an interrupt, a failing store.
pub fn unreached(
    mut graph: Graph,
    tips: &[ObjectId],
    wanted: &[ObjectId],
    stop: &dyn Interrupt,
) -> Result<Vec<ObjectId>, WalkError> {
    let (mut heads, mut content, mut absent) = (Vec::new(), Vec::new(), Vec::new());
    let objects = Arc::clone(graph.objects());
    objects.headers(wanted, &mut |at, presence| {
        let Some(id) = wanted.get(at).copied() else { return };
        match presence {
            Presence::Here { kind: ObjectKind::Commit | ObjectKind::Tag, .. } => heads.push(id),
            Presence::Here { .. } => content.push(id),
            Presence::Absent => absent.push(id),
        }
    })?;
    let mut left = absent;
    left.extend(graph.unreached(tips, &heads, stop)?);
    // Bitmaps know nothing of a boundary.
    if !content.is_empty() && !graph.has_boundary() {
        graph = reached_by_bitmaps(graph, tips, &mut content, stop)?;
    }
    if !content.is_empty() {
        let trees = trees(&mut graph, tips)?;
        graph = look_below(graph, trees, &mut content, stop)?;
    }
    if !content.is_empty() {
        look_below(graph, tips.to_vec(), &mut content, stop)?;
    }
    left.extend(content);
    let left: HashSet<ObjectId> = left.into_iter().collect();
    Ok(wanted.iter().copied().filter(|id| left.contains(id)).collect())
}

/// The trees of the commits that some objects are or lead to.
fn trees(graph: &mut Graph, tips: &[ObjectId]) -> Result<Vec<ObjectId>, WalkError> {
    let mut trees = Vec::new();
    for tip in tips {
        if let Some(at) = graph.peel_to_commit(tip)?
            && graph.try_load(at)?
        {
            trees.extend(ObjectId::from_raw(tip.format(), graph.tree(at)));
        }
    }
    Ok(trees)
}

/// Takes off `wanted` what some objects reach.
fn look_below(
    graph: Graph,
    from: Vec<ObjectId>,
    wanted: &mut Vec<ObjectId>,
    stop: &dyn Interrupt,
) -> Result<Graph, WalkError> {
    let question = Question { wants: from, promised_may_lack: true, ..Question::default() };
    let mut enumeration = Enumeration::new(graph, question);
    let mut looked = 0;
    while !wanted.is_empty() {
        let progress = enumeration.step(stop)?;
        let found = enumeration.found();
        // Each look costs as much as there is wanted: it waits until as much again was found.
        if progress == Progress::Done || found.len() - looked >= wanted.len().max(LOOK_AFTER) {
            looked = found.len();
            wanted.retain(|id| found.get(id).is_none());
        }
        if progress == Progress::Done {
            break;
        }
    }
    Ok(enumeration.into_parts().0)
}

/// Objects that are met between two looks at what is still wanted.
const LOOK_AFTER: usize = 1024;
