//! Directories and files of a commit.

use gitwire_object::{EntryMode, TreeRef};
use gitwire_storage::Presence;
use gitwire_types::{ObjectId, ObjectKind};

use super::failure::Failure;
use super::repository::Shown;

/// An entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) mode: EntryMode,
    pub(crate) name: Vec<u8>,
    pub(crate) id: ObjectId,
}

/// What a blob holds, as far as a page shows it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Text, or what is to be read as text.
    Text(Vec<u8>),
    /// Something else, of this size.
    Binary(u64),
    /// More than is shown.
    TooLarge(u64),
}

impl Shown<'_> {
    /// The entries of a tree, in its order.
    pub(crate) fn entries(&self, tree: &ObjectId) -> Result<Vec<Entry>, Failure> {
        let content = self.read(tree, ObjectKind::Tree)?;
        let own = |entry: Result<gitwire_object::TreeEntry<'_>, _>| {
            entry.map(|entry| Entry { mode: entry.mode, name: entry.name.to_vec(), id: entry.id() })
        };
        Ok(TreeRef::new(self.format, &content).iter().map(own).collect::<Result<_, _>>()?)
    }

    /// What stands at a path below a tree; the tree itself at the empty path.
    pub(crate) fn lookup(&self, tree: &ObjectId, path: &[Vec<u8>]) -> Result<Option<Entry>, Failure> {
        if path.len() > self.limits.path_depth_max {
            return Ok(None);
        }
        let mut found = Entry { mode: EntryMode::TREE, name: Vec::new(), id: *tree };
        for part in path {
            if !found.mode.is_tree() {
                return Ok(None);
            }
            let content = self.read(&found.id, ObjectKind::Tree)?;
            let mut entries = TreeRef::new(self.format, &content).iter();
            let entry = loop {
                match entries.next() {
                    None => return Ok(None),
                    Some(entry) => {
                        let entry = entry?;
                        if entry.name == part.as_slice() {
                            break entry;
                        }
                    }
                }
            };
            found = Entry { mode: entry.mode, name: part.clone(), id: entry.id() };
        }
        Ok(Some(found))
    }

    /// Reads a blob of which at most `max` bytes are shown.
    pub(crate) fn content(&self, id: &ObjectId, max: u64) -> Result<Content, Failure> {
        let size = self.size(id)?;
        if size > max {
            return Ok(Content::TooLarge(size));
        }
        let mut content = Vec::new();
        self.objects.read(id, max, &mut content)?;
        Ok(if is_binary(&content) { Content::Binary(size) } else { Content::Text(content) })
    }

    /// The size of a blob.
    pub(crate) fn size(&self, id: &ObjectId) -> Result<u64, Failure> {
        let mut found = None;
        self.objects.headers(&[*id], &mut |_, presence| {
            if let Presence::Here { kind: ObjectKind::Blob, size } = presence {
                found = Some(size);
            }
        })?;
        found.ok_or(Failure::not_found("This file is not here."))
    }
}

/// Whether people cannot read it: git's rule, a NUL among the first bytes.
pub(crate) fn is_binary(content: &[u8]) -> bool {
    content.iter().take(8000).any(|byte| *byte == 0)
}

/// The type of an image that browsers may show: one of those that cannot hold a script, by its first bytes.
pub(crate) fn image_type(content: &[u8]) -> Option<&'static str> {
    match content {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

/// The path of parts, as bytes with slashes.
pub(crate) fn joined(path: &[Vec<u8>]) -> Vec<u8> {
    path.join(&b'/')
}
