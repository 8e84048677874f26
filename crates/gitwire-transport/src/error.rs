//! What can go wrong between a machine and its peer.

use std::io;
use std::time::Duration;

use crate::HttpError;
use crate::deadlines::Deadline;
use crate::ssh::SshVariant;
use crate::url::{UrlError, UrlErrorKind};

/// Why a stream could not be opened or did not last.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// Reading from the peer failed.
    #[error("read from the peer")]
    Read(#[source] io::Error),
    /// Writing to the peer failed: it does not listen any more.
    #[error("write to the peer")]
    Write(#[source] io::Error),
    /// The peer could not be reached.
    #[error("connect to {to}")]
    Connect {
        /// Host and port, or the program.
        to: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A program could not be started.
    #[error("run {program}")]
    Spawn {
        /// The program.
        program: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The peer took too long.
    #[error("the peer {deadline} ({} s)", .after.as_secs_f32())]
    Deadline {
        /// Which of the deadlines passed.
        deadline: Deadline,
        /// How long it was.
        after: Duration,
    },
    /// The peer sent more than we are ready to hold.
    #[error("{what}: more than {max}")]
    Limit {
        /// What there was too much of.
        what: &'static str,
        /// The most that is accepted.
        max: u64,
    },
    /// The URL cannot be read.
    #[error(transparent)]
    Url(UrlError),
    /// A part of a request has a byte that could forge another request.
    #[error("control byte {byte:#04x} in {field} at byte {position}")]
    ControlByte {
        /// Which part.
        field: &'static str,
        /// The byte.
        byte: u8,
        /// Where it stands in that part.
        position: usize,
    },
    /// A part of a URL starts with `-` and could be taken for an option by a program.
    #[error("strange {field} '{value}' blocked")]
    OptionLike {
        /// Which part.
        field: &'static str,
        /// What it says, escaped.
        value: String,
    },
    /// The program that stands where ssh does cannot be told.
    #[error("ssh variant '{variant}' does not support {what}")]
    SshVariant {
        /// What the program is taken for.
        variant: SshVariant,
        /// What it should have been told.
        what: &'static str,
    },
    /// The kind of URL is known, but may not be used here.
    #[error("transport '{scheme}' not allowed")]
    TransportNotAllowed {
        /// The scheme or the name of the remote helper.
        scheme: String,
    },
    /// The command of an `ext::` URL has no program, or a `%` that stands for nothing.
    #[error("bad placeholder at byte {position} of the command of remote-ext")]
    Placeholder {
        /// Offset in the command.
        position: usize,
    },
    /// Nothing here knows how to reach that kind of URL.
    #[error("no connector for '{scheme}' URLs")]
    NoConnector {
        /// The scheme or the name of the remote helper.
        scheme: String,
    },
    /// An HTTP server is of no use.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// What finds out who asks has failed.
    #[error("credentials: {0}")]
    Credentials(#[source] Box<dyn core::error::Error + Send + Sync>),
    /// The machine broke its contract. A bug of ours.
    #[error("internal error: {0}")]
    Internal(&'static str),
}

impl From<UrlError> for TransportError {
    fn from(error: UrlError) -> Self {
        match error.kind {
            UrlErrorKind::UnknownScheme(scheme) => Self::NoConnector { scheme },
            _ => Self::Url(error),
        }
    }
}

/// What ends a conversation early: what the machine says of its peer, or the stream below it.
#[derive(Debug, thiserror::Error)]
pub enum DriveError<E: core::error::Error + 'static> {
    /// The peer broke the protocol, reported an error, or hit a limit of the machine.
    #[error(transparent)]
    Machine(E),
    /// The stream failed, or a deadline or limit of the driver was hit.
    #[error(transparent)]
    Transport(#[from] TransportError),
}
