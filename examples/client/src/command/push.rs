//! `gitwire push`.

mod hints;
mod options;
pub(crate) mod remote;
pub(crate) mod status;
mod upstream;

use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;
use gitwire_client::{ClientError, Expect, Lease, Matching, Prune, Push, Pushed, find_revision};
use gitwire_gitdir::{Config, GitDir, Head};
use gitwire_storage::ReflogEntry;
use gitwire_transport::AddressFamily;
use gitwire_types::{PushRefspec, RefName, RefspecError};

pub(crate) use self::options::PushCommand;
use self::options::Submodules;
use self::remote::{ConfiguredRemote, DefaultPush};
use self::status::{Form, Lines};
use self::upstream::Upstream;
use crate::command::fetch::members;
use crate::failure::Failure;
use crate::show::Show;
use crate::signing::{PrePushHooks, Signed, signing};
use crate::{local, promisors};

impl PushCommand {
    pub(crate) fn run(&self, overlay: Config) -> Result<ExitCode, Failure> {
        self.refuse_combinations()?;
        let repository = local::configured_repository(overlay)?;
        let config = repository.config();
        self.refuse_submodules(&repository, &config)?;
        let named = self.repository.as_ref().or(self.repo.as_ref()).map(local::bytes);
        if named.as_ref().is_some_and(|name| name.is_empty()) {
            return Err(Failure::fatal("bad repository ''"));
        }
        let names: Vec<Option<Bytes>> = match named {
            None => vec![None],
            Some(name) => members(&name, &config).into_iter().map(Some).collect(),
        };
        if self.atomic && names.len() > 1 {
            return Err(Failure::fatal("--atomic goes to one remote, and this is a group of them"));
        }
        let mut good = true;
        let several = names.len() > 1;
        for name in names {
            // One that fails does not keep the others of a group from what they are to get.
            good &= match self.to_remote(name, &repository, &config) {
                Err(failure) if several => {
                    failure.report();
                    false
                }
                done => done?,
            };
        }
        Ok(ExitCode::from(u8::from(!good)))
    }

    /// Pushes to all URLs of one remote; whether all is as it should be.
    fn to_remote(&self, name: Option<Bytes>, repository: &GitDir, config: &Config) -> Result<bool, Failure> {
        let remote = ConfiguredRemote::find(name, repository, config)?;
        let asked = self.asked(&remote, repository, config)?;
        let mut good = true;
        for url in &remote.urls {
            let push = self.push_to(url, &remote, &asked, repository, config)?;
            good &= self.one(&push, url, &remote, asked.sets_upstream, repository)?;
        }
        Ok(good)
    }

    fn refuse_combinations(&self) -> Result<(), Failure> {
        let refuse = |text: &str| Err(Failure::fatal(text));
        let given = [
            ("'--delete'", self.delete),
            ("'--tags'", self.tags),
            ("'--all/--branches'", self.all),
            ("'--mirror'", self.mirror),
        ];
        let given: Vec<&str> =
            given.iter().filter(|(_, is_given)| *is_given).map(|(name, _)| *name).collect();
        if let [rest @ .., last] = &given[..]
            && !rest.is_empty()
        {
            let comma = if rest.len() > 1 { "," } else { "" };
            let rest = rest.join(", ");
            return refuse(&format!("options {rest}{comma} and {last} cannot be used together"));
        }
        if self.delete && self.refspecs.is_empty() {
            return refuse("--delete doesn't make sense without any refs");
        }
        Ok(())
    }

    /// Submodules are not looked into: what asks for that is refused where there are some.
    fn refuse_submodules(&self, repository: &GitDir, config: &Config) -> Result<(), Failure> {
        let configured = || -> Result<bool, Failure> {
            Ok(match config.string("push", None, "recurseSubmodules") {
                Some(b"check" | b"on-demand" | b"only") => true,
                Some(_) => false,
                None => config.boolean("submodule", None, "recurse")?.unwrap_or_default(),
            })
        };
        let asked = match self.recurse_submodules {
            Some(when) => when != Submodules::No,
            None => !self.no_recurse_submodules && configured()?,
        };
        let beside = repository.path().parent().map(|top| top.join(".gitmodules"));
        let has_some =
            repository.common_path().join("modules").exists() || beside.is_some_and(|path| path.exists());
        if asked && has_some {
            return Err(Failure::fatal(
                "submodules are neither checked nor pushed here: push them one by one, then use --no-recurse-submodules",
            ));
        }
        Ok(())
    }

    /// Pushes to one URL, and says what came of it; whether all is as it should be.
    fn one(
        &self,
        push: &Push,
        url: &[u8],
        remote: &ConfiguredRemote,
        sets_upstream: bool,
        repository: &GitDir,
    ) -> Result<bool, Failure> {
        if self.verbose > 0 {
            eprintln!("Pushing to {}", status::anonymous(url));
        }
        let config = repository.config();
        let mut show = Show::of_push(self.progress, self.quiet);
        let pushed = push.run(promisors::whole(repository)?, &mut |event| show.event(event));
        drop(show);
        let shown = status::anonymous(url);
        let mut rejected = Vec::new();
        let good = match pushed {
            Ok(pushed) => {
                let upstream = Upstream { remote: &remote.name, dry_run: self.dry_run, quiet: self.quiet };
                self.report(&pushed, &shown, sets_upstream.then_some(upstream), repository)?;
                let good = pushed.is_complete();
                rejected = pushed.updates;
                good
            }
            Err(ClientError::Refspecs(problems)) => {
                for problem in &problems {
                    eprintln!("error: {problem}");
                    hints::about_refspec(problem, &config);
                }
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
            eprintln!("error: failed to push some refs to '{shown}'");
            let current = match repository.head()? {
                Head::Branch(branch) | Head::Unborn(branch) => Some(branch),
                _ => None,
            };
            hints::about(&rejected, current.as_ref(), &config);
        }
        Ok(good)
    }

    fn report(
        &self,
        pushed: &Pushed,
        url: &str,
        upstream: Option<Upstream<'_>>,
        repository: &GitDir,
    ) -> Result<(), Failure> {
        status::complaints(pushed);
        let good = pushed.is_complete();
        let form = if self.porcelain { Form::Porcelain } else { Form::Text };
        let lines = Lines { form, url, verbose: self.verbose > 0 || self.porcelain };
        let changed = if self.quiet && good { true } else { lines.print(pushed)? };
        if let Some(upstream) = upstream {
            upstream.set(pushed, repository)?;
        }
        if self.verbose > 0 {
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

    /// What is pushed: what is named here, else what the configuration says.
    fn asked(
        &self,
        remote: &ConfiguredRemote,
        repository: &GitDir,
        config: &Config,
    ) -> Result<DefaultPush, Failure> {
        let words = self.named(remote, repository, config)?;
        let mirror = self.mirror || remote.mirror;
        if self.all && !words.is_empty() {
            return Err(Failure::fatal("--all can't be combined with refspecs"));
        }
        if mirror && !words.is_empty() {
            return Err(Failure::fatal("--mirror can't be combined with refspecs"));
        }
        let plain = |refspecs| DefaultPush { refspecs, sets_upstream: false };
        let mut asked = match () {
            () if self.all || mirror => plain(Vec::new()),
            () if !words.is_empty() => plain(words),
            () if !remote.push.is_empty() => plain(remote.push.clone()),
            () => remote.default_push(repository, config)?,
        };
        asked.sets_upstream |= self.set_upstream;
        Ok(asked)
    }

    fn push_to(
        &self,
        url: &[u8],
        remote: &ConfiguredRemote,
        asked: &DefaultPush,
        repository: &GitDir,
        config: &Config,
    ) -> Result<Push, Failure> {
        let configured = |name| Ok::<_, Failure>(config.boolean("push", None, name)?.unwrap_or_default());
        let program = self.receive_pack.clone().or_else(|| remote.program.clone());
        let mut push = Push::new(local::remote(url, program.as_ref(), config)?);
        if self.ipv4 || self.ipv6 {
            let family = if self.ipv4 { AddressFamily::V4 } else { AddressFamily::V6 };
            push.remote.connect.addresses = Some(Arc::new(family));
            push.remote.connect.ssh.family = Some(family);
        }
        push.matching = match (self.mirror || remote.mirror, self.all) {
            (true, _) => Matching::Mirror,
            (_, true) => Matching::All,
            _ => Matching::Common,
        };
        push.refspecs.clone_from(&asked.refspecs);
        push.follow_tags = self.follow_tags || !self.no_follow_tags && configured("followTags")?;
        push.prune = if self.prune { Prune::Yes } else { Prune::No };
        push.force = self.force || push.matching == Matching::Mirror;
        for lease in self.force_with_lease.iter().map(local::bytes) {
            match lease.is_empty() {
                true => push.lease_rest = true,
                false => push.leases.push(lease_of(&lease, repository)?),
            }
        }
        push.lease_if_included =
            self.force_if_includes || !self.no_force_if_includes && configured("useForceIfIncludes")?;
        push.atomic = self.atomic;
        push.dry_run = self.dry_run;
        push.push_options = self.push_options(config)?;
        push.thin = !self.no_thin;
        let bitmaps =
            |section| Ok::<_, Failure>(config.boolean(section, None, "useBitmaps")?.unwrap_or(true));
        push.bitmaps = bitmaps("push")? && bitmaps("pack")?;
        push.negotiate = configured("negotiate")?;
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

    /// The refspecs of the command line.
    fn named(
        &self,
        remote: &ConfiguredRemote,
        repository: &GitDir,
        config: &Config,
    ) -> Result<Vec<PushRefspec>, Failure> {
        let words = self.refspecs.iter().map(local::bytes);
        let refspecs = match self.delete {
            true => deletions(words)?,
            false => PushRefspec::parse_words(words).map_err(|error| refspec_failure(&error))?,
        };
        let mut refspecs: Vec<PushRefspec> =
            refspecs.into_iter().map(|refspec| remote.map(refspec, repository, config)).collect();
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

/// Names of refs that are to go, `tag NAME` among them.
fn deletions(mut words: impl Iterator<Item = Bytes>) -> Result<Vec<PushRefspec>, Failure> {
    let mut refspecs = Vec::new();
    while let Some(word) = words.next() {
        let text = match &word[..] {
            b"tag" => {
                let name = words.next().ok_or_else(|| refspec_failure(&RefspecError::NoTagName))?;
                [b":refs/tags/", &name[..]].concat()
            }
            name if name.contains(&b':') => {
                return Err(Failure::fatal("--delete only accepts plain target ref names"));
            }
            name => [b":", name].concat(),
        };
        refspecs.push(PushRefspec::parse(text).map_err(|error| refspec_failure(&error))?);
    }
    Ok(refspecs)
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

pub(crate) fn refspec_failure(error: &RefspecError) -> Failure {
    match error {
        RefspecError::NoTagName => Failure::fatal("tag shorthand without <tag>"),
        error => Failure::fatal(format!("invalid refspec: {error}")),
    }
}
