//! Connections that come straight to us, without a web framework in front.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tower_service::Service;
use tracing::Instrument as _;

use super::HttpOptions;
use super::addresses::Addresses;
use super::patience::Patience;
use super::websocket::Tether;
use crate::clients::Clients;
use crate::meter::{Metered, Outcome};

/// Where a request comes from, among its extensions: [`serve`] puts it there, other servers do it in a layer. Bounds that hold for each
/// client hold for all together without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// Serves HTTP/1.1 on `listener` until `shutdown` ends: then no new connections are taken, and requests that are under way may end
/// within [`HttpOptions::grace`]. The service is an [`HttpService`](super::HttpService), or one that has it inside.
///
/// # Errors
/// None that ends it; a client that cannot be taken is logged.
pub async fn serve<S, B>(
    listener: TcpListener,
    service: S,
    options: HttpOptions,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    serve_over(listener, |stream| ready(Ok(stream)), service, options, shutdown).await
}

/// The same over what `accept` makes of each connection: TLS, say. It may take as long as the head of a request.
///
/// # Errors
/// As [`serve`].
pub async fn serve_over<A, F, I, S, B>(
    listener: TcpListener,
    accept: A,
    service: S,
    options: HttpOptions,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()>
where
    A: Fn(Metered<TcpStream>) -> F + Clone + Send + 'static,
    F: Future<Output = io::Result<I>> + Send,
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let room = Arc::new(Semaphore::new(options.connections_max));
    let addresses = Arc::new(Addresses::default());
    let (stop, stopped) = watch::channel(false);
    let shutdown = std::pin::pin!(shutdown);
    let mut clients = Clients::new(listener, shutdown);
    while let Some((stream, peer, permit)) = clients.next_with(Arc::clone(&room).acquire_owned()).await {
        let Some(place) = addresses.take(peer.ip(), options.connections_per_address_max) else {
            tracing::info!(%peer, "too many connections of one address");
            continue;
        };
        let (accept, service) = (accept.clone(), service.clone());
        let (options, stopped) = (options.clone(), stopped.clone());
        clients.serve(async move {
            let _places = (permit, place);
            let stream = options.meter.count(stream);
            let stream = match timeout(options.head_timeout, accept(stream)).await {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => return tracing::debug!(%peer, %error, "not accepted"),
                Err(error) => return tracing::debug!(%peer, %error, "not accepted"),
            };
            if let Err(error) = client(stream, Peer(peer), service, &options, stopped).await {
                tracing::debug!(%peer, %error, "connection");
            }
        });
    }
    stop.send_replace(true);
    clients.close(options.grace).await;
    Ok(())
}

/// One connection, to its end or to the end of the request that is under way when the server stops.
async fn client<I, S, B>(
    stream: I,
    peer: Peer,
    service: S,
    options: &HttpOptions,
    mut stopped: watch::Receiver<bool>,
) -> hyper::Result<()>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (tether, tethered) = Tether::new();
    let meter = Arc::clone(&options.meter);
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(tether.clone());
        // Without the query, which may hold what is nobody's business.
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let span = tracing::info_span!("http", peer = %peer.0, %method, path);
        let (answer, meter) = (span.in_scope(|| service.clone().call(request)), Arc::clone(&meter));
        let answer = async move {
            let answer = answer.await;
            if let Ok(answer) = &answer {
                tracing::info!(status = answer.status().as_u16(), "answered");
                meter.record(match answer.status().as_u16() {
                    ..400 => Outcome::Served,
                    400..500 => Outcome::Refused,
                    500.. => Outcome::Failed,
                });
            }
            answer
        };
        answer.instrument(span)
    });
    let stream = Patience::new(stream, options.write_window, options.write_bytes_min);
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(options.head_timeout)
        .max_buf_size(options.head_bytes_max.max(8 << 10))
        .max_headers(options.headers_max)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = Box::pin(connection);
    let stopped = async { drop(stopped.wait_for(|stop| *stop).await) };
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stopped => {
            connection.as_mut().graceful_shutdown();
            connection.as_mut().await
        }
    };
    // What it was upgraded to goes on.
    drop(connection);
    tethered.loose().await;
    ended
}
