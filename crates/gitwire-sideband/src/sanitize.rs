//! A peer's text made safe for a terminal.

use alloc::string::String;
use core::fmt::{self, Write as _};
use core::{mem, str};

use crate::ControlCharacters;

/// Makes a stream of a peer's text safe for a terminal (CVE-2024-52005).
///
/// LF and TAB pass. Every other control character comes out in a printable form: `^[` for ESC and its like, `<U+009B>` for
/// those of the second set, and `<9b>` for a byte that is no UTF-8. Sequences that [`ControlCharacters`] allows pass whole.
/// A sequence or a character may be cut anywhere between two calls.
///
/// ```
/// use gitwire_sideband::{ControlCharacters, Sanitizer};
///
/// let mut shown = String::new();
/// let mut sanitizer = Sanitizer::new(ControlCharacters::COLOR);
/// sanitizer.push(b"\x1b[3", &mut shown);
/// sanitizer.push(b"1mred\x1b[2J\x07", &mut shown);
/// sanitizer.finish(&mut shown);
/// assert_eq!(shown, "\x1b[31mred^[[2J^G");
/// ```
#[derive(Debug, Clone, Default)]
pub struct Sanitizer {
    allowed: ControlCharacters,
    /// The front of a character whose end has not come.
    character: Held<CHARACTER_MAX>,
    /// The front of a control sequence whose end has not come: ESC, `[`, parameters.
    sequence: Held<SEQUENCE_MAX>,
}

impl Sanitizer {
    /// At the start of a text.
    #[must_use]
    pub const fn new(allowed: ControlCharacters) -> Self {
        Self { allowed, character: Held::new(), sequence: Held::new() }
    }

    /// Appends to `out` what `text` looks like. A cut character or sequence at its end is held back.
    pub fn push(&mut self, mut text: &[u8], out: &mut String) {
        while !self.character.is_empty() {
            let Some((&byte, rest)) = text.split_first() else { return };
            if self.complete(byte, out) {
                text = rest;
            }
        }
        let mut chunks = text.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            self.valid(chunk.valid(), out);
            match chunk.invalid() {
                [] => {}
                cut if chunks.peek().is_none() && is_front_of_character(cut) => self.character.set(cut),
                invalid => self.put_bytes(invalid, out),
            }
        }
    }

    /// Appends what was held back, and is ready for another text.
    pub fn finish(&mut self, out: &mut String) {
        let held = mem::take(&mut self.character);
        self.put_bytes(held.as_bytes(), out);
    }

    /// One more byte of the character that is held. `false` if it belongs to the next one.
    fn complete(&mut self, byte: u8, out: &mut String) -> bool {
        let mut held = self.character.clone();
        held.push(byte);
        match str::from_utf8(held.as_bytes()) {
            Ok(character) => {
                self.character = Held::new();
                self.valid(character, out);
                true
            }
            Err(error) if error.error_len().is_none() => {
                self.character = held;
                true
            }
            Err(_) => {
                let spoilt = mem::take(&mut self.character);
                self.put_bytes(spoilt.as_bytes(), out);
                false
            }
        }
    }

    fn valid(&mut self, mut text: &str, out: &mut String) {
        while !text.is_empty() {
            if self.sequence.is_empty() {
                let (plain, rest) = split_at_control(text);
                out.push_str(plain);
                let mut rest = rest.chars();
                if let Some(control) = rest.next() {
                    self.control(control, out);
                }
                text = rest.as_str();
            } else {
                let mut rest = text.chars();
                if rest.next().is_some_and(|character| self.continue_sequence(character, out)) {
                    text = rest.as_str();
                }
            }
        }
    }

    fn control(&mut self, control: char, out: &mut String) {
        if self.allowed == ControlCharacters::ALL {
            out.push(control);
        } else if control == '\x1b' && self.allowed != ControlCharacters::NONE {
            self.sequence.set(b"\x1b");
        } else {
            put_control(control, out);
        }
    }

    /// One more character of the sequence that is held. `false` if it is none of it: then nothing is held any more.
    fn continue_sequence(&mut self, character: char, out: &mut String) -> bool {
        let byte = u8::try_from(character).unwrap_or(0);
        let parameters = self.sequence.as_bytes().strip_prefix(b"\x1b[");
        let goes_on = match (parameters, byte) {
            (None, b'[') | (Some(_), 0x30..=0x3f) => self.sequence.push(byte),
            (Some(parameters), 0x40..=0x7e) if self.allowed.allows(parameters, byte) => {
                let sequence = mem::take(&mut self.sequence);
                out.extend(sequence.as_bytes().iter().map(|byte| char::from(*byte)));
                out.push(character);
                return true;
            }
            _ => false,
        };
        if !goes_on {
            self.flush_sequence(out);
        }
        goes_on
    }

    /// Shows the sequence that is held, instead of sending it.
    fn flush_sequence(&mut self, out: &mut String) {
        let sequence = mem::take(&mut self.sequence);
        for byte in sequence.as_bytes() {
            if byte.is_ascii_control() {
                put_control(char::from(*byte), out);
            } else {
                out.push(char::from(*byte));
            }
        }
    }

    /// Shows bytes that are no UTF-8. They end a sequence.
    fn put_bytes(&mut self, bytes: &[u8], out: &mut String) {
        self.flush_sequence(out);
        for byte in bytes {
            // Writing to a `String` cannot fail.
            let _ = write!(out, "<{byte:02x}>");
        }
    }
}

/// A peer's text as it may be shown: every control character but LF and TAB in a printable form, as [`Sanitizer`] does it
/// when nothing is allowed. For `ERR` lines, band 3, and the reasons of refused refs.
///
/// ```
/// use gitwire_sideband::SafeText;
///
/// assert_eq!(SafeText(b"no \x1b]0;such\x07 repository").to_string(), "no ^[]0;such^G repository");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SafeText<'a>(pub &'a [u8]);

impl fmt::Display for SafeText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = String::with_capacity(self.0.len());
        let mut sanitizer = Sanitizer::new(ControlCharacters::NONE);
        sanitizer.push(self.0, &mut shown);
        sanitizer.finish(&mut shown);
        f.write_str(&shown)
    }
}

/// A few bytes, held without an allocation.
#[derive(Debug, Clone)]
struct Held<const MAX: usize> {
    bytes: [u8; MAX],
    len: usize,
}

impl<const MAX: usize> Held<MAX> {
    const fn new() -> Self {
        Self { bytes: [0; MAX], len: 0 }
    }

    /// `false` if there is no room.
    fn push(&mut self, byte: u8) -> bool {
        let Some(place) = self.bytes.get_mut(self.len) else { return false };
        *place = byte;
        self.len = self.len.saturating_add(1);
        true
    }

    fn set(&mut self, bytes: &[u8]) {
        self.len = 0;
        for byte in bytes {
            self.push(*byte);
        }
    }

    fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl<const MAX: usize> Default for Held<MAX> {
    fn default() -> Self {
        Self::new()
    }
}

/// The bytes of the longest character.
const CHARACTER_MAX: usize = 4;

/// The longest control sequence that may pass, without its final byte. A style with two colours of three numbers each takes
/// 40 bytes; what is longer is shown, not sent.
const SEQUENCE_MAX: usize = 64;

/// What stands before the first control character that is neither LF nor TAB, and the rest from it on.
fn split_at_control(text: &str) -> (&str, &str) {
    let control = |byte: u8| (byte < 0x20 && byte != b'\n' && byte != b'\t') || byte == 0x7f;
    let bytes = text.as_bytes();
    // U+0080 to U+009F are C2 80 to C2 9F.
    let mut previous = 0;
    let found = bytes.iter().position(|&byte| {
        let second = previous == 0xc2 && byte < 0xa0;
        previous = byte;
        second || control(byte)
    });
    let Some(found) = found else { return (text, "") };
    let start = if previous >= 0x80 { found.saturating_sub(1) } else { found };
    text.split_at_checked(start).unwrap_or((text, ""))
}

fn is_front_of_character(bytes: &[u8]) -> bool {
    str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

/// Caret notation for the controls of ASCII, a code point for the others.
fn put_control(control: char, out: &mut String) {
    match u8::try_from(control) {
        Ok(byte) if byte.is_ascii() => {
            out.push('^');
            out.push(char::from(byte ^ 0x40));
        }
        _ => {
            // Writing to a `String` cannot fail.
            let _ = write!(out, "<U+{:04X}>", u32::from(control));
        }
    }
}
