//! The values of `promisor-remote` (`gitprotocol-v2`).

use alloc::vec::Vec;

use bytes::Bytes;
use nom::bytes::complete::{tag, take_while1};
use nom::combinator::rest;
use nom::sequence::separated_pair;
use nom::{IResult, Parser};

use crate::{CapabilityError, Value};

/// A remote that holds objects which the server may leave out, as the server tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct PromisorRemote {
    /// `name`: what the server calls it.
    pub name: Bytes,
    /// `url`: where it is.
    pub url: Bytes,
    /// `partialCloneFilter`: the filter that goes with it.
    pub filter: Option<Bytes>,
    /// `token`: what opens it.
    pub token: Option<Bytes>,
    /// All other fields, by name.
    pub unknown: Vec<(Bytes, Bytes)>,
}

impl PromisorRemote {
    /// A remote with a name and a place, and nothing else.
    #[must_use]
    pub fn new(name: impl Into<Bytes>, url: impl Into<Bytes>) -> Self {
        Self { name: name.into(), url: url.into(), filter: None, token: None, unknown: Vec::new() }
    }
}

/// Reads the value of a server's `promisor-remote`: remotes with `;` between, each of fields with `,` between, each
/// `name=value` with a URL-encoded value.
///
/// ```
/// use gitwire_capability::{PromisorRemote, parse_promisors};
///
/// let remotes = parse_promisors(b"name=lop,url=https://example.com/a%2Cb")?;
/// assert_eq!(remotes, [PromisorRemote::new("lop", "https://example.com/a,b")]);
/// # Ok::<(), gitwire_capability::CapabilityError>(())
/// ```
///
/// # Errors
/// [`CapabilityError::BadField`] for a field that is not `name=value`, a broken escape, a name that comes twice, and a
/// remote without `name` or `url`.
pub fn parse_promisors(value: &[u8]) -> Result<Vec<PromisorRemote>, CapabilityError> {
    let mut remotes = Vec::new();
    let mut at = 0_usize;
    for remote in value.split(|byte| *byte == b';') {
        remotes.push(parse_remote(remote, at)?);
        at = at.saturating_add(remote.len()).saturating_add(1);
    }
    Ok(remotes)
}

/// Writes the value of a server's `promisor-remote`. `None` if there is no remote to tell of.
#[must_use]
pub fn promisors(remotes: &[PromisorRemote]) -> Option<Value> {
    let mut value = Vec::new();
    for remote in remotes {
        if !value.is_empty() {
            value.push(b';');
        }
        value.extend_from_slice(b"name=");
        escape(&remote.name, &mut value);
        let mut field = |name: &[u8], content: &[u8]| {
            value.push(b',');
            value.extend_from_slice(name);
            value.push(b'=');
            escape(content, &mut value);
        };
        field(b"url", &remote.url);
        remote.filter.iter().for_each(|filter| field(b"partialCloneFilter", filter));
        remote.token.iter().for_each(|token| field(b"token", token));
        remote.unknown.iter().for_each(|(name, content)| field(name, content));
    }
    (!value.is_empty()).then(|| Value::sanitized(&value))
}

/// Reads the value of a client's `promisor-remote`: the names of the remotes that it takes, URL-encoded, with `;` between.
///
/// # Errors
/// [`CapabilityError::BadField`] for a broken escape.
pub fn parse_accepted_promisors(value: &[u8]) -> Result<Vec<Bytes>, CapabilityError> {
    let mut names = Vec::new();
    let mut at = 0_usize;
    for name in value.split(|byte| *byte == b';') {
        if !name.is_empty() {
            names.push(unescape(name, at)?);
        }
        at = at.saturating_add(name.len()).saturating_add(1);
    }
    Ok(names)
}

/// Writes the value of a client's `promisor-remote`. `None` if it takes no remote.
///
/// ```
/// use gitwire_capability::{accepted_promisors, parse_accepted_promisors};
///
/// let value = accepted_promisors([&b"lop;1"[..], b"lop2"]).unwrap();
/// assert_eq!(value.as_bytes(), b"lop%3b1;lop2");
/// assert_eq!(parse_accepted_promisors(value.as_bytes())?, [&b"lop;1"[..], b"lop2"]);
/// # Ok::<(), gitwire_capability::CapabilityError>(())
/// ```
pub fn accepted_promisors<'a>(names: impl IntoIterator<Item = &'a [u8]>) -> Option<Value> {
    let mut value = Vec::new();
    for name in names {
        if !value.is_empty() {
            value.push(b';');
        }
        escape(name, &mut value);
    }
    (!value.is_empty()).then(|| Value::sanitized(&value))
}

fn parse_remote(fields: &[u8], start: usize) -> Result<PromisorRemote, CapabilityError> {
    let bad = |at, reason| CapabilityError::BadField { at, reason };
    let (mut name, mut url) = (None, None);
    let mut remote = PromisorRemote::new(Bytes::new(), Bytes::new());
    let mut at = start;
    for content in fields.split(|byte| *byte == b',') {
        let Ok((_, (key, escaped))) = field(content) else {
            return Err(bad(at, "a field is not name=value"));
        };
        let content_at = at.saturating_add(key.len()).saturating_add(1);
        let value = unescape(escaped, content_at)?;
        let place = match key {
            b"name" => &mut name,
            b"url" => &mut url,
            b"partialCloneFilter" => &mut remote.filter,
            b"token" => &mut remote.token,
            _ => {
                // A remote has a handful of fields: with more, looking for one that comes twice would get slow.
                if remote.unknown.len() >= UNKNOWN_MAX {
                    return Err(bad(at, "too many fields"));
                }
                if remote.unknown.iter().any(|(known, _)| known == key) {
                    return Err(bad(at, "a field comes twice"));
                }
                remote.unknown.push((Bytes::copy_from_slice(key), value));
                at = at.saturating_add(content.len()).saturating_add(1);
                continue;
            }
        };
        if place.replace(value).is_some() {
            return Err(bad(at, "a field comes twice"));
        }
        at = at.saturating_add(content.len()).saturating_add(1);
    }
    remote.name = name.ok_or(bad(start, "a remote has no name"))?;
    remote.url = url.ok_or(bad(start, "a remote has no url"))?;
    Ok(remote)
}

/// `field-name "=" field-value`
fn field(input: &[u8]) -> IResult<&[u8], (&[u8], &[u8])> {
    separated_pair(take_while1(|byte: u8| byte.is_ascii_alphanumeric() || byte == b'-'), tag("="), rest)
        .parse_complete(input)
}

fn unescape(escaped: &[u8], at: usize) -> Result<Bytes, CapabilityError> {
    let mut rest = escaped.iter().copied();
    let mut plain = Vec::with_capacity(escaped.len());
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            plain.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(CapabilityError::BadField { at, reason: "an escape is not two hexadecimal digits" });
        };
        plain.push(u8::try_from(high << 4 | low).unwrap_or_default());
    }
    Ok(plain.into())
}

/// Escapes what separates, what is no printable ASCII, and the escape itself.
fn escape(plain: &[u8], out: &mut Vec<u8>) {
    for byte in plain {
        if byte.is_ascii_graphic() && !matches!(byte, b';' | b',' | b'%') {
            out.push(*byte);
        } else {
            out.push(b'%');
            for nibble in [byte >> 4, byte & 15] {
                let digit =
                    char::from_digit(u32::from(nibble), 16).and_then(|digit| u8::try_from(digit).ok());
                out.push(digit.unwrap_or(b'0'));
            }
        }
    }
}

/// How many unknown fields a remote may have: git knows four fields in all.
const UNKNOWN_MAX: usize = 32;
