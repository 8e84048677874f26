//! How much history a shallow fetch takes (`gitprotocol-pack`, *deepen*; `gitprotocol-v2`, *fetch*).

use core::fmt;
use core::num::NonZeroU64;

use alloc::vec::Vec;

use crate::RefName;
use crate::number::integer;

/// Where the history that is sent ends. Depth excludes the other two; those may stand together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Deepen {
    /// `deepen N`: so many commits from each tip.
    Depth {
        /// How many.
        depth: Depth,
        /// `deepen-relative`: counted from the present shallow border instead.
        from: DepthFrom,
    },
    /// `deepen-since T` and `deepen-not R`: no commits older than T and none that R reaches. Not both empty.
    Boundary {
        /// No commits older than this.
        since: Option<Since>,
        /// No commits reachable from these.
        not: Vec<RefName>,
    },
}

/// Where a depth is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DepthFrom {
    /// The tips that are fetched.
    #[default]
    Tips,
    /// The border of the history that the client has (`deepen-relative`).
    Border,
}

/// The number of commits from a tip: 1 to 2147483647, which means all of them.
///
/// ```
/// use gitwire_types::Depth;
///
/// assert_eq!(Depth::parse(b"0x10")?.get(), 16);
/// assert!(Depth::parse(b"0").is_err());
/// assert!(Depth::parse(b"2147483647")?.is_infinite());
/// # Ok::<(), gitwire_types::DeepenError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Depth(u32);

impl Depth {
    /// All of history: what `--unshallow` asks for.
    pub const INFINITE: Self = Self(i32::MAX.cast_unsigned());

    /// A depth of so many commits.
    ///
    /// # Errors
    /// [`DeepenError::Depth`] for 0 and for what is more than [`Depth::INFINITE`].
    pub const fn new(depth: u32) -> Result<Self, DeepenError> {
        if depth == 0 || depth > Self::INFINITE.0 { Err(DeepenError::Depth) } else { Ok(Self(depth)) }
    }

    /// Reads the argument of `deepen`, as C reads numbers: a leading `0x` is hexadecimal, a leading `0` octal.
    ///
    /// # Errors
    /// [`DeepenError::Depth`] for anything but a number from 1 to 2147483647.
    pub fn parse(text: &[u8]) -> Result<Self, DeepenError> {
        let depth = integer(text).and_then(|depth| u32::try_from(depth).ok()).ok_or(DeepenError::Depth)?;
        Self::new(depth)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Whether it means all of history.
    #[must_use]
    pub const fn is_infinite(self) -> bool {
        self.0 == Self::INFINITE.0
    }
}

impl fmt::Display for Depth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A time to cut history at, in seconds since 1970; never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Since(NonZeroU64);

impl Since {
    /// That time; `None` for 0, and for the one number that git keeps for "none".
    #[must_use]
    pub const fn new(seconds: u64) -> Option<Self> {
        match NonZeroU64::new(seconds) {
            Some(seconds) if seconds.get() != u64::MAX => Some(Self(seconds)),
            _ => None,
        }
    }

    /// Reads the argument of `deepen-since`, as C reads numbers: a leading `0x` is hexadecimal, a leading `0` octal.
    ///
    /// # Errors
    /// [`DeepenError::Since`] for anything but a number above 0.
    pub fn parse(text: &[u8]) -> Result<Self, DeepenError> {
        integer(text).and_then(Self::new).ok_or(DeepenError::Since)
    }

    /// The seconds.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Why a depth request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeepenError {
    /// No number from 1 to 2147483647.
    #[error("depth is no number from 1 to 2147483647")]
    Depth,
    /// No time.
    #[error("deepen-since is no number of seconds above 0")]
    Since,
    /// Depth together with a time or a reference.
    #[error("deepen cannot be used together with deepen-since or deepen-not")]
    Both,
}

/// Puts the lines of a request together, in whatever order they come.
///
/// ```
/// use gitwire_types::{Deepen, DeepenBuilder, DeepenError, Depth, DepthFrom};
///
/// let mut lines = DeepenBuilder::default();
/// lines.relative();
/// lines.depth(Depth::new(3)?);
/// let expected = Deepen::Depth { depth: Depth::new(3)?, from: DepthFrom::Border };
/// assert_eq!(lines.finish()?, Some(expected));
/// # Ok::<(), DeepenError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct DeepenBuilder {
    depth: Option<Depth>,
    from: DepthFrom,
    since: Option<Since>,
    not: Vec<RefName>,
}

impl DeepenBuilder {
    /// A `deepen` line. The last one counts.
    pub fn depth(&mut self, depth: Depth) {
        self.depth = Some(depth);
    }

    /// A `deepen-relative` line.
    pub fn relative(&mut self) {
        self.from = DepthFrom::Border;
    }

    /// A `deepen-since` line. The last one counts.
    pub fn since(&mut self, since: Since) {
        self.since = Some(since);
    }

    /// A `deepen-not` line; they add up, so their number needs a bound where lines are read.
    pub fn not(&mut self, name: RefName) {
        self.not.push(name);
    }

    /// How many `deepen-not` lines there were.
    #[must_use]
    pub fn not_len(&self) -> usize {
        self.not.len()
    }

    /// What the lines ask for; `None`: nothing about depth.
    ///
    /// # Errors
    /// [`DeepenError::Both`] for a depth beside a time or a reference. `deepen-relative` without a depth is of no effect, as in git.
    pub fn finish(self) -> Result<Option<Deepen>, DeepenError> {
        let bounded = self.since.is_some() || !self.not.is_empty();
        match self.depth {
            Some(_) if bounded => Err(DeepenError::Both),
            Some(depth) => Ok(Some(Deepen::Depth { depth, from: self.from })),
            None if bounded => Ok(Some(Deepen::Boundary { since: self.since, not: self.not })),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests;
