//! Which kinds of URL may be used.

use crate::TransportError;
use crate::url::{Scheme, Url};

/// Which kinds of URL may be used (`git-config`, `protocol.allow`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protocols {
    /// Local paths and `file://`: they run a program on this machine.
    pub file: bool,
    /// `git://`: neither secret nor authenticated.
    pub git: bool,
    /// `ssh://` and `host:path`.
    pub ssh: bool,
    /// `https://` and `wss://`.
    pub https: bool,
    /// `http://` and `ws://`.
    pub http: bool,
    /// `ext::`: they run any program.
    pub ext: bool,
}

impl Protocols {
    /// What a person may type: everything that this crate knows but what runs any program.
    #[must_use]
    pub fn user() -> Self {
        Self { file: true, git: true, ssh: true, https: true, http: true, ext: false }
    }

    /// What a URL from elsewhere may use: protocols that reach no local file and can be authenticated.
    #[must_use]
    pub fn foreign() -> Self {
        Self { file: false, git: false, ssh: true, https: true, http: true, ext: false }
    }

    /// Refuses a URL whose kind is not allowed.
    ///
    /// # Errors
    /// [`TransportError::TransportNotAllowed`].
    pub fn check(&self, url: &Url) -> Result<(), TransportError> {
        let allowed = match url.scheme {
            Scheme::File | Scheme::Local => self.file,
            Scheme::Git => self.git,
            Scheme::Ssh => self.ssh,
            Scheme::Https | Scheme::Wss => self.https,
            Scheme::Http | Scheme::Ws => self.http,
            Scheme::Ext => self.ext,
        };
        if allowed {
            Ok(())
        } else {
            Err(TransportError::TransportNotAllowed { scheme: url.scheme.to_string() })
        }
    }
}

impl Default for Protocols {
    fn default() -> Self {
        Self::foreign()
    }
}
