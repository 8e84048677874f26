//! The doors.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use gitwire_server::access::Access;
use gitwire_server::http::{self, HttpOptions, HttpService};
use gitwire_server::{DirectoryRoot, Export, Jobs, ReceivePolicy, daemon};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::arguments::{AllowPush, AllowRead, Arguments, Door, Scheme};
use crate::rules::Rules;
use crate::site::{Pages, Site, SiteBody};
use crate::users::Users;
use crate::web::{Web, WebContext};

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
    let limits = arguments.limits()?;
    let rules = Arc::new(rules(&doors, arguments)?);
    let mut repositories = DirectoryRoot::new(root, Export::All)?.with_access(Arc::clone(&rules) as _);
    if rules.push != AllowPush::No {
        repositories = repositories.receiving(ReceivePolicy::default());
    }
    let repositories = Arc::new(repositories);
    let policy = Arc::new(limits.policy);
    // One bound for the work behind all doors.
    let jobs = Jobs::new(limits.jobs_max);
    // Where nobody can sign in, nobody who tries is refused.
    let access = rules.users.is_some().then(|| Arc::clone(&rules) as Arc<dyn Access>);
    let context = WebContext {
        root: Arc::clone(&repositories),
        gate: rules,
        policy: Arc::clone(&policy),
        jobs: Arc::clone(&jobs),
        doors: doors.iter().map(OpenDoor::url).collect(),
    };
    let pages = Some(pages(context)?);
    let (stop, stopped) = watch::channel(false);
    let mut serving = JoinSet::new();
    for door in doors {
        let (repositories, policy) = (Arc::clone(&repositories), Arc::clone(&policy));
        let (options, mut stopped, jobs) = (limits.daemon.clone(), stopped.clone(), Arc::clone(&jobs));
        let (pages, access) = (pages.clone(), access.clone());
        serving.spawn(async move {
            let until = async {
                // A sender that has gone says the same.
                let _ = stopped.wait_for(|stop| *stop).await;
            };
            match door.scheme {
                Scheme::Git => daemon::serve(door.listener, repositories, policy, jobs, options, until).await,
                Scheme::Http => {
                    let http = http_options(&options);
                    let mut service = HttpService::new(repositories, policy, jobs).with_options(http.clone());
                    if let Some(access) = access {
                        service = service.with_access(access);
                    }
                    let site = Site::new(service, pages, door.scheme);
                    http::serve(door.listener, site, http, until).await
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
    jobs.stop();
    Ok(())
}

/// Who may do what, unless it would be more than whoever started the server can have meant.
fn rules(doors: &[OpenDoor], arguments: &Arguments) -> Result<Rules, Box<dyn std::error::Error>> {
    let Arguments { allow_push: push, allow_read, users, .. } = arguments;
    let public = doors.iter().find(|door| !door.address.ip().is_loopback());
    if let (AllowPush::Anyone, Some(door)) = (push, public) {
        return Err(format!("{}: anyone may push only at a loopback address", door.url()).into());
    }
    if users.is_none() && (*push == AllowPush::Auth || *allow_read == Some(AllowRead::Auth)) {
        return Err("nobody can sign in without --users".into());
    }
    let read = match (allow_read, public, users) {
        (Some(read), ..) => *read,
        (None, None, _) => AllowRead::Anyone,
        (None, Some(_), Some(_)) => AllowRead::Auth,
        (None, Some(door), None) => {
            let url = door.url();
            return Err(format!("{url} is open to others: say --allow-read=anyone, or name --users").into());
        }
    };
    let users = users.as_deref().map(Users::open).transpose()?.map(Arc::new);
    Ok(Rules { read, push: *push, users })
}

/// The pages of the web.
fn pages(context: WebContext) -> io::Result<Pages> {
    let web = Web::new(context)?;
    Ok(Arc::new(move |request| {
        let web = web.clone();
        Box::pin(async move { web.answer(request).await.map(|body| Box::pin(body) as SiteBody) })
    }))
}

/// What holds for connections at a git:// door holds at an HTTP door.
fn http_options(options: &daemon::DaemonOptions) -> HttpOptions {
    let mut http = HttpOptions::default();
    http.connections_max = options.connections_max;
    http.head_timeout = options.request_timeout;
    http.grace = options.grace;
    http
}
