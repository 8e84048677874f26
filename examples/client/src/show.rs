//! Progress for whoever watches.

mod packing;

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use gitwire_client::Event;
use gitwire_pack::Progress;
use gitwire_sideband::{ControlCharacters, Limits, LineEnd, ProgressLine, ProgressText};

use self::packing::Packing;
use crate::trace::Events;

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Style {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
    /// Not at all.
    None,
}

/// Shows the events of a call on standard error.
pub(crate) struct Show {
    style: Style,
    /// What the server says is shown whether or not progress is.
    hears: bool,
    packing: Packing,
    remote: ProgressText,
    meter: Option<Meter>,
    last: Option<Instant>,
    receiving: bool,
}

impl Show {
    /// Shows in `style`; by default text where a person looks on.
    pub(crate) fn new(style: Option<Style>, quiet: bool) -> Self {
        let watched = if std::io::stderr().is_terminal() { Style::Text } else { Style::None };
        let style = if quiet { Style::None } else { style.unwrap_or(watched) };
        let remote = ProgressText::new(ControlCharacters::NONE, Limits::default());
        let hears = style != Style::None;
        let packing = Packing::new(style);
        Self { style, hears, packing, remote, meter: None, last: None, receiving: false }
    }

    /// The same for a push: hooks may have something to say that no progress is.
    pub(crate) fn of_push(style: Option<Style>, quiet: bool) -> Self {
        let mut show = Self::new(style, quiet);
        show.hears = true;
        show
    }

    pub(crate) fn event(&mut self, event: Event<'_>) {
        if let Event::Remote(text) = event {
            if self.hears {
                self.remote.push(text, remote_line);
            }
            return;
        }
        if matches!(event, Event::FilterIgnored) {
            eprintln!("warning: filtering not recognized by server, ignoring");
        }
        if let Event::BundleFailed { uri, error } = event {
            eprintln!("warning: failed to download bundle from URI '{}': {error}", uri.escape_ascii());
            return;
        }
        if self.style == Style::None {
            return;
        }
        if !matches!(event, Event::Indexing(_)) {
            self.meter = None;
        }
        match event {
            Event::Receiving(progress) => {
                self.receiving = true;
                if self.last.is_none_or(|last| last.elapsed() >= INTERVAL) {
                    self.last = Some(Instant::now());
                    line(self.style, Title::Receiving, progress, false);
                }
            }
            Event::Indexing(progress) => {
                if std::mem::take(&mut self.receiving) {
                    line(self.style, Title::Receiving, &progress, true);
                }
                self.meter = Some(Meter::start(self.style, Title::Resolving, progress));
            }
            Event::Packing(preparation) => self.packing.preparing(preparation),
            Event::Sending { written, bytes, done } => self.packing.sending(written, bytes, done),
            _ => {}
        }
    }
}

impl Drop for Show {
    fn drop(&mut self) {
        if self.hears {
            self.remote.finish(remote_line);
        }
    }
}

/// What is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Title {
    Receiving,
    Indexing,
    Resolving,
    Unpacking,
}

impl Title {
    /// For people, and for programs.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Receiving => ("Receiving objects", "receiving"),
            Self::Indexing => ("Indexing objects", "indexing"),
            Self::Resolving => ("Resolving deltas", "resolving"),
            Self::Unpacking => ("Unpacking objects", "unpacking"),
        }
    }
}

/// Watches counters from a thread of its own until it is dropped.
pub(crate) struct Meter {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    title: Title,
    /// What the events are told, and since when it runs.
    traced: Option<(Events, Instant)>,
}

impl Meter {
    pub(crate) fn start(style: Style, title: Title, progress: Arc<Progress>) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let watched = Arc::clone(&ended);
        let thread = (style != Style::None).then(|| {
            thread::spawn(move || {
                loop {
                    let last = watched.load(Ordering::Acquire);
                    line(style, title, &progress, last);
                    if last {
                        return;
                    }
                    thread::park_timeout(INTERVAL);
                }
            })
        });
        let traced = (style == Style::Text).then(|| {
            let events = Events::new("progress");
            let begun = events.enter("progress", title.words().0);
            (events, begun)
        });
        Self { ended, thread, title, traced }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It only prints.
            let _ = thread.join();
        }
        if let Some((events, begun)) = self.traced.take() {
            events.leave("progress", self.title.words().0, begun);
        }
    }
}

fn line(style: Style, title: Title, progress: &Progress, last: bool) {
    let (name, key) = title.words();
    let (done, total) = match title {
        Title::Resolving => progress.resolved(),
        Title::Receiving | Title::Indexing | Title::Unpacking => progress.received(),
    };
    let mut out = std::io::stderr().lock();
    // Standard error may be gone; then nobody watches.
    let _ = match style {
        Style::None => Ok(()),
        Style::Json => {
            let bytes = progress.bytes();
            writeln!(out, r#"{{"phase":"{key}","done":{done},"total":{total},"bytes":{bytes},"end":{last}}}"#)
        }
        Style::Text if total == 0 => Ok(()),
        Style::Text => {
            let percent = done * 100 / total;
            let end = if last { ", done.\n" } else { "\r" };
            write!(out, "{name}: {percent:3}% ({done}/{total}){end}")
        }
    };
}

fn remote_line(line: ProgressLine<'_>) {
    let end = if line.end == LineEnd::CarriageReturn { '\r' } else { '\n' };
    let mut out = std::io::stderr().lock();
    // Standard error may be gone; then nobody watches.
    let clear = match () {
        () if line.text.is_empty() => "",
        () if out.is_terminal() => "\u{1b}[K",
        () => "        ",
    };
    let _ = write!(out, "remote: {}{clear}{end}", line.text);
}

/// Ten times a second is as often as an eye can follow.
const INTERVAL: Duration = Duration::from_millis(100);
