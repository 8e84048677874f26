//! How fast passwords may be tried.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use gitwire_server::access::SignInError;

/// How fast passwords may be tried, all users together.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    /// Hashes that are made at once. 4: of 19 MiB each.
    pub(super) at_once: usize,
    /// Who waits for that. 64: a second of work; more are sent away.
    pub(super) waiting: usize,
    /// How long a failure takes beyond its hash.
    pub(super) delay: Duration,
    /// Failures that are held back at once. 64: each holds a thread; more are sent away.
    pub(super) held: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self { at_once: 4, waiting: 64, delay: Duration::from_millis(500), held: 64 }
    }
}

/// Lets so many attempts pass at once, and holds failures back.
#[derive(Debug)]
pub(super) struct Gate {
    pace: Pace,
    state: Mutex<Counts>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct Counts {
    working: usize,
    waiting: usize,
    held: usize,
}

impl Gate {
    pub(super) fn new(pace: Pace) -> Self {
        Self { pace, state: Mutex::default(), freed: Condvar::new() }
    }

    /// What `verify` says, when it is its turn. A failure is slow.
    pub(super) fn attempt(&self, verify: impl FnOnce() -> bool) -> Result<bool, SignInError> {
        let mut counts = self.counts();
        if counts.working >= self.pace.at_once && counts.waiting >= self.pace.waiting {
            return Err(SignInError::Later);
        }
        counts.waiting += 1;
        counts = self
            .freed
            .wait_while(counts, |counts| counts.working >= self.pace.at_once)
            .unwrap_or_else(PoisonError::into_inner);
        counts.waiting -= 1;
        counts.working += 1;
        drop(counts);
        let turn = Turn(self);
        let right = verify();
        drop(turn);
        if right {
            return Ok(true);
        }
        let mut counts = self.counts();
        if counts.held >= self.pace.held {
            return Err(SignInError::Later);
        }
        counts.held += 1;
        drop(counts);
        thread::sleep(self.pace.delay);
        self.counts().held -= 1;
        Ok(false)
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An attempt that is being made; one that panics is over, too.
struct Turn<'a>(&'a Gate);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.counts().working -= 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn so_many_at_once_and_no_more() {
        let gate = Gate::new(Pace { at_once: 2, waiting: 30, delay: Duration::ZERO, held: 1 });
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..30 {
                scope.spawn(|| {
                    let verify = || {
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        thread::yield_now();
                        now.fetch_sub(1, Ordering::SeqCst);
                        true
                    };
                    assert!(gate.attempt(verify).unwrap());
                });
            }
        });
        assert!(most.into_inner() <= 2);
    }

    #[test]
    fn an_attempt_that_panics_gives_its_turn_back() {
        let gate = Gate::new(Pace { at_once: 1, waiting: 0, delay: Duration::ZERO, held: 1 });
        let panics = || gate.attempt(|| panic!("on purpose"));
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
        assert!(matches!(gate.attempt(|| true), Ok(true)));
    }

    #[test]
    fn one_too_many_is_sent_away() {
        let gate = Gate::new(Pace { at_once: 1, waiting: 0, delay: Duration::ZERO, held: 1 });
        let (begun, end) = (Barrier::new(2), Barrier::new(2));
        thread::scope(|scope| {
            scope.spawn(|| {
                let verify = || {
                    begun.wait();
                    end.wait();
                    true
                };
                gate.attempt(verify)
            });
            begun.wait();
            assert!(matches!(gate.attempt(|| true), Err(SignInError::Later)));
            end.wait();
        });
        assert!(matches!(gate.attempt(|| true), Ok(true)));
        assert!(matches!(gate.attempt(|| false), Ok(false)));
        let gate = Gate::new(Pace { at_once: 1, waiting: 0, delay: Duration::ZERO, held: 0 });
        assert!(matches!(gate.attempt(|| false), Err(SignInError::Later)));
    }
}
