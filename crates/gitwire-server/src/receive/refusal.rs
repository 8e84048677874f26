//! What the policy says against a command, before any hook is asked.

use gitwire_protocol::PushCommand;
use gitwire_storage::Presence;
use gitwire_types::{Interrupt, ObjectId, ObjectKind, RefName, RefTarget};

use super::CurrentBranch;
use super::push::Push;
use crate::ServeError;

impl Push {
    /// What the policy says against a command, in git's words.
    pub(super) fn refusal(
        &self,
        name: &RefName,
        command: &PushCommand,
        stop: &dyn Interrupt,
    ) -> Result<Option<&'static [u8]>, ServeError> {
        let checked_out = self.repository.checked_out(name)?.is_some();
        if checked_out {
            match self.policy.update_current {
                CurrentBranch::Refuse => {
                    self.error(&format!("refusing to update checked out branch: {}", shown(name)));
                    return Ok(Some(b"branch is currently checked out"));
                }
                CurrentBranch::Warn => self.say(b"warning: updating the current branch\n"),
                CurrentBranch::Instead | CurrentBranch::Allow => {}
            }
        }
        if command.is_delete() {
            let head = self.repository.refs()?.head()?;
            let current = checked_out || matches!(&head, Some(RefTarget::Symbolic(branch)) if branch == name);
            if self.policy.deny_deletes && name.is_branch() {
                self.error(&format!("denying ref deletion for {}", shown(name)));
                return Ok(Some(b"deletion prohibited"));
            }
            if current {
                match self.policy.delete_current {
                    CurrentBranch::Refuse | CurrentBranch::Instead => {
                        self.error(&format!("refusing to delete the current branch: {}", shown(name)));
                        return Ok(Some(b"deletion of the current branch prohibited"));
                    }
                    CurrentBranch::Warn => {
                        self.say(b"warning: deleting the current branch\n");
                    }
                    CurrentBranch::Allow => {}
                }
            }
            return Ok(None);
        }
        match self.kind(&command.new)? {
            None => return Ok(Some(b"bad pack")),
            Some(kind) if kind != ObjectKind::Commit && name.is_branch() => {
                let name = shown(name);
                self.error(&format!("trying to write non-commit object {} to branch '{name}'", command.new));
                return Ok(Some(b"invalid new value provided"));
            }
            Some(_) => {}
        }
        if self.policy.deny_non_fast_forwards && !command.is_create() && name.is_branch() {
            let boundary = self.repository.shallow()?;
            let mut graph = self.graph(&boundary)?;
            if !graph.is_ancestor(&command.old, &command.new, stop)? {
                self.error(&format!("denying non-fast-forward {} (you should pull first)", shown(name)));
                return Ok(Some(b"non-fast-forward"));
            }
        }
        Ok(None)
    }

    /// What an object is; `None` where it is not there.
    pub(super) fn kind(&self, id: &ObjectId) -> Result<Option<ObjectKind>, ServeError> {
        let mut found = None;
        self.objects()?.headers(&[*id], &mut |_, presence| {
            if let Presence::Here { kind, .. } = presence {
                found = Some(kind);
            }
        })?;
        Ok(found)
    }

    /// Tells the pusher more than fits into the report.
    pub(super) fn error(&self, text: &str) {
        self.say(format!("error: {text}\n").as_bytes());
    }
}

fn shown(name: &RefName) -> String {
    name.as_bytes().escape_ascii().to_string()
}
