//! Finding where entries start and end while the pack arrives.
//!
//! The scan is the only serial part of indexing, so it does the least: it follows the compressed data without making the
//! content, which is checked when the object is made.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use gitwire_object::{Hasher, Trust};
use gitwire_types::{ObjectFormat, ObjectId};
use sirocco::Format;
use sirocco::inflate::{Error, Scanner};

use crate::hash::finish;
use crate::indexer::table::{Scanned, Table};
use crate::inflate::{compressed_bound, inflate_error};
use crate::{EntryHeader, EntryKind, Limits, PackError, PackHeader};

/// The state of the scan between two pieces of the pack.
pub(crate) struct Scan {
    format: ObjectFormat,
    limits: Limits,
    state: State,
    /// How much of the pack was taken in.
    offset: u64,
    /// Declared by the header.
    objects: u32,
    /// Of everything before the trailer.
    hasher: Hasher,
    scanner: Box<Scanner>,
    /// A header or trailer that was cut.
    held: Vec<u8>,
}

enum State {
    Header,
    /// Between two entries.
    Entry,
    Body {
        start: u64,
        header: EntryHeader,
        crc: crc32fast::Hasher,
    },
    Trailer,
    End(ObjectId),
}

impl Scan {
    pub(crate) fn new(format: ObjectFormat, limits: Limits) -> Self {
        Self {
            format,
            limits,
            state: State::Header,
            offset: 0,
            objects: 0,
            hasher: Hasher::new(format, Trust::Own),
            scanner: Box::new(Scanner::new(Format::Zlib)),
            held: Vec::with_capacity(EntryHeader::MAX_LEN),
        }
    }

    /// The number of objects that the header declares; 0 before it was there.
    pub(crate) fn objects(&self) -> u32 {
        self.objects
    }

    /// The pack's checksum, once all of it was there.
    ///
    /// # Errors
    /// [`PackError::Truncated`] where it is not.
    pub(crate) fn checksum(&self) -> Result<ObjectId, PackError> {
        match self.state {
            State::End(checksum) => Ok(checksum),
            _ => Err(PackError::Truncated { offset: self.offset }),
        }
    }

    /// Takes in the next piece of the pack. `hints`: entries in this piece that somebody else has found, in order; they are
    /// believed where one starts just where the scan says that an entry starts.
    pub(crate) fn feed(
        &mut self,
        input: &[u8],
        hints: &[Scanned],
        table: &mut Table,
    ) -> Result<(), PackError> {
        let mut rest = input;
        let mut hints = hints;
        // Bytes of this piece that stand before the trailer.
        let mut hashed = 0_usize;
        let result = loop {
            if rest.is_empty() && !self.is_ready(table) {
                break Ok(());
            }
            let before = rest.len();
            let in_pack = !matches!(self.state, State::Trailer | State::End(_));
            if in_pack && matches!(self.state, State::Entry) && self.held.is_empty() {
                self.take_hints(&mut rest, &mut hints, table);
            }
            let step = self.step(&mut rest, table);
            if in_pack {
                hashed = hashed.saturating_add(before.saturating_sub(rest.len()));
            }
            if in_pack && matches!(self.state, State::Trailer) {
                self.hasher.update(input.get(..hashed).unwrap_or_default());
                hashed = 0;
            }
            if let Err(error) = step {
                break Err(error);
            }
        };
        if !matches!(self.state, State::Trailer | State::End(_)) {
            self.hasher.update(input.get(..hashed).unwrap_or_default());
        }
        result
    }

    /// Whether a step can be made without input: the move from the last entry to the trailer.
    fn is_ready(&self, table: &Table) -> bool {
        matches!(self.state, State::Entry) && table.count() == self.objects
    }

    fn step(&mut self, rest: &mut &[u8], table: &mut Table) -> Result<(), PackError> {
        match &mut self.state {
            State::Header => self.header(rest),
            State::Entry if table.count() == self.objects => {
                self.state = State::Trailer;
                Ok(())
            }
            State::Entry => self.entry(rest),
            State::Body { .. } => self.body(rest, table),
            State::Trailer => self.trailer(rest),
            State::End(_) => Err(PackError::TrailingData { offset: self.offset }),
        }
    }

    fn header(&mut self, rest: &mut &[u8]) -> Result<(), PackError> {
        self.hold(rest, PackHeader::LEN);
        if let Some(bytes) = self.held.first_chunk() {
            let header = PackHeader::parse(bytes)?;
            let max = self.limits.objects_max;
            if header.objects > max {
                return Err(PackError::TooManyObjects { declared: header.objects, max });
            }
            self.objects = header.objects;
            self.held.clear();
            self.state = State::Entry;
        }
        Ok(())
    }

    fn entry(&mut self, rest: &mut &[u8]) -> Result<(), PackError> {
        let held = self.held.len();
        let start = self.offset.saturating_sub(held as u64);
        let header = if held == 0 {
            EntryHeader::parse(rest, self.format, start)?
        } else {
            let more = rest.get(..EntryHeader::MAX_LEN.saturating_sub(held)).unwrap_or(rest);
            self.held.extend_from_slice(more);
            EntryHeader::parse(&self.held, self.format, start)?
        };
        let Some(header) = header else {
            if held == 0 {
                self.held.extend_from_slice(rest);
            }
            self.consume(rest, rest.len());
            return Ok(());
        };
        check_size(start, &header, &self.limits)?;
        let len = usize::from(header.len);
        let mut crc = crc32fast::Hasher::new();
        if held == 0 {
            crc.update(rest.get(..len).unwrap_or_default());
        } else {
            crc.update(self.held.get(..len).unwrap_or_default());
        }
        self.consume(rest, len.saturating_sub(held));
        self.held.clear();
        self.scanner.reset();
        self.state = State::Body { start, header, crc };
        Ok(())
    }

    fn body(&mut self, rest: &mut &[u8], table: &mut Table) -> Result<(), PackError> {
        let State::Body { start, header, crc } = &mut self.state else {
            return Err(PackError::Internal("a body is scanned in its state"));
        };
        let (start, header) = (*start, *header);
        let end = scan_piece(&mut self.scanner, rest, start, &header)?;
        let taken = end.unwrap_or(rest.len());
        crc.update(rest.get(..taken).unwrap_or_default());
        let crc32 = end.map(|_| crc.clone().finalize());
        self.consume(rest, taken);
        if let Some(crc32) = crc32 {
            table.push(&Scanned { offset: start, len: self.offset.saturating_sub(start), crc32, header });
            self.state = State::Entry;
        }
        Ok(())
    }

    fn trailer(&mut self, rest: &mut &[u8]) -> Result<(), PackError> {
        let len = self.format.raw_len();
        self.hold(rest, len);
        if self.held.len() < len {
            return Ok(());
        }
        let expected = ObjectId::from_raw(self.format, &self.held)
            .map_err(|_| PackError::Internal("an id has its format's length"))?;
        let actual = finish(self.hasher.clone())?;
        if expected != actual {
            let offset = self.offset.saturating_sub(len as u64);
            return Err(PackError::Checksum { offset, expected, actual });
        }
        self.held.clear();
        self.state = State::End(actual);
        Ok(())
    }

    /// Skips over what somebody else has scanned.
    fn take_hints(&mut self, rest: &mut &[u8], hints: &mut &[Scanned], table: &mut Table) {
        while let Some((hint, more)) = hints.split_first() {
            if hint.offset > self.offset || table.count() >= self.objects {
                return;
            }
            if hint.offset == self.offset {
                let Ok(len) = usize::try_from(hint.len) else { return };
                table.push(hint);
                self.consume(rest, len);
            }
            *hints = more;
        }
    }

    /// Moves bytes of `rest` to what is held, up to `len`.
    fn hold(&mut self, rest: &mut &[u8], len: usize) {
        let want = len.saturating_sub(self.held.len()).min(rest.len());
        self.held.extend_from_slice(rest.get(..want).unwrap_or_default());
        self.consume(rest, want);
    }

    fn consume(&mut self, rest: &mut &[u8], len: usize) {
        self.offset = self.offset.saturating_add(len as u64);
        *rest = rest.get(len..).unwrap_or_default();
    }
}

/// Scans the next piece of an entry's compressed data; its end, if it is in this piece.
fn scan_piece(
    scanner: &mut Scanner,
    input: &[u8],
    offset: u64,
    header: &EntryHeader,
) -> Result<Option<usize>, PackError> {
    let declared = header.size;
    // One loop over all of the input is a little faster than one that may stop anywhere.
    let mut end = None;
    if scanner.total_in() == 0 && compressed_bound(declared) <= input.len() as u64 {
        end = match scanner.scan(input, true) {
            Ok(end) => end,
            Err(Error::Truncated) => {
                scanner.reset();
                None
            }
            Err(error) => return Err(inflate_error(offset, declared, error)),
        };
    }
    if end.is_none() {
        end = scanner.scan(input, false).map_err(|error| inflate_error(offset, declared, error))?;
    }
    let actual = scanner.total_out();
    match end {
        _ if actual > declared => Err(PackError::InflateOverrun { offset, declared }),
        Some(_) if actual < declared => Err(PackError::InflateUnderrun { offset, declared, actual }),
        end => Ok(end),
    }
}

/// Scans an entry of which all bytes are at the front of `input`; `None` where it is none, or does not end there.
pub(crate) fn scan_whole(
    scanner: &mut Scanner,
    input: &[u8],
    offset: u64,
    format: ObjectFormat,
    limits: &Limits,
) -> Option<Scanned> {
    let header = EntryHeader::parse(input, format, offset).ok()??;
    check_size(offset, &header, limits).ok()?;
    let head = usize::from(header.len);
    scanner.reset();
    let len = scanner.scan(input.get(head..)?, true).ok()??.checked_add(head)?;
    if scanner.total_out() != header.size {
        return None;
    }
    let crc32 = crc32fast::hash(input.get(..len)?);
    Some(Scanned { offset, len: len as u64, crc32, header })
}

fn check_size(offset: u64, header: &EntryHeader, limits: &Limits) -> Result<(), PackError> {
    let declared = header.size;
    let max = match header.kind {
        EntryKind::Whole(_) => limits.object_bytes_max,
        EntryKind::OffsetDelta { .. } | EntryKind::IdDelta { .. } => limits.delta_bytes_max,
    };
    if declared > max {
        return Err(PackError::ObjectTooLarge { offset, declared, max });
    }
    Ok(())
}
