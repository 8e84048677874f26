//! The program with HTTP servers that want to know who asks.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use gitwire_server::Policy;
use gitwire_server::access::{Access, Credentials, Principal, Right, SignInError, Verdict};
use gitwire_testkit::git::{Folder, Git};
use gitwire_testkit::ours;

use crate::history::{make, refs};
use crate::program::gitwire;

/// `me` with `s3cret` reads everything, and writes everything but what is called `locked`.
struct Me;

impl Access for Me {
    fn decide(&self, who: &Principal, repository: &[u8], right: Right) -> Verdict {
        match (who, right) {
            (Principal::Anonymous, _) => Verdict::SignIn,
            (_, Right::Write) if repository.starts_with(b"locked") => Verdict::Denied,
            _ => Verdict::Allowed,
        }
    }

    fn authenticate(&self, credentials: &Credentials) -> Result<Principal, SignInError> {
        match (credentials.user.as_str(), credentials.password.as_slice()) {
            ("me", b"s3cret") => Ok(Principal::User("me".into())),
            _ => Err(SignInError::Wrong),
        }
    }
}

/// Serves everything below `root` to [`Me`], as long as the process lives; gives the host and port.
pub fn listen(root: &Path) -> String {
    ours::serve(root, Policy::default(), Some(Arc::new(Me))).http_address().to_owned()
}

struct World {
    git: Git,
    folder: Folder,
    source: PathBuf,
    /// `127.0.0.1:PORT`.
    host: String,
}

impl World {
    fn new(name: &str) -> Option<Self> {
        let git = Git::find()?;
        let folder = Folder::new(name);
        let source = make(&git, folder.path(), "source.git", "sha1");
        let host = listen(folder.path());
        Some(Self { git, folder, source, host })
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn command<const N: usize>(&self, words: [&str; N]) -> Command {
        let mut command = gitwire(self.path(), words);
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        command.env("GIT_TERMINAL_PROMPT", "0").env_remove("SSH_ASKPASS").env_remove("GIT_ASKPASS");
        command
    }
}

/// What a command says, if it ends as it should; never a password.
#[track_caller]
fn says(mut command: Command, code: i32) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
    assert_eq!(status.code(), Some(code), "{text}");
    assert!(!text.contains("s3cret") && !text.contains("wr0ng"), "{text}");
    text
}

#[test]
fn passwords_of_urls_are_used_and_shown_to_nobody() {
    let Some(world) = World::new("web-url") else { return };
    let url = format!("http://me:s3cret@{}/source.git", world.host);
    says(world.command(["clone", "--mirror", &url, "clone.git"]), 0);
    let clone = world.path().join("clone.git");
    assert_eq!(refs(&world.git, &clone), refs(&world.git, &world.source));
    let mut fetch = world.command(["fetch", &url, "+refs/heads/main:refs/heads/new"]);
    fetch.current_dir(&clone);
    let text = says(fetch, 0);
    assert!(text.contains(&format!("From http://{}/source\n", world.host)), "{text}");
    assert!(!fs::read_to_string(clone.join("FETCH_HEAD")).unwrap().contains("s3cret"));

    let wrong = format!("http://me:wr0ng@{}/source.git", world.host);
    let text = says(world.command(["ls-remote", &wrong]), 128);
    let expected = format!("fatal: Authentication failed for 'http://{}/source.git/'\n", world.host);
    assert!(text.ends_with(&expected), "{text}");
    let nobody = format!("http://{}/source.git", world.host);
    let text = says(world.command(["ls-remote", &nobody]), 128);
    assert!(text.contains(&format!("could not read Username for 'http://{}'", world.host)), "{text}");
}

#[test]
fn a_program_may_be_asked() {
    let Some(world) = World::new("web-ask") else { return };
    let text = "echo \"$1\" >>asked\ncase $1 in User*) echo me;; *) echo s3cret;; esac\n";
    let program = world.script("ask", text);
    let url = format!("http://{}/source.git", world.host);
    let mut command = world.command(["ls-remote", &url]);
    command.env("GIT_ASKPASS", &program);
    assert!(says(command, 0).contains("refs/heads/main"));
    let asked = fs::read_to_string(world.path().join("asked")).unwrap();
    let host = &world.host;
    assert_eq!(asked, format!("Username for 'http://{host}': \nPassword for 'http://me@{host}': \n"));
}

#[test]
fn helpers_are_asked_and_told() {
    let Some(world) = World::new("web-helper") else { return };
    let text =
        "echo \"$1\" >>heard\ntest \"$1\" = get && echo username=me && echo password=$PASSWORD\nexit 0\n";
    let helper = world.script("helper", text);
    let config = format!("credential.helper={}", helper.display());
    let url = format!("http://{}/source.git", world.host);
    let heard = || fs::read_to_string(world.path().join("heard")).unwrap();
    let mut command = world.command(["-c", &config, "ls-remote", &url]);
    assert!(
        says(
            {
                command.env("PASSWORD", "s3cret");
                command
            },
            0
        )
        .contains("refs/heads/main")
    );
    assert_eq!(heard(), "get\nstore\n");
    let mut command = world.command(["-c", &config, "ls-remote", &url]);
    says(
        {
            command.env("PASSWORD", "wr0ng");
            command
        },
        128,
    );
    assert_eq!(heard(), "get\nstore\nget\nerase\n");
    // An empty one forgets those before it.
    let words = ["-c", &config, "-c", "credential.helper=", "ls-remote", &url];
    says(world.command(words), 128);
    assert_eq!(heard(), "get\nstore\nget\nerase\n");
    // And a header of one's own needs none of them.
    let header = "http.extraHeader=Authorization: Basic bWU6czNjcmV0";
    assert!(says(world.command(["-c", header, "ls-remote", &url]), 0).contains("refs/heads/main"));
    let header = format!("http.http://{}/.extraHeader=Authorization: Basic bWU6czNjcmV0", world.host);
    assert!(says(world.command(["-c", &header, "ls-remote", &url]), 0).contains("refs/heads/main"));
}

#[test]
fn large_pushes_stream_once_the_server_knows_who_asks() {
    let Some(world) = World::new("web-push") else { return };
    let (path, git) = (world.path(), &world.git);
    git.ok(path, ["init", "-q", "--bare", "target.git"]);
    git.ok(path, ["init", "-q", "--bare", "locked.git"]);
    // Three megabytes that do not shrink.
    let mut dice = gitwire_testkit::Dice::new(1);
    let noise = dice.bytes(3 << 20);
    let blob = git.feed(&world.source, ["hash-object", "-w", "--stdin"], &noise).stdout;
    let blob = String::from_utf8(blob).unwrap();
    git.ok(&world.source, ["tag", "noise", blob.trim()]);
    let push = |name: &str, code| {
        let url = format!("http://me:s3cret@{}/{name}", world.host);
        let mut command = world.command(["push", &url, "refs/*:refs/*"]);
        command.current_dir(&world.source);
        says(command, code)
    };
    push("target.git", 0);
    assert_eq!(refs(git, &path.join("target.git")), refs(git, &world.source));
    git.ok(&path.join("target.git"), ["fsck", "--strict"]);
    let text = push("locked.git", 128);
    let expected = format!(
        "unable to access 'http://{}/locked.git/': The requested URL returned error: 403",
        world.host
    );
    assert!(text.contains(&expected), "{text}");
}
