//! A `packed-refs` that is too large to be read for the sake of a few refs.
//!
//! Git replaces the file and never changes it: an open one stays as it is. Lines are sorted, so the place of a name is found by halving,
//! with a small read for each half; from there pieces are read, the first one small.

use std::ops::ControlFlow;
use std::sync::Arc;

use gitwire_storage::Result;
use gitwire_types::ObjectFormat;

use super::{Header, PackedRef, PackedRefs};
use crate::error::{Context as _, corrupt};
use crate::fs::File;

/// A sorted `packed-refs`, open.
#[derive(Debug)]
pub(crate) struct LargePackedRefs {
    file: Arc<dyn File>,
    size: u64,
    /// Without any line of its own.
    header: PackedRefs,
}

impl LargePackedRefs {
    /// Takes a file of `size` bytes; `None` where it is not sorted, so that only reading all of it helps.
    pub(crate) fn new(file: &Arc<dyn File>, size: u64, format: ObjectFormat) -> Result<Option<Self>> {
        let mut large =
            Self { file: Arc::clone(file), size, header: PackedRefs { format, ..PackedRefs::default() } };
        let front = large.read(0, WINDOW)?;
        // A header that is longer is none that git writes: whoever reads all of the file says what is wrong with it.
        let Ok(Some(header)) = Header::parse(&front) else { return Ok(None) };
        large.header.peeled = header.peeled;
        large.header.base = header.end as u64;
        Ok(header.sorted.then_some(large))
    }

    /// Gives the refs whose names are `from` or behind it, in the order of names.
    pub(crate) fn each_from(
        &self,
        from: &[u8],
        each: &mut dyn FnMut(PackedRef<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let mut at = self.lower_bound(from)?;
        let mut room = WINDOW;
        while at < self.size {
            let piece = self.piece(at, room)?;
            for found in piece.iter_from(from) {
                if each(found?)?.is_break() {
                    return Ok(());
                }
            }
            at = at.saturating_add(piece.text.len() as u64);
            room = room.saturating_mul(2).min(PIECE_MAX);
        }
        Ok(())
    }

    /// Halves the file by bytes, until what is left is read at once: the start of a ref line that is not behind the first one whose
    /// name is `name` or behind it.
    fn lower_bound(&self, name: &[u8]) -> Result<u64> {
        let (mut low, mut high) = (self.header.base, self.size);
        while high.saturating_sub(low) > WINDOW as u64 {
            let middle = low.midpoint(high);
            let Some((line, found)) = self.ref_behind(middle, high)? else {
                // Nothing begins between the middle and the end: one long line.
                high = middle;
                continue;
            };
            if found.as_slice() < name {
                low = line;
            } else {
                high = middle;
            }
        }
        // The line that `high` lies in may begin before it: only `low` is the start of a line.
        Ok(low)
    }

    /// The first ref line that begins behind `at` and before `end`, and its name.
    fn ref_behind(&self, at: u64, end: u64) -> Result<Option<(u64, Vec<u8>)>> {
        let mut room = WINDOW;
        loop {
            let text = self.read(at, room)?;
            let is_all = at.saturating_add(text.len() as u64) >= self.size;
            let mut starts = memchr::memchr_iter(b'\n', &text).map(|lf| lf.saturating_add(1));
            let start = starts.find(|start| !text.get(*start..).is_some_and(|line| line.starts_with(b"^")));
            if let Some(start) = start.filter(|start| *start < text.len()) {
                let line = text.get(start..).unwrap_or_default();
                let place = at.saturating_add(start as u64);
                if let Some(end_of_line) = memchr::memchr(b'\n', line) {
                    let name = line.get(self.header.format.hex_len().saturating_add(1)..end_of_line);
                    let name = name.unwrap_or_default().to_vec();
                    return Ok((place < end).then_some((place, name)));
                }
            }
            if is_all || room >= PIECE_MAX {
                return Ok(None);
            }
            room = room.saturating_mul(2);
        }
    }

    /// About `room` bytes of whole refs from the start of a line on: at least one.
    fn piece(&self, at: u64, room: usize) -> Result<PackedRefs> {
        let mut room = room;
        loop {
            let mut text = self.read(at, room)?;
            if at.saturating_add(text.len() as u64) < self.size {
                text.truncate(whole_refs(&text));
            } else if text.last().is_some_and(|byte| *byte != b'\n') {
                return Err(corrupt("packed-refs: last line has no line end"));
            }
            if !text.is_empty() {
                let PackedRefs { peeled, format, .. } = self.header;
                return Ok(PackedRefs { text, peeled, format, base: at, ..PackedRefs::default() });
            }
            if room >= PIECE_MAX {
                return Err(corrupt(format!("packed-refs: unexpected line at byte {at}")));
            }
            room = room.saturating_mul(2);
        }
    }

    /// Up to `room` bytes from `at` on; fewer at the end alone.
    fn read(&self, at: u64, room: usize) -> Result<Vec<u8>> {
        let left = usize::try_from(self.size.saturating_sub(at)).unwrap_or(usize::MAX);
        let mut text = vec![0; room.min(left)];
        let mut filled: usize = 0;
        while let Some(rest) = text.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let got = self.file.read_at(at.saturating_add(filled as u64), rest);
            let got = got.context(|| "cannot read 'packed-refs'".to_owned())?;
            if got == 0 {
                return Err(corrupt("packed-refs: the file has become shorter"));
            }
            filled = filled.saturating_add(got);
        }
        Ok(text)
    }
}

/// The length of the front of `text` that holds whole refs, with their peeled lines. More text follows it: what the last line is
/// followed by is seen only where a line behind it begins.
fn whole_refs(text: &[u8]) -> usize {
    let mut end = text.len();
    while let Some(lf) = text.get(..end).and_then(|text| memchr::memrchr(b'\n', text)) {
        let start = lf.saturating_add(1);
        if text.get(start).is_some_and(|byte| *byte != b'^') {
            return start;
        }
        end = lf;
    }
    0
}

/// Read at once while a name is looked for, and at first when refs are given: some fifty lines.
const WINDOW: usize = 4 << 10;

/// Read at once in the end. No line is longer: names that git accepts have 64 KiB at most.
const PIECE_MAX: usize = 256 << 10;
