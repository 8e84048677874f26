//! What the client machine tells its application.

use alloc::sync::Arc;

use bytes::Bytes;
use gitwire_capability::PushOffer;
use gitwire_types::ObjectId;

use crate::{CommandReport, RefBlock};

/// What a [`PushClient`](crate::PushClient) tells its application.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum PushEvent {
    /// What the server offers. Its refs follow.
    Capabilities(Arc<PushOffer>),
    /// Some of the server's refs; `.have` names objects that it has without a ref.
    Refs(RefBlock),
    /// A commit whose parents the server lacks.
    ServerShallow(ObjectId),
    /// All refs are there: [`push`](crate::PushClient::push) or [`finish`](crate::PushClient::finish) is due.
    RefsEnd,
    /// What the server, or a hook there, has to say.
    Progress(Bytes),
    /// Whether the server took the pack: why not, or `None` if it did.
    Unpacked(Option<Bytes>),
    /// What came of one command.
    Status(CommandReport),
    /// The report is whole. Progress of what runs behind it may follow.
    ReportEnd,
}
