//! A small pack as single objects (`receive.unpackLimit`): written in the quarantine, made durable there, then moved to their places.

use std::collections::BTreeSet;
use std::sync::Arc;

use gitwire_pack::Indexed;
use gitwire_storage::{ObjectStore as _, Result, StorageError, StorageErrorKind};
use gitwire_types::ObjectId;

use crate::barrier::{Barrier, OPEN_MAX};
use crate::error::{Context as _, shown};
use crate::fs::{Directory, FileSystem};
use crate::loose::{self, make_fan_out, write_stream};
use crate::objects::ObjectView;
use crate::quarantine::{FileSpool, Quarantine};

/// Gives each object that the pack brought a file of its own, and lets the pack go. What of the files is not durable yet waits for
/// `barrier`.
pub(super) fn unpack(
    (dir, view): (&dyn Directory, &ObjectView),
    quarantine: &Quarantine,
    indexed: &Indexed<FileSpool>,
    stem: &[u8],
    (barrier, file_system): (&mut Barrier, &dyn FileSystem),
) -> Result<Vec<ObjectId>> {
    let mut unpacked = BTreeSet::new();
    for (id, _) in super::brought_by(indexed) {
        // An object may come twice.
        if !unpacked.insert(id) {
            continue;
        }
        let gone = || StorageError::new(StorageErrorKind::Corrupt(Some(id)), "an object of the pack is gone");
        let mut object = view.open(&id)?.ok_or_else(gone)?;
        let path = quarantine.path_of(&loose::path_of(&id));
        make_fan_out(dir, &path)?;
        let file = write_stream(dir, &path, object.kind(), object.size(), &mut |room| object.read(room))?;
        barrier.file(file, &path);
        // No more files stay open than a process may have.
        if barrier.len() >= OPEN_MAX {
            barrier.raise(file_system)?;
        }
    }
    for end in [&b".idx"[..], b".pack"] {
        let path = quarantine.path_of(&[b"pack/", stem, end].concat());
        dir.remove_file(&path).context(|| format!("cannot remove '{}'", shown(&path)))?;
    }
    Ok(unpacked.into_iter().collect())
}

/// Moves the objects to their places; their directories must become durable then. One that is there already gives way: whoever prunes goes by the age of the file.
pub(super) fn publish(
    dir: &Arc<dyn Directory>,
    quarantine: &Quarantine,
    loose: &[ObjectId],
) -> Result<Barrier> {
    let mut touched = BTreeSet::new();
    let mut made = false;
    for id in loose {
        let path = loose::path_of(id);
        made |= make_fan_out(&**dir, &path)?;
        dir.rename(&quarantine.path_of(&path), &path).context(|| format!("cannot publish object {id}"))?;
        touched.insert(path.get(..2).unwrap_or_default().to_vec());
    }
    let mut barrier = Barrier::default();
    touched.into_iter().chain(made.then(Vec::new)).for_each(|path| barrier.directory(dir, &path));
    Ok(barrier)
}
