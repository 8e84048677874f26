//! Packs to read: made up, or the one that `GITWIRE_BENCH_PACK` names.

use std::io::Write;

use flate2::{Compression, write::ZlibEncoder};
use gitwire_delta::{DeltaIndex, Made};
use gitwire_object::{Hasher, Trust};
use gitwire_pack::{EntryHeader, EntryKind, PackHeader};
use gitwire_types::{ObjectFormat, ObjectKind};

use crate::size;

/// A pack of many files with a history each: a whole object, then deltas, each against the one before or the one before
/// that, as git writes them.
///
/// # Panics
/// When the pack that `GITWIRE_BENCH_PACK` names cannot be read.
#[must_use]
pub fn pack() -> Vec<u8> {
    if let Some(path) = std::env::var_os("GITWIRE_BENCH_PACK") {
        let pack = std::fs::read(path);
        assert!(pack.is_ok(), "GITWIRE_BENCH_PACK: {pack:?}");
        return pack.unwrap_or_default();
    }
    let (files, versions) = (size(600, 6), 30);
    let header = PackHeader { version: 2, objects: u32::try_from(files * versions).unwrap_or(0) };
    let mut pack = header.to_bytes().to_vec();
    for file in 0..files {
        let mut content = text(file, 4_000 + file % 50 * 400);
        let mut offset = append(&mut pack, EntryKind::Whole(ObjectKind::Blob), &content);
        for version in 1..versions {
            let mut next = content.clone();
            let at = version * 97 % (next.len() - 100);
            next.splice(at..at + 40, text(file + version * 1000, 60));
            let mut delta = Vec::new();
            assert_eq!(DeltaIndex::new(&content).make(&next, next.len(), &mut delta), Made::Delta);
            let distance = pack.len() as u64 - offset;
            offset = append(&mut pack, EntryKind::OffsetDelta { distance }, &delta);
            content = next;
        }
    }
    let mut hasher = Hasher::new(ObjectFormat::Sha1, Trust::Own);
    hasher.update(&pack);
    if let Ok(checksum) = hasher.finish() {
        pack.extend_from_slice(checksum.as_bytes());
    }
    pack
}

fn append(pack: &mut Vec<u8>, kind: EntryKind, data: &[u8]) -> u64 {
    let offset = pack.len() as u64;
    EntryHeader { kind, size: data.len() as u64, len: 0 }.write(pack);
    let mut encoder = ZlibEncoder::new(pack, Compression::default());
    let written = encoder.write_all(data).and_then(|()| encoder.finish().map(|_| ()));
    assert!(written.is_ok(), "writing to memory");
    offset
}

/// Lines of words, the same for the same seed.
fn text(seed: usize, len: usize) -> Vec<u8> {
    let words = [
        "let ", "self", ".next", "(&mut ", "input", ")?;\n", "    ", "match ", "=> ", "Some(", "offset",
        " + ",
    ];
    let mut state = seed as u64 * 0x9e37_79b9 + 1;
    let mut text = Vec::with_capacity(len + 8);
    while text.len() < len {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        text.extend_from_slice(words[(state >> 33) as usize % words.len()].as_bytes());
    }
    text.truncate(len);
    text
}
