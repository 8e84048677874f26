//! Histories from a seed: what repositories hold, in every shape that the tests of transfers need.

mod files;
mod script;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gitwire_object::{Trust, object_id};
use gitwire_storage::{
    EditOutcome, Expected, MemoryRepository, RefEdit, Repository, StageRequest, Transaction,
};
use gitwire_types::{Never, ObjectFormat, ObjectId, ObjectKind, RefName, RefTarget};

use self::files::Files;
use self::script::Script;
use crate::Dice;
use crate::git::Git;
use crate::pack::pack;

/// A history: objects, and the refs that lead to them. Grows step by step, so that a clone of it that grew otherwise has diverged.
///
/// ```
/// use gitwire_storage::Repository as _;
/// use gitwire_testkit::{Dice, History, Manner};
/// use gitwire_types::ObjectFormat;
///
/// let mut history = History::new(ObjectFormat::Sha256, Manner::Odd);
/// history.grow(&mut Dice::new(1), 20);
/// assert!(history.objects().len() > 20);
/// assert_eq!(history.memory().format(), ObjectFormat::Sha256);
/// ```
#[derive(Debug, Clone)]
pub struct History {
    format: ObjectFormat,
    manner: Manner,
    objects: Vec<Object>,
    known: HashSet<ObjectId>,
    refs: BTreeMap<RefName, ObjectId>,
    commits: Vec<Made>,
    tags: Vec<(ObjectId, usize)>,
    script: Script,
}

/// What may stand in a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// What git itself writes, so that `git fast-import` can be told of it.
    Plain,
    /// What is found in the wild besides: modes that git writes no more, empty trees in trees, commits without a message or
    /// with headers of many lines, tags of trees and without a tagger.
    Odd,
}

/// One object.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its id.
    pub id: ObjectId,
    /// What it is.
    pub kind: ObjectKind,
    /// All of it.
    pub content: Arc<[u8]>,
}

/// A commit, and what later ones need of it.
#[derive(Debug, Clone)]
struct Made {
    id: ObjectId,
    mark: usize,
    time: i64,
    files: Arc<Files>,
}

impl History {
    /// A history in which nothing has happened.
    #[must_use]
    pub fn new(format: ObjectFormat, manner: Manner) -> Self {
        Self {
            format,
            manner,
            objects: Vec::new(),
            known: HashSet::new(),
            refs: BTreeMap::new(),
            commits: Vec::new(),
            tags: Vec::new(),
            script: Script::default(),
        }
    }

    /// Makes `commits` more commits on some branches: roots, merges, merges of many, lines that run side by side.
    pub fn grow(&mut self, dice: &mut Dice, commits: usize) {
        for _ in 0..commits {
            self.commit(dice);
        }
    }

    /// Makes `count` tags: of commits, of tags, some of them without an object of their own.
    pub fn tag(&mut self, dice: &mut Dice, count: usize) {
        for _ in 0..count {
            self.make_tag(dice);
        }
    }

    /// Makes `count` refs below `refs/many/` that hold commits.
    pub fn scatter(&mut self, dice: &mut Dice, count: usize) {
        for nth in 0..count {
            let Some(commit) = self.any_commit(dice) else { return };
            let id = self.commits[commit].id;
            self.refs.insert(name(format!("refs/many/{:02}/{nth:05}", nth % 37).as_bytes()), id);
        }
    }

    /// Sets a branch back, or deletes one, where there is more than one.
    pub fn rewrite(&mut self, dice: &mut Dice) {
        let branches: Vec<RefName> = self.refs.keys().filter(|name| name.is_branch()).cloned().collect();
        if branches.len() < 2 {
            return;
        }
        let branch = dice.pick(&branches[1..]).clone();
        match self.any_commit(dice) {
            Some(commit) if dice.one_in(2) => self.refs.insert(branch, self.commits[commit].id),
            _ => self.refs.remove(&branch),
        };
    }

    /// The hash function.
    #[must_use]
    pub fn format(&self) -> ObjectFormat {
        self.format
    }

    /// Every object, each after those that it names.
    #[must_use]
    pub fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// The refs and what they hold.
    #[must_use]
    pub fn refs(&self) -> &BTreeMap<RefName, ObjectId> {
        &self.refs
    }

    /// The commits, each after its parents.
    pub fn commits(&self) -> impl ExactSizeIterator<Item = ObjectId> + '_ {
        self.commits.iter().map(|commit| commit.id)
    }

    /// The same in memory. `HEAD` names `refs/heads/main`.
    ///
    /// # Panics
    /// When an object has another id there.
    #[must_use]
    pub fn memory(&self) -> MemoryRepository {
        let repository = MemoryRepository::new(self.format);
        for object in &self.objects {
            assert_eq!(repository.add(object.kind, &object.content).unwrap(), object.id);
        }
        for (name, id) in &self.refs {
            repository.set_ref(name.clone(), RefTarget::Direct(*id));
        }
        repository
    }

    /// Puts all of it into a repository that has nothing yet, as one pack and the refs.
    ///
    /// # Panics
    /// When the repository does not take it.
    pub fn put_into(&self, repository: &dyn Repository) {
        let staged = (!self.objects.is_empty()).then(|| {
            let mut staging = repository.stage(&StageRequest::default()).unwrap();
            let objects = self.objects.iter().map(|object| (object.kind, &object.content[..]));
            staging.write(&pack(self.format, objects)).unwrap();
            staging.finish(&Never).unwrap()
        });
        let edits = self.refs.iter().map(|(name, id)| RefEdit {
            name: name.clone(),
            expected: Expected::Absent,
            new: Some(RefTarget::Direct(*id)),
        });
        let refs = Transaction { edits: edits.collect(), atomic: true, ..Transaction::default() };
        let outcomes = repository.commit(staged, refs, &mut |_| Ok(())).unwrap();
        assert!(outcomes.iter().all(|outcome| *outcome == EditOutcome::Done), "{outcomes:?}");
    }

    /// The same as a stream for `git fast-import`; `None` where that cannot say it.
    #[must_use]
    pub fn fast_import(&self) -> Option<Vec<u8>> {
        (self.manner == Manner::Plain).then(|| self.script.with_refs(&self.refs, &self.marks()))
    }

    /// The same as a bare repository that git makes in `folder`: through `fast-import` where that can say it, else from a pack.
    ///
    /// # Panics
    /// When git does not take it.
    #[track_caller]
    #[must_use]
    pub fn in_git(&self, git: &Git, folder: &Path) -> PathBuf {
        let path = folder.join("history.git");
        let format = format!("--object-format={}", self.format.name());
        git.ok(folder, ["init", "-q", "--bare", "-b", "main", &format, "history.git"]);
        let (told, refs) = match self.fast_import() {
            Some(stream) => (git.feed(&path, ["fast-import", "--quiet"], &stream), Vec::new()),
            None => {
                let objects = self.objects.iter().map(|object| (object.kind, &object.content[..]));
                let pack = pack(self.format, objects);
                (git.feed(&path, ["index-pack", "--stdin"], &pack), self.ref_commands())
            }
        };
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        let told = git.feed(&path, ["update-ref", "--stdin"], &refs);
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        path
    }

    fn ref_commands(&self) -> Vec<u8> {
        let line = |(name, id): (&RefName, &ObjectId)| {
            [b"create ", name.as_bytes(), b" ", id.to_hex().as_bytes(), b"\n"].concat()
        };
        self.refs.iter().flat_map(line).collect()
    }

    /// Marks of commits. What leads to a tag has its ref from the tag's own command.
    fn marks(&self) -> BTreeMap<ObjectId, usize> {
        self.commits.iter().map(|commit| (commit.id, commit.mark)).collect()
    }

    fn commit(&mut self, dice: &mut Dice) {
        let branch = name([b"refs/heads/", *dice.pick(BRANCHES)].concat().as_slice());
        let parents = self.parents(dice, &branch);
        let mut files =
            parents.first().map_or_else(Files::default, |first| (*self.commits[*first].files).clone());
        files.change(dice, self.format, self.manner);
        let tree = files.write(&mut |kind, content| self.add(kind, content));
        let newest = parents.iter().map(|parent| self.commits[*parent].time).max();
        // Clocks run, stand still, and run backwards now and then.
        let time = newest.unwrap_or(1_000_000_000) + *dice.pick(&[-120, -1, 0, 0, 60, 300, 9000]);
        let message = self.message(dice);
        let mut content = format!("tree {tree}\n").into_bytes();
        for parent in &parents {
            content.extend(format!("parent {}\n", self.commits[*parent].id).bytes());
        }
        let zone = *dice.pick(&["+0000", "-0730", "+1245"]);
        content.extend(format!("author A U Thor <author@example.com> {time} {zone}\n").bytes());
        content.extend(format!("committer C O Mitter <committer@example.com> {time} {zone}\n").bytes());
        if self.manner == Manner::Odd {
            content.extend_from_slice(dice.pick::<&[u8]>(ODD_HEADERS));
        }
        if !(self.manner == Manner::Odd && dice.one_in(6)) {
            content.push(b'\n');
            content.extend_from_slice(&message);
        }
        let id = self.add(ObjectKind::Commit, &content);
        let marks: Vec<usize> = parents.iter().map(|parent| self.commits[*parent].mark).collect();
        let mark = self.script.commit(time, zone, &message, &marks, &files);
        self.commits.push(Made { id, mark, time, files: Arc::new(files) });
        self.refs.insert(branch, id);
    }

    fn parents(&self, dice: &mut Dice, branch: &RefName) -> Vec<usize> {
        let mut parents = Vec::new();
        let tip = self.refs.get(branch).and_then(|id| self.commits.iter().position(|made| made.id == *id));
        match tip {
            Some(tip) => parents.push(tip),
            // A branch begins at another commit, or at none.
            None if dice.one_in(8) => {}
            None => parents.extend(self.any_commit(dice)),
        }
        if !parents.is_empty() {
            for _ in 0..*dice.pick(&[0, 0, 0, 1, 1, 4]) {
                parents.extend(self.any_commit(dice).filter(|other| !parents.contains(other)));
            }
        }
        parents
    }

    /// Mostly one of the latest.
    fn any_commit(&self, dice: &mut Dice) -> Option<usize> {
        let reach = if dice.one_in(3) { self.commits.len() } else { self.commits.len().min(8) };
        (reach > 0).then(|| self.commits.len() - 1 - dice.below(reach))
    }

    fn message(&self, dice: &mut Dice) -> Vec<u8> {
        let number = self.commits.len();
        match dice.below(8) {
            0 => Vec::new(),
            1 => format!("commit {number} without a line end").into_bytes(),
            2 => [b"commit in latin-1: \xe9\xe8 ", number.to_string().as_bytes(), b"\n"].concat(),
            _ => format!("commit {number}\n\n{}", "A line of the body.\n".repeat(dice.below(5))).into_bytes(),
        }
    }

    fn make_tag(&mut self, dice: &mut Dice) {
        let Some(commit) = self.any_commit(dice) else { return };
        let label = format!("v{}", self.refs.keys().filter(|name| name.is_tag()).count());
        let commit = &self.commits[commit];
        let layers = *dice.pick(&[0, 1, 1, 1, 3]);
        let (mut id, mut mark, mut kind) = (commit.id, commit.mark, ObjectKind::Commit);
        if self.manner == Manner::Odd && dice.one_in(4) {
            let trees = self.objects.iter().filter(|object| object.kind != ObjectKind::Tag);
            let object = *dice.pick(&trees.collect::<Vec<_>>());
            (id, kind) = (object.id, object.kind);
        } else if let Some(last) = self.tags.last().filter(|_| layers > 0 && dice.one_in(3)) {
            (id, mark, kind) = (last.0, last.1, ObjectKind::Tag);
        }
        for nth in 0..layers {
            let label = if nth == 0 { label.clone() } else { format!("{label}-{nth}") };
            let message = format!("tag {label}\n");
            let mut content = format!("object {id}\ntype {kind}\ntag {label}\n").into_bytes();
            if self.manner == Manner::Plain || !dice.one_in(4) {
                content.extend_from_slice(b"tagger T Agger <tagger@example.com> 1100000000 +0100\n");
            }
            content.extend(format!("\n{message}").bytes());
            (id, kind) = (self.add(ObjectKind::Tag, &content), ObjectKind::Tag);
            mark = self.script.tag(&label, mark, &message);
            self.tags.push((id, mark));
            // Elsewhere a tag that another one tags has no ref of its own.
            if self.manner == Manner::Plain {
                self.refs.insert(name(format!("refs/tags/{label}").as_bytes()), id);
            }
        }
        // Some tags are refs and nothing else.
        if layers == 0 || self.manner == Manner::Odd {
            self.refs.insert(name(format!("refs/tags/{label}").as_bytes()), id);
        }
    }

    fn add(&mut self, kind: ObjectKind, content: &[u8]) -> ObjectId {
        let id = object_id(self.format, Trust::Own, kind, content).unwrap();
        if self.known.insert(id) {
            self.objects.push(Object { id, kind, content: content.into() });
        }
        id
    }
}

fn name(text: &[u8]) -> RefName {
    RefName::copy_from(text).unwrap()
}

const BRANCHES: &[&[u8]] = &[
    b"main",
    b"main",
    b"main",
    b"topic/one",
    b"topic/two",
    b"old",
    b"caf\xc3\xa9",
    b"a/b/c/d/e",
    b"no-utf8-\xff",
];

/// Lines that stand behind the committer.
const ODD_HEADERS: &[&[u8]] = &[
    b"",
    b"",
    b"",
    b"encoding ISO-8859-1\n",
    b"gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQEzBAABCAAdFiEE\n -----END PGP SIGNATURE-----\n",
    b"unknown to git\nHG:rename-source hg\n",
];
