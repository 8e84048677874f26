//! The blocks of a base, found by their hash.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use crate::make::{self, Made};

/// An index over the blocks of one base, from which deltas to any number of targets can be made.
///
/// It keeps the base, borrowed or owned (`&[u8]`, `Vec<u8>`, `Arc<[u8]>`, `Bytes`), so that a window of candidates can hold
/// indexes alone. Only the first 4 GiB of a base are used: a copy reaches no further.
///
/// ```
/// use gitwire_delta::{DeltaIndex, Made};
///
/// let base: Vec<u8> = (0..4000_u32).flat_map(|n| (n * n).to_le_bytes()).collect();
/// let index = DeltaIndex::new(base.clone());
/// let mut delta = Vec::new();
/// assert_eq!(index.make(&base[8000..], 100, &mut delta), Made::Delta);
/// assert_eq!(index.make(b"nothing in common with the base", 20, &mut delta), Made::Declined);
/// assert!(index.memory() < 2 * base.len());
/// ```
pub struct DeltaIndex<B> {
    base: B,
    table: Table,
}

impl<B: AsRef<[u8]>> DeltaIndex<B> {
    /// Indexes `base`.
    #[must_use]
    pub fn new(base: B) -> Self {
        let table = Table::new(base.as_ref());
        Self { base, table }
    }

    /// Writes a delta that makes `target` of the base into `out`, which is cleared first, if one of at most `max_size` bytes
    /// is found. Gives up as soon as it must be longer; `out` then holds nothing of use.
    ///
    /// Deltas shorter than four bytes, which only an empty target can have, are declined: git refuses to read them.
    pub fn make(&self, target: &[u8], max_size: usize, out: &mut Vec<u8>) -> Made {
        make::make(self.base.as_ref(), &self.table, target, max_size, out)
    }

    /// The base.
    pub fn base(&self) -> &[u8] {
        self.base.as_ref()
    }

    /// The base as it was given.
    pub fn into_base(self) -> B {
        self.base
    }

    /// The memory that the index holds besides the base, in bytes.
    pub fn memory(&self) -> usize {
        size_of_val(&*self.table.starts) + size_of_val(&*self.table.entries)
    }
}

impl<B: AsRef<[u8]>> fmt::Debug for DeltaIndex<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeltaIndex")
            .field("base", &self.base.as_ref().len())
            .field("blocks", &self.table.entries.len())
            .finish()
    }
}

/// Every block of the base, sorted by bucket: those of bucket `b` are `entries[starts[b]..starts[b + 1]]`, in the order of
/// the base. Two flat arrays: a lookup touches one cache line of each.
pub(crate) struct Table {
    starts: Box<[u32]>,
    entries: Box<[Entry]>,
    /// A hash is shifted right by this to give its bucket.
    shift: u32,
}

/// A block: its whole hash, so that most chance meetings end without a look at the base, and where it starts.
#[derive(Clone, Copy, Default)]
pub(crate) struct Entry {
    pub(crate) hash: u32,
    pub(crate) offset: u32,
}

/// The length of an indexed block, and the distance between them: a common stretch of 31 bytes is always found.
pub(crate) const BLOCK: usize = 16;

/// Blocks with equal hashes that are kept at most, evenly spread over the base: the time for a lookup is bounded, whatever
/// the base repeats.
const BUCKET_MAX: u32 = 64;

impl Table {
    fn new(base: &[u8]) -> Self {
        let base = base.get(..u32::MAX as usize).unwrap_or(base);
        let hashes = block_hashes(base);
        let bits = hashes.len().next_power_of_two().trailing_zeros().clamp(4, 28);
        let shift = 32 - bits;

        let mut counts = vec![0_u32; 1 << bits];
        for &(hash, _) in &hashes {
            counts[(hash >> shift) as usize] += 1;
        }
        let mut starts = Vec::with_capacity(counts.len() + 1);
        let mut sum = 0;
        starts.push(0);
        starts.extend(counts.iter().map(|count| {
            sum += count.min(&BUCKET_MAX);
            sum
        }));
        let mut entries = vec![Entry::default(); sum as usize];
        let mut seen = vec![0_u32; counts.len()];
        for &(hash, offset) in &hashes {
            let bucket = (hash >> shift) as usize;
            let nth = u64::from(seen[bucket]);
            seen[bucket] += 1;
            let (kept, all) = (u64::from(counts[bucket].min(BUCKET_MAX)), u64::from(counts[bucket]));
            // The n-th of all goes where its share of the kept ones begins; the last to come there stays.
            let place = nth * kept / all;
            entries[starts[bucket] as usize + usize::try_from(place).unwrap_or(0)] = Entry { hash, offset };
        }
        Self { starts: starts.into(), entries: entries.into(), shift }
    }

    /// The blocks that may have this hash, and some that have not.
    #[inline(always)]
    pub(crate) fn bucket(&self, hash: u32) -> &[Entry] {
        let bucket = (hash >> self.shift) as usize;
        match self.starts.get(bucket..bucket + 2) {
            Some(&[start, end]) => self.entries.get(start as usize..end as usize).unwrap_or_default(),
            _ => &[],
        }
    }
}

/// Hash and offset of each block of the base. Of equal neighbours only the first stays: a match that starts there is the
/// longest of theirs.
fn block_hashes(base: &[u8]) -> Vec<(u32, u32)> {
    let (blocks, _) = base.as_chunks::<BLOCK>();
    let mut hashes = Vec::with_capacity(blocks.len());
    let mut previous = None;
    for (offset, block) in (0_u32..).step_by(BLOCK).zip(blocks) {
        if previous != Some(block) {
            hashes.push((block_hash(block), offset));
        }
        previous = Some(block);
    }
    hashes
}

/// A hash whose high bits depend on every bit of the block. It need not withstand an attacker: buckets are bounded.
#[inline(always)]
pub(crate) fn block_hash(block: &[u8; BLOCK]) -> u32 {
    let (halves, _) = block.as_chunks::<8>();
    let (low, high) = (u64::from_le_bytes(halves[0]), u64::from_le_bytes(halves[1]));
    let mixed = (low.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ high).wrapping_mul(0xd6e8_feb8_6659_fd93);
    (mixed >> 32) as u32
}
