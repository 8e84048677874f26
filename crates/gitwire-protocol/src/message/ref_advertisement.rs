//! *advertised-refs* of versions 0 and 1: the server's refs, with its capabilities on the first line.

use bytes::BytesMut;
use gitwire_pktline::PktLineError;
use gitwire_types::{ObjectFormat, ObjectId};

use super::{line_of, object_id, value};
use crate::error::Excerpt;
use crate::wire::text_line;
use crate::{Version, Violation};

/// A line of *advertised-refs* (`gitprotocol-pack`). A flush packet ends the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefAdvertisementLine<'a> {
    /// `version SP number`: the first line, from version 1 on.
    Version(Version),
    /// `obj-id SP refname [NUL capability-list]`. The name may end in `^{}`: the id is that of what the tag of this name
    /// points at in the end. The name `capabilities^{}` with the zero id stands for no ref at all, and `.have` for an object
    /// that the server has without a ref of its own.
    Ref {
        /// The object.
        id: ObjectId,
        /// The name's bytes, not checked.
        name: &'a [u8],
        /// What follows the NUL; `None` without one.
        capabilities: Option<&'a [u8]>,
    },
    /// `shallow SP obj-id`: a commit whose parents the server lacks. After the refs.
    Shallow(ObjectId),
}

impl<'a> RefAdvertisementLine<'a> {
    /// The name that stands in for a ref when there is none.
    pub const NO_REFS: &'static [u8] = b"capabilities^{}";

    /// Reads a line's data.
    ///
    /// # Errors
    /// [`Violation::Unexpected`] for a line that is none of these, [`Violation::ObjectId`], [`Violation::Malformed`] for an
    /// empty name, [`Violation::Number`] for an unknown version.
    pub fn parse(format: ObjectFormat, data: &'a [u8]) -> Result<Self, Violation> {
        let line = line_of(data);
        if let Some(hex) = value(line, b"shallow") {
            return Ok(Self::Shallow(object_id(format, hex, line)?));
        }
        if let Some(number) = value(line, b"version") {
            let unknown = || Violation::Number { what: "version", text: Excerpt::new(number) };
            return Version::from_number(number).map(Self::Version).ok_or_else(unknown);
        }
        Self::parse_ref(format, line)
    }

    /// As [`parse`](Self::parse), where only a ref can stand.
    pub(crate) fn parse_ref(format: ObjectFormat, line: &'a [u8]) -> Result<Self, Violation> {
        let (hex, rest) = line
            .split_at_checked(format.hex_len())
            .filter(|(_, rest)| rest.first() == Some(&b' '))
            .ok_or_else(|| Violation::line("an object id and a ref name", line))?;
        let id = object_id(format, hex, line)?;
        let rest = rest.get(1..).unwrap_or_default();
        let (name, capabilities) = match memchr::memchr(0, rest).and_then(|at| rest.split_at_checked(at)) {
            Some((name, list)) => (name, list.get(1..)),
            None => (rest, None),
        };
        if name.is_empty() {
            return Err(Violation::malformed("ref name", line));
        }
        Ok(Self::Ref { id, name, capabilities })
    }

    /// Appends the whole line.
    ///
    /// # Errors
    /// [`PktLineError::DataTooLong`] for a name or list that fits into no line.
    pub fn write(&self, out: &mut BytesMut) -> Result<(), PktLineError> {
        match self {
            Self::Version(version) => text_line(&[version.line().unwrap_or(b"version 0")], out),
            Self::Ref { id, name, capabilities: None } => {
                text_line(&[id.to_hex().as_bytes(), b" ", name], out)
            }
            Self::Ref { id, name, capabilities: Some(list) } => {
                text_line(&[id.to_hex().as_bytes(), b" ", name, b"\0", list], out)
            }
            Self::Shallow(id) => text_line(&[b"shallow ", id.to_hex().as_bytes()], out),
        }
    }
}
