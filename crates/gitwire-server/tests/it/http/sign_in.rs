//! Who may clone and push over HTTP, with stock git on the other side.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use gitwire_server::ReceivePolicy;
use gitwire_server::access::{Access, Credentials, Principal, Right, SignInError, Verdict};

use super::{Fixture, Setup};

/// Ann may do everything, Bob may read; nobody else sees what is not open.
struct House;

impl Access for House {
    fn decide(&self, who: &Principal, repository: &[u8], right: Right) -> Verdict {
        match (who.name(), right) {
            (Some("ann"), _) => Verdict::Allowed,
            (_, Right::Read) if repository == b"r.git" => Verdict::Allowed,
            (None, _) => Verdict::SignIn,
            (Some("bob"), Right::Read) => Verdict::Allowed,
            (Some("bob"), Right::Write) => Verdict::Denied,
            _ => Verdict::Hidden,
        }
    }

    fn authenticate(&self, credentials: &Credentials) -> Result<Principal, SignInError> {
        match (&credentials.user[..], &credentials.password[..]) {
            ("ann" | "bob" | "eve", b"secret") => Ok(Principal::User(credentials.user[..].into())),
            _ => Err(SignInError::Wrong),
        }
    }
}

fn fixture() -> Option<Fixture> {
    let (receive, access) = (Some(ReceivePolicy::default()), Some(Arc::new(House) as Arc<dyn Access>));
    let fixture = Fixture::new(Setup { receive, access, ..Setup::default() })?;
    let root = fixture.folder.path().join("root");
    fixture.git.ok(&root, ["clone", "-q", "--bare", "r.git", "private.git"]);
    Some(fixture)
}

#[test]
fn git_signs_in_to_clone_and_to_push() {
    let Some(fixture) = fixture() else { return };
    let Fixture { git, folder, .. } = &fixture;
    let url = |user: &str, name: &str| format!("http://{user}{}/{name}.git", fixture.address);
    let try_clone = |url: &str, smart: &str| {
        let directory = folder.path().join("try");
        fs::remove_dir_all(&directory).ok();
        let mut command = git.command(folder.path(), ["clone", "-q", url, "try"]);
        let output = command.env("GIT_SMART_HTTP", smart).output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    for smart in ["1", "0"] {
        assert!(try_clone(&url("", "r"), smart).0);
        assert!(try_clone(&url("ann:secret@", "private"), smart).0);
        assert!(try_clone(&url("bob:secret@", "private"), smart).0);
        assert!(try_clone(&url("", "private"), smart).1.contains("could not read Username"));
        assert!(try_clone(&url("ann:wrong@", "private"), smart).1.contains("Authentication failed"));
        assert!(try_clone(&url("eve:secret@", "private"), smart).1.contains("not found"));
    }

    let hook = fixture.served().join("hooks/update");
    fs::write(&hook, "#!/bin/sh\necho \"update by $REMOTE_USER\"\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    git.ok(&fixture.served(), ["config", "core.logAllRefUpdates", "true"]);
    fixture.commit("four");
    let push = |user: &str| {
        let output = git.run(&fixture.work(), ["push", &url(user, "r"), "main"]);
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let (pushed, said) = push("bob:secret@");
    assert!(!pushed && said.contains("403"), "{said}");
    let (pushed, said) = push("");
    assert!(!pushed && said.contains("could not read Username"), "{said}");
    let (pushed, said) = push("ann:secret@");
    assert!(pushed && said.contains("remote: update by ann"), "{said}");
    let log = String::from_utf8(fs::read(fixture.served().join("logs/refs/heads/main")).unwrap()).unwrap();
    assert!(log.lines().last().unwrap().contains(" ann <ann@"), "{log}");
}

#[test]
fn who_may_not_is_told_so_or_nothing() {
    let Some(fixture) = fixture() else { return };
    let header = |user: &str| match user {
        "ann" => "Authorization: Basic YW5uOnNlY3JldA==\r\n",
        "bob" => "Authorization: Basic Ym9iOnNlY3JldA==\r\n",
        "eve" => "Authorization: Basic ZXZlOnNlY3JldA==\r\n",
        "wrong" => "Authorization: Basic YW5uOndyb25n\r\n",
        "cut" => "Authorization: Basic YW5uOnd\r\n",
        "other" => "Authorization: Digest username=\"ann\"\r\n",
        _ => "",
    };
    let fetch = "info/refs?service=git-upload-pack";
    let push = "info/refs?service=git-receive-pack";
    for (user, path, status) in [
        ("-", format!("r.git/{fetch}"), "200"),
        ("-", format!("r.git/{push}"), "401"),
        ("-", format!("private.git/{fetch}"), "401"),
        ("-", "private.git/HEAD".to_owned(), "401"),
        ("-", format!("none.git/{fetch}"), "401"),
        ("bob", format!("private.git/{fetch}"), "200"),
        ("bob", "private.git/HEAD".to_owned(), "200"),
        ("bob", format!("private.git/{push}"), "403"),
        ("bob", format!("none.git/{fetch}"), "404"),
        ("eve", format!("private.git/{fetch}"), "404"),
        ("eve", format!("private.git/{push}"), "404"),
        ("eve", "private.git/HEAD".to_owned(), "404"),
        ("ann", format!("private.git/{push}"), "200"),
        ("wrong", format!("r.git/{fetch}"), "401"),
        ("cut", format!("r.git/{fetch}"), "400"),
        ("other", format!("r.git/{fetch}"), "401"),
    ] {
        let (head, _) = fixture.ask("GET", &format!("/{path}"), header(user));
        assert_eq!(&head[9..12], status, "{user} {path}");
        let challenge = "www-authenticate: Basic realm=\"Git\", charset=\"UTF-8\"\r\n";
        assert_eq!(head.contains(challenge), status == "401", "{head}");
    }
    // What is for one user is kept by nobody between.
    let [_, pack, _] = fixture.files();
    let (head, _) = fixture.ask("HEAD", &format!("/r.git/{pack}"), header("bob"));
    assert!(head.contains("cache-control: private, max-age=31536000\r\n"), "{head}");
}
