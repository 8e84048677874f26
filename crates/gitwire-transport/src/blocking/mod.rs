//! The driver for programs without an async runtime.
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

mod connect;
mod queue;
mod requests;
mod stateless;
mod streams;
#[cfg(all(feature = "http", feature = "ws"))]
mod websocket;

use std::fmt;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use gitwire_protocol::Machine;

#[cfg(feature = "http")]
pub(crate) use self::connect::dial;
pub use self::connect::{Connection, connect, open, spawn};
use self::queue::{Queue, Threads};
pub use self::requests::BodyReader;
pub use self::stateless::StatelessDriver;
pub use self::streams::{Streams, WriteHalf};
use crate::deadlines::{Due, Watch};
use crate::exchange::{Exchange, Stuck, Want};
use crate::{Deadlines, DriveError, Limits, Moved, TransportError, clock};

/// Steps a [`Machine`] over a pair of blocking streams.
///
/// A thread reads and a thread writes, so that neither end can block the other: both may send as much as they like at the
/// same time. What is read waits in a queue of [`Limits::input_max`] bytes. A read or write that blocks for ever ends by
/// [`Deadlines`], never in a hang.
pub struct Driver<M> {
    exchange: Exchange<M>,
    watch: Watch,
    threads: Threads,
    /// The peer takes nothing any more. What it said before is still heard.
    deaf: Option<TransportError>,
}

impl<M: Machine> Driver<M>
where
    M::Error: 'static,
{
    /// A driver for `machine` over `streams`, with the default [`Limits`].
    #[must_use]
    pub fn new(machine: M, streams: Streams, deadlines: Deadlines) -> Self {
        Self::with_limits(machine, streams, deadlines, Limits::default())
    }

    /// A driver with other limits.
    #[must_use]
    pub fn with_limits(machine: M, streams: Streams, deadlines: Deadlines, limits: Limits) -> Self {
        let threads = Threads::start(streams, limits.input_max);
        Self { exchange: Exchange::new(machine, limits), watch: Watch::new(deadlines), threads, deaf: None }
    }

    /// Moves bytes until something happens. Events come while output still waits; [`Moved::Answer`] comes when little output
    /// waits, which is the back-pressure; [`Moved::Done`] comes when all of it has been sent.
    ///
    /// # Errors
    /// What the machine says of its peer, a stream that fails, a deadline, a limit. What the machine still had to say (an
    /// `ERR` line) has been sent then, as far as the peer took it.
    #[allow(
        clippy::should_implement_trait,
        reason = "it ends with a last value, and commands come between the calls"
    )]
    pub fn next(&mut self) -> Result<Moved<M::Event>, DriveError<M::Error>> {
        self.take_input();
        loop {
            let waiting = self.threads.waiting();
            match self.exchange.want(waiting) {
                Ok(Want::Event(event)) => {
                    self.give_output();
                    self.watch.rest();
                    return Ok(Moved::Event(event));
                }
                Ok(Want::Answer) => {
                    if let Some(error) = self.deaf.take() {
                        return Err(error.into());
                    }
                    self.watch.rest();
                    return Ok(Moved::Answer);
                }
                Ok(Want::Done) => {
                    self.flush()?;
                    return Ok(Moved::Done);
                }
                Ok(Want::Io { read }) => self.io(read, waiting)?,
                Err(Stuck::Machine(error)) => {
                    self.last_words();
                    return Err(DriveError::Machine(error));
                }
                Err(Stuck::Transport(error)) => {
                    self.last_words();
                    return Err(error.into());
                }
            }
        }
    }

    /// Gives a command or an answer to the machine, which appends to its output.
    pub fn with<R>(&mut self, command: impl FnOnce(&mut M, &mut BytesMut) -> R) -> R {
        command(&mut self.exchange.machine, &mut self.exchange.output)
    }

    /// The machine, to ask it what it knows.
    pub fn machine(&self) -> &M {
        &self.exchange.machine
    }

    /// Between two pieces of long work: sends what waits, and a keep-alive when one is due.
    ///
    /// # Errors
    /// The peer takes nothing any more, or a deadline has passed: the work is in vain.
    pub fn tick(&mut self) -> Result<(), TransportError> {
        self.give_output();
        if self.threads.waiting() == 0 {
            self.watch.rest();
        }
        self.watch.wait(clock::now());
        let waiting = self.threads.waiting();
        if self.watch.check(clock::now(), waiting)? == Due::KeepAlive && waiting == 0 {
            self.exchange.machine.keep_alive(&mut self.exchange.output);
            self.give_output();
        }
        self.watch.rest();
        match self.threads.write_error() {
            Some(error) => Err(TransportError::Write(error)),
            None => Ok(()),
        }
    }

    /// Ends the conversation from our side: the machine says its last words, which are sent.
    pub fn abort(&mut self, reason: &[u8]) {
        self.exchange.machine.abort(reason, &mut self.exchange.output);
        self.last_words();
    }

    /// Closes so that the peer gets all that was sent: shuts down the write side, then reads and drops until the end, for at
    /// most [`Limits::linger`] and [`Limits::linger_bytes`]. Gives back the machine.
    pub fn close(mut self) -> M {
        let linger = self.exchange.limits.linger;
        self.give_output();
        self.threads.shut_down_write();
        let until = clock::now().checked_add(linger);
        let mut dropped = self.exchange.input.len() as u64;
        while dropped <= self.exchange.limits.linger_bytes && until.is_none_or(|until| clock::now() < until) {
            let queue = self.threads.wait(true, None, until);
            match queue {
                Queue::Read(bytes) => dropped = dropped.saturating_add(bytes.len() as u64),
                Queue::Ended(_) => break,
                Queue::Moved | Queue::Late => {}
            }
        }
        self.threads.hang_up();
        self.exchange.machine
    }

    /// Waits for one piece of I/O, or for less output to wait than the `waiting` that the caller has seen.
    fn io(&mut self, read: bool, waiting: usize) -> Result<(), DriveError<M::Error>> {
        let waiting = waiting.saturating_add(self.exchange.output.len());
        self.give_output();
        if self.exchange.machine.has_said_all() {
            self.threads.end_output();
        }
        self.watch.wait(clock::now());
        match self.threads.wait(read, Some(waiting), self.watch.due()) {
            Queue::Read(bytes) => {
                self.watch.read(bytes.len(), clock::now());
                append(&mut self.exchange.input, bytes);
            }
            Queue::Ended(Ok(())) => self.exchange.end_of_input(),
            Queue::Ended(Err(error)) => {
                // A peer that has gone resets the connection; that it does not listen is what we noticed first.
                return Err(self.deaf.take().unwrap_or(TransportError::Read(error)).into());
            }
            Queue::Moved => match self.threads.write_error() {
                Some(error) if self.exchange.ended() => return Err(TransportError::Write(error).into()),
                Some(error) => self.deaf = Some(TransportError::Write(error)),
                None => self.watch.written(waiting.saturating_sub(self.threads.waiting()), clock::now()),
            },
            Queue::Late => {}
        }
        if self.watch.check(clock::now(), self.threads.waiting())? == Due::KeepAlive {
            self.exchange.machine.keep_alive(&mut self.exchange.output);
        }
        Ok(())
    }

    /// Takes what has come without waiting for more.
    fn take_input(&mut self) {
        if self.exchange.input.len() < self.exchange.limits.input_max
            && let Some(bytes) = self.threads.take()
        {
            append(&mut self.exchange.input, bytes);
        }
    }

    /// Hands the output to the writing thread.
    fn give_output(&mut self) {
        if !self.exchange.output.is_empty() {
            self.threads.give(self.exchange.output.split());
        }
    }

    /// Sends everything, under the deadlines.
    fn flush(&mut self) -> Result<(), DriveError<M::Error>> {
        self.give_output();
        while self.deaf.is_none() {
            let waiting = self.threads.waiting();
            if waiting == 0 {
                break;
            }
            // The peer may block on us while we block on it; what it still says is of no use to a machine that is done.
            self.io(!self.exchange.ended(), waiting)?;
            let max = self.exchange.limits.linger_bytes;
            if self.exchange.input.len() as u64 > max {
                return Err(
                    TransportError::Limit { what: "bytes sent after the end by the peer", max }.into()
                );
            }
        }
        self.deaf.take().map_or(Ok(()), |error| Err(error.into()))
    }

    /// Sends what can be sent within [`Limits::linger`]; the conversation has failed already.
    fn last_words(&mut self) {
        self.give_output();
        let until = clock::now().checked_add(self.exchange.limits.linger);
        loop {
            let waiting = self.threads.waiting();
            if waiting == 0 || matches!(self.threads.wait(false, Some(waiting), until), Queue::Late) {
                break;
            }
        }
    }
}

impl<M: fmt::Debug> fmt::Debug for Driver<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("exchange", &self.exchange)
            .field("watch", &self.watch)
            .finish_non_exhaustive()
    }
}

fn append(input: &mut BytesMut, bytes: BytesMut) {
    if input.is_empty() {
        *input = bytes;
    } else {
        input.extend_from_slice(&bytes);
    }
}

/// How long [`Threads::wait`](queue::Threads::wait) sleeps until `until`.
fn patience(until: Option<Instant>) -> Option<Duration> {
    until.map(|until| until.saturating_duration_since(clock::now()))
}
