//! Inflating entries (RFC 1950), whole or in pieces.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use std::fmt;

use sirocco::Format;
use sirocco::inflate::{Decoder, Error};

use crate::{InflateProblem, PackError, ReadAt};

/// An inflater that is used again for stream after stream.
pub(crate) struct Inflater(Box<Decoder>);

impl Inflater {
    pub(crate) fn new() -> Self {
        Self(Box::new(Decoder::new(Format::Zlib)))
    }

    /// Inflates a stream that lies at the front of `input` into `out`, which it must fill; gives the length of the stream.
    /// `None`: the stream does not end within `input`.
    ///
    /// `offset` is the entry's, for errors.
    pub(crate) fn whole(
        &mut self,
        input: &[u8],
        out: &mut [u8],
        offset: u64,
    ) -> Result<Option<usize>, PackError> {
        let declared = out.len() as u64;
        self.0.reset();
        let progress = match self.0.decompress(input, out, true) {
            Ok(progress) => progress,
            Err(Error::Truncated) => return Ok(None),
            Err(error) => return Err(inflate_error(offset, declared, error)),
        };
        if !progress.done {
            return Err(PackError::InflateOverrun { offset, declared });
        }
        let (consumed, actual) = (progress.consumed, progress.output.len() as u64);
        if actual != declared {
            return Err(PackError::InflateUnderrun { offset, declared, actual });
        }
        Ok(Some(consumed))
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inflater")
    }
}

/// Where the compressed data of an entry lies, and what it should give.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compressed {
    /// Of the entry, for errors.
    pub(crate) entry: u64,
    /// The first byte of the stream.
    pub(crate) start: u64,
    /// Where the stream ends at the latest: the next entry or the trailer.
    pub(crate) end: u64,
    /// The size of what it inflates to.
    pub(crate) size: u64,
}

/// Inflates an entry in pieces, reading it where it lies.
pub(crate) struct InflateStream {
    decoder: Box<Decoder>,
    place: Compressed,
    input: Vec<u8>,
    /// The part of `input` that was read and not yet inflated.
    input_used: usize,
    input_len: usize,
    /// History and new output; see [`Decoder::make_room`].
    window: Box<[u8]>,
    window_used: usize,
    made: u64,
    /// What the last call left room for.
    full: bool,
    done: bool,
}

impl InflateStream {
    pub(crate) fn new(place: Compressed) -> Self {
        Self {
            decoder: Box::new(Decoder::new(Format::Zlib)),
            place,
            input: vec![0; INPUT],
            input_used: 0,
            input_len: 0,
            window: vec![0; WINDOW].into_boxed_slice(),
            window_used: 0,
            made: 0,
            full: false,
            done: false,
        }
    }

    /// The next piece; empty at the end, once the declared size was there and no more.
    pub(crate) fn next<R: ReadAt + ?Sized>(&mut self, data: &R) -> Result<&[u8], PackError> {
        let (entry, declared) = (self.place.entry, self.place.size);
        loop {
            if self.done {
                return Ok(&[]);
            }
            if self.full {
                let dropped = self.decoder.make_room(&mut self.window);
                self.window_used = self.window_used.saturating_sub(dropped);
            }
            self.fill(data)?;
            let input = self.input.get(self.input_used..self.input_len).unwrap_or_default();
            let last = self.place.start == self.place.end;
            let progress = self
                .decoder
                .decompress(input, &mut self.window, last)
                .map_err(|error| inflate_error(entry, declared, error))?;
            self.input_used = self.input_used.saturating_add(progress.consumed);
            self.full = progress.full;
            self.done = progress.done;
            let len = progress.output.len();
            self.made = self.made.saturating_add(len as u64);
            if self.made > declared {
                return Err(PackError::InflateOverrun { offset: entry, declared });
            }
            if self.done && self.made < declared {
                return Err(PackError::InflateUnderrun { offset: entry, declared, actual: self.made });
            }
            let from = self.window_used;
            self.window_used = from.saturating_add(len);
            if len > 0 {
                return Ok(self.window.get(from..self.window_used).unwrap_or_default());
            }
        }
    }

    fn fill<R: ReadAt + ?Sized>(&mut self, data: &R) -> Result<(), PackError> {
        if self.input_used < self.input_len || self.place.start >= self.place.end {
            return Ok(());
        }
        let left = self.place.end.saturating_sub(self.place.start);
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(self.input.len());
        let room = self.input.get_mut(..want).unwrap_or_default();
        let count = data.read_at(self.place.start, room).map_err(PackError::Storage)?;
        if count == 0 {
            return Err(PackError::Truncated { offset: self.place.start });
        }
        self.place.start = self.place.start.saturating_add(count as u64);
        (self.input_used, self.input_len) = (0, count);
        Ok(())
    }
}

impl fmt::Debug for InflateStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InflateStream")
            .field("place", &self.place)
            .field("made", &self.made)
            .finish_non_exhaustive()
    }
}

/// What the inflater says, in our words.
pub(crate) fn inflate_error(offset: u64, declared: u64, error: Error) -> PackError {
    let problem = match error {
        Error::BadData => InflateProblem::Format,
        Error::ChecksumMismatch => InflateProblem::Checksum,
        Error::PresetDictionary => InflateProblem::Dictionary,
        Error::Truncated | Error::TrailingData => InflateProblem::Length,
        Error::BufferFull | Error::InsufficientSpace => {
            return PackError::InflateOverrun { offset, declared };
        }
        _ => InflateProblem::Format,
    };
    PackError::Inflate { offset, problem }
}

/// The most that a stream of `size` bytes takes when it is compressed badly: stored blocks of a few KiB, header, checksum.
pub(crate) fn compressed_bound(size: u64) -> u64 {
    size.saturating_add(size / 512).saturating_add(64)
}

/// One read of a file system's read-ahead.
const INPUT: usize = 32 << 10;
/// Four times the history that a stream may refer to, so that little is moved.
const WINDOW: usize = 128 << 10;
