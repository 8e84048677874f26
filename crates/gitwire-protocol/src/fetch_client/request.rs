//! What the application asks the client machine for.

use alloc::vec::Vec;

use bytes::Bytes;
use gitwire_types::ObjectId;

use crate::UploadRequest;
use crate::message::DepthRequest;

/// Which refs a client asks for, and what of them.
///
/// The prefixes are a hint: a server may show more, and in versions 0 and 1 it always shows everything. Filter what comes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LsRefsRequest {
    /// Prefixes of names, such as `refs/heads/`; none for all refs.
    pub prefixes: Vec<Bytes>,
    /// Ask what symbolic refs point at.
    pub symrefs: bool,
    /// Ask what tags point at in the end.
    pub peel: bool,
    /// Ask for `HEAD` even if its branch is not there yet; left out where the server does not offer it.
    pub unborn: bool,
    /// Which of the promisor remotes that the server told of the client takes, as
    /// [`accepted_promisors`](gitwire_capability::accepted_promisors) writes them; left out where the server tells of none (version 2).
    pub promisors: Option<Bytes>,
    /// Options for the server (version 2, `server-option`).
    pub server_options: Vec<Bytes>,
    /// Who asks, where it is another than [`FetchClientOptions::agent`](crate::FetchClientOptions::agent) (version 2).
    pub agent: Option<Bytes>,
    /// Whose session it is, where it is another than that of the options (version 2).
    pub session_id: Option<Bytes>,
}

impl LsRefsRequest {
    /// Asks for all refs, symbolic targets, peeled tags and an unborn `HEAD`.
    #[must_use]
    pub fn everything() -> Self {
        Self { symrefs: true, peel: true, unborn: true, ..Self::default() }
    }
}

/// What a client wants to fetch.
///
/// What the server must offer: `shallow`, and the deepen words, if `depth` or `shallow` need them; `filter`, `want-ref`,
/// `wait-for-done`, `server-option`, if asked for. The other fields are left out where the server does not offer them.
///
/// ```
/// use gitwire_protocol::FetchRequest;
/// use gitwire_protocol::message::DepthRequest;
///
/// let mut request = FetchRequest::default();
/// request.depth = DepthRequest::commits(1);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FetchRequest {
    /// The objects to fetch, each once.
    pub wants: Vec<ObjectId>,
    /// Refs to fetch by name (version 2, `ref-in-want`).
    pub wanted_refs: Vec<Bytes>,
    /// The commits whose parents the client lacks.
    pub shallow: Vec<ObjectId>,
    /// How much history to fetch.
    pub depth: DepthRequest,
    /// What to leave out, as a filter spec.
    pub filter: Option<Bytes>,
    /// The pack may have deltas against objects that it does not bring.
    pub thin_pack: bool,
    /// The pack may have deltas that name their base by place.
    pub ofs_delta: bool,
    /// Send tags of what is sent.
    pub include_tag: bool,
    /// Send progress.
    pub progress: bool,
    /// No pack before `done`, even if the server has enough: to negotiate alone (version 2).
    pub wait_for_done: bool,
    /// The kinds of URI that packs may be fetched from, separated by commas (version 2, `packfile-uris`).
    pub packfile_uris: Option<Bytes>,
    /// Ask for every line in a side-band, so that progress may come at any time (version 2).
    pub sideband_all: bool,
    /// Which of the promisor remotes that the server told of the client takes, as
    /// [`accepted_promisors`](gitwire_capability::accepted_promisors) writes them; left out where the server tells of none (version 2).
    pub promisors: Option<Bytes>,
    /// Options for the server (version 2, `server-option`).
    pub server_options: Vec<Bytes>,
    /// Who asks, where it is another than [`FetchClientOptions::agent`](crate::FetchClientOptions::agent).
    pub agent: Option<Bytes>,
    /// Whose session it is, where it is another than that of the options.
    pub session_id: Option<Bytes>,
}

impl Default for FetchRequest {
    /// Wants nothing yet; takes thin packs, deltas by place, and progress.
    fn default() -> Self {
        Self {
            wants: Vec::new(),
            wanted_refs: Vec::new(),
            shallow: Vec::new(),
            depth: DepthRequest::default(),
            filter: None,
            thin_pack: true,
            ofs_delta: true,
            include_tag: false,
            progress: true,
            wait_for_done: false,
            packfile_uris: None,
            sideband_all: false,
            promisors: None,
            server_options: Vec::new(),
            agent: None,
            session_id: None,
        }
    }
}

impl From<UploadRequest> for FetchRequest {
    /// What a client asked our server for, to ask another server for it in the client's name. Its wants and its boundary, which
    /// came in blocks, are still to be put in. Whether lines come in bands is for each of the two conversations to say.
    fn from(asked: UploadRequest) -> Self {
        Self {
            wants: Vec::new(),
            wanted_refs: asked.wanted_refs,
            shallow: Vec::new(),
            depth: asked.depth,
            filter: asked.filter,
            thin_pack: asked.thin_pack,
            ofs_delta: asked.ofs_delta,
            include_tag: asked.include_tag,
            progress: !asked.no_progress,
            wait_for_done: asked.wait_for_done,
            packfile_uris: asked.packfile_uris,
            sideband_all: false,
            promisors: asked.promisors,
            server_options: asked.server_options,
            agent: asked.agent,
            session_id: asked.session_id,
        }
    }
}

/// How a window of haves ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowEnd {
    /// The server shall answer; more may follow.
    Flush,
    /// These were the last ones: the pack is due.
    Done,
}
