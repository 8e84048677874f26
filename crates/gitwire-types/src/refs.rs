//! Reference names and what they point at.

use core::fmt;

use bytes::Bytes;

use crate::ObjectId;

/// A reference name that git would accept: bytes that have passed `git check-ref-format --allow-onelevel`.
///
/// Cheap to clone. A name is bytes, not text; [`fmt::Display`] escapes what a terminal should not see.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefName(Bytes);

impl RefName {
    /// Takes a name if `git check-ref-format --allow-onelevel` would.
    ///
    /// # Errors
    /// The rule that the name breaks, and where.
    pub fn new(name: impl Into<Bytes>) -> Result<Self, RefNameError> {
        let name = name.into();
        check(&name)?;
        Ok(Self(name))
    }

    /// The name's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The name's bytes, shared.
    #[must_use]
    pub fn as_shared(&self) -> &Bytes {
        &self.0
    }
}

impl AsRef<[u8]> for RefName {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for RefName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.escape_ascii(), f)
    }
}

impl fmt::Debug for RefName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

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

/// The rule of `git check-ref-format` that a name breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefNameError {
    /// The name is empty.
    #[error("ref name is empty")]
    Empty,
}

fn check(name: &[u8]) -> Result<(), RefNameError> {
    if name.is_empty() {
        return Err(RefNameError::Empty);
    }
    Ok(())
}
