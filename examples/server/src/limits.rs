//! What clients may cost, as the options say.

use std::str::FromStr;
use std::time::Duration;

use gitwire_server::control::ControlLimits;
use gitwire_server::daemon::DaemonOptions;
use gitwire_server::http::HttpOptions;
use gitwire_server::{Jobs, Policy, ReceivePolicy};

/// What clients may cost.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) jobs_max: usize,
    pub(crate) connections_max: usize,
    pub(crate) request_timeout: Duration,
    pub(crate) policy: Policy,
    pub(crate) receive: ReceivePolicy,
    pub(crate) control: ControlLimits,
    /// The largest pack that the control channel fetches, in bytes. 8 GiB, as a push may have.
    pub(crate) clone_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        let DaemonOptions { connections_max, request_timeout, .. } = DaemonOptions::default();
        Self {
            jobs_max: Jobs::MAX,
            connections_max,
            request_timeout,
            policy: Policy::default(),
            receive: ReceivePolicy::default(),
            control: ControlLimits::default(),
            clone_bytes_max: ReceivePolicy::default().stage.pack_bytes_max,
        }
    }
}

impl Limits {
    /// What holds for a git:// door.
    pub(crate) fn daemon(&self, grace: Duration) -> DaemonOptions {
        let mut options = DaemonOptions::default();
        options.connections_max = self.connections_max;
        options.request_timeout = self.request_timeout;
        options.grace = grace;
        options
    }

    /// The same for an HTTP door.
    pub(crate) fn http(&self, grace: Duration) -> HttpOptions {
        let mut options = HttpOptions::default();
        options.connections_max = self.connections_max;
        options.head_timeout = self.request_timeout;
        options.grace = grace;
        options
    }

    fn set(&mut self, key: &str, value: u64) -> Result<(), String> {
        let size = || usize::try_from(value).map_err(|_| format!("{value} is too much"));
        let time = Duration::from_secs(value);
        match key {
            "connections" => self.connections_max = size()?,
            "jobs" => self.jobs_max = size()?,
            "request-timeout" => self.request_timeout = time,
            "first-byte" => {
                self.policy.deadlines.first_byte = Some(time);
                self.receive.deadlines.first_byte = Some(time);
            }
            "idle" => {
                self.policy.deadlines.idle = Some(time);
                self.receive.deadlines.idle = Some(time);
            }
            "wants" => self.policy.protocol.wants_max = value,
            "haves" => self.policy.protocol.haves_max = value,
            "refs" => self.policy.protocol.ref_prefixes_max = value,
            "pack-memory" => self.policy.pack_memory = value,
            "push-bytes" => self.receive.stage.pack_bytes_max = value,
            "push-objects" => {
                let most = u32::try_from(value).map_err(|_| format!("{value} is too much"))?;
                self.receive.stage.objects_max = most;
            }
            "push-object-bytes" => self.receive.stage.object_bytes_max = value,
            "clone-bytes" => self.clone_bytes_max = value,
            "control-connections" => self.control.connections_max = size()?,
            "control-commands" => self.control.commands_max = size()?,
            "control-timeout" => self.control.command_timeout = time,
            key => return Err(format!("there is no limit '{key}'")),
        }
        // No semaphore counts further.
        let most = tokio::sync::Semaphore::MAX_PERMITS;
        let counts =
            [self.connections_max, self.jobs_max, self.control.connections_max, self.control.commands_max];
        if counts.iter().any(|count| *count > most) { Err(format!("{value} is too much")) } else { Ok(()) }
    }
}

/// `KEY=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LimitArgument {
    key: String,
    value: u64,
}

impl LimitArgument {
    /// Checks that there is such a limit.
    pub(crate) fn new(key: String, value: u64) -> Result<Self, String> {
        let limit = Self { key, value };
        limit.apply(&mut Limits::default())?;
        Ok(limit)
    }

    pub(crate) fn apply(&self, limits: &mut Limits) -> Result<(), String> {
        limits.set(&self.key, self.value)
    }
}

impl FromStr for LimitArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
        let value = value.parse().map_err(|_| format!("'{value}' is no number"))?;
        Self::new(key.to_owned(), value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        let parse = |text: &str| text.parse::<LimitArgument>().map(drop);
        assert_eq!(parse("connections=3"), Ok(()));
        assert_eq!(parse("push-bytes=0"), Ok(()));
        assert_eq!(parse("connections"), Err("expected KEY=VALUE".into()));
        assert_eq!(parse("connections=x"), Err("'x' is no number".into()));
        assert_eq!(parse("connections=-1"), Err("'-1' is no number".into()));
        assert_eq!(parse("speed=1"), Err("there is no limit 'speed'".into()));
        assert_eq!(parse("push-objects=4294967296"), Err("4294967296 is too much".into()));
        assert_eq!(parse("jobs=18446744073709551615"), Err("18446744073709551615 is too much".into()));
    }

    #[test]
    fn what_is_said_holds() {
        let mut limits = Limits::default();
        for text in ["connections=3", "request-timeout=4", "idle=5", "jobs=6", "control-timeout=7"] {
            text.parse::<LimitArgument>().unwrap().apply(&mut limits).unwrap();
        }
        let grace = Duration::from_secs(8);
        let (daemon, http) = (limits.daemon(grace), limits.http(grace));
        assert_eq!((daemon.connections_max, http.connections_max, limits.jobs_max), (3, 3, 6));
        assert_eq!(
            (daemon.request_timeout, http.head_timeout),
            (Duration::from_secs(4), Duration::from_secs(4))
        );
        assert_eq!(limits.receive.deadlines.idle, Some(Duration::from_secs(5)));
        assert_eq!((daemon.grace, http.grace), (grace, grace));
        assert_eq!(limits.control.command_timeout, Duration::from_secs(7));
    }
}
