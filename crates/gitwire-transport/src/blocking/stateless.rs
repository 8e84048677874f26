//! The driver for conversations of requests.

use std::fmt;

use bytes::BytesMut;
use gitwire_protocol::{Machine, Next};

use super::append;
use super::requests::{Found, Requests};
use crate::deadlines::Watch;
use crate::exchange::Exchange;
use crate::{Deadlines, DriveError, Exchanges, Limits, Moved, TransportError, clock};

/// Steps a [`Machine`] in stateless mode over [`Exchanges`].
///
/// What the machine says up to [`Next::Turn`] is one request. Up to [`Limits::request_buffer_max`] bytes it is sent whole, with a
/// length, and can be sent again; beyond that it is streamed while it is made. Answers are streamed into the machine. A thread does
/// the sending and reading, so that [`Deadlines`] hold whatever the library below does.
///
/// ```
/// use std::io::{Cursor, Read};
///
/// use gitwire_protocol::{FetchClient, FetchClientOptions, FetchEvent, LsRefsRequest, Mode};
/// use gitwire_transport::blocking::StatelessDriver;
/// use gitwire_transport::{Deadlines, Exchanges, Moved, RequestBody, TransportError};
///
/// /// Answers what it always answers.
/// struct Canned;
///
/// impl Exchanges for Canned {
///     fn advertise(&mut self) -> Result<Box<dyn Read + '_>, TransportError> {
///         Ok(Box::new(Cursor::new("000eversion 2\n0017object-format=sha1\n000cls-refs\n0000")))
///     }
///     fn post(&mut self, _: RequestBody) -> Result<Box<dyn Read + '_>, TransportError> {
///         Ok(Box::new(Cursor::new("003d74730d410fcb6603ace96f1dc55ea6196122532d refs/heads/main\n0000")))
///     }
/// }
///
/// let mut options = FetchClientOptions::default();
/// options.mode = Mode::Stateless;
/// let mut driver = StatelessDriver::new(FetchClient::new(options), Box::new(Canned), Deadlines::client());
/// let mut names = Vec::new();
/// loop {
///     match driver.next()? {
///         Moved::Event(FetchEvent::Refs(block)) => names.extend(block.iter().map(|shown| shown.name.to_vec())),
///         Moved::Answer if names.is_empty() => {
///             driver.with(|machine, output| machine.list_refs(LsRefsRequest::everything(), output))?;
///         }
///         Moved::Answer => driver.with(|machine, output| machine.finish(output))?,
///         Moved::Event(_) => {}
///         Moved::Done => break,
///     }
/// }
/// assert_eq!(names, [b"refs/heads/main"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct StatelessDriver<M> {
    exchange: Exchange<M>,
    watch: Watch,
    requests: Requests,
    /// A request is open and is made while it is sent.
    streaming: bool,
    /// The last answer has ended.
    ended: bool,
}

impl<M: Machine> StatelessDriver<M>
where
    M::Error: 'static,
{
    /// A driver for `machine`, with the default [`Limits`].
    #[must_use]
    pub fn new(machine: M, exchanges: Box<dyn Exchanges>, deadlines: Deadlines) -> Self {
        Self::with_limits(machine, exchanges, deadlines, Limits::default())
    }

    /// A driver with other limits.
    #[must_use]
    pub fn with_limits(
        machine: M,
        exchanges: Box<dyn Exchanges>,
        deadlines: Deadlines,
        limits: Limits,
    ) -> Self {
        let requests = Requests::start(exchanges, limits.input_max);
        requests.advertise();
        let (exchange, watch) = (Exchange::new(machine, limits), Watch::new(deadlines));
        Self { exchange, watch, requests, streaming: false, ended: false }
    }

    /// Moves bytes until something happens, as [`Driver::next`](super::Driver::next) does.
    ///
    /// # Errors
    /// What the machine says of its peer, an exchange that fails, a deadline, a limit.
    #[allow(
        clippy::should_implement_trait,
        reason = "it ends with a last value, and commands come between the calls"
    )]
    pub fn next(&mut self) -> Result<Moved<M::Event>, DriveError<M::Error>> {
        self.take_input()?;
        loop {
            let Exchange { machine, input, output, .. } = &mut self.exchange;
            match machine.step(input, output).map_err(DriveError::Machine)? {
                Next::Event(event) => {
                    self.pass_on()?;
                    self.watch.rest();
                    return Ok(Moved::Event(event));
                }
                Next::Turn => self.end_request()?,
                Next::Read => self.read()?,
                Next::Answer => {
                    self.pass_on()?;
                    let waiting = if self.streaming { self.requests.waiting() } else { 0 };
                    if waiting <= self.exchange.limits.answer_output_max {
                        self.watch.rest();
                        return Ok(Moved::Answer);
                    }
                    self.io(Some(waiting))?;
                }
                Next::Done => return Ok(Moved::Done),
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

    /// Ends the conversation, gives up a request that is not whole, and gives back the machine.
    pub fn close(mut self) -> M {
        self.requests.hang_up();
        self.exchange.machine
    }

    /// Begins to stream a request that has grown too large, and hands on more of one that is streamed.
    fn pass_on(&mut self) -> Result<(), DriveError<M::Error>> {
        if !self.streaming && self.exchange.output.len() > self.exchange.limits.request_buffer_max {
            self.end_answer()?;
            self.requests.open();
            (self.streaming, self.ended) = (true, false);
        }
        if self.streaming && !self.exchange.output.is_empty() {
            self.requests.give(self.exchange.output.split());
        }
        Ok(())
    }

    /// The output is the end of a request.
    fn end_request(&mut self) -> Result<(), DriveError<M::Error>> {
        self.pass_on()?;
        if self.streaming {
            self.requests.end();
            self.streaming = false;
        } else if !self.exchange.output.is_empty() {
            self.end_answer()?;
            self.requests.post(self.exchange.output.split().freeze());
            self.ended = false;
        }
        Ok(())
    }

    /// Before the next request the last answer has to be over, and understood to its end.
    fn end_answer(&mut self) -> Result<(), DriveError<M::Error>> {
        while !self.ended && self.exchange.input.is_empty() {
            self.io(None)?;
        }
        if self.exchange.input.is_empty() {
            return Ok(());
        }
        Err(TransportError::Limit { what: "bytes after the end of an answer", max: 0 }.into())
    }

    fn read(&mut self) -> Result<(), DriveError<M::Error>> {
        if self.exchange.ended() {
            let text = "the machine reads on after the end of its input";
            return Err(TransportError::Internal(text).into());
        }
        if !self.exchange.output.is_empty() && !self.streaming {
            return Err(TransportError::Internal("the machine reads before its request is whole").into());
        }
        if self.ended {
            self.exchange.end_of_input();
            return Ok(());
        }
        if self.exchange.input.len() >= self.exchange.limits.input_max {
            let max = self.exchange.limits.input_max as u64;
            return Err(TransportError::Limit { what: "bytes sent out of turn by the peer", max }.into());
        }
        self.pass_on()?;
        self.io(None)
    }

    /// Waits for some of the answer, or for less than `waiting` of the request.
    fn io(&mut self, waiting: Option<usize>) -> Result<(), DriveError<M::Error>> {
        let before = self.requests.waiting();
        self.watch.wait(clock::now());
        let found = self.requests.wait(waiting, self.watch.due());
        if let Found::Moved = found {
            self.watch.written(before.saturating_sub(self.requests.waiting()), clock::now());
        }
        self.take(found)?;
        self.watch.check(clock::now(), self.requests.waiting())?;
        Ok(())
    }

    fn take(&mut self, found: Found) -> Result<(), TransportError> {
        match found {
            Found::Read(bytes) => {
                self.watch.read(bytes.len(), clock::now());
                append(&mut self.exchange.input, bytes);
            }
            Found::Ended(result) => {
                result?;
                self.ended = true;
                if self.streaming {
                    // It has said all that it will ever say, and listens no more.
                    self.streaming = false;
                    self.exchange.output.clear();
                    self.exchange.end_of_input();
                }
            }
            Found::Moved | Found::Late => {}
        }
        Ok(())
    }

    /// Takes what has come without waiting for more. A request that nobody wants any more is not made to its end.
    fn take_input(&mut self) -> Result<(), TransportError> {
        if self.exchange.input.len() < self.exchange.limits.input_max
            && !self.ended
            && let Some(found) = self.requests.poll()
        {
            self.take(found)?;
        }
        Ok(())
    }
}

impl<M: fmt::Debug> fmt::Debug for StatelessDriver<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatelessDriver")
            .field("exchange", &self.exchange)
            .field("watch", &self.watch)
            .field("streaming", &self.streaming)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
