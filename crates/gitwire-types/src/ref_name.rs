//! Reference names, and patterns of them.

use core::fmt;
use core::str::FromStr;

use alloc::string::String;

use bytes::Bytes;

mod check;

pub use check::{RefNameError, RefNameRule};

/// A reference name that git would accept: bytes that have passed `git check-ref-format --allow-onelevel`.
///
/// Cheap to clone. A name is bytes, not text; [`fmt::Display`] escapes what a terminal should not see.
///
/// ```
/// use gitwire_types::{RefName, RefNameRule};
///
/// let name = RefName::full("refs/heads/main")?;
/// assert_eq!(name.short(), b"main");
///
/// let error = RefName::new("refs/heads/a..b").unwrap_err();
/// assert_eq!((error.rule, error.at), (RefNameRule::DoubleDot, 12));
/// # Ok::<(), gitwire_types::RefNameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefName(Bytes);

impl RefName {
    /// The name `HEAD`.
    #[must_use]
    pub const fn head() -> Self {
        Self(Bytes::from_static(b"HEAD"))
    }

    /// Takes a name if `git check-ref-format --allow-onelevel` would.
    ///
    /// # Errors
    /// The rule that the name breaks, and where.
    pub fn new(name: impl Into<Bytes>) -> Result<Self, RefNameError> {
        let name = name.into();
        Self::check(&name)?;
        Ok(Self(name))
    }

    /// Takes a name that is complete: one below `refs/`, or one at the root such as `HEAD` or `FETCH_HEAD`, of capital letters
    /// and underscores alone (`gitglossary`, *ref*).
    ///
    /// What is written to a repository must be such a name: anything else could be a path to `config` or `objects`.
    ///
    /// # Errors
    /// The rule that the name breaks, and where; [`RefNameRule::NotFull`] for a name that is neither.
    pub fn full(name: impl Into<Bytes>) -> Result<Self, RefNameError> {
        let name = Self::new(name)?;
        if name.is_full() { Ok(name) } else { Err(RefNameError { rule: RefNameRule::NotFull, at: 0 }) }
    }

    /// As [`RefName::new`] for a borrowed name; copies it only if it is good.
    ///
    /// # Errors
    /// As [`RefName::new`].
    pub fn copy_from(name: &[u8]) -> Result<Self, RefNameError> {
        Self::check(name)?;
        Ok(Self(Bytes::copy_from_slice(name)))
    }

    /// Says whether [`RefName::new`] would take these bytes, without taking them.
    ///
    /// # Errors
    /// As [`RefName::new`].
    pub fn check(name: &[u8]) -> Result<(), RefNameError> {
        check::name(name)
    }

    /// Whether it stands below `refs/` or is a root reference like `HEAD`: see [`RefName::full`].
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.0.starts_with(b"refs/") || self.is_root()
    }

    /// Whether it is a name at the root, of capital letters and underscores alone: `HEAD`, `FETCH_HEAD`, `ORIG_HEAD`.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_')
    }

    /// Whether it is a branch: a name below `refs/heads/`.
    #[must_use]
    pub fn is_branch(&self) -> bool {
        self.0.starts_with(b"refs/heads/")
    }

    /// Whether it is a tag: a name below `refs/tags/`.
    #[must_use]
    pub fn is_tag(&self) -> bool {
        self.0.starts_with(b"refs/tags/")
    }

    /// The name without `refs/heads/`, `refs/tags/`, `refs/remotes/` or `refs/`, whichever fits first: how it is shown.
    #[must_use]
    pub fn short(&self) -> &[u8] {
        ["refs/heads/", "refs/tags/", "refs/remotes/", "refs/"]
            .iter()
            .find_map(|prefix| self.0.strip_prefix(prefix.as_bytes()))
            .unwrap_or(&self.0)
    }

    /// The names that this one may be short for, in the order in which git tries them: itself, then below `refs/`,
    /// `refs/tags/`, `refs/heads/`, `refs/remotes/`, and last the `HEAD` of a remote (`gitrevisions`, *refname*).
    pub fn candidates(&self) -> impl Iterator<Item = Self> + '_ {
        EXPANSIONS.iter().map(|(before, after)| {
            if before.is_empty() {
                return self.clone();
            }
            // A good name stays good between a prefix that ends in a slash and such a suffix, so no check is needed.
            Self([before.as_bytes(), &self.0, after.as_bytes()].concat().into())
        })
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

impl FromStr for RefName {
    type Err = RefNameError;

    fn from_str(name: &str) -> Result<Self, RefNameError> {
        Self::copy_from(name.as_bytes())
    }
}

impl TryFrom<String> for RefName {
    type Error = RefNameError;

    fn try_from(name: String) -> Result<Self, RefNameError> {
        Self::new(name)
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

/// A reference name in which one `*` stands for anything: what `git check-ref-format --refspec-pattern` takes, with its star.
///
/// ```
/// use gitwire_types::{RefName, RefPattern};
///
/// let from = RefPattern::new("refs/heads/*")?;
/// let to = RefPattern::new("refs/remotes/origin/*")?;
/// let part = from.matches(b"refs/heads/topic/one").unwrap_or_default();
/// assert_eq!(part, b"topic/one");
/// assert_eq!(to.fill(part)?.to_string(), "refs/remotes/origin/topic/one");
/// # Ok::<(), gitwire_types::RefNameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefPattern(Bytes);

impl RefPattern {
    /// Takes a pattern: a good name but for exactly one `*`.
    ///
    /// # Errors
    /// The rule that the pattern breaks, and where; [`RefNameRule::NoStar`] if it has no `*`.
    pub fn new(pattern: impl Into<Bytes>) -> Result<Self, RefNameError> {
        let pattern = pattern.into();
        check::pattern(&pattern)?;
        Ok(Self(pattern))
    }

    /// What the `*` stands for in `name`, if the rest of the pattern fits it.
    #[must_use]
    pub fn matches<'n>(&self, name: &'n [u8]) -> Option<&'n [u8]> {
        let (before, after) = self.parts();
        name.strip_prefix(before)?.strip_suffix(after)
    }

    /// The pattern with `part` in place of the `*`.
    ///
    /// # Errors
    /// The rule that the outcome breaks: the end of `part` may be good within one name and bad within another
    /// (`a.lock-b` gives `a.lock`).
    pub fn fill(&self, part: &[u8]) -> Result<RefName, RefNameError> {
        let (before, after) = self.parts();
        RefName::new([before, part, after].concat())
    }

    /// What stands before the `*`.
    #[must_use]
    pub fn prefix(&self) -> &[u8] {
        self.parts().0
    }

    /// The pattern's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn parts(&self) -> (&[u8], &[u8]) {
        let mut parts = self.0.splitn(2, |byte| *byte == b'*');
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
    }
}

impl fmt::Display for RefPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.escape_ascii(), f)
    }
}

impl fmt::Debug for RefPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What git puts before and after a short name when it looks for the full one.
const EXPANSIONS: [(&str, &str); 6] = [
    ("", ""),
    ("refs/", ""),
    ("refs/tags/", ""),
    ("refs/heads/", ""),
    ("refs/remotes/", ""),
    ("refs/remotes/", "/HEAD"),
];

#[cfg(test)]
mod tests;
