//! The four kinds of object.

use core::fmt;

/// What an object is: the word that stands before its size when it is hashed (`gitformat-pack`, `git cat-file -t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// A commit: a tree, its parents, who and why.
    Commit,
    /// A tree: names and modes of blobs, trees and gitlinks.
    Tree,
    /// A blob: bytes.
    Blob,
    /// An annotated tag.
    Tag,
}

impl ObjectKind {
    /// Every kind, in the order of their numbers in a pack (1 to 4).
    pub const ALL: [Self; 4] = [Self::Commit, Self::Tree, Self::Blob, Self::Tag];

    /// The kind's word, as in `git cat-file -t`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
            Self::Tag => "tag",
        }
    }

    /// The kind that `name` names; `None` for anything but the four words.
    #[must_use]
    pub const fn from_name(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"commit" => Self::Commit,
            b"tree" => Self::Tree,
            b"blob" => Self::Blob,
            b"tag" => Self::Tag,
            _ => return None,
        })
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
