//! What can go wrong with an HTTP server, in git's words. No URL in here holds a password.

/// Why an HTTP server is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// There is no repository, as far as the server tells.
    #[error("repository '{url}' not found")]
    NotFound {
        /// The repository.
        url: String,
        /// What the server says, if it says it as text: bytes of a stranger.
        message: Vec<u8>,
    },
    /// The credential that was used is refused, or there is none of a kind that the server accepts.
    #[error("Authentication failed for '{url}'")]
    AuthenticationFailed {
        /// The repository.
        url: String,
        /// What the server says, if it says it as text: bytes of a stranger.
        message: Vec<u8>,
    },
    /// The server wants to know who asks, and there is no credential.
    #[error("could not read Username for '{place}': no credentials")]
    NoCredentials {
        /// Scheme, host and port.
        place: String,
    },
    /// Any other answer than success.
    #[error("unable to access '{url}': The requested URL returned error: {status}")]
    Status {
        /// The repository.
        url: String,
        /// The status code.
        status: u16,
        /// What the server says, if it says it as text: bytes of a stranger.
        message: Vec<u8>,
    },
    /// The server has too much to do, and asks for more time than may pass.
    #[error(
        "unable to access '{url}': the server asks to wait {seconds} seconds, which is greater than http.maxRetryTime ({max})"
    )]
    RetryTooLate {
        /// The repository.
        url: String,
        /// What it asks for.
        seconds: u64,
        /// The most that may pass.
        max: u64,
    },
    /// The server has too much to do, and what was to pass before it is asked again is more than may pass.
    #[error("configured http.retryAfter ({seconds} seconds) exceeds http.maxRetryTime ({max} seconds)")]
    RetryTooLong {
        /// What was to pass.
        seconds: u64,
        /// The most that may pass.
        max: u64,
    },
    /// An answer of a type that does not belong to the request.
    #[error("unable to access '{url}': expected {expected}, got '{actual}'")]
    ContentType {
        /// The repository.
        url: String,
        /// The content type that was to come.
        expected: String,
        /// What came, escaped.
        actual: String,
    },
    /// An answer in a coding that was not asked for.
    #[error("unable to access '{url}': content coding '{coding}' not accepted")]
    ContentCoding {
        /// The repository.
        url: String,
        /// What came, escaped.
        coding: String,
    },
    /// The answer says that it is smart, and does not begin so.
    #[error("invalid server response; got '{line}'")]
    Preface {
        /// How it begins, escaped.
        line: String,
    },
    /// The server knows nothing of the protocol and serves files: there is another way to fetch from it, and none to push.
    #[error("'{url}' is not served by git's smart protocol")]
    NotSmart {
        /// The repository.
        url: String,
    },
    /// More redirects than anybody needs.
    #[error("unable to access '{url}': maximum ({max}) redirects followed")]
    TooManyRedirects {
        /// The repository.
        url: String,
        /// The most that are followed.
        max: u64,
    },
    /// A redirect that is not followed: to another kind of place, from what is encrypted to what is not, or without a place.
    #[error("unable to access '{url}': redirect to '{to}' not followed: {why}")]
    Redirect {
        /// The repository.
        url: String,
        /// Where to, escaped and without credentials.
        to: String,
        /// Why not.
        why: &'static str,
    },
    /// A redirect to something that cannot be taken apart into a repository and a request to it.
    #[error("unable to update url base from redirection:\n  asked for: {asked}\n   redirect: {to}")]
    RedirectBase {
        /// What was asked for.
        asked: String,
        /// What was given.
        to: String,
    },
    /// The server's certificate cannot be checked, or what it is checked against cannot be read.
    #[error("unable to access '{url}': {why}")]
    Tls {
        /// The repository or file.
        url: String,
        /// What is wrong.
        why: String,
    },
    /// The bytes that came are no HTTP, or end before their end.
    #[error("unable to access '{url}': {why}")]
    Exchange {
        /// The repository.
        url: String,
        /// What is wrong.
        why: String,
    },
    /// A header that was given by the caller is none.
    #[error("bad header '{name}'")]
    BadHeader {
        /// Its name, escaped; a value may be secret.
        name: String,
    },
}

impl HttpError {
    /// What the server says beside the status, if it says it as text: bytes of a stranger, to be made safe before a terminal sees
    /// them.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        match self {
            Self::NotFound { message, .. }
            | Self::AuthenticationFailed { message, .. }
            | Self::Status { message, .. } => message,
            _ => &[],
        }
    }
}
