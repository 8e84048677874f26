//! The driver for tokio.
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::expect_used)]

mod connect;
mod stream;

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::{Buf, BytesMut};
use gitwire_protocol::Machine;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::time::{sleep_until, timeout_at};

#[cfg(all(feature = "http", feature = "ws"))]
pub(crate) use self::connect::dial;
pub use self::connect::{connect, spawn};
pub use self::stream::Stream;
use crate::deadlines::{Due, Watch};
use crate::exchange::{Exchange, Stuck, Want};
use crate::{Deadlines, DriveError, Limits, Moved, TransportError};

/// Steps a [`Machine`] over any asynchronous stream. Reads and writes at once, so that neither end can block the other.
///
/// [`Self::next`] may be dropped at any await and called again; nothing is lost.
#[derive(Debug)]
pub struct Driver<M, S> {
    exchange: Exchange<M>,
    watch: Watch,
    stream: S,
    /// Written bytes may still wait in the stream itself.
    unflushed: bool,
    /// The peer takes nothing any more. What it said before is still heard.
    deaf: Option<TransportError>,
}

impl<M: Machine, S: AsyncRead + AsyncWrite + Unpin> Driver<M, S>
where
    M::Error: 'static,
{
    /// A driver for `machine` over `stream`, with the default [`Limits`].
    #[must_use]
    pub fn new(machine: M, stream: S, deadlines: Deadlines) -> Self {
        Self::with_limits(machine, stream, deadlines, Limits::default())
    }

    /// A driver with other limits.
    #[must_use]
    pub fn with_limits(machine: M, stream: S, deadlines: Deadlines, limits: Limits) -> Self {
        let exchange = Exchange::new(machine, limits);
        Self { exchange, watch: Watch::new(deadlines), stream, unflushed: false, deaf: None }
    }

    /// A driver for a stream of which the first bytes, `input`, have been read already.
    #[must_use]
    pub fn with_input(mut self, input: BytesMut) -> Self {
        self.exchange.input = input;
        self
    }

    /// Moves bytes until something happens. Events come while output still waits; [`Moved::Answer`] comes when little output
    /// waits, which is the back-pressure; [`Moved::Done`] comes when all of it has been sent.
    ///
    /// # Errors
    /// What the machine says of its peer, a stream that fails, a deadline, a limit. What the machine still had to say (an
    /// `ERR` line) has been sent then, as far as the peer took it.
    pub async fn next(&mut self) -> Result<Moved<M::Event>, DriveError<M::Error>> {
        loop {
            match self.exchange.want(0) {
                Ok(Want::Event(event)) => {
                    self.write_some().await;
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
                    self.send_all().await?;
                    return Ok(Moved::Done);
                }
                Ok(Want::Io { read }) => self.io(read).await?,
                Err(Stuck::Machine(error)) => {
                    self.last_words().await;
                    return Err(DriveError::Machine(error));
                }
                Err(Stuck::Transport(error)) => {
                    self.last_words().await;
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

    /// Waits for `work` of the application. What waits is sent meanwhile, with keep-alives when they are due.
    ///
    /// # Errors
    /// The peer takes nothing any more, or a deadline has passed: the work is in vain and was dropped.
    pub async fn during<F: Future>(&mut self, work: F) -> Result<F::Output, TransportError> {
        let mut work = pin!(work);
        self.watch.wait(now());
        let result = loop {
            let due = self.watch.due();
            let timer = pin!(until(due));
            let mut timer = Some(timer);
            let step = poll_fn(|context| {
                if let Poll::Ready(output) = work.as_mut().poll(context) {
                    return Poll::Ready(Step::Worked(output));
                }
                if let Poll::Ready(written) = self.poll_send(context) {
                    return Poll::Ready(Step::Wrote(written));
                }
                let late = timer.as_mut().is_some_and(|timer| timer.as_mut().poll(context).is_ready());
                if late { Poll::Ready(Step::Late) } else { Poll::Pending }
            })
            .await;
            match step {
                Step::Worked(output) => break Ok(output),
                Step::Wrote(Ok(written)) => self.watch.written(written, now()),
                Step::Wrote(Err(error)) => break Err(TransportError::Write(error)),
                Step::Late => {}
            }
            if let Err(error) = self.keep_time() {
                break Err(error);
            }
            if self.exchange.output.is_empty() {
                // Silence is ours as long as we work and the peer has taken everything.
                self.watch.rest();
                self.watch.wait(now());
            }
        };
        self.watch.rest();
        result
    }

    /// Ends the conversation from our side: the machine says its last words, which are sent.
    pub async fn abort(&mut self, reason: &[u8]) {
        self.exchange.machine.abort(reason, &mut self.exchange.output);
        self.last_words().await;
    }

    /// Closes so that the peer gets all that was sent: shuts down the write side, then reads and drops until the end, for at
    /// most [`Limits::linger`] and [`Limits::linger_bytes`]. Gives back the machine.
    pub async fn close(mut self) -> M {
        let end = now().checked_add(self.exchange.limits.linger).unwrap_or_else(now);
        // Whatever fails here, the connection ends, which is what is wanted.
        let _ = timeout_at(end.into(), self.shut_down()).await;
        self.exchange.machine
    }

    async fn shut_down(&mut self) -> io::Result<()> {
        poll_fn(|context| Pin::new(&mut self.stream).poll_shutdown(context)).await?;
        let mut dropped = 0_u64;
        while !self.exchange.ended() && dropped <= self.exchange.limits.linger_bytes {
            self.exchange.input.clear();
            let read = poll_fn(|context| self.poll_read(context)).await?;
            if read == 0 {
                break;
            }
            dropped = dropped.saturating_add(read as u64);
        }
        Ok(())
    }

    /// Waits for one piece of I/O.
    async fn io(&mut self, read: bool) -> Result<(), DriveError<M::Error>> {
        self.watch.wait(now());
        let due = self.watch.due();
        let moved = {
            let io = poll_fn(|context| self.poll_io(context, read));
            match due {
                Some(due) => timeout_at(due.into(), io).await.ok(),
                None => Some(io.await),
            }
        };
        match moved {
            Some(Io::Read(Ok(0))) => self.exchange.end_of_input(),
            Some(Io::Read(Ok(bytes))) => self.watch.read(bytes, now()),
            Some(Io::Read(Err(error))) => {
                // A peer that has gone resets the connection; that it does not listen is what we noticed first.
                return Err(self.deaf.take().unwrap_or(TransportError::Read(error)).into());
            }
            Some(Io::Written(Ok(bytes))) => self.watch.written(bytes, now()),
            Some(Io::Written(Err(error))) => {
                self.exchange.output.clear();
                self.unflushed = false;
                if self.exchange.ended() || !read {
                    return Err(TransportError::Write(error).into());
                }
                self.deaf = Some(TransportError::Write(error));
            }
            None => {}
        }
        self.keep_time()?;
        Ok(())
    }

    fn poll_io(&mut self, context: &mut Context<'_>, read: bool) -> Poll<Io> {
        // Reading first: what the peer has said may make the rest of our output pointless.
        if read && let Poll::Ready(read) = self.poll_read(context) {
            return Poll::Ready(Io::Read(read));
        }
        self.poll_send(context).map(Io::Written)
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.exchange.input.reserve(READ_ROOM);
        pin!(self.stream.read_buf(&mut self.exchange.input)).poll(context)
    }

    /// Writes what it can; pending as well when there is nothing to write.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.deaf.is_some() {
            self.exchange.output.clear();
            return Poll::Pending;
        }
        if !self.exchange.output.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, &self.exchange.output))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.exchange.output.advance(written);
            self.unflushed = true;
            return Poll::Ready(Ok(written));
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(context))?;
            self.unflushed = false;
            return Poll::Ready(Ok(0));
        }
        Poll::Pending
    }

    /// Lets output travel while the application deals with an event. Does not wait.
    async fn write_some(&mut self) {
        poll_fn(|context| {
            while let Poll::Ready(written) = self.poll_send(context) {
                match written {
                    Ok(written) => self.watch.written(written, now()),
                    Err(error) => {
                        self.exchange.output.clear();
                        self.deaf = Some(TransportError::Write(error));
                    }
                }
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Sends everything, under the deadlines.
    async fn send_all(&mut self) -> Result<(), DriveError<M::Error>> {
        while (!self.exchange.output.is_empty() || self.unflushed) && self.deaf.is_none() {
            // The peer may block on us while we block on it; what it still says is of no use to a machine that is done.
            self.io(!self.exchange.ended()).await?;
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
    async fn last_words(&mut self) {
        let end = now().checked_add(self.exchange.limits.linger).unwrap_or_else(now);
        let send = poll_fn(|context| {
            while !self.exchange.output.is_empty() || self.unflushed {
                if self.deaf.is_some() || ready!(self.poll_send(context)).is_err() {
                    break;
                }
            }
            Poll::Ready(())
        });
        // A peer that does not take them does not get them.
        let _ = timeout_at(end.into(), send).await;
    }

    fn keep_time(&mut self) -> Result<(), TransportError> {
        let output = self.exchange.output.len();
        if self.watch.check(now(), output)? == Due::KeepAlive && output == 0 {
            self.exchange.machine.keep_alive(&mut self.exchange.output);
        }
        Ok(())
    }
}

enum Step<T> {
    Worked(T),
    Wrote(io::Result<usize>),
    Late,
}

enum Io {
    Read(io::Result<usize>),
    Written(io::Result<usize>),
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

/// Tokio's time, which its tests can hold still.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Room for one read. 64 KiB: one longest pkt-line; what a socket buffer holds by default is not much more.
const READ_ROOM: usize = 64 << 10;
