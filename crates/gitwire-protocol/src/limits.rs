//! What a peer may make us read and hold.

use gitwire_capability::Budget;

/// The most that a machine takes from its peer. `0` means none at all.
///
/// Lines themselves are bounded by their format: 65520 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Lines of refs in one answer; a tag takes two in versions 0 and 1. 8,000,000: the largest public repositories show about
    /// a million refs, with room for their growth. Refs
    /// pass through; only who collects them pays.
    pub refs_max: u64,
    /// Bytes of pkt-lines in one list of refs. 1 GiB: as many refs as above at 128 bytes each.
    pub advertisement_bytes_max: u64,
    /// Lines of capabilities (version 2), or words in a list of them (versions 0 and 1). 1,000: git knows about thirty.
    pub capabilities_max: u64,
    /// `want` and `want-ref` lines of one request. 1,000,000: a clone of everything wants one object for each ref, and git's
    /// client sends each once. They pass through in blocks.
    pub wants_max: u64,
    /// `have` lines of one request, or between two flushes. 262,144: in stateless mode git's client sends all that is common
    /// and a window that grows by a tenth each round, which for a million commits ends at 90,000. At 33 bytes each that is 8.6 MB.
    pub haves_max: u64,
    /// `shallow` and `unshallow` lines of one request or answer. 1,000,000: a clone of depth 1 has one for each commit that a
    /// ref shows. They pass through in blocks.
    pub shallows_max: u64,
    /// `deepen-not` lines of one request. 1,000: each names a ref to stop at, typed by a person.
    pub deepen_nots_max: u64,
    /// `ref-prefix` lines of one request. 65,535 as in git. This one is no error: beyond it all of them are ignored, and
    /// every ref is listed.
    pub ref_prefixes_max: u64,
    /// `server-option` lines of one request. 1,000: they are typed by a person.
    pub server_options_max: u64,
    /// Bytes of all arguments of one request that are kept as they came: prefixes, options, the filter, refs not to deepen
    /// to. 4 MiB: the most prefixes at the length of a usual ref name.
    pub argument_bytes_max: u64,
    /// `wanted-refs` and `packfile-uris` lines of one answer. 1,000,000: as many as wants. They pass through one by one.
    pub section_lines_max: u64,
    /// Commands of one push, with or without a certificate. 100,000: more refs are pushed in parts; they are kept until the
    /// report, at about 100 bytes each beside their names.
    pub commands_max: u64,
    /// Bytes of the names of all commands of one push. 8 MiB: as many as above at 80 bytes each.
    pub command_bytes_max: u64,
    /// `push-option` lines of one push. 1,000: they are typed by a person. Their bytes count as
    /// [`argument_bytes_max`](Self::argument_bytes_max).
    pub push_options_max: u64,
    /// Bytes of a push certificate. 16 MiB: as many commands as above.
    pub certificate_bytes_max: u64,
    /// Bytes of progress in one conversation. 16 MiB: git's server writes some kilobytes, hooks may write more.
    pub progress_bytes_max: u64,
}

impl Limits {
    /// What is left for capabilities at the start of a message.
    pub(crate) fn capability_budget(&self) -> Budget {
        Budget::new(gitwire_capability::Limits {
            capabilities_max: usize::try_from(self.capabilities_max).unwrap_or(usize::MAX),
            ..gitwire_capability::Limits::default()
        })
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            refs_max: 8_000_000,
            advertisement_bytes_max: 1 << 30,
            capabilities_max: 1_000,
            wants_max: 1_000_000,
            haves_max: 262_144,
            shallows_max: 1_000_000,
            deepen_nots_max: 1_000,
            ref_prefixes_max: 65_535,
            server_options_max: 1_000,
            argument_bytes_max: 4 << 20,
            section_lines_max: 1_000_000,
            commands_max: 100_000,
            command_bytes_max: 8 << 20,
            push_options_max: 1_000,
            certificate_bytes_max: 16 << 20,
            progress_bytes_max: 16 << 20,
        }
    }
}
