//! Commits: a tree, parents, who and why.

use gitwire_types::{ObjectFormat, ObjectId};

use crate::signature::{seconds, split};
use crate::{ObjectError, Problem, Signature};

/// What walks need of a commit, and no more: read without looking at the rest.
///
/// ```
/// use gitwire_object::CommitLinks;
/// use gitwire_types::ObjectFormat;
///
/// let content = b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor A <a> 5 +0000\ncommitter B <b> 7 +0000\n\nx\n";
/// let links = CommitLinks::parse(ObjectFormat::Sha1, content)?;
/// assert_eq!((links.time, links.parents().count()), (7, 0));
/// # Ok::<(), gitwire_object::ObjectError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct CommitLinks<'a> {
    /// The commit's tree.
    pub tree: ObjectId,
    /// The committer's time in seconds since 1970; 0 where none can be read, as in git.
    pub time: u64,
    parents: Parents<'a>,
}

impl<'a> CommitLinks<'a> {
    /// Reads a commit's links.
    ///
    /// # Errors
    /// What is wrong with the tree or parent lines, and where. Everything else is taken as it is.
    pub fn parse(format: ObjectFormat, content: &'a [u8]) -> Result<Self, ObjectError> {
        let (tree, parents, rest) = links(format, content)?;
        Ok(Self { tree, time: committer_time(rest), parents })
    }

    /// Its parents, in their order.
    #[must_use]
    pub const fn parents(&self) -> Parents<'a> {
        self.parents
    }
}

/// The parents of a commit: an iterator over lines that have been checked.
#[derive(Debug, Clone, Copy)]
pub struct Parents<'a> {
    format: ObjectFormat,
    lines: &'a [u8],
}

impl Iterator for Parents<'_> {
    type Item = ObjectId;

    fn next(&mut self) -> Option<ObjectId> {
        let (id, rest) = id_line(self.format, self.lines, PARENT)?;
        self.lines = rest;
        id
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let line = self.format.hex_len().saturating_add(PARENT.len()).saturating_add(1);
        let count = self.lines.len().checked_div(line).unwrap_or(0);
        (count, Some(count))
    }
}

impl ExactSizeIterator for Parents<'_> {}

/// A commit, borrowed.
///
/// ```
/// use gitwire_object::CommitRef;
/// use gitwire_types::ObjectFormat;
///
/// let content = b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor A <a> 5 +0000\ncommitter B <b> 7 +0000\n\nx\n";
/// let commit = CommitRef::parse(ObjectFormat::Sha1, content)?;
/// assert_eq!(commit.author().map(|who| who.name()), Some(&b"A"[..]));
/// assert_eq!(commit.message(), b"x\n");
/// # Ok::<(), gitwire_object::ObjectError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct CommitRef<'a> {
    tree: ObjectId,
    parents: Parents<'a>,
    /// The header lines after the parents.
    headers: &'a [u8],
    message: &'a [u8],
}

impl<'a> CommitRef<'a> {
    /// Reads a commit.
    ///
    /// # Errors
    /// What is wrong with the tree or parent lines, and where. Everything else may be missing, doubled or malformed.
    pub fn parse(format: ObjectFormat, content: &'a [u8]) -> Result<Self, ObjectError> {
        let (tree, parents, rest) = links(format, content)?;
        let (headers, message) = cut_message(rest);
        Ok(Self { tree, parents, headers, message })
    }

    /// Its tree.
    #[must_use]
    pub const fn tree(&self) -> ObjectId {
        self.tree
    }

    /// Its parents, in their order.
    #[must_use]
    pub const fn parents(&self) -> Parents<'a> {
        self.parents
    }

    /// The first author line.
    #[must_use]
    pub fn author(&self) -> Option<Signature<'a>> {
        self.header(b"author").map(|header| Signature::new(header.value))
    }

    /// The first committer line.
    #[must_use]
    pub fn committer(&self) -> Option<Signature<'a>> {
        self.header(b"committer").map(|header| Signature::new(header.value))
    }

    /// The name of the message's encoding; `None`: UTF-8.
    #[must_use]
    pub fn encoding(&self) -> Option<&'a [u8]> {
        self.header(b"encoding").map(|header| header.value)
    }

    /// The first header line of that name, after the parents.
    #[must_use]
    pub fn header(&self, name: &[u8]) -> Option<Header<'a>> {
        self.headers().find(|header| header.name == name)
    }

    /// All header lines after the parents: author and committer first, then `encoding`, `gpgsig`, `mergetag` and whatever
    /// else stands there.
    #[must_use]
    pub const fn headers(&self) -> Headers<'a> {
        Headers(self.headers)
    }

    /// The message: all after the first empty line, or nothing where there is none.
    #[must_use]
    pub const fn message(&self) -> &'a [u8] {
        self.message
    }
}

/// A header of a commit or tag. Its value may go over several lines: each after the first began with a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// The keyword: what stands before the first space.
    pub name: &'a [u8],
    /// What stands after it: as it is in the object, with the space that begins each further line, without the last LF.
    pub value: &'a [u8],
}

impl Header<'_> {
    /// The value with the space at the beginning of each further line taken away: a signature as it was made.
    #[must_use]
    pub fn unfolded(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.value.len());
        let mut left = self.value;
        while let Some((line, rest)) = split(left, b'\n') {
            out.extend_from_slice(line);
            out.push(b'\n');
            left = rest.strip_prefix(b" ").unwrap_or(rest);
        }
        out.extend_from_slice(left);
        out
    }
}

/// An iterator over header lines.
#[derive(Debug, Clone, Copy)]
pub struct Headers<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Headers<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        if self.0.is_empty() {
            return None;
        }
        // The header ends at the first LF that no space follows.
        let end = memchr::memchr_iter(b'\n', self.0)
            .find(|at| self.0.get(at.saturating_add(1)) != Some(&b' '))
            .unwrap_or(self.0.len());
        let (line, rest) = self.0.split_at_checked(end)?;
        self.0 = rest.get(1..).unwrap_or_default();
        let (name, value) = split(line, b' ').unwrap_or((line, b""));
        Some(Header { name, value })
    }
}

/// Headers and message: cut at the first empty line.
pub(crate) fn cut_message(rest: &[u8]) -> (&[u8], &[u8]) {
    if let Some(message) = rest.strip_prefix(b"\n") {
        return (b"", message);
    }
    let end = memchr::memmem::find(rest, b"\n\n");
    let headers = end.and_then(|end| rest.get(..end.saturating_add(1))).unwrap_or(rest);
    let message = end.and_then(|end| rest.get(end.saturating_add(2)..)).unwrap_or_default();
    (headers, message)
}

pub(crate) const TREE: &[u8] = b"tree ";
pub(crate) const PARENT: &[u8] = b"parent ";

/// Tree and parents, and what stands after them.
fn links(format: ObjectFormat, content: &[u8]) -> Result<(ObjectId, Parents<'_>, &[u8]), ObjectError> {
    let (tree, after_tree) = id_line(format, content, TREE).ok_or(ObjectError::new(Problem::NoTree, 0))?;
    let tree = tree.ok_or(ObjectError::new(Problem::BadTree, 0))?;
    let mut rest = after_tree;
    while let Some((id, after)) = id_line(format, rest, PARENT) {
        if id.is_none() {
            return Err(ObjectError::new(Problem::BadParent, content.len().saturating_sub(rest.len())));
        }
        rest = after;
    }
    let lines = after_tree.split_at_checked(after_tree.len().saturating_sub(rest.len()));
    let lines = lines.map_or(&b""[..], |(lines, _)| lines);
    Ok((tree, Parents { format, lines }, rest))
}

/// A line of a keyword (with its space) and an id: `None` without the keyword; `None` inside for a bad id or line end.
pub(crate) fn id_line<'a>(
    format: ObjectFormat,
    text: &'a [u8],
    keyword: &[u8],
) -> Option<(Option<ObjectId>, &'a [u8])> {
    let rest = text.strip_prefix(keyword)?;
    let Some((hex, after)) = rest.split_at_checked(format.hex_len()) else { return Some((None, rest)) };
    let id = ObjectId::from_hex(format, hex).ok();
    match after.strip_prefix(b"\n") {
        Some(after) => Some((id, after)),
        None => Some((None, rest)),
    }
}

/// The committer's time by git's rule: the line after the author's, and only if both are there.
fn committer_time(rest: &[u8]) -> u64 {
    let found = rest
        .strip_prefix(b"author ")
        .and_then(|author| split(author, b'\n'))
        .and_then(|(_, rest)| rest.strip_prefix(b"committer "))
        .map(|line| split(line, b'\n').map_or(line, |(line, _)| line));
    // git takes what it cannot read as the beginning of time; so must we, for the order of walks to be the same.
    found.and_then(seconds).unwrap_or(0)
}

#[cfg(test)]
mod tests;
