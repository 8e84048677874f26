//! Taking the clients of a front end, until it is shut down.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// The clients of one listener: who comes next, and who is being served.
pub(crate) struct Clients<'a, S> {
    listener: TcpListener,
    shutdown: Pin<&'a mut S>,
    served: JoinSet<()>,
}

impl<'a, S: Future<Output = ()>> Clients<'a, S> {
    /// Clients are taken until `shutdown` ends.
    pub(crate) fn new(listener: TcpListener, shutdown: Pin<&'a mut S>) -> Self {
        Self { listener, shutdown, served: JoinSet::new() }
    }

    /// The next client. `None`: no more are taken.
    pub(crate) async fn next(&mut self) -> Option<(TcpStream, SocketAddr)> {
        self.next_with(async {}).await.map(|(stream, peer, ())| (stream, peer))
    }

    /// The next client, once there is `room` for it. Until then those that come wait in the listener's queue.
    pub(crate) async fn next_with<R>(
        &mut self,
        room: impl Future<Output = R>,
    ) -> Option<(TcpStream, SocketAddr, R)> {
        let listener = &self.listener;
        let accept = async {
            let room = room.await;
            loop {
                match listener.accept().await {
                    Ok((stream, peer)) => break (stream, peer, room),
                    Err(error) => {
                        // A client that has gone already, or no more file descriptors: neither is the listener's end.
                        tracing::warn!(%error, "accept");
                        sleep(Duration::from_millis(20)).await;
                    }
                }
            }
        };
        let mut accept = std::pin::pin!(accept);
        let (stream, peer, room) = loop {
            tokio::select! {
                () = &mut self.shutdown => return None,
                // Ended tasks are taken out as they end.
                Some(_) = self.served.join_next(), if !self.served.is_empty() => {}
                accepted = &mut accept => break accepted,
            }
        };
        // Answers are short, and somebody waits for each.
        let _ = stream.set_nodelay(true);
        Some((stream, peer, room))
    }

    /// Serves a client beside the others.
    pub(crate) fn serve(&mut self, client: impl Future<Output = ()> + Send + 'static) {
        self.served.spawn(client);
    }

    /// Takes nobody any more, and cuts off who is not done within `grace`; whether all were.
    pub(crate) async fn close(mut self, grace: Duration) -> bool {
        drop(self.listener);
        let all = async { while self.served.join_next().await.is_some() {} };
        if timeout(grace, all).await.is_ok() {
            return true;
        }
        self.served.shutdown().await;
        false
    }
}
