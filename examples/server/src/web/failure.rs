//! Why there is no page.

use gitwire_object::ObjectError;
use gitwire_server::{OpenError, ServeError};
use gitwire_storage::{StorageError, StorageErrorKind};
use gitwire_types::Interrupted;
use gitwire_walk::WalkError;
use http::StatusCode;

/// Why there is no page, by what is said to the visitor.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Sign in first.
    SignIn,
    /// A status, and what is said with it.
    Status(StatusCode, &'static str),
    /// Our side failed; what is said stands in the log alone.
    Internal(String),
}

impl Failure {
    pub(crate) const fn not_found(what: &'static str) -> Self {
        Self::Status(StatusCode::NOT_FOUND, what)
    }

    fn internal(error: impl std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            text = format!("{text}: {error}");
            source = error.source();
        }
        Self::Internal(text)
    }
}

impl From<StatusCode> for Failure {
    fn from(status: StatusCode) -> Self {
        let text = match status {
            StatusCode::BAD_REQUEST => "This address or form cannot be read.",
            StatusCode::FORBIDDEN => {
                "This form did not come from a page of ours. Go back, load the page again, and send it again."
            }
            StatusCode::NOT_FOUND => "There is nothing here, or nothing that you may see.",
            StatusCode::METHOD_NOT_ALLOWED => "This page cannot be asked for in this way.",
            StatusCode::REQUEST_TIMEOUT => "The form took too long to arrive.",
            StatusCode::PAYLOAD_TOO_LARGE => "The form is larger than is taken.",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "The form is of a kind that is not taken.",
            _ => "This cannot be done.",
        };
        Self::Status(status, text)
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::SignIn => Self::SignIn,
            OpenError::Denied => Self::Status(StatusCode::FORBIDDEN, "You may not see this repository."),
            OpenError::Storage(error) => error.into(),
            _ => Self::not_found("There is no repository here, or none that you may see."),
        }
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        match error.kind() {
            StorageErrorKind::Interrupted => Interrupted.into(),
            StorageErrorKind::Limit => Self::Status(
                StatusCode::UNPROCESSABLE_ENTITY,
                "What this page shows is larger than pages go. A clone has it.",
            ),
            _ => Self::internal(error),
        }
    }
}

impl From<WalkError> for Failure {
    fn from(error: WalkError) -> Self {
        StorageError::from(error).into()
    }
}

impl From<ObjectError> for Failure {
    fn from(error: ObjectError) -> Self {
        Self::internal(error)
    }
}

impl From<Interrupted> for Failure {
    fn from(_: Interrupted) -> Self {
        Self::Status(
            StatusCode::SERVICE_UNAVAILABLE,
            "This page took too long to make. A clone of the repository has it all.",
        )
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        Self::internal(error)
    }
}

impl From<getrandom::Error> for Failure {
    fn from(error: getrandom::Error) -> Self {
        Self::internal(error)
    }
}
