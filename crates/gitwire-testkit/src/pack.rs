//! Packs written plainly, without the code that they test.

use gitwire_object::{Hasher, Trust};
use gitwire_pack::{EntryHeader, EntryKind, PackHeader};
use gitwire_types::{ObjectFormat, ObjectKind};

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
