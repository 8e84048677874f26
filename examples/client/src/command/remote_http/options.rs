//! What git asks of a remote helper beforehand (`gitremote-helpers`, OPTIONS).

use bytes::Bytes;
use gitwire_protocol::message::DepthRequest;
use gitwire_types::{FilterSpec, Limits};

use crate::show::Style;

/// What git has asked for.
#[derive(Debug)]
pub(super) struct Options {
    verbosity: i64,
    /// `None`: as the terminal has it.
    progress: Option<bool>,
    pub(super) depth: DepthRequest,
    pub(super) filter: Option<FilterSpec>,
    pub(super) check_connectivity: bool,
    pub(super) object_format: bool,
    pub(super) dry_run: bool,
    pub(super) atomic: bool,
    pub(super) push_options: Vec<Bytes>,
    /// `REF:EXPECT` each.
    pub(super) leases: Vec<Bytes>,
    pub(super) force_if_includes: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            verbosity: 1,
            progress: None,
            depth: DepthRequest::default(),
            filter: None,
            check_connectivity: false,
            object_format: false,
            dry_run: false,
            atomic: false,
            push_options: Vec::new(),
            leases: Vec::new(),
            force_if_includes: false,
        }
    }
}

impl Options {
    pub(super) fn is_quiet(&self) -> bool {
        self.verbosity < 1 || self.progress == Some(false)
    }

    pub(super) fn is_verbose(&self) -> bool {
        self.verbosity > 1
    }

    /// How progress is shown.
    pub(super) fn style(&self) -> Option<Style> {
        (self.progress == Some(true)).then_some(Style::Text)
    }

    /// Takes an option; what to answer.
    pub(super) fn set(&mut self, name: &[u8], value: &[u8]) -> &'static str {
        match self.take(name, value) {
            Some(true) => "ok\n",
            Some(false) => "unsupported\n",
            None => "error invalid value\n",
        }
    }

    /// Whether it is known; `None` if its value is none.
    fn take(&mut self, name: &[u8], value: &[u8]) -> Option<bool> {
        let truth = || match value {
            b"true" => Some(true),
            b"false" => Some(false),
            _ => None,
        };
        match name {
            b"verbosity" => self.verbosity = number(value)?,
            b"progress" => self.progress = Some(truth()?),
            // 0 takes it back.
            b"depth" => self.depth.depth = Some(number(value)?).filter(|depth| *depth > 0),
            b"deepen-since" => self.depth.since = Some(number(value)?),
            b"deepen-not" => self.depth.not.push(Bytes::copy_from_slice(value)),
            b"deepen-relative" => self.depth.relative = truth()?,
            b"filter" => {
                self.filter = Some(FilterSpec::parse(value, &Limits::default()).ok()?);
            }
            b"check-connectivity" => self.check_connectivity = truth()?,
            // `true` asks for whatever the remote has; a name would ask for a translation.
            b"object-format" => self.object_format = truth()?,
            b"dry-run" => self.dry_run = truth()?,
            b"atomic" => self.atomic = truth()?,
            b"push-option" => self.push_options.push(unquoted(value)?),
            b"cas" => self.leases.push(unquoted(value)?),
            b"force-if-includes" => self.force_if_includes = truth()?,
            // What they ask for is done anyway, or in a further fetch.
            b"followtags" | b"cloning" | b"update-shallow" | b"force" => {
                truth()?;
            }
            _ => return Some(false),
        }
        Some(true)
    }
}

fn number<N: std::str::FromStr>(text: &[u8]) -> Option<N> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A text that git may have quoted as in C.
fn unquoted(text: &[u8]) -> Option<Bytes> {
    let Some(inner) = text.strip_prefix(b"\"") else { return Some(Bytes::copy_from_slice(text)) };
    let inner = inner.strip_suffix(b"\"")?;
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        out.push(match bytes.next()? {
            b'a' => 7,
            b'b' => 8,
            b't' => b'\t',
            b'n' => b'\n',
            b'v' => 11,
            b'f' => 12,
            b'r' => b'\r',
            same @ (b'"' | b'\\') => same,
            first @ b'0'..=b'3' => {
                let digit = |byte: u8| matches!(byte, b'0'..=b'7').then(|| byte - b'0');
                digit(first)? << 6 | digit(bytes.next()?)? << 3 | digit(bytes.next()?)?
            }
            _ => return None,
        });
    }
    Some(out.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options() {
        for (name, value, answer) in [
            ("verbosity", "2", "ok\n"),
            ("verbosity", "x", "error invalid value\n"),
            ("depth", "3", "ok\n"),
            ("depth", "-1", "error invalid value\n"),
            ("progress", "maybe", "error invalid value\n"),
            ("filter", "blob:none", "ok\n"),
            ("filter", "nonsense", "error invalid value\n"),
            ("object-format", "true", "ok\n"),
            ("object-format", "sha256", "error invalid value\n"),
            ("push-option", "\"a\\tb\\303\\244\"", "ok\n"),
            ("push-option", "\"a", "error invalid value\n"),
            ("push-option", "\"\\x\"", "error invalid value\n"),
            ("cas", "refs/heads/main:", "ok\n"),
            ("force-if-includes", "true", "ok\n"),
            ("force-if-includes", "", "error invalid value\n"),
            ("family", "ipv4", "unsupported\n"),
        ] {
            assert_eq!(Options::default().set(name.as_bytes(), value.as_bytes()), answer, "{name} {value}");
        }
        let mut options = Options::default();
        options.set(b"push-option", b"\"a\\tb\\303\\244\"");
        assert_eq!(options.push_options, ["a\tb\u{e4}"]);
    }
}
