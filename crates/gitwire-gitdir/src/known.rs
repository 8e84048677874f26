//! What the repository holds already, asked about every object of a pack that arrives.

use std::collections::HashSet;
use std::sync::OnceLock;

use gitwire_pack::{KnownObjects, StorageFailure};
use gitwire_storage::{ObjectStore as _, Result};
use gitwire_types::{ObjectId, ObjectKind};

use crate::alternates::ObjectDirectory;
use crate::error::{Context as _, is_absent};
use crate::objects::ObjectView;
use crate::repository::GitDir;

/// A view that answers "not there" cheaply: hundreds of thousands of objects of a clone are not there. Names of loose objects
/// are listed once a directory, and packs are not listed anew for each miss.
#[derive(Debug)]
pub(crate) struct Known {
    view: ObjectView,
    /// Names of loose objects by their first byte, of all object directories together.
    loose: Vec<OnceLock<HashSet<Vec<u8>>>>,
    empty: bool,
}

impl Known {
    pub(crate) fn new(view: ObjectView) -> Result<Self> {
        let mut empty = view.has_no_packs();
        for directory in view.directories() {
            empty = empty && !has_loose(directory)?;
        }
        Ok(Self { view, loose: std::iter::repeat_with(OnceLock::new).take(256).collect(), empty })
    }

    /// Whether there are no objects at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.empty
    }

    /// The objects themselves.
    pub(crate) fn view(&self) -> &ObjectView {
        &self.view
    }

    fn has_loose_object(&self, id: &ObjectId) -> Result<bool> {
        let Some(first) = id.as_bytes().first() else { return Ok(false) };
        let Some(cell) = self.loose.get(usize::from(*first)) else { return Ok(false) };
        let hex = id.to_hex();
        let (fan, rest) = hex.as_bytes().split_at_checked(2).unwrap_or_default();
        if cell.get().is_none() {
            let mut names = HashSet::new();
            for directory in self.view.directories() {
                match directory.dir.list(fan) {
                    Ok(entries) => names.extend(entries.into_iter().map(|entry| entry.name)),
                    Err(error) if is_absent(&error) => {}
                    Err(error) => {
                        return Err(error).context(|| format!("cannot read '{}'", directory.path.display()));
                    }
                }
            }
            // Two threads may have listed it: both lists are good.
            cell.set(names).ok();
        }
        Ok(cell.get().is_some_and(|names| names.contains(rest)))
    }
}

impl GitDir {
    /// What is here already, to be asked about the objects of a pack that goes elsewhere: `git index-pack` into a file of its own.
    ///
    /// # Errors
    /// A failing medium.
    pub fn known_objects(&self) -> Result<Box<dyn KnownObjects>> {
        Ok(Box::new(Known::new(self.inner().objects.view()?)?))
    }
}

impl KnownObjects for Known {
    fn info(&self, id: &ObjectId) -> Result<Option<(ObjectKind, u64)>, StorageFailure> {
        if let Some(found) = self.view.header_packed(id)? {
            return Ok(Some(found));
        }
        Ok(if self.has_loose_object(id)? { self.view.header_known(id)? } else { None })
    }

    fn read(&self, id: &ObjectId, max: u64, out: &mut Vec<u8>) -> Result<Option<ObjectKind>, StorageFailure> {
        Ok(self.view.read(id, max, out)?)
    }

    fn copy(
        &self,
        id: &ObjectId,
        take: &mut dyn FnMut(&[u8]) -> Result<(), StorageFailure>,
    ) -> Result<Option<ObjectKind>, StorageFailure> {
        let Some(mut object) = self.view.open(id)? else { return Ok(None) };
        let mut room = vec![0; PIECE];
        loop {
            match object.read(&mut room)? {
                0 => return Ok(Some(object.kind())),
                count => take(room.get(..count).unwrap_or_default())?,
            }
        }
    }
}

/// Whether an object directory has directories for loose objects.
fn has_loose(directory: &ObjectDirectory) -> Result<bool> {
    let entries =
        directory.dir.list(b"").context(|| format!("cannot read '{}'", directory.path.display()))?;
    Ok(entries.iter().any(|entry| entry.name.len() == 2 && entry.name.iter().all(u8::is_ascii_hexdigit)))
}

/// Copied at once.
const PIECE: usize = 64 << 10;
