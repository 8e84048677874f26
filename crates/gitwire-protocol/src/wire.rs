//! Small pieces of writing and reading lines.

use bytes::{BufMut, BytesMut};
use gitwire_pktline::{MAX_DATA, OpenPacket, PktLineError, encode_error};

/// Appends a line of text made of `parts`, with an LF after them.
pub(crate) fn text_line(parts: &[&[u8]], out: &mut BytesMut) -> Result<(), PktLineError> {
    let open = OpenPacket::begin(out);
    for part in parts {
        out.put_slice(part);
    }
    out.put_u8(b'\n');
    open.finish(out).map(drop)
}

/// Appends an `ERR` line, its reason cut to what fits.
pub(crate) fn error_line(reason: &[u8], out: &mut BytesMut) {
    let room = MAX_DATA.saturating_sub(b"ERR ".len());
    // What was cut always fits.
    let _ = encode_error(reason.get(..room).unwrap_or(reason), out);
}

/// Whether a line may carry a name: one look at each byte, since refs come by the million.
pub(crate) fn is_name(name: &[u8]) -> bool {
    let bad = name.iter().fold(false, |bad, byte| bad | (*byte <= b' ') | (*byte == 0x7f));
    !bad && !name.is_empty() && name.len() <= crate::message::VALUE_MAX
}

/// A number in decimal digits, on the stack.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decimal {
    digits: [u8; 20],
    start: usize,
}

impl Decimal {
    pub(crate) fn new(mut number: u64) -> Self {
        let mut digits = [b'0'; 20];
        let mut start = digits.len();
        for (at, digit) in digits.iter_mut().enumerate().rev() {
            *digit = b'0'.wrapping_add(u8::try_from(number % 10).unwrap_or_default());
            number /= 10;
            start = at;
            if number == 0 {
                break;
            }
        }
        Self { digits, start }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.digits.get(self.start..).unwrap_or_default()
    }
}

/// A number as C reads it with base 0, which is how git reads depths and times: decimal, `0x` hexadecimal, or octal after a
/// leading `0`; spaces and a `+` may stand in front. `None` for everything else, negative numbers too.
pub(crate) fn c_number(text: &[u8]) -> Option<u64> {
    let text = text.trim_ascii_start();
    let text = text.strip_prefix(b"+").unwrap_or(text);
    let (radix, digits) = match text {
        [b'0', b'x' | b'X', digits @ ..] => (16, digits),
        [b'0', digits @ ..] if !digits.is_empty() => (8, digits),
        digits => (10, digits),
    };
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let value = char::from(*digit).to_digit(radix)?;
        number.checked_mul(u64::from(radix))?.checked_add(u64::from(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_c_does() {
        #[track_caller]
        fn check(text: &[u8], expected: Option<u64>) {
            assert_eq!(c_number(text), expected, "{}", text.escape_ascii());
        }
        check(b"1", Some(1));
        check(b"0", Some(0));
        check(b"010", Some(8));
        check(b"0x10", Some(16));
        check(b"0X1f", Some(31));
        check(b" +7", Some(7));
        check(b"2147483647", Some(2_147_483_647));
        check(b"18446744073709551615", Some(u64::MAX));
        check(b"18446744073709551616", None);
        check(b"", None);
        check(b"-1", None);
        check(b"08", None);
        check(b"0x", None);
        check(b"1k", None);
    }

    #[test]
    fn decimals() {
        for number in [0, 1, 9, 10, 4_294_967_296, u64::MAX] {
            assert_eq!(Decimal::new(number).as_bytes(), alloc::format!("{number}").as_bytes());
        }
    }
}
