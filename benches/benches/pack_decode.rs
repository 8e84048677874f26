//! Decoding a pack into its entries, as it arrives, beside gix-pack's stream of entries, which inflates each entry to find its
//! end but gives no content.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench may panic")]

use std::hint::black_box;
use std::io::BufReader;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gitwire_benches::packs::pack;
use gitwire_pack::{PackDecoder, PackItem};
use gitwire_types::ObjectFormat;
use gix_pack::data::input::{BytesToEntriesIter, EntryDataMode, Mode};

fn decode(criterion: &mut Criterion) {
    let pack = pack();
    let mut group = criterion.benchmark_group("pack/decode");
    group.throughput(Throughput::Bytes(pack.len() as u64)).sample_size(10);
    group.bench_function("gitwire", |bencher| bencher.iter(|| gitwire(black_box(&pack))));
    group.bench_function("gix-pack", |bencher| bencher.iter(|| gix(black_box(&pack))));
    assert_eq!(gitwire(&pack), gix(&pack));
}

/// The number of entries and of inflated bytes.
fn gitwire(pack: &[u8]) -> (u64, u64) {
    let mut decoder = PackDecoder::new(ObjectFormat::Sha1, Default::default());
    let mut counts = (0, 0);
    for mut piece in pack.chunks(64 << 10) {
        loop {
            let (consumed, item) = decoder.decode(piece).unwrap();
            piece = &piece[consumed..];
            match item {
                PackItem::NeedInput | PackItem::End { .. } => break,
                PackItem::Data(data) => counts.1 += data.len() as u64,
                PackItem::EntryEnd { .. } => counts.0 += 1,
                _ => {}
            }
        }
    }
    decoder.finish().unwrap();
    counts
}

fn gix(pack: &[u8]) -> (u64, u64) {
    let input = BufReader::with_capacity(64 << 10, pack);
    let entries =
        BytesToEntriesIter::new_from_header(input, Mode::Verify, EntryDataMode::Crc32, gix_hash::Kind::Sha1);
    entries.unwrap().fold((0, 0), |counts, entry| (counts.0 + 1, counts.1 + entry.unwrap().decompressed_size))
}

criterion_group!(benches, decode);
criterion_main!(benches);
