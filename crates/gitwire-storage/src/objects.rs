//! Reading objects.

use std::fmt;

use gitwire_pack::{Bits, CommitGraph};
use gitwire_types::{ObjectId, ObjectKind};

use crate::{ObjectFiles, PackAccess, PackId, Result};

/// An unchanging view of a repository's objects. A repack beside it changes nothing.
pub trait ObjectStore: Send + Sync {
    /// Kind and size of each of `ids`; `out` gets the place in `ids` and the answer, in any order, once for each.
    ///
    /// # Errors
    /// A failing medium or a damaged object; absence is an answer, not an error.
    fn headers(&self, ids: &[ObjectId], out: &mut dyn FnMut(usize, Presence)) -> Result<()>;

    /// Reads a whole object of at most `max` bytes; `out` is cleared, then filled. `None`: not there.
    ///
    /// # Errors
    /// [`StorageErrorKind::Limit`](crate::StorageErrorKind::Limit) when it is larger than `max`, and failures of the medium.
    fn read(&self, id: &ObjectId, max: u64, out: &mut Vec<u8>) -> Result<Option<ObjectKind>>;

    /// Opens an object for reading in pieces: for large blobs. `None`: not there.
    ///
    /// # Errors
    /// A failing medium or a damaged object.
    fn open(&self, id: &ObjectId) -> Result<Option<Box<dyn ObjectReader>>>;

    /// Says which objects will be asked for soon; for stores where a batch costs what one costs. One that brings what is missing from
    /// elsewhere brings it now.
    ///
    /// # Errors
    /// What was to be brought could not be.
    fn prefetch(&self, _ids: &[ObjectId]) -> Result<()> {
        Ok(())
    }

    /// Of objects that are not here, which a promisor remote can be asked for (`partial-clone`): one answer for each of `ids`, in their
    /// order. The first question may cost a look at all that promisors have sent.
    ///
    /// # Errors
    /// A failing medium, or more promised objects than can be held.
    fn promised(&self, ids: &[ObjectId]) -> Result<Vec<bool>> {
        Ok(vec![false; ids.len()])
    }

    /// Stored pack entries, for verbatim reuse. Absent is slower, never different.
    fn packs(&self) -> Option<&dyn PackAccess> {
        None
    }

    /// The files that the objects stand in. Absent: clients that walk over files are not served.
    fn files(&self) -> Option<&dyn ObjectFiles> {
        None
    }

    /// The commit-graph. Absent is slower, never different.
    fn commits(&self) -> Option<&dyn CommitIndex> {
        None
    }

    /// Reachability bitmaps. Absent is slower, never different.
    fn bitmaps(&self) -> Option<&dyn Reachability> {
        None
    }
}

impl fmt::Debug for dyn ObjectStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ObjectStore")
    }
}

/// Whether an object is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It is.
    Here {
        /// What it is.
        kind: ObjectKind,
        /// Its size in bytes, inflated.
        size: u64,
    },
    /// It is not; [`ObjectStore::promised`] knows whether that is as it should be.
    Absent,
}

/// An object read in pieces, from its start.
pub trait ObjectReader: Send {
    /// What the object is.
    fn kind(&self) -> ObjectKind;

    /// Its size in bytes.
    fn size(&self) -> u64;

    /// Fills the front of `room`; 0 at the end.
    ///
    /// # Errors
    /// A failing medium or a damaged object, found only now.
    fn read(&mut self, room: &mut [u8]) -> Result<usize>;
}

/// Parents, trees and generation numbers of commits without reading the commits (`gitformat-commit-graph`).
///
/// Every parent of a commit that it knows is known to it too. It may know commits that are not in the store any more.
pub trait CommitIndex: Send + Sync {
    /// The facts of one commit, if the index knows it; its parents go to `parents`, which is cleared first.
    fn commit(&self, id: &ObjectId, parents: &mut Vec<ObjectId>) -> Option<CommitFacts>;
}

impl CommitIndex for CommitGraph {
    fn commit(&self, id: &ObjectId, parents: &mut Vec<ObjectId>) -> Option<CommitFacts> {
        let position = self.lookup(id)?;
        let found = CommitGraph::commit(self, position)?;
        parents.clear();
        parents.extend(self.parents(position).filter_map(|parent| self.id(parent)));
        Some(CommitFacts { tree: found.tree, time: found.time, generation: found.generation })
    }
}

/// What a [`CommitIndex`] knows of a commit, besides its parents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitFacts {
    /// Its tree.
    pub tree: ObjectId,
    /// Committer time, seconds since 1970.
    pub time: i64,
    /// Corrected commit date or topological level: greater than every parent's; 0 where it is not known.
    pub generation: u64,
}

/// Which objects some commits reach, precomputed for the objects of one pack or of several (`gitformat-bitmap`).
///
/// Each of those objects has a place. In one pack, bit *n* is the object at place *n* of the pack; of several, one copy of each object counts.
pub trait Reachability: Send + Sync {
    /// The pack, where there is one: then the places are those of its entries, and every entry has one.
    fn pack(&self) -> Option<PackId>;

    /// How many objects have places.
    fn objects(&self) -> u32;

    /// The place of an object; `None` if it has none.
    ///
    /// # Errors
    /// A failing medium or a damaged index.
    fn place(&self, id: &ObjectId) -> Result<Option<u32>>;

    /// The object at a place, and a number for its path, close to those of like paths; 0 where that is not known.
    ///
    /// # Errors
    /// A failing medium, a damaged index, or a place past the end.
    fn object(&self, place: u32) -> Result<(ObjectId, u32)>;

    /// Where the entry of the object at a place stands. Later places of one pack stand behind earlier ones.
    ///
    /// # Errors
    /// A failing medium, a damaged index, or a place past the end.
    fn span(&self, place: u32) -> Result<EntrySpan>;

    /// The place of the object whose entry starts at `offset` of a pack; `None` where another copy of it counts, or none.
    ///
    /// # Errors
    /// A failing medium or a damaged index.
    fn place_at(&self, pack: PackId, offset: u64) -> Result<Option<u32>>;

    /// The objects of one kind; `None` where that is not known after all.
    fn of_kind(&self, kind: ObjectKind) -> Option<&Bits>;

    /// Whether it is known what this commit reaches.
    ///
    /// # Errors
    /// A failing medium or a damaged index.
    fn has(&self, commit: &ObjectId) -> Result<bool>;

    /// What a commit reaches, itself included, all of which has places; `None` where that is not known.
    ///
    /// # Errors
    /// A failing medium or a damaged index. A damaged bitmap is one that is not known.
    fn reach(&self, commit: &ObjectId) -> Result<Option<Bits>>;
}

/// The bytes of an entry, header included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntrySpan {
    /// The pack.
    pub pack: PackId,
    /// Where the entry starts in it.
    pub start: u64,
    /// Where it ends.
    pub end: u64,
}
