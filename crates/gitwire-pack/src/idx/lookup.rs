//! From ids and prefixes of ids to positions.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use std::cmp::Ordering;
use std::ops::Range;

use gitwire_types::ObjectId;

use crate::bytes::read_exact_at;
use crate::idx::{Index, place};
use crate::{PackError, ReadAt};

impl<R: ReadAt> Index<R> {
    /// The position of an object; `None` if it is not there.
    ///
    /// # Errors
    /// [`PackError::Storage`]; [`PackError::Misuse`] for an id of another hash function.
    pub fn lookup(&self, id: &ObjectId) -> Result<Option<u32>, PackError> {
        if id.format() != self.format() {
            return Err(PackError::Misuse("id of another hash function"));
        }
        if let Some(all) = self.data.in_memory() {
            return Ok(self.find(all, id.as_bytes()));
        }
        let found = self.search(id.as_bytes(), |candidate| candidate.cmp(id.as_bytes()))?;
        Ok((!found.is_empty()).then_some(found.start))
    }

    /// The same in an index that is in memory. Ids are spread evenly, so where one stands can be guessed from its first bytes: three or four looks
    /// where halving takes a dozen. Ids that somebody has chosen to be uneven are searched by halves after a few guesses.
    fn find(&self, all: &[u8], id: &[u8]) -> Option<u32> {
        let Range { start: mut low, end: mut high } = self.fanout_range(id.first().copied()?);
        let key = key_of(id);
        // What the ids of the range can be, the ends included.
        let (mut low_key, mut high_key) = (key & !KEY_BITS, key | KEY_BITS);
        let mut guesses = GUESSES_MAX;
        while low < high {
            let middle = match guesses.checked_sub(1) {
                Some(left) => {
                    guesses = left;
                    let before =
                        key.saturating_sub(low_key).saturating_mul(u64::from(high.saturating_sub(low)));
                    let before = before.checked_div(high_key.saturating_sub(low_key).saturating_add(1))?;
                    low.saturating_add(u32::try_from(before).ok()?).min(high.saturating_sub(1))
                }
                None => low.midpoint(high),
            };
            let at = usize::try_from(place(self.layout.ids, self.layout.id_stride, middle)).ok()?;
            let candidate = all.get(at..)?.get(..id.len())?;
            let candidate_key = key_of(candidate);
            match candidate_key.cmp(&key).then_with(|| candidate.cmp(id)) {
                Ordering::Less => (low, low_key) = (middle.saturating_add(1), candidate_key.max(low_key)),
                Ordering::Equal => return Some(middle),
                Ordering::Greater => (high, high_key) = (middle, candidate_key.min(high_key)),
            }
        }
        None
    }

    /// The positions of all objects whose ids start with the first `digits` hexadecimal digits of `prefix`: empty for none,
    /// one long where the prefix is enough to name an object.
    ///
    /// # Errors
    /// [`PackError::Storage`]; [`PackError::Misuse`] for an id of another hash function.
    pub fn lookup_prefix(&self, prefix: &ObjectId, digits: usize) -> Result<Range<u32>, PackError> {
        if prefix.format() != self.format() {
            return Err(PackError::Misuse("id of another hash function"));
        }
        if digits < 2 {
            let first = prefix.as_bytes().first().copied().unwrap_or(0);
            let (low, high) = if digits == 0 { (0, u8::MAX) } else { (first & 0xf0, first | 0x0f) };
            return Ok(self.fanout_range(low).start..self.fanout_range(high).end);
        }
        let digits = digits.min(self.format().hex_len());
        let start = self.search(prefix.as_bytes(), |candidate| {
            compare_prefix(candidate, prefix.as_bytes(), digits).then(Ordering::Greater)
        })?;
        let end = self.search(prefix.as_bytes(), |candidate| {
            compare_prefix(candidate, prefix.as_bytes(), digits).then(Ordering::Less)
        })?;
        Ok(start.start..end.start)
    }

    /// Searches among the ids that share their first byte with `id`. One long where `compare` says equal, else empty at the
    /// place where it would belong.
    fn search(&self, id: &[u8], compare: impl Fn(&[u8]) -> Ordering) -> Result<Range<u32>, PackError> {
        let mut range = self.fanout_range(id.first().copied().unwrap_or(0));
        let mut room = [0; 32];
        let raw_len = self.format().raw_len();
        while range.start < range.end {
            let middle = range.start.midpoint(range.end);
            let at = place(self.layout.ids, self.layout.id_stride, middle);
            let held =
                self.data.in_memory().and_then(|all| all.get(usize::try_from(at).ok()?..)?.get(..raw_len));
            let candidate = match held {
                Some(held) => held,
                None => {
                    let raw = room.get_mut(..raw_len).unwrap_or_default();
                    read_exact_at(&self.data, at, raw)?;
                    raw
                }
            };
            match compare(candidate) {
                Ordering::Less => range.start = middle.saturating_add(1),
                Ordering::Equal => return Ok(middle..middle.saturating_add(1)),
                Ordering::Greater => range.end = middle,
            }
        }
        Ok(range)
    }
}

/// The first five bytes of an id as a number: the first of them is the same within a range of the fanout table.
fn key_of(id: &[u8]) -> u64 {
    match id.first_chunk::<8>() {
        Some(front) => u64::from_be_bytes(*front) >> 24,
        None => 0,
    }
}

/// The part of a key that differs within a range of the fanout table.
const KEY_BITS: u64 = 0xffff_ffff;
/// Looks by guesses, before halving.
const GUESSES_MAX: u32 = 6;

/// Compares the first `digits` hexadecimal digits.
fn compare_prefix(id: &[u8], prefix: &[u8], digits: usize) -> Ordering {
    let whole = digits / 2;
    let bytes = id.iter().take(whole).cmp(prefix.iter().take(whole));
    if digits.is_multiple_of(2) {
        return bytes;
    }
    let digit = |bytes: &[u8]| bytes.get(whole).map(|byte| byte >> 4);
    bytes.then_with(|| digit(id).cmp(&digit(prefix)))
}
