//! Makes every delta of a pack again, from the same base and target: `delta_ratio PACK` prints the sums and the pace.
//!
//! Holds the inflated entries of the whole pack in memory. Deltas against ids, which git writes into thin packs alone, are
//! passed over with all that stands on them.
#![allow(clippy::print_stdout, clippy::cast_precision_loss, reason = "a program")]

use std::collections::HashMap;
use std::error::Error;
use std::rc::Rc;
use std::time::{Duration, Instant};

use gitwire_delta::{DeltaIndex, apply};
use gitwire_pack::{EntryKind, Limits, PackDecoder, PackItem};
use gitwire_types::ObjectFormat;

/// Whole objects by offset, and deltas by the offset of their base.
#[derive(Default)]
struct Entries {
    whole: Vec<(u64, Vec<u8>)>,
    deltas: HashMap<u64, Vec<(u64, Vec<u8>)>>,
}

#[derive(Default)]
struct Sums {
    count: u64,
    theirs: usize,
    ours: usize,
    targets: usize,
    bases: usize,
    indexing: Duration,
    making: Duration,
    applying: Duration,
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: delta_ratio PACK")?;
    let Entries { whole, mut deltas } = read(&std::fs::read(path)?)?;
    let mut sums = Sums::default();
    for (offset, data) in whole {
        let mut waiting = vec![(offset, Rc::new(data))];
        while let Some((offset, base)) = waiting.pop() {
            if let Some(deltas) = deltas.remove(&offset) {
                let start = Instant::now();
                let index = DeltaIndex::new(&base[..]);
                sums.indexing += start.elapsed();
                sums.bases += base.len();
                for (offset, delta) in deltas {
                    waiting.push((offset, Rc::new(again(&index, &delta, &mut sums)?)));
                }
            }
        }
    }
    let pace = |bytes: usize, time: Duration| bytes as f64 / time.as_secs_f64() / 1e6;
    println!("{} deltas: git {} bytes, ours {}", sums.count, sums.theirs, sums.ours);
    println!("ratio {:.4}", sums.ours as f64 / sums.theirs as f64);
    println!("index {:.0} MB/s of base", pace(sums.bases, sums.indexing));
    println!("make {:.0} MB/s of target", pace(sums.targets, sums.making));
    println!("apply {:.0} MB/s of target", pace(sums.targets, sums.applying));
    Ok(())
}

/// The target of a delta, which is made again and counted.
fn again(index: &DeltaIndex<&[u8]>, delta: &[u8], sums: &mut Sums) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut target = Vec::new();
    let start = Instant::now();
    apply(index.base(), delta, u64::MAX, &mut target)?;
    sums.applying += start.elapsed();

    let mut made = Vec::new();
    let start = Instant::now();
    let _made = index.make(&target, usize::MAX, &mut made);
    sums.making += start.elapsed();

    let mut result = Vec::new();
    apply(index.base(), &made, u64::MAX, &mut result)?;
    if result != target {
        return Err("a delta of ours makes another target".into());
    }
    sums.count += 1;
    sums.theirs += delta.len();
    sums.ours += made.len();
    sums.targets += target.len();
    Ok(target)
}

fn read(pack: &[u8]) -> Result<Entries, Box<dyn Error>> {
    let mut decoder = PackDecoder::new(ObjectFormat::Sha1, Limits::default());
    let mut entries = Entries::default();
    let (mut input, mut current) = (pack, None);
    loop {
        let (consumed, item) = decoder.decode(input)?;
        input = &input[consumed..];
        match item {
            PackItem::Entry { offset, header } => {
                entries.keep(current.take());
                current = Some((offset, header.kind, Vec::new()));
            }
            PackItem::Data(data) => {
                if let Some((_, _, all)) = &mut current {
                    all.extend_from_slice(data);
                }
            }
            PackItem::End { .. } => break,
            PackItem::NeedInput => return Err("the pack ends early".into()),
            _ => {}
        }
    }
    entries.keep(current);
    Ok(entries)
}

impl Entries {
    fn keep(&mut self, entry: Option<(u64, EntryKind, Vec<u8>)>) {
        match entry {
            Some((offset, EntryKind::Whole(_), data)) => self.whole.push((offset, data)),
            Some((offset, EntryKind::OffsetDelta { distance }, data)) => {
                self.deltas.entry(offset - distance).or_default().push((offset, data));
            }
            _ => {}
        }
    }
}
