//! What connectors share: where to go, and the first line to say there.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use gitwire_protocol::message::{DaemonRequest, Service};

use crate::addresses::Dial;
use crate::ext;
use crate::spawn::refuse_control;
use crate::{
    AddressRule, Cookies, Credentials, HttpOptions, HttpTrace, Program, Protocols, Scheme, ServiceProcess,
    SshOptions, TransportError, Url, WireTrace,
};

/// How a connection is opened.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// What `GIT_PROTOCOL` or its likes say, `version=2`; `None` asks for version 0.
    pub parameters: Option<String>,
    /// Which kinds of URL may be used.
    pub protocols: Protocols,
    /// The program that serves a local path, or runs on the other machine for ssh; by default git's, named as the service.
    pub program: Option<Program>,
    /// What reaches other machines for ssh.
    pub ssh: SshOptions,
    /// How long connecting to one address may take. 30 s: what a TCP handshake with four retries takes.
    pub connect_timeout: Duration,
    /// What git:// servers are told that their host is, in place of what the URL says (`GIT_OVERRIDE_VIRTUAL_HOST`).
    pub virtual_host: Option<String>,
    /// Which addresses may be connected to; `None`: all.
    pub addresses: Option<Arc<dyn AddressRule>>,
    /// Who says in whose name servers are asked, where the URL does not.
    pub credentials: Option<Arc<dyn Credentials>>,
    /// What HTTP servers want to hear again; `None`: they are told nothing again.
    pub cookies: Option<Arc<dyn Cookies>>,
    /// How HTTP servers are asked.
    pub http: HttpOptions,
    /// Who hears what is said to them.
    pub http_trace: Option<Arc<dyn HttpTrace>>,
    /// Who hears the bytes of the conversation, on blocking connections.
    pub wire_trace: Option<Arc<dyn WireTrace>>,
}

impl ConnectOptions {
    /// What a person who typed the URL wants.
    #[must_use]
    pub fn user() -> Self {
        Self { protocols: Protocols::user(), ..Self::default() }
    }

    pub(crate) fn dial(&self) -> Dial {
        Dial { timeout: self.connect_timeout, rule: self.addresses.clone(), hosts: Vec::new() }
    }
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            parameters: None,
            protocols: Protocols::default(),
            program: None,
            ssh: SshOptions::default(),
            connect_timeout: Duration::from_secs(30),
            virtual_host: None,
            addresses: None,
            credentials: None,
            cookies: None,
            http: HttpOptions::default(),
            http_trace: None,
            wire_trace: None,
        }
    }
}

/// Where a URL leads.
#[derive(Debug)]
pub(crate) enum Route {
    /// To a program on this machine, which hears these bytes first.
    Process { process: ServiceProcess, opening: BytesMut },
    /// To a git:// server, which hears these bytes first.
    Daemon { host: String, port: u16, request: BytesMut },
}

impl Route {
    fn process(process: ServiceProcess) -> Self {
        Self::Process { process, opening: BytesMut::new() }
    }
}

/// The port of git://.
const DAEMON_PORT: u16 = 9418;

pub(crate) fn route(url: &Url, service: Service, options: &ConnectOptions) -> Result<Route, TransportError> {
    options.protocols.check(url)?;
    let parameters = parameters(service, options);
    let program = || options.program.clone().unwrap_or_else(|| Program::new(service.name()));
    match url.scheme {
        Scheme::Local | Scheme::File => Ok(Route::process(program().serving(&url.path, parameters)?)),
        Scheme::Ssh => Ok(Route::process(options.ssh.serving(&program(), url, parameters)?)),
        Scheme::Ext => {
            let (process, opening) = ext::serving(&url.path, service)?;
            Ok(Route::Process { process, opening })
        }
        Scheme::Git => daemon_route(url, service, parameters, options.virtual_host.clone()),
        // Those have connectors of their own; this one is asked for what is a plain stream.
        scheme => Err(TransportError::NoConnector { scheme: scheme.to_string() }),
    }
}

/// What the service is asked for: there is no push of version 2, so that it is not asked for.
pub(crate) fn parameters(service: Service, options: &ConnectOptions) -> Option<&str> {
    let asked = options.parameters.as_deref();
    asked.filter(|asked| service != Service::ReceivePack || *asked != "version=2")
}

fn daemon_route(
    url: &Url,
    service: Service,
    parameters: Option<&str>,
    virtual_host: Option<String>,
) -> Result<Route, TransportError> {
    let host = url.host.clone().ok_or(TransportError::Internal("a git:// URL without a host"))?;
    refuse_control("path", &url.path)?;
    let mut request = DaemonRequest::new(service, url.path.clone());
    let told = virtual_host.or_else(|| url.authority());
    refuse_control("host", told.as_deref().unwrap_or_default().as_bytes())?;
    request.host = told.map(Into::into);
    if let Some(parameters) = parameters {
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
