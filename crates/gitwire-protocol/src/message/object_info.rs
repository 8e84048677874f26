//! The command `object-info` of version 2: arguments and answer.

use bytes::BytesMut;
use gitwire_pktline::PktLineError;
use gitwire_types::{ObjectFormat, ObjectId};

use super::{line_of, object_id, value};
use crate::Violation;
use crate::wire::{Decimal, text_line};

/// An argument of `object-info` (`gitprotocol-v2`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ObjectInfoArgument {
    /// `size`: say how large the objects are.
    Size,
    /// `oid SP obj-id`: an object to tell of.
    Oid(ObjectId),
}

impl ObjectInfoArgument {
    /// Reads a line's data.
    ///
    /// # Errors
    /// [`Violation::Unexpected`] for a line that is neither, [`Violation::ObjectId`].
    pub fn parse(format: ObjectFormat, data: &[u8]) -> Result<Self, Violation> {
        let line = line_of(data);
        if line == b"size" {
            return Ok(Self::Size);
        }
        let hex = value(line, b"oid").ok_or_else(|| Violation::argument("object-info", line))?;
        Ok(Self::Oid(object_id(format, hex, line)?))
    }

    /// Appends the whole line.
    ///
    /// # Errors
    /// None that can happen: the longest line is short.
    pub fn write(&self, out: &mut BytesMut) -> Result<(), PktLineError> {
        match self {
            Self::Size => text_line(&[b"size"], out),
            Self::Oid(id) => text_line(&[b"oid ", id.to_hex().as_bytes()], out),
        }
    }
}

/// A line of the answer to `object-info`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ObjectInfoLine {
    /// `size`: the lines that follow say how large the objects are.
    Attributes,
    /// `obj-id [SP size]`.
    Object {
        /// The object.
        id: ObjectId,
        /// Its size in bytes, where sizes were asked for; `Some(None)`: the server has no such object.
        size: Option<Option<u64>>,
    },
}

impl ObjectInfoLine {
    /// Reads a line's data.
    ///
    /// # Errors
    /// [`Violation::ObjectId`]; [`Violation::Unexpected`] for a size that is no number.
    pub fn parse(format: ObjectFormat, data: &[u8]) -> Result<Self, Violation> {
        let line = line_of(data);
        if line == b"size" {
            return Ok(Self::Attributes);
        }
        let (hex, size) = match memchr::memchr(b' ', line).and_then(|at| line.split_at_checked(at)) {
            None => (line, None),
            Some((hex, size)) => (hex, size.strip_prefix(b" ")),
        };
        let number = |text: &[u8]| {
            let text = core::str::from_utf8(text).ok().filter(|text| !text.starts_with('+'));
            text.and_then(|text| text.parse().ok())
        };
        let size = match size {
            None => None,
            Some(b"") => Some(None),
            Some(text) => {
                Some(Some(number(text).ok_or_else(|| Violation::line("the size of an object", line))?))
            }
        };
        Ok(Self::Object { id: object_id(format, hex, line)?, size })
    }

    /// Appends the whole line, as git does without an LF.
    ///
    /// # Errors
    /// None that can happen: the longest line is short.
    pub fn write(&self, out: &mut BytesMut) -> Result<(), PktLineError> {
        let line = |parts: &[&[u8]], out: &mut BytesMut| gitwire_pktline::encode_data(&parts.concat(), out);
        match self {
            Self::Attributes => line(&[b"size"], out),
            Self::Object { id, size: None } => line(&[id.to_hex().as_bytes()], out),
            Self::Object { id, size: Some(None) } => line(&[id.to_hex().as_bytes(), b" "], out),
            Self::Object { id, size: Some(Some(size)) } => {
                line(&[id.to_hex().as_bytes(), b" ", Decimal::new(*size).as_bytes()], out)
            }
        }
    }
}
