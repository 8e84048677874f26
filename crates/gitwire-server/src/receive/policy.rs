//! What a push may do.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gitwire_capability::{PushFeature, Value};
use gitwire_protocol::{Limits, ReceivePackOptions, Serving, Version};
use gitwire_storage::{FsckRules, StageRequest};
use gitwire_transport::Deadlines;
use gitwire_types::ObjectFormat;
use gitwire_walk::WalkLimits;

use super::{CertificatePolicy, ProcReceiveRefs};
use crate::{HiddenRefs, Visibility};

/// What a push may do, and what it may cost.
///
/// Two starting points: [`ReceivePolicy::git`] is what git does without configuration, [`ReceivePolicy::default`] is what is safe among
/// strangers. The field docs say where they differ.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReceivePolicy {
    /// What the server says that it is; the library's name where there is nothing.
    pub agent: Option<Bytes>,
    /// The server's name of its session, told to every client; `None`: it tells none.
    pub session_id: Option<Bytes>,
    /// What the configuration of a repository may change of all this. git: everything; default: it may only forbid more.
    pub trust: ConfigTrust,
    /// Refs that a pusher neither sees nor changes (`receive.hideRefs`).
    pub hidden: HiddenRefs,
    /// What one pusher may see and change, where that is less than others may.
    pub view: Option<Arc<dyn Visibility>>,
    /// Whether new tips may lead only to what the push brings and to what shown refs reach, where some are [`hidden`](Self::hidden): else who
    /// knows the id of a hidden commit can make a branch of it. Where a [`view`](Self::view) says what one pusher sees it is always so. In both:
    /// no, since what is hidden from pushes is often shown to fetches.
    pub check_visibility: bool,
    /// No branch may be deleted (`receive.denyDeletes`). In both: they may.
    pub deny_deletes: bool,
    /// No branch may lose commits (`receive.denyNonFastForwards`). In both: it may, where the pusher forces it.
    pub deny_non_fast_forwards: bool,
    /// Whether the branch that `HEAD` names may be deleted (`receive.denyDeleteCurrent`). In both: no.
    pub delete_current: CurrentBranch,
    /// Whether a branch that is checked out in a work tree may be changed (`receive.denyCurrentBranch`). In both: no.
    pub update_current: CurrentBranch,
    /// Whether everything that new tips reach must be there. In both: yes. Without it a push can break the repository.
    pub check_connectivity: bool,
    /// Whether a push may bring a boundary with it (`receive.shallowUpdate`). In both: no.
    pub shallow_update: bool,
    /// Whether push options are offered (`receive.advertisePushOptions`). In both: no.
    pub push_options: bool,
    /// Whether several refs may change together or not at all (`receive.advertiseAtomic`). In both: yes.
    pub atomic: bool,
    /// Whether packs may name the bases of deltas by their place (`repack.useDeltaBaseOffset`). In both: they may.
    pub ofs_delta: bool,
    /// Commands that the `proc-receive` hook carries out (`receive.procReceiveRefs`). In both: none.
    pub proc_receive: ProcReceiveRefs,
    /// Signed pushes (`receive.certNonceSeed`). In both: they are not offered.
    pub certificates: Option<CertificatePolicy>,
    /// How long each hook may take. git: for ever; default: 10 minutes, a build with its tests.
    pub hook_time_max: Option<Duration>,
    /// Whether the repository is tidied up behind a push (`receive.autogc`), by [`Hooks::maintain`](crate::Hooks::maintain). git: yes; default:
    /// no, since it costs what no pusher should decide on.
    pub maintenance: bool,
    /// Whether the lists for servers of files are written anew behind a push (`receive.updateServerInfo`), by the same. In both: no.
    pub server_info: bool,
    /// What of the configuration was not understood, a line each: the pusher is told.
    pub notes: Vec<String>,
    /// Why no pack can be taken, where the configuration says something that cannot be: the pusher is told.
    pub unusable: Option<String>,
    /// How packs are received: sizes, depth of deltas, memory, threads, whether objects are checked as `git fsck` would
    /// (`receive.fsckObjects`, `receive.maxInputSize`), and up to how many are stored one by one (`receive.unpackLimit`). git: no check,
    /// and fewer than 100 objects one by one; default: checked, objects of at most 4 GiB in 16 MiB of memory, and packs stay packs.
    pub stage: StageRequest,
    /// What a client may make the machine read and hold.
    pub protocol: Limits,
    /// What a walk may read and hold.
    pub walk: WalkLimits,
    /// How long a client may take. git: for ever; default: [`Deadlines::server`].
    pub deadlines: Deadlines,
}

/// What happens to a change of the branch that is current.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CurrentBranch {
    /// It is refused.
    Refuse,
    /// It is made, once the work tree is at what it brings (`updateInstead`).
    Instead,
    /// It is made, and the client is warned.
    Warn,
    /// It is made.
    Allow,
}

/// What the configuration of a repository may change of a server's policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigTrust {
    /// Everything: whoever can write it is the one who serves it.
    Obeyed,
    /// It may forbid more than the server does, never less.
    MayTighten,
}

impl ReceivePolicy {
    /// What git does without configuration.
    #[must_use]
    pub fn git() -> Self {
        let keep_alive = Deadlines::server().keep_alive;
        let mut policy = Self { deadlines: Deadlines { keep_alive, ..Deadlines::none() }, ..Self::default() };
        policy.trust = ConfigTrust::Obeyed;
        policy.hook_time_max = None;
        policy.maintenance = true;
        policy.stage = StageRequest::default();
        policy.stage.unpack_limit = 100;
        policy.walk = WalkLimits::default();
        // git has no limits here; these are those of a client, which trusts what it asked for.
        policy.protocol.commands_max = policy.protocol.refs_max;
        policy.protocol.command_bytes_max = policy.protocol.advertisement_bytes_max;
        policy.protocol.shallows_max = Limits::default().shallows_max;
        policy
    }

    /// How a machine receives under this policy, with the nonce that a signed push must hold.
    #[must_use]
    pub fn machine_options(
        &self,
        version: Version,
        serving: Serving,
        format: ObjectFormat,
        nonce: Option<&str>,
    ) -> ReceivePackOptions {
        let mut options = ReceivePackOptions::new(version, serving, format);
        options.limits = self.protocol;
        if let Some(agent) = &self.agent {
            options.offer.agent = Some(Value::sanitized(agent));
        }
        if self.push_options {
            options.offer.features.insert(PushFeature::PushOptions);
        }
        if !self.ofs_delta {
            options.offer.features = options.offer.features.without(PushFeature::OfsDelta);
        }
        if !self.atomic {
            options.offer.features = options.offer.features.without(PushFeature::Atomic);
        }
        options.offer.session_id = self.session_id.as_deref().map(Value::sanitized);
        options.offer.nonce = nonce.map(|nonce| Value::sanitized(nonce.as_bytes()));
        options
    }
}

impl Visibility for ReceivePolicy {
    fn shows(&self, name: &[u8]) -> bool {
        !self.hidden.hides(name) && self.view.as_ref().is_none_or(|view| view.shows(name))
    }

    fn shows_borrowed(&self) -> bool {
        self.view.as_ref().is_none_or(|view| view.shows_borrowed())
    }
}

impl Default for ReceivePolicy {
    /// What is safe among strangers.
    fn default() -> Self {
        let mut stage = StageRequest::default();
        stage.fsck = Some(FsckRules::incoming().into());
        // A history of this size takes minutes over a usual line; larger ones come in parts.
        stage.pack_bytes_max = 8 << 30;
        stage.objects_max = 20_000_000;
        // Hosts refuse files of more than 100 MB; what is larger costs time, no memory.
        stage.object_bytes_max = 4 << 30;
        // What a stranger may make us hold beside the tables, while objects are named and while their connections are checked.
        stage.memory = 16 << 20;
        let mut walk = WalkLimits::default();
        walk.tree_cache_bytes = 8 << 20;
        Self {
            agent: None,
            session_id: None,
            trust: ConfigTrust::MayTighten,
            hidden: HiddenRefs::default(),
            view: None,
            check_visibility: false,
            deny_deletes: false,
            deny_non_fast_forwards: false,
            delete_current: CurrentBranch::Refuse,
            update_current: CurrentBranch::Refuse,
            check_connectivity: true,
            shallow_update: false,
            push_options: false,
            atomic: true,
            ofs_delta: true,
            proc_receive: ProcReceiveRefs::default(),
            certificates: None,
            hook_time_max: Some(Duration::from_secs(600)),
            maintenance: false,
            server_info: false,
            notes: Vec::new(),
            unusable: None,
            stage,
            // A pusher with so many borders has cloned as many branches; 33 bytes each.
            protocol: Limits { shallows_max: 1 << 18, ..Limits::default() },
            walk,
            deadlines: Deadlines::server(),
        }
    }
}
