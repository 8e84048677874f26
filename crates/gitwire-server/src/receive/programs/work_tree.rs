//! A branch that changes while it is checked out: its work tree first (`receive.denyCurrentBranch = updateInstead`).

use std::ffi::OsStr;
use std::path::Path;

use bytes::Bytes;
use gitwire_gitdir::WorkTree;
use gitwire_protocol::PushCommand;
use gitwire_types::{ObjectFormat, RefName};

use super::{ProgramHooks, new_command};
use crate::receive::Proposal;

impl ProgramHooks {
    /// Lets the hook `push-to-checkout` bring the work tree to what the branch is to hold; without one git does, if nothing in it has
    /// changed since its last commit.
    pub(super) fn check_out(
        &self,
        proposal: &Proposal<'_>,
        command: &PushCommand,
        say: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Bytes> {
        let needs = || Bytes::from_static(b"denyCurrentBranch = updateInstead needs a worktree");
        let name = RefName::full(command.name.clone()).map_err(|_| needs())?;
        let tree = self.repository.checked_out_at(&name).ok().flatten().ok_or_else(needs)?;
        let new = command.new.to_string();
        if let Some(mut hook) = self.programs("push-to-checkout").into_iter().next() {
            hook.arg(&new);
            self.prepare(&mut hook, proposal);
            hook.env("GIT_DIR", absolute(&tree.git_dir));
            hook.env("GIT_WORK_TREE", absolute(&tree.path));
            return match self.run_command(hook, b"", proposal, say) {
                Ok(true) => Ok(()),
                _ => Err(Bytes::from_static(b"push-to-checkout hook declined")),
            };
        }
        let mut git = |arguments: &[&str], reason: &'static str| {
            let ran = self.git(&tree, arguments, proposal, say);
            if ran { Ok(()) } else { Err(Bytes::from_static(reason.as_bytes())) }
        };
        git(&["update-index", "-q", "--ignore-submodules", "--refresh"], "Up-to-date check failed")?;
        let clean = ["diff-files", "--quiet", "--ignore-submodules", "--"];
        git(&clean, "Working directory has unstaged changes")?;
        let head = git(&["rev-parse", "-q", "--verify", "HEAD^{commit}"], "").is_ok();
        let head = if head { "HEAD" } else { self.empty_tree() };
        let staged = ["diff-index", "--quiet", "--cached", "--ignore-submodules", head, "--"];
        git(&staged, "Working directory has staged changes")?;
        git(&["read-tree", "-u", "-m", &new], "Could not update working tree to new HEAD")
    }

    fn git(
        &self,
        tree: &WorkTree,
        arguments: &[&str],
        proposal: &Proposal<'_>,
        say: &mut dyn FnMut(&[u8]),
    ) -> bool {
        let mut command = new_command(OsStr::new("git"));
        self.prepare(&mut command, proposal);
        command.args(arguments).current_dir(&tree.path).env("GIT_DIR", absolute(&tree.git_dir));
        let quiet = arguments.first() == Some(&"rev-parse");
        let mut silent = |_: &[u8]| {};
        let say = if quiet { &mut silent } else { say };
        match self.run_command(command, b"", proposal, say) {
            Ok(ran) => ran,
            Err(error) => {
                say(format!("error: cannot run git: {error}\n").as_bytes());
                false
            }
        }
    }

    /// What a branch without commits stands for.
    fn empty_tree(&self) -> &'static str {
        use gitwire_storage::Repository as _;
        match self.repository.format() {
            ObjectFormat::Sha1 => "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
            _ => "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
        }
    }
}

fn absolute(path: &Path) -> std::path::PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
