//! Numbers of what the server does, in the text format of Prometheus.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use gitwire_server::{Counts, Jobs, Meter};

/// One number of many.
type Read = fn(&Counts) -> u64;

/// Where the numbers are.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    /// The doors' URLs and meters.
    doors: Arc<[(String, Arc<Meter>)]>,
    jobs: Arc<Jobs>,
    started: u64,
}

impl Metrics {
    pub(crate) fn new(doors: impl IntoIterator<Item = (String, Arc<Meter>)>, jobs: Arc<Jobs>) -> Self {
        let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self { doors: doors.into_iter().collect(), jobs, started }
    }

    /// The numbers as they are now.
    pub(crate) fn text(&self) -> String {
        let counts: Vec<(&str, Counts)> =
            self.doors.iter().map(|(url, meter)| (url.as_str(), meter.counts())).collect();
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, samples: &[(String, u64)]| {
            // Writing into a string does not fail.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (labels, value) in samples {
                let _ = writeln!(text, "{name}{labels} {value}");
            }
        };
        let by_door = |value: Read| -> Vec<(String, u64)> {
            counts.iter().map(|(door, counts)| (format!("{{door=\"{door}\"}}"), value(counts))).collect()
        };
        family(
            "gitwired_connections_total",
            "counter",
            "Connections so far.",
            &by_door(|all| all.connections),
        );
        family(
            "gitwired_connections_open",
            "gauge",
            "Connections that are open now.",
            &by_door(|all| all.open),
        );
        let results: [(&str, Read); 3] =
            [("served", |all| all.served), ("refused", |all| all.refused), ("failed", |all| all.failed)];
        let requests: Vec<(String, u64)> = counts
            .iter()
            .flat_map(|(door, counts)| {
                results.map(|(result, value)| {
                    (format!("{{door=\"{door}\",result=\"{result}\"}}"), value(counts))
                })
            })
            .collect();
        family("gitwired_requests_total", "counter", "Requests by what came of them.", &requests);
        family("gitwired_received_bytes_total", "counter", "Bytes that came.", &by_door(|all| all.bytes_in));
        family("gitwired_sent_bytes_total", "counter", "Bytes that went.", &by_door(|all| all.bytes_out));
        let one = |value: u64| vec![(String::new(), value)];
        let jobs = self.jobs.counts();
        family(
            "gitwired_jobs_running",
            "gauge",
            "Pieces of work on repositories.",
            &one(jobs.running as u64),
        );
        family("gitwired_jobs_waiting", "gauge", "Pieces of work that wait.", &one(jobs.waiting as u64));
        family("gitwired_jobs_max", "gauge", "Pieces of work that may run at once.", &one(jobs.max as u64));
        family("gitwired_start_time_seconds", "gauge", "When the server started.", &one(self.started));
        text
    }
}
