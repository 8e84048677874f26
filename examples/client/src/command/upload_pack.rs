//! `gitwire upload-pack`: in place of `git upload-pack`, for ssh and local paths.

use std::error::Error as _;
use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use gitwire_gitdir::{Config, GitDir, Lookup, OpenOptions};
use gitwire_protocol::{ProtocolError, Serving, Version};
use gitwire_server::{Policy, ProgramPacks, ServeError, Session, stdio};
use gitwire_types::ObjectKind;
use gitwire_walk::WalkError;

use crate::failure::Failure;
use crate::trace::{self, Events};
use crate::{local, promisors};

#[derive(Debug, Args)]
pub(crate) struct UploadPack {
    /// Do not try DIR/.git and DIR.git.
    #[arg(long, overrides_with = "no_strict")]
    strict: bool,
    /// Try them.
    #[arg(long)]
    no_strict: bool,
    /// Seconds of silence after which the client is given up; 0 for ever.
    #[arg(long, value_name = "N", default_value_t = 0)]
    timeout: u64,
    /// One request and one answer.
    #[arg(long)]
    stateless_rpc: bool,
    /// Only show what there is, for smart HTTP.
    #[arg(long, visible_alias = "advertise-refs")]
    http_backend_info_refs: bool,
    /// The repository.
    directory: PathBuf,
}

impl UploadPack {
    pub(crate) fn run(&self, config: Config) -> Result<ExitCode, Failure> {
        let mut options = OpenOptions::default();
        options.lookup = if self.strict { Lookup::Exact } else { Lookup::Guess };
        options.config = config;
        options.sources = Some(local::sources()?);
        let repository = GitDir::open(&self.directory, &options)?;
        let mut policy = Policy::git().with_config(&repository.config())?;
        policy.agent = local::agent();
        policy.sideband_all |= local::tests_sideband_all();
        let events = Events::new("upload-pack");
        if repository.config().boolean("transfer", None, "advertiseSID")? == Some(true) {
            policy.session_id = Some(events.session_id().to_owned().into());
        }
        policy.deadlines.idle = (self.timeout > 0).then(|| Duration::from_secs(self.timeout));
        policy.pack_threads = std::thread::available_parallelism().map_or(1, usize::from);
        let packs = packs_hook(&repository, &options)?;
        let may_be_lazy = !promisors::is_forbidden(true)?;
        let promisors = if may_be_lazy { promisors::remotes(&repository)? } else { None };
        let whole = repository.clone();
        let namespace = local::namespace()?;
        if let Some(namespace) = &namespace {
            policy.hidden = policy.hidden.in_namespace(namespace.prefix().clone());
        }
        let repository = local::within(repository, namespace);
        let policy = Arc::new(policy);
        let asked = std::env::var_os("GIT_PROTOCOL").unwrap_or_default();
        let version = Version::asked(asked.as_encoded_bytes());
        events.version(version);
        if self.http_backend_info_refs {
            let mut out = std::io::stdout().lock();
            let conversation = Session::new(repository, policy, version, Serving::Advertisement);
            stdio::advertise(conversation, |bytes| out.write_all(bytes))?;
            return Ok(ExitCode::SUCCESS);
        }
        let serving = if self.stateless_rpc { Serving::Stateless } else { Serving::Duplex };
        let deadlines = policy.deadlines.clone();
        let (mut session, machine) = Session::new(repository, policy, version, serving);
        session = session.with_observer(Arc::new(events));
        if let Some(packs) = packs {
            session = session.with_packs(Arc::new(packs));
        }
        if let Some(promisors) = promisors {
            session = session.with_promisor(Arc::new(promisors));
        }
        match stdio::serve((session, machine), deadlines, trace::streams("upload-pack")?) {
            Ok(()) => Ok(ExitCode::SUCCESS),
            // The client has been told; whoever looks at standard error hears it as well.
            Err(error @ (ServeError::Protocol(_) | ServeError::Refused(_))) => {
                Err(Failure::fatal(last_words(&error)))
            }
            Err(error) => {
                if !may_be_lazy && error.missing().is_some_and(|id| promisors::has(&whole, &id)) {
                    eprintln!("warning: lazy fetching disabled; some objects may not be available");
                }
                Err(lost(&error).map_or_else(|| error.into(), Failure::fatal))
            }
        }
    }
}

/// What git says on standard error of a repository that lacks objects. The pack it makes with a program, and names that too.
fn lost(error: &ServeError) -> Option<String> {
    let id = error.missing()?;
    let walk: Option<&WalkError> = match error {
        ServeError::Walk(error) => Some(error),
        ServeError::Storage(error) => error.source().and_then(|source| source.downcast_ref()),
        _ => None,
    };
    let lost = match walk {
        Some(WalkError::Missing { kind: Some(ObjectKind::Tree), .. }) => format!("bad tree object {id}"),
        _ => format!("unable to read {id}"),
    };
    Some(format!("{lost}\nfatal: git upload-pack: git-pack-objects died with error."))
}

/// What git's upload-pack says on standard error: what the client is told, but for these two.
fn last_words(error: &ServeError) -> String {
    match error {
        ServeError::Protocol(ProtocolError::Remote { message, .. }) => {
            format!("remote error: {}", message.escape_ascii())
        }
        ServeError::Refused(reason) if reason.starts_with("upload-pack: ") => format!("git {reason}"),
        error => error.reply().into_owned(),
    }
}

/// The program that makes packs, if the system's or the user's configuration or the command line names one: never the repository's own.
pub(super) fn packs_hook(
    repository: &GitDir,
    options: &OpenOptions,
) -> Result<Option<ProgramPacks>, Failure> {
    let mut config = Config::default();
    if let Some(sources) = &options.sources {
        config.append(sources.read(&*options.file_system, Some(repository.path()))?);
        config.append(sources.command.clone());
    }
    config.append(options.config.clone());
    let command = config.string("uploadpack", None, "packObjectsHook").filter(|command| !command.is_empty());
    Ok(command.map(|command| ProgramPacks::new(OsStr::from_bytes(command), repository)))
}
