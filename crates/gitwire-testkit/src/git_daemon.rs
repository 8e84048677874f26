//! git's own git:// server for tests.
//!
//! ```
//! use gitwire_testkit::git::{Folder, Git};
//! use gitwire_testkit::git_daemon;
//!
//! let Some(git) = Git::find() else { return };
//! let folder = Folder::new("git-daemon");
//! git.ok(folder.path(), ["init", "-q", "--bare", "x.git"]);
//! let url = git_daemon::serve(&git, folder.path(), &[]);
//! git.ok(folder.path(), ["clone", "-q", &format!("{url}/x.git"), "clone"]);
//! ```

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use std::thread;

use crate::git::Git;

/// Serves everything below `root` for as long as the process lives, pushes by anybody too, each connection by a
/// `git daemon --inetd` of its own with `environment` added; gives the URL.
///
/// # Panics
/// When no port can be had.
#[must_use]
pub fn serve(git: &Git, root: &Path, environment: &[(&str, &str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("git://{}", listener.local_addr().unwrap());
    let (git, root) = (git.clone(), root.to_owned());
    let pairs = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let environment: Vec<_> = pairs.collect();
    thread::spawn(move || {
        let base = format!("--base-path={}", root.display());
        let words =
            ["daemon", "--inetd", "--export-all", "--enable=receive-pack", "--log-destination=none", &base];
        for stream in listener.incoming().map_while(Result::ok) {
            let socket = || Stdio::from(OwnedFd::from(stream.try_clone().unwrap()));
            let mut command = git.command(&root, words);
            command.envs(environment.iter().cloned());
            let mut child = command.stdin(socket()).stdout(socket()).stderr(Stdio::null()).spawn().unwrap();
            thread::spawn(move || child.wait());
        }
    });
    url
}
