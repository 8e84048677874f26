//! What is said to HTTP servers: `GIT_TRACE_CURL`, `GIT_CURL_VERBOSE`.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gitwire_transport::HttpTrace;

use super::{now, target};

/// Who hears it: a trace where there is one, and whoever runs the program where a repository has moved.
pub(crate) fn heads() -> Arc<dyn HttpTrace> {
    let verbose =
        || std::env::var_os("GIT_CURL_VERBOSE").map(|_| Box::new(std::io::stderr()) as Box<dyn Write + Send>);
    let out = target("GIT_TRACE_CURL").or_else(verbose).map(Mutex::new);
    let is_false = |value: String| matches!(value.as_str(), "0" | "false" | "no" | "off");
    let shows_secrets = std::env::var("GIT_TRACE_REDACT").is_ok_and(is_false);
    let bare = std::env::var_os("GIT_TRACE_BARE").is_some_and(|value| value == "1");
    Arc::new(Heads { out, shows_secrets, bare })
}

struct Heads {
    out: Option<Mutex<Box<dyn Write + Send>>>,
    shows_secrets: bool,
    /// Without the time.
    bare: bool,
}

impl Heads {
    fn tell(&self, what: &str, line: &str) {
        self.line(what, &format!(" header: {line}"));
    }

    fn line(&self, what: &str, rest: &str) {
        let Some(out) = &self.out else { return };
        let time = if self.bare { String::new() } else { format!("{} ", now()) };
        let mut out = out.lock().unwrap_or_else(PoisonError::into_inner);
        // A trace that cannot be written is no reason to fail.
        let _ = out.write_all(format!("{time}{what}{rest}\n").as_bytes());
    }
}

/// What is shown of a request: a list of every branch of a large repository is longer than anybody reads.
const DATA_LINES_MAX: usize = 10_000;

impl HttpTrace for Heads {
    fn sent(&self, line: &str) {
        self.tell("=> Send", line);
    }

    fn received(&self, line: &str) {
        self.tell("<= Recv", line);
    }

    fn redirected(&self, to: &str) {
        eprintln!("warning: redirecting to {to}");
    }

    fn sent_data(&self, bytes: &[u8]) {
        if std::env::var_os("GIT_TRACE_CURL_NO_DATA").is_some() || self.out.is_none() {
            return;
        }
        let count = bytes.len();
        self.line("=> Send data", &format!(", {count:010} bytes ({count:#010x})"));
        for line in bytes.split(|byte| *byte == b'\n').take(DATA_LINES_MAX) {
            let shown = |byte: &u8| if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '.' };
            let text: String = line.iter().map(shown).collect();
            self.line("=> Send data", &format!(": {text}"));
        }
    }

    fn waiting(&self, time: Duration) {
        eprintln!("warning: rate limited, waiting {} seconds before retry", time.as_secs());
    }

    fn shows_secrets(&self) -> bool {
        self.shows_secrets
    }
}
