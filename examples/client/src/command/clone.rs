//! `gitwire clone`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use gitwire_client::{Clone, CloneKind, Remote, ShallowSource};
use gitwire_gitdir::{Config, Sharing};
use gitwire_protocol::message::DepthRequest;
use gitwire_transport::Scheme;
use gitwire_types::{FilterChoice, Limits};

use crate::failure::Failure;
use crate::incoming::{check_objects, uri_protocols};
use crate::show::{Show, Style};
use crate::{date, local, promisors};

/// Without --bare or --mirror the repository is made in DIR/.git with remote-tracking branches, and no files are checked out.
#[derive(Debug, Args)]
pub(crate) struct CloneCommand {
    /// A repository without a work tree.
    #[arg(long)]
    bare: bool,
    /// The same with all refs, to be kept equal by fetches.
    #[arg(long)]
    mirror: bool,
    /// How many commits of each branch.
    #[arg(long, value_name = "N")]
    depth: Option<u32>,
    /// No history before a time.
    #[arg(long, value_name = "TIME")]
    shallow_since: Option<String>,
    /// No history of a ref of the remote.
    #[arg(long, value_name = "REF")]
    shallow_exclude: Vec<OsString>,
    /// No repository whose own history is cut.
    #[arg(long)]
    reject_shallow: bool,
    /// Only the history of this ref, or of an object by its id, which HEAD is set to.
    #[arg(long, value_name = "REV", conflicts_with_all = ["branch", "mirror"])]
    revision: Option<OsString>,
    /// Where bundles are that bring a part of the repository.
    #[arg(long, value_name = "URI", conflicts_with_all = ["depth", "shallow_since", "shallow_exclude"])]
    bundle_uri: Option<OsString>,
    /// An option for the server.
    #[arg(long, value_name = "TEXT")]
    server_option: Vec<OsString>,
    /// What to leave out: blob:none, blob:limit=N, tree:N, object:type=T, combine:A+B.
    #[arg(long, value_name = "SPEC")]
    filter: Option<String>,
    /// The branch or tag that HEAD stands for.
    #[arg(short, long, value_name = "NAME")]
    branch: Option<OsString>,
    /// Only that branch. Goes with --depth by itself.
    #[arg(long)]
    single_branch: bool,
    /// All branches, also with --depth.
    #[arg(long, conflicts_with = "single_branch")]
    no_single_branch: bool,
    /// No tags but those that are asked for.
    #[arg(long)]
    no_tags: bool,
    /// The name of the remote.
    #[arg(short, long, value_name = "NAME", default_value = "origin")]
    origin: String,
    /// How references are kept: files or reftable.
    #[arg(long, value_name = "FORMAT")]
    ref_format: Option<OsString>,
    /// The program that serves a local path.
    #[arg(short, long, value_name = "PROGRAM")]
    upload_pack: Option<OsString>,
    /// How progress is shown.
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "text")]
    progress: Option<Style>,
    /// Say nothing but errors.
    #[arg(short, long)]
    quiet: bool,
    /// Threads for indexing.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// The repository.
    url: OsString,
    /// The directory to make.
    directory: Option<PathBuf>,
}

impl CloneCommand {
    pub(crate) fn run(&self, config: &Config) -> Result<ExitCode, Failure> {
        let mut remote = local::remote(&local::bytes(&self.url), self.upload_pack.as_ref(), config)?;
        self.make_absolute(&mut remote)?;
        let kind = match (self.mirror, self.bare) {
            (true, _) => CloneKind::Mirror,
            (_, true) => CloneKind::Bare,
            _ => CloneKind::Tracking,
        };
        let directory = self.directory(&remote, kind)?;
        let existed = directory.exists();
        if existed && directory.read_dir().map_or(true, |mut entries| entries.next().is_some()) {
            let name = directory.display();
            let text = format!("destination path '{name}' already exists and is not an empty directory.");
            return Err(Failure::fatal(text));
        }
        let git_dir = if kind == CloneKind::Tracking { directory.join(".git") } else { directory.clone() };
        let mut clone = self.clone_call(remote, kind, config)?;
        clone.ref_format = local::ref_format(self.ref_format.as_ref(), config)?;
        clone.sharing = Sharing::of(config)?;
        if !self.quiet {
            let bare = if kind == CloneKind::Tracking { "" } else { "bare repository " };
            eprintln!("Cloning into {bare}'{}'...", directory.display());
        }
        let mut show = Show::new(self.progress, self.quiet);
        let cloned = clone.run(&git_dir, &mut |event| show.event(event));
        drop(show);
        match cloned {
            Ok(cloned) => {
                promisors::store(&cloned.repository, config, &clone.fetch.promisors, &cloned.fetched.refs)?;
                if cloned.fetched.updates.is_empty() {
                    eprintln!("warning: You appear to have cloned an empty repository.");
                } else if kind == CloneKind::Tracking && !self.quiet {
                    let name = directory.display();
                    eprintln!("No files are checked out; `git -C '{name}' reset --hard` does it.");
                }
                Ok(ExitCode::SUCCESS)
            }
            Err(error) => {
                // What was begun is of no use; what was there before stays.
                let _ = std::fs::remove_dir_all(if existed { &git_dir } else { &directory });
                Err(error.into())
            }
        }
    }

    fn clone_call(&self, remote: Remote, kind: CloneKind, config: &Config) -> Result<Clone, Failure> {
        let mut clone = Clone::new(remote, kind);
        clone.branch = self.branch.as_ref().map(local::bytes);
        clone.revision = self.revision.as_ref().map(local::bytes);
        let cut = self.depth.is_some() || self.shallow_since.is_some() || !self.shallow_exclude.is_empty();
        clone.single_branch = self.single_branch || cut && !self.no_single_branch && !self.mirror;
        clone.tags = !self.no_tags;
        clone.origin.clone_from(&self.origin);
        clone.bundle_uri = self.bundle_uri.as_ref().map(local::bytes);
        clone.server_bundles = config.boolean("transfer", None, "bundleURI")?.unwrap_or_default();
        clone.fetch.remote.server_options = self.server_option.iter().map(local::bytes).collect();
        clone.fetch.depth = self.depth()?;
        clone.fetch.promisors = promisors::policy(config, false)?;
        if self.reject_shallow || config.boolean("clone", None, "rejectShallow")?.unwrap_or_default() {
            clone.fetch.shallow_source = ShallowSource::Refuse;
        }
        if let Some(filter) = &self.filter {
            match FilterChoice::parse(filter.as_bytes(), &Limits::default())? {
                FilterChoice::Auto => clone.fetch.promisors.chooses_filter = true,
                FilterChoice::Spec(filter) => clone.fetch.filter = Some(filter),
            }
        }
        check_objects(&mut clone.fetch, config)?;
        uri_protocols(&mut clone.fetch, config);
        if let Some(threads) = self.threads {
            clone.fetch.threads = threads;
        }
        Ok(clone)
    }

    fn depth(&self) -> Result<DepthRequest, Failure> {
        let mut request = match self.depth {
            Some(0) => return Err(Failure::fatal("depth 0 is not a positive number")),
            Some(depth) => DepthRequest::commits(depth),
            None => DepthRequest::default(),
        };
        if let Some(text) = &self.shallow_since {
            let time = date::parse(text).filter(|time| *time > 0);
            request.since = Some(time.ok_or_else(|| Failure::fatal(format!("no time: {text}")))?);
        }
        request.not = self.shallow_exclude.iter().map(local::bytes).collect();
        Ok(request)
    }

    /// The configuration of a clone names its remote so that it is found from everywhere.
    fn make_absolute(&self, remote: &mut Remote) -> Result<(), Failure> {
        if remote.url.scheme == Scheme::Local {
            let path = Path::new(OsStr::from_bytes(&remote.url.path));
            if let Ok(absolute) = std::fs::canonicalize(path) {
                remote.name = local::bytes(&absolute.clone().into_os_string());
                remote.url.path = absolute.into_os_string().into_vec();
            } else if std::fs::canonicalize(with_git(path)).is_err() {
                let name = self.url.to_string_lossy();
                return Err(Failure::fatal(format!("repository '{name}' does not exist")));
            }
        }
        Ok(())
    }

    /// The directory that is made, by default named as the repository.
    fn directory(&self, remote: &Remote, kind: CloneKind) -> Result<PathBuf, Failure> {
        if let Some(directory) = &self.directory {
            return Ok(directory.clone());
        }
        let mut path = &remote.url.path[..];
        loop {
            let shorter = path.strip_suffix(b"/").or_else(|| path.strip_suffix(b"/.git"));
            match shorter {
                Some(shorter) => path = shorter,
                None => break,
            }
        }
        let name = path.rsplit(|byte| matches!(byte, b'/' | b':')).next().unwrap_or_default();
        let name = name.strip_suffix(b".git").unwrap_or(name);
        if name.is_empty() || name == b"." || name == b".." {
            return Err(Failure::fatal(
                "No directory name could be guessed.\nPlease specify a directory on the command line",
            ));
        }
        let mut name = name.to_vec();
        if kind != CloneKind::Tracking {
            name.extend_from_slice(b".git");
        }
        Ok(PathBuf::from(OsString::from_vec(name)))
    }
}

fn with_git(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".git");
    PathBuf::from(name)
}
