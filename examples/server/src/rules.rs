//! Who may do what here: what the options say, and the users' rights.

use std::sync::Arc;

use gitwire_server::access::{Access, Credentials, Principal, Right, SignInError, Verdict, is_hidden};

use crate::arguments::{AllowPush, AllowRead};
use crate::users::{Rights, Users};

/// Who may do what: the one place that all doors and the web pages ask.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) read: AllowRead,
    pub(crate) push: AllowPush,
    pub(crate) users: Option<Arc<Users>>,
}

impl Rules {
    /// Whether `who` may make a repository at `path`.
    pub(crate) fn may_create(&self, who: &Principal, path: &[u8]) -> bool {
        !is_hidden(path)
            && who.name().is_some()
            && self.rights(who).is_some_and(|rights| rights.may_create(path))
    }

    /// Whether there is a place where `who` may make a repository.
    pub(crate) fn may_create_somewhere(&self, who: &Principal) -> bool {
        who.name().is_some() && self.rights(who).is_some_and(|rights| rights.may_create_somewhere())
    }

    fn rights(&self, who: &Principal) -> Option<Rights> {
        self.users.as_ref()?.rights(who)
    }

    /// What everybody may, a user may too.
    fn may(&self, rights: Option<&Rights>, path: &[u8], right: Right) -> bool {
        let everybody = self.rights(&Principal::Anonymous);
        let any = |may: fn(&Rights, &[u8]) -> bool| {
            rights.into_iter().chain(&everybody).any(|rights| may(rights, path))
        };
        match right {
            Right::Read => self.read == AllowRead::Anyone || any(Rights::may_read),
            Right::Write => match self.push {
                AllowPush::No => false,
                AllowPush::Anyone => true,
                AllowPush::Auth => any(Rights::may_write),
            },
        }
    }
}

impl Access for Rules {
    fn decide(&self, who: &Principal, repository: &[u8], right: Right) -> Verdict {
        if is_hidden(repository) {
            return Verdict::Hidden;
        }
        let rights = self.rights(who);
        if self.may(rights.as_ref(), repository, right) {
            return Verdict::Allowed;
        }
        // A user who has gone is asked again who it is, as one who never was.
        let can_sign_in = self.users.is_some() && (who.name().is_none() || rights.is_none());
        if can_sign_in && (right == Right::Read || self.push == AllowPush::Auth) {
            Verdict::SignIn
        } else if self.may(rights.as_ref(), repository, Right::Read) {
            Verdict::Denied
        } else {
            Verdict::Hidden
        }
    }

    fn authenticate(&self, credentials: &Credentials) -> Result<Principal, SignInError> {
        self.users.as_ref().ok_or(SignInError::Wrong)?.authenticate(credentials)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitwire_testkit::git::Folder;

    const HASH: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$Zm9vYmFyMTI$DyHmqxFNX5Hwx0B4pVr9Y0k4cLI6ZSg5DFbcWRrIRXM";

    #[test]
    fn verdicts() {
        use AllowPush as P;
        use AllowRead as R;
        use Right::{Read, Write};
        use Verdict::{Allowed, Denied, Hidden, SignIn};

        let folder = Folder::new("rules");
        let path = folder.path().join("users");
        let text = format!("root {HASH} admin\nann {HASH} read=a write=b create=b/*\nanonymous - read=p\n");
        std::fs::write(&path, text).unwrap();
        let users = Some(Arc::new(Users::open(&path).unwrap()));
        let check = |users: &Option<Arc<Users>>, (read, push), who: &str, path: &str, right, expected| {
            let rules = Rules { read, push, users: users.clone() };
            let principal = if who.is_empty() { Principal::Anonymous } else { Principal::User(who.into()) };
            let verdict = rules.decide(&principal, path.as_bytes(), right);
            assert_eq!(verdict, expected, "{read:?} {push:?} {who:?} {path} {right:?}");
        };
        let none = None;
        check(&none, (R::Anyone, P::No), "", "a.git", Read, Allowed);
        check(&none, (R::Anyone, P::No), "", "a.git", Write, Denied);
        check(&none, (R::Anyone, P::Anyone), "", "a.git", Write, Allowed);
        check(&none, (R::Anyone, P::Anyone), "", ".x/a.git", Read, Hidden);
        check(&none, (R::Anyone, P::Anyone), "", "a/.git", Read, Allowed);
        check(&none, (R::Anyone, P::Anyone), "", "a/.git/modules/b", Read, Hidden);
        let open = (R::Anyone, P::Auth);
        check(&users, open, "", "a.git", Read, Allowed);
        check(&users, open, "", "a.git", Write, SignIn);
        check(&users, open, "ann", "a.git", Write, Denied);
        check(&users, open, "ann", "b.git", Write, Allowed);
        check(&users, open, "root", "c.git", Write, Allowed);
        check(&users, open, "gone", "b.git", Write, SignIn);
        check(&users, (R::Anyone, P::No), "", "a.git", Write, Denied);
        check(&users, (R::Anyone, P::No), "root", "a.git", Write, Denied);
        let closed = (R::Auth, P::Auth);
        check(&users, closed, "", "a.git", Read, SignIn);
        check(&users, closed, "", "p.git", Read, Allowed);
        check(&users, closed, "", "p.git", Write, SignIn);
        check(&users, closed, "ann", "a.git", Read, Allowed);
        check(&users, closed, "ann", "a.git", Write, Denied);
        check(&users, closed, "ann", "b.git", Read, Allowed);
        check(&users, closed, "ann", "c.git", Read, Hidden);
        check(&users, closed, "ann", "c.git", Write, Hidden);
        check(&users, closed, "ann", "p.git", Read, Allowed);
        check(&users, closed, "gone", "a.git", Read, SignIn);
        check(&users, closed, "root", ".incoming/a.git", Read, Hidden);

        let rules = Rules { read: R::Auth, push: P::Auth, users };
        let (ann, root) = (Principal::User("ann".into()), Principal::User("root".into()));
        assert!(rules.may_create(&ann, b"b/x.git") && !rules.may_create(&ann, b"c.git"));
        assert!(rules.may_create(&root, b"c.git") && !rules.may_create(&root, b".c.git"));
        assert!(!rules.may_create(&Principal::Anonymous, b"b/x.git"));
        assert!(rules.may_create_somewhere(&ann) && !rules.may_create_somewhere(&Principal::Anonymous));
    }
}
