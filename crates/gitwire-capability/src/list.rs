//! Capabilities as they stand on the wire: words on a line (v0, v1) and lines (v2).

use core::iter::FusedIterator;

use nom::bytes::complete::{tag, take_till, take_while1};
use nom::combinator::{opt, rest};
use nom::sequence::preceded;
use nom::{IResult, Parser};

use crate::CapabilityError;

/// What is accepted from a peer at most, over all lines of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many capabilities. 16384 by default: git's servers send about 20, and one `symref` for each symbolic
    /// reference, of which even a large host has a few thousand.
    pub capabilities_max: usize,
    /// How many bytes of capabilities, separators not counted. 1 MiB by default: sixteen pkt-lines full of them.
    pub bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { capabilities_max: 16_384, bytes_max: 1 << 20 }
    }
}

/// What is left of [`Limits`] while the lines of one message are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    limits: Limits,
    capabilities: usize,
    bytes: usize,
}

impl Budget {
    /// All of `limits`.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self { limits, capabilities: limits.capabilities_max, bytes: limits.bytes_max }
    }

    pub(crate) fn spend(&mut self, capability: Capability<'_>) -> Result<(), CapabilityError> {
        let max = self.limits.capabilities_max;
        self.capabilities = self.capabilities.checked_sub(1).ok_or(CapabilityError::TooMany { max })?;
        let max = self.limits.bytes_max;
        self.bytes = self.bytes.checked_sub(capability.len).ok_or(CapabilityError::TooLong { max })?;
        Ok(())
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

/// One capability: a name, and a value where there is a `=`. Borrowed from the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Capability<'a> {
    key: &'a [u8],
    value: Option<&'a [u8]>,
    len: usize,
}

impl<'a> Capability<'a> {
    /// Reads one line of version 2, `key` or `key=value` (`gitprotocol-v2`, *capability*), without its LF.
    ///
    /// Reads more than the document promises: a value may hold every byte that is no control byte.
    ///
    /// ```
    /// use gitwire_capability::Capability;
    ///
    /// let capability = Capability::parse(b"fetch=shallow filter")?;
    /// assert_eq!(capability.key(), b"fetch");
    /// assert_eq!(capability.value(), Some(&b"shallow filter"[..]));
    /// assert!(Capability::parse(b"two words").is_err());
    /// # Ok::<(), gitwire_capability::CapabilityError>(())
    /// ```
    ///
    /// # Errors
    /// [`CapabilityError::EmptyKey`], [`CapabilityError::BadKey`], [`CapabilityError::ControlByte`].
    pub fn parse(line: &'a [u8]) -> Result<Self, CapabilityError> {
        let capability = Self::from_word(line, 0)?;
        let wrong = |byte: &u8| !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        match capability.key.iter().copied().enumerate().find(|(_, byte)| wrong(byte)) {
            Some((at, byte)) => Err(CapabilityError::BadKey { at, byte }),
            None => Ok(capability),
        }
    }

    /// Its name.
    #[must_use]
    pub const fn key(self) -> &'a [u8] {
        self.key
    }

    /// What stands after the first `=`.
    #[must_use]
    pub const fn value(self) -> Option<&'a [u8]> {
        self.value
    }

    fn from_word(word: &'a [u8], at: usize) -> Result<Self, CapabilityError> {
        let mut bytes = word.iter().copied().enumerate();
        if let Some((offset, byte)) = bytes.find(|(_, byte)| byte.is_ascii_control()) {
            return Err(CapabilityError::ControlByte { at: at.saturating_add(offset), byte });
        }
        Self::from_clean_word(word, at)
    }

    /// As [`from_word`](Self::from_word), for a word without control bytes.
    fn from_clean_word(word: &'a [u8], at: usize) -> Result<Self, CapabilityError> {
        match key_and_value(word) {
            Ok((_, (key, value))) => Ok(Self { key, value, len: word.len() }),
            Err(_) => Err(CapabilityError::EmptyKey { at }),
        }
    }
}

/// The capabilities on one line of version 0 or 1: words with white space between (`gitprotocol-pack`, *capability-list*).
///
/// An iterator over what a line holds. After an error it ends.
///
/// ```
/// use gitwire_capability::Capabilities;
///
/// let keys: Vec<_> = Capabilities::new(b" thin-pack agent=git/2.47.3\n")
///     .map(|capability| capability.map(|capability| capability.key()))
///     .collect::<Result<_, _>>()?;
/// assert_eq!(keys, [&b"thin-pack"[..], b"agent"]);
/// # Ok::<(), gitwire_capability::CapabilityError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Capabilities<'a> {
    rest: &'a [u8],
    at: usize,
    /// Whether the list holds no control bytes but separators, so that no word needs a closer look.
    clean: bool,
}

impl<'a> Capabilities<'a> {
    /// The capabilities of `list`, which is what stands after NUL or after the id of a want.
    #[must_use]
    pub fn new(list: &'a [u8]) -> Self {
        // Without an early way out the compiler looks at many bytes at once.
        let dirty = |byte: u8| byte.is_ascii_control() & !is_separator(byte);
        let clean = !list.iter().fold(false, |found, byte| found | dirty(*byte));
        Self { rest: list, at: 0, clean }
    }
}

impl<'a> Iterator for Capabilities<'a> {
    /// # Errors
    /// [`CapabilityError::EmptyKey`], [`CapabilityError::ControlByte`].
    type Item = Result<Capability<'a>, CapabilityError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (after, (skipped, word)) = next_word(self.rest).ok()?;
        let start = self.at.saturating_add(skipped.len());
        if word.is_empty() {
            self.rest = &[];
            return None;
        }
        self.rest = after;
        self.at = start.saturating_add(word.len());
        let capability = match self.clean {
            true => Capability::from_clean_word(word, start),
            false => Capability::from_word(word, start),
        };
        if capability.is_err() {
            self.rest = &[];
        }
        Some(capability)
    }
}

impl FusedIterator for Capabilities<'_> {}

/// What separates words for git: blank, TAB, LF and CR.
fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// White space and the word after it; either may be empty.
fn next_word(list: &[u8]) -> IResult<&[u8], (&[u8], &[u8])> {
    (take_till(|byte| !is_separator(byte)), take_till(is_separator)).parse_complete(list)
}

type KeyAndValue<'a> = (&'a [u8], Option<&'a [u8]>);

/// `key [ "=" value ]`
fn key_and_value(word: &[u8]) -> IResult<&[u8], KeyAndValue<'_>> {
    (take_while1(|byte| byte != b'='), opt(preceded(tag("="), rest))).parse_complete(word)
}
