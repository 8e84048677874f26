//! Capabilities of a fetch in versions 0 and 1.

use alloc::vec::Vec;

use bytes::BufMut;
use gitwire_types::ObjectFormat;

use crate::value::first;
use crate::write::Words;
use crate::{
    Budget, Capabilities, Capability, CapabilityError, Feature, FeatureSet, FetchFeature, OfferedFormats,
    SideBand, Symref, Unknown, Value,
};

/// How the server acknowledges what is common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum AckMode {
    /// One `ACK`, for the first common commit.
    #[default]
    Single,
    /// `multi_ack`: `ACK … continue`.
    Multi,
    /// `multi_ack_detailed`: `ACK … common` and `ACK … ready`.
    Detailed,
}

/// What an upload-pack of version 0 or 1 offers: the capabilities of its advertisement.
///
/// A client reads it from the advertisement and makes a [`FetchAgreement`] of it; a server fills it in and writes it.
///
/// ```
/// use gitwire_capability::{FetchFeature, FetchOffer, Limits};
///
/// let offer = FetchOffer::parse(b"thin-pack symref=HEAD:refs/heads/main agent=git/2.47.3 new-thing=1", Limits::default())?;
/// assert!(offer.features.contains(FetchFeature::ThinPack));
/// assert_eq!(offer.symrefs[0].target.as_bytes(), b"refs/heads/main");
/// assert_eq!(offer.unknown[0].key.as_bytes(), b"new-thing");
/// # Ok::<(), gitwire_capability::CapabilityError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct FetchOffer {
    /// Capabilities without a value.
    pub features: FeatureSet<FetchFeature>,
    /// `symref`, once for each symbolic reference.
    pub symrefs: Vec<Symref>,
    /// `session-id`.
    pub session_id: Option<Value>,
    /// `object-format`, once for each.
    pub formats: OfferedFormats,
    /// `agent`.
    pub agent: Option<Value>,
    /// All others.
    pub unknown: Vec<Unknown>,
}

impl FetchOffer {
    /// Reads the capabilities of one line.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn parse(list: &[u8], limits: crate::Limits) -> Result<Self, CapabilityError> {
        let mut offer = Self::default();
        offer.add(list, &mut Budget::new(limits))?;
        Ok(offer)
    }

    /// Reads the capabilities of one more line. What may come once keeps its first value, as with git.
    ///
    /// # Errors
    /// [`CapabilityError::EmptyKey`], [`CapabilityError::ControlByte`], and when `budget` is spent.
    pub fn add(&mut self, list: &[u8], budget: &mut Budget) -> Result<(), CapabilityError> {
        for capability in Capabilities::new(list) {
            let capability = capability?;
            budget.spend(capability)?;
            self.one(capability);
        }
        Ok(())
    }

    /// Writes the list, as it stands after NUL, in git's order.
    ///
    /// # Panics
    /// If `out` has a fixed size and no room, as every [`BufMut`] does.
    pub fn write(&self, out: &mut impl BufMut) {
        let mut words = Words::first(out);
        for feature in self.features.without(FetchFeature::Filter).iter() {
            words.word(feature.name().as_bytes());
        }
        for symref in &self.symrefs {
            words.word(b"symref=");
            words.join(&[symref.name.as_bytes(), b":", symref.target.as_bytes()]);
        }
        if self.features.contains(FetchFeature::Filter) {
            words.word(FetchFeature::Filter.name().as_bytes());
        }
        words.optional("session-id", self.session_id.as_ref());
        words.formats(&self.formats);
        words.optional("agent", self.agent.as_ref());
        words.unknown(&self.unknown);
    }

    /// What a client that wants `wish` and a server that offers this agree on.
    ///
    /// # Errors
    /// [`CapabilityError::Missing`] if a required feature is not offered, [`CapabilityError::ObjectFormat`] if the server
    /// names objects by another hash function.
    pub fn agree(&self, wish: &FetchWish) -> Result<FetchAgreement, CapabilityError> {
        self.formats.agree(wish.object_format)?;
        if let Some(missing) = wish.required.difference(self.features).iter().next() {
            return Err(CapabilityError::Missing { capability: missing.name() });
        }
        let mut agreement = FetchAgreement::default();
        for feature in self.features.intersection(wish.features.union(wish.required)).iter() {
            agreement.take(feature);
        }
        if agreement.ack_mode != AckMode::Detailed {
            agreement.features.remove(FetchFeature::NoDone);
        }
        agreement.agent = self.agent.as_ref().and(wish.agent.clone());
        agreement.session_id = self.session_id.as_ref().and(wish.session_id.clone());
        Ok(agreement)
    }

    fn one(&mut self, capability: Capability<'_>) {
        if let Some(feature) = FetchFeature::from_name(capability.key()) {
            self.features.insert(feature);
            return;
        }
        match (capability.key(), capability.value()) {
            (b"agent", Some(value)) => first(&mut self.agent, value),
            (b"session-id", Some(value)) => first(&mut self.session_id, value),
            (b"object-format", Some(value)) => self.formats.add(value),
            (b"symref", Some(value)) if let Some(symref) = Symref::parse(value) => self.symrefs.push(symref),
            _ => self.unknown.push(capability.into()),
        }
    }
}

/// What a client wants of a fetch in version 0 or 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchWish {
    /// What it uses where it is offered. Of the modes of acknowledgment, and of the side-bands, the best that both have
    /// is taken.
    pub features: FeatureSet<FetchFeature>,
    /// What it cannot do without, such as [`FetchFeature::Shallow`] for a depth.
    pub required: FeatureSet<FetchFeature>,
    /// The hash function of its repository.
    pub object_format: ObjectFormat,
    /// Who it is. Sent only to a server that says who it is.
    pub agent: Option<Value>,
    /// The name of its session. Sent only to a server that says its own.
    pub session_id: Option<Value>,
}

impl FetchWish {
    /// What nearly every fetch wants: the best acknowledgments and side-bands, thin packs with deltas by place, and no
    /// round trip that `no-done` can spare.
    #[must_use]
    pub fn new(object_format: ObjectFormat) -> Self {
        let features = [
            FetchFeature::MultiAck,
            FetchFeature::MultiAckDetailed,
            FetchFeature::NoDone,
            FetchFeature::SideBand,
            FetchFeature::SideBand64k,
            FetchFeature::ThinPack,
            FetchFeature::OfsDelta,
        ];
        Self {
            features: features.into_iter().collect(),
            required: FeatureSet::NONE,
            object_format,
            agent: None,
            session_id: None,
        }
    }
}

/// What both sides of a fetch in version 0 or 1 use.
///
/// A client gets it from [`FetchOffer::agree`] and writes it after its first want; a server starts one for its offer with
/// [`offered`](Self::offered) and adds what it finds on wants.
///
/// ```
/// use gitwire_capability::{AckMode, Budget, FetchAgreement, FetchFeature, FetchOffer, FetchWish, Limits, SideBand};
/// use gitwire_types::ObjectFormat;
///
/// let offer = FetchOffer::parse(b"multi_ack thin-pack side-band side-band-64k ofs-delta shallow", Limits::default())?;
/// let client = offer.agree(&FetchWish::new(ObjectFormat::Sha1))?;
/// let mut words = Vec::new();
/// client.write(&mut words);
/// assert_eq!(words, b" multi_ack side-band-64k thin-pack ofs-delta");
///
/// let mut server = FetchAgreement::offered(&offer);
/// server.add(&words, &offer, &mut Budget::default())?;
/// assert_eq!(server.ack_mode, AckMode::Multi);
/// assert_eq!(server.side_band, SideBand::Large);
/// assert!(server.features.contains(FetchFeature::Shallow));
/// # Ok::<(), gitwire_capability::CapabilityError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct FetchAgreement {
    /// How what is common is acknowledged.
    pub ack_mode: AckMode,
    /// How the answer is multiplexed.
    pub side_band: SideBand,
    /// All else that both have, without the modes of acknowledgment and the side-bands. `no-done` has an effect with
    /// [`AckMode::Detailed`] alone: see [`no_done`](Self::no_done).
    pub features: FeatureSet<FetchFeature>,
    /// The client's agent.
    pub agent: Option<Value>,
    /// The client's session.
    pub session_id: Option<Value>,
    /// What the client asked for and the server did not offer. git's server does not mind.
    pub unknown: Vec<Unknown>,
}

impl FetchAgreement {
    /// What holds for a server as soon as it has offered it, before the client has said anything.
    #[must_use]
    pub fn offered(offer: &FetchOffer) -> Self {
        let features = offer.features.iter().filter(|feature| !is_asked_for(*feature)).collect();
        Self { features, ..Self::default() }
    }

    /// Reads what the client says on one more want. Features that were not offered are kept in
    /// [`unknown`](Self::unknown).
    ///
    /// # Errors
    /// [`CapabilityError::EmptyKey`], [`CapabilityError::ControlByte`], when `budget` is spent, and when the client names
    /// objects by a hash function that was not offered.
    pub fn add(
        &mut self,
        list: &[u8],
        offer: &FetchOffer,
        budget: &mut Budget,
    ) -> Result<(), CapabilityError> {
        for capability in Capabilities::new(list) {
            let capability = capability?;
            budget.spend(capability)?;
            match FetchFeature::from_name(capability.key()) {
                Some(feature) if offer.features.contains(feature) => {
                    self.take(feature);
                    continue;
                }
                _ => {}
            }
            match (capability.key(), capability.value()) {
                (b"agent", Some(value)) => first(&mut self.agent, value),
                (b"session-id", Some(value)) => first(&mut self.session_id, value),
                (b"object-format", Some(value)) => offer.formats.admit(value)?,
                _ => self.unknown.push(capability.into()),
            }
        }
        Ok(())
    }

    /// Writes what a client says on its first want, a blank in front of each word, in git's order.
    ///
    /// # Panics
    /// If `out` has a fixed size and no room, as every [`BufMut`] does.
    pub fn write(&self, out: &mut impl BufMut) {
        let mut words = Words::after(out);
        match self.ack_mode {
            AckMode::Single => {}
            AckMode::Multi => words.word(b"multi_ack"),
            AckMode::Detailed => words.word(b"multi_ack_detailed"),
        }
        if self.no_done() {
            words.word(b"no-done");
        }
        match self.side_band {
            SideBand::None => {}
            SideBand::Small => words.word(b"side-band"),
            SideBand::Large => words.word(b"side-band-64k"),
        }
        for feature in REQUEST_ORDER.iter().filter(|feature| self.features.contains(**feature)) {
            words.word(feature.name().as_bytes());
        }
        words.optional("agent", self.agent.as_ref());
        words.optional("session-id", self.session_id.as_ref());
        if self.features.contains(FetchFeature::Filter) {
            words.word(FetchFeature::Filter.name().as_bytes());
        }
        words.unknown(&self.unknown);
    }

    /// Whether the pack may follow `ACK … ready` without a `done`.
    #[must_use]
    pub fn no_done(&self) -> bool {
        self.ack_mode == AckMode::Detailed && self.features.contains(FetchFeature::NoDone)
    }

    fn take(&mut self, feature: FetchFeature) {
        match feature {
            FetchFeature::MultiAck => self.ack_mode = self.ack_mode.max(AckMode::Multi),
            FetchFeature::MultiAckDetailed => self.ack_mode = AckMode::Detailed,
            FetchFeature::SideBand => self.side_band = self.side_band.max(SideBand::Small),
            FetchFeature::SideBand64k => self.side_band = SideBand::Large,
            other => self.features.insert(other),
        }
    }
}

/// Whether a client must ask for a feature before it holds.
fn is_asked_for(feature: FetchFeature) -> bool {
    !matches!(
        feature,
        FetchFeature::Shallow | FetchFeature::AllowTipSha1InWant | FetchFeature::AllowReachableSha1InWant
    )
}

/// What git's client writes between the side-band and its agent, in its order.
const REQUEST_ORDER: &[FetchFeature] = &[
    FetchFeature::DeepenRelative,
    FetchFeature::ThinPack,
    FetchFeature::NoProgress,
    FetchFeature::IncludeTag,
    FetchFeature::OfsDelta,
    FetchFeature::DeepenSince,
    FetchFeature::DeepenNot,
];
