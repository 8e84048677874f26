//! The header and the footer of a table.

use gitwire_types::ObjectFormat;

use crate::bytes_reader::BytesReader;
use crate::error::{Part, ReftableError};

/// What a table begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) format: ObjectFormat,
    /// Blocks begin at multiples of this; 0: they follow each other.
    pub(crate) block_size: u32,
    pub(crate) min_update_index: u64,
    pub(crate) max_update_index: u64,
}

impl Header {
    /// Bytes of the header of a table of this hash function.
    pub(crate) fn len_of(format: ObjectFormat) -> usize {
        match format {
            ObjectFormat::Sha1 => 24,
            _ => 28,
        }
    }

    /// Bytes of the footer.
    pub(crate) fn footer_len_of(format: ObjectFormat) -> usize {
        // Five positions and the checksum.
        Self::len_of(format).saturating_add(44)
    }

    /// The header, and its length: version 2 may hold SHA-1 too, which is never written.
    pub(crate) fn parse(bytes: &[u8]) -> Result<(Self, usize), ReftableError> {
        let short = || ReftableError::TooShort { size: bytes.len() as u64 };
        let mut reader = BytesReader::new(bytes, 0);
        let magic = reader.take(4).ok_or_else(short)?;
        if magic != MAGIC {
            return Err(ReftableError::Signature { found: magic.try_into().unwrap_or_default() });
        }
        let version = reader.u8().ok_or_else(short)?;
        let block_size = reader.u24().ok_or_else(short)?;
        let min_update_index = reader.u64().ok_or_else(short)?;
        let max_update_index = reader.u64().ok_or_else(short)?;
        let format = match version {
            1 => ObjectFormat::Sha1,
            2 => match reader.take(4).ok_or_else(short)? {
                b"sha1" => ObjectFormat::Sha1,
                b"s256" => ObjectFormat::Sha256,
                other => {
                    return Err(ReftableError::HashFunction { found: other.try_into().unwrap_or_default() });
                }
            },
            found => return Err(ReftableError::Version { found }),
        };
        Ok((Self { format, block_size, min_update_index, max_update_index }, reader.position()))
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(MAGIC);
        let version = if self.format == ObjectFormat::Sha1 { 1 } else { 2 };
        let [_, a, b, c] = self.block_size.to_be_bytes();
        out.extend_from_slice(&[version, a, b, c]);
        out.extend_from_slice(&self.min_update_index.to_be_bytes());
        out.extend_from_slice(&self.max_update_index.to_be_bytes());
        if self.format != ObjectFormat::Sha1 {
            out.extend_from_slice(b"s256");
        }
    }
}

/// Where the parts of a table are; 0: there is no such part, or it is what the table begins with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Footer {
    pub(crate) ref_index: u64,
    pub(crate) objects: u64,
    pub(crate) object_index: u64,
    pub(crate) logs: u64,
    pub(crate) log_index: u64,
}

impl Footer {
    /// Reads the footer that stands at `offset` and must repeat `header`.
    pub(crate) fn parse(bytes: &[u8], header: &[u8], offset: u64) -> Result<Self, ReftableError> {
        let short = || ReftableError::TooShort { size: bytes.len() as u64 };
        if !bytes.starts_with(header) {
            return Err(ReftableError::FooterHeader { offset });
        }
        let checked = bytes.get(..bytes.len().saturating_sub(4)).ok_or_else(short)?;
        let expected = BytesReader::new(bytes, checked.len()).u32().ok_or_else(short)?;
        let actual = crc32fast::hash(checked);
        if actual != expected {
            return Err(ReftableError::FooterChecksum { offset, expected, actual });
        }
        let mut reader = BytesReader::new(bytes, header.len());
        let mut position = |part: Part, shift: u32| {
            let position = reader.u64().ok_or_else(short)? >> shift;
            // Nothing but what begins the table stands in front of the header's end.
            if position != 0 && (position < header.len() as u64 || position >= offset) {
                return Err(ReftableError::Position { part, position });
            }
            Ok(position)
        };
        Ok(Self {
            ref_index: position(Part::RefIndex, 0)?,
            // The low five bits tell how many bytes of an id are compared.
            objects: position(Part::Objects, 5)?,
            object_index: position(Part::ObjectIndex, 0)?,
            logs: position(Part::Logs, 0)?,
            log_index: position(Part::LogIndex, 0)?,
        })
    }

    pub(crate) fn write(&self, header: &Header, out: &mut Vec<u8>) {
        let mut footer = Vec::with_capacity(Header::footer_len_of(header.format));
        header.write(&mut footer);
        for position in [self.ref_index, self.objects << 5, self.object_index, self.logs, self.log_index] {
            footer.extend_from_slice(&position.to_be_bytes());
        }
        let checksum = crc32fast::hash(&footer);
        footer.extend_from_slice(&checksum.to_be_bytes());
        out.extend_from_slice(&footer);
    }
}

const MAGIC: &[u8; 4] = b"REFT";
