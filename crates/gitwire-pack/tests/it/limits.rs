//! Each limit at its largest accepted value, and one beyond.

use gitwire_pack::{Limits, PackDecoder, PackError, PackItem, Resolve};

use crate::packs::{PackBuilder, SHA1, appending, index_in, options, whole_text};

/// `at` is enough for `pack`, one less is refused with `expected`.
#[track_caller]
fn check(pack: &[u8], at: Limits, below: Limits, expected: &str) {
    for threads in [1, 3] {
        index_in(pack, options(threads).limits(at), 10, &Resolve::default()).unwrap();
        let error =
            index_in(pack, options(threads).limits(below), 10, &Resolve::default()).expect_err(expected);
        assert_eq!(whole_text(&error), expected);
    }
}

#[track_caller]
fn check_decoder(pack: &[u8], at: Limits, below: Limits, expected: &str) {
    decode(pack, at).unwrap();
    assert_eq!(whole_text(&decode(pack, below).expect_err(expected)), expected);
}

fn decode(mut pack: &[u8], limits: Limits) -> Result<(), PackError> {
    let mut decoder = PackDecoder::new(SHA1, limits);
    loop {
        let (consumed, item) = decoder.decode(pack)?;
        if matches!(item, PackItem::End { .. }) {
            return Ok(());
        }
        pack = &pack[consumed..];
    }
}

#[test]
fn pack_bytes_max() {
    let mut pack = PackBuilder::new();
    pack.blob(b"some content");
    let pack = pack.finish();
    let len = pack.len() as u64;
    let limits = |pack_bytes_max| Limits { pack_bytes_max, ..Limits::default() };
    let text = format!("pack is larger than the limit of {} bytes", len - 1);
    check(&pack, limits(len), limits(len - 1), &text);
    check_decoder(&pack, limits(len), limits(len - 1), &text);
}

#[test]
fn objects_max() {
    let mut pack = PackBuilder::new();
    pack.blob(b"one");
    pack.blob(b"two");
    let limits = |objects_max| Limits { objects_max, ..Limits::default() };
    check(&pack.finish(), limits(2), limits(1), "pack declares 2 objects, the limit is 1");
    check_decoder(&pack.finish(), limits(2), limits(1), "pack declares 2 objects, the limit is 1");
}

#[test]
fn object_bytes_max() {
    let mut pack = PackBuilder::new();
    pack.blob(&[7; 100]);
    let limits = |object_bytes_max| Limits { object_bytes_max, ..Limits::default() };
    let text = "entry at offset 12 declares 100 bytes, the limit is 99";
    check(&pack.finish(), limits(100), limits(99), text);
    check_decoder(&pack.finish(), limits(100), limits(99), text);
}

#[test]
fn delta_bytes_max() {
    // The result of a delta.
    let limits = |delta_bytes_max| Limits { delta_bytes_max, ..Limits::default() };
    let mut pack = PackBuilder::new();
    let base = pack.blob(&[7; 100]);
    let delta = pack.offset_delta(base, &appending(100, &[8; 20]));
    let text = format!("entry at offset {delta} declares 120 bytes, the limit is 119");
    check(&pack.finish(), limits(120), limits(119), &text);
    // A delta that is larger than its result.
    let mut pack = PackBuilder::new();
    let base = pack.blob(b"");
    let data = [&[0, 40][..], &[1, b'x'].repeat(40)].concat();
    let delta = pack.offset_delta(base, &data);
    let text = format!("entry at offset {delta} declares 82 bytes, the limit is 81");
    check(&pack.finish(), limits(82), limits(81), &text);
    check_decoder(&pack.finish(), limits(82), limits(81), &text);
    // A large base.
    let size = 1_500_000;
    let mut pack = PackBuilder::new();
    let base = pack.blob(&vec![9; size]);
    let delta = [&[0xe0, 0xc6, 0x5b, 1, 1][..], b"x"].concat();
    pack.offset_delta(base, &delta);
    let text = "entry at offset 12 declares 1500000 bytes, the limit is 1499999";
    check(&pack.finish(), limits(size as u64), limits(size as u64 - 1), text);
}

#[test]
fn delta_depth_max() {
    let limits = |delta_depth_max| Limits { delta_depth_max, ..Limits::default() };
    let mut pack = PackBuilder::new();
    let mut at = pack.blob(b"");
    for depth in 0..3 {
        at = pack.offset_delta(at, &appending(depth, b"x"));
    }
    let text = format!("delta at offset {at} ends a chain of more than 2 deltas");
    check(&pack.finish(), limits(3), limits(2), &text);
}

#[test]
fn spill_bytes_max() {
    // What is made against a base of so many bytes is hashed only.
    let size = 1_500_000;
    let mut pack = PackBuilder::new();
    let base = pack.blob(&vec![9; size]);
    pack.offset_delta(base, b"\xe0\xc6\x5b\x01\x01x");
    let run = |spill_bytes_max| {
        let limits = Limits { spill_bytes_max, ..Limits::default() };
        index_in(&pack.clone().finish(), options(1).memory(0).limits(limits), 10, &Resolve::default())
    };
    run(size as u64).unwrap();
    let text =
        "objects that are too large for memory take more than the limit of 1499999 bytes (spill_bytes_max)";
    assert_eq!(run(size as u64 - 1).unwrap_err().to_string(), text);
}

#[test]
fn work_bytes_max() {
    // Two objects of 150,000 bytes, of less than a hundred; small ones count for nothing.
    let mut pack = PackBuilder::new();
    let base = pack.blob(&[9; 15_000]);
    let mut delta = b"\x98\x75\xf0\x93\x09".to_vec();
    delta.extend(b"\xb0\x98\x3a".repeat(10));
    pack.offset_delta(base, &delta);
    pack.offset_delta(base, &delta);
    let pack = pack.finish();
    let limits = |work_bytes_max| Limits { work_bytes_max, ..Limits::default() };
    assert!(pack.len() < 299);
    check(
        &pack,
        limits(300_000),
        limits(299_999),
        "the objects of the pack take more than the limit of 299999 bytes to make (work_bytes_max)",
    );
}

/// As deep as git makes them, one deeper, and far deeper on a small stack.
#[test]
fn chains_take_no_stack() {
    let chain = |depth: usize| {
        let mut pack = PackBuilder::new();
        let mut at = pack.blob(b"base");
        for _ in 0..depth {
            // The same size at each step.
            at = pack.offset_delta(at, &[4, 4, 0x91, 1, 3, 1, b'x']);
        }
        pack.finish()
    };
    let [good, deep, deeper] = [4095, 4096, 50_000].map(chain);
    // Without optimization each frame is larger.
    let stack = if cfg!(debug_assertions) { 128 << 10 } else { 64 << 10 };
    let small = std::thread::Builder::new().stack_size(stack);
    let run = move || {
        index_in(&good, options(1), 4096, &Resolve::default()).unwrap();
        let error = index_in(&deep, options(1), 4096, &Resolve::default()).unwrap_err();
        assert!(matches!(error, PackError::ChainTooDeep { max: 4095, .. }), "{error}");
        let limits = Limits { delta_depth_max: 50_000, ..Limits::default() };
        let indexed = index_in(&deeper, options(1).limits(limits), 4096, &Resolve::default()).unwrap();
        assert_eq!(indexed.statistics().depth_max, 50_000);
    };
    small.spawn(run).unwrap().join().unwrap();
}
