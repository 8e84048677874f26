//! From what the system says to what storage says.

use std::io;

use gitwire_storage::{StorageError, StorageErrorKind};

/// Adds what was being done to an error of the system.
pub(crate) trait Context<T> {
    /// `what` is called where there is an error: lower case, with the path.
    fn context(self, what: impl FnOnce() -> String) -> Result<T, StorageError>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T, StorageError> {
        self.map_err(|error| {
            let kind = match error.kind() {
                io::ErrorKind::FileTooLarge => StorageErrorKind::Limit,
                _ => StorageErrorKind::Io,
            };
            StorageError::new(kind, format!("{}: {error}", what())).with_source(error)
        })
    }
}

/// `None` where there is nothing at the path.
pub(crate) fn optional<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether there is nothing at the path, be it that a directory on the way is missing or is a file, or that the path is longer than any
/// can be.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | InvalidFilename)
}

/// A path or name for an error text.
pub(crate) fn shown(path: &[u8]) -> String {
    path.escape_ascii().to_string()
}

/// What is stored cannot be right.
pub(crate) fn corrupt(context: impl Into<std::borrow::Cow<'static, str>>) -> StorageError {
    StorageError::new(StorageErrorKind::Corrupt(None), context)
}

/// A repository that asks for what we do not do.
pub(crate) fn unsupported(context: impl Into<std::borrow::Cow<'static, str>>) -> StorageError {
    StorageError::new(StorageErrorKind::Unsupported, context)
}
