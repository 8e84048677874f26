//! Who is pushed to.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::thread;

use gitwire_server::daemon::{DaemonOptions, serve};
use gitwire_server::{DirectoryRoot, Export, Jobs, Policy, ReceivePolicy};
use gitwire_testkit::git::Git;

/// Serves everything below `root` over git:// by our own server, for as long as the process lives.
pub fn ours(root: &Path) -> String {
    let repositories = DirectoryRoot::new(root, Export::All).unwrap().receiving(ReceivePolicy::default());
    let (tell, told) = std::sync::mpsc::channel::<SocketAddr>();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            let (policy, options) = (Arc::new(Policy::default()), DaemonOptions::default());
            let never = std::future::pending();
            serve(listener, Arc::new(repositories), policy, Jobs::new(4), options, never).await.unwrap();
        });
    });
    format!("git://{}", told.recv().unwrap())
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
