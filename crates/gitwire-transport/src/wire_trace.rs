//! For whoever wants to see what is said to servers, whatever carries it.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;

use crate::blocking::{Streams, WriteHalf};
use crate::{Exchanges, RequestBody, TransportError};

/// Hears the bytes of a conversation as they pass, cut anywhere (`GIT_TRACE_PACKET`). Called from the threads that read and write:
/// what it does holds them up.
///
/// In conversations that are made of requests, those that are too long to be held whole are not heard.
pub trait WireTrace: Send + Sync {
    /// Bytes that are sent.
    fn sent(&self, bytes: &[u8]);

    /// Bytes of a stranger that have come.
    fn received(&self, bytes: &[u8]);
}

impl fmt::Debug for dyn WireTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WireTrace").finish_non_exhaustive()
    }
}

/// A stream that is heard.
struct Heard<S> {
    stream: S,
    trace: Arc<dyn WireTrace>,
}

impl<S: Read> Read for Heard<S> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(room)?;
        self.trace.received(room.get(..count).unwrap_or_default());
        Ok(count)
    }
}

impl<S: Write> Write for Heard<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.stream.write(bytes)?;
        self.trace.sent(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl WriteHalf for Heard<Box<dyn WriteHalf>> {
    fn shut_down(&mut self) -> io::Result<()> {
        self.stream.shut_down()
    }
}

impl Streams {
    /// The same streams, with somebody who hears what passes.
    #[must_use]
    pub fn heard_by(self, trace: &Arc<dyn WireTrace>) -> Self {
        Self {
            reader: Box::new(Heard { stream: self.reader, trace: Arc::clone(trace) }),
            writer: Box::new(Heard { stream: self.writer, trace: Arc::clone(trace) }),
            ..self
        }
    }
}

/// Exchanges that are heard.
struct HeardExchanges {
    exchanges: Box<dyn Exchanges>,
    trace: Arc<dyn WireTrace>,
}

impl dyn Exchanges {
    /// The same exchanges, with somebody who hears what passes.
    #[must_use]
    pub fn heard_by(self: Box<Self>, trace: &Arc<dyn WireTrace>) -> Box<Self> {
        Box::new(HeardExchanges { exchanges: self, trace: Arc::clone(trace) })
    }
}

impl Exchanges for HeardExchanges {
    fn advertise(&mut self) -> Result<Box<dyn Read + '_>, TransportError> {
        let stream = self.exchanges.advertise()?;
        Ok(Box::new(Heard { stream, trace: Arc::clone(&self.trace) }))
    }

    fn post(&mut self, request: RequestBody) -> Result<Box<dyn Read + '_>, TransportError> {
        if let RequestBody::Whole(bytes) = &request {
            self.trace.sent(bytes);
        }
        let stream = self.exchanges.post(request)?;
        Ok(Box::new(Heard { stream, trace: Arc::clone(&self.trace) }))
    }

    fn hang_up(&self) -> Option<Box<dyn FnOnce() + Send>> {
        self.exchanges.hang_up()
    }
}
