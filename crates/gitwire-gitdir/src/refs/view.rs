//! The references of a repository as one view: loose and packed refs merged.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use gitwire_storage::{LogRecord, Peeled, RefRecord, RefStore, Result};
use gitwire_types::{ObjectFormat, ObjectId, RefName, RefTarget};

use super::loose::{LooseRef, read_loose};
use super::packed::{PackedCache, PackedReader, PackedRef, PackedRefs, is_listed};
use super::{chain, is_per_worktree, reflog};
use crate::error::{Context as _, corrupt, is_absent, shown};
use crate::fs::{Directory, FileKind, FileSystem, Links};

/// Where references stand.
#[derive(Debug)]
pub(crate) struct RefFiles {
    pub(crate) file_system: Arc<dyn FileSystem>,
    /// `HEAD` and the refs of this worktree.
    pub(crate) dir: Arc<dyn Directory>,
    /// All other refs.
    pub(crate) common: Arc<dyn Directory>,
    pub(crate) format: ObjectFormat,
    pub(crate) packed: PackedCache,
}

impl RefFiles {
    /// The directory that `name` is relative to.
    pub(crate) fn home(&self, name: &[u8]) -> &Arc<dyn Directory> {
        if is_per_worktree(name) { &self.dir } else { &self.common }
    }

    pub(crate) fn loose(&self, name: &[u8]) -> Result<LooseRef> {
        read_loose(&**self.home(name), name, self.format)
    }

    pub(crate) fn packed(&self) -> Result<Arc<PackedRefs>> {
        self.packed.current(&*self.common, &*self.file_system, self.format)
    }

    /// The same for whoever only reads.
    pub(crate) fn packed_reader(&self) -> Result<PackedReader> {
        self.packed.reader(&*self.common, &*self.file_system, self.format)
    }

    /// What a ref holds: its own file first, then `packed-refs`.
    pub(crate) fn read(&self, name: &[u8]) -> Result<LooseRef> {
        match self.loose(name)? {
            LooseRef::Absent if name.starts_with(b"refs/") => {
                let found = self.packed_reader()?.find(name)?;
                Ok(found.map_or(LooseRef::Absent, |id| LooseRef::Value(RefTarget::Direct(id))))
            }
            found => Ok(found),
        }
    }
}

/// A view of the references. Directories are read when they are first asked for and not again; `packed-refs` is read after
/// them, so that a ref that is packed meanwhile is not missed.
#[derive(Debug)]
pub(crate) struct RefView {
    files: Arc<RefFiles>,
    head: OnceLock<LooseRef>,
    /// Loose refs by directory (`refs/heads/`): what was read once stays.
    directories: Mutex<BTreeMap<Vec<u8>, Arc<LooseDirectory>>>,
}

/// What one directory below `refs/` holds itself.
#[derive(Debug, Default)]
struct LooseDirectory {
    /// Refs by full name.
    refs: BTreeMap<Vec<u8>, LooseRef>,
    /// Directories by full name with a slash at the end.
    directories: Vec<Vec<u8>>,
}

impl RefView {
    pub(crate) fn new(files: Arc<RefFiles>) -> Self {
        Self { files, head: OnceLock::new(), directories: Mutex::default() }
    }

    /// What a ref holds in this view.
    fn read(&self, name: &[u8]) -> Result<LooseRef> {
        if name == b"HEAD" {
            if let Some(head) = self.head.get() {
                return Ok(head.clone());
            }
            let head = self.files.loose(name)?;
            return Ok(self.head.get_or_init(|| head).clone());
        }
        let parent = name.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash.saturating_add(1));
        let parent = name.get(..parent).unwrap_or_default();
        let known = self.directories.lock().unwrap_or_else(PoisonError::into_inner).get(parent).cloned();
        match known {
            Some(directory) => match directory.refs.get(name) {
                Some(found) => Ok(found.clone()),
                None => Ok(match self.files.packed_reader()?.find(name)? {
                    Some(id) => LooseRef::Value(RefTarget::Direct(id)),
                    None => LooseRef::Absent,
                }),
            },
            None => self.files.read(name),
        }
    }

    /// The object that a ref leads to; `None` where the chain of symbolic refs ends at nothing, or does not end.
    fn resolve(&self, target: &RefTarget) -> Result<Option<ObjectId>> {
        chain::resolve(|name| self.read(name), target)
    }

    /// Every loose ref that starts with `prefix`, reading no directory that cannot hold one.
    fn collect_loose(&self, prefix: &[u8], out: &mut BTreeMap<Vec<u8>, LooseRef>) -> Result<()> {
        let mut pending = vec![b"refs/".to_vec()];
        while let Some(directory) = pending.pop() {
            if !directory.starts_with(prefix) && !prefix.starts_with(&directory) {
                continue;
            }
            let content = self.directory(&directory)?;
            pending.extend(content.directories.iter().cloned());
            let starting = content.refs.iter().filter(|(name, _)| name.starts_with(prefix));
            out.extend(starting.map(|(name, value)| (name.clone(), value.clone())));
        }
        Ok(())
    }

    /// What a directory holds, read once in the life of the view.
    fn directory(&self, name: &[u8]) -> Result<Arc<LooseDirectory>> {
        if let Some(known) = self.directories.lock().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Ok(Arc::clone(known));
        }
        let read = Arc::new(self.read_directory(name)?);
        let mut directories = self.directories.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(directories.entry(name.to_vec()).or_insert(read)))
    }

    fn read_directory(&self, name: &[u8]) -> Result<LooseDirectory> {
        let mut content = LooseDirectory::default();
        if Arc::ptr_eq(&self.files.dir, &self.files.common) {
            self.read_entries(&*self.files.common, name, &mut content, |_| true)?;
        } else {
            self.read_entries(&*self.files.common, name, &mut content, |full| !is_per_worktree(full))?;
            self.read_entries(&*self.files.dir, name, &mut content, is_per_worktree)?;
        }
        content.directories.sort();
        content.directories.dedup();
        Ok(content)
    }

    /// Reads the entries of `name` below `home` whose full names `belongs` takes.
    fn read_entries(
        &self,
        home: &dyn Directory,
        name: &[u8],
        content: &mut LooseDirectory,
        belongs: impl Fn(&[u8]) -> bool,
    ) -> Result<()> {
        let entries = match home.list(name) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => return Ok(()),
            Err(error) => return Err(error).context(|| format!("cannot read directory '{}'", shown(name))),
        };
        for entry in entries {
            let mut full = name.to_vec();
            full.extend_from_slice(&entry.name);
            if entry.name.starts_with(b".") || entry.name.ends_with(b".lock") {
                continue;
            }
            let kind = match entry.kind {
                Some(kind) if kind != FileKind::Link => kind,
                _ => match home.stat(&full, Links::Follow) {
                    Ok(stat) => stat.kind,
                    Err(_) => FileKind::Link,
                },
            };
            if kind == FileKind::Directory {
                full.push(b'/');
                if belongs(&full) {
                    content.directories.push(full);
                }
            } else if belongs(&full) && is_listed(&full) {
                // Gone between listing and reading: as if it had never been listed.
                let value = read_loose(home, &full, self.files.format)?;
                if value != LooseRef::Absent {
                    content.refs.insert(full, value);
                }
            }
        }
        Ok(())
    }
}

impl RefStore for RefView {
    fn head(&self) -> Result<Option<RefTarget>> {
        value_of(b"HEAD", self.read(b"HEAD")?)
    }

    fn get(&self, name: &RefName) -> Result<Option<RefTarget>> {
        value_of(name.as_bytes(), self.read(name.as_bytes())?)
    }

    fn each(
        &self,
        prefixes: &[Bytes],
        each: &mut dyn FnMut(RefRecord<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        self.each_from(b"", prefixes, each)
    }

    fn each_from(
        &self,
        from: &[u8],
        prefixes: &[Bytes],
        each: &mut dyn FnMut(RefRecord<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        for prefix in distinct_from(prefixes, from) {
            let mut loose = BTreeMap::new();
            self.collect_loose(&prefix, &mut loose)?;
            let loose = loose.split_off(from);
            let packed = self.files.packed_reader()?;
            if self.merge(from, &prefix, &loose, &packed, each)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn log(&self, name: &RefName, each: &mut dyn FnMut(LogRecord) -> Result<ControlFlow<()>>) -> Result<()> {
        reflog::each(&self.files, name.as_bytes(), each)
    }
}

impl RefView {
    /// Gives loose and packed refs with `prefix`, those before `from` left out, in the order of names; where both have one, the
    /// loose one counts.
    fn merge(
        &self,
        from: &[u8],
        prefix: &[u8],
        loose: &BTreeMap<Vec<u8>, LooseRef>,
        packed: &PackedReader,
        each: &mut dyn FnMut(RefRecord<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<ControlFlow<()>> {
        let mut loose = loose.iter().peekable();
        let mut flow = ControlFlow::Continue(());
        packed.each_from(prefix.max(from), &mut |found| {
            if !found.name.starts_with(prefix) {
                return Ok(ControlFlow::Break(()));
            }
            let mut is_hidden = !is_listed(found.name);
            while let Some((name, value)) = loose.next_if(|(name, _)| name.as_slice() <= found.name) {
                is_hidden |= name.as_slice() == found.name;
                flow = self.give_loose(name, value, each)?;
                if flow.is_break() {
                    return Ok(flow);
                }
            }
            if !is_hidden {
                let PackedRef { name, id, peeled } = found;
                flow = each(RefRecord { name, id: Some(id), symbolic: None, peeled })?;
            }
            Ok(flow)
        })?;
        for (name, value) in loose {
            if flow.is_break() {
                break;
            }
            flow = self.give_loose(name, value, each)?;
        }
        Ok(flow)
    }

    fn give_loose(
        &self,
        name: &[u8],
        value: &LooseRef,
        each: &mut dyn FnMut(RefRecord<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<ControlFlow<()>> {
        let LooseRef::Value(target) = value else { return Ok(ControlFlow::Continue(())) };
        let symbolic = match target {
            RefTarget::Direct(_) => None,
            RefTarget::Symbolic(name) => Some(name.as_bytes()),
        };
        each(RefRecord { name, id: self.resolve(target)?, symbolic, peeled: Peeled::Unknown })
    }
}

pub(super) fn value_of(name: &[u8], found: LooseRef) -> Result<Option<RefTarget>> {
    match found {
        LooseRef::Absent => Ok(None),
        LooseRef::Value(target) => Ok(Some(target)),
        LooseRef::Broken => Err(corrupt(format!("ref '{}' is broken", shown(name)))),
    }
}

/// The prefixes whose names are not all before `from`, sorted, those left out that another one covers: so each ref comes once and in order.
pub(super) fn distinct_from(prefixes: &[Bytes], from: &[u8]) -> Vec<Vec<u8>> {
    let mut sorted: Vec<Vec<u8>> = prefixes.iter().map(|prefix| prefix.to_vec()).collect();
    if sorted.is_empty() {
        sorted.push(b"refs/".to_vec());
    }
    sorted.sort();
    sorted.dedup_by(|next, kept| next.starts_with(kept));
    // Names of a prefix that is before `from` and no part of it are all before `from`.
    sorted.retain(|prefix| prefix.as_slice() >= from || from.starts_with(prefix));
    sorted
}
