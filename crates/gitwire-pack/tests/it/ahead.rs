//! Scanning ahead finds nothing that the scan itself would not find.

use gitwire_pack::{IndexerOptions, Resolve};
use sirocco::{Format, deflate::Level};

use crate::packs::{PackBuilder, appending, idx_of, index_in, options, rev_of, whole_text};

/// The smallest blocks: 64 KiB.
fn small_blocks(threads: usize) -> IndexerOptions {
    options(threads).memory(0)
}

#[track_caller]
fn check(pack: &[u8]) {
    let alone = index_in(pack, options(1), 10_000, &Resolve::default()).unwrap();
    for piece in [1000, usize::MAX] {
        let together = index_in(pack, small_blocks(4), piece, &Resolve::default()).unwrap();
        assert!(idx_of(&alone) == idx_of(&together));
        assert!(rev_of(&alone) == rev_of(&together));
        assert_eq!(alone.statistics(), together.statistics());
    }
}

/// Numbers that do not compress.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    std::iter::repeat_with(step).take(len).collect()
}

fn mixed() -> Vec<u8> {
    let mut pack = PackBuilder::new();
    let mut base = (0, 0);
    for round in 0..4000_usize {
        if round.is_multiple_of(5) {
            let content = noise(round as u64, 100 + round % 700);
            base = (pack.blob(&content), content.len());
        } else {
            pack.offset_delta(base.0, &appending(base.1, &noise(round as u64, 1 + round % 100)));
        }
    }
    pack.finish()
}

#[test]
fn many_small_entries() {
    check(&mixed());
}

#[test]
fn entries_longer_than_blocks() {
    let mut pack = PackBuilder::new();
    for round in 0..12 {
        pack.blob(&noise(round, 50_000 + 40_000 * (round as usize % 4)));
        pack.blob(b"small");
    }
    check(&pack.finish());
}

/// A blob that holds a pack, not compressed: what looks like entries is content.
#[test]
fn a_pack_within_a_pack() {
    let inner = mixed();
    let stored = sirocco::compress(Format::Zlib, Level::new(0), &inner);
    let mut pack = PackBuilder::new();
    for round in 0..20_u8 {
        pack.blob(&[round; 50]);
    }
    let kind = gitwire_pack::EntryKind::Whole(gitwire_types::ObjectKind::Blob);
    pack.entry(kind, inner.len() as u64, &stored);
    for round in 0..200_u8 {
        pack.blob(&noise(u64::from(round), 400));
    }
    check(&pack.finish());
}

/// The same error at the same offset, whoever meets the fault first.
#[test]
fn errors_are_those_of_the_scan() {
    let good = mixed();
    for at in [20, good.len() / 3, good.len() / 2, good.len() - 30] {
        let mut bad = good.clone();
        bad[at] ^= 0x55;
        let text = |threads: IndexerOptions, piece| {
            index_in(&bad, threads, piece, &Resolve::default())
                .map(|_| String::new())
                .unwrap_or_else(|e| whole_text(&e))
        };
        let alone = text(options(1), 4096);
        assert!(!alone.is_empty());
        assert_eq!(text(small_blocks(4), 4096), alone);
        assert_eq!(text(small_blocks(2), 100), alone);
    }
}
