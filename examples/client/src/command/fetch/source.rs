//! Where a fetch comes from, and what the configuration says of it (`git-config`, remote.*).

use bytes::Bytes;
use gitwire_client::ForMerge;
use gitwire_gitdir::{Config, GitDir, Head};
use gitwire_types::{FetchRefspec, FetchSource, Force, RefName, RefPattern};

use crate::command::push::remote::{rewrite, upstream_remote};
use crate::failure::Failure;

/// Where a fetch comes from.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// The remote's name, or the URL itself.
    pub(super) name: Bytes,
    pub(super) url: Bytes,
    /// Whether the configuration knows it by name.
    pub(super) is_configured: bool,
}

impl Source {
    pub(super) fn named(name: Bytes, config: &Config) -> Result<Self, Failure> {
        let configured = config.values("remote", Some(&name), "url").flatten().next();
        let url = rewrite(configured.unwrap_or(&name), config, "insteadof");
        let is_configured = configured.is_some();
        if url.is_empty() {
            return Err(Failure::fatal("no URL"));
        }
        Ok(Self { name, url, is_configured })
    }

    /// The remote of the branch that is checked out, or `origin`.
    pub(super) fn default_of(repository: &GitDir, config: &Config) -> Result<Self, Failure> {
        let name = match repository.head()? {
            Head::Branch(branch) | Head::Unborn(branch) => upstream_remote(&branch, config),
            _ => Bytes::from_static(b"origin"),
        };
        Self::named(name, config)
    }

    /// The remote's variables of a name; an empty one takes back those before it.
    pub(super) fn values(&self, config: &Config, name: &str) -> Vec<Bytes> {
        let mut values = Vec::new();
        for value in config.values("remote", Some(&self.name), name).flatten().filter(|_| self.is_configured)
        {
            match value {
                b"" => values.clear(),
                value => values.push(Bytes::copy_from_slice(value)),
            }
        }
        values
    }

    pub(super) fn refspecs(&self, config: &Config) -> Result<Vec<FetchRefspec>, Failure> {
        self.values(config, "fetch").into_iter().map(|text| Ok(FetchRefspec::parse(text)?)).collect()
    }

    /// `remote.<name>.NAME`, or `fetch.NAME`.
    pub(super) fn switch(&self, config: &Config, name: &str) -> Result<bool, Failure> {
        let own = config.boolean("remote", Some(&self.name), name)?.filter(|_| self.is_configured);
        Ok(match own {
            Some(own) => own,
            None => config.boolean("fetch", None, name)?.unwrap_or_default(),
        })
    }

    /// Whether the remote has promised what is missing here.
    pub(super) fn promises(&self, config: &Config) -> Result<bool, Failure> {
        let own = config.boolean("remote", Some(&self.name), "promisor")?;
        Ok(self.is_configured && own.unwrap_or_default())
    }

    /// What of the remote the branch that is checked out is merged with.
    pub(super) fn for_merge(&self, repository: &GitDir, config: &Config) -> Result<ForMerge, Failure> {
        let (Head::Branch(branch) | Head::Unborn(branch)) = repository.head()? else {
            return Ok(ForMerge::First);
        };
        let merge = config.values("branch", Some(branch.short()), "merge").flatten();
        let names: Vec<RefName> = merge.filter_map(|name| RefName::copy_from(name).ok()).collect();
        let own = config.string("branch", Some(branch.short()), "remote");
        Ok(match names.is_empty() || own != Some(&self.name) {
            true => ForMerge::First,
            false => ForMerge::Upstream(names),
        })
    }
}

/// Every remote that is not left out of fetches from all.
pub(super) fn all(config: &Config) -> Result<Vec<Bytes>, Failure> {
    let mut names: Vec<Bytes> = Vec::new();
    for entry in config.entries().iter().filter(|entry| entry.section == "remote" && entry.name == "url") {
        let Some(name) = entry.subsection.as_deref() else { continue };
        let skipped = |variable| config.boolean("remote", Some(name), variable);
        let left_out =
            skipped("skipFetchAll")?.unwrap_or_default() || skipped("skipDefaultUpdate")?.unwrap_or_default();
        if !left_out && !names.iter().any(|known| known == name) {
            names.push(Bytes::copy_from_slice(name));
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// The remotes of a group (`remotes.<group>`), or the one that is named.
pub(crate) fn members(name: &Bytes, config: &Config) -> Vec<Bytes> {
    let text = std::str::from_utf8(name).unwrap_or_default();
    let group = config.values("remotes", None, text).flatten();
    let members: Vec<Bytes> = group
        .flat_map(|words| words.split(u8::is_ascii_whitespace))
        .filter(|word| !word.is_empty())
        .map(Bytes::copy_from_slice)
        .collect();
    if members.is_empty() { vec![name.clone()] } else { members }
}

/// The same refspecs with all that they store below `refs/prefetch/`; tags, and what is stored nowhere, are left out.
pub(super) fn below_prefetch(refspecs: &[FetchRefspec]) -> Result<Vec<FetchRefspec>, Failure> {
    let moved = |name: &[u8]| {
        let rest = name.strip_prefix(b"refs/").unwrap_or(name);
        [b"refs/prefetch/", rest].concat()
    };
    let bad = |error: gitwire_types::RefNameError| Failure::fatal(error.to_string());
    let mut below = Vec::new();
    for refspec in refspecs {
        match refspec {
            FetchRefspec::Pattern { source, destination, .. }
                if !source.as_bytes().starts_with(b"refs/tags/") =>
            {
                let destination = RefPattern::new(moved(destination.as_bytes())).map_err(bad)?;
                below.push(FetchRefspec::Pattern { force: Force::Yes, source: source.clone(), destination });
            }
            FetchRefspec::One { source, destination: Some(destination), .. } => {
                if matches!(source, FetchSource::Name(name) if name.is_tag()) {
                    continue;
                }
                let destination = Some(RefName::new(moved(destination.as_bytes())).map_err(bad)?);
                below.push(FetchRefspec::One { force: Force::Yes, source: source.clone(), destination });
            }
            FetchRefspec::Exclude(_) => below.push(refspec.clone()),
            _ => {}
        }
    }
    Ok(below)
}
