//! The file `packed-refs`: one line a ref, sorted, with what tags lead to.

mod large;

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use gitwire_storage::{Peeled, Result};
use gitwire_types::{ObjectFormat, ObjectId, RefName};

use self::large::LargePackedRefs;
use crate::error::{Context as _, corrupt, optional};
use crate::fs::{Directory, FileSystem, Links, Stat, is_racy, read_all};

/// The content of `packed-refs` at one time.
#[derive(Debug, Default)]
pub(crate) struct PackedRefs {
    text: Vec<u8>,
    /// Where the lines begin, in the order of names; empty where the file is sorted and lines are found by halving.
    order: Option<Vec<usize>>,
    /// The end of the header line.
    start: usize,
    /// Where in the file the text begins.
    base: u64,
    /// Whether every tag's line is followed by what it leads to, if it is below `refs/tags/` or anywhere.
    peeled: PeeledScope,
    format: ObjectFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum PeeledScope {
    #[default]
    None,
    Tags,
    All,
}

/// One ref of [`PackedRefs`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PackedRef<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) id: ObjectId,
    pub(crate) peeled: Peeled,
}

impl PackedRefs {
    /// Takes the text of a file; checks the header, and lines only so far as it must to know their order.
    pub(crate) fn parse(text: Vec<u8>, format: ObjectFormat) -> Result<Self> {
        let mut refs = Self { text, format, ..Self::default() };
        let mut sorted = false;
        if let Some(header) = Header::parse(&refs.text)? {
            (sorted, refs.peeled, refs.start) = (header.sorted, header.peeled, header.end);
        }
        if refs.text.last().is_some_and(|byte| *byte != b'\n') {
            return Err(corrupt("packed-refs: last line has no line end"));
        }
        if !sorted {
            refs.order = Some(refs.sorted_lines()?);
        }
        Ok(refs)
    }

    /// The ref called `name`.
    pub(crate) fn find(&self, name: &[u8]) -> Result<Option<PackedRef<'_>>> {
        let found = self.iter_from(name).next().transpose()?;
        Ok(found.filter(|found| found.name == name))
    }

    /// The refs whose names are `from` or behind it, in the order of names.
    pub(crate) fn iter_from<'a>(&'a self, from: &[u8]) -> PackedIter<'a> {
        match &self.order {
            Some(order) => {
                let at = order.partition_point(|line| self.name_at(*line) < from);
                PackedIter { refs: self, at: at_or_end(order, at, self.text.len()), index: Some(at) }
            }
            None => PackedIter { refs: self, at: self.lower_bound(from), index: None },
        }
    }

    /// Every ref, in the order of names.
    pub(crate) fn iter(&self) -> PackedIter<'_> {
        self.iter_from(b"")
    }

    /// Halves the file by bytes: finds the first ref line whose name is not less than `name`.
    fn lower_bound(&self, name: &[u8]) -> usize {
        let (mut low, mut high) = (self.start, self.text.len());
        while low < high {
            let middle = low.midpoint(high);
            let line = self.ref_line_around(middle, low);
            if self.name_at(line) < name {
                low = self.after_line(line);
                // A peeled line belongs to the ref before it.
                if self.text.get(low) == Some(&b'^') {
                    low = self.after_line(low);
                }
            } else {
                high = line;
            }
        }
        low
    }

    /// The start of the ref line that `middle` is in; of the one before where that is a peeled line.
    fn ref_line_around(&self, middle: usize, low: usize) -> usize {
        let mut line = self.line_start(middle, low);
        if self.text.get(line) == Some(&b'^') && line > low {
            line = self.line_start(line.saturating_sub(1), low);
        }
        line
    }

    fn line_start(&self, at: usize, low: usize) -> usize {
        let before = self.text.get(low..at).unwrap_or_default();
        memchr::memrchr(b'\n', before).map_or(low, |found| low.saturating_add(found).saturating_add(1))
    }

    fn after_line(&self, line: usize) -> usize {
        let rest = self.text.get(line..).unwrap_or_default();
        memchr::memchr(b'\n', rest)
            .map_or(self.text.len(), |found| line.saturating_add(found).saturating_add(1))
    }

    /// The name on the ref line at `line`; empty where the line is damaged, which reading it then says.
    fn name_at(&self, line: usize) -> &[u8] {
        let end = self.after_line(line).saturating_sub(1);
        let name = line.saturating_add(self.format.hex_len()).saturating_add(1);
        self.text.get(name..end).unwrap_or_default()
    }

    fn sorted_lines(&self) -> Result<Vec<usize>> {
        let mut lines = Vec::new();
        let mut at = self.start;
        while at < self.text.len() {
            lines.push(at);
            let (_, next) = self.ref_at(at)?;
            at = next;
        }
        lines.sort_by(|one, other| self.name_at(*one).cmp(self.name_at(*other)));
        Ok(lines)
    }

    /// The ref whose line begins at `at`, and where the next begins.
    fn ref_at(&self, at: usize) -> Result<(PackedRef<'_>, usize)> {
        let place = |at: usize| self.base.saturating_add(at as u64);
        let bad = || corrupt(format!("packed-refs: unexpected line at byte {}", place(at)));
        let next = self.after_line(at);
        let line = self.text.get(at..next.saturating_sub(1)).ok_or_else(bad)?;
        let (hex, rest) = line.split_at_checked(self.format.hex_len()).ok_or_else(bad)?;
        let name = rest.strip_prefix(b" ").filter(|name| !name.is_empty()).ok_or_else(bad)?;
        let id = ObjectId::from_hex(self.format, hex).map_err(|error| bad().with_source(error))?;
        if self.text.get(next) == Some(&b'^') {
            let after = self.after_line(next);
            let hex = self.text.get(next.saturating_add(1)..after.saturating_sub(1)).ok_or_else(bad)?;
            let peeled = ObjectId::from_hex(self.format, hex).map_err(|error| {
                corrupt(format!("packed-refs: unexpected line at byte {}", place(next))).with_source(error)
            })?;
            return Ok((PackedRef { name, id, peeled: Peeled::To(peeled) }, after));
        }
        let known = match self.peeled {
            PeeledScope::All => true,
            PeeledScope::Tags => name.starts_with(b"refs/tags/"),
            PeeledScope::None => false,
        };
        Ok((PackedRef { name, id, peeled: if known { Peeled::NotATag } else { Peeled::Unknown } }, next))
    }
}

/// What the first line says of the others.
#[derive(Debug)]
struct Header {
    sorted: bool,
    peeled: PeeledScope,
    /// Where the next line begins.
    end: usize,
}

impl Header {
    /// `None` where there is none, as in the oldest files.
    fn parse(text: &[u8]) -> Result<Option<Self>> {
        let Some(rest) = text.strip_prefix(HEADER) else { return Ok(None) };
        let Some(end) = memchr::memchr(b'\n', rest) else {
            return Err(corrupt("packed-refs: header has no line end"));
        };
        let (traits, _) = rest.split_at(end);
        let has = |name: &[u8]| traits.split(|byte| *byte == b' ').any(|word| word == name);
        let peeled = match (has(b"fully-peeled"), has(b"peeled")) {
            (true, _) => PeeledScope::All,
            (false, true) => PeeledScope::Tags,
            (false, false) => PeeledScope::None,
        };
        let end = HEADER.len().saturating_add(end).saturating_add(1);
        Ok(Some(Self { sorted: has(b"sorted"), peeled, end }))
    }
}

/// Refs of [`PackedRefs`] in order; a damaged line is an error, and the last item.
#[derive(Debug)]
pub(crate) struct PackedIter<'a> {
    refs: &'a PackedRefs,
    at: usize,
    /// The place in `order`, where there is one.
    index: Option<usize>,
}

impl<'a> Iterator for PackedIter<'a> {
    type Item = Result<PackedRef<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.refs.text.len() {
            return None;
        }
        match self.refs.ref_at(self.at) {
            Ok((found, next)) => {
                self.at = match (&mut self.index, &self.refs.order) {
                    (Some(index), Some(order)) => {
                        *index = index.saturating_add(1);
                        at_or_end(order, *index, self.refs.text.len())
                    }
                    _ => next,
                };
                Some(Ok(found))
            }
            Err(error) => {
                self.at = self.refs.text.len();
                Some(Err(error))
            }
        }
    }
}

/// Whether git would list the ref: names that could reach out of the directory or that no tool could make are left out.
pub(crate) fn is_listed(name: &[u8]) -> bool {
    name.starts_with(b"refs/") && RefName::check(name).is_ok()
}

/// `packed-refs` for whoever reads it: all of it in memory, or a large one open.
#[derive(Debug, Clone)]
pub(crate) enum PackedReader {
    Whole(Arc<PackedRefs>),
    Large(Arc<LargePackedRefs>),
}

impl PackedReader {
    /// What the ref called `name` holds.
    pub(crate) fn find(&self, name: &[u8]) -> Result<Option<ObjectId>> {
        let mut id = None;
        self.each_from(name, &mut |found| {
            id = (found.name == name).then_some(found.id);
            Ok(ControlFlow::Break(()))
        })?;
        Ok(id)
    }

    /// Gives the refs whose names are `from` or behind it, in the order of names.
    pub(crate) fn each_from(
        &self,
        from: &[u8],
        each: &mut dyn FnMut(PackedRef<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        match self {
            Self::Large(refs) => refs.each_from(from, each),
            Self::Whole(refs) => {
                for found in refs.iter_from(from) {
                    if each(found?)?.is_break() {
                        break;
                    }
                }
                Ok(())
            }
        }
    }
}

/// `packed-refs` as it was read last, and as it was opened last; again when it is another file.
#[derive(Debug, Default)]
pub(crate) struct PackedCache {
    whole: Mutex<Option<(Stat, Arc<PackedRefs>)>>,
    large: Mutex<Option<(Stat, Arc<LargePackedRefs>)>>,
}

impl PackedCache {
    /// As [`current`](Self::current), without holding a large file that is sorted.
    pub(crate) fn reader(
        &self,
        common: &dyn Directory,
        file_system: &dyn FileSystem,
        format: ObjectFormat,
    ) -> Result<PackedReader> {
        let context = || "cannot read 'packed-refs'".to_owned();
        let stat = optional(common.stat(NAME, Links::Follow)).context(context)?;
        let is_known = |known: &Stat| stat == Some(*known) && !is_racy(known, file_system.now());
        if stat.is_some_and(|stat| stat.size > HELD_MAX) {
            let mut cached = self.large.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, refs)) = cached.as_ref().filter(|(known, _)| is_known(known)) {
                return Ok(PackedReader::Large(Arc::clone(refs)));
            }
            if let Some(file) = optional(common.open(NAME, Links::Follow)).context(context)? {
                let stat = file.stat().context(context)?;
                if let Some(refs) = LargePackedRefs::new(&file, stat.size, format)? {
                    let refs = Arc::new(refs);
                    *cached = Some((stat, Arc::clone(&refs)));
                    return Ok(PackedReader::Large(refs));
                }
            }
            *cached = None;
        }
        self.current(common, file_system, format).map(PackedReader::Whole)
    }

    /// The content of `packed-refs` now. Read it after loose refs: a ref that moved from a file of its own into this one in
    /// between is then found.
    pub(crate) fn current(
        &self,
        common: &dyn Directory,
        file_system: &dyn FileSystem,
        format: ObjectFormat,
    ) -> Result<Arc<PackedRefs>> {
        let context = || "cannot read 'packed-refs'".to_owned();
        let stat = optional(common.stat(NAME, Links::Follow)).context(context)?;
        let mut cached = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(stat) = stat else {
            *cached = None;
            return Ok(Arc::new(PackedRefs { format, ..PackedRefs::default() }));
        };
        if let Some((known, refs)) = &*cached
            && *known == stat
            && !is_racy(&stat, file_system.now())
        {
            return Ok(Arc::clone(refs));
        }
        let Some(file) = optional(common.open(NAME, Links::Follow)).context(context)? else {
            *cached = None;
            return Ok(Arc::new(PackedRefs { format, ..PackedRefs::default() }));
        };
        let stat = file.stat().context(context)?;
        let text = read_all(&*file, PACKED_REFS_MAX).context(context)?;
        let refs = Arc::new(PackedRefs::parse(text, format)?);
        *cached = Some((stat, Arc::clone(&refs)));
        Ok(refs)
    }
}

fn at_or_end(order: &[usize], index: usize, end: usize) -> usize {
    order.get(index).copied().unwrap_or(end)
}

pub(crate) const NAME: &[u8] = b"packed-refs";
const HEADER: &[u8] = b"# pack-refs with:";

/// Ten million refs with their peeled lines, and more than any server is known to hold.
const PACKED_REFS_MAX: u64 = 2 << 30;

/// What is read and held whole for the sake of any ref: some fifteen thousand refs, read in less time than they are looked for.
const HELD_MAX: u64 = 1 << 20;

#[cfg(test)]
mod tests;
