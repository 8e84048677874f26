//! The rules of `git check-ref-format`.
//!
//! A million names come with the advertisement of a large server, and nearly all are good. So a first pass over the bytes
//! only says good or bad, by a table; a second one, made for bad names alone, finds the rule and the place.

use core::fmt;

/// Why some bytes are not a reference name: the rule of `git check-ref-format` that is broken first, reading from the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("bad ref name: {rule} at offset {at}")]
pub struct RefNameError {
    /// The rule.
    pub rule: RefNameRule,
    /// Offset of the first byte of what breaks it.
    pub at: usize,
}

/// The rules of `git check-ref-format`, and two of ours for full names and patterns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefNameRule {
    /// A name has at least one byte.
    Empty,
    /// No component is empty: no slash at the beginning or the end, no two in a row.
    EmptyComponent,
    /// No component begins with a dot.
    LeadingDot,
    /// No component ends with `.lock`.
    LockSuffix,
    /// No two dots in a row.
    DoubleDot,
    /// No control characters (below 0x20, and 0x7f).
    Control,
    /// None of space `~` `^` `:` `?` `*` `[` `\`. (A pattern may have one `*`.)
    Forbidden,
    /// No dot at the end.
    TrailingDot,
    /// No `@{`.
    AtBrace,
    /// Not `@` alone.
    LoneAt,
    /// A full name begins with `refs/` or is of capital letters and underscores alone.
    NotFull,
    /// A pattern has a `*`.
    NoStar,
}

impl fmt::Display for RefNameRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "it is empty",
            Self::EmptyComponent => "a component is empty",
            Self::LeadingDot => "a component begins with '.'",
            Self::LockSuffix => "a component ends with '.lock'",
            Self::DoubleDot => "'..'",
            Self::Control => "a control character",
            Self::Forbidden => "a character that is not allowed",
            Self::TrailingDot => "it ends with '.'",
            Self::AtBrace => "'@{'",
            Self::LoneAt => "it is '@'",
            Self::NotFull => "it is not below refs/",
            Self::NoStar => "a pattern needs a '*'",
        })
    }
}

/// Checks a name as `git check-ref-format --allow-onelevel` does.
pub(super) fn name(name: &[u8]) -> Result<(), RefNameError> {
    if is_good(name) { Ok(()) } else { find(name, Stars::None) }
}

/// Checks a pattern as `git check-ref-format --allow-onelevel --refspec-pattern` does, and that it has its star.
pub(super) fn pattern(pattern: &[u8]) -> Result<(), RefNameError> {
    find(pattern, Stars::One)?;
    if !pattern.contains(&b'*') {
        return Err(RefNameError { rule: RefNameRule::NoStar, at: pattern.len() });
    }
    Ok(())
}

/// The first pass: one table look-up for each byte, no branch on its value.
fn is_good(name: &[u8]) -> bool {
    // A name begins like the part after a slash: no slash, no dot.
    let mut banned = BANNED | ALWAYS_BANNED_AFTER_SLASH;
    let mut bad = 0;
    let mut seen = 0;
    for byte in name {
        let entry = CLASSES.get(usize::from(*byte)).copied().unwrap_or(BANNED);
        bad |= entry & banned;
        seen |= entry;
        banned = entry >> AFTER | BANNED;
    }
    if bad & 0xff != 0 || name.is_empty() || name == b"@" || name.ends_with(b"/") {
        return false;
    }
    // A dot is rare enough to look again.
    seen & DOT == 0
        || (!name.ends_with(b".") && !name.split(|byte| *byte == b'/').any(|part| part.ends_with(b".lock")))
}

const SLASH: u16 = 1;
const DOT: u16 = 2;
const BRACE: u16 = 4;
const BANNED: u16 = 8;
/// A byte's own class stands in the low half of its entry, the classes that may not follow it in the high half.
const AFTER: u32 = 8;
const ALWAYS_BANNED_AFTER_SLASH: u16 = SLASH | DOT;

static CLASSES: [u16; 256] = {
    let mut table = [0_u16; 256];
    let mut rest: &mut [u16] = &mut table;
    let mut byte = 0_u8;
    while let Some((first, tail)) = rest.split_first_mut() {
        *first = match byte {
            b'/' => SLASH | ALWAYS_BANNED_AFTER_SLASH << AFTER,
            b'.' => DOT | DOT << AFTER,
            b'@' => BRACE << AFTER,
            b'{' => BRACE,
            0..=b' ' | 0x7f | b'~' | b'^' | b':' | b'?' | b'*' | b'[' | b'\\' => BANNED,
            _ => 0,
        };
        byte = byte.wrapping_add(1);
        rest = tail;
    }
    table
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stars {
    None,
    One,
}

/// The second pass: the first rule that is broken, component by component.
fn find(name: &[u8], mut stars: Stars) -> Result<(), RefNameError> {
    let broken = |rule, at| Err(RefNameError { rule, at });
    if name.is_empty() {
        return broken(RefNameRule::Empty, 0);
    }
    if name == b"@" {
        return broken(RefNameRule::LoneAt, 0);
    }
    let mut start = 0_usize;
    for component in name.split(|byte| *byte == b'/') {
        if component.is_empty() {
            // At the beginning and within a name the second slash is what is too much; at the end it is the last one.
            return broken(RefNameRule::EmptyComponent, start.min(name.len().saturating_sub(1)));
        }
        if component.starts_with(b".") {
            return broken(RefNameRule::LeadingDot, start);
        }
        let mut before = 0;
        for (offset, byte) in component.iter().copied().enumerate() {
            let at = start.saturating_add(offset);
            match (before, byte) {
                (b'.', b'.') => return broken(RefNameRule::DoubleDot, at.saturating_sub(1)),
                (b'@', b'{') => return broken(RefNameRule::AtBrace, at.saturating_sub(1)),
                (_, b'*') if stars == Stars::One => stars = Stars::None,
                (_, b' ' | b'~' | b'^' | b':' | b'?' | b'*' | b'[' | b'\\') => {
                    return broken(RefNameRule::Forbidden, at);
                }
                (_, 0..0x20 | 0x7f) => return broken(RefNameRule::Control, at),
                _ => {}
            }
            before = byte;
        }
        let end = start.saturating_add(component.len());
        if component.ends_with(b".lock") {
            return broken(RefNameRule::LockSuffix, end.saturating_sub(5));
        }
        if component.ends_with(b".") && end == name.len() {
            return broken(RefNameRule::TrailingDot, end.saturating_sub(1));
        }
        start = end.saturating_add(1);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
