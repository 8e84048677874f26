//! What one client may see.

use std::fmt;

use gitwire_protocol::Version;

use super::{Haves, Policy, Wants};

/// What one client may see of a repository and ask for: one answer for every version and command, for fetches and for pushes.
///
/// [`Policy`] and [`ReceivePolicy`](crate::ReceivePolicy) are such answers, for everybody; under [`Policy::git`] the one that git gives.
/// Where each client is to see something else, [`Access::view`](crate::access::Access::view) gives a value that narrows what they say;
/// nothing widens it. What a method does not say of itself is what lets nothing through that is hidden.
///
/// ```
/// use std::sync::Arc;
/// use gitwire_server::{Policy, Visibility};
///
/// /// Drafts are for their author.
/// #[derive(Debug)]
/// struct Drafts {
///     of: String,
/// }
///
/// impl Visibility for Drafts {
///     fn shows(&self, name: &[u8]) -> bool {
///         name.strip_prefix(b"refs/drafts/").is_none_or(|rest| rest.starts_with(self.of.as_bytes()))
///     }
/// }
///
/// let mut policy = Policy::git();
/// policy.view = Some(Arc::new(Drafts { of: "ann/".into() }));
/// assert!(policy.shows(b"refs/heads/main") && policy.shows(b"refs/drafts/ann/1"));
/// assert!(!policy.shows(b"refs/drafts/bob/1"));
/// ```
pub trait Visibility: fmt::Debug + Send + Sync + 'static {
    /// Whether the ref of this full name is there for the client: in lists, by name, as a tip, to push to. `HEAD` too.
    fn shows(&self, name: &[u8]) -> bool;

    /// Which objects the client may want, and ask the size of. By itself: what a ref reaches that is shown.
    fn wants(&self, version: Version) -> Wants {
        let _ = version;
        Wants::Reachable
    }

    /// Of which objects that the client says to have it may learn that they are here. By itself: of what a ref reaches that is shown.
    fn haves(&self) -> Haves {
        Haves::Reachable
    }

    /// Whether a pusher is told of objects that other repositories lend this one (`.have`). By itself: no.
    fn shows_borrowed(&self) -> bool {
        false
    }
}

impl Visibility for Policy {
    fn shows(&self, name: &[u8]) -> bool {
        !self.hidden.hides(name) && self.view.as_ref().is_none_or(|view| view.shows(name))
    }

    fn wants(&self, version: Version) -> Wants {
        let own = if version == Version::V2 { self.wants_v2 } else { self.wants };
        self.view.as_ref().map_or(own, |view| own.and(view.wants(version)))
    }

    fn haves(&self) -> Haves {
        match &self.view {
            Some(view) if self.haves == Haves::Any => view.haves(),
            _ => self.haves,
        }
    }

    fn shows_borrowed(&self) -> bool {
        self.view.as_ref().is_none_or(|view| view.shows_borrowed())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::HiddenRefs;

    #[derive(Debug)]
    struct Branches(Wants);

    impl Visibility for Branches {
        fn shows(&self, name: &[u8]) -> bool {
            name.starts_with(b"refs/heads/")
        }

        fn wants(&self, _: Version) -> Wants {
            self.0
        }
    }

    #[test]
    fn a_view_narrows_and_never_widens() {
        let mut policy = Policy::git();
        policy.hidden = HiddenRefs::new(["refs/heads/secret"]);
        assert!(policy.shows(b"refs/tags/a") && !policy.shows(b"refs/heads/secret/a"));
        assert_eq!((policy.wants(Version::V0), policy.wants(Version::V2)), (Wants::Advertised, Wants::Any));
        assert_eq!(policy.haves(), Haves::Any);
        assert!(policy.shows_borrowed());

        policy.view = Some(Arc::new(Branches(Wants::Reachable)));
        assert!(policy.shows(b"refs/heads/a"));
        assert!(!policy.shows(b"refs/tags/a") && !policy.shows(b"refs/heads/secret/a"));
        assert_eq!(
            (policy.wants(Version::V0), policy.wants(Version::V2)),
            (Wants::Advertised, Wants::Reachable)
        );
        assert_eq!(policy.haves(), Haves::Reachable);
        assert!(!policy.shows_borrowed());
    }

    #[test]
    fn of_two_wants_what_both_allow_is_left() {
        use Wants::{Advertised, Any, Reachable, Tips};
        let expected = [
            (Any, Any, Any),
            (Any, Reachable, Reachable),
            (Tips, Any, Tips),
            (Tips, Tips, Tips),
            (Reachable, Reachable, Reachable),
            (Tips, Reachable, Advertised),
            (Advertised, Any, Advertised),
            (Reachable, Advertised, Advertised),
        ];
        for (one, other, both) in expected {
            assert_eq!((one.and(other), other.and(one)), (both, both), "{one:?} {other:?}");
        }
    }
}
