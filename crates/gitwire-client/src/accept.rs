//! Which of the promisor remotes that a server tells of are taken (`git-config`, `promisor.acceptFromServer`).

use gitwire_capability::{PromisorRemote, accepted_promisors, parse_promisors};
use gitwire_protocol::ServerCapabilities;
use gitwire_types::{FilterSpec, Limits};

/// Which of the promisor remotes that a server tells of are taken. A server may leave out of its packs what a remote that is taken has.
///
/// ```
/// use gitwire_capability::PromisorRemote;
/// use gitwire_client::{AcceptPromisors, PromisorPolicy};
///
/// let mut policy = PromisorPolicy::default();
/// policy.accept = AcceptPromisors::KnownUrl;
/// policy.known = vec![PromisorRemote::new("big", "https://example.org/big.git")];
/// let offered = [
///     PromisorRemote::new("big", "https://example.org/big.git"),
///     PromisorRemote::new("other", "https://example.org/other.git"),
/// ];
/// let taken: Vec<_> = policy.taken(&offered).map(|remote| &remote.name[..]).collect();
/// assert_eq!(taken, [b"big"]);
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct PromisorPolicy {
    /// Which (`promisor.acceptFromServer`).
    pub accept: AcceptPromisors,
    /// The promisor remotes that are configured here.
    pub known: Vec<PromisorRemote>,
    /// The filter of a remote must be the one that is configured here (`promisor.checkFields`).
    pub check_filter: bool,
    /// Its token must be.
    pub check_token: bool,
    /// What is left out is what the remotes say that are taken (`--filter=auto`), and nothing where none says anything; otherwise what
    /// [`Fetch::filter`](crate::Fetch::filter) says.
    pub chooses_filter: bool,
}

/// Which of the promisor remotes that a server tells of are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum AcceptPromisors {
    /// None.
    #[default]
    None,
    /// Those that are known by name and URL.
    KnownUrl,
    /// Those that are known by name.
    KnownName,
    /// All.
    All,
}

impl AcceptPromisors {
    /// By the name that the configuration gives it, whatever its case; `None` for an unknown one.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        let named = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
        match () {
            () if named("none") => Some(Self::None),
            () if named("knownUrl") => Some(Self::KnownUrl),
            () if named("knownName") => Some(Self::KnownName),
            () if named("all") => Some(Self::All),
            () => None,
        }
    }
}

impl PromisorPolicy {
    /// Those of `offered` that are taken.
    pub fn taken<'a>(&'a self, offered: &'a [PromisorRemote]) -> impl Iterator<Item = &'a PromisorRemote> {
        offered.iter().filter(|remote| self.takes(remote))
    }

    /// What a server tells of; nothing where it cannot be read.
    #[must_use]
    pub fn offered(capabilities: &ServerCapabilities) -> Vec<PromisorRemote> {
        let value = capabilities.v2_offer().and_then(|offer| offer.promisor_remote.as_ref());
        value.and_then(|value| parse_promisors(value.as_bytes()).ok()).unwrap_or_default()
    }

    /// The names of those that are taken, as the server is told them, and what they leave out.
    pub(crate) fn answer(
        &self,
        capabilities: &ServerCapabilities,
    ) -> (Option<bytes::Bytes>, Option<FilterSpec>) {
        let offered = Self::offered(capabilities);
        let names = accepted_promisors(self.taken(&offered).map(|remote| &remote.name[..]));
        let filters = self.taken(&offered).filter_map(|remote| remote.filter.as_deref());
        let filters = filters.filter_map(|filter| FilterSpec::parse(filter, &Limits::default()).ok());
        (names.map(|names| names.as_shared().clone()), filters.reduce(FilterSpec::and))
    }

    fn takes(&self, offered: &PromisorRemote) -> bool {
        let known = self.known.iter().find(|known| known.name == offered.name);
        let is_taken = match self.accept {
            AcceptPromisors::None => false,
            AcceptPromisors::KnownUrl => known.is_some_and(|known| known.url == offered.url),
            AcceptPromisors::KnownName => known.is_some(),
            AcceptPromisors::All => true,
        };
        let same = |field: fn(&PromisorRemote) -> Option<&bytes::Bytes>| {
            known.is_some_and(|known| field(known).is_some() && field(known) == field(offered))
        };
        is_taken
            && (!self.check_filter || same(|remote| remote.filter.as_ref()))
            && (!self.check_token || same(|remote| remote.token.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(policy: &PromisorPolicy, offered: &str, expected: &str) {
        let offered = parse_promisors(offered.as_bytes()).unwrap();
        let taken = accepted_promisors(policy.taken(&offered).map(|remote| &remote.name[..]));
        assert_eq!(taken.map(|names| names.as_bytes().to_vec()).unwrap_or_default(), expected.as_bytes());
    }

    #[test]
    fn only_what_is_known_is_taken_and_only_as_it_is_known() {
        let offered = "name=a,url=u,partialCloneFilter=tree:0;name=b,url=v,token=t;name=c,url=w";
        let mut policy = PromisorPolicy::default();
        let mut known = PromisorRemote::new("a", "u");
        known.filter = Some("tree:0".into());
        let mut other = PromisorRemote::new("b", "elsewhere");
        other.token = Some("t".into());
        policy.known = vec![known, other];
        check(&policy, offered, "");
        for (name, expected) in [("NONE", ""), ("knownurl", "a"), ("KnownName", "a;b"), ("All", "a;b;c")] {
            policy.accept = AcceptPromisors::from_name(name.as_bytes()).unwrap();
            check(&policy, offered, expected);
        }
        assert_eq!(AcceptPromisors::from_name(b"some"), None);
        policy.check_filter = true;
        check(&policy, offered, "a");
        (policy.check_filter, policy.check_token) = (false, true);
        check(&policy, offered, "b");
        policy.check_filter = true;
        check(&policy, offered, "");
    }
}
