//! ssh as git runs it: which program, and how that one wants its arguments (`git`, `GIT_SSH`; `git-config`, `ssh.variant`).

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::process::{Command, Stdio};

use gitwire_protocol::message::SshRequest;

use crate::spawn::{forget_repository, new_command, refuse_control, refuse_option, shell_command};
use crate::{AddressFamily, Program, ServiceProcess, TransportError, Url};

/// Which program reaches other machines, and how it wants its arguments.
///
/// ```
/// use gitwire_transport::{SshOptions, SshProgram, SshVariant};
///
/// let variables = |name: &str| (name == "GIT_SSH_COMMAND").then(|| "plink -agent".into());
/// let ssh = SshOptions::from_variables(&variables, Some(b"ssh -i key"), Some(b"auto"));
/// assert_eq!(ssh.program, SshProgram::Shell("plink -agent".into()));
/// assert_eq!(ssh.variant, None);
/// assert_eq!(SshVariant::parse(b"simple"), Some(SshVariant::Simple));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SshOptions {
    /// The program.
    pub program: SshProgram,
    /// Whose arguments it takes. `None` goes by its name, and asks a program of another name whether it knows the option `-G`,
    /// as OpenSSH does.
    pub variant: Option<SshVariant>,
    /// Which addresses it may connect to; `None`: all.
    pub family: Option<AddressFamily>,
}

/// The program that stands where ssh does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SshProgram {
    /// A name or path, as `GIT_SSH` has it.
    Program(OsString),
    /// A line for the shell, as `GIT_SSH_COMMAND` and `core.sshCommand` have it.
    Shell(OsString),
}

/// Whose arguments a program takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SshVariant {
    /// OpenSSH: `-p PORT`, and `-o SendEnv=` carries the version of the protocol.
    Ssh,
    /// None but the host and the command.
    Simple,
    /// `plink`: `-P PORT`.
    Plink,
    /// `putty`: `-P PORT`.
    Putty,
    /// `TortoisePlink`: `-batch` and `-P PORT`.
    TortoisePlink,
}

impl SshOptions {
    /// What git reads: the environment variables `GIT_SSH_COMMAND`, `GIT_SSH` and `GIT_SSH_VARIANT`, and what the configuration
    /// says of `core.sshCommand` and `ssh.variant`.
    #[must_use]
    pub fn from_variables(
        variable: &dyn Fn(&str) -> Option<OsString>,
        command: Option<&[u8]>,
        variant: Option<&[u8]>,
    ) -> Self {
        let command = || command.map(|command| OsStr::from_bytes(command).to_owned());
        let shell = variable("GIT_SSH_COMMAND").or_else(command).map(SshProgram::Shell);
        let program = shell.or_else(|| variable("GIT_SSH").map(SshProgram::Program));
        let named = variable("GIT_SSH_VARIANT");
        let variant = named.as_deref().map(OsStr::as_bytes).or(variant).and_then(SshVariant::parse);
        Self { program: program.unwrap_or_default(), variant, family: None }
    }

    /// The command that runs `program` for `url` on the other machine; `parameters` is what `GIT_PROTOCOL` is to hold there.
    ///
    /// A program whose variant is not known is run once to find out.
    ///
    /// # Errors
    /// A host or path that could be taken for an option, a control byte, a port where none can be said.
    pub fn serving(
        &self,
        program: &Program,
        url: &Url,
        parameters: Option<&str>,
    ) -> Result<ServiceProcess, TransportError> {
        let host = url.host.as_deref().ok_or(TransportError::Internal("an ssh URL without a host"))?;
        let host = url.user.as_deref().map_or_else(|| host.to_owned(), |user| format!("{user}@{host}"));
        refuse_option("hostname", host.as_bytes())?;
        refuse_option("pathname", &url.path)?;
        refuse_control("parameters", parameters.unwrap_or_default().as_bytes())?;
        let call = Call { host: &host, port: url.port, family: self.family, parameters };
        let variant = match self.variant.or_else(|| self.program.variant()) {
            Some(variant) => variant,
            None => self.probe(&call)?,
        };
        let mut command = self.program.command();
        call.arguments(variant, &mut command)?;
        command.arg(remote_command(program, &url.path)).stdin(Stdio::piped()).stdout(Stdio::piped());
        Ok(ServiceProcess::new(command, self.program.text().to_string_lossy().into_owned()))
    }

    /// OpenSSH prints its configuration when it is called with `-G`; others fail.
    fn probe(&self, call: &Call<'_>) -> Result<SshVariant, TransportError> {
        let mut command = self.program.command();
        command.arg("-G").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        call.arguments(SshVariant::Ssh, &mut command)?;
        let knows = command.status().is_ok_and(|status| status.success());
        Ok(if knows { SshVariant::Ssh } else { SshVariant::Simple })
    }
}

impl SshProgram {
    fn text(&self) -> &OsStr {
        match self {
            Self::Program(text) | Self::Shell(text) => text,
        }
    }

    fn command(&self) -> Command {
        let mut command = match self {
            Self::Program(program) => new_command(program),
            Self::Shell(line) => shell_command(line),
        };
        forget_repository(&mut command);
        command
    }

    /// What the name says.
    fn variant(&self) -> Option<SshVariant> {
        let program = match self {
            Self::Program(program) => program.as_bytes().to_vec(),
            Self::Shell(line) => first_word(line.as_bytes())?,
        };
        let name = program.rsplit(|byte| *byte == b'/').next()?.to_ascii_lowercase();
        match name.strip_suffix(b".exe").unwrap_or(&name) {
            b"ssh" => Some(SshVariant::Ssh),
            b"plink" => Some(SshVariant::Plink),
            b"tortoiseplink" => Some(SshVariant::TortoisePlink),
            _ => None,
        }
    }
}

impl Default for SshProgram {
    fn default() -> Self {
        Self::Program("ssh".into())
    }
}

impl SshVariant {
    /// What `ssh.variant` and `GIT_SSH_VARIANT` name: `None` is `auto`, and every name that git does not know is OpenSSH.
    #[must_use]
    pub fn parse(name: &[u8]) -> Option<Self> {
        match name {
            b"auto" => None,
            b"simple" => Some(Self::Simple),
            b"plink" => Some(Self::Plink),
            b"putty" => Some(Self::Putty),
            b"tortoiseplink" => Some(Self::TortoisePlink),
            _ => Some(Self::Ssh),
        }
    }
}

impl fmt::Display for SshVariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ssh => "ssh",
            Self::Simple => "simple",
            Self::Plink => "plink",
            Self::Putty => "putty",
            Self::TortoisePlink => "tortoiseplink",
        })
    }
}

/// Whom to call, and what is said beside the command.
struct Call<'a> {
    host: &'a str,
    port: Option<u16>,
    family: Option<AddressFamily>,
    parameters: Option<&'a str>,
}

impl Call<'_> {
    /// All arguments before the remote command.
    fn arguments(&self, variant: SshVariant, command: &mut Command) -> Result<(), TransportError> {
        if let Some(parameters) = self.parameters.filter(|_| variant == SshVariant::Ssh) {
            command.args(["-o", "SendEnv=GIT_PROTOCOL"]).env("GIT_PROTOCOL", parameters);
        }
        if let Some(family) = self.family {
            let option = if family == AddressFamily::V4 { "-4" } else { "-6" };
            if variant == SshVariant::Simple {
                return Err(TransportError::SshVariant { variant, what: option });
            }
            command.arg(option);
        }
        if variant == SshVariant::TortoisePlink {
            command.arg("-batch");
        }
        if let Some(port) = self.port {
            let option = match variant {
                SshVariant::Ssh => "-p",
                SshVariant::Plink | SshVariant::Putty | SshVariant::TortoisePlink => "-P",
                SshVariant::Simple => {
                    return Err(TransportError::SshVariant { variant, what: "setting port" });
                }
            };
            command.arg(option).arg(port.to_string());
        }
        command.arg(self.host);
        Ok(())
    }
}

/// What the shell on the other machine runs. `program` is the caller's, and may be more than a word; the path is one word.
fn remote_command(program: &Program, path: &[u8]) -> OsString {
    let mut line = program.text().as_bytes().to_vec();
    line.push(b' ');
    SshRequest::quote(path, &mut line);
    OsString::from_vec(line)
}

/// The first word of a line, as a shell would see it that expands nothing; `None` where quotes stay open anywhere in the line.
fn first_word(line: &[u8]) -> Option<Vec<u8>> {
    let (mut word, mut first, mut quoted) = (Vec::new(), true, None);
    let mut bytes = line.iter().copied();
    while let Some(byte) = bytes.next() {
        let literal = match (quoted, byte) {
            (None, byte) if byte.is_ascii_whitespace() => {
                first = false;
                continue;
            }
            (None, b'\'' | b'"') => {
                quoted = Some(byte);
                continue;
            }
            (Some(quote), byte) if byte == quote => {
                quoted = None;
                continue;
            }
            (None | Some(b'"'), b'\\') => bytes.next()?,
            (_, byte) => byte,
        };
        if first {
            word.push(literal);
        }
    }
    quoted.is_none().then_some(word)
}

#[cfg(test)]
mod tests;
