//! What every machine is to the driver that steps it.

use bytes::BytesMut;

/// One side of one conversation: bytes in, bytes and events out. No I/O, no clock, no threads.
///
/// The machine takes what it can use from the front of `input` and appends whole frames to `output`. Commands and answers
/// of the application are plain methods of each machine that append to the same `output`; out of turn they return a
/// misuse error and write nothing.
pub trait Machine {
    /// What the application gets to hear.
    type Event;
    /// What ends the conversation early. Sticky: once returned, `step` returns it again.
    type Error: core::error::Error;

    /// Takes what it can use from the front of `input`, appends what the peer must get to `output`, says what is needed
    /// next. Stops after the first event. Looks at `input` before it says [`Next::Answer`], so that the peer is heard
    /// while the application has the turn.
    ///
    /// # Errors
    /// What the peer did wrong, what it reported, or which limit was hit. Send `output` all the same, then close.
    fn step(&mut self, input: &mut BytesMut, output: &mut BytesMut)
    -> Result<Next<Self::Event>, Self::Error>;

    /// No more will come. Step on: the last event, [`Next::Done`] or the error comes from `step`; [`Next::Read`] never follows.
    fn end_of_input(&mut self);

    /// Drivers own the clock: called when nothing was sent for a while. `false` where the protocol allows nothing here.
    fn keep_alive(&mut self, output: &mut BytesMut) -> bool;

    /// Whether nothing of ours will follow. A driver whose stream has two ends, as a pair of pipes, then closes the one that it writes to:
    /// there are servers that read a pack up to the end of their input. A connection whose sides end together stays open.
    fn has_said_all(&self) -> bool {
        false
    }

    /// We end it (cancel, deadline, shutdown, failed producer): an `ERR` line, band 3 or nothing, by state; then [`Next::Done`].
    fn abort(&mut self, reason: &[u8], output: &mut BytesMut);
}

/// What a machine needs before it can go on.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next<E> {
    /// Something for the application; step again once it is dealt with.
    Event(E),
    /// More bytes from the peer.
    Read,
    /// `output` now ends a request: a duplex driver flushes, HTTP ends the body, WebSocket sends a message.
    Turn,
    /// The application owes a command or an answer.
    Answer,
    /// The conversation is over.
    Done,
}
