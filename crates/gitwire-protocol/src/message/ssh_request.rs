//! The command that an ssh client asks a server's shell to run.

use alloc::vec::Vec;

use bytes::{BufMut, Bytes};

use super::Service;
use crate::Violation;
use crate::error::Misuse;

/// What git asks for over ssh (`gitprotocol-pack`, SSH Transport): `git-upload-pack 'PATH'`. It is text for a shell; a server that
/// lets nobody have a shell reads it here, from the variable `SSH_ORIGINAL_COMMAND` of sshd's forced commands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SshRequest {
    /// What the server is asked to run.
    pub service: Service,
    /// The repository's path, unquoted. Bytes of the peer: check it before it meets a file system.
    pub path: Bytes,
}

impl SshRequest {
    /// A request for a path.
    #[must_use]
    pub fn new(service: Service, path: impl Into<Bytes>) -> Self {
        Self { service, path: path.into() }
    }

    /// Reads a command: the name of a service, one blank, and one word in single quotes as [`quote`](Self::quote) writes it. Nothing
    /// else that a shell would take is taken.
    ///
    /// # Errors
    /// [`Violation::Unexpected`] for a command that names no service, [`Violation::Malformed`] for a word that is not quoted so, and for
    /// a path that is empty, holds a control byte, or starts with `-`.
    ///
    /// ```
    /// use gitwire_protocol::message::{Service, SshRequest};
    ///
    /// let request = SshRequest::parse(b"git-upload-pack '/it'\\''s.git'")?;
    /// assert_eq!((request.service, &request.path[..]), (Service::UploadPack, &b"/it's.git"[..]));
    /// assert!(SshRequest::parse(b"git-upload-pack '/a'; sh").is_err());
    /// # Ok::<(), gitwire_protocol::Violation>(())
    /// ```
    pub fn parse(command: &[u8]) -> Result<Self, Violation> {
        let space = memchr::memchr(b' ', command).and_then(|at| command.split_at_checked(at));
        let (service, word) = space
            .and_then(|(name, word)| Some((Service::from_name(name)?, word.strip_prefix(b" ")?)))
            .ok_or_else(|| Violation::line("a service and a path", command))?;
        let path = unquote(word).ok_or_else(|| Violation::malformed("quoted path", word))?;
        if !is_path(&path) {
            return Err(Violation::malformed("path", &path));
        }
        Ok(Self::new(service, path))
    }

    /// Appends the command.
    ///
    /// # Errors
    /// [`Misuse::Unsendable`] for a path that [`parse`](Self::parse) refuses. Nothing is written then.
    pub fn write(&self, out: &mut impl BufMut) -> Result<(), Misuse> {
        if !is_path(&self.path) {
            return Err(Misuse::Unsendable(
                "an empty path, one with a control byte, or one that looks like an option",
            ));
        }
        out.put_slice(self.service.name().as_bytes());
        out.put_u8(b' ');
        Self::quote(&self.path, out);
        Ok(())
    }

    /// Appends a word so that any shell takes it literally: in single quotes, with `'` and `!` outside of them behind a backslash,
    /// because some shells look for `!` even inside.
    pub fn quote(word: &[u8], out: &mut impl BufMut) {
        out.put_u8(b'\'');
        for byte in word {
            match byte {
                b'\'' | b'!' => {
                    out.put_slice(b"'\\");
                    out.put_u8(*byte);
                    out.put_u8(b'\'');
                }
                byte => out.put_u8(*byte),
            }
        }
        out.put_u8(b'\'');
    }
}

/// A word in single quotes; outside of them only `\'` and `\!`.
fn unquote(word: &[u8]) -> Option<Vec<u8>> {
    let mut unquoted = Vec::with_capacity(word.len());
    let mut rest = word.strip_prefix(b"'")?;
    loop {
        let end = memchr::memchr(b'\'', rest)?;
        let (inside, after) = rest.split_at_checked(end)?;
        unquoted.extend_from_slice(inside);
        match after {
            [b'\''] => return Some(unquoted),
            [b'\'', b'\\', byte @ (b'\'' | b'!'), b'\'', after @ ..] => {
                unquoted.push(*byte);
                rest = after;
            }
            _ => return None,
        }
    }
}

fn is_path(path: &[u8]) -> bool {
    !path.is_empty() && !path.starts_with(b"-") && !path.iter().any(u8::is_ascii_control)
}
