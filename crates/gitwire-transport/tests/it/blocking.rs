use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use gitwire_protocol::message::Service;
use gitwire_transport::blocking::{Driver, Streams, connect};
use gitwire_transport::{
    ConnectOptions, Deadline, Deadlines, DriveError, Limits, Moved, Program, TransportError, Url,
};

use crate::machines::{Pump, Refused, Swap};

/// No test takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

fn streams(stream: UnixStream) -> Streams {
    Streams::new(stream.try_clone().unwrap(), stream)
}

/// Runs `work` on a thread; panics if it hangs.
fn without_hanging<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(work()));
    receiver.recv_timeout(PATIENCE).expect("it hangs, or has panicked")
}

fn swap(machine: Swap, streams: Streams) -> u64 {
    let mut driver = Driver::new(machine, streams, Deadlines::none());
    let mut got = 0;
    loop {
        match driver.next().unwrap() {
            Moved::Event(bytes) => got += bytes.len() as u64,
            Moved::Answer => driver.with(|machine, output| machine.pump.send(output)),
            Moved::Done => break,
        }
    }
    driver.close();
    got
}

#[test]
fn both_ends_may_send_more_than_the_stream_holds() {
    const SIZE: u64 = 16 << 20;
    let (left, right) = UnixStream::pair().unwrap();
    let other = thread::spawn(move || swap(Swap::new(SIZE, SIZE), streams(right)));
    assert_eq!(without_hanging(move || swap(Swap::new(SIZE, SIZE), streams(left))), SIZE);
    assert_eq!(other.join().unwrap(), SIZE);
}

#[test]
fn a_program_gets_and_gives_more_than_a_pipe_holds() {
    const SIZE: u64 = 4 << 20;
    let got = without_hanging(|| {
        let url = Url::parse(b"/dev/stdin").unwrap();
        let options = ConnectOptions { program: Some(Program::new("cat")), ..options() };
        let streams = connect(&url, Service::UploadPack, &options).unwrap();
        swap(Swap::new(SIZE, SIZE), streams)
    });
    assert_eq!(got, SIZE);
}

fn options() -> ConnectOptions {
    ConnectOptions::user()
}

#[test]
fn the_last_words_of_the_peer_are_heard() {
    let (left, mut right) = UnixStream::pair().unwrap();
    right.write_all(b"!").unwrap();
    drop(right);
    let mut driver = Driver::new(Pump::new(10 << 20), streams(left), Deadlines::none());
    driver.with(Pump::send);
    let error = without_hanging(move || {
        loop {
            match driver.next() {
                Ok(Moved::Answer) => driver.with(Pump::send),
                Ok(_) => {}
                Err(error) => return error,
            }
        }
    });
    assert!(matches!(error, DriveError::Machine(Refused) | DriveError::Transport(TransportError::Write(_))));
}

#[test]
fn end_of_input_during_an_answer_is_not_cancel() {
    let (left, mut right) = UnixStream::pair().unwrap();
    right.shutdown(std::net::Shutdown::Write).unwrap();
    let sender = thread::spawn(move || swap(Swap::new(2 << 20, 0), streams(left)));
    let mut got = Vec::new();
    right.read_to_end(&mut got).unwrap();
    assert_eq!(got.len(), 2 << 20);
    sender.join().unwrap();
}

fn deadline(deadlines: Deadlines, to_send: u64) -> Deadline {
    without_hanging(move || {
        let (left, _right) = UnixStream::pair().unwrap();
        let mut driver = Driver::new(Pump::new(to_send), streams(left), deadlines);
        loop {
            match driver.next() {
                Ok(Moved::Answer) => driver.with(Pump::send),
                Err(DriveError::Transport(TransportError::Deadline { deadline, .. })) => return deadline,
                other => panic!("{other:?}"),
            }
        }
    })
}

#[test]
fn a_silent_peer_and_a_peer_that_takes_nothing_run_into_deadlines() {
    let short = Some(Duration::from_millis(20));
    assert_eq!(deadline(Deadlines { first_byte: short, ..Deadlines::none() }, 0), Deadline::FirstByte);
    assert_eq!(deadline(Deadlines { idle: short, ..Deadlines::none() }, 0), Deadline::Idle);
    assert_eq!(deadline(Deadlines { idle: short, ..Deadlines::none() }, 64 << 20), Deadline::Idle);
}

#[test]
fn input_max() {
    let flood = |bytes: usize| {
        without_hanging(move || {
            let (left, mut right) = UnixStream::pair().unwrap();
            let flood = thread::spawn(move || {
                // The other end may be gone before it has taken everything.
                let _ = right.write_all(&vec![b'x'; bytes]);
                right
            });
            let limits = Limits { input_max: 1 << 20, ..Limits::default() };
            let machine = Pump { listens: false, ..Pump::new(64 << 20) };
            let idle = Some(Duration::from_millis(200));
            let deadlines = Deadlines { idle, ..Deadlines::none() };
            let mut driver = Driver::with_limits(machine, streams(left), deadlines, limits);
            let error = loop {
                match driver.next() {
                    Ok(Moved::Answer) => driver.with(Pump::send),
                    Ok(_) => {}
                    Err(error) => break error.to_string(),
                }
            };
            drop(driver);
            drop(flood);
            error
        })
    };
    assert_eq!(flood((1 << 20) - 1), "the peer was silent for too long (0.2 s)");
    assert_eq!(flood(1 << 20), "bytes sent out of turn by the peer: more than 1048576");
}

#[test]
fn a_program_that_is_not_there() {
    let url = Url::parse(b"/tmp").unwrap();
    let options = ConnectOptions { program: Some(Program::new("/no/such/program")), ..options() };
    let error = connect(&url, Service::UploadPack, &options).unwrap_err();
    assert_eq!(error.to_string(), "run /no/such/program");
}

#[test]
fn local_paths_need_permission() {
    let url = Url::parse(b"/tmp").unwrap();
    let error = connect(&url, Service::UploadPack, &ConnectOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), "transport 'file' not allowed");
}

#[derive(Default)]
struct Tape(std::sync::Mutex<(Vec<u8>, Vec<u8>)>);

impl gitwire_transport::WireTrace for Tape {
    fn sent(&self, bytes: &[u8]) {
        self.0.lock().unwrap().0.extend_from_slice(bytes);
    }

    fn received(&self, bytes: &[u8]) {
        self.0.lock().unwrap().1.extend_from_slice(bytes);
    }
}

#[test]
fn whoever_listens_hears_all_that_passes() {
    const SIZE: u64 = 1 << 20;
    let tape = std::sync::Arc::new(Tape::default());
    let trace = std::sync::Arc::clone(&tape);
    without_hanging(move || {
        let url = Url::parse(b"/dev/stdin").unwrap();
        let program = Some(Program::new("cat"));
        let options = ConnectOptions { program, wire_trace: Some(trace), ..options() };
        swap(Swap::new(SIZE, SIZE), connect(&url, Service::UploadPack, &options).unwrap())
    });
    let (sent, received) = &*tape.0.lock().unwrap();
    assert_eq!((sent.len() as u64, received.len() as u64), (SIZE, SIZE));
    assert_eq!(sent, received);
}
