//! References in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use gitwire_types::{ObjectId, RefName, RefTarget};

use crate::{
    EditOutcome, Expected, Peeled, RefEdit, RefRecord, RefStore, Result, StorageError, StorageErrorKind,
    Transaction, Veto,
};

type Refs = BTreeMap<RefName, RefTarget>;

/// A view of the references of a repository in memory.
pub(crate) struct MemoryRefs {
    pub(crate) refs: Arc<Refs>,
    pub(crate) head: Option<RefTarget>,
    pub(crate) changes: u64,
}

impl RefStore for MemoryRefs {
    fn head(&self) -> Result<Option<RefTarget>> {
        Ok(self.head.clone())
    }

    fn get(&self, name: &RefName) -> Result<Option<RefTarget>> {
        Ok(get(&self.refs, self.head.as_ref(), name).cloned())
    }

    fn each(
        &self,
        prefixes: &[Bytes],
        each: &mut dyn FnMut(RefRecord<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let wanted =
            |name: &[u8]| prefixes.is_empty() || prefixes.iter().any(|prefix| name.starts_with(prefix));
        for (name, target) in self.refs.iter().filter(|(name, _)| wanted(name.as_bytes())) {
            let symbolic = match target {
                RefTarget::Direct(_) => None,
                RefTarget::Symbolic(name) => Some(name.as_bytes()),
            };
            let id = resolve(&self.refs, self.head.as_ref(), target);
            if each(RefRecord { name: name.as_bytes(), id, symbolic, peeled: Peeled::Unknown })?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn version(&self) -> Option<u64> {
        Some(self.changes)
    }
}

/// Makes the changes that may be made in `refs`; the outcome of each.
pub(crate) fn apply(
    refs: &mut Refs,
    head: &mut Option<RefTarget>,
    transaction: &Transaction,
    prepared: &mut dyn FnMut(&[RefEdit]) -> Result<(), Veto>,
) -> Result<Vec<EditOutcome>> {
    let mut names = BTreeSet::new();
    if let Some(twice) = transaction.edits.iter().find(|edit| !names.insert(&edit.name)) {
        return Err(StorageError::new(
            StorageErrorKind::Misuse,
            format!("multiple updates for ref '{}' not allowed", twice.name),
        ));
    }
    let before: (&Refs, Option<&RefTarget>) = (refs, head.as_ref());
    let mut taken = BTreeSet::new();
    let checked = transaction.edits.iter().map(|edit| check(before, &mut taken, edit));
    let mut checked: Vec<Result<RefName, String>> = checked.collect();
    if transaction.atomic && checked.iter().any(Result::is_err) {
        refuse_rest(&mut checked, "atomic transaction failed");
    } else {
        let pairs = transaction.edits.iter().zip(&checked);
        let surviving: Vec<_> =
            pairs.filter(|(_, checked)| checked.is_ok()).map(|(edit, _)| edit.clone()).collect();
        if let Err(veto) = prepared(&surviving) {
            refuse_rest(&mut checked, &veto.reason);
        }
    }
    let mut outcomes = Vec::new();
    for (edit, checked) in transaction.edits.iter().zip(checked) {
        outcomes.push(match checked {
            Err(reason) => EditOutcome::Rejected(reason),
            Ok(name) => {
                match &edit.new {
                    Some(target) if name.as_bytes() == b"HEAD" => *head = Some(target.clone()),
                    None if name.as_bytes() == b"HEAD" => *head = None,
                    Some(target) => drop(refs.insert(name, target.clone())),
                    None => drop(refs.remove(&name)),
                }
                EditOutcome::Done
            }
        });
    }
    Ok(outcomes)
}

fn refuse_rest(checked: &mut [Result<RefName, String>], reason: &str) {
    for each in checked.iter_mut().filter(|each| each.is_ok()) {
        *each = Err(reason.to_owned());
    }
}

/// The ref that an edit changes, or why it may not.
fn check(
    (refs, head): (&Refs, Option<&RefTarget>),
    taken: &mut BTreeSet<RefName>,
    edit: &RefEdit,
) -> Result<RefName, String> {
    let refuse = |why: String| format!("cannot lock ref '{}': {why}", edit.name);
    if edit.name.as_bytes() != b"HEAD" && !edit.name.as_bytes().starts_with(b"refs/") {
        return Err(format!("refusing to update ref with bad name '{}'", edit.name));
    }
    let mut name = edit.name.clone();
    if let Some(RefTarget::Direct(_)) = edit.new {
        for _ in 0..SYMBOLIC_DEPTH_MAX {
            if let Some(RefTarget::Symbolic(next)) = get(refs, head, &name) {
                name = next.clone();
            }
        }
    }
    let current = get(refs, head, &name);
    let old = current.and_then(|target| resolve(refs, head, target));
    match (&edit.expected, old) {
        (Expected::Any, _) => {}
        (Expected::Absent, _) if current.is_none() => {}
        (Expected::Absent, _) => return Err(refuse("reference already exists".to_owned())),
        (Expected::Id(id), Some(old)) if *id == old => {}
        (Expected::Id(id), Some(old)) => return Err(refuse(format!("is at {old} but expected {id}"))),
        (Expected::Id(_), None) => {
            return Err(refuse(format!("unable to resolve reference '{}'", edit.name)));
        }
    }
    if current.is_none()
        && edit.new.is_some()
        && let Some(other) = refs.keys().find(|other| are_beside(other, &name))
    {
        return Err(refuse(format!("'{other}' exists; cannot create '{name}'")));
    }
    if let Some(other) = taken.iter().find(|other| are_beside(other, &name)) {
        return Err(refuse(format!("cannot process '{other}' and '{name}' at the same time")));
    }
    if !taken.insert(name.clone()) {
        return Err(refuse(format!("'{name}' is changed twice")));
    }
    Ok(name)
}

/// Whether one name would be a directory of the other.
fn are_beside(one: &RefName, other: &RefName) -> bool {
    let below = |above: &RefName, name: &RefName| {
        name.as_bytes().strip_prefix(above.as_bytes()).is_some_and(|rest| rest.starts_with(b"/"))
    };
    below(one, other) || below(other, one)
}

fn get<'a>(refs: &'a Refs, head: Option<&'a RefTarget>, name: &RefName) -> Option<&'a RefTarget> {
    if name.as_bytes() == b"HEAD" { head } else { refs.get(name) }
}

fn resolve(refs: &Refs, head: Option<&RefTarget>, target: &RefTarget) -> Option<ObjectId> {
    let mut target = target;
    for _ in 0..SYMBOLIC_DEPTH_MAX {
        match target {
            RefTarget::Direct(id) => return Some(*id),
            RefTarget::Symbolic(name) => target = get(refs, head, name)?,
        }
    }
    target.id().copied()
}

/// How many symbolic refs lead to each other at most, as in git.
const SYMBOLIC_DEPTH_MAX: usize = 5;
