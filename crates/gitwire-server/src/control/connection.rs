//! One connection of the channel.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, timeout};

use super::{Commands, ControlAnswer, ControlCommand, ControlError, ControlOptions, ObjectEnd};
use crate::Jobs;
use crate::meter::{Metered, Outcome};

/// What all connections share.
pub(super) struct Channel {
    pub(super) jobs: Arc<Jobs>,
    pub(super) commands: Arc<dyn Commands>,
    pub(super) options: ControlOptions,
}

type Stream = Metered<TcpStream>;

/// What follows a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// A line feed: there may be more.
    LineFeed,
    Nothing,
}

impl Channel {
    /// Serves one client to its end; without a permit there are too many.
    pub(super) async fn client(
        &self,
        mut stream: Stream,
        permit: Option<OwnedSemaphorePermit>,
        mut stopped: watch::Receiver<bool>,
    ) {
        if permit.is_none() {
            tracing::warn!("too many connections");
            self.options.meter.record(Outcome::Refused);
            self.answer(&mut stream, &Err(ControlError::Busy), After::Nothing).await;
            return close(stream).await;
        }
        let mut input = BytesMut::new();
        for number in 0..self.options.limits.requests_max {
            let asked = Instant::now();
            let read = tokio::select! {
                read = self.read(&mut stream, &mut input, number == 0) => read,
                _ = stopped.wait_for(|stop| *stop) => Err(ControlError::Shutdown),
            };
            let command = match read {
                Ok(None) => return close(stream).await,
                Ok(Some(command)) => command,
                Err(error) => {
                    tracing::info!(%error, "bad request");
                    self.options.meter.record(Outcome::Refused);
                    self.answer(&mut stream, &Err(error), After::Nothing).await;
                    return close(stream).await;
                }
            };
            let wait = timeout(self.options.limits.line_feed_wait, line_feed(&mut stream, &mut input));
            let (answer, after) = tokio::join!(self.run(command), wait);
            let after = after.unwrap_or(After::Nothing);
            let took = asked.elapsed();
            match &answer {
                Ok(ControlAnswer::Success { command, .. }) => {
                    self.options.meter.record(Outcome::Served);
                    tracing::info!(command = command.name, ?took, "done");
                }
                Ok(ControlAnswer::Error(error)) => {
                    self.options.meter.record(Outcome::Refused);
                    tracing::info!(error, ?took, "not done");
                }
                Err(error) => {
                    self.options.meter.record(Outcome::Failed);
                    tracing::warn!(%error, ?took, "not done");
                }
            }
            let sent = self.answer(&mut stream, &answer, after).await;
            if !sent || after == After::Nothing {
                break;
            }
        }
        close(stream).await;
    }

    /// The next request; `None` where there is none.
    async fn read(
        &self,
        stream: &mut Stream,
        input: &mut BytesMut,
        is_first: bool,
    ) -> Result<Option<Result<ControlCommand, ControlError>>, ControlError> {
        let limits = &self.options.limits;
        let mut end = ObjectEnd::default();
        let mut begun = Instant::now();
        loop {
            let was_empty = end.is_empty();
            if let Some(end) = end.find(input, limits)? {
                let object = input.split_to(end);
                return Ok(Some(ControlCommand::parse(&object, limits)));
            }
            if was_empty && !end.is_empty() && !is_first {
                // It has begun; until now there was silence.
                begun = Instant::now();
            }
            let waits =
                if is_first || !end.is_empty() { limits.request_timeout } else { limits.idle_timeout };
            let left = waits.saturating_sub(begun.elapsed());
            let read = match timeout(left, stream.read_buf(input)).await {
                // A connection that fails has ended.
                Ok(read) => read.unwrap_or(0),
                Err(_) => 0,
            };
            match (read, end.is_empty(), is_first) {
                (1.., ..) => {}
                (0, true, true) => return Err(ControlError::Empty),
                (0, true, false) => return Ok(None),
                (0, false, _) => return Err(ControlError::Incomplete),
            }
        }
    }

    /// Does what was asked for, when its turn comes. What cannot be done has an answer too.
    async fn run(
        &self,
        command: Result<ControlCommand, ControlError>,
    ) -> Result<ControlAnswer, ControlError> {
        let command = match command {
            Ok(command) => command,
            Err(error) => return Ok(ControlAnswer::Error(error.to_string())),
        };
        let commands = Arc::clone(&self.commands);
        let work = self.jobs.run(move |stop| match commands.run(&command, stop) {
            Ok(message) => ControlAnswer::Success { command, message },
            Err(error) => ControlAnswer::Error(error),
        });
        let limit = self.options.limits.command_timeout;
        match timeout(limit, work).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(ControlError::Internal("a command has panicked")),
            Err(_) => Err(ControlError::Timeout(limit)),
        }
    }

    /// Sends an answer in one piece; whether that went well.
    async fn answer(
        &self,
        stream: &mut Stream,
        answer: &Result<ControlAnswer, ControlError>,
        after: After,
    ) -> bool {
        let failure;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                failure = ControlAnswer::Error(error.to_string());
                &failure
            }
        };
        let limits = &self.options.limits;
        let text = match after {
            After::LineFeed => answer.to_json(limits.line_bytes_max.saturating_sub(1)) + "\n",
            After::Nothing => answer.to_json(limits.answer_bytes_max),
        };
        let write = async {
            stream.write_all(text.as_bytes()).await?;
            stream.flush().await
        };
        matches!(timeout(limits.request_timeout, write).await, Ok(Ok(())))
    }
}

/// What follows a request; a line feed is taken, and what comes before it on its line if that is white space.
async fn line_feed(stream: &mut Stream, input: &mut BytesMut) -> After {
    loop {
        match input.first() {
            Some(b'\n') => {
                input.advance(1);
                return After::LineFeed;
            }
            Some(b' ' | b'\t' | b'\r') => input.advance(1),
            Some(_) => return After::Nothing,
            None => match stream.read_buf(input).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => return After::Nothing,
            },
        }
    }
}

/// Closes so that the answer is heard: what has not been read would reset the connection.
async fn close(mut stream: Stream) {
    let end = async {
        stream.shutdown().await?;
        let mut left = BytesMut::with_capacity(4096);
        let mut dropped = 0_usize;
        while dropped < LINGER_BYTES {
            let read = stream.read_buf(&mut left).await?;
            if read == 0 {
                break;
            }
            dropped = dropped.saturating_add(read);
            left.clear();
        }
        Ok::<(), std::io::Error>(())
    };
    // A client that does not listen any more needs no answer.
    let _ = timeout(LINGER, end).await;
}

const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1 << 20;
