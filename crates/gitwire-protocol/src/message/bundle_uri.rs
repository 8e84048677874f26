//! The answer to the command `bundle-uri` of version 2.

use bytes::BytesMut;
use gitwire_pktline::{PktLineError, encode_data};

use super::line_of;
use crate::Violation;

/// A line of the answer to `bundle-uri` (`gitprotocol-v2`): `key=value`, a variable of a bundle list as configuration names it,
/// such as `bundle.version=1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BundleUriLine<'a> {
    /// The key: bytes without `=`, NUL and LF, not empty.
    pub key: &'a [u8],
    /// The value: bytes without NUL and LF, not empty.
    pub value: &'a [u8],
}

impl<'a> BundleUriLine<'a> {
    /// Reads a line's data.
    ///
    /// # Errors
    /// [`Violation::Unexpected`] for a line without a key or without a value.
    pub fn parse(data: &'a [u8]) -> Result<Self, Violation> {
        let line = line_of(data);
        let split = memchr::memchr(b'=', line).and_then(|at| line.split_at_checked(at));
        let parts = split.and_then(|(key, value)| Some((key, value.strip_prefix(b"=")?)));
        match parts {
            Some((key, value)) if super::is_sendable(key) && super::is_sendable(value) => {
                Ok(Self { key, value })
            }
            _ => Err(Violation::line("a key and a value of a bundle list", line)),
        }
    }

    /// Appends the whole line, as git does without an LF.
    ///
    /// # Errors
    /// [`PktLineError::DataTooLong`] for what fits into no line.
    pub fn write(&self, out: &mut BytesMut) -> Result<(), PktLineError> {
        encode_data(&[self.key, b"=", self.value].concat(), out)
    }
}
