//! Objects in files of their own: `kind size NUL content`, deflated (`gitformat-loose`).

mod write;

use std::sync::Arc;

use flate2::{Decompress, FlushDecompress, Status};
use gitwire_object::{Hasher, Trust};
use gitwire_storage::{ObjectReader, Result, StorageError, StorageErrorKind};
use gitwire_types::{ObjectId, ObjectKind};

use crate::error::{Context as _, is_absent};
use crate::fs::{Directory, File, Links};

pub(crate) use self::write::{make_fan_out, store, write_stream};

/// A loose object whose header has been read.
#[derive(Debug)]
pub(crate) struct LooseObject {
    id: ObjectId,
    kind: ObjectKind,
    size: u64,
    stream: Stream,
    /// Content that was inflated with the header.
    head: Vec<u8>,
    /// Bytes of content given out.
    given: u64,
    hasher: Option<Hasher>,
    ended: bool,
}

impl LooseObject {
    /// Opens the object `id` below an object directory. `None`: there is no such file.
    pub(crate) fn open(objects: &dyn Directory, id: &ObjectId, verify: bool) -> Result<Option<Self>> {
        let path = path_of(id);
        let file = match objects.open(&path, Links::Follow) {
            Ok(file) => file,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error).context(|| format!("cannot open loose object {id}")),
        };
        Self::start(Stream::new(file), id, verify).map(Some)
    }

    fn start(mut stream: Stream, id: &ObjectId, verify: bool) -> Result<Self> {
        let mut head = Vec::with_capacity(HEAD_BYTES);
        while head.len() < HEAD_BYTES && !head.contains(&0) {
            let mut room = [0; HEAD_BYTES];
            let free = room.get_mut(..HEAD_BYTES.saturating_sub(head.len())).unwrap_or_default();
            let got = stream.inflate(id, free)?;
            if got == 0 {
                break;
            }
            head.extend_from_slice(room.get(..got).unwrap_or_default());
        }
        let (kind, size, header_len) =
            parse_header(&head).ok_or_else(|| damaged(id, "header is not 'kind size NUL'"))?;
        let content = head.split_off(header_len);
        let hasher = verify.then(|| {
            let mut hasher = Hasher::new(id.format(), Trust::Stranger);
            hasher.begin_object(kind, size);
            hasher
        });
        Ok(Self { id: *id, kind, size, stream, head: content, given: 0, hasher, ended: false })
    }

    pub(crate) fn kind(&self) -> ObjectKind {
        self.kind
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Reads all that is left into `out`.
    pub(crate) fn read_to_end(&mut self, max: u64, out: &mut Vec<u8>) -> Result<()> {
        if self.size > max {
            return Err(StorageError::new(
                StorageErrorKind::Limit,
                format!("object {} has {} bytes, at most {max} are allowed", self.id, self.size),
            ));
        }
        out.clear();
        let mut room = vec![0; 16 << 10];
        loop {
            let got = self.fill(&mut room)?;
            if got == 0 {
                return Ok(());
            }
            out.extend_from_slice(room.get(..got).unwrap_or_default());
        }
    }

    fn fill(&mut self, room: &mut [u8]) -> Result<usize> {
        if self.ended || room.is_empty() {
            return Ok(0);
        }
        let got = if self.head.is_empty() {
            self.stream.inflate(&self.id, room)?
        } else {
            let count = self.head.len().min(room.len());
            for (to, from) in room.iter_mut().zip(self.head.drain(..count)) {
                *to = from;
            }
            count
        };
        self.given = self.given.saturating_add(got as u64);
        if self.given > self.size {
            return Err(damaged(
                &self.id,
                format!("content is longer than the {} bytes declared", self.size),
            ));
        }
        if let (Some(hasher), Some(content)) = (&mut self.hasher, room.get(..got)) {
            hasher.update(content);
        }
        if got == 0 {
            self.end()?;
        }
        Ok(got)
    }

    /// The stream has ended: checks length, trailing bytes and name.
    fn end(&mut self) -> Result<()> {
        self.ended = true;
        if self.given < self.size {
            let (given, size) = (self.given, self.size);
            return Err(damaged(&self.id, format!("content ends after {given} of {size} bytes")));
        }
        if self.stream.has_more(&self.id)? {
            return Err(damaged(&self.id, "bytes follow the compressed data"));
        }
        if let Some(hasher) = self.hasher.take() {
            let actual = hasher.finish().map_err(|error| damaged(&self.id, error.to_string()))?;
            if actual != self.id {
                return Err(damaged(&self.id, format!("content hashes to {actual}")));
            }
        }
        Ok(())
    }
}

impl ObjectReader for LooseObject {
    fn kind(&self) -> ObjectKind {
        self.kind
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn read(&mut self, room: &mut [u8]) -> Result<usize> {
        self.fill(room)
    }
}

/// A zlib stream in a file (RFC 1950).
#[derive(Debug)]
struct Stream {
    file: Arc<dyn File>,
    offset: u64,
    input: Vec<u8>,
    used: usize,
    inflater: Decompress,
    ended: bool,
}

impl Stream {
    fn new(file: Arc<dyn File>) -> Self {
        Self { file, offset: 0, input: Vec::new(), used: 0, inflater: Decompress::new(true), ended: false }
    }

    /// Inflates into the front of `room`; 0 only at the end of the stream.
    fn inflate(&mut self, id: &ObjectId, room: &mut [u8]) -> Result<usize> {
        while !self.ended && !room.is_empty() {
            let empty = self.used == self.input.len() && !self.refill(id)?;
            let before = (self.inflater.total_in(), self.inflater.total_out());
            let input = self.input.get(self.used..).unwrap_or_default();
            let status = self
                .inflater
                .decompress(input, room, FlushDecompress::None)
                .map_err(|error| damaged(id, error.to_string()).with_source(error))?;
            let taken = self.inflater.total_in().saturating_sub(before.0);
            let given = self.inflater.total_out().saturating_sub(before.1);
            self.used = self.used.saturating_add(usize::try_from(taken).unwrap_or(usize::MAX));
            self.ended = status == Status::StreamEnd;
            if given > 0 {
                return Ok(usize::try_from(given).unwrap_or(usize::MAX));
            }
            if empty && !self.ended {
                return Err(damaged(id, format!("compressed data ends at offset {}", self.offset)));
            }
        }
        Ok(0)
    }

    /// Reads more of the file; false at its end.
    fn refill(&mut self, id: &ObjectId) -> Result<bool> {
        self.input.resize(INPUT_BYTES, 0);
        self.used = 0;
        let got = self
            .file
            .read_at(self.offset, &mut self.input)
            .context(|| format!("cannot read loose object {id}"))?;
        self.input.truncate(got);
        self.offset = self.offset.saturating_add(got as u64);
        Ok(got > 0)
    }

    fn has_more(&mut self, id: &ObjectId) -> Result<bool> {
        Ok(self.used < self.input.len() || self.refill(id)?)
    }
}

/// `ab/cdef…` below the object directory.
pub(crate) fn path_of(id: &ObjectId) -> Vec<u8> {
    let hex = id.to_hex();
    let (fan, rest) = hex.as_bytes().split_at_checked(2).unwrap_or_default();
    [fan, b"/", rest].concat()
}

/// Kind, size, and length of a header. The size is decimal without leading zeros.
pub(crate) fn parse_header(head: &[u8]) -> Option<(ObjectKind, u64, usize)> {
    let end = memchr::memchr(0, head)?;
    let (kind, size) = head.get(..end)?.split_at_checked(memchr::memchr(b' ', head)?)?;
    let kind = ObjectKind::from_name(kind)?;
    let digits = size.strip_prefix(b" ")?;
    if digits.is_empty() || digits.len() > 1 && digits.starts_with(b"0") {
        return None;
    }
    let size = digits.iter().try_fold(0_u64, |value, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })?;
    Some((kind, size, end.checked_add(1)?))
}

fn damaged(id: &ObjectId, what: impl std::fmt::Display) -> StorageError {
    StorageError::new(StorageErrorKind::Corrupt(Some(*id)), format!("loose object {id} is corrupt: {what}"))
}

/// The longest header is 28 bytes; a little more saves a second call for small objects.
const HEAD_BYTES: usize = 64;

/// Most loose objects are smaller, and a larger one gains little from more.
const INPUT_BYTES: usize = 8 << 10;

#[cfg(test)]
mod tests;
