use super::attack::{DIFFERENCES, VECTORS};
use super::*;
use crate::hasher::tests::shattered;
use crate::namer::START;

/// What the other file of the SHAttered attack differs by in its first block: the vector II(52,0).
#[test]
fn a_known_attack_differs_as_its_vector_says() {
    let shattered = [
        0x0c00_0002,
        0xc000_0010,
        0xb400_001c,
        0x3c00_0004,
        0xbc00_001a,
        0x2000_0010,
        0x2400_001c,
        0xec00_0014,
        0x0c00_0002,
        0xc000_0010,
        0xb400_001c,
        0x2c00_0004,
        0xbc00_0018,
        0xb000_0010,
        0x0000_000c,
        0xb800_0010,
    ];
    let found: Vec<usize> = (0..32).filter(|number| DIFFERENCES[*number] == shattered).collect();
    assert_eq!(found, [27]);
}

/// The mask of a block by the table, bit by bit.
fn plainly(words: &[u32; 80]) -> u32 {
    let mut mask = 0;
    for (number, vector) in VECTORS.iter().enumerate() {
        let met = vector.chains.iter().all(|chain| {
            let mut values = chain.iter().map(|bit| words[bit.step] >> bit.bit & 1 ^ bit.value);
            let first = values.next().unwrap();
            values.all(|value| value == first)
        });
        mask |= u32::from(met) << number;
    }
    mask
}

/// Numbers that look random: PCG's multiplier and increment.
pub(crate) fn random(seed: &mut u64) -> u32 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 32) as u32
}

pub(crate) fn engines() -> impl Iterator<Item = Engine> {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    let eight = Level::new().as_avx2().map(Engine::Eight);
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
    let eight = None;
    Engine::detect().into_iter().chain(eight)
}

fn check_masks(words: &[Lane; 80]) {
    for engine in engines() {
        let masks = engine.conditions(words);
        for lane in 0..engine.lanes() {
            assert_eq!(masks[lane], plainly(&words.map(|word| word[lane])), "{engine:?} {lane}");
        }
    }
}

fn masks_of_random_words(rounds: usize) {
    let mut seed = 1;
    for _ in 0..rounds {
        check_masks(&std::array::from_fn(|_| std::array::from_fn(|_| random(&mut seed))));
    }
}

#[test]
fn masks_are_those_of_the_table() {
    masks_of_random_words(1000);
}

#[test]
#[ignore = "ten million blocks: run it with --release"]
fn masks_are_those_of_the_table_for_ten_million() {
    masks_of_random_words(10_000_000 / LANES_MAX);
}

/// Words in which all bits of a vector's chains are as it wants them, and then in turn each of them is not.
#[test]
fn each_condition_counts() {
    let mut seed = 2;
    for (number, vector) in VECTORS.iter().enumerate() {
        let mut words: [u32; 80] = std::array::from_fn(|_| random(&mut seed));
        for bit in vector.chains.iter().copied().flatten() {
            words[bit.step] = words[bit.step] & !(1 << bit.bit) | bit.value << bit.bit;
        }
        let mut cases = vec![words];
        for bit in vector.chains.iter().copied().flatten() {
            let mut other = words;
            other[bit.step] ^= 1 << bit.bit;
            cases.push(other);
        }
        for (nth, case) in cases.iter().enumerate() {
            assert_eq!(plainly(case) >> number & 1, u32::from(nth == 0));
        }
        for some in cases.chunks(LANES_MAX) {
            check_masks(&std::array::from_fn(|step| {
                std::array::from_fn(|lane| some.get(lane).unwrap_or(&words)[step])
            }));
        }
    }
}

/// For each vector a block that meets its conditions, as a message may have it.
pub(crate) fn suspicious_blocks() -> Vec<Block> {
    let mut seed = 3;
    let mut left = u32::MAX;
    let mut found = Vec::new();
    while left != 0 {
        let mut words = [0; 80];
        for step in 0..80 {
            words[step] = match step {
                ..16 => random(&mut seed),
                _ => (words[step - 3] ^ words[step - 8] ^ words[step - 14] ^ words[step - 16]).rotate_left(1),
            };
        }
        let mask = plainly(&words);
        if mask & left != 0 {
            left &= !mask;
            let mut block = [0; 64];
            for (bytes, word) in block.as_chunks_mut().0.iter_mut().zip(words) {
                *bytes = word.to_be_bytes();
            }
            found.push(block);
        }
    }
    found
}

/// Both files among innocent ones, at every lane.
#[test]
fn an_attack_is_found_in_any_lane() {
    let (first, second) = shattered();
    let innocent: Vec<Vec<u8>> = {
        let blocks = suspicious_blocks();
        blocks.windows(5).map(|five| five.as_flattened().to_vec()).collect()
    };
    for engine in engines() {
        for lane in 0..engine.lanes() {
            let other = (lane + 3) % engine.lanes();
            let message = |each: usize| match each {
                each if each == lane => &first,
                each if each == other => &second,
                each => &innocent[(each + lane) % innocent.len()],
            };
            let inputs = std::array::from_fn(|each| message(each).as_chunks().0);
            let mut suspects = Suspects::default();
            for (number, owner) in (0..).zip(&mut suspects.owners) {
                *owner = Some(number);
            }
            let mut state = START.map(|word| [word; LANES_MAX]);
            engine.compress(&mut state, &inputs, 5, &mut suspects);
            engine.clear(&mut suspects);
            suspects.guilty.sort();
            suspects.guilty.dedup();
            let mut expected = [lane, other].map(|lane| u32::try_from(lane).unwrap());
            expected.sort();
            assert_eq!(suspects.guilty, expected, "{engine:?}");
            assert!(state.iter().all(|word| word[lane] == word[other]));
        }
    }
}
