//! What clients may see and ask for.

#[cfg(feature = "gitdir")]
mod config;
mod filters;
mod hidden;
mod packfile_uris;
mod visibility;

use std::sync::Arc;

use bytes::Bytes;
use gitwire_capability::{FetchFeature, PromisorRemote, V2Command, V2FetchFeature, Value, promisors};
use gitwire_protocol::{Limits, Serving, UploadPackOptions, Version};
use gitwire_transport::Deadlines;
use gitwire_types::ObjectFormat;
use gitwire_walk::WalkLimits;

#[cfg(feature = "gitdir")]
pub(crate) use self::config::hidden_refs;
pub use self::filters::{FilterRules, Filters};
pub use self::hidden::HiddenRefs;
pub use self::packfile_uris::{BlobPackfileUri, PackfileUris};
pub use self::visibility::Visibility;

/// What clients may see and ask for, and what that may cost.
///
/// Two starting points: [`Policy::git`] is what git does without configuration, [`Policy::default`] is what is safe among
/// strangers. The field docs say where they differ.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Policy {
    /// What the server says that it is; the library's name where there is nothing.
    pub agent: Option<Bytes>,
    /// What this session is called in traces (`transfer.advertiseSID`); not said where there is nothing.
    pub session_id: Option<Bytes>,
    /// Refs that nobody is told of (`uploadpack.hideRefs`).
    pub hidden: HiddenRefs,
    /// What one client may see, where that is less than others may.
    pub view: Option<Arc<dyn Visibility>>,
    /// What may be wanted in versions 0 and 1. In both: what was advertised.
    pub wants: Wants,
    /// What may be wanted in version 2. git: any object; default: what a visible ref reaches.
    pub wants_v2: Wants,
    /// Of which objects that a client says to have it learns that they are here. In both: of any.
    pub haves: Haves,
    /// Partial clones. git: none; default: every filter that costs no more than a walk, which
    /// `sparse:oid` does.
    pub filters: Filters,
    /// Refs may be wanted by name in version 2 (`uploadpack.allowRefInWant`).
    pub ref_in_want: bool,
    /// Whether version 2 tells how large objects are that may be wanted (`transfer.advertiseObjectInfo`).
    pub object_info: bool,
    /// The variables of a list of bundles that clients may fetch first (`uploadpack.advertiseBundleURIs`), such as
    /// `bundle.version` and `1`.
    pub bundle_uris: Option<Vec<(Bytes, Bytes)>>,
    /// Blobs that clients of version 2 may get elsewhere (`uploadpack.blobPackfileUri`). git tells only clients of them that ask for
    /// everything in a side-band, and so do we.
    pub packfile_uris: PackfileUris,
    /// Remotes that have what this repository lacks, and of which version 2 tells (`promisor.advertise`). A client that accepts one of them
    /// gets packs without what is promised and missing here.
    pub promisors: Vec<PromisorRemote>,
    /// Everything may go in a side-band in version 2, not the pack alone (`uploadpack.allowSidebandAll`).
    pub sideband_all: bool,
    /// Whether version 2 tells of a `HEAD` that points at a branch that is not there yet.
    pub unborn: Unborn,
    /// What a client may make the machine read and hold.
    pub protocol: Limits,
    /// What a walk may read and hold.
    pub walk: WalkLimits,
    /// How long a client may take. git: for ever; default: [`Deadlines::server`]. Both send keep-alives every 5 s.
    pub deadlines: Deadlines,
    /// Whether reachability bitmaps are used where there are some (`pack.useBitmaps`).
    pub bitmaps: bool,
    /// Threads that one pack may use for deltas. 1: many clients are served at once.
    pub pack_threads: usize,
    /// Bytes that making the deltas of one pack may hold: 16 MiB, a window of large source files.
    pub pack_memory: u64,
}

/// What a client may want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wants {
    /// What a visible ref or `HEAD` holds.
    Advertised,
    /// What any ref holds, hidden ones included (`uploadpack.allowTipSHA1InWant`).
    Tips,
    /// What a visible ref reaches (`uploadpack.allowReachableSHA1InWant`). Costs a walk for what no ref holds: for trees and blobs at most
    /// as much as a clone, and little where bitmaps know or a tip has them.
    Reachable,
    /// Any object that is there (`uploadpack.allowAnySHA1InWant`).
    Any,
}

impl Wants {
    /// What both allow.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Any, rule) | (rule, Self::Any) => rule,
            (one, other) if one == other => one,
            _ => Self::Advertised,
        }
    }
}

/// Of which objects that a client says to have the server says that they are here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Haves {
    /// Of any: who knows the id of a hidden object can find out whether it is here.
    Any,
    /// Of commits and tags that a visible ref reaches. Costs a walk where others are named.
    Reachable,
}

/// What version 2 says of a `HEAD` that points at a branch that is not there yet (`lsrefs.unborn`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unborn {
    /// It says that it can tell, and tells.
    Advertise,
    /// It tells whoever asks.
    Allow,
    /// It does not tell.
    Ignore,
}

impl Policy {
    /// What git does without configuration.
    #[must_use]
    pub fn git() -> Self {
        let keep_alive = Deadlines::server().keep_alive;
        Self {
            wants_v2: Wants::Any,
            filters: Filters::Refuse,
            deadlines: Deadlines { keep_alive, ..Deadlines::none() },
            ..Self::default()
        }
    }

    /// How a machine serves under this policy.
    #[must_use]
    pub fn machine_options(
        &self,
        version: Version,
        serving: Serving,
        format: ObjectFormat,
    ) -> UploadPackOptions {
        let mut options = UploadPackOptions::new(version, serving, format);
        options.limits = self.protocol;
        if let Some(agent) = &self.agent {
            options.fetch.agent = Some(Value::sanitized(agent));
            options.v2.agent.clone_from(&options.fetch.agent);
        }
        options.fetch.session_id = self.session_id.as_deref().map(Value::sanitized);
        options.v2.session_id.clone_from(&options.fetch.session_id);
        options.v2.unborn = self.unborn == Unborn::Advertise;
        if self.object_info {
            options.v2.commands.insert(V2Command::ObjectInfo);
        }
        if self.bundle_uris.is_some() {
            options.v2.commands.insert(V2Command::BundleUri);
        }
        if self.filters != Filters::Refuse {
            options.fetch.features.insert(FetchFeature::Filter);
            options.v2.fetch.insert(V2FetchFeature::Filter);
        }
        if self.ref_in_want {
            options.v2.fetch.insert(V2FetchFeature::RefInWant);
        }
        options.v2.promisor_remote = promisors(&self.promisors);
        if self.sideband_all {
            options.v2.fetch.insert(V2FetchFeature::SidebandAll);
        }
        if !self.packfile_uris.is_empty() {
            options.v2.fetch.insert(V2FetchFeature::PackfileUris);
        }
        match Visibility::wants(self, Version::V0) {
            Wants::Advertised => {}
            Wants::Tips => options.fetch.features.insert(FetchFeature::AllowTipSha1InWant),
            Wants::Reachable => options.fetch.features.insert(FetchFeature::AllowReachableSha1InWant),
            Wants::Any => {
                options.fetch.features.insert(FetchFeature::AllowTipSha1InWant);
                options.fetch.features.insert(FetchFeature::AllowReachableSha1InWant);
            }
        }
        options
    }
}

impl Default for Policy {
    /// What is safe among strangers.
    fn default() -> Self {
        Self {
            agent: None,
            session_id: None,
            hidden: HiddenRefs::default(),
            view: None,
            wants: Wants::Advertised,
            wants_v2: Wants::Reachable,
            haves: Haves::Any,
            filters: Filters::Allow(FilterRules::without_patterns()),
            ref_in_want: false,
            object_info: false,
            bundle_uris: None,
            packfile_uris: PackfileUris::default(),
            promisors: Vec::new(),
            sideband_all: false,
            unborn: Unborn::Advertise,
            protocol: Limits::default(),
            walk: WalkLimits::default(),
            deadlines: Deadlines::server(),
            bitmaps: true,
            pack_threads: 1,
            pack_memory: 16 << 20,
        }
    }
}
