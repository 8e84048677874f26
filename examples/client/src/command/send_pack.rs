//! `gitwire send-pack`: in place of `git send-pack`.

use std::ffi::OsString;
use std::io::{BufRead as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;
use clap::Args;
use gitwire_client::{
    ClientError, Conversation, Listener, Matching, Push, PushStatus, PushUpdate, Pushed, Rejection,
};
use gitwire_gitdir::{Config, GitDir};
use gitwire_protocol::{Mode, PushClient, PushClientOptions, UpdateOptions};
use gitwire_storage::ReflogEntry;
use gitwire_types::{FetchRefspec, Never, PushRefspec};

use super::push::status::{self, Form, Lines};
use super::push::{lease_of, refspec_failure};
use crate::failure::Failure;
use crate::local;
use crate::parent::{carry, read_packet};
use crate::show::{Show, Style};
use crate::signing::{Signed, signing};
use crate::trace::Events;

#[derive(Debug, Args)]
#[command(override_usage = "git send-pack [OPTIONS] DESTINATION [REFSPEC]...")]
pub(crate) struct SendPack {
    /// Push all branches.
    #[arg(long)]
    all: bool,
    /// Push all refs, and delete those that are not here.
    #[arg(long)]
    mirror: bool,
    /// Let refs lose history.
    #[arg(short, long)]
    force: bool,
    /// Say what would be done, and do nothing.
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Sign the push, always or where the server takes signed pushes.
    #[arg(long, value_enum, value_name = "WHEN", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    signed: Option<Signed>,
    /// Do not sign, whatever push.gpgSign says.
    #[arg(long, conflicts_with = "signed")]
    no_signed: bool,
    /// Deltas against what the server has.
    #[arg(long, overrides_with = "no_thin")]
    thin: bool,
    /// A pack that is whole in itself.
    #[arg(long)]
    no_thin: bool,
    /// All refs or none.
    #[arg(long)]
    atomic: bool,
    /// What the server's hooks are told.
    #[arg(long, value_name = "OPTION")]
    push_option: Vec<OsString>,
    /// Let refs lose history if the remote still holds what was last seen there, or EXPECT.
    #[arg(long, value_name = "REF[:EXPECT]", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    force_with_lease: Vec<OsString>,
    /// With --force-with-lease and without EXPECT: only if what was last seen there has become part of the branch here.
    #[arg(long, overrides_with = "no_force_if_includes")]
    force_if_includes: bool,
    /// It need not be part of it, which is the default.
    #[arg(long)]
    no_force_if_includes: bool,
    /// The conversation runs on standard input and output, request by request, each request as a list of pkt-lines.
    #[arg(long)]
    stateless_rpc: bool,
    /// Refspecs come on standard input too: lines, or pkt-lines before the conversation.
    #[arg(long)]
    stdin: bool,
    /// Say what came of each ref on standard output, as a remote helper does.
    #[arg(long)]
    helper_status: bool,
    /// The remote whose refs are followed here.
    #[arg(long, value_name = "NAME")]
    remote: Option<OsString>,
    /// The program that receives on a local path.
    #[arg(long, visible_alias = "exec", value_name = "PROGRAM")]
    receive_pack: Option<OsString>,
    /// Show progress.
    #[arg(long, overrides_with = "no_progress")]
    progress: bool,
    /// Show no progress.
    #[arg(long)]
    no_progress: bool,
    /// Say nothing but errors.
    #[arg(short, long)]
    quiet: bool,
    /// Show refs too that did not change.
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
    /// The repository.
    destination: OsString,
    /// What to push, and where to.
    refspecs: Vec<OsString>,
}

impl SendPack {
    pub(crate) fn run(&self, overlay: Config) -> Result<ExitCode, Failure> {
        let repository = local::configured_repository(overlay)?;
        let words = self.words()?;
        if self.all && self.mirror || !words.is_empty() && (self.all || self.mirror) {
            return Err(Failure::usage("--all, --mirror and refspecs exclude one another"));
        }
        let push = self.push(words, &repository)?;
        let mut show = self.show();
        let repository = Arc::new(repository);
        let pushed = if self.stateless_rpc {
            let mut carrier = |conversation: &mut dyn Conversation<Machine = PushClient>,
                               listener: Listener<'_>| {
                let mut options = PushClientOptions::default();
                options.mode = Mode::Stateless;
                carry(PushClient::new(options), conversation, None, listener)
            };
            push.run_over(repository, &mut carrier, &mut |event| show.event(event), &Never)
        } else {
            push.run(repository, &mut |event| show.event(event))
        };
        drop(show);
        match pushed {
            Ok(pushed) => self.report(&pushed),
            Err(ClientError::Refspecs(problems)) => {
                problems.iter().for_each(|problem| eprintln!("error: {problem}"));
                Ok(ExitCode::FAILURE)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn push(&self, words: Vec<Bytes>, repository: &GitDir) -> Result<Push, Failure> {
        let config = repository.config();
        let destination = local::bytes(&self.destination);
        let mut push = Push::new(local::remote(&destination, self.receive_pack.as_ref(), &config)?);
        push.refspecs = PushRefspec::parse_words(words).map_err(|error| refspec_failure(&error))?;
        push.matching = match (self.mirror, self.all) {
            (true, _) => Matching::Mirror,
            (_, true) => Matching::All,
            _ => Matching::Common,
        };
        push.force = self.force;
        for lease in self.force_with_lease.iter().map(local::bytes) {
            match lease.is_empty() {
                true => push.lease_rest = true,
                false => push.leases.push(lease_of(&lease, repository)?),
            }
        }
        push.lease_if_included = self.force_if_includes;
        let asked = if self.no_signed { Some(Signed::False) } else { self.signed };
        push.signing = signing(asked, &config)?;
        push.atomic = self.atomic;
        push.dry_run = self.dry_run;
        push.push_options = self.push_option.iter().map(local::bytes).collect();
        // git's plumbing makes whole packs unless it is told otherwise.
        push.thin = self.thin && !self.no_thin;
        push.negotiate = config.boolean("push", None, "negotiate")?.unwrap_or_default();
        push.quiet = self.quiet || !self.shows_progress();
        if let Some(name) = self.remote.as_ref().map(local::bytes) {
            let fetched = config.values("remote", Some(&name), "fetch").flatten();
            let parsed = fetched.map(|text| {
                FetchRefspec::parse(Bytes::copy_from_slice(text)).map_err(|error| refspec_failure(&error))
            });
            push.tracking = parsed.collect::<Result<_, _>>()?;
        }
        let committer = super::receive_pack::committer(&config).into();
        push.reflog = Some(ReflogEntry { committer, message: Bytes::from_static(b"update by push") });
        Ok(push)
    }

    /// Refspecs: those of the command line, then those of standard input.
    fn words(&self) -> Result<Vec<Bytes>, Failure> {
        let mut words: Vec<Bytes> = self.refspecs.iter().map(local::bytes).collect();
        if !self.stdin {
            return Ok(words);
        }
        if self.stateless_rpc {
            let mut input = std::io::stdin().lock();
            while let Some(line) = read_packet(&mut input)? {
                words.push(line);
            }
        } else {
            for line in std::io::stdin().lock().split(b'\n') {
                words.push(line?.into());
            }
        }
        Ok(words)
    }

    fn show(&self) -> Show {
        let style = self.shows_progress().then_some(Style::Text);
        Show::of_push(Some(style.unwrap_or(Style::None)), self.quiet)
    }

    fn shows_progress(&self) -> bool {
        use std::io::IsTerminal as _;
        !self.quiet && !self.no_progress && (self.progress || std::io::stderr().is_terminal())
    }

    fn report(&self, pushed: &Pushed) -> Result<ExitCode, Failure> {
        status::complaints(pushed);
        if let Some(pack) = pushed.pack {
            Events::new("send-pack").wrote(pack.total);
        }
        let is_empty = pushed.refs.iter().all(|shown| !shown.name.starts_with(b"refs/"));
        if pushed.updates.is_empty() && is_empty {
            eprintln!(
                "No refs in common and none specified; doing nothing.\nPerhaps you should specify a branch."
            );
        }
        let url = status::anonymous(&local::bytes(&self.destination));
        let changed = if self.helper_status {
            print_helper_status(pushed)?;
            pushed.updates.iter().any(|update| update.status != PushStatus::UpToDate)
        } else {
            Lines { form: Form::Text, url: &url, verbose: self.verbose > 0 }.print(pushed)?
        };
        if self.verbose > 0 {
            status::followed(pushed);
        }
        if !pushed.is_complete() {
            return Ok(ExitCode::FAILURE);
        }
        if !changed {
            eprintln!("Everything up-to-date");
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// `ok REF` and `error REF WHY`, with options of the server below (`gitremote-helpers`, *push*).
pub(super) fn print_helper_status(pushed: &Pushed) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    // Of what goes down with another ref a parent knows itself.
    let alone = |update: &&PushUpdate| update.status != PushStatus::Rejected(Rejection::AtomicPushFailed);
    for update in pushed.updates.iter().filter(alone) {
        let name = update.destination.as_bytes();
        let (result, why) = verdict(update);
        if update.status == PushStatus::Done && !update.changes.is_empty() {
            for change in &update.changes {
                out.write_all(&[b"ok ", name, b"\n"].concat())?;
                write_change(change, &mut out)?;
            }
            continue;
        }
        let why = why.map(|why| [&b" "[..], &quoted(&why)].concat()).unwrap_or_default();
        out.write_all(&[result, b" ", name, &why, b"\n"].concat())?;
    }
    out.flush()?;
    Ok(())
}

fn verdict(update: &PushUpdate) -> (&'static [u8], Option<Vec<u8>>) {
    let (result, why): (&[u8], &[u8]) = match &update.status {
        PushStatus::Done => return (b"ok", None),
        PushStatus::UpToDate => (b"ok", b"up to date"),
        // The helpers' word for it has no hyphen there.
        PushStatus::Rejected(Rejection::NonFastForward) => (b"error", b"non-fast forward"),
        PushStatus::Rejected(Rejection::DeletionUnsupported) => return (b"error", None),
        PushStatus::Rejected(rejection) => return (b"error", Some(rejection.to_string().into_bytes())),
        PushStatus::RemoteRejected(reason) => return (b"error", Some(reason.to_vec())),
        _ => (b"error", b"expecting report"),
    };
    (result, Some(why.to_vec()))
}

fn write_change(change: &UpdateOptions, out: &mut impl std::io::Write) -> Result<(), Failure> {
    if let Some(name) = &change.name {
        out.write_all(&[b"option refname ", &name[..], b"\n"].concat())?;
    }
    if let Some(old) = change.old {
        writeln!(out, "option old-oid {old}")?;
    }
    if let Some(new) = change.new {
        writeln!(out, "option new-oid {new}")?;
    }
    if change.forced {
        writeln!(out, "option forced-update")?;
    }
    Ok(())
}

/// In quotes, as C writes strings, where there is a byte that needs it.
fn quoted(text: &[u8]) -> Vec<u8> {
    let plain = |byte: &u8| !byte.is_ascii_control() && byte.is_ascii() && !matches!(byte, b'"' | b'\\');
    if text.iter().all(plain) {
        return text.to_vec();
    }
    let mut out = vec![b'"'];
    for byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            byte if plain(byte) => out.push(*byte),
            byte => out.extend_from_slice(format!("\\{byte:03o}").as_bytes()),
        }
    }
    out.push(b'"');
    out
}
