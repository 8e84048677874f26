//! Packs that arrive, in memory.

use std::any::Any;
use std::ops::ControlFlow;
use std::sync::Arc;

use gitwire_pack::{
    IndexVersion, Indexed, Indexer, IndexerOptions, KnownObjects, Limits, MemorySpool, Progress, Resolve,
    Statistics, StorageFailure,
};
use gitwire_types::{Interrupt, Never, ObjectId, ObjectKind};

use super::MemoryRepository;
use super::objects::{MemoryPack, MemoryPacks, MemoryView};
use crate::{
    FsckRules, ObjectStore, PackCheck, PackName, PackedOptions, PackedStore, Result, StageRequest, Staged,
    Staging, StorageError,
};

pub(crate) struct MemoryStaging {
    repository: MemoryRepository,
    indexer: Indexer<MemorySpool>,
    thin: bool,
    fsck: Option<Arc<FsckRules>>,
}

impl MemoryStaging {
    pub(crate) fn new(repository: &MemoryRepository, request: &StageRequest) -> Self {
        let limits = Limits {
            pack_bytes_max: request.pack_bytes_max,
            objects_max: request.objects_max,
            object_bytes_max: request.object_bytes_max,
            delta_bytes_max: Limits::default().delta_bytes_max.min(request.object_bytes_max),
            delta_depth_max: request.delta_depth_max,
            ..Limits::default()
        };
        let options = IndexerOptions::new(repository.inner.format)
            .threads(request.threads)
            .memory(usize::try_from(request.memory).unwrap_or(usize::MAX))
            .limits(limits)
            .duplicates(request.duplicates);
        let indexer = Indexer::new(MemorySpool::new(), options);
        Self { repository: repository.clone(), indexer, thin: request.thin, fsck: request.fsck.clone() }
    }
}

impl Staging for MemoryStaging {
    fn write(&mut self, pack: &[u8]) -> Result<()> {
        Ok(self.indexer.write(pack, &Never)?)
    }

    fn is_complete(&mut self) -> Result<bool> {
        self.indexer.flush(&Never)?;
        Ok(self.indexer.is_complete())
    }

    fn progress(&self) -> Option<Arc<Progress>> {
        Some(self.indexer.progress())
    }

    fn finish(self: Box<Self>, interrupt: &dyn Interrupt) -> Result<Box<dyn Staged>> {
        let known = self.repository.view()?;
        let mut resolve = Resolve::default().existing(&known);
        if self.thin {
            resolve = resolve.bases(&known);
        }
        let check = self.fsck.as_deref().map(PackCheck::new);
        if let Some(check) = &check {
            resolve = resolve.inspect(check);
        }
        let indexed = self.indexer.finish(&resolve, interrupt)?;
        let mut index = Vec::new();
        indexed.write_index(IndexVersion::V2, |piece| {
            index.extend_from_slice(piece);
            Ok(())
        })?;
        let mut staged = MemoryStaged::new(self.repository, indexed, index)?;
        if let Some(check) = check {
            staged.warnings = check.finish(&*staged.view)?;
        }
        Ok(Box::new(staged))
    }
}

impl KnownObjects for MemoryView {
    fn info(&self, id: &ObjectId) -> Result<Option<(ObjectKind, u64)>, StorageFailure> {
        Ok(self.header(id)?)
    }

    fn read(&self, id: &ObjectId, max: u64, out: &mut Vec<u8>) -> Result<Option<ObjectKind>, StorageFailure> {
        Ok(ObjectStore::read(self, id, max, out)?)
    }
}

pub(crate) struct MemoryStaged {
    pub(crate) repository: MemoryRepository,
    objects: Vec<(ObjectId, ObjectKind)>,
    statistics: Statistics,
    pack: MemoryPack,
    view: Arc<MemoryView>,
    warnings: Vec<String>,
}

impl MemoryStaged {
    fn new(
        repository: MemoryRepository,
        indexed: Indexed<MemorySpool>,
        index: Vec<u8>,
    ) -> Result<Self, StorageError> {
        let statistics = indexed.statistics();
        let brought = statistics.objects.saturating_sub(statistics.appended);
        let objects = indexed.objects().take(usize::try_from(brought).unwrap_or(usize::MAX)).collect();
        let name = PackName::new(format!("pack-{}", indexed.checksum()).as_bytes());
        let pack = Arc::new(indexed.into_spool().into_bytes());
        let pack = MemoryPack { name, pack, index: Arc::new(index) };
        let mut packs = repository.inner.packs.files().all();
        packs.push(pack.clone());
        let store =
            PackedStore::new(MemoryPacks::with(packs), repository.inner.format, PackedOptions::default());
        let state = repository.state();
        let (single, promised) = (Arc::clone(&state.single), Arc::clone(&state.promised));
        drop(state);
        let view = MemoryView { single, promised, packed: store.view()? };
        Ok(Self { repository, objects, statistics, pack, view: Arc::new(view), warnings: Vec::new() })
    }

    pub(crate) fn publish(self, packs: &MemoryPacks) {
        packs.add(self.pack);
    }
}

impl Staged for MemoryStaged {
    fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn objects(&self) -> Arc<dyn ObjectStore> {
        Arc::<MemoryView>::clone(&self.view)
    }

    fn new_objects(&self, each: &mut dyn FnMut(ObjectId, ObjectKind) -> ControlFlow<()>) -> Result<()> {
        for (id, kind) in &self.objects {
            if each(*id, *kind).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn statistics(&self) -> Option<Statistics> {
        Some(self.statistics)
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}
