//! `gitwire http-backend`: in place of `git http-backend`, behind a web server that speaks CGI.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use gitwire_gitdir::{Config, GitDir, Lookup, OpenOptions};
use gitwire_protocol::message::Service;
use gitwire_server::access::Principal;
use gitwire_server::http::{HttpService, cgi};
use gitwire_server::{
    Door, Jobs, OpenError, Policy, ProgramHooks, ReceivePolicy, Receiving, Repositories, RepositoryRequest,
    Uploading,
};
use gitwire_storage::{Namespace, Repository, StorageError, StorageErrorKind};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::receive_pack::check_owner;
use super::upload_pack::packs_hook;
use crate::failure::Failure;
use crate::local;
use crate::trace::Events;

/// Serve one HTTP request as a CGI program.
///
/// The web server says in GIT_PROJECT_ROOT where the repositories are, in GIT_HTTP_EXPORT_ALL that all of them are served, and in
/// REMOTE_USER who has signed in; http.uploadpack, http.receivepack and http.getanyfile of each repository switch what it serves.
#[derive(Debug, Args)]
pub(crate) struct HttpBackend {}

impl HttpBackend {
    /// The exit code is always that of success: the web server learns from the status what became of the request.
    pub(crate) fn run(&self, config: Config) -> Result<ExitCode, Failure> {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::WARN)
            .with_writer(std::io::stderr)
            .event_format(Fatal)
            .init();
        if let Err(failure) = answer(config) {
            let _ = failure.report();
            println!("Status: 500 Internal Server Error\r\n\r");
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn answer(config: Config) -> Result<(), Failure> {
    let mut options = OpenOptions::default();
    (options.lookup, options.config) = (Lookup::Guess, config);
    options.sources = Some(local::sources()?);
    let (root, path) = place()?;
    let backend = Backend {
        root,
        options,
        export_all: std::env::var_os("GIT_HTTP_EXPORT_ALL").is_some(),
        namespace: local::namespace()?,
    };
    let variables = move |name: &str| match name {
        "PATH_INFO" => Some(path.clone()),
        name => std::env::var_os(name),
    };
    let service = HttpService::new(Arc::new(backend), Arc::new(Policy::git()), Jobs::new(1));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let served = runtime.block_on(cgi::serve(service, &variables, tokio::io::stdin(), tokio::io::stdout()));
    // What of a request was not read is nobody's business any more.
    runtime.shutdown_background();
    match served {
        // An answer that has begun cannot be taken back.
        Err(error) if error.kind() != std::io::ErrorKind::InvalidInput => {
            tracing::warn!(%error, "the answer is not whole");
            Ok(())
        }
        served => Ok(served?),
    }
}

/// Events as the lines that git dies with: web servers keep them in their logs.
struct Fatal;

impl<S, N> FormatEvent<S, N> for Fatal
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &tracing::Event<'_>,
    ) -> std::fmt::Result {
        write!(writer, "fatal: ")?;
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

/// Where the repositories are, and the path below it.
fn place() -> Result<(PathBuf, OsString), Failure> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    match (variable("GIT_PROJECT_ROOT"), variable("PATH_INFO"), variable("PATH_TRANSLATED")) {
        (Some(root), Some(path), _) => Ok((root.into(), path)),
        (Some(_), None, _) => Err(Failure::fatal("GIT_PROJECT_ROOT is set but PATH_INFO is not")),
        (None, _, Some(path)) => Ok(("/".into(), single_slashes(&path))),
        (None, _, None) => Err(Failure::fatal("No GIT_PROJECT_ROOT or PATH_TRANSLATED from server")),
    }
}

/// The path of a file may have more slashes than names; that of a URL may not.
fn single_slashes(path: &OsStr) -> OsString {
    let mut bytes = path.as_bytes().to_vec();
    bytes.dedup_by(|one, before| (*one, *before) == (b'/', b'/'));
    OsString::from_vec(bytes)
}

/// The repositories below a directory, under their own and the user's configuration, as git serves them.
struct Backend {
    root: PathBuf,
    options: OpenOptions,
    export_all: bool,
    namespace: Option<Namespace>,
}

impl Backend {
    fn find(&self, request: &RepositoryRequest<'_>) -> Result<GitDir, OpenError> {
        let not_found = |why: String| Err(OpenError::NotFound { why });
        let place = self.root.join(OsStr::from_bytes(request.path));
        let repository = match GitDir::open(&place, &self.options) {
            Err(error) if error.kind() == StorageErrorKind::NoRepository => {
                return not_found(format!("not a git repository: '{}'", place.display()));
            }
            opened => opened?,
        };
        if !self.export_all && !repository.path().join("git-daemon-export-ok").exists() {
            return not_found(format!("repository not exported: '{}'", place.display()));
        }
        check_owner(&repository, &self.options).map_err(refused)?;
        let (name, unless_said) = match (request.service, request.door) {
            (_, Door::HttpFiles) => ("getanyfile", true),
            // Whoever has signed in may push.
            (Service::ReceivePack, _) => ("receivepack", request.principal != Principal::Anonymous),
            _ => ("uploadpack", true),
        };
        let said = repository.config().boolean("http", None, name).map_err(unusable)?;
        if said.unwrap_or(unless_said) { Ok(repository) } else { Err(OpenError::NotEnabled) }
    }
}

impl Repositories for Backend {
    fn open(&self, request: &RepositoryRequest<'_>) -> Result<Arc<dyn Repository>, OpenError> {
        Ok(local::within(self.find(request)?, self.namespace.clone()))
    }

    fn open_to_upload(
        &self,
        request: &RepositoryRequest<'_>,
        policy: &Arc<Policy>,
    ) -> Result<Uploading, OpenError> {
        let repository = self.find(request)?;
        let config = repository.config();
        let mut policy = Policy::clone(policy).with_config(&config).map_err(unusable)?;
        policy.agent = local::agent();
        policy.sideband_all |= local::tests_sideband_all();
        policy.pack_threads = std::thread::available_parallelism().map_or(1, usize::from);
        let events = Events::new("upload-pack");
        if config.boolean("transfer", None, "advertiseSID").map_err(unusable)? == Some(true) {
            policy.session_id = Some(events.session_id().to_owned().into());
        }
        if let Some(namespace) = &self.namespace {
            policy.hidden = policy.hidden.in_namespace(namespace.prefix().clone());
        }
        let packs = packs_hook(&repository, &self.options).map_err(refused)?;
        let repository = local::within(repository, self.namespace.clone());
        let mut uploading = Uploading::new(repository, Arc::new(policy));
        uploading.packs = packs.map(|packs| Arc::new(packs) as _);
        uploading.observer = Some(Arc::new(events));
        Ok(uploading)
    }

    fn open_to_receive(&self, request: &RepositoryRequest<'_>) -> Result<Receiving, OpenError> {
        let repository = self.find(request)?;
        let mut policy = ReceivePolicy::git().with_repository(&repository).map_err(unusable)?;
        policy.agent = local::agent();
        if let Some(namespace) = &self.namespace {
            policy.hidden = policy.hidden.in_namespace(namespace.prefix().clone());
        }
        policy.stage.threads = std::thread::available_parallelism().map_or(1, usize::from);
        let hooks = Arc::new(ProgramHooks::new(&repository));
        let repository = local::within(repository, self.namespace.clone());
        let mut receiving = Receiving::new(repository, Arc::new(policy));
        receiving.hooks = hooks;
        Ok(receiving)
    }
}

fn refused(failure: Failure) -> OpenError {
    StorageError::new(StorageErrorKind::Misuse, failure.text).into()
}

fn unusable(error: gitwire_gitdir::ConfigError) -> OpenError {
    StorageError::new(StorageErrorKind::Misuse, "bad configuration").with_source(error).into()
}
