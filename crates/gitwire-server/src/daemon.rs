//! The git:// front end (`git-daemon`).

mod prompt;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use gitwire_pktline::{Decoded, Packet, decode, encode_error};
use gitwire_protocol::message::{DaemonRequest, Service};
use gitwire_protocol::{Serving, Version};
use gitwire_transport::{Deadline, TransportError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tracing::Instrument as _;

use self::prompt::Prompt;
use crate::access::Principal;
use crate::clients::Clients;
use crate::meter::{Metered, Outcome};
use crate::{
    Jobs, Meter, OpenError, Policy, Receiving, Repositories, RepositoryRequest, ServeError, Uploading,
};

/// What a git:// server does for all clients together.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DaemonOptions {
    /// Connections at once; more are told that the server is busy. 512: a few file descriptors and tasks each.
    pub connections_max: usize,
    /// How long the first line may take. 10 s: two round trips around the world and some patience.
    pub request_timeout: Duration,
    /// How long transfers may go on after a shutdown was asked for.
    pub grace: Duration,
    /// Where it is counted what happens.
    pub meter: Arc<Meter>,
}

impl Default for DaemonOptions {
    fn default() -> Self {
        Self {
            connections_max: 512,
            request_timeout: Duration::from_secs(10),
            grace: Duration::from_secs(30),
            meter: Arc::default(),
        }
    }
}

/// Serves git:// on `listener` until `shutdown` ends: then no new connections are taken, and those that are open may end within
/// [`DaemonOptions::grace`]. `jobs` bounds the work of all front ends together.
///
/// # Errors
/// None that ends it; a client that cannot be taken is logged.
pub async fn serve(
    listener: TcpListener,
    repositories: Arc<dyn Repositories>,
    policy: Arc<Policy>,
    jobs: Arc<Jobs>,
    options: DaemonOptions,
    shutdown: impl Future<Output = ()>,
) -> std::io::Result<()> {
    let daemon = Arc::new(Daemon {
        repositories,
        policy,
        jobs,
        connections: Arc::new(Semaphore::new(options.connections_max)),
        options,
    });
    let shutdown = std::pin::pin!(shutdown);
    let mut clients = Clients::new(listener, shutdown);
    while let Some((stream, peer)) = clients.next().await {
        let stream = daemon.options.meter.count(stream);
        let span = tracing::info_span!("git", %peer);
        clients.serve(Arc::clone(&daemon).client(stream).instrument(span));
    }
    clients.close(daemon.options.grace).await;
    Ok(())
}

struct Daemon {
    repositories: Arc<dyn Repositories>,
    policy: Arc<Policy>,
    jobs: Arc<Jobs>,
    connections: Arc<Semaphore>,
    options: DaemonOptions,
}

impl Daemon {
    async fn client(self: Arc<Self>, mut stream: Metered<TcpStream>) {
        let meter = &self.options.meter;
        let Ok(_permit) = Arc::clone(&self.connections).try_acquire_owned() else {
            tracing::warn!("too many connections");
            meter.record(Outcome::Refused);
            refuse(stream, "server busy, try again later").await;
            return;
        };
        let heard = timeout(self.options.request_timeout, read_request(&mut stream)).await;
        let (request, rest) = match heard {
            Ok(Ok(request)) => request,
            Ok(Err(error)) => {
                tracing::info!(%error, "bad request");
                meter.record(Outcome::Refused);
                refuse(stream, &error.reply()).await;
                return;
            }
            Err(_) => {
                let after = self.options.request_timeout;
                let error = TransportError::Deadline { deadline: Deadline::FirstByte, after };
                tracing::info!(%error, "no request");
                meter.record(Outcome::Refused);
                return;
            }
        };
        let path = request.path.escape_ascii().to_string();
        let opened = match self.open(&request).await {
            Ok(opened) => opened,
            Err(reply) => {
                tracing::info!(path, reply, "refused");
                meter.record(Outcome::Refused);
                refuse(stream, &format!("{reply}: {path}")).await;
                return;
            }
        };
        tracing::info!(path, service = %request.service, version = %request.version(), "serving");
        match self.converse(opened, request.version(), stream, rest).await {
            Ok(()) => {
                meter.record(Outcome::Served);
                tracing::info!(path, "served");
            }
            Err(error) => {
                meter.record(Outcome::Failed);
                let source = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(path, %error, source, "not served");
            }
        }
    }

    /// Serves what was opened, to the end of the conversation; `rest` came behind the request.
    async fn converse(
        &self,
        opened: Opened,
        version: Version,
        stream: Metered<TcpStream>,
        rest: BytesMut,
    ) -> Result<(), ServeError> {
        match opened {
            Opened::Upload(uploading) => {
                let deadlines = uploading.policy.deadlines.clone();
                let conversation = uploading.session(version, Serving::Duplex);
                self.jobs.serve(conversation, deadlines, stream, rest).await
            }
            Opened::Receive(receiving) => {
                let deadlines = receiving.policy.deadlines.clone();
                // Nobody signs in over git://.
                let pusher = Principal::Anonymous.pusher();
                let conversation = receiving.session(pusher, version, Serving::Duplex);
                self.jobs.serve(conversation, deadlines, Prompt(stream), rest).await
            }
        }
    }

    async fn open(self: &Arc<Self>, request: &DaemonRequest) -> Result<Opened, String> {
        let (this, request) = (Arc::clone(self), request.clone());
        let opened = spawn_blocking(move || {
            let mut wanted = RepositoryRequest::new(request.service, &request.path);
            wanted.host = request.host.as_deref();
            let opened = match request.service {
                Service::UploadPack => {
                    this.repositories.open_to_upload(&wanted, &this.policy).map(Opened::Upload)
                }
                Service::ReceivePack => this.repositories.open_to_receive(&wanted).map(Opened::Receive),
                Service::UploadArchive => Err(OpenError::NotEnabled),
            };
            opened.map_err(|error| {
                tracing::info!(%error, "open");
                error.reply().to_owned()
            })
        });
        opened.await.unwrap_or_else(|_| Err("internal error".to_owned()))
    }
}

/// A repository, to do there what the client wants to do.
enum Opened {
    Upload(Uploading),
    Receive(Receiving),
}

/// Reads the client's first line; gives what came behind it too.
async fn read_request(stream: &mut Metered<TcpStream>) -> Result<(DaemonRequest, BytesMut), ServeError> {
    let mut input = BytesMut::new();
    loop {
        match decode(&input).map_err(|error| ServeError::Refused(error.reply().to_owned()))? {
            Decoded::Packet { packet: Packet::Data(line), consumed } => {
                let request = DaemonRequest::parse(line)
                    .map_err(|violation| ServeError::Refused(violation.to_string()))?;
                input.advance(consumed);
                return Ok((request, input));
            }
            Decoded::Packet { .. } => return Err(ServeError::Refused("expected a request".into())),
            Decoded::Incomplete { .. } => {
                let read = stream.read_buf(&mut input).await.map_err(TransportError::Read)?;
                if read == 0 {
                    return Err(ServeError::Refused("the request is not whole".into()));
                }
            }
        }
    }
}

/// Says why, and closes so that it is heard.
async fn refuse(mut stream: Metered<TcpStream>, reason: &str) {
    let mut line = BytesMut::new();
    if encode_error(reason.as_bytes(), &mut line).is_err() {
        return;
    }
    let say = async {
        stream.write_all(&line).await?;
        stream.shutdown().await?;
        let mut room = BytesMut::with_capacity(4096);
        while stream.read_buf(&mut room).await? > 0 {
            room.clear();
        }
        Ok::<(), std::io::Error>(())
    };
    // A client that does not listen is not told.
    let _ = timeout(Duration::from_secs(1), say).await;
}
