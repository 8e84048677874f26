//! A big push to a server that talks all the while: neither end waits for the other to read.

use std::io::{Read as _, Write as _, pipe};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use gitwire_protocol::{
    CommandReport, PushAwaiting, PushClient, PushClientOptions, PushCommand, PushEvent, PushReport,
    PushRequest, ReceivePack, ReceivePackAwaiting, ReceivePackEvent, ReceivePackOptions, Serving, Version,
};
use gitwire_transport::blocking::{Driver, Streams};
use gitwire_transport::{Deadlines, Moved, tokio as asynchronous};
use tokio::io::{AsyncRead, AsyncWrite, duplex};

/// More than any buffer between the two holds.
const PACK: usize = 24 << 20;
/// Under the client's limit, and more than any buffer holds.
const PROGRESS: usize = 12 << 20;
/// No test takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the pusher does.
struct Pusher {
    left: usize,
    heard: usize,
    done: bool,
}

impl Pusher {
    fn new() -> (Self, PushClient) {
        (Self { left: PACK, heard: 0, done: false }, PushClient::new(PushClientOptions::default()))
    }

    fn hear(&mut self, event: &PushEvent) {
        match event {
            PushEvent::Progress(text) => self.heard += text.len(),
            PushEvent::Status(status) => self.done = *status == CommandReport::ok(name()),
            _ => {}
        }
    }

    fn answer(&mut self, machine: &mut PushClient, output: &mut bytes::BytesMut) {
        if machine.awaiting() == PushAwaiting::Command {
            let wish = PushClient::wish(gitwire_types::ObjectFormat::Sha1);
            let agreement = machine.offer().unwrap().agree(&wish).unwrap();
            let zero = gitwire_types::ObjectId::from_sha1([0; 20]);
            let new = gitwire_types::ObjectId::from_sha1([1; 20]);
            let command = PushCommand { old: zero, new, name: name() };
            machine.push(&PushRequest::new(agreement, vec![command]), output).unwrap();
        } else if self.left == 0 {
            machine.end_pack().unwrap();
        } else {
            let left = self.left;
            self.left -= machine.pack_frame(output, |room| room.len().min(left)).unwrap();
        }
    }
}

/// What the server does: for each piece of the pack it says something, and then it takes the push.
struct Taker {
    got: usize,
    said: usize,
}

impl Taker {
    fn new() -> (Self, ReceivePack) {
        let options =
            ReceivePackOptions::new(Version::V0, Serving::Duplex, gitwire_types::ObjectFormat::Sha1);
        (Self { got: 0, said: 0 }, ReceivePack::new(options))
    }

    fn hear(&mut self, event: ReceivePackEvent, machine: &mut ReceivePack, output: &mut bytes::BytesMut) {
        let ReceivePackEvent::Pack(bytes) = event else { return };
        self.got += bytes.len();
        let due = self.got / (PACK / PROGRESS);
        let text = vec![b'.'; due - self.said];
        machine.progress(&text, output).unwrap();
        self.said = due;
        if self.got == PACK {
            machine.pack_taken().unwrap();
        }
    }

    fn answer(&self, machine: &mut ReceivePack, output: &mut bytes::BytesMut) {
        match machine.awaiting() {
            ReceivePackAwaiting::Refs => machine.end_refs(&[], output).unwrap(),
            ReceivePackAwaiting::Report => {
                let report = PushReport::new(vec![CommandReport::ok(name())]);
                machine.report(&report, output).unwrap();
            }
            _ => machine.finish(output).unwrap(),
        }
    }
}

fn name() -> Bytes {
    Bytes::from_static(b"refs/heads/main")
}

fn streams(stream: UnixStream) -> Streams {
    Streams::new(stream.try_clone().unwrap(), stream)
}

fn push(streams: Streams) -> Pusher {
    let (mut pusher, machine) = Pusher::new();
    let mut driver = Driver::new(machine, streams, Deadlines::none());
    loop {
        match driver.next().unwrap() {
            Moved::Event(event) => pusher.hear(&event),
            Moved::Answer => driver.with(|machine, output| pusher.answer(machine, output)),
            Moved::Done => break,
        }
    }
    driver.close();
    pusher
}

fn take(stream: UnixStream) -> usize {
    let (mut taker, machine) = Taker::new();
    let mut driver = Driver::new(machine, streams(stream), Deadlines::none());
    loop {
        match driver.next().unwrap() {
            Moved::Event(event) => driver.with(|machine, output| taker.hear(event, machine, output)),
            Moved::Answer => driver.with(|machine, output| taker.answer(machine, output)),
            Moved::Done => break,
        }
    }
    driver.close();
    taker.got
}

#[test]
fn a_big_pack_and_much_progress_pass_each_other() {
    let (left, right) = UnixStream::pair().unwrap();
    let (tell, told) = mpsc::channel();
    let server = thread::spawn(move || take(right));
    thread::spawn(move || tell.send(push(streams(left))));
    let pusher = told.recv_timeout(PATIENCE).expect("it hangs, or has panicked");
    assert_eq!((pusher.heard, pusher.left, pusher.done), (PROGRESS, 0, true));
    assert_eq!(server.join().unwrap(), PACK);
}

/// As go-git does it.
#[test]
fn a_server_that_reads_up_to_the_end_of_its_input_gets_one() {
    let ((mut input, to_server), (from_server, mut output)) = (pipe().unwrap(), pipe().unwrap());
    let server = thread::spawn(move || {
        let greeting = format!("004a{} capabilities^{{}}\0report-status", "0".repeat(40));
        output.write_all(greeting.as_bytes()).unwrap();
        output.write_all(b"0000").unwrap();
        let mut got = Vec::new();
        input.read_to_end(&mut got).unwrap();
        output.write_all(b"000eunpack ok\n0017ok refs/heads/main\n0000").unwrap();
        got
    });
    let (tell, told) = mpsc::channel();
    thread::spawn(move || tell.send(push(Streams::new(from_server, to_server))));
    let pusher = told.recv_timeout(PATIENCE).expect("it hangs, or has panicked");
    assert!(pusher.done);
    assert!(server.join().unwrap().len() > PACK);
}

async fn push_async<S: AsyncRead + AsyncWrite + Unpin>(stream: S) -> Pusher {
    let (mut pusher, machine) = Pusher::new();
    let mut driver = asynchronous::Driver::new(machine, stream, Deadlines::none());
    loop {
        match driver.next().await.unwrap() {
            Moved::Event(event) => pusher.hear(&event),
            Moved::Answer => driver.with(|machine, output| pusher.answer(machine, output)),
            Moved::Done => break,
        }
    }
    driver.close().await;
    pusher
}

async fn take_async<S: AsyncRead + AsyncWrite + Unpin>(stream: S) -> usize {
    let (mut taker, machine) = Taker::new();
    let mut driver = asynchronous::Driver::new(machine, stream, Deadlines::none());
    loop {
        match driver.next().await.unwrap() {
            Moved::Event(event) => driver.with(|machine, output| taker.hear(event, machine, output)),
            Moved::Answer => driver.with(|machine, output| taker.answer(machine, output)),
            Moved::Done => break,
        }
    }
    driver.close().await;
    taker.got
}

#[tokio::test]
async fn they_pass_each_other_without_threads_too() {
    let (left, right) = duplex(1000);
    let both = async { tokio::join!(push_async(left), take_async(right)) };
    let (pusher, got) = tokio::time::timeout(PATIENCE, both).await.expect("it hangs");
    assert_eq!((pusher.heard, pusher.left, pusher.done), (PROGRESS, 0, true));
    assert_eq!(got, PACK);
}
