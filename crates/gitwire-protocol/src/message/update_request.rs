//! *update-requests*: which refs a push changes, or a certificate that says so.

use bytes::{BufMut, BytesMut};
use gitwire_pktline::{OpenPacket, PktLineError, encode_text};
use gitwire_types::{ObjectFormat, ObjectId};

use super::{line_of, object_id, value};
use crate::Violation;

/// A line of *update-requests* (`gitprotocol-pack`). A flush packet ends them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpdateRequestLine<'a> {
    /// `shallow SP obj-id`: a commit whose parents the client lacks. Before the commands.
    Shallow(ObjectId),
    /// `old-id SP new-id SP name [NUL capability-list]`.
    Command {
        /// What the ref holds as far as the client knows; the zero id where there is none.
        old: ObjectId,
        /// What it shall hold; the zero id to delete it.
        new: ObjectId,
        /// The name's bytes, not checked.
        name: &'a [u8],
        /// What follows the NUL; `None` without one.
        capabilities: Option<&'a [u8]>,
    },
    /// `push-cert NUL capability-list`: a certificate follows, line by line, in place of commands, up to
    /// [`CERTIFICATE_END`](Self::CERTIFICATE_END).
    Certificate {
        /// What follows the NUL.
        capabilities: &'a [u8],
    },
}

impl<'a> UpdateRequestLine<'a> {
    /// The line behind a certificate, without its LF.
    pub const CERTIFICATE_END: &'static [u8] = b"push-cert-end";

    /// Reads a line's data.
    ///
    /// # Errors
    /// [`Violation::Unexpected`] for a line that is none of these, [`Violation::ObjectId`], [`Violation::Malformed`] for an
    /// empty name.
    pub fn parse(format: ObjectFormat, data: &'a [u8]) -> Result<Self, Violation> {
        let line = line_of(data);
        let (line, capabilities) = match memchr::memchr(0, line).and_then(|at| line.split_at_checked(at)) {
            Some((line, list)) => (line, list.get(1..)),
            None => (line, None),
        };
        if let Some(hex) = value(line, b"shallow") {
            return Ok(Self::Shallow(object_id(format, hex, line)?));
        }
        if line == b"push-cert" {
            return Ok(Self::Certificate { capabilities: capabilities.unwrap_or_default() });
        }
        let (old, new, name) = command(format, line)?;
        Ok(Self::Command { old, new, name, capabilities })
    }

    /// Appends the whole line, as git does without an LF.
    ///
    /// # Errors
    /// [`PktLineError::DataTooLong`] for a name or list that fits into no line.
    pub fn write(&self, out: &mut BytesMut) -> Result<(), PktLineError> {
        let open = OpenPacket::begin(out);
        let capabilities = match self {
            Self::Shallow(id) => {
                out.put_slice(b"shallow ");
                out.put_slice(id.to_hex().as_bytes());
                None
            }
            Self::Command { old, new, name, capabilities } => {
                out.put_slice(old.to_hex().as_bytes());
                out.put_u8(b' ');
                out.put_slice(new.to_hex().as_bytes());
                out.put_u8(b' ');
                out.put_slice(name);
                *capabilities
            }
            Self::Certificate { capabilities } => {
                out.put_slice(b"push-cert");
                Some(*capabilities)
            }
        };
        if let Some(list) = capabilities {
            out.put_u8(0);
            out.put_slice(list);
        }
        open.finish(out).map(drop)
    }

    /// Appends the lines of a certificate, each as a pkt-line of its own, and the line that ends them.
    ///
    /// # Errors
    /// [`PktLineError::DataTooLong`] for a line that is none.
    pub fn write_certificate(certificate: &[u8], out: &mut BytesMut) -> Result<(), PktLineError> {
        for line in certificate.split_inclusive(|byte| *byte == b'\n') {
            let open = OpenPacket::begin(out);
            out.put_slice(line);
            open.finish(out)?;
        }
        encode_text(Self::CERTIFICATE_END, out)
    }
}

/// `old-id SP new-id SP name`, as it stands in a command and in a certificate.
pub(super) fn command(format: ObjectFormat, line: &[u8]) -> Result<(ObjectId, ObjectId, &[u8]), Violation> {
    let hex = format.hex_len();
    let word = |line: &'_ [u8]| -> Option<usize> { (line.get(hex) == Some(&b' ')).then_some(hex) };
    let shape = || Violation::line("old and new object id and a ref name", line);
    let (old, rest) = word(line).and_then(|at| line.split_at_checked(at)).ok_or_else(shape)?;
    let rest = rest.get(1..).unwrap_or_default();
    let (new, rest) = word(rest).and_then(|at| rest.split_at_checked(at)).ok_or_else(shape)?;
    let name = rest.get(1..).unwrap_or_default();
    // A report could not name what holds a line end.
    if name.is_empty() || name.contains(&b'\n') {
        return Err(Violation::malformed("ref name", line));
    }
    Ok((object_id(format, old, line)?, object_id(format, new, line)?, name))
}
