//! Which branch of the remote a branch follows (`git push --set-upstream`).

use gitwire_client::{PushStatus, PushUpdate, Pushed};
use gitwire_gitdir::{ConfigSection, GitDir, Head};
use gitwire_types::RefName;

use crate::failure::Failure;

/// How branches are made to follow what they were pushed to.
pub(super) struct Upstream<'a> {
    pub(super) remote: &'a [u8],
    pub(super) dry_run: bool,
    pub(super) quiet: bool,
}

impl Upstream<'_> {
    /// Lets each branch here follow the one that it was pushed to, and says so.
    pub(super) fn set(&self, pushed: &Pushed, repository: &GitDir) -> Result<(), Failure> {
        for update in &pushed.updates {
            let Some(branch) = branch_of(update, repository)? else { continue };
            let (branch, remote) = (branch.short(), self.remote.escape_ascii());
            let there = update.destination.short();
            let (shown, shown_there) = (branch.escape_ascii(), there.escape_ascii());
            if self.dry_run {
                println!("Would set upstream of '{shown}' to '{shown_there}' of '{remote}'");
                continue;
            }
            let section = ConfigSection::new("branch", Some(branch));
            let merge = update.destination.as_bytes();
            repository.set_config(&section.with("remote", self.remote).with("merge", merge))?;
            if !self.quiet {
                println!("branch '{shown}' set up to track '{remote}/{shown_there}'.");
            }
        }
        Ok(())
    }
}

/// The branch here that went to a branch there.
fn branch_of(update: &PushUpdate, repository: &GitDir) -> Result<Option<RefName>, Failure> {
    let good = matches!(update.status, PushStatus::UpToDate | PushStatus::Done);
    let Some(source) = update.source.as_ref().filter(|_| good && update.destination.is_branch()) else {
        return Ok(None);
    };
    if source.as_ref() == b"HEAD" {
        return Ok(match repository.head()? {
            Head::Branch(branch) => Some(branch),
            _ => None,
        });
    }
    Ok(RefName::new(source.clone()).ok().filter(RefName::is_branch))
}
