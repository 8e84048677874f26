//! The one error of this crate.

use gitwire_storage::{StorageError, StorageErrorKind};
use gitwire_types::{Interrupted, ObjectId, ObjectKind};

/// Why a walk did not come to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WalkError {
    /// An object that must be there is not.
    #[error("{} {id} is missing", kind.map_or("object", ObjectKind::name))]
    Missing {
        /// The object.
        id: ObjectId,
        /// What it must be, where that is known.
        kind: Option<ObjectKind>,
    },
    /// An object is of another kind than whoever names it says.
    #[error("object {id} is a {actual}, expected a {expected}")]
    Kind {
        /// The object.
        id: ObjectId,
        /// What it must be.
        expected: ObjectKind,
        /// What it is.
        actual: ObjectKind,
    },
    /// An object cannot be read as what it is.
    #[error("{kind} {id} cannot be read")]
    Malformed {
        /// The object.
        id: ObjectId,
        /// What it is.
        kind: ObjectKind,
        /// What is wrong with it, and where.
        #[source]
        source: Box<dyn core::error::Error + Send + Sync>,
    },
    /// A limit of [`WalkLimits`](crate::WalkLimits) was hit.
    #[error("{what} exceeds the limit of {max}")]
    Limit {
        /// What there was too much of: the name of the field.
        what: &'static str,
        /// The limit.
        max: u64,
    },
    /// The request asks for something that this crate does not do.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
    /// A shallow request selects no commit at all.
    #[error("no commits selected for shallow requests")]
    NothingSelected,
    /// The caller asked for an end.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A branch that cannot happen did.
    #[error("internal error: {0}")]
    Internal(&'static str),
}

impl WalkError {
    pub(crate) const fn missing(kind: ObjectKind, id: ObjectId) -> Self {
        Self::Missing { id, kind: Some(kind) }
    }
}

impl From<WalkError> for StorageError {
    fn from(error: WalkError) -> Self {
        let kind = match &error {
            WalkError::Storage(inner) => inner.kind(),
            WalkError::Missing { id, .. } => StorageErrorKind::Missing(*id),
            WalkError::Kind { id, .. } | WalkError::Malformed { id, .. } => {
                StorageErrorKind::Corrupt(Some(*id))
            }
            WalkError::Limit { .. } => StorageErrorKind::Limit,
            WalkError::Interrupted(_) => StorageErrorKind::Interrupted,
            WalkError::Unsupported(_) => StorageErrorKind::Unsupported,
            WalkError::NothingSelected | WalkError::Internal(_) => StorageErrorKind::Corrupt(None),
        };
        let context = error.to_string();
        StorageError::new(kind, context).with_source(error)
    }
}
