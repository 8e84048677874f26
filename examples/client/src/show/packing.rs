//! Progress of a pack that is made and sent, in git's words.

use std::io::Write as _;
use std::time::Instant;

use gitwire_storage::{PackWritten, Preparation};

use super::{INTERVAL, Style};

/// How a pack that is sent gets on.
pub(super) struct Packing {
    style: Style,
    title: &'static str,
    /// The line that was made last, for its end.
    last: String,
    percent: Option<u64>,
    shown: Option<Instant>,
    started: Option<Instant>,
}

impl Packing {
    pub(super) fn new(style: Style) -> Self {
        Self { style, title: "", last: String::new(), percent: None, shown: None, started: None }
    }

    pub(super) fn preparing(&mut self, preparation: Preparation) {
        match preparation {
            Preparation::Enumerating(done) => self.note("Enumerating objects", done, None, ""),
            Preparation::Counting(done, total) => self.note("Counting objects", done, Some(total), ""),
            Preparation::Compressing(_, 0) => {}
            Preparation::Compressing(done, total) => self.note("Compressing objects", done, Some(total), ""),
            _ => {}
        }
    }

    pub(super) fn sending(&mut self, written: PackWritten, bytes: u64, done: bool) {
        let started = *self.started.get_or_insert_with(Instant::now);
        let seconds = started.elapsed().as_secs_f64().max(0.001);
        let speed = human(bytes as f64 / seconds);
        let throughput = format!(", {} | {speed}/s", human(bytes as f64));
        self.note("Writing objects", written.objects, Some(written.total), &throughput);
        if done {
            self.end();
            let PackWritten { total, deltas, reused, reused_deltas, .. } = written;
            self.write(&format!(
                "Total {total} (delta {deltas}), reused {reused} (delta {reused_deltas}), pack-reused 0\n"
            ));
        }
    }

    /// Ends the line that stands.
    pub(super) fn end(&mut self) {
        if !self.title.is_empty() {
            let line = std::mem::take(&mut self.last);
            self.write(&format!("{line}, done.\n"));
        }
        (self.title, self.percent, self.shown) = ("", None, None);
    }

    fn note(&mut self, title: &'static str, done: u64, total: Option<u64>, more: &str) {
        if title != self.title {
            self.end();
            self.title = title;
        }
        let percent = total.map(|total| done.saturating_mul(100).checked_div(total).unwrap_or(100));
        self.last = match (total, percent) {
            (Some(total), Some(percent)) => format!("{title}: {percent:3}% ({done}/{total}){more}"),
            _ => format!("{title}: {done}"),
        };
        let due = self.shown.is_none_or(|shown| shown.elapsed() >= INTERVAL);
        if due || percent != self.percent {
            self.shown = Some(Instant::now());
            let line = format!("{}\r", self.last);
            self.write(&line);
        }
        self.percent = percent;
    }

    fn write(&self, text: &str) {
        if self.style == Style::Text {
            // Standard error may be gone; then nobody watches.
            let _ = std::io::stderr().write_all(text.as_bytes());
        }
    }
}

/// Bytes with a unit of 1024.
fn human(bytes: f64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    for (unit, shift) in units {
        let size = f64::from(1_u32 << shift);
        if bytes >= size {
            return format!("{:.2} {unit}", bytes / size);
        }
    }
    format!("{bytes:.0} bytes")
}
