//! The two sizes at the start of every delta.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use alloc::vec::Vec;

use crate::DeltaError;

/// The sizes that a delta declares, and where its instructions start (`gitformat-pack`, "Deltified representation").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The size of the base in bytes.
    pub base_size: u64,
    /// The size of the result in bytes. A claim: see [`apply`](crate::apply) for how far to believe it.
    pub result_size: u64,
    /// The length of the header itself in bytes, 2 to 20.
    pub len: usize,
}

impl Header {
    /// The longest header in bytes: two sizes of ten bytes each.
    pub const MAX_LEN: usize = 20;

    /// Reads the header at the front of `delta`. A prefix of [`MAX_LEN`](Self::MAX_LEN) bytes is always enough.
    ///
    /// ```
    /// let header = gitwire_delta::Header::parse(&[0x90, 0x01, 0x05, 0x91, 0x00, 0x05])?;
    /// assert_eq!((header.base_size, header.result_size, header.len), (144, 5, 3));
    /// # Ok::<(), gitwire_delta::DeltaError>(())
    /// ```
    ///
    /// # Errors
    /// [`DeltaError::Truncated`] and [`DeltaError::SizeOverflow`].
    pub fn parse(delta: &[u8]) -> Result<Self, DeltaError> {
        let (base_size, len) = parse_size(delta, 0)?;
        let (result_size, len) = parse_size(delta, len)?;
        Ok(Self { base_size, result_size, len })
    }

    /// Refuses a header that is not for a base of `base_size` bytes or declares more than `max_result`.
    ///
    /// # Errors
    /// [`DeltaError::BaseSize`] and [`DeltaError::ResultTooLarge`].
    pub fn check(&self, base_size: u64, max_result: u64) -> Result<(), DeltaError> {
        if self.base_size != base_size {
            return Err(DeltaError::BaseSize { declared: self.base_size, actual: base_size });
        }
        if self.result_size > max_result {
            return Err(DeltaError::ResultTooLarge { declared: self.result_size, limit: max_result });
        }
        Ok(())
    }
}

/// A size in groups of seven bits, lowest first; its value and the offset behind it.
fn parse_size(delta: &[u8], start: usize) -> Result<(u64, usize), DeltaError> {
    let mut accumulator = SizeAccumulator::default();
    let mut at = start;
    loop {
        let Some(byte) = delta.get(at) else {
            return Err(DeltaError::Truncated { at: at as u64, missing: 1 });
        };
        let size = accumulator.push(*byte, at as u64)?;
        at = at.saturating_add(1);
        if let Some(size) = size {
            return Ok((size, at));
        }
    }
}

/// One size on its way in, byte by byte.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SizeAccumulator {
    value: u64,
    shift: u32,
}

impl SizeAccumulator {
    /// Takes the next byte, which stands at offset `at`; the size when it was the last.
    pub(crate) fn push(&mut self, byte: u8, at: u64) -> Result<Option<u64>, DeltaError> {
        let bits = u64::from(byte & 0x7f);
        let shifted = bits.checked_shl(self.shift).filter(|shifted| shifted >> self.shift == bits);
        let Some(shifted) = shifted else {
            return Err(DeltaError::SizeOverflow { at });
        };
        self.value |= shifted;
        self.shift = self.shift.saturating_add(7);
        Ok((byte & 0x80 == 0).then_some(self.value))
    }
}

/// Appends `size` in groups of seven bits, lowest first.
pub(crate) fn write_size(mut size: u64, out: &mut Vec<u8>) {
    while size >= 0x80 {
        out.push(size.to_le_bytes()[0] | 0x80);
        size >>= 7;
    }
    out.push(size.to_le_bytes()[0]);
}
