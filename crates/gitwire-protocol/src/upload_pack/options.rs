//! How a server machine is set up.

use alloc::vec::Vec;

use gitwire_capability::{
    FetchFeature, FetchOffer, OfferedFormats, V2Command, V2FetchFeature, V2Offer, Value,
};
use gitwire_types::ObjectFormat;

use crate::{Limits, ServerCapabilities, Version};

/// How an [`UploadPack`](crate::UploadPack) serves.
///
/// ```
/// use gitwire_capability::{FetchFeature, V2FetchFeature};
/// use gitwire_protocol::{Serving, UploadPackOptions, Version};
/// use gitwire_types::ObjectFormat;
///
/// let mut options = UploadPackOptions::new(Version::V2, Serving::Duplex, ObjectFormat::Sha1);
/// // What `uploadpack.allowFilter` turns on.
/// options.fetch.features.insert(FetchFeature::Filter);
/// options.v2.fetch.insert(V2FetchFeature::Filter);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadPackOptions {
    /// The version that the client asked for.
    pub version: Version,
    /// Which part of a conversation is due.
    pub serving: Serving,
    /// The hash function of the repository.
    pub format: ObjectFormat,
    /// What is offered in versions 0 and 1. The `symref` of `HEAD` is added when `HEAD` is sent.
    pub fetch: FetchOffer,
    /// What is offered in version 2.
    pub v2: V2Offer,
    /// What the client may make us read and hold.
    pub limits: Limits,
}

impl UploadPackOptions {
    /// Offers what git offers without configuration, under the library's name.
    #[must_use]
    pub fn new(version: Version, serving: Serving, format: ObjectFormat) -> Self {
        let agent = Some(Value::sanitized(crate::AGENT));
        let mut fetch = FetchOffer::default();
        fetch.features = offered(serving).into_iter().collect();
        fetch.formats = OfferedFormats::one(format);
        fetch.agent.clone_from(&agent);
        let mut v2 = V2Offer::default();
        v2.commands = [V2Command::LsRefs, V2Command::Fetch].into_iter().collect();
        v2.unborn = true;
        v2.fetch = [V2FetchFeature::Shallow, V2FetchFeature::WaitForDone].into_iter().collect();
        v2.server_option = true;
        v2.formats = OfferedFormats::one(format);
        v2.agent = agent;
        Self { version, serving, format, fetch, v2, limits: Limits::default() }
    }

    /// Offers what another server offers, of what this machine can pass on to it: for gates and proxies that answer out of that
    /// server's answers. Left out are commands other than `ls-refs` and `fetch`, promisor remotes, `no-done`, and whatever is not known
    /// here.
    #[must_use]
    pub fn relaying(capabilities: &ServerCapabilities, serving: Serving) -> Self {
        let mut options = Self::new(capabilities.version(), serving, capabilities.object_format());
        if let Some(offer) = capabilities.fetch_offer() {
            options.fetch = offer.clone();
            options.fetch.features.remove(FetchFeature::NoDone);
            // What `HEAD` points at is told with `HEAD`.
            options.fetch.symrefs.retain(|symref| symref.name.as_bytes() != b"HEAD");
            options.fetch.unknown.clear();
        }
        if let Some(offer) = capabilities.v2_offer() {
            let passed_on = [V2Command::LsRefs, V2Command::Fetch].into_iter().collect();
            options.v2 = offer.clone();
            options.v2.commands = offer.commands.intersection(passed_on);
            options.v2.promisor_remote = None;
            options.v2.ls_refs_unknown.clear();
            options.v2.fetch_unknown.clear();
            options.v2.unknown.clear();
        }
        options
    }
}

/// Which part of a conversation a server machine holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Serving {
    /// All of it, over one stream.
    Duplex,
    /// One request of smart HTTP, without an advertisement.
    Stateless,
    /// The advertisement alone, for `info/refs` of smart HTTP. The `# service` preface is the front end's.
    Advertisement,
}

/// `no-done` makes sense only where each request stands for itself.
fn offered(serving: Serving) -> Vec<FetchFeature> {
    let mut features = Vec::from([
        FetchFeature::MultiAck,
        FetchFeature::ThinPack,
        FetchFeature::SideBand,
        FetchFeature::SideBand64k,
        FetchFeature::OfsDelta,
        FetchFeature::Shallow,
        FetchFeature::DeepenSince,
        FetchFeature::DeepenNot,
        FetchFeature::DeepenRelative,
        FetchFeature::NoProgress,
        FetchFeature::IncludeTag,
        FetchFeature::MultiAckDetailed,
    ]);
    if serving != Serving::Duplex {
        features.push(FetchFeature::NoDone);
    }
    features
}
