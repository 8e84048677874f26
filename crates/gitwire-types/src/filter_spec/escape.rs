//! The percent escapes between the parts of a `combine:` filter.

use alloc::vec::Vec;

use super::FilterSpecError;

/// Writes a part so that it can stand in a `combine:`.
pub(super) fn encode(part: &[u8], out: &mut Vec<u8>) {
    for byte in part {
        if must_escape(*byte) || matches!(byte, b'+' | b'%') {
            let digit = |nibble: u8| {
                if nibble < 10 {
                    b'0'.wrapping_add(nibble)
                } else {
                    b'a'.wrapping_add(nibble.wrapping_sub(10))
                }
            };
            out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
        } else {
            out.push(*byte);
        }
    }
}

/// Resolves the escapes of a part. A `%` that no two hexadecimal digits follow, and `%00`, stand for themselves, as in git.
pub(super) fn decode(part: &[u8]) -> Result<Vec<u8>, FilterSpecError> {
    if let Some((at, byte)) = part.iter().copied().enumerate().find(|(_, byte)| must_escape(*byte)) {
        return Err(FilterSpecError::Unescaped { byte, at });
    }
    let mut out = Vec::with_capacity(part.len());
    let mut left = part;
    while let Some((byte, rest)) = left.split_first() {
        left = rest;
        let escaped = match (byte, rest) {
            (b'%', [high, low, rest @ ..]) => value(*high, *low).map(|value| (value, rest)),
            _ => None,
        };
        match escaped {
            Some((value, rest)) => {
                out.push(value);
                left = rest;
            }
            None => out.push(*byte),
        }
    }
    Ok(out)
}

/// The byte that two digits stand for, if it is not zero.
fn value(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?).filter(|value| *value != 0)
}

/// The reserved bytes of `git-rev-list`, `+` and `%` apart: those have a meaning. What is not ASCII counts as below a space, as it
/// does in git where `char` has a sign.
fn must_escape(byte: u8) -> bool {
    byte <= b' ' || byte >= 0x80 || br#"~`!@#$^&*()[]{}\;'",<>?"#.contains(&byte)
}
