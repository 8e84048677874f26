//! What one client sees where it sees less than others.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use gitwire_protocol::message::Service;
use gitwire_protocol::{Serving, Version};
use gitwire_server::access::{Access, Credentials, Principal, Right, SignInError, Verdict};
use gitwire_server::{
    Door, HiddenRefs, OpenError, Policy, ReceivePolicy, Repositories as _, RepositoryRequest, Visibility,
};
use gitwire_testkit::git::{Folder, Git};

use crate::receive::Fixture;
use crate::{line, open, serve_under};

/// All but what lies below `refs/heads/secret/`.
#[derive(Debug)]
struct Open;

impl Visibility for Open {
    fn shows(&self, name: &[u8]) -> bool {
        !name.starts_with(b"refs/heads/secret/")
    }
}

/// Everybody does everything; one who has no name sees what is open.
struct Doors;

impl Access for Doors {
    fn decide(&self, _: &Principal, _: &[u8], _: Right) -> Verdict {
        Verdict::Allowed
    }

    fn view(&self, who: &Principal, repository: &[u8]) -> Option<Arc<dyn Visibility>> {
        assert_eq!(repository, b"r.git");
        (*who == Principal::Anonymous).then(|| Arc::new(Open) as Arc<dyn Visibility>)
    }

    fn authenticate(&self, _: &Credentials) -> Result<Principal, SignInError> {
        Err(SignInError::Wrong)
    }
}

fn text(git: &Git, path: &Path, arguments: &[&str]) -> String {
    String::from_utf8(git.ok(path, arguments)).unwrap().trim().to_owned()
}

/// A repository with a branch that is open and one that is secret, beside each other.
fn make(git: &Git, folder: &Folder) -> PathBuf {
    git.ok(folder.path(), ["init", "-q", "--initial-branch=main", "work"]);
    let work = folder.path().join("work");
    for name in ["one", "two", "three"] {
        std::fs::write(work.join(name), format!("{name}\n")).unwrap();
        git.ok(&work, ["add", "."]);
        git.ok(&work, ["commit", "-q", "-m", name]);
    }
    git.ok(&work, ["checkout", "-q", "-b", "secret/a", "HEAD~1"]);
    std::fs::write(work.join("hidden"), "hidden\n").unwrap();
    git.ok(&work, ["add", "."]);
    git.ok(&work, ["commit", "-q", "-m", "hidden"]);
    git.ok(folder.path(), ["clone", "-q", "--bare", "work", "r.git"]);
    let path = folder.path().join("r.git");
    git.ok(&path, ["symbolic-ref", "HEAD", "refs/heads/main"]);
    path
}

#[test]
fn what_is_not_shown_is_neither_wanted_nor_known_nor_measured() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("visibility");
    let path = make(&git, &folder);
    let mut policy = Policy::git();
    policy.ref_in_want = true;
    policy.object_info = true;
    let ask = |policy: &Policy, version, request: &str| {
        let repository = open(&path).0;
        let answer = serve_under(
            repository,
            Arc::new(policy.clone()),
            version,
            Serving::Stateless,
            request.as_bytes(),
        );
        answer.map(|answer| answer.escape_ascii().to_string()).map_err(|error| error.reply().into_owned())
    };
    let id = |name: &str| text(&git, &path, &["rev-parse", name]);
    let (hidden, tree, blob) = (id("secret/a"), id("secret/a^{tree}"), id("secret/a:hidden"));
    let want = |id: &str| {
        let wants = line(&format!("want {id}")) + &line("done");
        line("command=fetch") + "0001" + &wants + "0000"
    };
    let by_name =
        line("command=fetch") + "0001" + &line("want-ref refs/heads/secret/a") + &line("done") + "0000";
    let measure = |id: &str| {
        line("command=object-info") + "0001" + &line("size") + &line(&format!("oid {id}")) + "0000"
    };
    let have = |id: &str| {
        let haves = line(&format!("want {}", self::text(&git, &path, &["rev-parse", "main"])))
            + &line(&format!("have {id}"));
        line("command=fetch") + "0001" + &haves + "0000"
    };
    let list = line("command=ls-refs") + "0000";

    let everybody = policy.clone();
    policy.view = Some(Arc::new(Open));
    let refused = |id: &str| Err(format!("upload-pack: not our ref {id}"));
    for secret in [&hidden, &tree, &blob] {
        assert!(ask(&everybody, Version::V2, &want(secret)).is_ok());
        assert_eq!(ask(&policy, Version::V2, &want(secret)), refused(secret));
        assert!(ask(&everybody, Version::V2, &measure(secret)).unwrap().contains(secret.as_str()));
        assert_eq!(ask(&policy, Version::V2, &measure(secret)), refused(secret));
        let request = line(&format!("want {secret}")) + "0000" + &line("done");
        assert_eq!(ask(&policy, Version::V0, &request), refused(secret));
    }
    for name in ["main", "main^{tree}", "main:one", "main~1", "main~1^{tree}", "main~2^{tree}"] {
        assert!(ask(&policy, Version::V2, &want(&id(name))).is_ok(), "{name}");
        assert!(ask(&policy, Version::V2, &measure(&id(name))).is_ok(), "{name}");
    }
    assert!(ask(&everybody, Version::V2, &by_name).is_ok());
    assert_eq!(ask(&policy, Version::V2, &by_name), Err("unknown ref refs/heads/secret/a".into()));
    assert!(ask(&everybody, Version::V2, &list).unwrap().contains("secret"));
    assert!(!ask(&policy, Version::V2, &list).unwrap().contains("secret"));
    for (version, policy, known) in [(Version::V2, &everybody, true), (Version::V2, &policy, false)] {
        let acknowledged = |id: &str| ask(policy, version, &have(id)).unwrap().contains(&format!("ACK {id}"));
        assert_eq!(acknowledged(&hidden), known);
        assert!(acknowledged(&id("main~1")));
    }
}

/// Runs git without a setting of the test's own that would forbid it to fetch what lacks.
fn clone(git: &Git, folder: &Path, arguments: &[&str]) {
    let mut command: Command = git.command(folder, arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_partial_clone_gets_what_it_left_out_and_nothing_that_no_ref_reaches() {
    let Some(fixture) = Fixture::new(Some(ReceivePolicy::default())) else { return };
    let (git, folder) = (&fixture.git, fixture.folder.path());
    std::fs::create_dir(fixture.work().join("below")).unwrap();
    for (at, name) in ["below/a", "below/b", "one"].into_iter().enumerate() {
        std::fs::write(fixture.work().join(name), format!("{at}\n").repeat(50)).unwrap();
        git.ok(&fixture.work(), ["add", "."]);
        git.ok(&fixture.work(), ["commit", "-q", "-m", name]);
    }
    fixture.pushes(&["main"]);
    for (clone_as, filter) in [("blobs", "blob:none"), ("trees", "tree:0")] {
        clone(git, folder, &["clone", "-q", &format!("--filter={filter}"), &fixture.url, clone_as]);
        let path = folder.join(clone_as);
        assert!(path.join("below/b").exists());
        // All of the history's contents, a few at a time.
        let log = text(git, &path, &["log", "-p", "--format=%H"]);
        assert_eq!(log, text(git, &fixture.work(), &["log", "-p", "--format=%H"]), "{filter}");
    }
    // What a branch held that has been taken back is there and nobody's.
    let before = fixture.tip("main:one");
    fixture.pushes(&["+main~1:main"]);
    git.ok(&fixture.served(), ["cat-file", "-e", &before]);
    git.ok(folder, ["init", "-q", "empty"]);
    let output = git.run(folder, ["-C", "empty", "fetch", &fixture.url, &before]);
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains(&format!("not our ref {before}")), "{said}");
    // Bitmaps know it as well.
    git.ok(&fixture.served(), ["repack", "-adb", "-q"]);
    clone(git, folder, &["clone", "-q", "--filter=blob:none", &fixture.url, "again"]);
    assert!(folder.join("again/below/b").exists());
}

#[test]
fn a_push_makes_no_branch_of_what_its_author_may_not_see() {
    let Some(fixture) =
        Fixture::with(|root| Arc::new(root.receiving(ReceivePolicy::default()).with_access(Arc::new(Doors))))
    else {
        return;
    };
    let (git, served) = (&fixture.git, fixture.served());
    fixture.pushes(&["main~1:refs/heads/main"]);
    git.ok(&served, ["fetch", "-q", "../../work", "main:refs/heads/secret/a"]);
    let before = fixture.refs(&served);
    let listed = text(git, &fixture.work(), &["ls-remote", "origin"]);
    assert!(listed.contains("refs/heads/main") && !listed.contains("secret"), "{listed}");
    fixture.refused(&["main:refs/heads/secret/a"], "deny updating a hidden ref");
    fixture.refused(&["main:refs/heads/secret/b"], "deny updating a hidden ref");

    // The id alone does not do.
    let push = |id: &str| push_the_id_alone(&fixture, id);
    let answer = push(&fixture.tip("main"));
    assert!(answer.contains("ng refs/heads/mine missing necessary objects"), "{answer}");
    assert_eq!(fixture.refs(&served), before);
    let answer = push(&fixture.tip("main~1"));
    assert!(answer.contains("ok refs/heads/mine"), "{answer}");
    // Who brings it has it.
    fixture.pushes(&["main:theirs"]);
}

/// What is answered to a new branch whose objects the push does not bring.
fn push_the_id_alone(fixture: &Fixture, id: &str) -> String {
    let (address, name) = fixture.url.strip_prefix("git://").unwrap().split_once('/').unwrap();
    let request = format!("git-receive-pack /{name}\0host=x\0");
    let command = format!("{} {id} refs/heads/mine\0report-status", "0".repeat(40));
    let empty = fixture.git.feed(&fixture.served(), ["pack-objects", "--stdout", "-q"], b"").stdout;
    let mut stream = TcpStream::connect(address).unwrap();
    let said = [line(&request).as_bytes(), line(&command).as_bytes(), b"0000", &empty[..]].concat();
    stream.write_all(&said).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn hidden_commits_make_a_branch_but_where_that_is_checked() {
    for (checked, expected) in
        [(false, "ok refs/heads/mine"), (true, "ng refs/heads/mine missing necessary objects")]
    {
        let mut policy = ReceivePolicy::default();
        policy.hidden = HiddenRefs::new(["refs/heads/secret"]);
        policy.check_visibility = checked;
        let Some(fixture) = Fixture::new(Some(policy)) else { return };
        fixture.git.ok(&fixture.served(), ["fetch", "-q", "../../work", "main:refs/heads/secret/a"]);
        let answer = push_the_id_alone(&fixture, &fixture.tip("main"));
        assert!(answer.contains(expected), "{checked}: {answer}");
    }
}

#[test]
fn who_sees_less_sees_no_files() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("visibility-files");
    make(&git, &folder);
    let root = gitwire_server::DirectoryRoot::new(folder.path(), gitwire_server::Export::All).unwrap();
    let root = root.with_access(Arc::new(Doors));
    let opened = |principal: Principal, door: Door| {
        let mut request = RepositoryRequest::new(Service::UploadPack, b"/r.git");
        (request.principal, request.door) = (principal, door);
        root.open_to_upload(&request, &Arc::new(Policy::default()))
    };
    let ann = || Principal::User("ann".into());
    assert!(matches!(opened(Principal::Anonymous, Door::HttpFiles), Err(OpenError::NotEnabled)));
    assert!(opened(ann(), Door::HttpFiles).is_ok());
    let name = b"refs/heads/secret/a";
    assert!(!opened(Principal::Anonymous, Door::Http).unwrap().policy.shows(name));
    assert!(opened(ann(), Door::Http).unwrap().policy.shows(name));
}
