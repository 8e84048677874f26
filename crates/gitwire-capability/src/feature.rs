//! Capabilities that are there or not.

use core::fmt;
use core::marker::PhantomData;

/// A capability without a value, of one side of one version: [`FetchFeature`], [`PushFeature`], [`V2Command`],
/// [`V2FetchFeature`].
pub trait Feature: Copy + fmt::Debug + 'static {
    /// All of them, at most 32, in the order in which git's server writes them.
    const ALL: &'static [Self];

    /// The one bit that stands for it in a set.
    #[must_use]
    fn bit(self) -> u32;

    /// Its name on the wire.
    #[must_use]
    fn name(self) -> &'static str;

    /// The feature of that name.
    #[must_use]
    fn from_name(name: &[u8]) -> Option<Self>;
}

/// A set of features.
///
/// ```
/// use gitwire_capability::{FeatureSet, FetchFeature};
///
/// let set: FeatureSet<_> = [FetchFeature::OfsDelta, FetchFeature::ThinPack].into_iter().collect();
/// assert!(set.contains(FetchFeature::ThinPack));
/// assert_eq!(set.iter().next(), Some(FetchFeature::ThinPack));
/// ```
pub struct FeatureSet<F> {
    bits: u32,
    of: PhantomData<F>,
}

impl<F: Feature> FeatureSet<F> {
    /// None.
    pub const NONE: Self = Self { bits: 0, of: PhantomData };

    /// Every feature there is.
    #[must_use]
    pub fn all() -> Self {
        F::ALL.iter().copied().collect()
    }

    /// Puts `feature` in.
    pub fn insert(&mut self, feature: F) {
        self.bits |= feature.bit();
    }

    /// Takes `feature` out.
    pub fn remove(&mut self, feature: F) {
        self.bits &= !feature.bit();
    }

    /// With `feature` in.
    #[must_use]
    pub fn with(mut self, feature: F) -> Self {
        self.insert(feature);
        self
    }

    /// With `feature` out.
    #[must_use]
    pub fn without(mut self, feature: F) -> Self {
        self.remove(feature);
        self
    }

    /// Whether `feature` is in.
    #[must_use]
    pub fn contains(self, feature: F) -> bool {
        self.bits & feature.bit() != 0
    }

    /// Whether nothing is in.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.bits == 0
    }

    /// What is in either.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self { bits: self.bits | other.bits, of: PhantomData }
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self { bits: self.bits & other.bits, of: PhantomData }
    }

    /// What is in here and not in `other`.
    #[must_use]
    pub fn difference(self, other: Self) -> Self {
        Self { bits: self.bits & !other.bits, of: PhantomData }
    }

    /// What is in, in the order in which git's server writes it.
    pub fn iter(self) -> impl Iterator<Item = F> {
        F::ALL.iter().copied().filter(move |feature| self.contains(*feature))
    }
}

impl<F> Clone for FeatureSet<F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for FeatureSet<F> {}

impl<F> PartialEq for FeatureSet<F> {
    fn eq(&self, other: &Self) -> bool {
        self.bits == other.bits
    }
}

impl<F> Eq for FeatureSet<F> {}

impl<F> core::hash::Hash for FeatureSet<F> {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.bits.hash(state);
    }
}

impl<F: Feature> Default for FeatureSet<F> {
    fn default() -> Self {
        Self::NONE
    }
}

impl<F: Feature> FromIterator<F> for FeatureSet<F> {
    fn from_iter<I: IntoIterator<Item = F>>(features: I) -> Self {
        features.into_iter().fold(Self::NONE, Self::with)
    }
}

impl<F: Feature> fmt::Debug for FeatureSet<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

macro_rules! features {
    ($(#[$doc:meta])* $type:ident { $($(#[$each:meta])* $feature:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $type {
            $($(#[$each])* $feature,)*
        }

        impl Feature for $type {
            const ALL: &'static [Self] = &[$(Self::$feature,)*];

            fn name(self) -> &'static str {
                match self {
                    $(Self::$feature => $name,)*
                }
            }

            fn from_name(name: &[u8]) -> Option<Self> {
                $(if name == $name.as_bytes() {
                    return Some(Self::$feature);
                })*
                None
            }

            fn bit(self) -> u32 {
                1_u32.wrapping_shl(self as u32)
            }
        }
    };
}

features! {
    /// What upload-pack offers in versions 0 and 1, without a value (`gitprotocol-capabilities`). In the order of git.
    FetchFeature {
        /// The server acknowledges more than one common commit.
        MultiAck = "multi_ack",
        /// The pack may hold deltas whose base it does not hold.
        ThinPack = "thin-pack",
        /// Answers are multiplexed, in packets of up to 1000 bytes.
        SideBand = "side-band",
        /// Answers are multiplexed, in packets of up to 65520 bytes.
        SideBand64k = "side-band-64k",
        /// The pack may name the base of a delta by its place.
        OfsDelta = "ofs-delta",
        /// Depth: `shallow` and `deepen` lines.
        Shallow = "shallow",
        /// Depth by time: `deepen-since` lines.
        DeepenSince = "deepen-since",
        /// Depth by reference: `deepen-not` lines.
        DeepenNot = "deepen-not",
        /// A depth counts from where the client's history ends now.
        DeepenRelative = "deepen-relative",
        /// No text on band 2.
        NoProgress = "no-progress",
        /// Tags come along with what they point at.
        IncludeTag = "include-tag",
        /// Acknowledgments say which commit is common and when it is enough.
        MultiAckDetailed = "multi_ack_detailed",
        /// A want may name the tip of a hidden reference.
        AllowTipSha1InWant = "allow-tip-sha1-in-want",
        /// A want may name what a reference reaches.
        AllowReachableSha1InWant = "allow-reachable-sha1-in-want",
        /// The pack may follow `ready` without a `done`. git offers it over HTTP alone.
        NoDone = "no-done",
        /// `filter` lines: partial clones.
        Filter = "filter",
    }
}

features! {
    /// What receive-pack offers in versions 0 and 1, without a value (`gitprotocol-capabilities`). In the order of git.
    PushFeature {
        /// The server says what came of each command.
        ReportStatus = "report-status",
        /// The same, with what a proc-receive hook made of it.
        ReportStatusV2 = "report-status-v2",
        /// A command may delete a reference.
        DeleteRefs = "delete-refs",
        /// Report and progress are multiplexed.
        SideBand64k = "side-band-64k",
        /// The server's progress may be left away.
        Quiet = "quiet",
        /// All references change, or none does.
        Atomic = "atomic",
        /// The pack may name the base of a delta by its place.
        OfsDelta = "ofs-delta",
        /// Strings for the server's hooks.
        PushOptions = "push-options",
        /// The pack must hold the bases of its deltas: the server does not complete thin packs. git's server never says so.
        NoThin = "no-thin",
    }
}

features! {
    /// What `fetch` of version 2 offers in its value (`gitprotocol-v2`). In the order of git.
    V2FetchFeature {
        /// Depth: `shallow` and `deepen` arguments.
        Shallow = "shallow",
        /// The server sends no pack before `done`, whatever it finds.
        WaitForDone = "wait-for-done",
        /// `filter` arguments: partial clones.
        Filter = "filter",
        /// `want-ref` arguments.
        RefInWant = "ref-in-want",
        /// The whole answer may be multiplexed.
        SidebandAll = "sideband-all",
        /// The server may name packs to be had elsewhere.
        PackfileUris = "packfile-uris",
    }
}

features! {
    /// What a client of version 2 may ask for (`gitprotocol-v2`, *Commands*).
    V2Command {
        /// `ls-refs`: the references.
        LsRefs = "ls-refs",
        /// `fetch`: a pack.
        Fetch = "fetch",
        /// `object-info`: what is known about objects without sending them.
        ObjectInfo = "object-info",
        /// `bundle-uri`: where bundles are to be had.
        BundleUri = "bundle-uri",
    }
}
