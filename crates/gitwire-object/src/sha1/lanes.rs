//! SHA-1 of several messages at once, a message in each lane of the processor's vectors.

use std::ops::{Add, BitAnd, BitOr, BitXor, Not, Shl, Shr, Sub};

use fearless_simd::prelude::*;

use crate::sha1::attack::{EARLY, LATE, with_vectors};
use crate::sha1::suspects::{Suspect, Suspects};

/// The most lanes that a processor has.
pub(crate) const LANES_MAX: usize = 16;
/// A word of each lane.
pub(crate) type Lane = [u32; LANES_MAX];
/// What is hashed at once.
pub(crate) type Block = [u8; 64];

/// Hashes `count` blocks of each lane on top of `state`. What may be an attack is noted in `suspects`.
#[inline(always)]
pub(crate) fn compress<S: Simd>(
    simd: S,
    state: &mut [Lane; 5],
    inputs: &[&[Block]; LANES_MAX],
    count: usize,
    suspects: &mut Suspects,
) {
    let mut chain = load_all(simd, state);
    for nth in 0..count {
        let mut words = [S::u32s::splat(simd, 0); 80];
        let [early, late, last] = steps(&chain, &message(simd, inputs, nth), &mut words);
        add(&mut chain, &last);
        let met = conditions(&words, S::u32s::splat(simd, 0));
        if met.simd_ne(S::u32s::splat(simd, 0)).any_true() {
            let mut masks = [0; LANES_MAX];
            met.store_slice(&mut masks[..S::u32s::LEN]);
            let mut states = [[[0; LANES_MAX]; 5]; 3];
            for (place, from) in states.iter_mut().zip([&early, &late, &chain]) {
                store_all(from, place);
            }
            suspects.note(&masks, inputs, nth, &states);
            clear(simd, suspects, S::u32s::LEN);
        }
    }
    store_all(&chain, state);
}

/// Clears suspects, or finds them guilty, while at least `least` wait together.
#[inline(always)]
pub(crate) fn clear<S: Simd>(simd: S, suspects: &mut Suspects, least: usize) {
    let mut guilty = std::mem::take(&mut suspects.guilty);
    for (queue, meets) in suspects.queues() {
        while queue.len() >= least.max(1) {
            let some = queue.len().min(S::u32s::LEN);
            simd.vectorize(
                #[inline(always)]
                || prove(simd, &queue[queue.len() - some..], meets, &mut guilty),
            );
            queue.truncate(queue.len() - some);
        }
    }
    suspects.guilty = guilty;
}

/// Whether the other block that the vector speaks of has the same hash: then this is an attack.
#[inline(always)]
fn prove<S: Simd>(simd: S, some: &[Suspect], meets: usize, guilty: &mut Vec<u32>) {
    let mut words = [S::u32s::splat(simd, 0); 80];
    for (nth, word) in words[..16].iter_mut().enumerate() {
        *word = gather(simd, some, |suspect| suspect.other[nth]);
    }
    expand(&mut words);
    let mut first: [S::u32s; 5] = std::array::from_fn(
        #[inline(always)]
        |nth| gather(simd, some, |suspect| suspect.state[nth]),
    );
    let mut last = first;
    backward(&mut first, &words, meets);
    forward(&mut last, &words, meets, 80);
    add(&mut first, &last);
    let mut differs = S::u32s::splat(simd, 0);
    for (nth, word) in first.into_iter().enumerate() {
        differs |= word ^ gather(simd, some, |suspect| suspect.hash[nth]);
    }
    let mut lanes = [0; LANES_MAX];
    differs.store_slice(&mut lanes[..S::u32s::LEN]);
    guilty.extend(
        some.iter().zip(lanes).filter(|(_, differs)| *differs == 0).map(|(suspect, _)| suspect.owner),
    );
}

/// A word of each suspect.
#[inline(always)]
fn gather<S: Simd>(simd: S, some: &[Suspect], word: impl Fn(&Suspect) -> u32) -> S::u32s {
    let mut lane = [0; LANES_MAX];
    for (place, suspect) in lane.iter_mut().zip(some) {
        *place = word(suspect);
    }
    load(simd, &lane)
}

/// The words of one block of each lane.
#[inline(always)]
fn message<S: Simd>(simd: S, inputs: &[&[Block]; LANES_MAX], nth: usize) -> [S::u32s; 16] {
    let lanes = S::u32s::LEN;
    let mut words = [S::u32s::splat(simd, 0); 16];
    for part in 0..16 / lanes {
        let mut rows = [S::u32s::splat(simd, 0); LANES_MAX];
        for (row, input) in rows[..lanes].iter_mut().zip(inputs) {
            let bytes = &input[nth][part * lanes * 4..(part + 1) * lanes * 4];
            let word: S::u32s = S::u8s::from_slice(simd, bytes).bitcast();
            *row = (rotate(word, 8) & 0x00ff_00ff) | (rotate(word, 24) & 0xff00_ff00);
        }
        // Each round of zipping row n with row n + lanes / 2 turns the matrix by one bit of its index.
        let mut width = 1;
        while width < lanes {
            let before = rows;
            for at in 0..lanes / 2 {
                rows[2 * at] = before[at].zip_low(before[at + lanes / 2]);
                rows[2 * at + 1] = before[at].zip_high(before[at + lanes / 2]);
            }
            width *= 2;
        }
        words[part * lanes..(part + 1) * lanes].copy_from_slice(&rows[..lanes]);
    }
    words
}

macro_rules! each_step {
    ($step:ident => $body:block) => {
        each_step! { $step => $body
            0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39
            40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64 65 66 67 68 69 70 71 72 73 74 75
            76 77 78 79
        }
    };
    ($step:ident => $body:block $($number:literal)+) => {
        $({
            const $step: usize = $number;
            $body
        })+
    };
}

/// All steps, and the other 64 words that they take: the states before the early and the late step at which messages may meet, and
/// the last. Written out, so that words and state stay in registers.
#[inline(always)]
fn steps<V: Word>(state: &[V; 5], block: &[V; 16], words: &mut [V; 80]) -> [[V; 5]; 3] {
    let [mut a, mut b, mut c, mut d, mut e] = *state;
    let (mut early, mut late) = (*state, *state);
    each_step!(STEP => {
        match STEP {
            EARLY => early = [a, b, c, d, e],
            LATE => late = [a, b, c, d, e],
            _ => {}
        }
        let before = |count| words[(STEP + 80 - count) % 80];
        words[STEP] = match STEP {
            ..16 => block[STEP % 16],
            _ => rotate(before(3) ^ before(8) ^ before(14) ^ before(16), 1),
        };
        // What was made last comes last, so that steps overlap.
        let ready = e + (words[STEP] + CONSTANTS[STEP / 20]);
        let sum = (mix(STEP / 20, b, c, d) + ready) + rotate(a, 5);
        (a, b, c, d, e) = (sum, a, rotate(b, 30), c, d);
    });
    [early, late, [a, b, c, d, e]]
}

/// The other 64 words that the steps take.
#[inline(always)]
fn expand<V: Word>(words: &mut [V; 80]) {
    for step in 16..80 {
        words[step] = rotate(words[step - 3] ^ words[step - 8] ^ words[step - 14] ^ words[step - 16], 1);
    }
}

/// The steps `from..to`.
#[inline(always)]
fn forward<V: Word>(state: &mut [V; 5], words: &[V; 80], from: usize, to: usize) {
    let [mut a, mut b, mut c, mut d, mut e] = *state;
    for (round, first) in [0, 20, 40, 60].into_iter().enumerate() {
        for word in words.iter().take(to.min(first + 20)).skip(from.max(first)) {
            let sum = (mix(round, b, c, d) + (e + (*word + CONSTANTS[round]))) + rotate(a, 5);
            (a, b, c, d, e) = (sum, a, rotate(b, 30), c, d);
        }
    }
    *state = [a, b, c, d, e];
}

/// The steps before `from`, back to the first.
#[inline(always)]
fn backward<V: Word>(state: &mut [V; 5], words: &[V; 80], from: usize) {
    let [mut a, mut b, mut c, mut d, mut e] = *state;
    for (round, first) in [0, 20, 40, 60].into_iter().enumerate().rev() {
        for word in words[first.min(from)..from.min(first + 20)].iter().rev() {
            let sum = a;
            (a, b, c, d) = (b, rotate(c, 2), d, e);
            e = sum - rotate(a, 5) - mix(round, b, c, d) - *word - CONSTANTS[round];
        }
    }
    *state = [a, b, c, d, e];
}

#[inline(always)]
fn mix<V: Word>(round: usize, b: V, c: V, d: V) -> V {
    match round {
        0 => (b & c) | (!b & d),
        2 => (b & c) | (b & d) | (c & d),
        _ => b ^ c ^ d,
    }
}

#[inline(always)]
fn add<V: Word>(sums: &mut [V; 5], more: &[V; 5]) {
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum = *sum + *more;
    }
}

#[inline(always)]
fn rotate<V: Word>(word: V, by: u32) -> V {
    if by == 0 { word } else { word << by | word >> (32 - by) }
}

macro_rules! conditions {
    (($words:ident, $none:ident)
        $($number:literal $kind:ident $k:literal $b:literal at $at:literal:
            $([$(($step:literal $bit:literal $value:literal))+])+;)+
    ) => {{
        let mut met = $none;
        $({
            let mut violated = $none;
            $({
                let mut before = None;
                $(
                    let word = rotate($words[$step], ($at + 32 - $bit) % 32);
                    let word = if $value == 1 { !word } else { word };
                    if let Some(before) = before {
                        violated = violated | (word ^ before);
                    }
                    before = Some(word);
                )+
                let _ = before;
            })+
            met = met | (!rotate(violated, ($number + 32 - $at) % 32) & (1 << $number));
        })+
        met
    }};
}

/// The vectors that each lane's block meets the conditions of, a bit for each.
#[inline(always)]
fn conditions<V: Word>(words: &[V; 80], none: V) -> V {
    with_vectors!(conditions!(words, none))
}

#[cfg(test)]
#[inline(always)]
pub(crate) fn masks<S: Simd>(simd: S, words: &[Lane; 80]) -> Lane {
    let words = words.each_ref().map(
        #[inline(always)]
        |lane| load(simd, lane),
    );
    let mut masks = [0; LANES_MAX];
    conditions(&words, S::u32s::splat(simd, 0)).store_slice(&mut masks[..S::u32s::LEN]);
    masks
}

#[inline(always)]
fn load_all<S: Simd>(simd: S, lanes: &[Lane; 5]) -> [S::u32s; 5] {
    lanes.each_ref().map(
        #[inline(always)]
        |lane| load(simd, lane),
    )
}

#[inline(always)]
fn load<S: Simd>(simd: S, lane: &Lane) -> S::u32s {
    S::u32s::from_slice(simd, &lane[..S::u32s::LEN])
}

#[inline(always)]
fn store_all<S: Simd, V: SimdBase<S, Element = u32>>(words: &[V; 5], lanes: &mut [Lane; 5]) {
    for (word, lane) in words.iter().zip(lanes) {
        word.store_slice(&mut lane[..V::LEN]);
    }
}

/// What SHA-1 needs of a word or many.
trait Word:
    Copy
    + Add<Output = Self>
    + Add<u32, Output = Self>
    + Sub<Output = Self>
    + Sub<u32, Output = Self>
    + BitAnd<Output = Self>
    + BitAnd<u32, Output = Self>
    + BitOr<Output = Self>
    + BitXor<Output = Self>
    + Not<Output = Self>
    + Shl<u32, Output = Self>
    + Shr<u32, Output = Self>
{
}

impl<T> Word for T where
    T: Copy
        + Add<Output = Self>
        + Add<u32, Output = Self>
        + Sub<Output = Self>
        + Sub<u32, Output = Self>
        + BitAnd<Output = Self>
        + BitAnd<u32, Output = Self>
        + BitOr<Output = Self>
        + BitXor<Output = Self>
        + Not<Output = Self>
        + Shl<u32, Output = Self>
        + Shr<u32, Output = Self>
{
}

/// By the twenty steps.
const CONSTANTS: [u32; 4] = [0x5a82_7999, 0x6ed9_eba1, 0x8f1b_bcdc, 0xca62_c1d6];
