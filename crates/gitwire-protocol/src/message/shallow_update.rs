//! *shallow-update*: how the client's boundary moves.

use bytes::{BufMut, BytesMut};
use gitwire_pktline::{OpenPacket, PktLineError};
use gitwire_types::{ObjectFormat, ObjectId};

use super::{line_of, object_id, value};
use crate::Violation;

/// A line of a *shallow-update* (`gitprotocol-pack`) or of the shallow-info section (`gitprotocol-v2`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ShallowUpdate {
    /// `shallow SP obj-id`: the client will lack this commit's parents.
    Shallow(ObjectId),
    /// `unshallow SP obj-id`: the client will have this commit's parents, which it lacked.
    Unshallow(ObjectId),
}

impl ShallowUpdate {
    /// Reads a line's data.
    ///
    /// # Errors
    /// [`Violation::Unexpected`] for a line that is neither, [`Violation::ObjectId`].
    pub fn parse(format: ObjectFormat, data: &[u8]) -> Result<Self, Violation> {
        let line = line_of(data);
        if let Some(hex) = value(line, b"shallow") {
            return Ok(Self::Shallow(object_id(format, hex, line)?));
        }
        let hex = value(line, b"unshallow").ok_or_else(|| Violation::line("shallow or unshallow", line))?;
        Ok(Self::Unshallow(object_id(format, hex, line)?))
    }

    /// Appends the whole line, as git does without an LF.
    ///
    /// # Errors
    /// None that can happen: the longest line is short.
    pub fn write(&self, out: &mut BytesMut) -> Result<(), PktLineError> {
        let (word, id): (&[u8], _) = match self {
            Self::Shallow(id) => (b"shallow ", id),
            Self::Unshallow(id) => (b"unshallow ", id),
        };
        let open = OpenPacket::begin(out);
        out.put_slice(word);
        out.put_slice(id.to_hex().as_bytes());
        open.finish(out).map(drop)
    }
}
