//! Points in time as people write them (`git`, *DATE FORMATS*, and times ago).

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970; `None` if the text says no time that is known here.
///
/// Seconds themselves, with a time zone that changes nothing, perhaps after `@`; dates of ISO 8601 and RFC 2822; `now`, `yesterday`, and
/// times ago such as `2 weeks ago`. Without a time zone a time is UTC.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    parse_at(text.trim(), now)
}

fn parse_at(text: &str, now: u64) -> Option<u64> {
    let words: Vec<&str> = text.split([' ', '.', ',']).filter(|word| !word.is_empty()).collect();
    seconds(&words)
        .or_else(|| ago(&words, now))
        .or_else(|| iso(text))
        .or_else(|| mail(&words))
        .and_then(|time| u64::try_from(time).ok())
}

fn seconds(words: &[&str]) -> Option<i64> {
    let (number, zone) = match words {
        [number] => (number, None),
        [number, zone] => (number, Some(zone)),
        _ => return None,
    };
    if zone.is_some_and(|zone| offset(zone).is_none()) {
        return None;
    }
    match number.strip_prefix('@') {
        Some(number) => number.parse().ok(),
        // Fewer digits are a date.
        None => number.parse().ok().filter(|seconds| *seconds >= 100_000_000),
    }
}

fn ago(words: &[&str], now: u64) -> Option<i64> {
    let now = i64::try_from(now).ok()?;
    let (count, unit) = match words {
        ["now"] => return Some(now),
        ["yesterday"] => (1, "day"),
        [count, unit, "ago"] => (count.parse::<i64>().ok()?, *unit),
        _ => return None,
    };
    let length = match unit.strip_suffix('s').unwrap_or(unit) {
        "second" => 1,
        "minute" => 60,
        "hour" => 3600,
        "day" => DAY,
        "week" => 7 * DAY,
        // As long as they are on average.
        "month" => 2_629_746,
        "year" => 31_556_952,
        _ => return None,
    };
    now.checked_sub(count.checked_mul(length)?)
}

/// `2005-04-07`, `2005-04-07T22:13:13`, `2005-04-07 22:13:13 +0200`.
fn iso(text: &str) -> Option<i64> {
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, time)) => (date, time.trim()),
        None => (text, ""),
    };
    let mut parts = date.split(['-', '/', '.']);
    let mut number = || parts.next()?.parse::<i64>().ok();
    let (year, month, day) = (number()?, number()?, number()?);
    if parts.next().is_some() {
        return None;
    }
    let at = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at_checked(at)?;
    let offset = if zone.is_empty() { 0 } else { offset(zone)? };
    Some(days(year, month, day)? * DAY + clock_seconds(clock.trim())? - offset)
}

/// `Thu, 07 Apr 2005 22:13:13 +0200`.
fn mail(words: &[&str]) -> Option<i64> {
    let (date, rest) = match words {
        [weekday, rest @ ..] if weekday.parse::<i64>().is_err() => rest.split_at_checked(3)?,
        words => words.split_at_checked(3)?,
    };
    let [day, month, year] = date else { return None };
    let month = MONTHS.iter().position(|name| month.to_ascii_lowercase().starts_with(name))?;
    let (clock, zone) = match rest {
        [] => ("", "Z"),
        [clock] => (*clock, "Z"),
        [clock, zone] => (*clock, *zone),
        _ => return None,
    };
    let month = i64::try_from(month).ok()? + 1;
    Some(days(year.parse().ok()?, month, day.parse().ok()?)? * DAY + clock_seconds(clock)? - offset(zone)?)
}

/// `22:13` or `22:13:13`; nothing is midnight.
fn clock_seconds(text: &str) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    let parts: Vec<i64> = text.split(':').map(str::parse).collect::<Result<_, _>>().ok()?;
    let (hours, minutes, seconds) = match parts[..] {
        [hours, minutes] => (hours, minutes, 0),
        [hours, minutes, seconds] => (hours, minutes, seconds),
        _ => return None,
    };
    let good = (0..24).contains(&hours) && (0..60).contains(&minutes) && (0..=60).contains(&seconds);
    good.then_some(hours * 3600 + minutes * 60 + seconds)
}

/// `Z`, `+0200`, `+02:00`: seconds east.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "UTC" | "GMT") {
        return Some(0);
    }
    let (sign, digits) = match zone.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let digits = digits.replace(':', "");
    let number: i64 = digits.parse().ok().filter(|_| digits.len() == 4)?;
    Some(sign * (number / 100 * 3600 + number % 100 * 60))
}

/// Days from 1970 to a day of the calendar.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let before = (1970..year).map(|year| if leap(year) { 366 } else { 365 }).sum::<i64>();
    let months = LENGTHS.iter().take(usize::try_from(month - 1).ok()?).sum::<i64>();
    Some(before + months + i64::from(leap(year) && month > 2) + day - 1)
}

const DAY: i64 = 86_400;
const LENGTHS: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (text, expected) in [
            ("300000000 +0700", Some(300_000_000)),
            ("@5", Some(5)),
            ("1970-01-02", Some(86_400)),
            ("2005-04-07T22:13:13", Some(1_112_911_993)),
            ("2005-04-07 22:13:13 +0200", Some(1_112_904_793)),
            ("2005-04-07T22:13:13Z", Some(1_112_911_993)),
            ("Thu, 07 Apr 2005 22:13:13 +0200", Some(1_112_904_793)),
            ("7 April 2005", Some(1_112_832_000)),
            ("2024-03-01", Some(1_709_251_200)),
            ("now", Some(1_000_000_000)),
            ("yesterday", Some(999_913_600)),
            ("2.weeks.ago", Some(998_790_400)),
            ("1 hour ago", Some(999_996_400)),
            ("2005-13-07", None),
            ("2005-04-07 25:00", None),
            ("300000000 x", None),
            ("9999999999 weeks ago", None),
            ("12 fortnights ago", None),
            ("", None),
        ] {
            assert_eq!(parse_at(text, 1_000_000_000), expected, "{text}");
        }
    }
}
