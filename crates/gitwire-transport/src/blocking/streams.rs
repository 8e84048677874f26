//! What a blocking driver reads from and writes to.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;

/// The writing side of a connection: one that can be ended while the other side goes on.
pub trait WriteHalf: Write + Send {
    /// Tells the peer that no more will come.
    ///
    /// # Errors
    /// The stream is gone already.
    fn shut_down(&mut self) -> io::Result<()>;
}

/// Ends a stream from outside, so that a blocked read or write returns.
pub(crate) type HangUp = Box<dyn FnOnce() + Send>;

/// Both sides of a connection.
pub struct Streams {
    pub(crate) reader: Box<dyn Read + Send>,
    pub(crate) writer: Box<dyn WriteHalf>,
    pub(crate) hang_up: Option<HangUp>,
    /// The two sides are two streams: one ends, and nothing happens to the other.
    pub(crate) apart: bool,
}

impl Streams {
    /// Any pair of streams; the writing side ends when it is dropped, which happens as soon as the machine
    /// [has said all](gitwire_protocol::Machine::has_said_all).
    pub fn new(reader: impl Read + Send + 'static, writer: impl Write + Send + 'static) -> Self {
        Self {
            reader: Box::new(reader),
            writer: Box::new(DropToEnd(Some(writer))),
            hang_up: None,
            apart: true,
        }
    }

    /// A pair of streams of which the writing side knows how to end.
    pub fn halves(reader: impl Read + Send + 'static, writer: impl WriteHalf + 'static) -> Self {
        Self { reader: Box::new(reader), writer: Box::new(writer), hang_up: None, apart: false }
    }

    /// This program's standard input and output, unbuffered.
    ///
    /// # Errors
    /// One of them is closed.
    pub fn stdio() -> io::Result<Self> {
        let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        // `Stdout` looks for line ends in what passes; frames are written whole.
        let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        Ok(Self::new(input, output))
    }

    /// A TCP connection. Nagle's algorithm is switched off: an answer is written at once and must not wait for an
    /// acknowledgment.
    ///
    /// # Errors
    /// The connection is gone already, or the process has no more file descriptors.
    pub fn tcp(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let (reader, outside) = (stream.try_clone()?, stream.try_clone()?);
        let hang_up: HangUp = Box::new(move || {
            // It may be gone already, which is what is wanted.
            let _ = outside.shutdown(Shutdown::Both);
        });
        Ok(Self { reader: Box::new(reader), writer: Box::new(stream), hang_up: Some(hang_up), apart: false })
    }

    /// The same with a way to end the streams from outside, so that blocked reads and writes return.
    #[must_use]
    pub fn with_hang_up(mut self, hang_up: impl FnOnce() + Send + 'static) -> Self {
        self.hang_up = Some(Box::new(hang_up));
        self
    }
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams").field("hang_up", &self.hang_up.is_some()).finish_non_exhaustive()
    }
}

impl WriteHalf for TcpStream {
    fn shut_down(&mut self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

/// A writer that is dropped to end it, as a pipe is.
struct DropToEnd<W>(Option<W>);

impl<W: Write> Write for DropToEnd<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.as_mut().map_or_else(|| Err(io::ErrorKind::BrokenPipe.into()), |writer| writer.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl<W: Write + Send> WriteHalf for DropToEnd<W> {
    fn shut_down(&mut self) -> io::Result<()> {
        self.flush()?;
        self.0 = None;
        Ok(())
    }
}
