//! Decoding a pack that is pushed in, cut anywhere.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use std::fmt;

use gitwire_object::{Hasher, Trust};
use gitwire_types::{ObjectFormat, ObjectId};
use sirocco::Format;
use sirocco::inflate::Decoder;

use crate::hash::finish;
use crate::inflate::inflate_error;
use crate::{EntryHeader, EntryKind, Limits, PackError, PackHeader};

/// Turns the bytes of a pack into its header, its entries, their inflated data, and its end (`gitformat-pack`).
///
/// It is fed whatever arrived, and gives one item a call; for every way of cutting the input the items are the same, once
/// adjacent data is joined (of several faults in one entry's compressed data, any may be the one that is named). Deltas are
/// given as they are: [`Indexer`](crate::Indexer) resolves them. It holds 64 KiB of history, and no object.
///
/// ```
/// use gitwire_pack::{PackDecoder, PackItem};
/// use gitwire_types::ObjectFormat;
///
/// let pack = b"PACK\0\0\0\x02\0\0\0\0\x02\x9d\x08\x82\x3b\xd8\xa8\xea\xb5\x10\xad\x6a\xc7\x5c\x82\x3c\xfd\x3e\xd3\x1e";
/// let mut decoder = PackDecoder::new(ObjectFormat::Sha1, Default::default());
/// let mut input = &pack[..];
/// let checksum = loop {
///     let (consumed, item) = decoder.decode(input)?;
///     input = &input[consumed..];
///     match item {
///         PackItem::Header(header) => assert_eq!(header.objects, 0),
///         PackItem::End { checksum } => break checksum,
///         item => unreachable!("an empty pack holds no {item:?}"),
///     }
/// };
/// assert_eq!(checksum.as_bytes(), &pack[12..]);
/// # Ok::<(), gitwire_pack::PackError>(())
/// ```
pub struct PackDecoder {
    format: ObjectFormat,
    limits: Limits,
    state: State,
    offset: u64,
    entries_left: u32,
    /// Of everything before the trailer.
    hasher: Hasher,
    decoder: Box<Decoder>,
    /// History and new data; see [`Decoder::make_room`].
    window: Box<[u8]>,
    window_used: usize,
    window_full: bool,
    /// A header or trailer that was cut.
    held: Vec<u8>,
}

/// What a [`PackDecoder`] gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PackItem<'a> {
    /// All input was taken, and more is needed.
    NeedInput,
    /// The header of the pack.
    Header(PackHeader),
    /// An entry starts.
    Entry {
        /// Where its header stands in the pack.
        offset: u64,
        /// The header.
        header: EntryHeader,
    },
    /// The next piece of the entry's data, inflated; never empty.
    Data(&'a [u8]),
    /// The entry is whole: it inflated without error to the size that its header declares.
    EntryEnd {
        /// The offset behind it.
        end: u64,
        /// Of its bytes in the pack.
        crc32: u32,
    },
    /// The pack is whole, and hashes to its trailer. Input behind it was not taken.
    End {
        /// The trailer.
        checksum: ObjectId,
    },
}

enum State {
    Header,
    Entry,
    Body { start: u64, header: EntryHeader, made: u64, crc: crc32fast::Hasher, done: bool },
    Trailer,
    End(ObjectId),
    Failed,
}

/// What a step has found, before the window is borrowed.
enum Step {
    Again,
    NeedInput,
    Header(PackHeader),
    Entry { offset: u64, header: EntryHeader },
    Data { start: usize, end: usize },
    EntryEnd { end: u64, crc32: u32 },
    End(ObjectId),
}

impl PackDecoder {
    /// A decoder at the start of a pack.
    #[must_use]
    pub fn new(format: ObjectFormat, limits: Limits) -> Self {
        Self {
            format,
            limits,
            state: State::Header,
            offset: 0,
            entries_left: 0,
            hasher: Hasher::new(format, Trust::Own),
            decoder: Box::new(Decoder::new(Format::Zlib)),
            window: vec![0; WINDOW].into_boxed_slice(),
            window_used: 0,
            window_full: false,
            held: Vec::with_capacity(EntryHeader::MAX_LEN),
        }
    }

    /// How many bytes of the pack were taken.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Takes bytes from the front of `input`: how many, and what they gave.
    ///
    /// # Errors
    /// What is wrong with the pack, with its offset, or an exceeded limit; [`PackError::TrailingData`] for input behind
    /// [`PackItem::End`]; [`PackError::Misuse`] after an error.
    pub fn decode(&mut self, input: &[u8]) -> Result<(usize, PackItem<'_>), PackError> {
        let mut rest = input;
        let step = loop {
            match self.step(&mut rest) {
                Ok(Step::Again) => {}
                Ok(step) => break step,
                Err(error) => {
                    self.state = State::Failed;
                    return Err(error);
                }
            }
        };
        let consumed = input.len().saturating_sub(rest.len());
        let item = match step {
            Step::Again | Step::NeedInput => PackItem::NeedInput,
            Step::Header(header) => PackItem::Header(header),
            Step::Entry { offset, header } => PackItem::Entry { offset, header },
            Step::Data { start, end } => PackItem::Data(self.window.get(start..end).unwrap_or_default()),
            Step::EntryEnd { end, crc32 } => PackItem::EntryEnd { end, crc32 },
            Step::End(checksum) => PackItem::End { checksum },
        };
        Ok((consumed, item))
    }

    /// No more input will come: the pack's checksum, if it is whole.
    ///
    /// # Errors
    /// [`PackError::Truncated`] where it is not.
    pub fn finish(&self) -> Result<ObjectId, PackError> {
        match self.state {
            State::End(checksum) => Ok(checksum),
            State::Failed => Err(PackError::Misuse("the decoder has failed before")),
            _ => Err(PackError::Truncated { offset: self.offset }),
        }
    }

    fn step(&mut self, rest: &mut &[u8]) -> Result<Step, PackError> {
        match &self.state {
            State::Header => self.header(rest),
            State::Entry if self.entries_left == 0 => {
                self.state = State::Trailer;
                Ok(Step::Again)
            }
            State::Entry => self.entry(rest),
            State::Body { done: true, .. } => self.entry_end(),
            State::Body { .. } => self.body(rest),
            State::Trailer => self.trailer(rest),
            State::End(_) if rest.is_empty() => Ok(Step::NeedInput),
            State::End(_) => Err(PackError::TrailingData { offset: self.offset }),
            State::Failed => Err(PackError::Misuse("the decoder has failed before")),
        }
    }

    fn header(&mut self, rest: &mut &[u8]) -> Result<Step, PackError> {
        let want = PackHeader::LEN.saturating_sub(self.held.len());
        let taken = self.take(rest, want)?;
        self.hasher.update(taken);
        self.held.extend_from_slice(taken);
        let Some(bytes) = self.held.first_chunk() else { return Ok(Step::NeedInput) };
        let header = PackHeader::parse(bytes)?;
        let max = self.limits.objects_max;
        if header.objects > max {
            return Err(PackError::TooManyObjects { declared: header.objects, max });
        }
        self.entries_left = header.objects;
        self.held.clear();
        self.state = State::Entry;
        Ok(Step::Header(header))
    }

    fn entry(&mut self, rest: &mut &[u8]) -> Result<Step, PackError> {
        let held = self.held.len();
        let start = self.offset.saturating_sub(held as u64);
        let more = EntryHeader::MAX_LEN.saturating_sub(held).min(rest.len());
        self.held.extend_from_slice(rest.get(..more).unwrap_or_default());
        let Some(header) = EntryHeader::parse(&self.held, self.format, start)? else {
            self.hash(rest, more)?;
            return Ok(Step::NeedInput);
        };
        let (declared, max) = (header.size, self.size_max(&header));
        if declared > max {
            return Err(PackError::ObjectTooLarge { offset: start, declared, max });
        }
        let len = usize::from(header.len);
        let mut crc = crc32fast::Hasher::new();
        crc.update(self.held.get(..len).unwrap_or_default());
        self.hash(rest, len.saturating_sub(held))?;
        self.held.clear();
        self.decoder.reset();
        (self.window_used, self.window_full) = (0, false);
        self.state = State::Body { start, header, made: 0, crc, done: false };
        Ok(Step::Entry { offset: start, header })
    }

    fn body(&mut self, rest: &mut &[u8]) -> Result<Step, PackError> {
        if rest.is_empty() && !self.window_full {
            return Ok(Step::NeedInput);
        }
        let State::Body { start, header, made, crc, done } = &mut self.state else {
            return Err(PackError::Internal("a body is inflated in its state"));
        };
        let (offset, declared) = (*start, header.size);
        if self.window_full {
            let dropped = self.decoder.make_room(&mut self.window);
            self.window_used = self.window_used.saturating_sub(dropped);
        }
        // Room for one byte too many and no more: so too large an entry is that, whatever is wrong behind it.
        let left = usize::try_from(declared.saturating_sub(*made)).unwrap_or(usize::MAX).saturating_add(1);
        let room = self.window_used.saturating_add(left).min(self.window.len());
        let window = self.window.get_mut(..room).unwrap_or_default();
        let progress = match self.decoder.decompress(rest, window, false) {
            Ok(progress) => progress,
            Err(_) if self.decoder.total_out() > declared => {
                return Err(PackError::InflateOverrun { offset, declared });
            }
            Err(error) => return Err(inflate_error(offset, declared, error)),
        };
        let (consumed, len) = (progress.consumed, progress.output.len());
        *done = progress.done;
        self.window_full = progress.full;
        *made = made.saturating_add(len as u64);
        if *made > declared {
            return Err(PackError::InflateOverrun { offset, declared });
        }
        if *done && *made < declared {
            return Err(PackError::InflateUnderrun { offset, declared, actual: *made });
        }
        crc.update(rest.get(..consumed).unwrap_or_default());
        self.hash(rest, consumed)?;
        let start = self.window_used;
        self.window_used = start.saturating_add(len);
        Ok(if len == 0 { Step::Again } else { Step::Data { start, end: self.window_used } })
    }

    fn entry_end(&mut self) -> Result<Step, PackError> {
        let State::Body { crc, .. } = std::mem::replace(&mut self.state, State::Entry) else {
            return Err(PackError::Internal("an entry ends in its state"));
        };
        self.entries_left = self.entries_left.saturating_sub(1);
        Ok(Step::EntryEnd { end: self.offset, crc32: crc.finalize() })
    }

    fn trailer(&mut self, rest: &mut &[u8]) -> Result<Step, PackError> {
        let len = self.format.raw_len();
        let taken = self.take(rest, len.saturating_sub(self.held.len()))?;
        self.held.extend_from_slice(taken);
        if self.held.len() < len {
            return Ok(Step::NeedInput);
        }
        let expected = ObjectId::from_raw(self.format, &self.held)
            .map_err(|_| PackError::Internal("an id has its format's length"))?;
        let actual = finish(self.hasher.clone())?;
        if expected != actual {
            let offset = self.offset.saturating_sub(len as u64);
            return Err(PackError::Checksum { offset, expected, actual });
        }
        self.state = State::End(actual);
        Ok(Step::End(actual))
    }

    fn size_max(&self, header: &EntryHeader) -> u64 {
        match header.kind {
            EntryKind::Whole(_) => self.limits.object_bytes_max,
            EntryKind::OffsetDelta { .. } | EntryKind::IdDelta { .. } => self.limits.delta_bytes_max,
        }
    }

    /// Takes up to `len` bytes.
    fn take<'a>(&mut self, rest: &mut &'a [u8], len: usize) -> Result<&'a [u8], PackError> {
        let (taken, behind) = rest.split_at_checked(len).unwrap_or((rest, &[]));
        *rest = behind;
        self.offset = self.offset.saturating_add(taken.len() as u64);
        let max = self.limits.pack_bytes_max;
        if self.offset > max {
            return Err(PackError::PackTooLarge { max });
        }
        Ok(taken)
    }

    /// Takes `len` bytes, which stand before the trailer.
    fn hash(&mut self, rest: &mut &[u8], len: usize) -> Result<(), PackError> {
        let taken = self.take(rest, len)?;
        self.hasher.update(taken);
        Ok(())
    }
}

impl fmt::Debug for PackDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PackDecoder")
            .field("offset", &self.offset)
            .field("entries_left", &self.entries_left)
            .finish_non_exhaustive()
    }
}

/// Twice the history that a stream may refer to.
const WINDOW: usize = 64 << 10;
