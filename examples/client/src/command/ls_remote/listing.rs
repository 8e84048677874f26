//! The lines of a list of refs: which match, and their order.

use std::borrow::Cow;
use std::cmp::Ordering;

use gitwire_client::RemoteRefs;
use gitwire_protocol::message::{BundleHeader, BundleReference};
use gitwire_types::ObjectId;

use crate::failure::Failure;

/// A line: a ref, or what a tag leads to.
pub(super) struct Row<'a> {
    pub(super) name: Cow<'a, [u8]>,
    pub(super) id: ObjectId,
    pub(super) symref_target: Option<&'a [u8]>,
}

/// Every line, in the server's order.
pub(super) fn rows(refs: &RemoteRefs) -> impl Iterator<Item = Row<'_>> {
    refs.iter().flat_map(|shown| {
        let own = shown.id.map(|id| Row {
            name: Cow::Borrowed(shown.name),
            id,
            symref_target: shown.symref_target,
        });
        let peeled = shown.peeled.map(|id| Row {
            name: Cow::Owned([shown.name, b"^{}"].concat()),
            id,
            symref_target: None,
        });
        own.into_iter().chain(peeled)
    })
}

/// The same of a bundle, the last one first, as git has it.
pub(super) fn bundled_rows(header: &BundleHeader) -> impl Iterator<Item = Row<'_>> {
    header.references.iter().rev().map(|BundleReference { id, name }| Row {
        name: Cow::Borrowed(&name[..]),
        id: *id,
        symref_target: None,
    })
}

/// An order of lines.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sort {
    by_version: bool,
    reverse: bool,
}

impl Sort {
    pub(super) fn parse(key: &str, inside: bool) -> Result<Self, Failure> {
        let (reverse, field) = key.strip_prefix('-').map_or((false, key), |field| (true, field));
        match field {
            "refname" => Ok(Self { by_version: false, reverse }),
            "version:refname" | "v:refname" => Ok(Self { by_version: true, reverse }),
            _ if inside => Err(Failure::fatal(format!("refs of a remote cannot be sorted by '{field}'"))),
            _ => Err(Failure::fatal(format!(
                "not a git repository, but the field '{field}' requires access to object data"
            ))),
        }
    }

    pub(super) fn apply(self, rows: &mut [Row<'_>]) {
        rows.sort_by(|one, other| {
            let order = match self.by_version {
                true => by_version(&one.name, &other.name),
                false => one.name.cmp(&other.name),
            };
            if self.reverse { order.reverse() } else { order }
        });
    }
}

/// Numbers within names count as numbers.
fn by_version(mut one: &[u8], mut other: &[u8]) -> Ordering {
    while let (Some((a, one_rest)), Some((b, other_rest))) = (one.split_first(), other.split_first()) {
        if a.is_ascii_digit() && b.is_ascii_digit() {
            let (a, one_rest) = number(one);
            let (b, other_rest) = number(other);
            let order = a.len().cmp(&b.len()).then_with(|| a.cmp(b));
            if order.is_ne() {
                return order;
            }
            (one, other) = (one_rest, other_rest);
        } else if a != b {
            return a.cmp(b);
        } else {
            (one, other) = (one_rest, other_rest);
        }
    }
    one.len().cmp(&other.len())
}

/// The digits at the beginning, without zeros before them, and what follows.
fn number(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    (&digits[zeros..], rest)
}

/// Whether `text` is what a pattern of a shell describes; stars and question marks stand for slashes too.
pub(crate) fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut rest, mut left) = (pattern, text);
    // Where the last star can take one byte more.
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        if let Some(after) = rest.strip_prefix(b"*") {
            star = Some((after, left));
            rest = after;
            continue;
        }
        if rest.is_empty() && left.is_empty() {
            return true;
        }
        if let Some((byte, after)) = left.split_first()
            && let Some(next) = one(rest, *byte)
        {
            (rest, left) = (next, after);
            continue;
        }
        let Some((after, [_, from @ ..])) = star else { return false };
        star = Some((after, from));
        (rest, left) = (after, from);
    }
}

/// What follows of a pattern whose first part is `byte`.
fn one(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    match pattern {
        [b'?', rest @ ..] => Some(rest),
        [b'[', set @ ..] => bracket(set, byte),
        [b'\\', escaped, rest @ ..] => (*escaped == byte).then_some(rest),
        [first, rest @ ..] => (*first == byte).then_some(rest),
        [] => None,
    }
}

/// The same for a set in brackets; one without an end matches nothing.
fn bracket(set: &[u8], byte: u8) -> Option<&[u8]> {
    let (negated, mut set) = match set {
        [b'!' | b'^', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let (mut found, mut first) = (false, true);
    loop {
        set = match set {
            [b']', rest @ ..] if !first => return (found != negated).then_some(rest),
            [from, b'-', to, rest @ ..] if *to != b']' => {
                found |= (*from..=*to).contains(&byte);
                rest
            }
            [b'\\', single, rest @ ..] | [single, rest @ ..] => {
                found |= *single == byte;
                rest
            }
            [] => return None,
        };
        first = false;
    }
}
