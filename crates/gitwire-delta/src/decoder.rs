//! Reading a delta in pieces, cut anywhere.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use crate::header::SizeAccumulator;
use crate::instruction::{copy_operands, operand_len};
use crate::{DeltaError, Header};

/// A piece of a result, as a [`DeltaDecoder`] finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeltaPart<'a> {
    /// Bytes of the base, within its size.
    Copy {
        /// Where in the base they start.
        offset: u32,
        /// How many, 1 to 16,777,215.
        len: u32,
    },
    /// Bytes of the delta itself, at least one. What one instruction inserts may come in several parts.
    Insert(&'a [u8]),
}

/// Reads a delta that comes in pieces and says what the result is made of. Holds no more than one instruction.
///
/// Everything is checked before it is handed out, so that a caller may follow the parts blindly. Errors are sticky.
///
/// ```
/// use gitwire_delta::{DeltaDecoder, DeltaPart};
///
/// let mut decoder = DeltaDecoder::new(5, 1 << 20);
/// let mut input = &b"\x05\x06\x90"[..];
/// assert_eq!(decoder.decode(&mut input)?, None);
/// let mut input = &b"\x05\x01!"[..];
/// assert_eq!(decoder.decode(&mut input)?, Some(DeltaPart::Copy { offset: 0, len: 5 }));
/// assert_eq!(decoder.decode(&mut input)?, Some(DeltaPart::Insert(b"!")));
/// decoder.finish()?;
/// # Ok::<(), gitwire_delta::DeltaError>(())
/// ```
#[derive(Debug, Clone)]
pub struct DeltaDecoder {
    base_size: u64,
    max_result: u64,
    header: Option<Header>,
    state: State,
    /// Bytes of the delta that were taken.
    position: u64,
    /// Bytes of the result that were handed out.
    produced: u64,
    failed: Option<DeltaError>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    BaseSize(SizeAccumulator),
    ResultSize { base_size: u64, size: SizeAccumulator },
    Opcode,
    Copy { at: u64, opcode: u8, operands: [u8; 8], have: usize },
    Insert { left: usize },
}

impl DeltaDecoder {
    /// A decoder for a delta against a base of `base_size` bytes that may make up to `max_result` bytes.
    #[must_use]
    pub fn new(base_size: u64, max_result: u64) -> Self {
        Self {
            base_size,
            max_result,
            header: None,
            state: State::BaseSize(SizeAccumulator::default()),
            position: 0,
            produced: 0,
            failed: None,
        }
    }

    /// Takes bytes off the front of `input` up to the end of the next part. `None`: all were taken and more are needed,
    /// or it was the end.
    ///
    /// # Errors
    /// Any [`DeltaError`] except those that only the end can tell; the same again for every later call.
    pub fn decode<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<DeltaPart<'a>>, DeltaError> {
        self.decode_up_to(input, usize::MAX)
    }

    /// The same, with insertions cut after `insert_max` bytes.
    pub(crate) fn decode_up_to<'a>(
        &mut self,
        input: &mut &'a [u8],
        insert_max: usize,
    ) -> Result<Option<DeltaPart<'a>>, DeltaError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let part = self.advance(input, insert_max);
        if let Err(error) = &part {
            self.failed = Some(error.clone());
        }
        part
    }

    /// Says that no more will come.
    ///
    /// # Errors
    /// The error that [`decode`](Self::decode) gave, [`DeltaError::Truncated`] or [`DeltaError::ResultTooShort`].
    pub fn finish(&self) -> Result<(), DeltaError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let missing = match self.state {
            State::BaseSize(_) | State::ResultSize { .. } => 1,
            State::Opcode => 0,
            State::Copy { opcode, have, .. } => operand_len(opcode).saturating_sub(have),
            State::Insert { left } => left,
        };
        if missing > 0 {
            return Err(DeltaError::Truncated { at: self.position, missing: missing as u64 });
        }
        let declared = self.header.map_or(0, |header| header.result_size);
        match self.produced {
            actual if actual < declared => Err(DeltaError::ResultTooShort { declared, actual }),
            _ => Ok(()),
        }
    }

    /// The header, once it was read.
    #[must_use]
    pub fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// How many bytes of the delta were taken.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// How many bytes of the result the parts so far make.
    #[must_use]
    pub fn produced(&self) -> u64 {
        self.produced
    }

    fn advance<'a>(
        &mut self,
        input: &mut &'a [u8],
        insert_max: usize,
    ) -> Result<Option<DeltaPart<'a>>, DeltaError> {
        loop {
            if let State::Insert { left } = self.state {
                return Ok(self.take_insert(input, left.min(insert_max), left));
            }
            let Some((byte, rest)) = input.split_first() else {
                return Ok(None);
            };
            let at = self.position;
            *input = rest;
            self.position = at.saturating_add(1);
            if let Some((offset, len)) = self.take_byte(*byte, at)? {
                return Ok(Some(DeltaPart::Copy { offset, len }));
            }
        }
    }

    fn take_insert<'a>(&mut self, input: &mut &'a [u8], max: usize, left: usize) -> Option<DeltaPart<'a>> {
        let (data, rest) = input.split_at(input.len().min(max));
        *input = rest;
        self.position = self.position.saturating_add(data.len() as u64);
        self.state = match left.saturating_sub(data.len()) {
            0 => State::Opcode,
            left => State::Insert { left },
        };
        (!data.is_empty()).then_some(DeltaPart::Insert(data))
    }

    /// Takes a byte that is not inserted data; a copy when it ends one.
    fn take_byte(&mut self, byte: u8, at: u64) -> Result<Option<(u32, u32)>, DeltaError> {
        match &mut self.state {
            State::BaseSize(size) => {
                if let Some(base_size) = size.push(byte, at)? {
                    self.state = State::ResultSize { base_size, size: SizeAccumulator::default() };
                }
            }
            State::ResultSize { base_size, size } => {
                if let Some(result_size) = size.push(byte, at)? {
                    // Two sizes of at most ten bytes: it fits.
                    let len = usize::try_from(self.position).unwrap_or(Header::MAX_LEN);
                    let header = Header { base_size: *base_size, result_size, len };
                    header.check(self.base_size, self.max_result)?;
                    self.header = Some(header);
                    self.state = State::Opcode;
                }
            }
            State::Copy { at, opcode, operands, have } => {
                if let Some(slot) = operands.get_mut(*have) {
                    *slot = byte;
                }
                *have = have.saturating_add(1);
                if *have == operand_len(*opcode) {
                    let (at, opcode, operands) = (*at, *opcode, *operands);
                    return self.copy(at, opcode, operands).map(Some);
                }
            }
            State::Opcode if byte == 0x80 => return self.copy(at, byte, [0; 8]).map(Some),
            State::Opcode if byte > 0x80 => {
                self.state = State::Copy { at, opcode: byte, operands: [0; 8], have: 0 };
            }
            State::Opcode => {
                if byte == 0 {
                    return Err(DeltaError::Reserved { at });
                }
                self.state = State::Insert { left: usize::from(byte) };
                self.produce(at, u64::from(byte))?;
            }
            State::Insert { .. } => {}
        }
        Ok(None)
    }

    fn copy(&mut self, at: u64, opcode: u8, operands: [u8; 8]) -> Result<(u32, u32), DeltaError> {
        let ((offset, len), _) = copy_operands(opcode, u64::from_le_bytes(operands));
        if u64::from(offset).saturating_add(u64::from(len)) > self.base_size {
            return Err(DeltaError::CopyOutOfBounds { at, offset, len, base: self.base_size });
        }
        self.state = State::Opcode;
        self.produce(at, u64::from(len))?;
        Ok((offset, len))
    }

    fn produce(&mut self, at: u64, len: u64) -> Result<(), DeltaError> {
        let declared = self.header.map_or(0, |header| header.result_size);
        self.produced = self.produced.saturating_add(len);
        if self.produced > declared { Err(DeltaError::ResultTooLong { at, declared }) } else { Ok(()) }
    }
}
