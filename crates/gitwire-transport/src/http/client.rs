//! One connection at a time, over which requests go one after another. Blocks; below it runs what does not.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::{self, Runtime};
use tokio::sync::Notify;
use tokio_rustls::rustls::ClientConfig;

use super::body::SentBody;
use super::dial::{self, Socket};
use super::place::Origin;
use crate::addresses::Dial;
use crate::blocking::dial as dial_plain;
use crate::connection::destination;
use crate::{Deadline, HttpError, HttpOptions, TransportError};

/// Sends requests, and gives their answers as they come.
pub(super) struct Client {
    runtime: Runtime,
    connection: Option<Connection>,
    tls: Option<Arc<ClientConfig>>,
    dial: Dial,
    /// How long a server may be silent.
    idle: Option<Duration>,
    end: Arc<End>,
}

struct Connection {
    origin: Origin,
    sender: SendRequest<SentBody>,
    /// Whether a request has gone over it.
    used: bool,
}

/// The end from outside.
#[derive(Debug, Default)]
pub(super) struct End {
    asked: AtomicBool,
    notify: Notify,
}

impl End {
    pub(super) fn ask(&self) {
        self.asked.store(true, Ordering::SeqCst);
        self.notify.notify_one();
    }
}

impl Client {
    pub(super) fn new(options: &HttpOptions, dial: Dial) -> Result<Self, TransportError> {
        let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build();
        let runtime = runtime.map_err(TransportError::Read)?;
        let (idle, end) = (options.idle, Arc::default());
        let dial = Dial { hosts: options.hosts.clone(), ..dial };
        Ok(Self { runtime, connection: None, tls: None, dial, idle, end })
    }

    pub(super) fn set_idle(&mut self, idle: Option<Duration>) {
        self.idle = idle;
    }

    /// What ends a blocked call from another thread.
    pub(super) fn end(&self) -> Arc<End> {
        Arc::clone(&self.end)
    }

    /// Sends a request. If the server has closed the connection since the last one, it is sent again over a new one, if it can be:
    /// whoever closes a connection between two requests has not heard the second.
    pub(super) fn send(
        &mut self,
        origin: &Origin,
        request: Request<SentBody>,
        options: &HttpOptions,
    ) -> Result<Response<Incoming>, TransportError> {
        let mut request = request;
        loop {
            let mut connection = self.connection(origin, options)?;
            let spare = if connection.used { again(&request) } else { None };
            let sent = self.block(connection.sender.try_send_request(request))?;
            match sent {
                Ok(response) => {
                    connection.used = true;
                    self.connection = Some(connection);
                    return Ok(response);
                }
                Err(mut error) => match error.take_message().or(spare) {
                    Some(unsent) if connection.used && !error.error().is_parse() => request = unsent,
                    _ => return Err(exchange_error(origin, error.error())),
                },
            }
        }
    }

    /// Waits, for no longer than a server may be silent, and not at all once the end is asked for.
    pub(super) fn block<T>(&self, work: impl Future<Output = T>) -> Result<T, TransportError> {
        let end = &*self.end;
        let idle = self.idle;
        self.runtime.block_on(async move {
            let mut work = pin!(work);
            let mut asked = pin!(end.notify.notified());
            let mut late = pin!(async move {
                match idle {
                    Some(idle) => tokio::time::sleep(idle).await,
                    None => std::future::pending().await,
                }
            });
            std::future::poll_fn(|context| {
                if end.asked.load(Ordering::SeqCst) || asked.as_mut().poll(context).is_ready() {
                    let gone = io::Error::new(io::ErrorKind::ConnectionAborted, "the caller has hung up");
                    return Poll::Ready(Err(TransportError::Read(gone)));
                }
                if let Poll::Ready(done) = work.as_mut().poll(context) {
                    return Poll::Ready(Ok(done));
                }
                match late.as_mut().poll(context) {
                    Poll::Ready(()) => Poll::Ready(Err(TransportError::Deadline {
                        deadline: Deadline::Idle,
                        after: idle.unwrap_or_default(),
                    })),
                    Poll::Pending => Poll::Pending,
                }
            })
            .await
        })
    }

    /// Lets time pass.
    pub(super) fn wait(&self, time: Duration) -> Result<(), TransportError> {
        self.block(async { tokio::time::sleep(time).await })
    }

    /// The connection that is there, if it leads to the right place and still stands, or else a new one.
    fn connection(&mut self, origin: &Origin, options: &HttpOptions) -> Result<Connection, TransportError> {
        if let Some(mut connection) = self.connection.take().filter(|there| there.origin.is(origin)) {
            // Whether it still stands shows once what it has to do is done.
            if self.block(connection.sender.ready())?.is_ok() {
                return Ok(connection);
            }
        }
        let to = destination(&origin.host, origin.port());
        let failed = |source| TransportError::Connect { to: to.clone(), source };
        let stream = dial_plain(&origin.host, origin.port(), &self.dial).map_err(failed)?;
        stream.set_nodelay(true).and_then(|()| stream.set_nonblocking(true)).map_err(failed)?;
        let stream = {
            let _inside = self.runtime.enter();
            TcpStream::from_std(stream).map_err(failed)?
        };
        let socket = if origin.encrypted {
            let tls = match &self.tls {
                Some(tls) => Arc::clone(tls),
                None => Arc::clone(self.tls.insert(dial::tls(&options.tls)?)),
            };
            self.block(dial::encrypt(stream, tls, &origin.host))?
                .map_err(|error| HttpError::Tls { url: origin.to_string(), why: error.to_string() })?
        } else {
            Socket::Plain(stream)
        };
        let mut builder = http1::Builder::new();
        builder
            .max_headers(options.limits.headers_max)
            .max_header_size(options.limits.header_bytes_max)
            .allow_obsolete_multiline_headers_in_responses(true)
            .max_buf_size(options.limits.header_bytes_max.max(BUFFER_MIN));
        let shaken = self.block(builder.handshake(TokioIo::new(socket)))?;
        let (sender, connection) = shaken.map_err(|error| exchange_error(origin, &error))?;
        // What goes wrong with it shows where its requests are.
        self.runtime.spawn(async move { drop(connection.await) });
        Ok(Connection { origin: origin.clone(), sender, used: false })
    }
}

/// The same request, if it can be sent twice.
fn again(request: &Request<SentBody>) -> Option<Request<SentBody>> {
    let body = match request.body() {
        SentBody::Whole(bytes) => SentBody::Whole(bytes.clone()),
        SentBody::Long(bytes) => SentBody::Long(bytes.clone()),
        SentBody::Streamed(_) => return None,
    };
    let mut again = Request::new(body);
    *again.method_mut() = request.method().clone();
    *again.uri_mut() = request.uri().clone();
    *again.headers_mut() = request.headers().clone();
    Some(again)
}

/// The smallest buffer that hyper takes.
const BUFFER_MIN: usize = 8192;

pub(super) fn exchange_error(origin: &Origin, error: &hyper::Error) -> TransportError {
    HttpError::Exchange { url: origin.to_string(), why: chain(error) }.into()
}

/// An error with its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("connected", &self.connection.is_some()).finish_non_exhaustive()
    }
}
