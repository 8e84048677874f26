//! Indexing a pack that is in memory, on one thread and on four, beside gix-pack. Both check every object's hash for attacks,
//! and write an index.
#![allow(missing_docs, clippy::unwrap_used, clippy::ptr_arg, reason = "a bench may panic")]

use std::hint::black_box;
use std::io::BufReader;
use std::sync::atomic::AtomicBool;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gitwire_benches::packs::pack;
use gitwire_pack::{Indexer, IndexerOptions, ReadAt, Resolve, Spool, StorageFailure};
use gitwire_types::{Never, ObjectFormat};
use gix_pack::data::input::{BytesToEntriesIter, EntryDataMode, Mode};

fn index(criterion: &mut Criterion) {
    let pack = pack();
    assert!(gitwire(&pack, 4) == gix(&pack, 4), "two different indexes");
    for threads in [1, 4] {
        let mut group = criterion.benchmark_group(format!("pack/index/{threads} threads"));
        group.throughput(Throughput::Bytes(pack.len() as u64)).sample_size(10);
        group.bench_function("gitwire", |bencher| bencher.iter(|| gitwire(black_box(&pack), threads)));
        group.bench_function("gix-pack", |bencher| bencher.iter(|| gix(black_box(&pack), threads)));
    }
}

/// A pack that is in memory already, as it is for the rival.
struct InPlace<'a> {
    pack: &'a [u8],
    len: u64,
}

impl ReadAt for InPlace<'_> {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<usize, StorageFailure> {
        self.pack.read_at(offset, out)
    }

    fn size(&self) -> u64 {
        self.len
    }

    fn in_memory(&self) -> Option<&[u8]> {
        Some(self.pack)
    }
}

impl Spool for InPlace<'_> {
    fn append(&mut self, bytes: &[u8]) -> Result<(), StorageFailure> {
        self.len += bytes.len() as u64;
        Ok(())
    }

    fn write_at(&mut self, _: u64, _: &[u8]) -> Result<(), StorageFailure> {
        Err("not written".into())
    }
}

fn gitwire(pack: &[u8], threads: usize) -> Vec<u8> {
    let options = IndexerOptions::new(ObjectFormat::Sha1).threads(threads);
    let mut indexer = Indexer::new(InPlace { pack, len: 0 }, options);
    for piece in pack.chunks(64 << 10) {
        indexer.write(piece, &Never).unwrap();
    }
    let indexed = indexer.finish(&Resolve::default(), &Never).unwrap();
    let mut index = Vec::new();
    let sink = |piece: &[u8]| {
        index.extend_from_slice(piece);
        Ok(())
    };
    indexed.write_index(Default::default(), sink).unwrap();
    index
}

fn gix(pack: &[u8], threads: usize) -> Vec<u8> {
    let input = BufReader::with_capacity(64 << 10, pack);
    let mut entries =
        BytesToEntriesIter::new_from_header(input, Mode::Verify, EntryDataMode::Crc32, gix_hash::Kind::Sha1)
            .unwrap();
    let resolver =
        || Ok((gix_entry as fn(gix_pack::data::EntryRange, &Vec<u8>) -> Option<&[u8]>, pack.to_vec()));
    let mut index = Vec::new();
    gix_pack::index::write_data_iter_to_stream(
        gix_pack::index::Version::default(),
        resolver,
        &mut entries,
        Some(threads),
        &mut gix_utils::progress::Discard,
        &mut index,
        &AtomicBool::new(false),
        gix_hash::Kind::Sha1,
        None,
        gix_pack::data::Version::V2,
    )
    .unwrap();
    index
}

fn gix_entry(range: gix_pack::data::EntryRange, pack: &Vec<u8>) -> Option<&[u8]> {
    pack.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
}

criterion_group!(benches, index);
criterion_main!(benches);
