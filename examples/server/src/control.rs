//! What the control channel does with the repositories that are served.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gitwire_client::{Clone, CloneKind, Fetch, Fetched, Prune, Remote, TagFollowing, UpdateKind};
use gitwire_gitdir::{GitDir, Lookup, OpenOptions};
use gitwire_server::DirectoryRoot;
use gitwire_server::control::{Commands, ControlCommand};
use gitwire_transport::{Deadlines, Protocols, Scheme};
use gitwire_types::{FetchRefspec, Interrupt};

use crate::create::{CreateError, Draft, NewRepository, RepositoryName};
use crate::hosts::Hosts;

/// The commands, on the repositories below the root.
#[derive(Debug)]
pub(crate) struct RootCommands {
    root: Arc<DirectoryRoot>,
    elsewhere: Elsewhere,
}

/// What other servers may be asked, and what that may cost.
#[derive(Debug, Clone)]
pub(crate) struct Elsewhere {
    pub(crate) hosts: Hosts,
    /// The largest pack.
    pub(crate) pack_bytes_max: u64,
    /// How long a command may take; a conversation gets no further.
    pub(crate) time: Duration,
}

impl RootCommands {
    pub(crate) fn new(root: Arc<DirectoryRoot>, elsewhere: Elsewhere) -> Self {
        Self { root, elsewhere }
    }

    /// Mirrors a repository: nobody sees it before it is whole.
    fn clone(&self, url: &str, name: Option<&str>, stop: &dyn Interrupt) -> Result<String, String> {
        let remote = self.remote(url)?;
        let name = match name {
            Some(name) => RepositoryName::new(name),
            None => RepositoryName::new(last_part(&remote)?),
        };
        let name = name.map_err(|error| error.to_string())?;
        let root = self.root.path();
        name.check_free(root).map_err(|error| told(&name, error))?;
        let draft = Draft::new(root).map_err(text)?;
        let mut clone = Clone::new(remote, CloneKind::Mirror);
        self.bound(&mut clone.fetch);
        let cloned = clone.run_until(draft.path(), &mut |_| (), stop).map_err(text)?;
        let path = draft.publish(root, &name).map_err(|error| told(&name, error))?;
        Ok(format!("cloned {url} into {path}: {}", said(&cloned.fetched)))
    }

    /// Brings a mirror up to date.
    fn fetch(&self, name: &str, stop: &dyn Interrupt) -> Result<String, String> {
        let name = RepositoryName::new(name).map_err(|error| error.to_string())?;
        let repository = self.open(&name)?;
        let config = repository.config();
        let url = config.string("remote", Some(b"origin"), "url");
        let url = url.ok_or_else(|| format!("'{name}' was not cloned from anywhere"))?;
        let url = String::from_utf8(url.to_vec()).map_err(|_| "its URL is not UTF-8".to_owned())?;
        let mut fetch = Fetch::new(self.remote(&url)?);
        fetch.refspecs = vec![FetchRefspec::parse("+refs/*:refs/*").map_err(text)?];
        fetch.tags = TagFollowing::None;
        fetch.prune = Prune::Yes;
        self.bound(&mut fetch);
        let fetched = fetch.run_until(Arc::new(repository), &mut |_| (), stop).map_err(text)?;
        Ok(format!("fetched {} from {url}: {}", name.path(), said(&fetched)))
    }

    /// The refs of a repository, here or elsewhere, as `git ls-remote` shows them.
    fn ls_remote(&self, url: &str) -> Result<String, String> {
        let refs = gitwire_client::ls_remote(&self.remote(url)?, &[]).map_err(text)?;
        let mut lines = String::new();
        for shown in refs.iter() {
            let Some(id) = shown.id else { continue };
            let name = shown.name.escape_ascii();
            // Writing into a string does not fail.
            let _ = writeln!(lines, "{id}\t{name}");
            if let Some(peeled) = shown.peeled {
                let _ = writeln!(lines, "{peeled}\t{name}^{{}}");
            }
        }
        Ok(lines.trim_end().to_owned())
    }

    /// The names of the repositories, one a line.
    fn list(&self, stop: &dyn Interrupt) -> Result<String, String> {
        let mut names = Vec::new();
        collect(self.root.path(), "", DEPTH_MAX, &mut names, stop)?;
        names.sort_unstable();
        Ok(names.join("\n"))
    }

    fn init(&self, name: &str) -> Result<String, String> {
        let name = RepositoryName::new(name).map_err(|error| error.to_string())?;
        let new = NewRepository::new(name.clone(), "", "main").map_err(text)?;
        let path = new.make(self.root.path()).map_err(|error| told(&name, error))?;
        Ok(format!("made {path}, which is empty"))
    }

    /// Many commands run at once: each has one thread, and what is small anyway in memory.
    fn bound(&self, fetch: &mut Fetch) {
        fetch.threads = 1;
        fetch.memory = 32 << 20;
        fetch.pack_bytes_max = self.elsewhere.pack_bytes_max;
    }

    fn open(&self, name: &RepositoryName) -> Result<GitDir, String> {
        let mut options = OpenOptions::default();
        options.lookup = Lookup::Exact;
        let place = self.root.path().join(name.path());
        // A link could lead anywhere.
        let is_inside = place.canonicalize().is_ok_and(|real| real == place);
        let missing = || format!("there is no repository '{name}'");
        if !is_inside {
            return Err(missing());
        }
        GitDir::open(&place, &options).map_err(|_| missing())
    }

    /// Where a URL leads, if we go there.
    fn remote(&self, url: &str) -> Result<Remote, String> {
        let mut remote = Remote::parse(url.as_bytes()).map_err(text)?;
        let scheme = remote.url.scheme;
        if !matches!(scheme, Scheme::Git | Scheme::Http | Scheme::Https) {
            return Err(format!("only git://, http:// and https:// URLs, not '{scheme}'"));
        }
        if remote.url.user.is_some() || remote.url.password.is_some() {
            return Err("a URL with a user: what is said here is neither secret nor forgotten".to_owned());
        }
        let host = remote.url.host.clone().ok_or("a URL without a host")?;
        self.elsewhere.hosts.check(&host, remote.url.port.unwrap_or(9418))?;
        remote.connect.protocols =
            Protocols { file: false, git: true, ssh: false, https: true, http: true, ext: false };
        remote.connect.addresses = Some(Arc::new(self.elsewhere.hosts.clone()));
        remote.connect.connect_timeout = CONNECT_TIMEOUT;
        // Whoever asked has been told by then; this ends the work itself.
        let total = Some(self.elsewhere.time.saturating_add(Duration::from_secs(1)));
        remote.deadlines = Deadlines { idle: Some(IDLE), total, ..Deadlines::client() };
        Ok(remote)
    }
}

impl Commands for RootCommands {
    fn run(&self, command: &ControlCommand, stop: &dyn Interrupt) -> Result<String, String> {
        let args: Vec<&str> = command.args.iter().map(String::as_str).collect();
        if let Some(option) = args.iter().find(|arg| arg.starts_with('-')) {
            return Err(format!("options are not understood here: '{option}'"));
        }
        match (command.name.as_str(), args.as_slice()) {
            ("clone", [url]) => self.clone(url, None, stop),
            ("clone", [url, name]) => self.clone(url, Some(name), stop),
            ("clone", _) => Err("expected: git clone URL [NAME]".to_owned()),
            ("fetch", [name]) => self.fetch(name, stop),
            ("fetch", _) => Err("expected: git fetch NAME".to_owned()),
            ("ls-remote", [url]) => self.ls_remote(url),
            ("ls-remote", _) => Err("expected: git ls-remote URL".to_owned()),
            ("list", []) => self.list(stop),
            ("list", _) => Err("expected: list".to_owned()),
            ("init", [name]) => self.init(name),
            ("init", _) => Err("expected: git init NAME".to_owned()),
            (name, _) => Err(format!("unknown command '{name}': clone, fetch, ls-remote, list, init")),
        }
    }
}

/// What the repository of a URL is called.
fn last_part(remote: &Remote) -> Result<&str, String> {
    let path = std::str::from_utf8(&remote.url.path).unwrap_or_default().trim_end_matches('/');
    let path = path.strip_suffix("/.git").unwrap_or(path);
    let name = path.rsplit('/').next().unwrap_or_default();
    if name.is_empty() { Err("the URL names no repository: git clone URL NAME".to_owned()) } else { Ok(name) }
}

fn said(fetched: &Fetched) -> String {
    let rejected = |kind: &UpdateKind| matches!(kind, UpdateKind::Rejected(_) | UpdateKind::Failed(_));
    let refused = fetched.updates.iter().filter(|update| rejected(&update.kind)).count();
    let changed = |kind: &UpdateKind| *kind != UpdateKind::UpToDate && !rejected(kind);
    let changed = fetched.updates.iter().filter(|update| changed(&update.kind)).count();
    let objects = fetched
        .pack
        .as_ref()
        .map_or(0, |pack| usize::try_from(pack.objects.saturating_sub(pack.appended)).unwrap_or(usize::MAX));
    let many = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let mut text = format!("{} changed, {}", many(changed, "ref"), many(objects, "object"));
    if refused > 0 {
        let _ = write!(text, ", {} refused", many(refused, "ref"));
    }
    text
}

/// Repositories below `folder`; nothing that begins with a dot is one, and links are not followed.
fn collect(
    folder: &Path,
    below: &str,
    depth: usize,
    names: &mut Vec<String>,
    stop: &dyn Interrupt,
) -> Result<(), String> {
    for entry in fs::read_dir(folder).map_err(text)? {
        stop.check().map_err(text)?;
        let entry = entry.map_err(text)?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) || names.len() >= LISTED_MAX {
            continue;
        }
        let (place, path) = (entry.path(), format!("{below}{name}"));
        if place.join("HEAD").is_file() || place.join(".git").exists() {
            names.push(path);
        } else if depth > 1 {
            collect(&place, &format!("{path}/"), depth - 1, names, stop)?;
        }
    }
    Ok(())
}

fn told(name: &RepositoryName, error: CreateError) -> String {
    match error {
        CreateError::Exists => format!("there is a repository '{name}' already"),
        error => text(error),
    }
}

/// An error with its reasons.
fn text(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.ends_with(&more) {
            let _ = write!(text, ": {more}");
        }
        source = error.source();
    }
    text
}

/// How deep folders of repositories may lie in each other.
const DEPTH_MAX: usize = 4;
/// Repositories that are listed.
const LISTED_MAX: usize = 10_000;
/// A server that is asked while somebody waits is there or is not.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// As our own doors have it.
const IDLE: Duration = Duration::from_secs(60);
