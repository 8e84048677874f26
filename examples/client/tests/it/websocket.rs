//! Repositories over ws://: by our client, by stock git through the remote helper, and by stock git through a helper that stands in
//! for ssh. With a password.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use gitwire_server::Policy;
use gitwire_server::access::{Access, Credentials, Principal, Right, SignInError, Verdict};
use gitwire_testkit::git::{Folder, Git};
use gitwire_testkit::ours;

use crate::history::{add, make, refs};

const GITWIRE: &str = env!("CARGO_BIN_EXE_gitwire");

/// Ann may do everything, others nothing.
struct Book;

impl Access for Book {
    fn decide(&self, who: &Principal, _: &[u8], _: Right) -> Verdict {
        match who.name() {
            Some("ann") => Verdict::Allowed,
            Some(_) => Verdict::Denied,
            None => Verdict::SignIn,
        }
    }

    fn authenticate(&self, credentials: &Credentials) -> Result<Principal, SignInError> {
        match &credentials.password[..] {
            b"p@ss:word" => Ok(Principal::User(credentials.user.as_str().into())),
            _ => Err(SignInError::Wrong),
        }
    }
}

struct World {
    git: Git,
    folder: Folder,
    source: PathBuf,
    /// Host and port of the server.
    address: String,
}

impl World {
    fn new(name: &str) -> Option<Self> {
        let git = Git::find()?;
        let folder = Folder::new(name);
        for place in ["root", "bin"] {
            fs::create_dir(folder.path().join(place)).unwrap();
        }
        for helper in ["git-remote-ws", "git-remote-wss"] {
            symlink(GITWIRE, folder.path().join("bin").join(helper)).unwrap();
        }
        let source = make(&git, &folder.path().join("root"), "so urce.git", "sha1");
        git.ok(&folder.path().join("root"), ["init", "-q", "--bare", "-b", "main", "target.git"]);
        let root = folder.path().join("root");
        let ours = ours::serve(&root, Policy::default(), Some(Arc::new(Book)));
        let address = ours.http_address().to_owned();
        Some(Self { git, folder, source, address })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a program that finds the helpers, and nothing of the user's.
    fn run(&self, program: &str, folder: &Path, words: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = Command::new(program);
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        command.current_dir(folder).args(words).stdin(Stdio::null()).env("PATH", path);
        command
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0");
        command.envs(variables.iter().copied());
        command.output().unwrap()
    }

    #[track_caller]
    fn ok(&self, program: &str, folder: &Path, words: &[&str], variables: &[(&str, &str)]) {
        let output = self.run(program, folder, words, variables);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {words:?}: {said}");
    }

    #[track_caller]
    fn fails(&self, program: &str, words: &[&str], variables: &[(&str, &str)], part: &str) {
        let output = self.run(program, self.folder.path(), words, variables);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(part), "{program} {words:?}: {said}");
        assert!(!said.contains("p@ss") && !said.contains("p%40ss"), "{said}");
    }

    /// Clones, fetches, pushes and deletes in every version; git says which version it got.
    fn all(&self, program: &str, first: usize, url: &dyn Fn(&str) -> String, variables: &[(&str, &str)]) {
        let (source, target) = (url("so urce.git"), url("target.git"));
        let served = self.path("root/target.git");
        for version in 0..=2 {
            let config = format!("protocol.version={version}");
            let clone = self.path(&format!("clone-{first}-{version}"));
            let trace = self.path(&format!("trace-{first}-{version}"));
            let mut variables = variables.to_vec();
            variables.push(("GIT_TRACE_PACKET", trace.to_str().unwrap()));
            let run = |folder: &Path, words: &[&str]| {
                self.ok(program, folder, &[&["-c", &config], words].concat(), &variables);
            };
            run(self.folder.path(), &["clone", "--mirror", &source, clone.to_str().unwrap()]);
            assert_eq!(refs(&self.git, &clone), refs(&self.git, &self.source), "version {version}");
            if program == "git" {
                let trace = fs::read_to_string(&trace).unwrap();
                let spoken = usize::from(trace.contains("< version 1"))
                    + 2 * usize::from(trace.contains("< version 2"));
                assert_eq!(spoken, version, "{trace}");
            }
            add(&self.git, &self.source, "main", first + 100 * version..first + 100 * version + 2);
            run(&clone, &["fetch", &source, "+refs/heads/*:refs/heads/*"]);
            run(&clone, &["push", &target, "refs/heads/*:refs/heads/*"]);
            assert_eq!(
                self.git.ok(&served, ["rev-parse", "main"]),
                self.git.ok(&self.source, ["rev-parse", "main"])
            );
            run(&clone, &["push", &target, "side:refs/heads/other"]);
            run(&clone, &["push", &target, ":refs/heads/other"]);
            assert!(!refs(&self.git, &served).contains("/other"));
            let shallow = self.path(&format!("shallow-{first}-{version}"));
            run(
                self.folder.path(),
                &["clone", "--bare", "--depth", "2", "--branch", "main", &source, shallow.to_str().unwrap()],
            );
            assert_eq!(self.git.ok(&shallow, ["rev-list", "--count", "main"]), b"2\n");
        }
        self.git.ok(&served, ["fsck", "--strict"]);
    }
}

#[test]
fn gitwire_and_git_through_the_remote_helper() {
    let Some(world) = World::new("ws") else { return };
    let url = |name: &str| format!("ws://ann:p%40ss%3Aword@{}/{}", world.address, name.replace(' ', "%20"));
    world.all("git", 1000, &url, &[]);
    world.all(GITWIRE, 2000, &url, &[]);

    let list = |login: &str, name: &str| format!("ws://{login}{}/{name}", world.address);
    for program in ["git", GITWIRE] {
        let fails = |url: &str, part: &str| world.fails(program, &["ls-remote", url], &[], part);
        fails(&list("ann:p%40ss@", "target.git"), "Authentication failed for 'ws://127.0.0.1");
        fails(&list("bob:p%40ss%3Aword@", "target.git"), "The requested URL returned error: 403");
        fails(&list("ann:p%40ss%3Aword@", "none.git"), "not found");
        fails(&list("ann:p%40ss%3Aword@", "x/%2e%2e/target.git"), "not found");
        fails(&list("", "target.git"), "could not read Username for 'ws://127.0.0.1");
        fails("ws://127.0.0.1:1/target.git", "connect to 127.0.0.1:1");
    }
    // A helper of git's knows the password.
    let helper = "!f() { test \"$1\" = get && echo username=ann && echo password=p@ss:word; }; f";
    for program in ["git", GITWIRE] {
        let config = format!("credential.helper={helper}");
        world.ok(program, world.folder.path(), &["-c", &config, "ls-remote", &list("", "target.git")], &[]);
    }
}

#[test]
fn git_and_gitwire_through_what_stands_in_for_ssh() {
    let Some(world) = World::new("ssh-over-ws") else { return };
    let file = world.path("credentials");
    fs::write(&file, "ann:p@ss:word\nnobody:else\n").unwrap();
    let ssh = format!("'{GITWIRE}' ssh-over-ws");
    let based = format!("{ssh} --url ws://{}/ --credentials '{}'", world.address, file.display());
    world.all("git", 1000, &|name| format!("anywhere:{name}"), &[("GIT_SSH_COMMAND", &based)]);
    world.all(GITWIRE, 2000, &|name| format!("anywhere:/{name}"), &[("GIT_SSH_COMMAND", &based)]);
    // The address that git names, and a password of git's own helpers: no other goes to whoever is named.
    let url = format!("ssh://ann@{}/target.git", world.address);
    let config = world.path("gitconfig");
    fs::write(
        &config,
        "[credential]\n\thelper = \"!f() { test \\\"$1\\\" = get && echo password=p@ss:word; }; f\"\n",
    )
    .unwrap();
    let helped = [("GIT_SSH_COMMAND", ssh.as_str()), ("GIT_CONFIG_GLOBAL", config.to_str().unwrap())];
    world.ok("git", world.folder.path(), &["ls-remote", &url], &helped);
    let variables = [("GIT_SSH_COMMAND", ssh.as_str()), ("GITWIRE_WS_PASSWORD", "p@ss:word")];
    world.fails("git", &["ls-remote", &url], &variables, "a password needs --url, which says who gets it");
    let elsewhere = format!("ws://{}", world.address);
    let variables = [variables[0], variables[1], ("GITWIRE_WS_URL", &elsewhere)];
    world.ok("git", world.folder.path(), &["ls-remote", "ann@h:target.git"], &variables);

    let wrong = [variables[0], ("GITWIRE_WS_PASSWORD", "wrong"), variables[2]];
    world.fails("git", &["ls-remote", "ann@h:target.git"], &wrong, "Authentication failed for 'ws://");
    world.fails(
        "git",
        &["ls-remote", "bob@h:target.git"],
        &variables,
        "The requested URL returned error: 403",
    );
    world.fails("git", &["ls-remote", "ann@h:none.git"], &variables, "not found");
    world.fails("git", &["ls-remote", "ann@h:../target.git"], &variables, "not found");
    world.fails("git", &["archive", "--remote=ann@h:target.git", "main"], &variables, "");
}

#[test]
fn the_helper_answers_what_git_may_say() {
    let Some(world) = World::new("ws-helper") else { return };
    let url = format!("ws://ann:p%40ss%3Aword@{}/target.git", world.address);
    let run = |said: &str| {
        let mut command = Command::new(world.path("bin/git-remote-ws"));
        command.args(["origin", &url]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        let mut helper = command.spawn().unwrap();
        // One that has given up does not listen to the end.
        let _ = helper.stdin.take().unwrap().write_all(said.as_bytes());
        let output = helper.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&output.stdout), text(&output.stderr), output.status.code().unwrap())
    };
    let check = |said: &str, answer: &str, error: &str| {
        let code = if error.is_empty() { 0 } else { 128 };
        assert_eq!(run(said), (answer.to_owned(), error.to_owned(), code), "{said}");
    };
    check("capabilities\n\n", "connect\n\n", "");
    check("", "", "");
    check("connect git-upload-archive\nconnect x\n\n", "fallback\nfallback\n", "");
    let unknown = "fatal: expected a command for a remote helper, got 'import x'\n";
    check("capabilities\nimport x\n", "connect\n\n", unknown);
    check("list\n", "", "fatal: this remote helper only connects\n");
    check("capabilities", "", "fatal: a line without its end\n");
    check(&"x".repeat((64 << 10) + 1), "", "fatal: a line of more than 64 KiB\n");
    let almost = format!("push {}\n", "x".repeat((64 << 10) - 5));
    check(&almost, "", "fatal: this remote helper only connects\n");
    // What follows the line is for the server, and its end is the server's end.
    let (answer, error, code) = run("connect git-receive-pack\n0000");
    assert!(
        answer.starts_with("\n00") && answer.contains("report-status") && answer.ends_with("0000"),
        "{answer}"
    );
    assert_eq!((error.as_str(), code), ("", 0));
    let (answer, _, _) = run("connect git-upload-pack\n0014comm");
    assert!(answer.contains("ERR "), "{answer}");
}
