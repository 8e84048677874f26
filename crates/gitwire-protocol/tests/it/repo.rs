//! A small repository as a table: what the tests' applications know.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use gitwire_protocol::message::ShallowUpdate;
use gitwire_types::{ObjectFormat, ObjectId};

/// A ref: name, id, and what it peels to.
pub(crate) struct Shown {
    pub(crate) name: Vec<u8>,
    pub(crate) id: ObjectId,
    pub(crate) peeled: Option<ObjectId>,
    pub(crate) target: Option<Vec<u8>>,
}

/// Commits with their parents, and refs.
pub(crate) struct Repo {
    pub(crate) parents: BTreeMap<ObjectId, Vec<ObjectId>>,
    /// `main` from tip to root.
    pub(crate) main: Vec<ObjectId>,
    pub(crate) refs: Vec<Shown>,
}

pub(crate) fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

pub(crate) fn id(hex: &str) -> ObjectId {
    ObjectId::from_hex(ObjectFormat::Sha1, hex.as_bytes()).unwrap()
}

/// An id that no repository has.
pub(crate) fn unknown(number: u8) -> ObjectId {
    ObjectId::from_sha1([number; 20])
}

impl Repo {
    /// The recorded one.
    pub(crate) fn load() -> Self {
        Self::parse(&std::fs::read_to_string(golden("repository.txt")).unwrap())
    }

    /// Lines `commit ID PARENT…` along `main` first, and `ref ID PEELED|- TARGET|- NAME`.
    pub(crate) fn parse(text: &str) -> Self {
        let mut repo = Self { parents: BTreeMap::new(), main: Vec::new(), refs: Vec::new() };
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            match words[0] {
                "main" => repo.main.push(id(words[1])),
                "commit" => {
                    repo.parents.insert(id(words[1]), words[2..].iter().map(|hex| id(hex)).collect());
                }
                "ref" => repo.refs.push(Shown {
                    id: id(words[1]),
                    peeled: (words[2] != "-").then(|| id(words[2])),
                    target: (words[3] != "-").then(|| words[3].as_bytes().to_vec()),
                    name: words[4].as_bytes().to_vec(),
                }),
                other => panic!("{other}"),
            }
        }
        repo
    }

    /// The same history under the names of another hash function.
    pub(crate) fn sha256(self) -> Self {
        let long = |id: &ObjectId| {
            let mut raw = [7; 32];
            raw[..20].copy_from_slice(id.as_bytes());
            ObjectId::from_sha256(raw)
        };
        let all = |ids: &[ObjectId]| ids.iter().map(long).collect::<Vec<_>>();
        Self {
            parents: self.parents.iter().map(|(id, parents)| (long(id), all(parents))).collect(),
            main: all(&self.main),
            refs: self
                .refs
                .into_iter()
                .map(|shown| Shown { id: long(&shown.id), peeled: shown.peeled.as_ref().map(long), ..shown })
                .collect(),
        }
    }

    pub(crate) fn has(&self, id: &ObjectId) -> bool {
        self.parents.contains_key(id) || self.refs.iter().any(|shown| shown.id == *id)
    }

    /// Whether every want reaches something in common.
    pub(crate) fn covers(&self, wants: &[ObjectId], common: &BTreeSet<ObjectId>) -> bool {
        !common.is_empty() && wants.iter().all(|want| self.reaches(want, common))
    }

    fn reaches(&self, from: &ObjectId, goal: &BTreeSet<ObjectId>) -> bool {
        let mut seen = BTreeSet::new();
        let mut queue = vec![*from];
        while let Some(id) = queue.pop() {
            if goal.contains(&id) {
                return true;
            }
            if seen.insert(id) {
                queue.extend(self.parents.get(&id).into_iter().flatten());
            }
        }
        false
    }

    /// The boundary of a clone of `depth` commits from `want`, in a linear history.
    pub(crate) fn boundary(&self, want: &ObjectId, depth: u32, shallow: &[ObjectId]) -> Vec<ShallowUpdate> {
        let mut at = *want;
        for _ in 1..depth {
            match self.parents.get(&at).and_then(|parents| parents.first()) {
                Some(parent) => at = *parent,
                None => return shallow.iter().map(|id| ShallowUpdate::Unshallow(*id)).collect(),
            }
        }
        let mut updates = Vec::new();
        if self.parents.get(&at).is_some_and(|parents| !parents.is_empty()) {
            updates.push(ShallowUpdate::Shallow(at));
        }
        updates.extend(shallow.iter().filter(|id| **id != at).map(|id| ShallowUpdate::Unshallow(*id)));
        updates
    }
}
