//! How HTTP servers are asked.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::{Protocols, Secret};

/// How HTTP servers are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpOptions {
    /// What the client calls itself. It starts with `git/`, because servers look for that.
    pub user_agent: String,
    /// More headers: name and value. They go to no other host, where a redirect leads to one (`http.extraHeader`).
    pub headers: Vec<(String, Secret)>,
    /// Which redirects are followed (`http.followRedirects`).
    pub redirects: Redirects,
    /// Which kinds of URL redirects may lead to, where that is less than a person may name.
    pub redirected: Option<Protocols>,
    /// The longest request whose length is announced; longer ones are sent in chunks, after a short one that finds out whether the
    /// server wants to know who asks (`http.postBuffer`). 1 MiB, as git.
    pub announced_max: usize,
    /// Whether servers are asked in the smart protocol; if not, they are taken for servers of files (`GIT_SMART_HTTP`).
    pub smart: bool,
    /// Addresses of hosts that no name service is asked for (`http.curloptResolve`).
    pub hosts: Vec<KnownHost>,
    /// Whether servers are told who asks before they ask for it (`http.proactiveAuth`).
    pub proactive: Proactive,
    /// What is done where a server has too much to do.
    pub retries: Retries,
    /// How long a server may be silent, where no driver's [`Deadlines`](crate::Deadlines) hold. Five minutes, as those have it.
    pub idle: Option<Duration>,
    /// How servers of `https` are checked.
    pub tls: TlsOptions,
    /// What servers may make us read and hold.
    pub limits: HttpLimits,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            user_agent: concat!("git/gitwire-", env!("CARGO_PKG_VERSION")).to_owned(),
            headers: Vec::new(),
            redirects: Redirects::default(),
            redirected: None,
            announced_max: 1 << 20,
            smart: true,
            hosts: Vec::new(),
            proactive: Proactive::default(),
            retries: Retries::default(),
            idle: Some(Duration::from_secs(300)),
            tls: TlsOptions::default(),
            limits: HttpLimits::default(),
        }
    }
}

/// Which redirects are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Redirects {
    /// Of the first request to a repository: all others go where it led.
    #[default]
    Initial,
    /// Of all that have no body.
    Always,
    /// None.
    Never,
}

/// Where a host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownHost {
    /// Its name as URLs have it; `*` stands for any.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Its addresses, which are tried one after another.
    pub addresses: Vec<IpAddr>,
}

/// Whether servers are told who asks before they ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Proactive {
    /// They have to ask.
    #[default]
    No,
    /// They are told, in whatever way [`Credentials`](crate::Credentials) chooses.
    Auto,
    /// They are told a user and a password.
    Basic,
}

/// What is done where a server has too much to do (status 429).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retries {
    /// How often a request is sent again at most (`http.maxRetries`). None, as git: who asks by hand can ask again.
    pub max: u32,
    /// How long to wait before that, where the server does not say (`http.retryAfter`).
    pub after: Duration,
    /// The longest wait: what asks for more fails at once (`http.maxRetryTime`). Five minutes, as git.
    pub wait_max: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Self { max: 0, after: Duration::ZERO, wait_max: Duration::from_secs(300) }
    }
}

/// How servers of `https` and `wss` are checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct TlsOptions {
    /// Whether they are checked at all.
    pub verification: Verification,
    /// A file of certificates (PEM) that are trusted instead of those of the system (`http.sslCAInfo`).
    pub authorities: Option<PathBuf>,
}

/// Whether servers of `https` are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verification {
    /// They are.
    #[default]
    Full,
    /// They are not: whoever sits between sees and changes everything (`http.sslVerify=false`).
    None,
}

/// What HTTP servers may make us read and hold, beside what the protocol's own limits say.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpLimits {
    /// Redirects of one request. 20, as git.
    pub redirects_max: usize,
    /// Bytes of the headers of one answer. 64 KiB: servers with long cookies and policies send 8.
    pub header_bytes_max: usize,
    /// Header fields of one answer. 100.
    pub headers_max: usize,
    /// Bytes that are kept of what a server says beside an error. 8 KiB: some screens; the rest is dropped, which is no error.
    pub message_bytes_max: usize,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self { redirects_max: 20, header_bytes_max: 64 << 10, headers_max: 100, message_bytes_max: 8 << 10 }
    }
}
