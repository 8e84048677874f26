//! Reading numbers and exact lengths.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use crate::{PackError, ReadAt};

/// Fills `out` with the bytes at `offset`.
///
/// # Errors
/// [`PackError::Truncated`] with the end of what is there; [`PackError::Storage`].
pub(crate) fn read_exact_at<R: ReadAt + ?Sized>(
    data: &R,
    offset: u64,
    out: &mut [u8],
) -> Result<(), PackError> {
    let count = data.read_at(offset, out).map_err(PackError::Storage)?;
    if count < out.len() {
        return Err(PackError::Truncated { offset: offset.saturating_add(count as u64) });
    }
    Ok(())
}

/// A 32-bit number at the front of `bytes`, highest byte first; 0 where there are too few.
pub(crate) fn be32(bytes: &[u8]) -> u32 {
    bytes.first_chunk::<4>().map_or(0, |word| u32::from_be_bytes(*word))
}
