//! `gitwire push`.

pub(crate) mod remote;
pub(crate) mod status;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;
use clap::Args;
use gitwire_client::{ClientError, Expect, Lease, Matching, Prune, Push, Pushed, find_revision};
use gitwire_gitdir::{Config, GitDir};
use gitwire_storage::ReflogEntry;
use gitwire_types::{PushRefspec, RefName};

use self::remote::ConfiguredRemote;
use self::status::{Form, Lines};
use crate::failure::Failure;
use crate::show::{Show, Style};
use crate::signing::{PrePushHooks, Signed, signing};
use crate::{local, promisors};

#[derive(Debug, Args)]
pub(crate) struct PushCommand {
    /// Let refs lose history.
    #[arg(short, long)]
    force: bool,
    /// Let refs lose history if the remote still holds what was last seen there, or EXPECT; nothing for EXPECT: no such ref.
    #[arg(long, value_name = "REF[:EXPECT]", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    force_with_lease: Vec<OsString>,
    /// Push all branches.
    #[arg(long, visible_alias = "branches", conflicts_with_all = ["mirror", "tags", "delete"])]
    all: bool,
    /// Push all refs, and delete those that are not here.
    #[arg(long, conflicts_with_all = ["tags", "delete"])]
    mirror: bool,
    /// Push all tags too.
    #[arg(long)]
    tags: bool,
    /// Push annotated tags that lead to what is pushed.
    #[arg(long, overrides_with = "no_follow_tags")]
    follow_tags: bool,
    /// Leave tags alone, whatever push.followTags says.
    #[arg(long)]
    no_follow_tags: bool,
    /// Delete the refs that are named.
    #[arg(short, long)]
    delete: bool,
    /// Delete refs there that are here no more.
    #[arg(long)]
    prune: bool,
    /// All refs or none.
    #[arg(long, overrides_with = "no_atomic")]
    atomic: bool,
    /// Each ref on its own.
    #[arg(long)]
    no_atomic: bool,
    /// Say what would be done, and do nothing.
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Lines for programs, on standard output.
    #[arg(long)]
    porcelain: bool,
    /// What the server's hooks are told.
    #[arg(short = 'o', long, value_name = "OPTION")]
    push_option: Vec<OsString>,
    /// Sign the push, always or where the server takes signed pushes.
    #[arg(long, value_enum, value_name = "WHEN", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    signed: Option<Signed>,
    /// Do not sign, whatever push.gpgSign says.
    #[arg(long, conflicts_with = "signed")]
    no_signed: bool,
    /// Leave out the hook pre-push.
    #[arg(long, overrides_with = "verify")]
    no_verify: bool,
    /// Ask the hook pre-push, which is the default.
    #[arg(long)]
    verify: bool,
    /// Deltas against what the server has.
    #[arg(long, overrides_with = "no_thin")]
    thin: bool,
    /// A pack that is whole in itself.
    #[arg(long)]
    no_thin: bool,
    /// The program that receives on a local path.
    #[arg(long, visible_alias = "exec", value_name = "PROGRAM")]
    receive_pack: Option<OsString>,
    /// How progress is shown.
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "text")]
    progress: Option<Style>,
    /// Say nothing but errors.
    #[arg(short, long)]
    quiet: bool,
    /// Show refs too that did not change.
    #[arg(short, long)]
    verbose: bool,
    /// A remote of the configuration, or a URL.
    repository: Option<OsString>,
    /// What to push, and where to.
    refspecs: Vec<OsString>,
}

impl PushCommand {
    pub(crate) fn run(&self, overlay: Config) -> Result<ExitCode, Failure> {
        self.refuse_combinations()?;
        let repository = local::configured_repository(overlay)?;
        let config = repository.config();
        let remote =
            ConfiguredRemote::find(self.repository.as_ref().map(local::bytes), &repository, &config)?;
        let mut failed = false;
        for url in &remote.urls {
            let push = self.push_to(url, &remote, &repository, &config)?;
            failed |= !self.one(&push, url, &repository)?;
        }
        Ok(ExitCode::from(u8::from(failed)))
    }

    fn refuse_combinations(&self) -> Result<(), Failure> {
        let refuse = |text: &str| Err(Failure::fatal(text));
        if self.delete && self.refspecs.is_empty() {
            return refuse("--delete doesn't make sense without any refs");
        }
        if self.delete && self.refspecs.iter().any(|word| local::bytes(word).contains(&b':')) {
            return refuse("--delete only accepts plain target ref names");
        }
        if self.all && !self.refspecs.is_empty() {
            return refuse("--all can't be combined with refspecs");
        }
        if self.mirror && !self.refspecs.is_empty() {
            return refuse("--mirror can't be combined with refspecs");
        }
        Ok(())
    }

    /// Pushes to one URL, and says what came of it; whether all is as it should be.
    fn one(&self, push: &Push, url: &[u8], repository: &GitDir) -> Result<bool, Failure> {
        if self.verbose {
            eprintln!("Pushing to {}", status::anonymous(url));
        }
        let mut show = Show::of_push(self.progress, self.quiet);
        let pushed = push.run(promisors::whole(repository)?, &mut |event| show.event(event));
        drop(show);
        let url = status::anonymous(url);
        let good = match pushed {
            Ok(pushed) => {
                self.report(&pushed, &url)?;
                pushed.is_complete()
            }
            Err(ClientError::Refspecs(problems)) => {
                problems.iter().for_each(|problem| eprintln!("error: {problem}"));
                false
            }
            Err(ClientError::Stopped(why)) => {
                if !why.to_string().is_empty() {
                    eprintln!("error: {why}");
                }
                false
            }
            Err(error) => return Err(error.into()),
        };
        if !good {
            eprintln!("error: failed to push some refs to '{url}'");
        }
        Ok(good)
    }

    fn report(&self, pushed: &Pushed, url: &str) -> Result<(), Failure> {
        status::complaints(pushed);
        let good = pushed.is_complete();
        let form = if self.porcelain { Form::Porcelain } else { Form::Text };
        let lines = Lines { form, url, verbose: self.verbose || self.porcelain };
        let changed = if self.quiet && good { true } else { lines.print(pushed)? };
        if self.verbose {
            status::followed(pushed);
        }
        // That refs were rejected does not undo that all was said.
        if self.porcelain && pushed.unpack_error.is_none() {
            println!("Done");
        } else if !self.quiet && good && !changed {
            eprintln!("Everything up-to-date");
        }
        if let Err(error) = &pushed.tracked {
            eprintln!("warning: the refs that follow the remote's could not be updated: {error}");
        }
        Ok(())
    }

    fn push_to(
        &self,
        url: &[u8],
        remote: &ConfiguredRemote,
        repository: &GitDir,
        config: &Config,
    ) -> Result<Push, Failure> {
        let mut push = Push::new(local::remote(url, self.receive_pack.as_ref(), config)?);
        push.matching = match (self.mirror || remote.mirror && self.refspecs.is_empty(), self.all) {
            (true, _) => Matching::Mirror,
            (_, true) => Matching::All,
            _ => Matching::Common,
        };
        let named = self.all || push.matching == Matching::Mirror;
        push.refspecs = if named { Vec::new() } else { self.refspecs(remote, repository, config)? };
        let configured = config.boolean("push", None, "followTags")?.unwrap_or_default();
        push.follow_tags = self.follow_tags || configured && !self.no_follow_tags;
        push.prune = if self.prune { Prune::Yes } else { Prune::No };
        push.force = self.force || push.matching == Matching::Mirror;
        for lease in self.force_with_lease.iter().map(local::bytes) {
            match lease.is_empty() {
                true => push.lease_rest = true,
                false => push.leases.push(lease_of(&lease, repository)?),
            }
        }
        push.atomic = self.atomic && !self.no_atomic;
        push.dry_run = self.dry_run;
        push.push_options = self.push_options(config)?;
        push.thin = !self.no_thin;
        push.negotiate = config.boolean("push", None, "negotiate")?.unwrap_or_default();
        push.quiet = self.quiet;
        let asked = if self.no_signed { Some(Signed::False) } else { self.signed };
        push.signing = signing(asked, config)?;
        if !self.no_verify {
            push.pre_push = Some(Arc::new(PrePushHooks::new(repository, &remote.name, url)));
        }
        push.tracking.clone_from(&remote.fetch);
        let committer = super::receive_pack::committer(config).into();
        push.reflog = Some(ReflogEntry { committer, message: Bytes::from_static(b"update by push") });
        Ok(push)
    }

    fn refspecs(
        &self,
        remote: &ConfiguredRemote,
        repository: &GitDir,
        config: &Config,
    ) -> Result<Vec<PushRefspec>, Failure> {
        let mut words: Vec<Bytes> = self.refspecs.iter().map(local::bytes).collect();
        if self.delete {
            words = words.iter().map(|word| Bytes::from([b":", &word[..]].concat())).collect();
        }
        let mut refspecs = PushRefspec::parse_words(words).map_err(|error| refspec_failure(&error))?;
        if refspecs.is_empty() && !self.tags {
            refspecs.clone_from(&remote.push);
            if refspecs.is_empty() {
                refspecs = remote.default_refspecs(repository, config)?;
            }
        } else {
            refspecs = refspecs.into_iter().map(|refspec| remote.map(refspec, repository, config)).collect();
        }
        if self.tags {
            refspecs.push(PushRefspec::parse("refs/tags/*")?);
        }
        Ok(refspecs)
    }

    /// Those of the command line, else those of the configuration, where an empty one takes back what stands before it.
    fn push_options(&self, config: &Config) -> Result<Vec<Bytes>, Failure> {
        let mut options: Vec<Bytes> = self.push_option.iter().map(local::bytes).collect();
        if options.is_empty() {
            for value in config.values("push", None, "pushOption").flatten() {
                match value.is_empty() {
                    true => options.clear(),
                    false => options.push(Bytes::copy_from_slice(value)),
                }
            }
        }
        if options.iter().any(|option| option.contains(&b'\n')) {
            return Err(Failure::fatal("push options must not have new line characters"));
        }
        Ok(options)
    }
}

/// `REF`, `REF:` or `REF:EXPECT`.
pub(crate) fn lease_of(text: &Bytes, repository: &GitDir) -> Result<Lease, Failure> {
    let colon = text.iter().position(|byte| *byte == b':');
    let (name, expect) = match colon {
        None => (text.clone(), None),
        Some(at) => (text.slice(..at), Some(text.slice(at + 1..))),
    };
    let name = RefName::new(name)
        .map_err(|_| Failure::fatal(format!("cannot parse the lease '{}'", text.escape_ascii())))?;
    let expect = match expect {
        None => Expect::Tracked,
        Some(text) if text.is_empty() => Expect::Absent,
        Some(text) => match find_revision(repository, &text)? {
            Some(id) if id.is_zero() => Expect::Absent,
            Some(id) => Expect::Id(id),
            None => {
                let text = text.escape_ascii();
                return Err(Failure::usage(format!("cannot parse expected object name '{text}'")));
            }
        },
    };
    Ok(Lease { name, expect })
}

pub(crate) fn refspec_failure(error: &gitwire_types::RefspecError) -> Failure {
    Failure::fatal(format!("invalid refspec: {error}"))
}
