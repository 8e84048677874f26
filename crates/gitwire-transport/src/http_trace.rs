//! For whoever wants to see what is said to HTTP servers.

use std::fmt;
use std::time::Duration;

/// Hears the heads of requests and of their answers, line by line, without line ends (`GIT_TRACE_CURL`). What could be used to pose
/// as somebody is left out, unless it is asked for.
pub trait HttpTrace: Send + Sync {
    /// A line that is sent.
    fn sent(&self, line: &str);

    /// A line that has come; bytes of a stranger, escaped.
    fn received(&self, line: &str);

    /// What a request says, where it is held whole.
    fn sent_data(&self, _bytes: &[u8]) {}

    /// The first request led elsewhere: where the repository is.
    fn redirected(&self, _to: &str) {}

    /// The server has too much to do: it is asked again after this time.
    fn waiting(&self, _time: Duration) {}

    /// Whether passwords, tokens and cookies are shown.
    fn shows_secrets(&self) -> bool {
        false
    }
}

impl fmt::Debug for dyn HttpTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTrace").finish_non_exhaustive()
    }
}
