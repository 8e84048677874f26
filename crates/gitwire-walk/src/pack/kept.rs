//! Objects that go as the entries that they are in packs with bitmaps: found out place by place, without a name or a slot for each.

use gitwire_pack::{EntryHeader, EntryKind};
use gitwire_storage::{Bits, EntrySpan, ObjectStore, PackAccess, PackId, Reachability};
use gitwire_types::{Interrupt, ObjectFormat, ObjectId};

use super::cover::{Cover, kind_at};
use super::stored::StoredBytes;
use super::tips::Tips;
use crate::WalkError;
use crate::graph::Pace;
use crate::objects::{Fact, Found};

/// What is copied from packs with bitmaps.
#[derive(Debug)]
pub(crate) struct Kept {
    /// The places of the objects.
    pub(crate) places: Bits,
    /// All of them are this pack.
    pub(crate) whole: Option<PackId>,
}

/// Goes through what goes, in the order of places, and keeps what can be read once it has arrived.
#[derive(Debug)]
pub(crate) struct Choice {
    cover: Cover,
    found: Found,
    format: ObjectFormat,
    thin: bool,
    shortened: usize,
    kept: Bits,
    next: Option<u32>,
    looked_at: u64,
    all: u64,
    bytes: StoredBytes,
    pace: Pace,
    tips: Tips,
}

impl Choice {
    pub(crate) fn new(cover: Cover, found: Found, thin: bool, shortened: usize) -> Self {
        let (kept, next, format) = (Bits::new(cover.sent.len()), cover.sent.next(0), found.format());
        let all = cover.sent.count().into();
        let (looked_at, bytes, pace, tips) = (0, StoredBytes::default(), Pace::default(), Tips::default());
        Self { cover, found, format, thin, shortened, kept, next, looked_at, all, bytes, pace, tips }
    }

    /// How many of how many objects were looked at.
    pub(crate) fn progress(&self) -> (u64, u64) {
        (self.looked_at, self.all)
    }

    /// Looks at some objects; true once all are. `as_it_stands`: a pack may go as it is where all of it goes.
    pub(crate) fn step(
        &mut self,
        objects: &dyn ObjectStore,
        as_it_stands: bool,
        stop: &dyn Interrupt,
    ) -> Result<bool, WalkError> {
        let (Some(reach), Some(packs)) = (objects.bitmaps(), objects.packs()) else {
            return Err(WalkError::Internal("bitmaps that were there are gone"));
        };
        if self.looked_at == 0 && as_it_stands && self.whole(reach).is_some() {
            return Ok(true);
        }
        for _ in 0..AT_ONCE {
            self.pace.check(stop)?;
            let Some(place) = self.next else { return self.list_tips(reach).map(|()| true) };
            if self.can_be_kept(reach, packs, place)? {
                self.kept.insert(place);
            } else {
                let kind = kind_at(reach, place).ok_or(WalkError::Internal("an object of no kind"))?;
                let (id, name) = reach.object(place)?;
                let (at, _) = self.found.meet(id.as_bytes(), kind, name)?;
                self.found.flag(at, Fact::SEND);
            }
            self.looked_at += 1;
            self.next = self.cover.sent.next(place.saturating_add(1));
        }
        Ok(false)
    }

    /// Lists what can go as a shorter delta than it stands as.
    fn list_tips(&mut self, reach: &dyn Reachability) -> Result<(), WalkError> {
        for place in std::mem::take(&mut self.tips).list(reach, &mut self.found, self.shortened)? {
            self.kept.take_out(place);
        }
        Ok(())
    }

    /// What is listed beside what is kept; what is kept; what the receiver has.
    pub(crate) fn finish(self, objects: &dyn ObjectStore) -> (Found, Kept, Cover) {
        let whole = match objects.bitmaps() {
            Some(reach) if self.looked_at == 0 => self.whole(reach),
            _ => None,
        };
        let places = if whole.is_some() { self.cover.sent.clone() } else { self.kept };
        (self.found, Kept { places, whole }, self.cover)
    }

    /// The pack, where all of one goes.
    fn whole(&self, reach: &dyn Reachability) -> Option<PackId> {
        reach.pack().filter(|_| self.all == u64::from(reach.objects()))
    }

    fn note_tip(&mut self, place: u32, span: &EntrySpan, is_delta: bool) {
        if self.shortened > 0 {
            self.tips.note(place, span.end.saturating_sub(span.start), is_delta);
        }
    }

    /// Whether an object is whole, or a delta against one that is kept or that the receiver has.
    fn can_be_kept(
        &mut self,
        reach: &dyn Reachability,
        packs: &dyn PackAccess,
        place: u32,
    ) -> Result<bool, WalkError> {
        let span = reach.span(place)?;
        let base = match self.bytes.header(packs, &span, self.format)?.kind {
            EntryKind::Whole(_) => {
                self.note_tip(place, &span, false);
                return Ok(true);
            }
            EntryKind::OffsetDelta { distance } => {
                reach.place_at(span.pack, span.start.saturating_sub(distance))?
            }
            EntryKind::IdDelta { base } => reach.place(&base)?,
        };
        let Some(base) = base else { return Ok(false) };
        if self.kept.has(base) {
            return Ok(true);
        }
        let is_held = self.thin && self.cover.held.has(base);
        if is_held {
            self.note_tip(place, &span, true);
        }
        Ok(is_held)
    }
}

/// Copies what is kept, entry by entry: where each went, and how its header must be.
#[derive(Debug)]
pub(crate) struct Copying {
    kept: Kept,
    next: Option<u32>,
    /// Of the pack that is being copied: bases stand before their deltas in the same pack.
    runs: Vec<Run>,
    pack: Option<PackId>,
    ofs_delta: bool,
    format: ObjectFormat,
}

/// Entries that went one after the other as they stood.
#[derive(Debug, Clone, Copy)]
struct Run {
    start: u64,
    end: u64,
    /// Where the first of them went.
    to: u64,
}

/// An entry that is copied.
#[derive(Debug)]
pub(crate) struct Copied {
    pub(crate) span: EntrySpan,
    /// As it stood.
    pub(crate) stood: EntryHeader,
    /// As it goes.
    pub(crate) goes: EntryKind,
}

impl Copying {
    pub(crate) fn new(kept: Kept, ofs_delta: bool, format: ObjectFormat) -> Self {
        let next = kept.places.next(0).filter(|_| kept.whole.is_none());
        Self { kept, next, runs: Vec::new(), pack: None, ofs_delta, format }
    }

    pub(crate) fn whole(&self) -> Option<PackId> {
        self.kept.whole
    }

    /// How many objects are copied one by one.
    pub(crate) fn count(&self) -> u32 {
        if self.kept.whole.is_some() { 0 } else { self.kept.places.count() }
    }

    /// The next entry, which goes to `to`; `header` is cleared and gets its header. `went` says where an object went that is not copied here.
    pub(crate) fn next(
        &mut self,
        objects: &dyn ObjectStore,
        bytes: &mut StoredBytes,
        to: u64,
        header: &mut Vec<u8>,
        went: impl Fn(&ObjectId) -> Option<u64>,
    ) -> Result<Option<Copied>, WalkError> {
        let Some(place) = self.next else { return Ok(None) };
        let (Some(reach), Some(packs)) = (objects.bitmaps(), objects.packs()) else {
            return Err(WalkError::Internal("bitmaps that were there are gone"));
        };
        self.next = self.kept.places.next(place.saturating_add(1));
        let span = reach.span(place)?;
        let stood = bytes.header(packs, &span, self.format)?;
        let goes = match stood.kind {
            EntryKind::OffsetDelta { distance } => {
                let base = span.start.saturating_sub(distance);
                match self.place_of(span.pack, base).filter(|_| self.ofs_delta) {
                    Some(went) => EntryKind::OffsetDelta { distance: to.saturating_sub(went) },
                    None => {
                        let place = reach.place_at(span.pack, base)?;
                        let place = place.ok_or(WalkError::Internal("a base that was there is gone"))?;
                        let base = reach.object(place)?.0;
                        match went(&base).filter(|_| self.ofs_delta) {
                            Some(went) => EntryKind::OffsetDelta { distance: to.saturating_sub(went) },
                            None => EntryKind::IdDelta { base },
                        }
                    }
                }
            }
            kind => kind,
        };
        header.clear();
        EntryHeader { kind: goes, size: stood.size, len: 0 }.write(header);
        self.note(&span, to, header.len() as u64 == u64::from(stood.len));
        Ok(Some(Copied { span, stood, goes }))
    }

    /// Where the entry at an offset of a pack went.
    fn place_of(&self, pack: PackId, offset: u64) -> Option<u64> {
        let after = self.runs.partition_point(|run| run.start <= offset);
        let run = self.runs.get(after.checked_sub(1)?)?;
        (self.pack == Some(pack) && offset < run.end).then(|| run.to.saturating_add(offset - run.start))
    }

    fn note(&mut self, span: &EntrySpan, to: u64, is_as_long: bool) {
        if self.pack != Some(span.pack) {
            self.pack = Some(span.pack);
            self.runs.clear();
        }
        if let Some(last) = self.runs.last_mut()
            && last.end == span.start
            && last.to.saturating_add(last.end - last.start) == to
        {
            last.end = span.end;
        } else {
            self.runs.push(Run { start: span.start, end: span.end, to });
        }
        if !is_as_long {
            // What comes behind goes elsewhere: an empty run ends this one.
            self.runs.push(Run { start: span.end, end: span.end, to: u64::MAX });
        }
    }
}

/// Objects between two answers: some milliseconds.
const AT_ONCE: usize = 8192;
