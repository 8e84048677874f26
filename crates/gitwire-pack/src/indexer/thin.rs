//! Completing a thin pack: bases that it leaves out are appended (`git index-pack --fix-thin`).

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use gitwire_object::{Hasher, Trust};
use gitwire_types::{ObjectId, ObjectKind};
use sirocco::Format;
use sirocco::deflate::Level;

use crate::bytes::read_exact_at;
use crate::indexer::make::Scratch;
use crate::indexer::options::KnownObjects;
use crate::indexer::resolve::Naming;
use crate::indexer::table::Scanned;
use crate::indexer::work::Work;
use crate::indexer::worker::Worker;
use crate::{EntryHeader, EntryKind, PackError, PackHeader, Spool};

/// Names what `naming` has left unnamed; the pack's checksum afterwards, and how many bases were appended.
pub(crate) fn complete<S: Spool>(
    naming: &mut Naming<'_, S>,
    checksum: ObjectId,
) -> Result<(ObjectId, u32), PackError> {
    if let (_, None) = naming.unnamed() {
        return Ok((checksum, 0));
    }
    let mut appended = 0_u32;
    if let Some(bases) = naming.resolve.bases {
        let mut writer = Writer::new(naming);
        let mut scratch = Scratch::new(&naming.options);
        // In the order of the pack, so that what one base brings to light is not asked for.
        for nth in 0..naming.table.id_deltas.len() {
            naming.interrupt.check()?;
            let Some(delta) = naming.table.id_deltas.get(nth).copied() else { break };
            if naming.names.kind(delta).is_none()
                && append(naming, bases, nth, delta, &mut writer, &mut scratch)?
            {
                appended = appended.saturating_add(1);
            }
        }
        let checksum = if appended == 0 { checksum } else { writer.finish(naming)? };
        if let (_, None) = naming.unnamed() {
            return Ok((checksum, appended));
        }
    }
    Err(unresolved(naming))
}

/// Appends the base of `delta` and makes what is made against it; false where nobody has it.
fn append<S: Spool>(
    naming: &mut Naming<'_, S>,
    bases: &dyn KnownObjects,
    nth: usize,
    delta: u32,
    writer: &mut Writer,
    scratch: &mut Scratch,
) -> Result<bool, PackError> {
    let format = naming.options.format;
    let id = ObjectId::from_raw(format, naming.table.id_base(nth, format))
        .map_err(|_| PackError::Internal("an id has its format's length"))?;
    let max = naming.options.limits.delta_bytes_max;
    let mut content = Vec::new();
    let Some(kind) = bases.read(&id, max, &mut content).map_err(PackError::Storage)? else {
        return Ok(false);
    };
    let (offset, _) = naming.table.place(delta);
    let actual = Hasher::new(format, Trust::Own)
        .object_id(kind, &content)
        .map_err(|_| PackError::Internal("a plain hash detects nothing"))?;
    if actual != id {
        return Err(PackError::Hash { offset, expected: id, actual });
    }
    let entry = writer.append(naming, kind, &content)?;
    naming.names.set(entry, &id, kind);
    naming.progress.add_base();
    let shared = naming.shared(Work::new(1, 0, 0));
    Worker::new(&shared, scratch).run_from(entry, kind, &id, content)?;
    Ok(true)
}

#[cold]
fn unresolved<S: Spool>(naming: &Naming<'_, S>) -> PackError {
    let (count, _) = naming.unnamed();
    let table = &naming.table;
    let format = naming.options.format;
    let mut deltas = table.id_deltas.iter().enumerate();
    let first = deltas.find(|(_, delta)| naming.names.kind(**delta).is_none());
    let Some((nth, delta)) = first else {
        return PackError::Internal("an unnamed delta leads to one against an id");
    };
    let (offset, _) = table.place(*delta);
    match ObjectId::from_raw(format, table.id_base(nth, format)) {
        Ok(base) => PackError::Unresolved { count, offset, base },
        Err(_) => PackError::Internal("an id has its format's length"),
    }
}

/// Writes entries over the pack's trailer and behind it.
struct Writer {
    /// Where the next byte goes.
    end: u64,
    room: Vec<u8>,
}

impl Writer {
    fn new<S: Spool>(naming: &Naming<'_, S>) -> Self {
        Self { end: naming.table.end, room: Vec::new() }
    }

    fn append<S: Spool>(
        &mut self,
        naming: &mut Naming<'_, S>,
        kind: ObjectKind,
        content: &[u8],
    ) -> Result<u32, PackError> {
        let entry = naming.table.count();
        let max = naming.options.limits.objects_max;
        if entry >= max {
            return Err(PackError::TooManyObjects { declared: entry.saturating_add(1), max });
        }
        let mut header = EntryHeader { kind: EntryKind::Whole(kind), size: content.len() as u64, len: 0 };
        let mut bytes = std::mem::take(&mut self.room);
        bytes.clear();
        header.write(&mut bytes);
        header.len = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
        bytes.extend_from_slice(&sirocco::compress(Format::Zlib, Level::DEFAULT, content));
        let (offset, len) = (self.end, bytes.len() as u64);
        self.write(naming, &bytes)?;
        naming.table.push(&Scanned { offset, len, crc32: crc32fast::hash(&bytes), header });
        naming.families.push();
        naming.names.push();
        self.room = bytes;
        Ok(entry)
    }

    /// Rewrites the header and appends the new trailer.
    fn finish<S: Spool>(mut self, naming: &mut Naming<'_, S>) -> Result<ObjectId, PackError> {
        let mut header = [0; PackHeader::LEN];
        read_exact_at(&naming.spool, 0, &mut header)?;
        let mut header = PackHeader::parse(&header)?;
        header.objects = naming.table.count();
        naming.spool.write_at(0, &header.to_bytes()).map_err(PackError::Storage)?;
        let checksum =
            crate::idx::hash_range(&naming.spool, naming.options.format, self.end, naming.interrupt)?;
        self.write(naming, checksum.as_bytes())?;
        Ok(checksum)
    }

    fn write<S: Spool>(&mut self, naming: &mut Naming<'_, S>, bytes: &[u8]) -> Result<(), PackError> {
        let over = usize::try_from(naming.spool.size().saturating_sub(self.end)).unwrap_or(usize::MAX);
        let (inside, behind) = bytes.split_at_checked(over).unwrap_or((bytes, &[]));
        if !inside.is_empty() {
            naming.spool.write_at(self.end, inside).map_err(PackError::Storage)?;
        }
        if !behind.is_empty() {
            naming.spool.append(behind).map_err(PackError::Storage)?;
        }
        self.end = self.end.saturating_add(bytes.len() as u64);
        Ok(())
    }
}
