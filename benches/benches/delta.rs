//! Delta apply beside gix-pack's, and delta making, which has no rival in Rust: libgit2's is C behind a binding.
//!
//! gix-pack keeps its `apply` to itself, so its public way there is measured: `decode_entry` of a delta whose base is in the
//! cache. What that does besides, our `with frame` does too: copy the base out of the cache, inflate the delta (stored
//! blocks, so next to nothing). `gitwire` alone is the bare call.
#![allow(missing_docs, clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a bench may panic")]

use std::hint::black_box;
use std::io::Write;

use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use gitwire_benches::size;
use gitwire_delta::{DeltaIndex, Made, apply};

/// A base, and a target that differs from it in a few places.
struct Pair {
    name: &'static str,
    base: Vec<u8>,
    target: Vec<u8>,
    delta: Vec<u8>,
}

fn pairs() -> Vec<Pair> {
    vec![
        pair("tree, 8 KiB, small copies", tree(200), 80),
        pair("source, 40 KiB", text(40_000), 700),
        pair("table, 1 MiB", text(1 << 20), 20_000),
        pair("blob, 16 MiB", text(size(16 << 20, 1 << 20)), 2 << 20),
    ]
}

/// Every `distance` bytes or so, thirty bytes are replaced.
fn pair(name: &'static str, base: Vec<u8>, distance: usize) -> Pair {
    let mut target = Vec::new();
    for (nth, piece) in base.chunks(distance).enumerate() {
        target.extend_from_slice(&piece[piece.len().min(20 + nth % 7)..]);
        target.extend(noise(30, nth as u64));
    }
    let mut delta = Vec::new();
    assert_eq!(DeltaIndex::new(&base).make(&target, target.len() / 2, &mut delta), Made::Delta);
    let mut result = Vec::new();
    apply(&base, &delta, 1 << 30, &mut result).unwrap();
    assert!(result == target);
    Pair { name, base, target, delta }
}

fn apply_whole(criterion: &mut Criterion) {
    for pair in pairs() {
        let mut group = group(criterion, "delta/apply", &pair);
        let mut out = pair.target.clone();
        group.bench_function("gitwire", |bencher| {
            bencher.iter(|| apply(black_box(&pair.base), black_box(&pair.delta), 1 << 30, &mut out).unwrap());
        });
        let stored = deflate(&pair.delta, 0);
        let (mut base, mut delta, mut inflate) = (Vec::new(), Vec::new(), flate2::Decompress::new(true));
        group.bench_function("gitwire with frame", |bencher| {
            bencher.iter(|| {
                base.clear();
                base.extend_from_slice(black_box(&pair.base));
                delta.clear();
                delta.reserve(pair.delta.len());
                inflate.reset(true);
                inflate.decompress_vec(&stored, &mut delta, flate2::FlushDecompress::Finish).unwrap();
                apply(&base, &delta, 1 << 30, &mut out).unwrap();
            });
        });
        rival::decode(&mut group, &pair);
        group.bench_function("memcpy", |bencher| {
            bencher.iter(|| out.copy_from_slice(black_box(&pair.target)));
        });
    }
}

fn make(criterion: &mut Criterion) {
    for pair in pairs() {
        let mut group = group(criterion, "delta/make", &pair);
        let mut delta = Vec::new();
        group.bench_function("index", |bencher| bencher.iter(|| DeltaIndex::new(black_box(&pair.base[..]))));
        let index = DeltaIndex::new(&pair.base);
        group.bench_function("make", |bencher| {
            bencher.iter(|| index.make(black_box(&pair.target), pair.target.len() / 2, &mut delta));
        });
        let stranger = noise(pair.target.len(), 99);
        group.bench_function("give up", |bencher| {
            bencher.iter(|| index.make(black_box(&stranger), stranger.len() / 2, &mut delta));
        });
    }
}

fn group<'a>(criterion: &'a mut Criterion, what: &str, pair: &Pair) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(format!("{what}/{}", pair.name));
    group.throughput(Throughput::Bytes(pair.target.len() as u64));
    group
}

mod rival {
    use super::{BenchmarkGroup, Pair, WallTime, deflate};

    /// A cache that holds the one base.
    struct Base<'a>(&'a [u8]);

    impl gix_pack::cache::DecodeEntry for Base<'_> {
        fn put(&mut self, _: u32, _: u64, _: &[u8], _: gix_object::Kind, _: usize) {}
        fn get(&mut self, _: u32, offset: u64, out: &mut Vec<u8>) -> Option<(gix_object::Kind, usize)> {
            if offset != 12 {
                return None;
            }
            out.clear();
            out.extend_from_slice(self.0);
            Some((gix_object::Kind::Blob, self.0.len()))
        }
    }

    pub(super) fn decode(group: &mut BenchmarkGroup<'_, WallTime>, pair: &Pair) {
        let mut pack = b"PACK\0\0\0\x02\0\0\0\x02".to_vec();
        entry(3, &pair.base, &[], &mut pack);
        let offset = pack.len() as u64;
        let mut distance = offset - 12;
        let mut reference = vec![(distance & 0x7f) as u8];
        while distance >= 0x80 {
            distance = (distance >> 7) - 1;
            reference.insert(0, (distance & 0x7f) as u8 | 0x80);
        }
        entry(6, &pair.delta, &reference, &mut pack);
        pack.extend([0; 20]);
        let file = gix_pack::data::File::from_data(pack, "in memory".into(), gix_hash::Kind::Sha1).unwrap();
        let (mut out, mut inflate) = (Vec::new(), gix_zlib::Inflate::default());
        group.bench_function("gix-pack decode_entry", |bencher| {
            bencher.iter(|| {
                let entry = file.entry(offset).unwrap();
                file.decode_entry(entry, &mut out, &mut inflate, &|_, _| Ok(None), &mut Base(&pair.base))
                    .unwrap();
            });
        });
    }

    fn entry(kind: u8, data: &[u8], reference: &[u8], pack: &mut Vec<u8>) {
        let mut size = data.len();
        let mut byte = kind << 4 | (size & 15) as u8;
        size >>= 4;
        while size > 0 {
            pack.push(byte | 0x80);
            byte = (size & 0x7f) as u8;
            size >>= 7;
        }
        pack.push(byte);
        pack.extend_from_slice(reference);
        pack.extend(deflate(data, 0));
    }
}

fn deflate(data: &[u8], level: u32) -> Vec<u8> {
    let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(level));
    writer.write_all(data).unwrap();
    writer.finish().unwrap()
}

fn tree(entries: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for nth in 0..entries {
        write!(out, "100644 file-{nth:06}.rs\0").unwrap();
        out.extend(noise(20, nth as u64));
    }
    out
}

/// Lines of words.
fn text(len: usize) -> Vec<u8> {
    let words =
        ["let", "the", "pack", "be", "delta", "of", "an", "object", "in", "a", "repository", "that", "stays"];
    let mut out = Vec::new();
    for byte in noise(len / 3, 7) {
        out.extend_from_slice(words[usize::from(byte) % words.len()].as_bytes());
        out.push(if byte > 220 { b'\n' } else { b' ' });
        if byte % 16 == 3 {
            write!(out, "{byte:x}").unwrap();
        }
    }
    out.truncate(len);
    out
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

criterion_group!(benches, apply_whole, make);
criterion_main!(benches);
