//! The thread of a stateless driver, and what lies between it and the driver.

use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};

use super::patience;
use super::streams::HangUp;
use crate::{Exchanges, RequestBody, TransportError};

/// What [`Requests::wait`] has found.
#[derive(Debug)]
pub(super) enum Found {
    /// Bytes of the answer.
    Read(BytesMut),
    /// The answer is over.
    Ended(Result<(), TransportError>),
    /// Some of the request was taken.
    Moved,
    /// Nothing until the time that was given.
    Late,
}

/// A thread that sends requests and reads their answers, one after another.
pub(super) struct Requests {
    shared: Arc<Shared>,
    hang_up: Option<HangUp>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    driver: Condvar,
    worker: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// What the worker does next.
    ask: Option<Ask>,
    body: Body,
    incoming: BytesMut,
    answer: Answer,
    closed: bool,
}

#[derive(Debug)]
enum Ask {
    Advertise,
    Post(RequestBody),
}

/// The request that is being made while it is sent.
#[derive(Debug, Default)]
struct Body {
    /// Counts the requests: a reader of an older one gets nothing.
    id: u64,
    bytes: BytesMut,
    end: BodyEnd,
    waker: Option<Waker>,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum BodyEnd {
    #[default]
    Open,
    Whole,
    GivenUp,
}

#[derive(Debug, Default)]
enum Answer {
    /// More may come.
    #[default]
    Due,
    Ended(Result<(), TransportError>),
}

impl Requests {
    pub(super) fn start(exchanges: Box<dyn Exchanges>, queue_max: usize) -> Self {
        let hang_up = exchanges.hang_up();
        let shared = Arc::new(Shared::default());
        let for_worker = Arc::clone(&shared);
        let started = thread::Builder::new()
            .name("gitwire-requests".into())
            .spawn(move || for_worker.work(exchanges, queue_max));
        if let Err(error) = started {
            shared.lock().answer = Answer::Ended(Err(TransportError::Read(error)));
        }
        Self { shared, hang_up }
    }

    pub(super) fn advertise(&self) {
        self.ask(|_| Ask::Advertise);
    }

    pub(super) fn post(&self, body: Bytes) {
        self.ask(|_| Ask::Post(RequestBody::Whole(body)));
    }

    /// Begins a request that is made piece by piece.
    pub(super) fn open(&self) {
        self.ask(|id| {
            let shared = Arc::clone(&self.shared);
            Ask::Post(RequestBody::Streamed(BodyReader { shared, id }))
        });
    }

    fn ask(&self, ask: impl FnOnce(u64) -> Ask) {
        let mut state = self.shared.lock();
        if matches!(state.answer, Answer::Ended(Err(_))) {
            return;
        }
        let id = state.body.id.wrapping_add(1);
        state.body = Body { id, ..Body::default() };
        state.ask = Some(ask(id));
        state.answer = Answer::Due;
        self.shared.worker.notify_all();
    }

    /// More of the request that is open. Nobody takes it once the answer is over.
    pub(super) fn give(&self, output: BytesMut) {
        let mut state = self.shared.lock();
        if matches!(state.answer, Answer::Ended(_)) {
            return;
        }
        if state.body.bytes.is_empty() {
            state.body.bytes = output;
        } else {
            state.body.bytes.extend_from_slice(&output);
        }
        state.body.wake(&self.shared);
    }

    /// The request that is open is whole.
    pub(super) fn end(&self) {
        let mut state = self.shared.lock();
        if state.body.end == BodyEnd::Open {
            state.body.end = BodyEnd::Whole;
        }
        state.body.wake(&self.shared);
    }

    /// Bytes of the open request that nobody has taken yet.
    pub(super) fn waiting(&self) -> usize {
        self.shared.lock().body.bytes.len()
    }

    /// What has come of the answer, if anything has.
    pub(super) fn poll(&self) -> Option<Found> {
        self.shared.lock().poll(&self.shared)
    }

    /// Waits for some of the answer, for less than `waiting` of the request where that is given, until `until`.
    pub(super) fn wait(&self, waiting: Option<usize>, until: Option<Instant>) -> Found {
        let mut state = self.shared.lock();
        loop {
            if let Some(found) = state.poll(&self.shared) {
                return found;
            }
            if waiting.is_some_and(|before| state.body.bytes.len() < before) {
                return Found::Moved;
            }
            let driver = &self.shared.driver;
            state = match patience(until) {
                None => driver.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(time) if time.is_zero() => return Found::Late,
                Some(time) => driver.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }

    /// Gives up what is under way and ends the thread.
    pub(super) fn hang_up(&mut self) {
        let mut state = self.shared.lock();
        state.closed = true;
        if state.body.end == BodyEnd::Open {
            state.body.end = BodyEnd::GivenUp;
        }
        state.body.wake(&self.shared);
        drop(state);
        if let Some(hang_up) = self.hang_up.take() {
            hang_up();
        }
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        self.hang_up();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No thread panics while it holds the lock; were one to, the state would still be whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, mut exchanges: Box<dyn Exchanges>, queue_max: usize) {
        let mut room = vec![0; 64 << 10];
        while let Some(ask) = self.next_ask() {
            let answer = match ask {
                Ask::Advertise => exchanges.advertise(),
                Ask::Post(request) => exchanges.post(request),
            };
            let ended = answer.and_then(|mut answer| self.read_all(&mut *answer, &mut room, queue_max));
            let mut state = self.lock();
            state.answer = Answer::Ended(ended);
            state.body.bytes.clear();
            self.driver.notify_one();
        }
    }

    fn next_ask(&self) -> Option<Ask> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some(ask) = state.ask.take() {
                return Some(ask);
            }
            state = self.worker.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn read_all(
        &self,
        answer: &mut dyn Read,
        room: &mut [u8],
        queue_max: usize,
    ) -> Result<(), TransportError> {
        loop {
            let read = match answer.read(room) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(TransportError::Read(error)),
            };
            let mut state = self.lock();
            state.incoming.extend_from_slice(room.get(..read).unwrap_or(&[]));
            self.driver.notify_one();
            while state.incoming.len() >= queue_max && !state.closed {
                state = self.worker.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.closed {
                return Ok(());
            }
        }
    }
}

impl State {
    fn poll(&mut self, shared: &Shared) -> Option<Found> {
        if !self.incoming.is_empty() {
            shared.worker.notify_all();
            return Some(Found::Read(self.incoming.split()));
        }
        match &mut self.answer {
            Answer::Ended(end) => Some(Found::Ended(std::mem::replace(end, Ok(())))),
            Answer::Due => None,
        }
    }
}

impl Body {
    fn wake(&mut self, shared: &Shared) {
        shared.worker.notify_all();
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// What can be taken now: `Some(Ok(0 bytes))` is the end, `None` is to be waited for.
    fn take(&mut self, id: u64, max: usize) -> Option<io::Result<Bytes>> {
        if self.id != id || self.end == BodyEnd::GivenUp {
            return Some(Err(io::Error::new(io::ErrorKind::BrokenPipe, "the request was given up")));
        }
        if self.bytes.is_empty() && self.end == BodyEnd::Open {
            return None;
        }
        let len = self.bytes.len().min(max);
        Some(Ok(self.bytes.split_to(len).freeze()))
    }
}

/// A request that is made while it is sent. Its end is an error if the maker gives up: what was sent so far is no request.
#[derive(Debug)]
pub struct BodyReader {
    shared: Arc<Shared>,
    id: u64,
}

impl BodyReader {
    /// The next piece, for those who cannot wait; `None` at the end. The task is woken when there is one.
    pub fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let mut state = self.shared.lock();
        match state.body.take(self.id, PIECE_MAX) {
            None => {
                state.body.waker = Some(context.waker().clone());
                Poll::Pending
            }
            Some(Ok(bytes)) if bytes.is_empty() => Poll::Ready(None),
            Some(piece) => {
                self.shared.driver.notify_one();
                Poll::Ready(Some(piece))
            }
        }
    }
}

impl Read for BodyReader {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let mut state = self.shared.lock();
        loop {
            if let Some(piece) = state.body.take(self.id, room.len()) {
                let mut piece = piece?;
                let len = piece.len();
                piece.copy_to_slice(room.get_mut(..len).unwrap_or_default());
                self.shared.driver.notify_one();
                return Ok(len);
            }
            state = self.shared.worker.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// How much of a request is taken at once.
const PIECE_MAX: usize = 64 << 10;
