//! Numbers as git's programs read them from peers and command lines: by the rules of C's `strtoumax` with base 0.

use nom::branch::alt;
use nom::bytes::complete::{tag, tag_no_case, take_while, take_while1};
use nom::character::complete::one_of;
use nom::combinator::{all_consuming, opt};
use nom::{IResult, Parser};

/// A number without a sign below zero, whole: white space, `+`, then `0x` and hexadecimal, `0` and octal, or decimal digits.
/// `None` for anything else, and for what is no `u64`.
pub(crate) fn integer(text: &[u8]) -> Option<u64> {
    all_consuming(digits).parse(text).ok().and_then(|(_, number)| number)
}

/// As [`integer`], with an optional unit `k`, `m` or `g` of either case: powers of 1024.
pub(crate) fn integer_with_unit(text: &[u8]) -> Option<u64> {
    let (_, (number, unit)) = all_consuming((digits, opt(one_of("kKmMgG")))).parse(text).ok()?;
    let factor = match unit {
        Some('k' | 'K') => 1 << 10,
        Some('m' | 'M') => 1 << 20,
        Some('g' | 'G') => 1 << 30,
        _ => 1,
    };
    number?.checked_mul(factor)
}

/// The digits' value; `None` inside for one that is too large.
fn digits(text: &[u8]) -> IResult<&[u8], Option<u64>> {
    // What C calls white space: space and the five controls from tab to carriage return.
    let space = take_while(|byte| byte == b' ' || (b'\t'..=b'\r').contains(&byte));
    let hex = (tag_no_case(&b"0x"[..]), take_while1(|byte: u8| byte.is_ascii_hexdigit()))
        .map(|(_, digits)| (16, digits));
    let octal =
        (tag(&b"0"[..]), take_while(|byte| (b'0'..=b'7').contains(&byte))).map(|(_, digits)| (8, digits));
    let decimal = take_while1(|byte: u8| byte.is_ascii_digit()).map(|digits| (10, digits));
    (space, opt(tag(&b"+"[..])), alt((hex, octal, decimal)))
        .map(|(_, _, (radix, digits)): (_, _, (u32, &[u8]))| {
            digits.iter().try_fold(0_u64, |number, digit| {
                let digit = char::from(*digit).to_digit(radix)?;
                number.checked_mul(u64::from(radix))?.checked_add(u64::from(digit))
            })
        })
        .parse(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<u64>) {
        assert_eq!(integer(text.as_bytes()), expected);
        assert_eq!(integer_with_unit(text.as_bytes()), expected);
    }

    #[test]
    fn numbers_as_strtoumax_reads_them() {
        check("0", Some(0));
        check("7", Some(7));
        check("010", Some(8));
        check("0x1F", Some(31));
        check("0Xff", Some(255));
        check("+5", Some(5));
        check(" \t\n\x0b\x0c\r7", Some(7));
        check("18446744073709551615", Some(u64::MAX));
        check("18446744073709551616", None);
        check("0xffffffffffffffff", Some(u64::MAX));
        check("0x10000000000000000", None);
        check("", None);
        check(" ", None);
        check("+", None);
        check("-5", None);
        check("+-5", None);
        check("++5", None);
        check("08", None);
        check("0x", None);
        check("5 ", None);
        check("1e3", None);
        check("x", None);
    }

    #[test]
    fn units() {
        let check = |text: &str, expected| assert_eq!(integer_with_unit(text.as_bytes()), expected, "{text}");
        check("1k", Some(1024));
        check("1K", Some(1024));
        check("2m", Some(2 << 20));
        check("3G", Some(3 << 30));
        check("0x10k", Some(16 << 10));
        check("18014398509481983k", Some(18_014_398_509_481_983 << 10));
        check("18014398509481984k", None);
        check("k", None);
        check("1kk", None);
        check("1b", None);
        check("1 k", None);
        assert_eq!(integer(b"1k"), None);
    }
}
