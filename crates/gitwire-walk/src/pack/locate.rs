//! Where every object that goes stands.
//!
//! First the place of each in its pack is looked up, then the entries are looked at in the order of the pack: it is read from front to back.

use gitwire_storage::{Entry, EntryBase, ObjectStore, PackAccess, PackId, Presence, StorageErrorKind};
use gitwire_types::{Interrupt, ObjectId};

use super::plan::{Planner, Slot};
use crate::WalkError;
use crate::objects::{Fact, Found, PIECE};

/// What is still to be located.
#[derive(Debug)]
pub(crate) struct Locating {
    /// Everything that goes.
    sent: Vec<u32>,
    looked_up: usize,
    /// Pack, place in it, and number of what was found in packs.
    placed: Vec<(PackId, u32, u32)>,
    read: usize,
    /// What was not there when it was looked for.
    missing: Vec<u32>,
}

impl Locating {
    pub(super) fn new(sent: Vec<u32>) -> Self {
        Self { sent, looked_up: 0, placed: Vec::new(), read: 0, missing: Vec::new() }
    }

    /// The numbers of what goes.
    pub(super) fn take_sent(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.sent)
    }
}

impl Planner {
    /// How many of how many objects have their place.
    pub(crate) fn progress(&self) -> (u64, u64) {
        let Locating { sent, looked_up, placed, read, .. } = &self.locating;
        // What stands in a pack is looked at twice.
        let done = looked_up.saturating_sub(placed.len().saturating_sub(*read).div_ceil(2));
        (done as u64, sent.len() as u64)
    }

    /// Locates some objects; true once all are.
    pub(crate) fn step(
        &mut self,
        objects: &dyn ObjectStore,
        stop: &dyn Interrupt,
    ) -> Result<bool, WalkError> {
        stop.check()?;
        let Locating { sent, looked_up, .. } = &mut self.locating;
        let end = sent.len().min(looked_up.saturating_add(AT_ONCE));
        let part: Vec<u32> = sent.get(*looked_up..end).unwrap_or_default().to_vec();
        *looked_up = end;
        if !part.is_empty() {
            self.look_up(objects, &part)?;
            if end == self.locating.sent.len() {
                self.locating.placed.sort_unstable();
            }
            return Ok(false);
        }
        if self.read_entries(objects, AT_ONCE)? {
            return Ok(false);
        }
        self.settle(objects).map(|()| true)
    }

    /// Finds out in which packs some objects are, and makes sure of the others.
    fn look_up(&mut self, objects: &dyn ObjectStore, part: &[u32]) -> Result<(), WalkError> {
        let ids = ids_of(&self.found, part)?;
        let mut elsewhere = Vec::new();
        match objects.packs() {
            Some(packs) => packs.places(&ids, &mut |nth, place| match (place, part.get(nth)) {
                (Some((pack, place)), Some(at)) => self.locating.placed.push((pack, place, *at)),
                (None, Some(at)) => elsewhere.push(*at),
                _ => {}
            })?,
            None => elsewhere.extend_from_slice(part),
        }
        self.make_sure(objects, &elsewhere)
    }

    /// Looks at the next entries; false once all were.
    fn read_entries(&mut self, objects: &dyn ObjectStore, most: usize) -> Result<bool, WalkError> {
        let Locating { placed, read, .. } = &mut self.locating;
        let end = placed.len().min(read.saturating_add(most));
        let part = placed.get(*read..end).unwrap_or_default().to_vec();
        *read = end;
        if part.is_empty() {
            self.locating.placed = Vec::new();
            self.locating.read = 0;
            return Ok(false);
        }
        let packs = objects.packs().ok_or(WalkError::Internal("packs that were there are gone"))?;
        for (pack, place, at) in part {
            match packs.position(pack, place) {
                Ok((_, entry)) => self.take_entry(at, &entry)?,
                // A copy that is damaged does not hide a good one in another pack.
                Err(error) if matches!(error.kind(), StorageErrorKind::Corrupt(_)) => {
                    self.locate_anywhere(packs, at)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    fn locate_anywhere(&mut self, packs: &dyn PackAccess, at: u32) -> Result<(), WalkError> {
        let mut found = None;
        packs.locate(&[self.found.id(at)?], &mut |_, entry| found = entry)?;
        match found {
            Some(entry) => self.take_entry(at, &entry),
            None => Err(WalkError::missing(self.found.fact(at).kind, self.found.id(at)?)),
        }
    }

    fn take_entry(&mut self, at: u32, entry: &Entry) -> Result<(), WalkError> {
        let expected = self.found.fact(at).kind;
        if entry.kind != expected {
            return Err(WalkError::Kind { id: self.found.id(at)?, expected, actual: entry.kind });
        }
        if let Some(slot) = self.slots.get_mut(at as usize) {
            *slot = Slot::stored(entry);
            if entry.base != EntryBase::Whole {
                self.loose_ends.push((at, entry.base));
            }
        }
        Ok(())
    }

    /// Makes sure of the objects that are in no pack.
    fn make_sure(&mut self, objects: &dyn ObjectStore, numbers: &[u32]) -> Result<(), WalkError> {
        if numbers.is_empty() {
            return Ok(());
        }
        let ids = ids_of(&self.found, numbers)?;
        let mut fault = None;
        let Self { found, slots, locating, .. } = self;
        objects.headers(&ids, &mut |nth, presence| {
            let (Some(at), Some(id)) = (numbers.get(nth).copied(), ids.get(nth).copied()) else { return };
            let expected = found.fact(at).kind;
            match presence {
                Presence::Here { kind, size } if kind == expected => {
                    if let Some(slot) = slots.get_mut(at as usize) {
                        slot.size = size;
                    }
                }
                Presence::Here { kind, .. } => fault = Some(WalkError::Kind { id, expected, actual: kind }),
                Presence::Absent => locating.missing.push(at),
            }
        })?;
        fault.map_or(Ok(()), Err)
    }

    /// What was missing comes now, all of it at once, or is left out, or there is no pack.
    fn settle(&mut self, objects: &dyn ObjectStore) -> Result<(), WalkError> {
        let mut missing = std::mem::take(&mut self.locating.missing);
        if missing.is_empty() {
            return Ok(());
        }
        if !self.promised_may_lack {
            objects.prefetch(&ids_of(&self.found, &missing)?)?;
            for part in missing.chunks(PIECE) {
                self.look_up(objects, part)?;
            }
            while self.read_entries(objects, PIECE)? {}
            missing = std::mem::take(&mut self.locating.missing);
        }
        let lacking = ids_of(&self.found, &missing)?;
        let promised = match self.promised_may_lack {
            true => objects.promised(&lacking)?,
            false => Vec::new(),
        };
        let mut promised = promised.into_iter().chain(std::iter::repeat(false));
        if let Some(id) = lacking.iter().find(|_| promised.next() != Some(true)) {
            return Err(WalkError::Missing { id: *id, kind: None });
        }
        for id in &lacking {
            self.found.leave_out(id);
        }
        let Self { found, locating, .. } = self;
        locating.sent.retain(|at| found.fact(*at).is(Fact::SEND));
        locating.looked_up = locating.sent.len();
        Ok(())
    }
}

fn ids_of(found: &Found, numbers: &[u32]) -> Result<Vec<ObjectId>, WalkError> {
    numbers.iter().map(|at| found.id(*at)).collect()
}

/// Objects between two answers: some milliseconds.
const AT_ONCE: usize = 8192;
