//! The headers of packs and of their entries (`gitformat-pack`).

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

use crate::PackError;

/// The twelve bytes at the start of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackHeader {
    /// 2, or 3, which means the same.
    pub version: u32,
    /// The number of entries.
    pub objects: u32,
}

impl PackHeader {
    /// The length of a pack header in bytes.
    pub const LEN: usize = 12;

    /// Reads a header.
    ///
    /// # Errors
    /// [`PackError::Signature`] and [`PackError::Version`].
    pub fn parse(bytes: &[u8; Self::LEN]) -> Result<Self, PackError> {
        let ([signature, version, objects], []) = bytes.as_chunks::<4>() else {
            return Err(PackError::Internal("twelve bytes are three times four"));
        };
        if signature != b"PACK" {
            return Err(PackError::Signature { found: *signature });
        }
        let version = u32::from_be_bytes(*version);
        if !(2..=3).contains(&version) {
            return Err(PackError::Version { found: version });
        }
        Ok(Self { version, objects: u32::from_be_bytes(*objects) })
    }

    /// The header's bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let words = [*b"PACK", self.version.to_be_bytes(), self.objects.to_be_bytes()];
        bytes.copy_from_slice(words.as_flattened());
        bytes
    }
}

/// What stands before the compressed data of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryHeader {
    /// What the compressed data is.
    pub kind: EntryKind,
    /// The number of bytes it inflates to: the size of the object, or of the delta.
    pub size: u64,
    /// The length of the header itself in bytes, the base reference included.
    pub len: u8,
}

/// What the compressed data of an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// An object as it is.
    Whole(ObjectKind),
    /// A delta against the entry that starts this many bytes before this one (`OBJ_OFS_DELTA`).
    OffsetDelta {
        /// At least 1.
        distance: u64,
    },
    /// A delta against an object (`OBJ_REF_DELTA`).
    IdDelta {
        /// The object.
        base: ObjectId,
    },
}

impl EntryHeader {
    /// The longest header in bytes: ten bytes of type and size, and a SHA-256.
    pub const MAX_LEN: usize = 42;

    /// Reads the header at the front of `input`; `offset`, where it stands in the pack, is for errors and for the check of
    /// a base's distance. `None`: it goes on behind `input`.
    ///
    /// # Errors
    /// [`PackError::EntryType`], [`PackError::VarintOverflow`] and [`PackError::DeltaBase`].
    pub fn parse(input: &[u8], format: ObjectFormat, offset: u64) -> Result<Option<Self>, PackError> {
        let mut cursor = Cursor { input, used: 0 };
        let Some(first) = cursor.next() else { return Ok(None) };
        let Some(size) = parse_size(first, &mut cursor, offset)? else { return Ok(None) };
        let kind = match first >> 4 & 7 {
            1 => EntryKind::Whole(ObjectKind::Commit),
            2 => EntryKind::Whole(ObjectKind::Tree),
            3 => EntryKind::Whole(ObjectKind::Blob),
            4 => EntryKind::Whole(ObjectKind::Tag),
            6 => match parse_distance(&mut cursor, offset)? {
                Some(distance) => EntryKind::OffsetDelta { distance },
                None => return Ok(None),
            },
            7 => match cursor.take(format.raw_len()) {
                Some(raw) => EntryKind::IdDelta {
                    base: ObjectId::from_raw(format, raw)
                        .map_err(|_| PackError::Internal("an id has its format's length"))?,
                },
                None => return Ok(None),
            },
            found => return Err(PackError::EntryType { offset, found }),
        };
        Ok(Some(Self { kind, size, len: cursor.used }))
    }

    /// Appends the header to `out`. [`EntryHeader::len`] is not looked at.
    pub fn write(&self, out: &mut Vec<u8>) {
        let kind = match self.kind {
            EntryKind::Whole(ObjectKind::Commit) => 1,
            EntryKind::Whole(ObjectKind::Tree) => 2,
            EntryKind::Whole(ObjectKind::Blob) => 3,
            EntryKind::Whole(ObjectKind::Tag) => 4,
            EntryKind::OffsetDelta { .. } => 6,
            EntryKind::IdDelta { .. } => 7,
        };
        let low = |value: u64| value.to_le_bytes()[0];
        let mut byte = kind << 4 | low(self.size) & 15;
        let mut rest = self.size >> 4;
        while rest != 0 {
            out.push(byte | 0x80);
            byte = low(rest) & 0x7f;
            rest >>= 7;
        }
        out.push(byte);
        match self.kind {
            EntryKind::Whole(_) => {}
            EntryKind::OffsetDelta { distance } => write_distance(distance, out),
            EntryKind::IdDelta { base } => out.extend_from_slice(base.as_bytes()),
        }
    }
}

struct Cursor<'a> {
    input: &'a [u8],
    used: u8,
}

impl<'a> Cursor<'a> {
    fn next(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.input.split_at_checked(len)?;
        self.input = rest;
        // A header is at most 42 bytes long.
        self.used = self.used.saturating_add(u8::try_from(len).unwrap_or(u8::MAX));
        Some(taken)
    }
}

/// Four bits in the first byte, then seven a byte, lowest first.
fn parse_size(first: u8, cursor: &mut Cursor<'_>, offset: u64) -> Result<Option<u64>, PackError> {
    let mut size = u64::from(first & 15);
    let mut byte = first;
    let mut shift = 4_u32;
    while byte & 0x80 != 0 {
        byte = match cursor.next() {
            Some(byte) => byte,
            None => return Ok(None),
        };
        let bits = u64::from(byte & 0x7f);
        let shifted = bits.checked_shl(shift).filter(|shifted| shifted >> shift == bits);
        size |= shifted.ok_or(PackError::VarintOverflow { offset })?;
        shift = shift.saturating_add(7);
    }
    Ok(Some(size))
}

/// Seven bits a byte, highest first; each further byte counts from one past what its predecessors could say.
fn parse_distance(cursor: &mut Cursor<'_>, offset: u64) -> Result<Option<u64>, PackError> {
    let mut distance = 0_u64;
    let mut more = false;
    loop {
        let Some(byte) = cursor.next() else { return Ok(None) };
        if more {
            distance = distance
                .checked_add(1)
                .filter(|distance| distance >> 57 == 0)
                .ok_or(PackError::VarintOverflow { offset })?
                << 7;
        }
        distance |= u64::from(byte & 0x7f);
        more = byte & 0x80 != 0;
        if !more {
            break;
        }
    }
    // The base stands behind the pack's header and before this entry.
    let base = offset.checked_sub(distance).filter(|base| *base >= PackHeader::LEN as u64 && *base < offset);
    match base {
        Some(_) => Ok(Some(distance)),
        None => Err(PackError::DeltaBase { offset, distance }),
    }
}

fn write_distance(distance: u64, out: &mut Vec<u8>) {
    let low = |value: u64| value.to_le_bytes()[0] & 0x7f;
    let mut bytes = [0; 10];
    let mut rest = distance;
    let mut used = 0_usize;
    for (place, byte) in bytes.iter_mut().rev().enumerate() {
        *byte = low(rest) | if place == 0 { 0 } else { 0x80 };
        used = place.saturating_add(1);
        rest >>= 7;
        if rest == 0 {
            break;
        }
        rest = rest.wrapping_sub(1);
    }
    let skip = bytes.len().saturating_sub(used);
    out.extend(bytes.iter().skip(skip));
}
