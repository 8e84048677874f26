//! Loose objects on their way into the repository: a pack of them at a time.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use gitwire_object::{Hasher, Trust};
use gitwire_pack::{EntryHeader, EntryKind, PackHeader};
use gitwire_storage::{Repository, StageRequest, Transaction};
use gitwire_types::Interrupt;

use super::loose::Loose;
use crate::ClientError;

/// Objects that wait to become a pack.
#[derive(Debug, Default)]
pub(super) struct Spool {
    /// Entries of a pack.
    entries: Vec<u8>,
    count: u32,
}

impl Spool {
    pub(super) fn add(&mut self, object: &Loose) -> Result<(), ClientError> {
        let header =
            EntryHeader { kind: EntryKind::Whole(object.kind), size: object.content.len() as u64, len: 0 };
        header.write(&mut self.entries);
        let mut out = ZlibEncoder::new(&mut self.entries, Compression::fast());
        let done = out.write_all(&object.content).and_then(|()| out.finish());
        done.map_err(|_| ClientError::Internal("compression into memory"))?;
        self.count = self.count.saturating_add(1);
        Ok(())
    }

    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= BYTES_MAX
    }

    /// Puts what waits into the repository.
    pub(super) fn flush(
        &mut self,
        repository: &dyn Repository,
        request: &StageRequest,
        stop: &dyn Interrupt,
    ) -> Result<(), ClientError> {
        if self.count == 0 {
            return Ok(());
        }
        let Self { entries, count } = std::mem::take(self);
        let header = PackHeader { version: 2, objects: count }.to_bytes();
        let mut hasher = Hasher::new(repository.format(), Trust::Own);
        hasher.update(&header);
        hasher.update(&entries);
        let checksum = hasher.finish().map_err(|_| ClientError::Internal("a collision of our own"))?;
        let mut staging = repository.stage(request)?;
        staging.write(&header)?;
        staging.write(&entries)?;
        staging.write(checksum.as_bytes())?;
        let staged = staging.finish(stop)?;
        repository.commit(Some(staged), Transaction::default(), &mut |_| Ok(()))?;
        Ok(())
    }
}

/// So much is gathered before it is written: a few thousand small objects.
const BYTES_MAX: usize = 16 << 20;
