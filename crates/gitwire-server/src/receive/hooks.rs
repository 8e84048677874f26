//! What an embedder decides about a push, as values.

use bytes::Bytes;
use gitwire_protocol::{PushCommand, UpdateOptions};
use gitwire_storage::{RefEdit, Repository, Staged, StorageError};
use gitwire_types::{Interrupt, ObjectId};

use super::certificate::CertificateCheck;

/// Who pushes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pusher {
    /// `Name <address> seconds zone`, for the reflogs.
    pub committer: Bytes,
    /// The name under which the pusher signed in; `None` for anybody.
    pub name: Option<String>,
}

impl Pusher {
    /// Somebody who has not signed in, with what goes into the reflogs.
    pub fn new(committer: impl Into<Bytes>) -> Self {
        Self { committer: committer.into(), name: None }
    }
}

/// A push that is whole and checked, and not yet made.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Proposal<'a> {
    /// The repository as it is.
    pub repository: &'a dyn Repository,
    /// The new objects, with those of the repository; `None` where the push brings none, or where they are part of the repository
    /// already.
    pub staged: Option<&'a dyn Staged>,
    /// Everything that the push asks for, also what has been refused already.
    pub commands: &'a [PushCommand],
    /// The options that came with the push.
    pub options: &'a [Bytes],
    /// Whether the commands are carried out together or not at all.
    pub atomic: bool,
    /// Who pushes.
    pub pusher: &'a Pusher,
    /// The certificate of a signed push, and what is known of it.
    pub certificate: Option<&'a CertificateCheck>,
    /// Says when to stop: the time of this hook is over, or nobody waits for the push any more.
    pub stop: &'a dyn Interrupt,
}

impl std::fmt::Debug for Proposal<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proposal")
            .field("options", &self.options)
            .field("pusher", &self.pusher)
            .finish_non_exhaustive()
    }
}

/// A hook says no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("hook declined")]
#[non_exhaustive]
pub struct Refusal;

impl Refusal {
    /// What a hook says no with. Why goes to `say`.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl Default for Refusal {
    fn default() -> Self {
        Self::new()
    }
}

/// What a `proc-receive` hook made of one command.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Processed {
    /// It was carried out, perhaps as other changes than were asked for.
    Done(Vec<UpdateOptions>),
    /// It was not; why.
    Rejected(Bytes),
    /// It is to be carried out as if there were no hook.
    FallThrough,
}

/// What a transaction of refs is at (`githooks`, `reference-transaction`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransactionState {
    /// Nothing is locked yet. A refusal ends it.
    Preparing,
    /// All its refs are locked and nothing has changed yet. A refusal ends it.
    Prepared,
    /// It was made.
    Committed,
    /// It was not.
    Aborted,
}

impl TransactionState {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Prepared => "prepared",
            Self::Committed => "committed",
            Self::Aborted => "aborted",
        }
    }
}

/// Decisions about pushes (`githooks`). Called where blocking is allowed, one after the other, in the order in which they stand here. What
/// goes to `say` reaches the pusher at once.
pub trait Hooks: Send + Sync {
    /// What the refs of those repositories hold from which `repository` borrows objects. By default the repository knows.
    ///
    /// # Errors
    /// A failing medium.
    fn borrowed_tips(&self, repository: &dyn Repository) -> Result<Vec<ObjectId>, StorageError> {
        repository.borrowed_tips()
    }

    /// Looks at the certificate of a signed push: who signed it, and whether that holds. By default nothing is known of it.
    fn check_signature(&self, proposal: Proposal<'_>, certificate: &[u8]) -> SignatureCheck {
        let _ = (proposal, certificate);
        SignatureCheck::default()
    }

    /// Before anything changes, once for all commands, also for those that have been refused already.
    ///
    /// # Errors
    /// [`Refusal`]: none of the commands is carried out.
    fn pre_receive(
        &self,
        proposal: Proposal<'_>,
        commands: &[PushCommand],
        say: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Refusal> {
        let _ = (proposal, commands, say);
        Ok(())
    }

    /// In place of the server, for those commands that [`ReceivePolicy::proc_receive`](crate::ReceivePolicy::proc_receive) names. The new objects are
    /// part of the repository by then. `answer` is told what came of each command, by its place.
    ///
    /// # Errors
    /// [`Refusal`]: commands that were not answered fail.
    fn proc_receive(
        &self,
        proposal: Proposal<'_>,
        commands: &[PushCommand],
        answer: &mut dyn FnMut(usize, Processed),
        say: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Refusal> {
        let _ = (proposal, commands, answer, say);
        Err(Refusal::new())
    }

    /// Before anything changes, for each command.
    ///
    /// # Errors
    /// [`Refusal`]: this command is not carried out.
    fn update(
        &self,
        proposal: Proposal<'_>,
        command: &PushCommand,
        say: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Refusal> {
        let _ = (proposal, command, say);
        Ok(())
    }

    /// Brings the work tree in which a branch is checked out to what the branch is to hold, where
    /// [`CurrentBranch::Instead`](crate::CurrentBranch::Instead) asks for it. The branch changes afterwards.
    ///
    /// # Errors
    /// Why it cannot be: the command is refused with it.
    fn update_work_tree(
        &self,
        proposal: Proposal<'_>,
        command: &PushCommand,
        say: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Bytes> {
        let _ = (proposal, command, say);
        Err(Bytes::from_static(b"denyCurrentBranch = updateInstead needs a worktree"))
    }

    /// Around each transaction of refs. What it says under locks is cut where the client does not keep up.
    ///
    /// # Errors
    /// [`Refusal`]: the transaction is not made. Behind it a refusal changes nothing.
    fn reference_transaction(
        &self,
        proposal: Proposal<'_>,
        state: TransactionState,
        edits: &[RefEdit],
        say: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Refusal> {
        let _ = (proposal, state, edits, say);
        Ok(())
    }

    /// After the refs have changed and the report is out, with what has changed: at least one ref. Where a `proc-receive` hook made other
    /// changes than were asked for, these stand here.
    fn post_receive(&self, proposal: Proposal<'_>, changes: &[PushCommand], say: &mut dyn FnMut(&[u8])) {
        let _ = (proposal, changes, say);
    }

    /// Behind that, with the names that the pusher used.
    fn post_update(&self, proposal: Proposal<'_>, names: &[Bytes], say: &mut dyn FnMut(&[u8])) {
        let _ = (proposal, names, say);
    }

    /// Last of all, for each task that the policy asks for. By default nothing is done.
    fn maintain(&self, proposal: Proposal<'_>, task: MaintenanceTask, say: &mut dyn FnMut(&[u8])) {
        let _ = (proposal, task, say);
    }
}

/// What is to be done to a repository behind a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MaintenanceTask {
    /// Whatever is due, if anything is: `git maintenance run --auto` ([`ReceivePolicy::maintenance`](crate::ReceivePolicy::maintenance)).
    Auto,
    /// The lists that clients read where files alone are served: `git update-server-info`
    /// ([`ReceivePolicy::server_info`](crate::ReceivePolicy::server_info)).
    ServerInfo,
}

/// What is known of a signature.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SignatureCheck {
    /// Whether it holds.
    pub status: SignatureStatus,
    /// Who signed, as the key says.
    pub signer: String,
    /// The key.
    pub key: String,
}

/// Whether a signature holds, by git's letters (`%G?` in `git-log`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SignatureStatus {
    /// There is none, or nobody looked.
    #[default]
    None,
    /// It is good.
    Good,
    /// It is bad.
    Bad,
    /// It is good, and nothing is known of the key.
    UnknownValidity,
    /// It is good and has expired.
    Expired,
    /// It is good, and the key has expired.
    ExpiredKey,
    /// It is good, and the key was taken back.
    RevokedKey,
    /// It cannot be looked at.
    Unchecked,
}

impl SignatureStatus {
    /// Git's letter.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::None => 'N',
            Self::Good => 'G',
            Self::Bad => 'B',
            Self::UnknownValidity => 'U',
            Self::Expired => 'X',
            Self::ExpiredKey => 'Y',
            Self::RevokedKey => 'R',
            Self::Unchecked => 'E',
        }
    }
}

/// Nothing is decided: the policy is enough.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHooks;

impl Hooks for NoHooks {}
