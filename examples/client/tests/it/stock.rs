//! A stock `git daemon`, and the program under test.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;

use gitwire_testkit::git::Git;

/// Serves everything below `root` over git://, pushes by anybody too, each connection by a `git daemon --inetd` of its own with
/// `environment` added; gives the URL.
pub fn daemon(git: &Git, root: &Path, environment: &[(&str, &str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("git://{}", listener.local_addr().unwrap());
    let (git, root) = (git.clone(), root.to_owned());
    let environment: Vec<_> =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let base = format!("--base-path={}", root.display());
            let socket = || Stdio::from(OwnedFd::from(stream.try_clone().unwrap()));
            let words = [
                "daemon",
                "--inetd",
                "--export-all",
                "--enable=receive-pack",
                "--log-destination=none",
                &base,
            ];
            let mut command = git.command(&root, words);
            command.envs(environment.iter().cloned());
            let mut child = command.stdin(socket()).stdout(socket()).stderr(Stdio::null()).spawn().unwrap();
            thread::spawn(move || child.wait());
        }
    });
    url
}

/// The program under test, in `folder`.
pub fn gitwire<const N: usize>(folder: &Path, arguments: [&str; N]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gitwire"));
    command.current_dir(folder).args(arguments).stdin(Stdio::null());
    command.env_remove("GIT_DIR").env_remove("GIT_PROTOCOL");
    command
}

/// Runs it, and panics with what it says if it fails.
#[track_caller]
pub fn ok<const N: usize>(folder: &Path, arguments: [&str; N]) -> Output {
    let output = gitwire(folder, arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Runs it, and checks how it fails.
#[track_caller]
pub fn fails<const N: usize>(folder: &Path, arguments: [&str; N], code: i32, says: &str) {
    let output = gitwire(folder, arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    assert!(text.contains(says), "{arguments:?}: {text}");
}
