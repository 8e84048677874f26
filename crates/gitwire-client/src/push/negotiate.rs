//! Asking the server's upload-pack which commits both have, before a push (`git-config`, `push.negotiate`).

use gitwire_types::{Interrupt, ObjectId};
use gitwire_walk::{Graph, HaveBudget, NegotiationAlgorithm, Negotiator};

use super::Push;
use crate::ClientError;
use crate::fetch::{Tips, common};

/// The commits that `tips` reach and the server has, as far as a few questions tell.
pub(super) fn negotiate(
    push: &Push,
    graph: Graph,
    known: &[ObjectId],
    tips: &[ObjectId],
    stop: &dyn Interrupt,
) -> Result<Vec<ObjectId>, ClientError> {
    let mut remote = push.remote.clone();
    // It names the other service.
    remote.connect.program = None;
    let negotiator = Negotiator::new(graph, NegotiationAlgorithm::default(), HaveBudget::default());
    let tips = Tips { known, tips, always: &[] };
    common(&remote, negotiator, tips, stop)?.ok_or(ClientError::NotOffered("push negotiation"))
}
