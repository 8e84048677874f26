//! `gitwire fetch`.

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;
use clap::Args;
use gitwire_client::{Fetch, Fetched, Prune, TagFollowing, Update, UpdateKind};
use gitwire_gitdir::{Config, FetchHead, FetchHeadMode, GitDir, Head, Merge};
use gitwire_protocol::message::DepthRequest;
use gitwire_transport::Url;
use gitwire_types::{FetchRefspec, FilterSpec, Limits, ObjectId, RefName};

use crate::failure::Failure;
use crate::local;
use crate::show::{Show, Style};

#[derive(Debug, Args)]
pub(crate) struct FetchCommand {
    /// All tags.
    #[arg(short, long, conflicts_with = "no_tags")]
    tags: bool,
    /// No tags but those that are asked for.
    #[arg(short = 'n', long)]
    no_tags: bool,
    /// Take out refs that the remote has no more.
    #[arg(short, long)]
    prune: bool,
    /// Let refs lose history.
    #[arg(short, long)]
    force: bool,
    /// All refs or none.
    #[arg(long)]
    atomic: bool,
    /// How many commits of each branch.
    #[arg(long, value_name = "N", conflicts_with_all = ["unshallow", "deepen"])]
    depth: Option<u32>,
    /// How many commits more than there are.
    #[arg(long, value_name = "N", conflicts_with = "unshallow")]
    deepen: Option<u32>,
    /// All commits.
    #[arg(long)]
    unshallow: bool,
    /// What to leave out.
    #[arg(long, value_name = "SPEC")]
    filter: Option<String>,
    /// The program that serves a local path.
    #[arg(long, value_name = "PROGRAM")]
    upload_pack: Option<OsString>,
    /// How progress is shown.
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "text")]
    progress: Option<Style>,
    /// Say nothing but errors.
    #[arg(short, long)]
    quiet: bool,
    /// Update the branch that is checked out.
    #[arg(short, long)]
    update_head_ok: bool,
    /// A remote of the configuration, or a URL.
    #[arg(default_value = "origin")]
    repository: OsString,
    /// What to fetch, and where to.
    refspecs: Vec<OsString>,
}

impl FetchCommand {
    pub(crate) fn run(&self, overlay: Config) -> Result<ExitCode, Failure> {
        let repository = local::configured_repository(overlay)?;
        let config = repository.config();
        let name = local::bytes(&self.repository);
        let url = config.string("remote", Some(&name), "url").map(Bytes::copy_from_slice);
        let is_remote = url.is_some();
        let url = url.unwrap_or_else(|| name.clone());
        let mut fetch = Fetch::new(local::remote(&url, self.upload_pack.as_ref(), &config)?);
        fetch.refspecs = self.refspecs(&config, &name, is_remote)?;
        self.configure(&mut fetch, &config)?;
        self.refuse_checked_out(&repository, &fetch)?;
        let mut show = Show::new(self.progress, self.quiet);
        let fetched = fetch.run(Arc::new(repository.clone()), &mut |event| show.event(event))?;
        drop(show);
        // Nobody who reads over a shoulder, or FETCH_HEAD, needs the password.
        let url = Url::anonymized(&url);
        self.report(&url, &fetched);
        let lines = fetch_head(&fetched, &url, self.refspecs.is_empty());
        repository.write_fetch_head(&lines, FetchHeadMode::Replace)?;
        let rejected = fetched.updates.iter().any(|update| matches!(update.kind, UpdateKind::Rejected(_)));
        Ok(ExitCode::from(u8::from(rejected)))
    }

    fn refspecs(&self, config: &Config, name: &[u8], is_remote: bool) -> Result<Vec<FetchRefspec>, Failure> {
        if !self.refspecs.is_empty() {
            return Ok(FetchRefspec::parse_words(self.refspecs.iter().map(local::bytes))?);
        }
        let configured = config.values("remote", Some(name), "fetch").flatten().filter(|_| is_remote);
        configured.map(|text| Ok(FetchRefspec::parse(Bytes::copy_from_slice(text))?)).collect()
    }

    fn configure(&self, fetch: &mut Fetch, config: &Config) -> Result<(), Failure> {
        fetch.tags = match (self.tags, self.no_tags) {
            (true, _) => TagFollowing::All,
            (_, true) => TagFollowing::None,
            _ => TagFollowing::Auto,
        };
        let prune = self.prune || config.boolean("fetch", None, "prune")?.unwrap_or_default();
        fetch.prune = if prune { Prune::Yes } else { Prune::No };
        fetch.force = self.force;
        fetch.atomic = self.atomic;
        if self.unshallow {
            fetch.depth = DepthRequest::commits(DepthRequest::UNSHALLOW);
        } else if let Some(depth) = self.depth.or(self.deepen) {
            if depth == 0 {
                return Err(Failure::fatal("depth 0 is not a positive number"));
            }
            fetch.depth = DepthRequest::commits(depth);
            fetch.depth.relative = self.deepen.is_some();
        }
        if let Some(filter) = &self.filter {
            fetch.filter = Some(FilterSpec::parse(filter.as_bytes(), &Limits::default())?);
        }
        Ok(())
    }

    /// The work tree would no longer be what its branch says.
    fn refuse_checked_out(&self, repository: &GitDir, fetch: &Fetch) -> Result<(), Failure> {
        if self.update_head_ok || repository.is_bare() {
            return Ok(());
        }
        let Head::Branch(branch) = repository.head()? else { return Ok(()) };
        let stores = |refspec: &FetchRefspec| refspec.map_back(&branch).ok().flatten().is_some();
        if fetch.refspecs.iter().any(stores) {
            let place = repository.path().display();
            return Err(Failure::fatal(format!(
                "refusing to fetch into branch '{branch}' checked out at '{place}'"
            )));
        }
        Ok(())
    }

    fn report(&self, url: &[u8], fetched: &Fetched) {
        let changed = |update: &&Update| update.local.is_some() && update.kind != UpdateKind::UpToDate;
        let mut changes = fetched.updates.iter().filter(changed).peekable();
        if self.quiet || changes.peek().is_none() {
            return;
        }
        eprintln!("From {}", url.escape_ascii());
        for update in changes {
            let local = update.local.as_ref().map(short).unwrap_or_default();
            let remote = short(&update.remote);
            let abbreviated = |id: Option<ObjectId>| id.map(|id| format!("{id:.7}")).unwrap_or_default();
            let range = |dots: &str| format!("{}{dots}{}", abbreviated(update.old), abbreviated(update.new));
            let (flag, summary, note) = match &update.kind {
                UpdateKind::New if update.remote.is_tag() => ('*', "[new tag]".to_owned(), String::new()),
                UpdateKind::New if update.remote.is_branch() => {
                    ('*', "[new branch]".to_owned(), String::new())
                }
                UpdateKind::New => ('*', "[new ref]".to_owned(), String::new()),
                UpdateKind::FastForward => (' ', range(".."), String::new()),
                UpdateKind::Forced => ('+', range("..."), "  (forced update)".to_owned()),
                UpdateKind::Pruned => ('-', "[deleted]".to_owned(), String::new()),
                UpdateKind::Rejected(why) => ('!', "[rejected]".to_owned(), format!("  ({why})")),
                _ => continue,
            };
            let remote = if update.kind == UpdateKind::Pruned { "(none)".to_owned() } else { remote };
            eprintln!(" {flag} {summary:<17} {remote:<10} -> {local}{note}");
        }
    }
}

/// What `FETCH_HEAD` says. Without refspecs on the command line only the remote's `HEAD` is for merging.
fn fetch_head(fetched: &Fetched, url: &[u8], configured: bool) -> Vec<FetchHead> {
    let line = |update: &Update| {
        let id = update.new?;
        let (kind, name) = match update.remote.as_bytes() {
            b"HEAD" => ("", &b""[..]),
            _ if update.remote.is_branch() => ("branch ", update.remote.short()),
            _ if update.remote.is_tag() => ("tag ", update.remote.short()),
            name => ("", name),
        };
        let quoted = if name.is_empty() { Vec::new() } else { [b"'", name, b"' of "].concat() };
        let note = [kind.as_bytes(), &quoted, url].concat();
        let merge = if configured && update.local.is_some() { Merge::No } else { Merge::Yes };
        Some(FetchHead { id, merge, note: note.into() })
    };
    fetched.updates.iter().filter_map(line).collect()
}

fn short(name: &RefName) -> String {
    name.short().escape_ascii().to_string()
}
