//! The doors.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gitwire_server::access::Access;
use gitwire_server::control::{self, ControlOptions};
use gitwire_server::http::{self, HttpService};
use gitwire_server::{DirectoryRoot, Export, Jobs, Meter, Policy, daemon};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::arguments::{AllowPush, AllowRead, Control, Door, Place, Scheme};
use crate::config::Options;
use crate::control::{Elsewhere, RootCommands};
use crate::hosts::Hosts;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::names::Names;
use crate::rules::Rules;
use crate::site::{Operators, Pages, Site, SiteBody};
use crate::tls;
use crate::users::Users;
use crate::web::{Web, WebContext};

/// A door that is open.
pub(crate) struct OpenDoor {
    pub(crate) scheme: Scheme,
    listener: TcpListener,
    address: SocketAddr,
}

type Failure = Box<dyn std::error::Error>;

impl OpenDoor {
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme.name(), self.address)
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    async fn open(scheme: Scheme, place: &Place) -> Result<Self, String> {
        let Place { host, port } = place;
        let open = async {
            let listener = TcpListener::bind((host.as_str(), *port)).await?;
            let address = listener.local_addr()?;
            Ok(Self { scheme, listener, address })
        };
        open.await.map_err(|error: io::Error| format!("cannot listen on {host}:{port}: {error}"))
    }

    /// On this machine: the port that is usual, or any where somebody else has that.
    async fn open_own(scheme: Scheme, port: u16) -> Result<Self, String> {
        let own = |port| Place { host: "127.0.0.1".to_owned(), port };
        match Self::open(scheme, &own(port)).await {
            Ok(door) => Ok(door),
            Err(_) => Self::open(scheme, &own(0)).await,
        }
    }
}

/// Opens the doors; without any, git:// and http:// on this machine.
pub(crate) async fn open(options: &Options) -> Result<Vec<OpenDoor>, String> {
    let mut open = Vec::new();
    if options.listen.is_empty() {
        open.push(OpenDoor::open_own(Scheme::Git, 9418).await?);
        open.push(OpenDoor::open_own(Scheme::Http, 8418).await?);
    }
    for Door { scheme, place } in &options.listen {
        open.push(OpenDoor::open(*scheme, place).await?);
    }
    match &options.control {
        Some(Control::At(place)) => open.push(OpenDoor::open(Scheme::Control, place).await?),
        None if options.is_sample() => open.push(OpenDoor::open_own(Scheme::Control, 8029).await?),
        None | Some(Control::Off) => {}
    }
    Ok(open)
}

/// Where the doors are and what stands behind them.
pub(crate) struct Server {
    doors: Vec<OpenDoor>,
    limits: Limits,
    grace: Duration,
    repositories: Arc<DirectoryRoot>,
    policy: Arc<Policy>,
    rules: Arc<Rules>,
    jobs: Arc<Jobs>,
    elsewhere: Elsewhere,
    names: Names,
    tls: Option<TlsAcceptor>,
    operators: Operators,
    meters: Vec<Arc<Meter>>,
}

impl Server {
    /// Puts everything together; nothing is served yet.
    pub(crate) fn new(doors: Vec<OpenDoor>, root: &Path, options: &Options) -> Result<Self, Failure> {
        let limits = options.limits()?;
        let rules = Arc::new(rules(&doors, options)?);
        let mut repositories = DirectoryRoot::new(root, Export::All)?.with_access(Arc::clone(&rules) as _);
        if rules.push != AllowPush::No {
            repositories = repositories.receiving(limits.receive.clone());
        }
        let tls = match (&options.tls_cert, &options.tls_key) {
            (Some(certificates), Some(key)) => Some(tls::acceptor(certificates, key)?),
            (None, None) => None,
            _ => return Err("--tls-cert and --tls-key belong together".into()),
        };
        if let Some(door) = doors.iter().find(|door| door.scheme == Scheme::Https && tls.is_none()) {
            return Err(format!("{} needs --tls-cert and --tls-key", door.url()).into());
        }
        let meters: Vec<Arc<Meter>> = doors.iter().map(|_| Arc::default()).collect();
        // One bound for the work behind all doors.
        let jobs = Jobs::new(limits.jobs_max);
        let metrics = Metrics::new(
            doors.iter().map(OpenDoor::url).zip(meters.iter().map(Arc::clone)),
            Arc::clone(&jobs),
        );
        Ok(Self {
            repositories: Arc::new(repositories),
            policy: Arc::new(limits.policy.clone()),
            elsewhere: Elsewhere {
                hosts: Hosts::new(&options.control_allow),
                pack_bytes_max: limits.clone_bytes_max,
                time: limits.control.command_timeout,
            },
            names: Names::new(&options.host),
            operators: Operators { metrics, allow: options.allow_metrics.unwrap_or_default() },
            grace: options.grace(),
            doors,
            limits,
            rules,
            jobs,
            tls,
            meters,
        })
    }

    /// Serves until SIGTERM or SIGINT.
    pub(crate) async fn serve(self) -> Result<(), Failure> {
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let jobs = Arc::clone(&self.jobs);
        let (stop, stopped) = watch::channel(false);
        let mut serving = self.start(&stopped)?;
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
        tracing::info!("all doors are closed");
        Ok(())
    }

    fn start(mut self, stopped: &watch::Receiver<bool>) -> io::Result<JoinSet<io::Result<()>>> {
        let doors = std::mem::take(&mut self.doors);
        let context = WebContext {
            root: Arc::clone(&self.repositories),
            gate: Arc::clone(&self.rules) as _,
            policy: Arc::clone(&self.policy),
            jobs: Arc::clone(&self.jobs),
            doors: doors.iter().filter(|door| door.scheme != Scheme::Control).map(OpenDoor::url).collect(),
        };
        let pages = pages(context)?;
        let mut serving = JoinSet::new();
        for (door, meter) in doors.into_iter().zip(self.meters.clone()) {
            let mut stopped = stopped.clone();
            let until = async move {
                // A sender that has gone says the same.
                let _ = stopped.wait_for(|stop| *stop).await;
            };
            match door.scheme {
                Scheme::Git => {
                    let mut options = self.limits.daemon(self.grace);
                    options.meter = meter;
                    let (repositories, policy) = (Arc::clone(&self.repositories), Arc::clone(&self.policy));
                    let jobs = Arc::clone(&self.jobs);
                    serving.spawn(daemon::serve(door.listener, repositories, policy, jobs, options, until));
                }
                Scheme::Http => {
                    let (site, mut options) = (self.site(&door, &pages), self.limits.http(self.grace));
                    options.meter = meter;
                    serving.spawn(http::serve(door.listener, site, options, until));
                }
                Scheme::Https => {
                    let (site, mut options) = (self.site(&door, &pages), self.limits.http(self.grace));
                    options.meter = meter;
                    let Some(tls) = self.tls.clone() else { continue };
                    let accept = move |stream| tls.accept(stream);
                    serving.spawn(http::serve_over(door.listener, accept, site, options, until));
                }
                Scheme::Control => {
                    let mut options = ControlOptions::default();
                    options.limits = self.limits.control.clone();
                    options.grace = self.grace;
                    options.meter = meter;
                    let commands = RootCommands::new(Arc::clone(&self.repositories), self.elsewhere.clone());
                    serving.spawn(control::serve(door.listener, Arc::new(commands), options, until));
                }
            }
        }
        Ok(serving)
    }

    fn site(&self, door: &OpenDoor, pages: &Pages) -> Site {
        let (repositories, policy) = (Arc::clone(&self.repositories), Arc::clone(&self.policy));
        let mut git = HttpService::new(repositories, policy, Arc::clone(&self.jobs))
            .with_options(self.limits.http(self.grace));
        // Where nobody can sign in, nobody who tries is refused.
        if self.rules.users.is_some() {
            git = git.with_access(Arc::clone(&self.rules) as Arc<dyn Access>);
        }
        let site = Site::new(git, Arc::clone(pages), self.operators.clone(), door.scheme);
        match door.address.ip().is_loopback() {
            true => site.named(self.names.clone()),
            // Its names are not known here, and who reaches it is judged by users and rights.
            false => site,
        }
    }
}

/// Who may do what, unless it would be more than whoever started the server can have meant.
fn rules(doors: &[OpenDoor], options: &Options) -> Result<Rules, Failure> {
    let (push, users) = (options.allow_push.unwrap_or_default(), &options.users);
    let is_public = |door: &&OpenDoor| !door.address.ip().is_loopback();
    if let Some(door) = doors.iter().filter(|door| door.scheme == Scheme::Control).find(is_public) {
        let text = format!(
            "{}: nobody signs in to the control channel, so it stays on a loopback address",
            door.url()
        );
        return Err(text.into());
    }
    let public = doors.iter().find(is_public);
    if let (AllowPush::Anyone, Some(door)) = (push, public) {
        return Err(format!("{}: anyone may push only at a loopback address", door.url()).into());
    }
    if users.is_none() && (push == AllowPush::Auth || options.allow_read == Some(AllowRead::Auth)) {
        return Err("nobody can sign in without --users".into());
    }
    let read = match (options.allow_read, public, users) {
        (Some(read), ..) => read,
        (None, None, _) => AllowRead::Anyone,
        (None, Some(_), Some(_)) => AllowRead::Auth,
        (None, Some(door), None) => {
            let url = door.url();
            return Err(format!("{url} is open to others: say --allow-read=anyone, or name --users").into());
        }
    };
    let users = users.as_deref().map(Users::open).transpose()?.map(Arc::new);
    Ok(Rules { read, push, users })
}

/// The pages of the web.
fn pages(context: WebContext) -> io::Result<Pages> {
    let web = Web::new(context)?;
    Ok(Arc::new(move |request| {
        let web = web.clone();
        Box::pin(async move { web.answer(request).await.map(|body| Box::pin(body) as SiteBody) })
    }))
}
