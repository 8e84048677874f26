//! The command line.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use gitwire_server::daemon::DaemonOptions;
use gitwire_server::{Jobs, Policy};

use crate::users::UserCommand;

/// Serves Git repositories.
///
/// Without arguments it makes a sample repository, serves it on this machine, and says how to clone it.
#[derive(Debug, Parser)]
#[command(name = "gitwired", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// The directory whose repositories are served.
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    /// A door to open: git://HOST:PORT or http://HOST:PORT. Port 0 is any port.
    #[arg(long, value_name = "URL")]
    pub(crate) listen: Vec<Door>,
    /// Who may sign in, and what they may do; `gitwired user` writes it.
    #[arg(long, value_name = "FILE")]
    pub(crate) users: Option<PathBuf>,
    /// Who may read: anyone who reaches a door, or by the rights of the users' file. By default anyone where all doors are on this
    /// machine's own address, and else by rights.
    #[arg(long, value_enum, value_name = "WHO")]
    pub(crate) allow_read: Option<AllowRead>,
    /// Who may push: nobody, by the rights of the users' file, or anyone who reaches a door. Anyone may only on this machine's own
    /// address.
    #[arg(long, value_enum, default_value_t, value_name = "WHO")]
    pub(crate) allow_push: AllowPush,
    /// A file that is written, one URL a line, once every door is open.
    #[arg(long, value_name = "PATH")]
    pub(crate) ready_file: Option<PathBuf>,
    /// How the log on standard error looks.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) log: Log,
    /// Seconds that transfers may go on after SIGTERM.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) grace: u64,
    /// A limit: connections, jobs, request-timeout, first-byte, idle, wants, haves, refs, pack-memory.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) limit: Vec<LimitArgument>,
}

/// What the program does instead of serving.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    User(UserCommand),
}

/// Who may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AllowRead {
    /// By the rights of the users' file.
    Auth,
    /// Who reaches a door.
    Anyone,
}

/// Who may push.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum AllowPush {
    /// Nobody.
    #[default]
    No,
    /// By the rights of the users' file.
    Auth,
    /// Who reaches a door.
    Anyone,
}

/// How the log looks.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum Log {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What is spoken at a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Git,
    Http,
}

impl Scheme {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Http => "http",
        }
    }
}

/// `git://HOST:PORT` or `http://HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Door {
    pub(crate) scheme: Scheme,
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl FromStr for Door {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        let (scheme, rest) = [Scheme::Git, Scheme::Http]
            .into_iter()
            .find_map(|scheme| Some((scheme, url.strip_prefix(scheme.name())?.strip_prefix("://")?)))
            .ok_or("only git:// and http:// doors can be opened")?;
        let (host, port) = rest.trim_end_matches('/').rsplit_once(':').ok_or("a port is missing")?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() {
            return Err("a host is missing".to_owned());
        }
        let port = port.parse().map_err(|_| format!("'{port}' is no port"))?;
        Ok(Self { scheme, host: host.to_owned(), port })
    }
}

/// `KEY=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LimitArgument {
    key: String,
    value: u64,
}

impl FromStr for LimitArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
        let value = value.parse().map_err(|_| format!("'{value}' is no number"))?;
        let limit = Self { key: key.to_owned(), value };
        limit.apply(&mut Limits::default())?;
        Ok(limit)
    }
}

/// What clients may cost.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) jobs_max: usize,
    pub(crate) daemon: DaemonOptions,
    pub(crate) policy: Policy,
}

impl Default for Limits {
    fn default() -> Self {
        Self { jobs_max: Jobs::MAX, daemon: DaemonOptions::default(), policy: Policy::default() }
    }
}

impl LimitArgument {
    fn apply(&self, limits: &mut Limits) -> Result<(), String> {
        let Limits { jobs_max, daemon: options, policy } = limits;
        let size = || usize::try_from(self.value).map_err(|_| format!("{} is too much", self.value));
        let time = Duration::from_secs(self.value);
        match self.key.as_str() {
            "connections" => options.connections_max = size()?,
            "jobs" => *jobs_max = size()?,
            "request-timeout" => options.request_timeout = time,
            "first-byte" => policy.deadlines.first_byte = Some(time),
            "idle" => policy.deadlines.idle = Some(time),
            "wants" => policy.protocol.wants_max = self.value,
            "haves" => policy.protocol.haves_max = self.value,
            "refs" => policy.protocol.ref_prefixes_max = self.value,
            "pack-memory" => policy.pack_memory = self.value,
            key => return Err(format!("there is no limit '{key}'")),
        }
        Ok(())
    }
}

impl Arguments {
    /// What the limits on the command line make of the defaults.
    pub(crate) fn limits(&self) -> Result<Limits, String> {
        let mut limits = Limits::default();
        limits.daemon.grace = Duration::from_secs(self.grace);
        for limit in &self.limit {
            limit.apply(&mut limits)?;
        }
        Ok(limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doors() {
        let door = |host: &str, port| Ok(Door { scheme: Scheme::Git, host: host.to_owned(), port });
        assert_eq!("http://h:80".parse::<Door>().map(|door| door.scheme), Ok(Scheme::Http));
        assert_eq!("git://127.0.0.1:0".parse(), door("127.0.0.1", 0));
        assert_eq!("git://[::1]:9418/".parse(), door("::1", 9418));
        assert_eq!("git://h".parse::<Door>(), Err("a port is missing".into()));
        assert_eq!("git://:1".parse::<Door>(), Err("a host is missing".into()));
        assert_eq!("git://h:x".parse::<Door>(), Err("'x' is no port".into()));
        assert_eq!("ftp://h:1".parse::<Door>(), Err("only git:// and http:// doors can be opened".into()));
    }

    #[test]
    fn limits() {
        let parse = |text: &str| text.parse::<LimitArgument>().map(drop);
        assert_eq!(parse("connections=3"), Ok(()));
        assert_eq!(parse("connections"), Err("expected KEY=VALUE".into()));
        assert_eq!(parse("connections=x"), Err("'x' is no number".into()));
        assert_eq!(parse("speed=1"), Err("there is no limit 'speed'".into()));
    }
}
