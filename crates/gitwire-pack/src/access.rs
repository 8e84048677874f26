//! Reading objects of a pack by id, by offset, or in the order of the pack.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

mod chain;
mod facts;
mod stream;
mod window;

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use gitwire_object::{Hasher, Trust};
use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

pub(crate) use self::chain::Scratch;
pub use self::facts::{EntryBase, EntryFacts};
pub use self::stream::ObjectStream;
use crate::bytes::read_exact_at;
use crate::hash::attack;
use crate::{BaseCache, Index, IndexProblem, Limits, PackError, PackHeader, ReadAt, ReverseIndex};

/// A pack with its index: objects by id.
///
/// It is shared by threads freely; each call takes a scratch from a small pool. Chains of deltas are walked without
/// recursion, and the objects they pass are kept in a [`BaseCache`], which many packs may share.
///
/// The content is trusted to belong to its id, as git trusts it, unless [`Pack::check_ids`] is set; each entry's own
/// checksum is always looked at.
pub struct Pack<D, I> {
    data: D,
    index: Index<I>,
    limits: Limits,
    cache: Arc<BaseCache>,
    /// The number of this pack in the cache.
    number: u64,
    /// Where the trailer starts.
    end: u64,
    /// Positions in the order of the pack; made when first needed.
    order: OnceLock<Box<[u32]>>,
    /// Made when many places are asked for.
    tables: OnceLock<Tables>,
    places_asked: AtomicU32,
    scratches: Mutex<Vec<Scratch>>,
    check_ids: bool,
}

/// What is known of every object of a pack: eight bytes for each.
struct Tables {
    /// Places in the pack by positions in the index.
    places: Box<[u32]>,
    /// By places, of deltas: 0 or a kind's number, and above it the length of the chain.
    kinds: Box<[AtomicU32]>,
}

impl<D: ReadAt, I: ReadAt> Pack<D, I> {
    /// Joins a pack and its index.
    ///
    /// # Errors
    /// [`PackError::Signature`], [`PackError::Version`], [`PackError::Truncated`]; [`PackError::ObjectCount`] and
    /// [`PackError::WrongPack`] when the two do not belong together; [`PackError::Storage`].
    pub fn open(data: D, index: Index<I>, cache: Arc<BaseCache>, limits: Limits) -> Result<Self, PackError> {
        let format = index.format();
        let mut header = [0; PackHeader::LEN];
        read_exact_at(&data, 0, &mut header)?;
        let header = PackHeader::parse(&header)?;
        if header.objects != index.count() {
            return Err(PackError::ObjectCount { expected: index.count(), actual: header.objects });
        }
        let len = data.size();
        let end = len.checked_sub(format.raw_len() as u64).filter(|end| *end >= PackHeader::LEN as u64);
        let end = end.ok_or(PackError::Truncated { offset: len })?;
        let (expected, actual) = (index.pack_checksum()?, read_id(&data, format, end)?);
        if expected != actual {
            return Err(PackError::WrongPack { expected, actual });
        }
        let number = cache.next_pack();
        Ok(Self {
            data,
            index,
            limits,
            cache,
            number,
            end,
            order: OnceLock::new(),
            tables: OnceLock::new(),
            places_asked: AtomicU32::new(0),
            scratches: Mutex::new(Vec::new()),
            check_ids: false,
        })
    }

    /// Hashes every object that is read, and refuses one whose content does not belong to its id.
    #[must_use]
    pub fn check_ids(mut self) -> Self {
        self.check_ids = true;
        self
    }

    /// The index.
    pub fn index(&self) -> &Index<I> {
        &self.index
    }

    /// The pack's bytes.
    pub fn data(&self) -> &D {
        &self.data
    }

    /// Where the entries end and the trailer starts.
    pub fn entries_end(&self) -> u64 {
        self.end
    }

    /// Kind and size of an object, without making it; `None` if it is not there.
    ///
    /// # Errors
    /// A broken pack or index; [`PackError::Storage`].
    pub fn info(&self, id: &ObjectId) -> Result<Option<(ObjectKind, u64)>, PackError> {
        let Some(position) = self.index.lookup(id)? else { return Ok(None) };
        let offset = self.offset(position)?;
        self.with_scratch(|scratch| self.info_at(offset, scratch)).map(Some)
    }

    /// Reads a whole object of at most `max` bytes into `out`, which is cleared first; `None` if it is not there.
    ///
    /// # Errors
    /// [`PackError::ObjectTooLarge`] for a larger object, and for one that [`Limits`] forbids; a broken pack or index;
    /// [`PackError::Hash`] with [`Pack::check_ids`]; [`PackError::Storage`].
    pub fn read(&self, id: &ObjectId, max: u64, out: &mut Vec<u8>) -> Result<Option<ObjectKind>, PackError> {
        out.clear();
        let Some(position) = self.index.lookup(id)? else { return Ok(None) };
        let offset = self.offset(position)?;
        let kind = self.read_at_offset(offset, max, out)?;
        if self.check_ids {
            let actual = Hasher::new(self.index.format(), Trust::Stranger)
                .object_id(kind, out)
                .map_err(|error| attack(offset, error))?;
            if actual != *id {
                out.clear();
                return Err(PackError::Hash { offset, expected: *id, actual });
            }
        }
        Ok(Some(kind))
    }

    /// Opens an object for reading in pieces, whatever its size; `None` if it is not there.
    ///
    /// An object that is stored whole is inflated piece by piece. One that is made by a delta is made at once, within
    /// [`Limits::delta_bytes_max`].
    ///
    /// # Errors
    /// Those of [`Pack::read`].
    pub fn open_object(&self, id: &ObjectId) -> Result<Option<ObjectStream<D>>, PackError>
    where
        D: Clone,
    {
        let Some(position) = self.index.lookup(id)? else { return Ok(None) };
        let offset = self.offset(position)?;
        self.with_scratch(|scratch| self.open_at(offset, self.check_ids.then_some(*id), scratch)).map(Some)
    }

    /// Reads the object whose entry starts at `offset`, as [`Pack::read`] does; its id is not checked.
    ///
    /// # Errors
    /// Those of [`Pack::read`].
    pub fn read_at_offset(&self, offset: u64, max: u64, out: &mut Vec<u8>) -> Result<ObjectKind, PackError> {
        out.clear();
        self.with_scratch(|scratch| self.resolve_at(offset, max, scratch, out)).map(|(kind, _)| kind)
    }

    /// How an object stands in the pack; `None` if it is not there.
    ///
    /// # Errors
    /// A broken pack or index; [`PackError::Storage`].
    pub fn entry(&self, id: &ObjectId) -> Result<Option<EntryFacts>, PackError> {
        let Some(position) = self.index.lookup(id)? else { return Ok(None) };
        let (offset, place) = (self.offset(position)?, self.place_at(position)?);
        self.with_scratch(|scratch| self.facts_of(place, offset, scratch)).map(Some)
    }

    /// The place of an object in the pack, counted from 0, and its position in the index; `None` if it is not there.
    ///
    /// # Errors
    /// A broken index; [`PackError::Storage`].
    pub fn place(&self, id: &ObjectId) -> Result<Option<(u32, u32)>, PackError> {
        let Some(position) = self.index.lookup(id)? else { return Ok(None) };
        Ok(Some((self.place_at(position)?, position)))
    }

    /// The place in the pack of the object at `position` of the index.
    ///
    /// # Errors
    /// A broken index, or a position past its end; [`PackError::Storage`].
    pub fn place_at(&self, position: u32) -> Result<u32, PackError> {
        if let Some(place) = self.tables.get().and_then(|tables| tables.places.get(position as usize)) {
            return Ok(*place);
        }
        if self.places_asked.fetch_add(1, Ordering::Relaxed) == PLACES_ASKED {
            let _ = self.tables.set(Tables::new(self.order()?));
        }
        self.place_of(self.offset(position)?)
    }

    /// The bytes of the pack that the entry at `place` takes: where it starts and where it ends.
    ///
    /// # Errors
    /// [`PackError::Misuse`] for a place that is none; a broken index; [`PackError::Storage`].
    pub fn span(&self, place: u32) -> Result<Range<u64>, PackError> {
        let start = self.offset(self.position_at(place)?)?;
        Ok(start..self.next_start(place)?)
    }

    /// The bytes that the entry at `offset` takes; `None` if none starts there.
    ///
    /// # Errors
    /// A broken index; [`PackError::Storage`].
    pub fn span_from(&self, offset: u64) -> Result<Option<Range<u64>>, PackError> {
        match self.find_place(offset)? {
            Some(place) => Ok(Some(offset..self.next_start(place)?)),
            None => Ok(None),
        }
    }

    /// Takes the order of the pack from its reverse index, unless it is known already. Its checksum tells a damaged one; sorting what the index
    /// says takes twenty times as long.
    ///
    /// # Errors
    /// What is wrong with the reverse index: the pack is read without it. A broken index; [`PackError::Storage`].
    pub fn take_order<R: ReadAt>(&self, reverse: &ReverseIndex<R>) -> Result<(), PackError> {
        if reverse.count() != self.index.count() {
            return Err(PackError::Misuse("reverse index of another number of objects"));
        }
        if self.order.get().is_none() {
            let order = reverse.positions()?;
            let _ = self.order.set(order);
        }
        Ok(())
    }

    /// Whether the order of the pack is known.
    pub fn has_order(&self) -> bool {
        self.order.get().is_some()
    }

    /// The id of the object that stands at `place` in the pack, counted from 0, and how it stands there.
    ///
    /// # Errors
    /// [`PackError::Misuse`] for a place that is none; a broken pack or index; [`PackError::Storage`].
    pub fn entry_at(&self, place: u32) -> Result<(ObjectId, EntryFacts), PackError> {
        let position = self.position_at(place)?;
        let offset = self.offset(position)?;
        let facts = self.with_scratch(|scratch| self.facts_of(place, offset, scratch))?;
        Ok((self.index.id(position)?, facts))
    }

    /// The id of the object whose entry starts at `offset`, and its place in the pack; `None` if none starts there.
    ///
    /// # Errors
    /// A broken index; [`PackError::Storage`].
    pub fn at_offset(&self, offset: u64) -> Result<Option<(ObjectId, u32)>, PackError> {
        match self.find_place(offset)? {
            Some(place) => Ok(Some((self.index.id(self.position_at(place)?)?, place))),
            None => Ok(None),
        }
    }

    /// The place of the entry that starts at `offset`; `None` if none starts there.
    ///
    /// # Errors
    /// A broken index; [`PackError::Storage`].
    pub fn place_at_offset(&self, offset: u64) -> Result<Option<u32>, PackError> {
        self.find_place(offset)
    }

    /// The position in the index of the object that stands at `place` in the pack.
    ///
    /// # Errors
    /// [`PackError::Misuse`] for a place that is none; a broken index; [`PackError::Storage`].
    pub fn position_at(&self, place: u32) -> Result<u32, PackError> {
        self.order()?.get(place as usize).copied().ok_or(PackError::Misuse("place beyond the last object"))
    }

    /// Where the entry of the object at `position` starts: within the pack, whatever the index says.
    fn offset(&self, position: u32) -> Result<u64, PackError> {
        let offset = self.index.offset(position)?;
        if offset < PackHeader::LEN as u64 || offset >= self.end {
            return Err(IndexProblem::OutsidePack { position, offset, end: self.end }.into());
        }
        Ok(offset)
    }

    /// The positions in the order of the pack.
    fn order(&self) -> Result<&[u32], PackError> {
        if let Some(order) = self.order.get() {
            return Ok(order);
        }
        let mut pairs = Vec::new();
        for position in 0..self.index.count() {
            pairs.push((self.offset(position)?, position));
        }
        pairs.sort_unstable();
        Ok(self.order.get_or_init(|| pairs.into_iter().map(|(_, position)| position).collect()))
    }

    /// Where the entry after the one at `place` starts, or the trailer.
    fn next_start(&self, place: u32) -> Result<u64, PackError> {
        match self.order()?.get((place as usize).saturating_add(1)) {
            Some(position) => self.offset(*position),
            None => Ok(self.end),
        }
    }

    fn find_place(&self, offset: u64) -> Result<Option<u32>, PackError> {
        self.find_among(0..self.order()?.len(), offset)
    }

    /// The place of the entry that starts at `offset`, before `place`: mostly near by.
    fn find_before(&self, place: u32, offset: u64) -> Result<Option<u32>, PackError> {
        let order = self.order()?;
        let (mut high, mut step) = (order.len().min(place as usize), 1_usize);
        loop {
            let low = high.saturating_sub(step);
            let starts = |at: usize| self.index.offset(order.get(at).copied().unwrap_or(0));
            if low == 0 || starts(low)? <= offset {
                return self.find_among(low..high, offset);
            }
            (high, step) = (low, step.saturating_mul(2));
        }
    }

    fn find_among(&self, places: Range<usize>, offset: u64) -> Result<Option<u32>, PackError> {
        let order = self.order()?;
        let Range { start: mut low, end: mut high } = places;
        while low < high {
            let middle = low.midpoint(high);
            let position = order.get(middle).copied().unwrap_or(0);
            match self.index.offset(position)?.cmp(&offset) {
                std::cmp::Ordering::Less => low = middle.saturating_add(1),
                std::cmp::Ordering::Equal => return Ok(u32::try_from(middle).ok()),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok(None)
    }

    fn place_of(&self, offset: u64) -> Result<u32, PackError> {
        self.find_place(offset)?.ok_or(PackError::Internal("an indexed offset has a place"))
    }

    pub(crate) fn with_scratch<T>(&self, run: impl FnOnce(&mut Scratch) -> T) -> T {
        let pool = || self.scratches.lock().unwrap_or_else(PoisonError::into_inner);
        let held = pool().pop();
        let mut scratch = held.unwrap_or_default();
        let result = run(&mut scratch);
        scratch.shrink();
        let mut pool = pool();
        if pool.len() < SCRATCHES_MAX {
            pool.push(scratch);
        }
        result
    }
}

impl Tables {
    fn new(order: &[u32]) -> Self {
        let mut places = vec![0; order.len()];
        for (place, position) in (0..).zip(order) {
            places.get_mut(*position as usize).into_iter().for_each(|slot| *slot = place);
        }
        Self { places: places.into(), kinds: order.iter().map(|_| AtomicU32::new(0)).collect() }
    }

    /// The kind of a delta that was noted, and how long its chain is.
    fn kind(&self, place: u32) -> Option<(ObjectKind, u32)> {
        let noted = self.kinds.get(place as usize)?.load(Ordering::Relaxed);
        let kind = KINDS.get((noted & 0xff).checked_sub(1)? as usize)?;
        Some((*kind, noted >> 8))
    }

    fn note(&self, place: u32, kind: ObjectKind, depth: u32) {
        let number = (1_u32..).zip(KINDS).find(|(_, known)| *known == kind).map_or(0, |(number, _)| number);
        // A chain too long to be noted is walked each time.
        if let Some(slot) = self.kinds.get(place as usize).filter(|_| depth < 1 << 24) {
            slot.store(number | depth << 8, Ordering::Relaxed);
        }
    }
}

impl<D, I> fmt::Debug for Pack<D, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pack").field("index", &self.index).field("end", &self.end).finish_non_exhaustive()
    }
}

pub(crate) fn read_id<D: ReadAt + ?Sized>(
    data: &D,
    format: ObjectFormat,
    at: u64,
) -> Result<ObjectId, PackError> {
    let mut bytes = [0; 32];
    let raw = bytes.get_mut(..format.raw_len()).unwrap_or_default();
    read_exact_at(data, at, raw)?;
    ObjectId::from_raw(format, raw).map_err(|_| PackError::Internal("an id has its format's length"))
}

/// Kinds by their numbers in [`Tables`], less one.
const KINDS: [ObjectKind; 4] = [ObjectKind::Commit, ObjectKind::Tree, ObjectKind::Blob, ObjectKind::Tag];
/// Places that are looked for one by one, before a table of all costs less.
const PLACES_ASKED: u32 = 4096;
/// Scratches that wait for the next call, a few tens of KiB each.
const SCRATCHES_MAX: usize = 8;
