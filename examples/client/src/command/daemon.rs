//! `gitwire daemon`: git:// as `git daemon` serves it, in one process.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use gitwire_gitdir::{Config, Lookup, OpenOptions};
use gitwire_server::daemon::{DaemonOptions, serve};
use gitwire_server::{DirectoryRoot, Export, Jobs, Policy};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct Daemon {
    /// The address to listen on.
    #[arg(long, value_name = "HOST", default_value = "0.0.0.0")]
    listen: String,
    /// The port to listen on.
    #[arg(long, value_name = "N", default_value_t = 9418)]
    port: u16,
    /// Serve repositories without git-daemon-export-ok as well.
    #[arg(long)]
    export_all: bool,
    /// Do not try DIR/.git and DIR.git.
    #[arg(long)]
    strict_paths: bool,
    /// The directory that paths are relative to.
    #[arg(long, value_name = "DIR", default_value = "/")]
    base_path: PathBuf,
    /// Seconds of silence after which a client is given up; 0 for ever.
    #[arg(long, value_name = "N", default_value_t = 0)]
    timeout: u64,
    /// Seconds until a client must have said what it wants.
    #[arg(long, value_name = "N", default_value_t = 10)]
    init_timeout: u64,
    /// Clients at once.
    #[arg(long, value_name = "N", default_value_t = 32)]
    max_connections: usize,
    /// Listen again at once after a restart. Always so.
    #[arg(long)]
    reuseaddr: bool,
    /// Say what happens.
    #[arg(long)]
    verbose: bool,
}

impl Daemon {
    pub(crate) fn run(&self, config: Config) -> Result<ExitCode, Failure> {
        if self.verbose {
            tracing_subscriber::fmt().with_writer(std::io::stderr).init();
        }
        let mut options = OpenOptions::default();
        options.lookup = if self.strict_paths { Lookup::Exact } else { Lookup::Guess };
        options.config = config.clone();
        let export = if self.export_all { Export::All } else { Export::Marked };
        let root = Arc::new(DirectoryRoot::with_options(&self.base_path, export, options)?);
        let mut policy = Policy::git().with_config(&config)?;
        policy.deadlines.idle = (self.timeout > 0).then(|| Duration::from_secs(self.timeout));
        let mut options = DaemonOptions::default();
        options.connections_max = self.max_connections;
        options.request_timeout = Duration::from_secs(self.init_timeout.max(1));
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            let listener = TcpListener::bind((self.listen.as_str(), self.port)).await?;
            let (mut terminate, mut interrupt) =
                (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
            let until = async move {
                tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            };
            serve(listener, root, Arc::new(policy), Jobs::new(Jobs::MAX), options, until).await
        })?;
        runtime.shutdown_background();
        Ok(ExitCode::SUCCESS)
    }
}
