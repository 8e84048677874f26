//! The four digits in front of every line.

use crate::PREFIX_LEN;

/// Reads four hexadecimal digits of either case. The answer is above `0xffff` if a byte is none: signs, blanks, `0x` and
/// digits of other scripts are no digits.
#[inline]
pub(crate) fn read(digits: [u8; PREFIX_LEN]) -> u32 {
    let [a, b, c, d] = digits;
    value(a) << 12 | value(b) << 8 | value(c) << 4 | value(d)
}

/// The four lower-case digits of a length.
#[inline]
pub(crate) fn write(length: u16) -> [u8; PREFIX_LEN] {
    let [high, low] = length.to_be_bytes();
    [digit(high >> 4), digit(high & 15), digit(low >> 4), digit(low & 15)]
}

#[inline]
fn value(byte: u8) -> u32 {
    VALUES.get(usize::from(byte)).copied().unwrap_or(NOT_HEX)
}

#[inline]
fn digit(nibble: u8) -> u8 {
    DIGITS.get(usize::from(nibble & 15)).copied().unwrap_or(b'0')
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// High bits that no shift by up to 12 loses altogether.
const NOT_HEX: u32 = 0xffff_0000;

/// The value of each byte as a hexadecimal digit. Words, so that reading a length needs no branch: one wrong digit leaves
/// its mark above the sixteen bits of a length.
static VALUES: [u32; 256] = {
    let mut table = [NOT_HEX; 256];
    let mut rest: &mut [u32] = &mut table;
    let mut byte = 0_u8;
    while let Some((first, tail)) = rest.split_first_mut() {
        *first = match byte {
            b'0'..=b'9' => byte.wrapping_sub(b'0') as u32,
            b'a'..=b'f' => byte.wrapping_sub(b'a').wrapping_add(10) as u32,
            b'A'..=b'F' => byte.wrapping_sub(b'A').wrapping_add(10) as u32,
            _ => NOT_HEX,
        };
        byte = byte.wrapping_add(1);
        rest = tail;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::{read, write};

    #[test]
    fn every_length_reads_back() {
        for length in 0..=u16::MAX {
            assert_eq!(read(write(length)), u32::from(length));
            assert_eq!(read(write(length).map(|digit| digit.to_ascii_uppercase())), u32::from(length));
        }
    }

    #[test]
    fn a_wrong_byte_shows_at_every_place() {
        for byte in (0..=255_u8).filter(|byte| !byte.is_ascii_hexdigit()) {
            for place in 0..4 {
                let mut digits = *b"00f0";
                digits[place] = byte;
                assert!(read(digits) > 0xffff, "{digits:?}");
            }
        }
    }
}
