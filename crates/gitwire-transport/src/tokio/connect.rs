//! Opening asynchronous connections.

use std::io;
use std::process::Stdio;

use gitwire_protocol::message::Service;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, lookup_host};
use tokio::process::Command;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::Stream;
use crate::addresses::Dial;
use crate::connection::{ConnectOptions, Route, destination, route};
use crate::{Scheme, ServiceProcess, TransportError, Url};

/// Opens a duplex connection to `service` of the repository at `url`: a local program, ssh, or a git:// server, which has got its
/// request line then.
///
/// # Errors
/// A URL that may not be used or cannot be served by a plain stream, a program that does not start, a host that is not
/// reached.
pub async fn connect(
    url: &Url,
    service: Service,
    options: &ConnectOptions,
) -> Result<Stream, TransportError> {
    #[cfg(all(feature = "http", feature = "ws"))]
    if matches!(url.scheme, Scheme::Ws | Scheme::Wss) {
        return crate::websocket::connect(url, service, options).await.map(Stream::websocket);
    }
    let route = match url.scheme {
        // Which arguments the program takes may be found out by running it.
        Scheme::Ssh => {
            let (url, options) = (url.clone(), options.clone());
            let routed = spawn_blocking(move || route(&url, service, &options)).await;
            routed.unwrap_or(Err(TransportError::Internal("a probe of ssh has panicked")))?
        }
        _ => route(url, service, options)?,
    };
    match route {
        Route::Process { process, opening } => {
            let mut stream = spawn(process)?;
            stream.write_all(&opening).await.map_err(TransportError::Write)?;
            Ok(stream)
        }
        Route::Daemon { host, port, request } => {
            let mut stream = dial(&host, port, &options.dial())
                .await
                .map_err(|source| TransportError::Connect { to: destination(&host, port), source })?;
            stream.set_nodelay(true).map_err(TransportError::Write)?;
            stream.write_all(&request).await.map_err(TransportError::Write)?;
            Ok(Stream::tcp(stream))
        }
    }
}

/// Starts a program and talks to it over its standard input and output.
///
/// # Errors
/// The program does not start.
pub fn spawn(process: ServiceProcess) -> Result<Stream, TransportError> {
    let program = process.name().to_owned();
    let mut command = Command::from(process.into_command());
    let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = spawned.map_err(|source| TransportError::Spawn { program, source })?;
    match (child.stdin.take(), child.stdout.take()) {
        (Some(stdin), Some(stdout)) => Ok(Stream::process(child, stdin, stdout)),
        _ => Err(TransportError::Internal("a child without the pipes that were asked for")),
    }
}

/// Each address in turn, as `git` does.
pub(crate) async fn dial(host: &str, port: u16, options: &Dial) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in options.allowed(host, lookup_host((host, port)).await?)? {
        match timeout(options.timeout, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}
