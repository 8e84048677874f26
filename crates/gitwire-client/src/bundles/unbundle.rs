//! A bundle's objects and refs, on their way into the repository.

use std::io::{self, Read};
use std::sync::Arc;

use gitwire_protocol::message::BundleHeader;
use gitwire_storage::{Expected, RefEdit, Transaction};
use gitwire_types::{FilterSpec, Interrupt, ObjectId, RefName, RefTarget};
use gitwire_walk::{Graph, WalkError, check_connectivity};

use super::{BundleError, BundleUris};
use crate::ClientError;
use crate::fetch::tips;

/// Puts a bundle into the repository: its refs stand below `refs/bundles/` then. Nothing has changed where it fails.
pub(super) fn unbundle(
    uris: &BundleUris,
    header: &BundleHeader,
    begun: &[u8],
    content: &mut dyn Read,
    stop: &dyn Interrupt,
) -> Result<Vec<RefName>, BundleError> {
    let repository = &*uris.repository;
    if header.format != repository.format() {
        return Err(BundleError::Unfit("another hash function"));
    }
    let own = uris.filter.as_ref().map(FilterSpec::to_bytes);
    if header.filter.as_deref().is_some_and(|filter| own.as_deref() != Some(filter)) {
        return Err(BundleError::Unfit("another filter"));
    }
    let tips = tips(repository)?;
    let shallow = repository.shallow()?;
    let mut graph = Graph::new(repository.objects()?, header.format, uris.walk.clone());
    graph.set_boundary(&shallow)?;
    let needed: Vec<ObjectId> = header.prerequisites.iter().map(|reference| reference.id).collect();
    // What is here but no ref leads to may lack a part of its own history.
    if let Some(id) = graph.unreached(&tips, &needed, stop)?.first() {
        return Err(BundleError::Prerequisite(*id));
    }
    let mut request = uris.stage.clone();
    request.promisor |= header.filter.is_some();
    let mut staging = repository.stage(&request)?;
    staging.write(begun)?;
    copy(content, &mut |piece| {
        stop.check().map_err(ClientError::from)?;
        Ok(staging.write(piece)?)
    })?;
    let staged = staging.finish(stop)?;
    let edits = edits(header);
    if header.filter.is_none() {
        let mut graph = Graph::new(staged.objects(), header.format, uris.walk.clone());
        graph.set_boundary(&shallow)?;
        let new: Vec<ObjectId> = header.references.iter().map(|reference| reference.id).collect();
        check_connectivity(graph, &new, &tips, stop).map_err(|error| match error {
            WalkError::Missing { id, .. } => ClientError::Incomplete { id },
            error => error.into(),
        })?;
    }
    let names = edits.iter().map(|edit| edit.name.clone()).collect();
    let transaction = Transaction { edits, atomic: true, ..Transaction::default() };
    Arc::clone(&uris.repository).commit(Some(staged), transaction, &mut |_| Ok(()))?;
    Ok(names)
}

/// `refs/heads/main` becomes `refs/bundles/heads/main`.
fn edits(header: &BundleHeader) -> Vec<RefEdit> {
    let mut edits: Vec<RefEdit> = Vec::new();
    for reference in &header.references {
        let Some(rest) = reference.name.strip_prefix(b"refs/") else { continue };
        let Ok(name) = RefName::full([b"refs/bundles/", rest].concat()) else { continue };
        if !edits.iter().any(|edit| edit.name == name) {
            let new = Some(RefTarget::Direct(reference.id));
            edits.push(RefEdit { name, expected: Expected::Any, new });
        }
    }
    edits
}

fn copy(
    content: &mut dyn Read,
    take: &mut dyn FnMut(&[u8]) -> Result<(), BundleError>,
) -> Result<(), BundleError> {
    let mut piece = vec![0; PIECE];
    loop {
        match content.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(read) => take(piece.get(..read).unwrap_or_default())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(BundleError::Source(error.to_string())),
        }
    }
}

const PIECE: usize = 64 << 10;
