//! What git says to a remote helper.

use super::Service;
use crate::Violation;

/// A line that git writes to a remote helper (`gitremote-helpers`), without its LF. What it borrows, it borrows from the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HelperCommand<'a> {
    /// `capabilities`: what can the helper do?
    Capabilities,
    /// `option NAME VALUE`.
    Option {
        /// Its name.
        name: &'a [u8],
        /// Its value, which may hold blanks.
        value: &'a [u8],
    },
    /// `list`, or `list for-push`: which refs are there?
    List {
        /// Whether a push follows.
        for_push: bool,
    },
    /// `fetch ID NAME`, one of several lines that an empty one ends.
    Fetch {
        /// An object id, as hex.
        id: &'a [u8],
        /// The ref that it was listed under.
        name: &'a [u8],
    },
    /// `push REFSPEC`, one of several lines that an empty one ends.
    Push(&'a [u8]),
    /// `connect SERVICE`: let the two talk from now on; `None` for a service that is not known.
    Connect(Option<Service>),
    /// `stateless-connect SERVICE`: carry requests and their answers from now on.
    StatelessConnect(Option<Service>),
    /// `get URL PATH`: bring a file.
    Get {
        /// Where from.
        url: &'a [u8],
        /// Where to, on this machine; it may hold blanks.
        path: &'a [u8],
    },
    /// An empty line: the end of a batch, or of everything.
    End,
}

impl<'a> HelperCommand<'a> {
    /// Reads a line.
    ///
    /// # Errors
    /// [`Violation::Unexpected`] for a command that is not known, [`Violation::Malformed`] for one that lacks a word, or has one with a NUL
    /// or CR in it.
    ///
    /// ```
    /// use gitwire_protocol::message::{HelperCommand, Service};
    ///
    /// let command = HelperCommand::parse(b"connect git-upload-pack")?;
    /// assert_eq!(command, HelperCommand::Connect(Some(Service::UploadPack)));
    /// # Ok::<(), gitwire_protocol::Violation>(())
    /// ```
    pub fn parse(line: &'a [u8]) -> Result<Self, Violation> {
        if memchr::memchr3(b'\n', b'\r', 0, line).is_some() {
            return Err(Violation::malformed("line", line));
        }
        let (verb, rest) = match memchr::memchr(b' ', line).and_then(|at| line.split_at_checked(at)) {
            Some((verb, rest)) => (verb, rest.strip_prefix(b" ")),
            None => (line, None),
        };
        match (verb, rest) {
            (b"", None) => Ok(Self::End),
            (b"capabilities", None) => Ok(Self::Capabilities),
            (b"list", None) => Ok(Self::List { for_push: false }),
            (b"list", Some(b"for-push")) => Ok(Self::List { for_push: true }),
            (b"option", Some(rest)) => {
                let (name, value) = two(rest).ok_or_else(|| Violation::malformed("option", rest))?;
                Ok(Self::Option { name, value })
            }
            (b"fetch", Some(rest)) => {
                let (id, name) = two(rest).ok_or_else(|| Violation::malformed("fetch", rest))?;
                Ok(Self::Fetch { id, name })
            }
            (b"get", Some(rest)) => {
                let (url, path) = two(rest).ok_or_else(|| Violation::malformed("get", rest))?;
                Ok(Self::Get { url, path })
            }
            (b"push", Some(refspec @ [_, ..])) => Ok(Self::Push(refspec)),
            (b"connect", Some(name @ [_, ..])) => Ok(Self::Connect(Service::from_name(name))),
            (b"stateless-connect", Some(name @ [_, ..])) => {
                Ok(Self::StatelessConnect(Service::from_name(name)))
            }
            _ => Err(Violation::line("a command for a remote helper", line)),
        }
    }
}

/// A word, and what follows it.
fn two(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let (word, rest) = rest.split_at_checked(memchr::memchr(b' ', rest)?)?;
    let rest = rest.strip_prefix(b" ")?;
    (!word.is_empty() && !rest.is_empty()).then_some((word, rest))
}
