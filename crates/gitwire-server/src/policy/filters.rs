//! Which partial clones are served.

use gitwire_types::FilterSpec;

/// Which partial clones are served.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Filters {
    /// None.
    Refuse,
    /// Those that the rules let through (`uploadpack.allowFilter`).
    Allow(FilterRules),
}

/// Rules by the names of filters: `blob:none`, `blob:limit`, `tree`, `object:type`, `sparse:oid`, `combine` (`uploadpackfilter.*`).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FilterRules {
    /// Whether filters are served that [`named`](Self::named) does not name (`uploadpackfilter.allow`).
    pub others: bool,
    /// Names, and whether filters of that name are served (`uploadpackfilter.NAME.allow`); the last one holds.
    pub named: Vec<(Vec<u8>, bool)>,
    /// The largest depth of a `tree:` filter (`uploadpackfilter.tree.maxDepth`).
    pub tree_depth_max: u64,
}

impl Default for FilterRules {
    /// All filters.
    fn default() -> Self {
        Self { others: true, named: Vec::new(), tree_depth_max: u64::MAX }
    }
}

impl FilterRules {
    /// All filters but `sparse:oid`: whoever writes its patterns decides what each path costs.
    #[must_use]
    pub fn without_patterns() -> Self {
        Self { named: vec![(b"sparse:oid".to_vec(), false)], ..Self::default() }
    }

    /// Whether a filter is served, and each part of it.
    ///
    /// # Errors
    /// What the client is told of the first part that is not, in git's words.
    pub fn check(&self, spec: &FilterSpec) -> Result<(), String> {
        let mut rest = vec![spec];
        while let Some(spec) = rest.pop() {
            let name = spec.name();
            let rule = self.named.iter().rev().find(|(named, _)| named == name.as_bytes());
            if !rule.map_or(self.others, |(_, allowed)| *allowed) {
                return Err(format!("filter '{name}' not supported"));
            }
            match spec {
                FilterSpec::TreeDepth(depth) if *depth > self.tree_depth_max => {
                    let max = self.tree_depth_max;
                    return Err(format!("tree filter allows max depth {max}, but got {depth}"));
                }
                FilterSpec::Combine(parts) => rest.extend(parts.iter().rev()),
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use gitwire_types::Limits;

    use super::*;

    #[track_caller]
    fn check(rules: &FilterRules, spec: &str, expected: Result<(), &str>) {
        let spec = FilterSpec::parse(spec.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(rules.check(&spec), expected.map_err(str::to_owned), "{spec:?}");
    }

    #[test]
    fn rules_hold_for_every_part() {
        let mut rules = FilterRules::default();
        check(&rules, "tree:9", Ok(()));
        rules.tree_depth_max = 2;
        check(&rules, "tree:2", Ok(()));
        check(&rules, "tree:3", Err("tree filter allows max depth 2, but got 3"));
        check(&rules, "combine:blob:none+tree:3", Err("tree filter allows max depth 2, but got 3"));
        rules.named.push((b"blob:none".to_vec(), false));
        check(&rules, "blob:none", Err("filter 'blob:none' not supported"));
        check(&rules, "blob:limit=5", Ok(()));
        check(&rules, "combine:tree:3+blob:none", Err("tree filter allows max depth 2, but got 3"));
        rules.others = false;
        rules.named.push((b"blob:none".to_vec(), true));
        check(&rules, "blob:none", Ok(()));
        check(&rules, "object:type=tree", Err("filter 'object:type' not supported"));
        check(&rules, "sparse:oid=HEAD", Err("filter 'sparse:oid' not supported"));
        check(&rules, "combine:blob:none", Err("filter 'combine' not supported"));
        rules.named.push((b"combine".to_vec(), true));
        check(&rules, "combine:blob:none", Ok(()));
        check(&rules, "combine:blob:none+tree:1", Err("filter 'tree' not supported"));
    }
}
