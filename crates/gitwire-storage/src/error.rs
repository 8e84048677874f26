//! The one error of every back end.

use std::borrow::Cow;
use std::error::Error;

use gitwire_pack::{Blame, PackError};
use gitwire_types::{Interrupted, ObjectId};

/// Why a storage operation failed.
#[derive(Debug, thiserror::Error)]
#[error("{context}")]
pub struct StorageError {
    kind: StorageErrorKind,
    context: Cow<'static, str>,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// Whose fault a [`StorageError`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StorageErrorKind {
    /// The medium failed: disk, network, permissions, space.
    Io,
    /// What is stored is damaged. The object concerned, where there is one.
    Corrupt(Option<ObjectId>),
    /// An object that must be there is not.
    Missing(ObjectId),
    /// Something is larger than the caller or the configuration allows.
    Limit,
    /// The caller asked for an end.
    Interrupted,
    /// The repository asks for something that this back end does not do.
    Unsupported,
    /// There is no repository where one was looked for.
    NoRepository,
    /// Somebody else holds a lock, or made first what we were to make.
    Busy,
    /// The caller asked for something that makes no sense.
    Misuse,
}

impl StorageError {
    /// An error of `kind`; `context` says what was being done to what, in lower case.
    pub fn new(kind: StorageErrorKind, context: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, context: context.into(), source: None }
    }

    /// The same with the error below it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same with `what` before its text: what was being done, or to what.
    #[must_use]
    pub fn in_context(mut self, what: &str) -> Self {
        self.context = format!("{what}: {}", self.context).into();
        self
    }

    /// The same blamed on something else.
    #[must_use]
    pub fn with_kind(mut self, kind: StorageErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// Whose fault it is.
    #[must_use]
    pub fn kind(&self) -> StorageErrorKind {
        self.kind
    }
}

impl From<Interrupted> for StorageError {
    fn from(interrupted: Interrupted) -> Self {
        Self::new(StorageErrorKind::Interrupted, "interrupted").with_source(interrupted)
    }
}

impl From<PackError> for StorageError {
    fn from(error: PackError) -> Self {
        let kind = match (&error, error.blame()) {
            (PackError::Interrupted(_), _) => StorageErrorKind::Interrupted,
            (PackError::Hash { expected, .. }, _) => StorageErrorKind::Corrupt(Some(*expected)),
            (_, Blame::Limit) => StorageErrorKind::Limit,
            (_, Blame::Storage) => StorageErrorKind::Io,
            (_, Blame::Caller) => StorageErrorKind::Misuse,
            _ => StorageErrorKind::Corrupt(None),
        };
        Self::new(kind, error.to_string()).with_source(error)
    }
}
