//! How long a peer may take.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use std::fmt;
use std::time::{Duration, Instant};

use crate::TransportError;

/// How long a peer may take, and how often it hears from us. `None` turns a rule off.
///
/// Time counts only while the driver waits for the peer, never while the application works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadlines {
    /// From the first wait to the first byte.
    pub first_byte: Option<Duration>,
    /// Without a byte moved, while bytes are waited for or wait to be taken.
    pub idle: Option<Duration>,
    /// Bytes that must move in each [`Self::rate_window`] of one wait in which at least one byte moved: taken by the peer while
    /// output waits for it, else sent by it. 0 for no such rule.
    pub window_bytes_min: u64,
    /// The time over which the rate is averaged.
    pub rate_window: Duration,
    /// From the first wait to the end of the conversation.
    pub total: Option<Duration>,
    /// How long we may be silent before the machine is asked for a keep-alive.
    pub keep_alive: Option<Duration>,
}

impl Deadlines {
    /// None at all: for pipes between programs that trust each other.
    #[must_use]
    pub fn none() -> Self {
        Self {
            first_byte: None,
            idle: None,
            window_bytes_min: 0,
            rate_window: Duration::from_secs(30),
            total: None,
            keep_alive: None,
        }
    }

    /// What a server asks of strangers: the first byte within 10 s, never 60 s of silence, 1 KiB/s over 30 s; a keep-alive
    /// every 5 s, which is git's figure (`uploadpack.keepAlive`).
    #[must_use]
    pub fn server() -> Self {
        Self {
            first_byte: Some(Duration::from_secs(10)),
            idle: Some(Duration::from_secs(60)),
            window_bytes_min: 30 << 10,
            keep_alive: Some(Duration::from_secs(5)),
            ..Self::none()
        }
    }

    /// What a client bears from a server: five minutes of silence, for servers that prepare a large pack and send no
    /// keep-alive.
    #[must_use]
    pub fn client() -> Self {
        Self { idle: Some(Duration::from_secs(300)), ..Self::none() }
    }
}

/// Which rule of [`Deadlines`] a peer broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deadline {
    /// [`Deadlines::first_byte`].
    FirstByte,
    /// [`Deadlines::idle`].
    Idle,
    /// [`Deadlines::window_bytes_min`].
    Rate,
    /// [`Deadlines::total`].
    Total,
}

impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FirstByte => "sent nothing",
            Self::Idle => "was silent for too long",
            Self::Rate => "is too slow",
            Self::Total => "took too long",
        })
    }
}

/// What the clock asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    KeepAlive,
}

/// Follows one conversation. Is told the time; reads no clock.
#[derive(Debug)]
pub(crate) struct Watch {
    rules: Deadlines,
    started: Option<Instant>,
    heard: bool,
    sent: Option<Instant>,
    wait: Option<Wait>,
}

/// One stretch of waiting, from when the application gave the turn away until it gets it back.
#[derive(Debug)]
struct Wait {
    moved: Instant,
    window: Instant,
    /// Bytes of this window.
    read: u64,
    written: u64,
}

impl Watch {
    pub(crate) fn new(rules: Deadlines) -> Self {
        Self { rules, started: None, heard: false, sent: None, wait: None }
    }

    /// The driver begins to wait, or goes on waiting.
    pub(crate) fn wait(&mut self, now: Instant) {
        self.started.get_or_insert(now);
        self.sent.get_or_insert(now);
        self.wait.get_or_insert(Wait { moved: now, window: now, read: 0, written: 0 });
    }

    /// The application has the turn.
    pub(crate) fn rest(&mut self) {
        self.wait = None;
    }

    pub(crate) fn read(&mut self, bytes: usize, now: Instant) {
        self.heard |= bytes > 0;
        if let Some(wait) = &mut self.wait {
            (wait.moved, wait.read) = (now, wait.read.saturating_add(bytes as u64));
        }
    }

    pub(crate) fn written(&mut self, bytes: usize, now: Instant) {
        self.sent = Some(now);
        if let Some(wait) = &mut self.wait {
            (wait.moved, wait.written) = (now, wait.written.saturating_add(bytes as u64));
        }
    }

    /// The next time at which [`Self::check`] has something to say.
    pub(crate) fn due(&self) -> Option<Instant> {
        let first = self.started.filter(|_| !self.heard).zip(self.rules.first_byte);
        let total = self.started.zip(self.rules.total);
        let idle = self.wait.as_ref().map(|wait| wait.moved).zip(self.rules.idle);
        let rate = self
            .wait
            .as_ref()
            .filter(|_| self.rules.window_bytes_min > 0)
            .map(|wait| (wait.window, self.rules.rate_window));
        [first, total, idle, rate, self.sent.zip(self.rules.keep_alive)]
            .into_iter()
            .flatten()
            .filter_map(|(from, after)| from.checked_add(after))
            .min()
    }

    /// Says whether the peer may go on, and whether a keep-alive is due (once; then again an interval later). `output` is what
    /// waits to be taken.
    pub(crate) fn check(&mut self, now: Instant, output: usize) -> Result<Due, TransportError> {
        let since = |from: Instant| now.saturating_duration_since(from);
        let over = |deadline, after| Err(TransportError::Deadline { deadline, after });
        if let (Some(started), Some(after)) = (self.started.filter(|_| !self.heard), self.rules.first_byte)
            && since(started) >= after
        {
            return over(Deadline::FirstByte, after);
        }
        if let (Some(started), Some(after)) = (self.started, self.rules.total)
            && since(started) >= after
        {
            return over(Deadline::Total, after);
        }
        if let Some(wait) = &mut self.wait {
            if let Some(after) = self.rules.idle
                && since(wait.moved) >= after
            {
                return over(Deadline::Idle, after);
            }
            if self.rules.window_bytes_min > 0 && since(wait.window) >= self.rules.rate_window {
                let bytes = if output > 0 { wait.written } else { wait.read };
                // Silence is the idle rule's business: a peer that thinks is not a peer that trickles.
                if bytes > 0 && bytes < self.rules.window_bytes_min {
                    return over(Deadline::Rate, self.rules.rate_window);
                }
                (wait.window, wait.read, wait.written) = (now, 0, 0);
            }
        }
        if let (Some(sent), Some(after)) = (self.sent, self.rules.keep_alive)
            && since(sent) >= after
        {
            self.sent = Some(now);
            return Ok(Due::KeepAlive);
        }
        Ok(Due::Nothing)
    }
}

#[cfg(test)]
mod tests;
