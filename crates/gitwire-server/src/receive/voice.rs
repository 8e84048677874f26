//! What the work on a push has to say, on its way to the client.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use gitwire_protocol::PushReport;
use gitwire_types::{Interrupt, Interrupted};

use crate::ServeError;

/// What is told of the work on a push, in this order.
#[derive(Debug)]
pub(super) enum Told {
    /// Words of hooks and checks.
    Said(BytesMut),
    /// What came of the commands.
    Report(PushReport),
    /// The work cannot go on.
    Failed(ServeError),
    /// Nothing more comes.
    Over,
}

/// Between the thread that works on a push and the one that talks to the client.
///
/// The hooks' words wait here until the client has room for them, and hooks wait until there is room here. It is also what tells hooks to
/// stop: when their time is over, or when nobody waits for them any more.
#[derive(Debug, Default)]
pub(super) struct Voice {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    told: VecDeque<Told>,
    /// Bytes of words in it.
    waiting: usize,
    /// Nobody waits for the push any more.
    cancelled: bool,
    /// Refs have changed: what follows is done to its end.
    committed: bool,
    /// When the hook that runs has had its time.
    ends: Option<Instant>,
}

impl Voice {
    /// Says something, and waits until the client has taken most of what was said before.
    pub(super) fn say(&self, text: &[u8]) {
        let mut state = self.state();
        while state.waiting >= WAITING_MAX && !state.cancelled && !state.is_late() {
            state = self.changed.wait_timeout(state, STEP).unwrap_or_else(PoisonError::into_inner).0;
        }
        self.put(state, text);
    }

    /// Says something while others wait for our locks, whatever the client does: a flood of it is cut.
    pub(super) fn say_at_once(&self, text: &[u8]) {
        self.put(self.state(), text);
    }

    fn put(&self, mut state: MutexGuard<'_, State>, text: &[u8]) {
        let room = SAID_MAX.saturating_sub(state.waiting);
        let text = text.get(..room).unwrap_or(text);
        state.waiting = state.waiting.saturating_add(text.len());
        match state.told.back_mut() {
            Some(Told::Said(said)) => said.extend_from_slice(text),
            _ => state.told.push_back(Told::Said(BytesMut::from(text))),
        }
        self.changed.notify_all();
    }

    pub(super) fn tell(&self, told: Told) {
        self.state().told.push_back(told);
        self.changed.notify_all();
    }

    /// What has been told, after a while at most.
    pub(super) fn hear(&self) -> VecDeque<Told> {
        let mut state = self.state();
        if state.told.is_empty() {
            state = self.changed.wait_timeout(state, STEP).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.waiting = 0;
        self.changed.notify_all();
        std::mem::take(&mut state.told)
    }

    /// Nobody waits for the push any more: it is given up, if that can still be.
    pub(super) fn cancel(&self) {
        self.state().cancelled = true;
        self.changed.notify_all();
    }

    /// From here on the push is made.
    pub(super) fn commit(&self) {
        self.state().committed = true;
    }

    /// A hook begins, and may take so long.
    #[allow(clippy::disallowed_methods, reason = "the one clock of hooks")]
    pub(super) fn begin(&self, max: Option<Duration>) {
        self.state().ends = max.and_then(|max| Instant::now().checked_add(max));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    #[allow(clippy::disallowed_methods, reason = "the one clock of hooks")]
    fn is_late(&self) -> bool {
        self.ends.is_some_and(|ends| Instant::now() >= ends)
    }
}

impl Interrupt for Voice {
    fn check(&self) -> Result<(), Interrupted> {
        let state = self.state();
        if state.is_late() || (state.cancelled && !state.committed) { Err(Interrupted) } else { Ok(()) }
    }
}

/// Tells that nothing more comes, whatever ends the work.
#[derive(Debug)]
pub(super) struct Ending(pub(super) Arc<Voice>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.tell(Told::Over);
    }
}

/// Words that wait before whoever says more has to wait too: some seconds of a slow client.
const WAITING_MAX: usize = 256 << 10;

/// The most that waits where nobody may be made to wait. 8 MiB: the output of two long builds.
const SAID_MAX: usize = 8 << 20;

/// How long who listens waits for words, before it looks whether it shall stop.
const STEP: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_wait_for_the_client_and_a_flood_under_locks_is_cut() {
        let voice = Arc::new(Voice::default());
        let speaker = Arc::clone(&voice);
        let thread = std::thread::spawn(move || {
            (0..1_000).for_each(|_| speaker.say(&[b'x'; 4096]));
            speaker.say_at_once(&vec![b'y'; 2 * SAID_MAX]);
            drop(Ending(speaker));
        });
        let (mut calm, mut flood, mut most) = (0, 0, 0);
        loop {
            let told = voice.hear();
            for told in &told {
                if let Told::Said(said) = told {
                    most = most.max(said.iter().filter(|byte| **byte == b'x').count());
                    calm += said.iter().filter(|byte| **byte == b'x').count();
                    flood += said.iter().filter(|byte| **byte == b'y').count();
                }
            }
            if told.iter().any(|told| matches!(told, Told::Over)) {
                break;
            }
        }
        thread.join().unwrap();
        assert_eq!(calm, 4096 * 1_000);
        assert!(most <= WAITING_MAX + 4096, "{most} bytes waited");
        assert!((SAID_MAX - WAITING_MAX - 4096..=SAID_MAX).contains(&flood), "{flood}");
    }

    #[test]
    fn hooks_stop_late_or_when_nobody_waits_but_not_behind_the_push() {
        let voice = Voice::default();
        assert!(voice.check().is_ok());
        voice.begin(Some(Duration::ZERO));
        assert!(voice.check().is_err());
        voice.begin(None);
        assert!(voice.check().is_ok());
        voice.cancel();
        assert!(voice.check().is_err());
        voice.commit();
        assert!(voice.check().is_ok());
        voice.begin(Some(Duration::ZERO));
        assert!(voice.check().is_err());
    }
}
