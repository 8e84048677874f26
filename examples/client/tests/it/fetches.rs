//! What our library makes of a fetch is what git's own client makes of it, from the same server in the same version: refs, `HEAD`,
//! the boundary of shallow histories, configuration, and every object. What cannot be is said in [`cannot`], and nothing else is left
//! out.

mod bundles;
mod cases;
mod elsewhere;
mod files;
mod program;
mod source;
mod state;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use gitwire_client::{Clone, Event, Fetch, PromisorRemotes, Remote};
use gitwire_gitdir::{Config, GitDir, OpenOptions};
use gitwire_protocol::Version;
use gitwire_server::Policy;
use gitwire_storage::{Lazy, Repository as _};
use gitwire_testkit::git::{Folder, Git};
use gitwire_testkit::{git_daemon, ours};
use gitwire_transport::Program;
use gitwire_types::{ObjectId, ObjectKind};

use self::cases::{CASES, Case, Ours, Start};
use self::source::Sources;
use self::state::{copy, state};

/// Who serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    /// `git upload-pack`, on two pipes.
    UploadPack,
    /// `git daemon`.
    Daemon,
    /// `gitwired`'s git:// door.
    Gitwired,
}

const VERSIONS: [Version; 3] = [Version::V0, Version::V1, Version::V2];
const SERVERS: [Server; 3] = [Server::UploadPack, Server::Daemon, Server::Gitwired];
const FORMATS: [&str; 2] = ["sha1", "sha256"];

/// Why there is no such fetch.
fn cannot(version: Version, case: &Case) -> Option<&'static str> {
    match case.needs_v2 && version != Version::V2 {
        true => Some("versions 0 and 1 have no word for it"),
        false => None,
    }
}

/// What is left out, and how many fetches that makes.
const LEFT_OUT: &[(&str, usize)] = &[("versions 0 and 1 have no word for it", 36)];

#[test]
fn our_client_makes_of_every_fetch_what_gits_makes() {
    let Some(git) = Git::find() else { return };
    let mut left_out: BTreeMap<&str, usize> = BTreeMap::new();
    let worlds = FORMATS.map(|format| World::new(git.clone(), format));
    let mut fetches = Vec::new();
    for world in &worlds {
        for (version, server) in VERSIONS.iter().flat_map(|version| SERVERS.map(|server| (*version, server)))
        {
            for case in CASES {
                match cannot(version, case) {
                    Some(why) => *left_out.entry(why).or_default() += 1,
                    None => fetches.push(Conversation { world, version, server, case }),
                }
            }
        }
    }
    assert_eq!(left_out.into_iter().collect::<Vec<_>>(), LEFT_OUT);
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    let threads = thread::available_parallelism().map_or(2, usize::from).min(4);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(fetch) = fetches.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let held = catch_unwind(AssertUnwindSafe(|| fetch.hold()));
                    if let Err(error) = held {
                        failures.lock().unwrap().push(error);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} of {} fetches differ", failures.len(), fetches.len());
}

/// Repositories of one hash function, and everything that serves them.
struct World {
    git: Git,
    folder: Folder,
    sources: Sources,
    daemon: String,
    gitwired: String,
}

impl World {
    fn new(git: Git, format: &'static str) -> Self {
        let folder = Folder::in_memory("fetches");
        let files = files::serve(folder.path());
        let sources = Sources::make(&git, folder.path(), format, &files);
        let daemon = git_daemon::serve(&git, folder.path(), &[]);
        let config = fs::read(folder.path().join("source.git/config")).unwrap();
        let policy = Policy::git().with_config(&Config::parse(&config).unwrap()).unwrap();
        let gitwired = ours::serve(folder.path(), policy, None).git;
        Self { git, folder, sources, daemon, gitwired }
    }
}

/// One fetch, to be made twice.
struct Conversation<'a> {
    world: &'a World,
    version: Version,
    server: Server,
    case: &'a Case,
}

impl fmt::Display for Conversation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { world, version, server, case } = self;
        write!(f, "{} in version {version} from {server:?}, {}", case.name, world.sources.format)
    }
}

impl Conversation<'_> {
    fn hold(&self) {
        let World { git, folder, .. } = self.world;
        let name = format!("{}-{}-{:?}", self.case.name.replace(' ', "-"), self.version, self.server);
        let [ours, theirs] =
            ["ours", "theirs"].map(|whose| folder.path().join(format!("{name}-{whose}.git")));
        for place in [&ours, &theirs] {
            match self.case.start {
                Start::Nothing => {}
                Start::Empty => copy(&self.world.sources.empty, place),
                Start::Old => copy(&self.world.sources.old_clone, place),
                Start::Shallow => copy(&self.world.sources.shallow_clone, place),
            }
        }
        self.fetch_with_git(&theirs);
        for read in self.case.reads {
            let version = format!("protocol.version={}", self.version);
            git.ok(&theirs, ["-c", &version, "cat-file", "blob", read]);
        }
        let version = self.fetch_with_ours(&ours);
        assert_eq!(version, self.version, "{self}");
        self.read_with_ours(&ours);
        let places =
            [&ours, &theirs].map(|place| state(git, place, &self.url(), &self.world.sources.elsewhere));
        [ours, theirs].iter().for_each(|place| fs::remove_dir_all(place).unwrap());
        let [ours, theirs] = places;
        let asks = self.case.git_config.iter().any(|option| option.contains("uriProtocols"));
        assert_eq!(theirs["packs from elsewhere"].is_empty(), !asks, "{self}: git and packs from elsewhere");
        for (what, theirs) in theirs {
            let ours = &ours[what];
            let [more, less] = [ours.difference(&theirs), theirs.difference(ours)]
                .map(|lines| lines.map(String::as_str).collect::<Vec<_>>().join("\n  "));
            assert!(more.is_empty() && less.is_empty(), "{self}: {what}\n  {more}\n instead of\n  {less}");
        }
    }

    fn fetch_with_git(&self, place: &Path) {
        let World { git, folder, sources, .. } = self.world;
        let mut command =
            git.command(folder.path(), ["-c".to_owned(), format!("protocol.version={}", self.version)]);
        for option in self.case.git_config {
            command.args(["-c", option]);
        }
        let cloning = self.case.start == Start::Nothing;
        if cloning {
            command.args(["clone", "-q"]);
            command.args(self.case.git.iter().map(|word| sources.expand(word)));
        } else {
            command.arg("-C").arg(place).args(["fetch", "-q"]).args(self.case.git);
        }
        command.arg(self.url());
        if cloning {
            command.arg(place);
        }
        command.args(self.case.refspecs.iter().map(|spec| sources.expand(spec)));
        let output = command.output().unwrap();
        let rejects = self.case.rejects && output.status.code() == Some(1);
        assert!(
            output.status.success() || rejects,
            "{self}: git: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Reads what a partial clone left out.
    fn read_with_ours(&self, place: &Path) {
        if self.case.reads.is_empty() {
            return;
        }
        let repository = Arc::new(GitDir::open(place, &OpenOptions::default()).unwrap());
        let mut remotes = PromisorRemotes::new(repository.clone());
        remotes.add(b"origin", self.remote());
        let objects = Lazy::new(repository.clone(), Arc::new(remotes)).objects().unwrap();
        for read in self.case.reads {
            let text = self.world.git.ok(place, ["rev-parse", read]);
            let id = ObjectId::from_hex(repository.format(), text.trim_ascii()).unwrap();
            let kind = objects.read(&id, 1 << 20, &mut Vec::new()).unwrap();
            assert_eq!(kind, Some(ObjectKind::Blob), "{self}: {read}");
        }
    }

    fn remote(&self) -> Remote {
        let mut remote = Remote::parse(self.url().as_bytes()).unwrap();
        remote.version = self.version;
        if self.server == Server::UploadPack {
            remote.connect.program = Some(Program::new("git upload-pack"));
        }
        remote
    }

    fn fetch_with_ours(&self, place: &Path) -> Version {
        let remote = self.remote();
        let sources = &self.world.sources;
        match &self.case.ours {
            Ours::Clone(kind, set) => {
                let mut clone = Clone::new(remote, *kind);
                clone.fetch.threads = 1;
                set(&mut clone);
                let uri = clone.bundle_uri.take();
                clone.bundle_uri = uri.map(|uri| sources.expand(std::str::from_utf8(&uri).unwrap()).into());
                let cloned = clone.run(place, &mut |event| {
                    if let Event::BundleFailed { uri, error } = event {
                        panic!("{}: {error}", uri.escape_ascii());
                    }
                });
                cloned.unwrap_or_else(|error| panic!("{self}: {error}")).fetched.refs.version()
            }
            Ours::Fetch(set) => {
                let mut fetch = Fetch::new(remote);
                fetch.threads = 1;
                let words = self.case.refspecs.iter().map(|spec| sources.expand(spec).into());
                fetch.refspecs = gitwire_types::FetchRefspec::parse_words(words).unwrap();
                set(&mut fetch);
                let repository = GitDir::open(place, &OpenOptions::default()).unwrap();
                let fetched = fetch.run(Arc::new(repository), &mut |_| ());
                fetched.unwrap_or_else(|error| panic!("{self}: {error}")).refs.version()
            }
        }
    }

    fn url(&self) -> String {
        let name = match self.case.from_shallow {
            true => "cut.git",
            false => "source.git",
        };
        match self.server {
            Server::UploadPack => format!("file://{}", self.place_of(name).display()),
            Server::Daemon => format!("{}/{name}", self.world.daemon),
            Server::Gitwired => format!("{}/{name}", self.world.gitwired),
        }
    }

    fn place_of(&self, name: &str) -> PathBuf {
        self.world.folder.path().join(name)
    }
}
