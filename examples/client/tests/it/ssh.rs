//! The forced command: through a real sshd, and through a script that stands in for ssh.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use gitwire_testkit::git::{Folder, Git, skipped};

use crate::history::{add, make, refs};

const GITWIRE: &str = env!("CARGO_BIN_EXE_gitwire");

/// Runs the forced command for what a client wanted to run; standard input is empty.
fn forced(root: &Path, more: &[&str], command: Option<&str>) -> Output {
    let mut forced = Command::new(GITWIRE);
    forced.args(["forced-command", "--user", "ann", "--root"]).arg(root).args(more).stdin(Stdio::null());
    forced.env_remove("SSH_ORIGINAL_COMMAND").env_remove("GIT_PROTOCOL");
    if let Some(command) = command {
        forced.env("SSH_ORIGINAL_COMMAND", command);
    }
    forced.output().unwrap()
}

#[test]
fn nothing_but_the_two_services_of_what_lies_below_the_root() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("forced");
    fs::create_dir(folder.path().join("root")).unwrap();
    let root = folder.path().join("root");
    make(&git, &root, "r.git", "sha1");
    git.ok(folder.path(), ["init", "-q", "--bare", "outside.git"]);
    std::os::unix::fs::symlink("../outside.git", root.join("link.git")).unwrap();
    git.ok(&root, ["init", "-q", "--bare", ".incoming/draft.git"]);
    #[track_caller]
    fn refused(root: &Path, command: &str, words: &str) {
        let output = forced(root, &["--allow-push"], Some(command));
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(128), &b""[..]), "{command}");
        assert_eq!(said, format!("fatal: {words}\n"), "{command}");
    }
    let only = |what: &str| {
        format!("only git-upload-pack 'PATH' and git-receive-pack 'PATH' may be run here: {what}")
    };
    refused(&root, "", "hello ann: this account serves Git repositories and has no shell");
    refused(&root, "sh", &only("expected a service and a path, got 'sh'"));
    refused(&root, "git-shell 'x'", &only(r"expected a service and a path, got 'git-shell \'x\''"));
    refused(&root, "git-upload-pack --help", &only("malformed quoted path: '--help'"));
    refused(&root, "git-upload-pack '--help'", &only("malformed path: '--help'"));
    refused(&root, "git-upload-pack '/r.git';id", &only(r"malformed quoted path: '\'/r.git\';id'"));
    refused(&root, "git-upload-pack '/r.git' $(id)", &only(r"malformed quoted path: '\'/r.git\' $(id)'"));
    refused(&root, "git-upload-pack '/r.git", &only(r"malformed quoted path: '\'/r.git'"));
    refused(&root, "git-upload-archive '/r.git'", "git-upload-archive is not served");
    let hidden = "access denied or repository not exported";
    for path in [
        "/none.git",
        "../outside.git",
        "/r.git/../../outside.git",
        "link.git",
        "~root/r.git",
        "/",
        "/.incoming/draft.git",
    ] {
        let command = format!("git-upload-pack '{path}'");
        refused(&root, &command, &format!("{hidden}: '{path}'"));
    }
    let outside = folder.path().join("outside.git").display().to_string();
    refused(&root, &format!("git-upload-pack '{outside}'"), &format!("{hidden}: '{outside}'"));

    let output = forced(&root, &[], None);
    assert!(String::from_utf8_lossy(&output.stderr).contains("has no shell"));
    let output = forced(&root, &[], Some("git-receive-pack '/r.git'"));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "fatal: access denied: '/r.git'\n");
    for path in ["/r.git", "r.git", "r", "//r.git/"] {
        let output = forced(&root, &[], Some(&format!("git-upload-pack '{path}'")));
        assert!(String::from_utf8_lossy(&output.stdout).contains(" refs/heads/main\n"), "{path}");
    }
    git.ok(&root.join("r.git"), ["update-ref", "refs/secret/x", "refs/heads/main"]);
    for (hidden, shown) in [("refs/other", true), ("refs/secret", false)] {
        git.ok(&root.join("r.git"), ["config", "transfer.hideRefs", hidden]);
        let output = forced(&root, &[], Some("git-upload-pack '/r.git'"));
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains(" refs/heads/main\n"), "{said}");
        assert_eq!(said.contains(" refs/secret/x\n"), shown, "{said}");
    }
}

/// A world where ssh leads to the forced command, one way or the other.
struct World {
    git: Git,
    folder: Folder,
    source: PathBuf,
    /// What stands before the path in a URL.
    url: String,
    /// What `GIT_SSH_COMMAND` holds.
    ssh: String,
}

impl World {
    fn new(git: Git, name: &str) -> Self {
        let folder = Folder::new(name);
        fs::create_dir(folder.path().join("root")).unwrap();
        let source = make(&git, &folder.path().join("root"), "source.git", "sha1");
        git.ok(&folder.path().join("root"), ["init", "-q", "--bare", "-b", "main", "target.git"]);
        Self { git, folder, source, url: String::new(), ssh: String::new() }
    }

    fn forced_command(&self, more: &str) -> String {
        format!("'{GITWIRE}' forced-command --root '{}/root' --user ann{more}", self.folder.path().display())
    }

    fn command(&self, program: &Path, folder: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).args(words).stdin(Stdio::null()).env("GIT_SSH_COMMAND", &self.ssh);
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        command
    }

    #[track_caller]
    fn run(&self, program: &Path, folder: &Path, words: &[&str]) {
        let output = self.command(program, folder, words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program:?} {words:?}: {said}");
    }

    /// Clones, fetches and pushes with a client in every version.
    fn all(&self, program: &Path, first: usize) {
        let url = |name: &str| format!("{}/{name}", self.url);
        let at = |name: &str| {
            self.folder.path().join(format!("{name}-{}", program.file_name().unwrap().display()))
        };
        for version in 0..=2 {
            let config = format!("protocol.version={version}");
            let clone = at(&format!("clone{version}"));
            self.run(
                program,
                self.folder.path(),
                &["-c", &config, "clone", "--mirror", &url("source.git"), clone.to_str().unwrap()],
            );
            let number = first + 100 * version;
            add(&self.git, &self.source, "main", number..number + 2);
            self.run(program, &clone, &["-c", &config, "fetch", "origin"]);
            assert_eq!(refs(&self.git, &clone), refs(&self.git, &self.source), "version {version}");
            self.run(
                program,
                &clone,
                &["-c", &config, "push", &url("target.git"), "refs/heads/*:refs/heads/*"],
            );
            let target = self.folder.path().join("root/target.git");
            let tip = |path: &Path| self.git.ok(path, ["rev-parse", "main"]);
            assert_eq!(tip(&target), tip(&self.source), "version {version}");
            let log = fs::read_to_string(target.join("logs/refs/heads/main")).unwrap_or_default();
            assert!(log.is_empty() || log.contains("ann <ann@localhost>"), "{log}");
        }
    }

    fn clients(&self) {
        self.all(Path::new("git"), 1000);
        self.all(Path::new(GITWIRE), 2000);
    }
}

#[test]
fn git_and_gitwire_reach_the_forced_command_through_a_stand_in() {
    let Some(git) = Git::find() else { return };
    let mut world = World::new(git, "stand-in");
    let script = world.folder.path().join("ssh");
    // What sshd does: the client's command becomes a variable, and the environment comes from what was sent.
    let text = format!(
        "#!/bin/sh\nwhile case $1 in -o|-p) shift;; -*) ;; *) false;; esac; do shift; done\nSSH_ORIGINAL_COMMAND=$2 exec {}\n",
        world.forced_command(" --allow-push")
    );
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    (world.url, world.ssh) = ("ssh://somewhere".to_owned(), format!("'{}'", script.display()));
    world.clients();
}

/// A server of OpenSSH on a port of its own; ends when dropped.
struct Sshd(Child);

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const SSHD: &str = "/usr/sbin/sshd";

/// Starts sshd with one key, whose holder gets `command`.
fn sshd(folder: &Path, command: &str) -> (Sshd, u16) {
    for key in ["host", "user"] {
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(folder.join(key))
            .status();
        assert!(made.unwrap().success());
    }
    let key = fs::read_to_string(folder.join("user.pub")).unwrap();
    let line = format!("restrict,command=\"{}\" {key}", command.replace('"', "\\\""));
    fs::write(folder.join("authorized_keys"), line).unwrap();
    // Where sshd runs as root it wants this folder.
    let _ = fs::create_dir("/run/sshd");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let folder = folder.display();
    let config = format!(
        "ListenAddress 127.0.0.1:{port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized_keys\nPidFile none\nStrictModes no\n\
         UsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin forced-commands-only\nAcceptEnv GIT_PROTOCOL\n"
    );
    fs::write(format!("{folder}/config"), config).unwrap();
    let log = fs::File::create(format!("{folder}/log")).unwrap();
    let child =
        Command::new(SSHD).args(["-D", "-e", "-f", &format!("{folder}/config")]).stderr(log).spawn().unwrap();
    let server = Sshd(child);
    for _ in 0..200 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return (server, port);
        }
        sleep(Duration::from_millis(25));
    }
    panic!("sshd does not listen: {}", fs::read_to_string(format!("{folder}/log")).unwrap());
}

#[test]
fn git_and_gitwire_reach_the_forced_command_through_sshd() {
    let Some(git) = Git::find() else { return };
    if !Path::new(SSHD).exists() {
        return skipped("there is no sshd");
    }
    let mut world = World::new(git, "sshd");
    let folder = world.folder.path().to_path_buf();
    let (server, port) = sshd(&folder, &world.forced_command(" --allow-push"));
    world.url = format!("ssh://127.0.0.1:{port}");
    world.ssh = format!(
        "ssh -F /dev/null -i '{0}/user' -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o UserKnownHostsFile='{0}/known'",
        folder.display()
    );
    world.clients();
    // Whoever wants a shell gets none, whatever it asks for.
    for words in ["", "sh", "git-upload-archive '/source.git'", "cat /etc/passwd"] {
        let line = format!("{} -p {port} 127.0.0.1 \"$@\"", world.ssh);
        let output = Command::new("sh")
            .args(["-c", &line, "sh"])
            .args(Some(words).filter(|words| !words.is_empty()))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(128), &b""[..]), "{words}");
    }
    drop(server);
}
