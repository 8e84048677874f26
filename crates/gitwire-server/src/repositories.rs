//! From what a client names to a repository.

#[cfg(feature = "gitdir")]
mod directory;

use std::sync::Arc;

use gitwire_protocol::message::Service;
use gitwire_protocol::{ReceivePack, Serving, UploadPack, Version};
use gitwire_storage::{Repository, StorageError};

use crate::access::Principal;
use crate::{Hooks, NoHooks, Observer, PackMaker, Policy, Pusher, ReceivePolicy, ReceiveSession, Session};

#[cfg(feature = "gitdir")]
pub use self::directory::{DirectoryRoot, Export};

/// What a client asks to be connected to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RepositoryRequest<'a> {
    /// What it wants to do there.
    pub service: Service,
    /// The repository as the client names it: the client's bytes, free of control bytes.
    pub path: &'a [u8],
    /// The host as the client names it, with a port where its URL has one.
    pub host: Option<&'a [u8]>,
    /// Who asks.
    pub principal: Principal,
    /// By what way.
    pub door: Door,
}

impl<'a> RepositoryRequest<'a> {
    /// A request without a host, of nobody that is known, by a way without switches of its own.
    #[must_use]
    pub fn new(service: Service, path: &'a [u8]) -> Self {
        Self { service, path, host: None, principal: Principal::Anonymous, door: Door::Stream }
    }
}

/// By what way a client comes, where a repository may be closed to some ways and open to others (`git-http-backend`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Door {
    /// One stream: git://, a pipe, ssh, WebSocket.
    #[default]
    Stream,
    /// Smart HTTP: closed by `http.uploadpack=false` and `http.receivepack=false`.
    Http,
    /// Dumb HTTP: closed by `http.getanyfile=false`.
    HttpFiles,
}

/// Where a front end finds the repositories that it serves. Called where blocking is allowed.
pub trait Repositories: Send + Sync + 'static {
    /// The repository that `request` names.
    ///
    /// # Errors
    /// [`OpenError::NotFound`] for what does not exist and for what is not shown: the client learns no difference;
    /// [`OpenError::SignIn`] and [`OpenError::Denied`] where that depends on who asks.
    fn open(&self, request: &RepositoryRequest<'_>) -> Result<Arc<dyn Repository>, OpenError>;

    /// The repository that `request` names, to fetch from it under `policy` and what it adds to that.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    fn open_to_upload(
        &self,
        request: &RepositoryRequest<'_>,
        policy: &Arc<Policy>,
    ) -> Result<Uploading, OpenError> {
        Ok(Uploading::new(self.open(request)?, Arc::clone(policy)))
    }

    /// The repository that `request` names, to push into it, with what a push may do there.
    ///
    /// # Errors
    /// [`OpenError::NotEnabled`] where nothing is received, as by default; as [`open`](Self::open).
    fn open_to_receive(&self, request: &RepositoryRequest<'_>) -> Result<Receiving, OpenError> {
        let _ = request;
        Err(OpenError::NotEnabled)
    }
}

/// A repository that is fetched from.
#[derive(Clone)]
#[non_exhaustive]
pub struct Uploading {
    /// The repository.
    pub repository: Arc<dyn Repository>,
    /// What clients may see and ask for.
    pub policy: Arc<Policy>,
    /// Who makes the packs, where the server does not.
    pub packs: Option<Arc<dyn PackMaker>>,
    /// Who is told what is fetched.
    pub observer: Option<Arc<dyn Observer>>,
}

impl Uploading {
    /// A repository from which the server makes the packs itself, and nobody is told.
    #[must_use]
    pub fn new(repository: Arc<dyn Repository>, policy: Arc<Policy>) -> Self {
        Self { repository, policy, packs: None, observer: None }
    }

    /// A session that serves it, and the machine whose events that answers.
    #[must_use]
    pub fn session(self, version: Version, serving: Serving) -> (Session, UploadPack) {
        let (mut session, machine) = Session::new(self.repository, self.policy, version, serving);
        if let Some(packs) = self.packs {
            session = session.with_packs(packs);
        }
        if let Some(observer) = self.observer {
            session = session.with_observer(observer);
        }
        (session, machine)
    }
}

impl std::fmt::Debug for Uploading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Uploading").field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// A repository that takes pushes.
#[derive(Clone)]
#[non_exhaustive]
pub struct Receiving {
    /// The repository.
    pub repository: Arc<dyn Repository>,
    /// What a push may do.
    pub policy: Arc<ReceivePolicy>,
    /// Who else decides.
    pub hooks: Arc<dyn Hooks>,
    /// Who is told what is pushed.
    pub observer: Option<Arc<dyn Observer>>,
}

impl Receiving {
    /// A repository where the policy alone decides, and nobody is told.
    #[must_use]
    pub fn new(repository: Arc<dyn Repository>, policy: Arc<ReceivePolicy>) -> Self {
        Self { repository, policy, hooks: Arc::new(NoHooks), observer: None }
    }

    /// A session that takes a push of `pusher`, and the machine whose events that answers.
    #[must_use]
    pub fn session(
        self,
        pusher: Pusher,
        version: Version,
        serving: Serving,
    ) -> (ReceiveSession, ReceivePack) {
        ReceiveSession::new(self, pusher, version, serving)
    }
}

impl std::fmt::Debug for Receiving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receiving").field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// Why a repository is not served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is none of that name, or it may not be served.
    #[error("repository not found: {why}")]
    NotFound {
        /// Why, for the log.
        why: String,
    },
    /// Nobody may do there what the client wants to do.
    #[error("service not enabled")]
    NotEnabled,
    /// Somebody may, who says first who it is.
    #[error("sign in first")]
    SignIn,
    /// This client may not.
    #[error("access denied")]
    Denied,
    /// It is there and cannot be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl OpenError {
    /// What the client may be told.
    #[must_use]
    pub fn reply(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "access denied or repository not exported",
            Self::NotEnabled => "service not enabled",
            Self::SignIn => "authentication required",
            Self::Denied => "access denied",
            Self::Storage(_) => "internal error",
        }
    }
}
