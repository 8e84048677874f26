//! Objects that are brought when they are asked for (`partial-clone`).

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use gitwire_types::{ObjectFormat, ObjectId, ObjectKind, RefName};

use crate::{
    CommitIndex, EditOutcome, ObjectFiles, ObjectReader, ObjectStore, PackAccess, Presence, Reachability,
    RefEdit, RefStore, Repository, Result, StageRequest, Staged, Staging, Transaction, Veto,
};

/// Brings objects that a partial clone lacks and a promisor remote has.
pub trait Promisor: Send + Sync {
    /// Brings objects into the repository, all of `ids` in as few requests as there can be: at most [`Lazy::BATCH`] at a time. It must
    /// not ask a [`Lazy`] view for objects.
    ///
    /// # Errors
    /// One of them cannot be had.
    fn bring(&self, ids: &[ObjectId]) -> Result<()>;
}

/// A repository whose promised objects come when they are read.
///
/// What is promised ([`ObjectStore::promised`]) and read, opened or asked for by [`ObjectStore::prefetch`] is brought first, each object
/// once for a view; [`ObjectStore::headers`] only tells what is here. So whoever checks what is here uses the repository itself or
/// headers, and whoever needs many objects says so before and gets them at once.
///
/// ```
/// use std::sync::Arc;
///
/// use gitwire_storage::{Lazy, MemoryRepository, ObjectStore as _, Promisor, Repository as _, Result};
/// use gitwire_types::{ObjectFormat, ObjectId};
///
/// /// Knows nobody who has anything.
/// struct Nobody;
///
/// impl Promisor for Nobody {
///     fn bring(&self, _ids: &[ObjectId]) -> Result<()> {
///         Ok(())
///     }
/// }
///
/// let whole = Arc::new(MemoryRepository::new(ObjectFormat::Sha1));
/// let lazy = Lazy::new(whole, Arc::new(Nobody));
/// // Nothing was promised, so nothing is brought.
/// assert_eq!(lazy.objects()?.read(&ObjectId::zero(ObjectFormat::Sha1), 100, &mut Vec::new())?, None);
/// # Ok::<(), gitwire_storage::StorageError>(())
/// ```
#[derive(Clone)]
pub struct Lazy {
    repository: Arc<dyn Repository>,
    promisor: Arc<dyn Promisor>,
}

impl Lazy {
    /// How many objects are asked for at once: as many as a server reads without a word from us.
    pub const BATCH: usize = 10_000;

    /// `repository` with what `promisor` can bring.
    #[must_use]
    pub fn new(repository: Arc<dyn Repository>, promisor: Arc<dyn Promisor>) -> Self {
        Self { repository, promisor }
    }
}

impl fmt::Debug for Lazy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lazy").finish_non_exhaustive()
    }
}

impl Repository for Lazy {
    fn format(&self) -> ObjectFormat {
        self.repository.format()
    }

    fn objects(&self) -> Result<Arc<dyn ObjectStore>> {
        Ok(Arc::new(LazyObjects {
            lazy: self.clone(),
            first: self.repository.objects()?,
            later: RwLock::new(None),
            asked: Mutex::default(),
        }))
    }

    fn refs(&self) -> Result<Arc<dyn RefStore>> {
        self.repository.refs()
    }

    fn shallow(&self) -> Result<Arc<[ObjectId]>> {
        self.repository.shallow()
    }

    fn stage(&self, request: &StageRequest) -> Result<Box<dyn Staging>> {
        self.repository.stage(request)
    }

    fn commit(
        &self,
        objects: Option<Box<dyn Staged>>,
        refs: Transaction,
        prepared: &mut dyn FnMut(&[RefEdit]) -> Result<(), Veto>,
    ) -> Result<Vec<EditOutcome>> {
        self.repository.commit(objects, refs, prepared)
    }

    fn publish(&self, objects: Box<dyn Staged>) -> Result<Box<dyn Send>> {
        self.repository.publish(objects)
    }

    fn store(&self, kind: ObjectKind, content: &[u8]) -> Result<ObjectId> {
        self.repository.store(kind, content)
    }

    fn checked_out(&self, branch: &RefName) -> Result<Option<PathBuf>> {
        self.repository.checked_out(branch)
    }

    fn borrowed_tips(&self) -> Result<Vec<ObjectId>> {
        self.repository.borrowed_tips()
    }
}

/// A view that grows by what is brought.
struct LazyObjects {
    lazy: Lazy,
    first: Arc<dyn ObjectStore>,
    /// A view that was made after something was brought, where the first one does not find it.
    later: RwLock<Option<Arc<dyn ObjectStore>>>,
    /// What was asked for, so that it is asked for once.
    asked: Mutex<HashSet<ObjectId>>,
}

impl LazyObjects {
    fn later(&self) -> Option<Arc<dyn ObjectStore>> {
        self.later.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Those of `ids` that are nowhere.
    fn missing(&self, ids: &[ObjectId]) -> Result<Vec<ObjectId>> {
        let mut missing = Vec::new();
        self.headers(ids, &mut |nth, presence| {
            missing.extend(ids.get(nth).copied().filter(|_| presence == Presence::Absent));
        })?;
        Ok(missing)
    }

    /// Brings what of `ids` is missing and promised, and has not been asked for.
    fn bring(&self, ids: &[ObjectId]) -> Result<()> {
        let missing = self.missing(ids)?;
        if missing.is_empty() {
            return Ok(());
        }
        let promised = self.first.promised(&missing)?;
        let mut wanted: Vec<ObjectId> =
            missing.into_iter().zip(promised).filter(|(_, promised)| *promised).map(|(id, _)| id).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let asked = || self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.retain(|id| !asked().contains(id));
        if wanted.is_empty() {
            return Ok(());
        }
        for batch in wanted.chunks(Lazy::BATCH) {
            self.lazy.promisor.bring(batch)?;
            asked().extend(batch);
        }
        let now = self.lazy.repository.objects()?;
        *self.later.write().unwrap_or_else(PoisonError::into_inner) = Some(now);
        Ok(())
    }

    /// Asks the views, and once more when what is missing was brought.
    fn find<T>(
        &self,
        id: &ObjectId,
        mut ask: impl FnMut(&dyn ObjectStore) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        if let Some(found) = ask(&*self.first)? {
            return Ok(Some(found));
        }
        if let Some(later) = self.later()
            && let Some(found) = ask(&*later)?
        {
            return Ok(Some(found));
        }
        self.bring(std::slice::from_ref(id))?;
        self.later().map_or(Ok(None), |later| ask(&*later))
    }
}

impl ObjectStore for LazyObjects {
    fn headers(&self, ids: &[ObjectId], out: &mut dyn FnMut(usize, Presence)) -> Result<()> {
        let Some(later) = self.later() else { return self.first.headers(ids, out) };
        let mut absent = Vec::new();
        self.first.headers(ids, &mut |nth, presence| match presence {
            Presence::Absent => absent.push(nth),
            here @ Presence::Here { .. } => out(nth, here),
        })?;
        let again: Vec<ObjectId> = absent.iter().filter_map(|nth| ids.get(*nth).copied()).collect();
        later.headers(&again, &mut |nth, presence| {
            if let Some(nth) = absent.get(nth) {
                out(*nth, presence);
            }
        })
    }

    fn read(&self, id: &ObjectId, max: u64, out: &mut Vec<u8>) -> Result<Option<ObjectKind>> {
        self.find(id, |objects| objects.read(id, max, out))
    }

    fn open(&self, id: &ObjectId) -> Result<Option<Box<dyn ObjectReader>>> {
        self.find(id, |objects| objects.open(id))
    }

    fn prefetch(&self, ids: &[ObjectId]) -> Result<()> {
        self.first.prefetch(ids)?;
        self.bring(ids)
    }

    fn promised(&self, ids: &[ObjectId]) -> Result<Vec<bool>> {
        self.first.promised(ids)
    }

    fn packs(&self) -> Option<&dyn PackAccess> {
        self.first.packs()
    }

    fn files(&self) -> Option<&dyn ObjectFiles> {
        self.first.files()
    }

    fn commits(&self) -> Option<&dyn CommitIndex> {
        self.first.commits()
    }

    fn bitmaps(&self) -> Option<&dyn Reachability> {
        self.first.bitmaps()
    }
}
