//! Refspecs: which references to fetch or push, and where to (`git-fetch`, `git-push`, `<refspec>`).

use core::fmt;

use alloc::vec::Vec;

use bytes::Bytes;

use crate::{ObjectFormat, ObjectId, RefName, RefNameError, RefPattern};

mod fetch;
mod push;

pub use fetch::{FetchRefspec, FetchSource};
pub use push::PushRefspec;

/// Whether an update may throw away what the destination holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Force {
    /// Only an update that keeps the old history, or what the command line allows.
    #[default]
    No,
    /// Any update: the refspec began with `+`.
    Yes,
}

impl Force {
    fn sign(self) -> &'static str {
        match self {
            Self::No => "",
            Self::Yes => "+",
        }
    }
}

/// What a negative refspec (`^…`) takes out of what the others choose.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Exclusion {
    /// One name.
    Name(RefName),
    /// Every name that fits.
    Pattern(RefPattern),
}

impl Exclusion {
    /// Whether it takes out `name`.
    #[must_use]
    pub fn excludes(&self, name: &RefName) -> bool {
        match self {
            Self::Name(excluded) => excluded == name,
            Self::Pattern(pattern) => pattern.matches(name.as_bytes()).is_some(),
        }
    }

    /// The name or pattern, without the `^`.
    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Name(name) => name.as_bytes(),
            Self::Pattern(pattern) => pattern.as_bytes(),
        }
    }

    /// Parses what stands after the `^`.
    fn parse(text: &Bytes) -> Result<Self, RefspecError> {
        if text.is_empty() {
            return Err(RefspecError::NegativeEmpty);
        }
        if let Some(at) = text.iter().rposition(|byte| *byte == b':') {
            return Err(RefspecError::NegativeDestination { at: at.saturating_add(1) });
        }
        if object(text).is_some() {
            return Err(RefspecError::NegativeObject);
        }
        if text.contains(&b'*') {
            return RefPattern::new(text.clone()).map(Self::Pattern).map_err(source(1));
        }
        name(text).map(Self::Name).map_err(source(1))
    }
}

impl fmt::Display for Exclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "^{}", self.as_bytes().escape_ascii())
    }
}

/// Where a refspec sends one reference.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mapped {
    /// The reference to update; `None`: it is taken but stored nowhere.
    pub destination: Option<RefName>,
    /// Whether the update may throw away history.
    pub force: Force,
}

/// Why some bytes are not a refspec. Offsets count from its first byte, signs included.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefspecError {
    /// Nothing, or a sign alone, where something to push must be named.
    #[error("refspec names nothing to push")]
    Empty,
    /// The source is no good reference name or pattern.
    #[error("refspec source: {0}")]
    Source(RefNameError),
    /// The destination is no good reference name or pattern.
    #[error("refspec destination: {0}")]
    Destination(RefNameError),
    /// One side has a `*` and the other has none.
    #[error("refspec has a '*' on one side only")]
    OneSidedPattern,
    /// A push refspec ends with its colon.
    #[error("refspec has no destination after the colon at offset {at}")]
    NoDestination {
        /// Offset of the colon.
        at: usize,
    },
    /// `^` with nothing after it.
    #[error("negative refspec is empty")]
    NegativeEmpty,
    /// A negative refspec with a colon.
    #[error("negative refspec has a destination at offset {at}")]
    NegativeDestination {
        /// Offset of the colon.
        at: usize,
    },
    /// A negative refspec that names an object.
    #[error("negative refspec names an object")]
    NegativeObject,
    /// The word `tag` with no word after it.
    #[error("no name after the word tag")]
    NoTagName,
}

/// A refspec cut into its parts.
struct Parts {
    force: Force,
    source: Bytes,
    /// Offset of the source.
    source_at: usize,
    /// What stands after the last colon, and the colon's offset.
    destination: Option<(Bytes, usize)>,
}

impl Parts {
    fn cut(text: &Bytes) -> Self {
        let (force, source_at) = match text.first() {
            Some(b'+') => (Force::Yes, 1),
            _ => (Force::No, 0),
        };
        let colon = text.iter().rposition(|byte| *byte == b':');
        Self {
            force,
            source: text.slice(source_at..colon.unwrap_or(text.len())),
            source_at,
            destination: colon.map(|at| (text.slice(at.saturating_add(1)..), at)),
        }
    }
}

/// A refspec written out.
fn write(force: Force, source: &[u8], destination: Option<&[u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(force.sign().as_bytes());
    out.extend_from_slice(source);
    if let Some(destination) = destination {
        out.push(b':');
        out.extend_from_slice(destination);
    }
    out
}

/// A name on either side; `@` is short for `HEAD` on the source side, and no name at all on the other.
fn name(text: &Bytes) -> Result<RefName, RefNameError> {
    if text.as_ref() == b"@" { Ok(RefName::head()) } else { RefName::new(text.clone()) }
}

/// The object that a source names by all its hexadecimal digits.
fn object(text: &[u8]) -> Option<ObjectId> {
    [ObjectFormat::Sha1, ObjectFormat::Sha256]
        .into_iter()
        .find_map(|format| ObjectId::from_hex(format, text).ok())
}

/// Moves an error from the offsets of a part to those of the whole.
fn source(part_at: usize) -> impl Fn(RefNameError) -> RefspecError {
    move |error| RefspecError::Source(RefNameError { at: error.at.saturating_add(part_at), ..error })
}

fn destination(colon: usize) -> impl Fn(RefNameError) -> RefspecError {
    let part_at = colon.saturating_add(1);
    move |error| RefspecError::Destination(RefNameError { at: error.at.saturating_add(part_at), ..error })
}

/// Parses words as a command line gives them, where the word `tag` makes the next word a tag's name.
fn parse_words<T>(
    words: impl IntoIterator<Item = Bytes>,
    parse: impl Fn(Bytes) -> Result<T, RefspecError>,
    tag: impl Fn(&[u8]) -> Result<T, RefspecError>,
) -> Result<Vec<T>, RefspecError> {
    let mut words = words.into_iter();
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        found.push(if word.as_ref() == b"tag" {
            tag(&words.next().ok_or(RefspecError::NoTagName)?)?
        } else {
            parse(word)?
        });
    }
    Ok(found)
}

/// The full name of a tag. The error's offset counts within the given name.
fn tag_name(tag: &[u8]) -> Result<RefName, RefspecError> {
    const PREFIX: &[u8] = b"refs/tags/";
    RefName::new([PREFIX, tag].concat()).map_err(|error| {
        RefspecError::Source(RefNameError { at: error.at.saturating_sub(PREFIX.len()), ..error })
    })
}

fn one_sided(left: &[u8], right: &[u8]) -> Result<bool, RefspecError> {
    match (left.contains(&b'*'), right.contains(&b'*')) {
        (true, true) => Ok(true),
        (false, false) => Ok(false),
        _ => Err(RefspecError::OneSidedPattern),
    }
}

/// Two patterns map a name only if the outcome is a good name again.
fn map(from: &RefPattern, to: &RefPattern, name: &RefName) -> Result<Option<RefName>, RefNameError> {
    from.matches(name.as_bytes()).map(|part| to.fill(part)).transpose()
}

#[cfg(test)]
mod tests;
