//! A set of numbers below a bound, a bit each.

use std::fmt;

/// A set of positions in a pack, a bit each.
#[derive(Clone, PartialEq, Eq)]
pub struct Bits {
    words: Vec<u64>,
    len: u32,
}

impl Bits {
    /// None of `len` positions.
    #[must_use]
    pub fn new(len: u32) -> Self {
        Self { words: vec![0; len.div_ceil(64) as usize], len }
    }

    /// How many positions there are.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether no position is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// How many are in it.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.words.iter().fold(0, |sum, word| sum.saturating_add(word.count_ones()))
    }

    /// Whether `at` is in it.
    #[must_use]
    pub fn has(&self, at: u32) -> bool {
        let word = self.words.get((at / 64) as usize).copied().unwrap_or(0);
        at < self.len && word >> (at % 64) & 1 == 1
    }

    /// Adds `at`; what is no position is left out.
    pub fn insert(&mut self, at: u32) {
        if at < self.len
            && let Some(word) = self.words.get_mut((at / 64) as usize)
        {
            *word |= 1 << (at % 64);
        }
    }

    /// Takes `at` out.
    pub fn take_out(&mut self, at: u32) {
        if let Some(word) = self.words.get_mut((at / 64) as usize) {
            *word &= !(1 << (at % 64));
        }
    }

    /// The smallest position in it that is not below `from`.
    #[must_use]
    pub fn next(&self, from: u32) -> Option<u32> {
        let first = (from / 64) as usize;
        let mut mask = !0 << (from % 64);
        for (number, word) in (from / 64..).zip(self.words.get(first..)?) {
            let left = word & mask;
            if left != 0 {
                return Some(number.saturating_mul(64).saturating_add(left.trailing_zeros()));
            }
            mask = !0;
        }
        None
    }

    /// Keeps only what is in `other` too, of as many positions.
    pub fn keep(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= other;
        }
    }

    /// Adds all that are in `other`, of as many positions.
    pub fn add(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word |= other;
        }
    }

    /// Takes out all that are in `other`, of as many positions.
    pub fn remove(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= !other;
        }
    }

    /// The positions that are in it, from the smallest to the largest.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        (0_u32..).zip(&self.words).flat_map(|(number, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros())?;
                left &= left.wrapping_sub(1);
                Some(number.saturating_mul(64).saturating_add(bit))
            })
        })
    }

    /// The words, the lowest positions first.
    pub(super) fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }
}

impl fmt::Debug for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bits").field("count", &self.count()).field("len", &self.len).finish()
    }
}
