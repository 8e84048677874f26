//! Refspecs of `git push`.

use core::fmt;

use alloc::vec::Vec;

use bytes::Bytes;

use super::{
    Exclusion, Force, Mapped, Parts, RefspecError, destination, map, name, object, one_sided, parse_words,
    source, tag_name, write,
};
use crate::{RefName, RefNameError, RefPattern};

/// What to push, and where to: `[+]<source>[:<destination>]`, `:<destination>`, `[+]:` or `^<source>` (`git-push`).
///
/// ```
/// use gitwire_types::{Force, PushRefspec, RefName};
///
/// let spec = PushRefspec::parse("main~2:refs/heads/old")?;
/// let expected = PushRefspec::One {
///     force: Force::No,
///     source: "main~2".into(),
///     destination: Some(RefName::new("refs/heads/old")?),
/// };
/// assert_eq!(spec, expected);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PushRefspec {
    /// Every branch that both sides have: `:`, or `+:`.
    Matching {
        /// Whether history may be lost.
        force: Force,
    },
    /// One revision to one reference.
    One {
        /// Whether history may be lost.
        force: Force,
        /// A revision (`gitrevisions`). Without a destination it is a good reference name.
        source: Bytes,
        /// The reference of the other side, perhaps a short name; `None`: the one that the source names.
        destination: Option<RefName>,
    },
    /// Every reference that fits a pattern.
    Pattern {
        /// Whether history may be lost.
        force: Force,
        /// What to push.
        source: RefPattern,
        /// Where to.
        destination: RefPattern,
    },
    /// A reference of the other side to delete.
    Delete {
        /// Whether it began with `+`, which changes nothing.
        force: Force,
        /// The reference.
        destination: RefName,
    },
    /// What not to push, although another refspec names it.
    Exclude(Exclusion),
}

impl PushRefspec {
    /// Parses one refspec.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: impl Into<Bytes>) -> Result<Self, RefspecError> {
        let text = text.into();
        if text.first() == Some(&b'^') {
            return Exclusion::parse(&text.slice(1..)).map(Self::Exclude);
        }
        let Parts { force, source: from, source_at, destination: to } = Parts::cut(&text);
        let Some((to, colon)) = to else { return Self::without_destination(force, from, source_at) };
        if to.is_empty() {
            return match from.is_empty() {
                true => Ok(Self::Matching { force }),
                false => Err(RefspecError::NoDestination { at: colon }),
            };
        }
        if one_sided(&from, &to)? {
            return Ok(Self::Pattern {
                force,
                source: RefPattern::new(from).map_err(source(source_at))?,
                destination: RefPattern::new(to).map_err(destination(colon))?,
            });
        }
        let to = RefName::new(to).map_err(destination(colon))?;
        if from.is_empty() {
            return Ok(Self::Delete { force, destination: to });
        }
        Ok(Self::One { force, source: revision(from), destination: Some(to) })
    }

    fn without_destination(force: Force, from: Bytes, source_at: usize) -> Result<Self, RefspecError> {
        if from.is_empty() {
            return Err(RefspecError::Empty);
        }
        if from.contains(&b'*') {
            let pattern = RefPattern::new(from).map_err(source(source_at))?;
            return Ok(Self::Pattern { force, source: pattern.clone(), destination: pattern });
        }
        if object(&from).is_none() {
            name(&from).map_err(source(source_at))?;
        }
        Ok(Self::One { force, source: revision(from), destination: None })
    }

    /// `refs/tags/<tag>:refs/tags/<tag>`: what `tag <tag>` on a command line means.
    ///
    /// # Errors
    /// [`RefspecError::Source`] with an offset within `tag`.
    pub fn tag(tag: &[u8]) -> Result<Self, RefspecError> {
        let name = tag_name(tag)?;
        Ok(Self::One { force: Force::No, source: name.as_shared().clone(), destination: Some(name) })
    }

    /// Parses the words of a command line, `tag <tag>` included.
    ///
    /// # Errors
    /// What is wrong with the first bad one.
    pub fn parse_words(words: impl IntoIterator<Item = Bytes>) -> Result<Vec<Self>, RefspecError> {
        parse_words(words, Self::parse, Self::tag)
    }

    /// Where `name`, a reference of ours, goes by the pattern of this refspec; `None`: it is no pattern, or does not fit.
    ///
    /// # Errors
    /// The rule that the destination's name would break.
    pub fn map(&self, name: &RefName) -> Result<Option<Mapped>, RefNameError> {
        let Self::Pattern { force, source, destination } = self else { return Ok(None) };
        Ok(map(source, destination, name)?
            .map(|destination| Mapped { destination: Some(destination), force: *force }))
    }

    /// The reference of ours that goes to `destination` by the pattern of this refspec, for pruning; `None`: none does.
    ///
    /// # Errors
    /// The rule that the source's name would break.
    pub fn map_back(&self, destination: &RefName) -> Result<Option<RefName>, RefNameError> {
        match self {
            Self::Pattern { source, destination: own, .. } => map(own, source, destination),
            _ => Ok(None),
        }
    }

    /// Whether it takes `name` out of what the others choose.
    #[must_use]
    pub fn excludes(&self, name: &RefName) -> bool {
        matches!(self, Self::Exclude(exclusion) if exclusion.excludes(name))
    }

    /// The refspec as it is written on a command line or in a configuration file. Its [`fmt::Display`] escapes what is not
    /// ASCII; this does not.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Matching { force } => write(*force, b"", Some(b"")),
            Self::One { force, source, destination } => {
                write(*force, source, destination.as_ref().map(RefName::as_bytes))
            }
            Self::Pattern { force, source, destination } => {
                write(*force, source.as_bytes(), Some(destination.as_bytes()))
            }
            Self::Delete { force, destination } => write(*force, b"", Some(destination.as_bytes())),
            Self::Exclude(exclusion) => [b"^", exclusion.as_bytes()].concat(),
        }
    }
}

impl fmt::Display for PushRefspec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_bytes().escape_ascii(), f)
    }
}

/// `@` alone is short for `HEAD`.
fn revision(text: Bytes) -> Bytes {
    if text.as_ref() == b"@" { RefName::head().as_shared().clone() } else { text }
}
