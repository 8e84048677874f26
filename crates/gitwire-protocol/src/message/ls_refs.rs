//! The command `ls-refs` of version 2: arguments and answer.

use bytes::{BufMut, BytesMut};
use gitwire_pktline::{OpenPacket, PktLineError};
use gitwire_types::{ObjectFormat, ObjectId};

use super::{line_of, object_id};
use crate::wire::text_line;
use crate::{AdvertisedRef, Violation};

/// An argument of `ls-refs` (`gitprotocol-v2`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LsRefsArgument<'a> {
    /// `symrefs`: say what symbolic refs point at.
    Symrefs,
    /// `peel`: say what tags point at in the end.
    Peel,
    /// `unborn`: show `HEAD` even if it points at a branch that is not there yet.
    Unborn,
    /// `ref-prefix SP prefix`: show refs whose names start so. An empty prefix shows all.
    RefPrefix(&'a [u8]),
}

impl<'a> LsRefsArgument<'a> {
    /// Reads a line's data.
    ///
    /// # Errors
    /// [`Violation::Unexpected`] for a line that is none of these.
    pub fn parse(data: &'a [u8]) -> Result<Self, Violation> {
        let line = line_of(data);
        match line {
            b"symrefs" => Ok(Self::Symrefs),
            b"peel" => Ok(Self::Peel),
            b"unborn" => Ok(Self::Unborn),
            _ => line
                .strip_prefix(b"ref-prefix ")
                .map(Self::RefPrefix)
                .ok_or_else(|| Violation::argument("ls-refs", line)),
        }
    }

    /// Appends the whole line.
    ///
    /// # Errors
    /// [`PktLineError::DataTooLong`] for a prefix that fits into no line.
    pub fn write(&self, out: &mut BytesMut) -> Result<(), PktLineError> {
        match self {
            Self::Symrefs => text_line(&[b"symrefs"], out),
            Self::Peel => text_line(&[b"peel"], out),
            Self::Unborn => text_line(&[b"unborn"], out),
            Self::RefPrefix(prefix) => text_line(&[b"ref-prefix ", prefix], out),
        }
    }
}

/// A line of the answer to `ls-refs` (`gitprotocol-v2`): `obj-id-or-unborn SP refname *(SP ref-attribute)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LsRefsLine<'a>(pub AdvertisedRef<'a>);

impl<'a> LsRefsLine<'a> {
    /// Reads a line's data. Attributes that are not known are skipped.
    ///
    /// # Errors
    /// [`Violation::Unexpected`] for a line without name, [`Violation::ObjectId`].
    pub fn parse(format: ObjectFormat, data: &'a [u8]) -> Result<Self, Violation> {
        let line = line_of(data);
        let mut words = line.split(|byte| *byte == b' ');
        let (Some(hex), Some(name)) = (words.next(), words.next().filter(|name| !name.is_empty())) else {
            return Err(Violation::line("an object id and a ref name", line));
        };
        let id = if hex == b"unborn" { None } else { Some(object_id(format, hex, line)?) };
        let mut record = AdvertisedRef { name, id, peeled: None, symref_target: None };
        for attribute in words {
            if let Some(target) = attribute.strip_prefix(b"symref-target:") {
                record.symref_target = Some(target);
            } else if let Some(hex) = attribute.strip_prefix(b"peeled:") {
                record.peeled = Some(object_id(format, hex, line)?);
            }
        }
        Ok(Self(record))
    }

    /// Appends the whole line.
    ///
    /// # Errors
    /// [`PktLineError::DataTooLong`] for a name that fits into no line.
    pub fn write(&self, out: &mut BytesMut) -> Result<(), PktLineError> {
        let open = OpenPacket::begin(out);
        put_id(self.0.id.as_ref(), out);
        out.put_u8(b' ');
        out.put_slice(self.0.name);
        if let Some(target) = self.0.symref_target {
            out.put_slice(b" symref-target:");
            out.put_slice(target);
        }
        if let Some(peeled) = &self.0.peeled {
            out.put_slice(b" peeled:");
            out.put_slice(peeled.to_hex().as_bytes());
        }
        out.put_u8(b'\n');
        open.finish(out).map(drop)
    }
}

fn put_id(id: Option<&ObjectId>, out: &mut BytesMut) {
    match id {
        Some(id) => out.put_slice(id.to_hex().as_bytes()),
        None => out.put_slice(b"unborn"),
    }
}
