//! Opening blocking connections.

use std::io::{self, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::Child;
use std::thread;
use std::time::Duration;

use gitwire_protocol::message::Service;

use super::Streams;
use crate::addresses::Dial;
use crate::connection::{ConnectOptions, Route, destination, route};
use crate::{Exchanges, ServiceProcess, TransportError, Url};

/// How a conversation with a service is carried.
#[derive(Debug)]
pub enum Connection {
    /// By a pair of streams, for as long as it lasts: [`Driver`](super::Driver).
    Duplex(Streams),
    /// By requests and their answers: [`StatelessDriver`](super::StatelessDriver). The machine must be in
    /// [`Mode::Stateless`](gitwire_protocol::Mode::Stateless).
    Stateless(Box<dyn Exchanges>),
}

/// Opens what the URL calls for: [`Url::mode`] says beforehand which it will be.
///
/// # Errors
/// As [`connect`]. For exchanges nothing is reached yet: that comes with the first of them.
pub fn open(url: &Url, service: Service, options: &ConnectOptions) -> Result<Connection, TransportError> {
    match url.scheme {
        #[cfg(feature = "http")]
        crate::Scheme::Http | crate::Scheme::Https => {
            let exchanges = crate::http::exchanges(url, service, options)?;
            Ok(Connection::Stateless(match &options.wire_trace {
                Some(trace) => exchanges.heard_by(trace),
                None => exchanges,
            }))
        }
        _ => connect(url, service, options).map(Connection::Duplex),
    }
}

/// Opens a duplex connection to `service` of the repository at `url`: a local program, ssh, or a git:// server, which has got its
/// request line then.
///
/// # Errors
/// A URL that may not be used or cannot be served by a plain stream, a program that does not start, a host that is not
/// reached.
pub fn connect(url: &Url, service: Service, options: &ConnectOptions) -> Result<Streams, TransportError> {
    let streams = connect_unheard(url, service, options)?;
    Ok(match &options.wire_trace {
        Some(trace) => streams.heard_by(trace),
        None => streams,
    })
}

fn connect_unheard(url: &Url, service: Service, options: &ConnectOptions) -> Result<Streams, TransportError> {
    #[cfg(all(feature = "http", feature = "ws"))]
    if matches!(url.scheme, crate::Scheme::Ws | crate::Scheme::Wss) {
        return super::websocket::connect(url, service, options);
    }
    match route(url, service, options)? {
        Route::Process { process, opening } => {
            let mut streams = spawn(process)?;
            streams.writer.write_all(&opening).map_err(TransportError::Write)?;
            Ok(streams)
        }
        Route::Daemon { host, port, request } => {
            let mut stream = dial(&host, port, &options.dial())
                .map_err(|source| TransportError::Connect { to: destination(&host, port), source })?;
            stream.write_all(&request).map_err(TransportError::Write)?;
            if let Some(trace) = &options.wire_trace {
                trace.sent(&request);
            }
            Streams::tcp(stream).map_err(TransportError::Write)
        }
    }
}

/// Starts a program and talks to it over its standard input and output.
///
/// # Errors
/// The program does not start.
pub fn spawn(process: ServiceProcess) -> Result<Streams, TransportError> {
    let (child, stdin, stdout) = process.spawn()?;
    Ok(Streams::new(stdout, stdin).with_hang_up(move || reap(child)))
}

/// Each address in turn, as `git` does.
pub(crate) fn dial(host: &str, port: u16, options: &Dial) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let addresses = match options.known(host, port) {
        Some(known) => known,
        None => (host, port).to_socket_addrs()?.collect(),
    };
    for address in options.allowed(host, addresses.into_iter())? {
        match TcpStream::connect_timeout(&address, options.timeout) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Waits for a program that has ended its output; one that does not end within a second is killed.
fn reap(mut child: Child) {
    const STEP: Duration = Duration::from_millis(5);
    for _ in 0..200 {
        match child.try_wait() {
            Ok(None) => thread::sleep(STEP),
            Ok(Some(_)) | Err(_) => return,
        }
    }
    // Either may fail because the program has just ended, which is what is wanted.
    let _ = child.kill();
    let _ = child.wait();
}
