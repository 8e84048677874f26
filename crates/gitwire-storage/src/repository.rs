//! A repository, and what is on its way into it.

use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gitwire_pack::Duplicates;
use gitwire_types::{Interrupt, ObjectFormat, ObjectId, ObjectKind, RefName};

use crate::{
    EditOutcome, FsckRules, ObjectStore, OutwardLinks, RefEdit, RefStore, Result, StorageError,
    StorageErrorKind, Transaction, Veto,
};

/// A repository, wherever it lives.
pub trait Repository: Send + Sync {
    /// The hash function of its objects.
    fn format(&self) -> ObjectFormat;

    /// A view of its objects as they are now.
    ///
    /// # Errors
    /// A failing medium.
    fn objects(&self) -> Result<Arc<dyn ObjectStore>>;

    /// A view of its references as they are now.
    ///
    /// # Errors
    /// A failing medium.
    fn refs(&self) -> Result<Arc<dyn RefStore>>;

    /// The commits whose parents are not there (`gitrepository-layout`, `shallow`), in the order of their ids.
    ///
    /// # Errors
    /// A failing medium or an unreadable list.
    fn shallow(&self) -> Result<Arc<[ObjectId]>>;

    /// Opens a place for a pack that is not yet part of the repository.
    ///
    /// # Errors
    /// A failing medium or a repository that cannot be written.
    fn stage(&self, request: &StageRequest) -> Result<Box<dyn Staging>>;

    /// Makes staged objects part of the repository, durably, then changes refs. `prepared` runs under the locks and may
    /// refuse. One call, so that a database makes it one transaction.
    ///
    /// # Errors
    /// A failing medium, or an atomic transaction that cannot be made; nothing has changed then.
    fn commit(
        &self,
        objects: Option<Box<dyn Staged>>,
        refs: Transaction,
        prepared: &mut dyn FnMut(&[RefEdit]) -> Result<(), Veto>,
    ) -> Result<Vec<EditOutcome>>;

    /// Makes staged objects part of the repository, durably, before any ref leads to them: for whoever changes the refs itself, as
    /// a `proc-receive` hook does. As long as what is given back lives, no clearing up beside us takes them away again.
    ///
    /// # Errors
    /// A failing medium; nothing has changed then.
    fn publish(&self, objects: Box<dyn Staged>) -> Result<Box<dyn Send>> {
        self.commit(Some(objects), Transaction::default(), &mut |_| Ok(()))?;
        Ok(Box::new(()))
    }

    /// Puts one object in, durably, whether or not anything will lead to it; its id.
    ///
    /// # Errors
    /// [`StorageErrorKind::Unsupported`] where only packs are taken, as by default; a failing medium.
    fn store(&self, kind: ObjectKind, content: &[u8]) -> Result<ObjectId> {
        let _ = (kind, content);
        Err(StorageError::new(StorageErrorKind::Unsupported, "single objects are not stored here"))
    }

    /// The work tree in which a branch is checked out, so that changing the branch would leave the files behind. By default there is
    /// none.
    ///
    /// # Errors
    /// A failing medium.
    fn checked_out(&self, branch: &RefName) -> Result<Option<PathBuf>> {
        let _ = branch;
        Ok(None)
    }

    /// What the refs of those repositories hold from which this one borrows objects: all that leads to is here too, so that a pusher
    /// need not send it (`.have` in `gitprotocol-pack`). By default nothing.
    ///
    /// # Errors
    /// A failing medium. What cannot be read of the others is left out.
    fn borrowed_tips(&self) -> Result<Vec<ObjectId>> {
        Ok(Vec::new())
    }
}

impl fmt::Debug for dyn Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Repository")
    }
}

/// What a caller wants of a staging area.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StageRequest {
    /// Whether deltas may have bases that only the repository holds (thin packs).
    pub thin: bool,
    /// The largest pack, in bytes.
    pub pack_bytes_max: u64,
    /// The largest number of objects.
    pub objects_max: u32,
    /// The largest object, inflated, in bytes.
    pub object_bytes_max: u64,
    /// The longest chain of deltas.
    pub delta_depth_max: u32,
    /// Bytes of memory that indexing may hold at once, beside a fixed sum per object.
    pub memory: u64,
    /// Threads that indexing may use.
    pub threads: usize,
    /// The rules by which objects are checked as `git fsck` would; `None`: they are not.
    pub fsck: Option<Arc<FsckRules>>,
    /// What becomes of a pack that holds an object twice.
    pub duplicates: Duplicates,
    /// Packs with fewer objects than this are stored as single objects (`receive.unpackLimit`), where the back end has such. 0: none are.
    pub unpack_limit: u32,
    /// Whether the pack comes from a promisor remote and is marked so.
    pub promisor: bool,
    /// Why the pack is to be left alone by whoever repacks, where the back end has such a note (`.keep`): it stays until somebody takes
    /// it away. Packs that are stored as single objects have none.
    pub keep: Option<Vec<u8>>,
}

impl Default for StageRequest {
    fn default() -> Self {
        Self {
            thin: true,
            // The largest a client meets in practice is a few ten GiB; a full disk should not be the first limit.
            pack_bytes_max: 64 << 30,
            // The largest public histories hold some ten million objects.
            objects_max: 100_000_000,
            // Larger blobs are stored by other means; as a delta result such an object must be spilled.
            object_bytes_max: 4 << 30,
            // The most that git itself makes (`pack.depth`).
            delta_depth_max: 4095,
            memory: 64 << 20,
            threads: 1,
            fsck: None,
            duplicates: Duplicates::Accept,
            unpack_limit: 0,
            promisor: false,
            keep: None,
        }
    }
}

/// A pack being received. Dropped: nothing was there.
pub trait Staging: Send {
    /// Takes the next bytes of the pack, cut anywhere.
    ///
    /// # Errors
    /// What is wrong with the pack, with its offset; a limit that was hit; a failing medium.
    fn write(&mut self, pack: &[u8]) -> Result<()>;

    /// Whether the pack is whole, its checksum included: nothing more of the stream belongs to it. On a stream that does not end
    /// with the pack, nobody else knows.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    fn is_complete(&mut self) -> Result<bool>;

    /// The counters, for whoever shows them; `None` where there are none.
    fn progress(&self) -> Option<Arc<gitwire_pack::Progress>> {
        None
    }

    /// The pack is whole: resolves and checks it.
    ///
    /// # Errors
    /// What is wrong with the pack, a limit, an interrupt, a failing medium. Nothing stays behind.
    fn finish(self: Box<Self>, interrupt: &dyn Interrupt) -> Result<Box<dyn Staged>>;
}

/// A received pack that is whole but not yet part of the repository: the quarantine as a value. Dropped: it is gone.
pub trait Staged: Send + Sync {
    /// The repository's objects and the new ones.
    fn objects(&self) -> Arc<dyn ObjectStore>;

    /// The objects that the pack brought.
    ///
    /// # Errors
    /// A failing medium.
    fn new_objects(&self, each: &mut dyn FnMut(ObjectId, ObjectKind) -> ControlFlow<()>) -> Result<()>;

    /// What its objects lead to that is not among them; `None` where that was not found out, and a walk must tell.
    fn outward(&self) -> Option<&OutwardLinks> {
        None
    }

    /// What was found wrong with its objects that refuses none of them, a line each.
    fn warnings(&self) -> &[String] {
        &[]
    }

    /// What the pack is made of; `None` where that is not known.
    fn statistics(&self) -> Option<gitwire_pack::Statistics> {
        None
    }

    /// The checksum of the pack as it is stored, completed where it was thin; `None` where there is no pack.
    fn checksum(&self) -> Option<ObjectId> {
        None
    }

    /// Where it lies, for hook programs; `None` where there is no directory.
    fn path(&self) -> Option<&Path> {
        None
    }

    /// The back end's own view of it, for [`Repository::commit`] to take over.
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any + Send>;
}
