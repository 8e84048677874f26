//! Connections that come straight to us, without a web framework in front.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tower_service::Service as _;

use super::HttpService;

/// What an HTTP server does for all clients together.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HttpOptions {
    /// Connections at once; more wait until others have ended. 512: a few file descriptors and tasks each.
    pub connections_max: usize,
    /// How long the head of a request may take. 10 s: two round trips around the world and some patience.
    pub head_timeout: Duration,
    /// The largest head of a request, in bytes. 32 KiB: git's are of some hundred, credentials and cookies included.
    pub head_bytes_max: usize,
    /// How long transfers may go on after a shutdown was asked for.
    pub grace: Duration,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            connections_max: 512,
            head_timeout: Duration::from_secs(10),
            head_bytes_max: 32 << 10,
            grace: Duration::from_secs(30),
        }
    }
}

/// Serves HTTP/1.1 on `listener` until `shutdown` ends: then no new connections are taken, and requests that are under way may end
/// within [`HttpOptions::grace`].
///
/// # Errors
/// None that ends it; a client that cannot be taken is logged.
pub async fn serve(
    listener: TcpListener,
    service: HttpService,
    options: HttpOptions,
    shutdown: impl Future<Output = ()>,
) -> std::io::Result<()> {
    let room = Arc::new(Semaphore::new(options.connections_max));
    let (stop, stopped) = watch::channel(false);
    let mut shutdown = std::pin::pin!(shutdown);
    let mut clients = JoinSet::new();
    loop {
        let accepted = async {
            let permit = Arc::clone(&room).acquire_owned().await;
            (permit, listener.accept().await)
        };
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = clients.join_next(), if !clients.is_empty() => {}
            (permit, accepted) = accepted => match accepted {
                Ok((stream, peer)) => {
                    let (service, options, mut stopped) = (service.clone(), options.clone(), stopped.clone());
                    clients.spawn(async move {
                        let _permit = permit;
                        let _ = stream.set_nodelay(true);
                        let service = hyper::service::service_fn(move |request| service.clone().call(request));
                        let connection = hyper::server::conn::http1::Builder::new()
                            .timer(TokioTimer::new())
                            .header_read_timeout(options.head_timeout)
                            .max_buf_size(options.head_bytes_max.max(8 << 10))
                            .serve_connection(TokioIo::new(stream), service);
                        let mut connection = std::pin::pin!(connection);
                        let stopped = async { drop(stopped.wait_for(|stop| *stop).await) };
                        let ended = tokio::select! {
                            ended = &mut connection => ended,
                            () = stopped => {
                                connection.as_mut().graceful_shutdown();
                                connection.await
                            }
                        };
                        if let Err(error) = ended {
                            tracing::debug!(%peer, %error, "connection");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "accept");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }
    drop(listener);
    stop.send_replace(true);
    let all = async { while clients.join_next().await.is_some() {} };
    if timeout(options.grace, all).await.is_err() {
        clients.shutdown().await;
    }
    Ok(())
}
