//! A view of packs that only grows.

use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use gitwire_pack::{ObjectStream, ReadAt};
use gitwire_types::{ObjectId, ObjectKind};

use super::multi::{Mapped, Multis};
use super::reach::{Reach, take_order};
use super::{OpenPack, PackFiles, PackName, PackState, Shared, StoredPack, pack_error};
use crate::{
    Entry, ObjectReader, ObjectStore, PackAccess, PackId, Presence, Reachability, Result, StorageError,
    StorageErrorKind,
};

/// The packs of a [`PackedStore`](crate::PackedStore) at one time, and those that came since and were needed.
///
/// Packs that somebody removes stay open here. An object that is not found is looked for once more after listing the packs
/// anew: it may have moved.
pub struct PackedView<F> {
    shared: Arc<Shared<F>>,
    packs: RwLock<Arc<[Arc<StoredPack>]>>,
    /// The pack that was of use last.
    recent: AtomicUsize,
    multis: Arc<Multis>,
    /// Multi-pack indexes of packs of this view.
    mapped: OnceLock<Vec<Mapped>>,
    /// How often objects were looked for, up to [`LOOKUPS_BEFORE`].
    lookups: AtomicU32,
    reach: OnceLock<Option<ReachOf>>,
}

/// Whose bitmaps.
enum ReachOf {
    Pack(Reach),
    /// The number of the multi-pack index.
    Multi(usize),
}

impl<F: PackFiles> PackedView<F> {
    pub(super) fn new(shared: Arc<Shared<F>>, packs: Arc<[Arc<StoredPack>]>, multis: Arc<Multis>) -> Self {
        Self {
            shared,
            packs: RwLock::new(packs),
            recent: AtomicUsize::new(0),
            multis,
            mapped: OnceLock::new(),
            lookups: AtomicU32::new(0),
            reach: OnceLock::new(),
        }
    }

    /// Takes in packs that came since the view was made; whether there were any. For callers who look in other places
    /// beside packs and have found nothing; the methods of [`ObjectStore`] do it themselves.
    ///
    /// # Errors
    /// A failing medium.
    pub fn refresh(&self) -> Result<bool> {
        let (current, _) = self.shared.current()?;
        let mut packs = self.packs.write().unwrap_or_else(PoisonError::into_inner);
        let is_new = |pack: &&Arc<StoredPack>| !packs.iter().any(|known| Arc::ptr_eq(known, pack));
        let new: Vec<_> = current.iter().filter(is_new).cloned().collect();
        if new.is_empty() {
            return Ok(false);
        }
        *packs = packs.iter().cloned().chain(new).collect();
        Ok(true)
    }

    /// Reads an object from the packs that the view knows, as [`ObjectStore::read`] does but without listing them anew.
    ///
    /// # Errors
    /// As [`ObjectStore::read`].
    pub fn read_known(&self, id: &ObjectId, max: u64, out: &mut Vec<u8>) -> Result<Option<ObjectKind>> {
        self.first(id, |pack, name| {
            pack.read(id, max, out).map_err(|error| for_object(id, pack_error(name, error)))
        })
    }

    /// Kind and size from the packs that the view knows.
    ///
    /// # Errors
    /// As [`ObjectStore::headers`].
    pub fn header_known(&self, id: &ObjectId) -> Result<Option<(ObjectKind, u64)>> {
        self.first(id, |pack, name| pack.info(id).map_err(|error| for_object(id, pack_error(name, error))))
    }

    /// Opens an object of the packs that the view knows.
    ///
    /// # Errors
    /// As [`ObjectStore::open`].
    pub fn open_known(&self, id: &ObjectId) -> Result<Option<Box<dyn ObjectReader>>> {
        self.first(id, |pack, name| {
            let opened = pack.open_object(id).map_err(|error| for_object(id, pack_error(name, error)))?;
            Ok(opened.map(|stream| {
                Box::new(PackedReader { stream, id: *id, name: name.clone() }) as Box<dyn ObjectReader>
            }))
        })
    }

    /// The error that stands for packs that could not be opened, where an object was found nowhere: it may be in one.
    ///
    /// # Errors
    /// What is wrong with the first damaged pack.
    pub fn check_damage(&self) -> Result<()> {
        for pack in self.packs().iter() {
            if let PackState::Damaged(error) = &pack.state {
                return Err(StorageError::new(
                    StorageErrorKind::Corrupt(None),
                    format!("pack {} cannot be used: {error}", pack.name),
                ));
            }
        }
        Ok(())
    }

    /// The packs that the view knows, in the order of their [`PackId`]s.
    #[must_use]
    pub fn names(&self) -> Vec<PackName> {
        self.packs().iter().map(|pack| pack.name.clone()).collect()
    }

    /// Where the packs are.
    #[must_use]
    pub fn files(&self) -> &F {
        &self.shared.files
    }

    fn mapped(&self) -> &[Mapped] {
        self.mapped.get_or_init(|| Mapped::of(&self.multis, &self.packs(), &self.shared))
    }

    /// The multi-pack indexes, once many objects were looked for in many packs: until then they cost more than they spare.
    fn mapped_for(&self, packs: usize) -> &[Mapped] {
        if packs < PACKS_FROM || self.lookups.load(Ordering::Relaxed) < LOOKUPS_BEFORE {
            self.lookups.fetch_add(1, Ordering::Relaxed);
            return &[];
        }
        self.mapped()
    }

    fn packs(&self) -> Arc<[Arc<StoredPack>]> {
        Arc::clone(&self.packs.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The first answer of a pack, the one that was of use last being asked first. A pack that holds the object but is
    /// damaged there does not hide a good copy in another.
    fn first<T>(
        &self,
        id: &ObjectId,
        mut ask: impl FnMut(&OpenPack, &PackName) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        Ok(self.first_with_pack(id, &mut ask)?.map(|(_, found)| found))
    }

    /// The same, with the pack's place in the view.
    fn first_with_pack<T>(
        &self,
        id: &ObjectId,
        ask: &mut dyn FnMut(&OpenPack, &PackName) -> Result<Option<T>>,
    ) -> Result<Option<(usize, T)>> {
        if id.format() != self.shared.format {
            return Ok(None);
        }
        let packs = self.packs();
        let mapped = self.mapped_for(packs.len());
        let found = mapped.iter().find_map(|mapped| mapped.find(id));
        let first = match found {
            Some(pack) => pack.0 as usize,
            None => self.recent.load(Ordering::Relaxed).min(packs.len()),
        };
        let mut damage = None;
        for index in std::iter::once(first).chain((0..packs.len()).filter(|index| *index != first)) {
            // What a multi-pack index does not find is not in its packs; a copy that is damaged may be good in another.
            if found.is_none() && mapped.iter().any(|mapped| mapped.covers(index)) {
                continue;
            }
            let Some(StoredPack { name, state: PackState::Open(pack), .. }) =
                packs.get(index).map(|pack| &**pack)
            else {
                continue;
            };
            match ask(pack, name) {
                Ok(None) => {}
                Ok(Some(found)) => {
                    self.recent.store(index, Ordering::Relaxed);
                    return Ok(Some((index, found)));
                }
                Err(error) if matches!(error.kind(), StorageErrorKind::Corrupt(_)) => {
                    damage.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        damage.map_or(Ok(None), Err)
    }

    /// The same, and once more after packs were listed anew.
    fn first_or_refresh<T>(&self, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<Option<T>> {
        if let Some(found) = ask()? {
            return Ok(Some(found));
        }
        if self.refresh()?
            && let Some(found) = ask()?
        {
            return Ok(Some(found));
        }
        self.check_damage()?;
        Ok(None)
    }

    fn pack(&self, id: PackId) -> Result<Arc<StoredPack>> {
        let packs = self.packs();
        usize::try_from(id.0).ok().and_then(|index| packs.get(index)).cloned().ok_or_else(|| {
            StorageError::new(StorageErrorKind::Misuse, format!("the view has no pack {}", id.0))
        })
    }
}

impl StoredPack {
    pub(super) fn open(&self) -> Result<&OpenPack> {
        match &self.state {
            PackState::Open(pack) => Ok(pack),
            PackState::Damaged(error) => Err(StorageError::new(
                StorageErrorKind::Corrupt(None),
                format!("pack {} cannot be used: {error}", self.name),
            )),
        }
    }
}

impl<F: PackFiles> ObjectStore for PackedView<F> {
    fn headers(&self, ids: &[ObjectId], out: &mut dyn FnMut(usize, Presence)) -> Result<()> {
        let mut missing = Vec::new();
        for (index, id) in ids.iter().enumerate() {
            match self.header_known(id)? {
                Some((kind, size)) => out(index, Presence::Here { kind, size }),
                None => missing.push((index, *id)),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let refreshed = self.refresh()?;
        for (index, id) in missing {
            let found = if refreshed { self.header_known(&id)? } else { None };
            if found.is_none() {
                self.check_damage()?;
            }
            out(index, found.map_or(Presence::Absent, |(kind, size)| Presence::Here { kind, size }));
        }
        Ok(())
    }

    fn read(&self, id: &ObjectId, max: u64, out: &mut Vec<u8>) -> Result<Option<ObjectKind>> {
        self.first_or_refresh(|| self.read_known(id, max, out))
    }

    fn open(&self, id: &ObjectId) -> Result<Option<Box<dyn ObjectReader>>> {
        self.first_or_refresh(|| self.open_known(id))
    }

    fn packs(&self) -> Option<&dyn PackAccess> {
        Some(self)
    }

    fn bitmaps(&self) -> Option<&dyn Reachability> {
        let find = || {
            let mapped = self.mapped().iter().position(|mapped| mapped.has_bitmaps(&self.shared));
            let in_packs = || Reach::find(&self.packs(), &self.shared).map(ReachOf::Pack);
            mapped.map(ReachOf::Multi).or_else(in_packs)
        };
        match self.reach.get_or_init(find).as_ref()? {
            ReachOf::Pack(reach) => Some(reach),
            ReachOf::Multi(number) => self.mapped().get(*number).map(|mapped| mapped as &dyn Reachability),
        }
    }
}

impl<F: PackFiles> PackAccess for PackedView<F> {
    fn locate(&self, ids: &[ObjectId], out: &mut dyn FnMut(usize, Option<Entry>)) -> Result<()> {
        for (index, id) in ids.iter().enumerate() {
            let found = self.first_with_pack(id, &mut |pack, name| {
                pack.entry(id).map_err(|error| for_object(id, pack_error(name, error)))
            })?;
            let entry = found.and_then(|(pack, facts)| Some(entry(PackId(u32::try_from(pack).ok()?), facts)));
            out(index, entry);
        }
        Ok(())
    }

    fn places(&self, ids: &[ObjectId], out: &mut dyn FnMut(usize, Option<(PackId, u32)>)) -> Result<()> {
        if ids.len() >= ORDER_FROM {
            self.packs().iter().for_each(|pack| take_order(pack, &self.shared));
        }
        for (index, id) in ids.iter().enumerate() {
            let found = self.first_with_pack(id, &mut |pack, name| {
                pack.place(id).map_err(|error| for_object(id, pack_error(name, error)))
            })?;
            let place = found.and_then(|(pack, (place, _))| Some((PackId(u32::try_from(pack).ok()?), place)));
            out(index, place);
        }
        Ok(())
    }

    fn position(&self, pack: PackId, position: u32) -> Result<(ObjectId, Entry)> {
        let stored = self.pack(pack)?;
        let (id, facts) =
            stored.open()?.entry_at(position).map_err(|error| pack_error(&stored.name, error))?;
        Ok((id, entry(pack, facts)))
    }

    fn at_offset(&self, pack: PackId, offset: u64) -> Result<(ObjectId, u32)> {
        let stored = self.pack(pack)?;
        stored.open()?.at_offset(offset).map_err(|error| pack_error(&stored.name, error))?.ok_or_else(|| {
            StorageError::new(
                StorageErrorKind::Corrupt(None),
                format!("{}: no entry starts at offset {offset}", stored.name),
            )
        })
    }

    fn objects_in(&self, pack: PackId) -> u32 {
        self.pack(pack).ok().and_then(|stored| Some(stored.open().ok()?.index().count())).unwrap_or(0)
    }

    fn entries_end(&self, pack: PackId) -> Result<u64> {
        Ok(self.pack(pack)?.open()?.entries_end())
    }

    fn packs(&self) -> u32 {
        u32::try_from(PackedView::packs(self).len()).unwrap_or(u32::MAX)
    }

    fn read_at(&self, pack: PackId, offset: u64, out: &mut [u8]) -> Result<usize> {
        let stored = self.pack(pack)?;
        stored.open()?.data().read_at(offset, out).map_err(|failure| {
            StorageError::new(StorageErrorKind::Io, format!("{}: {failure}", stored.name))
                .with_source(failure)
        })
    }
}

impl<F> fmt::Debug for PackedView<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let packs = self.packs.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("PackedView").field("packs", &packs.len()).finish_non_exhaustive()
    }
}

/// An object of a pack in pieces.
struct PackedReader {
    stream: ObjectStream<Arc<dyn ReadAt>>,
    id: ObjectId,
    name: PackName,
}

impl ObjectReader for PackedReader {
    fn kind(&self) -> ObjectKind {
        self.stream.kind()
    }

    fn size(&self) -> u64 {
        self.stream.size()
    }

    fn read(&mut self, room: &mut [u8]) -> Result<usize> {
        self.stream.read(room).map_err(|error| for_object(&self.id, pack_error(&self.name, error)))
    }
}

/// Damage that was met on the way to an object is that object's.
fn for_object(id: &ObjectId, error: StorageError) -> StorageError {
    match error.kind() {
        StorageErrorKind::Corrupt(None) => error.with_kind(StorageErrorKind::Corrupt(Some(*id))),
        _ => error,
    }
}

fn entry(pack: PackId, facts: gitwire_pack::EntryFacts) -> Entry {
    Entry {
        pack,
        offset: facts.offset,
        len: facts.len,
        header_len: facts.header_len,
        kind: facts.kind,
        size: facts.size,
        base: facts.base,
    }
}

/// With fewer packs, a look into each costs no more than one into their multi-pack index and one into the pack that it names.
const PACKS_FROM: usize = 3;
/// Objects that are looked for at once from which on a reverse index is read: all of it is checked.
const ORDER_FROM: usize = 1024;
/// Objects that are looked for pack by pack before a multi-pack index is read: all of it is read and checked at once.
const LOOKUPS_BEFORE: u32 = 256;
