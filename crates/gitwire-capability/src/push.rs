//! Capabilities of a push, in versions 0 and 1. There is no push of version 2.

use alloc::vec::Vec;

use bytes::BufMut;
use gitwire_types::ObjectFormat;

use crate::value::first;
use crate::write::Words;
use crate::{
    Budget, Capabilities, Capability, CapabilityError, Feature, FeatureSet, OfferedFormats, PushFeature,
    SideBand, Unknown, Value,
};

/// How the server says what came of each command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Report {
    /// Not at all.
    #[default]
    None,
    /// `report-status`: `ok` and `ng` lines.
    V1,
    /// `report-status-v2`: the same, with `option` lines after an `ok`.
    V2,
}

/// When a client signs its push.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Certificate {
    /// Never.
    #[default]
    Never,
    /// When the server asks for it (`--signed=if-asked`).
    IfOffered,
    /// Always; without an offer there is no push (`--signed`).
    Always,
}

/// What a receive-pack offers: the capabilities of its advertisement.
///
/// A client reads it from the advertisement and makes a [`PushAgreement`] of it; a server fills it in and writes it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PushOffer {
    /// Capabilities without a value.
    pub features: FeatureSet<PushFeature>,
    /// `push-cert`: the nonce that a signed push must hold.
    pub nonce: Option<Value>,
    /// `session-id`.
    pub session_id: Option<Value>,
    /// `object-format`, once for each.
    pub formats: OfferedFormats,
    /// `agent`.
    pub agent: Option<Value>,
    /// All others.
    pub unknown: Vec<Unknown>,
}

impl PushOffer {
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
        for feature in self.features.without(PushFeature::PushOptions).iter() {
            words.word(feature.name().as_bytes());
        }
        words.optional("push-cert", self.nonce.as_ref());
        if self.features.contains(PushFeature::PushOptions) {
            words.word(PushFeature::PushOptions.name().as_bytes());
        }
        words.optional("session-id", self.session_id.as_ref());
        words.formats(&self.formats);
        words.optional("agent", self.agent.as_ref());
        words.unknown(&self.unknown);
    }

    /// What a client that wants `wish` and a server that offers this agree on.
    ///
    /// # Errors
    /// [`CapabilityError::Missing`] if a required feature, or `push-cert`, is not offered;
    /// [`CapabilityError::ObjectFormat`] if the server names objects by another hash function.
    pub fn agree(&self, wish: &PushWish) -> Result<PushAgreement, CapabilityError> {
        self.formats.agree(wish.object_format)?;
        if let Some(missing) = wish.required.difference(self.features).iter().next() {
            return Err(CapabilityError::Missing { capability: missing.name() });
        }
        let mut agreement = PushAgreement { object_format: wish.object_format, ..PushAgreement::default() };
        for feature in self.features.intersection(wish.features.union(wish.required)).iter() {
            agreement.take(feature);
        }
        agreement.nonce = match (wish.certificate, &self.nonce) {
            (Certificate::Never, _) | (Certificate::IfOffered, None) => None,
            (_, Some(nonce)) => Some(nonce.clone()),
            (Certificate::Always, None) => return Err(CapabilityError::Missing { capability: "push-cert" }),
        };
        agreement.names_format = self.formats != OfferedFormats::default();
        agreement.agent = self.agent.as_ref().and(wish.agent.clone());
        agreement.session_id = self.session_id.as_ref().and(wish.session_id.clone());
        Ok(agreement)
    }

    fn one(&mut self, capability: Capability<'_>) {
        if let Some(feature) = PushFeature::from_name(capability.key()) {
            self.features.insert(feature);
            return;
        }
        match (capability.key(), capability.value()) {
            (b"agent", Some(value)) => first(&mut self.agent, value),
            (b"session-id", Some(value)) => first(&mut self.session_id, value),
            (b"push-cert", Some(value)) => first(&mut self.nonce, value),
            (b"object-format", Some(value)) => self.formats.add(value),
            _ => self.unknown.push(capability.into()),
        }
    }
}

/// What a client wants of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushWish {
    /// What it uses where it is offered. Of the reports the better one that both have is taken.
    pub features: FeatureSet<PushFeature>,
    /// What it cannot do without, such as [`PushFeature::Atomic`] or [`PushFeature::DeleteRefs`].
    pub required: FeatureSet<PushFeature>,
    /// Whether it signs.
    pub certificate: Certificate,
    /// The hash function of its repository.
    pub object_format: ObjectFormat,
    /// Who it is. Sent only to a server that says who it is.
    pub agent: Option<Value>,
    /// The name of its session. Sent only to a server that says its own.
    pub session_id: Option<Value>,
}

impl PushWish {
    /// What nearly every push wants: the best report, on a side-band, deletions, and deltas by place; and to be told where a pack must
    /// not be thin.
    #[must_use]
    pub fn new(object_format: ObjectFormat) -> Self {
        let features = [
            PushFeature::ReportStatus,
            PushFeature::ReportStatusV2,
            PushFeature::DeleteRefs,
            PushFeature::SideBand64k,
            PushFeature::OfsDelta,
            PushFeature::NoThin,
        ];
        Self {
            features: features.into_iter().collect(),
            required: FeatureSet::NONE,
            certificate: Certificate::Never,
            object_format,
            agent: None,
            session_id: None,
        }
    }
}

/// What both sides of a push use.
///
/// A client gets it from [`PushOffer::agree`] and writes it on its first command; a server starts one for its offer with
/// [`offered`](Self::offered), adds what it finds on commands, and then calls [`check_format`](Self::check_format).
///
/// ```
/// use gitwire_capability::{Budget, Limits, PushAgreement, PushOffer, PushWish, Report};
/// use gitwire_types::ObjectFormat;
///
/// let offer = PushOffer::parse(b"report-status report-status-v2 delete-refs object-format=sha256", Limits::default())?;
/// let client = offer.agree(&PushWish::new(ObjectFormat::Sha256))?;
/// let mut words = Vec::new();
/// client.write(&mut words);
/// assert_eq!(words, b" report-status-v2 object-format=sha256");
///
/// let mut server = PushAgreement::offered(&offer);
/// server.add(&words, &offer, &mut Budget::default())?;
/// server.check_format(ObjectFormat::Sha256)?;
/// assert_eq!(server.report, Report::V2);
/// # Ok::<(), gitwire_capability::CapabilityError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PushAgreement {
    /// How the server reports.
    pub report: Report,
    /// How the report is multiplexed: not at all, or in large packets.
    pub side_band: SideBand,
    /// All else that both have, without the reports and the side-band.
    pub features: FeatureSet<PushFeature>,
    /// Client only: the nonce for the certificate of a push that is to be signed.
    pub nonce: Option<Value>,
    /// The hash function of the ids in the commands. SHA-1 if the client says nothing.
    pub object_format: ObjectFormat,
    /// The client's agent.
    pub agent: Option<Value>,
    /// The client's session.
    pub session_id: Option<Value>,
    /// What the client asked for and the server did not offer. git's server does not mind.
    pub unknown: Vec<Unknown>,
    /// Whether `object_format` was said, or is to be said.
    names_format: bool,
}

impl PushAgreement {
    /// What holds for a server as soon as it has offered it, before the client has said anything.
    #[must_use]
    pub fn offered(offer: &PushOffer) -> Self {
        let features = offer.features.iter().filter(|feature| !is_asked_for(*feature)).collect();
        Self { features, ..Self::default() }
    }

    /// Reads what the client says on one more command. Features that were not offered are kept in
    /// [`unknown`](Self::unknown).
    ///
    /// # Errors
    /// [`CapabilityError::EmptyKey`], [`CapabilityError::ControlByte`], [`CapabilityError::UnknownObjectFormat`],
    /// [`CapabilityError::ObjectFormat`] where the client says two of them, and when `budget` is spent.
    pub fn add(
        &mut self,
        list: &[u8],
        offer: &PushOffer,
        budget: &mut Budget,
    ) -> Result<(), CapabilityError> {
        for capability in Capabilities::new(list) {
            let capability = capability?;
            budget.spend(capability)?;
            match PushFeature::from_name(capability.key()) {
                Some(feature) if offer.features.contains(feature) => {
                    self.take(feature);
                    continue;
                }
                _ => {}
            }
            match (capability.key(), capability.value()) {
                (b"agent", Some(value)) => first(&mut self.agent, value),
                (b"session-id", Some(value)) => first(&mut self.session_id, value),
                (b"object-format", value) => self.format(value.unwrap_or_default())?,
                _ => self.unknown.push(capability.into()),
            }
        }
        Ok(())
    }

    /// Checks, once all commands are read, that the client names objects as our repository does.
    ///
    /// # Errors
    /// [`CapabilityError::ObjectFormat`] if not: a client that says nothing means SHA-1.
    pub fn check_format(&self, ours: ObjectFormat) -> Result<(), CapabilityError> {
        if self.object_format == ours {
            return Ok(());
        }
        Err(CapabilityError::ObjectFormat { ours, theirs: self.object_format })
    }

    /// Writes what a client says on its first command, a blank in front of each word, in git's order.
    ///
    /// # Panics
    /// If `out` has a fixed size and no room, as every [`BufMut`] does.
    pub fn write(&self, out: &mut impl BufMut) {
        let mut words = Words::after(out);
        match self.report {
            Report::None => {}
            Report::V1 => words.word(b"report-status"),
            Report::V2 => words.word(b"report-status-v2"),
        }
        if self.side_band != SideBand::None {
            words.word(b"side-band-64k");
        }
        for feature in self.features.iter().filter(|feature| is_asked_for(*feature)) {
            words.word(feature.name().as_bytes());
        }
        if self.names_format {
            words.formats(&OfferedFormats::one(self.object_format));
        }
        words.optional("agent", self.agent.as_ref());
        words.optional("session-id", self.session_id.as_ref());
        words.unknown(&self.unknown);
    }

    fn take(&mut self, feature: PushFeature) {
        match feature {
            PushFeature::ReportStatus => self.report = self.report.max(Report::V1),
            PushFeature::ReportStatusV2 => self.report = Report::V2,
            PushFeature::SideBand64k => self.side_band = SideBand::Large,
            other => self.features.insert(other),
        }
    }

    fn format(&mut self, name: &[u8]) -> Result<(), CapabilityError> {
        let format = ObjectFormat::from_name(name)
            .ok_or_else(|| CapabilityError::UnknownObjectFormat(Value::checked(name)))?;
        if self.names_format && self.object_format != format {
            return Err(CapabilityError::ObjectFormat { ours: self.object_format, theirs: format });
        }
        self.names_format = true;
        self.object_format = format;
        Ok(())
    }
}

/// Whether a client must ask for a feature before it holds. git's client does not say the others.
fn is_asked_for(feature: PushFeature) -> bool {
    !matches!(feature, PushFeature::DeleteRefs | PushFeature::OfsDelta | PushFeature::NoThin)
}
