//! Patterns over the paths of repositories.

use std::fmt;
use std::str::FromStr;

/// Which repositories a right is for: parts between `/`, in which `*` stands for any characters; a last part `**` stands for all
/// that lies below. A suffix `.git` makes no difference, neither here nor there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(String);

impl Pattern {
    /// Whether it names `path`.
    pub(crate) fn names(&self, path: &[u8]) -> bool {
        let mut parts = repository(path).split(|byte| *byte == b'/');
        let mut patterns = repository(self.0.as_bytes()).split(|byte| *byte == b'/');
        loop {
            match (patterns.next(), parts.next()) {
                (Some(b"**"), Some(_)) => return true,
                (Some(pattern), Some(part)) if part_matches(pattern, part) => {}
                (None, None) => return true,
                _ => return false,
            }
        }
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.len() > PATTERN_BYTES_MAX {
            return Err(format!("a pattern has 1 to {PATTERN_BYTES_MAX} bytes"));
        }
        if text.bytes().any(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control() || byte == b'#') {
            return Err(format!("'{}' holds what a pattern cannot hold", text.escape_debug()));
        }
        let parts: Vec<&str> = text.split('/').collect();
        for (number, part) in parts.iter().enumerate() {
            if matches!(*part, "" | "." | "..") {
                return Err(format!("'{text}' has an empty part, or one that leads elsewhere"));
            }
            if part.contains("**") && (*part != "**" || number + 1 != parts.len()) {
                return Err(format!("in '{text}', '**' is not the whole of the last part"));
            }
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The path without what the same repository is called with and without.
fn repository(path: &[u8]) -> &[u8] {
    let path = path.strip_suffix(b"/.git").unwrap_or(path);
    match path.strip_suffix(b".git") {
        Some(short) if !short.is_empty() && !short.ends_with(b"/") => short,
        _ => path,
    }
}

/// One part, with `*`; goes back to the last star alone, so the time is at most the product of the lengths.
fn part_matches(pattern: &[u8], part: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star = None;
    while t < part.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(byte) if *byte == part[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, t) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

/// Longer paths are not served anyway.
const PATTERN_BYTES_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, path: &str, expected: bool) {
        let names = pattern.parse::<Pattern>().unwrap().names(path.as_bytes());
        assert_eq!(names, expected, "{pattern} and {path}");
    }

    #[test]
    fn patterns() {
        check("**", "a.git", true);
        check("**", "a/b/c.git", true);
        check("a", "a.git", true);
        check("a.git", "a", true);
        check("a.git", "a.git", true);
        check("a", "a/.git", true);
        check("a", "a/b.git", false);
        check("a", "A.git", false);
        check("a", "ab.git", false);
        check("a/*", "a/b.git", true);
        check("a/*", "a.git", false);
        check("a/*", "a/b/c.git", false);
        check("a/**", "a/b/c.git", true);
        check("a/**", "a.git", false);
        check("a/**", "ab/c.git", false);
        check("*-web", "my-web.git", true);
        check("*-web", "my-web-2.git", false);
        check("x*y*z", "xaybyz", true);
        check("x*y*z", "xaybyzz.git", true);
        check("x*y*z", "xz", false);
        check("*/main", "a/main", true);
        check("*a*a*a*a*b", &"a".repeat(250), false);
    }

    #[test]
    fn what_is_no_pattern() {
        let bad = |text: &str| text.parse::<Pattern>().unwrap_err();
        assert_eq!(bad(""), "a pattern has 1 to 256 bytes");
        assert_eq!(bad(&"a".repeat(257)), "a pattern has 1 to 256 bytes");
        assert!("a".repeat(256).parse::<Pattern>().is_ok());
        assert_eq!(bad("a b"), "'a b' holds what a pattern cannot hold");
        assert_eq!(bad("/a"), "'/a' has an empty part, or one that leads elsewhere");
        assert_eq!(bad("a/../b"), "'a/../b' has an empty part, or one that leads elsewhere");
        assert_eq!(bad("**/b"), "in '**/b', '**' is not the whole of the last part");
        assert_eq!(bad("a**"), "in 'a**', '**' is not the whole of the last part");
    }
}
