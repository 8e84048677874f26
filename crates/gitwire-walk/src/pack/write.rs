//! The bytes of a pack, piece by piece.

use std::fmt;
use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use flate2::{Compress, Compression, FlushCompress, Status};
use gitwire_object::{Hasher, Trust};
use gitwire_pack::{EntryHeader, EntryKind, PackHeader};
use gitwire_storage::{ObjectReader, ObjectStore, PackId, PackWritten};
use gitwire_types::{Interrupt, ObjectId};

use super::kept::Copying;
use super::plan::{NONE, Plan, Slot};
use super::stored::{BLOCK, StoredBytes, cut_short};
use crate::WalkError;
use crate::objects::Fact;

/// Writes a planned pack.
pub(crate) struct Writer {
    objects: Arc<dyn ObjectStore>,
    plan: Plan,
    copying: Option<Copying>,
    ofs_delta: bool,
    next: usize,
    written: PackWritten,
    /// Bytes of the pack so far.
    offset: u64,
    /// `None`: a pack goes as it stands, its checksum too.
    hasher: Option<Hasher>,
    current: Current,
    deflate: Compress,
    bytes: StoredBytes,
    header: Vec<u8>,
    is_finished: bool,
}

/// What is left of the entry that is being written.
enum Current {
    Nothing,
    /// Bytes of a stored entry.
    Stored {
        pack: PackId,
        at: u64,
        left: u64,
    },
    /// An object or a delta that is deflated, and how much of it is still to be read.
    Object {
        reader: Option<Box<dyn ObjectReader>>,
        left: u64,
        input: Vec<u8>,
        used: usize,
    },
}

impl Writer {
    pub(crate) fn new(objects: Arc<dyn ObjectStore>, mut plan: Plan, ofs_delta: bool) -> Self {
        let format = plan.found.format();
        let copying = plan.kept.take().map(|kept| Copying::new(kept, ofs_delta, format));
        let mut written = PackWritten::default();
        written.total = plan.order.len() as u64;
        Self {
            objects,
            plan,
            copying,
            ofs_delta,
            next: 0,
            written,
            offset: 0,
            // Our own bytes: nobody gains by making two of our packs collide.
            hasher: Some(Hasher::new(format, Trust::Own)),
            current: Current::Nothing,
            deflate: Compress::new(Compression::default(), true),
            bytes: StoredBytes::default(),
            header: Vec::new(),
            is_finished: false,
        }
    }

    /// Appends about `room` bytes; true at the end.
    pub(crate) fn write(
        &mut self,
        room: usize,
        out: &mut BytesMut,
        stop: &dyn Interrupt,
    ) -> Result<bool, WalkError> {
        stop.check()?;
        let start = out.len();
        let end = start.saturating_add(room.max(1));
        if self.offset == 0 && self.next == 0 {
            self.start(out)?;
        }
        while out.len() < end {
            match &self.current {
                Current::Stored { .. } => self.copy(end, out)?,
                Current::Object { .. } => self.pump(end, out)?,
                Current::Nothing => {
                    let offset = self.offset + (out.len() - start) as u64;
                    if self.next >= self.plan.early && self.open_kept(offset, out)? {
                        continue;
                    }
                    let Some(at) = self.plan.order.get(self.next).copied() else {
                        self.finish(start, out)?;
                        return Ok(true);
                    };
                    self.next += 1;
                    self.open(at, offset, out)?;
                }
            }
        }
        self.account(start, out);
        Ok(false)
    }

    /// How far it is.
    pub(crate) fn written(&self) -> PackWritten {
        self.written
    }

    fn start(&mut self, out: &mut BytesMut) -> Result<(), WalkError> {
        let mut objects = u32::try_from(self.plan.order.len()).ok();
        let mut version = 2;
        if let Some(copying) = &self.copying {
            objects = objects.and_then(|objects| objects.checked_add(copying.count()));
        }
        if let Some(pack) = self.copying.as_ref().and_then(Copying::whole) {
            let packs = self.objects.packs().ok_or(WalkError::Internal("located packs are gone"))?;
            let copied = packs.objects_in(pack);
            objects = objects.and_then(|objects| objects.checked_add(copied));
            self.written.copied = copied.into();
            self.written.objects = copied.into();
            let at = PackHeader::LEN as u64;
            let mut left = packs.entries_end(pack)?.saturating_sub(at);
            if self.plan.order.is_empty() {
                // Nothing comes beside it: header and checksum are its own.
                let mut header = [0; PackHeader::LEN];
                let count = packs.read_at(pack, 0, &mut header)?;
                let header = PackHeader::parse(&header).ok().filter(|_| count == PackHeader::LEN);
                version = header.ok_or_else(cut_short)?.version;
                left = left.saturating_add(self.plan.found.format().raw_len() as u64);
                self.hasher = None;
            }
            self.current = Current::Stored { pack, at, left };
        }
        let objects = objects.ok_or(WalkError::Internal("more objects than the limit allows"))?;
        self.written.total = objects.into();
        out.put_slice(&PackHeader { version, objects }.to_bytes());
        Ok(())
    }

    fn finish(&mut self, start: usize, out: &mut BytesMut) -> Result<(), WalkError> {
        if self.is_finished {
            return Ok(());
        }
        self.is_finished = true;
        self.account(start, out);
        if let Some(hasher) = &mut self.hasher {
            let checksum = hasher.finish_reset();
            let checksum = checksum.map_err(|_| WalkError::Internal("a plain hash found a collision"))?;
            out.put_slice(checksum.as_bytes());
        }
        Ok(())
    }

    fn account(&mut self, start: usize, out: &BytesMut) {
        let new = out.get(start..).unwrap_or_default();
        self.hasher.iter_mut().for_each(|hasher| hasher.update(new));
        self.offset += new.len() as u64;
    }

    /// Starts an entry that goes as it stands in a pack with bitmaps; false once there are no more.
    fn open_kept(&mut self, offset: u64, out: &mut BytesMut) -> Result<bool, WalkError> {
        let Some(copying) = &mut self.copying else { return Ok(false) };
        let plan = &self.plan;
        let went = |id: &ObjectId| {
            let at = plan.found.get(id).filter(|at| plan.found.fact(*at).is(Fact::SEND))?;
            // The pack's own header stands where nothing was written yet.
            Some(plan.slot(at).written_at).filter(|written_at| *written_at > 0)
        };
        let next = copying.next(&*self.objects, &mut self.bytes, offset, &mut self.header, went)?;
        let Some(copied) = next else { return Ok(false) };
        let at = copied.span.start.saturating_add(u64::from(copied.stood.len));
        let left = copied.span.end.saturating_sub(at);
        self.current = Current::Stored { pack: copied.span.pack, at, left };
        self.count(copied.goes, true);
        out.put_slice(&self.header);
        Ok(true)
    }

    /// Starts an entry: its header, and where its data comes from.
    fn open(&mut self, at: u32, offset: u64, out: &mut BytesMut) -> Result<(), WalkError> {
        let slot = self.plan.slot(at);
        if let Some(slot) = self.plan.slots.get_mut(at as usize) {
            slot.written_at = offset;
        }
        let (kind, size) = if let Some(delta) = self.take_made(at, slot) {
            let size = delta.len() as u64;
            self.deflate.reset();
            self.current = Current::Object { reader: None, left: 0, input: delta, used: 0 };
            (self.delta_kind(slot.base, offset)?, size)
        } else if slot.pack == NONE {
            let id = self.plan.found.id(at)?;
            let expected = self.plan.found.fact(at).kind;
            let reader = self.objects.open(&id)?.ok_or(WalkError::missing(expected, id))?;
            let (actual, size) = (reader.kind(), reader.size());
            if actual != expected {
                return Err(WalkError::Kind { id, expected, actual });
            }
            self.deflate.reset();
            self.current = Current::Object { reader: Some(reader), left: size, input: Vec::new(), used: 0 };
            (EntryKind::Whole(expected), size)
        } else {
            let skip = u64::from(slot.header_len);
            let (at_byte, left) = (slot.offset.saturating_add(skip), slot.len.saturating_sub(skip));
            self.current = Current::Stored { pack: PackId(slot.pack), at: at_byte, left };
            (self.stored_kind(at, slot, offset)?, slot.size)
        };
        self.count(kind, matches!(self.current, Current::Stored { .. }));
        self.header.clear();
        EntryHeader { kind, size, len: 0 }.write(&mut self.header);
        out.put_slice(&self.header);
        Ok(())
    }

    fn count(&mut self, kind: EntryKind, is_stored: bool) {
        let is_delta = !matches!(kind, EntryKind::Whole(_));
        self.written.objects += 1;
        self.written.deltas += u64::from(is_delta);
        self.written.reused += u64::from(is_stored);
        self.written.reused_deltas += u64::from(is_stored && is_delta);
    }

    fn stored_kind(&self, at: u32, slot: Slot, offset: u64) -> Result<EntryKind, WalkError> {
        if slot.base == NONE {
            return Ok(EntryKind::Whole(self.plan.found.fact(at).kind));
        }
        self.delta_kind(slot.base, offset)
    }

    fn delta_kind(&self, base: u32, offset: u64) -> Result<EntryKind, WalkError> {
        if self.ofs_delta && self.plan.found.fact(base).is(Fact::SEND) {
            let distance = offset.saturating_sub(self.plan.slot(base).written_at);
            return Ok(EntryKind::OffsetDelta { distance });
        }
        Ok(EntryKind::IdDelta { base: self.plan.found.id(base)? })
    }

    /// The delta that was made for an object, unless its chain had to be broken.
    fn take_made(&mut self, at: u32, slot: Slot) -> Option<Vec<u8>> {
        self.plan.made.remove(&at).filter(|_| slot.base != NONE && slot.pack == NONE)
    }

    /// Copies compressed bytes.
    fn copy(&mut self, end: usize, out: &mut BytesMut) -> Result<(), WalkError> {
        let Current::Stored { pack, at, left } = &mut self.current else { return Ok(()) };
        let packs = self.objects.packs().ok_or(WalkError::Internal("located packs are gone"))?;
        let most = usize::try_from(*left).unwrap_or(usize::MAX).min(end.saturating_sub(out.len()));
        if most >= DIRECT && !self.bytes.holds(*pack, *at) {
            // Straight to where they go.
            let start = out.len();
            out.resize(start + most, 0);
            let count = packs.read_at(*pack, *at, out.get_mut(start..).unwrap_or_default())?;
            out.truncate(start + count);
            if count == 0 {
                return Err(cut_short().into());
            }
            *at += count as u64;
            *left -= count as u64;
        } else if most > 0 {
            let bytes = self.bytes.get(packs, *pack, *at, most)?;
            out.put_slice(bytes);
            *at += bytes.len() as u64;
            *left -= bytes.len() as u64;
        }
        if *left == 0 {
            self.current = Current::Nothing;
        }
        Ok(())
    }

    /// Reads and deflates a part of an object.
    fn pump(&mut self, end: usize, out: &mut BytesMut) -> Result<(), WalkError> {
        let Current::Object { reader, left, input, used } = &mut self.current else { return Ok(()) };
        if *used == input.len() && *left > 0 {
            let most = usize::try_from(*left).unwrap_or(usize::MAX).min(BLOCK);
            input.resize(most, 0);
            *used = 0;
            let reader = reader.as_mut().ok_or(WalkError::Internal("a delta is in memory"))?;
            let count = reader.read(input)?;
            if count == 0 {
                return Err(cut_short().into());
            }
            input.truncate(count);
            *left -= count as u64;
        }
        let flush = if *left == 0 { FlushCompress::Finish } else { FlushCompress::None };
        let before = (self.deflate.total_in(), self.deflate.total_out());
        let mut piece = [0; 4096];
        let room = end.saturating_sub(out.len()).clamp(64, piece.len());
        let piece = piece.get_mut(..room).unwrap_or_default();
        let rest = input.get(*used..).unwrap_or_default();
        let status = self
            .deflate
            .compress(rest, piece, flush)
            .map_err(|_| WalkError::Internal("deflating our own bytes failed"))?;
        *used += usize::try_from(self.deflate.total_in() - before.0).unwrap_or(0);
        let made = usize::try_from(self.deflate.total_out() - before.1).unwrap_or(0);
        out.put_slice(piece.get(..made).unwrap_or_default());
        if status == Status::StreamEnd {
            self.current = Current::Nothing;
        }
        Ok(())
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("next", &self.next)
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

/// From this many bytes on, a piece of a stored pack is read to where it goes.
const DIRECT: usize = 16 << 10;
