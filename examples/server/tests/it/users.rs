//! Users, from the command that makes them to what they may do.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use gitwire_testkit::git::{Folder, Git};

use crate::control::has_python;
use crate::doors::get;
use crate::server::{Server, make};

fn user(file: &Path, input: &str, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gitwired"));
    command.arg("user").arg("--users").arg(file).args(words);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // One that wants no password may have ended.
    child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
    child.wait_with_output().unwrap()
}

#[track_caller]
fn done(file: &Path, input: &str, words: &[&str]) -> String {
    let output = user(file, input, words);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn refused(file: &Path, input: &str, words: &[&str], why: &str) {
    let output = user(file, input, words);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(128), "{words:?}");
    assert!(text.starts_with("fatal: ") && text.contains(why), "{words:?}: {text}");
}

#[test]
fn users_are_made_changed_and_removed() {
    let folder = Folder::new("user");
    let file = &folder.path().join("users");
    done(file, "one\n", &["add", "ann", "admin"]);
    done(file, "two\r\nmore\n", &["add", "ben"]);
    done(file, "", &["add", "anonymous", "read=public/**"]);
    assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(done(file, "", &["list"]), "ann admin\nben read=**\nanonymous read=public/**\n");
    done(file, "", &["grant", "ben", "write=ben/*", "create=ben/*"]);
    done(file, "", &["revoke", "ben", "read=**"]);
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains("\nben $argon2id$v=19$m=19456,t=2,p=1$") && !text.contains("two"));
    assert_eq!(text.matches("$argon2id$").count(), 2);
    done(file, "three\n", &["passwd", "ben"]);
    assert_ne!(fs::read_to_string(file).unwrap(), text);
    done(file, "", &["remove", "ann"]);
    assert_eq!(done(file, "", &["list"]), "ben write=ben/* create=ben/*\nanonymous read=public/**\n");
    refused(file, "x\n", &["add", "ben"], "there is a user 'ben' already");
    refused(file, "x\n", &["passwd", "ann"], "there is no user 'ann'");
    refused(file, "", &["passwd", "anonymous"], "'anonymous' has no password");
    refused(file, "", &["remove", "ann"], "there is no user 'ann'");
    refused(file, "", &["add", "zoe"], "the password is empty");
    refused(file, "\n", &["add", "zoe"], "the password is empty");
    refused(file, &"x".repeat(1025), &["add", "zoe"], "more than 1024 bytes");
    refused(file, "x\n", &["add", "a b"], "is no name");
    refused(file, "x\n", &["add", "zoe", "all"], "'all' is no right");
    refused(file, "", &["grant", "ben", "read=../x"], "leads elsewhere");
    refused(file, "", &["revoke", "ben", "admin"], "does not have 'admin'");
    done(file, &"x".repeat(1024), &["add", "zoe"]);
    fs::write(file, "ben hash\n").unwrap();
    refused(file, "", &["list"], "users:1: not a password hash");
    let (real, link) = (folder.path().join("real"), folder.path().join("link"));
    fs::write(&real, "# kept\n").unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    done(&link, "", &["add", "anonymous"]);
    assert!(link.is_symlink() && fs::read_to_string(&real).unwrap() == "# kept\nanonymous - read=**\n");
    assert_eq!(user(file, "", &["add", "zoe", "--password", "x"]).status.code(), Some(129));
}

const TERMINAL: &str = r#"
import os, pty, sys, termios, time
child, terminal = pty.fork()
if child == 0:
    os.execv(sys.argv[1], sys.argv[1:])
said = b""
for answer in (b"a secret\n", b"a secret\n"):
    while not said.endswith(b": "):
        said += os.read(terminal, 1)
    # The prompt comes first, then the echo is switched off.
    while termios.tcgetattr(terminal)[3] & termios.ECHO:
        time.sleep(0.002)
    os.write(terminal, answer)
    said += b"|"
try:
    while more := os.read(terminal, 1024):
        said += more
except OSError:
    pass
print(said.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"#;

#[test]
fn a_terminal_is_asked_twice_and_shows_nothing() {
    if !has_python() {
        return;
    }
    let folder = Folder::new("user-terminal");
    let file = folder.path().join("users");
    let mut python = Command::new("python3");
    python.args(["-c", TERMINAL, env!("CARGO_BIN_EXE_gitwired"), "user", "add", "ann", "--users"]).arg(&file);
    let output = python.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("Password for ann: ") && said.contains("The same again: "), "{said}");
    assert!(!said.contains("secret"), "{said}");
    assert_eq!(done(&file, "", &["list"]), "ann read=**\n");
}

fn start(root: &Path, more: &[&str]) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gitwired"));
    command.args(["--listen", "http://127.0.0.1:0", "--root"]).arg(root).args(more);
    Server::spawn(&mut command)
}

#[test]
fn who_may_push_is_told_by_the_file_as_it_is_now() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("user-push");
    let (root, file) = (folder.path().join("root"), folder.path().join("users"));
    fs::create_dir(&root).unwrap();
    make(&git, &root, "a.git", "sha1");
    make(&git, &root, "b.git", "sha1");
    done(&file, "one\n", &["add", "ann", "write=a"]);
    let server = start(&root, &["--users", file.to_str().unwrap(), "--allow-push=auth"]);
    git.ok(folder.path(), ["clone", "-q", &format!("{}/a.git", server.url), "work"]);
    let work = folder.path().join("work");
    let as_user = |name: &str| server.url.replace("://", &format!("://{name}@"));
    let push = |who: &str, to: &str, branch: &str| {
        let target = format!("{}/{to}", as_user(who));
        let output = git.run(&work, ["push", "-q", &target, &format!("HEAD:refs/heads/{branch}")]);
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert!(push("ann:one", "a.git", "x1").0);
    let anonymous = git.run(&work, ["push", "-q", &format!("{}/a.git", server.url), "HEAD:refs/heads/x2"]);
    assert!(!anonymous.status.success());
    assert!(!push("ann:two", "a.git", "x3").0);
    assert!(!push("nobody:one", "a.git", "x4").0);
    let denied = push("ann:one", "b.git", "x5");
    assert!(!denied.0 && denied.1.contains("403"), "{}", denied.1);
    done(&file, "", &["grant", "ann", "write=b"]);
    assert!(push("ann:one", "b.git", "x6").0);
    done(&file, "", &["revoke", "ann", "write=a"]);
    assert!(!push("ann:one", "a.git", "x7").0);
    done(&file, "", &["remove", "ann"]);
    assert!(!push("ann:one", "b.git", "x8").0);
    let made = git.ok(&root.join("a.git"), ["for-each-ref", "--format=%(refname)", "refs/heads/x*"]);
    assert_eq!(String::from_utf8(made).unwrap(), "refs/heads/x1\n");
}

#[test]
fn without_a_right_nobody_learns_what_is_there() {
    let Some(git) = Git::find() else { return };
    let folder = Folder::new("user-read");
    let (root, file) = (folder.path().join("root"), folder.path().join("users"));
    fs::create_dir_all(root.join("public")).unwrap();
    make(&git, &root, "secret.git", "sha1");
    make(&git, &root.join("public"), "open.git", "sha1");
    done(&file, "one\n", &["add", "ann", "read=secret"]);
    done(&file, "one\n", &["add", "ben", "read=other"]);
    done(&file, "", &["add", "anonymous", "read=public/*"]);
    let server = start(&root, &["--users", file.to_str().unwrap(), "--allow-read=auth"]);
    let listed = |who: &str, path: &str| {
        let url = server.url.replace("://", &format!("://{who}")) + path;
        let output = git.run(folder.path(), ["ls-remote", &url]);
        let error = String::from_utf8_lossy(&output.stderr).replace(path, "PATH");
        if output.status.success() { Ok(()) } else { Err(error) }
    };
    assert_eq!(listed("", "/public/open.git"), Ok(()));
    assert_eq!(listed("ann:one@", "/public/open.git"), Ok(()));
    assert_eq!(listed("ann:one@", "/secret.git"), Ok(()));
    // What is there and what is not look the same.
    assert!(listed("", "/secret.git").is_err());
    assert_eq!(listed("", "/secret.git"), listed("", "/nothing.git"));
    assert!(listed("ben:one@", "/secret.git").is_err());
    assert_eq!(listed("ben:one@", "/secret.git"), listed("ben:one@", "/nothing.git"));
}

#[test]
fn what_would_be_open_to_all_must_be_said() {
    let folder = Folder::new("user-public");
    let file = folder.path().join("users");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gitwired"));
        command.arg("--root").arg(folder.path()).args(arguments);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let refused = |arguments: &[&str], why: &str| {
        let (code, text) = run(arguments);
        assert_eq!(code, Some(128), "{arguments:?}");
        assert!(text.contains(why), "{arguments:?}: {text}");
    };
    let public = ["--listen", "http://0.0.0.0:0"];
    refused(&public, "is open to others: say --allow-read=anyone, or name --users");
    refused(&[&public[..], &["--allow-push=anyone", "--allow-read=anyone"]].concat(), "anyone may push only");
    refused(&[&public[..], &["--allow-push=auth", "--allow-read=anyone"]].concat(), "without --users");
    refused(&["--listen", "http://127.0.0.1:0", "--allow-read=auth"], "without --users");
    refused(&["--listen", "http://127.0.0.1:0", "--users", file.to_str().unwrap()], "users: No such file");
    done(&file, "one\n", &["add", "ann"]);
    // By rights, where nothing else is said.
    let mut command = Command::new(env!("CARGO_BIN_EXE_gitwired"));
    command.args(public).arg("--root").arg(folder.path()).arg("--users").arg(&file);
    let server = Server::spawn(&mut command);
    assert_eq!(get(server.port("http"), "/x.git/info/refs?service=git-upload-pack").0, 401);
}
