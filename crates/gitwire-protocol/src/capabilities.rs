//! What the server says it can do, of any version.

use alloc::sync::Arc;

use gitwire_capability::{FetchFeature, FetchOffer, V2FetchFeature, V2Offer};
use gitwire_types::ObjectFormat;

use crate::{Version, Violation};

/// What the server says it can do. Unknown capabilities are kept. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerCapabilities {
    version: Version,
    format: ObjectFormat,
    offer: Offer,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Offer {
    Fetch(Arc<FetchOffer>),
    V2(Arc<V2Offer>),
}

impl ServerCapabilities {
    pub(crate) fn fetch(version: Version, offer: FetchOffer) -> Result<Self, Violation> {
        Ok(Self { version, format: offer.formats.primary()?, offer: Offer::Fetch(Arc::new(offer)) })
    }

    pub(crate) fn v2(offer: V2Offer) -> Result<Self, Violation> {
        Ok(Self { version: Version::V2, format: offer.formats.primary()?, offer: Offer::V2(Arc::new(offer)) })
    }

    /// The version that the server speaks.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The hash function of its repository. SHA-1 if it says nothing.
    #[must_use]
    pub const fn object_format(&self) -> ObjectFormat {
        self.format
    }

    /// What it offers in version 0 or 1.
    #[must_use]
    pub fn fetch_offer(&self) -> Option<&FetchOffer> {
        match &self.offer {
            Offer::Fetch(offer) => Some(offer),
            Offer::V2(_) => None,
        }
    }

    /// What it offers in version 2.
    #[must_use]
    pub fn v2_offer(&self) -> Option<&V2Offer> {
        match &self.offer {
            Offer::Fetch(_) => None,
            Offer::V2(offer) => Some(offer),
        }
    }

    /// Whether objects can be left out of a fetch (`filter`), in any version.
    #[must_use]
    pub fn offers_filter(&self) -> bool {
        match &self.offer {
            Offer::Fetch(offer) => offer.features.contains(FetchFeature::Filter),
            Offer::V2(offer) => offer.fetch.contains(V2FetchFeature::Filter),
        }
    }

    /// What the server says that it is.
    #[must_use]
    pub fn agent(&self) -> Option<&[u8]> {
        match &self.offer {
            Offer::Fetch(offer) => offer.agent.as_ref(),
            Offer::V2(offer) => offer.agent.as_ref(),
        }
        .map(AsRef::as_ref)
    }
}
