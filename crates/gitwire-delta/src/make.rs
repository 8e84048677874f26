//! The search for what a target shares with a base.

use alloc::vec::Vec;

use crate::header::write_size;
use crate::index::{BLOCK, Table, block_hash};

/// What came of an attempt to make a delta.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Made {
    /// There is one, within the size asked for.
    Delta,
    /// There is none within the size asked for.
    Declined,
}

/// A common stretch: `len` bytes at `base` of the base and `target` of the target.
#[derive(Clone, Copy, Default)]
struct Match {
    base: usize,
    target: usize,
    len: usize,
}

pub(crate) fn make(base: &[u8], table: &Table, target: &[u8], max_size: usize, out: &mut Vec<u8>) -> Made {
    out.clear();
    write_size(base.len() as u64, out);
    write_size(target.len() as u64, out);
    let base = base.get(..u32::MAX as usize).unwrap_or(base);
    let mut search = Search { base, table, target, max_size, literal: 0, at: 0, diagonal: 0, out };
    search.prefix();
    while let Some(found) = search.next_match() {
        if !search.take(found) {
            return Made::Declined;
        }
    }
    if target.len() - search.literal > max_size.saturating_sub(search.out.len()) {
        return Made::Declined;
    }
    search.literals(target.len());
    if out.len() > max_size || out.len() < GIT_MIN { Made::Declined } else { Made::Delta }
}

/// One pass over a target.
struct Search<'a> {
    base: &'a [u8],
    table: &'a Table,
    target: &'a [u8],
    max_size: usize,
    /// Bytes of the target before this are in `out`.
    literal: usize,
    /// Where the search is.
    at: usize,
    /// Base offset less target offset of the last match: an edit in place goes on at the same distance.
    diagonal: isize,
    out: &'a mut Vec<u8>,
}

impl Search<'_> {
    /// What stands at the start of both, without a lookup.
    fn prefix(&mut self) {
        let len = common_prefix(self.base, self.target);
        if len >= BLOCK {
            let _fits = self.take(Match { base: 0, target: 0, len });
        }
    }

    /// The next common stretch worth a copy. `None` at the end of the target, or when too much has gone by without one.
    fn next_match(&mut self) -> Option<Match> {
        // Each literal byte costs a byte, so this is where even the best rest comes too late. A stretch may be met up to a
        // block behind its start.
        let room = self.max_size.saturating_sub(self.out.len());
        let end = self.target.len().min(self.literal.saturating_add(room).saturating_add(2 * BLOCK));
        while let Some(block) = self.target.get(self.at..end).and_then(|rest| rest.first_chunk::<BLOCK>()) {
            let mut best = self.on_diagonal();
            let hash = block_hash(block);
            for entry in self.table.bucket(hash) {
                if entry.hash == hash {
                    let found = self.extend(entry.offset as usize);
                    if found.len > best.len && found.len >= MATCH_MIN {
                        best = found;
                    }
                    if best.len >= MATCH_ENOUGH {
                        break;
                    }
                }
            }
            if best.len > 0 {
                return Some(best);
            }
            self.at += 1;
        }
        None
    }

    /// The stretch here at the distance of the last match, if it is long enough to pay.
    #[inline(always)]
    fn on_diagonal(&self) -> Match {
        let base = self.at.wrapping_add_signed(self.diagonal);
        let here = self.target.get(self.at..).and_then(|rest| rest.first_chunk::<8>());
        let there = self.base.get(base..).and_then(|rest| rest.first_chunk::<8>());
        if here.is_some() && here == there { self.extend(base) } else { Match::default() }
    }

    /// How far base and target agree around `base` and where the search is; backwards over literals only.
    #[inline(always)]
    fn extend(&self, base: usize) -> Match {
        let forward = match (self.base.get(base..), self.target.get(self.at..)) {
            (Some(there), Some(here)) => common_prefix(there, here),
            _ => 0,
        };
        let backward = match (self.base.get(..base), self.target.get(self.literal..self.at)) {
            (Some(there), Some(here)) => common_suffix(there, here),
            _ => 0,
        };
        Match { base: base - backward, target: self.at - backward, len: backward + forward }
    }

    /// Writes the literals before a stretch and the copies for it. False when that was too much.
    fn take(&mut self, found: Match) -> bool {
        if found.target - self.literal > self.max_size.saturating_sub(self.out.len()) {
            return false;
        }
        self.literals(found.target);
        let mut from = found.base;
        let end = found.base + found.len;
        while from < end {
            let len = (end - from).min(COPY_MAX);
            self.copy(from, len);
            from += len;
        }
        self.at = found.target + found.len;
        self.literal = self.at;
        self.diagonal = found.base.wrapping_sub(found.target).cast_signed();
        self.out.len() <= self.max_size
    }

    /// Writes the target's bytes up to `end` as insertions.
    fn literals(&mut self, end: usize) {
        let data = self.target.get(self.literal..end).unwrap_or_default();
        for piece in data.chunks(INSERT_MAX) {
            self.out.push(piece.len().to_le_bytes()[0]);
            self.out.extend_from_slice(piece);
        }
        self.literal = end;
    }

    /// Writes one copy: the opcode's bits say which bytes of offset and length are not zero.
    fn copy(&mut self, offset: usize, len: usize) {
        let [a, b, c, d, ..] = (offset as u64).to_le_bytes();
        let [e, f, g, ..] = (if len == COPY_MAX { 0 } else { len as u64 }).to_le_bytes();
        let opcode = self.out.len();
        self.out.push(0x80);
        for (bit, byte) in [a, b, c, d, e, f, g].into_iter().enumerate() {
            if byte != 0 {
                self.out[opcode] |= 1 << bit;
                self.out.push(byte);
            }
        }
    }
}

/// The number of bytes that two slices have in common from their starts.
#[inline(always)]
fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let len = a.len().min(b.len());
    let (a, b) = (&a[..len], &b[..len]);
    let (words_a, rest_a) = a.as_chunks::<8>();
    let (words_b, rest_b) = b.as_chunks::<8>();
    for (nth, (word_a, word_b)) in words_a.iter().zip(words_b).enumerate() {
        let differing = u64::from_le_bytes(*word_a) ^ u64::from_le_bytes(*word_b);
        if differing != 0 {
            return nth * 8 + (differing.trailing_zeros() / 8) as usize;
        }
    }
    let equal = rest_a.iter().zip(rest_b).take_while(|(a, b)| a == b).count();
    words_a.len() * 8 + equal
}

/// The number of bytes that two slices have in common at their ends.
#[inline(always)]
fn common_suffix(a: &[u8], b: &[u8]) -> usize {
    let len = a.len().min(b.len());
    let (a, b) = (&a[a.len() - len..], &b[b.len() - len..]);
    let (rest_a, words_a) = a.as_rchunks::<8>();
    let (rest_b, words_b) = b.as_rchunks::<8>();
    for (nth, (word_a, word_b)) in words_a.iter().rev().zip(words_b.iter().rev()).enumerate() {
        let differing = u64::from_le_bytes(*word_a) ^ u64::from_le_bytes(*word_b);
        if differing != 0 {
            return nth * 8 + (differing.leading_zeros() / 8) as usize;
        }
    }
    let equal = rest_a.iter().rev().zip(rest_b.iter().rev()).take_while(|(a, b)| a == b).count();
    words_a.len() * 8 + equal
}

/// The longest insertion that an opcode can say.
const INSERT_MAX: usize = 127;

/// The longest copy written. The format has three bytes for it, but readers of old know two (`gitformat-pack`), and one more
/// copy per 64 KiB is nothing.
const COPY_MAX: usize = 0x1_0000;

/// The shortest stretch worth a copy, whose opcode and operands take up to eight bytes, mostly four or five.
const MATCH_MIN: usize = 8;

/// A stretch so long that to look for a longer one does not pay.
const MATCH_ENOUGH: usize = 4096;

/// git refuses to read a shorter delta.
const GIT_MIN: usize = 4;
