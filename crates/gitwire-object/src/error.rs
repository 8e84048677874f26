//! Why an object cannot be read.

/// What is wrong with an object's content, and where. Only what makes it unreadable is an error; what is merely odd is for
/// [`crate::fsck`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at offset {at}")]
pub struct ObjectError {
    /// What is wrong.
    pub problem: Problem,
    /// Offset in the content of the line, entry or field that is meant.
    pub at: usize,
}

impl ObjectError {
    pub(crate) const fn new(problem: Problem, at: usize) -> Self {
        Self { problem, at }
    }
}

/// The ways in which an object's content can be unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A commit does not begin with its tree.
    #[error("no tree line")]
    NoTree,
    /// The tree's id is none, or its line does not end.
    #[error("bad id of a tree")]
    BadTree,
    /// A parent's id is none, or its line does not end.
    #[error("bad id of a parent")]
    BadParent,
    /// A tag does not begin with its object.
    #[error("no object line")]
    NoObject,
    /// The object's id is none, or its line does not end.
    #[error("bad id of an object")]
    BadObject,
    /// A tag has no type line.
    #[error("no type line")]
    NoType,
    /// A tag's type is none of the four kinds.
    #[error("unknown kind of object")]
    UnknownType,
    /// A tag has no tag line.
    #[error("no tag line")]
    NoTag,
    /// A tree entry's mode is not octal digits and a space.
    #[error("bad mode of a tree entry")]
    BadMode,
    /// A tree entry has an empty name.
    #[error("empty name of a tree entry")]
    EmptyName,
    /// A tree entry's name does not end, or its id is cut short.
    #[error("cut tree entry")]
    CutEntry,
    /// A tree entry is longer than what is held of a large tree.
    #[error("tree entry is too long")]
    LongEntry,
}
