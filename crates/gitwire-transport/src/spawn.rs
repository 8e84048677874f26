//! The one place that starts programs.
//!
//! No value from a peer or a URL ever stands where a program could take it for an option, and none is put into a shell line.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::TransportError;

/// A program that serves a repository on its standard input and output, such as `git-upload-pack`.
///
/// As `git fetch --upload-pack=`, it may be more than a name: `gitwire upload-pack` or `env A=b git-upload-pack`. What has a
/// blank or another character that a shell knows is run by `sh`, and the directory is its argument, never part of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program(OsString);

impl Program {
    /// A program, by name or path, or a shell command that takes one more argument.
    pub fn new(command: impl Into<OsString>) -> Self {
        Self(command.into())
    }

    /// The command that serves `directory`; `parameters` is what `GIT_PROTOCOL` holds, such as `version=2`.
    ///
    /// # Errors
    /// A directory that the program could take for an option, and control bytes in `parameters`.
    pub fn serving(
        &self,
        directory: &[u8],
        parameters: Option<&str>,
    ) -> Result<ServiceProcess, TransportError> {
        refuse_option("pathname", directory)?;
        let mut command = shell_command(&self.0);
        command.arg(OsStr::from_bytes(directory)).stdin(Stdio::piped()).stdout(Stdio::piped());
        forget_repository(&mut command);
        if let Some(parameters) = parameters {
            refuse_control("parameters", parameters.as_bytes())?;
            command.env("GIT_PROTOCOL", parameters);
        }
        Ok(ServiceProcess::new(command, self.0.to_string_lossy().into_owned()))
    }

    pub(crate) fn text(&self) -> &OsStr {
        &self.0
    }
}

/// A [`Program`] that is ready to be started.
#[derive(Debug)]
pub struct ServiceProcess {
    command: Command,
    name: String,
}

impl ServiceProcess {
    pub(crate) fn new(command: Command, name: String) -> Self {
        Self { command, name }
    }

    /// The command, for callers that start it themselves.
    #[must_use]
    pub fn into_command(self) -> Command {
        self.command
    }

    #[cfg(feature = "tokio")]
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn spawn(mut self) -> Result<(Child, ChildStdin, ChildStdout), TransportError> {
        let spawned = self.command.spawn();
        let mut child = spawned.map_err(|source| TransportError::Spawn { program: self.name, source })?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(stdin), Some(stdout)) => Ok((child, stdin, stdout)),
            _ => Err(TransportError::Internal("a child without the pipes that were asked for")),
        }
    }
}

/// Refuses a value that a program could take for an option.
pub(crate) fn refuse_option(field: &'static str, value: &[u8]) -> Result<(), TransportError> {
    if value.starts_with(b"-") {
        let value = value.escape_ascii().to_string();
        return Err(TransportError::OptionLike { field, value });
    }
    refuse_control(field, value)
}

/// Refuses a value that could forge a request or a line of a log.
pub(crate) fn refuse_control(field: &'static str, value: &[u8]) -> Result<(), TransportError> {
    match value.iter().enumerate().find(|(_, byte)| byte.is_ascii_control()) {
        Some((position, &byte)) => Err(TransportError::ControlByte { field, byte, position }),
        None => Ok(()),
    }
}

/// A program, or a line for the shell that gets all arguments that follow.
pub(crate) fn shell_command(line: &OsStr) -> Command {
    if !line.as_bytes().iter().any(|byte| SHELL_CHARACTERS.contains(byte)) {
        return new_command(line);
    }
    let mut text = line.as_bytes().to_vec();
    text.extend_from_slice(b" \"$@\"");
    let mut command = new_command(OsStr::new("sh"));
    command.arg("-c").arg(OsString::from_vec(text)).arg(line);
    command
}

/// The repository that this program may stand in is not the one that is served.
pub(crate) fn forget_repository(command: &mut Command) {
    for name in REPOSITORY_VARIABLES {
        command.env_remove(name);
    }
    command.env_remove("GIT_PROTOCOL");
}

#[allow(clippy::disallowed_methods, reason = "this module is where programs are started")]
pub(crate) fn new_command(program: &OsStr) -> Command {
    Command::new(Path::new(program))
}

/// What a shell would not take literally.
const SHELL_CHARACTERS: &[u8] = b"|&;<>()$`\\\"' \t\n*?[#~=%";

/// What git calls the local environment variables of a repository (`git rev-parse --local-env-vars`).
const REPOSITORY_VARIABLES: &[&str] = &[
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CONFIG",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_COUNT",
    "GIT_OBJECT_DIRECTORY",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_GRAFT_FILE",
    "GIT_INDEX_FILE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_REPLACE_REF_BASE",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_COMMON_DIR",
];

#[cfg(test)]
mod tests;
