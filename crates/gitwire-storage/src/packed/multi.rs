//! Multi-pack indexes of the packs of a view.

use std::sync::{Arc, OnceLock};

use gitwire_pack::{Bits, MultiPackIndex, MultiPackOrder, PackBitmaps, ReadAt};
use gitwire_types::{ObjectId, ObjectKind};

use super::reach::take_order;
use super::{MultiPackPart, PackFiles, PackName, PackState, Shared, StoredPack, pack_error};
use crate::{EntrySpan, PackId, Reachability, Result, StorageError, StorageErrorKind};

/// A multi-pack index that was read, for all views.
#[derive(Debug)]
pub(crate) struct Multi {
    group: u32,
    index: MultiPackIndex,
    /// Its packs by the names that the store knows them by.
    names: Vec<PackName>,
    /// Read when they are asked for first; `None`: there are none that are of use.
    bitmaps: OnceLock<Option<(MultiPackOrder, PackBitmaps)>>,
}

/// The multi-pack indexes at one time, read when they are asked for first.
#[derive(Debug, Default)]
pub(crate) struct Multis {
    read: OnceLock<Vec<Arc<Multi>>>,
    /// Those of the time before: most stay as they are.
    before: Vec<Arc<Multi>>,
}

impl Multis {
    /// Those that come after these.
    pub(super) fn next(&self) -> Self {
        let before = self.read.get().unwrap_or(&self.before).clone();
        Self { read: OnceLock::new(), before }
    }

    fn get<F: PackFiles>(&self, shared: &Shared<F>) -> &[Arc<Multi>] {
        self.read.get_or_init(|| {
            (0..shared.files.groups()).filter_map(|group| self.read_one(group, shared)).collect()
        })
    }

    /// Reads the index of one group, unless it is the one that was read before. What is damaged is as if it were not there.
    fn read_one<F: PackFiles>(&self, group: u32, shared: &Shared<F>) -> Option<Arc<Multi>> {
        let file = shared.files.open_multi(group, MultiPackPart::Index).ok()??;
        let trailer_len = shared.format.raw_len();
        let mut trailer = vec![0; trailer_len];
        let at = file.size().checked_sub(trailer_len as u64)?;
        if file.read_at(at, &mut trailer).ok()? < trailer_len {
            return None;
        }
        let known = self
            .before
            .iter()
            .find(|known| known.group == group && known.index.checksum().as_bytes() == trailer);
        if let Some(known) = known {
            return Some(Arc::clone(known));
        }
        let data = whole(&*file, shared.options.multi_pack_bytes_max)?;
        let index = MultiPackIndex::parse(data, shared.format).ok()?;
        let names = index.packs().iter().map(|name| shared.files.pack_named(group, name));
        let names = names.collect::<Option<Vec<_>>>()?;
        Some(Arc::new(Multi { group, index, names, bitmaps: OnceLock::new() }))
    }
}

/// A multi-pack index all of whose packs a view has.
#[derive(Debug)]
pub(super) struct Mapped {
    multi: Arc<Multi>,
    packs: Vec<(PackId, Arc<StoredPack>)>,
}

impl Mapped {
    /// The indexes that are of use to a view of these packs. One that names a pack that is gone, or damaged, is of none.
    pub(super) fn of<F: PackFiles>(
        multis: &Multis,
        packs: &[Arc<StoredPack>],
        shared: &Shared<F>,
    ) -> Vec<Self> {
        let numbers: std::collections::HashMap<&PackName, u32> =
            (0..).zip(packs).map(|(number, pack)| (&pack.name, number)).collect();
        let find = |name: &PackName| {
            let number = *numbers.get(name)?;
            let pack = packs.get(number as usize)?;
            matches!(pack.state, PackState::Open(_)).then(|| (PackId(number), Arc::clone(pack)))
        };
        let map = |multi: &Arc<Multi>| {
            let packs = multi.names.iter().map(find).collect::<Option<Vec<_>>>()?;
            Some(Self { multi: Arc::clone(multi), packs })
        };
        multis.get(shared).iter().filter_map(map).collect()
    }

    /// The pack that an object is in, by the index.
    pub(super) fn find(&self, id: &ObjectId) -> Option<PackId> {
        let index = &self.multi.index;
        let (pack, _) = index.entry(index.lookup(id)?)?;
        self.packs.get(pack as usize).map(|(number, _)| *number)
    }

    /// Whether the objects of a pack are in the index.
    pub(super) fn covers(&self, pack: usize) -> bool {
        self.packs.iter().any(|(number, _)| number.0 as usize == pack)
    }

    /// Whether there are bitmaps for the index.
    pub(super) fn has_bitmaps<F: PackFiles>(&self, shared: &Shared<F>) -> bool {
        self.multi.bitmaps.get_or_init(|| self.read_bitmaps(shared)).is_some()
    }

    fn read_bitmaps<F: PackFiles>(&self, shared: &Shared<F>) -> Option<(MultiPackOrder, PackBitmaps)> {
        let Multi { group, index, .. } = &*self.multi;
        let checksum = index.checksum();
        let file = shared.files.open_multi(*group, MultiPackPart::Bitmap(checksum)).ok()??;
        let data = whole(&*file, shared.options.bitmap_bytes_max)?;
        let bitmaps = PackBitmaps::parse(data, index.count(), &checksum).ok()?;
        let order = match index.order().ok()? {
            Some(order) => order,
            None => {
                let file = shared.files.open_multi(*group, MultiPackPart::Reverse(checksum)).ok()??;
                index.order_from(&whole(&*file, shared.options.multi_pack_bytes_max)?).ok()?
            }
        };
        for (_, pack) in &self.packs {
            take_order(pack, shared);
        }
        Some((order, bitmaps))
    }

    fn parts(&self) -> Result<(&MultiPackIndex, &MultiPackOrder, &PackBitmaps)> {
        match self.multi.bitmaps.get() {
            Some(Some((order, bitmaps))) => Ok((&self.multi.index, order, bitmaps)),
            _ => Err(broken("bitmaps of the multi-pack index are gone")),
        }
    }

    fn pack_of(&self, number: u32) -> Result<&(PackId, Arc<StoredPack>)> {
        self.packs.get(number as usize).ok_or_else(|| broken("multi-pack index names a pack too many"))
    }
}

impl Reachability for Mapped {
    fn pack(&self) -> Option<PackId> {
        None
    }

    fn objects(&self) -> u32 {
        self.multi.index.count()
    }

    fn place(&self, id: &ObjectId) -> Result<Option<u32>> {
        let (index, order, _) = self.parts()?;
        Ok(index.lookup(id).and_then(|position| order.place(position)))
    }

    fn object(&self, place: u32) -> Result<(ObjectId, u32)> {
        let (index, order, bitmaps) = self.parts()?;
        let found =
            order.position(place).and_then(|position| Some((index.id(position)?, bitmaps.name(position))));
        found.ok_or_else(|| broken("place beyond the last object"))
    }

    fn span(&self, place: u32) -> Result<EntrySpan> {
        let (index, order, _) = self.parts()?;
        let found = order.position(place).and_then(|position| index.entry(position));
        let (number, offset) = found.ok_or_else(|| broken("place beyond the last object"))?;
        let (id, pack) = self.pack_of(number)?;
        let span = pack.open()?.span_from(offset).map_err(|error| pack_error(&pack.name, error))?;
        let span = span.ok_or_else(|| {
            broken(&format!("{}: no entry starts at offset {offset}, by the multi-pack index", pack.name))
        })?;
        Ok(EntrySpan { pack: *id, start: span.start, end: span.end })
    }

    fn place_at(&self, pack: PackId, offset: u64) -> Result<Option<u32>> {
        let (index, order, _) = self.parts()?;
        let number = (0..).zip(&self.packs).find(|(_, (id, _))| *id == pack).map(|(number, _)| number);
        Ok(number.and_then(|number| order.place_at(index, number, offset)))
    }

    fn of_kind(&self, kind: ObjectKind) -> Option<&Bits> {
        self.parts().ok().map(|(_, _, bitmaps)| bitmaps.of_kind(kind))
    }

    fn has(&self, commit: &ObjectId) -> Result<bool> {
        let (index, _, bitmaps) = self.parts()?;
        Ok(index.lookup(commit).is_some_and(|position| bitmaps.has(position)))
    }

    fn reach(&self, commit: &ObjectId) -> Result<Option<Bits>> {
        let (index, _, bitmaps) = self.parts()?;
        Ok(index.lookup(commit).and_then(|position| bitmaps.reach(position).ok().flatten()))
    }
}

/// All of a file; `None` where it is larger than `max` or cannot be read.
pub(super) fn whole(file: &dyn ReadAt, max: u64) -> Option<Vec<u8>> {
    let size = usize::try_from(file.size()).ok().filter(|_| file.size() <= max)?;
    let mut data = Vec::new();
    data.try_reserve_exact(size).ok()?;
    data.resize(size, 0);
    (file.read_at(0, &mut data).ok()? == size).then_some(data)
}

fn broken(what: &str) -> StorageError {
    StorageError::new(StorageErrorKind::Corrupt(None), what.to_owned())
}
