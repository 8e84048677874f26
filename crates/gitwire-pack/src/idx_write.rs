//! Writing an index byte for byte as git does.

use gitwire_object::{Hasher, Trust};
use gitwire_types::{ObjectFormat, ObjectId};

use crate::hash::finish;

use crate::{IndexEntry, PackError, StorageFailure};

/// The versions of the index format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum IndexVersion {
    /// Without CRCs, and for packs below 4 GiB.
    V1,
    /// What git writes.
    #[default]
    V2,
}

/// The objects of an index, in the order of their ids.
pub trait IndexSource {
    /// How many objects.
    fn count(&self) -> u32;

    /// The object at `position`, which is below [`IndexSource::count`]. Asked for more than once, in order.
    fn entry(&self, position: u32) -> IndexEntry;
}

/// Entries that are sorted by id already.
impl IndexSource for [IndexEntry] {
    fn count(&self) -> u32 {
        u32::try_from(self.len()).unwrap_or(u32::MAX)
    }

    fn entry(&self, position: u32) -> IndexEntry {
        self[position as usize]
    }
}

/// How an index is written.
#[derive(Debug, Clone, Copy)]
pub struct WriteIndex {
    /// The hash function of the ids.
    pub format: ObjectFormat,
    /// The version; an index that needs 64-bit offsets becomes version 2 all the same, as in git.
    pub version: IndexVersion,
    /// Offsets above this one are written in 64 bits: [`LARGE_OFFSET_ABOVE`], or less in tests.
    pub large_offset_above: u64,
}

impl WriteIndex {
    /// Version 2 for ids of `format`.
    #[must_use]
    pub fn new(format: ObjectFormat) -> Self {
        Self { format, version: IndexVersion::default(), large_offset_above: LARGE_OFFSET_ABOVE }
    }

    /// Writes the index of `source` for the pack of checksum `pack` to `sink`, in pieces; gives its own checksum.
    ///
    /// ```
    /// use gitwire_pack::{IndexEntry, WriteIndex};
    /// use gitwire_types::{ObjectFormat, ObjectId};
    ///
    /// let pack = ObjectId::from_hex(ObjectFormat::Sha1, b"029d08823bd8a8eab510ad6ac75c823cfd3ed31e")?;
    /// let none: &[IndexEntry] = &[];
    /// let mut file = Vec::new();
    /// WriteIndex::new(ObjectFormat::Sha1).write(none, &pack, |piece| { file.extend_from_slice(piece); Ok(()) })?;
    /// assert_eq!(file.len(), 8 + 4 * 256 + 20 + 20);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`PackError::Storage`] with the sink's error; [`PackError::Misuse`] where version 2 is asked for and a CRC is missing.
    pub fn write<S: IndexSource + ?Sized>(
        &self,
        source: &S,
        pack: &ObjectId,
        sink: impl FnMut(&[u8]) -> Result<(), StorageFailure>,
    ) -> Result<ObjectId, PackError> {
        let count = source.count();
        // The source is asked twice for each object and no more: it may have to look far for it.
        let mut columns = Columns::default();
        for position in 0..count {
            columns.push(&source.entry(position));
        }
        let last = columns.places.iter().map(|(offset, _)| *offset).max().unwrap_or(0);
        let version = if self.is_large(last) { IndexVersion::V2 } else { self.version };
        let mut out = Output::new(self.format, sink);
        if version == IndexVersion::V2 {
            out.put(b"\xfftOc\0\0\0\x02")?;
        }
        columns.write_fanout(&mut out)?;
        match version {
            IndexVersion::V1 => {
                for position in 0..count {
                    let entry = source.entry(position);
                    out.put(&low_word(entry.offset).to_be_bytes())?;
                    out.put(entry.id.as_bytes())?;
                }
            }
            IndexVersion::V2 => {
                for position in 0..count {
                    out.put(source.entry(position).id.as_bytes())?;
                }
                self.write_places(&columns, &mut out)?;
            }
        }
        out.put(pack.as_bytes())?;
        out.finish()
    }

    fn write_places<F: FnMut(&[u8]) -> Result<(), StorageFailure>>(
        &self,
        columns: &Columns,
        out: &mut Output<F>,
    ) -> Result<(), PackError> {
        for (_, crc32) in &columns.places {
            out.put(&crc32.ok_or(PackError::Misuse("version 2 needs CRCs"))?.to_be_bytes())?;
        }
        let mut large = Vec::new();
        for (offset, _) in &columns.places {
            let word = if self.is_large(*offset) {
                large.push(*offset);
                // There are at most as many as objects, fewer than 2^31.
                low_word(large.len() as u64 - 1) | 1 << 31
            } else {
                low_word(*offset)
            };
            out.put(&word.to_be_bytes())?;
        }
        large.into_iter().try_for_each(|offset| out.put(&offset.to_be_bytes()))
    }

    fn is_large(&self, offset: u64) -> bool {
        offset > self.large_offset_above.min(LARGE_OFFSET_ABOVE)
    }
}

/// The highest offset that is written in 32 bits.
pub const LARGE_OFFSET_ABOVE: u64 = 0x7fff_ffff;

/// What is written of each object besides its id.
struct Columns {
    /// How many ids start with each byte.
    counts: [u32; 256],
    places: Vec<(u64, Option<u32>)>,
}

impl Default for Columns {
    fn default() -> Self {
        Self { counts: [0; 256], places: Vec::new() }
    }
}

impl Columns {
    fn push(&mut self, entry: &IndexEntry) {
        self.counts[usize::from(entry.id.as_bytes()[0])] += 1;
        self.places.push((entry.offset, entry.crc32));
    }

    fn write_fanout<F: FnMut(&[u8]) -> Result<(), StorageFailure>>(
        &self,
        out: &mut Output<F>,
    ) -> Result<(), PackError> {
        let mut sum = 0;
        self.counts.iter().try_for_each(|count| {
            sum += count;
            out.put(&sum.to_be_bytes())
        })
    }
}

fn low_word(value: u64) -> u32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// Collects small writes, hashes them, hands them on in large ones.
pub(crate) struct Output<F> {
    sink: F,
    buffer: Vec<u8>,
    hasher: Hasher,
}

impl<F: FnMut(&[u8]) -> Result<(), StorageFailure>> Output<F> {
    pub(crate) fn new(format: ObjectFormat, sink: F) -> Self {
        Self { sink, buffer: Vec::with_capacity(BUFFER), hasher: Hasher::new(format, Trust::Own) }
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<(), PackError> {
        if self.buffer.len() + bytes.len() > BUFFER {
            self.flush()?;
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Appends the checksum of all that was put.
    pub(crate) fn finish(mut self) -> Result<ObjectId, PackError> {
        self.flush()?;
        let checksum = finish(self.hasher)?;
        (self.sink)(checksum.as_bytes()).map_err(PackError::Storage)?;
        Ok(checksum)
    }

    fn flush(&mut self) -> Result<(), PackError> {
        self.hasher.update(&self.buffer);
        (self.sink)(&self.buffer).map_err(PackError::Storage)?;
        self.buffer.clear();
        Ok(())
    }
}

/// Large enough that a system call is nothing beside it.
const BUFFER: usize = 64 << 10;
