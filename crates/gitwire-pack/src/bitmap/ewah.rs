//! Compressed bitmaps: runs of equal words, and words as they are (`gitformat-bitmap`, *EWAH*).

use super::bits::Bits;
use crate::bytes::be32;

/// A compressed bitmap.
#[derive(Debug)]
pub(super) struct Ewah<'a> {
    words: &'a [[u8; 8]],
}

impl<'a> Ewah<'a> {
    /// From its length in bits, its count of words, the words, and the place of the last run, which is of no use here.
    pub(super) fn new(data: &'a [u8]) -> Option<Self> {
        let count = be32(data.get(4..8)?) as usize;
        let (words, []) = data.get(8..8_usize.checked_add(count.checked_mul(8)?)?)?.as_chunks::<8>() else {
            return None;
        };
        Some(Self { words })
    }

    /// Adds what it holds to `bits`; `None` where it holds more or is broken.
    pub(super) fn or_into(&self, bits: &mut Bits) -> Option<()> {
        self.apply(bits, |word, given| *word |= given)
    }

    /// Changes those bits that it holds; `None` where it holds more or is broken.
    pub(super) fn xor_into(&self, bits: &mut Bits) -> Option<()> {
        self.apply(bits, |word, given| *word ^= given)
    }

    fn apply(&self, bits: &mut Bits, change: impl Fn(&mut u64, u64)) -> Option<()> {
        let beyond = bits.len() % 64;
        let mut rest = bits.words_mut();
        let mut left = self.words;
        while let Some((marker, after)) = left.split_first() {
            let marker = u64::from_be_bytes(*marker);
            // From the lowest bit: the value of the run, its length in 32 bits, and the count of words that follow in 31.
            let run = usize::try_from(marker >> 1 & 0xffff_ffff).ok()?;
            let plain = usize::try_from(marker >> 33).ok()?;
            if marker & 1 == 1 {
                let (filled, others) = rest.split_at_mut_checked(run)?;
                filled.iter_mut().for_each(|word| change(word, !0));
                rest = others;
            } else {
                // Nothing at the end may be written out all the same.
                rest = rest.get_mut(run.min(rest.len())..)?;
            }
            let (words, after) = after.split_at_checked(plain)?;
            let used = words.len().min(rest.len());
            let (known, excess) = words.split_at_checked(used)?;
            if excess.iter().any(|word| *word != [0; 8]) {
                return None;
            }
            let (changed, others) = rest.split_at_mut_checked(used)?;
            for (word, given) in changed.iter_mut().zip(known) {
                change(word, u64::from_be_bytes(*given));
            }
            (rest, left) = (others, after);
        }
        // Bits behind the last position must stay clear.
        let last = bits.words_mut().last().copied().unwrap_or(0);
        (beyond == 0 || last >> beyond == 0).then_some(())
    }
}
