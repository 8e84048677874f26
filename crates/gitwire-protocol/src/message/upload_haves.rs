//! *upload-haves* of versions 0 and 1: what the client has.

use bytes::BytesMut;
use gitwire_pktline::PktLineError;
use gitwire_types::{ObjectFormat, ObjectId};

use super::{line_of, object_id, value};
use crate::Violation;
use crate::wire::text_line;

/// A line of *upload-haves* (`gitprotocol-pack`). A flush packet, or `done`, ends a block of haves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadHavesLine {
    /// `have SP obj-id`: an object that the client has, with all its history.
    Have(ObjectId),
    /// `done`: the pack is due.
    Done,
}

impl UploadHavesLine {
    /// Reads a line's data.
    ///
    /// # Errors
    /// [`Violation::Unexpected`] for a line that is neither, [`Violation::ObjectId`].
    pub fn parse(format: ObjectFormat, data: &[u8]) -> Result<Self, Violation> {
        let line = line_of(data);
        if let Some(hex) = value(line, b"have") {
            return Ok(Self::Have(object_id(format, hex, line)?));
        }
        if line == b"done" { Ok(Self::Done) } else { Err(Violation::line(crate::error::UPLOAD_HAVES, line)) }
    }

    /// Appends the whole line.
    ///
    /// # Errors
    /// None that can happen: the longest line is short.
    pub fn write(&self, out: &mut BytesMut) -> Result<(), PktLineError> {
        match self {
            Self::Have(id) => text_line(&[b"have ", id.to_hex().as_bytes()], out),
            Self::Done => text_line(&[b"done"], out),
        }
    }
}
