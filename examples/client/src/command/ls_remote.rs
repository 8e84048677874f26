//! `gitwire ls-remote`: in place of `git ls-remote`.

mod listing;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use bytes::Bytes;
use clap::{ArgAction, Args};
use gitwire_client::RemoteRefs;
use gitwire_gitdir::{Config, Head};
use gitwire_protocol::Version;
use gitwire_types::{FetchRefspec, PushRefspec};

pub(crate) use self::listing::glob;
use self::listing::{Row, Sort, bundled_rows, rows};
use super::push::status::anonymous;
use super::push::{refspec_failure, remote};
use crate::failure::Failure;
use crate::{bundle, local, trace};

#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct LsRemote {
    /// Only branches.
    #[arg(short = 'b', long)]
    branches: bool,
    /// The same, by its old name.
    #[arg(short = 'h', long, hide = true)]
    heads: bool,
    /// Only tags.
    #[arg(short, long)]
    tags: bool,
    /// No peeled tags and no HEAD.
    #[arg(long)]
    refs: bool,
    /// Do not say where the refs come from.
    #[arg(short, long)]
    quiet: bool,
    /// Exit with 2 when no ref is shown.
    #[arg(long)]
    exit_code: bool,
    /// Show the URL, and ask nobody.
    #[arg(long)]
    get_url: bool,
    /// Show what symbolic refs point at.
    #[arg(long)]
    symref: bool,
    /// The order: refname or version:refname, after a - the other way round.
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    sort: Option<String>,
    /// What the server is told beside the request.
    #[arg(short = 'o', long, value_name = "OPTION")]
    server_option: Vec<OsString>,
    /// The program that serves a local path.
    #[arg(long, visible_alias = "exec", value_name = "PROGRAM")]
    upload_pack: Option<OsString>,
    /// Print help.
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
    /// A remote of the configuration, or a URL.
    repository: Option<OsString>,
    /// Only refs whose last parts match one of these.
    patterns: Vec<OsString>,
}

impl LsRemote {
    pub(crate) fn run(&self, overlay: Config) -> Result<ExitCode, Failure> {
        if self.repository.is_none() && std::env::args_os().nth_back(0).is_some_and(|last| last == "-h") {
            Self::augment_args(clap::Command::new("ls-remote")).print_help()?;
            return Ok(ExitCode::from(129));
        }
        let place = local::configured_place(overlay)?;
        let sort = self.sort.as_deref().map(|key| Sort::parse(key, place.is_inside())).transpose()?;
        let config = place.config();
        let name = match &self.repository {
            Some(name) => local::bytes(name),
            None => match place.repository().map(|repository| repository.head()).transpose()? {
                Some(Head::Branch(branch) | Head::Unborn(branch)) => {
                    remote::upstream_remote(&branch, &config)
                }
                _ => remote::any_remote(&config),
            },
        };
        let configured = config.values("remote", Some(&name), "url").flatten().next();
        let url = match (configured, &self.repository) {
            (Some(url), _) => remote::rewrite(url, &config, "insteadof"),
            (None, Some(_)) => remote::rewrite(&name, &config, "insteadof"),
            (None, None) => return Err(Failure::fatal("No remote configured to list refs from.")),
        };
        for text in config.values("remote", Some(&name), "fetch").flatten().map(Bytes::copy_from_slice) {
            FetchRefspec::parse(text).map_err(|error| refspec_failure(&error))?;
        }
        for text in config.values("remote", Some(&name), "push").flatten().map(Bytes::copy_from_slice) {
            PushRefspec::parse(text).map_err(|error| refspec_failure(&error))?;
        }
        if self.get_url {
            std::io::stdout().lock().write_all(&[&url[..], b"\n"].concat())?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut remote = local::remote(&url, self.upload_pack.as_ref(), &config)?;
        remote.connect.wire_trace = trace::wire("ls-remote");
        remote.server_options = self.server_options(&config, &name);
        let bundle = bundle::header(&remote.url)?;
        let refs = match bundle {
            Some(_) => RemoteRefs::default(),
            None => gitwire_client::ls_remote(&remote, &self.prefixes())?,
        };
        if bundle.is_none() && refs.version() != Version::V2 && !remote.server_options.is_empty() {
            eprintln!("see protocol.version in 'git help config' for more details");
            return Err(Failure::fatal("server options require protocol version 2 or later"));
        }
        if self.repository.is_none() && !self.quiet {
            eprintln!("From {}", anonymous(&url));
        }
        let bundled = bundle.iter().flat_map(bundled_rows);
        let mut shown: Vec<Row<'_>> =
            rows(&refs).chain(bundled).filter(|row| self.shows(&row.name)).collect();
        if let Some(sort) = sort {
            sort.apply(&mut shown);
        }
        self.print(&shown)?;
        Ok(ExitCode::from(if self.exit_code && shown.is_empty() { 2 } else { 0 }))
    }

    /// Those of the command line, or else of the configuration, where an empty one takes back those before it.
    fn server_options(&self, config: &Config, name: &[u8]) -> Vec<Bytes> {
        if !self.server_option.is_empty() {
            return self.server_option.iter().map(local::bytes).collect();
        }
        let all = config.values("remote", Some(name), "serverOption");
        let all: Vec<&[u8]> = all.map(Option::unwrap_or_default).collect();
        let start = all.iter().rposition(|option| option.is_empty()).map_or(0, |at| at + 1);
        all[start..].iter().map(|option| Bytes::copy_from_slice(option)).collect()
    }

    fn print(&self, shown: &[Row<'_>]) -> Result<(), Failure> {
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        for row in shown {
            if let Some(target) = row.symref_target.filter(|_| self.symref) {
                out.write_all(&[b"ref: ", target, b"\t", &row.name, b"\n"].concat())?;
            }
            out.write_all(&[row.id.to_hex().as_bytes(), b"\t", &row.name, b"\n"].concat())?;
        }
        Ok(out.flush()?)
    }

    fn prefixes(&self) -> Vec<Bytes> {
        let heads = (self.branches || self.heads).then_some(Bytes::from_static(b"refs/heads/"));
        let tags = self.tags.then_some(Bytes::from_static(b"refs/tags/"));
        heads.into_iter().chain(tags).collect()
    }

    fn shows(&self, name: &[u8]) -> bool {
        let prefixes = self.prefixes();
        let kind = prefixes.is_empty() || prefixes.iter().any(|prefix| name.starts_with(prefix));
        let plain = !self.refs || name.starts_with(b"refs/") && !name.ends_with(b"^{}");
        let path = [b"/", name].concat();
        let matches = |pattern: &OsString| glob(&[b"*/", &local::bytes(pattern)[..]].concat(), &path);
        kind && plain && (self.patterns.is_empty() || self.patterns.iter().any(matches))
    }
}
