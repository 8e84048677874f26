//! What references point at, and how they change.

use crate::{ObjectId, RefName};

/// What a reference holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RefTarget {
    /// An object.
    Direct(ObjectId),
    /// Another reference.
    Symbolic(RefName),
}

impl RefTarget {
    /// The object, if it names one itself.
    #[must_use]
    pub fn id(&self) -> Option<&ObjectId> {
        match self {
            Self::Direct(id) => Some(id),
            Self::Symbolic(_) => None,
        }
    }
}

/// A change of one reference: from an old object to a new one, zero meaning "none" (`gitprotocol-pack`, *command*).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RefUpdate {
    /// The reference.
    pub name: RefName,
    /// What it must hold before; zero: it must not exist.
    pub old: ObjectId,
    /// What it holds afterwards; zero: it is deleted.
    pub new: ObjectId,
}
