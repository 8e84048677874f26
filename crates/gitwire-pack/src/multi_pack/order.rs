//! The order of the objects of a multi-pack index that bitmaps go by: pack by pack, in each as its entries stand.

use std::fmt;
use std::ops::Range;

use gitwire_object::{Hasher, Trust};
use gitwire_types::ObjectFormat;

use super::{MultiPackIndex, MultiPackProblem};

/// Positions in a multi-pack index by places, and the other way: the preferred pack first, then the others by their numbers.
pub struct MultiPackOrder {
    positions: Box<[u32]>,
    places: Box<[u32]>,
    /// The places of each pack.
    packs: Vec<Range<u32>>,
}

impl MultiPackOrder {
    pub(super) fn new(index: &MultiPackIndex, table: &[u8]) -> Result<Self, MultiPackProblem> {
        let (words, _) = table.as_chunks::<4>();
        let positions: Box<[u32]> = words.iter().map(|word| u32::from_be_bytes(*word)).collect();
        let mut places = vec![0; positions.len()];
        let mut packs = vec![0..0; index.packs().len()];
        let first = positions.first().and_then(|first| index.entry(*first)).map(|(pack, _)| pack);
        let mut last = None;
        // Whatever goes up strictly and is as long as the index has every object once.
        for (place, position) in (0..).zip(&positions) {
            let problem = MultiPackProblem::Place(place);
            let (pack, offset) = index.entry(*position).ok_or(problem)?;
            let key = (Some(pack) != first, pack, offset);
            if last.is_some_and(|last| last >= key) {
                return Err(problem);
            }
            last = Some(key);
            places.get_mut(*position as usize).into_iter().for_each(|slot| *slot = place);
            if let Some(range) = packs.get_mut(pack as usize) {
                let end = place.saturating_add(1);
                *range = if range.start == range.end { place..end } else { range.start..end };
            }
        }
        for (pack, range) in packs.iter().enumerate() {
            let said = index.bitmapped(pack);
            let count = range.end.saturating_sub(range.start);
            let is_same = said.is_none_or(|(start, of)| of == count && (of == 0 || start == range.start));
            if !is_same {
                return Err(MultiPackProblem::PackPlaces(u32::try_from(pack).unwrap_or(u32::MAX)));
            }
        }
        Ok(Self { positions, places: places.into(), packs })
    }

    /// From a file: signature, version, hash function, the table, the checksum of the index, its own checksum.
    pub(super) fn from_file(
        index: &MultiPackIndex,
        format: ObjectFormat,
        file: &[u8],
    ) -> Result<Self, MultiPackProblem> {
        let problem = MultiPackProblem::OrderFile;
        let mut header = *b"RIDX\0\0\0\x01\0\0\0\x01";
        if format == ObjectFormat::Sha256
            && let Some(last) = header.last_mut()
        {
            *last = 2;
        }
        let rest = file.strip_prefix(&header).ok_or(problem)?;
        let table_len = (index.count() as usize).saturating_mul(4);
        let (table, trailer) = rest.split_at_checked(table_len).ok_or(problem)?;
        let (of, own) = trailer.split_at_checked(format.raw_len()).ok_or(problem)?;
        let mut hasher = Hasher::new(format, Trust::Own);
        hasher.update(file.get(..file.len().saturating_sub(own.len())).unwrap_or_default());
        let sum = hasher.finish().map_err(|_| problem)?;
        if of != index.checksum().as_bytes() || own != sum.as_bytes() {
            return Err(problem);
        }
        Self::new(index, table)
    }

    /// The place of the object at a position of the index; `None` past the last.
    #[must_use]
    pub fn place(&self, position: u32) -> Option<u32> {
        self.places.get(position as usize).copied()
    }

    /// The position in the index of the object at a place; `None` past the last.
    #[must_use]
    pub fn position(&self, place: u32) -> Option<u32> {
        self.positions.get(place as usize).copied()
    }

    /// The place of the object whose entry starts at `offset` of a pack; `None` where that copy of it is not in the index.
    #[must_use]
    pub fn place_at(&self, index: &MultiPackIndex, pack: u32, offset: u64) -> Option<u32> {
        let mut range = self.packs.get(pack as usize)?.clone();
        while range.start < range.end {
            let middle = range.start.midpoint(range.end);
            let (_, found) = index.entry(self.position(middle)?)?;
            match found.cmp(&offset) {
                std::cmp::Ordering::Less => range.start = middle.saturating_add(1),
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Greater => range.end = middle,
            }
        }
        None
    }
}

impl fmt::Debug for MultiPackOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MultiPackOrder").field("packs", &self.packs).finish_non_exhaustive()
    }
}
