//! The part of a file that a client asks for (RFC 9110, section 14).

use std::ops::Range;

/// What a `Range` header makes of a file.
///
/// ```
/// use gitwire_server::http::Part;
///
/// assert_eq!(Part::of(b"bytes=5-", 10), Part::Some(5..10));
/// assert_eq!(Part::of(b"bytes=10-", 10), Part::Beyond);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// All of it: the header says nothing that we understand, or asks for several parts, which a server may overlook.
    Whole,
    /// These bytes; never none.
    Some(Range<u64>),
    /// Nothing of it lies there.
    Beyond,
}

impl Part {
    /// What `header`, the value of `Range`, asks for of a file of `size` bytes.
    #[must_use]
    pub fn of(header: &[u8], size: u64) -> Self {
        let Some(range) = strip_unit(header) else { return Self::Whole };
        let Some(dash) = memchr::memchr(b'-', range) else { return Self::Whole };
        let (first, last) = range.split_at_checked(dash).unwrap_or_default();
        let last = last.strip_prefix(b"-").unwrap_or_default();
        match (number(first), number(last)) {
            (Number::None, Number::Some(0)) => Self::Beyond,
            (Number::None, Number::Some(count)) => Self::within(size.saturating_sub(count), size),
            (Number::Some(first), Number::None) => Self::within(first, size),
            (Number::Some(first), Number::Some(last)) if first <= last => {
                Self::within(first, size.min(last.saturating_add(1)))
            }
            _ => Self::Whole,
        }
    }

    fn within(first: u64, end: u64) -> Self {
        if first < end { Self::Some(first..end) } else { Self::Beyond }
    }
}

fn strip_unit(header: &[u8]) -> Option<&[u8]> {
    let (unit, rest) = header.split_at_checked(6)?;
    unit.eq_ignore_ascii_case(b"bytes=").then(|| rest.trim_ascii())
}

enum Number {
    None,
    Some(u64),
    Bad,
}

/// A number; what is larger than any file is the largest number.
fn number(digits: &[u8]) -> Number {
    if digits.is_empty() {
        return Number::None;
    }
    let add = |value: u64, digit: &u8| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        Some(value.saturating_mul(10).saturating_add(u64::from(digit)))
    };
    digits.iter().try_fold(0, add).map_or(Number::Bad, Number::Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(header: &str, expected: Part) {
        assert_eq!(Part::of(header.as_bytes(), 10), expected, "{header}");
    }

    #[test]
    fn parts_of_ten_bytes() {
        check("bytes=0-0", Part::Some(0..1));
        check("bytes=0-9", Part::Some(0..10));
        check("bytes=0-10", Part::Some(0..10));
        check("bytes=3-", Part::Some(3..10));
        check("bytes=9-", Part::Some(9..10));
        check("bytes=-3", Part::Some(7..10));
        check("bytes=-30", Part::Some(0..10));
        check("BYTES= 2-4 ", Part::Some(2..5));
        check("bytes=2-99999999999999999999999", Part::Some(2..10));
        check("bytes=10-", Part::Beyond);
        check("bytes=10-20", Part::Beyond);
        check("bytes=99999999999999999999999-", Part::Beyond);
        check("bytes=-0", Part::Beyond);
    }

    #[test]
    fn what_is_no_part_is_the_whole() {
        for header in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=x-",
            "bytes=1-x",
            "bytes=4-2",
            "bytes=0-1,3-4",
            "lines=1-2",
            "bytes=+1-2",
            "bytes=1--2",
            "bytes 0-1",
        ] {
            check(header, Part::Whole);
        }
    }

    #[test]
    fn an_empty_file_has_no_parts() {
        assert_eq!(Part::of(b"bytes=0-", 0), Part::Beyond);
        assert_eq!(Part::of(b"bytes=-1", 0), Part::Beyond);
    }
}
