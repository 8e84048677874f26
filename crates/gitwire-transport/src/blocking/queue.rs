//! The two threads of a blocking driver and what lies between them and it.

use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use bytes::BytesMut;

use super::patience;
use super::streams::{HangUp, Streams, WriteHalf};

/// What [`Threads::wait`] has found.
#[derive(Debug)]
pub(super) enum Queue {
    /// Bytes from the peer.
    Read(BytesMut),
    /// No more bytes from the peer.
    Ended(io::Result<()>),
    /// Less output waits than before, or writing has failed.
    Moved,
    /// Nothing until the time that was given.
    Late,
}

/// A thread that reads and a thread that writes.
///
/// A thread that is blocked when the driver goes away ends when its stream does; [`HangUp`] sees to it where the stream can be
/// ended from outside.
pub(super) struct Threads {
    shared: Arc<Shared>,
    hang_up: Option<HangUp>,
    apart: bool,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    driver: Condvar,
    reader: Condvar,
    writer: Condvar,
}

#[derive(Debug, Default)]
struct State {
    incoming: BytesMut,
    read_end: Option<io::Result<()>>,
    outgoing: BytesMut,
    /// Bytes that the writer has taken and not written yet.
    in_hand: usize,
    write_end: Option<io::Error>,
    shut_down: bool,
    closed: bool,
}

impl Threads {
    pub(super) fn start(streams: Streams, queue_max: usize) -> Self {
        let Streams { reader, writer, hang_up, apart } = streams;
        let shared = Arc::new(Shared::default());
        let for_reader = Arc::clone(&shared);
        let started = thread::Builder::new()
            .name("gitwire-read".into())
            .spawn(move || for_reader.read_all(reader, queue_max));
        if let Err(error) = started {
            shared.lock().read_end = Some(Err(error));
        }
        let for_writer = Arc::clone(&shared);
        let started =
            thread::Builder::new().name("gitwire-write".into()).spawn(move || for_writer.write_all(writer));
        if let Err(error) = started {
            shared.lock().write_end = Some(error);
        }
        Self { shared, hang_up, apart }
    }

    /// Bytes that were given and not written yet.
    pub(super) fn waiting(&self) -> usize {
        let state = self.shared.lock();
        if state.write_end.is_some() { 0 } else { state.outgoing.len().saturating_add(state.in_hand) }
    }

    pub(super) fn give(&self, output: BytesMut) {
        let mut state = self.shared.lock();
        if state.write_end.is_some() {
            return;
        }
        if state.outgoing.is_empty() {
            state.outgoing = output;
        } else {
            state.outgoing.extend_from_slice(&output);
        }
        self.shared.writer.notify_one();
    }

    /// What has come so far.
    pub(super) fn take(&self) -> Option<BytesMut> {
        self.shared.lock().take(&self.shared)
    }

    /// Why writing has failed, once.
    pub(super) fn write_error(&self) -> Option<io::Error> {
        let mut state = self.shared.lock();
        let error = state.write_end.as_ref()?;
        let copy = error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error);
        state.write_end.replace(copy)
    }

    /// Waits for input if `read`, for less than `waiting` output where that is given, until `until`.
    pub(super) fn wait(&self, read: bool, waiting: Option<usize>, until: Option<Instant>) -> Queue {
        let mut state = self.shared.lock();
        loop {
            if read {
                if let Some(bytes) = state.take(&self.shared) {
                    return Queue::Read(bytes);
                }
                if let Some(end) = &mut state.read_end {
                    return Queue::Ended(std::mem::replace(end, Ok(())));
                }
            }
            if let Some(before) = waiting {
                let now = state.outgoing.len().saturating_add(state.in_hand);
                if before > 0 && (now < before || state.write_end.is_some()) {
                    return Queue::Moved;
                }
            }
            let driver = &self.shared.driver;
            state = match patience(until) {
                None => driver.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(time) if time.is_zero() => return Queue::Late,
                Some(time) => driver.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }

    /// Lets the writer close its side once everything is written.
    pub(super) fn shut_down_write(&self) {
        self.shared.lock().shut_down = true;
        self.shared.writer.notify_one();
    }

    /// The same where the other side goes on undisturbed.
    pub(super) fn end_output(&self) {
        if self.apart {
            self.shut_down_write();
        }
    }

    /// Ends both threads, and the stream where that is possible.
    pub(super) fn hang_up(&mut self) {
        self.shared.lock().closed = true;
        self.shared.reader.notify_one();
        self.shared.writer.notify_one();
        if let Some(hang_up) = self.hang_up.take() {
            hang_up();
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.hang_up();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No thread panics while it holds the lock; were one to, the state would still be whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_all(&self, mut reader: Box<dyn Read + Send>, queue_max: usize) {
        let mut room = vec![0; 64 << 10];
        loop {
            let read = reader.read(&mut room);
            let mut state = self.lock();
            match read {
                Ok(0) => state.read_end = Some(Ok(())),
                Ok(read) => state.incoming.extend_from_slice(room.get(..read).unwrap_or(&[])),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => state.read_end = Some(Err(error)),
            }
            self.driver.notify_one();
            if state.read_end.is_some() {
                return;
            }
            while state.incoming.len() >= queue_max && !state.closed {
                state = self.reader.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.closed {
                return;
            }
        }
    }

    fn write_all(&self, mut writer: Box<dyn WriteHalf>) {
        loop {
            let mut state = self.lock();
            while state.outgoing.is_empty() && !state.shut_down && !state.closed {
                state = self.writer.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            let output = state.outgoing.split();
            if output.is_empty() {
                drop(state);
                // Nobody is left to tell if this fails.
                let _ = writer.shut_down();
                return;
            }
            state.in_hand = output.len();
            drop(state);
            if let Err(error) = self.write_piece(&mut *writer, &output) {
                let mut state = self.lock();
                (state.write_end, state.in_hand) = (Some(error), 0);
                state.outgoing.clear();
                self.driver.notify_one();
                return;
            }
        }
    }

    fn write_piece(&self, writer: &mut dyn WriteHalf, mut output: &[u8]) -> io::Result<()> {
        while !output.is_empty() {
            let written = match writer.write(output) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            output = output.get(written..).unwrap_or(&[]);
            if output.is_empty() {
                writer.flush()?;
            }
            let mut state = self.lock();
            state.in_hand = output.len();
            self.driver.notify_one();
            if state.closed {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
        }
        Ok(())
    }
}

impl State {
    fn take(&mut self, shared: &Shared) -> Option<BytesMut> {
        if self.incoming.is_empty() {
            return None;
        }
        shared.reader.notify_one();
        Some(self.incoming.split())
    }
}
