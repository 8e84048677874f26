//! Rebuilding a result that fits in memory.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use alloc::vec;
use alloc::vec::Vec;

use crate::DeltaError::ResultTooShort;
use crate::{DeltaDecoder, DeltaError, Header, Instruction, Instructions};

/// Rebuilds the object that `delta` makes of `base`. `out` is cleared, then filled; its allocation is used again.
///
/// A result of more than `max_result` bytes is refused by its declared size alone. Nor is a declared size within the limit
/// believed: beyond 1 MiB, memory is reserved only after a walk over the instructions has shown that they make that much.
///
/// ```
/// let mut out = Vec::new();
/// gitwire_delta::apply(b"Hello", b"\x05\x06\x90\x05\x01!", 1 << 20, &mut out)?;
/// assert_eq!(out, b"Hello!");
/// # Ok::<(), gitwire_delta::DeltaError>(())
/// ```
///
/// # Errors
/// Any [`DeltaError`]; `out` is then empty.
pub fn apply(base: &[u8], delta: &[u8], max_result: u64, out: &mut Vec<u8>) -> Result<(), DeltaError> {
    let applied = fill(base, delta, max_result, out);
    if applied.is_err() {
        out.clear();
    }
    applied
}

/// Rebuilds the object that `delta` makes of `base` in `result`, which must be as long as the delta's header declares.
///
/// For callers that have read the [`Header`] and have the room already.
///
/// # Errors
/// Any [`DeltaError`]; [`DeltaError::RoomSize`] when `result` has another length than the header declares. What `result`
/// then holds is unspecified.
pub fn apply_to(base: &[u8], delta: &[u8], result: &mut [u8]) -> Result<(), DeltaError> {
    let header = Header::parse(delta)?;
    header.check(base.len() as u64, u64::MAX)?;
    if header.result_size != result.len() as u64 {
        return Err(DeltaError::RoomSize { declared: header.result_size, actual: result.len() as u64 });
    }
    run(base, delta, &header, result).ok_or_else(|| diagnose(base, delta, &header))
}

fn fill(base: &[u8], delta: &[u8], max_result: u64, out: &mut Vec<u8>) -> Result<(), DeltaError> {
    let header = Header::parse(delta)?;
    header.check(base.len() as u64, max_result)?;
    let declared = header.result_size;
    if declared > out.capacity() as u64 {
        if declared > BELIEVED_MAX && !makes_what_it_declares(base, delta, &header) {
            return Err(diagnose(base, delta, &header));
        }
        *out = zeroes(declared).ok_or(DeltaError::OutOfMemory { declared })?;
    } else {
        // What `out` held is overwritten, so only growth needs filling. Within the capacity: the size fits.
        out.resize(usize::try_from(declared).unwrap_or(0), 0);
    }
    run(base, delta, &header, out).ok_or_else(|| diagnose(base, delta, &header))
}

/// A fresh allocation of zeroes, which costs less than to grow and fill one.
fn zeroes(len: u64) -> Option<Vec<u8>> {
    let len = usize::try_from(len).ok()?;
    // The attempt tells what is impossible without an abort.
    Vec::<u8>::new().try_reserve_exact(len).ok()?;
    Some(vec![0; len])
}

/// Whether [`run`] would succeed; needs no room for the result.
fn makes_what_it_declares(base: &[u8], delta: &[u8], header: &Header) -> bool {
    let mut left = header.result_size;
    for step in Instructions::new(delta, header) {
        let Ok((_, instruction)) = step else { return false };
        if let Instruction::Copy { offset, len } = instruction
            && u64::from(offset).saturating_add(u64::from(len)) > base.len() as u64
        {
            return false;
        }
        match left.checked_sub(instruction.len()) {
            Some(rest) => left = rest,
            None => return false,
        }
    }
    left == 0
}

/// Follows the instructions. `None`: something is wrong; [`diagnose`] tells what.
fn run(base: &[u8], delta: &[u8], header: &Header, result: &mut [u8]) -> Option<()> {
    let mut rest = result;
    let mut instructions = Instructions::new(delta, header);
    loop {
        // What an insertion may be read from beyond its end; see below.
        let behind_opcode = instructions.rest().get(1..);
        let Some(step) = instructions.next() else { break };
        let (_, instruction) = step.ok()?;
        let source = match instruction {
            // Lossless where it matters: where a size has 16 bits, no base is long enough either way.
            Instruction::Copy { offset, .. } => base.get(offset as usize..)?,
            Instruction::Insert(_) => behind_opcode?,
        };
        let len = usize::try_from(instruction.len()).ok()?;
        if len <= WIDE
            && let (Some(to), Some(from)) = (rest.first_chunk_mut(), source.first_chunk::<WIDE>())
        {
            // Most stretches are short, and one of fixed length costs a few moves, not a call. What it writes too much is
            // overwritten by the next instructions, or the delta is too short and refused.
            *to = *from;
            rest = rest.split_at_mut_checked(len)?.1;
        } else {
            rest.split_off_mut(..len)?.copy_from_slice(source.get(..len)?);
        }
    }
    rest.is_empty().then_some(())
}

/// The error of a delta that has one, from the reader that checks each byte in turn: so all ways of reading agree.
#[cold]
fn diagnose(base: &[u8], delta: &[u8], header: &Header) -> DeltaError {
    let mut decoder = DeltaDecoder::new(base.len() as u64, header.result_size);
    let mut input = delta;
    loop {
        match decoder.decode(&mut input) {
            Ok(Some(_)) => {}
            Err(error) => return error,
            Ok(None) => {
                let found = ResultTooShort { declared: header.result_size, actual: decoder.produced() };
                return decoder.finish().err().unwrap_or(found);
            }
        }
    }
}

/// The length of a stretch that is copied without a call.
const WIDE: usize = 64;

/// Up to this many bytes a declared result size is allocated as it stands: what a line of protocol costs anyway, and more
/// than most objects have, so that the second walk is rare.
const BELIEVED_MAX: u64 = 1 << 20;
