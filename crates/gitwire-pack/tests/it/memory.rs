//! Objects that were dropped to save memory are made again, and are the same.

use gitwire_pack::{IndexerOptions, Resolve};

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
