//! Refspecs of `git fetch`.

use core::fmt;

use alloc::vec::Vec;

use bytes::Bytes;

use super::{
    Exclusion, Force, Mapped, Parts, RefspecError, destination, map, name, object, one_sided, parse_words,
    source, tag_name, write,
};
use crate::{ObjectId, RefName, RefNameError, RefPattern};

/// What to fetch, and where to store it: `[+]<source>[:<destination>]` or `^<source>` (`git-fetch`).
///
/// ```
/// use gitwire_types::{FetchRefspec, Force, RefName};
///
/// let spec = FetchRefspec::parse("+refs/heads/*:refs/remotes/origin/*")?;
/// let mapped = spec.map(&RefName::new("refs/heads/main")?)?.ok_or("no match")?;
/// assert_eq!(mapped.destination, Some(RefName::new("refs/remotes/origin/main")?));
/// assert_eq!(mapped.force, Force::Yes);
/// assert_eq!(spec.to_string(), "+refs/heads/*:refs/remotes/origin/*");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FetchRefspec {
    /// One reference or object.
    One {
        /// Whether history may be lost.
        force: Force,
        /// What to fetch.
        source: FetchSource,
        /// Where to store it; `None`: nowhere (`FETCH_HEAD` apart).
        destination: Option<RefName>,
    },
    /// Every reference that fits a pattern.
    Pattern {
        /// Whether history may be lost.
        force: Force,
        /// What to fetch.
        source: RefPattern,
        /// Where to store it.
        destination: RefPattern,
    },
    /// What not to fetch, although another refspec names it.
    Exclude(Exclusion),
}

/// What a fetch refspec for one thing names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FetchSource {
    /// A reference of the other side, perhaps a short name: see [`RefName::candidates`]. An empty source and `@` are `HEAD`.
    Name(RefName),
    /// An object, named by all its digits: 40 for SHA-1, 64 for SHA-256.
    Object(ObjectId),
}

impl FetchRefspec {
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
        let (to, colon) = to.unwrap_or((Bytes::new(), text.len()));
        if one_sided(&from, &to)? {
            return Ok(Self::Pattern {
                force,
                source: RefPattern::new(from).map_err(source(source_at))?,
                destination: RefPattern::new(to).map_err(destination(colon))?,
            });
        }
        let from = if from.is_empty() {
            FetchSource::Name(RefName::head())
        } else if let Some(id) = object(&from) {
            FetchSource::Object(id)
        } else {
            FetchSource::Name(name(&from).map_err(source(source_at))?)
        };
        let to = match to.is_empty() {
            true => None,
            false => Some(RefName::new(to).map_err(destination(colon))?),
        };
        Ok(Self::One { force, source: from, destination: to })
    }

    /// `refs/tags/<tag>:refs/tags/<tag>`: what `tag <tag>` on a command line means.
    ///
    /// # Errors
    /// [`RefspecError::Source`] with an offset within `tag`.
    pub fn tag(tag: &[u8]) -> Result<Self, RefspecError> {
        let name = tag_name(tag)?;
        let destination = Some(name.clone());
        Ok(Self::One { force: Force::No, source: FetchSource::Name(name), destination })
    }

    /// Parses the words of a command line, `tag <tag>` included.
    ///
    /// # Errors
    /// What is wrong with the first bad one.
    pub fn parse_words(words: impl IntoIterator<Item = Bytes>) -> Result<Vec<Self>, RefspecError> {
        parse_words(words, Self::parse, Self::tag)
    }

    /// Where `name`, a full name of the other side, goes by this refspec alone; `None`: it does not speak of it.
    ///
    /// # Errors
    /// The rule that the destination's name would break.
    pub fn map(&self, name: &RefName) -> Result<Option<Mapped>, RefNameError> {
        match self {
            Self::One { force, source: FetchSource::Name(source), destination } if source == name => {
                Ok(Some(Mapped { destination: destination.clone(), force: *force }))
            }
            Self::Pattern { force, source, destination } => Ok(map(source, destination, name)?
                .map(|destination| Mapped { destination: Some(destination), force: *force })),
            Self::One { .. } | Self::Exclude(_) => Ok(None),
        }
    }

    /// The name of the other side that is stored in `destination` by this refspec, for pruning; `None`: none is.
    ///
    /// # Errors
    /// The rule that the source's name would break.
    pub fn map_back(&self, destination: &RefName) -> Result<Option<RefName>, RefNameError> {
        match self {
            Self::One { source: FetchSource::Name(source), destination: Some(own), .. }
                if own == destination =>
            {
                Ok(Some(source.clone()))
            }
            Self::Pattern { source, destination: own, .. } => map(own, source, destination),
            Self::One { .. } | Self::Exclude(_) => Ok(None),
        }
    }

    /// Whether it takes `name` out of what the others choose.
    #[must_use]
    pub fn excludes(&self, name: &RefName) -> bool {
        matches!(self, Self::Exclude(exclusion) if exclusion.excludes(name))
    }

    /// What the names that it speaks of begin with, for the `ref-prefix` lines of `gitprotocol-v2` *ls-refs*. Without any for an
    /// object or an exclusion.
    pub fn prefixes(&self) -> impl Iterator<Item = Bytes> + '_ {
        let (pattern, name) = match self {
            Self::Pattern { source, .. } => (Some(Bytes::copy_from_slice(source.prefix())), None),
            Self::One { source: FetchSource::Name(name), .. } => (None, Some(name)),
            Self::One { .. } | Self::Exclude(_) => (None, None),
        };
        let candidates = name.into_iter().flat_map(RefName::candidates);
        pattern.into_iter().chain(candidates.map(|name| name.as_shared().clone()))
    }

    /// The refspec as it is written on a command line or in a configuration file. Its [`fmt::Display`] escapes what is not
    /// ASCII; this does not.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::One { force, source, destination } => {
                let destination = destination.as_ref().map(RefName::as_bytes);
                match source {
                    FetchSource::Name(name) => write(*force, name.as_bytes(), destination),
                    FetchSource::Object(id) => write(*force, id.to_hex().as_bytes(), destination),
                }
            }
            Self::Pattern { force, source, destination } => {
                write(*force, source.as_bytes(), Some(destination.as_bytes()))
            }
            Self::Exclude(exclusion) => [b"^", exclusion.as_bytes()].concat(),
        }
    }
}

impl fmt::Display for FetchRefspec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_bytes().escape_ascii(), f)
    }
}

impl fmt::Display for FetchSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => fmt::Display::fmt(name, f),
            Self::Object(id) => fmt::Display::fmt(id, f),
        }
    }
}
