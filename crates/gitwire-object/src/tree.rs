//! Trees: names, modes and ids, one after another.

use core::cmp::Ordering;

use gitwire_types::{ObjectFormat, ObjectId, ObjectKind};

use crate::{ObjectError, Problem};

/// The content of a tree, borrowed.
///
/// ```
/// use gitwire_object::TreeRef;
/// use gitwire_types::ObjectFormat;
///
/// let content = [&b"100644 hello\0"[..], &[0xab; 20]].concat();
/// for entry in TreeRef::new(ObjectFormat::Sha1, &content) {
///     let entry = entry?;
///     assert_eq!(entry.name, b"hello");
///     assert_eq!(entry.mode.value(), 0o100_644);
/// }
/// # Ok::<(), gitwire_object::ObjectError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct TreeRef<'a> {
    format: ObjectFormat,
    content: &'a [u8],
}

impl<'a> TreeRef<'a> {
    /// A tree with this content.
    #[must_use]
    pub const fn new(format: ObjectFormat, content: &'a [u8]) -> Self {
        Self { format, content }
    }

    /// Its entries as they stand; after an error there are no more.
    #[must_use]
    pub const fn iter(&self) -> TreeIter<'a> {
        TreeIter { format: self.format, left: self.content, at: 0 }
    }
}

impl<'a> IntoIterator for TreeRef<'a> {
    type Item = Result<TreeEntry<'a>, ObjectError>;
    type IntoIter = TreeIter<'a>;

    fn into_iter(self) -> TreeIter<'a> {
        self.iter()
    }
}

/// One entry of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeEntry<'a> {
    /// What it is.
    pub mode: EntryMode,
    /// Its name: any bytes but NUL, at least one.
    pub name: &'a [u8],
    /// The mode's digits as they stand, for what depends on every byte.
    pub mode_digits: &'a [u8],
    id: RawId<'a>,
}

/// An id where it stands: most entries that a walk passes need no copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RawId<'a> {
    Sha1(&'a [u8; 20]),
    Sha256(&'a [u8; 32]),
}

impl<'a> TreeEntry<'a> {
    /// Its object.
    #[must_use]
    pub const fn id(&self) -> ObjectId {
        match self.id {
            RawId::Sha1(id) => ObjectId::from_sha1(*id),
            RawId::Sha256(id) => ObjectId::from_sha256(*id),
        }
    }

    /// The bytes of its object's id, where they stand in the tree.
    #[must_use]
    pub const fn raw_id(&self) -> &'a [u8] {
        match self.id {
            RawId::Sha1(id) => id,
            RawId::Sha256(id) => id,
        }
    }

    /// The order of entries in a tree: by the bytes of their names, a tree's name counting as if it ended with a slash.
    #[must_use]
    pub fn order(&self, other: &Self) -> Ordering {
        order((self.name, self.mode.is_tree()), (other.name, other.mode.is_tree()))
    }
}

/// The order of two entries, by their names and whether they are trees.
pub(crate) fn order((name, is_tree): (&[u8], bool), (other, other_is_tree): (&[u8], bool)) -> Ordering {
    let key = |is_tree| u8::from(is_tree).wrapping_mul(b'/');
    let common = name.len().min(other.len());
    let (head, tail) = name.split_at(common);
    let (other_head, other_tail) = other.split_at(common);
    head.cmp(other_head).then_with(|| {
        let next = tail.first().copied().unwrap_or_else(|| key(is_tree));
        let other_next = other_tail.first().copied().unwrap_or_else(|| key(other_is_tree));
        next.cmp(&other_next)
    })
}

/// The mode of a tree entry. Git writes five; old repositories hold others, which all are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EntryMode(u32);

impl EntryMode {
    /// A tree.
    pub const TREE: Self = Self(0o040_000);
    /// A file.
    pub const BLOB: Self = Self(0o100_644);
    /// A file that can be run.
    pub const EXECUTABLE: Self = Self(0o100_755);
    /// A symbolic link.
    pub const LINK: Self = Self(0o120_000);
    /// A commit of another repository: a submodule.
    pub const GITLINK: Self = Self(0o160_000);

    /// A mode of this value.
    #[must_use]
    pub const fn new(value: u32) -> Self {
        Self(value)
    }

    /// Its value.
    #[must_use]
    pub const fn value(self) -> u32 {
        self.0
    }

    /// Whether it is a tree, whatever its permission bits.
    #[must_use]
    pub const fn is_tree(self) -> bool {
        self.0 & TYPE_MASK == 0o040_000
    }

    /// Whether it is a commit of another repository, whatever its permission bits.
    #[must_use]
    pub const fn is_gitlink(self) -> bool {
        self.0 & TYPE_MASK == 0o160_000
    }

    /// Whether it is a symbolic link, whatever its permission bits.
    #[must_use]
    pub const fn is_link(self) -> bool {
        self.0 & TYPE_MASK == 0o120_000
    }

    /// The kind of object that the entry names. All that is neither tree nor gitlink is a blob.
    #[must_use]
    pub const fn kind(self) -> ObjectKind {
        match self.0 & TYPE_MASK {
            0o040_000 => ObjectKind::Tree,
            0o160_000 => ObjectKind::Commit,
            _ => ObjectKind::Blob,
        }
    }
}

const TYPE_MASK: u32 = 0o170_000;

/// The entries of a tree, one after another.
#[derive(Debug, Clone)]
pub struct TreeIter<'a> {
    format: ObjectFormat,
    left: &'a [u8],
    at: usize,
}

impl TreeIter<'_> {
    /// Offset in the tree of what comes next.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.at
    }
}

impl<'a> Iterator for TreeIter<'a> {
    type Item = Result<TreeEntry<'a>, ObjectError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.left.is_empty() {
            return None;
        }
        Some(match entry(self.format, self.left) {
            Ok((entry, rest)) => {
                self.at = self.at.saturating_add(self.left.len().saturating_sub(rest.len()));
                self.left = rest;
                Ok(entry)
            }
            Err(problem) => {
                self.left = &[];
                Err(ObjectError::new(problem, self.at))
            }
        })
    }
}

impl core::iter::FusedIterator for TreeIter<'_> {}

/// A tree that comes in pieces, for those that are too large to be held.
///
/// ```
/// use gitwire_object::TreeStream;
/// use gitwire_types::ObjectFormat;
///
/// let content = [&b"100644 hello\0"[..], &[0xab; 20]].concat();
/// let mut tree = TreeStream::new(ObjectFormat::Sha1, 1 << 20);
/// let mut names = Vec::new();
/// for piece in content.chunks(7) {
///     tree.push(piece);
///     while let Some(entry) = tree.next_entry()? {
///         names.push(entry.name.to_vec());
///     }
/// }
/// tree.finish()?;
/// assert_eq!(names, [b"hello"]);
/// # Ok::<(), gitwire_object::ObjectError>(())
/// ```
#[derive(Debug)]
pub struct TreeStream {
    format: ObjectFormat,
    entry_bytes_max: usize,
    held: Vec<u8>,
    /// The part of `held` that was given out.
    used: usize,
    at: usize,
}

impl TreeStream {
    /// A tree of which nothing has come yet, and whose entries have at most so many bytes each.
    #[must_use]
    pub const fn new(format: ObjectFormat, entry_bytes_max: usize) -> Self {
        Self { format, entry_bytes_max, held: Vec::new(), used: 0, at: 0 }
    }

    /// Takes the next piece.
    pub fn push(&mut self, piece: &[u8]) {
        self.held.drain(..self.used.min(self.held.len()));
        self.used = 0;
        self.held.extend_from_slice(piece);
    }

    /// The next entry that is whole; `None`: more must come, or that was the last.
    ///
    /// # Errors
    /// [`Problem::LongEntry`], or what else is wrong with a piece that long; [`TreeStream::finish`] tells of the rest.
    pub fn next_entry(&mut self) -> Result<Option<TreeEntry<'_>>, ObjectError> {
        let rest = self.held.get(self.used..).unwrap_or_default();
        match entry(self.format, rest) {
            Ok((entry, left)) => {
                let len = rest.len().saturating_sub(left.len());
                if len > self.entry_bytes_max {
                    return Err(ObjectError::new(Problem::LongEntry, self.at));
                }
                self.used = self.used.saturating_add(len);
                self.at = self.at.saturating_add(len);
                Ok(Some(entry))
            }
            Err(problem) if rest.len() > self.entry_bytes_max => {
                let is_cut = matches!(problem, Problem::CutEntry);
                let problem = if is_cut { Problem::LongEntry } else { problem };
                Err(ObjectError::new(problem, self.at))
            }
            Err(_) => Ok(None),
        }
    }

    /// Says that no more will come, once there is no next entry.
    ///
    /// # Errors
    /// What is wrong with what is left.
    pub fn finish(&self) -> Result<(), ObjectError> {
        let rest = self.held.get(self.used..).unwrap_or_default();
        match entry(self.format, rest) {
            Err(problem) if !rest.is_empty() => Err(ObjectError::new(problem, self.at)),
            _ => Ok(()),
        }
    }
}

#[inline]
fn entry(format: ObjectFormat, bytes: &[u8]) -> Result<(TreeEntry<'_>, &[u8]), Problem> {
    let (mode, len) = mode(bytes)?;
    let (mode_digits, rest) = bytes.split_at_checked(len).ok_or(Problem::BadMode)?;
    let rest = rest.get(1..).ok_or(Problem::CutEntry)?;
    let nul = memchr::memchr(0, rest).ok_or(Problem::CutEntry)?;
    if nul == 0 {
        return Err(Problem::EmptyName);
    }
    let (name, rest) = rest.split_at_checked(nul).ok_or(Problem::CutEntry)?;
    let rest = rest.get(1..).ok_or(Problem::CutEntry)?;
    let (id, rest) = match format {
        ObjectFormat::Sha1 => rest.split_first_chunk().map(|(id, rest)| (RawId::Sha1(id), rest)),
        ObjectFormat::Sha256 => rest.split_first_chunk().map(|(id, rest)| (RawId::Sha256(id), rest)),
    }
    .ok_or(Problem::CutEntry)?;
    Ok((TreeEntry { mode: EntryMode(mode), name, id, mode_digits }, rest))
}

/// The value of a mode and the number of its digits.
#[inline]
fn mode(bytes: &[u8]) -> Result<(u32, usize), Problem> {
    // Nearly all entries are one of these two, and one comparison tells.
    if let Some(front) = bytes.first_chunk() {
        let front = u64::from_le_bytes(*front);
        if front & 0x00ff_ffff_ffff_ffff == u64::from_le_bytes(*b"100644 \0") {
            return Ok((EntryMode::BLOB.0, 6));
        }
        if front & 0x0000_ffff_ffff_ffff == u64::from_le_bytes(*b"40000 \0\0") {
            return Ok((EntryMode::TREE.0, 5));
        }
    }
    let len = bytes.iter().position(|byte| !matches!(byte, b'0'..=b'7')).ok_or(Problem::BadMode)?;
    let (digits, rest) = bytes.split_at_checked(len).ok_or(Problem::BadMode)?;
    if len == 0 || rest.first() != Some(&b' ') {
        return Err(Problem::BadMode);
    }
    let value = digits.iter().fold(0_u32, |value, digit| value.wrapping_shl(3) | u32::from(digit & 7));
    Ok((value, len))
}

#[cfg(test)]
mod tests;
