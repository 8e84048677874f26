//! Commits, and what they changed.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::time::Instant;

use gitwire_object::{CommitLinks, CommitRef, Signature};
use gitwire_storage::StorageError;
use gitwire_types::{ObjectId, ObjectKind};

use super::failure::Failure;
use super::repository::Shown;
use super::text::{block, line, short};
use super::tree::Entry;

/// A commit as pages show it.
#[derive(Debug, Clone)]
pub(crate) struct Commit {
    pub(crate) id: ObjectId,
    pub(crate) tree: ObjectId,
    pub(crate) parents: Vec<ObjectId>,
    pub(crate) author: Person,
    pub(crate) committer: Person,
    /// The first line of its message.
    pub(crate) subject: String,
    /// The rest of it.
    pub(crate) body: String,
}

/// Who, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) email: String,
    /// Seconds since 1970.
    pub(crate) time: i64,
}

/// A page of a history.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) commits: Vec<Commit>,
    /// Whether there are older ones.
    pub(crate) has_more: bool,
}

impl Shown<'_> {
    /// Reads a commit.
    pub(crate) fn commit(&self, id: &ObjectId) -> Result<Commit, Failure> {
        let content = self.read(id, ObjectKind::Commit)?;
        let commit = CommitRef::parse(self.format, &content)?;
        let message = commit.message();
        let start = message.iter().position(|byte| *byte != b'\n').unwrap_or(message.len());
        let message = message.get(start..).unwrap_or_default();
        let end = message.iter().position(|byte| *byte == b'\n').unwrap_or(message.len());
        let (subject, body) = message.split_at(end);
        let cut = |text: String| short(&text, self.limits.message_max);
        Ok(Commit {
            id: *id,
            tree: commit.tree(),
            parents: commit.parents().collect(),
            author: Person::new(commit.author(), self.limits.message_max),
            committer: Person::new(commit.committer(), self.limits.message_max),
            subject: if subject.trim_ascii().is_empty() {
                "(no message)".to_owned()
            } else {
                cut(line(subject))
            },
            body: cut(block(body).trim_matches('\n').trim_end().to_owned()),
        })
    }

    /// Commits that `tip` reaches, newest first: `count` of them after `skip`. What is missing below a shallow boundary is passed over.
    pub(crate) fn log(&self, tip: &ObjectId, skip: usize, count: usize) -> Result<Log, Failure> {
        let shallow: HashSet<ObjectId> = self.shallow()?.iter().copied().collect();
        let mut walk = Walk { shown: self, shallow, queue: BinaryHeap::new(), seen: HashSet::new() };
        walk.add(*tip)?;
        let mut log = Log::default();
        for nth in 0.. {
            let Some(id) = walk.next()? else { break };
            if nth >= self.limits.log_max || log.commits.len() >= count {
                log.has_more = true;
                break;
            }
            if nth >= skip {
                log.commits.push(self.commit(&id)?);
            }
        }
        Ok(log)
    }

    /// The commits that changed each of a directory's entries last, by name, as far as they are found among the first commits going
    /// from `tip` to first parents, and in time.
    pub(crate) fn last_changes(
        &self,
        tip: &ObjectId,
        path: &[Vec<u8>],
        entries: &[Entry],
    ) -> Result<HashMap<Vec<u8>, Commit>, Failure> {
        let shallow = self.shallow()?;
        let mut open: HashMap<&[u8], &Entry> =
            entries.iter().map(|entry| (entry.name.as_slice(), entry)).collect();
        let mut found = HashMap::new();
        let mut id = *tip;
        let mut at = self.links(&id)?;
        let until = Instant::now() + self.limits.changes_time;
        for _ in 0..self.limits.last_changes_max {
            self.stop.check()?;
            if Instant::now() >= until {
                break;
            }
            let parent = at.1.first().copied().filter(|_| !shallow.contains(&id));
            let before = match &parent {
                Some(parent) => Some(self.links(parent)?),
                None => None,
            };
            if before.as_ref().is_none_or(|(tree, _)| *tree != at.0) {
                let old = match &before {
                    Some((tree, _)) => self.directory(tree, path)?,
                    None => Vec::new(),
                };
                let old: HashMap<&[u8], &Entry> =
                    old.iter().map(|entry| (entry.name.as_slice(), entry)).collect();
                let changed: Vec<&[u8]> = open
                    .iter()
                    .filter(|(name, entry)| {
                        old.get(*name).is_none_or(|old| (old.id, old.mode) != (entry.id, entry.mode))
                    })
                    .map(|(name, _)| *name)
                    .collect();
                if !changed.is_empty() {
                    let commit = self.commit(&id)?;
                    for name in changed {
                        open.remove(name);
                        found.insert(name.to_vec(), commit.clone());
                    }
                }
            }
            let (Some(parent), Some(before), false) = (parent, before, open.is_empty()) else { break };
            (id, at) = (parent, before);
        }
        Ok(found)
    }

    /// The entries of the directory at a path; none where there is no such directory.
    fn directory(&self, tree: &ObjectId, path: &[Vec<u8>]) -> Result<Vec<Entry>, Failure> {
        match self.lookup(tree, path)? {
            Some(entry) if entry.mode.is_tree() => self.entries(&entry.id),
            _ => Ok(Vec::new()),
        }
    }

    /// Tree and parents of a commit.
    fn links(&self, id: &ObjectId) -> Result<(ObjectId, Vec<ObjectId>), Failure> {
        let content = self.read(id, ObjectKind::Commit)?;
        let links = CommitLinks::parse(self.format, &content)?;
        Ok((links.tree, links.parents().collect()))
    }
}

impl Person {
    fn new(signature: Option<Signature<'_>>, letters_max: usize) -> Self {
        let Some(signature) = signature else {
            return Self { name: "(unknown)".to_owned(), email: String::new(), time: 0 };
        };
        let name = short(&line(signature.name()), letters_max);
        Self {
            name: if name.is_empty() { "(no name)".to_owned() } else { name },
            email: short(&line(signature.email()), letters_max),
            time: signature.seconds().and_then(|seconds| i64::try_from(seconds).ok()).unwrap_or(i64::MAX),
        }
    }
}

/// Commits by date, newest first.
struct Walk<'a> {
    shown: &'a Shown<'a>,
    shallow: HashSet<ObjectId>,
    /// By time; of equal ones the one that was met first.
    queue: BinaryHeap<(u64, Reverse<usize>, ObjectId)>,
    seen: HashSet<ObjectId>,
}

impl Walk<'_> {
    fn add(&mut self, id: ObjectId) -> Result<(), Failure> {
        if !self.seen.insert(id) {
            return Ok(());
        }
        let content = self.shown.read(&id, ObjectKind::Commit)?;
        let links = CommitLinks::parse(self.shown.format, &content)?;
        self.queue.push((links.time, Reverse(self.seen.len()), id));
        Ok(())
    }

    fn next(&mut self) -> Result<Option<ObjectId>, Failure> {
        self.shown.stop.check().map_err(StorageError::from)?;
        let Some((_, _, id)) = self.queue.pop() else { return Ok(None) };
        if !self.shallow.contains(&id) {
            for parent in self.shown.links(&id)?.1 {
                self.add(parent)?;
            }
        }
        Ok(Some(id))
    }
}
