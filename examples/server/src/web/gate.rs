//! Who may do what, as the pages ask it.

use std::fmt;

use gitwire_server::access::{Access, Principal};

use crate::rules::Rules;

/// Who may do what, and who may make repositories.
pub(crate) trait Gate: Access {
    /// Whether anybody can sign in here.
    fn has_users(&self) -> bool;
    /// A mark of a user that changes with the password; `None` where there is no such user now. A session of another mark has ended.
    fn mark(&self, user: &str) -> Option<u64>;
    /// Whether `who` may make a repository at `path` below the root.
    fn may_create(&self, who: &Principal, path: &[u8]) -> bool;
    /// Whether there is a place where `who` may make a repository.
    fn may_create_somewhere(&self, who: &Principal) -> bool;
}

impl Gate for Rules {
    fn has_users(&self) -> bool {
        self.users.is_some()
    }

    fn mark(&self, user: &str) -> Option<u64> {
        self.users.as_ref()?.mark(user)
    }

    fn may_create(&self, who: &Principal, path: &[u8]) -> bool {
        Self::may_create(self, who, path)
    }

    fn may_create_somewhere(&self, who: &Principal) -> bool {
        Self::may_create_somewhere(self, who)
    }
}

impl fmt::Debug for dyn Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate")
    }
}
