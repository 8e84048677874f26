//! Policy from a repository's configuration.

use bytes::Bytes;
use gitwire_capability::PromisorRemote;
use gitwire_gitdir::{Config, ConfigError, PromisorConfig};

use super::{FilterRules, Filters, HiddenRefs, PackfileUris, Policy, Unborn, Wants};

impl Policy {
    /// The same with what `uploadpack.*`, `transfer.hideRefs` and `lsrefs.unborn` say (`git-config`).
    ///
    /// # Errors
    /// A value that git would not understand either.
    pub fn with_config(mut self, config: &Config) -> Result<Self, ConfigError> {
        let allows = |name: &str| config.boolean("uploadpack", None, name).map(Option::unwrap_or_default);
        if let Some(hidden) = hidden_refs(config, "uploadpack") {
            self.hidden = hidden;
        }
        let (tip, reachable) = (allows("allowTipSHA1InWant")?, allows("allowReachableSHA1InWant")?);
        if allows("allowAnySHA1InWant")? {
            self.wants = Wants::Any;
        } else if reachable {
            self.wants = Wants::Reachable;
        } else if tip {
            self.wants = Wants::Tips;
        }
        let rules = filter_rules(config)?;
        match config.boolean("uploadpack", None, "allowFilter")? {
            Some(true) => self.filters = Filters::Allow(rules),
            Some(false) => self.filters = Filters::Refuse,
            None => {}
        }
        let bitmaps =
            config.boolean("pack", None, "useBitmaps")?.or(config.boolean("pack", None, "useBitmapIndex")?);
        self.bitmaps = bitmaps.unwrap_or(self.bitmaps);
        let object_info = config.boolean("transfer", None, "advertiseObjectInfo")?;
        self.object_info = object_info.unwrap_or(self.object_info);
        if allows("advertiseBundleURIs")? {
            self.bundle_uris = Some(bundle_list(config));
        }
        self.ref_in_want |= allows("allowRefInWant")?;
        self.sideband_all |= allows("allowSidebandAll")?;
        if config.boolean("promisor", None, "advertise")? == Some(true) {
            self.promisors = advertised_promisors(config)?;
        }
        if let Some(uris) = packfile_uris(config) {
            self.packfile_uris = uris;
        }
        match config.string("lsrefs", None, "unborn") {
            Some(b"ignore") => self.unborn = Unborn::Ignore,
            Some(b"allow") => self.unborn = Unborn::Allow,
            Some(_) => self.unborn = Unborn::Advertise,
            None => {}
        }
        if let Some(seconds) = config.integer("uploadpack", None, "keepAlive")? {
            let seconds = u64::try_from(seconds).unwrap_or(0);
            let every = (seconds > 0).then(|| std::time::Duration::from_secs(seconds));
            self.deadlines.keep_alive = every;
        }
        Ok(self)
    }
}

/// The hidden refs of one side; `None` where nothing is said of them.
pub(crate) fn hidden_refs(config: &Config, side: &str) -> Option<HiddenRefs> {
    let entries = config.entries().iter();
    let entries = entries
        .filter(|entry| entry.name == "hiderefs" && (entry.section == side || entry.section == "transfer"));
    let values: Vec<Vec<u8>> = entries.filter_map(|entry| entry.value.clone()).collect();
    (!values.is_empty()).then(|| HiddenRefs::new(values))
}

/// The promisor remotes of which clients are told, with the fields that `promisor.sendFields` names.
fn advertised_promisors(config: &Config) -> Result<Vec<PromisorRemote>, ConfigError> {
    let fields = config.string("promisor", None, "sendFields").unwrap_or_default();
    let sends = |field: &str| {
        let mut words = fields.split(|byte| matches!(byte, b',' | b' ' | b'\t'));
        words.any(|word| word.eq_ignore_ascii_case(field.as_bytes()))
    };
    let known = PromisorConfig::all(config)?.into_iter().filter_map(|known| {
        let PromisorConfig { name, url, filter, token, .. } = known;
        let mut remote = PromisorRemote::new(name, url?);
        remote.filter = filter.filter(|_| sends("partialCloneFilter")).map(Bytes::from);
        remote.token = token.filter(|_| sends("token")).map(Bytes::from);
        Some(remote)
    });
    Ok(known.collect())
}

/// The blobs that clients get elsewhere; `None` where nothing is said of them.
fn packfile_uris(config: &Config) -> Option<PackfileUris> {
    let entries = config.entries().iter();
    let entries = entries.filter(|entry| entry.section == "uploadpack" && entry.subsection.is_none());
    let entries = entries.filter(|entry| entry.name == "blobpackfileuri");
    let values: Vec<Vec<u8>> = entries.filter_map(|entry| entry.value.clone()).collect();
    (!values.is_empty()).then(|| PackfileUris::new(values))
}

fn filter_rules(config: &Config) -> Result<FilterRules, ConfigError> {
    let section = "uploadpackfilter";
    let mut rules = FilterRules::default();
    rules.others = config.boolean(section, None, "allow")?.unwrap_or(rules.others);
    for entry in config.entries().iter().filter(|entry| entry.section == section && entry.name == "allow") {
        if let Some(name) = &entry.subsection
            && let Some(allowed) = config.boolean(section, Some(name), "allow")?
        {
            rules.named.push((name.clone(), allowed));
        }
    }
    if let Some(depth) = config.integer(section, Some(b"tree"), "maxDepth")? {
        rules.tree_depth_max = u64::try_from(depth).unwrap_or(u64::MAX);
    }
    Ok(rules)
}

/// The variables of the section `bundle`, as the command `bundle-uri` tells them.
fn bundle_list(config: &Config) -> Vec<(Bytes, Bytes)> {
    let entries = config.entries().iter().filter(|entry| entry.section == "bundle");
    let pairs = entries.filter_map(|entry| {
        let value = entry.value.as_deref().filter(|value| !value.is_empty())?;
        let mut key = b"bundle.".to_vec();
        if let Some(id) = &entry.subsection {
            key.extend_from_slice(id);
            key.push(b'.');
        }
        key.extend_from_slice(entry.name.as_bytes());
        let is_sendable = |part: &[u8]| !part.iter().any(|byte| matches!(byte, b'\n' | 0));
        let sendable = is_sendable(&key) && !key.contains(&b'=') && is_sendable(value);
        sendable.then(|| (key.into(), Bytes::copy_from_slice(value)))
    });
    pairs.collect()
}
