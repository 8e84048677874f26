//! Object filters of partial clones (`git-rev-list`, `--filter`).

use core::fmt;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::combinator::{rest, value};
use nom::{IResult, Parser};

use crate::number::integer_with_unit;
use crate::{Limits, ObjectKind};

mod escape;

/// Which objects a partial clone or fetch leaves out.
///
/// [`fmt::Display`] and [`FilterSpec::to_bytes`] give the canonical form, which is what belongs on the wire
/// (`gitprotocol-v2`, *filter*): numbers in decimal without a unit, no more escapes than needed.
///
/// ```
/// use gitwire_types::{FilterSpec, Limits};
///
/// let filter = FilterSpec::parse(b"blob:limit=1k", &Limits::default())?;
/// assert_eq!(filter, FilterSpec::BlobLimit(1024));
/// assert_eq!(filter.to_string(), "blob:limit=1024");
/// # Ok::<(), gitwire_types::FilterSpecError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FilterSpec {
    /// `blob:none`: no blobs.
    BlobNone,
    /// `blob:limit=N`: no blobs of N bytes or more.
    BlobLimit(u64),
    /// `tree:N`: no trees and blobs at depth N or deeper; a commit's tree is at depth 0.
    TreeDepth(u64),
    /// `object:type=T`: only objects of this kind.
    ObjectType(ObjectKind),
    /// `sparse:oid=B`: no blobs that the sparse-checkout patterns in blob B (an id or an expression for one) leave out.
    SparseOid(Bytes),
    /// `combine:A+B`: only what every one lets through. At least one; git's form for several `--filter`.
    Combine(Vec<FilterSpec>),
}

impl FilterSpec {
    /// Parses a filter as a server gets it.
    ///
    /// # Errors
    /// What is wrong with it, or the limit that it is over.
    pub fn parse(text: &[u8], limits: &Limits) -> Result<Self, FilterSpecError> {
        let mut parts_left = limits.filter_parts_max;
        Self::parse_nested(text, limits, limits.filter_depth_max, &mut parts_left)
    }

    /// The filter in canonical form.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let number = |word: &str, number: u64| format!("{word}{number}").into_bytes();
        match self {
            Self::BlobNone => b"blob:none".to_vec(),
            Self::BlobLimit(limit) => number("blob:limit=", *limit),
            Self::TreeDepth(depth) => number("tree:", *depth),
            Self::ObjectType(kind) => [b"object:type=", kind.name().as_bytes()].concat(),
            Self::SparseOid(blob) => [b"sparse:oid=", blob.as_ref()].concat(),
            Self::Combine(parts) => {
                let mut out = b"combine:".to_vec();
                for (number, part) in parts.iter().enumerate() {
                    if number > 0 {
                        out.push(b'+');
                    }
                    escape::encode(&part.to_bytes(), &mut out);
                }
                out
            }
        }
    }

    /// Its name without arguments, as configuration names filters (`uploadpackfilter.NAME.allow`).
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::BlobNone => "blob:none",
            Self::BlobLimit(_) => "blob:limit",
            Self::TreeDepth(_) => "tree",
            Self::ObjectType(_) => "object:type",
            Self::SparseOid(_) => "sparse:oid",
            Self::Combine(_) => "combine",
        }
    }

    /// This filter and another: one that lets through what both do. Joined lists stay flat.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let parts = |filter| match filter {
            Self::Combine(parts) => parts,
            single => alloc::vec![single],
        };
        let mut joined = parts(self);
        joined.extend(parts(other));
        Self::Combine(joined)
    }

    fn parse_nested(
        text: &[u8],
        limits: &Limits,
        depth_left: usize,
        parts_left: &mut usize,
    ) -> Result<Self, FilterSpecError> {
        let unknown = || FilterSpecError::Unknown { spec: Bytes::copy_from_slice(text) };
        let (_, (form, argument)) = form(text).map_err(|_| unknown())?;
        match form {
            Form::BlobNone if argument.is_empty() => Ok(Self::BlobNone),
            Form::BlobNone => Err(unknown()),
            Form::BlobLimit => integer_with_unit(argument).map(Self::BlobLimit).ok_or_else(unknown),
            Form::TreeDepth => integer_with_unit(argument)
                .map(Self::TreeDepth)
                .ok_or_else(|| FilterSpecError::TreeDepth { depth: Bytes::copy_from_slice(argument) }),
            Form::ObjectType => ObjectKind::from_name(argument)
                .map(Self::ObjectType)
                .ok_or_else(|| FilterSpecError::ObjectType { name: Bytes::copy_from_slice(argument) }),
            Form::SparseOid => Ok(Self::SparseOid(Bytes::copy_from_slice(argument))),
            Form::SparsePath => Err(FilterSpecError::SparsePath),
            Form::Combine => {
                let depth_left = depth_left
                    .checked_sub(1)
                    .ok_or(FilterSpecError::TooDeep { max: limits.filter_depth_max })?;
                Self::parse_combine(argument, limits, depth_left, parts_left)
            }
        }
    }

    fn parse_combine(
        text: &[u8],
        limits: &Limits,
        depth_left: usize,
        parts_left: &mut usize,
    ) -> Result<Self, FilterSpecError> {
        if text.is_empty() {
            return Err(FilterSpecError::EmptyCombine);
        }
        let mut parts = Vec::new();
        for part in text.split(|byte| *byte == b'+') {
            *parts_left =
                parts_left.checked_sub(1).ok_or(FilterSpecError::TooMany { max: limits.filter_parts_max })?;
            let part = escape::decode(part)?;
            parts.push(Self::parse_nested(&part, limits, depth_left, parts_left)?);
        }
        Ok(Self::Combine(parts))
    }
}

impl fmt::Display for FilterSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_bytes().escape_ascii(), f)
    }
}

/// What a user asks for with `--filter`: a filter, or `auto`, the one that the server names for its promisors
/// (`gitprotocol-v2`, *promisor-remote*). `auto` never travels.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FilterChoice {
    /// Whatever the server advertises.
    Auto,
    /// This one.
    Spec(FilterSpec),
}

impl FilterChoice {
    /// Parses the argument of `--filter`.
    ///
    /// # Errors
    /// As [`FilterSpec::parse`].
    pub fn parse(text: &[u8], limits: &Limits) -> Result<Self, FilterSpecError> {
        if text == b"auto" { Ok(Self::Auto) } else { FilterSpec::parse(text, limits).map(Self::Spec) }
    }
}

/// Why some bytes are not a filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterSpecError {
    /// No form that we know.
    #[error("unknown filter '{}'", spec.escape_ascii())]
    Unknown {
        /// The filter, or the part of a `combine:` with its escapes resolved.
        spec: Bytes,
    },
    /// `tree:` with something else than a number.
    #[error("tree filter has depth '{}', which is no number", depth.escape_ascii())]
    TreeDepth {
        /// What stands there.
        depth: Bytes,
    },
    /// `object:type=` with something else than one of the four kinds.
    #[error("object type filter names '{}', which is no kind of object", name.escape_ascii())]
    ObjectType {
        /// What stands there.
        name: Bytes,
    },
    /// `sparse:path=`, which would make a server read any of its files.
    #[error("sparse:path filters are not supported")]
    SparsePath,
    /// `combine:` with nothing after it.
    #[error("combine filter joins nothing")]
    EmptyCombine,
    /// A byte within a part of `combine:` that must be escaped.
    #[error("part of a combine filter has byte {byte:#04x} unescaped at offset {at}")]
    Unescaped {
        /// The byte.
        byte: u8,
        /// Its offset in the part.
        at: usize,
    },
    /// More `combine:` within one another than [`Limits::filter_depth_max`].
    #[error("combine filters are nested more than {max} deep")]
    TooDeep {
        /// The limit.
        max: usize,
    },
    /// More parts than [`Limits::filter_parts_max`].
    #[error("combine filter has more than {max} parts")]
    TooMany {
        /// The limit.
        max: usize,
    },
}

impl FilterSpecError {
    /// What a client may be told, in git's words where git has some.
    #[must_use]
    pub fn reply(&self) -> String {
        match self {
            Self::Unknown { spec } => format!("invalid filter-spec '{}'", spec.escape_ascii()),
            Self::TreeDepth { .. } => "expected 'tree:<depth>'".into(),
            Self::ObjectType { name } => {
                format!("'{}' for 'object:type=<type>' is not a valid object type", name.escape_ascii())
            }
            Self::SparsePath => "sparse:path filters support has been dropped".into(),
            Self::EmptyCombine => "expected something after combine:".into(),
            Self::Unescaped { byte, .. } => {
                format!("must escape char in sub-filter-spec: '{}'", byte.escape_ascii())
            }
            Self::TooDeep { .. } | Self::TooMany { .. } => format!("invalid filter-spec: {self}"),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Form {
    BlobNone,
    BlobLimit,
    TreeDepth,
    ObjectType,
    SparseOid,
    SparsePath,
    Combine,
}

/// The word that a filter begins with, and what stands after it.
fn form(text: &[u8]) -> IResult<&[u8], (Form, &[u8])> {
    let word = alt((
        value(Form::BlobNone, tag(&b"blob:none"[..])),
        value(Form::BlobLimit, tag(&b"blob:limit="[..])),
        value(Form::TreeDepth, tag(&b"tree:"[..])),
        value(Form::ObjectType, tag(&b"object:type="[..])),
        value(Form::SparseOid, tag(&b"sparse:oid="[..])),
        value(Form::SparsePath, tag(&b"sparse:path="[..])),
        value(Form::Combine, tag(&b"combine:"[..])),
    ));
    (word, rest).parse(text)
}

#[cfg(test)]
mod tests;
