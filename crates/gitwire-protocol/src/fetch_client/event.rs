//! What the client machine tells its application.

use bytes::Bytes;
use gitwire_types::ObjectId;

use crate::message::{AckStatus, ShallowUpdate};
use crate::{RefBlock, ServerCapabilities};

/// What a [`FetchClient`](crate::FetchClient) tells its application.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum FetchEvent {
    /// The server has said its version and what it can do. Comes first, once. A list of refs or a fetch is due.
    Capabilities(ServerCapabilities),
    /// Some of the refs. Blocks join to the whole list; how it is cut means nothing.
    Refs(RefBlock),
    /// A commit whose parents the server lacks; versions 0 and 1, after the refs.
    ServerShallow(ObjectId),
    /// The list of refs is whole.
    RefsEnd,
    /// A variable of the server's list of bundles, as configuration names it; version 2. Bytes of the peer, not checked.
    BundleUri {
        /// The variable, such as `bundle.daily.uri`.
        key: Bytes,
        /// Its value.
        value: Bytes,
    },
    /// The list of bundles is whole.
    BundleUrisEnd,
    /// How the client's boundary moves. Complete when haves are asked for (versions 0 and 1) or the pack starts (version 2).
    Shallow(ShallowUpdate),
    /// The server says something of an object that it was told the client has.
    Acknowledged {
        /// The object.
        id: ObjectId,
        /// What is said of it. In version 2 always [`AckStatus::Plain`]: common.
        status: AckStatus,
    },
    /// The answer to a window of haves is whole. If the server is ready, no more haves are asked for: the machine ends the
    /// negotiation itself.
    RoundEnd {
        /// Whether the server has enough to make a pack.
        ready: Readiness,
    },
    /// What a ref holds that was asked for by name; version 2.
    WantedRef {
        /// The object.
        id: ObjectId,
        /// The name's bytes, not checked against what was asked for.
        name: Bytes,
    },
    /// A pack to fetch from elsewhere; version 2. The URI is the server's choice.
    PackfileUri {
        /// The pack's checksum.
        hash: ObjectId,
        /// The URI's bytes, not checked.
        uri: Bytes,
    },
    /// The negotiation is over, the pack follows.
    PackStart,
    /// Some of the pack, a shared piece of the input. Pieces join; how it is cut means nothing.
    Pack(Bytes),
    /// Some of what the server says while it works. Pieces join. Bytes of the peer: make them safe before a terminal sees
    /// them.
    Progress(Bytes),
    /// The pack is whole, as far as the protocol tells: its own checksum says the rest.
    PackEnd,
}

/// Whether the server has enough to make a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// More haves would help.
    NotReady,
    /// It has.
    Ready,
}
