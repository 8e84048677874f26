//! Objects that arrive under the name of one that is there: they must be the same, byte for byte.

use gitwire_storage::{ObjectReader, ObjectStore, Result, StorageError, StorageErrorKind};
use gitwire_types::{Interrupt, ObjectId};

/// Compares large objects as streams.
pub(super) fn compare(
    ids: &[ObjectId],
    new: &dyn ObjectStore,
    old: &dyn ObjectStore,
    interrupt: &dyn Interrupt,
) -> Result<()> {
    let mut rooms = (vec![0; PIECE], vec![0; PIECE]);
    for id in ids {
        let missing = || StorageError::new(StorageErrorKind::Missing(*id), format!("object {id} has gone"));
        let mut new = new.open(id)?.ok_or_else(missing)?;
        let mut old = old.open(id)?.ok_or_else(missing)?;
        loop {
            interrupt.check()?;
            let got = fill(&mut *new, &mut rooms.0)?;
            let there = fill(&mut *old, &mut rooms.1)?;
            if rooms.0.get(..got) != rooms.1.get(..there) {
                let text = format!("object {id} exists with other content");
                return Err(StorageError::new(StorageErrorKind::Corrupt(Some(*id)), text));
            }
            if got == 0 {
                break;
            }
        }
    }
    Ok(())
}

/// Reads until `room` is full or the object ends.
fn fill(reader: &mut dyn ObjectReader, room: &mut [u8]) -> Result<usize> {
    let mut filled = 0_usize;
    while let Some(rest) = room.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let got = reader.read(rest)?;
        if got == 0 {
            break;
        }
        filled = filled.saturating_add(got);
    }
    Ok(filled)
}

/// Compared at once.
const PIECE: usize = 64 << 10;
