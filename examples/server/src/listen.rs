//! The doors.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use gitwire_server::{DirectoryRoot, Export, ReceivePolicy, daemon};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::arguments::{AllowPush, Arguments, Door};

/// A door that is open.
pub(crate) struct OpenDoor {
    listener: TcpListener,
    address: SocketAddr,
}

impl OpenDoor {
    pub(crate) fn url(&self) -> String {
        format!("git://{}", self.address)
    }

    async fn open(host: &str, port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((host, port)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }
}

/// Opens the doors; without any, git:// on this machine: port 9418, or any where somebody else has that one.
pub(crate) async fn open(doors: &[Door]) -> Result<Vec<OpenDoor>, String> {
    if doors.is_empty() {
        let door = match OpenDoor::open("127.0.0.1", 9418).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => OpenDoor::open("127.0.0.1", 0).await,
            opened => opened,
        };
        return Ok(vec![door.map_err(|error| format!("cannot listen on 127.0.0.1: {error}"))?]);
    }
    let mut open = Vec::new();
    for Door { host, port } in doors {
        let door = OpenDoor::open(host, *port).await;
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
    let (stop, stopped) = watch::channel(false);
    let mut serving = JoinSet::new();
    for door in doors {
        let (repositories, policy) = (Arc::clone(&repositories), Arc::clone(&policy));
        let (options, mut stopped) = (options.clone(), stopped.clone());
        serving.spawn(async move {
            let until = async {
                // A sender that has gone says the same.
                let _ = stopped.wait_for(|stop| *stop).await;
            };
            daemon::serve(door.listener, repositories, policy, options, until).await
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
