//! `gitwire fetch-pack`: in place of `git fetch-pack`.

mod diagnosis;
mod sought;

use std::cell::RefCell;
use std::ffi::OsString;
use std::io::{BufRead as _, Write as _};
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;
use clap::{ArgAction, Args};
use gitwire_client::{Conversation, Fetch, Fetched, Listener, RemoteRefs, ShallowSource};
use gitwire_gitdir::{Config, GitDir};
use gitwire_protocol::message::DepthRequest;
use gitwire_protocol::{FetchClient, Mode, Version};
use gitwire_storage::Repository;
use gitwire_types::{FilterSpec, Limits, Never, ObjectId};

use self::sought::Sought;
use crate::failure::Failure;
use crate::incoming::{check_objects, unpack_limit};
use crate::parent::{carry, read_packet};
use crate::show::{Show, Style};
use crate::{date, local, trace};

#[derive(Debug, Args)]
#[command(override_usage = "git fetch-pack [OPTIONS] [HOST:]DIRECTORY [REF]...")]
pub(crate) struct FetchPack {
    /// All refs.
    #[arg(long)]
    all: bool,
    /// Refs come on standard input too: lines, or pkt-lines before the conversation.
    #[arg(long)]
    stdin: bool,
    /// Say less.
    #[arg(short, long)]
    quiet: bool,
    /// Say what is asked for.
    #[arg(short, action = ArgAction::Count)]
    verbose: u8,
    /// Keep the pack as one, and mark it so that it stays. Twice: say where the mark is.
    #[arg(short, long, action = ArgAction::Count)]
    keep: u8,
    /// Say where the mark of a pack is that is kept.
    #[arg(long)]
    lock_pack: bool,
    /// Deltas against what is here.
    #[arg(long)]
    thin: bool,
    /// Tags of what comes.
    #[arg(long)]
    include_tag: bool,
    /// The program that serves a local path.
    #[arg(long, visible_alias = "exec", value_name = "PROGRAM")]
    upload_pack: Option<OsString>,
    /// How many commits of each ref.
    #[arg(long, value_name = "N", value_parser = depth, allow_hyphen_values = true)]
    depth: Option<u32>,
    /// No history before a time.
    #[arg(long, value_name = "TIME")]
    shallow_since: Option<String>,
    /// No history of a ref.
    #[arg(long, value_name = "REF")]
    shallow_exclude: Vec<OsString>,
    /// The depth counts from the boundary here.
    #[arg(long)]
    deepen_relative: bool,
    /// Show no progress.
    #[arg(long)]
    no_progress: bool,
    /// Say what the URL is taken for, and ask nobody.
    #[arg(long)]
    diag_url: bool,
    /// Say whether all that was wanted is whole.
    #[arg(long)]
    check_self_contained_and_connected: bool,
    /// The repository is being made.
    #[arg(long)]
    cloning: bool,
    /// Take refs whose history ends where the remote's does.
    #[arg(long)]
    update_shallow: bool,
    /// The remote promises what it leaves out.
    #[arg(long)]
    from_promisor: bool,
    /// Take everything, whatever is here.
    #[arg(long)]
    refetch: bool,
    /// What to leave out.
    #[arg(long, value_name = "SPEC", overrides_with = "no_filter")]
    filter: Option<OsString>,
    /// Leave nothing out.
    #[arg(long)]
    no_filter: bool,
    /// The conversation runs on standard input and output, request by request, each request as a list of pkt-lines.
    #[arg(long)]
    stateless_rpc: bool,
    /// The repository.
    repository: OsString,
    /// Full names of refs, or objects.
    refs: Vec<OsString>,
}

impl FetchPack {
    pub(crate) fn run(&self, overlay: Config) -> Result<ExitCode, Failure> {
        let repository = local::configured_repository(overlay)?;
        let destination = local::bytes(&self.repository);
        if self.diag_url {
            return diagnosis::print(&destination);
        }
        let sought = RefCell::new(Sought::new(self.words()?, repository.format()));
        let fetch = self.fetch(&repository)?;
        let was_empty = is_empty(&repository)?;
        let mut show = self.show();
        let choose = |refs: &RemoteRefs| {
            let mut sought = sought.borrow_mut();
            sought.find(refs, self.all, !fetch.depth.is_empty());
            if self.verbose > 0 {
                sought.found().for_each(|(id, name)| eprintln!("want {id} ({})", name.escape_ascii()));
            }
            Ok(sought.found().map(|(id, _)| id).collect())
        };
        let mut trace = fetch.remote.connect.wire_trace.clone();
        let mut carrier = |conversation: &mut dyn Conversation<Machine = FetchClient>,
                           listener: Listener<'_>| {
            let mut options = fetch.remote.client.clone();
            options.mode = Mode::Stateless;
            carry(FetchClient::new(options), conversation, trace.take().as_deref(), listener)
        };
        let shared: Arc<dyn Repository> = Arc::new(repository.clone());
        let carrier: Option<&mut gitwire_client::Carrier<'_>> =
            if self.stateless_rpc { Some(&mut carrier) } else { None };
        let fetched = fetch.run_chosen(&shared, &choose, carrier, &mut |event| show.event(event), &Never)?;
        drop(show);
        if fetched.refs.version() != Version::V2 && fetched.refs.iter().next().is_none() {
            return Err(Failure::fatal("no matching remote head"));
        }
        self.report(&repository, &fetched, &sought.into_inner(), was_empty)
    }

    /// Refs: those of the command line, then those of standard input.
    fn words(&self) -> Result<Vec<Bytes>, Failure> {
        let mut words: Vec<Bytes> = self.refs.iter().map(local::bytes).collect();
        if !self.stdin {
            return Ok(words);
        }
        let mut input = std::io::stdin().lock();
        if self.stateless_rpc {
            while let Some(line) = read_packet(&mut input)? {
                words.push(line);
            }
        } else {
            for line in input.split(b'\n') {
                words.push(line?.into());
            }
        }
        Ok(words)
    }

    fn fetch(&self, repository: &GitDir) -> Result<Fetch, Failure> {
        let config = repository.config();
        let url = match self.stateless_rpc {
            // The parent knows where to.
            true => Bytes::from_static(b"/"),
            false => local::bytes(&self.repository),
        };
        let mut fetch = Fetch::new(local::remote(&url, self.upload_pack.as_ref(), &config)?);
        fetch.remote.connect.wire_trace = trace::wire("fetch-pack");
        fetch.depth = DepthRequest::default();
        fetch.depth.depth = self.depth;
        fetch.depth.relative = self.deepen_relative;
        fetch.depth.since = self.shallow_since.as_deref().map(since).transpose()?;
        fetch.depth.not = self.shallow_exclude.iter().map(local::bytes).collect();
        if let Some(filter) = self.filter() {
            let parsed = FilterSpec::parse(&filter, &Limits::default());
            fetch.filter = Some(parsed.map_err(|error| Failure::fatal(error.to_string()))?);
        }
        fetch.pack.thin = self.thin;
        fetch.pack.tags = self.include_tag;
        fetch.pack.progress = !self.no_progress;
        fetch.pack.promisor = self.from_promisor;
        fetch.refetch = self.refetch;
        fetch.shallow_source = match self.update_shallow || self.cloning {
            true => ShallowSource::Update,
            false => ShallowSource::RefuseRefs,
        };
        let limit = unpack_limit(&config)?;
        fetch.unpack_limit = match (self.keep, limit) {
            (0, 0) => u32::MAX,
            (0, limit) => limit,
            _ => 0,
        };
        check_objects(&mut fetch, &config)?;
        if self.lock_pack || limit > 0 {
            fetch.pack.keep = Some(format!("fetch-pack {} on {}", std::process::id(), host()).into());
        }
        Ok(fetch)
    }

    /// What is left out.
    fn filter(&self) -> Option<Bytes> {
        self.filter.as_ref().map(local::bytes).filter(|_| !self.no_filter)
    }

    fn show(&self) -> Show {
        let style = if self.no_progress || self.quiet { Style::None } else { Style::Text };
        Show::of_push(Some(style), false)
    }

    fn report(
        &self,
        repository: &GitDir,
        fetched: &Fetched,
        sought: &Sought,
        was_empty: bool,
    ) -> Result<ExitCode, Failure> {
        let mut out = std::io::stdout().lock();
        let file = |checksum: &ObjectId, end: &str| {
            repository.common_path().join(format!("objects/pack/pack-{checksum}.{end}"))
        };
        // A few objects were put into files of their own.
        if let Some(checksum) = fetched.checksum.filter(|checksum| file(checksum, "pack").exists()) {
            let mark = file(&checksum, "keep");
            match (self.lock_pack, mark.exists()) {
                (true, true) => writeln!(out, "lock {}", mark.display())?,
                (true, false) => {}
                (false, kept) => writeln!(out, "{}\t{checksum}", if kept { "keep" } else { "pack" })?,
            }
            // What was wanted is known to be whole; nothing that was here before is a part of it.
            if self.check_self_contained_and_connected && was_empty && self.filter().is_none() {
                writeln!(out, "connectivity-ok")?;
            }
        }
        // Its output ends with the requests for the parent, who knows the refs.
        if !self.stateless_rpc {
            for (id, name) in sought.found() {
                out.write_all(&[id.to_hex().as_bytes(), b" ", name, b"\n"].concat())?;
            }
        }
        out.flush()?;
        let complaints = sought.complaints();
        complaints.iter().for_each(|complaint| eprintln!("error: {complaint}"));
        let good = complaints.is_empty() && sought.found().next().is_some();
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Whether no ref leads anywhere.
fn is_empty(repository: &GitDir) -> Result<bool, Failure> {
    let mut empty = true;
    repository.refs()?.each(&[], &mut |_| {
        empty = false;
        Ok(ControlFlow::Break(()))
    })?;
    Ok(empty)
}

fn depth(text: &str) -> Result<u32, String> {
    text.parse::<u32>()
        .ok()
        .filter(|depth| *depth > 0)
        .ok_or_else(|| format!("depth {text} is not a positive number"))
}

fn since(text: &str) -> Result<u64, Failure> {
    date::parse(text).ok_or_else(|| Failure::fatal(format!("invalid time '{text}' of --shallow-since")))
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
