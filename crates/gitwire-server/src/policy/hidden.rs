//! Refs that nobody is told of.

use bytes::Bytes;

/// Which refs are hidden (`git-config`, `transfer.hideRefs`): prefixes of whole components, of which the last one that matches
/// counts; `!` before one shows its refs again, `^` means the name before a namespace is taken off it.
///
/// ```
/// use gitwire_server::HiddenRefs;
///
/// let hidden = HiddenRefs::new(["refs/pull", "!refs/pull/1"]);
/// assert!(hidden.hides(b"refs/pull/2/head"));
/// assert!(!hidden.hides(b"refs/pull/1/head"));
/// assert!(!hidden.hides(b"refs/pulls"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HiddenRefs {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    shows: bool,
    prefix: Bytes,
}

impl HiddenRefs {
    /// From values of `transfer.hideRefs` and `uploadpack.hideRefs`, in their order.
    pub fn new<T: Into<Bytes>>(values: impl IntoIterator<Item = T>) -> Self {
        Self { rules: values.into_iter().map(|value| Rule::parse(&value.into())).collect() }
    }

    /// Whether nothing is hidden.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether the ref of this name is hidden.
    #[must_use]
    pub fn hides(&self, name: &[u8]) -> bool {
        self.rules.iter().rev().find(|rule| rule.matches(name)).is_some_and(|rule| !rule.shows)
    }
}

impl Rule {
    fn parse(value: &Bytes) -> Self {
        let shown = value.strip_prefix(b"!");
        let prefix = shown.unwrap_or(value);
        // Without namespaces the name before and after is the same.
        let prefix = prefix.strip_prefix(b"^").unwrap_or(prefix);
        let end = prefix.iter().rposition(|byte| *byte != b'/').map_or(0, |at| at.saturating_add(1));
        let prefix = prefix.get(..end).unwrap_or_default();
        Self { shows: shown.is_some(), prefix: Bytes::copy_from_slice(prefix) }
    }

    fn matches(&self, name: &[u8]) -> bool {
        name.strip_prefix(&self.prefix[..]).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rules: &[&'static str], name: &str, hidden: bool) {
        assert_eq!(HiddenRefs::new(rules.iter().copied()).hides(name.as_bytes()), hidden, "{rules:?} {name}");
    }

    #[test]
    fn the_last_rule_of_whole_components_counts() {
        check(&[], "refs/heads/a", false);
        check(&["refs/heads"], "refs/heads/a", true);
        check(&["refs/heads/"], "refs/heads/a", true);
        check(&["refs/heads//"], "refs/heads/a", true);
        check(&["refs/heads/a"], "refs/heads/a", true);
        check(&["refs/heads/a"], "refs/heads/ab", false);
        check(&["refs/he"], "refs/heads/a", false);
        check(&["refs", "!refs/heads"], "refs/heads/a", false);
        check(&["refs", "!refs/heads"], "refs/tags/a", true);
        check(&["!refs/heads", "refs"], "refs/heads/a", true);
        check(&["^refs/heads"], "refs/heads/a", true);
        check(&["refs", "!^refs/heads"], "refs/heads/a", false);
        check(&["HEAD"], "HEAD", true);
    }
}
