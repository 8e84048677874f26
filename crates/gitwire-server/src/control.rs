//! The control channel: commands as JSON objects over TCP, one after another on a connection.
//!
//! A request is `{"type":"git","command":"git clone URL"}`. It is whole when its object ends, which needs neither a line feed nor an
//! end of the stream. Where a line feed follows, the answer is one line and the connection stays open for the next request; where
//! none does, the answer comes in one piece of at most [`ControlLimits::answer_bytes_max`] bytes, and the connection is closed: a
//! client that connects, sends, calls `recv(1024)` once and prints gets all of it.
//!
//! An answer is `{"type":"git","command":"clone","args":["URL"],"status":"success","message":"…"}`, or `{"error":"…"}`.
//!
//! Whoever reaches the channel may do what its [`Commands`] do: it has no sign-in, and belongs on a loopback address.

mod connection;
mod message;
mod scan;

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use gitwire_types::Interrupt;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tracing::Instrument as _;

pub use self::message::{ControlAnswer, ControlCommand};
pub use self::scan::ObjectEnd;
use crate::clients::Clients;
use crate::{Jobs, Meter};

/// What the channel can be told to do. Called where blocking is allowed.
pub trait Commands: Send + Sync + 'static {
    /// Does what `command` says; gives what the one who asked is told. `stop` says when nobody waits for it any more.
    ///
    /// # Errors
    /// What the one who asked is told instead.
    fn run(&self, command: &ControlCommand, stop: &dyn Interrupt) -> Result<String, String>;
}

/// What a peer of the channel may make us read, hold and do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ControlLimits {
    /// Connections at once; more are told that the server is busy. 128: six times twenty scripts at once.
    pub connections_max: usize,
    /// Commands at once; more wait for their turn. 32: a clone holds two threads and the memory of an index. They are not bounded
    /// together with the work of other doors, because a command may wait for another door of the same server.
    pub commands_max: usize,
    /// Bytes of one request. 16 KiB: a URL and a name take some hundred.
    pub request_bytes_max: usize,
    /// How deep a request's objects and lists may lie in each other. 8: those that we know need one.
    pub depth_max: usize,
    /// Bytes of one answer to a request without a line feed. 1024: what the first client reads.
    pub answer_bytes_max: usize,
    /// Bytes of one answer that is a line. 1 MiB: ten thousand refs.
    pub line_bytes_max: usize,
    /// Requests on one connection. 1000: more than a person types in a day.
    pub requests_max: usize,
    /// How long the line feed may come after the object. 50 ms: a sender that writes both apart is held back by up to 40 ms (Nagle's
    /// algorithm and a delayed acknowledgment).
    pub line_feed_wait: Duration,
    /// How long the first request may take to be whole. 10 s, as at the other doors.
    pub request_timeout: Duration,
    /// How long a connection may be silent between requests. 5 min: a person who thinks.
    pub idle_timeout: Duration,
    /// How long a command may take, waiting for its turn included. 1 h: a clone of gigabytes.
    pub command_timeout: Duration,
}

impl Default for ControlLimits {
    fn default() -> Self {
        Self {
            connections_max: 128,
            commands_max: 32,
            request_bytes_max: 16 << 10,
            depth_max: 8,
            answer_bytes_max: 1024,
            line_bytes_max: 1 << 20,
            requests_max: 1000,
            line_feed_wait: Duration::from_millis(50),
            request_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(300),
            command_timeout: Duration::from_secs(3600),
        }
    }
}

/// How the channel is served.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ControlOptions {
    /// What peers may cost.
    pub limits: ControlLimits,
    /// How long commands may go on after a shutdown was asked for.
    pub grace: Duration,
    /// Where it is counted what happens.
    pub meter: Arc<Meter>,
}

impl Default for ControlOptions {
    fn default() -> Self {
        Self { limits: ControlLimits::default(), grace: Duration::from_secs(30), meter: Arc::default() }
    }
}

/// Why a request has no better answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// There was nothing.
    #[error("No data received")]
    Empty,
    /// It is no JSON object.
    #[error("not a JSON object: {what} at byte {offset}")]
    Syntax {
        /// Where, from the request's first byte.
        offset: usize,
        /// What is there.
        what: String,
    },
    /// It ended, or nothing more came, before it was whole.
    #[error("the request is not whole")]
    Incomplete,
    /// It is larger than allowed.
    #[error("too many {what}: at most {max}")]
    Limit {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        max: usize,
    },
    /// It is an object that says nothing that we know.
    #[error("{0}")]
    Request(String),
    /// There are too many others.
    #[error("server busy, try again later")]
    Busy,
    /// The command took too long.
    #[error("the command took longer than {} s", .0.as_secs())]
    Timeout(Duration),
    /// The server goes down.
    #[error("the server is shutting down")]
    Shutdown,
    /// A branch that cannot happen. Please report it.
    #[error("internal error: {0}")]
    Internal(&'static str),
}

/// Serves the channel on `listener` until `shutdown` ends: then no new requests are taken, and commands that are under way may end
/// within [`ControlOptions::grace`].
///
/// ```no_run
/// use std::sync::Arc;
///
/// use gitwire_server::control::{Commands, ControlCommand, ControlOptions, serve};
/// use gitwire_types::Interrupt;
///
/// /// `{"type":"git","command":"git version"}` says which.
/// struct Version;
///
/// impl Commands for Version {
///     fn run(&self, command: &ControlCommand, _: &dyn Interrupt) -> Result<String, String> {
///         match command.name.as_str() {
///             "version" => Ok(env!("CARGO_PKG_VERSION").to_owned()),
///             other => Err(format!("unknown command '{other}'")),
///         }
///     }
/// }
///
/// # async fn run() -> std::io::Result<()> {
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8029").await?;
/// serve(listener, Arc::new(Version), ControlOptions::default(), std::future::pending()).await
/// # }
/// ```
///
/// # Errors
/// None that ends it; a client that cannot be taken is logged.
pub async fn serve(
    listener: TcpListener,
    commands: Arc<dyn Commands>,
    options: ControlOptions,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let room = Arc::new(Semaphore::new(options.limits.connections_max));
    let (stop, stopped) = watch::channel(false);
    let (grace, meter) = (options.grace, Arc::clone(&options.meter));
    let channel =
        Arc::new(connection::Channel { jobs: Jobs::new(options.limits.commands_max), commands, options });
    let shutdown = std::pin::pin!(shutdown);
    let mut clients = Clients::new(listener, shutdown);
    while let Some((stream, peer)) = clients.next().await {
        let (channel, stopped) = (Arc::clone(&channel), stopped.clone());
        let permit = Arc::clone(&room).try_acquire_owned().ok();
        let stream = meter.count(stream);
        let span = tracing::info_span!("control", %peer);
        clients.serve(async move { channel.client(stream, permit, stopped).await }.instrument(span));
    }
    stop.send_replace(true);
    if !clients.close(grace).await {
        channel.jobs.stop();
    }
    Ok(())
}

#[cfg(test)]
mod tests;
