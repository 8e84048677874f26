//! The sections of the answer to `fetch` of version 2.

use bytes::BytesMut;
use gitwire_pktline::PktLineError;
use gitwire_types::{ObjectFormat, ObjectId};

use super::{line_of, object_id, word};
use crate::Violation;
use crate::wire::text_line;

/// The header of a section (`gitprotocol-v2`, *fetch*), in the order in which sections come. git's server has
/// [`WantedRefs`](Self::WantedRefs) before [`ShallowInfo`](Self::ShallowInfo).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// `acknowledgments`: what the server says to haves, not after `done`.
    Acknowledgments,
    /// `shallow-info`: how the client's boundary moves.
    ShallowInfo,
    /// `wanted-refs`: what the refs hold that were asked for by name.
    WantedRefs,
    /// `packfile-uris`: packs that the client must fetch from elsewhere.
    PackfileUris,
    /// `packfile`: the pack, in a side-band. The last one.
    Packfile,
}

impl Section {
    /// Every section, in order.
    pub const ALL: [Self; 5] =
        [Self::Acknowledgments, Self::ShallowInfo, Self::WantedRefs, Self::PackfileUris, Self::Packfile];

    /// The header's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Acknowledgments => "acknowledgments",
            Self::ShallowInfo => "shallow-info",
            Self::WantedRefs => "wanted-refs",
            Self::PackfileUris => "packfile-uris",
            Self::Packfile => "packfile",
        }
    }

    /// Reads a line's data.
    ///
    /// # Errors
    /// [`Violation::Unexpected`] for a line that is none of these.
    pub fn parse(data: &[u8]) -> Result<Self, Violation> {
        let line = line_of(data);
        let known = Self::ALL.into_iter().find(|section| section.name().as_bytes() == line);
        known.ok_or_else(|| Violation::line("a section of the answer to fetch", line))
    }

    /// Appends the whole line.
    ///
    /// # Errors
    /// None that can happen: the longest line is short.
    pub fn write(self, out: &mut BytesMut) -> Result<(), PktLineError> {
        text_line(&[self.name().as_bytes()], out)
    }
}

/// A line of the section wanted-refs: `obj-id SP refname`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WantedRef<'a> {
    /// What the ref holds.
    pub id: ObjectId,
    /// The name's bytes, not checked.
    pub name: &'a [u8],
}

impl<'a> WantedRef<'a> {
    /// Reads a line's data.
    ///
    /// # Errors
    /// [`Violation::Unexpected`], [`Violation::ObjectId`], [`Violation::Malformed`] for a name that is none.
    pub fn parse(format: ObjectFormat, data: &'a [u8]) -> Result<Self, Violation> {
        let line = line_of(data);
        let (hex, name) = split_id(format, line, "an object id and a ref name")?;
        Ok(Self { id: object_id(format, hex, line)?, name: word("ref name", name)? })
    }

    /// Appends the whole line.
    ///
    /// # Errors
    /// [`PktLineError::DataTooLong`] for a name that fits into no line.
    pub fn write(&self, out: &mut BytesMut) -> Result<(), PktLineError> {
        text_line(&[self.id.to_hex().as_bytes(), b" ", self.name], out)
    }
}

/// A line of the section packfile-uris: `hash SP uri`.
///
/// The URI is the server's choice: check it before it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackfileUri<'a> {
    /// The pack's checksum, as `git index-pack` prints it.
    pub hash: ObjectId,
    /// The URI's bytes, not checked but for NUL and LF.
    pub uri: &'a [u8],
}

impl<'a> PackfileUri<'a> {
    /// Reads a line's data.
    ///
    /// # Errors
    /// [`Violation::Unexpected`], [`Violation::ObjectId`], [`Violation::Malformed`] for an empty URI.
    pub fn parse(format: ObjectFormat, data: &'a [u8]) -> Result<Self, Violation> {
        let line = line_of(data);
        let (hex, uri) = split_id(format, line, "a pack hash and a URI")?;
        Ok(Self { hash: object_id(format, hex, line)?, uri: word("URI", uri)? })
    }

    /// Appends the whole line.
    ///
    /// # Errors
    /// [`PktLineError::DataTooLong`] for a URI that fits into no line.
    pub fn write(&self, out: &mut BytesMut) -> Result<(), PktLineError> {
        text_line(&[self.hash.to_hex().as_bytes(), b" ", self.uri], out)
    }
}

fn split_id<'a>(
    format: ObjectFormat,
    line: &'a [u8],
    expected: &'static str,
) -> Result<(&'a [u8], &'a [u8]), Violation> {
    line.split_at_checked(format.hex_len())
        .and_then(|(hex, rest)| Some((hex, rest.strip_prefix(b" ")?)))
        .ok_or_else(|| Violation::line(expected, line))
}
