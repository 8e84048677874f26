//! *command-request* of version 2, up to the command's arguments.

use bytes::BytesMut;
use gitwire_pktline::PktLineError;

use super::line_of;
use crate::Violation;
use crate::wire::text_line;

/// A line in front of the delimiter of a *command-request* (`gitprotocol-v2`). The lines after it are the command's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandRequestLine<'a> {
    /// `command=KEY`.
    Command(&'a [u8]),
    /// `KEY[=VALUE]`: a capability of the client, such as `agent` or `server-option`.
    Capability {
        /// The key.
        key: &'a [u8],
        /// What follows the `=`; `None` without one.
        value: Option<&'a [u8]>,
    },
}

impl<'a> CommandRequestLine<'a> {
    /// Reads a line's data.
    ///
    /// # Errors
    /// [`Violation::Malformed`] for a line without a key.
    pub fn parse(data: &'a [u8]) -> Result<Self, Violation> {
        let line = line_of(data);
        let (key, value) = match memchr::memchr(b'=', line).and_then(|at| line.split_at_checked(at)) {
            Some((key, value)) => (key, value.get(1..)),
            None => (line, None),
        };
        match (key, value) {
            (b"", _) => Err(Violation::malformed("capability", line)),
            (b"command", Some(command)) => Ok(Self::Command(command)),
            (key, value) => Ok(Self::Capability { key, value }),
        }
    }

    /// Appends the whole line.
    ///
    /// # Errors
    /// [`PktLineError::DataTooLong`] for a value that fits into no line.
    pub fn write(&self, out: &mut BytesMut) -> Result<(), PktLineError> {
        match self {
            Self::Command(command) => text_line(&[b"command=", command], out),
            Self::Capability { key, value: None } => text_line(&[key], out),
            Self::Capability { key, value: Some(value) } => text_line(&[key, b"=", value], out),
        }
    }
}
