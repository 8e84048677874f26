//! Who may do what where.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use gitwire_protocol::message::Service;

use crate::{Pusher, Visibility};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Principal {
    /// Somebody who has not signed in.
    #[default]
    Anonymous,
    /// Somebody whose name was proved.
    User(Arc<str>),
}

impl Principal {
    /// The name, of one who has one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Anonymous => None,
            Self::User(name) => Some(name),
        }
    }

    /// As whom reflogs and hooks know one who pushes now; without a name they know the server alone.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "a reflog holds the time of day")]
    pub fn pusher(&self) -> Pusher {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        // What ends a name in an identity has no place inside of one.
        let name: String = self
            .name()
            .unwrap_or("gitwired")
            .chars()
            .filter(|c| !matches!(c, '<' | '>' | '\n' | '\0'))
            .collect();
        let mut pusher = Pusher::new(format!("{name} <{name}@localhost> {now} +0000"));
        pusher.name = self.name().map(ToOwned::to_owned);
        pusher
    }
}

/// What somebody wants to do with a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Right {
    /// See it and fetch from it.
    Read,
    /// Push to it.
    Write,
}

impl Right {
    /// The right that a service takes.
    #[must_use]
    pub fn of(service: Service) -> Self {
        match service {
            Service::ReceivePack => Self::Write,
            Service::UploadPack | Service::UploadArchive => Self::Read,
        }
    }
}

/// What is said to one who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Do it.
    Allowed,
    /// Say who you are first.
    SignIn,
    /// It is there, and you may not.
    Denied,
    /// It is not there, for you.
    Hidden,
}

/// Whether a path is nobody's repository, because a part of it begins with a dot: what is on its way in, and the inside of `.git`
/// directories. A `.git` at its end is the repository itself.
///
/// ```
/// use gitwire_server::access::is_hidden;
///
/// assert!(is_hidden(b".incoming/a.git") && is_hidden(b"a/.git/modules/b"));
/// assert!(!is_hidden(b"team/a.git") && !is_hidden(b"a/.git"));
/// ```
#[must_use]
pub fn is_hidden(path: &[u8]) -> bool {
    let path = path.strip_suffix(b"/.git").unwrap_or(path);
    path.split(|byte| *byte == b'/').any(|part| part.starts_with(b"."))
}

/// What somebody shows to prove a name. Never printed.
#[derive(Clone)]
pub struct Credentials {
    /// The name.
    pub user: String,
    /// The password or token, as bytes: its encoding is the client's affair.
    pub password: Vec<u8>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Why nobody was recognized.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignInError {
    /// The name or the password is wrong: which of them is not told.
    #[error("wrong name or password")]
    Wrong,
    /// Too many have tried of late; later it may be right.
    #[error("too many attempts, try again later")]
    Later,
    /// What users are kept in cannot be read.
    #[error("users cannot be read: {0}")]
    Unavailable(String),
}

/// Who may do what where: the one place where a server decides it, whatever door a client came through.
///
/// ```
/// use gitwire_server::access::{Access, Credentials, Principal, Right, SignInError, Verdict};
///
/// /// Everybody reads; who has a name writes below a folder of that name.
/// struct Homes;
///
/// impl Access for Homes {
///     fn decide(&self, who: &Principal, repository: &[u8], right: Right) -> Verdict {
///         match (right, who) {
///             (Right::Read, _) => Verdict::Allowed,
///             (Right::Write, Principal::Anonymous) => Verdict::SignIn,
///             (Right::Write, Principal::User(name)) => match repository.strip_prefix(name.as_bytes()) {
///                 Some([b'/', ..]) => Verdict::Allowed,
///                 _ => Verdict::Denied,
///             },
///         }
///     }
///
///     fn authenticate(&self, credentials: &Credentials) -> Result<Principal, SignInError> {
///         let _ = credentials;
///         Err(SignInError::Wrong)
///     }
/// }
///
/// let ann = Principal::User("ann".into());
/// assert_eq!(Homes.decide(&ann, b"ann/notes.git", Right::Write), Verdict::Allowed);
/// assert_eq!(Homes.decide(&ann, b"anna/notes.git", Right::Write), Verdict::Denied);
/// ```
pub trait Access: Send + Sync + 'static {
    /// Whether `who` may use `right` on `repository`: the path of the directory that is served, below the root that it is
    /// served from, `/` between its parts, none of them `..`, and all symbolic links followed. Where nothing is there, the path
    /// that was asked for, so that who may not know learns no difference.
    fn decide(&self, who: &Principal, repository: &[u8], right: Right) -> Verdict;

    /// What of a repository `who` sees that may read it or push to it: less than the policy shows to everybody; `None`: as much. `repository` is
    /// as in [`decide`](Self::decide). Over dumb HTTP nobody is served who sees less, since objects cannot be held back there.
    fn view(&self, who: &Principal, repository: &[u8]) -> Option<Arc<dyn Visibility>> {
        let _ = (who, repository);
        None
    }

    /// Who `credentials` belong to. Called where blocking is allowed. It takes as long for a name that nobody has as for a wrong
    /// password, and does not let anybody try fast.
    ///
    /// # Errors
    /// Why nobody was recognized.
    fn authenticate(&self, credentials: &Credentials) -> Result<Principal, SignInError>;
}
