//! Hooks as programs in a Git directory, with git's environment, input and order (`githooks`).

mod certificate;
mod proc_receive;
mod process;
mod work_tree;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;
use gitwire_gitdir::{Config, GitDir};
use gitwire_protocol::PushCommand;
use gitwire_storage::{Expected, RefEdit, Repository, StorageError};
use gitwire_types::{ObjectId, RefTarget};

use self::process::Process;
use super::{
    Hooks, MaintenanceTask, NonceStatus, Processed, Proposal, Refusal, SignatureCheck, TransactionState,
};

/// The programs `pre-receive`, `update`, `proc-receive`, `reference-transaction`, `push-to-checkout`, `post-receive` and `post-update` of a Git
/// directory: those that its configuration names (`hook.<name>.command`), then the one among its hooks.
///
/// They run in the Git directory, one after the other, with what they write to standard output and error going to the pusher. Before the
/// push is made they see its objects through `GIT_QUARANTINE_PATH` and the object directories that git names. A hook whose time is over
/// is killed.
#[derive(Debug, Clone)]
pub struct ProgramHooks {
    repository: GitDir,
    git_dir: PathBuf,
    objects: PathBuf,
    hooks: PathBuf,
    config: Arc<Config>,
    surroundings: Surroundings,
}

/// What hooks find around them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Surroundings {
    /// The whole environment of this process, as with git.
    Inherited,
    /// Nothing that says who talks to this process, because it serves others as well.
    Cleaned,
}

impl ProgramHooks {
    /// The hooks of `repository`: those of its configuration, and those below `core.hooksPath` or in its `hooks`. They inherit the environment of
    /// this process, which serves one pusher.
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
        Self {
            repository: repository.clone(),
            git_dir,
            objects: common.join("objects"),
            hooks,
            config,
            surroundings: Surroundings::Inherited,
        }
    }

    /// The same in a server of many: nothing of the environment that speaks of a client (`REMOTE_*`, `SSH_*`, `GIT_*`) reaches a hook, but what
    /// the push itself says; and what a hook starts is killed with it.
    #[must_use]
    pub fn serving_many(mut self) -> Self {
        self.surroundings = Surroundings::Cleaned;
        self
    }

    /// The programs of an event, in their order.
    fn programs(&self, event: &str) -> Vec<Command> {
        let switched = self.config.boolean("hook", Some(event.as_bytes()), "enabled");
        if switched.ok().flatten() == Some(false) {
            return Vec::new();
        }
        let mut found: Vec<Command> = configured_hooks(&self.config, event).into_iter().map(shell).collect();
        let program = self.hooks.join(event);
        if is_program(&program) {
            // Where they run, this is a shorter name, and the one by which git calls them.
            let name = program.strip_prefix(&self.git_dir).unwrap_or(&program);
            found.push(new_command(name.as_os_str()));
        }
        found
    }

    /// Runs the hooks of an event, if there are any; whether they, or their absence, let the push pass.
    fn run(
        &self,
        event: &str,
        arguments: &[&[u8]],
        input: &[u8],
        proposal: &Proposal<'_>,
        say: &mut dyn FnMut(&[u8]),
    ) -> bool {
        let mut passes = true;
        let mut commands = self.programs(event);
        for command in &mut commands {
            command.args(arguments.iter().map(|argument| OsStr::from_bytes(argument)));
            self.prepare(command, proposal);
            if matches!(event, "pre-receive" | "post-receive") {
                describe(command, proposal);
            }
        }
        let (jobs, mut commands) = (self.jobs(event), commands.into_iter().peekable());
        while commands.peek().is_some() {
            // What several say comes one after the other, as if they had run so.
            let started: Vec<_> =
                commands.by_ref().take(jobs).map(|command| self.start(command, input)).collect();
            for process in started {
                match process.and_then(|process| Self::finish(process, proposal, say)) {
                    Ok(ran) => passes &= ran,
                    Err(error) => {
                        say(format!("error: cannot run {event}: {error}\n").as_bytes());
                        passes = false;
                    }
                }
            }
        }
        passes
    }

    /// How many programs of an event run at once: `hook.<event>.jobs` or `hook.jobs`, where all that the configuration names allow it.
    fn jobs(&self, event: &str) -> usize {
        let parallel = |name: &[u8]| self.config.boolean("hook", Some(name), "parallel").ok().flatten();
        if !names(&self.config, event).into_iter().all(|name| parallel(name) == Some(true)) {
            return 1;
        }
        let own = self.config.integer("hook", Some(event.as_bytes()), "jobs").ok().flatten();
        match own.or_else(|| self.config.integer("hook", None, "jobs").ok().flatten()) {
            Some(-1) => std::thread::available_parallelism().map_or(1, usize::from),
            jobs => jobs.and_then(|jobs| usize::try_from(jobs).ok()).unwrap_or(1).clamp(1, JOBS_MAX),
        }
    }

    /// Runs a program with its output going to the pusher; whether it succeeds.
    fn run_command(
        &self,
        command: Command,
        input: &[u8],
        proposal: &Proposal<'_>,
        say: &mut dyn FnMut(&[u8]),
    ) -> std::io::Result<bool> {
        Self::finish(self.start(command, input)?, proposal, say)
    }

    fn start(&self, command: Command, input: &[u8]) -> std::io::Result<Process> {
        Process::start(command, input.to_vec(), self.surroundings == Surroundings::Cleaned)
    }

    fn finish(
        process: Process,
        proposal: &Proposal<'_>,
        say: &mut dyn FnMut(&[u8]),
    ) -> std::io::Result<bool> {
        let ran = process.finish(proposal.stop, say)?;
        if ran.is_none() {
            say(b"error: the hook took too long and was stopped\n");
        }
        Ok(ran == Some(true))
    }

    /// Where a hook runs, and what it is told by the environment.
    fn prepare(&self, command: &mut Command, proposal: &Proposal<'_>) {
        command.current_dir(&self.git_dir);
        if self.surroundings == Surroundings::Cleaned {
            for (name, _) in std::env::vars_os() {
                let name = name.as_bytes();
                if [&b"REMOTE_"[..], b"SSH_", b"GIT_"].iter().any(|prefix| name.starts_with(prefix)) {
                    command.env_remove(OsStr::from_bytes(name));
                }
            }
        }
        let gone =
            ["GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY", "GIT_QUARANTINE_PATH"];
        gone.iter().for_each(|name| {
            command.env_remove(name);
        });
        command.env("GIT_DIR", ".");
        if let Some(path) = proposal.staged.and_then(|staged| staged.path()) {
            let quarantine = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            command.env("GIT_QUARANTINE_PATH", &quarantine).env("GIT_OBJECT_DIRECTORY", &quarantine);
            let mut alternates = OsString::from(&self.objects);
            if let Some(more) = std::env::var_os("GIT_ALTERNATE_OBJECT_DIRECTORIES")
                .filter(|_| self.surroundings == Surroundings::Inherited)
            {
                alternates.push(":");
                alternates.push(more);
            }
            command.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", alternates);
        }
        if let Some(name) = &proposal.pusher.name {
            command.env("REMOTE_USER", name).env("GIT_COMMITTER_NAME", name);
        }
    }
}

impl Hooks for ProgramHooks {
    /// `core.alternateRefsCommand` says what to tell of a repository that lends objects; else all its refs are told.
    fn borrowed_tips(&self, repository: &dyn Repository) -> Result<Vec<ObjectId>, StorageError> {
        let Some(text) = self.config.string("core", None, "alternateRefsCommand") else {
            return repository.borrowed_tips();
        };
        let mut tips = Vec::new();
        for lender in self.repository.lenders()? {
            let mut command = shell(text.to_vec());
            command.arg(&lender).current_dir(&self.git_dir).env_remove("GIT_DIR");
            // A command that fails tells of nothing, and the push brings more than it must.
            let output = process::output(command).unwrap_or_default();
            let lines = output.split(|byte| *byte == b'\n');
            tips.extend(lines.filter_map(|line| ObjectId::from_hex(self.repository.format(), line).ok()));
        }
        Ok(tips)
    }

    fn check_signature(&self, proposal: Proposal<'_>, certificate: &[u8]) -> SignatureCheck {
        self.verify(&proposal, certificate).unwrap_or_default()
    }

    fn pre_receive(
        &self,
        proposal: Proposal<'_>,
        commands: &[PushCommand],
        say: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Refusal> {
        verdict(self.run("pre-receive", &[], &lines(commands), &proposal, say))
    }

    fn proc_receive(
        &self,
        proposal: Proposal<'_>,
        commands: &[PushCommand],
        answer: &mut dyn FnMut(usize, Processed),
        say: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Refusal> {
        self.process(&proposal, commands, answer, say)
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

    fn update_work_tree(
        &self,
        proposal: Proposal<'_>,
        command: &PushCommand,
        say: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Bytes> {
        self.check_out(&proposal, command, say)
    }

    fn reference_transaction(
        &self,
        proposal: Proposal<'_>,
        state: TransactionState,
        edits: &[RefEdit],
        say: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Refusal> {
        let input = edits.iter().flat_map(|edit| self.line(edit)).collect::<Vec<u8>>();
        verdict(self.run("reference-transaction", &[state.name().as_bytes()], &input, &proposal, say))
    }

    fn post_receive(&self, proposal: Proposal<'_>, changes: &[PushCommand], say: &mut dyn FnMut(&[u8])) {
        // The push is made: what it returns changes nothing.
        let _ = self.run("post-receive", &[], &lines(changes), &proposal, say);
    }

    fn post_update(&self, proposal: Proposal<'_>, names: &[Bytes], say: &mut dyn FnMut(&[u8])) {
        let names: Vec<&[u8]> = names.iter().map(|name| &name[..]).collect();
        let _ = self.run("post-update", &names, b"", &proposal, say);
    }

    fn maintain(&self, proposal: Proposal<'_>, task: MaintenanceTask, say: &mut dyn FnMut(&[u8])) {
        let words: &[&str] = match task {
            MaintenanceTask::Auto => &["maintenance", "run", "--auto", "--quiet"],
            MaintenanceTask::ServerInfo => &["update-server-info"],
        };
        let mut command = new_command(OsStr::new("git"));
        command.args(words);
        self.prepare(&mut command, &proposal);
        // The push is made; what is not tidied up now is so later.
        if let Err(error) = self.run_command(command, b"", &proposal, say) {
            say(format!("warning: cannot run git {}: {error}\n", words.join(" ")).as_bytes());
        }
    }
}

impl ProgramHooks {
    /// `old SP new SP name LF`, where what does not matter or is not there is zeros.
    fn line(&self, edit: &RefEdit) -> Vec<u8> {
        let zero = ObjectId::zero(self.repository.format()).to_string();
        let old = match edit.expected {
            Expected::Id(id) => id.to_string(),
            _ => zero.clone(),
        };
        let new = match &edit.new {
            Some(RefTarget::Direct(id)) => id.to_string().into_bytes(),
            Some(RefTarget::Symbolic(name)) => [b"ref:", name.as_bytes()].concat(),
            None => zero.into_bytes(),
        };
        [old.as_bytes(), b" ", &new, b" ", edit.name.as_bytes(), b"\n"].concat()
    }
}

/// Push options and the certificate, as the hooks around a push are told of them.
fn describe(command: &mut Command, proposal: &Proposal<'_>) {
    command.env("GIT_PUSH_OPTION_COUNT", proposal.options.len().to_string());
    for (at, option) in proposal.options.iter().enumerate() {
        command.env(format!("GIT_PUSH_OPTION_{at}"), OsStr::from_bytes(option));
    }
    let Some(certificate) = proposal.certificate else { return };
    let object = certificate.object.map_or_else(String::new, |id| id.to_string());
    command.env("GIT_PUSH_CERT", object);
    command.env("GIT_PUSH_CERT_SIGNER", &certificate.signature.signer);
    command.env("GIT_PUSH_CERT_KEY", &certificate.signature.key);
    command.env("GIT_PUSH_CERT_STATUS", certificate.signature.status.letter().to_string());
    command.env("GIT_PUSH_CERT_NONCE", OsStr::from_bytes(&certificate.nonce));
    command.env("GIT_PUSH_CERT_NONCE_STATUS", certificate.nonce_status.name());
    if let NonceStatus::Slop(seconds) = certificate.nonce_status {
        command.env("GIT_PUSH_CERT_NONCE_SLOP", seconds.to_string());
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

/// The commands that the configuration gives for an event (`hook.<name>.command`), lines for a shell, in the order of their names' first
/// mention.
#[must_use]
pub fn configured_hooks(config: &Config, event: &str) -> Vec<Vec<u8>> {
    let command = |name: &[u8]| config.string("hook", Some(name), "command").map(<[u8]>::to_vec);
    names(config, event).into_iter().filter_map(command).collect()
}

/// By which names the configuration knows hooks for an event.
fn names<'a>(config: &'a Config, event: &str) -> Vec<&'a [u8]> {
    let mut names: Vec<&[u8]> = Vec::new();
    for entry in config.entries().iter().filter(|entry| entry.section == "hook") {
        if let Some(name) = entry.subsection.as_deref().filter(|name| !names.contains(name)) {
            names.push(name);
        }
    }
    names.retain(|name| {
        let events: Vec<&[u8]> = config.values("hook", Some(name), "event").flatten().collect();
        // An empty value takes back those before it.
        let events = events.rsplit(|one| one.is_empty()).next().unwrap_or_default();
        let enabled = config.boolean("hook", Some(name), "enabled").ok().flatten();
        enabled != Some(false) && events.contains(&event.as_bytes())
    });
    names
}

/// A command as a shell reads it, which gets further arguments as they are.
fn shell(text: Vec<u8>) -> Command {
    let mut command = new_command(OsStr::new("sh"));
    let script = [text.as_slice(), b" \"$@\""].concat();
    command.arg("-c").arg(OsStr::from_bytes(&script)).arg(OsStr::from_bytes(&text));
    command
}

#[allow(
    clippy::disallowed_methods,
    reason = "the one place that starts hooks: names from files and configuration, never of peers"
)]
fn new_command(program: &OsStr) -> Command {
    Command::new(program)
}

#[allow(
    clippy::disallowed_methods,
    reason = "hooks are programs of the operating system, not files of the repository"
)]
fn is_program(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// Programs that run at once for one event, whatever the configuration says: each holds pipes and threads.
const JOBS_MAX: usize = 64;
