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
    /// What a namespace takes off the names.
    namespace: Bytes,
    /// What hides refs whatever the rules say.
    also: Option<Box<HiddenRefs>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    shows: bool,
    /// It is about the name with its namespace.
    full: bool,
    prefix: Bytes,
}

impl HiddenRefs {
    /// From values of `transfer.hideRefs` and `uploadpack.hideRefs`, in their order.
    pub fn new<T: Into<Bytes>>(values: impl IntoIterator<Item = T>) -> Self {
        let rules = values.into_iter().map(|value| Rule::parse(&value.into())).collect();
        Self { rules, namespace: Bytes::new(), also: None }
    }

    /// The same for a part of a repository, where `prefix` is taken off all names.
    #[must_use]
    pub fn in_namespace(mut self, prefix: Bytes) -> Self {
        self.also = self.also.map(|also| Box::new(also.in_namespace(prefix.clone())));
        self.namespace = prefix;
        self
    }

    /// What hides every ref that one of both hides.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self.is_empty(), other.is_empty()) {
            (true, _) => other,
            (_, true) => self,
            _ => Self { also: Some(Box::new(self)), ..other },
        }
    }

    /// Whether nothing is hidden.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.also.is_none()
    }

    /// Whether the ref of this name is hidden.
    #[must_use]
    pub fn hides(&self, name: &[u8]) -> bool {
        let matching = self.rules.iter().rev().find(|rule| rule.matches(&self.namespace, name));
        matching.is_some_and(|rule| !rule.shows) || self.also.as_ref().is_some_and(|also| also.hides(name))
    }
}

impl Rule {
    fn parse(value: &Bytes) -> Self {
        let shown = value.strip_prefix(b"!");
        let prefix = shown.unwrap_or(value);
        let full = prefix.strip_prefix(b"^");
        let prefix = full.unwrap_or(prefix);
        let end = prefix.iter().rposition(|byte| *byte != b'/').map_or(0, |at| at.saturating_add(1));
        let prefix = prefix.get(..end).unwrap_or_default();
        Self { shows: shown.is_some(), full: full.is_some(), prefix: Bytes::copy_from_slice(prefix) }
    }

    fn matches(&self, namespace: &[u8], name: &[u8]) -> bool {
        let prefix = match self.full {
            false => Some(&self.prefix[..]),
            // It hides the whole namespace, or a part of it, or none.
            true if covers(&self.prefix, namespace) => return true,
            true => self.prefix.strip_prefix(namespace),
        };
        prefix.is_some_and(|prefix| covers(prefix, name))
    }
}

/// Whether `prefix` is `name` or some of its first components.
fn covers(prefix: &[u8], name: &[u8]) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rules: &[&'static str], name: &str, hidden: bool) {
        assert_eq!(HiddenRefs::new(rules.iter().copied()).hides(name.as_bytes()), hidden, "{rules:?} {name}");
    }

    #[test]
    fn what_one_of_two_hides_the_other_does_not_show() {
        let both = HiddenRefs::new(["refs/a"]).and(HiddenRefs::new(["!refs/a", "refs/b"]));
        assert!(both.hides(b"refs/a/x") && both.hides(b"refs/b") && !both.hides(b"refs/c"));
        assert!(HiddenRefs::default().and(HiddenRefs::default()).is_empty());
        assert!(HiddenRefs::new(["refs/a"]).and(HiddenRefs::default()).hides(b"refs/a"));
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

    #[track_caller]
    fn in_namespace(rules: &[&'static str], name: &str, hidden: bool) {
        let rules =
            HiddenRefs::new(rules.iter().copied()).in_namespace(Bytes::from_static(b"refs/namespaces/a/"));
        assert_eq!(rules.hides(name.as_bytes()), hidden, "{rules:?} {name}");
    }

    #[test]
    fn a_rule_may_be_about_the_name_before_the_namespace_is_taken_off() {
        in_namespace(&["refs/heads"], "refs/heads/a", true);
        in_namespace(&["^refs/heads"], "refs/heads/a", false);
        in_namespace(&["refs/namespaces/a/refs/heads"], "refs/heads/a", false);
        in_namespace(&["^refs/namespaces/a/refs/heads"], "refs/heads/a", true);
        in_namespace(&["^refs/namespaces/a/refs/heads"], "refs/tags/a", false);
        in_namespace(&["^refs/namespaces/a"], "refs/tags/a", true);
        in_namespace(&["^refs/namespaces"], "HEAD", true);
        in_namespace(&["^refs/namespaces/ab"], "refs/tags/a", false);
    }
}
