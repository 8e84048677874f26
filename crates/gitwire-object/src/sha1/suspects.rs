//! Blocks that may be half of an attack.

use crate::sha1::attack::{DIFFERENCES, EARLY, LATE, VECTORS};
use crate::sha1::lanes::{Block, LANES_MAX, Lane};

/// Those that wait to be cleared, and who was found to be guilty.
#[derive(Debug, Default)]
pub(crate) struct Suspects {
    /// Whose message each lane works on.
    pub(crate) owners: [Option<u32>; LANES_MAX],
    /// By the step at which both messages of the attack have the same state.
    early: Vec<Suspect>,
    late: Vec<Suspect>,
    /// The owners of what was proved to be an attack.
    pub(crate) guilty: Vec<u32>,
}

/// A block that meets the conditions of a vector.
#[derive(Debug, Clone)]
pub(crate) struct Suspect {
    pub(crate) owner: u32,
    /// The block of the other message.
    pub(crate) other: [u32; 16],
    /// What both have in common.
    pub(crate) state: [u32; 5],
    /// The hash of this message up to the end of the block.
    pub(crate) hash: [u32; 5],
}

impl Suspects {
    /// Takes up what a step of all lanes has found: by lane the vectors whose conditions are met, the states where messages may
    /// meet, early and late, and the hash behind the block.
    pub(crate) fn note(
        &mut self,
        masks: &Lane,
        inputs: &[&[Block]; LANES_MAX],
        nth: usize,
        [early, late, chain]: &[[Lane; 5]; 3],
    ) {
        for lane in 0..LANES_MAX {
            let Some(owner) = self.owners[lane] else { continue };
            let mut mask = masks[lane];
            while mask != 0 {
                let number = mask.trailing_zeros() as usize;
                mask &= mask - 1;
                let (queue, state) = match VECTORS[number].meets() {
                    EARLY => (&mut self.early, early),
                    _ => (&mut self.late, late),
                };
                let mut other = DIFFERENCES[number];
                for (word, bytes) in other.iter_mut().zip(inputs[lane][nth].as_chunks().0) {
                    *word ^= u32::from_be_bytes(*bytes);
                }
                let of_lane = |words: &[Lane; 5]| words.map(|word| word[lane]);
                queue.push(Suspect { owner, other, state: of_lane(state), hash: of_lane(chain) });
            }
        }
    }

    /// Those who wait, with the step at which their messages meet.
    pub(crate) fn queues(&mut self) -> [(&mut Vec<Suspect>, usize); 2] {
        [(&mut self.early, EARLY), (&mut self.late, LATE)]
    }
}
