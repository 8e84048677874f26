//! Objects in memory: single ones, and packs.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use gitwire_pack::ReadAt;
use gitwire_types::{ObjectId, ObjectKind};

use super::Singles;
use crate::{
    ObjectReader, ObjectStore, PackAccess, PackFiles, PackName, PackPart, PackedView, Presence, Result,
    StorageError, StorageErrorKind,
};

/// Packs with their indexes.
#[derive(Default)]
pub(crate) struct MemoryPacks(Mutex<Vec<MemoryPack>>);

#[derive(Clone)]
pub(crate) struct MemoryPack {
    pub(crate) name: PackName,
    pub(crate) pack: Arc<Vec<u8>>,
    pub(crate) index: Arc<Vec<u8>>,
}

impl MemoryPacks {
    pub(crate) fn with(packs: Vec<MemoryPack>) -> Self {
        Self(Mutex::new(packs))
    }

    pub(crate) fn all(&self) -> Vec<MemoryPack> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds a pack, unless it is there.
    pub(crate) fn add(&self, pack: MemoryPack) {
        let mut packs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if packs.iter().all(|known| known.name != pack.name) {
            packs.push(pack);
        }
    }
}

impl PackFiles for MemoryPacks {
    fn list(&self) -> Result<Vec<PackName>> {
        Ok(self.all().into_iter().rev().map(|pack| pack.name).collect())
    }

    fn open(&self, name: &PackName, part: PackPart) -> Result<Option<Arc<dyn ReadAt>>> {
        let found = self.all().into_iter().find(|pack| pack.name == *name);
        Ok(found.and_then(|found| match part {
            PackPart::Pack => Some(found.pack as Arc<dyn ReadAt>),
            PackPart::Index => Some(found.index as Arc<dyn ReadAt>),
            _ => None,
        }))
    }

    fn version(&self) -> Result<Option<u64>> {
        Ok(Some(self.0.lock().unwrap_or_else(PoisonError::into_inner).len() as u64))
    }
}

/// A view of the objects of a repository in memory.
pub(crate) struct MemoryView {
    pub(crate) single: Arc<Singles>,
    pub(crate) promised: Arc<HashSet<ObjectId>>,
    pub(crate) packed: PackedView<MemoryPacks>,
}

impl MemoryView {
    pub(crate) fn header(&self, id: &ObjectId) -> Result<Option<(ObjectKind, u64)>> {
        match self.single.get(id) {
            Some((kind, content)) => Ok(Some((*kind, content.len() as u64))),
            None => self.packed.header_known(id),
        }
    }
}

impl ObjectStore for MemoryView {
    fn headers(&self, ids: &[ObjectId], out: &mut dyn FnMut(usize, Presence)) -> Result<()> {
        for (index, id) in ids.iter().enumerate() {
            let presence =
                self.header(id)?.map_or(Presence::Absent, |(kind, size)| Presence::Here { kind, size });
            out(index, presence);
        }
        Ok(())
    }

    fn read(&self, id: &ObjectId, max: u64, out: &mut Vec<u8>) -> Result<Option<ObjectKind>> {
        let Some((kind, content)) = self.single.get(id) else { return self.packed.read_known(id, max, out) };
        if content.len() as u64 > max {
            return Err(StorageError::new(
                StorageErrorKind::Limit,
                format!("object {id} has {} bytes, at most {max} are allowed", content.len()),
            ));
        }
        out.clear();
        out.extend_from_slice(content);
        Ok(Some(*kind))
    }

    fn open(&self, id: &ObjectId) -> Result<Option<Box<dyn ObjectReader>>> {
        match self.single.get(id) {
            Some((kind, content)) => {
                Ok(Some(Box::new(SingleReader { kind: *kind, content: Arc::clone(content), at: 0 })))
            }
            None => self.packed.open_known(id),
        }
    }

    fn promised(&self, ids: &[ObjectId]) -> Result<Vec<bool>> {
        Ok(ids.iter().map(|id| self.promised.contains(id)).collect())
    }

    fn packs(&self) -> Option<&dyn PackAccess> {
        Some(&self.packed)
    }
}

struct SingleReader {
    kind: ObjectKind,
    content: Arc<[u8]>,
    at: usize,
}

impl ObjectReader for SingleReader {
    fn kind(&self) -> ObjectKind {
        self.kind
    }

    fn size(&self) -> u64 {
        self.content.len() as u64
    }

    fn read(&mut self, room: &mut [u8]) -> Result<usize> {
        let rest = self.content.get(self.at..).unwrap_or_default();
        let count = rest.len().min(room.len());
        for (to, from) in room.iter_mut().zip(rest) {
            *to = *from;
        }
        self.at = self.at.saturating_add(count);
        Ok(count)
    }
}
