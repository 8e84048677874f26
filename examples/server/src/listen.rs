//! The doors.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use gitwire_server::http::{self, HttpOptions, HttpService};
use gitwire_server::{DirectoryRoot, Export, Jobs, ReceivePolicy, daemon};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::arguments::{AllowPush, Arguments, Door, Scheme};

/// A door that is open.
pub(crate) struct OpenDoor {
    scheme: Scheme,
    listener: TcpListener,
    address: SocketAddr,
}

impl OpenDoor {
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme.name(), self.address)
    }

    async fn open(scheme: Scheme, host: &str, port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((host, port)).await?;
        let address = listener.local_addr()?;
        Ok(Self { scheme, listener, address })
    }
}

/// Opens the doors; without any, git:// and http:// on this machine: ports 9418 and 8418, or any where somebody else has those.
pub(crate) async fn open(doors: &[Door]) -> Result<Vec<OpenDoor>, String> {
    let mut open = Vec::new();
    for (scheme, port) in [(Scheme::Git, 9418), (Scheme::Http, 8418)].into_iter().filter(|_| doors.is_empty())
    {
        let door = match OpenDoor::open(scheme, "127.0.0.1", port).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                OpenDoor::open(scheme, "127.0.0.1", 0).await
            }
            opened => opened,
        };
        open.push(door.map_err(|error| format!("cannot listen on 127.0.0.1: {error}"))?);
    }
    for Door { scheme, host, port } in doors {
        let door = OpenDoor::open(*scheme, host, *port).await;
        open.push(door.map_err(|error| format!("cannot listen on {host}:{port}: {error}"))?);
    }
    Ok(open)
}

/// Serves until SIGTERM or SIGINT.
pub(crate) async fn serve(
    doors: Vec<OpenDoor>,
    root: &Path,
    arguments: &Arguments,
) -> Result<(), Box<dyn std::error::Error>> {
    let (options, policy) = arguments.limits()?;
    let mut repositories = DirectoryRoot::new(root, Export::All)?;
    if arguments.allow_push == AllowPush::Anyone {
        // Nobody signs in at these doors, so who reaches them must be on this machine.
        if let Some(door) = doors.iter().find(|door| !door.address.ip().is_loopback()) {
            return Err(format!("{}: anyone may push only at a loopback address", door.url()).into());
        }
        repositories = repositories.receiving(ReceivePolicy::default());
    }
    let repositories = Arc::new(repositories);
    let policy = Arc::new(policy);
    // One bound for the work behind all HTTP doors; each git:// door has its own.
    let jobs = Jobs::new(options.jobs_max);
    let (stop, stopped) = watch::channel(false);
    let mut serving = JoinSet::new();
    for door in doors {
        let (repositories, policy) = (Arc::clone(&repositories), Arc::clone(&policy));
        let (options, mut stopped, jobs) = (options.clone(), stopped.clone(), Arc::clone(&jobs));
        serving.spawn(async move {
            let until = async {
                // A sender that has gone says the same.
                let _ = stopped.wait_for(|stop| *stop).await;
            };
            match door.scheme {
                Scheme::Git => daemon::serve(door.listener, repositories, policy, options, until).await,
                Scheme::Http => {
                    let service = HttpService::new(repositories, policy, jobs);
                    http::serve(door.listener, service, http_options(&options), until).await
                }
            }
        });
    }
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("shutting down");
    stop.send_replace(true);
    while let Some(ended) = serving.join_next().await {
        ended??;
    }
    Ok(())
}

/// What holds for connections at a git:// door holds at an HTTP door.
fn http_options(options: &daemon::DaemonOptions) -> HttpOptions {
    let mut http = HttpOptions::default();
    http.connections_max = options.connections_max;
    http.head_timeout = options.request_timeout;
    http.grace = options.grace;
    http
}
