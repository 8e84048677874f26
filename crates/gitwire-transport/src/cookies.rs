//! What HTTP servers want to hear again (RFC 6265).

use std::fmt;

/// Keeps what servers want to hear again.
pub trait Cookies: Send + Sync {
    /// What to say to a server, as the header `Cookie` has it; `path` is that of the request, with its query.
    fn sent(&self, encrypted: bool, host: &str, path: &str) -> Option<String>;

    /// What a server has said in a header `Set-Cookie`: text of a stranger.
    fn received(&self, host: &str, path: &str, header: &str);
}

impl fmt::Debug for dyn Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cookies").finish_non_exhaustive()
    }
}
