//! `gitwire ssh-over-ws`: stands where git expects ssh, and carries what ssh would carry through a WebSocket.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use gitwire_gitdir::Config;
use gitwire_protocol::message::SshRequest;
use gitwire_transport::Secret;

use crate::failure::Failure;
use crate::local;
use crate::tunnel::Tunnel;

/// Stand where git expects ssh, and carry what ssh would carry through a WebSocket.
///
///     GIT_SSH_COMMAND='gitwire ssh-over-ws --url wss://example.org/git/' git clone ann@host:project.git
///
/// It takes the arguments that git gives to OpenSSH. Without --url and GITWIRE_WS_URL it goes
/// to ws://HOST:PORT/. The user is the one before the @. The password comes from --credentials
/// or GITWIRE_WS_PASSWORD, which need --url so that no other host gets it, or from git's
/// credential helpers.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct SshOverWs {
    /// Where the repositories are: what git takes for a path is looked for below it.
    #[arg(long, value_name = "URL", env = "GITWIRE_WS_URL")]
    url: Option<String>,
    /// A file whose first line is USER:PASSWORD.
    #[arg(long, value_name = "FILE", env = "GITWIRE_WS_CREDENTIALS")]
    credentials: Option<PathBuf>,
    /// ssh's options, the host, and the command for the other machine.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "SSH-ARGUMENTS")]
    words: Vec<OsString>,
}

/// What git tells ssh.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// Whether it knows the arguments of OpenSSH.
    Probe,
    /// To run a command.
    Call(Call),
}

#[derive(Debug, PartialEq, Eq)]
struct Call {
    port: Option<String>,
    user: Option<String>,
    host: String,
    request: SshRequest,
    /// Whether the version of the protocol is to be sent.
    sends_version: bool,
}

impl SshOverWs {
    pub(crate) fn run(&self, config: Config) -> Result<ExitCode, Failure> {
        let call = match read(&self.words)? {
            Asked::Probe => return Ok(ExitCode::SUCCESS),
            Asked::Call(call) => call,
        };
        let url = call.url(self.url.as_deref());
        let mut remote = local::remote(url.as_bytes(), None, &local::outside(config)?)?;
        remote.url.user = remote.url.user.take().or(call.user);
        let password = std::env::var("GITWIRE_WS_PASSWORD").ok();
        if self.url.is_none() && (self.credentials.is_some() || password.is_some()) {
            // Whoever writes a URL for git, of a submodule say, would choose who gets it.
            return Err(Failure::usage("ssh-over-ws: a password needs --url, which says who gets it"));
        }
        if let Some(file) = &self.credentials {
            let (user, password) = from_file(file)?;
            (remote.url.user, remote.url.password) = (Some(user), Some(password));
        } else if let Some(password) = password {
            remote.url.password = Some(Secret::new(password));
        }
        let version = std::env::var("GIT_PROTOCOL").ok().filter(|_| call.sends_version);
        Tunnel::open(&remote, call.request.service, version)?.carry()
    }
}

impl Call {
    /// Where the repository is, below `base` if there is one.
    fn url(&self, base: Option<&str>) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let mut url = match (base, &self.port) {
            (Some(base), _) => base.to_owned(),
            (None, Some(port)) => format!("ws://{host}:{port}"),
            (None, None) => format!("ws://{host}"),
        };
        url.truncate(url.trim_end_matches('/').len());
        url.push('/');
        let path = self.request.path.iter().skip_while(|byte| **byte == b'/');
        for byte in path {
            if byte.is_ascii_alphanumeric() || b"-._~/".contains(byte) {
                url.push(char::from(*byte));
            } else {
                // Nothing can go wrong in memory.
                let _ = write!(url, "%{byte:02X}");
            }
        }
        url
    }
}

/// Reads the arguments that git gives to OpenSSH: options, a host, one word for the shell there.
fn read(words: &[OsString]) -> Result<Asked, Failure> {
    let usage = |text: String| Failure::usage(format!("ssh-over-ws: {text}"));
    let (mut port, mut sends_version) = (None, false);
    let mut words = words.iter().map(OsString::as_os_str);
    let host = loop {
        let word = words.next().ok_or_else(|| usage("no host".to_owned()))?;
        let mut value = |name| words.next().ok_or_else(|| usage(format!("option {name} without a value")));
        match word.as_bytes() {
            b"-G" => return Ok(Asked::Probe),
            b"-p" => port = Some(text(value("-p")?)?),
            b"-o" => sends_version |= value("-o")? == OsStr::new("SendEnv=GIT_PROTOCOL"),
            // Which kind of address, no terminal, no forwarding, how much is said: nothing that a WebSocket has.
            b"-4" | b"-6" | b"-T" | b"-x" | b"-a" | b"-q" | b"-v" | b"-n" => {}
            b"--" => break words.next().ok_or_else(|| usage("no host".to_owned()))?,
            [b'-', ..] => return Err(usage(format!("unknown option {}", word.display()))),
            _ => break word,
        }
    };
    let host = text(host)?;
    let (user, host) = match host.rsplit_once('@') {
        Some((user, host)) => (Some(user.to_owned()), host.to_owned()),
        None => (None, host),
    };
    if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte)) {
        return Err(usage(format!("strange hostname '{}' blocked", host.escape_default())));
    }
    let (Some(command), None) = (words.next(), words.next()) else {
        return Err(usage("one command is carried, and there is no shell".to_owned()));
    };
    let request = SshRequest::parse(command.as_bytes()).map_err(|violation| usage(violation.to_string()))?;
    Ok(Asked::Call(Call { port, user, host, request, sends_version }))
}

fn text(word: &OsStr) -> Result<String, Failure> {
    word.to_str().map(str::to_owned).ok_or_else(|| Failure::usage("ssh-over-ws: an argument is not UTF-8"))
}

fn from_file(file: &Path) -> Result<(String, Secret), Failure> {
    let problem = |why: String| Failure::fatal(format!("{}: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| problem(error.to_string()))?;
    let (user, password) = text
        .lines()
        .next()
        .and_then(|line| line.split_once(':'))
        .ok_or_else(|| problem("its first line is not USER:PASSWORD".to_owned()))?;
    Ok((user.to_owned(), Secret::new(password)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &[&str], base: Option<&str>, expected: &str) {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        let actual = match read(&words) {
            Err(failure) => failure.text,
            Ok(Asked::Probe) => "probe".to_owned(),
            Ok(Asked::Call(call)) => {
                let user = call.user.as_deref().unwrap_or("-");
                format!("{} {} {user} {}", call.request.service, call.url(base), call.sends_version)
            }
        };
        assert_eq!(actual, expected);
    }

    #[test]
    fn what_git_tells_ssh() {
        let fetch = "git-upload-pack '/a b.git'";
        check(&["h", fetch], None, "git-upload-pack ws://h/a%20b.git - false");
        check(
            &["-o", "SendEnv=GIT_PROTOCOL", "-p", "80", "u@h", fetch],
            None,
            "git-upload-pack ws://h:80/a%20b.git u true",
        );
        check(
            &["-4", "-p", "1", "u@::1", "git-receive-pack 'x'"],
            None,
            "git-receive-pack ws://[::1]:1/x u false",
        );
        check(&["-p", "1", "h", fetch], Some("wss://g/git"), "git-upload-pack wss://g/git/a%20b.git - false");
        check(
            &["h", "git-upload-pack '~u/a?b#%41\u{e4}'"],
            None,
            "git-upload-pack ws://h/~u/a%3Fb%23%2541%C3%A4 - false",
        );
        check(&["-G", "-o", "SendEnv=GIT_PROTOCOL", "h"], None, "probe");
        check(&["evil.org/x", fetch], None, "ssh-over-ws: strange hostname 'evil.org/x' blocked");
        check(&["h?x", fetch], None, "ssh-over-ws: strange hostname 'h?x' blocked");
        check(&[], None, "ssh-over-ws: no host");
        check(&["-p"], None, "ssh-over-ws: option -p without a value");
        check(&["-i", "key", "h", fetch], None, "ssh-over-ws: unknown option -i");
        check(&["h"], None, "ssh-over-ws: one command is carried, and there is no shell");
        check(&["h", fetch, "x"], None, "ssh-over-ws: one command is carried, and there is no shell");
        check(&["h", "sh"], None, "ssh-over-ws: expected a service and a path, got 'sh'");
    }
}
