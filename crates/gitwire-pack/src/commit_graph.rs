//! Commit-graphs: parents, trees and times of commits without the commits (`gitformat-commit-graph`).

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

mod problem;

use std::fmt;
use std::ops::Range;

use gitwire_object::{Hasher, Trust};
use gitwire_types::{ObjectFormat, ObjectId};

pub use self::problem::CommitGraphProblem;
use crate::bytes::be32;
use crate::chunks::{ChunkProblem, Chunks, Fanout, has_len, nth};

/// What some commits name, in one file or in a chain of them.
///
/// Every parent of a commit that it knows is known too. A file is checked when it is added, its checksum included; afterwards every question has an
/// answer. It is of no use where commits stand without the parents that they name (shallow repositories, grafts): whoever opens it looks to that.
///
/// ```
/// # use gitwire_pack::{CommitGraph, CommitGraphProblem};
/// # use gitwire_types::{ObjectFormat, ObjectId};
/// # fn parents(file: Vec<u8>, id: &ObjectId) -> Result<Option<usize>, CommitGraphProblem> {
/// let mut graph = CommitGraph::new(ObjectFormat::Sha1);
/// graph.add(file)?;
/// Ok(graph.lookup(id).map(|position| graph.parents(position).count()))
/// # }
/// ```
pub struct CommitGraph {
    format: ObjectFormat,
    /// From the oldest of a chain to the newest.
    layers: Vec<Layer>,
    count: u32,
}

/// What is known of a commit, besides its parents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GraphCommit {
    /// Its tree.
    pub tree: ObjectId,
    /// Committer time, seconds since 1970, of which the file keeps 34 bits.
    pub time: i64,
    /// Greater than every parent's: a corrected commit date (version 2) where every file has them, else a topological level (version 1). 0 where
    /// it was not computed.
    pub generation: u64,
}

/// One file.
struct Layer {
    data: Vec<u8>,
    checksum: ObjectId,
    /// Commits of the files before it.
    first: u32,
    fanout: Fanout,
    ids: Range<usize>,
    commits: Range<usize>,
    /// Offsets of corrected commit dates.
    dates: Option<Range<usize>>,
    /// Those that do not fit there.
    large_dates: Range<usize>,
    edges: Range<usize>,
}

impl CommitGraph {
    /// Knows no commit yet.
    #[must_use]
    pub fn new(format: ObjectFormat) -> Self {
        Self { format, layers: Vec::new(), count: 0 }
    }

    /// Adds a file: the only one, or the next of a chain, which starts with the oldest.
    ///
    /// # Errors
    /// What is wrong with it; then nothing was added.
    pub fn add(&mut self, data: Vec<u8>) -> Result<(), CommitGraphProblem> {
        let layer = self.read(data)?;
        let added = layer.fanout.count();
        self.layers.push(layer);
        let before = self.count;
        self.count = before.saturating_add(added);
        let checked = self.check_commits(before..self.count);
        if checked.is_err() {
            self.layers.pop();
            self.count = before;
        }
        checked
    }

    /// How many commits it knows.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// How many files were added.
    #[must_use]
    pub fn files(&self) -> usize {
        self.layers.len()
    }

    /// The position of a commit; `None` if it is not known.
    #[must_use]
    pub fn lookup(&self, id: &ObjectId) -> Option<u32> {
        if id.format() != self.format {
            return None;
        }
        // New commits are asked for most.
        self.layers.iter().rev().find_map(|layer| {
            let found = layer.fanout.search(layer.data.get(layer.ids.clone())?, id.as_bytes())?;
            found.checked_add(layer.first)
        })
    }

    /// The commit at a position; `None` past the last.
    #[must_use]
    pub fn id(&self, position: u32) -> Option<ObjectId> {
        let (layer, local) = self.layer(position)?;
        let raw = nth(layer.data.get(layer.ids.clone())?, self.format.raw_len(), local)?;
        ObjectId::from_raw(self.format, raw).ok()
    }

    /// What is known of the commit at a position; `None` past the last.
    #[must_use]
    pub fn commit(&self, position: u32) -> Option<GraphCommit> {
        let (layer, local) = self.layer(position)?;
        let row = layer.row(self.format, local)?;
        let tree = ObjectId::from_raw(self.format, row.get(..self.format.raw_len())?).ok()?;
        let (high, low) = (be32(row.get(row.len().checked_sub(8)?..)?), be32(row.last_chunk::<4>()?));
        let time = i64::from(high & 3) << 32 | i64::from(low);
        let level = u64::from(high >> 2);
        let generation = match layer.date_offset(local) {
            Some(offset) if self.has_dates() => u64::try_from(time).ok()?.saturating_add(offset),
            _ => level,
        };
        Some(GraphCommit { tree, time, generation })
    }

    /// The positions of the parents of the commit at a position, in their order; none past the last.
    pub fn parents(&self, position: u32) -> impl Iterator<Item = u32> + '_ {
        let found = self.layer(position);
        let row = found.and_then(|(layer, local)| layer.row(self.format, local));
        let parent = |skip| {
            let at = self.format.raw_len().saturating_add(skip);
            row.and_then(|row| row.get(at..)).map_or(NO_PARENT, be32)
        };
        let (first, second) = (parent(0), parent(4));
        let (second, edges) = if second & MORE == 0 {
            (Some(second), None)
        } else {
            (None, found.map(|(layer, _)| layer.edges_from(second & !MORE)))
        };
        let listed = [Some(first), second].into_iter().flatten().filter(|parent| *parent != NO_PARENT);
        listed.chain(edges.into_iter().flatten())
    }

    fn layer(&self, position: u32) -> Option<(&Layer, usize)> {
        let after = self.layers.partition_point(|layer| layer.first <= position);
        let layer = self.layers.get(after.checked_sub(1)?)?;
        let local = position.checked_sub(layer.first).filter(|local| *local < layer.fanout.count())?;
        Some((layer, local as usize))
    }

    /// Corrected dates count only where every file has them: a level is no date.
    fn has_dates(&self) -> bool {
        self.layers.iter().all(|layer| layer.dates.is_some())
    }

    /// Finds the chunks of a file.
    fn read(&self, data: Vec<u8>) -> Result<Layer, CommitGraphProblem> {
        let raw_len = self.format.raw_len();
        let truncated = || ChunkProblem::Truncated { offset: data.len() };
        let Some(header) = data.first_chunk::<8>() else { return Err(truncated().into()) };
        let [signature @ .., version, function, chunks, bases] = *header;
        if &signature != b"CGPH" {
            return Err(CommitGraphProblem::Signature(signature));
        }
        if version != 1 {
            return Err(CommitGraphProblem::Version(version));
        }
        if function != function_number(self.format) {
            return Err(CommitGraphProblem::HashFunction(function));
        }
        let end = data.len().checked_sub(raw_len).ok_or_else(truncated)?;
        let table = Chunks::parse(&data, 8, chunks, end)?;
        let checksum = check_sum(&data, end, self.format)?;
        self.check_bases(&data, &table, bases)?;
        let counts = table.sized(*b"OIDF", Fanout::LEN)?;
        let fanout = Fanout::parse(data.get(counts).unwrap_or_default());
        let fanout = fanout.map_err(CommitGraphProblem::Fanout)?;
        let count = fanout.count() as usize;
        if fanout.count() >= NO_PARENT.saturating_sub(self.count) {
            return Err(CommitGraphProblem::TooManyCommits(fanout.count()));
        }
        let ids = table.sized(*b"OIDL", count.saturating_mul(raw_len))?;
        let commits = table.sized(*b"CDAT", count.saturating_mul(raw_len.saturating_add(16)))?;
        let dates = table.find(*b"GDA2");
        let dates = dates.map(|range| has_len(*b"GDA2", range, count.saturating_mul(4))).transpose()?;
        let (large_dates, edges) = (table.find(*b"GDO2"), table.find(*b"EDGE"));
        let (large_dates, edges) = (large_dates.unwrap_or_default(), edges.unwrap_or_default());
        if let Some(position) = fanout.check_order(data.get(ids.clone()).unwrap_or_default(), raw_len) {
            return Err(CommitGraphProblem::Order(position));
        }
        Ok(Layer { data, checksum, first: self.count, fanout, ids, commits, dates, large_dates, edges })
    }

    /// Whether a file stands on those that were added before it.
    fn check_bases(&self, data: &[u8], table: &Chunks, bases: u8) -> Result<(), CommitGraphProblem> {
        if usize::from(bases) != self.layers.len() {
            return Err(CommitGraphProblem::Bases { expected: self.layers.len(), actual: bases });
        }
        let raw_len = self.format.raw_len();
        let len = self.layers.len().saturating_mul(raw_len);
        let named = if bases == 0 { 0..0 } else { table.sized(*b"BASE", len)? };
        let named = data.get(named).unwrap_or_default().chunks_exact(raw_len);
        for (number, (named, layer)) in named.zip(&self.layers).enumerate() {
            if named != layer.checksum.as_bytes() {
                return Err(CommitGraphProblem::OtherBase { number, expected: layer.checksum });
            }
        }
        Ok(())
    }

    /// Whether the parents of some commits are known and older than they.
    fn check_commits(&self, positions: Range<u32>) -> Result<(), CommitGraphProblem> {
        for position in positions {
            let problem = |parent| CommitGraphProblem::Parent { position, parent };
            let Some((layer, local)) = self.layer(position) else { return Err(problem(position)) };
            if !layer.has_whole_edges(self.format, local) {
                return Err(CommitGraphProblem::Edges(position));
            }
            if layer.dates.is_some() && layer.date_offset(local).is_none() {
                return Err(CommitGraphProblem::Date(position));
            }
            let own = self.commit(position).map_or(0, |commit| commit.generation);
            for parent in self.parents(position) {
                let theirs = self.commit(parent).ok_or(problem(parent))?.generation;
                if own != 0 && theirs >= own && own != LEVEL_MAX {
                    return Err(CommitGraphProblem::Generation { position, parent });
                }
            }
        }
        Ok(())
    }
}

impl Layer {
    fn row(&self, format: ObjectFormat, local: usize) -> Option<&[u8]> {
        nth(self.data.get(self.commits.clone())?, format.raw_len().saturating_add(16), local)
    }

    /// How far the corrected date of a commit is from its own; `None` where there are none, or it is nowhere.
    fn date_offset(&self, local: usize) -> Option<u64> {
        let found = be32(nth(self.data.get(self.dates.clone()?)?, 4, local)?);
        if found & MORE == 0 {
            return Some(found.into());
        }
        let large = self.data.get(self.large_dates.clone())?;
        nth(large, 8, (found & !MORE) as usize)?.first_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes))
    }

    /// Parents beyond the first, from an entry of their table to the last of them.
    fn edges_from(&self, entry: u32) -> impl Iterator<Item = u32> + '_ {
        let edges = self.data.get(self.edges.clone()).unwrap_or_default();
        let mut next = Some(entry as usize);
        std::iter::from_fn(move || {
            let at = next?;
            let found = be32(nth(edges, 4, at)?);
            next = (found & MORE == 0).then(|| at.saturating_add(1));
            Some(found & !MORE)
        })
    }

    /// Whether the parents beyond the first are in their table up to the last.
    fn has_whole_edges(&self, format: ObjectFormat, local: usize) -> bool {
        let at = format.raw_len().saturating_add(4);
        let second = self.row(format, local).and_then(|row| row.get(at..)).map_or(NO_PARENT, be32);
        if second & MORE == 0 {
            return true;
        }
        let count = self.edges_from(second & !MORE).count();
        let last = ((second & !MORE) as usize).checked_add(count).and_then(|end| end.checked_sub(1));
        let edges = self.data.get(self.edges.clone()).unwrap_or_default();
        let last = last.filter(|_| count > 0).and_then(|last| nth(edges, 4, last));
        last.is_some_and(|last| be32(last) & MORE != 0)
    }
}

impl fmt::Debug for CommitGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommitGraph")
            .field("files", &self.layers.len())
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

/// The trailer, once the file was found to hash to it.
fn check_sum(data: &[u8], end: usize, format: ObjectFormat) -> Result<ObjectId, CommitGraphProblem> {
    let (content, trailer) = data.split_at_checked(end).unwrap_or_default();
    let mut hasher = Hasher::new(format, Trust::Own);
    hasher.update(content);
    match hasher.finish() {
        Ok(actual) if actual.as_bytes() == trailer => Ok(actual),
        _ => Err(CommitGraphProblem::Checksum { offset: end }),
    }
}

/// The number of a hash function in the header.
fn function_number(format: ObjectFormat) -> u8 {
    match format {
        ObjectFormat::Sha1 => 1,
        ObjectFormat::Sha256 => 2,
    }
}

/// Stands for a parent that is not there.
const NO_PARENT: u32 = 0x7000_0000;
/// In the place of the second parent: there are more, in their own table. In that table: the last. Among dates: one that did not fit.
const MORE: u32 = 1 << 31;
/// The highest topological level that is counted.
const LEVEL_MAX: u64 = 0x3fff_ffff;

#[cfg(test)]
mod tests;
