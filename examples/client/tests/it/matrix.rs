//! Every version over every door, between our ends and git's: the version that was asked for is the one that is spoken, seen from
//! both sides where both can be asked, and what comes of it is the same. What cannot be is said in [`cannot`], and nothing else is
//! left out.

mod git_client;
mod our_client;
mod servers;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use gitwire_protocol::Version;
use gitwire_testkit::git::{Folder, Git};

use self::servers::Servers;
use crate::history::{add, make, refs};

/// How a client reaches a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    /// `file://`.
    File,
    /// A path: a program of this machine on two pipes.
    Process,
    /// `git://`.
    Git,
    /// `ssh://`, with a script that stands in for ssh.
    Ssh,
    /// `http://`, the smart one.
    Http,
    /// `http://` to a server of files.
    Dumb,
    /// `ws://`.
    Ws,
}

/// Whose program an end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Ours,
    Git,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Clone,
    ShallowClone,
    /// After the source has changed: into the clone.
    Fetch,
    /// Everything, into an empty repository.
    Push,
    /// One branch of what was pushed.
    Delete,
}

/// Who talks to whom, in which version, through which door.
#[derive(Debug, Clone, Copy)]
struct Case {
    version: Version,
    door: Door,
    client: End,
    server: End,
}

const VERSIONS: [Version; 3] = [Version::V0, Version::V1, Version::V2];
const DOORS: [Door; 7] = [Door::File, Door::Process, Door::Git, Door::Ssh, Door::Http, Door::Dumb, Door::Ws];
const ENDS: [End; 2] = [End::Ours, End::Git];
const OPERATIONS: [Operation; 5] =
    [Operation::Clone, Operation::ShallowClone, Operation::Push, Operation::Delete, Operation::Fetch];

/// Why there is no such conversation.
fn cannot(case: &Case, operation: Operation) -> Option<&'static str> {
    let writes = matches!(operation, Operation::Push | Operation::Delete);
    match case {
        Case { client: End::Git, server: End::Git, .. } => Some("git with itself is git's own affair"),
        Case { door: Door::Ws, server: End::Git, .. } => Some("git serves no WebSockets"),
        Case { door: Door::Dumb, .. } if writes => {
            Some("files are pushed through WebDAV, which we do not do")
        }
        Case { door: Door::Dumb, .. } if operation == Operation::ShallowClone => {
            Some("nobody on the other side could cut history")
        }
        Case { door: Door::Dumb, version: Version::V1 | Version::V2, .. } => Some("files have no version"),
        _ => None,
    }
}

/// What a case speaks. There is no push of version 2: who asks for it gets version 0.
fn spoken(case: &Case, operation: Operation) -> Version {
    match (operation, case.version) {
        (Operation::Push | Operation::Delete, Version::V2) => Version::V0,
        (_, version) => version,
    }
}

/// What is left out, and how many conversations that makes.
const LEFT_OUT: &[(&str, usize)] = &[
    ("files are pushed through WebDAV, which we do not do", 18),
    ("files have no version", 12),
    ("git serves no WebSockets", 15),
    ("git with itself is git's own affair", 105),
    ("nobody on the other side could cut history", 9),
];

#[test]
fn every_version_over_every_door_between_our_ends_and_gits() {
    let Some(git) = Git::find() else { return };
    for format in ["sha1", "sha256"] {
        hold_all(&World::new(git.clone(), format));
    }
}

fn hold_all(world: &World) {
    let conversations = DOORS.len() * VERSIONS.len() * ENDS.len() * ENDS.len() * OPERATIONS.len();
    let mut cases = Vec::new();
    let mut left_out = Vec::new();
    for door in DOORS {
        for (version, client, server) in VERSIONS.iter().flat_map(|version| {
            ENDS.iter().flat_map(move |client| ENDS.iter().map(move |server| (*version, *client, *server)))
        }) {
            let case = Case { version, door, client, server };
            for operation in OPERATIONS {
                match cannot(&case, operation) {
                    Some(why) => left_out.push(why),
                    None => cases.push((case, operation)),
                }
            }
        }
    }
    assert_eq!(cases.len() + left_out.len(), conversations);
    let (fetches, others): (Vec<_>, Vec<_>) =
        cases.iter().partition(|(_, operation)| *operation == Operation::Fetch);
    // What is pushed to and fetched into stands in folders of each case's own.
    each(&others.chunk_by(|(a, _), (b, _)| a.place() == b.place()).collect::<Vec<_>>(), |same| {
        same.iter().for_each(|(case, operation)| world.run(case, *operation));
    });
    world.change_source();
    each(&fetches, |(case, operation)| world.run(case, *operation));
    world.servers.check_traces();
    left_out.sort_unstable();
    let left_out: Vec<_> = left_out.chunk_by(|a, b| a == b).map(|same| (same[0], same.len())).collect();
    assert_eq!(left_out, LEFT_OUT);
}

/// Does something with each item, a few at a time.
fn each<T: Sync>(items: &[T], work: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(item);
                }
            });
        }
    });
}

/// A repository, everything that serves it, and what git makes of it alone.
struct World {
    git: Git,
    /// The hash function of all repositories.
    format: &'static str,
    folder: Folder,
    source: PathBuf,
    servers: Servers,
    /// A shallow clone by git from git.
    shallow: PathBuf,
}

impl World {
    fn new(git: Git, format: &'static str) -> Self {
        let folder = Folder::new("matrix");
        let source = make(&git, folder.path(), "source.git", format);
        let shallow = folder.path().join("shallow.git");
        let url = format!("file://{}", source.display());
        let words = ["clone", "-q", "--bare", "--no-single-branch", "--depth=2", &url];
        git.ok(folder.path(), words.into_iter().chain(shallow.to_str()));
        let servers = Servers::start(&git, folder.path());
        Self { git, format, folder, source, servers, shallow }
    }

    fn run(&self, case: &Case, operation: Operation) {
        let talk = Talk { world: self, case, operation };
        let place = match operation {
            Operation::Clone | Operation::Fetch => self.at(case, "clone"),
            Operation::ShallowClone => self.at(case, "shallow"),
            Operation::Push | Operation::Delete => self.at(case, "target.git"),
        };
        if operation == Operation::Push {
            let (format, text) = (format!("--object-format={}", self.format), place.to_str().unwrap());
            self.git.ok(self.folder.path(), ["init", "-q", "--bare", &format, "-b", "main", text]);
        }
        let version = match case.client {
            End::Ours => our_client::run(&talk, &place),
            End::Git => git_client::run(&talk, &place),
        };
        assert_eq!(version, spoken(case, operation), "{talk}");
        self.servers.check_program_trace(&talk);
        match operation {
            Operation::Clone | Operation::Fetch | Operation::Push => {
                assert_eq!(refs(&self.git, &place), refs(&self.git, &self.source), "{talk}");
            }
            Operation::ShallowClone => self.check_shallow(&talk, &place),
            Operation::Delete => {
                let expected = refs(&self.git, &self.source);
                let kept = expected.lines().filter(|line| !line.ends_with("refs/heads/side"));
                let left = refs(&self.git, &place);
                assert_eq!(left.lines().collect::<Vec<_>>(), kept.collect::<Vec<_>>(), "{talk}");
            }
        }
        let fsck = self.git.run(&place, ["fsck", "--strict", "--no-dangling"]);
        assert!(fsck.status.success(), "{talk}: {}", String::from_utf8_lossy(&fsck.stderr));
    }

    #[track_caller]
    fn check_shallow(&self, talk: &Talk<'_>, place: &Path) {
        let boundary = |path: &Path| {
            let text = fs::read_to_string(path.join("shallow")).unwrap();
            let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
            lines.sort_unstable();
            lines
        };
        assert_eq!(boundary(place), boundary(&self.shallow), "{talk}");
        assert_eq!(refs(&self.git, place), refs(&self.git, &self.shallow), "{talk}");
    }

    fn change_source(&self) {
        add(&self.git, &self.source, "main", 200..203);
        self.git.ok(&self.source, ["tag", "-a", "-m", "three", "v3", "main"]);
        self.git.ok(&self.source, ["update-ref", "-d", "refs/heads/side"]);
    }

    fn at(&self, case: &Case, what: &str) -> PathBuf {
        self.folder.path().join(format!("{}-{what}", case.place()))
    }
}

impl Case {
    /// A name for a folder.
    fn place(&self) -> String {
        let Self { version, door, client, server } = self;
        format!("{version}-{door:?}-{client:?}-{server:?}")
    }
}

/// One conversation.
struct Talk<'a> {
    world: &'a World,
    case: &'a Case,
    operation: Operation,
}

impl fmt::Display for Talk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Case { version, door, client, server } = self.case;
        let operation = self.operation;
        write!(f, "{operation:?} in version {version} over {door:?}, client {client:?}, server {server:?}")
    }
}
