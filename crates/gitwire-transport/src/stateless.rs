//! Conversations without a lasting stream: requests, each with its answer.

use std::fmt;
use std::io::Read;

use bytes::Bytes;

use crate::TransportError;
use crate::blocking::BodyReader;

/// Carries the requests of one conversation with one service of one repository: smart HTTP, or whatever stands in for it.
///
/// It knows where to and in whose name; [`blocking::StatelessDriver`](crate::blocking::StatelessDriver) knows when. One request is
/// under way at a time.
pub trait Exchanges: Send {
    /// Asks for what the service shows by itself, and gives the answer to be read to its end.
    ///
    /// # Errors
    /// The server is not reached, refuses, or does not answer as the service would.
    fn advertise(&mut self) -> Result<Box<dyn Read + '_>, TransportError>;

    /// Sends a request, and gives the answer to be read to its end. It may come before the request has been taken whole; nobody
    /// takes the rest then.
    ///
    /// # Errors
    /// As [`advertise`](Self::advertise); the request is given up by its maker.
    fn post(&mut self, request: RequestBody) -> Result<Box<dyn Read + '_>, TransportError>;

    /// What ends a blocked call from another thread, where there is such a thing.
    fn hang_up(&self) -> Option<Box<dyn FnOnce() + Send>> {
        None
    }
}

impl fmt::Debug for dyn Exchanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchanges").finish_non_exhaustive()
    }
}

/// What a request says.
#[derive(Debug)]
pub enum RequestBody {
    /// All of it: its length is known, and it may be sent again.
    Whole(Bytes),
    /// More than is held in memory: it is made while it is sent, once, and nobody knows how long it will be.
    Streamed(BodyReader),
}
