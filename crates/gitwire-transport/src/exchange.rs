//! What both drivers do between two pieces of I/O: step the machine and say what is needed.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

use std::time::Duration;

use bytes::BytesMut;
use gitwire_protocol::{Machine, Next};

use crate::TransportError;

/// What a driver's `next` returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moved<E> {
    /// Something for the application.
    Event(E),
    /// The application owes the machine a command or an answer.
    Answer,
    /// The conversation is over and everything has been sent. Close the driver.
    Done,
}

/// The most that a driver holds for one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of output that may still wait when the application is asked for an answer. 64 KiB: one longest pkt-line, so that
    /// the next frame is made while the last one travels.
    pub answer_output_max: usize,
    /// Bytes of input that the machine has not taken. 1 MiB: what fits between two well-behaved ends that both write before
    /// they read; a peer that sends more without reading would block both for ever.
    pub input_max: usize,
    /// Bytes of a request that are gathered before it is sent; a longer one is streamed, and cannot be sent again. 1 MiB: git's
    /// `http.postBuffer`.
    pub request_buffer_max: usize,
    /// Bytes that are read and dropped after the end, so that the peer still gets our last words. 1 MiB: more is not worth it.
    pub linger_bytes: u64,
    /// How long closing may take. 1 s: a round trip around the world and some patience.
    pub linger: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            answer_output_max: 64 << 10,
            input_max: 1 << 20,
            request_buffer_max: 1 << 20,
            linger_bytes: 1 << 20,
            linger: Duration::from_secs(1),
        }
    }
}

/// A machine with its two buffers. Knows nothing of streams.
#[derive(Debug)]
pub(crate) struct Exchange<M> {
    pub(crate) machine: M,
    pub(crate) input: BytesMut,
    pub(crate) output: BytesMut,
    pub(crate) limits: Limits,
    ended: bool,
}

/// What must happen next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Want<E> {
    Event(E),
    Answer,
    Done,
    /// Send the output, and read if `read`; come back once any of it moved.
    Io {
        read: bool,
    },
}

/// Why [`Exchange::want`] cannot go on.
#[derive(Debug)]
pub(crate) enum Stuck<E> {
    Machine(E),
    Transport(TransportError),
}

impl<M: Machine> Exchange<M> {
    pub(crate) fn new(machine: M, limits: Limits) -> Self {
        Self { machine, input: BytesMut::new(), output: BytesMut::new(), limits, ended: false }
    }

    /// Steps until something must happen outside. `waiting` counts output that the driver has taken but not sent.
    pub(crate) fn want(&mut self, waiting: usize) -> Result<Want<M::Event>, Stuck<M::Error>> {
        loop {
            return match self.machine.step(&mut self.input, &mut self.output).map_err(Stuck::Machine)? {
                Next::Event(event) => Ok(Want::Event(event)),
                // A duplex stream needs no marks: the output is sent before anything is waited for.
                Next::Turn => continue,
                Next::Read if self.ended => Err(Stuck::Transport(TransportError::Internal(
                    "the machine reads on after the end of its input",
                ))),
                Next::Read => self.read(),
                Next::Answer
                    if self.output.len().saturating_add(waiting) <= self.limits.answer_output_max =>
                {
                    Ok(Want::Answer)
                }
                Next::Answer if self.ended => Ok(Want::Io { read: false }),
                Next::Answer => self.read(),
                Next::Done => Ok(Want::Done),
            };
        }
    }

    /// The peer has closed its side.
    pub(crate) fn end_of_input(&mut self) {
        if !self.ended {
            self.ended = true;
            self.machine.end_of_input();
        }
    }

    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    fn read(&self) -> Result<Want<M::Event>, Stuck<M::Error>> {
        if self.input.len() >= self.limits.input_max {
            let max = self.limits.input_max as u64;
            return Err(Stuck::Transport(TransportError::Limit {
                what: "bytes sent out of turn by the peer",
                max,
            }));
        }
        Ok(Want::Io { read: true })
    }
}
