//! Applying a delta in pieces.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use core::convert::Infallible;

use crate::{DeltaDecoder, DeltaError, DeltaPart, Header};

/// A base that can be read anywhere: in memory, in a spool file, in another pack.
pub trait DeltaBase {
    /// Why a read failed.
    type Error;

    /// Its size in bytes.
    fn size(&self) -> u64;

    /// Fills `room` with the bytes at `offset`; they lie within [`size`](Self::size).
    ///
    /// # Errors
    /// A failing medium.
    fn read_at(&mut self, offset: u64, room: &mut [u8]) -> Result<(), Self::Error>;
}

impl DeltaBase for &[u8] {
    type Error = Infallible;

    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&mut self, offset: u64, room: &mut [u8]) -> Result<(), Infallible> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let data = self.get(start..).and_then(|rest| rest.get(..room.len()));
        if let Some(data) = data {
            room.copy_from_slice(data);
        }
        Ok(())
    }
}

/// Makes a result from a base and a delta, in pieces of any size, holding none of the three: for what is larger than the
/// memory at hand.
///
/// ```
/// use gitwire_delta::Stream;
///
/// let mut base = &b"Hello"[..];
/// let mut delta = &b"\x05\x06\x90\x05\x01!"[..];
/// let mut stream = Stream::new(&base, 1 << 40);
/// let mut room = [0; 4];
/// let mut result = Vec::new();
/// loop {
///     match stream.read(&mut base, &mut delta, &mut room)? {
///         0 => break, // more of the delta would come here
///         filled => result.extend_from_slice(&room[..filled]),
///     }
/// }
/// stream.finish()?;
/// assert_eq!(result, b"Hello!");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Stream {
    decoder: DeltaDecoder,
    /// What is left of the last copy: offset and length.
    copy: (u64, usize),
}

impl Stream {
    /// The start of a result of at most `max_result` bytes, made of `base`.
    #[must_use]
    pub fn new(base: &impl DeltaBase, max_result: u64) -> Self {
        Self { decoder: DeltaDecoder::new(base.size(), max_result), copy: (0, 0) }
    }

    /// Takes what it can use from the front of `delta` and fills the front of `room`; how many bytes. 0, unless `room` is
    /// empty: all of `delta` was taken, and more is needed or that was the end.
    ///
    /// # Errors
    /// The base's error, or any [`DeltaError`] except those that only the end can tell.
    pub fn read<B: DeltaBase>(
        &mut self,
        base: &mut B,
        delta: &mut &[u8],
        room: &mut [u8],
    ) -> Result<usize, StreamError<B::Error>> {
        let mut filled = 0;
        while let Some(rest) = room.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let (offset, left) = self.copy;
            if left > 0 {
                let now = left.min(rest.len());
                base.read_at(offset, rest.get_mut(..now).unwrap_or_default()).map_err(StreamError::Base)?;
                self.copy = (offset.saturating_add(now as u64), left.saturating_sub(now));
                filled = filled.saturating_add(now);
                continue;
            }
            match self.decoder.decode_up_to(delta, rest.len())? {
                Some(DeltaPart::Copy { offset, len }) => self.copy = (u64::from(offset), len as usize),
                Some(DeltaPart::Insert(data)) => {
                    if let Some(now) = rest.get_mut(..data.len()) {
                        now.copy_from_slice(data);
                    }
                    filled = filled.saturating_add(data.len());
                }
                None => break,
            }
        }
        Ok(filled)
    }

    /// Says that no more of the delta will come, once [`read`](Self::read) has given 0.
    ///
    /// # Errors
    /// [`DeltaError::Truncated`], [`DeltaError::ResultTooShort`], or an error that `read` gave.
    pub fn finish(&self) -> Result<(), DeltaError> {
        let declared = self.decoder.produced();
        match self.copy.1 as u64 {
            0 => self.decoder.finish(),
            left => Err(DeltaError::ResultTooShort { declared, actual: declared.saturating_sub(left) }),
        }
    }

    /// The header, once it was read.
    #[must_use]
    pub fn header(&self) -> Option<&Header> {
        self.decoder.header()
    }
}

/// Why a [`Stream`] ended early.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamError<E> {
    /// The delta is not one.
    #[error(transparent)]
    Delta(#[from] DeltaError),
    /// The base cannot be read.
    #[error("the base of a delta cannot be read")]
    Base(#[source] E),
}
