//! Which commands go to a `proc-receive` hook (`receive.procReceiveRefs`).

use bytes::Bytes;
use gitwire_protocol::PushCommand;

/// Which commands a `proc-receive` hook carries out: names of refs, and of all refs below them, each for the kinds of changes that stand
/// before its colon: `a` makes a ref, `d` deletes one, `m` changes one. Without a colon it is for all of them; with `!` among the kinds it
/// is for all refs but these.
///
/// ```
/// use gitwire_protocol::PushCommand;
/// use gitwire_server::ProcReceiveRefs;
/// use gitwire_types::{ObjectFormat, ObjectId};
///
/// let rules = ProcReceiveRefs::new(["refs/for", "d:refs/heads"]);
/// let (none, some) = (ObjectId::zero(ObjectFormat::Sha1), ObjectId::from_hex(ObjectFormat::Sha1, &[b'1'; 40])?);
/// let command = |old, new, name: &'static str| PushCommand { old, new, name: name.into() };
/// assert!(rules.take(&command(none, some, "refs/for/main")));
/// assert!(rules.take(&command(some, none, "refs/heads/main")));
/// assert!(!rules.take(&command(none, some, "refs/heads/main")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProcReceiveRefs {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    makes: bool,
    changes: bool,
    deletes: bool,
    /// It is for all refs but these.
    inverted: bool,
    prefix: Bytes,
}

impl ProcReceiveRefs {
    /// From values of `receive.procReceiveRefs`, of which any may hold.
    pub fn new<T: Into<Bytes>>(values: impl IntoIterator<Item = T>) -> Self {
        Self { rules: values.into_iter().map(|value| Rule::parse(&value.into())).collect() }
    }

    /// Whether the hook is never asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether a command goes to the hook.
    #[must_use]
    pub fn take(&self, command: &PushCommand) -> bool {
        self.rules.iter().any(|rule| rule.takes(command))
    }
}

impl Rule {
    fn parse(value: &Bytes) -> Self {
        let colon = memchr(value).map(|at| value.split_at(at));
        let (kinds, prefix) = match colon {
            Some((kinds, rest)) => (kinds, rest.strip_prefix(b":").unwrap_or(rest)),
            None => (&b""[..], &value[..]),
        };
        let has = |kind: u8| kinds.contains(&kind);
        let all = colon.is_none();
        let end = prefix.iter().rposition(|byte| *byte != b'/').map_or(0, |at| at.saturating_add(1));
        Self {
            makes: all || has(b'a'),
            changes: all || has(b'm'),
            deletes: all || has(b'd'),
            inverted: has(b'!'),
            prefix: Bytes::copy_from_slice(prefix.get(..end).unwrap_or_default()),
        }
    }

    fn takes(&self, command: &PushCommand) -> bool {
        let kind = match (command.is_create(), command.is_delete()) {
            (true, _) => self.makes,
            (_, true) => self.deletes,
            _ => self.changes,
        };
        let rest = command.name.strip_prefix(&self.prefix[..]);
        let below = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"));
        kind && below != self.inverted
    }
}

fn memchr(value: &[u8]) -> Option<usize> {
    value.iter().position(|byte| *byte == b':')
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitwire_types::{ObjectFormat, ObjectId};

    /// `kinds` are those of `amd` for which the command of that kind is taken.
    #[track_caller]
    fn check(rules: &[&'static str], name: &'static str, kinds: &str) {
        let zero = ObjectId::zero(ObjectFormat::Sha1);
        let one = ObjectId::from_hex(ObjectFormat::Sha1, &[b'1'; 40]).unwrap();
        let rules = ProcReceiveRefs::new(rules.iter().copied());
        let takes = |old, new| rules.take(&PushCommand { old, new, name: name.into() });
        let found: String = [('a', takes(zero, one)), ('m', takes(one, one)), ('d', takes(one, zero))]
            .into_iter()
            .filter_map(|(kind, taken)| taken.then_some(kind))
            .collect();
        assert_eq!(found, kinds, "{rules:?} {name}");
    }

    #[test]
    fn kinds_prefixes_and_all_but_them() {
        check(&[], "refs/for/a", "");
        check(&["refs/for"], "refs/for/a", "amd");
        check(&["refs/for/"], "refs/for", "amd");
        check(&["refs/for"], "refs/format", "");
        check(&["a:refs/for"], "refs/for/a", "a");
        check(&["ad:refs/for", "m:refs/for/x"], "refs/for/x", "amd");
        check(&["ad:refs/for", "m:refs/for/x"], "refs/for/y", "ad");
        check(&["!amd:refs/heads"], "refs/heads/a", "");
        check(&["!amd:refs/heads"], "refs/for/a", "amd");
        check(&["!d:refs/heads"], "refs/for/a", "d");
        // As git has it: no kind is none.
        check(&["!:refs/heads"], "refs/for/a", "");
        check(&["x:refs/for"], "refs/for/a", "");
        check(&[":refs/for"], "refs/for/a", "");
    }
}
