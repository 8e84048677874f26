//! What connectors share: where to go, and the first line to say there.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use gitwire_protocol::message::{DaemonRequest, Service};

use crate::spawn::refuse_control;
use crate::{Program, Protocols, Scheme, ServiceProcess, TransportError, Url};

/// How a connection is opened.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// What `GIT_PROTOCOL` or its likes say, `version=2`; `None` asks for version 0.
    pub parameters: Option<String>,
    /// Which kinds of URL may be used.
    pub protocols: Protocols,
    /// The program that serves a local path; by default git's, named as the service.
    pub program: Option<Program>,
    /// How long connecting to one address may take. 30 s: what a TCP handshake with four retries takes.
    pub connect_timeout: Duration,
}

impl ConnectOptions {
    /// What a person who typed the URL wants.
    #[must_use]
    pub fn user() -> Self {
        Self { protocols: Protocols::user(), ..Self::default() }
    }
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            parameters: None,
            protocols: Protocols::default(),
            program: None,
            connect_timeout: Duration::from_secs(30),
        }
    }
}

/// Where a URL leads.
#[derive(Debug)]
pub(crate) enum Route {
    /// To a program on this machine.
    Process(ServiceProcess),
    /// To a git:// server, which hears these bytes first.
    Daemon { host: String, port: u16, request: BytesMut },
}

/// The port of git://.
const DAEMON_PORT: u16 = 9418;

pub(crate) fn route(url: &Url, service: Service, options: &ConnectOptions) -> Result<Route, TransportError> {
    options.protocols.check(url)?;
    match url.scheme {
        Scheme::Local | Scheme::File => {
            let program = options.program.clone().unwrap_or_else(|| Program::new(service.name()));
            Ok(Route::Process(program.serving(&url.path, options.parameters.as_deref())?))
        }
        Scheme::Git => daemon_route(url, service, options),
        // Those have connectors of their own; this one is asked for what is a plain stream.
        scheme => Err(TransportError::NoConnector { scheme: scheme.to_string() }),
    }
}

fn daemon_route(url: &Url, service: Service, options: &ConnectOptions) -> Result<Route, TransportError> {
    let host = url.host.clone().ok_or(TransportError::Internal("a git:// URL without a host"))?;
    refuse_control("path", &url.path)?;
    let mut request = DaemonRequest::new(service, url.path.clone());
    request.host = url.authority().map(Into::into);
    if let Some(parameters) = &options.parameters {
        refuse_control("parameters", parameters.as_bytes())?;
        request.parameters =
            parameters.split(':').map(|one| Bytes::copy_from_slice(one.as_bytes())).collect();
    }
    let mut line = BytesMut::new();
    let max = gitwire_pktline::MAX_DATA as u64;
    // Nothing but its length is left to be wrong with it.
    request.write(&mut line).map_err(|_| TransportError::Limit { what: "bytes in a git:// request", max })?;
    Ok(Route::Daemon { host, port: url.port.unwrap_or(DAEMON_PORT), request: line })
}

/// Host and port for a message.
pub(crate) fn destination(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
