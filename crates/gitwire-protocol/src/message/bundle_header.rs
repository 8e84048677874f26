//! The header of a bundle file: what it brings, and what the reader must have.

use alloc::vec::Vec;

use bytes::{BufMut, Bytes, BytesMut};
use gitwire_types::{ObjectFormat, ObjectId};

use super::{is_sendable, object_id};
use crate::Violation;
use crate::error::Misuse;

/// The header of a bundle (`gitformat-bundle`). Lines of text, not pkt-lines; after the empty line comes the pack.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BundleHeader {
    /// The format's version.
    pub version: BundleVersion,
    /// The hash function of its ids. Version 2 knows SHA-1 alone.
    pub format: ObjectFormat,
    /// The filter that the pack was made under (`@filter=`), version 3 alone.
    pub filter: Option<Bytes>,
    /// Commits that the reader must have, each with a comment that may be empty.
    pub prerequisites: Vec<BundleReference>,
    /// The refs that the bundle brings.
    pub references: Vec<BundleReference>,
}

/// The version of a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BundleVersion {
    /// Without capabilities.
    V2,
    /// With lines of capabilities.
    V3,
}

/// An id and what follows it: a ref's name, or a comment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BundleReference {
    /// The object.
    pub id: ObjectId,
    /// The name's or comment's bytes, not checked.
    pub name: Bytes,
}

/// What the front of a file gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParsedBundleHeader {
    /// The whole header.
    Complete {
        /// The header.
        header: BundleHeader,
        /// Its length; the pack follows.
        consumed: usize,
    },
    /// The header goes on past the input.
    Incomplete,
}

impl BundleHeader {
    /// The longest header that is read: as many refs as a server may show, at 64 bytes each.
    pub const BYTES_MAX: usize = 512 << 20;

    /// A header without refs.
    #[must_use]
    pub fn new(version: BundleVersion, format: ObjectFormat) -> Self {
        Self { version, format, filter: None, prerequisites: Vec::new(), references: Vec::new() }
    }

    /// Reads the header at the front of `input`.
    ///
    /// # Errors
    /// [`Violation::Unexpected`] for another first line or a line that is neither prerequisite nor ref,
    /// [`Violation::Malformed`] for a capability, since a reader must refuse those that it does not know,
    /// [`Violation::ObjectId`], [`Violation::Malformed`] for a header longer than [`BYTES_MAX`](Self::BYTES_MAX).
    pub fn parse(input: &[u8]) -> Result<ParsedBundleHeader, Violation> {
        let mut lines = Lines { rest: input, consumed: 0 };
        let Some(signature) = lines.next() else {
            let known = V2.starts_with(input) || V3.starts_with(input);
            return if known { Ok(ParsedBundleHeader::Incomplete) } else { Err(not_a_bundle(input)) };
        };
        let version = match signature {
            V2 => BundleVersion::V2,
            V3 => BundleVersion::V3,
            line => return Err(not_a_bundle(line)),
        };
        let mut header = Self::new(version, ObjectFormat::Sha1);
        while let Some(line) = lines.next() {
            if line.is_empty() {
                return Ok(ParsedBundleHeader::Complete { header, consumed: lines.consumed });
            }
            if lines.consumed > Self::BYTES_MAX {
                return Err(Violation::malformed("bundle header", b"too long"));
            }
            header.parse_line(line)?;
        }
        if input.len() > Self::BYTES_MAX {
            return Err(Violation::malformed("bundle header", b"too long"));
        }
        Ok(ParsedBundleHeader::Incomplete)
    }

    /// Appends the whole header, the empty line with it.
    ///
    /// # Errors
    /// [`Misuse::Invalid`] for SHA-256 or a filter in version 2, [`Misuse::Unsendable`] for a name or comment with an LF or
    /// NUL, or a ref without a name. Nothing is written then.
    pub fn write(&self, out: &mut BytesMut) -> Result<(), Misuse> {
        let start = out.len();
        let written = self.write_lines(out);
        if written.is_err() {
            out.truncate(start);
        }
        written
    }

    fn parse_line(&mut self, line: &[u8]) -> Result<(), Violation> {
        let bare = self.prerequisites.is_empty() && self.references.is_empty();
        if let Some(capability) =
            line.strip_prefix(b"@").filter(|_| self.version == BundleVersion::V3 && bare)
        {
            return self.parse_capability(capability);
        }
        let (list, reference) = match line.strip_prefix(b"-") {
            Some(reference) => (&mut self.prerequisites, reference),
            None => (&mut self.references, line),
        };
        let (hex, rest) = reference.split_at_checked(self.format.hex_len()).unwrap_or((reference, b""));
        let id = object_id(self.format, hex, line)?;
        let name = match rest {
            [b' ', name @ ..] => name,
            [] if line.starts_with(b"-") => rest,
            _ => return Err(Violation::line("an object id and a name", line)),
        };
        list.push(BundleReference { id, name: Bytes::copy_from_slice(name) });
        Ok(())
    }

    fn parse_capability(&mut self, capability: &[u8]) -> Result<(), Violation> {
        let unknown = || Violation::malformed("capability", capability);
        if let Some(name) = capability.strip_prefix(b"object-format=") {
            self.format = ObjectFormat::from_name(name).ok_or_else(unknown)?;
        } else if let Some(spec) = capability.strip_prefix(b"filter=") {
            self.filter = Some(Bytes::copy_from_slice(spec));
        } else {
            return Err(unknown());
        }
        Ok(())
    }

    fn write_lines(&self, out: &mut BytesMut) -> Result<(), Misuse> {
        let line = |parts: &[&[u8]], out: &mut BytesMut| {
            parts.iter().for_each(|part| out.put_slice(part));
            out.put_u8(b'\n');
        };
        match self.version {
            BundleVersion::V2 if self.format != ObjectFormat::Sha1 || self.filter.is_some() => {
                return Err(Misuse::Invalid("a bundle of version 2 has no capabilities"));
            }
            BundleVersion::V2 => line(&[V2], out),
            BundleVersion::V3 => {
                line(&[V3], out);
                line(&[b"@object-format=", self.format.name().as_bytes()], out);
                if let Some(spec) = &self.filter {
                    if !is_sendable(spec) {
                        return Err(Misuse::Unsendable("filter"));
                    }
                    line(&[b"@filter=", spec], out);
                }
            }
        }
        for BundleReference { id, name } in &self.prerequisites {
            if !name.is_empty() && !is_sendable(name) {
                return Err(Misuse::Unsendable("comment"));
            }
            line(&[b"-", id.to_hex().as_bytes(), b" ", name], out);
        }
        for BundleReference { id, name } in &self.references {
            if !is_sendable(name) {
                return Err(Misuse::Unsendable("ref name"));
            }
            line(&[id.to_hex().as_bytes(), b" ", name], out);
        }
        out.put_u8(b'\n');
        Ok(())
    }
}

const V2: &[u8] = b"# v2 git bundle";
const V3: &[u8] = b"# v3 git bundle";

fn not_a_bundle(line: &[u8]) -> Violation {
    Violation::line("# v2 git bundle or # v3 git bundle", line)
}

/// The lines of a text, each without its LF; what has no LF yet is no line.
struct Lines<'a> {
    rest: &'a [u8],
    consumed: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let at = memchr::memchr(b'\n', self.rest)?;
        let (line, rest) = self.rest.split_at_checked(at)?;
        self.rest = rest.get(1..).unwrap_or_default();
        self.consumed = self.consumed.saturating_add(line.len()).saturating_add(1);
        Some(line)
    }
}
