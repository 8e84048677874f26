//! A part of a repository's references as a repository of its own (`gitnamespaces`).

use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use gitwire_types::{ObjectFormat, ObjectId, ObjectKind, RefName, RefTarget};

use crate::{
    EditOutcome, LogRecord, ObjectStore, RefEdit, RefRecord, RefStore, Repository, Result, StageRequest,
    Staged, Staging, StorageError, StorageErrorKind, Transaction, Veto,
};

/// Where the references of a namespace stand: `refs/namespaces/a/refs/namespaces/b/` for `a/b`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    prefix: Bytes,
}

impl Namespace {
    /// The namespace of this name; `None` for a name without parts.
    ///
    /// # Errors
    /// [`Misuse`](StorageErrorKind::Misuse) for a part that a reference cannot have.
    pub fn parse(name: &[u8]) -> Result<Option<Self>> {
        let mut prefix = Vec::new();
        for part in name.split(|byte| *byte == b'/').filter(|part| !part.is_empty()) {
            prefix.extend_from_slice(b"refs/namespaces/");
            prefix.extend_from_slice(part);
            prefix.push(b'/');
        }
        if prefix.is_empty() {
            return Ok(None);
        }
        if RefName::copy_from(&[&prefix[..], b"HEAD"].concat()).is_err() {
            let name = name.escape_ascii();
            return Err(StorageError::new(StorageErrorKind::Misuse, format!("bad git namespace '{name}'")));
        }
        Ok(Some(Self { prefix: prefix.into() }))
    }

    /// What stands before the names of its references.
    #[must_use]
    pub fn prefix(&self) -> &Bytes {
        &self.prefix
    }

    fn full(&self, name: &[u8]) -> Bytes {
        [&self.prefix[..], name].concat().into()
    }

    fn full_name(&self, name: &RefName) -> Result<RefName> {
        RefName::new(self.full(name.as_bytes()))
            .map_err(|error| StorageError::new(StorageErrorKind::Misuse, error.to_string()))
    }

    /// An edit as who asked for it wrote it.
    fn strip_edit(&self, edit: &RefEdit) -> RefEdit {
        let short = |name: &RefName| {
            let short = self.strip(name.as_bytes()).and_then(|name| RefName::copy_from(name).ok());
            short.unwrap_or_else(|| name.clone())
        };
        let new = match &edit.new {
            Some(RefTarget::Symbolic(target)) => Some(RefTarget::Symbolic(short(target))),
            new => new.clone(),
        };
        RefEdit { name: short(&edit.name), expected: edit.expected.clone(), new }
    }

    fn strip<'a>(&self, name: &'a [u8]) -> Option<&'a [u8]> {
        name.strip_prefix(&self.prefix[..])
    }
}

/// A repository of which one namespace is seen and changed: the objects are shared, the references are those of the namespace, `HEAD`
/// included.
///
/// ```
/// use std::sync::Arc;
///
/// use gitwire_storage::{MemoryRepository, Namespace, Namespaced, Repository as _};
/// use gitwire_types::{ObjectFormat, ObjectKind, RefName, RefTarget};
///
/// let whole = MemoryRepository::new(ObjectFormat::Sha1);
/// let blob = RefTarget::Direct(whole.add(ObjectKind::Blob, b"hello\n")?);
/// whole.set_ref(RefName::new("refs/namespaces/ann/refs/tags/hello").expect("a good name"), blob.clone());
///
/// let namespace = Namespace::parse(b"ann")?.expect("a name with a part");
/// let hers = Namespaced::new(Arc::new(whole), namespace);
/// let name = RefName::new("refs/tags/hello").expect("a good name");
/// assert_eq!(hers.refs()?.get(&name)?, Some(blob));
/// # Ok::<(), gitwire_storage::StorageError>(())
/// ```
#[derive(Clone)]
pub struct Namespaced {
    repository: Arc<dyn Repository>,
    namespace: Namespace,
}

impl Namespaced {
    /// The part of `repository` that stands in `namespace`.
    #[must_use]
    pub fn new(repository: Arc<dyn Repository>, namespace: Namespace) -> Self {
        Self { repository, namespace }
    }
}

impl fmt::Debug for Namespaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespaced").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

impl Repository for Namespaced {
    fn format(&self) -> ObjectFormat {
        self.repository.format()
    }

    fn objects(&self) -> Result<Arc<dyn ObjectStore>> {
        self.repository.objects()
    }

    fn refs(&self) -> Result<Arc<dyn RefStore>> {
        Ok(Arc::new(Refs { refs: self.repository.refs()?, namespace: self.namespace.clone() }))
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
        mut refs: Transaction,
        prepared: &mut dyn FnMut(&[RefEdit]) -> Result<(), Veto>,
    ) -> Result<Vec<EditOutcome>> {
        for edit in &mut refs.edits {
            // Any other name is left as it is for the repository to refuse: it would be no name of a ref inside either.
            if edit.name.as_bytes() == b"HEAD" || edit.name.as_bytes().starts_with(b"refs/") {
                edit.name = self.namespace.full_name(&edit.name)?;
            }
            if let Some(RefTarget::Symbolic(target)) = &mut edit.new {
                *target = self.namespace.full_name(target)?;
            }
        }
        self.repository.commit(objects, refs, &mut |edits| {
            let inside: Vec<RefEdit> = edits.iter().map(|edit| self.namespace.strip_edit(edit)).collect();
            prepared(&inside)
        })
    }

    fn publish(&self, objects: Box<dyn Staged>) -> Result<Box<dyn Send>> {
        self.repository.publish(objects)
    }

    fn store(&self, kind: ObjectKind, content: &[u8]) -> Result<ObjectId> {
        self.repository.store(kind, content)
    }

    fn checked_out(&self, branch: &RefName) -> Result<Option<PathBuf>> {
        self.repository.checked_out(&self.namespace.full_name(branch)?)
    }

    /// What the refs outside of the namespace hold is here too.
    fn borrowed_tips(&self) -> Result<Vec<ObjectId>> {
        let mut tips = self.repository.borrowed_tips()?;
        self.repository.refs()?.each(&[], &mut |record| {
            tips.extend(record.id.filter(|_| self.namespace.strip(record.name).is_none()));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(tips)
    }
}

struct Refs {
    refs: Arc<dyn RefStore>,
    namespace: Namespace,
}

impl Refs {
    fn look_up(&self, name: &RefName) -> Result<Option<RefTarget>> {
        let Some(RefTarget::Symbolic(target)) = self.refs.get(name)? else { return self.refs.get(name) };
        if let Some(inside) = self.namespace.strip(target.as_bytes())
            && let Ok(inside) = RefName::copy_from(inside)
        {
            return Ok(Some(RefTarget::Symbolic(inside)));
        }
        // What it names has no name in here: what that holds is what is seen.
        let mut target = Some(RefTarget::Symbolic(target));
        for _ in 0..SYMBOLIC_DEPTH_MAX {
            match target {
                Some(RefTarget::Symbolic(name)) => target = self.refs.get(&name)?,
                found => return Ok(found),
            }
        }
        Ok(None)
    }

    fn visit(
        &self,
        record: RefRecord<'_>,
        each: &mut dyn FnMut(RefRecord<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<ControlFlow<()>> {
        match self.namespace.strip(record.name) {
            // The `HEAD` of a namespace stands beside its refs.
            Some(name) if name.starts_with(b"refs/") => {
                let symbolic = record.symbolic.and_then(|target| self.namespace.strip(target));
                each(RefRecord { name, symbolic, ..record })
            }
            _ => Ok(ControlFlow::Continue(())),
        }
    }

    fn prefixes(&self, prefixes: &[Bytes]) -> Vec<Bytes> {
        match prefixes {
            [] => vec![self.namespace.full(b"refs/")],
            prefixes => prefixes.iter().map(|prefix| self.namespace.full(prefix)).collect(),
        }
    }
}

impl RefStore for Refs {
    fn head(&self) -> Result<Option<RefTarget>> {
        self.look_up(&self.namespace.full_name(&RefName::head())?)
    }

    fn get(&self, name: &RefName) -> Result<Option<RefTarget>> {
        self.look_up(&self.namespace.full_name(name)?)
    }

    fn each(
        &self,
        prefixes: &[Bytes],
        each: &mut dyn FnMut(RefRecord<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        self.refs.each(&self.prefixes(prefixes), &mut |record| self.visit(record, each))
    }

    fn each_from(
        &self,
        from: &[u8],
        prefixes: &[Bytes],
        each: &mut dyn FnMut(RefRecord<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let from = self.namespace.full(from);
        self.refs.each_from(&from, &self.prefixes(prefixes), &mut |record| self.visit(record, each))
    }

    fn log(&self, name: &RefName, each: &mut dyn FnMut(LogRecord) -> Result<ControlFlow<()>>) -> Result<()> {
        self.refs.log(&self.namespace.full_name(name)?, each)
    }

    fn version(&self) -> Option<u64> {
        self.refs.version()
    }
}

/// As git follows symbolic refs.
const SYMBOLIC_DEPTH_MAX: usize = 5;
