use std::time::Duration;

use bytes::Bytes;
use gitwire_transport::tokio::Driver;
use gitwire_transport::{Deadline, Deadlines, DriveError, Limits, Moved, TransportError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, duplex};
use tokio::time::{Instant, sleep, timeout};

use crate::machines::{Pump, Refused, Swap};

/// Runs a swap to its end; how many bytes came.
async fn swap<S: AsyncRead + AsyncWrite + Unpin>(machine: Swap, stream: S) -> u64 {
    let mut driver = Driver::new(machine, stream, Deadlines::none());
    let mut got = 0;
    loop {
        match driver.next().await.unwrap() {
            Moved::Event(bytes) => got += bytes.len() as u64,
            Moved::Answer => driver.with(|machine, output| machine.pump.send(output)),
            Moved::Done => break,
        }
    }
    driver.close().await;
    got
}

#[tokio::test(start_paused = true)]
async fn both_ends_may_send_more_than_the_stream_holds() {
    const SIZE: u64 = 8 << 20;
    let (left, right) = duplex(1000);
    let both = async { tokio::join!(swap(Swap::new(SIZE, SIZE), left), swap(Swap::new(SIZE, SIZE), right)) };
    assert_eq!(timeout(Duration::from_secs(60), both).await.unwrap(), (SIZE, SIZE));
}

#[tokio::test(start_paused = true)]
async fn an_event_does_not_wait_for_the_output() {
    let (left, mut right) = duplex(16);
    let mut driver = Driver::new(Pump::new(1 << 20), left, Deadlines::none());
    right.write_all(b"hear me").await.unwrap();
    let mut heard = None;
    while heard.is_none() {
        match timeout(Duration::from_secs(1), driver.next()).await.unwrap().unwrap() {
            Moved::Event(bytes) => heard = Some(bytes),
            Moved::Answer => driver.with(Pump::send),
            Moved::Done => panic!("done without an event"),
        }
    }
    assert_eq!(heard, Some(Bytes::from_static(b"hear me")));
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_asked_for_only_when_little_output_waits() {
    let (left, mut right) = duplex(16);
    let limits = Limits { answer_output_max: 100_000, ..Limits::default() };
    let mut driver = Driver::with_limits(Pump::new(1 << 20), left, Deadlines::none(), limits);
    for _ in 0..2 {
        assert_eq!(driver.next().await.unwrap(), Moved::Answer);
        driver.with(Pump::send);
    }
    // 120,000 bytes wait now; the next answer comes when 20,000 of them are gone, not before.
    assert!(timeout(Duration::from_secs(1), driver.next()).await.is_err());
    let mut room = vec![0; 19_984];
    let read = async { right.read_exact(&mut room).await.unwrap() };
    assert!(tokio::select! { biased; _ = driver.next() => false, _ = read => true });
    let mut room = [0; 1];
    let (moved, _) = tokio::join!(driver.next(), right.read_exact(&mut room));
    assert_eq!(moved.unwrap(), Moved::Answer);
}

#[tokio::test(start_paused = true)]
async fn end_of_input_during_an_answer_is_not_cancel() {
    let (left, right) = duplex(100);
    let (mut read, mut write) = tokio::io::split(right);
    let mut driver = Driver::new(Pump::new(200_000), left, Deadlines::none());
    write.shutdown().await.unwrap();
    let send = async {
        while driver.next().await.unwrap() == Moved::Answer {
            driver.with(Pump::send);
        }
        driver.close().await;
    };
    let mut got = Vec::new();
    let (_, read) = tokio::join!(send, read.read_to_end(&mut got));
    assert_eq!((read.unwrap(), got.len()), (200_000, 200_000));
}

#[tokio::test(start_paused = true)]
async fn a_failed_write_is_cancel_but_last_words_of_the_peer_are_heard() {
    let send_to_nobody = async |words: &[u8]| {
        let (left, mut right) = duplex(1 << 20);
        right.write_all(words).await.unwrap();
        drop(right);
        let mut driver = Driver::new(Pump::new(10 << 20), left, Deadlines::none());
        loop {
            match driver.next().await {
                Ok(Moved::Answer) => driver.with(Pump::send),
                Ok(moved) => panic!("{moved:?}"),
                Err(error) => break error,
            }
        }
    };
    let error = send_to_nobody(b"").await;
    assert!(matches!(error, DriveError::Transport(TransportError::Write(_))), "{error:?}");
    let error = send_to_nobody(b"!").await;
    assert!(matches!(error, DriveError::Machine(Refused)), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_failed_machine_says_is_sent() {
    let (left, mut right) = duplex(1 << 20);
    let mut driver = Driver::new(Pump::new(0), left, Deadlines::none());
    right.write_all(b"!").await.unwrap();
    assert!(matches!(driver.next().await, Err(DriveError::Machine(Refused))));
    let mut said = Vec::new();
    let (_, read) = tokio::join!(driver.close(), right.read_to_end(&mut said));
    read.unwrap();
    assert_eq!(said, b"ERR");
}

#[tokio::test(start_paused = true)]
async fn aborting_sends_the_reason() {
    let (left, mut right) = duplex(100);
    let mut driver = Driver::new(Pump::new(0), left, Deadlines::none());
    driver.abort(b"bye").await;
    assert_eq!(driver.next().await.unwrap(), Moved::Done);
    drop(driver);
    let mut said = Vec::new();
    right.read_to_end(&mut said).await.unwrap();
    assert_eq!(said, b"bye");
}

async fn deadline(deadlines: Deadlines, to_send: u64, say: &[u8]) -> Option<(Deadline, u64)> {
    let (left, mut right) = duplex(100);
    right.write_all(say).await.unwrap();
    let start = Instant::now();
    let mut driver = Driver::new(Pump::new(to_send), left, deadlines);
    loop {
        match driver.next().await {
            Ok(Moved::Answer) => driver.with(Pump::send),
            Ok(_) => {}
            Err(DriveError::Transport(TransportError::Deadline { deadline, .. })) => {
                return Some((deadline, start.elapsed().as_secs()));
            }
            Err(_) => return None,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn deadlines() {
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    let rules = Deadlines { first_byte: seconds(10), idle: seconds(60), ..Deadlines::none() };
    assert_eq!(deadline(rules.clone(), 0, b"").await, Some((Deadline::FirstByte, 10)));
    assert_eq!(deadline(rules.clone(), 0, b"x").await, Some((Deadline::Idle, 60)));
    // A peer that takes nothing is as idle as one that says nothing.
    assert_eq!(deadline(rules, 1 << 20, b"x").await, Some((Deadline::Idle, 60)));
}

#[tokio::test(start_paused = true)]
async fn keep_alives_go_out_while_the_application_works() {
    let (left, mut right) = duplex(100);
    let keep_alive = Some(Duration::from_secs(5));
    let mut driver = Driver::new(Pump::new(0), left, Deadlines { keep_alive, ..Deadlines::none() });
    driver.during(sleep(Duration::from_secs(17))).await.unwrap();
    drop(driver);
    let mut said = Vec::new();
    right.read_to_end(&mut said).await.unwrap();
    assert_eq!(said, b"kkk");
}

#[tokio::test(start_paused = true)]
async fn work_for_a_peer_that_has_gone_is_dropped() {
    let (left, right) = duplex(100);
    drop(right);
    let keep_alive = Some(Duration::from_secs(5));
    let mut driver = Driver::new(Pump::new(0), left, Deadlines { keep_alive, ..Deadlines::none() });
    let start = Instant::now();
    let worked = driver.during(sleep(Duration::from_secs(1000))).await;
    assert!(matches!(worked, Err(TransportError::Write(_))));
    assert_eq!(start.elapsed().as_secs(), 5);
}

/// What happens when the peer sends `bytes` out of turn and takes nothing.
async fn flood(limits: Limits, bytes: usize) -> Option<TransportError> {
    let (left, mut right) = duplex(bytes);
    right.write_all(&vec![b'x'; bytes]).await.unwrap();
    let machine = Pump { listens: false, ..Pump::new(10 << 20) };
    let mut driver = Driver::with_limits(machine, left, Deadlines::none(), limits);
    timeout(Duration::from_secs(60), async {
        loop {
            match driver.next().await {
                Ok(Moved::Answer) => driver.with(Pump::send),
                Ok(_) => {}
                Err(DriveError::Transport(error)) => return error,
                Err(DriveError::Machine(error)) => panic!("{error}"),
            }
        }
    })
    .await
    .ok()
}

#[tokio::test(start_paused = true)]
async fn input_max() {
    let limits = Limits { input_max: 300_000, ..Limits::default() };
    assert!(flood(limits.clone(), 299_999).await.is_none());
    let error = flood(limits, 300_000).await.unwrap();
    assert_eq!(error.to_string(), "bytes sent out of turn by the peer: more than 300000");
}

#[tokio::test(start_paused = true)]
async fn closing_lingers_for_linger_or_linger_bytes() {
    for (linger_bytes, seconds) in [(1000, 1), (999, 0)] {
        let (left, mut right) = duplex(1000);
        let limits = Limits { linger_bytes, linger: Duration::from_secs(1), ..Limits::default() };
        let driver = Driver::with_limits(Pump::new(0), left, Deadlines::none(), limits);
        right.write_all(&[0; 1000]).await.unwrap();
        let start = Instant::now();
        driver.close().await;
        assert_eq!(start.elapsed().as_secs(), seconds);
    }
}
