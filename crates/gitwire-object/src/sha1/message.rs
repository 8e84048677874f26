//! An object as SHA-1 takes it.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::ops::Range;

use gitwire_types::ObjectKind;

use crate::ObjectHeader;
use crate::sha1::Block;

/// An object, cut into blocks: one with its header, those that stand in its content, and the end with its padding. What does not
/// stand anywhere as it is hashed is staged in a room that goes with the lane.
#[derive(Debug)]
pub(crate) struct Message<C> {
    pub(crate) number: u32,
    pub(crate) content: C,
    /// In all.
    pub(crate) blocks: usize,
    header: ObjectHeader,
    part: Part,
    /// Blocks of this part that are hashed.
    done: usize,
}

#[derive(Debug, Clone, Copy)]
enum Part {
    First,
    Middle,
    Last,
}

impl<C: AsRef<[u8]>> Message<C> {
    pub(crate) fn new(number: u32, kind: ObjectKind, content: C) -> Self {
        let header = ObjectHeader::new(kind, content.as_ref().len() as u64);
        let mut this = Self { number, content, blocks: 0, header, part: Part::First, done: 0 };
        this.blocks = this.len().saturating_add(PADDING_MIN).div_ceil(BLOCK);
        this
    }

    /// Begins. A small message is staged whole: to change over costs more than to copy.
    pub(crate) fn start(&mut self, room: &mut Vec<Block>) {
        if self.blocks <= WHOLE_MAX {
            self.part = Part::Last;
            self.stage(0..self.blocks, room);
        } else {
            self.stage(0..1, room);
        }
    }

    /// What is to be hashed next; never empty.
    pub(crate) fn input<'a>(&'a self, room: &'a [Block]) -> &'a [Block] {
        let part = match self.part {
            Part::First | Part::Last => room,
            Part::Middle => {
                let from = BLOCK.saturating_sub(self.header.as_bytes().len());
                self.content.as_ref().get(from..).unwrap_or_default().as_chunks().0
            }
        };
        part.get(self.done..).unwrap_or_default()
    }

    /// Goes on behind the next `count` blocks; false: nothing is left.
    pub(crate) fn advance(&mut self, count: usize, room: &mut Vec<Block>) -> bool {
        self.done = self.done.saturating_add(count);
        while self.input(room).is_empty() {
            self.done = 0;
            self.part = match self.part {
                Part::First => Part::Middle,
                Part::Middle => {
                    self.stage(self.len() / BLOCK..self.blocks, room);
                    Part::Last
                }
                Part::Last => return false,
            };
        }
        true
    }

    fn len(&self) -> usize {
        self.header.as_bytes().len().saturating_add(self.content.as_ref().len())
    }

    /// Writes out blocks as they are hashed: header, content, a one bit, zeros, and the length in bits (FIPS 180-4).
    fn stage(&self, blocks: Range<usize>, room: &mut Vec<Block>) {
        room.clear();
        room.resize(blocks.len(), [0; BLOCK]);
        let flat = room.as_flattened_mut();
        let (header, content) = (self.header.as_bytes(), self.content.as_ref());
        let start = blocks.start.saturating_mul(BLOCK);
        let behind_header = start.saturating_sub(header.len());
        let mut left = &mut *flat;
        for part in [header.get(start..), content.get(behind_header..)].into_iter().flatten() {
            let (now, rest) = left.split_at_mut(part.len().min(left.len()));
            now.copy_from_slice(part.get(..now.len()).unwrap_or_default());
            left = rest;
        }
        if blocks.end == self.blocks {
            if let Some(one) = left.first_mut() {
                *one = 0x80;
            }
            if let Some(bits) = flat.last_chunk_mut() {
                *bits = (self.len() as u64).saturating_mul(8).to_be_bytes();
            }
        }
    }
}

/// Bytes of a block.
const BLOCK: usize = 64;
/// The byte with the one bit, and the length.
const PADDING_MIN: usize = 9;
/// The most blocks that are staged whole.
const WHOLE_MAX: usize = 64;
