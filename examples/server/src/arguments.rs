//! The command line.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Parser, Subcommand, ValueEnum};
use serde::Deserialize;

use crate::config::Options;
use crate::users::UserCommand;

/// Serves Git repositories.
///
/// Without arguments it makes a sample repository, serves it on this machine at every door, and says how to clone it.
#[derive(Debug, Parser)]
#[command(name = "gitwired", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// A file of options (TOML), named as those here; what stands on the command line wins.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) options: Options,
}

/// What the program does instead of serving.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    User(UserCommand),
}

/// Who may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AllowRead {
    /// By the rights of the users' file.
    Auth,
    /// Who reaches a door.
    Anyone,
}

/// Who may push.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AllowPush {
    /// Nobody.
    #[default]
    No,
    /// By the rights of the users' file.
    Auth,
    /// Who reaches a door.
    Anyone,
}

/// Who may see numbers of what the server does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AllowMetrics {
    /// Nobody.
    No,
    /// Who asks from this machine.
    #[default]
    Local,
    /// Who reaches a door.
    Anyone,
}

/// How the log looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
    Https,
    /// JSON: the control channel.
    Control,
}

impl Scheme {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Http => "http",
            Self::Https => "https",
            Self::Control => "control",
        }
    }
}

/// `git://HOST:PORT`, `http://HOST:PORT` or `https://HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Door {
    pub(crate) scheme: Scheme,
    pub(crate) place: Place,
}

impl FromStr for Door {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        if url.starts_with("ssh://") {
            let text =
                "there is no ssh:// door: let sshd run `gitwire` as a forced command instead (README.md)";
            return Err(text.to_owned());
        }
        let (scheme, rest) = [Scheme::Git, Scheme::Http, Scheme::Https]
            .into_iter()
            .find_map(|scheme| Some((scheme, url.strip_prefix(scheme.name())?.strip_prefix("://")?)))
            .ok_or("only git://, http:// and https:// doors can be opened")?;
        Ok(Self { scheme, place: rest.trim_end_matches('/').parse()? })
    }
}

impl TryFrom<String> for Door {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// `HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (host, port) = text.rsplit_once(':').ok_or("a port is missing")?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() {
            return Err("a host is missing".to_owned());
        }
        let port = port.parse().map_err(|_| format!("'{port}' is no port"))?;
        Ok(Self { host: host.to_owned(), port })
    }
}

/// Whether there is a control channel, and where: `HOST:PORT` or `off`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum Control {
    Off,
    At(Place),
}

impl FromStr for Control {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" { Ok(Self::Off) } else { text.parse().map(Self::At) }
    }
}

impl TryFrom<String> for Control {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doors() {
        let door =
            |scheme, host: &str, port| Ok(Door { scheme, place: Place { host: host.to_owned(), port } });
        assert_eq!("http://h:80".parse(), door(Scheme::Http, "h", 80));
        assert_eq!("https://h:443".parse(), door(Scheme::Https, "h", 443));
        assert_eq!("git://127.0.0.1:0".parse(), door(Scheme::Git, "127.0.0.1", 0));
        assert_eq!("git://[::1]:9418/".parse(), door(Scheme::Git, "::1", 9418));
        assert_eq!("git://h".parse::<Door>(), Err("a port is missing".into()));
        assert_eq!("git://:1".parse::<Door>(), Err("a host is missing".into()));
        assert_eq!("git://h:x".parse::<Door>(), Err("'x' is no port".into()));
        let other = "only git://, http:// and https:// doors can be opened";
        assert_eq!("ftp://h:1".parse::<Door>(), Err(other.into()));
        assert!("ssh://h:22".parse::<Door>().unwrap_err().contains("forced command"));
        assert_eq!("off".parse(), Ok(Control::Off));
        assert_eq!("h:1".parse(), Ok(Control::At(Place { host: "h".into(), port: 1 })));
        assert_eq!("on".parse::<Control>(), Err("a port is missing".into()));
    }
}
