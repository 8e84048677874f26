//! What promisor remotes have promised (`partial-clone`): all that the packs they sent hold or name.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};

use gitwire_object::{CommitLinks, TagRef, TreeRef};
use gitwire_storage::{
    PackAccess as _, PackFiles as _, PackId, PackName, PackPart, PackedView, Result, StorageError,
    StorageErrorKind,
};
use gitwire_types::{ObjectId, ObjectKind};

use crate::packs::DirectoryPacks;

/// The objects that packs of promisors name, found when they are first asked for; packs that come later are added.
///
/// An id is known by its first eight bytes. Two objects that share them would have to be made by whoever promises: what it promises wrongly is
/// missed later.
#[derive(Debug, Default)]
pub(crate) struct Promised(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    packs: BTreeSet<PackName>,
    ids: HashSet<u64>,
}

impl Promised {
    /// Which of `ids` are promised.
    pub(crate) fn among(
        &self,
        ids: &[ObjectId],
        packed: &PackedView<DirectoryPacks>,
        max: usize,
    ) -> Result<Vec<bool>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (number, name) in (0..).zip(packed.names()) {
            let is_new = !known.packs.contains(&name);
            if is_new && packed.files().open(&name, PackPart::Promisor)?.is_some() {
                known.add(packed, PackId(number), max)?;
                known.packs.insert(name);
            }
        }
        Ok(ids.iter().map(|id| known.ids.contains(&short(id.as_bytes()))).collect())
    }
}

impl Known {
    /// Adds what a pack holds and names.
    fn add(&mut self, packed: &PackedView<DirectoryPacks>, pack: PackId, max: usize) -> Result<()> {
        let mut content = Vec::new();
        for position in 0..packed.objects_in(pack) {
            let (id, entry) = packed.position(pack, position)?;
            self.insert(id.as_bytes(), max)?;
            if entry.kind == ObjectKind::Blob {
                continue;
            }
            if packed.read_known(&id, OBJECT_BYTES_MAX, &mut content)?.is_some() {
                self.add_named(&id, entry.kind, &content, max)?;
            }
        }
        Ok(())
    }

    /// Adds what an object names. One that cannot be parsed names nothing that anybody could miss.
    fn add_named(&mut self, id: &ObjectId, kind: ObjectKind, content: &[u8], max: usize) -> Result<()> {
        match kind {
            ObjectKind::Commit => {
                if let Ok(links) = CommitLinks::parse(id.format(), content) {
                    self.insert(links.tree.as_bytes(), max)?;
                    for parent in links.parents() {
                        self.insert(parent.as_bytes(), max)?;
                    }
                }
            }
            ObjectKind::Tree => {
                for entry in TreeRef::new(id.format(), content).iter().map_while(Result::ok) {
                    if !entry.mode.is_gitlink() {
                        self.insert(entry.raw_id(), max)?;
                    }
                }
            }
            ObjectKind::Tag => {
                if let Ok(tag) = TagRef::parse(id.format(), content) {
                    self.insert(tag.target().as_bytes(), max)?;
                }
            }
            ObjectKind::Blob => {}
        }
        Ok(())
    }

    fn insert(&mut self, raw: &[u8], max: usize) -> Result<()> {
        self.ids.insert(short(raw));
        if self.ids.len() > max {
            let text = format!("promisors have promised more than {max} objects");
            return Err(StorageError::new(StorageErrorKind::Limit, text));
        }
        Ok(())
    }
}

fn short(raw: &[u8]) -> u64 {
    raw.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// As walks read trees: a directory of some ten million files.
const OBJECT_BYTES_MAX: u64 = 1 << 30;
