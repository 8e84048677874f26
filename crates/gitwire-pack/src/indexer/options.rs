//! What the caller decides and supplies.

use std::error::Error;
use std::fmt;
use std::num::NonZeroUsize;

use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

use crate::{Limits, ReadAt, StorageFailure};

/// How a pack is indexed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct IndexerOptions {
    /// The hash function of the ids.
    pub format: ObjectFormat,
    /// Threads that work at once, the caller's among them.
    pub threads: NonZeroUsize,
    /// Bytes for everything but the tables: blocks in flight, buffers, objects that deltas are made against.
    ///
    /// An object that is too large for its share is made while no other such object is. One of more than an eighth of all is not held:
    /// it is hashed in pieces, and spilled where deltas are made against it or it is to be looked into. Waiting bases are dropped
    /// and made again.
    ///
    /// 96 MiB: git's `core.deltaBaseCacheLimit`. At least [`IndexerOptions::MEMORY_MIN`] is used.
    pub memory: usize,
    /// What is accepted.
    pub limits: Limits,
    /// What becomes of an object that stands in the pack twice.
    pub duplicates: Duplicates,
}

impl IndexerOptions {
    /// The least memory that indexing works in, a thread: 1 MiB.
    pub const MEMORY_MIN: usize = 1 << 20;

    /// One thread, 96 MiB, [`Limits::default`], duplicates accepted.
    #[must_use]
    pub fn new(format: ObjectFormat) -> Self {
        Self {
            format,
            threads: NonZeroUsize::MIN,
            memory: 96 << 20,
            limits: Limits::default(),
            duplicates: Duplicates::Accept,
        }
    }

    /// With another number of threads; 0 is taken for 1.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN);
        self
    }

    /// With another [`IndexerOptions::memory`].
    #[must_use]
    pub fn memory(mut self, bytes: usize) -> Self {
        self.memory = bytes;
        self
    }

    /// With other limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// With another answer to duplicates.
    #[must_use]
    pub fn duplicates(mut self, duplicates: Duplicates) -> Self {
        self.duplicates = duplicates;
        self
    }

    /// The length of a block that is scanned ahead. Three a thread are in flight, and use up at most half of the memory.
    pub(crate) fn block_len(&self) -> usize {
        (self.memory_used() / 8 / self.threads).clamp(64 << 10, 512 << 10)
    }

    /// The largest object that is held.
    pub(crate) fn hold_max(&self) -> u64 {
        (self.memory_used() / 8).max(1 << 20) as u64
    }

    /// Bytes of objects that a thread may hold until they have names: one MiB for each of four threads by default.
    pub(crate) fn unnamed_max(&self) -> usize {
        self.memory_used() / 24 / self.threads
    }

    /// The largest object that waits for others to be named with.
    pub(crate) fn wait_max(&self) -> usize {
        self.unnamed_max() / 8
    }

    /// The memory, made sense of.
    pub(crate) fn memory_used(&self) -> usize {
        self.memory.max(Self::MEMORY_MIN.saturating_mul(self.threads.get()))
    }
}

/// What becomes of an object that stands in a pack twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Duplicates {
    /// Both entries are indexed, as git does.
    #[default]
    Accept,
    /// The pack is refused, as with `git index-pack --strict`.
    Refuse,
}

/// What the naming of objects may ask of its surroundings.
#[derive(Clone, Copy, Default)]
#[non_exhaustive]
pub struct Resolve<'a> {
    /// Supplies the bases that a thin pack leaves out; they are appended to the pack (`git index-pack --fix-thin`).
    /// `None`: a pack that is not whole in itself is refused.
    pub bases: Option<&'a dyn KnownObjects>,
    /// Where an object may exist already. One that does must have the same content, byte for byte.
    pub existing: Option<&'a dyn KnownObjects>,
    /// Sees every object.
    pub inspect: Option<&'a dyn Inspect>,
}

impl<'a> Resolve<'a> {
    /// With bases for a thin pack.
    #[must_use]
    pub fn bases(mut self, bases: &'a dyn KnownObjects) -> Self {
        self.bases = Some(bases);
        self
    }

    /// With objects that exist already.
    #[must_use]
    pub fn existing(mut self, existing: &'a dyn KnownObjects) -> Self {
        self.existing = Some(existing);
        self
    }

    /// With a check of every object.
    #[must_use]
    pub fn inspect(mut self, inspect: &'a dyn Inspect) -> Self {
        self.inspect = Some(inspect);
        self
    }
}

impl fmt::Debug for Resolve<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolve")
            .field("bases", &self.bases.is_some())
            .field("existing", &self.existing.is_some())
            .field("inspect", &self.inspect.is_some())
            .finish()
    }
}

/// Objects that are there already. Asked by many threads at once.
pub trait KnownObjects: Sync {
    /// Kind and size of an object; `None` if it is not there.
    ///
    /// # Errors
    /// The store fails.
    fn info(&self, id: &ObjectId) -> Result<Option<(ObjectKind, u64)>, StorageFailure>;

    /// Reads a whole object of at most `max` bytes into `out`, which is cleared first; `None` if it is not there.
    ///
    /// # Errors
    /// The store fails, or the object is larger.
    fn read(&self, id: &ObjectId, max: u64, out: &mut Vec<u8>) -> Result<Option<ObjectKind>, StorageFailure>;

    /// Gives the content of an object to `take`, in pieces; `None` if it is not there. What `take` fails with is given back.
    ///
    /// # Errors
    /// The store fails, or `take`.
    fn copy(
        &self,
        id: &ObjectId,
        take: &mut dyn FnMut(&[u8]) -> Result<(), StorageFailure>,
    ) -> Result<Option<ObjectKind>, StorageFailure> {
        let mut content = Vec::new();
        let kind = self.read(id, u64::MAX, &mut content)?;
        kind.map_or(Ok(None), |kind| take(&content).map(|()| Some(kind)))
    }
}

/// Looks at every object of a pack, once, in no order, on many threads at once: checks of format, links, size.
pub trait Inspect: Sync {
    /// Sees an object that was named. What it says no to ends the indexing with
    /// [`PackError::Refused`](crate::PackError::Refused).
    ///
    /// # Errors
    /// Why the object is not wanted.
    fn inspect(
        &self,
        id: &ObjectId,
        kind: ObjectKind,
        content: Content<'_>,
    ) -> Result<(), Box<dyn Error + Send + Sync>>;
}

/// The content of an object under inspection.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Content<'a> {
    /// All of it.
    Whole(&'a [u8]),
    /// It was too large to be held at once, and was hashed in pieces.
    Large {
        /// Its size in bytes.
        size: u64,
        /// Where it is kept, as all but blobs are: those are looked into later, if at all.
        data: Option<&'a dyn ReadAt>,
    },
}

impl fmt::Debug for Content<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(bytes) => f.debug_tuple("Whole").field(&bytes.len()).finish(),
            Self::Large { size, .. } => f.debug_struct("Large").field("size", size).finish_non_exhaustive(),
        }
    }
}
