//! A repository in memory: for tests, and for programs that make what they serve.

mod objects;
mod refs;
mod staging;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gitwire_object::{Trust, object_id};
use gitwire_types::{ObjectFormat, ObjectId, ObjectKind, RefName, RefTarget};

use self::objects::{MemoryPacks, MemoryView};
use self::refs::{MemoryRefs, apply};
use self::staging::{MemoryStaged, MemoryStaging};
use crate::{
    EditOutcome, ObjectStore, PackedOptions, PackedStore, RefEdit, RefStore, Repository, Result,
    StageRequest, Staged, Staging, StorageError, StorageErrorKind, Transaction, Veto,
};

/// A repository in memory. Clones are the same repository.
///
/// ```
/// use gitwire_storage::{MemoryRepository, Repository as _};
/// use gitwire_types::{ObjectFormat, ObjectKind, RefName, RefTarget};
///
/// let repository = MemoryRepository::new(ObjectFormat::Sha1);
/// let blob = repository.add(ObjectKind::Blob, b"hello\n")?;
/// repository.set_ref(RefName::new("refs/tags/hello").expect("a good name"), RefTarget::Direct(blob));
///
/// let mut content = Vec::new();
/// assert_eq!(repository.objects()?.read(&blob, 100, &mut content)?, Some(ObjectKind::Blob));
/// assert_eq!(content, b"hello\n");
/// # Ok::<(), gitwire_storage::StorageError>(())
/// ```
#[derive(Clone)]
pub struct MemoryRepository {
    inner: Arc<Inner>,
}

struct Inner {
    format: ObjectFormat,
    state: Mutex<State>,
    packs: PackedStore<MemoryPacks>,
    /// Held while a transaction is made, so that only one is.
    transactions: Mutex<()>,
}

/// Everything but packs; views hold what was there when they were made.
struct State {
    single: Arc<Singles>,
    refs: Arc<BTreeMap<RefName, RefTarget>>,
    head: Option<RefTarget>,
    shallow: Arc<[ObjectId]>,
    promised: Arc<HashSet<ObjectId>>,
    changes: u64,
}

/// Objects that are not in packs.
type Singles = HashMap<ObjectId, (ObjectKind, Arc<[u8]>)>;

impl MemoryRepository {
    /// A repository without objects and refs, whose `HEAD` names `refs/heads/main`.
    #[must_use]
    pub fn new(format: ObjectFormat) -> Self {
        let state = State {
            single: Arc::default(),
            refs: Arc::default(),
            head: RefName::new("refs/heads/main").ok().map(RefTarget::Symbolic),
            shallow: Arc::new([]),
            promised: Arc::default(),
            changes: 0,
        };
        let packs = PackedStore::new(MemoryPacks::default(), format, PackedOptions::default());
        let transactions = Mutex::default();
        Self { inner: Arc::new(Inner { format, state: Mutex::new(state), packs, transactions }) }
    }

    /// Puts an object in; its id.
    ///
    /// # Errors
    /// Content that carries a SHA-1 collision attack.
    pub fn add(&self, kind: ObjectKind, content: &[u8]) -> Result<ObjectId> {
        let id = object_id(self.inner.format, Trust::Stranger, kind, content).map_err(|error| {
            StorageError::new(StorageErrorKind::Corrupt(None), error.to_string()).with_source(error)
        })?;
        Arc::make_mut(&mut self.state().single).insert(id, (kind, content.into()));
        Ok(id)
    }

    /// Sets a ref, or `HEAD`, whatever it held.
    pub fn set_ref(&self, name: RefName, target: RefTarget) {
        let mut state = self.state();
        state.changes = state.changes.wrapping_add(1);
        if name.as_bytes() == b"HEAD" {
            state.head = Some(target);
        } else {
            Arc::make_mut(&mut state.refs).insert(name, target);
        }
    }

    /// Sets the list of commits whose parents are not there.
    pub fn set_shallow(&self, mut ids: Vec<ObjectId>) {
        ids.sort_unstable();
        ids.dedup();
        self.state().shallow = ids.into();
    }

    /// Notes objects that a promisor remote has: they may be missing.
    pub fn promise(&self, ids: impl IntoIterator<Item = ObjectId>) {
        Arc::make_mut(&mut self.state().promised).extend(ids);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn view(&self) -> Result<MemoryView> {
        let state = self.state();
        let (single, promised) = (Arc::clone(&state.single), Arc::clone(&state.promised));
        drop(state);
        Ok(MemoryView { single, promised, packed: self.inner.packs.view()? })
    }
}

impl Repository for MemoryRepository {
    fn format(&self) -> ObjectFormat {
        self.inner.format
    }

    fn objects(&self) -> Result<Arc<dyn ObjectStore>> {
        Ok(Arc::new(self.view()?))
    }

    fn refs(&self) -> Result<Arc<dyn RefStore>> {
        let state = self.state();
        Ok(Arc::new(MemoryRefs {
            refs: Arc::clone(&state.refs),
            head: state.head.clone(),
            changes: state.changes,
        }))
    }

    fn shallow(&self) -> Result<Arc<[ObjectId]>> {
        Ok(Arc::clone(&self.state().shallow))
    }

    fn stage(&self, request: &StageRequest) -> Result<Box<dyn Staging>> {
        Ok(Box::new(MemoryStaging::new(self, request)))
    }

    fn store(&self, kind: ObjectKind, content: &[u8]) -> Result<ObjectId> {
        self.add(kind, content)
    }

    fn commit(
        &self,
        objects: Option<Box<dyn Staged>>,
        refs: Transaction,
        prepared: &mut dyn FnMut(&[RefEdit]) -> Result<(), Veto>,
    ) -> Result<Vec<EditOutcome>> {
        let _one = self.inner.transactions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(staged) = objects {
            let misuse = || {
                StorageError::new(StorageErrorKind::Misuse, "what was staged belongs to another repository")
            };
            let staged = staged.into_any().downcast::<MemoryStaged>().map_err(|_| misuse())?;
            if !Arc::ptr_eq(&staged.repository.inner, &self.inner) {
                return Err(misuse());
            }
            staged.publish(self.inner.packs.files());
        }
        let (mut new, mut head) = {
            let state = self.state();
            (state.refs.as_ref().clone(), state.head.clone())
        };
        let outcomes = apply(&mut new, &mut head, &refs, prepared)?;
        if outcomes.contains(&EditOutcome::Done) || refs.edits.is_empty() {
            let mut state = self.state();
            state.refs = Arc::new(new);
            state.head = head;
            state.changes = state.changes.wrapping_add(1);
            if let Some(mut shallow) = refs.shallow {
                shallow.sort_unstable();
                shallow.dedup();
                state.shallow = shallow.into();
            }
        }
        Ok(outcomes)
    }
}

impl fmt::Debug for MemoryRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("MemoryRepository")
            .field("format", &self.inner.format)
            .field("refs", &state.refs.len())
            .finish_non_exhaustive()
    }
}
