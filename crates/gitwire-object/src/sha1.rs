//! SHA-1 with detection of collision attacks, several messages at once.

#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "what is counted here are steps, words and lanes; the lengths of messages are dealt with elsewhere"
)]

mod attack;
mod lanes;
mod message;
mod suspects;

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use fearless_simd::{Avx2, Avx512, Level, Simd as _};

pub(crate) use self::lanes::{Block, LANES_MAX, Lane};
pub(crate) use self::message::Message;
pub(crate) use self::suspects::Suspects;

/// What this processor has.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Engine {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    Sixteen(Avx512),
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    Eight(Avx2),
}

impl Engine {
    pub(crate) fn detect() -> Option<Self> {
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        {
            let level = Level::new();
            level.as_avx512().map(Self::Sixteen).or_else(|| level.as_avx2().map(Self::Eight))
        }
        #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
        None
    }

    pub(crate) fn lanes(self) -> usize {
        match self {
            Self::Sixteen(_) => 16,
            Self::Eight(_) => 8,
        }
    }

    pub(crate) fn compress(
        self,
        state: &mut [Lane; 5],
        inputs: &[&[Block]; LANES_MAX],
        count: usize,
        suspects: &mut Suspects,
    ) {
        match self {
            Self::Sixteen(simd) => simd.vectorize(
                #[inline(always)]
                || lanes::compress(simd, state, inputs, count, suspects),
            ),
            Self::Eight(simd) => simd.vectorize(
                #[inline(always)]
                || lanes::compress(simd, state, inputs, count, suspects),
            ),
        }
    }

    #[cfg(test)]
    pub(crate) fn conditions(self, words: &[Lane; 80]) -> Lane {
        match self {
            Self::Sixteen(simd) => simd.vectorize(|| lanes::masks(simd, words)),
            Self::Eight(simd) => simd.vectorize(|| lanes::masks(simd, words)),
        }
    }

    /// Clears all suspects that are left.
    pub(crate) fn clear(self, suspects: &mut Suspects) {
        match self {
            Self::Sixteen(simd) => lanes::clear(simd, suspects, 1),
            Self::Eight(simd) => lanes::clear(simd, suspects, 1),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
