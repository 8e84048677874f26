//! What stands in a table: refs and lines of reflogs.

use gitwire_types::{ObjectFormat, ObjectId};

use crate::bytes_reader::{BytesReader, put_varint};

/// What a ref was set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefRecord<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// The transaction that set it.
    pub update_index: u64,
    /// What it holds since then.
    pub value: RefValue<'a>,
}

/// What a ref holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefValue<'a> {
    /// Nothing: it is gone, whatever older tables say.
    Deleted,
    /// An object that is no tag.
    Id(ObjectId),
    /// A tag.
    Tag {
        /// The tag.
        id: ObjectId,
        /// What it leads to in the end.
        peeled: ObjectId,
    },
    /// Another ref's name.
    Symbolic(&'a [u8]),
}

/// A line of a reflog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogRecord<'a> {
    /// The ref.
    pub name: &'a [u8],
    /// The transaction that changed it; later ones come first.
    pub update_index: u64,
    /// What is told of it.
    pub value: LogValue<'a>,
}

/// What a line of a reflog says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogValue<'a> {
    /// It is gone, whatever older tables say.
    Deleted,
    /// A change. With both ids zero it says nothing but that there is a reflog.
    Change {
        /// The object before; zero: there was none.
        old: ObjectId,
        /// The object afterwards; zero: there is none.
        new: ObjectId,
        /// Who changed it.
        committer: &'a [u8],
        /// Their address, without brackets.
        email: &'a [u8],
        /// When, in seconds since 1970.
        seconds: u64,
        /// Their zone as it is written: -0130 is -130. Git writes it so, where its document says minutes.
        zone: i16,
        /// Why, a line feed at its end.
        message: &'a [u8],
    },
}

/// The key under which a line of a reflog stands: the ref's name, a zero, and the update index so turned that later ones come first.
#[must_use]
pub fn log_key(name: &[u8], update_index: u64) -> Vec<u8> {
    let mut key = Vec::with_capacity(name.len().saturating_add(LOG_KEY_TAIL));
    key.extend_from_slice(name);
    key.push(0);
    key.extend_from_slice(&(!update_index).to_be_bytes());
    key
}

/// The name and the update index that a log record's key is made of.
pub(crate) fn split_log_key(key: &[u8]) -> Option<(&[u8], u64)> {
    let (name, tail) = key.split_at_checked(key.len().checked_sub(LOG_KEY_TAIL)?)?;
    let mut reader = BytesReader::new(tail, 0);
    (reader.u8()? == 0).then_some(())?;
    let index = !reader.u64()?;
    Some((name, index))
}

/// The zero and the update index.
const LOG_KEY_TAIL: usize = 9;

impl<'a> RefValue<'a> {
    /// The three bits that tell what follows.
    pub(crate) fn kind(&self) -> u8 {
        match self {
            Self::Deleted => 0,
            Self::Id(_) => 1,
            Self::Tag { .. } => 2,
            Self::Symbolic(_) => 3,
        }
    }

    pub(crate) fn read(kind: u8, format: ObjectFormat, reader: &mut BytesReader<'a>) -> Option<Self> {
        Some(match kind {
            0 => Self::Deleted,
            1 => Self::Id(reader.id(format)?),
            2 => Self::Tag { id: reader.id(format)?, peeled: reader.id(format)? },
            3 => Self::Symbolic(reader.counted()?),
            _ => return None,
        })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Deleted => {}
            Self::Id(id) => out.extend_from_slice(id.as_bytes()),
            Self::Tag { id, peeled } => {
                out.extend_from_slice(id.as_bytes());
                out.extend_from_slice(peeled.as_bytes());
            }
            Self::Symbolic(target) => put_counted(out, target),
        }
    }

    /// Whether every id in it is of this hash function.
    pub(crate) fn is_of(&self, format: ObjectFormat) -> bool {
        match self {
            Self::Id(id) => id.format() == format,
            Self::Tag { id, peeled } => id.format() == format && peeled.format() == format,
            Self::Deleted | Self::Symbolic(_) => true,
        }
    }
}

impl<'a> LogValue<'a> {
    /// The three bits that tell what follows.
    pub(crate) fn kind(&self) -> u8 {
        match self {
            Self::Deleted => 0,
            Self::Change { .. } => 1,
        }
    }

    pub(crate) fn read(kind: u8, format: ObjectFormat, reader: &mut BytesReader<'a>) -> Option<Self> {
        Some(match kind {
            0 => Self::Deleted,
            1 => Self::Change {
                old: reader.id(format)?,
                new: reader.id(format)?,
                committer: reader.counted()?,
                email: reader.counted()?,
                seconds: reader.varint()?,
                zone: reader.u16()?.cast_signed(),
                message: reader.counted()?,
            },
            _ => return None,
        })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        if let Self::Change { old, new, committer, email, seconds, zone, message } = self {
            out.extend_from_slice(old.as_bytes());
            out.extend_from_slice(new.as_bytes());
            put_counted(out, committer);
            put_counted(out, email);
            put_varint(out, *seconds);
            out.extend_from_slice(&zone.to_be_bytes());
            put_counted(out, message);
        }
    }

    /// Whether every id in it is of this hash function.
    pub(crate) fn is_of(&self, format: ObjectFormat) -> bool {
        match self {
            Self::Deleted => true,
            Self::Change { old, new, .. } => old.format() == format && new.format() == format,
        }
    }
}

fn put_counted(out: &mut Vec<u8>, piece: &[u8]) {
    put_varint(out, piece.len() as u64);
    out.extend_from_slice(piece);
}
