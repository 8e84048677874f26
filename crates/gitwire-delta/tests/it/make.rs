//! Deltas made: they must rebuild the target, be small, and stay within the size asked for.

use std::sync::Arc;

use gitwire_delta::{DeltaIndex, Header, Instruction, Instructions, Made, apply};
use proptest::prelude::*;

/// Makes a delta and applies it; its length.
#[track_caller]
fn check(base: &[u8], target: &[u8]) -> usize {
    let mut delta = b"what was there before".to_vec();
    assert_eq!(DeltaIndex::new(base).make(target, usize::MAX, &mut delta), Made::Delta);
    let mut result = Vec::new();
    apply(base, &delta, u64::MAX, &mut result).unwrap();
    assert!(result == target, "the delta makes another target");
    delta.len()
}

/// Bytes that repeat nothing.
fn noise(len: usize, mut seed: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(len + 8);
    while out.len() < len {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        out.extend((seed ^ seed >> 29).to_le_bytes());
    }
    out.truncate(len);
    out
}

#[test]
fn sizes() {
    let base = noise(5000, 1);
    assert_eq!(check(&base, &base), 4 + 3, "all of it: one copy");
    assert_eq!(check(&base, &base[..31]), 3 + 2);
    assert_eq!(check(&base, &base[100..1000]), 4 + 4);
    assert_eq!(check(&base, &base[777..777 + 31]), 3 + 4, "31 bytes are found wherever they are");
    assert_eq!(check(&base, b"x"), 3 + 2);
    assert_eq!(check(b"", b"xy"), 2 + 3);
    assert_eq!(check(&base, &noise(1000, 2)), 4 + 1000 + 8, "nothing in common: a byte per 127");
    // In place: the bytes on either side of an edit stand at the same distance and are found though short.
    let mut edited = base[..640].to_vec();
    for at in (20..600).step_by(20) {
        edited[at] ^= 0xff;
    }
    let edits = 29;
    assert!(check(&base[..640], &edited) <= 4 + edits * (2 + 5) + 4);
}

#[test]
fn copies_are_at_most_64_kib() {
    let base = noise(200_000, 3);
    let mut delta = Vec::new();
    assert_eq!(DeltaIndex::new(&base).make(&base, 100, &mut delta), Made::Delta);
    let header = Header::parse(&delta).unwrap();
    let lens: Vec<_> = Instructions::new(&delta, &header).map(|step| step.unwrap().1.len()).collect();
    assert_eq!(lens, [0x1_0000, 0x1_0000, 0x1_0000, 200_000 - 3 * 0x1_0000]);
    assert_eq!(check(&base, &base), delta.len());
}

#[test]
fn offsets_of_every_width() {
    let base = noise((1 << 24) + 1000, 4);
    for start in [0, 255, 256, 65_535, 65_536, 0xff_ffff, 1 << 24] {
        assert!(check(&base, &base[start..start + 500]) <= 6 + 7);
    }
}

#[test]
fn the_size_cap_is_kept() {
    let base = noise(4000, 5);
    let target = [&base[..1500], &noise(50, 6), &base[1500..]].concat();
    let mut delta = Vec::new();
    let index = DeltaIndex::new(&base);
    assert_eq!(index.make(&target, usize::MAX, &mut delta), Made::Delta);
    let size = delta.len();
    assert!(size < 50 + 20);
    assert_eq!(index.make(&target, size, &mut delta), Made::Delta);
    for max in 0..size {
        assert_eq!(index.make(&target, max, &mut delta), Made::Declined, "{max} of {size}");
        assert!(delta.len() <= max + 16, "gives up early");
    }
    assert_eq!(index.make(&noise(1 << 20, 7), 1000, &mut delta), Made::Declined);
    assert!(delta.len() <= 1016);
}

/// git reads no delta of under four bytes.
#[test]
fn nothing_is_no_target() {
    let mut delta = Vec::new();
    assert_eq!(DeltaIndex::new(b"base").make(b"", 100, &mut delta), Made::Declined);
    assert_eq!(DeltaIndex::new(b"").make(b"", 100, &mut delta), Made::Declined);
}

/// What repeats a block a hundred thousand times must cost no more than what does not.
#[test]
fn repetition_is_bounded() {
    let block = noise(16, 8);
    let filler = noise(16, 9);
    let base: Vec<u8> = [block.clone(), filler].concat().repeat(50_000);
    let zeroes = vec![0; 1 << 20];
    let target: Vec<u8> = (0..20_000_u32).flat_map(|n| [&block[..], &n.to_be_bytes()].concat()).collect();
    check(&base, &target);
    check(&zeroes, &base);
    assert!(check(&zeroes, &zeroes[..1 << 19]) < 60);
    assert!(DeltaIndex::new(&zeroes).memory() < 1000, "equal neighbours are one block");
}

#[test]
fn bases_of_every_owner() {
    fn shareable<T: Send + Sync>(_: &T) {}
    let base = noise(2000, 10);
    let mut delta = Vec::new();
    let borrowed = DeltaIndex::new(&base[..]);
    assert_eq!(borrowed.make(&base[500..], 100, &mut delta), Made::Delta);
    let shared: DeltaIndex<Arc<[u8]>> = DeltaIndex::new(Arc::from(base.clone()));
    shareable(&shared);
    assert_eq!(shared.make(&base[500..], 100, &mut delta), Made::Delta);
    let owned = DeltaIndex::new(base.clone());
    assert_eq!(owned.make(&base[500..], 100, &mut delta), Made::Delta);
    assert_eq!(owned.base(), base);
    assert_eq!(format!("{owned:?}"), "DeltaIndex { base: 2000, blocks: 125 }");
    assert!(owned.memory() >= 125 * 8 && owned.memory() < 2000);
    assert_eq!(owned.into_base(), base);
}

proptest! {
    #[test]
    fn any_pair(base in bytes(), target in bytes()) {
        prop_assume!(!target.is_empty());
        check(&base, &target);
    }

    /// A target made of pieces of the base: never longer than the pieces said one by one.
    #[test]
    fn any_edits(seed in any::<u64>(), cuts in proptest::collection::vec((0_usize..9000, 40_usize..900, 0_usize..40), 1..20)) {
        let base = noise(10_000, seed);
        let mut target = Vec::new();
        let mut worst = 2 + 3;
        for (nth, (start, len, fresh)) in cuts.iter().enumerate() {
            target.extend_from_slice(&base[*start..start + len]);
            target.extend(noise(*fresh, seed ^ nth as u64));
            worst += 5 + fresh + 1;
        }
        prop_assert!(check(&base, &target) <= worst);
    }

    #[test]
    fn every_instruction_is_well_formed(base in bytes(), target in bytes()) {
        let mut delta = Vec::new();
        if DeltaIndex::new(&base).make(&target, usize::MAX, &mut delta) == Made::Delta {
            let header = Header::parse(&delta).unwrap();
            for step in Instructions::new(&delta, &header) {
                let (_, instruction) = step.unwrap();
                prop_assert!(instruction.len() <= 0x1_0000);
                if let Instruction::Copy { len, .. } = instruction {
                    prop_assert!(len >= 8);
                }
            }
        }
    }
}

/// Bytes of a small alphabet, so that they have something in common.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(0_u8..3, 0..400),
        proptest::collection::vec(any::<u8>(), 0..100),
        (proptest::collection::vec(0_u8..2, 1..40), 1_usize..40)
            .prop_map(|(piece, times)| piece.repeat(times)),
    ]
}
