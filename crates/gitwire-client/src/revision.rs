//! Naming objects (`gitrevisions`): what of it a push needs.

use std::sync::Arc;

use gitwire_object::{CommitRef, TagRef};
use gitwire_storage::{ObjectStore, RefStore, Repository};
use gitwire_types::{ObjectId, ObjectKind, RefName, RefTarget};

use crate::ClientError;

/// The object that `text` names in `repository`: all hexadecimal digits of an id, or a ref, perhaps by a short name, `HEAD` or `@`;
/// behind it any number of `~N`, `^N`, `^{commit}`, `^{tree}`, `^{blob}`, `^{tag}`, `^{object}` and `^{}`. `None`: nothing of that name.
///
/// Reflogs, dates, abbreviated ids and searches are not looked into.
///
/// # Errors
/// The repository fails, or holds something damaged on the way.
///
/// ```
/// use gitwire_storage::{MemoryRepository, Repository as _};
/// use gitwire_types::{ObjectFormat, ObjectKind, RefName, RefTarget};
///
/// let repository = MemoryRepository::new(ObjectFormat::Sha1);
/// let tree = repository.add(ObjectKind::Tree, b"")?;
/// let who = "A U Thor <author@example.com> 1 +0000";
/// let text = format!("tree {tree}\nauthor {who}\ncommitter {who}\n\none\n");
/// let commit = repository.add(ObjectKind::Commit, text.as_bytes())?;
/// repository.set_ref(RefName::new("refs/heads/main")?, RefTarget::Direct(commit));
///
/// assert_eq!(gitwire_client::find_revision(&repository, b"HEAD")?, Some(commit));
/// assert_eq!(gitwire_client::find_revision(&repository, b"main^{tree}")?, Some(tree));
/// assert_eq!(gitwire_client::find_revision(&repository, b"main~1")?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn find_revision(repository: &dyn Repository, text: &[u8]) -> Result<Option<ObjectId>, ClientError> {
    let split = text.iter().position(|byte| matches!(byte, b'~' | b'^')).unwrap_or(text.len());
    let (base, steps) = text.split_at_checked(split).unwrap_or((text, &[]));
    let Some(mut steps) = Steps::parse(steps) else { return Ok(None) };
    let Some(mut id) = find_base(repository, base)? else { return Ok(None) };
    let mut objects = Objects { store: repository.objects()?, content: Vec::new() };
    for step in steps.0.drain(..) {
        match objects.take(step, id)? {
            Some(next) => id = next,
            None => return Ok(None),
        }
    }
    Ok(Some(id))
}

/// What a ref holds in the end, symbolic refs followed.
pub(crate) fn follow(
    refs: &dyn RefStore,
    name: &RefName,
) -> Result<Option<(RefName, ObjectId)>, ClientError> {
    let mut name = name.clone();
    for _ in 0..SYMBOLIC_DEPTH_MAX {
        let target = if name == RefName::head() { refs.head()? } else { refs.get(&name)? };
        match target {
            Some(RefTarget::Direct(id)) => return Ok(Some((name, id))),
            Some(RefTarget::Symbolic(next)) => name = next,
            None => return Ok(None),
        }
    }
    Ok(None)
}

/// How many symbolic refs may name one another: as git.
const SYMBOLIC_DEPTH_MAX: usize = 5;

fn find_base(repository: &dyn Repository, base: &[u8]) -> Result<Option<ObjectId>, ClientError> {
    if let Ok(id) = ObjectId::from_hex(repository.format(), base) {
        return Ok(Some(id));
    }
    let name = if base == b"@" { Ok(RefName::head()) } else { RefName::copy_from(base) };
    let Ok(name) = name else { return Ok(None) };
    let refs = repository.refs()?;
    for candidate in name.candidates() {
        let is_known = candidate.is_full() || candidate.is_root();
        if is_known && let Some((_, id)) = follow(&*refs, &candidate)? {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// One step away from an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// `^N`, the first of which is the commit itself: `^0`.
    Parent(u32),
    /// `~N`.
    Ancestor(u32),
    /// `^{KIND}`; `None`: whatever is behind tags.
    Peel(Option<ObjectKind>),
    /// `^{object}`: it must be there.
    Any,
}

#[derive(Debug, PartialEq, Eq)]
struct Steps(Vec<Step>);

impl Steps {
    /// `None`: it is no list of steps.
    fn parse(mut text: &[u8]) -> Option<Self> {
        let mut steps = Vec::new();
        while let Some((sign, rest)) = text.split_first() {
            if let Some(inner) = rest.strip_prefix(b"{").filter(|_| *sign == b'^') {
                let end = inner.iter().position(|byte| *byte == b'}')?;
                let (kind, rest) = (inner.get(..end)?, inner.get(end.checked_add(1)?..)?);
                steps.push(match kind {
                    b"" => Step::Peel(None),
                    b"object" => Step::Any,
                    kind => Step::Peel(Some(ObjectKind::from_name(kind)?)),
                });
                text = rest;
                continue;
            }
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (number, rest) = rest.split_at_checked(digits)?;
            let number = if digits == 0 { 1 } else { std::str::from_utf8(number).ok()?.parse().ok()? };
            steps.push(match sign {
                b'^' => Step::Parent(number),
                b'~' => Step::Ancestor(number),
                _ => return None,
            });
            text = rest;
        }
        Some(Self(steps))
    }
}

struct Objects {
    store: Arc<dyn ObjectStore>,
    content: Vec<u8>,
}

impl Objects {
    fn take(&mut self, step: Step, id: ObjectId) -> Result<Option<ObjectId>, ClientError> {
        match step {
            Step::Parent(0) => self.peel(id, Some(ObjectKind::Commit)),
            Step::Parent(nth) => self.parent(id, nth),
            Step::Ancestor(count) => {
                let mut found = self.peel(id, Some(ObjectKind::Commit))?;
                for _ in 0..count {
                    let Some(id) = found else { break };
                    found = self.parent(id, 1)?;
                }
                Ok(found)
            }
            Step::Peel(kind) => self.peel(id, kind),
            Step::Any => Ok(self.read(&id)?.map(|_| id)),
        }
    }

    fn parent(&mut self, id: ObjectId, nth: u32) -> Result<Option<ObjectId>, ClientError> {
        let Some(id) = self.peel(id, Some(ObjectKind::Commit))? else { return Ok(None) };
        self.read(&id)?;
        let commit = CommitRef::parse(id.format(), &self.content).map_err(damaged)?;
        let before = usize::try_from(nth.saturating_sub(1)).unwrap_or(usize::MAX);
        Ok(commit.parents().nth(before))
    }

    fn peel(
        &mut self,
        mut id: ObjectId,
        wanted: Option<ObjectKind>,
    ) -> Result<Option<ObjectId>, ClientError> {
        loop {
            let Some(kind) = self.read(&id)? else { return Ok(None) };
            if wanted == Some(kind) || wanted.is_none() && kind != ObjectKind::Tag {
                return Ok(Some(id));
            }
            id = match (kind, wanted) {
                (ObjectKind::Tag, _) => TagRef::parse(id.format(), &self.content).map_err(damaged)?.target(),
                (ObjectKind::Commit, Some(ObjectKind::Tree)) => {
                    CommitRef::parse(id.format(), &self.content).map_err(damaged)?.tree()
                }
                _ => return Ok(None),
            };
        }
    }

    fn read(&mut self, id: &ObjectId) -> Result<Option<ObjectKind>, ClientError> {
        let mut kind = None;
        self.store.headers(&[*id], &mut |_, presence| {
            if let gitwire_storage::Presence::Here { kind: found, .. } = presence {
                kind = Some(found);
            }
        })?;
        // What leads nowhere need not be read.
        match kind {
            None | Some(ObjectKind::Blob | ObjectKind::Tree) => Ok(kind),
            Some(_) => Ok(self.store.read(id, OBJECT_BYTES_MAX, &mut self.content)?),
        }
    }
}

fn damaged(error: gitwire_object::ObjectError) -> ClientError {
    gitwire_storage::StorageError::new(gitwire_storage::StorageErrorKind::Corrupt(None), error.to_string())
        .with_source(error)
        .into()
}

/// Bytes of a commit or a tag: as walks.
const OBJECT_BYTES_MAX: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&[Step]>) {
        assert_eq!(
            Steps::parse(text.as_bytes()).map(|steps| steps.0),
            expected.map(<[Step]>::to_vec),
            "{text}"
        );
    }

    #[test]
    fn steps_are_read_as_gitrevisions_says() {
        check("", Some(&[]));
        check("~", Some(&[Step::Ancestor(1)]));
        check("~3^^2", Some(&[Step::Ancestor(3), Step::Parent(1), Step::Parent(2)]));
        check("^{}", Some(&[Step::Peel(None)]));
        check("^0^{tree}", Some(&[Step::Parent(0), Step::Peel(Some(ObjectKind::Tree))]));
        check("^{object}~", Some(&[Step::Any, Step::Ancestor(1)]));
        check("^{", None);
        check("^{word}", None);
        check("~x", None);
        check("~99999999999", None);
        check("~{}", None);
    }
}
