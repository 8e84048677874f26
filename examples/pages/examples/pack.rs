//! Shows every object of a pack, whether it has an index or not.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program talks to who runs it, and reads files"
)]

use std::sync::Arc;

use gitwire_pack::{BaseCache, Index, Indexer, IndexerOptions, Limits, MemorySpool, Pack, Resolve};
use gitwire_types::{Never, ObjectFormat};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let name = std::env::args_os().nth(1).ok_or("usage: pack FILE.pack")?;
    let threads = std::thread::available_parallelism()?.get();
    let options = IndexerOptions::new(ObjectFormat::Sha1).threads(threads);
    let mut indexer = Indexer::new(MemorySpool::new(), options);
    for piece in std::fs::read(name)?.chunks(64 << 10) {
        indexer.write(piece, &Never)?;
    }
    let indexed = indexer.finish(&Resolve::default(), &Never)?;
    let mut index = Vec::new();
    indexed.write_index(Default::default(), |piece| {
        index.extend_from_slice(piece);
        Ok(())
    })?;
    let statistics = indexed.statistics();

    let limits = Limits::default();
    let index = Index::open(index, ObjectFormat::Sha1, &limits)?;
    let ids = index.iter().map(|entry| entry.map(|entry| entry.id)).collect::<Result<Vec<_>, _>>()?;
    let pack = Pack::open(indexed.into_spool(), index, Arc::new(BaseCache::new(16 << 20)), limits)?;
    for id in ids {
        let (kind, size) = pack.info(&id)?.ok_or("an object of the index is in the pack")?;
        println!("{id} {:<6} {size}", kind.name());
    }
    println!(
        "{} objects in {} bytes, {} bytes unpacked, longest chain of deltas {}",
        statistics.objects, statistics.pack_bytes, statistics.object_bytes, statistics.depth_max
    );
    Ok(())
}
