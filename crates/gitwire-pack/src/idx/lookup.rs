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
        let found = self.search(id.as_bytes(), |candidate| candidate.cmp(id.as_bytes()))?;
        Ok((!found.is_empty()).then_some(found.start))
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
