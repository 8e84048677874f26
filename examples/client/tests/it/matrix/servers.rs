//! Everything that serves, and what of git's servers says which version they spoke.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use gitwire_protocol::Version;
use gitwire_server::Policy;
use gitwire_testkit::git::Git;
use gitwire_testkit::ours::{self, Ours};
use gitwire_testkit::{git_daemon, http_backend};

use super::{Case, Door, End, Operation, Talk, VERSIONS, spoken};

pub(super) struct Servers {
    folder: PathBuf,
    /// Ours, for all versions.
    ours: Ours,
    /// git's, one of each kind for each version, so that a trace holds what one version made.
    gits: Vec<Gits>,
}

struct Gits {
    version: Version,
    git: String,
    http: String,
    dumb: String,
}

impl Servers {
    pub(super) fn start(git: &Git, folder: &Path) -> Self {
        let script = folder.join("ssh");
        // Options, a host, then the words that a shell on the other side gets.
        let text = "#!/bin/sh\nwhile case $1 in -o|-p) shift;; -*) ;; *) false;; esac; do shift; done\nshift\nexec sh -c \"$*\"\n";
        fs::write(&script, text).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        // How git gets to ws://.
        symlink(env!("CARGO_BIN_EXE_gitwire"), folder.join("git-remote-ws")).unwrap();
        let gits = VERSIONS.map(|version| {
            let trace = |door| ("GIT_TRACE_PACKET", trace_of(folder, version, door));
            let (git_trace, http_trace) = (trace(Door::Git), trace(Door::Http));
            Gits {
                version,
                git: git_daemon::serve(git, folder, &[(git_trace.0, git_trace.1.to_str().unwrap())]),
                http: http_backend::serve(
                    git,
                    folder,
                    http_backend::Talk::Smart,
                    &[(http_trace.0, http_trace.1.to_str().unwrap())],
                ),
                dumb: http_backend::serve(git, folder, http_backend::Talk::Dumb, &[]),
            }
        });
        Self {
            folder: folder.to_owned(),
            ours: ours::serve(folder, Policy::default(), None),
            gits: gits.into(),
        }
    }

    /// Where programs are looked for: the helper among them.
    pub(super) fn programs(&self) -> String {
        format!("{}:{}", self.folder.display(), std::env::var("PATH").unwrap())
    }

    /// Where a repository is served.
    pub(super) fn url(&self, talk: &Talk<'_>, repository: &Path) -> String {
        let name = repository.file_name().unwrap().to_str().unwrap();
        let gits = self.gits.iter().find(|gits| gits.version == talk.case.version).unwrap();
        let path = repository.display();
        match (talk.case.door, talk.case.server) {
            (Door::File, _) => format!("file://{path}"),
            (Door::Process, _) => path.to_string(),
            (Door::Ssh, _) => format!("ssh://somewhere{path}"),
            (Door::Git, End::Ours) => format!("{}/{name}", self.ours.git),
            (Door::Git, End::Git) => format!("{}/{name}", gits.git),
            (Door::Http | Door::Dumb, End::Ours) => format!("{}/{name}", self.ours.http),
            (Door::Http, End::Git) => format!("{}/{name}", gits.http),
            (Door::Dumb, End::Git) => format!("{}/{name}", gits.dumb),
            (Door::Ws, _) => format!("{}/{name}", self.ours.http.replace("http://", "ws://")),
        }
    }

    /// The program that the client names, where it does.
    pub(super) fn program(&self, talk: &Talk<'_>) -> Option<String> {
        let service = match talk.operation {
            Operation::Push | Operation::Delete => "receive-pack",
            Operation::Clone | Operation::ShallowClone | Operation::Fetch => "upload-pack",
        };
        match talk.case {
            Case { door: Door::Git | Door::Http | Door::Dumb | Door::Ws, .. } => None,
            Case { server: End::Ours, .. } => Some(format!("'{}' {service}", env!("CARGO_BIN_EXE_gitwire"))),
            Case { server: End::Git, .. } => {
                Some(format!("GIT_TRACE_PACKET='{}' git {service}", self.program_trace(talk).display()))
            }
        }
    }

    pub(super) fn ssh(&self) -> PathBuf {
        self.folder.join("ssh")
    }

    /// Where a program of git's served: it spoke the version that it should.
    pub(super) fn check_program_trace(&self, talk: &Talk<'_>) {
        if self.program(talk).is_some() && talk.case.server == End::Git {
            let trace = fs::read_to_string(self.program_trace(talk)).unwrap();
            check_trace(&trace, &[spoken(talk.case, talk.operation)], &talk.to_string());
        }
    }

    /// git's servers spoke the versions that they should.
    pub(super) fn check_traces(&self) {
        for version in VERSIONS {
            for door in [Door::Git, Door::Http] {
                let path = trace_of(&self.folder, version, door);
                let Ok(trace) = fs::read_to_string(&path) else { continue };
                // A push asked for in version 2 is one in version 0, which has no line of its own.
                check_trace(&trace, &[version], &path.display().to_string());
            }
        }
    }

    fn program_trace(&self, talk: &Talk<'_>) -> PathBuf {
        self.folder.join(format!("{}-{:?}-server-trace", talk.case.place(), talk.operation))
    }
}

/// The versions that git's servers announce in a trace are these alone.
#[track_caller]
fn check_trace(trace: &str, versions: &[Version], what: &str) {
    assert!(!trace.is_empty(), "{what}: nothing was traced");
    for version in [Version::V1, Version::V2] {
        let line = format!("> version {version}");
        let said = trace.lines().any(|traced| traced.ends_with(&line));
        assert_eq!(said, versions.contains(&version), "{what}: git's server and version {version}");
    }
}

fn trace_of(folder: &Path, version: Version, door: Door) -> PathBuf {
    folder.join(format!("{version}-{door:?}-server-trace"))
}
