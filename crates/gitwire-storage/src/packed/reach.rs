//! The reachability bitmaps of a view.

use std::sync::Arc;

use gitwire_pack::{Bits, PackBitmaps, ReverseIndex};
use gitwire_types::{ObjectId, ObjectKind};

use super::multi::whole;
use super::{PackFiles, PackPart, Shared, StoredPack, pack_error};
use crate::{EntrySpan, PackId, Reachability, Result};

/// The bitmaps of one pack of a view.
#[derive(Debug)]
pub(super) struct Reach {
    number: PackId,
    pack: Arc<StoredPack>,
}

impl Reach {
    /// Those of the first pack that has some. What is damaged is as if it were not there: without, everything is as it is with, and
    /// slower.
    pub(super) fn find<F: PackFiles>(packs: &[Arc<StoredPack>], shared: &Shared<F>) -> Option<Self> {
        (0..).zip(packs).find_map(|(number, pack)| {
            pack.bitmaps.get_or_init(|| read(pack, shared)).as_ref()?;
            Some(Self { number: PackId(number), pack: Arc::clone(pack) })
        })
    }

    fn bitmaps(&self) -> Option<&PackBitmaps> {
        self.pack.bitmaps.get()?.as_ref()
    }

    /// The place of an object in the pack and its position in the index.
    fn find_object(&self, id: &ObjectId) -> Result<Option<(u32, u32)>> {
        self.pack.open()?.place(id).map_err(|error| pack_error(&self.pack.name, error))
    }
}

fn read<F: PackFiles>(pack: &StoredPack, shared: &Shared<F>) -> Option<PackBitmaps> {
    let open = pack.open().ok()?;
    let file = shared.files.open(&pack.name, PackPart::Bitmap).ok()??;
    let data = whole(&*file, shared.options.bitmap_bytes_max)?;
    let checksum = open.index().pack_checksum().ok()?;
    take_order(pack, shared);
    PackBitmaps::parse(data, open.index().count(), &checksum).ok()
}

/// Takes the order of a pack from its reverse index. Without one, or with a damaged one, the index is sorted when that is needed.
pub(super) fn take_order<F: PackFiles>(pack: &StoredPack, shared: &Shared<F>) {
    let Some(open) = pack.open().ok().filter(|open| !open.has_order()) else { return };
    if let Ok(checksum) = open.index().pack_checksum()
        && let Ok(Some(file)) = shared.files.open(&pack.name, PackPart::Reverse)
        && let Ok(reverse) = ReverseIndex::open(file, open.index().count(), &checksum)
    {
        let _ = open.take_order(&reverse);
    }
}

impl Reachability for Reach {
    fn pack(&self) -> Option<PackId> {
        Some(self.number)
    }

    fn objects(&self) -> u32 {
        self.bitmaps().map_or(0, PackBitmaps::objects)
    }

    fn place(&self, id: &ObjectId) -> Result<Option<u32>> {
        Ok(self.find_object(id)?.map(|(place, _)| place))
    }

    fn object(&self, place: u32) -> Result<(ObjectId, u32)> {
        let pack = self.pack.open()?;
        let failed = |error| pack_error(&self.pack.name, error);
        let position = pack.position_at(place).map_err(failed)?;
        let name = self.bitmaps().map_or(0, |bitmaps| bitmaps.name(position));
        Ok((pack.index().id(position).map_err(failed)?, name))
    }

    fn span(&self, place: u32) -> Result<EntrySpan> {
        let span = self.pack.open()?.span(place).map_err(|error| pack_error(&self.pack.name, error))?;
        Ok(EntrySpan { pack: self.number, start: span.start, end: span.end })
    }

    fn place_at(&self, pack: PackId, offset: u64) -> Result<Option<u32>> {
        if pack != self.number {
            return Ok(None);
        }
        let found = self.pack.open()?.place_at_offset(offset);
        found.map_err(|error| pack_error(&self.pack.name, error))
    }

    fn of_kind(&self, kind: ObjectKind) -> Option<&Bits> {
        self.bitmaps().map(|bitmaps| bitmaps.of_kind(kind))
    }

    fn has(&self, commit: &ObjectId) -> Result<bool> {
        let found = self.find_object(commit)?;
        Ok(found.is_some_and(|(_, position)| self.bitmaps().is_some_and(|bitmaps| bitmaps.has(position))))
    }

    fn reach(&self, commit: &ObjectId) -> Result<Option<Bits>> {
        let (Some((_, position)), Some(bitmaps)) = (self.find_object(commit)?, self.bitmaps()) else {
            return Ok(None);
        };
        Ok(bitmaps.reach(position).ok().flatten())
    }
}
