//! *server-response*: what the server says to haves.

use bytes::BytesMut;
use gitwire_pktline::PktLineError;
use gitwire_types::{ObjectFormat, ObjectId};

use super::{line_of, object_id, value};
use crate::Violation;
use crate::wire::text_line;

/// A line of a *server-response* (`gitprotocol-pack`), or of the acknowledgments section of version 2 but for `ready`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acknowledgment {
    /// `NAK`: the end of an answer, or nothing in common.
    Nak,
    /// `ACK SP obj-id [SP status]`.
    Ack {
        /// The object.
        id: ObjectId,
        /// What is said of it.
        status: AckStatus,
    },
}

/// What an `ACK` line says of its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AckStatus {
    /// Without a word: the one object of the mode without acknowledgments, the last line before the pack, or, in version 2,
    /// a common object.
    Plain,
    /// `continue`: common, or, once the server has enough, not even that (mode `multi_ack`).
    Continue,
    /// `common`: the server has it too (mode `multi_ack_detailed`).
    Common,
    /// `ready`: the server has enough to make a pack. It may lack this object.
    Ready,
}

impl Acknowledgment {
    /// Reads a line's data.
    ///
    /// # Errors
    /// [`Violation::Unexpected`] for a line that is neither, [`Violation::ObjectId`].
    pub fn parse(format: ObjectFormat, data: &[u8]) -> Result<Self, Violation> {
        let line = line_of(data);
        if line == b"NAK" {
            return Ok(Self::Nak);
        }
        let rest = value(line, b"ACK").ok_or_else(|| Violation::line("ACK or NAK", line))?;
        let (hex, word) = rest.split_at_checked(format.hex_len()).unwrap_or((rest, b""));
        let id = object_id(format, hex, line)?;
        let status = match word {
            b"" => AckStatus::Plain,
            b" continue" => AckStatus::Continue,
            b" common" => AckStatus::Common,
            b" ready" => AckStatus::Ready,
            _ => return Err(Violation::line("ACK or NAK", line)),
        };
        Ok(Self::Ack { id, status })
    }

    /// Appends the whole line.
    ///
    /// # Errors
    /// None that can happen: the longest line is short.
    pub fn write(&self, out: &mut BytesMut) -> Result<(), PktLineError> {
        let (id, word): (_, &[u8]) = match self {
            Self::Nak => return text_line(&[b"NAK"], out),
            Self::Ack { id, status: AckStatus::Plain } => (id, b""),
            Self::Ack { id, status: AckStatus::Continue } => (id, b" continue"),
            Self::Ack { id, status: AckStatus::Common } => (id, b" common"),
            Self::Ack { id, status: AckStatus::Ready } => (id, b" ready"),
        };
        text_line(&[b"ACK ", id.to_hex().as_bytes(), word], out)
    }
}
