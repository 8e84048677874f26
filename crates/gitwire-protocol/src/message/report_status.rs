//! *report-status* and *report-status-v2*: what came of a push.

use bytes::BytesMut;
use gitwire_pktline::PktLineError;
use gitwire_types::{ObjectFormat, ObjectId};

use super::{line_of, object_id, value};
use crate::Violation;
use crate::wire::text_line;

/// A line of a report (`gitprotocol-pack`). A flush packet ends it; on a side-band the whole report travels in band 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReportStatusLine<'a> {
    /// `unpack ok`: the pack was taken. The first line.
    UnpackOk,
    /// `unpack SP error`: it was not. The first line.
    UnpackError(&'a [u8]),
    /// `ok SP refname`.
    Ok(&'a [u8]),
    /// `ng SP refname SP reason`.
    Rejected {
        /// The ref.
        name: &'a [u8],
        /// Why; git's client does without, then it is empty.
        reason: &'a [u8],
    },
    /// `option …`, behind an `ok` (version 2 of the report): the command was carried out otherwise than it was asked for.
    Option(ReportOption<'a>),
}

/// How a command was carried out otherwise than it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReportOption<'a> {
    /// `option refname NAME`: on this ref.
    RefName(&'a [u8]),
    /// `option old-oid ID`: which held this before.
    OldOid(ObjectId),
    /// `option new-oid ID`: which holds this now.
    NewOid(ObjectId),
    /// `option forced-update`: although it was no fast-forward.
    ForcedUpdate,
    /// One that is not known here, without the word `option`.
    Other(&'a [u8]),
}

impl<'a> ReportStatusLine<'a> {
    /// Reads a line's data.
    ///
    /// # Errors
    /// [`Violation::Unexpected`] for a line that is none of these, [`Violation::ObjectId`], [`Violation::Malformed`] for a missing
    /// name.
    pub fn parse(format: ObjectFormat, data: &'a [u8]) -> Result<Self, Violation> {
        let line = line_of(data);
        if let Some(result) = value(line, b"unpack") {
            return Ok(if result == b"ok" { Self::UnpackOk } else { Self::UnpackError(result) });
        }
        if let Some(name) = value(line, b"ok") {
            return Ok(Self::Ok(named(name, line)?));
        }
        if let Some(rest) = value(line, b"ng") {
            let at = memchr::memchr(b' ', rest).unwrap_or(rest.len());
            let (name, reason) = rest.split_at_checked(at).unwrap_or((rest, b""));
            return Ok(Self::Rejected {
                name: named(name, line)?,
                reason: reason.get(1..).unwrap_or_default(),
            });
        }
        let option = value(line, b"option").ok_or_else(|| Violation::line("a line of a report", line))?;
        Ok(Self::Option(ReportOption::parse(format, option, line)?))
    }

    /// Appends the whole line.
    ///
    /// # Errors
    /// [`PktLineError::DataTooLong`] for a name or reason that fits into no line.
    pub fn write(&self, out: &mut BytesMut) -> Result<(), PktLineError> {
        match self {
            Self::UnpackOk => text_line(&[b"unpack ok"], out),
            Self::UnpackError(error) => text_line(&[b"unpack ", error], out),
            Self::Ok(name) => text_line(&[b"ok ", name], out),
            Self::Rejected { name, reason } => text_line(&[b"ng ", name, b" ", reason], out),
            Self::Option(option) => option.write(out),
        }
    }
}

impl<'a> ReportOption<'a> {
    fn parse(format: ObjectFormat, option: &'a [u8], line: &[u8]) -> Result<Self, Violation> {
        if let Some(name) = value(option, b"refname") {
            return Ok(Self::RefName(named(name, line)?));
        }
        if let Some(hex) = value(option, b"old-oid") {
            return Ok(Self::OldOid(object_id(format, hex, line)?));
        }
        if let Some(hex) = value(option, b"new-oid") {
            return Ok(Self::NewOid(object_id(format, hex, line)?));
        }
        Ok(if option == b"forced-update" { Self::ForcedUpdate } else { Self::Other(option) })
    }

    fn write(&self, out: &mut BytesMut) -> Result<(), PktLineError> {
        match self {
            Self::RefName(name) => text_line(&[b"option refname ", name], out),
            Self::OldOid(id) => text_line(&[b"option old-oid ", id.to_hex().as_bytes()], out),
            Self::NewOid(id) => text_line(&[b"option new-oid ", id.to_hex().as_bytes()], out),
            Self::ForcedUpdate => text_line(&[b"option forced-update"], out),
            Self::Other(option) => text_line(&[b"option ", option], out),
        }
    }
}

fn named<'a>(name: &'a [u8], line: &[u8]) -> Result<&'a [u8], Violation> {
    if name.is_empty() { Err(Violation::malformed("ref name", line)) } else { Ok(name) }
}
