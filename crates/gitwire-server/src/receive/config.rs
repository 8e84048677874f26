//! The policy of a push from a repository's configuration (`git-config`, `receive.*`).

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gitwire_gitdir::{Config, ConfigError, GitDir};
use gitwire_storage::FsckRules;
use gitwire_types::ObjectId;

use super::{CertificatePolicy, ConfigTrust, CurrentBranch, ProcReceiveRefs, ReceivePolicy};
use crate::policy::hidden_refs;

impl ReceivePolicy {
    /// The same with what the configuration of `repository` says of pushes: `receive.*` and `transfer.*`, with the files that it names.
    ///
    /// # Errors
    /// A value that git would not understand either.
    pub fn with_repository(self, repository: &GitDir) -> Result<Self, ConfigError> {
        let config = repository.config();
        let mut policy = self.with_config(&config)?;
        if let Some(certificates) = &mut policy.certificates {
            let place = std::path::absolute(repository.path());
            let place = place.unwrap_or_else(|_| repository.path().to_owned());
            certificates.place = place.into_os_string().into_encoded_bytes().into();
        }
        if policy.trust == ConfigTrust::Obeyed
            && let Some(rules) = policy.stage.fsck.as_mut().map(Arc::make_mut)
        {
            for path in config.values("receive", Some(b"fsck"), "skipList").flatten() {
                if let Err(error) = skip(rules, repository, path) {
                    policy.unusable = Some(error);
                }
            }
        }
        Ok(policy)
    }

    /// The same with what `receive.*`, `transfer.hideRefs`, `transfer.fsckObjects` and `transfer.unpackLimit` say (`git-config`), as far as
    /// [`trust`](Self::trust) goes. Lists in other files are left out: [`with_repository`](Self::with_repository) reads them.
    ///
    /// # Errors
    /// A value that git would not understand either.
    pub fn with_config(mut self, config: &Config) -> Result<Self, ConfigError> {
        let says = |name: &str| config.boolean("receive", None, name);
        let may_loosen = self.trust == ConfigTrust::Obeyed;
        // Whether something is forbidden, by whoever may say so.
        let forbids = |own: bool, said: Option<bool>| said.map_or(own, |said| said || own && !may_loosen);
        if let Some(hidden) = hidden_refs(config, "receive") {
            self.hidden = if may_loosen { hidden } else { self.hidden.and(hidden) };
        }
        self.deny_deletes = forbids(self.deny_deletes, says("denyDeletes")?);
        self.deny_non_fast_forwards = forbids(self.deny_non_fast_forwards, says("denyNonFastForwards")?);
        self.shallow_update = !forbids(!self.shallow_update, says("shallowUpdate")?.map(|allows| !allows));
        self.push_options = says("advertisePushOptions")?.unwrap_or(self.push_options);
        self.atomic = says("advertiseAtomic")?.unwrap_or(self.atomic);
        self.ofs_delta = config.boolean("repack", None, "useDeltaBaseOffset")?.unwrap_or(self.ofs_delta);
        self.delete_current = self.current_branch(config, "denyDeleteCurrent", self.delete_current)?;
        self.update_current = self.current_branch(config, "denyCurrentBranch", self.update_current)?;
        let names: Vec<Vec<u8>> =
            config.values("receive", None, "procReceiveRefs").flatten().map(<[u8]>::to_vec).collect();
        if !names.is_empty() {
            self.proc_receive = ProcReceiveRefs::new(names);
        }
        self.certificates = certificates(config)?.or(self.certificates);
        // What costs more than the server is ready to spend is not for a repository to say.
        let spends = |own: bool, said: Option<bool>| said.map_or(own, |said| said && (own || may_loosen));
        self.maintenance = spends(self.maintenance, says("autogc")?);
        self.server_info = spends(self.server_info, says("updateServerInfo")?);
        if config.boolean("maintenance", None, "auto")? == Some(false) {
            self.maintenance = false;
        }
        self.configure_stage(config)?;
        Ok(self)
    }

    /// How packs are received.
    fn configure_stage(&mut self, config: &Config) -> Result<(), ConfigError> {
        let may_loosen = self.trust == ConfigTrust::Obeyed;
        let says = |name: &str| config.boolean("receive", None, name);
        let checks = says("fsckObjects")?.or(config.boolean("transfer", None, "fsckObjects")?);
        match checks {
            Some(true) if self.stage.fsck.is_none() => self.stage.fsck = Some(FsckRules::incoming().into()),
            Some(false) if may_loosen => self.stage.fsck = None,
            _ => {}
        }
        if let Some(bytes) = config.integer("receive", None, "maxInputSize")?
            && let Some(bytes) = u64::try_from(bytes).ok().filter(|bytes| *bytes > 0)
        {
            let max = if may_loosen { bytes } else { bytes.min(self.stage.pack_bytes_max) };
            self.stage.pack_bytes_max = max;
        }
        let limit = match config.integer("receive", None, "unpackLimit")?.filter(|limit| *limit >= 0) {
            Some(limit) => Some(limit),
            None => config.integer("transfer", None, "unpackLimit")?,
        };
        // Below 0 nothing is said, as in git.
        if let Some(limit) = limit.filter(|limit| may_loosen && *limit >= 0) {
            self.stage.unpack_limit = u32::try_from(limit).unwrap_or(u32::MAX);
        }
        self.configure_checks(config);
        Ok(())
    }

    /// What each finding in an object is worth: `receive.fsck.<msg-id>`.
    fn configure_checks(&mut self, config: &Config) {
        let may_loosen = self.trust == ConfigTrust::Obeyed;
        let Some(rules) = self.stage.fsck.as_mut().map(Arc::make_mut) else { return };
        let entries = config.entries().iter();
        let entries = entries
            .filter(|entry| entry.section == "receive" && entry.subsection.as_deref() == Some(b"fsck"))
            .filter(|entry| entry.name != "skiplist");
        for entry in entries {
            let value = entry.value.as_deref().unwrap_or_default();
            if !may_loosen && !value.eq_ignore_ascii_case(b"error") {
                continue;
            }
            match rules.configure(entry.name.as_bytes(), value) {
                Ok(()) => {}
                Err(gitwire_object::fsck::RulesError::UnknownId { .. }) => {
                    self.notes.push(format!("skipping unknown msg id '{}'", entry.name));
                }
                Err(gitwire_object::fsck::RulesError::CannotDemote { .. }) => {
                    let text = format!("Cannot demote {} to {}", entry.name, value.escape_ascii());
                    self.unusable = Some(text);
                }
                Err(error) => self.unusable = Some(error.to_string()),
            }
        }
    }

    /// `refuse`, `warn`, `ignore`, `updateInstead` or a boolean, in git's sense.
    fn current_branch(
        &self,
        config: &Config,
        name: &str,
        own: CurrentBranch,
    ) -> Result<CurrentBranch, ConfigError> {
        let word = config.string("receive", None, name).map(<[u8]>::to_ascii_lowercase);
        let said = match word.as_deref() {
            Some(b"warn") => CurrentBranch::Warn,
            Some(b"ignore") => CurrentBranch::Allow,
            Some(b"refuse") => CurrentBranch::Refuse,
            Some(b"updateinstead") => CurrentBranch::Instead,
            _ => match config.boolean("receive", None, name)? {
                None => return Ok(own),
                Some(false) => CurrentBranch::Allow,
                Some(true) => CurrentBranch::Refuse,
            },
        };
        Ok(if self.trust == ConfigTrust::Obeyed || said.is_stricter_than(own) { said } else { own })
    }
}

impl CurrentBranch {
    const fn is_stricter_than(self, other: Self) -> bool {
        self.rank() < other.rank()
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Refuse => 0,
            Self::Instead => 1,
            Self::Warn => 2,
            Self::Allow => 3,
        }
    }
}

fn certificates(config: &Config) -> Result<Option<CertificatePolicy>, ConfigError> {
    let Some(seed) = config.string("receive", None, "certNonceSeed").filter(|seed| !seed.is_empty()) else {
        return Ok(None);
    };
    let mut policy = CertificatePolicy::new(seed.to_vec(), "");
    if let Some(seconds) = config.integer("receive", None, "certNonceSlop")? {
        policy.slop = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    }
    Ok(Some(policy))
}

/// Reads a list of objects that are not checked: an id a line, `#` begins a comment.
fn skip(rules: &mut FsckRules, repository: &GitDir, path: &[u8]) -> Result<(), String> {
    use gitwire_storage::Repository as _;
    let shown = path.escape_ascii();
    let unreadable = || format!("could not open SKIP: {shown}");
    let text = repository.read_file(Path::new(&os_string(path)), LIST_MAX);
    let text = text.map_err(|_| unreadable())?.ok_or_else(unreadable)?;
    for line in text.split(|byte| *byte == b'\n') {
        let line = line.split(|byte| *byte == b'#').next().unwrap_or_default().trim_ascii();
        if line.is_empty() {
            continue;
        }
        let id = ObjectId::from_hex(repository.format(), line)
            .map_err(|_| format!("invalid object name: {}", line.escape_ascii()))?;
        rules.skip(id);
    }
    Ok(())
}

fn os_string(bytes: &[u8]) -> std::ffi::OsString {
    use std::os::unix::ffi::OsStringExt as _;
    std::ffi::OsString::from_vec(bytes.to_vec())
}

/// Some hundred thousand ids.
const LIST_MAX: u64 = 16 << 20;
