//! What the server machine tells its application.

use alloc::boxed::Box;
use alloc::vec::Vec;

use bytes::Bytes;
use gitwire_types::ObjectId;

use crate::LsRefsRequest;
use crate::message::DepthRequest;

/// What an [`UploadPack`](crate::UploadPack) tells its application, and which answer it then owes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UploadPackEvent {
    /// Refs are due: [`send_ref`](crate::UploadPack::send_ref) for each, then [`end_refs`](crate::UploadPack::end_refs).
    RefsWanted(LsRefsRequest),
    /// Some of the objects that the client wants, not sorted, perhaps twice. Belongs to the [`Request`](Self::Request) that
    /// follows. At most [`BLOCK`](Self::BLOCK) at a time.
    Wants(Vec<ObjectId>),
    /// Some of the commits whose parents the client lacks. Belongs to the [`Request`](Self::Request) that follows.
    Shallow(Vec<ObjectId>),
    /// The request is whole but for haves. If [`UploadRequest::depth`] asks for something, versions 0 and 1 owe
    /// [`shallow_info`](crate::UploadPack::shallow_info) now, version 2 with the pack. A request that shall not be served ends here with
    /// `abort`.
    Request(Box<UploadRequest>),
    /// Some of the objects that the client has: [`acknowledge`](crate::UploadPack::acknowledge) is due. At most
    /// [`BLOCK`](Self::BLOCK) at a time.
    Haves {
        /// The objects.
        ids: Vec<ObjectId>,
        /// What follows them.
        end: HavesEnd,
    },
    /// The client asks what is known about some objects (`object-info`): [`object_info`](crate::UploadPack::object_info) is due. At most
    /// [`BLOCK`](Self::BLOCK) at a time.
    ObjectInfo(Vec<ObjectId>),
    /// The client asks where bundles are to be had: [`bundle_uris`](crate::UploadPack::bundle_uris) is due.
    BundleUrisWanted,
    /// The negotiation is over: the pack is due, in version 2 after
    /// [`shallow_info`](crate::UploadPack::shallow_info), [`wanted_refs`](crate::UploadPack::wanted_refs) and
    /// [`packfile_uris`](crate::UploadPack::packfile_uris).
    PackWanted,
}

impl UploadPackEvent {
    /// The most objects in one event.
    pub const BLOCK: usize = 1024;
}

/// What follows a block of haves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HavesEnd {
    /// More haves of the same round.
    More,
    /// The client waits for the answer.
    Flush,
    /// The client waits for the pack.
    Done,
}

/// What a client asks for, but for its wants, boundary and haves, which come in blocks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadRequest {
    /// Refs wanted by name (version 2), each to be answered in [`wanted_refs`](crate::UploadPack::wanted_refs).
    pub wanted_refs: Vec<Bytes>,
    /// How much history.
    pub depth: DepthRequest,
    /// What to leave out: the filter spec as it came.
    pub filter: Option<Bytes>,
    /// Deltas may stand on objects that are not sent.
    pub thin_pack: bool,
    /// Deltas may name their base by place.
    pub ofs_delta: bool,
    /// Tags go with what they point at.
    pub include_tag: bool,
    /// The client does not want progress.
    pub no_progress: bool,
    /// No `ready` before `done` (version 2).
    pub wait_for_done: bool,
    /// The kinds of URI that the client can fetch packs from, separated by commas (version 2).
    pub packfile_uris: Option<Bytes>,
    /// The names of the promisor remotes that the client takes of those that were offered, as they came (version 2): see
    /// [`parse_accepted_promisors`](gitwire_capability::parse_accepted_promisors).
    pub promisors: Option<Bytes>,
    /// Everything goes in a side-band (version 2).
    pub sideband_all: bool,
    /// What the client says that it is.
    pub agent: Option<Bytes>,
    /// The client's session.
    pub session_id: Option<Bytes>,
    /// The options for the server, in order.
    pub server_options: Vec<Bytes>,
    /// Whether a pack can come of it: in version 2 a request without wants gets an empty answer.
    pub empty: bool,
}
