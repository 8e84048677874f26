//! The repository that a command works on, and the configuration that its caller brings.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use gitwire_client::Remote;
use gitwire_gitdir::fs::Disk;
use gitwire_gitdir::{Config, ConfigSources, GitDir, Lookup, OpenOptions, RefFormat};
use gitwire_protocol::Version;
use gitwire_storage::{Namespace, Namespaced, Repository};
use gitwire_transport::{Program, SshOptions};

use crate::failure::Failure;
use crate::{protocols, trace, web};

/// The configuration of `-c key=value`.
pub(crate) fn overlay(words: &[OsString]) -> Result<Config, Failure> {
    let mut config = Config::default();
    for word in words {
        let word = word.as_bytes();
        let (key, value) = match word.iter().position(|byte| *byte == b'=') {
            Some(at) => (&word[..at], Some(&word[at + 1..])),
            None => (word, None),
        };
        let key = std::str::from_utf8(key).map_err(|_| Failure::fatal("a key of -c is not UTF-8"))?;
        let bad = || Failure::fatal(format!("key does not contain a section: {key}"));
        let (section, rest) = key.split_once('.').ok_or_else(bad)?;
        let (subsection, name) = match rest.rsplit_once('.') {
            Some((subsection, name)) => (Some(subsection.as_bytes()), name),
            None => (None, rest),
        };
        config.set(section, subsection, name, value);
    }
    Ok(config)
}

/// The repository that `GIT_DIR` names, or the one that the current directory is in.
pub(crate) fn repository(config: Config) -> Result<GitDir, Failure> {
    open(config, OpenOptions::default())
}

/// The same with the system's and the user's configuration.
pub(crate) fn configured_repository(config: Config) -> Result<GitDir, Failure> {
    let mut options = OpenOptions::default();
    options.sources = Some(sources()?);
    open(config, options)
}

/// Where a command works that can do without a repository.
pub(crate) enum Place {
    Inside(Box<GitDir>),
    Outside(Config),
}

impl Place {
    pub(crate) fn is_inside(&self) -> bool {
        self.repository().is_some()
    }

    pub(crate) fn repository(&self) -> Option<&GitDir> {
        match self {
            Self::Inside(repository) => Some(repository),
            Self::Outside(_) => None,
        }
    }

    pub(crate) fn config(&self) -> Config {
        match self {
            Self::Inside(repository) => (*repository.config()).clone(),
            Self::Outside(config) => config.clone(),
        }
    }
}

/// The repository that is here, with the system's and the user's configuration, or that configuration alone.
pub(crate) fn configured_place(config: Config) -> Result<Place, Failure> {
    let mut options = OpenOptions::default();
    options.sources = Some(sources()?);
    Ok(match find(config.clone(), options)? {
        Some(repository) => Place::Inside(Box::new(repository)),
        None => Place::Outside(outside(config)?),
    })
}

fn open(config: Config, options: OpenOptions) -> Result<GitDir, Failure> {
    let none = || Failure::fatal("not a git repository (or any of the parent directories): .git");
    find(config, options)?.ok_or_else(none)
}

fn find(config: Config, mut options: OpenOptions) -> Result<Option<GitDir>, Failure> {
    options.config = config;
    options.object_variables(&|name| std::env::var_os(name));
    if let Some(path) = std::env::var_os("GIT_DIR") {
        options.lookup = Lookup::Exact;
        return Ok(Some(GitDir::open(PathBuf::from(path), &options)?));
    }
    let here = std::env::current_dir()?;
    let ceilings = std::env::var_os("GIT_CEILING_DIRECTORIES").unwrap_or_default();
    let ceilings: Vec<PathBuf> = std::env::split_paths(&ceilings).filter(|path| path.is_absolute()).collect();
    for place in here.ancestors() {
        // Nothing is looked for there, unless that is where we are.
        if place != here && ceilings.iter().any(|ceiling| ceiling == place) {
            break;
        }
        match GitDir::open(place, &options) {
            Ok(repository) => return Ok(Some(repository)),
            Err(error) if error.kind() == gitwire_storage::StorageErrorKind::NoRepository => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// The configuration of a command that works on no repository: the system's and the user's, and that of `-c`.
pub(crate) fn outside(overlay: Config) -> Result<Config, Failure> {
    let sources = sources()?;
    let mut config = sources.read(&Disk, None)?;
    config.append(sources.command.clone());
    config.append(overlay);
    Ok(config)
}

/// How a new repository keeps its references: as the option says, `GIT_DEFAULT_REF_FORMAT`, or `init.defaultRefFormat`.
pub(crate) fn ref_format(option: Option<&OsString>, config: &Config) -> Result<RefFormat, Failure> {
    let variable = std::env::var_os("GIT_DEFAULT_REF_FORMAT");
    if let Some(name) = option.or(variable.as_ref()) {
        let unknown = || Failure::fatal(format!("unknown ref storage format '{}'", name.to_string_lossy()));
        return RefFormat::from_name(name.as_bytes()).ok_or_else(unknown);
    }
    let Some(name) = config.string("init", None, "defaultRefFormat") else { return Ok(RefFormat::default()) };
    Ok(RefFormat::from_name(name).unwrap_or_else(|| {
        eprintln!("warning: unknown ref storage format '{}'", name.escape_ascii());
        RefFormat::default()
    }))
}

/// A remote by URL, with what the configuration says of the protocol.
pub(crate) fn remote(url: &[u8], upload_pack: Option<&OsString>, config: &Config) -> Result<Remote, Failure> {
    let mut remote = Remote::parse(url)?;
    // What git's own tests set where the configuration says nothing.
    let tested = std::env::var_os("GIT_TEST_PROTOCOL_VERSION").filter(|number| !number.is_empty());
    let number = config.string("protocol", None, "version").or(tested.as_deref().map(OsStrExt::as_bytes));
    remote.version = match number {
        None => Version::V2,
        Some(number) => Version::from_number(number).ok_or_else(|| {
            Failure::fatal(format!("unknown value for config 'protocol.version': {}", number.escape_ascii()))
        })?,
    };
    remote.connect.program = upload_pack.map(Program::new);
    remote.connect.protocols = protocols::allowed(config)?;
    remote.connect.virtual_host = std::env::var("GIT_OVERRIDE_VIRTUAL_HOST").ok();
    let (command, variant) =
        (config.string("core", None, "sshCommand"), config.string("ssh", None, "variant"));
    web::configure(&mut remote, config)?;
    remote.connect.wire_trace = trace::wire("git");
    remote.connect.ssh = SshOptions::from_variables(&|name| std::env::var_os(name), command, variant);
    Ok(remote)
}

/// The bytes of an argument.
pub(crate) fn bytes(argument: &OsString) -> Bytes {
    Bytes::copy_from_slice(argument.as_bytes())
}

/// What `GIT_USER_AGENT` wants a drop-in to call itself.
pub(crate) fn agent() -> Option<Bytes> {
    std::env::var_os("GIT_USER_AGENT").map(|agent| agent.into_encoded_bytes().into())
}

/// Whether git's own tests want a side-band around everything, whatever the configuration says.
pub(crate) fn tests_sideband_all() -> bool {
    std::env::var_os("GIT_TEST_SIDEBAND_ALL").is_some_and(|value| value == "1" || value == "true")
}

/// Where git reads configuration beside the repository's own: the system's and the user's files, and the environment.
pub(crate) fn sources() -> Result<Arc<ConfigSources>, Failure> {
    let sources = ConfigSources::from_variables(&|name| std::env::var_os(name));
    Ok(Arc::new(sources.map_err(|error| Failure::fatal(error.to_string()))?))
}

/// The part of a repository that `GIT_NAMESPACE` names (`gitnamespaces`).
pub(crate) fn namespace() -> Result<Option<Namespace>, Failure> {
    let name = std::env::var_os("GIT_NAMESPACE").unwrap_or_default();
    Ok(Namespace::parse(name.as_bytes())?)
}

/// A repository, or a part of it.
pub(crate) fn within(repository: GitDir, namespace: Option<Namespace>) -> Arc<dyn Repository> {
    match namespace {
        Some(namespace) => Arc::new(Namespaced::new(Arc::new(repository), namespace)),
        None => Arc::new(repository),
    }
}
