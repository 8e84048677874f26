//! Who is pushed to.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::thread;

use gitwire_server::daemon::{DaemonOptions, serve};
use gitwire_server::http::{self, HttpOptions, HttpService};
use gitwire_server::{DirectoryRoot, Export, Jobs, Policy, ReceivePolicy};
use gitwire_testkit::git::Git;

/// Serves everything below `root` by our own servers, over git:// and over http://, for as long as the process lives.
pub fn ours(root: &Path) -> [String; 2] {
    let listeners = ["git", "http"].map(|scheme| (scheme, TcpListener::bind("127.0.0.1:0").unwrap()));
    let urls = listeners.each_ref().map(|(scheme, listener)| {
        listener.set_nonblocking(true).unwrap();
        format!("{scheme}://{}", listener.local_addr().unwrap())
    });
    let root = Arc::new(DirectoryRoot::new(root, Export::All).unwrap().receiving(ReceivePolicy::default()));
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let [git, http] =
                listeners.map(|(_, listener)| tokio::net::TcpListener::from_std(listener).unwrap());
            let (policy, jobs) = (Arc::new(Policy::default()), Jobs::new(4));
            let service = HttpService::new(Arc::clone(&root) as _, Arc::clone(&policy), Arc::clone(&jobs));
            let git = serve(git, root, policy, jobs, DaemonOptions::default(), std::future::pending());
            let http = http::serve(http, service, HttpOptions::default(), std::future::pending());
            tokio::join!(git, http)
        })
    });
    urls
}

/// Serves everything below `root` over git://, each connection by a `git daemon --inetd` of its own.
pub fn gits(git: &Git, root: &Path) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("git://{}", listener.local_addr().unwrap());
    let (git, root) = (git.clone(), root.to_owned());
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let base = format!("--base-path={}", root.display());
            let socket = || Stdio::from(OwnedFd::from(stream.try_clone().unwrap()));
            let mut command = git.command(
                &root,
                [
                    "daemon",
                    "--inetd",
                    "--export-all",
                    "--enable=receive-pack",
                    "--log-destination=none",
                    &base,
                ],
            );
            let mut child = command.stdin(socket()).stdout(socket()).stderr(Stdio::null()).spawn().unwrap();
            thread::spawn(move || child.wait());
        }
    });
    url
}
