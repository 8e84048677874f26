//! Objects in pieces.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use std::fmt;

use gitwire_object::{Hasher, Trust};
use gitwire_types::{ObjectId, ObjectKind};

use crate::access::chain::Content;
use crate::access::{Pack, Scratch};
use crate::hash::attack;
use crate::inflate::{Compressed, InflateStream};
use crate::spilled::Spilled;
use crate::{EntryKind, PackError, ReadAt};

/// An object that is read in pieces, from its start. It holds the pack's bytes by a clone of `D`, which is cheap for those
/// that are pointers, and so may outlive the [`Pack`].
pub struct ObjectStream<D> {
    kind: ObjectKind,
    size: u64,
    offset: u64,
    source: Source<D>,
    /// A piece of which a part was handed out.
    piece: Vec<u8>,
    piece_used: usize,
    check: Option<(ObjectId, Hasher)>,
}

enum Source<D> {
    Whole { data: D, stream: Box<InflateStream> },
    Made,
    Spilled { spilled: Spilled, at: u64 },
}

impl<D: ReadAt + Clone, I: ReadAt> Pack<D, I> {
    pub(crate) fn open_at(
        &self,
        offset: u64,
        id: Option<ObjectId>,
        scratch: &mut Scratch,
    ) -> Result<ObjectStream<D>, PackError> {
        let header = self.header_at(offset, scratch)?;
        let mut piece = Vec::new();
        let (kind, size, source) = if let EntryKind::Whole(kind) = header.kind {
            let (declared, max) = (header.size, self.limits.object_bytes_max);
            if declared > max {
                return Err(PackError::ObjectTooLarge { offset, declared, max });
            }
            let start = offset.saturating_add(u64::from(header.len));
            let place = Compressed { entry: offset, start, end: self.end, size: declared };
            let stream = Box::new(InflateStream::new(place));
            (kind, declared, Source::Whole { data: self.data.clone(), stream })
        } else {
            match self.make_at(offset, scratch)? {
                (kind, Content::Held(made)) => {
                    piece = made;
                    (kind, piece.len() as u64, Source::Made)
                }
                (kind, Content::Spilled(spilled)) => {
                    (kind, spilled.size(), Source::Spilled { spilled, at: 0 })
                }
            }
        };
        let check = id.map(|id| {
            let mut hasher = Hasher::new(id.format(), Trust::Stranger);
            hasher.begin_object(kind, size);
            (id, hasher)
        });
        Ok(ObjectStream { kind, size, offset, source, piece, piece_used: 0, check })
    }
}

impl<D: ReadAt> ObjectStream<D> {
    /// What the object is.
    pub fn kind(&self) -> ObjectKind {
        self.kind
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Fills the front of `room`; 0 at the end, or for no room.
    ///
    /// # Errors
    /// A broken entry, found only when it is reached; [`PackError::Hash`] at the end with
    /// [`Pack::check_ids`]; [`PackError::Storage`].
    pub fn read(&mut self, room: &mut [u8]) -> Result<usize, PackError> {
        if room.is_empty() {
            return Ok(0);
        }
        if self.piece_used >= self.piece.len() {
            match &mut self.source {
                Source::Whole { data, stream } => {
                    self.piece.clear();
                    self.piece_used = 0;
                    self.piece.extend_from_slice(stream.next(data)?);
                }
                Source::Spilled { spilled, at } => {
                    self.piece.resize(PIECE, 0);
                    self.piece_used = 0;
                    let count = spilled.data().read_at(*at, &mut self.piece).map_err(PackError::Storage)?;
                    self.piece.truncate(count);
                    *at = at.saturating_add(count as u64);
                }
                Source::Made => {}
            }
        }
        let left = self.piece.get(self.piece_used..).unwrap_or_default();
        let count = left.len().min(room.len());
        for (to, from) in room.iter_mut().zip(left) {
            *to = *from;
        }
        if let Some((_, hasher)) = &mut self.check {
            hasher.update(left.get(..count).unwrap_or_default());
        }
        self.piece_used = self.piece_used.saturating_add(count);
        if count == 0
            && let Some((expected, hasher)) = self.check.take()
        {
            let actual = hasher.finish().map_err(|error| attack(self.offset, error))?;
            if actual != expected {
                return Err(PackError::Hash { offset: self.offset, expected, actual });
            }
        }
        Ok(count)
    }
}

impl<D> fmt::Debug for ObjectStream<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectStream")
            .field("kind", &self.kind)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// Read of a spilled object at once.
const PIECE: usize = 64 << 10;
