//! `gitwire fetch`.

mod bundles;
mod remote_head;
mod report;
mod source;
mod tips;

use std::ffi::OsString;
use std::io::{BufRead as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;
use clap::{ArgAction, Args};
use gitwire_client::{Fetch, ForMerge, Prune, ShallowSource, TagFollowing, UpdateKind};
use gitwire_gitdir::{Config, ConfigSection, FetchHeadMode, GitDir};
use gitwire_protocol::message::DepthRequest;
use gitwire_storage::{ReflogEntry, Repository as _};
use gitwire_types::{FetchRefspec, FilterChoice, Limits, Never, RefTarget};
use gitwire_walk::NegotiationAlgorithm;

use self::source::Source;
pub(crate) use self::source::members;
use crate::failure::Failure;
use crate::incoming::{check_objects, unpack_limit, uri_protocols};
use crate::show::{Show, Style};
use crate::{date, local, promisors};

#[derive(Debug, Args)]
pub(crate) struct FetchCommand {
    /// All tags.
    #[arg(short, long, conflicts_with = "no_tags")]
    tags: bool,
    /// No tags but those that are asked for.
    #[arg(short = 'n', long)]
    no_tags: bool,
    /// Take out refs that the remote has no more.
    #[arg(short, long, overrides_with = "no_prune")]
    prune: bool,
    /// Take none out, whatever the configuration says.
    #[arg(long)]
    no_prune: bool,
    /// Take out tags that the remote does not have.
    #[arg(short = 'P', long)]
    prune_tags: bool,
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
    /// No history before a time.
    #[arg(long, value_name = "TIME", conflicts_with = "unshallow")]
    shallow_since: Option<String>,
    /// No history of a ref of the remote.
    #[arg(long, value_name = "REF", conflicts_with = "unshallow")]
    shallow_exclude: Vec<OsString>,
    /// All commits.
    #[arg(long)]
    unshallow: bool,
    /// Take refs whose history ends where the remote's does.
    #[arg(long)]
    update_shallow: bool,
    /// What to leave out.
    #[arg(long, value_name = "SPEC", overrides_with = "no_filter")]
    filter: Option<OsString>,
    /// Leave nothing out.
    #[arg(long)]
    no_filter: bool,
    /// Take everything, whatever is here.
    #[arg(long)]
    refetch: bool,
    /// Search for what both sides have from these commits and refs alone.
    #[arg(long, visible_alias = "negotiation-tip", value_name = "COMMIT|GLOB")]
    negotiation_restrict: Vec<OsString>,
    /// Ask for these in any case.
    #[arg(long, value_name = "COMMIT|GLOB")]
    negotiation_include: Vec<OsString>,
    /// Print what both sides have, and fetch nothing.
    #[arg(long)]
    negotiate_only: bool,
    /// Where what is named on the command line is stored beside; empty: nowhere.
    #[arg(long, value_name = "REFSPEC")]
    refmap: Vec<OsString>,
    /// Store everything below refs/prefetch/.
    #[arg(long)]
    prefetch: bool,
    /// Refspecs come on standard input too, one a line.
    #[arg(long)]
    stdin: bool,
    /// Say on standard output, for programs, what became of each ref.
    #[arg(long)]
    porcelain: bool,
    /// Say what would be done, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Keep what FETCH_HEAD says already.
    #[arg(short, long)]
    append: bool,
    /// Leave FETCH_HEAD alone.
    #[arg(long)]
    no_write_fetch_head: bool,
    /// An option for the server.
    #[arg(short = 'o', long, value_name = "TEXT")]
    server_option: Vec<OsString>,
    /// From every remote of the configuration.
    #[arg(long, conflicts_with = "multiple")]
    all: bool,
    /// All that is named are remotes, and groups of them.
    #[arg(long)]
    multiple: bool,
    /// The program that serves a local path.
    #[arg(long, value_name = "PROGRAM")]
    upload_pack: Option<OsString>,
    /// How progress is shown.
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "text")]
    progress: Option<Style>,
    /// Say nothing but errors.
    #[arg(short, long)]
    quiet: bool,
    /// Say what stayed as it was, too.
    #[arg(short, action = ArgAction::Count)]
    verbose: u8,
    /// Update the branch that is checked out.
    #[arg(short, long)]
    update_head_ok: bool,
    /// A remote of the configuration, or a URL.
    repository: Option<OsString>,
    /// What to fetch, and where to.
    refspecs: Vec<OsString>,
}

impl FetchCommand {
    pub(crate) fn run(&self, overlay: Config) -> Result<ExitCode, Failure> {
        let repository = local::configured_repository(overlay)?;
        let config = repository.config();
        let mut names: Vec<Bytes> = self.repository.iter().map(local::bytes).collect();
        let mut words: Vec<Bytes> = self.refspecs.iter().map(local::bytes).collect();
        if self.all {
            names = source::all(&config)?;
            if self.repository.is_some() {
                return Err(Failure::fatal("fetch --all does not take a repository argument"));
            }
        } else if self.multiple {
            names.append(&mut words);
        }
        let named: Vec<Bytes> = names.iter().flat_map(|name| source::members(name, &config)).collect();
        if self.stdin {
            for line in std::io::stdin().lock().split(b'\n') {
                words.push(line?.into());
            }
        }
        if self.writes_fetch_head() && !self.append && !self.negotiate_only {
            repository.write_fetch_head(&[], FetchHeadMode::Replace)?;
        }
        let sources = match named.is_empty() && !self.all && !self.multiple {
            true => vec![Source::default_of(&repository, &config)?],
            false => named.into_iter().map(|name| Source::named(name, &config)).collect::<Result<_, _>>()?,
        };
        let several = self.all || self.multiple || sources.len() > 1;
        let mut good = true;
        for source in &sources {
            if several && !self.quiet {
                println!("Fetching {}", source.name.escape_ascii());
            }
            let fetched = self.one(&repository, &config, source, &words)?;
            if several && !fetched {
                eprintln!("error: could not fetch {}", source.name.escape_ascii());
            }
            good &= fetched;
        }
        Ok(ExitCode::from(u8::from(!good)))
    }

    fn writes_fetch_head(&self) -> bool {
        !self.dry_run && !self.no_write_fetch_head
    }

    /// Fetches from one remote; whether nothing was refused.
    fn one(
        &self,
        repository: &GitDir,
        config: &Config,
        source: &Source,
        words: &[Bytes],
    ) -> Result<bool, Failure> {
        let mut fetch = Fetch::new(local::remote(&source.url, self.upload_pack.as_ref(), config)?);
        self.choose(&mut fetch, repository, config, source, words)?;
        self.configure(&mut fetch, repository, config, source)?;
        fetch.negotiation_tips =
            tips::find(&self.negotiation_restrict, &self.negotiation_include, repository, config, source)?;
        if self.negotiate_only {
            return self.print_common(&fetch, repository);
        }
        self.refuse_checked_out(repository, &fetch)?;
        let mut show = Show::new(self.progress, self.quiet || self.porcelain);
        if !self.dry_run && fetch.depth.is_empty() {
            bundles::bring(&fetch, repository, config, &mut |event| show.event(event))?;
        }
        let fetched = fetch.run(Arc::new(repository.clone()), &mut |event| show.event(event))?;
        drop(show);
        if self.filter.is_some() && source.is_configured && !source.promises(config)? {
            self.remember_filter(repository, source)?;
        }
        if !self.dry_run {
            promisors::store(repository, config, &fetch.promisors, &fetched.refs)?;
        }
        let url = report::shown_url(&source.url);
        let (verbose, porcelain) = (self.verbose > 0, self.porcelain);
        let lines = report::Lines { url: &url, verbose, fetch_head: self.writes_fetch_head(), porcelain };
        if !self.quiet {
            lines.print(&fetched)?;
        }
        let stays = |kind: &UpdateKind| matches!(kind, UpdateKind::Rejected(_) | UpdateKind::Failed(_));
        let good = !fetched.updates.iter().any(|update| stays(&update.kind));
        if self.writes_fetch_head() && (good || !self.atomic) {
            repository.write_fetch_head(&report::fetch_head(&fetched, &url), FetchHeadMode::Append)?;
        }
        if words.is_empty() && source.is_configured && !self.dry_run {
            remote_head::follow(repository, config, source, &fetched.refs)?;
        }
        Ok(good)
    }

    fn print_common(&self, fetch: &Fetch, repository: &GitDir) -> Result<bool, Failure> {
        if fetch.negotiation_tips.from.is_none() {
            return Err(Failure::fatal("--negotiate-only needs one or more --negotiation-restrict=*"));
        }
        let mut out = std::io::stdout().lock();
        for id in fetch.negotiate(repository, &Never)? {
            writeln!(out, "{id}")?;
        }
        Ok(true)
    }

    /// What is fetched, and where it goes.
    fn choose(
        &self,
        fetch: &mut Fetch,
        repository: &GitDir,
        config: &Config,
        source: &Source,
        words: &[Bytes],
    ) -> Result<(), Failure> {
        let configured = source.refspecs(config)?;
        if words.is_empty() {
            fetch.refspecs = configured;
            fetch.for_merge = source.for_merge(repository, config)?;
        } else {
            fetch.refspecs = FetchRefspec::parse_words(words.iter().cloned())?;
            fetch.for_merge = ForMerge::Asked;
            fetch.tracking = match self.refmap.is_empty() {
                true => configured,
                false => self.refmap()?,
            };
        }
        let prune_tags = source.switch(config, "pruneTags")?;
        if (self.prune_tags || prune_tags) && words.is_empty() {
            fetch.refspecs.push(FetchRefspec::parse("refs/tags/*:refs/tags/*")?);
        }
        if self.prefetch {
            fetch.refspecs = source::below_prefetch(&fetch.refspecs)?;
            fetch.tracking = source::below_prefetch(&fetch.tracking)?;
        }
        let option = config.string("remote", Some(&source.name), "tagOpt").filter(|_| source.is_configured);
        fetch.tags = match (self.tags, self.no_tags, option) {
            (true, ..) => TagFollowing::All,
            (_, true, _) => TagFollowing::None,
            (.., Some(b"--tags")) => TagFollowing::All,
            (.., Some(b"--no-tags")) => TagFollowing::None,
            _ => TagFollowing::Auto,
        };
        let prune = self.prune || !self.no_prune && source.switch(config, "prune")?;
        fetch.prune = if prune { Prune::Yes } else { Prune::No };
        Ok(())
    }

    fn refmap(&self) -> Result<Vec<FetchRefspec>, Failure> {
        let words = self.refmap.iter().map(local::bytes).filter(|word| !word.is_empty());
        words.map(|word| Ok(FetchRefspec::parse(word)?)).collect()
    }

    fn configure(
        &self,
        fetch: &mut Fetch,
        repository: &GitDir,
        config: &Config,
        source: &Source,
    ) -> Result<(), Failure> {
        (fetch.force, fetch.atomic, fetch.dry_run) = (self.force, self.atomic, self.dry_run);
        fetch.refetch = self.refetch;
        fetch.depth = self.depth(repository)?;
        if self.update_shallow {
            fetch.shallow_source = ShallowSource::Update;
        }
        fetch.promisors = promisors::policy(config, false)?;
        match self.filter(config, source)? {
            Some(FilterChoice::Auto) => fetch.promisors.chooses_filter = true,
            Some(FilterChoice::Spec(filter)) => fetch.filter = Some(filter),
            None => {}
        }
        fetch.pack.promisor = source.promises(config)?;
        fetch.pack.progress = !self.quiet;
        fetch.negotiation = match config.string("fetch", None, "negotiationAlgorithm") {
            None | Some(b"default" | b"consecutive") => NegotiationAlgorithm::Consecutive,
            Some(b"skipping") => NegotiationAlgorithm::Skipping,
            Some(b"noop") => NegotiationAlgorithm::Noop,
            Some(other) => {
                let other = other.escape_ascii();
                return Err(Failure::fatal(format!("unknown fetch negotiation algorithm '{other}'")));
            }
        };
        fetch.unpack_limit = unpack_limit(config)?;
        check_objects(fetch, config)?;
        uri_protocols(fetch, config);
        let options: Vec<Bytes> = match self.server_option.is_empty() {
            true => source.values(config, "serverOption"),
            false => self.server_option.iter().map(local::bytes).collect(),
        };
        fetch.remote.server_options = options;
        let committer = super::receive_pack::committer(config).into();
        fetch.reflog = Some(ReflogEntry { committer, message: reflog_message() });
        Ok(())
    }

    fn depth(&self, repository: &GitDir) -> Result<DepthRequest, Failure> {
        let mut request = DepthRequest::default();
        if self.unshallow {
            if repository.shallow()?.is_empty() {
                return Err(Failure::fatal("--unshallow on a complete repository does not make sense"));
            }
            return Ok(DepthRequest::commits(DepthRequest::UNSHALLOW));
        }
        if let Some(depth) = self.depth.or(self.deepen) {
            if depth == 0 {
                return Err(Failure::fatal("depth 0 is not a positive number"));
            }
            request = DepthRequest::commits(depth);
            request.relative = self.deepen.is_some();
        }
        if let Some(text) = &self.shallow_since {
            let time = date::parse(text).filter(|time| *time > 0);
            request.since = Some(time.ok_or_else(|| Failure::fatal(format!("no time: {text}")))?);
        }
        request.not = self.shallow_exclude.iter().map(local::bytes).collect();
        Ok(request)
    }

    /// What is left out: what the command line says, or what was left out before.
    fn filter(&self, config: &Config, source: &Source) -> Result<Option<FilterChoice>, Failure> {
        let said = self.filter.as_ref().map(local::bytes);
        let kept = || config.string("remote", Some(&source.name), "partialCloneFilter");
        let text = match said {
            _ if self.no_filter => None,
            Some(said) => Some(said),
            None if source.promises(config)? => kept().map(Bytes::copy_from_slice),
            None => None,
        };
        let parsed = text.map(|text| FilterChoice::parse(&text, &Limits::default())).transpose();
        parsed.map_err(|error| Failure::fatal(error.to_string()))
    }

    /// From now on this remote is asked for what is missing.
    fn remember_filter(&self, repository: &GitDir, source: &Source) -> Result<(), Failure> {
        let Some(filter) = self.filter.as_ref().map(local::bytes).filter(|_| !self.dry_run) else {
            return Ok(());
        };
        let section = ConfigSection::new("remote", Some(&source.name))
            .with("promisor", b"true")
            .with("partialclonefilter", &filter);
        Ok(repository.add_config(&[section])?)
    }

    /// The work tree would no longer be what its branch says.
    fn refuse_checked_out(&self, repository: &GitDir, fetch: &Fetch) -> Result<(), Failure> {
        if self.update_head_ok {
            return Ok(());
        }
        for tree in repository.work_trees()? {
            let Some(RefTarget::Symbolic(branch)) = &tree.head else { continue };
            let stores = |refspec: &FetchRefspec| match refspec {
                // A short name is a branch's, where the remote's is.
                FetchRefspec::One { destination: Some(name), .. } if !name.is_full() => {
                    name.as_bytes() == branch.short()
                }
                refspec => refspec.map_back(branch).ok().flatten().is_some(),
            };
            if fetch.refspecs.iter().chain(&fetch.tracking).any(stores) {
                let place = tree.path.display();
                return Err(Failure::fatal(format!(
                    "refusing to fetch into branch '{branch}' checked out at '{place}'"
                )));
            }
        }
        Ok(())
    }
}

/// What the reflogs say before what became of a ref: the command, as it was given.
fn reflog_message() -> Bytes {
    let words: Vec<OsString> = std::env::args_os().collect();
    let start = words.iter().position(|word| word == "fetch").unwrap_or_default();
    let words: Vec<Bytes> = words[start..].iter().map(local::bytes).collect();
    let shown = words.iter().map(|word| gitwire_transport::Url::anonymized(word));
    shown.collect::<Vec<_>>().join(&b' ').into()
}
