//! Cuts the power under pushes, again and again: `power_cuts FOLDER ext4|xfs CUTS [SEED] [git]`, as root.
//!
//! In FOLDER a file holds an xfs that can copy files in one step; a file on that holds the disk under test. Stock git pushes back to
//! back to `gitwire receive-pack` (one ref, and three refs `--atomic`) and to `gitwired` (three refs), all on this disk. At a random
//! instant the disk's file is copied: what the copy holds is what a machine would find whose power failed then. The copy is mounted,
//! and in each repository
//!
//! - all that was acknowledged before the copy is there;
//! - `git fsck --full --strict` finds nothing, before and after one of ours has opened it;
//! - every ref is old or new, and an atomic push is whole or absent once one of ours has opened it;
//! - the next push succeeds, and leaves nothing behind.
//!
//! Before that it measures how long pushes take on this file system, in turn with `git receive-pack` and its defaults. With `git` as the last
//! word git's own program receives: the control, which shows that the method finds what it looks for. Both programs
//! are taken from the folder above this one: `cargo build --release -p gitwire-server-example -p gitwire-client-example`.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a tool that ends where something does not hold"
)]

mod disks;
mod pushes;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gitwire_gitdir::{GitDir, OpenOptions};
use gitwire_testkit::Dice;
use gitwire_testkit::git::Git;

use self::disks::Disk;
use self::pushes::{Journal, Line, Receiver, Refs, Source};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, file_system, cuts, rest @ ..] = arguments.as_slice() else {
        panic!("usage: power_cuts FOLDER ext4|xfs CUTS [SEED] [git]")
    };
    let (folder, cuts) = (PathBuf::from(folder).join("power-cuts"), cuts.parse::<usize>().unwrap());
    let seed = rest.iter().find_map(|word| word.parse().ok()).unwrap_or(1);
    let control = rest.iter().any(|word| word == "git");
    std::fs::create_dir_all(&folder).unwrap();
    let git = Git::find().unwrap_or_else(|| panic!("git is needed"));
    let mut dice = Dice::new(seed);
    let source = Source::make(git, &folder, &mut dice);
    let journal = Journal::make(&folder.join("journal"));
    let host = Disk::make(&folder.join("host.img"), 12, "xfs", &folder.join("host"));
    let mut cutter =
        Cutter { folder, file_system, control, host, source, journal, dice, seen: Seen::default() };
    println!("{file_system}, seed {seed}");
    if !control {
        cutter.latency(cuts.clamp(10, 200));
    }
    while cutter.seen.cuts < cuts {
        cutter.epoch((cuts - cutter.seen.cuts).min(CUTS_PER_DISK));
    }
    let seen = &cutter.seen;
    println!(
        "{} cuts of {} pushes that had been acknowledged; in {} repositories a push was under way, of which {} were found done",
        seen.cuts, seen.acknowledged, seen.under_way, seen.done
    );
    println!("{} violations", seen.violations);
    let violations = seen.violations;
    std::fs::remove_dir_all(cutter.folder.join("source.git")).unwrap();
    drop(cutter);
    assert!(control || violations == 0, "{violations} violations");
}

/// What was seen.
#[derive(Default)]
struct Seen {
    cuts: usize,
    acknowledged: usize,
    under_way: usize,
    done: usize,
    violations: usize,
}

struct Cutter<'a> {
    folder: PathBuf,
    file_system: &'a str,
    control: bool,
    host: Disk,
    source: Source,
    journal: Journal,
    dice: Dice,
    seen: Seen,
}

impl Cutter<'_> {
    fn disk(&self) -> Disk {
        Disk::make(&self.host.path().join("disk.img"), 1, self.file_system, &self.folder.join("disk"))
    }

    fn lines(&self) -> Vec<Line> {
        if self.control {
            return vec![
                Line::new("one", Receiver::Git, false, false),
                Line::new("atomic", Receiver::Git, true, true),
            ];
        }
        let (gitwire, gitwired) = programs();
        vec![
            Line::new("one", Receiver::Gitwire(gitwire.clone()), false, false),
            Line::new("atomic", Receiver::Gitwire(gitwire), true, true),
            Line::new("served", Receiver::Gitwired(gitwired), true, false),
        ]
    }

    /// A disk that begins empty, and some cuts of it.
    fn epoch(&mut self, cuts: usize) {
        let disk = self.disk();
        let lines = self.lines();
        lines.iter().for_each(|line| line.init(&self.source.git, disk.path()));
        disk.sync();
        for _ in 0..cuts {
            self.seen.cuts += 1;
            let wait = Duration::from_millis(100 + self.dice.below(900) as u64);
            self.cut(&disk, &lines, wait);
        }
        let counts = lines.iter().map(|line| line.acknowledged.load(Ordering::SeqCst));
        self.seen.acknowledged += counts.sum::<usize>();
        println!("{} cuts, {} violations", self.seen.cuts, self.seen.violations);
    }

    /// Pushes for so long, cuts, and looks at what is there.
    fn cut(&mut self, disk: &Disk, lines: &[Line], wait: Duration) {
        let stop = AtomicBool::new(false);
        let servers: Vec<_> = lines.iter().map(|line| line.receiver.start(disk.path())).collect();
        let (copy, spans) = thread::scope(|scope| {
            for (line, server) in lines.iter().zip(&servers) {
                let (source, journal, stop) = (&self.source, &self.journal, &stop);
                scope.spawn(move || line.keep_pushing(source, disk.path(), server.as_ref(), stop, journal));
            }
            thread::sleep(wait);
            let before: Vec<_> = lines.iter().map(|line| line.acknowledged.load(Ordering::SeqCst)).collect();
            let copy = disk.cut(self.file_system, &self.folder.join("copy"));
            let after: Vec<_> = lines.iter().map(|line| line.started.load(Ordering::SeqCst)).collect();
            stop.store(true, Ordering::SeqCst);
            (copy, before.into_iter().zip(after).collect::<Vec<_>>())
        });
        drop(servers);
        for (line, (acknowledged, started)) in lines.iter().zip(spans) {
            let what = format!("cut {}: {} {acknowledged}..{started}", self.seen.cuts, line.name);
            match look(&self.source, line, copy.path(), acknowledged, started) {
                Ok(found) => {
                    self.seen.under_way += usize::from(started > acknowledged);
                    self.seen.done += usize::from(found > acknowledged);
                    self.journal.write(&format!("{what}: found {found}"));
                }
                Err(error) => {
                    self.seen.violations += 1;
                    self.journal.write(&format!("{what}: {error}"));
                    println!("{what}: {error}");
                }
            }
        }
    }

    /// How long pushes take, of each receiver in turn.
    fn latency(&self, pushes: usize) {
        let disk = self.disk();
        let (gitwire, gitwired) = programs();
        let lines = [
            Line::new("git", Receiver::Git, false, false),
            Line::new("gitwire", Receiver::Gitwire(gitwire), false, false),
            Line::new("gitwired", Receiver::Gitwired(gitwired), false, false),
        ];
        lines.iter().for_each(|line| line.init(&self.source.git, disk.path()));
        disk.sync();
        let servers: Vec<_> = lines.iter().map(|line| line.receiver.start(disk.path())).collect();
        let mut took = [const { Vec::new() }; 3];
        for number in 1..=pushes {
            for ((line, server), took) in lines.iter().zip(&servers).zip(&mut took) {
                let words = line.receiver.words(server.as_ref(), &line.path(disk.path()));
                let (from, to) = (line.state(&self.source, number - 1), line.state(&self.source, number));
                let started = Instant::now();
                let output = line.push(&self.source, words, &from, &to).output().unwrap();
                took.push(started.elapsed());
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            }
        }
        for (line, mut took) in lines.iter().zip(took) {
            took.sort();
            let at = |percent: usize| took[(took.len() * percent / 100).min(took.len() - 1)];
            println!("{pushes} pushes, {} receives: p50 {:.1?}, p95 {:.1?}", line.name, at(50), at(95));
        }
    }
}

/// What a repository on the copy holds: after how many pushes it stands, at least.
fn look(
    source: &Source,
    line: &Line,
    root: &Path,
    acknowledged: usize,
    started: usize,
) -> Result<usize, String> {
    let path = line.path(root);
    let allowed: Vec<Refs> = (acknowledged..=started).map(|number| line.state(source, number)).collect();
    let found = checked_refs(source, &path).map_err(|error| format!("before opening: {error}"))?;
    for name in found.keys().chain(allowed.iter().flat_map(Refs::keys)) {
        if !allowed.iter().any(|refs| refs.get(name) == found.get(name)) {
            return Err(format!("{name} is {:?}", found.get(name)));
        }
    }
    GitDir::open(&path, &OpenOptions::default()).map_err(|error| format!("opening: {error}"))?;
    let found = checked_refs(source, &path).map_err(|error| format!("after opening: {error}"))?;
    let is = allowed.iter().position(|refs| *refs == found);
    if is.is_none() && (line.atomic || !line.three) {
        return Err(format!("half a push is there: {found:?}"));
    }
    let server = line.receiver.start(root);
    let words = line.receiver.words(server.as_ref(), &path);
    // What a push that was cut off asked for, or what comes after it.
    let next = line.state(source, is.map_or(started, |at| acknowledged + at + 1));
    let output = line.push(source, words, &found, &next).output().unwrap();
    if !output.status.success() {
        return Err(format!("the next push: {}", String::from_utf8_lossy(&output.stderr)));
    }
    if checked_refs(source, &path).map_err(|error| format!("after the next push: {error}"))? != next {
        return Err("the next push is not there".to_owned());
    }
    let left = gitwire_testkit::leftovers(&path);
    if !left.is_empty() {
        return Err(format!("left behind: {left:?}"));
    }
    Ok(is.map_or(acknowledged, |at| acknowledged + at))
}

/// The refs, once git has found nothing wrong.
fn checked_refs(source: &Source, path: &Path) -> Result<Refs, String> {
    let fsck = source.git.run(path, ["fsck", "--full", "--strict", "--no-dangling", "--no-progress"]);
    let said = [fsck.stdout, fsck.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let is_clean = |line: &str| line.starts_with("notice:") || line.trim().is_empty();
    if !fsck.status.success() || !said.lines().all(is_clean) {
        return Err(format!("git fsck: {}", said.lines().take(4).collect::<Vec<_>>().join("; ")));
    }
    let lines = source.git.run(path, ["for-each-ref", "--format=%(refname) %(objectname)"]).stdout;
    let pair = |line: &str| line.split_once(' ').map(|(name, id)| (name.to_owned(), id.to_owned()));
    Ok(String::from_utf8_lossy(&lines).lines().filter_map(pair).collect())
}

/// `gitwire` and `gitwired`, which are built into the folder above the one of this program.
fn programs() -> (PathBuf, PathBuf) {
    let own = std::env::current_exe().unwrap();
    let folder = own.parent().and_then(Path::parent).unwrap();
    let (gitwire, gitwired) = (folder.join("gitwire"), folder.join("gitwired"));
    assert!(gitwire.exists() && gitwired.exists(), "gitwire and gitwired are not in {}", folder.display());
    (gitwire, gitwired)
}

/// After so many a new disk begins, so that what git has to check stays small and empty repositories are met, too.
const CUTS_PER_DISK: usize = 10;
