//! Indexes a pack file: `index PACK [THREADS [MEMORY-MIB]]` writes `PACK.idx` and `PACK.rev` into the current folder.
#![allow(clippy::print_stdout, reason = "a program")]

use std::error::Error;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::time::Instant;

use gitwire_pack::{Indexer, IndexerOptions, ReadAt, Resolve, Spool, StorageFailure};
use gitwire_types::{Never, ObjectFormat};

/// A pack that is on disk already: what arrives is compared by nobody, and read again from there.
struct InPlace {
    file: File,
    size: u64,
}

impl ReadAt for InPlace {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<usize, StorageFailure> {
        let mut filled = 0;
        while filled < out.len() {
            match self.file.read_at(&mut out[filled..], offset + filled as u64)? {
                0 => break,
                count => filled += count,
            }
        }
        Ok(filled)
    }

    fn size(&self) -> u64 {
        self.size
    }
}

impl Spool for InPlace {
    fn append(&mut self, bytes: &[u8]) -> Result<(), StorageFailure> {
        self.size += bytes.len() as u64;
        Ok(())
    }

    fn write_at(&mut self, _: u64, _: &[u8]) -> Result<(), StorageFailure> {
        Err("the pack is left as it is".into())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: index PACK [THREADS [MEMORY-MIB]]")?;
    let threads = arguments.next().map_or(Ok(4), |text| text.parse())?;
    let memory: usize = arguments.next().map_or(Ok(96), |text| text.parse())?;

    let started = Instant::now();
    let mut pack = File::open(&path)?;
    let spool = InPlace { file: pack.try_clone()?, size: 0 };
    let options = IndexerOptions::new(ObjectFormat::Sha1).threads(threads).memory(memory << 20);
    let mut indexer = Indexer::new(spool, options);
    let mut room = vec![0; 256 << 10];
    loop {
        match pack.read(&mut room)? {
            0 => break,
            count => indexer.write(&room[..count], &Never)?,
        }
    }
    indexer.flush(&Never)?;
    let scanned = started.elapsed();
    let indexed = indexer.finish(&Resolve::default(), &Never)?;
    let named = started.elapsed();
    let mut index = File::create("PACK.idx")?;
    indexed.write_index(Default::default(), |piece| Ok(index.write_all(piece)?))?;
    let mut reverse = File::create("PACK.rev")?;
    indexed.write_reverse_index(|piece| Ok(reverse.write_all(piece)?))?;
    println!("{} {:?}", indexed.checksum(), indexed.statistics());
    println!("scanned after {scanned:?}, named after {named:?}, done after {:?}", started.elapsed());
    Ok(())
}
