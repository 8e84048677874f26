//! An object as SHA-1 takes it.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use gitwire_types::ObjectKind;

use crate::ObjectHeader;
use crate::sha1::Block;

/// An object, cut into blocks: one with its header, those that stand in its content, and the end with its padding.
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
    /// The first block, or the last one or two.
    staged: [Block; 2],
    staged_len: usize,
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
        let mut this = Self {
            number,
            content,
            blocks: 0,
            header,
            part: Part::First,
            done: 0,
            staged: [[0; BLOCK]; 2],
            staged_len: 1,
        };
        this.blocks = this.len().saturating_add(PADDING_MIN).div_ceil(BLOCK);
        if this.len() < BLOCK {
            this.stage_last();
        } else {
            let (first, _) = this.staged.as_flattened_mut().split_at_mut(BLOCK);
            fill(first, [this.header.as_bytes(), this.content.as_ref()]);
        }
        this
    }

    /// What is to be hashed next; never empty.
    pub(crate) fn input(&self) -> &[Block] {
        let part = match self.part {
            Part::First | Part::Last => self.staged.get(..self.staged_len),
            Part::Middle => Some(self.middle()),
        };
        part.and_then(|part| part.get(self.done..)).unwrap_or_default()
    }

    /// Goes on behind the next `count` blocks; false: nothing is left.
    pub(crate) fn advance(&mut self, count: usize) -> bool {
        self.done = self.done.saturating_add(count);
        while self.input().is_empty() {
            self.done = 0;
            match self.part {
                Part::First => self.part = Part::Middle,
                Part::Middle => self.stage_last(),
                Part::Last => return false,
            }
        }
        true
    }

    fn len(&self) -> usize {
        self.header.as_bytes().len().saturating_add(self.content.as_ref().len())
    }

    /// The whole blocks of content behind the first block.
    fn middle(&self) -> &[Block] {
        let from = BLOCK.saturating_sub(self.header.as_bytes().len());
        self.content.as_ref().get(from..).unwrap_or_default().as_chunks().0
    }

    /// The bytes behind the last whole block, a one bit, zeros, and the length in bits (FIPS 180-4).
    fn stage_last(&mut self) {
        let (header, content) = (self.header.as_bytes(), self.content.as_ref());
        let len = self.len();
        let tail = len % BLOCK;
        // The header is shorter than a block.
        let parts = match len.saturating_sub(tail).checked_sub(header.len()) {
            Some(from) => [content.get(from..).unwrap_or_default(), &[]],
            None => [header, content],
        };
        let mut staged = [[0; BLOCK]; 2];
        let staged_len = if tail.saturating_add(PADDING_MIN) > BLOCK { 2 } else { 1 };
        let flat = staged.get_mut(..staged_len).unwrap_or_default().as_flattened_mut();
        if let Some(one) = fill(flat, parts).first_mut() {
            *one = 0x80;
        }
        if let Some(bits) = flat.last_chunk_mut() {
            *bits = (len as u64).saturating_mul(8).to_be_bytes();
        }
        (self.part, self.staged, self.staged_len) = (Part::Last, staged, staged_len);
    }
}

/// Writes the parts one after the other, as far as there is room; gives what is left of it.
fn fill<'r>(mut room: &'r mut [u8], parts: [&[u8]; 2]) -> &'r mut [u8] {
    for part in parts {
        let (now, rest) = room.split_at_mut(part.len().min(room.len()));
        now.copy_from_slice(part.get(..now.len()).unwrap_or_default());
        room = rest;
    }
    room
}

/// Bytes of a block.
const BLOCK: usize = 64;
/// The byte with the one bit, and the length.
const PADDING_MIN: usize = 9;
