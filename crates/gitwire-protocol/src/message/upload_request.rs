//! *upload-request* of versions 0 and 1: what the client wants, and how much history.

use bytes::BytesMut;
use gitwire_pktline::PktLineError;
use gitwire_types::{ObjectFormat, ObjectId};

use super::depth::DepthLine;
use super::{line_of, object_id, value, word};
use crate::Violation;
use crate::wire::text_line;

/// A line of an *upload-request* (`gitprotocol-pack`). A flush packet ends the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UploadRequestLine<'a> {
    /// `want SP obj-id [SP capability-list]`. The first one carries the capabilities; git reads them from every one.
    Want {
        /// The object.
        id: ObjectId,
        /// The capabilities as they stand, separated by spaces; empty for none.
        capabilities: &'a [u8],
    },
    /// `shallow SP obj-id`: a commit whose parents the client lacks.
    Shallow(ObjectId),
    /// `deepen SP depth`, from 1 to 2147483647.
    Deepen(u32),
    /// `deepen-since SP timestamp`, from 1.
    DeepenSince(u64),
    /// `deepen-not SP ref`.
    DeepenNot(&'a [u8]),
    /// `filter SP filter-spec`.
    Filter(&'a [u8]),
}

impl<'a> UploadRequestLine<'a> {
    /// Reads a line's data.
    ///
    /// # Errors
    /// [`Violation::Unexpected`] for a line that is none of these, [`Violation::ObjectId`], [`Violation::Number`],
    /// [`Violation::Malformed`].
    pub fn parse(format: ObjectFormat, data: &'a [u8]) -> Result<Self, Violation> {
        let line = line_of(data);
        if let Some(rest) = value(line, b"want") {
            let (hex, capabilities) = rest.split_at_checked(format.hex_len()).unwrap_or((rest, b""));
            let id = object_id(format, hex, line)?;
            // git takes what follows the id whether or not a space stands between.
            return Ok(Self::Want { id, capabilities: capabilities.trim_ascii_start() });
        }
        if let Some(hex) = value(line, b"shallow") {
            return Ok(Self::Shallow(object_id(format, hex, line)?));
        }
        if let Some(spec) = value(line, b"filter") {
            return Ok(Self::Filter(word("filter", spec)?));
        }
        match DepthLine::parse(line)? {
            Some(DepthLine::Deepen(depth)) => Ok(Self::Deepen(depth)),
            Some(DepthLine::Since(since)) => Ok(Self::DeepenSince(since)),
            Some(DepthLine::Not(name)) => Ok(Self::DeepenNot(name)),
            None => Err(Violation::line(crate::error::UPLOAD_REQUEST, line)),
        }
    }

    /// Appends the whole line.
    ///
    /// # Errors
    /// [`PktLineError::DataTooLong`] for a line that is none.
    pub fn write(&self, out: &mut BytesMut) -> Result<(), PktLineError> {
        match self {
            Self::Want { id, capabilities: b"" } => text_line(&[b"want ", id.to_hex().as_bytes()], out),
            Self::Want { id, capabilities } => {
                text_line(&[b"want ", id.to_hex().as_bytes(), b" ", capabilities], out)
            }
            Self::Shallow(id) => text_line(&[b"shallow ", id.to_hex().as_bytes()], out),
            Self::Deepen(depth) => DepthLine::Deepen(*depth).write(out),
            Self::DeepenSince(since) => DepthLine::Since(*since).write(out),
            Self::DeepenNot(name) => DepthLine::Not(name).write(out),
            Self::Filter(spec) => text_line(&[b"filter ", spec], out),
        }
    }
}
