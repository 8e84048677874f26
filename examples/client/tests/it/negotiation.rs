//! Finding out what both sides have costs our client no more rounds and no more haves than git's own, on the same pair of
//! repositories, counted in the server's packet trace.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gitwire_client::{Fetch, Remote};
use gitwire_gitdir::{GitDir, OpenOptions};
use gitwire_protocol::Version;
use gitwire_testkit::git::{Folder, Git};
use gitwire_testkit::http_backend;
use gitwire_transport::Program;
use gitwire_types::FetchRefspec;
use gitwire_walk::NegotiationAlgorithm;

/// Two repositories that share a history, or none.
#[derive(Debug, Clone, Copy)]
struct Pair {
    name: &'static str,
    /// Commits that both have.
    shared: usize,
    /// Commits that only the client has, and only the server.
    apart: (usize, usize),
    /// Refs that the client has beside its branch, along the shared history.
    refs: usize,
}

/// How they talk.
#[derive(Debug, Clone, Copy)]
struct Way {
    version: Version,
    stateless: bool,
    algorithm: (&'static str, NegotiationAlgorithm),
}

/// What a negotiation has cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cost {
    rounds: usize,
    haves: usize,
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} | {}", self.rounds, self.haves)
    }
}

const CONSECUTIVE: (&str, NegotiationAlgorithm) = ("consecutive", NegotiationAlgorithm::Consecutive);
const SKIPPING: (&str, NegotiationAlgorithm) = ("skipping", NegotiationAlgorithm::Skipping);
const NOOP: (&str, NegotiationAlgorithm) = ("noop", NegotiationAlgorithm::Noop);

const fn pair(name: &'static str, shared: usize, apart: (usize, usize), refs: usize) -> Pair {
    Pair { name, shared, apart, refs }
}

const SMALL: &[Pair] = &[
    pair("equal", 60, (0, 0), 0),
    pair("one behind", 60, (0, 1), 0),
    pair("one ahead and behind", 60, (1, 1), 0),
    pair("diverged, 10 and 10", 60, (10, 10), 0),
    pair("diverged, 10 and 100", 60, (10, 100), 0),
    pair("diverged, 100 and 10", 60, (100, 10), 0),
    pair("unrelated", 0, (80, 20), 0),
    pair("300 refs", 400, (1, 1), 300),
];

const LARGE: &[Pair] = &[
    pair("equal", 5_000, (0, 0), 0),
    pair("one behind", 5_000, (0, 1), 0),
    pair("diverged, 10 and 10", 5_000, (10, 10), 0),
    pair("diverged, 10 and 1,000", 5_000, (10, 1_000), 0),
    pair("diverged, 1,000 and 10", 5_000, (1_000, 10), 0),
    pair("diverged, 1,000 and 1,000", 5_000, (1_000, 1_000), 0),
    pair("unrelated", 0, (5_000, 100), 0),
    pair("50,000 refs", 60_000, (10, 10), 50_000),
];

#[test]
fn our_client_asks_no_more_than_gits() {
    let Some(git) = Git::find() else { return };
    hold(&git, SMALL);
}

/// The table of docs/PERFORMANCE.md: `cargo test --release -p gitwire-client-example --test it -- --ignored --nocapture negotiation`.
#[test]
#[ignore = "takes minutes"]
fn our_client_asks_no_more_than_gits_of_large_histories() {
    let Some(git) = Git::find() else { return };
    hold(&git, LARGE);
}

#[allow(clippy::print_stdout, reason = "a table for people")]
fn hold(git: &Git, pairs: &[Pair]) {
    let mut worse = Vec::new();
    println!("| pair | way | git: rounds | haves | ours: rounds | haves |\n|---|---|---|---|---|---|");
    for pair in pairs {
        let made = Made::new(git, pair);
        for version in [Version::V0, Version::V2] {
            for stateless in [false, true] {
                for algorithm in [CONSECUTIVE, SKIPPING, NOOP] {
                    let way = Way { version, stateless, algorithm };
                    let theirs = made.cost(&way, |remote, program| made.git_fetches(&way, remote, program));
                    let ours = made.cost(&way, |remote, program| made.we_fetch(&way, remote, program));
                    println!("| {} | {way} | {theirs} | {ours} |", pair.name);
                    if ours.rounds > theirs.rounds || ours.haves > theirs.haves {
                        worse.push(format!("{}, {way}: ours {ours:?}, git's {theirs:?}", pair.name));
                    }
                }
            }
        }
    }
    assert!(worse.is_empty(), "{}", worse.join("\n"));
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, stateless, algorithm } = self;
        write!(f, "version {version}, {}, {}", if *stateless { "HTTP" } else { "stream" }, algorithm.0)
    }
}

/// A pair that is there.
struct Made<'a> {
    git: &'a Git,
    folder: Folder,
}

impl<'a> Made<'a> {
    fn new(git: &'a Git, pair: &Pair) -> Self {
        let folder = Folder::in_memory("negotiation");
        let at = |name: &str| folder.path().join(name);
        let (server, client) = (at("server.git"), at("client.git"));
        git.ok(folder.path(), ["init", "-q", "--bare", "-b", "main", "server.git"]);
        let import = |place: &Path, stream: &str| {
            let out = git.feed(place, ["fast-import", "--quiet", "--force"], stream.as_bytes());
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        };
        if pair.shared > 0 {
            import(&server, &commits("shared", 0, pair.shared, pair.refs));
        }
        copy(&server, &client);
        import(&server, &commits("theirs", pair.shared, pair.apart.1, 0));
        import(&client, &commits("ours", pair.shared, pair.apart.0, 0));
        // Only the client has them.
        let refs =
            String::from_utf8(git.ok(&server, ["for-each-ref", "--format=delete %(refname)", "refs/own"]));
        git.feed(&server, ["update-ref", "--stdin"], refs.unwrap().as_bytes());
        git.ok(&client, ["pack-refs", "--all"]);
        Self { git, folder }
    }

    /// What a fetch costs the server, made in a copy of the client's repository.
    fn cost(&self, way: &Way, fetch: impl Fn(&str, &str)) -> Cost {
        let (trace, place) = (self.at("trace"), self.at("working.git"));
        fs::remove_file(&trace).ok();
        copy(&self.at("client.git"), &place);
        let variable = ("GIT_TRACE_PACKET", trace.to_str().unwrap());
        if way.stateless {
            let url =
                http_backend::serve(self.git, self.folder.path(), http_backend::Talk::Smart, &[variable]);
            fetch(&format!("{url}/server.git"), "");
        } else {
            let url = format!("file://{}", self.at("server.git").display());
            fetch(&url, &format!("{}='{}' git upload-pack", variable.0, variable.1));
        }
        fs::remove_dir_all(&place).unwrap();
        count(&fs::read_to_string(&trace).unwrap())
    }

    fn git_fetches(&self, way: &Way, url: &str, program: &str) {
        let options = [
            format!("protocol.version={}", way.version),
            format!("fetch.negotiationAlgorithm={}", way.algorithm.0),
        ];
        let words = options.iter().flat_map(|option| ["-c", option]).chain(["fetch", "-q"]);
        let mut command = self.git.command(&self.at("working.git"), words);
        if !program.is_empty() {
            command.arg(format!("--upload-pack={program}"));
        }
        let output = command.args([url, REFSPEC]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn we_fetch(&self, way: &Way, url: &str, program: &str) {
        let mut remote = Remote::parse(url.as_bytes()).unwrap();
        remote.version = way.version;
        remote.connect.program = (!program.is_empty()).then(|| Program::new(program));
        let mut fetch = Fetch::new(remote);
        fetch.negotiation = way.algorithm.1;
        fetch.refspecs = vec![FetchRefspec::parse(REFSPEC).unwrap()];
        let repository = GitDir::open(self.at("working.git"), &OpenOptions::default()).unwrap();
        fetch.run(Arc::new(repository), &mut |_| ()).unwrap();
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

const REFSPEC: &str = "+refs/heads/*:refs/remotes/origin/*";

/// A branch of commits, each a minute apart, on top of what both have.
fn commits(branch: &str, from: usize, count: usize, refs: usize) -> String {
    let mut stream = String::new();
    let every = count.checked_div(refs).map_or(usize::MAX, |every| every.max(1));
    for number in from..from + count {
        let what = format!("{branch} {number}\n");
        stream += &format!("commit refs/heads/main\nmark :{}\n", number + 1);
        stream += &format!("committer A <a@example.org> {} +0000\n", 1_600_000_000 + number * 60);
        stream += &format!("data {}\n{what}\n", what.len());
        if number == from && from > 0 {
            stream += "from refs/heads/main^0\n";
        }
        stream += &format!("M 100644 inline {branch}\ndata {}\n{what}\n", what.len());
        if (number + 1).is_multiple_of(every) {
            stream += &format!("reset refs/own/{number}\nfrom :{}\n\n", number + 1);
        }
    }
    stream
}

/// Counts what a server's packet trace shows of a negotiation: haves, and the times that the client stopped to hear an answer.
fn count(trace: &str) -> Cost {
    let mut cost = Cost { rounds: 0, haves: 0 };
    let mut open = false;
    for line in trace.lines() {
        let Some((_, said)) = line.split_once("upload-pack< ") else { continue };
        if said.starts_with("have ") {
            cost.haves += 1;
            open = true;
        } else if open && (said == "0000" || said == "done") {
            cost.rounds += 1;
            open = false;
        }
    }
    cost
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}
