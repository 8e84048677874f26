//! Many pushers on few refs, from a seed, ours and git's own programs receiving in the same repository: whether what was acknowledged can be told as one
//! history of each ref.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::Dice;
use crate::git::{Folder, Git};
use crate::kill::leftovers;

/// How pushers reach the repository.
#[derive(Debug, Clone)]
pub struct Door {
    /// What `git push` is told before the refspecs.
    pub push: Vec<String>,
    /// What `git ls-remote` is told.
    pub read: Vec<String>,
}

/// How many there are, and what they do.
#[derive(Debug, Clone, Copy)]
pub struct Race {
    /// Pushers, each a thread that starts git processes.
    pub pushers: usize,
    /// Refs that they push to.
    pub refs: usize,
    /// How often each pushes.
    pub rounds: usize,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct RaceReport {
    /// Changes of refs that were acknowledged.
    pub acknowledged: usize,
    /// Changes that were refused: somebody else was first, or held the lock.
    pub refused: usize,
    /// Values that were read.
    pub reads: usize,
}

/// A change of a ref: when it was asked for, when the answer came, and whether that was yes.
#[derive(Debug, Clone)]
struct Change {
    name: String,
    new: String,
    started: Duration,
    ended: Duration,
    acknowledged: bool,
    push: (usize, usize),
}

/// A value that somebody saw.
#[derive(Debug)]
struct Read {
    name: String,
    value: String,
    started: Duration,
    ended: Duration,
}

/// Lets pushers push to the repository `served` through `doors`, one after the other, while git packs its refs, and checks for each ref: what was
/// acknowledged is in its history, once, and nothing else is; the order is that of real time; the reflog tells the same; no read
/// was older than what had been acknowledged before it; of two refs that were pushed with `--atomic` both changed or none. `git fsck` finds
/// nothing, and nothing is left behind. Every second push is atomic.
/// `GITWIRE_PUSHERS`, `GITWIRE_PUSHERS_REFS`, `GITWIRE_PUSHERS_ROUNDS`, `GITWIRE_PUSHERS_SEED` say other numbers.
///
/// # Panics
/// When one of these does not hold, with the seed.
pub fn race(git: &Git, folder: &Folder, served: &Path, doors: &[Door], race: Race) -> RaceReport {
    let number = |name: &str, usual: usize| {
        std::env::var(name).ok().and_then(|text| text.parse::<usize>().ok()).unwrap_or(usual)
    };
    let pushers = number("GITWIRE_PUSHERS", race.pushers);
    let refs = number("GITWIRE_PUSHERS_REFS", race.refs).max(2);
    let rounds = number("GITWIRE_PUSHERS_ROUNDS", race.rounds);
    let seed = number("GITWIRE_PUSHERS_SEED", 1);
    let track = Track::new(git, folder, served, refs);
    let packing = AtomicBool::new(true);
    let (changes, reads) = thread::scope(|scope| {
        scope.spawn(|| {
            while packing.load(Ordering::Relaxed) {
                git.run(served, ["pack-refs", "--all"]);
                thread::sleep(Duration::from_millis(50));
            }
        });
        let pushers: Vec<_> = (0..pushers)
            .map(|pusher| {
                let (track, door) = (&track, &doors[pusher % doors.len()]);
                let dice = Dice::new((seed as u64) << 32 | pusher as u64);
                scope.spawn(move || track.run(pusher, door, rounds, dice))
            })
            .collect();
        let ended: Vec<_> = pushers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        packing.store(false, Ordering::Relaxed);
        let mut all = (Vec::new(), Vec::new());
        for (changes, reads) in ended.into_iter().map(Result::unwrap) {
            all.0.extend(changes);
            all.1.extend(reads);
        }
        all
    });
    track.check(&changes, &reads, seed);
    let acknowledged = changes.iter().filter(|change| change.acknowledged).count();
    let report = RaceReport { acknowledged, refused: changes.len() - acknowledged, reads: reads.len() };
    eprintln!("seed {seed}: {pushers} pushers, {refs} refs, {rounds} rounds: {report:?}");
    report
}

/// The repositories, and what is pushed to.
struct Track<'a> {
    git: &'a Git,
    work: PathBuf,
    served: &'a Path,
    names: Vec<String>,
    base: String,
    tree: String,
    start: Instant,
}

impl<'a> Track<'a> {
    fn new(git: &'a Git, folder: &Folder, served: &'a Path, refs: usize) -> Self {
        let work = folder.path().join("work.git");
        git.ok(folder.path(), ["init", "-q", "--bare", "work.git"]);
        git.ok(folder.path(), ["init", "-q", "--bare", served.to_str().unwrap()]);
        for (name, value) in
            [("gc.auto", "0"), ("maintenance.auto", "false"), ("core.logAllRefUpdates", "true")]
        {
            git.ok(&work, ["config", name, value]);
            git.ok(served, ["config", name, value]);
        }
        let text = |output: Vec<u8>| String::from_utf8(output).unwrap().trim().to_owned();
        let tree = text(git.feed(&work, ["mktree"], b"").stdout);
        let base = text(git.ok(&work, ["commit-tree", "-m", "base", &tree]));
        let names: Vec<String> = (0..refs).map(|number| format!("refs/heads/r{number}")).collect();
        let mut words = vec!["push".to_owned(), "-q".to_owned(), served.to_str().unwrap().to_owned()];
        words.extend(names.iter().map(|name| format!("{base}:{name}")));
        git.ok(&work, words);
        Self { git, work, served, names, base, tree, start: Instant::now() }
    }

    /// What one pusher does.
    fn run(&self, pusher: usize, door: &Door, rounds: usize, mut dice: Dice) -> (Vec<Change>, Vec<Read>) {
        let (mut changes, mut reads) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            let first = dice.below(self.names.len());
            let mut names = vec![&self.names[first]];
            if dice.one_in(2) {
                names.push(&self.names[(first + 1 + dice.below(self.names.len() - 1)) % self.names.len()]);
            }
            let seen = self.read(door, &names);
            let mut words = vec!["push".to_owned(), "-q".to_owned(), "--atomic".to_owned()];
            words.extend(seen.iter().map(|read| format!("--force-with-lease={}:{}", read.name, read.value)));
            words.extend(door.push.iter().cloned());
            let message = format!("{pusher} {round}");
            let new: Vec<String> = seen.iter().map(|read| self.commit(&message, read)).collect();
            words.extend(seen.iter().zip(&new).map(|(read, new)| format!("{new}:{}", read.name)));
            let started = self.start.elapsed();
            let output = self.git.run(&self.work, words);
            let ended = self.start.elapsed();
            let acknowledged = output.status.success();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(acknowledged || said.contains("rejected]"), "a push of {pusher} broke off: {said}");
            changes.extend(seen.iter().zip(new).map(|(read, new)| Change {
                name: read.name.clone(),
                new,
                started,
                ended,
                acknowledged,
                push: (pusher, round),
            }));
            reads.extend(seen);
        }
        (changes, reads)
    }

    fn read(&self, door: &Door, names: &[&String]) -> Vec<Read> {
        let mut words = vec!["ls-remote".to_owned()];
        words.extend(door.read.iter().cloned());
        words.extend(names.iter().map(|name| (*name).clone()));
        let started = self.start.elapsed();
        let lines = String::from_utf8(self.git.ok(&self.work, words)).unwrap();
        let ended = self.start.elapsed();
        let read = |line: &str| {
            let (value, name) = line.split_once('\t').unwrap();
            Read { name: name.to_owned(), value: value.to_owned(), started, ended }
        };
        let reads: Vec<_> = lines.lines().map(read).collect();
        assert_eq!(reads.len(), names.len(), "a ref has gone: {lines:?}");
        reads
    }

    fn commit(&self, message: &str, on: &Read) -> String {
        let message = format!("{message} {}", on.name);
        let id = self.git.ok(&self.work, ["commit-tree", "-p", &on.value, "-m", &message, &self.tree]);
        String::from_utf8(id).unwrap().trim().to_owned()
    }

    /// Whether one history of each ref explains all that was seen.
    fn check(&self, changes: &[Change], reads: &[Read], seed: usize) {
        for name in &self.names {
            let list = self.git.ok(self.served, ["rev-list", "--first-parent", "--reverse", name]);
            let list = String::from_utf8(list).unwrap();
            let history: Vec<&str> = list.lines().collect();
            let context = format!("seed {seed}, {name}");
            assert_eq!(history[0], self.base, "{context}");
            let place: HashMap<&str, usize> = history.iter().enumerate().map(|(at, id)| (*id, at)).collect();
            let own: Vec<&Change> = changes.iter().filter(|change| change.name == *name).collect();
            let lost =
                own.iter().find(|change| change.acknowledged != place.contains_key(change.new.as_str()));
            assert!(lost.is_none(), "{context}: acknowledged and not there, or refused and there: {lost:?}");
            let acknowledged = own.iter().filter(|change| change.acknowledged);
            let acknowledged: HashMap<usize, &Change> =
                acknowledged.map(|change| (place[change.new.as_str()], *change)).collect();
            assert_eq!(acknowledged.len() + 1, history.len(), "{context}: what nobody pushed is there");
            in_real_time(&acknowledged, history.len(), &context);
            for read in reads.iter().filter(|read| read.name == *name) {
                let seen = place.get(read.value.as_str()).copied();
                let seen = seen.unwrap_or_else(|| panic!("{context}: what never was is read: {read:?}"));
                let newer =
                    acknowledged.iter().find(|(at, change)| **at > seen && change.ended < read.started);
                assert!(newer.is_none(), "{context}: {read:?} is older than {newer:?}");
                let begun = acknowledged.get(&seen).is_none_or(|change| change.started <= read.ended);
                assert!(begun, "{context}: {read:?} was seen before it was pushed");
            }
            self.check_reflog(name, &history, &context);
        }
        halves(changes, seed);
        let fsck = self.git.run(self.served, ["fsck", "--full", "--strict", "--no-progress"]);
        assert!(fsck.status.success(), "{}", String::from_utf8_lossy(&fsck.stderr));
        assert_eq!(leftovers(self.served), Vec::<PathBuf>::new());
    }

    fn check_reflog(&self, name: &str, history: &[&str], context: &str) {
        let log = fs::read_to_string(self.served.join("logs").join(name)).unwrap();
        let mut before = "0".repeat(40);
        let lines: Vec<&str> = log.lines().collect();
        assert_eq!(lines.len(), history.len(), "{context}: lines of the reflog");
        // A line is appended under the lock of its ref, so that they stand in the order of the changes.
        for (line, id) in lines.iter().zip(history) {
            assert!(line.starts_with(&format!("{before} {id} ")), "{context}: {line}");
            before = (*id).to_owned();
        }
    }
}

/// None comes behind one that was asked for only after it had been acknowledged.
fn in_real_time(acknowledged: &HashMap<usize, &Change>, count: usize, context: &str) {
    let mut latest: Option<&Change> = None;
    for at in 1..count {
        let change = acknowledged[&at];
        let early = latest.filter(|latest| change.ended < latest.started);
        assert!(early.is_none(), "{context}: {change:?} comes behind {early:?}");
        latest = latest.filter(|latest| latest.started >= change.started).or(Some(change));
    }
}

/// Both changes of a push were told the same.
fn halves(changes: &[Change], seed: usize) {
    let mut told = HashMap::new();
    for change in changes {
        let other = *told.entry(change.push).or_insert(change.acknowledged);
        assert_eq!(other, change.acknowledged, "seed {seed}: half of {:?}", change.push);
    }
}
