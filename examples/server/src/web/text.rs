//! Bytes, times and sizes as people read them.

use jiff::Timestamp;

/// Bytes of a name or a line as text: what is no UTF-8, and what would break the line or turn it around, is replaced.
pub(crate) fn line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .map(|c| if is_line_breaking(c) { REPLACED } else { visible(c) })
        .collect()
}

/// The same for text of several lines.
pub(crate) fn block(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars()
        .filter(|c| *c != '\r')
        .map(|c| if matches!(c, '\n' | '\t') { c } else { visible(c) })
        .collect()
}

fn is_line_breaking(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}')
}

/// Control characters, and those that reorder or hide what stands around them, are shown as replaced.
fn visible(c: char) -> char {
    let hides = matches!(c,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{feff}' | '\u{200b}');
    if c.is_control() || hides { REPLACED } else { c }
}

const REPLACED: char = char::REPLACEMENT_CHARACTER;

/// A word of a command as a shell takes it: whoever names a branch must not write a command for who copies it.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '%');
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// The first characters of a text.
pub(crate) fn short(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default().trim_end()),
        None => text.to_owned(),
    }
}

/// A moment, for people and for machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct When {
    /// As RFC 3339 writes it; empty where the clock that made it was beyond all calendars.
    pub(crate) machine: String,
    /// The date and time, UTC.
    pub(crate) full: String,
    /// How long ago.
    pub(crate) ago: String,
}

impl When {
    /// `seconds` since 1970, seen from `now`.
    pub(crate) fn new(seconds: i64, now: i64) -> Self {
        let Ok(time) = Timestamp::from_second(seconds) else {
            let unknown = "an unknown time".to_owned();
            return Self { machine: String::new(), full: unknown.clone(), ago: unknown };
        };
        let full = time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
        Self { machine: time.to_string(), full, ago: ago(now.saturating_sub(seconds)) }
    }
}

fn ago(seconds: i64) -> String {
    const UNITS: [(i64, &str); 6] = [
        (365 * 24 * 3600, "year"),
        (30 * 24 * 3600, "month"),
        (7 * 24 * 3600, "week"),
        (24 * 3600, "day"),
        (3600, "hour"),
        (60, "minute"),
    ];
    if seconds < -60 {
        return "in the future".to_owned();
    }
    for (length, name) in UNITS {
        if seconds >= length {
            let count = seconds / length;
            return format!("{count} {name}{} ago", plural(count.unsigned_abs()));
        }
    }
    "just now".to_owned()
}

/// What a word for so many ends in.
pub(crate) fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// A size in bytes.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut tenths = u128::from(bytes) * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10 * 1024 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    if tenths >= 1000 {
        format!("{} {name}", tenths / 10)
    } else {
        format!("{}.{} {name}", tenths / 10, tenths % 10)
    }
}

/// A number with its thousands set apart.
pub(crate) fn number(number: usize) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 && (digits.len() - nth).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_replaced() {
        assert_eq!(line(b"caf\xc3\xa9"), "caf\u{e9}");
        assert_eq!(line(b"a\xffb\x1b[31m\nc\td"), "a\u{fffd}b\u{fffd}[31m\u{fffd}c\u{fffd}d");
        assert_eq!(line("a\u{202e}txt.exe\u{2066}".as_bytes()), "a\u{fffd}txt.exe\u{fffd}");
        assert_eq!(block(b"a\r\n\tb\x00"), "a\n\tb\u{fffd}");
    }

    #[test]
    fn words_of_commands_are_quoted() {
        let check = |word: &str, expected: &str| assert_eq!(quoted(word), expected);
        check("feature/x-1.0", "feature/x-1.0");
        check("http://h:1/a%20b.git", "http://h:1/a%20b.git");
        check("", "''");
        check("a b", "'a b'");
        check("x;curl${IFS}e|sh", "'x;curl${IFS}e|sh'");
        check("$(x)", "'$(x)'");
        check("a'b`c", "'a'\\''b`c'");
        check("http://[::1]/a.git", "'http://[::1]/a.git'");
    }

    #[test]
    fn times() {
        let when = When::new(1_700_000_000, 1_700_000_000 + 90);
        assert_eq!((when.machine.as_str(), when.ago.as_str()), ("2023-11-14T22:13:20Z", "1 minute ago"));
        let check = |seconds: i64, expected: &str| assert_eq!(ago(seconds), expected);
        check(0, "just now");
        check(-60, "just now");
        check(-61, "in the future");
        check(59, "just now");
        check(3600, "1 hour ago");
        check(2 * 24 * 3600, "2 days ago");
        check(15 * 24 * 3600, "2 weeks ago");
        check(400 * 24 * 3600, "1 year ago");
        assert_eq!(When::new(i64::MAX, 0).ago, "an unknown time");
        assert_eq!(When::new(i64::MIN, 0).full, "an unknown time");
    }

    #[test]
    fn sizes_and_numbers() {
        let check = |bytes: u64, expected: &str| assert_eq!(size(bytes), expected);
        check(0, "0 B");
        check(1023, "1023 B");
        check(1024, "1.0 KiB");
        check(1536, "1.5 KiB");
        check(200 << 10, "200 KiB");
        check(5 << 20, "5.0 MiB");
        check(u64::MAX, "16777215 TiB");
        assert_eq!(
            [number(0), number(999), number(1000), number(1_234_567)],
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!([short("abc", 3), short("abcd", 3)], ["abc", "abc…"]);
    }
}
