//! How a server machine is set up.

use gitwire_capability::{OfferedFormats, PushFeature, PushOffer, Value};
use gitwire_types::ObjectFormat;

use crate::{Limits, Serving, Version};

/// How a [`ReceivePack`](crate::ReceivePack) serves.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceivePackOptions {
    /// The version that the client asked for. Version 2 has no push and is served as version 0.
    pub version: Version,
    /// Which part of a conversation is due.
    pub serving: Serving,
    /// The hash function of the repository.
    pub format: ObjectFormat,
    /// What is offered.
    pub offer: PushOffer,
    /// What the client may make us read and hold.
    pub limits: Limits,
}

impl ReceivePackOptions {
    /// Offers what git offers without configuration, under the library's name.
    #[must_use]
    pub fn new(version: Version, serving: Serving, format: ObjectFormat) -> Self {
        let mut offer = PushOffer::default();
        offer.features = [
            PushFeature::ReportStatus,
            PushFeature::ReportStatusV2,
            PushFeature::DeleteRefs,
            PushFeature::SideBand64k,
            PushFeature::Quiet,
            PushFeature::Atomic,
            PushFeature::OfsDelta,
        ]
        .into_iter()
        .collect();
        offer.formats = OfferedFormats::one(format);
        offer.agent = Some(Value::sanitized(crate::AGENT));
        Self { version, serving, format, offer, limits: Limits::default() }
    }

    /// Offers what another server offers, of what this machine can pass on to it: for gates and proxies that answer out of that
    /// server's answers. What is not known here is left out.
    #[must_use]
    pub fn relaying(version: Version, serving: Serving, offer: &PushOffer) -> Self {
        let format = offer.formats.primary().unwrap_or_default();
        let mut options = Self::new(version, serving, format);
        options.offer.clone_from(offer);
        options.offer.unknown.clear();
        options
    }
}
