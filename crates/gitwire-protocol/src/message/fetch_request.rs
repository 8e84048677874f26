//! The arguments of the command `fetch` of version 2.

use bytes::BytesMut;
use gitwire_pktline::PktLineError;
use gitwire_types::{ObjectFormat, ObjectId};

use super::depth::DepthLine;
use super::{line_of, object_id, value, word};
use crate::Violation;
use crate::wire::text_line;

/// An argument of `fetch` (`gitprotocol-v2`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FetchArgument<'a> {
    /// `want SP oid`.
    Want(ObjectId),
    /// `want-ref SP ref` (feature `ref-in-want`).
    WantRef(&'a [u8]),
    /// `have SP oid`.
    Have(ObjectId),
    /// `done`: send the pack now.
    Done,
    /// `wait-for-done`: no pack before `done` (feature of the same name).
    WaitForDone,
    /// `thin-pack`: deltas against objects that the client has are welcome.
    ThinPack,
    /// `no-progress`.
    NoProgress,
    /// `include-tag`: send tags of what is sent.
    IncludeTag,
    /// `ofs-delta`: deltas that name their base by place are welcome.
    OfsDelta,
    /// `shallow SP oid`: a commit whose parents the client lacks.
    Shallow(ObjectId),
    /// `deepen SP depth`, from 1 to 2147483647.
    Deepen(u32),
    /// `deepen-relative`.
    DeepenRelative,
    /// `deepen-since SP timestamp`, from 1.
    DeepenSince(u64),
    /// `deepen-not SP rev`.
    DeepenNot(&'a [u8]),
    /// `filter SP filter-spec` (feature `filter`).
    Filter(&'a [u8]),
    /// `sideband-all`: every line of the answer comes in a band (feature of the same name).
    SidebandAll,
    /// `packfile-uris SP protocols`, separated by commas (feature of the same name).
    PackfileUris(&'a [u8]),
}

impl<'a> FetchArgument<'a> {
    /// Reads a line's data.
    ///
    /// # Errors
    /// [`Violation::Argument`] for a line that is none of these, [`Violation::ObjectId`], [`Violation::Number`],
    /// [`Violation::Malformed`].
    pub fn parse(format: ObjectFormat, data: &'a [u8]) -> Result<Self, Violation> {
        let line = line_of(data);
        if let Some(hex) = value(line, b"have") {
            return Ok(Self::Have(object_id(format, hex, line)?));
        }
        if let Some(hex) = value(line, b"want") {
            return Ok(Self::Want(object_id(format, hex, line)?));
        }
        if let Some(hex) = value(line, b"shallow") {
            return Ok(Self::Shallow(object_id(format, hex, line)?));
        }
        if let Some(name) = value(line, b"want-ref") {
            return Ok(Self::WantRef(word("want-ref", name)?));
        }
        if let Some(spec) = value(line, b"filter") {
            return Ok(Self::Filter(word("filter", spec)?));
        }
        if let Some(protocols) = value(line, b"packfile-uris") {
            return Ok(Self::PackfileUris(word("packfile-uris", protocols)?));
        }
        match DepthLine::parse(line)? {
            Some(DepthLine::Deepen(depth)) => return Ok(Self::Deepen(depth)),
            Some(DepthLine::Since(since)) => return Ok(Self::DeepenSince(since)),
            Some(DepthLine::Not(name)) => return Ok(Self::DeepenNot(name)),
            None => {}
        }
        FLAGS
            .iter()
            .find(|(word, _)| *word == line)
            .map(|(_, flag)| *flag)
            .ok_or_else(|| Violation::argument("fetch", line))
    }

    /// Appends the whole line.
    ///
    /// # Errors
    /// [`PktLineError::DataTooLong`] for a value that fits into no line.
    pub fn write(&self, out: &mut BytesMut) -> Result<(), PktLineError> {
        match self {
            Self::Want(id) => text_line(&[b"want ", id.to_hex().as_bytes()], out),
            Self::Have(id) => text_line(&[b"have ", id.to_hex().as_bytes()], out),
            Self::Shallow(id) => text_line(&[b"shallow ", id.to_hex().as_bytes()], out),
            Self::WantRef(name) => text_line(&[b"want-ref ", name], out),
            Self::Filter(spec) => text_line(&[b"filter ", spec], out),
            Self::PackfileUris(protocols) => text_line(&[b"packfile-uris ", protocols], out),
            Self::Deepen(depth) => DepthLine::Deepen(*depth).write(out),
            Self::DeepenSince(since) => DepthLine::Since(*since).write(out),
            Self::DeepenNot(name) => DepthLine::Not(name).write(out),
            flag => match FLAGS.iter().find(|(_, known)| known == flag) {
                Some((word, _)) => text_line(&[word], out),
                None => Ok(()),
            },
        }
    }
}

/// The arguments without a value.
const FLAGS: [(&[u8], FetchArgument<'static>); 8] = [
    (b"done", FetchArgument::Done),
    (b"wait-for-done", FetchArgument::WaitForDone),
    (b"thin-pack", FetchArgument::ThinPack),
    (b"no-progress", FetchArgument::NoProgress),
    (b"include-tag", FetchArgument::IncludeTag),
    (b"ofs-delta", FetchArgument::OfsDelta),
    (b"deepen-relative", FetchArgument::DeepenRelative),
    (b"sideband-all", FetchArgument::SidebandAll),
];
