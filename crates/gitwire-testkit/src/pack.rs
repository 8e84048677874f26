//! Packs written plainly, without the code that they test.

use gitwire_object::{Hasher, Trust};
use gitwire_pack::{EntryHeader, EntryKind, PackHeader};
use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};
use sirocco::{Format, deflate::Level};

/// A pack of these objects, each stored whole and not compressed (`gitformat-pack`).
///
/// # Panics
/// When there are more than a pack may hold.
#[must_use]
pub fn pack<'a>(
    format: ObjectFormat,
    objects: impl ExactSizeIterator<Item = (ObjectKind, &'a [u8])>,
) -> Vec<u8> {
    let header = PackHeader { version: 2, objects: u32::try_from(objects.len()).unwrap() };
    let mut pack = header.to_bytes().to_vec();
    for (kind, content) in objects {
        EntryHeader { kind: EntryKind::Whole(kind), size: content.len() as u64, len: 0 }.write(&mut pack);
        stored(content, &mut pack);
    }
    let mut hasher = Hasher::new(format, Trust::Own);
    hasher.update(&pack);
    pack.extend_from_slice(hasher.finish().unwrap().as_bytes());
    pack
}

/// Appends a zlib stream (RFC 1950) of stored blocks (RFC 1951, 3.2.4).
pub fn stored(content: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&[0x78, 0x01]);
    let mut rest = content;
    loop {
        let (block, more) = rest.split_at(rest.len().min(usize::from(u16::MAX)));
        let len = block.len() as u16;
        out.push(u8::from(more.is_empty()));
        out.extend_from_slice(&len.to_le_bytes());
        out.extend_from_slice(&(!len).to_le_bytes());
        out.extend_from_slice(block);
        rest = more;
        if rest.is_empty() {
            break;
        }
    }
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in content {
        low = (low + u32::from(*byte)) % 65521;
        high = (high + low) % 65521;
    }
    out.extend_from_slice(&(high << 16 | low).to_be_bytes());
}

/// Writes entries as they are asked for, right or wrong.
#[derive(Debug, Clone)]
pub struct PackBuilder {
    bytes: Vec<u8>,
    count: u32,
}

impl PackBuilder {
    /// One without entries.
    #[must_use]
    pub fn new() -> Self {
        Self { bytes: PackHeader { version: 2, objects: 0 }.to_bytes().to_vec(), count: 0 }
    }

    /// A blob; its offset, as everywhere below.
    pub fn blob(&mut self, content: &[u8]) -> u64 {
        self.whole(ObjectKind::Blob, content)
    }

    /// An object that is stored whole.
    pub fn whole(&mut self, kind: ObjectKind, content: &[u8]) -> u64 {
        self.entry(EntryKind::Whole(kind), content.len() as u64, &deflate(content))
    }

    /// A delta against the entry at `base`.
    pub fn offset_delta(&mut self, base: u64, delta: &[u8]) -> u64 {
        let distance = (self.bytes.len() as u64).wrapping_sub(base);
        self.entry(EntryKind::OffsetDelta { distance }, delta.len() as u64, &deflate(delta))
    }

    /// A delta against an object that is told by its id.
    pub fn id_delta(&mut self, base: ObjectId, delta: &[u8]) -> u64 {
        self.entry(EntryKind::IdDelta { base }, delta.len() as u64, &deflate(delta))
    }

    /// An entry with any size in its header and any compressed data.
    pub fn entry(&mut self, kind: EntryKind, size: u64, compressed: &[u8]) -> u64 {
        let mut header = Vec::new();
        EntryHeader { kind, size, len: 0 }.write(&mut header);
        self.raw(&[&header, compressed].concat())
    }

    /// An entry byte by byte.
    pub fn raw(&mut self, entry: &[u8]) -> u64 {
        let offset = self.bytes.len() as u64;
        self.bytes.extend_from_slice(entry);
        self.count += 1;
        offset
    }

    /// The pack.
    #[must_use]
    pub fn finish(&self) -> Vec<u8> {
        self.declare(self.count)
    }

    /// The pack, with another number of objects in its header.
    #[must_use]
    pub fn declare(&self, objects: u32) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes[8..12].copy_from_slice(&objects.to_be_bytes());
        sealed(bytes)
    }
}

impl Default for PackBuilder {
    fn default() -> Self {
        Self::new()
    }
}

/// With a trailer.
///
/// # Panics
/// Never: what we write ourselves is no attack.
#[must_use]
pub fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let mut hasher = Hasher::new(ObjectFormat::Sha1, Trust::Own);
    hasher.update(&bytes);
    bytes.extend_from_slice(hasher.finish().unwrap().as_bytes());
    bytes
}

/// A zlib stream of this.
#[must_use]
pub fn deflate(content: &[u8]) -> Vec<u8> {
    sirocco::compress(Format::Zlib, Level::DEFAULT, content)
}

/// Appends a size as it stands at the front of a delta.
pub fn write_size(mut size: u64, out: &mut Vec<u8>) {
    while size >= 0x80 {
        out.push(size as u8 | 0x80);
        size >>= 7;
    }
    out.push(size as u8);
}
