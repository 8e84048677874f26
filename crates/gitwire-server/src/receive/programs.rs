//! Hooks as programs in a Git directory, with git's environment, input and order (`githooks`).

use std::ffi::{OsStr, OsString};
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gitwire_gitdir::GitDir;
use gitwire_protocol::PushCommand;

use super::{Hooks, Proposal, Refusal};

/// The programs `pre-receive`, `update`, `post-receive` and `post-update` of a Git directory.
///
/// They run in the Git directory, one after the other, with what they write to standard output and error going to the pusher. Before the
/// push is made they see its objects through `GIT_QUARANTINE_PATH` and the object directories that git names.
#[derive(Debug, Clone)]
pub struct ProgramHooks {
    git_dir: PathBuf,
    objects: PathBuf,
    hooks: PathBuf,
}

impl ProgramHooks {
    /// The hooks of `repository`: below `core.hooksPath`, or in its `hooks`.
    #[must_use]
    pub fn new(repository: &GitDir) -> Self {
        // They run in the Git directory, so no path may stand on where we are.
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let (git_dir, common) = (absolute(repository.path()), absolute(repository.common_path()));
        let config = repository.config();
        let hooks = match config.string("core", None, "hooksPath") {
            Some(path) => git_dir.join(OsStr::from_bytes(path)),
            None => common.join("hooks"),
        };
        Self { git_dir, objects: common.join("objects"), hooks }
    }

    /// Runs a hook, if there is one; whether it, or its absence, lets the push pass.
    fn run(
        &self,
        name: &str,
        arguments: &[&[u8]],
        input: &[u8],
        proposal: &Proposal<'_>,
        say: &mut dyn FnMut(&[u8]),
    ) -> bool {
        let program = self.hooks.join(name);
        if !is_program(&program) {
            return true;
        }
        match self.run_program(&program, arguments, input, proposal, say) {
            Ok(passes) => passes,
            Err(error) => {
                say(format!("error: cannot run {name}: {error}\n").as_bytes());
                false
            }
        }
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "the one place that starts hooks: names of files, never of peers"
    )]
    fn run_program(
        &self,
        program: &Path,
        arguments: &[&[u8]],
        input: &[u8],
        proposal: &Proposal<'_>,
        say: &mut dyn FnMut(&[u8]),
    ) -> std::io::Result<bool> {
        let (mut reader, writer) = std::io::pipe()?;
        let mut command = Command::new(program);
        command.args(arguments.iter().map(|argument| OsStr::from_bytes(argument)));
        command.current_dir(&self.git_dir).env("GIT_DIR", ".");
        command.stdin(Stdio::piped()).stdout(writer.try_clone()?).stderr(writer);
        self.environment(&mut command, proposal);
        let mut child = command.spawn()?;
        // It holds the writing ends: what is left open here would keep the reader waiting.
        drop(command);
        let stdin = child.stdin.take();
        let mut said = 0_usize;
        std::thread::scope(|scope| {
            // A hook may say much before it reads, and may end without having read anything.
            scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input).ok()));
            let mut room = [0; 4096];
            loop {
                match reader.read(&mut room) {
                    Ok(0) | Err(_) => break,
                    Ok(len) => {
                        said = said.saturating_add(len);
                        if said <= SAID_MAX {
                            say(room.get(..len).unwrap_or_default());
                        }
                    }
                }
            }
        });
        Ok(child.wait()?.success())
    }

    fn environment(&self, command: &mut Command, proposal: &Proposal<'_>) {
        for name in
            ["GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY", "GIT_QUARANTINE_PATH"]
        {
            command.env_remove(name);
        }
        if let Some(path) = proposal.staged.and_then(|staged| staged.path()) {
            let mut alternates = OsString::from(&self.objects);
            if let Some(more) = std::env::var_os("GIT_ALTERNATE_OBJECT_DIRECTORIES") {
                alternates.push(":");
                alternates.push(more);
            }
            let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            command.env("GIT_QUARANTINE_PATH", &path).env("GIT_OBJECT_DIRECTORY", path);
            command.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", alternates);
        }
        if let Some(name) = &proposal.pusher.name {
            command.env("REMOTE_USER", name).env("GIT_COMMITTER_NAME", name);
        }
        if !proposal.options.is_empty() {
            command.env("GIT_PUSH_OPTION_COUNT", proposal.options.len().to_string());
        }
        for (at, option) in proposal.options.iter().enumerate() {
            command.env(format!("GIT_PUSH_OPTION_{at}"), OsStr::from_bytes(option));
        }
    }
}

impl Hooks for ProgramHooks {
    fn pre_receive(
        &self,
        proposal: Proposal<'_>,
        commands: &[PushCommand],
        say: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Refusal> {
        verdict(self.run("pre-receive", &[], &lines(commands), &proposal, say))
    }

    fn update(
        &self,
        proposal: Proposal<'_>,
        command: &PushCommand,
        say: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Refusal> {
        let (old, new) = (command.old.to_hex(), command.new.to_hex());
        let arguments = [&command.name[..], old.as_bytes(), new.as_bytes()];
        verdict(self.run("update", &arguments, b"", &proposal, say))
    }

    fn post_receive(&self, proposal: Proposal<'_>, commands: &[PushCommand], say: &mut dyn FnMut(&[u8])) {
        // The push is made: what they return changes nothing.
        let _ = self.run("post-receive", &[], &lines(commands), &proposal, say);
        let names: Vec<&[u8]> = commands.iter().map(|command| &command.name[..]).collect();
        let _ = self.run("post-update", &names, b"", &proposal, say);
    }
}

const fn verdict(passes: bool) -> Result<(), Refusal> {
    if passes { Ok(()) } else { Err(Refusal::new()) }
}

/// `old-id SP new-id SP name LF` for each command.
fn lines(commands: &[PushCommand]) -> Vec<u8> {
    let line = |command: &PushCommand| {
        [command.old.to_hex().as_bytes(), b" ", command.new.to_hex().as_bytes(), b" ", &command.name, b"\n"]
            .concat()
    };
    commands.iter().flat_map(line).collect()
}

#[allow(
    clippy::disallowed_methods,
    reason = "hooks are programs of the operating system, not files of the repository"
)]
fn is_program(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// The most that one hook may say to the pusher; what is more is read and dropped. 4 MiB: the log of a long build.
const SAID_MAX: usize = 4 << 20;
