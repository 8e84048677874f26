//! How a fetch chooses.

use gitwire_types::{ObjectId, RefName};

/// Which tags come along with what is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TagFollowing {
    /// Those that lead to what is fetched or is here already, where anything is stored at all.
    #[default]
    Auto,
    /// All (`--tags`).
    All,
    /// None but those that refspecs name (`--no-tags`).
    None,
}

/// Whether refs go that the remote has no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Prune {
    /// They stay.
    #[default]
    No,
    /// They go.
    Yes,
}

/// What a fetch does where the remote's own history is cut (a shallow server) at commits at which the history here is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ShallowSource {
    /// Refs that reach such a commit stay as they are ([`UpdateKind::ShallowRefused`](super::UpdateKind::ShallowRefused)).
    #[default]
    RefuseRefs,
    /// The history here is cut there too (`--update-shallow`), as a clone does.
    Update,
    /// Nothing is fetched (`clone --reject-shallow`).
    Refuse,
}

/// Which of what is fetched `git pull` would merge: what `FETCH_HEAD` says of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ForMerge {
    /// Whatever the refspecs name: they stood on a command line.
    #[default]
    Asked,
    /// What the first refspec names, unless it is a pattern: they stand in the configuration.
    First,
    /// These refs of the remote (`branch.<name>.merge`), which are fetched though no refspec may name them.
    Upstream(Vec<RefName>),
}

/// Which commits are named to find out what both sides have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct NegotiationTips {
    /// Where the search starts (`--negotiation-restrict`); `None`: at all refs.
    pub from: Option<Vec<ObjectId>>,
    /// What is named whatever the search finds (`--negotiation-include`).
    pub always: Vec<ObjectId>,
}
