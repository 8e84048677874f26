//! Stored pack entries, and packs on their way out.

use bytes::BytesMut;
pub use gitwire_pack::EntryBase;
use gitwire_types::{Interrupt, ObjectId, ObjectKind};

use crate::Result;

/// A pack within one view of the objects. Numbers are dense from 0 and mean nothing outside the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackId(pub u32);

/// Where and how an object stands in a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The pack.
    pub pack: PackId,
    /// Offset of the entry's header in the pack.
    pub offset: u64,
    /// Bytes from the entry's header to the end of its compressed data.
    pub len: u64,
    /// Length of the header (type, size and base reference) within `len`.
    pub header_len: u8,
    /// What the object is, once its deltas are resolved.
    pub kind: ObjectKind,
    /// The size in the entry header: of the object, or of the delta where there is a base.
    pub size: u64,
    /// What it is a delta against.
    pub base: EntryBase,
}

/// Access to pack entries as they stand, for verbatim reuse and for walks in pack order.
pub trait PackAccess: Send + Sync {
    /// Where each of `ids` stands; `out` gets the place in `ids` and the answer, in any order, once for each.
    ///
    /// # Errors
    /// A failing medium or a damaged index.
    fn locate(&self, ids: &[ObjectId], out: &mut dyn FnMut(usize, Option<Entry>)) -> Result<()>;

    /// The pack that each of `ids` stands in and its position there, as [`position`](Self::position) counts; else as
    /// [`locate`](Self::locate). The entries are not looked at.
    ///
    /// # Errors
    /// A failing medium or a damaged index.
    fn places(&self, ids: &[ObjectId], out: &mut dyn FnMut(usize, Option<(PackId, u32)>)) -> Result<()>;

    /// The entry at `position` of a pack, counted in the order of offsets.
    ///
    /// # Errors
    /// A failing medium, a damaged index, or a position past the end.
    fn position(&self, pack: PackId, position: u32) -> Result<(ObjectId, Entry)>;

    /// The id of the entry that starts at `offset`, and its position.
    ///
    /// # Errors
    /// A failing medium, a damaged index, or an offset at which no entry starts.
    fn at_offset(&self, pack: PackId, offset: u64) -> Result<(ObjectId, u32)>;

    /// The number of objects in a pack.
    fn objects_in(&self, pack: PackId) -> u32;

    /// Where the entries of a pack end and its checksum starts.
    ///
    /// # Errors
    /// A pack that is not in this view, or is damaged.
    fn entries_end(&self, pack: PackId) -> Result<u64>;

    /// The number of packs in this view.
    fn packs(&self) -> u32;

    /// Reads pack bytes at `offset` into the front of `out`; how many, 0 at the end.
    ///
    /// # Errors
    /// A failing medium.
    fn read_at(&self, pack: PackId, offset: u64, out: &mut [u8]) -> Result<usize>;
}

/// A pack on its way out, pulled in pieces so that the network's pace is the pack's pace.
pub trait PackSource: Send {
    /// Appends up to about `room` bytes of the pack to `out`; a bounded piece of work.
    ///
    /// # Errors
    /// The pack cannot be finished. What was appended before must not be ended as if it were whole.
    fn next(&mut self, room: usize, out: &mut BytesMut, stop: &dyn Interrupt) -> Result<SourceState>;

    /// What has been written so far, for progress lines; `None` where that is not counted, or before the first byte.
    fn written(&self) -> Option<PackWritten> {
        None
    }

    /// Which objects were left out because the receiver gets them elsewhere; `None` before that is known. It is known before the
    /// first byte.
    fn left_out(&self) -> Option<&[ObjectId]> {
        Some(&[])
    }

    /// Takes what the source has to say to the receiver beside the pack.
    fn take_said(&mut self) -> Vec<u8> {
        Vec::new()
    }
}

/// How much of a pack has been written, and where it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PackWritten {
    /// Objects whose entries have been begun.
    pub objects: u64,
    /// Objects that the pack holds in the end.
    pub total: u64,
    /// Those of `objects` that go as deltas.
    pub deltas: u64,
    /// Those of `objects` that were copied with their whole pack, unlooked at; they count nowhere else.
    pub copied: u64,
    /// Those of `objects` whose stored bytes are copied.
    pub reused: u64,
    /// Those of `deltas` whose stored bytes are copied.
    pub reused_deltas: u64,
}

/// What a [`PackSource`] says after each piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceState {
    /// Bytes were appended; there are more.
    More,
    /// Nothing was appended yet; preparation goes on: how far it is, for progress lines.
    Preparing(Preparation),
    /// The last bytes were appended.
    End,
}

/// How far the preparation of a pack is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Preparation {
    /// Objects are being found; how many so far.
    Enumerating(u64),
    /// All objects are known; how many have been counted of how many.
    Counting(u64, u64),
    /// Deltas are being made; how many of how many.
    Compressing(u64, u64),
}
