//! Where a push goes by the configuration (`git-config`: remote.*, branch.*, push.default, url.*).

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use bytes::Bytes;
use gitwire_gitdir::{Config, GitDir, Head};
use gitwire_types::{FetchRefspec, Force, PushRefspec, RefName};

use super::refspec_failure;
use crate::failure::Failure;

/// Where a push goes.
pub(super) struct ConfiguredRemote {
    /// Its name, or the URL.
    pub(super) name: Bytes,
    pub(super) urls: Vec<Bytes>,
    pub(super) push: Vec<PushRefspec>,
    pub(super) fetch: Vec<FetchRefspec>,
    pub(super) mirror: bool,
    /// The program that receives (`remote.NAME.receivepack`).
    pub(super) program: Option<OsString>,
}

/// What is pushed when nobody says what.
pub(super) struct DefaultPush {
    pub(super) refspecs: Vec<PushRefspec>,
    /// Whether the branch is to follow what it is pushed to (`push.autoSetupRemote`).
    pub(super) sets_upstream: bool,
}

/// What `push.default` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Default {
    Nothing,
    Matching,
    Simple,
    Upstream,
    Current,
}

impl ConfiguredRemote {
    pub(super) fn find(named: Option<Bytes>, repository: &GitDir, config: &Config) -> Result<Self, Failure> {
        let name = match named {
            Some(name) => name,
            None => default_remote(repository, config)?,
        };
        // Whoever names what to push hears of a bad value too.
        Default::read(config)?;
        let values = |variable| -> Vec<Bytes> {
            config.values("remote", Some(&name), variable).flatten().map(Bytes::copy_from_slice).collect()
        };
        let (push_urls, urls) = (values("pushurl"), values("url"));
        let urls = match (push_urls.is_empty(), urls.is_empty()) {
            (false, _) => push_urls.iter().map(|url| rewrite(url, config, "insteadof")).collect(),
            (true, false) => urls.iter().map(|url| rewrite_to_push(url, config)).collect(),
            (true, true) => vec![rewrite_to_push(&name, config)],
        };
        let parsed = |text: Bytes| PushRefspec::parse(text).map_err(|error| refspec_failure(&error));
        let push = values("push").into_iter().map(parsed).collect::<Result<_, _>>()?;
        let fetch = values("fetch")
            .into_iter()
            .map(|text| FetchRefspec::parse(text).map_err(|error| refspec_failure(&error)))
            .collect::<Result<_, _>>()?;
        let mirror = config.boolean("remote", Some(&name), "mirror")?.unwrap_or_default();
        let program = values("receivepack").pop().map(|program| OsString::from_vec(program.to_vec()));
        Ok(Self { name, urls, push, fetch, mirror, program })
    }

    /// What is pushed when nobody says what.
    pub(super) fn default_push(&self, repository: &GitDir, config: &Config) -> Result<DefaultPush, Failure> {
        let default = Default::read(config)?;
        let plain = |refspec| Ok(DefaultPush { refspecs: vec![refspec], sets_upstream: false });
        match default {
            Default::Matching => return plain(PushRefspec::Matching { force: Force::No }),
            Default::Nothing => {
                return Err(Failure::fatal(
                    "You didn't specify any refspecs to push, and push.default is \"nothing\".",
                ));
            }
            _ => {}
        }
        let branch = match repository.head()? {
            Head::Branch(branch) | Head::Unborn(branch) if branch.is_branch() => branch,
            _ => {
                let remote = self.name.escape_ascii();
                return Err(Failure::fatal(format!(
                    "You are not currently on a branch.\nName one: gitwire push {remote} HEAD:NAME"
                )));
            }
        };
        let is_elsewhere = self.name != upstream_remote(&branch, config);
        let sets_upstream = config.boolean("push", None, "autoSetupRemote")?.unwrap_or_default()
            && config.string("branch", Some(branch.short()), "merge").is_none();
        if default == Default::Upstream && is_elsewhere {
            let (remote, branch) = (self.name.escape_ascii(), shown(&branch));
            return Err(Failure::fatal(format!(
                "You are pushing to remote '{remote}', which is not the upstream of\n\
                 your current branch '{branch}': say what goes where."
            )));
        }
        if sets_upstream || default == Default::Current || is_elsewhere {
            let refspecs = vec![to(Force::No, &branch, branch.clone())];
            return Ok(DefaultPush { refspecs, sets_upstream });
        }
        let upstream = self.upstream(&branch, config)?;
        if default == Default::Simple && upstream != branch {
            let (remote, there, here) = (self.name.escape_ascii(), shown(&upstream), shown(&branch));
            return Err(Failure::fatal(format!(
                "The upstream branch of your current branch does not match\nthe name of your current branch.  \
                 Name it: gitwire push {remote} HEAD:{there} or HEAD:{here}"
            )));
        }
        plain(to(Force::No, &branch, upstream))
    }

    /// A ref that is named without a destination goes where the configuration sends it.
    pub(super) fn map(&self, refspec: PushRefspec, repository: &GitDir, config: &Config) -> PushRefspec {
        let PushRefspec::One { force, source, destination: None } = &refspec else { return refspec };
        let Some(name) = full_name(source, repository) else { return refspec };
        for configured in &self.push {
            let destination = match configured {
                PushRefspec::One { source, destination: Some(to), .. } if *source == *name.as_shared() => {
                    Some(to.clone())
                }
                pattern => pattern.map(&name).ok().flatten().and_then(|mapped| mapped.destination),
            };
            if let Some(destination) = destination {
                return to(*force, &name, destination);
            }
        }
        let follows = matches!(Default::read(config), Ok(Default::Upstream)) && name.is_branch();
        match follows.then(|| self.upstream(&name, config)) {
            Some(Ok(upstream)) if self.push.is_empty() => to(*force, &name, upstream),
            _ => refspec,
        }
    }

    /// The ref there that a branch follows.
    fn upstream(&self, branch: &RefName, config: &Config) -> Result<RefName, Failure> {
        let short = branch.short();
        let remote = config.string("branch", Some(short), "remote");
        let merge = config.string("branch", Some(short), "merge").filter(|_| remote.is_some());
        let none = || {
            let (branch, remote) = (shown(branch), self.name.escape_ascii());
            Failure::fatal(format!(
                "The current branch {branch} has no upstream branch.\n\
                 Name one: gitwire push --set-upstream {remote} {branch}"
            ))
        };
        RefName::copy_from(merge.ok_or_else(none)?).map_err(|_| none())
    }
}

impl Default {
    fn read(config: &Config) -> Result<Self, Failure> {
        Ok(match config.string("push", None, "default") {
            None | Some(b"simple") => Self::Simple,
            Some(b"nothing") => Self::Nothing,
            Some(b"matching") => Self::Matching,
            Some(b"upstream" | b"tracking") => Self::Upstream,
            Some(b"current") => Self::Current,
            Some(other) => {
                let other = other.escape_ascii();
                return Err(Failure::fatal(format!("malformed value for push.default: {other}")));
            }
        })
    }
}

fn to(force: Force, source: &RefName, destination: RefName) -> PushRefspec {
    PushRefspec::One { force, source: source.as_shared().clone(), destination: Some(destination) }
}

fn shown(name: &RefName) -> String {
    name.short().escape_ascii().to_string()
}

/// The one ref here that a word is short for.
fn full_name(word: &Bytes, repository: &GitDir) -> Option<RefName> {
    use gitwire_storage::Repository as _;
    let name = RefName::new(word.clone()).ok()?;
    let refs = repository.refs().ok()?;
    let mut found = name
        .candidates()
        .filter(|candidate| candidate.as_bytes().starts_with(b"refs/"))
        .filter(|candidate| matches!(refs.get(candidate), Ok(Some(_))));
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// Where a push goes that names no remote.
fn default_remote(repository: &GitDir, config: &Config) -> Result<Bytes, Failure> {
    let (Head::Branch(branch) | Head::Unborn(branch)) = repository.head()? else {
        return Ok(any_remote(config));
    };
    let own = |variable| config.string("branch", Some(branch.short()), variable);
    let named = own("pushremote").or_else(|| config.string("remote", None, "pushdefault"));
    Ok(match named {
        Some(name) => Bytes::copy_from_slice(name),
        None => upstream_remote(&branch, config),
    })
}

/// The remote that a branch follows.
pub(crate) fn upstream_remote(branch: &RefName, config: &Config) -> Bytes {
    let own = config.string("branch", Some(branch.short()), "remote");
    own.map_or_else(|| any_remote(config), Bytes::copy_from_slice)
}

/// The only remote, else `origin`.
pub(crate) fn any_remote(config: &Config) -> Bytes {
    let of_remotes = config.entries().iter().filter(|entry| entry.section == "remote" && entry.name == "url");
    let mut names: Vec<&[u8]> = of_remotes.filter_map(|entry| entry.subsection.as_deref()).collect();
    names.dedup();
    match names[..] {
        [only] => Bytes::copy_from_slice(only),
        _ => Bytes::from_static(b"origin"),
    }
}

/// `url.BASE.pushInsteadOf`, else `url.BASE.insteadOf`.
fn rewrite_to_push(url: &[u8], config: &Config) -> Bytes {
    let pushed = rewrite(url, config, "pushinsteadof");
    if pushed == url { rewrite(url, config, "insteadof") } else { pushed }
}

/// Puts the base in place of the longest beginning that its variable names.
pub(crate) fn rewrite(url: &[u8], config: &Config, variable: &str) -> Bytes {
    let mut best: Option<(usize, Bytes)> = None;
    for entry in config.entries().iter().filter(|entry| entry.section == "url" && entry.name == variable) {
        let (Some(base), Some(value)) = (&entry.subsection, &entry.value) else { continue };
        if let Some(rest) = url.strip_prefix(&value[..])
            && best.as_ref().is_none_or(|(len, _)| value.len() > *len)
        {
            best = Some((value.len(), [base, rest].concat().into()));
        }
    }
    best.map_or_else(|| Bytes::copy_from_slice(url), |(_, url)| url)
}
