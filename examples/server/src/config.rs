//! The options, from the command line and from a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde::{Deserialize, Deserializer};

use crate::arguments::{AllowMetrics, AllowPush, AllowRead, Control, Door, Log};
use crate::hosts::HostRule;
use crate::limits::{LimitArgument, Limits};

/// What can be said, here and there; what is not said has its default in [`Options`]'s methods.
#[derive(Debug, Default, Clone, PartialEq, Eq, Args, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Options {
    /// The directory whose repositories are served. By default the current one.
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    /// A door to open: git://HOST:PORT, http://HOST:PORT or https://HOST:PORT. Port 0 is any port. By default git://127.0.0.1:9418 and
    /// http://127.0.0.1:8418.
    #[arg(long, value_name = "URL")]
    pub(crate) listen: Vec<Door>,
    /// The certificates of https:// doors, the server's own first (PEM).
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The key of the first of them (PEM).
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Who may sign in, and what they may do; `gitwired user` writes it.
    #[arg(long, value_name = "FILE")]
    pub(crate) users: Option<PathBuf>,
    /// Who may read: anyone who reaches a door, or by the rights of the users' file. By default anyone where all doors are on this
    /// machine's own address, and else by rights; without users a door that is open to others needs this to be said.
    #[arg(long, value_enum, value_name = "WHO")]
    pub(crate) allow_read: Option<AllowRead>,
    /// Who may push: nobody, by the rights of the users' file, or anyone who reaches a door. Anyone may only on this machine's own
    /// address.
    #[arg(long, value_enum, value_name = "WHO")]
    pub(crate) allow_push: Option<AllowPush>,
    /// Who may see /metrics at an HTTP door. By default who asks from this machine.
    #[arg(long, value_enum, value_name = "WHO")]
    pub(crate) allow_metrics: Option<AllowMetrics>,
    /// The control channel: HOST:PORT, on this machine's own address, or off. By default off, and 127.0.0.1:8029 for the sample.
    #[arg(long, value_name = "ADDR|off")]
    pub(crate) control: Option<Control>,
    /// From where the control channel may clone: a name, *.NAME for all names below it, an address or ADDRESS/BITS. By default this
    /// machine alone.
    #[arg(long, value_name = "HOST")]
    pub(crate) control_allow: Vec<HostRule>,
    /// A name by which HTTP doors on this machine's own address may be asked for, beside its addresses and `localhost`: one that a
    /// proxy in front of them passes on.
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Vec<String>,
    /// A file that is written, one URL a line, once every door is open.
    #[arg(long, value_name = "PATH")]
    pub(crate) ready_file: Option<PathBuf>,
    /// How the log on standard error looks.
    #[arg(long, value_enum, value_name = "HOW")]
    pub(crate) log: Option<Log>,
    /// Seconds that transfers may go on after SIGTERM. 30.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) grace: Option<u64>,
    /// A limit: connections, jobs, request-timeout, first-byte, idle, wants, haves, refs, pack-memory, push-bytes, push-objects,
    /// push-object-bytes, clone-bytes, control-connections, control-commands, control-timeout. Times are in seconds.
    #[arg(long, value_name = "KEY=VALUE")]
    #[serde(rename = "limits", deserialize_with = "limits")]
    pub(crate) limit: Vec<LimitArgument>,
}

impl Options {
    /// Reads a file of options.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
        Self::parse(&text).map_err(|error| format!("{shown}: {error}"))
    }

    fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())
    }

    /// These options, and what `other` says where they say nothing.
    pub(crate) fn or(self, other: Self) -> Self {
        let list = |own: Vec<_>, other| if own.is_empty() { other } else { own };
        Self {
            root: self.root.or(other.root),
            listen: if self.listen.is_empty() { other.listen } else { self.listen },
            tls_cert: self.tls_cert.or(other.tls_cert),
            tls_key: self.tls_key.or(other.tls_key),
            users: self.users.or(other.users),
            allow_read: self.allow_read.or(other.allow_read),
            allow_push: self.allow_push.or(other.allow_push),
            allow_metrics: self.allow_metrics.or(other.allow_metrics),
            control: self.control.or(other.control),
            control_allow: list(self.control_allow, other.control_allow),
            host: if self.host.is_empty() { other.host } else { self.host },
            ready_file: self.ready_file.or(other.ready_file),
            log: self.log.or(other.log),
            grace: self.grace.or(other.grace),
            // The last one of a key holds.
            limit: other.limit.into_iter().chain(self.limit).collect(),
        }
    }

    /// Whether nobody has said what to serve.
    pub(crate) fn is_sample(&self) -> bool {
        self.root.is_none() && self.listen.is_empty()
    }

    pub(crate) fn grace(&self) -> Duration {
        Duration::from_secs(self.grace.unwrap_or(30))
    }

    /// What the limits make of the defaults.
    pub(crate) fn limits(&self) -> Result<Limits, String> {
        let mut limits = Limits::default();
        self.limit.iter().try_for_each(|limit| limit.apply(&mut limits))?;
        Ok(limits)
    }
}

/// A table of limits.
fn limits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<LimitArgument>, D::Error> {
    let table = BTreeMap::<String, u64>::deserialize(deserializer)?;
    let limits = table.into_iter().map(|(key, value)| LimitArgument::new(key, value));
    limits.collect::<Result<_, _>>().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::arguments::Arguments;

    #[test]
    fn a_file_says_all_that_the_command_line_says() {
        let file = r#"
            root = "/srv/git"
            listen = ["git://127.0.0.1:9418", "https://[::1]:443"]
            tls-cert = "cert.pem"
            tls-key = "key.pem"
            users = "users"
            allow-read = "auth"
            allow-push = "anyone"
            allow-metrics = "no"
            control = "127.0.0.1:8029"
            control-allow = ["git.example.org", "10.0.0.0/8"]
            host = ["git.example.org"]
            ready-file = "ready"
            log = "json"
            grace = 5
            [limits]
            connections = 10
            jobs = 4
        "#;
        let line = "gitwired --root /srv/git --listen git://127.0.0.1:9418 --listen https://[::1]:443 --tls-cert cert.pem \
            --tls-key key.pem --users users --allow-read auth --allow-push anyone --allow-metrics no --control 127.0.0.1:8029 \
            --control-allow git.example.org --control-allow 10.0.0.0/8 --host git.example.org --ready-file ready --log json --grace 5 \
            --limit connections=10 --limit jobs=4";
        let line = Arguments::try_parse_from(line.split_whitespace()).unwrap().options;
        assert_eq!(Options::parse(file).unwrap(), line);
        assert_eq!(Options::parse("").unwrap(), Options::default());
        // Alone, each wins over nothing; together the first one does.
        assert_eq!(Options::default().or(line.clone()), line);
        let mut mine = Options { grace: Some(1), log: Some(Log::Text), ..Options::default() };
        mine.limit.push("jobs=9".parse().unwrap());
        let both = mine.or(line);
        assert_eq!((both.grace, both.log, both.root), (Some(1), Some(Log::Text), Some("/srv/git".into())));
        assert_eq!(Options { limit: both.limit, ..Options::default() }.limits().unwrap().jobs_max, 9);
    }

    #[track_caller]
    fn bad(text: &str, line: &str, why: &str) {
        let error = Options::parse(text).unwrap_err();
        assert!(error.contains(line) && error.contains(why), "{error}");
    }

    #[test]
    fn what_is_wrong_in_a_file_has_its_line() {
        bad("root = \"x\"\nspeed = 1\n", "line 2", "unknown field `speed`");
        bad("\n\ngrace = \"x\"", "line 3", "invalid type");
        bad("grace = -1", "line 1", "invalid value");
        bad("listen = [\"ftp://h:1\"]", "line 1", "only git://, http:// and https:// doors");
        bad("log = \"xml\"", "line 1", "unknown variant `xml`");
        bad("[limits]\nspeed = 1", "line 1", "there is no limit 'speed'");
        bad("grace = 1\ngrace = 2", "line 2", "duplicate key");
        bad("control-allow = [\"10.0.0.0/33\"]", "line 1", "'10.0.0.0/33'");
        bad("root = ", "line 1", "");
    }
}
