//! Completing a thin pack: bases that it leaves out are appended (`git index-pack --fix-thin`).

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use std::io::{self, Write};

use gitwire_object::{Hasher, Trust};
use gitwire_types::{ObjectId, ObjectKind};
use sirocco::Format;
use sirocco::deflate::{self, Level};

use crate::bytes::read_exact_at;
use crate::hash::finish;
use crate::indexer::make::Scratch;
use crate::indexer::options::KnownObjects;
use crate::indexer::resolve::Naming;
use crate::indexer::table::Scanned;
use crate::indexer::work::{Made, Work};
use crate::indexer::worker::Worker;
use crate::spilled::Spilled;
use crate::{EntryHeader, EntryKind, PackError, PackHeader, Spool, StorageFailure};

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
    let Some((kind, size)) = bases.info(&id).map_err(PackError::Storage)? else { return Ok(false) };
    let (offset, _) = naming.table.place(delta);
    let max = naming.options.limits.delta_bytes_max;
    if size > max {
        return Err(PackError::ObjectTooLarge { offset, declared: size, max });
    }
    let gone = || PackError::Storage(format!("object {id} has gone").into());
    let (content, (entry, actual)) = if size > naming.options.hold_max() {
        let mut spilled = Spilled::new(&naming.spool, &naming.meter)?;
        let appended = writer.append(naming, (kind, size), &mut |take| {
            let found = bases.copy(&id, &mut |piece| {
                spilled.append(piece)?;
                Ok(take(piece)?)
            });
            found.map_err(own_error)?.filter(|found| *found == kind).map(drop).ok_or_else(gone)
        })?;
        (Made::Spilled(spilled), appended)
    } else {
        let mut buffer = Vec::new();
        let found = bases.read(&id, size, &mut buffer).map_err(PackError::Storage)?;
        found.filter(|found| *found == kind).ok_or_else(gone)?;
        let size = buffer.len();
        let appended = writer.append(naming, (kind, size as u64), &mut |take| take(&buffer))?;
        (Made::Held { buffer, size }, appended)
    };
    if actual != id {
        return Err(PackError::Hash { offset, expected: id, actual });
    }
    naming.names.set(entry, &id, kind);
    naming.progress.add_base();
    let shared = naming.shared(Work::new(1, 0, 0, &naming.meter));
    Worker::new(&shared, scratch).run_from(entry, kind, &id, content)?;
    Ok(true)
}

/// An error of ours that has passed through a store.
fn own_error(error: StorageFailure) -> PackError {
    error.downcast::<PackError>().map_or_else(PackError::Storage, |error| *error)
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
}

/// Gives an object in pieces.
type Give<'a> = &'a mut dyn FnMut(&mut dyn FnMut(&[u8]) -> Result<(), PackError>) -> Result<(), PackError>;

impl Writer {
    fn new<S: Spool>(naming: &Naming<'_, S>) -> Self {
        Self { end: naming.table.end }
    }

    /// Appends an object; its entry, and the id that its content has.
    fn append<S: Spool>(
        &mut self,
        naming: &mut Naming<'_, S>,
        (kind, size): (ObjectKind, u64),
        give: Give<'_>,
    ) -> Result<(u32, ObjectId), PackError> {
        let entry = naming.table.count();
        let max = naming.options.limits.objects_max;
        if entry >= max {
            return Err(PackError::TooManyObjects { declared: entry.saturating_add(1), max });
        }
        let mut header = EntryHeader { kind: EntryKind::Whole(kind), size, len: 0 };
        let mut bytes = Vec::new();
        header.write(&mut bytes);
        header.len = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
        let offset = self.end;
        let mut hasher = Hasher::new(naming.options.format, Trust::Own);
        hasher.begin_object(kind, size);
        let (interrupt, spool) = (naming.interrupt, &mut naming.spool);
        let mut entry_writer = EntryWriter { spool, at: offset, crc: crc32fast::Hasher::new() };
        entry_writer.put(&bytes)?;
        let mut deflate = deflate::Writer::new(Format::Zlib, Level::DEFAULT, entry_writer);
        give(&mut |piece| {
            interrupt.check()?;
            hasher.update(piece);
            deflate.write_all(piece).map_err(|error| PackError::Storage(error.into()))
        })?;
        let written = deflate.finish().map_err(|error| PackError::Storage(error.into()))?;
        let (end, crc32) = (written.at, written.crc.finalize());
        self.end = end;
        naming.table.push(&Scanned { offset, len: end.saturating_sub(offset), crc32, header });
        naming.families.push();
        naming.names.push();
        Ok((entry, finish(hasher)?))
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
        self.end = write(&mut naming.spool, self.end, checksum.as_bytes()).map_err(PackError::Storage)?;
        Ok(checksum)
    }
}

/// An entry on its way into the spool.
struct EntryWriter<'a, S> {
    spool: &'a mut S,
    at: u64,
    crc: crc32fast::Hasher,
}

impl<S: Spool> EntryWriter<'_, S> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), PackError> {
        self.crc.update(bytes);
        self.at = write(self.spool, self.at, bytes).map_err(PackError::Storage)?;
        Ok(())
    }
}

impl<S: Spool> Write for EntryWriter<'_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.crc.update(bytes);
        self.at = write(self.spool, self.at, bytes).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes over what stands at `at` and behind it; where the next byte goes.
fn write(spool: &mut impl Spool, at: u64, bytes: &[u8]) -> Result<u64, StorageFailure> {
    let over = usize::try_from(spool.size().saturating_sub(at)).unwrap_or(usize::MAX);
    let (inside, behind) = bytes.split_at_checked(over).unwrap_or((bytes, &[]));
    if !inside.is_empty() {
        spool.write_at(at, inside)?;
    }
    if !behind.is_empty() {
        spool.append(behind)?;
    }
    Ok(at.saturating_add(bytes.len() as u64))
}
