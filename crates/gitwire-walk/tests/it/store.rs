//! A store that holds every object of a git repository in memory.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use gitwire_storage::{ObjectReader, ObjectStore, Presence, Result, StorageError, StorageErrorKind};
use gitwire_testkit::git::Git;
use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};
use gitwire_walk::{Graph, WalkLimits};

#[derive(Debug, Clone, Default)]
pub(crate) struct Store {
    pub(crate) objects: HashMap<ObjectId, (ObjectKind, Vec<u8>)>,
    pub(crate) promised: Vec<ObjectId>,
}

impl Store {
    /// Reads everything with `git cat-file`.
    pub(crate) fn load(git: &Git, folder: &Path) -> Self {
        let text = git.ok(folder, ["cat-file", "--batch-all-objects", "--unordered", "--batch"]);
        let mut rest = &text[..];
        let mut store = Self::default();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line = std::str::from_utf8(&rest[..end]).unwrap();
            let words: Vec<_> = line.split(' ').collect();
            let size: usize = words[2].parse().unwrap();
            let kind = ObjectKind::from_name(words[1].as_bytes()).unwrap();
            store.objects.insert(id(words[0]), (kind, rest[end + 1..end + 1 + size].to_vec()));
            rest = &rest[end + size + 2..];
        }
        store
    }

    pub(crate) fn graph(&self) -> Graph {
        self.graph_within(WalkLimits::default())
    }

    pub(crate) fn graph_within(&self, limits: WalkLimits) -> Graph {
        Graph::new(Arc::new(self.clone()), ObjectFormat::Sha1, limits)
    }
}

impl ObjectStore for Store {
    fn headers(&self, ids: &[ObjectId], out: &mut dyn FnMut(usize, Presence)) -> Result<()> {
        for (nth, id) in ids.iter().enumerate() {
            out(
                nth,
                match self.objects.get(id) {
                    Some((kind, content)) => Presence::Here { kind: *kind, size: content.len() as u64 },
                    None => Presence::Absent,
                },
            );
        }
        Ok(())
    }

    fn promised(&self, ids: &[ObjectId]) -> Result<Vec<bool>> {
        Ok(ids.iter().map(|id| self.promised.contains(id)).collect())
    }

    fn read(&self, id: &ObjectId, max: u64, out: &mut Vec<u8>) -> Result<Option<ObjectKind>> {
        out.clear();
        let Some((kind, content)) = self.objects.get(id) else { return Ok(None) };
        if content.len() as u64 > max {
            return Err(StorageError::new(StorageErrorKind::Limit, "object is too large"));
        }
        out.extend_from_slice(content);
        Ok(Some(*kind))
    }

    fn open(&self, id: &ObjectId) -> Result<Option<Box<dyn ObjectReader>>> {
        let reader = |(kind, content): &(ObjectKind, Vec<u8>)| {
            Box::new(Reader { kind: *kind, content: content.clone(), at: 0 }) as Box<dyn ObjectReader>
        };
        Ok(self.objects.get(id).map(reader))
    }
}

struct Reader {
    kind: ObjectKind,
    content: Vec<u8>,
    at: usize,
}

impl ObjectReader for Reader {
    fn kind(&self) -> ObjectKind {
        self.kind
    }

    fn size(&self) -> u64 {
        self.content.len() as u64
    }

    fn read(&mut self, room: &mut [u8]) -> Result<usize> {
        // Not more than a few bytes, so that readers must come again.
        let count = room.len().min(self.content.len() - self.at).min(50);
        room[..count].copy_from_slice(&self.content[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

pub(crate) fn id(hex: &str) -> ObjectId {
    ObjectId::from_hex(ObjectFormat::Sha1, hex.trim().as_bytes()).unwrap()
}
