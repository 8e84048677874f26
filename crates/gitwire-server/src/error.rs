//! What ends a session early, and what the client may hear of it.

use std::borrow::Cow;

use gitwire_protocol::ProtocolError;
use gitwire_storage::{StorageError, StorageErrorKind};
use gitwire_transport::{DriveError, TransportError};
use gitwire_types::{Interrupted, ObjectId};
use gitwire_walk::WalkError;

/// Why a client is not served, or not to the end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// What the client asks for is not given. The text is for the client.
    #[error("{0}")]
    Refused(String),
    /// The client broke the protocol, reported an error, or hit a limit.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// The connection failed, or a deadline passed.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The repository failed.
    #[error(transparent)]
    Storage(StorageError),
    /// A walk over the repository failed.
    #[error(transparent)]
    Walk(WalkError),
    /// We were told to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// A branch that cannot happen. Please report it.
    #[error("internal error: {0}")]
    Internal(&'static str),
}

impl ServeError {
    /// What the client may be told: its own mistakes, and nothing of our side.
    #[must_use]
    pub fn reply(&self) -> Cow<'static, str> {
        match self {
            Self::Refused(reason) => Cow::Owned(reason.clone()),
            Self::Protocol(error) => Cow::Owned(error.reply().into_owned()),
            Self::Interrupted(_) => Cow::Borrowed("interrupted"),
            Self::Walk(WalkError::NothingSelected) => {
                Cow::Borrowed("no commits selected for shallow requests")
            }
            Self::Walk(WalkError::Missing { .. } | WalkError::Malformed { .. }) => Cow::Borrowed(DAMAGED),
            Self::Storage(error)
                if matches!(error.kind(), StorageErrorKind::Missing(_) | StorageErrorKind::Corrupt(_)) =>
            {
                Cow::Borrowed(DAMAGED)
            }
            Self::Walk(WalkError::Kind { id, actual, .. }) => Cow::Owned(format!("{id} is a {actual}")),
            Self::Walk(WalkError::Unsupported(what)) => Cow::Owned(format!("{what} is not supported")),
            Self::Transport(_) | Self::Storage(_) | Self::Walk(_) | Self::Internal(_) => {
                Cow::Borrowed("internal error")
            }
        }
    }
}

impl ServeError {
    /// The object that must be there and is not, where that is why.
    #[must_use]
    pub fn missing(&self) -> Option<ObjectId> {
        match self {
            Self::Walk(WalkError::Missing { id, .. }) => Some(*id),
            Self::Storage(error) => match error.kind() {
                StorageErrorKind::Missing(id) => Some(id),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether the machine or the stream has ended already, so that nothing more can be said.
    pub(crate) const fn is_over(&self) -> bool {
        matches!(self, Self::Protocol(_) | Self::Transport(_))
    }
}

/// git's words, which tell nothing of what is lost.
const DAMAGED: &str = "aborting due to possible repository corruption on the remote side.";

impl From<StorageError> for ServeError {
    fn from(error: StorageError) -> Self {
        match error.kind() {
            StorageErrorKind::Interrupted => Self::Interrupted(Interrupted),
            _ => Self::Storage(error),
        }
    }
}

impl From<WalkError> for ServeError {
    fn from(error: WalkError) -> Self {
        match error {
            WalkError::Interrupted(interrupted) => Self::Interrupted(interrupted),
            WalkError::Storage(error) => error.into(),
            error => Self::Walk(error),
        }
    }
}

impl From<DriveError<ProtocolError>> for ServeError {
    fn from(error: DriveError<ProtocolError>) -> Self {
        match error {
            DriveError::Machine(error) => Self::Protocol(error),
            DriveError::Transport(error) => Self::Transport(error),
        }
    }
}
