//! `gitwire receive-pack`: in place of `git receive-pack`, for ssh and local paths.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;

use clap::Args;
use gitwire_gitdir::{Config, GitDir, Lookup, OpenOptions};
use gitwire_protocol::{Serving, Version};
use gitwire_server::{ProgramHooks, Pusher, ReceivePolicy, Receiving, ServeError, stdio};

use crate::failure::Failure;
use crate::local;
use crate::trace::{self, Events};

#[derive(Debug, Args)]
pub(crate) struct ReceivePack {
    /// One request and one answer.
    #[arg(long)]
    stateless_rpc: bool,
    /// Only show what there is, for smart HTTP.
    #[arg(long, visible_alias = "advertise-refs")]
    http_backend_info_refs: bool,
    /// Say nothing beside what the client must know.
    #[arg(short, long)]
    quiet: bool,
    /// Do not look whether all objects are there that the new refs reach.
    #[arg(long)]
    skip_connectivity_check: bool,
    /// Take no pack whose deltas stand on objects that only the repository has.
    #[arg(long)]
    reject_thin_pack_for_testing: bool,
    /// The repository.
    directory: PathBuf,
}

impl ReceivePack {
    pub(crate) fn run(&self, config: Config) -> Result<ExitCode, Failure> {
        let mut options = OpenOptions::default();
        options.lookup = Lookup::Guess;
        options.config = config;
        options.sources = Some(local::sources()?);
        let repository = GitDir::open(&self.directory, &options)?;
        let mut policy = ReceivePolicy::git().with_repository(&repository)?;
        policy.agent = local::agent();
        let events = Events::new("receive-pack");
        if repository.config().boolean("transfer", None, "advertiseSID")? == Some(true) {
            policy.session_id = Some(events.session_id().to_owned().into());
        }
        check_owner(&repository, &options)?;
        refuse_what_has_no_value(&options)?;
        policy.stage.threads = std::thread::available_parallelism().map_or(1, usize::from);
        policy.check_connectivity = !self.skip_connectivity_check;
        policy.stage.thin = !self.reject_thin_pack_for_testing;
        let namespace = local::namespace()?;
        if let Some(namespace) = &namespace {
            policy.hidden = policy.hidden.in_namespace(namespace.prefix().clone());
        }
        let hooks = Arc::new(ProgramHooks::new(&repository));
        let committer = committer(&repository.config());
        let asked = std::env::var_os("GIT_PROTOCOL").unwrap_or_default();
        let version = Version::asked(asked.as_encoded_bytes());
        let serving = match (self.http_backend_info_refs, self.stateless_rpc) {
            (true, _) => Serving::Advertisement,
            (false, true) => Serving::Stateless,
            (false, false) => Serving::Duplex,
        };
        let deadlines = policy.deadlines.clone();
        events.version(version);
        let mut receiving = Receiving::new(local::within(repository, namespace), Arc::new(policy));
        receiving.hooks = hooks;
        receiving.observer = Some(Arc::new(events));
        let (session, machine) = receiving.session(Pusher::new(committer), version, serving);
        // Where the client reads no bands, whoever looks at standard error hears the hooks.
        let conversation = (session.with_aside(|said| drop(std::io::stderr().write_all(said))), machine);
        if serving == Serving::Advertisement {
            let mut out = std::io::stdout().lock();
            stdio::advertise(conversation, |bytes| out.write_all(bytes))?;
            return Ok(ExitCode::SUCCESS);
        }
        match stdio::serve(conversation, deadlines, trace::streams("receive-pack")?) {
            Ok(()) => Ok(ExitCode::SUCCESS),
            // The client has been told; whoever looks at standard error hears it as well.
            Err(error @ (ServeError::Protocol(_) | ServeError::Refused(_))) => {
                Err(Failure::fatal(error.to_string()))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Refuses a repository of another user, unless the configuration calls it safe: its hooks would run as this one.
pub(super) fn check_owner(repository: &GitDir, options: &OpenOptions) -> Result<(), Failure> {
    let Some(sources) = &options.sources else { return Ok(()) };
    let user = rustix::process::geteuid();
    // Who became root by sudo may still use what is their own.
    let before = std::env::var("SUDO_UID").ok().and_then(|text| text.parse::<u32>().ok());
    let before = before.filter(|_| user.is_root());
    let is_mine = |user: u32| sources.check_owner(repository, &*options.file_system, user);
    match before.map(is_mine) {
        Some(Ok(())) => Ok(()),
        _ => Ok(is_mine(user.as_raw())?),
    }
}

/// The one variable of the command line that git does not take without a value.
fn refuse_what_has_no_value(options: &OpenOptions) -> Result<(), Failure> {
    let command = options.sources.iter().map(|sources| &sources.command).chain([&options.config]);
    let mut values = command.flat_map(|config| config.values("receive", Some(b"fsck"), "skipList"));
    if values.any(|value| value.is_none()) {
        let text = "unable to parse 'receive.fsck.skiplist' from command-line config";
        return Err(Failure::fatal(text));
    }
    Ok(())
}

/// Who goes into the reflogs: from the environment, the configuration, or the user's name, as git finds it.
pub(crate) fn committer(config: &Config) -> String {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let configured =
        |name: &str| config.string("user", None, name).map(|text| String::from_utf8_lossy(text).into_owned());
    let user = || variable("USER").or_else(|| variable("LOGNAME")).unwrap_or_else(|| "unknown".to_owned());
    let name = variable("GIT_COMMITTER_NAME").or_else(|| configured("name")).unwrap_or_else(user);
    let address = variable("GIT_COMMITTER_EMAIL").or_else(|| configured("email"));
    let address = address.unwrap_or_else(|| format!("{}@localhost", user()));
    let clean = |text: &str| text.replace(['<', '>', '\n', '\0'], "");
    let time = variable("GIT_COMMITTER_DATE").filter(|date| is_raw_date(date)).unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        format!("{now} +0000")
    });
    format!("{} <{}> {}", clean(&name), clean(&address), time.trim_start_matches('@'))
}

/// `seconds zone`, which needs no calendar; other forms of a date count as none.
fn is_raw_date(date: &str) -> bool {
    let mut words = date.trim_start_matches('@').split(' ');
    let seconds =
        words.next().is_some_and(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()));
    let zone = words.next().is_some_and(|word| word.len() == 5 && word.starts_with(['+', '-']));
    seconds && zone && words.next().is_none()
}
