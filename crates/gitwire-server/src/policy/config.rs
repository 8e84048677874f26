//! Policy from a repository's configuration.

use gitwire_gitdir::{Config, ConfigError};

use super::{Filters, HiddenRefs, Policy, Unborn, Wants};

impl Policy {
    /// The same with what `uploadpack.*`, `transfer.hideRefs` and `lsrefs.unborn` say (`git-config`).
    ///
    /// # Errors
    /// A value that git would not understand either.
    pub fn with_config(mut self, config: &Config) -> Result<Self, ConfigError> {
        let allows = |name: &str| config.boolean("uploadpack", None, name).map(Option::unwrap_or_default);
        let hidden = config.entries().iter().filter(|entry| {
            entry.name == "hiderefs" && matches!(entry.section.as_str(), "uploadpack" | "transfer")
        });
        let hidden: Vec<Vec<u8>> = hidden.filter_map(|entry| entry.value.clone()).collect();
        if !hidden.is_empty() {
            self.hidden = HiddenRefs::new(hidden);
        }
        let (tip, reachable) = (allows("allowTipSHA1InWant")?, allows("allowReachableSHA1InWant")?);
        if allows("allowAnySHA1InWant")? {
            self.wants = Wants::Any;
        } else if reachable {
            self.wants = Wants::Reachable;
        } else if tip {
            self.wants = Wants::Tips;
        }
        match config.boolean("uploadpack", None, "allowFilter")? {
            Some(true) => self.filters = Filters::Allow { tree_depth_max: tree_depth_max(config)? },
            Some(false) => self.filters = Filters::Refuse,
            None => {}
        }
        self.ref_in_want |= allows("allowRefInWant")?;
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

fn tree_depth_max(config: &Config) -> Result<u64, ConfigError> {
    let depth = config.integer("uploadpackfilter", Some(b"tree"), "maxDepth")?;
    Ok(depth.and_then(|depth| u64::try_from(depth).ok()).unwrap_or(u64::MAX))
}
