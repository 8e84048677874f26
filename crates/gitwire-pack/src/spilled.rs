//! Objects that are too large to be held: kept elsewhere, and read where a delta copies from.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gitwire_delta::{DeltaBase, DeltaError, StreamError};
use gitwire_types::Interrupt;

use crate::bytes::read_exact_at;
use crate::inflate::{Compressed, InflateStream};
use crate::{Limits, PackError, ReadAt, Spool};

/// What is spilled at once, and what all of it costs.
#[derive(Debug)]
pub(crate) struct Meter {
    spilled: AtomicU64,
    spilled_max: u64,
    work: AtomicU64,
    work_max: u64,
}

impl Meter {
    /// For a pack of so many bytes.
    pub(crate) fn new(limits: &Limits, pack_bytes: u64) -> Arc<Self> {
        let work_max = limits.work_bytes_max.max(pack_bytes.saturating_mul(WORK_PER_BYTE));
        let (spilled, work) = (AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self { spilled, spilled_max: limits.spill_bytes_max, work, work_max })
    }

    /// Counts bytes that were made or read.
    pub(crate) fn charge(&self, bytes: u64) -> Result<(), PackError> {
        let before = self.work.fetch_add(bytes, Ordering::Relaxed);
        match before.saturating_add(bytes) > self.work_max {
            true => Err(PackError::TooMuchWork { max: self.work_max }),
            false => Ok(()),
        }
    }

    /// Whether so much is spilled that what only waits should go.
    pub(crate) fn is_half_full(&self) -> bool {
        self.spilled.load(Ordering::Relaxed) > self.spilled_max / 2
    }
}

/// An object in a medium of its own.
pub(crate) struct Spilled {
    medium: Box<dyn Spool>,
    meter: Arc<Meter>,
}

impl Spilled {
    pub(crate) fn new(beside: &dyn ReadAt, meter: &Arc<Meter>) -> Result<Self, PackError> {
        let medium = beside.spill().map_err(PackError::Storage)?;
        Ok(Self { medium, meter: Arc::clone(meter) })
    }

    /// Writes a piece behind what is there.
    pub(crate) fn append(&mut self, piece: &[u8]) -> Result<(), PackError> {
        let len = piece.len() as u64;
        let before = self.meter.spilled.load(Ordering::Relaxed);
        if before.saturating_add(len) > self.meter.spilled_max {
            return Err(PackError::TooMuchSpilled { max: self.meter.spilled_max });
        }
        self.medium.append(piece).map_err(PackError::Storage)?;
        self.meter.spilled.fetch_add(len, Ordering::Relaxed);
        Ok(())
    }

    pub(crate) fn size(&self) -> u64 {
        self.medium.size()
    }

    /// Its bytes.
    pub(crate) fn data(&self) -> &dyn ReadAt {
        &*self.medium
    }
}

impl Take for Spilled {
    fn begin(&mut self, _size: u64) -> Result<(), PackError> {
        Ok(())
    }

    fn piece(&mut self, piece: &[u8]) -> Result<(), PackError> {
        self.meter.charge(piece.len() as u64)?;
        self.append(piece)
    }
}

impl Drop for Spilled {
    fn drop(&mut self) {
        self.meter.spilled.fetch_sub(self.medium.size(), Ordering::Relaxed);
    }
}

impl fmt::Debug for Spilled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spilled").field("size", &self.size()).finish_non_exhaustive()
    }
}

/// What a delta copies from.
pub(crate) enum Base<'a> {
    Held(&'a [u8]),
    Spilled(Box<Pages<'a>>),
}

impl<'a> From<&'a Spilled> for Base<'a> {
    fn from(spilled: &'a Spilled) -> Self {
        Self::Spilled(Box::new(Pages { spilled, numbers: [u64::MAX; PAGES], room: Vec::new() }))
    }
}

/// Small copies come in thousands from the same places: the pages that were read last stay.
pub(crate) struct Pages<'a> {
    spilled: &'a Spilled,
    /// The page that each slot holds.
    numbers: [u64; PAGES],
    room: Vec<u8>,
}

impl Pages<'_> {
    /// Fills the front of `room` from the page that holds `offset`; how much.
    fn read(&mut self, offset: u64, room: &mut [u8]) -> Result<usize, PackError> {
        let number = offset >> PAGE.trailing_zeros();
        let slot = usize::try_from(number & u64::from(u32::MAX)).unwrap_or(0) & PAGES.saturating_sub(1);
        if self.room.is_empty() {
            self.room.resize(PAGE.saturating_mul(PAGES), 0);
        }
        let at = slot.saturating_mul(PAGE);
        let page = self.room.get_mut(at..at.saturating_add(PAGE)).unwrap_or_default();
        if self.numbers.get(slot) != Some(&number) {
            self.spilled.meter.charge(PAGE as u64)?;
            let start = number.saturating_mul(PAGE as u64);
            self.spilled.medium.read_at(start, page).map_err(PackError::Storage)?;
            if let Some(place) = self.numbers.get_mut(slot) {
                *place = number;
            }
        }
        let within = usize::try_from(offset & u64::from(u32::MAX)).unwrap_or(0) & PAGE.saturating_sub(1);
        let from = page.get(within..).unwrap_or_default();
        let count = from.len().min(room.len());
        if let (Some(to), Some(from)) = (room.get_mut(..count), from.get(..count)) {
            to.copy_from_slice(from);
        }
        Ok(count)
    }
}

impl DeltaBase for Base<'_> {
    type Error = PackError;

    fn size(&self) -> u64 {
        match self {
            Self::Held(bytes) => bytes.len() as u64,
            Self::Spilled(pages) => pages.spilled.size(),
        }
    }

    fn read_at(&mut self, offset: u64, room: &mut [u8]) -> Result<(), PackError> {
        match self {
            Self::Held(bytes) => bytes.read_at(offset, room).map_err(|never| match never {}),
            Self::Spilled(pages) if room.len() >= PAGE => {
                pages.spilled.meter.charge(room.len() as u64)?;
                read_exact_at(&*pages.spilled.medium, offset, room)
            }
            Self::Spilled(pages) => {
                let (mut offset, mut room) = (offset, room);
                while !room.is_empty() {
                    let count = pages.read(offset, room)?;
                    offset = offset.saturating_add(count as u64);
                    room = room.split_at_mut_checked(count).map_or(Default::default(), |(_, rest)| rest);
                }
                Ok(())
            }
        }
    }
}

/// Inflates an entry that is no delta, or makes what its delta makes of `base`, at most `max` bytes; all of it passes through
/// `take`, after `begin` has heard its size.
pub(crate) fn make<R: ReadAt + ?Sized>(
    data: &R,
    place: Compressed,
    base: Option<Base<'_>>,
    max: u64,
    interrupt: &dyn Interrupt,
    take: &mut dyn Take,
) -> Result<u64, PackError> {
    let mut stream = InflateStream::new(place);
    let Some(mut base) = base else {
        take.begin(place.size)?;
        loop {
            let piece = stream.next(data)?;
            if piece.is_empty() {
                return Ok(place.size);
            }
            take.piece(piece)?;
            interrupt.check()?;
        }
    };
    let entry = place.entry;
    let mut delta = gitwire_delta::Stream::new(&base, max);
    let (mut room, mut size) = (vec![0; PIECE], None);
    loop {
        let mut piece = stream.next(data)?;
        if piece.is_empty() {
            break;
        }
        loop {
            let filled = delta.read(&mut base, &mut piece, &mut room).map_err(|error| match error {
                StreamError::Delta(source) => delta_error(entry, source),
                StreamError::Base(error) => error,
            })?;
            if let (None, Some(header)) = (size, delta.header()) {
                size = Some(header.result_size);
                take.begin(header.result_size)?;
            }
            if filled == 0 {
                break;
            }
            take.piece(room.get(..filled).unwrap_or_default())?;
            interrupt.check()?;
        }
    }
    delta.finish().map_err(|source| delta_error(entry, source))?;
    Ok(size.unwrap_or_default())
}

/// What becomes of an object that comes in pieces.
pub(crate) trait Take {
    /// It will have so many bytes.
    fn begin(&mut self, size: u64) -> Result<(), PackError>;
    /// The next of them.
    fn piece(&mut self, piece: &[u8]) -> Result<(), PackError>;
}

/// An error of a delta; one limit has one name.
pub(crate) fn delta_error(offset: u64, source: DeltaError) -> PackError {
    match source {
        DeltaError::ResultTooLarge { declared, limit } => {
            PackError::ObjectTooLarge { offset, declared, max: limit }
        }
        source => PackError::Delta { offset, source },
    }
}

/// As much of a result as is made at once.
const PIECE: usize = 64 << 10;
/// What is read for a small copy: what a system reads at least, a power of two.
const PAGE: usize = 4 << 10;
/// Pages that stay, a power of two: a quarter of a MiB.
const PAGES: usize = 64;
/// Ten times what the histories of large projects come to.
const WORK_PER_BYTE: u64 = 1000;
