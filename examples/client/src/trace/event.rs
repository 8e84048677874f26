//! Structured events: `GIT_TRACE2_EVENT`.

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use gitwire_protocol::Version;
use gitwire_server::{FetchFacts, Observer, PushFacts};
use serde_json::{Value, json};

use super::{now, target};

/// The events of one process. What cannot be written is lost: a trace must not hold the work up.
pub(crate) struct Events {
    out: Option<Mutex<Box<dyn Write + Send>>>,
    sid: String,
    start: Instant,
    service: &'static str,
}

impl Events {
    /// As the environment says; `service` is the category of the events.
    pub(crate) fn new(service: &'static str) -> Self {
        let stamp: String = now().chars().filter(|c| !matches!(c, '-' | ':')).collect();
        let own = format!("{stamp}-H00000000-P{:08x}", std::process::id());
        let sid = match std::env::var("GIT_TRACE2_PARENT_SID") {
            Ok(parent) if !parent.is_empty() => format!("{parent}/{own}"),
            _ => own,
        };
        let out = target("GIT_TRACE2_EVENT").map(Mutex::new);
        Self { out, sid, start: Instant::now(), service }
    }

    /// The name of this process among all that are traced.
    pub(crate) fn session_id(&self) -> &str {
        &self.sid
    }

    pub(crate) fn version(&self, version: Version) {
        self.data("transfer", "negotiated-version", json!((version as u8).to_string()));
    }

    pub(crate) fn client_session(&self, id: &[u8]) {
        self.data("transfer", "client-sid", json!(String::from_utf8_lossy(id)));
    }

    /// How many objects went out in a pack.
    pub(crate) fn wrote(&self, objects: u64) {
        self.data("pack-objects", "write_pack_file/wrote", json!(objects.to_string()));
    }

    /// Does what has a name of its own among the events.
    pub(crate) fn region<R>(&self, category: &str, label: &str, work: impl FnOnce() -> R) -> R {
        let begun = self.enter(category, label);
        let done = work();
        self.leave(category, label, begun);
        done
    }

    /// Begins what has a name of its own; when.
    pub(crate) fn enter(&self, category: &str, label: &str) -> Instant {
        self.tell("region_enter", category, &[("label", json!(label))]);
        Instant::now()
    }

    /// Ends what [`enter`](Self::enter) began.
    pub(crate) fn leave(&self, category: &str, label: &str, begun: Instant) {
        let took = json!(begun.elapsed().as_secs_f64());
        self.tell("region_leave", category, &[("label", json!(label)), ("t_rel", took)]);
    }

    fn data(&self, category: &str, key: &str, value: Value) {
        let name = if value.is_string() { "data" } else { "data_json" };
        self.tell(name, category, &[("key", json!(key)), ("value", value)]);
    }

    fn tell(&self, event: &str, category: &str, more: &[(&str, Value)]) {
        let Some(out) = &self.out else { return };
        let since = self.start.elapsed().as_secs_f64();
        let mut line = json!({
            "event": event, "sid": self.sid, "thread": "main", "time": now(), "repo": 1,
            "t_abs": since, "t_rel": since, "nesting": 1, "category": category,
        });
        if let Some(fields) = line.as_object_mut() {
            fields.extend(more.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        }
        // In one piece: other processes write to the same file.
        let line = format!("{line}\n");
        let _ = out.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
    }
}

impl Observer for Events {
    fn push(&self, facts: &PushFacts<'_>) {
        if let Some(id) = facts.session_id {
            self.client_session(id);
        }
    }

    fn fetch(&self, facts: &FetchFacts<'_>) {
        if let Some(id) = facts.session_id {
            self.client_session(id);
        }
        if facts.version != Version::V2 {
            return;
        }
        let depth = facts.depth;
        let value = json!({
            "haves": facts.haves, "wants": facts.wants, "want-refs": facts.wanted_refs,
            "depth": depth.depth.unwrap_or(0), "shallows": facts.shallows,
            "deepen-since": depth.since.is_some(), "deepen-not": depth.not.len(),
            "deepen-relative": depth.relative, "filter": facts.filter.as_ref().map(|filter| filter.name()),
        });
        self.data(self.service, "fetch-info", value);
    }
}
