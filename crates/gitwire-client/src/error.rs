//! Why a call did not come to its end.

use gitwire_protocol::ProtocolError;
use gitwire_storage::StorageError;
use gitwire_transport::{DriveError, TransportError, UrlError};
use gitwire_types::{Interrupted, ObjectFormat, ObjectId};
use gitwire_walk::WalkError;

use crate::RefspecProblem;

/// Why a call did not come to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The server broke the protocol, reported an error, or hit a limit.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// The connection could not be opened or failed.
    #[error(transparent)]
    Transport(TransportError),
    /// The local repository failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A walk over the local repository failed.
    #[error(transparent)]
    Walk(WalkError),
    /// The server did not send all that it was asked for.
    #[error("remote did not send all necessary objects: {id} is missing")]
    Incomplete {
        /// An object that is not there.
        id: ObjectId,
    },
    /// The two repositories use different hash functions.
    #[error("mismatched algorithms: client {ours}; server {theirs}")]
    ObjectFormat {
        /// The hash function of the local repository.
        ours: ObjectFormat,
        /// That of the remote.
        theirs: ObjectFormat,
    },
    /// The remote has no such ref.
    #[error("couldn't find remote ref {0}")]
    NoSuchRef(String),
    /// The remote has no such branch or tag.
    #[error("Remote branch {0} not found in upstream origin")]
    NoSuchBranch(String),
    /// Two refs of the remote would be stored as one.
    #[error("Cannot fetch both {first} and {second} to {local}")]
    Collision {
        /// One of them.
        first: String,
        /// The other.
        second: String,
        /// Where both would go.
        local: String,
    },
    /// The remote's history is cut, and that was not to be.
    #[error("source repository is shallow, reject to clone.")]
    ShallowSource,
    /// The remote has no such ref, and it is no object's id.
    #[error("Remote revision {0} not found in upstream origin")]
    NoSuchRevision(String),
    /// A pack that the server named by URI is not what it should be.
    #[error("pack downloaded from {uri}: {why}")]
    PackfileUri {
        /// Where it is, escaped.
        uri: String,
        /// What is wrong.
        why: String,
    },
    /// Refspecs of a push name nothing that could be pushed.
    #[error("{}", lines(.0))]
    Refspecs(Vec<RefspecProblem>),
    /// The remote lacks what a push asks of it.
    #[error("the receiving end does not support {0}")]
    NotOffered(&'static str),
    /// Whoever was asked before the push says no ([`PrePush`](crate::PrePush)).
    #[error("{0}")]
    Stopped(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A push that was to be signed could not be.
    #[error("failed to sign the push certificate: {0}")]
    Signature(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A server of files alone has not what a repository has.
    #[cfg(feature = "http")]
    #[error(transparent)]
    Dumb(#[from] crate::DumbError),
    /// The caller asked for an end.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// A branch that cannot happen. Please report it.
    #[error("internal error: {0}")]
    Internal(&'static str),
}

fn lines(problems: &[RefspecProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

impl From<TransportError> for ClientError {
    fn from(error: TransportError) -> Self {
        Self::Transport(error)
    }
}

impl From<UrlError> for ClientError {
    fn from(error: UrlError) -> Self {
        Self::Transport(error.into())
    }
}

impl From<DriveError<ProtocolError>> for ClientError {
    fn from(error: DriveError<ProtocolError>) -> Self {
        match error {
            DriveError::Machine(error) => Self::Protocol(error),
            DriveError::Transport(error) => Self::Transport(error),
        }
    }
}

impl From<WalkError> for ClientError {
    fn from(error: WalkError) -> Self {
        match error {
            WalkError::Storage(error) => Self::Storage(error),
            WalkError::Interrupted(interrupted) => Self::Interrupted(interrupted),
            error => Self::Walk(error),
        }
    }
}
