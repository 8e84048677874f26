//! What stands in headers and answers, made readable.

use std::mem;

/// Whether a `WWW-Authenticate` header has a challenge of the scheme `Basic` (RFC 9110, section 11.6.1).
pub(crate) fn offers_basic(header: &str) -> bool {
    let mut quoted = false;
    let outside = |letter: char| {
        quoted ^= letter == '"';
        letter == ',' && !quoted
    };
    header.split(outside).any(|part| {
        let scheme = part.trim().split([' ', '\t']).next().unwrap_or_default();
        scheme.eq_ignore_ascii_case("basic")
    })
}

/// A header that stood on several lines, on one.
pub(super) fn unfolded(text: &str) -> String {
    let mut quoted = false;
    let mut blank = false;
    let mut line = String::with_capacity(text.len());
    for letter in text.trim().chars() {
        quoted ^= letter == '"';
        if !quoted && matches!(letter, ' ' | '\t' | '\r' | '\n') {
            blank = true;
            continue;
        }
        if mem::take(&mut blank) {
            line.push(' ');
        }
        line.push(letter);
    }
    line
}

/// A text in UTF-8, if it stands in a character set that is known here.
pub(super) fn decoded(text: Vec<u8>, charset: &str) -> Vec<u8> {
    let units = |order: fn([u8; 2]) -> u16, text: &[u8]| {
        let units = text.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).map(order);
        char::decode_utf16(units)
            .map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect::<String>()
    };
    let decoded = match (charset, text.as_slice()) {
        ("utf-16", [0xff, 0xfe, rest @ ..]) => units(u16::from_le_bytes, rest),
        ("utf-16", [0xfe, 0xff, rest @ ..]) => units(u16::from_be_bytes, rest),
        ("utf-16" | "utf-16be", text) => units(u16::from_be_bytes, text),
        ("utf-16le", text) => units(u16::from_le_bytes, text),
        ("iso-8859-1", text) => text.iter().map(|byte| char::from(*byte)).collect(),
        _ => return text,
    };
    decoded.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_on_several_lines() {
        for (header, expected) in [
            ("Basic realm=\"a  b\"", "Basic realm=\"a  b\""),
            ("FooBar a=1\n  b=2", "FooBar a=1 b=2"),
            ("FooBar a=1 \r\n \r\n\tb=2 ", "FooBar a=1 b=2"),
            ("", ""),
        ] {
            assert_eq!(unfolded(header), expected);
        }
    }

    #[test]
    fn texts_in_other_character_sets() {
        for (text, charset, expected) in [
            (&b"plain"[..], "", "plain"),
            (b"\xe4", "iso-8859-1", "\u{e4}"),
            (b"\xff\xfea\0b\0", "utf-16", "ab"),
            (b"\xfe\xff\0a\0b", "utf-16", "ab"),
            (b"\0a\0b\0", "utf-16be", "ab"),
            (b"a\0\0\xd8", "utf-16le", "a\u{fffd}"),
        ] {
            assert_eq!(decoded(text.to_vec(), charset), expected.as_bytes(), "{charset}");
        }
    }

    #[test]
    fn challenges() {
        for (header, expected) in [
            ("Basic realm=\"a\"", true),
            ("basic", true),
            ("Digest realm=\"a\", Basic realm=\"b\"", true),
            ("Digest realm=\"x, Basic y\"", false),
            ("Bearer", false),
            ("Basically realm=\"a\"", false),
            ("", false),
        ] {
            assert_eq!(offers_basic(header), expected, "{header}");
        }
    }
}
