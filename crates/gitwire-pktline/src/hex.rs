//! The four digits in front of every line.

use crate::PREFIX_LEN;

/// Reads four hexadecimal digits of either case. The answer is above `0xffff` if a byte is none: signs, blanks, `0x` and
/// digits of other scripts are no digits.
#[inline]
pub(crate) fn read(digits: [u8; PREFIX_LEN]) -> u32 {
    let [a, b, c, d] = digits;
    let [thousands, hundreds, tens, ones] = &VALUES;
    (value(thousands, a) | value(hundreds, b)) | (value(tens, c) | value(ones, d))
}

/// The four lower-case digits of a length.
#[inline]
pub(crate) fn write(length: u16) -> [u8; PREFIX_LEN] {
    let [high, low] = length.to_be_bytes();
    [digit(high >> 4), digit(high & 15), digit(low >> 4), digit(low & 15)]
}

#[inline]
fn value(table: &[u32; 256], byte: u8) -> u32 {
    table.get(usize::from(byte)).copied().unwrap_or(NOT_HEX)
}

#[inline]
fn digit(nibble: u8) -> u8 {
    DIGITS.get(usize::from(nibble & 15)).copied().unwrap_or(b'0')
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// What no four digits come to.
const NOT_HEX: u32 = 0xffff_0000;

/// The value of each byte as a digit at each of the four places. The lines of a stream form one chain of loads, each length
/// saying where the next one stands: a table for each place takes the shifts out of that chain, and one wrong digit leaves
/// its mark above the sixteen bits of a length without a branch.
static VALUES: [[u32; 256]; PREFIX_LEN] = [table(12), table(8), table(4), table(0)];

const fn table(shift: u32) -> [u32; 256] {
    let mut table = [NOT_HEX; 256];
    let mut rest: &mut [u32] = &mut table;
    let mut byte = 0_u8;
    while let Some((first, tail)) = rest.split_first_mut() {
        *first = match byte {
            b'0'..=b'9' => (byte.wrapping_sub(b'0') as u32) << shift,
            b'a'..=b'f' => (byte.wrapping_sub(b'a').wrapping_add(10) as u32) << shift,
            b'A'..=b'F' => (byte.wrapping_sub(b'A').wrapping_add(10) as u32) << shift,
            _ => NOT_HEX,
        };
        byte = byte.wrapping_add(1);
        rest = tail;
    }
    table
}

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
