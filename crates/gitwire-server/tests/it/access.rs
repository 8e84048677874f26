//! Who may do what is asked of the path that is served, whatever the client wrote.

use std::os::unix::fs::symlink;
use std::sync::{Arc, Mutex};

use gitwire_gitdir::{Lookup, OpenOptions};
use gitwire_protocol::message::Service;
use gitwire_server::access::{Access, Credentials, Principal, Right, SignInError, Verdict};
use gitwire_server::{DirectoryRoot, Export, OpenError, ReceivePolicy, Repositories as _, RepositoryRequest};
use gitwire_testkit::git::{Folder, Git};

/// Notes what it is asked; what each may do stands in the repository's name.
#[derive(Default)]
struct Book(Mutex<Vec<String>>);

impl Access for Book {
    fn decide(&self, who: &Principal, repository: &[u8], right: Right) -> Verdict {
        let who = who.name().unwrap_or("-");
        self.0.lock().unwrap().push(format!("{who} {right:?} {}", repository.escape_ascii()));
        let is = |name: &[u8]| repository.starts_with(name);
        match (who, right) {
            (_, Right::Read) if is(b"open") => Verdict::Allowed,
            ("ann", _) => Verdict::Allowed,
            ("-", _) => Verdict::SignIn,
            _ if is(b"secret") => Verdict::Hidden,
            _ => Verdict::Denied,
        }
    }

    fn authenticate(&self, _: &Credentials) -> Result<Principal, SignInError> {
        Err(SignInError::Wrong)
    }
}

#[test]
fn rights_are_decided_on_the_path_that_is_served() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("access");
    for name in ["open.git", "closed.git", "secret.git"] {
        git.ok(folder.path(), ["init", "-q", "--bare", name]);
    }
    git.ok(folder.path(), ["init", "-q", "open-tree"]);
    symlink("closed.git", folder.path().join("open-link.git")).unwrap();

    let book = Arc::new(Book::default());
    let mut options = OpenOptions::default();
    options.lookup = Lookup::Guess;
    let root = DirectoryRoot::with_options(folder.path(), Export::All, options)
        .unwrap()
        .receiving(ReceivePolicy::default())
        .with_access(Arc::clone(&book) as Arc<dyn Access>);

    let check = |who: &str, path: &str, service: Service, expected: &str, asked: &str| {
        let mut request = RepositoryRequest::new(service, path.as_bytes());
        if who != "-" {
            request.principal = Principal::User(who.into());
        }
        let outcome = match service {
            Service::ReceivePack => root.open_to_receive(&request).map(|_| ()),
            _ => root.open(&request).map(|_| ()),
        };
        let outcome = match outcome {
            Ok(()) => "opened",
            Err(OpenError::NotFound { .. }) => "not found",
            Err(OpenError::SignIn) => "sign in",
            Err(OpenError::Denied) => "denied",
            Err(error) => panic!("{error}"),
        };
        assert_eq!(outcome, expected, "{who} {path}");
        assert_eq!(std::mem::take(&mut *book.0.lock().unwrap()), [asked], "{who} {path}");
    };
    let (fetch, push) = (Service::UploadPack, Service::ReceivePack);
    check("-", "/open.git", fetch, "opened", "- Read open.git");
    check("-", "open", fetch, "opened", "- Read open.git");
    check("-", "//open.git//", fetch, "opened", "- Read open.git");
    check("-", "/open-tree", fetch, "opened", "- Read open-tree/.git");
    check("-", "/open.git", push, "sign in", "- Write open.git");
    check("bob", "/open.git", push, "denied", "bob Write open.git");
    check("ann", "/open.git", push, "opened", "ann Write open.git");
    // A name that leads elsewhere has the rights of that place.
    check("-", "/open-link.git", fetch, "sign in", "- Read closed.git");
    check("bob", "/open-link.git", fetch, "denied", "bob Read closed.git");
    check("bob", "/secret.git", fetch, "not found", "bob Read secret.git");
    // Nobody learns by the answer what is there.
    check("-", "/secret.git", fetch, "sign in", "- Read secret.git");
    check("-", "/nothing//there.git", fetch, "sign in", "- Read nothing/there.git");
    check("bob", "/nothing.git", fetch, "denied", "bob Read nothing.git");
    check("ann", "/nothing.git", fetch, "not found", "ann Read nothing.git");
}
