//! Receiving a pack: quarantine, index, publish.
//!
//! The pack is spooled into a quarantine and indexed there. Publishing makes its files durable, all at once, links them into
//! `objects/pack`, the index last, because it is what makes a pack visible, and leaves it to whoever changes refs to make that
//! directory durable before. A few objects get files of their own instead, where that was asked for. A `.keep` file stands beside the pack until the refs that need it are there: a `git repack -a -d` beside us would
//! remove a pack that nothing refers to yet.

mod collision;
mod unpack;

use std::any::Any;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use gitwire_pack::{
    Content, IndexVersion, Indexed, Indexer, IndexerOptions, Inspect, KnownObjects as _, Limits, PackError,
    Progress, Resolve, Statistics,
};
use gitwire_storage::{
    ObjectStore, OutwardLinks, PackCheck, PackLinks, Result, StageRequest, Staged, Staging, StorageError,
    StorageErrorKind,
};
use gitwire_types::{Interrupt, Never, ObjectId, ObjectKind};

use crate::barrier::Barrier;
use crate::config::Config;
use crate::error::{Context as _, corrupt, is_absent, shown};
use crate::fs::{Directory, File, Links};
use crate::known::Known;
use crate::lease::Lease;
use crate::lock::DIRECTORY_MODE;
use crate::objects::ObjectView;
use crate::quarantine::{FileSpool, NOBODY_ELSES, PACK_MODE, Quarantine};
use crate::repository::GitDir;

/// A pack that is being received.
#[derive(Debug)]
pub(crate) struct DirectoryStaging {
    // Before the quarantine: files are closed first.
    indexer: Indexer<FileSpool>,
    repository: GitDir,
    quarantine: Quarantine,
    // After the quarantine: it must not seem to be without a holder.
    lease: Arc<Lease>,
    request: StageRequest,
}

impl DirectoryStaging {
    pub(crate) fn new(repository: &GitDir, request: &StageRequest) -> Result<Self> {
        let inner = repository.inner();
        let own = &inner.objects.own;
        let lease = Lease::take(&*inner.file_system, &inner.common)?;
        let quarantine = Quarantine::make(&lease, own)?;
        let path = quarantine.path_of(&[b"pack/", INCOMING].concat());
        let spool = FileSpool::make(&own.dir, &path)
            .context(|| format!("cannot create '{}/pack/tmp_pack'", quarantine.path.display()))?;
        let mut limits = Limits::default();
        limits.pack_bytes_max = request.pack_bytes_max;
        limits.objects_max = request.objects_max;
        limits.object_bytes_max = request.object_bytes_max;
        limits.delta_bytes_max = limits.delta_bytes_max.min(request.object_bytes_max);
        limits.delta_depth_max = request.delta_depth_max;
        let options = IndexerOptions::new(inner.format)
            .threads(request.threads)
            .memory(usize::try_from(request.memory).unwrap_or(usize::MAX))
            .limits(limits)
            .duplicates(request.duplicates);
        Ok(Self {
            indexer: Indexer::new(spool, options),
            repository: repository.clone(),
            quarantine,
            lease,
            request: request.clone(),
        })
    }
}

impl Staging for DirectoryStaging {
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
        let Self { indexer, repository, quarantine, lease, request } = *self;
        let view = repository.inner().objects.view()?;
        let known = Known::new(view)?;
        let mut resolve = Resolve::default();
        if request.thin {
            resolve = resolve.bases(&known);
        }
        if !known.is_empty() {
            resolve = resolve.existing(&known);
        }
        let inspection = Inspection {
            check: request.fsck.as_deref().map(PackCheck::new),
            known: (!known.is_empty()).then_some(&known),
            large: Mutex::default(),
            links: PackLinks::new(),
        };
        resolve = resolve.inspect(&inspection);
        let indexed = indexer.finish(&resolve, interrupt)?;
        let stem = format!("pack-{}", indexed.checksum()).into_bytes();
        let brought = indexed.count().saturating_sub(indexed.statistics().appended);
        let unpacks = brought < request.unpack_limit && !request.promisor;
        let mut barrier = Barrier::default();
        if indexed.count() > 0 {
            write_files(
                &repository,
                &quarantine,
                &indexed,
                &stem,
                &request,
                (!unpacks).then_some(&mut barrier),
            )?;
        }
        let objects = &repository.inner().objects;
        let cache_bytes = usize::try_from(request.memory).unwrap_or(usize::MAX);
        let Inspection { check, large, links, .. } = inspection;
        let outward = links.outward(brought_by(&indexed));
        let large = large.into_inner().unwrap_or_else(PoisonError::into_inner);
        if !large.is_empty() {
            let new = objects.view_of(quarantine.as_objects()?, cache_bytes)?;
            collision::compare(&large, &new, known.view(), interrupt)?;
        }
        let loose = match unpacks && indexed.count() > 0 {
            true => {
                let file_system = &*repository.inner().file_system;
                let view = objects.view_of(quarantine.as_objects()?, cache_bytes)?;
                let dir = &*objects.own.dir;
                unpack::unpack((dir, &view), &quarantine, &indexed, &stem, (&mut barrier, file_system))?
            }
            false => Vec::new(),
        };
        let view = Arc::new(objects.view_with(quarantine.as_objects()?, cache_bytes)?);
        let warnings = check.map_or(Ok(Vec::new()), |check| check.finish(&*view))?;
        Ok(Box::new(DirectoryStaged {
            indexed,
            outward,
            view,
            repository,
            quarantine,
            stem,
            loose,
            warnings,
            barrier,
            lease,
        }))
    }
}

/// What is asked of each object of a pack.
#[derive(Debug)]
struct Inspection<'a> {
    check: Option<PackCheck>,
    /// What is there already, if anything is.
    known: Option<&'a Known>,
    /// Objects that are there already, and too large for the indexer to compare.
    large: Mutex<Vec<ObjectId>>,
    links: PackLinks,
}

impl Inspect for Inspection<'_> {
    fn inspect(
        &self,
        id: &ObjectId,
        kind: ObjectKind,
        content: Content<'_>,
    ) -> std::result::Result<(), Box<dyn std::error::Error + Send + Sync>> {
        if let (Content::Large { .. }, Some(known)) = (content, self.known)
            && known.info(id)?.is_some()
        {
            self.large.lock().unwrap_or_else(PoisonError::into_inner).push(*id);
        }
        self.check.as_ref().map_or(Ok(()), |check| check.inspect(id, kind, content))?;
        self.links.note(id, kind, content);
        Ok(())
    }
}

/// Makes the files of a received pack whole under their own names, in the quarantine. They go when the objects are unpacked; else they
/// are to become durable at the barrier.
fn write_files(
    repository: &GitDir,
    quarantine: &Quarantine,
    indexed: &Indexed<FileSpool>,
    stem: &[u8],
    request: &StageRequest,
    barrier: Option<&mut Barrier>,
) -> Result<()> {
    let dir = &repository.inner().objects.own.dir;
    let path = |name: &[u8]| quarantine.path_of(&[b"pack/", name].concat());
    let file = |end: &[u8]| path(&[stem, end].concat());
    let write = |end: &[u8], mode, content: &mut dyn FnMut(Sink<'_>) -> Result<(), PackError>| {
        write_file(&**dir, &file(end), mode, content).map(|written| (written, file(end)))
    };
    let version = index_version(&repository.config())?;
    let index = write(b".idx", PACK_MODE, &mut |sink| indexed.write_index(version, sink).map(drop))?;
    if let Some(barrier) = barrier {
        let mut files = vec![(Arc::clone(&indexed.spool().file), file(b".pack")), index];
        if indexed.count() >= REVERSE_INDEX_MIN {
            let mut content = |sink: Sink<'_>| indexed.write_reverse_index(sink).map(drop);
            files.push(write(b".rev", PACK_MODE, &mut content)?);
        }
        if request.promisor {
            // git notes in it what was fetched.
            files.push(write(b".promisor", NOBODY_ELSES, &mut |_| Ok(()))?);
        }
        if let Some(why) = &request.keep {
            files.push(write(b".keep", NOBODY_ELSES, &mut |sink| sink(why).map_err(PackError::Storage))?);
        }
        files.into_iter().for_each(|(written, name)| barrier.file(written, &name));
    }
    dir.rename(&path(INCOMING), &file(b".pack")).context(|| "cannot rename the received pack".to_owned())
}

/// Which version an index has: `pack.indexVersion`.
fn index_version(config: &Config) -> Result<IndexVersion> {
    let number = config.integer("pack", None, "indexVersion");
    match number.map_err(|error| corrupt(error.to_string()).with_source(error))? {
        Some(1) => Ok(IndexVersion::V1),
        Some(2) | None => Ok(IndexVersion::V2),
        Some(other) => Err(corrupt(format!("bad pack.indexVersion={other}"))),
    }
}

type Sink<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), gitwire_pack::StorageFailure>;

/// Writes a new file. Pieces are gathered: an index comes in many small ones.
fn write_file(
    dir: &dyn Directory,
    path: &[u8],
    mode: u32,
    write: &mut dyn FnMut(Sink<'_>) -> Result<(), PackError>,
) -> Result<Arc<dyn File>> {
    let context = || format!("cannot write '{}'", shown(path));
    let file = dir.create(path, mode).context(context)?;
    let mut gathered = Vec::with_capacity(GATHERED);
    write(&mut |piece| {
        gathered.extend_from_slice(piece);
        if gathered.len() >= GATHERED {
            file.write(&gathered)?;
            gathered.clear();
        }
        Ok(())
    })
    .map_err(|error| StorageError::from(error).in_context(&context()))?;
    file.write(&gathered).context(context)?;
    Ok(file)
}

/// What a pack brought: all but the bases that were put behind it.
fn brought_by(indexed: &Indexed<FileSpool>) -> impl Iterator<Item = (ObjectId, ObjectKind)> {
    let brought = indexed.count().saturating_sub(indexed.statistics().appended);
    indexed.objects().take(usize::try_from(brought).unwrap_or(usize::MAX))
}

/// A pack that was received and is whole, in its quarantine.
#[derive(Debug)]
pub(crate) struct DirectoryStaged {
    indexed: Indexed<FileSpool>,
    outward: Option<OutwardLinks>,
    view: Arc<ObjectView>,
    repository: GitDir,
    quarantine: Quarantine,
    stem: Vec<u8>,
    /// The objects that have files of their own, in place of the pack.
    loose: Vec<ObjectId>,
    warnings: Vec<String>,
    /// The files that must be durable before they are published.
    barrier: Barrier,
    lease: Arc<Lease>,
}

impl Staged for DirectoryStaged {
    fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn objects(&self) -> Arc<dyn ObjectStore> {
        Arc::<ObjectView>::clone(&self.view)
    }

    fn new_objects(&self, each: &mut dyn FnMut(ObjectId, ObjectKind) -> ControlFlow<()>) -> Result<()> {
        let _ = brought_by(&self.indexed).try_for_each(|(id, kind)| each(id, kind));
        Ok(())
    }

    fn outward(&self) -> Option<&OutwardLinks> {
        self.outward.as_ref()
    }

    fn statistics(&self) -> Option<Statistics> {
        Some(self.indexed.statistics())
    }

    fn checksum(&self) -> Option<ObjectId> {
        Some(self.indexed.checksum())
    }

    fn path(&self) -> Option<&Path> {
        Some(&self.quarantine.path)
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}

/// Keeps a published pack from being removed until the refs that need it are there. Dropped: it may go.
#[derive(Debug)]
pub(crate) struct Keep {
    dir: Arc<dyn Directory>,
    path: Option<Vec<u8>>,
}

impl Drop for Keep {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // A file that stays keeps a pack for ever: wasteful, not wrong.
            self.dir.remove_file(path).ok();
        }
    }
}

/// What was staged, as a part of the repository.
#[derive(Debug)]
pub(crate) struct Published {
    // What keeps the pack goes first, and the lease after it.
    pub(crate) keep: Option<Keep>,
    pub(crate) lease: Arc<Lease>,
    /// What must be durable before any ref leads to it.
    pub(crate) barrier: Barrier,
}

impl Published {
    pub(crate) fn nothing(lease: Arc<Lease>) -> Self {
        Self { keep: None, lease, barrier: Barrier::default() }
    }
}

/// Makes what was staged part of the repository. The files are durable then, their names not yet.
pub(crate) fn publish(repository: &GitDir, staged: Box<dyn Staged>) -> Result<Published> {
    let misuse =
        || StorageError::new(StorageErrorKind::Misuse, "what was staged belongs to another repository");
    let mut staged = staged.into_any().downcast::<DirectoryStaged>().map_err(|_| misuse())?;
    if !staged.repository.is_same(repository) {
        return Err(misuse());
    }
    if staged.indexed.count() == 0 {
        return Ok(Published::nothing(Arc::clone(&staged.lease)));
    }
    let files = std::mem::take(&mut staged.barrier);
    staged.lease.raise(files, &*repository.inner().file_system)?;
    let lease = Arc::clone(&staged.lease);
    let dir = Arc::clone(&repository.inner().objects.own.dir);
    if !staged.loose.is_empty() {
        let barrier = unpack::publish(&dir, &staged.quarantine, &staged.loose)?;
        return Ok(Published { keep: None, lease, barrier });
    }
    let context = |end: &[u8]| format!("cannot publish '{}{}'", shown(&staged.stem), shown(end));
    // A repository that never had a pack may lack the directory.
    if dir.stat(b"pack", Links::Follow).is_err_and(|error| is_absent(&error)) {
        let made = dir.make_dir(b"pack", DIRECTORY_MODE).and_then(|()| dir.sync(b""));
        made.context(|| "cannot make directory 'objects/pack'".to_owned())?;
    }
    let keep = match keep_for_good(&*dir, &staged).context(|| context(b".keep"))? {
        true => None,
        false => Some(make_keep(repository, &staged.lease, &staged.stem).context(|| context(b".keep"))?),
    };
    for end in [&b".promisor"[..], b".pack", b".rev", b".idx"] {
        let name = [b"pack/", staged.stem.as_slice(), end].concat();
        publish_file(&*dir, &staged.quarantine.path_of(&name), &name)
            .map_err(|error| error.in_context(&context(end)))?;
    }
    let mut barrier = Barrier::default();
    barrier.directory(&dir, b"pack");
    Ok(Published { keep, lease, barrier })
}

/// Gives the note of who asked to keep the pack its name, if there is one; whether the pack is kept.
fn keep_for_good(dir: &dyn Directory, staged: &DirectoryStaged) -> std::io::Result<bool> {
    let name = [b"pack/", staged.stem.as_slice(), b".keep"].concat();
    let from = staged.quarantine.path_of(&name);
    match dir.link(&from, &name) {
        Ok(()) => Ok(true),
        Err(error) if is_absent(&error) => Ok(false),
        // Somebody else keeps it.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(true),
        // Some file systems have no links.
        Err(_) => dir.rename(&from, &name).map(|()| true),
    }
}

fn make_keep(repository: &GitDir, lease: &Lease, stem: &[u8]) -> std::io::Result<Keep> {
    let objects = &repository.inner().objects;
    let dir = &objects.own.dir;
    let path = [b"pack/", stem, b".keep"].concat();
    // A further name of the lease tells whose it is from the moment it exists. Where objects stand on another file system, or one
    // without links, a file of its own does, which a crash would leave.
    let linked = match objects.is_elsewhere {
        true => Err(std::io::ErrorKind::Unsupported.into()),
        false => lease.link(&[b"objects/", path.as_slice()].concat()),
    };
    let made = match linked {
        Err(error) if has_no_such_links(&error) => dir.create(&path, NOBODY_ELSES).map(drop),
        made => made,
    };
    match made {
        Ok(()) => Ok(Keep { dir: Arc::clone(dir), path: Some(path) }),
        // Somebody else keeps it, and removes what keeps it.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            Ok(Keep { dir: Arc::clone(dir), path: None })
        }
        Err(error) => Err(error),
    }
}

/// Whether there can be no link between two places, however often it is tried.
fn has_no_such_links(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{CrossesDevices, NotFound, PermissionDenied, TooManyLinks, Unsupported};
    // `objects` may be a symbolic link, too.
    matches!(error.kind(), CrossesDevices | NotFound | PermissionDenied | TooManyLinks | Unsupported)
}

/// Gives a file of the quarantine its name among the packs. One that is there already must be the same.
fn publish_file(dir: &dyn Directory, from: &[u8], to: &[u8]) -> Result<()> {
    let failed = |error: std::io::Error| Err(error).context(|| "cannot link".to_owned());
    match dir.link(from, to) {
        Ok(()) => Ok(()),
        // Only what the request asked for is there, and small packs have no reverse index.
        Err(error) if is_absent(&error) && (from.ends_with(b".promisor") || from.ends_with(b".rev")) => {
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => check_same(dir, from, to),
        // Some file systems have no links.
        Err(error) => match dir.stat(to, Links::Refuse) {
            Ok(_) => failed(error),
            Err(_) => dir.rename(from, to).map_err(|_| error).or_else(failed),
        },
    }
}

/// A pack of the same name has the same content; one that has not is damage, or an attack, and stays.
fn check_same(dir: &dyn Directory, from: &[u8], to: &[u8]) -> Result<()> {
    let context = || "cannot compare with what is there".to_owned();
    let open = |path: &[u8]| dir.open(path, Links::Refuse).context(context);
    let (new, old) = (open(from)?, open(to)?);
    let size = new.stat().context(context)?.size;
    let mut same = size == old.stat().context(context)?.size;
    let mut rooms = (vec![0; GATHERED], vec![0; GATHERED]);
    let mut offset = 0;
    while same && offset < size {
        let got = new.read_at(offset, &mut rooms.0).context(context)?;
        let other = old.read_at(offset, rooms.1.get_mut(..got).unwrap_or_default()).context(context)?;
        let common = got.min(other);
        same = common > 0 && rooms.0.get(..common) == rooms.1.get(..common);
        offset = offset.saturating_add(common as u64);
    }
    if same {
        return Ok(());
    }
    Err(StorageError::new(
        StorageErrorKind::Corrupt(None),
        format!("'{}' is there with other content", shown(to)),
    ))
}

/// The pack's name until its checksum is known; git's prefix, so that `git prune` knows it.
const INCOMING: &[u8] = b"tmp_pack_incoming";

/// Smaller packs are put in order when somebody asks for it: that takes less time than a file more in the directory.
const REVERSE_INDEX_MIN: u32 = 1_000;

/// Written at once.
const GATHERED: usize = 64 << 10;
