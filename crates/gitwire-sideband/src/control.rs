//! Which control characters of the peer may reach a terminal.

use core::str::FromStr;

/// Which terminal control sequences pass from the peer's text: the value of `sideband.allowControlCharacters` (`git-config`).
///
/// LF and TAB pass always. All other control characters are shown, not sent (CVE-2024-52005), unless they are part of
/// a sequence that is allowed here, whole and well formed.
///
/// ```
/// use gitwire_sideband::ControlCharacters;
///
/// let allowed: ControlCharacters = "color,erase".parse()?;
/// assert_eq!(allowed, ControlCharacters::COLOR.and(ControlCharacters::ERASE));
/// # Ok::<(), gitwire_sideband::ControlCharactersError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ControlCharacters(u8);

impl ControlCharacters {
    /// `false`: none. What [`ProgressText`](crate::ProgressText) starts with.
    pub const NONE: Self = Self(0);
    /// `color`, git's default: sequences that set colours and styles, `ESC [ … m`.
    pub const COLOR: Self = Self(1);
    /// `cursor`: sequences that move the cursor, such as `ESC [ 2 A`.
    pub const CURSOR: Self = Self(2);
    /// `erase`: sequences that erase characters, such as `ESC [ K`. The peer can make lines vanish with them.
    pub const ERASE: Self = Self(4);
    /// `true`: everything, as it comes. The peer drives the terminal.
    pub const ALL: Self = Self(0xff);

    /// What either allows.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all that `other` allows is allowed.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether a control sequence with these parameter bytes and this final byte may pass (ECMA-48: `ESC [`, parameters,
    /// final byte).
    pub(crate) fn allows(self, parameters: &[u8], last: u8) -> bool {
        // Private parameters (`?`, `<`, `>`) switch modes of the terminal, whatever the final byte.
        let plain = parameters.iter().all(|byte| matches!(byte, b'0'..=b'9' | b';' | b':'));
        plain
            && match last {
                b'm' => self.contains(Self::COLOR),
                b'A'..=b'H' | b'd' | b'f' => self.contains(Self::CURSOR),
                b'J' | b'K' | b'X' => self.contains(Self::ERASE),
                _ => false,
            }
    }
}

impl Default for ControlCharacters {
    /// [`ControlCharacters::NONE`]: what is neither a terminal nor a user's choice gets plain text.
    fn default() -> Self {
        Self::NONE
    }
}

impl FromStr for ControlCharacters {
    type Err = ControlCharactersError;

    /// Reads the value of `sideband.allowControlCharacters`: a boolean of git's, or a list of `default`, `color`, `cursor`
    /// and `erase` with commas between.
    fn from_str(value: &str) -> Result<Self, ControlCharactersError> {
        match value.trim() {
            "" | "0" => return Ok(Self::NONE),
            "1" => return Ok(Self::ALL),
            word if ["true", "yes", "on"].iter().any(|yes| yes.eq_ignore_ascii_case(word)) => {
                return Ok(Self::ALL);
            }
            word if ["false", "no", "off"].iter().any(|no| no.eq_ignore_ascii_case(word)) => {
                return Ok(Self::NONE);
            }
            _ => {}
        }
        let mut allowed = Self::NONE;
        let mut at = 0_usize;
        for word in value.split(',') {
            allowed = allowed.and(match word.trim() {
                "default" | "color" => Self::COLOR,
                "cursor" => Self::CURSOR,
                "erase" => Self::ERASE,
                _ => return Err(ControlCharactersError { at }),
            });
            at = at.saturating_add(word.len()).saturating_add(1);
        }
        Ok(allowed)
    }
}

/// A word in `sideband.allowControlCharacters` that means nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown word at byte {at}, expected default, color, cursor, erase, true or false")]
pub struct ControlCharactersError {
    /// Where the word starts in the value.
    pub at: usize,
}
