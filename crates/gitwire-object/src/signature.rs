//! Who, and when: the author, committer and tagger lines.

use core::fmt;

/// A person and a time, as an object's header holds them: `Name <email> seconds offset`.
///
/// Reads whatever real repositories hold: what is missing or malformed is empty or `None`, and the bytes are all kept.
///
/// ```
/// use gitwire_object::Signature;
///
/// let who = Signature::new(b"A U Thor <author@example.com> 1112354055 +0200");
/// assert_eq!((who.name(), who.email()), (&b"A U Thor"[..], &b"author@example.com"[..]));
/// assert_eq!((who.seconds(), who.offset_minutes()), (Some(1_112_354_055), Some(120)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature<'a>(&'a [u8]);

impl<'a> Signature<'a> {
    /// A signature from the line after its keyword and space, without the LF.
    #[must_use]
    pub const fn new(line: &'a [u8]) -> Self {
        Self(line)
    }

    /// All its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// What stands before the first `<`, without the space around it.
    #[must_use]
    pub fn name(&self) -> &'a [u8] {
        let end = memchr::memchr(b'<', self.0).unwrap_or(self.0.len());
        self.0.get(..end).unwrap_or_default().trim_ascii()
    }

    /// What stands between the first `<` and the next `>`.
    #[must_use]
    pub fn email(&self) -> &'a [u8] {
        let Some((_, rest)) = split(self.0, b'<') else { return b"" };
        split(rest, b'>').map_or(&b""[..], |(email, _)| email)
    }

    /// Seconds since 1970; `None` where no number stands, or one that is no `u64`.
    #[must_use]
    pub fn seconds(&self) -> Option<u64> {
        seconds(self.0)
    }

    /// The offset from UTC in minutes, negative to the west; `None` where none stands. `+hhmm` is read by its digits whatever
    /// they are: `+9999` is 99 hours and 99 minutes.
    #[must_use]
    pub fn offset_minutes(&self) -> Option<i32> {
        let date = self.date();
        let (_, zone) = split(date.trim_ascii(), b' ')?;
        let zone = zone.trim_ascii();
        let digits = zone.get(1..).filter(|digits| !digits.is_empty() && digits.len() <= 6)?;
        let number = decimal(digits).filter(|(_, rest)| rest.is_empty())?.0;
        let number = i32::try_from(number).ok()?;
        let minutes = number.checked_div(100)?.checked_mul(60)?.checked_add(number % 100)?;
        match zone.first()? {
            b'+' => Some(minutes),
            b'-' => minutes.checked_neg(),
            _ => None,
        }
    }

    fn date(&self) -> &'a [u8] {
        let after = memchr::memrchr(b'>', self.0).and_then(|at| self.0.get(at.saturating_add(1)..));
        after.unwrap_or_default()
    }
}

impl fmt::Display for Signature<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.escape_ascii(), f)
    }
}

impl fmt::Debug for Signature<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The seconds after the last `>` of a line.
pub(crate) fn seconds(line: &[u8]) -> Option<u64> {
    let after = line.get(memchr::memrchr(b'>', line)?.saturating_add(1)..)?;
    decimal(after.trim_ascii_start()).map(|(number, _)| number)
}

/// The decimal number at the beginning, and the rest; `None` for no digit or more than a `u64`.
pub(crate) fn decimal(text: &[u8]) -> Option<(u64, &[u8])> {
    let len = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(len).filter(|(digits, _)| !digits.is_empty())?;
    let number = digits.iter().try_fold(0_u64, |number, digit| {
        number.checked_mul(10)?.checked_add(u64::from(digit.wrapping_sub(b'0')))
    })?;
    Some((number, rest))
}

/// What stands before and after the first `byte`.
pub(crate) fn split(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(byte, text)?;
    Some((text.get(..at)?, text.get(at.checked_add(1)?..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, name: &str, email: &str, seconds: Option<u64>, offset: Option<i32>) {
        let who = Signature::new(line.as_bytes());
        assert_eq!((who.name(), who.email()), (name.as_bytes(), email.as_bytes()));
        assert_eq!((who.seconds(), who.offset_minutes()), (seconds, offset));
        assert_eq!(who.as_bytes(), line.as_bytes());
    }

    #[test]
    fn regular_and_odd() {
        check("A B <a@b> 12 +0130", "A B", "a@b", Some(12), Some(90));
        check("A <a@b> 12 -0800", "A", "a@b", Some(12), Some(-480));
        check("A <a@b> 12 +9999", "A", "a@b", Some(12), Some(6039));
        check("A <a@b>", "A", "a@b", None, None);
        check("A <a@b> 12", "A", "a@b", Some(12), None);
        check("A <a@b> 12 UTC", "A", "a@b", Some(12), None);
        check("A <a@b> 0012 +0", "A", "a@b", Some(12), Some(0));
        check("<> 1 +0000", "", "", Some(1), Some(0));
        check("A<a@b>12 +0000", "A", "a@b", Some(12), Some(0));
        check("A <a>b> 12 +0000", "A", "a", Some(12), Some(0));
        check("A <a@b 12 +0000", "A", "", None, None);
        check("no mail 12 +0000", "no mail 12 +0000", "", None, None);
        check("A <a@b> -12 +0000", "A", "a@b", None, Some(0));
        check("A <a@b> 99999999999999999999 +0000", "A", "a@b", None, Some(0));
        check("", "", "", None, None);
    }
}
