//! Packs made by hand.

use gitwire_object::{Trust, object_id};
use gitwire_pack::{Indexed, Indexer, IndexerOptions, MemorySpool, PackError, Resolve};
use gitwire_types::{Never, ObjectFormat, ObjectId, ObjectKind};

pub(crate) use gitwire_testkit::pack::{PackBuilder, deflate, sealed, write_size};

pub(crate) const SHA1: ObjectFormat = ObjectFormat::Sha1;

pub(crate) fn blob_id(content: &[u8]) -> ObjectId {
    object_id(SHA1, Trust::Own, ObjectKind::Blob, content).unwrap()
}

/// A delta that appends `tail` (1 to 127 bytes) to a base of `base_len` bytes (below 65536).
pub(crate) fn appending(base_len: usize, tail: &[u8]) -> Vec<u8> {
    let mut delta = Vec::new();
    for size in [base_len, base_len + tail.len()] {
        write_size(size as u64, &mut delta);
    }
    if base_len > 0 {
        delta.extend([0xb0, base_len as u8, (base_len >> 8) as u8]);
    }
    delta.push(tail.len() as u8);
    delta.extend_from_slice(tail);
    delta
}

pub(crate) fn options(threads: usize) -> IndexerOptions {
    IndexerOptions::new(SHA1).threads(threads)
}

/// Indexes a pack that arrives in pieces.
pub(crate) fn index_in(
    pack: &[u8],
    options: IndexerOptions,
    piece: usize,
    resolve: &Resolve<'_>,
) -> Result<Indexed<MemorySpool>, PackError> {
    let mut indexer = Indexer::new(MemorySpool::new(), options);
    for piece in pack.chunks(piece) {
        indexer.write(piece, &Never)?;
    }
    indexer.finish(resolve, &Never)
}

pub(crate) fn index(pack: &[u8]) -> Result<Indexed<MemorySpool>, PackError> {
    index_in(pack, options(1), usize::MAX, &Resolve::default())
}

pub(crate) fn idx_of<S>(indexed: &Indexed<S>) -> Vec<u8> {
    let mut idx = Vec::new();
    indexed
        .write_index(Default::default(), |piece| {
            idx.extend_from_slice(piece);
            Ok(())
        })
        .unwrap();
    idx
}

pub(crate) fn rev_of<S>(indexed: &Indexed<S>) -> Vec<u8> {
    let mut rev = Vec::new();
    indexed
        .write_reverse_index(|piece| {
            rev.extend_from_slice(piece);
            Ok(())
        })
        .unwrap();
    rev
}

/// An error with all that stands behind it.
pub(crate) fn whole_text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text += ": ";
        text += &error.to_string();
        next = error.source();
    }
    text
}

/// A small pack with something of everything: whole objects of each kind, chains, deltas against ids.
pub(crate) fn small() -> Vec<u8> {
    let mut pack = PackBuilder::new();
    pack.whole(
        ObjectKind::Commit,
        b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor A <a> 0 +0000\n\n",
    );
    pack.whole(ObjectKind::Tree, b"");
    pack.whole(ObjectKind::Tag, b"object 4b825dc642cb6eb9a060e54bf8d69288fbee4904\ntype tree\ntag x\n");
    let base = b"a base that is long enough to make deltas against".repeat(3);
    let first = pack.blob(&base);
    let mut content = base.clone();
    let mut at = first;
    for step in 0..6_u8 {
        let tail = [b'0' + step; 9];
        at = pack.offset_delta(at, &appending(content.len(), &tail));
        content.extend_from_slice(&tail);
    }
    pack.id_delta(blob_id(&content), &appending(content.len(), b"by id"));
    pack.offset_delta(first, &appending(base.len(), b"a sibling"));
    pack.blob(b"");
    for step in 0..16_u8 {
        pack.blob(&[step; 3]);
    }
    pack.finish()
}
