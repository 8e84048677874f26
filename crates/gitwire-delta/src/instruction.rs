//! The instructions of a delta, one by one.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use core::iter::FusedIterator;

use crate::DeltaError;

/// One instruction (`gitformat-pack`, "Instruction to copy from base object" and "Instruction to add new data").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instruction<'a> {
    /// Bytes of the base.
    Copy {
        /// Where in the base they start.
        offset: u32,
        /// How many: 1 to 16,777,215. A size of zero in the delta stands for 65,536, and that is what is here.
        len: u32,
    },
    /// Bytes of the delta itself, 1 to 127.
    Insert(&'a [u8]),
}

impl Instruction<'_> {
    /// How many bytes it adds to the result.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "no instruction adds nothing")]
    pub fn len(&self) -> u64 {
        match self {
            Self::Copy { len, .. } => u64::from(*len),
            Self::Insert(data) => data.len() as u64,
        }
    }
}

/// Iterates over the instructions behind a [`Header`](crate::Header), each with the offset of its opcode in the delta.
///
/// It knows neither base nor result size, so it checks neither; [`apply`](crate::apply) does. After an error it ends.
///
/// ```
/// use gitwire_delta::{Header, Instruction, Instructions};
///
/// let delta = b"\x05\x06\x90\x05\x01!";
/// let header = Header::parse(delta)?;
/// let list: Vec<_> = Instructions::new(delta, &header).collect::<Result<_, _>>()?;
/// assert_eq!(list, [(2, Instruction::Copy { offset: 0, len: 5 }), (4, Instruction::Insert(b"!"))]);
/// # Ok::<(), gitwire_delta::DeltaError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Instructions<'a> {
    rest: &'a [u8],
    delta_len: usize,
}

impl<'a> Instructions<'a> {
    /// The instructions of `delta`, whose header was parsed into `header`.
    #[must_use]
    pub fn new(delta: &'a [u8], header: &crate::Header) -> Self {
        Self { rest: delta.get(header.len..).unwrap_or_default(), delta_len: delta.len() }
    }

    /// The offset of the next opcode in the delta; the delta's length at the end.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.delta_len.saturating_sub(self.rest.len())
    }

    /// What was not yet read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Takes the next instruction off the front, which is known to be there.
    #[inline(always)]
    fn take(&mut self, opcode: u8, rest: &'a [u8]) -> Result<Instruction<'a>, DeltaError> {
        if opcode & 0x80 != 0 {
            let ((offset, len), used) = match rest.first_chunk::<8>() {
                Some(word) => copy_operands(opcode, u64::from_le_bytes(*word)),
                None => self.short_operands(opcode, rest)?,
            };
            self.rest = rest.get(used..).unwrap_or_default();
            return Ok(Instruction::Copy { offset, len });
        }
        let Some((data, rest)) = rest.split_at_checked(usize::from(opcode)) else {
            return Err(self.truncated(usize::from(opcode).saturating_sub(rest.len())));
        };
        if data.is_empty() {
            return Err(DeltaError::Reserved { at: self.offset() as u64 });
        }
        self.rest = rest;
        Ok(Instruction::Insert(data))
    }

    /// The operands of a copy near the end of the delta, where fewer than eight bytes follow the opcode.
    #[cold]
    fn short_operands(&self, opcode: u8, rest: &[u8]) -> Result<((u32, u32), usize), DeltaError> {
        let wanted = operand_len(opcode);
        if wanted > rest.len() {
            return Err(self.truncated(wanted.saturating_sub(rest.len())));
        }
        let mut word = [0; 8];
        for (to, from) in word.iter_mut().zip(rest) {
            *to = *from;
        }
        Ok(copy_operands(opcode, u64::from_le_bytes(word)))
    }

    fn truncated(&self, missing: usize) -> DeltaError {
        DeltaError::Truncated { at: self.delta_len as u64, missing: missing as u64 }
    }
}

impl<'a> Iterator for Instructions<'a> {
    type Item = Result<(usize, Instruction<'a>), DeltaError>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        let (opcode, rest) = self.rest.split_first()?;
        let at = self.offset();
        let taken = self.take(*opcode, rest);
        if taken.is_err() {
            self.rest = &[];
        }
        Some(taken.map(|instruction| (at, instruction)))
    }
}

impl FusedIterator for Instructions<'_> {}

/// The number of operand bytes that follow the opcode of a copy.
pub(crate) const fn operand_len(opcode: u8) -> usize {
    (opcode & 0x7f).count_ones() as usize
}

/// Offset and length of a copy from its opcode and the bytes behind it, lowest first; how many of them it used.
///
/// Bits 0 to 3 of the opcode say which bytes of the offset are there, bits 4 to 6 which bytes of the length; the others are
/// zero. No branch: which bytes are there is as good as random.
#[inline(always)]
pub(crate) const fn copy_operands(opcode: u8, mut bytes: u64) -> ((u32, u32), usize) {
    let mut fields = 0_u64;
    let mut bit = 0_u32;
    while bit < 7 {
        let there = (opcode as u64 >> bit) & 1;
        fields |= (bytes & 0xff_u64.wrapping_mul(there)) << bit.wrapping_mul(8);
        bytes >>= there.wrapping_mul(8);
        bit = bit.wrapping_add(1);
    }
    let [a, b, c, d, e, f, g, _] = fields.to_le_bytes();
    let len = u32::from_le_bytes([e, f, g, 0]);
    let len = if len == 0 { 0x1_0000 } else { len };
    ((u32::from_le_bytes([a, b, c, d]), len), operand_len(opcode))
}
