//! Objects that were dropped to save memory are made again, and are the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gitwire_pack::{
    BaseCache, Content, Index, Indexer, IndexerOptions, Inspect, KnownObjects, Limits, MemorySpool, Pack,
    PackError, ReadAt, Resolve, Spool, StorageFailure,
};
use gitwire_types::{Never, ObjectId, ObjectKind};

use crate::packs::{PackBuilder, blob_id, idx_of, index_in, options, write_size};

/// A tree of large objects: each has two children, and each of these the same, a few levels deep.
fn tree(levels: u32, size: usize) -> (Vec<u8>, Vec<gitwire_types::ObjectId>) {
    let mut pack = PackBuilder::new();
    let root: Vec<u8> = (0..size).map(|at| (at * 7 % 251) as u8).collect();
    let mut ids = vec![blob_id(&root)];
    let mut level = vec![(pack.blob(&root), root)];
    let mut name = 0_u32;
    for depth in 0..levels {
        let mut next = Vec::new();
        for (offset, content) in &level {
            for by_id in [false, true] {
                name += 1;
                let mut child = content.clone();
                let tail = name.to_be_bytes();
                child.splice(0..4, tail);
                let mut delta = Vec::new();
                write_size(size as u64, &mut delta);
                write_size(size as u64, &mut delta);
                delta.push(4);
                delta.extend(tail);
                delta.extend([0xf1, 4]);
                delta.extend(&((size - 4) as u32).to_le_bytes()[..3]);
                ids.push(blob_id(&child));
                let at = if by_id && depth % 2 == 0 {
                    pack.id_delta(blob_id(content), &delta)
                } else {
                    pack.offset_delta(*offset, &delta)
                };
                next.push((at, child));
            }
        }
        level = next;
    }
    ids.sort();
    (pack.finish(), ids)
}

#[track_caller]
fn check(options: IndexerOptions, levels: u32, size: usize) {
    let (pack, ids) = tree(levels, size);
    let indexed = index_in(&pack, options, usize::MAX, &Resolve::default()).unwrap();
    let mut named: Vec<_> = indexed.objects().map(|(id, _)| id).collect();
    named.sort();
    assert_eq!(named, ids);
    let plain = index_in(&pack, self::options(1).memory(1 << 30), usize::MAX, &Resolve::default()).unwrap();
    assert_eq!(idx_of(&indexed), idx_of(&plain));
}

#[test]
fn objects_larger_than_the_budget() {
    for threads in [1, 2, 4] {
        check(options(threads).memory(0), 5, 700_000);
    }
}

#[test]
fn objects_larger_than_a_buffer() {
    for threads in [1, 4] {
        check(options(threads).memory(0), 3, 1_300_000);
    }
}

#[test]
fn a_delta_larger_than_a_buffer() {
    // Nothing but insertions, so that the delta is as large as what it makes.
    let content: Vec<u8> = (0..=250).cycle().step_by(7).take(3_000_000).collect();
    let mut delta = Vec::new();
    write_size(3, &mut delta);
    write_size(content.len() as u64, &mut delta);
    for piece in content.chunks(127) {
        delta.push(piece.len() as u8);
        delta.extend_from_slice(piece);
    }
    let mut pack = PackBuilder::new();
    let base = pack.blob(b"one");
    pack.offset_delta(base, &delta);
    for threads in [1, 4] {
        let indexed = index_in(&pack.finish(), options(threads), usize::MAX, &Resolve::default()).unwrap();
        assert!(indexed.objects().any(|(id, _)| id == blob_id(&content)));
    }
    // One that ends too early, and one that goes on too long, are told as such where they are not held, too.
    delta.truncate(2_900_000);
    let mut pack = PackBuilder::new();
    let base = pack.blob(b"one");
    pack.offset_delta(base, &delta);
    let error = index_in(&pack.finish(), options(1), usize::MAX, &Resolve::default()).unwrap_err();
    assert!(crate::packs::whole_text(&error).contains("delta ends at offset 2900000"), "{error:?}");
}

/// A spool that knows how many media were made beside it, and how many are there.
#[derive(Clone, Default)]
struct Counting {
    bytes: MemorySpool,
    made: Arc<AtomicUsize>,
    there: Arc<()>,
}

impl ReadAt for Counting {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<usize, StorageFailure> {
        self.bytes.read_at(offset, out)
    }

    fn size(&self) -> u64 {
        self.bytes.size()
    }

    fn spill(&self) -> Result<Box<dyn Spool>, StorageFailure> {
        self.made.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(Self { bytes: MemorySpool::new(), ..self.clone() }))
    }
}

impl Spool for Counting {
    fn append(&mut self, bytes: &[u8]) -> Result<(), StorageFailure> {
        self.bytes.append(bytes)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), StorageFailure> {
        self.bytes.write_at(offset, bytes)
    }
}

/// A delta that copies `pieces` of a base.
fn copies(base: usize, pieces: &[(usize, usize)]) -> Vec<u8> {
    let mut delta = Vec::new();
    write_size(base as u64, &mut delta);
    write_size(pieces.iter().map(|(_, len)| *len as u64).sum(), &mut delta);
    for (offset, len) in pieces {
        delta.push(0xff);
        delta.extend((*offset as u32).to_le_bytes());
        delta.extend(&(*len as u32).to_le_bytes()[..3]);
    }
    delta
}

fn content(len: usize) -> Vec<u8> {
    (0..len as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

fn made(base: &[u8], pieces: &[(usize, usize)]) -> Vec<u8> {
    pieces.iter().flat_map(|(offset, len)| base[*offset..offset + len].to_vec()).collect()
}

#[test]
fn what_is_too_large_to_be_held_is_spilled_and_nothing_stays() {
    // Copies of all sizes, forwards, backwards, over the borders of what is read at once; a chain, and two made of one.
    let first = content(2_500_000);
    let mut pieces = vec![(0, 1_200_000), (2_499_999, 1), (4_090, 13), (4_096, 4_096), (1, 70_000)];
    pieces.extend((0..5_000).map(|nth| ((nth * 7_919) % 2_499_000, 1 + nth % 40)));
    let second = made(&first, &pieces);
    let back: Vec<_> = (0..second.len() / 1000).rev().map(|nth| (nth * 1000, 1000)).collect();
    let third = made(&second, &back);
    let mut pack = PackBuilder::new();
    let base = pack.blob(&first);
    let next = pack.offset_delta(base, &copies(first.len(), &pieces));
    let by_offset = pack.offset_delta(next, &copies(second.len(), &back));
    pack.id_delta(blob_id(&third), &copies(third.len(), &[(0, 9)]));
    pack.offset_delta(base, &copies(first.len(), &[(5, 2_000_000)]));
    pack.offset_delta(by_offset, &copies(third.len(), &[(17, 5)]));
    let pack = pack.finish();
    let expected = [&second, &third, &made(&third, &[(0, 9)]), &made(&first, &[(5, 2_000_000)])];
    for threads in [1, 4] {
        let spool = Counting::default();
        let (made, there) = (spool.made.clone(), spool.there.clone());
        let mut indexer = Indexer::new(spool, options(threads).memory(0));
        pack.chunks(100_000).for_each(|piece| indexer.write(piece, &Never).unwrap());
        let indexed = indexer.finish(&Resolve::default(), &Never).unwrap();
        for content in expected {
            assert!(indexed.objects().any(|(id, _)| id == blob_id(content)), "{}", content.len());
        }
        assert!(made.load(Ordering::Relaxed) >= 3);
        // Ours, and the one in the spool that was indexed.
        assert_eq!(Arc::strong_count(&there), 2);
        // Read from the pack they are the same, whole and in pieces.
        let index = Index::open(idx_of(&indexed), crate::packs::SHA1, &Limits::default()).unwrap();
        let spool = Arc::new(indexed.into_spool());
        let pack = Pack::open(spool, index, Arc::new(BaseCache::new(0)), Limits::default()).unwrap();
        for content in expected {
            let mut read = Vec::new();
            pack.read(&blob_id(content), u64::MAX, &mut read).unwrap();
            assert!(read == *content);
            let mut stream = pack.open_object(&blob_id(content)).unwrap().unwrap();
            assert_eq!(stream.size(), content.len() as u64);
            let (mut read, mut room) = (Vec::new(), vec![0; 1000]);
            loop {
                match stream.read(&mut room).unwrap() {
                    0 => break,
                    count => read.extend_from_slice(&room[..count]),
                }
            }
            assert!(read == *content);
        }
    }
}

/// What there is already: one blob.
struct OneBlob(Vec<u8>);

impl KnownObjects for OneBlob {
    fn info(&self, id: &ObjectId) -> Result<Option<(ObjectKind, u64)>, StorageFailure> {
        Ok((*id == blob_id(&self.0)).then_some((ObjectKind::Blob, self.0.len() as u64)))
    }

    fn read(&self, id: &ObjectId, max: u64, out: &mut Vec<u8>) -> Result<Option<ObjectKind>, StorageFailure> {
        let Some((kind, size)) = self.info(id)? else { return Ok(None) };
        if size > max {
            return Err("too large".into());
        }
        out.clone_from(&self.0);
        Ok(Some(kind))
    }
}

#[test]
fn a_base_that_a_thin_pack_leaves_out_is_spilled_too() {
    let known = OneBlob(content(3_000_000));
    let pieces = [(9, 2_000_000), (0, 1_000_000)];
    let mut pack = PackBuilder::new();
    pack.id_delta(blob_id(&known.0), &copies(known.0.len(), &pieces));
    let pack = pack.finish();
    let run = |limits: Limits| {
        let resolve = Resolve::default().bases(&known);
        index_in(&pack, options(1).memory(0).limits(limits), 1000, &resolve)
    };
    let indexed = run(Limits::default()).unwrap();
    assert_eq!(indexed.statistics().appended, 1);
    assert!(indexed.objects().any(|(id, _)| id == blob_id(&made(&known.0, &pieces))));
    // Completed, it needs nobody.
    let completed = indexed.into_spool().into_bytes();
    assert_eq!(index_in(&completed, options(1), usize::MAX, &Resolve::default()).unwrap().count(), 2);
    let error = run(Limits { delta_bytes_max: 2_999_999, ..Limits::default() }).unwrap_err();
    assert_eq!(error.to_string(), "entry at offset 12 declares 3000000 bytes, the limit is 2999999");
}

/// Adds up what it sees of large trees.
#[derive(Default)]
struct Seen(AtomicUsize);

impl Inspect for Seen {
    fn inspect(
        &self,
        _: &ObjectId,
        kind: ObjectKind,
        content: Content<'_>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        if let Content::Large { size, data } = content {
            assert_eq!(data.is_some(), kind != ObjectKind::Blob);
            let mut room = vec![0; size as usize + 1];
            let count = data.map_or(Ok(0), |data| data.read_at(0, &mut room))?;
            self.0.fetch_add(count, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[test]
fn large_trees_can_be_looked_into() {
    let tree = content(1_500_000);
    let mut pack = PackBuilder::new();
    let base = pack.whole(ObjectKind::Tree, &tree);
    pack.offset_delta(base, &copies(tree.len(), &[(0, 1_400_000)]));
    pack.blob(&tree);
    let seen = Seen::default();
    let resolve = Resolve::default().inspect(&seen);
    index_in(&pack.finish(), options(1).memory(0), usize::MAX, &resolve).unwrap();
    assert_eq!(seen.0.into_inner(), 2_900_000);
}

#[test]
fn spills_that_wait_give_way_to_those_that_are_needed() {
    // Ten times the limit in all, but no more than a base and what is made of it at once.
    let (pack, _) = tree(3, 1_300_000);
    let limits = |spill_bytes_max| Limits { spill_bytes_max, ..Limits::default() };
    let run = |max| index_in(&pack, options(1).memory(0).limits(limits(max)), 1 << 20, &Resolve::default());
    let plain = index_in(&pack, options(1).memory(1 << 30), usize::MAX, &Resolve::default()).unwrap();
    assert_eq!(idx_of(&run(4_000_000).unwrap()), idx_of(&plain));
    let error = run(1_299_999).unwrap_err();
    assert!(matches!(error, PackError::TooMuchSpilled { max: 1_299_999 }), "{error}");
}
