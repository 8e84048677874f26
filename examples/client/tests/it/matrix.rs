//! Every version over every door, between our ends and git's: the version that was asked for is the one that is spoken, and what
//! comes of it is the same.

use std::fmt;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::thread;

use gitwire_client::{Clone, CloneKind, Fetch, Fetched, Prune, Remote, TagFollowing};
use gitwire_gitdir::{GitDir, OpenOptions};
use gitwire_protocol::Version;
use gitwire_protocol::message::DepthRequest;
use gitwire_server::daemon::{DaemonOptions, serve};
use gitwire_server::http::{self, HttpOptions, HttpService};
use gitwire_server::{DirectoryRoot, Export, Jobs, Policy, ReceivePolicy};
use gitwire_testkit::git::{Folder, Git};
use gitwire_transport::{Program, SshProgram, SshVariant};
use gitwire_types::FetchRefspec;

use crate::history::{add, make, refs};
use crate::stock;

/// How a client reaches a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    /// `file://`.
    File,
    /// A path.
    Process,
    /// `git://`.
    Git,
    /// `http://`, the smart one.
    Http,
    /// `ssh://`, with a script that stands in for ssh.
    Ssh,
}

impl Door {
    /// Whether the client names the program that serves it.
    fn runs_programs(self) -> bool {
        !matches!(self, Self::Git | Self::Http)
    }
}

/// Whose program an end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Ours,
    Git,
}

/// A column of the matrix.
#[derive(Debug, Clone, Copy)]
struct Case {
    version: Version,
    door: Door,
    client: End,
    server: End,
}

const VERSIONS: [Version; 3] = [Version::V0, Version::V1, Version::V2];

/// Who talks to whom through which door. git with itself is git's own affair.
const PAIRS: &[(Door, End, End)] = &[
    (Door::File, End::Ours, End::Ours),
    (Door::File, End::Ours, End::Git),
    (Door::File, End::Git, End::Ours),
    (Door::Process, End::Ours, End::Ours),
    (Door::Process, End::Ours, End::Git),
    (Door::Process, End::Git, End::Ours),
    (Door::Git, End::Ours, End::Ours),
    (Door::Git, End::Ours, End::Git),
    (Door::Git, End::Git, End::Ours),
    (Door::Http, End::Git, End::Ours),
    (Door::Ssh, End::Git, End::Ours),
    (Door::Ssh, End::Ours, End::Ours),
    (Door::Ssh, End::Ours, End::Git),
];

#[test]
fn every_version_over_every_door_between_our_ends_and_gits() {
    let Some(git) = Git::find() else { return };
    let world = World::new(git);
    let cases: Vec<Case> = VERSIONS
        .iter()
        .flat_map(|version| {
            PAIRS.iter().map(|(door, client, server)| Case {
                version: *version,
                door: *door,
                client: *client,
                server: *server,
            })
        })
        .collect();
    for case in &cases {
        world.clone(case);
        world.shallow_clone(case);
        if case.client == End::Git {
            world.push_and_delete(case);
        }
    }
    add(&world.git, &world.source, "main", 200..203);
    world.git.ok(&world.source, ["tag", "-a", "-m", "three", "v3", "main"]);
    world.git.ok(&world.source, ["update-ref", "-d", "refs/heads/side"]);
    for case in &cases {
        world.fetch(case);
    }
}

/// A repository, and everything that serves it.
struct World {
    git: Git,
    folder: Folder,
    source: PathBuf,
    /// What serves git://, ours and git's.
    daemons: [String; 2],
    /// Our HTTP server.
    http: String,
}

impl World {
    fn new(git: Git) -> Self {
        let folder = Folder::new("matrix");
        let source = make(&git, folder.path(), "source.git", "sha1");
        let script = folder.path().join("ssh");
        // Options, a host, then the words that a shell on the other side gets.
        let text = "#!/bin/sh\nwhile case $1 in -o|-p) shift;; -*) ;; *) false;; esac; do shift; done\nshift\nexec sh -c \"$*\"\n";
        fs::write(&script, text).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let (git_url, http) = our_servers(folder.path());
        let daemons = [git_url, stock::daemon(&git, folder.path())];
        Self { git, folder, source, daemons, http }
    }

    fn clone(&self, case: &Case) {
        let path = self.at(case, "clone");
        match case.client {
            End::Ours => {
                let cloned = Clone::new(self.remote(case), CloneKind::Mirror).run(&path, &mut |_| ());
                check_version(case, &cloned.unwrap().fetched);
            }
            End::Git => {
                let words = ["clone", "-q", "--no-local", "--mirror"];
                self.run_git(case, self.folder.path(), &words, &path);
            }
        }
        self.check_same(case, &path);
    }

    fn shallow_clone(&self, case: &Case) {
        let path = self.at(case, "shallow");
        match case.client {
            End::Ours => {
                let mut clone = Clone::new(self.remote(case), CloneKind::Bare);
                clone.fetch.depth = DepthRequest::commits(2);
                check_version(case, &clone.run(&path, &mut |_| ()).unwrap().fetched);
            }
            End::Git => {
                let words = ["clone", "-q", "--no-local", "--bare", "--no-single-branch", "--depth=2"];
                self.run_git(case, self.folder.path(), &words, &path);
            }
        }
        assert_eq!(self.git.ok(&path, ["rev-list", "--count", "main"]), b"2\n", "{case}");
        self.git.ok(&path, ["fsck", "--strict", "--no-dangling"]);
    }

    fn fetch(&self, case: &Case) {
        let path = self.at(case, "clone");
        match case.client {
            End::Ours => {
                let mut fetch = Fetch::new(self.remote(case));
                fetch.refspecs = vec![FetchRefspec::parse("+refs/*:refs/*").unwrap()];
                (fetch.prune, fetch.tags) = (Prune::Yes, TagFollowing::None);
                let repository = GitDir::open(&path, &OpenOptions::default()).unwrap();
                let fetched = fetch.run(Arc::new(repository), &mut |_| ()).unwrap();
                check_version(case, &fetched);
                // Three commits with two trees and two files each, a tag, and what completes the pack.
                assert!(fetched.pack.unwrap().objects <= 3 * 5 + 1 + 10, "{case}: too much came");
            }
            End::Git => self.run_git(case, &path, &["fetch", "-q", "--prune"], Path::new("+refs/*:refs/*")),
        }
        self.check_same(case, &path);
    }

    /// Pushes everything into an empty repository, then takes a branch away.
    fn push_and_delete(&self, case: &Case) {
        let target = self.at(case, "target.git");
        self.git.ok(self.folder.path(), ["init", "-q", "--bare", "-b", "main", target.to_str().unwrap()]);
        // There is no push of version 2: who asks for it gets version 0.
        let version = if case.version == Version::V1 { Version::V1 } else { Version::V0 };
        let program = format!("--receive-pack='{}' receive-pack", env!("CARGO_BIN_EXE_gitwire"));
        let push = |refspec: &str| {
            let mut words = vec!["push", "-q"];
            words.extend(case.door.runs_programs().then_some(program.as_str()));
            let url = self.url_of(case, &target);
            self.spoken(case, &self.source, &words, &[&url, refspec], version);
        };
        push("refs/*:refs/*");
        self.check_same(case, &target);
        push(":refs/heads/side");
        let left = refs(&self.git, &target);
        let expected = refs(&self.git, &self.source);
        let expected: Vec<_> = expected.lines().filter(|line| !line.ends_with("/side")).collect();
        assert_eq!(left.lines().collect::<Vec<_>>(), expected, "{case}");
    }

    /// Runs git with words, the URL and a last word; looks which version it spoke.
    #[track_caller]
    fn run_git(&self, case: &Case, folder: &Path, words: &[&str], last: &Path) {
        let program = format!("--upload-pack={}", program(case));
        let mut words = words.to_vec();
        words.extend(case.door.runs_programs().then_some(program.as_str()));
        self.spoken(case, folder, &words, &[&self.url(case), last.to_str().unwrap()], case.version);
    }

    #[track_caller]
    fn spoken(&self, case: &Case, folder: &Path, words: &[&str], last: &[&str], version: Version) {
        let trace = self.at(case, "trace");
        let _ = fs::remove_file(&trace);
        let mut command =
            self.git.command(folder, ["-c".to_owned(), format!("protocol.version={}", case.version)]);
        command.args(words).args(last);
        command.env("GIT_TRACE_PACKET", &trace).env("GIT_SSH_COMMAND", self.folder.path().join("ssh"));
        command.env("GIT_SSH_VARIANT", "ssh");
        let output = command.stderr(Stdio::piped()).output().unwrap();
        assert!(output.status.success(), "{case}: {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        let trace = String::from_utf8_lossy(&fs::read(&trace).unwrap()).into_owned();
        let spoken = [(Version::V1, "< version 1"), (Version::V2, "< version 2")]
            .into_iter()
            .find(|(_, line)| trace.lines().any(|traced| traced.ends_with(line)));
        assert_eq!(spoken.map_or(Version::V0, |(version, _)| version), version, "{case}: {words:?}");
    }

    fn remote(&self, case: &Case) -> Remote {
        let mut remote = Remote::parse(self.url(case).as_bytes()).unwrap();
        remote.version = case.version;
        remote.connect.program = Some(Program::new(program(case)));
        remote.connect.ssh.program = SshProgram::Shell(self.folder.path().join("ssh").into());
        remote.connect.ssh.variant = Some(SshVariant::Ssh);
        remote
    }

    fn url(&self, case: &Case) -> String {
        self.url_of(case, &self.source)
    }

    fn url_of(&self, case: &Case, path: &Path) -> String {
        let name = path.file_name().unwrap().to_str().unwrap();
        let path = path.display();
        match case.door {
            Door::File => format!("file://{path}"),
            Door::Process => path.to_string(),
            Door::Git => format!("{}/{name}", self.daemons[usize::from(case.server == End::Git)]),
            Door::Http => format!("{}/{name}", self.http),
            Door::Ssh => format!("ssh://somewhere{path}"),
        }
    }

    fn at(&self, case: &Case, what: &str) -> PathBuf {
        let Case { version, door, client, server } = case;
        self.folder.path().join(format!("{what}-{version}-{door:?}-{client:?}-{server:?}"))
    }

    #[track_caller]
    fn check_same(&self, case: &Case, path: &Path) {
        assert_eq!(refs(&self.git, path), refs(&self.git, &self.source), "{case}");
        let fsck = self.git.run(path, ["fsck", "--strict", "--no-dangling"]);
        assert!(fsck.status.success(), "{case}: {}", String::from_utf8_lossy(&fsck.stderr));
    }
}

/// What serves a repository on standard input and output.
fn program(case: &Case) -> String {
    match case.server {
        End::Ours => format!("'{}' upload-pack", env!("CARGO_BIN_EXE_gitwire")),
        End::Git => "git upload-pack".to_owned(),
    }
}

#[track_caller]
fn check_version(case: &Case, fetched: &Fetched) {
    assert_eq!(fetched.refs.version(), case.version, "{case}");
}

/// Our git:// and HTTP servers in this process, taking pushes from anybody: their URLs.
fn our_servers(root: &Path) -> (String, String) {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.iter().for_each(|listener| listener.set_nonblocking(true).unwrap());
    let [git, http] = listeners;
    let urls =
        (format!("git://{}", git.local_addr().unwrap()), format!("http://{}", http.local_addr().unwrap()));
    let root = Arc::new(DirectoryRoot::new(root, Export::All).unwrap().receiving(ReceivePolicy::default()));
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let [git, http] =
                [git, http].map(|listener| tokio::net::TcpListener::from_std(listener).unwrap());
            let (policy, jobs) = (Arc::new(Policy::default()), Jobs::new(4));
            let service = HttpService::new(Arc::clone(&root) as _, Arc::clone(&policy), Arc::clone(&jobs));
            let git = serve(git, root, policy, jobs, DaemonOptions::default(), std::future::pending());
            let http = http::serve(http, service, HttpOptions::default(), std::future::pending());
            tokio::join!(git, http)
        })
    });
    urls
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, door, client, server } = self;
        write!(f, "version {version} over {door:?}, client {client:?}, server {server:?}")
    }
}
