//! Our own servers for tests, in the process of the test.
//!
//! ```
//! use gitwire_server::Policy;
//! use gitwire_testkit::git::{Folder, Git};
//! use gitwire_testkit::ours;
//!
//! let Some(git) = Git::find() else { return };
//! let folder = Folder::new("ours");
//! git.ok(folder.path(), ["init", "-q", "--bare", "x.git"]);
//! let ours = ours::serve(folder.path(), Policy::default(), None);
//! git.ok(folder.path(), ["clone", "-q", &format!("{}/x.git", ours.git), "by-git"]);
//! git.ok(folder.path(), ["clone", "-q", &format!("{}/x.git", ours.http), "by-http"]);
//! ```

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use gitwire_server::access::Access;
use gitwire_server::daemon::{self, DaemonOptions};
use gitwire_server::http::{self, HttpOptions, HttpService};
use gitwire_server::{DirectoryRoot, Export, Jobs, Policy, ReceivePolicy};

/// Where our servers are.
#[derive(Debug, Clone)]
pub struct Ours {
    /// The URL of the git:// server.
    pub git: String,
    /// The URL of the HTTP server.
    pub http: String,
}

impl Ours {
    /// Host and port of the HTTP server.
    #[must_use]
    pub fn http_address(&self) -> &str {
        self.http.strip_prefix("http://").unwrap_or(&self.http)
    }
}

/// Serves everything below `root` over git:// and over HTTP for as long as the process lives, pushes too: to anybody, or to those
/// whom `access` lets in.
///
/// # Panics
/// When no port can be had, or there is no such folder.
#[must_use]
pub fn serve(root: &Path, policy: Policy, access: Option<Arc<dyn Access>>) -> Ours {
    let mut root = DirectoryRoot::new(root, Export::All).unwrap().receiving(ReceivePolicy::default());
    if let Some(access) = &access {
        root = root.with_access(Arc::clone(access));
    }
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.iter().for_each(|listener| listener.set_nonblocking(true).unwrap());
    let [git, http] = listeners.each_ref().map(|listener| listener.local_addr().unwrap());
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let [git, http] = listeners.map(|listener| tokio::net::TcpListener::from_std(listener).unwrap());
            let (root, policy, jobs) = (Arc::new(root), Arc::new(policy), Jobs::new(4));
            let mut service =
                HttpService::new(Arc::clone(&root) as _, Arc::clone(&policy), Arc::clone(&jobs));
            if let Some(access) = access {
                service = service.with_access(access);
            }
            let until = std::future::pending;
            tokio::join!(
                daemon::serve(git, root, policy, jobs, DaemonOptions::default(), until()),
                http::serve(http, service, HttpOptions::default(), until()),
            )
        })
    });
    Ours { git: format!("git://{git}"), http: format!("http://{http}") }
}
