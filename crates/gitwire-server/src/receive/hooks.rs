//! What an embedder decides about a push, as values.

use bytes::Bytes;
use gitwire_protocol::PushCommand;
use gitwire_storage::{Repository, Staged};

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
    /// The new objects, with those of the repository; `None` where the push brings none.
    pub staged: Option<&'a dyn Staged>,
    /// The options that came with the push.
    pub options: &'a [Bytes],
    /// Who pushes.
    pub pusher: &'a Pusher,
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

/// Decisions about pushes (`githooks`). Called where blocking is allowed. What goes to `say` reaches the pusher.
pub trait Hooks: Send + Sync {
    /// Before anything changes, once for all commands that have not been refused yet.
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

    /// After the refs have changed and the report is out, with the commands that were carried out: at least one.
    fn post_receive(&self, proposal: Proposal<'_>, commands: &[PushCommand], say: &mut dyn FnMut(&[u8])) {
        let _ = (proposal, commands, say);
    }
}

/// Nothing is decided: the policy is enough.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHooks;

impl Hooks for NoHooks {}
