//! What the application asks the client machine for.

use alloc::vec::Vec;

use bytes::Bytes;
use gitwire_types::ObjectId;

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
}

impl LsRefsRequest {
    /// Asks for all refs, symbolic targets, peeled tags and an unborn `HEAD`.
    #[must_use]
    pub fn everything() -> Self {
        Self { prefixes: Vec::new(), symrefs: true, peel: true, unborn: true }
    }
}

/// What a client wants to fetch.
///
/// What the server must offer: `shallow`, and the deepen words, if `depth` or `shallow` need them; `filter`, `want-ref`,
/// `wait-for-done`, if asked for. The other fields are left out where the server does not offer them.
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
