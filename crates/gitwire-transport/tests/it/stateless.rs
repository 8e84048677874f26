//! The stateless driver over scripted exchanges.

use std::io::{self, Cursor, Read};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use gitwire_protocol::{Machine, Next};
use gitwire_transport::blocking::StatelessDriver;
use gitwire_transport::{
    Deadline, Deadlines, DriveError, Exchanges, Limits, Moved, RequestBody, TransportError,
};

/// Reads an answer of one byte, sends what the application gives in requests of the application's size, and reads an answer of
/// one byte to each.
#[derive(Debug, Default)]
struct Asker {
    turn: bool,
    reading: bool,
    greeted: bool,
    finished: bool,
    ended: bool,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer is cut")]
struct Cut;

impl Asker {
    fn more(output: &mut BytesMut, len: usize) {
        output.put_bytes(b'x', len);
    }

    fn end(&mut self) {
        (self.turn, self.reading) = (true, true);
    }
}

impl Machine for Asker {
    type Event = Bytes;
    type Error = Cut;

    fn step(&mut self, input: &mut BytesMut, _: &mut BytesMut) -> Result<Next<Bytes>, Cut> {
        if std::mem::take(&mut self.turn) {
            return Ok(Next::Turn);
        }
        if self.finished {
            return Ok(Next::Done);
        }
        if self.reading || !self.greeted {
            if input.is_empty() {
                return if self.ended { Err(Cut) } else { Ok(Next::Read) };
            }
            (self.reading, self.greeted) = (false, true);
            return Ok(Next::Event(input.split_to(1).freeze()));
        }
        if self.ended { Err(Cut) } else { Ok(Next::Answer) }
    }

    fn end_of_input(&mut self) {
        self.ended = true;
    }

    fn keep_alive(&mut self, _: &mut BytesMut) -> bool {
        false
    }

    fn abort(&mut self, _: &[u8], _: &mut BytesMut) {
        self.finished = true;
    }
}

/// What a scripted server got: the length, and whether it was known.
type Got = Arc<Mutex<Vec<(usize, bool)>>>;

/// Answers everything with the same.
struct Script {
    greeting: &'static [u8],
    answer: &'static [u8],
    got: Got,
    /// Bytes of a streamed request that are read before the answer; all if `None`.
    reads: Option<usize>,
}

impl Script {
    fn new(answer: &'static [u8]) -> (Self, Got) {
        let got = Got::default();
        (Self { greeting: b"G", answer, got: Arc::clone(&got), reads: None }, got)
    }
}

impl Exchanges for Script {
    fn advertise(&mut self) -> Result<Box<dyn Read + '_>, TransportError> {
        Ok(Box::new(Cursor::new(self.greeting)))
    }

    fn post(&mut self, request: RequestBody) -> Result<Box<dyn Read + '_>, TransportError> {
        match request {
            RequestBody::Whole(bytes) => self.got.lock().unwrap().push((bytes.len(), true)),
            RequestBody::Streamed(body) => {
                let mut taken = body.take(self.reads.map_or(u64::MAX, |reads| reads as u64));
                let len = io::copy(&mut taken, &mut io::sink()).map_err(TransportError::Write)?;
                self.got.lock().unwrap().push((usize::try_from(len).unwrap(), false));
            }
        }
        Ok(Box::new(Cursor::new(self.answer)))
    }
}

/// Sends requests of these sizes, in pieces of 60,000 bytes; what came of it.
fn converse(script: Script, sizes: &[usize], limits: Limits) -> Result<usize, DriveError<Cut>> {
    let mut driver =
        StatelessDriver::with_limits(Asker::default(), Box::new(script), Deadlines::none(), limits);
    let mut sizes = sizes.iter().copied();
    let mut left = sizes.next();
    let mut events = 0;
    loop {
        match driver.next()? {
            Moved::Event(_) => events += 1,
            Moved::Answer => driver.with(|machine, output| match &mut left {
                None => machine.finished = true,
                Some(0) => {
                    machine.end();
                    left = sizes.next();
                }
                Some(left) => {
                    let piece = (*left).min(60_000);
                    Asker::more(output, piece);
                    *left -= piece;
                }
            }),
            Moved::Done => {
                driver.close();
                return Ok(events);
            }
        }
    }
}

#[test]
fn a_request_is_sent_whole_up_to_request_buffer_max_and_streamed_beyond() {
    let limits = Limits { request_buffer_max: 100_000, ..Limits::default() };
    let (script, got) = Script::new(b"a");
    let sizes = [10, 100_000, 100_001, 5_000_000, 1];
    assert_eq!(converse(script, &sizes, limits).unwrap(), 6);
    let expected = [(10, true), (100_000, true), (100_001, false), (5_000_000, false), (1, true)];
    assert_eq!(*got.lock().unwrap(), expected);
    assert_eq!(Limits::default().request_buffer_max, 1 << 20);
}

#[test]
fn an_answer_that_is_longer_than_understood_is_refused_before_the_next_request() {
    let (script, got) = Script::new(b"ab");
    let error = converse(script, &[1, 1], Limits::default()).unwrap_err();
    assert_eq!(error.to_string(), "bytes after the end of an answer: more than 0");
    assert_eq!(got.lock().unwrap().len(), 1);
}

#[test]
fn an_answer_that_is_cut_ends_the_machine() {
    let (script, _) = Script::new(b"");
    let error = converse(script, &[1], Limits::default()).unwrap_err();
    assert!(matches!(error, DriveError::Machine(Cut)), "{error:?}");
}

#[test]
fn an_answer_that_comes_early_ends_the_request() {
    let (mut script, got) = Script::new(b"");
    script.reads = Some(1000);
    let error = converse(script, &[1 << 40], Limits::default()).unwrap_err();
    assert!(matches!(error, DriveError::Machine(Cut)), "{error:?}");
    assert_eq!(*got.lock().unwrap(), [(1000, false)]);
}

/// Refuses what is posted, once some of it has come.
struct Refusing;

impl Exchanges for Refusing {
    fn advertise(&mut self) -> Result<Box<dyn Read + '_>, TransportError> {
        Ok(Box::new(Cursor::new(b"G")))
    }

    fn post(&mut self, _: RequestBody) -> Result<Box<dyn Read + '_>, TransportError> {
        Err(TransportError::Internal("no"))
    }
}

#[test]
fn a_request_that_fails_is_not_made_to_its_end() {
    let mut driver = StatelessDriver::new(Asker::default(), Box::new(Refusing), Deadlines::none());
    let error = loop {
        match driver.next() {
            Ok(Moved::Answer) => driver.with(|_, output| Asker::more(output, 60_000)),
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.to_string(), "internal error: no");
}

/// Never answers; says when it is given up.
struct Silent(Arc<Mutex<Option<mpsc::Sender<()>>>>, mpsc::Receiver<()>);

impl Exchanges for Silent {
    fn advertise(&mut self) -> Result<Box<dyn Read + '_>, TransportError> {
        let _ = self.1.recv();
        Err(TransportError::Internal("hung up"))
    }

    fn post(&mut self, _: RequestBody) -> Result<Box<dyn Read + '_>, TransportError> {
        Err(TransportError::Internal("no"))
    }

    fn hang_up(&self) -> Option<Box<dyn FnOnce() + Send>> {
        let sender = Arc::clone(&self.0);
        Some(Box::new(move || drop(sender.lock().unwrap().take())))
    }
}

#[test]
fn silence_ends_by_the_deadline_and_is_hung_up() {
    let (sender, receiver) = mpsc::channel();
    let sender = Arc::new(Mutex::new(Some(sender)));
    let deadlines = Deadlines { idle: Some(Duration::from_millis(20)), ..Deadlines::none() };
    let silent = Box::new(Silent(Arc::clone(&sender), receiver));
    let mut driver = StatelessDriver::new(Asker::default(), silent, deadlines);
    let error = driver.next().unwrap_err();
    let is_idle =
        matches!(error, DriveError::Transport(TransportError::Deadline { deadline: Deadline::Idle, .. }));
    assert!(is_idle, "{error:?}");
    drop(driver);
    assert!(sender.lock().unwrap().is_none());
}

/// Takes a streamed request and hands on how it ended.
struct Witness(mpsc::Sender<io::Result<u64>>);

impl Exchanges for Witness {
    fn advertise(&mut self) -> Result<Box<dyn Read + '_>, TransportError> {
        Ok(Box::new(Cursor::new(b"G")))
    }

    fn post(&mut self, request: RequestBody) -> Result<Box<dyn Read + '_>, TransportError> {
        let RequestBody::Streamed(mut body) = request else {
            return Err(TransportError::Internal("a short request"));
        };
        self.0.send(io::copy(&mut body, &mut io::sink())).unwrap();
        Ok(Box::new(Cursor::new(b"a")))
    }
}

#[test]
fn a_request_that_is_given_up_does_not_end_well() {
    let (sender, receiver) = mpsc::channel();
    let mut driver = StatelessDriver::new(Asker::default(), Box::new(Witness(sender)), Deadlines::none());
    for _ in 0..30 {
        while driver.next().unwrap() != Moved::Answer {}
        driver.with(|_, output| Asker::more(output, 60_000));
    }
    drop(driver);
    let ended = receiver.recv_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
}
