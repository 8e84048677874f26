//! Pushes by stock git to a server that is killed under them: real processes, `SIGKILL`, moments drawn from a seed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use gitwire_gitdir::{GitDir, OpenOptions};

use crate::Dice;
use crate::git::{Folder, Git};

/// What receives the pushes, as a process that can be killed.
pub trait Victim {
    /// Makes it ready for one more push into the repository `path`, which lies in the folder that it serves: what `git push` is
    /// told before the refspecs.
    fn ready(&mut self, path: &Path) -> Vec<String>;

    /// Whether the process is there that a push would meet, so that it can be killed.
    fn is_there(&mut self) -> bool;

    /// Kills it with `SIGKILL`.
    fn kill(&mut self);
}

/// How the rounds went.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct KillReport {
    /// Rounds in all.
    pub rounds: usize,
    /// Rounds in which git was told of no success: the push was under way.
    pub hits: usize,
    /// Of those, rounds in which nothing had changed.
    pub untouched: usize,
    /// Of those, rounds in which all had changed.
    pub whole: usize,
}

/// Pushes until `hits` of them were killed under way, and looks at the repository after each: `git fsck` finds nothing, every ref is old or
/// new, an atomic push is whole or absent once one of ours has opened the repository, what was acknowledged is there, and the next
/// push succeeds without help.
/// `GITWIRE_KILLS` says another number of hits, `GITWIRE_KILLS_SEED` another seed.
///
/// # Panics
/// When one of these does not hold, with the number of the round and the seed.
pub fn kill_rounds(git: &Git, folder: &Folder, victim: &mut dyn Victim, hits: usize) -> KillReport {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let hits = number("GITWIRE_KILLS").map_or(hits, |hits| hits as usize);
    let seed = number("GITWIRE_KILLS_SEED").unwrap_or(1);
    let mut rounds = Rounds::new(git, folder, seed);
    let mut report = KillReport::default();
    while report.hits < hits && report.rounds < hits.saturating_mul(10) {
        rounds.round(victim, &mut report);
    }
    eprintln!("seed {seed}: {report:?}");
    assert!(report.hits >= hits, "most pushes were over before they were killed: {report:?}");
    assert_eq!(leftovers(&rounds.served), Vec::<PathBuf>::new(), "seed {seed}");
    report
}

type Refs = BTreeMap<String, String>;

/// A repository, a work tree that is pushed from, and how long a push takes.
struct Rounds<'a> {
    git: &'a Git,
    work: PathBuf,
    served: PathBuf,
    dice: Dice,
    seed: u64,
    takes: Duration,
}

/// What one push asks for: refs and what they hold afterwards, `None` where they go.
struct Asked {
    atomic: bool,
    changes: Vec<(String, Option<String>)>,
}

impl<'a> Rounds<'a> {
    fn new(git: &'a Git, folder: &Folder, seed: u64) -> Self {
        let (work, served) = (folder.path().join("work"), folder.path().join("served.git"));
        git.ok(folder.path(), ["init", "-q", "--initial-branch=main", "work"]);
        git.ok(folder.path(), ["init", "-q", "--bare", "--initial-branch=main", "served.git"]);
        for (name, value) in [("gc.auto", "0"), ("maintenance.auto", "false")] {
            git.ok(&work, ["config", name, value]);
            git.ok(&served, ["config", name, value]);
        }
        git.ok(&served, ["config", "core.logAllRefUpdates", "true"]);
        git.ok(&served, ["config", "receive.denyDeleteCurrent", "ignore"]);
        Self { git, work, served, dice: Dice::new(seed), seed, takes: Duration::from_millis(30) }
    }

    fn round(&mut self, victim: &mut dyn Victim, report: &mut KillReport) {
        let context = format!("round {} of seed {}", report.rounds, self.seed);
        report.rounds += 1;
        let before = self.refs();
        let asked = self.ask(report.rounds, &before);
        let after = after(&before, &asked);
        let acknowledged = self.push_and_kill(victim, &asked, &before);
        let seen = self.look(&context);
        for name in before.keys().chain(after.keys()) {
            let is = seen.get(name);
            assert!(
                is == before.get(name) || is == after.get(name),
                "{context}: {name} is {is:?}, was {before:?}, and {after:?} was asked for"
            );
        }
        assert!(
            !asked.atomic || seen == before || seen == after,
            "{context}: git sees half of an atomic push: {before:?}, {after:?}, {seen:?}"
        );
        // What is in the way is cleared by the next of ours that comes.
        GitDir::open(&self.served, &OpenOptions::default()).unwrap();
        let found = self.look(&context);
        let is_untouched = found == before;
        if acknowledged {
            assert_eq!((&seen, &found), (&after, &after), "{context}: it was acknowledged");
        } else {
            report.hits += 1;
            report.untouched += usize::from(is_untouched);
            report.whole += usize::from(found == after && !is_untouched);
        }
        assert!(
            !asked.atomic || is_untouched || found == after,
            "{context}: half of an atomic push is there: {before:?}, {after:?}, {found:?}"
        );
        let started = Instant::now();
        let words = victim.ready(&self.served);
        let mut push = self.push(words, &asked, &found);
        let output = push.stderr(Stdio::piped()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{context}: the next push: {text}");
        self.takes = (self.takes + started.elapsed()) / 2;
        assert_eq!(self.look(&context), after, "{context}: after the next push");
    }

    /// What this round pushes, in turn: one branch, many refs, an atomic push, one with deletions, and names that become
    /// directories of names.
    fn ask(&mut self, round: usize, before: &Refs) -> Asked {
        let tip = Some(self.commit(round));
        let named = |name: &str| (format!("refs/heads/{name}"), tip.clone());
        let gone = |name: &str| (format!("refs/heads/{name}"), None);
        let is_there = |name: &str| before.contains_key(&format!("refs/heads/{name}"));
        let (atomic, changes) = match round % 6 {
            0 => (false, vec![named("main")]),
            1 => (true, vec![named("main"), named("a"), named("c")]),
            2 => (false, (0..12).map(|at| named(&format!("many/{at}"))).chain([gone("a")]).collect()),
            3 if is_there("b") => (false, vec![gone("b"), named("b/c"), named("main")]),
            3 => (false, vec![gone("b/c"), named("b"), named("main")]),
            4 => (true, vec![gone("many/2"), named("main"), named("many/3")]),
            _ => (false, vec![named("main"), gone("many/1"), named(&format!("new/{round}"))]),
        };
        let asks = |(name, new): &(String, Option<String>)| new.is_some() || before.contains_key(name);
        Asked { atomic, changes: changes.into_iter().filter(asks).collect() }
    }

    /// A commit with some files, so that there is a pack to send.
    fn commit(&mut self, round: usize) -> String {
        for _ in 0..=self.dice.below(4) {
            let name = format!("file-{}", self.dice.below(20));
            let size = self.dice.below(60_000);
            fs::write(self.work.join(name), self.dice.bytes(size)).unwrap();
        }
        self.git.ok(&self.work, ["add", "."]);
        self.git.ok(&self.work, ["commit", "-q", "--allow-empty", "-m", &format!("{round}")]);
        text(self.git.ok(&self.work, ["rev-parse", "HEAD"]))
    }

    fn push(&self, words: Vec<String>, asked: &Asked, is: &Refs) -> std::process::Command {
        let mut arguments = vec!["push".to_owned(), "--quiet".to_owned(), "--force".to_owned()];
        if asked.atomic {
            arguments.push("--atomic".to_owned());
        }
        arguments.extend(words);
        for (name, new) in &asked.changes {
            match new {
                Some(new) => arguments.push(format!("{new}:{name}")),
                // What is gone already cannot be asked for again.
                None if is.contains_key(name) => arguments.push(format!(":{name}")),
                None => {}
            }
        }
        self.git.command(&self.work, arguments)
    }

    /// Whether git was told that all went well.
    fn push_and_kill(&mut self, victim: &mut dyn Victim, asked: &Asked, before: &Refs) -> bool {
        let words = victim.ready(&self.served);
        let mut command = self.push(words, asked, before);
        let mut push = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let started = Instant::now();
        // Before this git has not sent anything yet, and behind it nearly every push is over.
        let takes = self.takes.as_micros() as usize;
        let moment = Duration::from_micros((takes * 3 / 10 + self.dice.below(takes * 4 / 5)) as u64);
        loop {
            if victim.is_there() && started.elapsed() >= moment {
                victim.kill();
                break;
            }
            if push.try_wait().unwrap().is_some() {
                break;
            }
            thread::sleep(Duration::from_micros(200));
        }
        push.wait().unwrap().success()
    }

    /// The refs, once git has found nothing wrong.
    fn look(&self, context: &str) -> Refs {
        let fsck = self.git.run(&self.served, ["fsck", "--full", "--no-dangling", "--no-progress"]);
        let said = [fsck.stdout, fsck.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let is_clean = |line: &str| line.starts_with("notice:") || line.trim().is_empty();
        assert!(fsck.status.success() && said.lines().all(is_clean), "{context}: git fsck: {said}");
        self.refs()
    }

    fn refs(&self) -> Refs {
        let lines = text(self.git.ok(&self.served, ["for-each-ref", "--format=%(refname) %(objectname)"]));
        let pair = |line: &str| line.split_once(' ').map(|(name, id)| (name.to_owned(), id.to_owned()));
        lines.lines().filter_map(pair).collect()
    }
}

/// What nobody needs any more after a push and is there all the same: locks, kept packs, quarantines, leases, intents.
///
/// # Panics
/// When a directory below `repository` cannot be read.
#[must_use]
pub fn leftovers(repository: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![repository.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            let ends = [".lock", ".keep"].iter().any(|end| name.ends_with(end));
            let starts = ["tmp_", "lease-", "intent-", "new-"].iter().any(|start| name.starts_with(start));
            if ends || starts {
                found.push(entry.path());
            } else if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            }
        }
    }
    found
}

fn after(before: &Refs, asked: &Asked) -> Refs {
    let mut refs = before.clone();
    for (name, new) in &asked.changes {
        match new {
            Some(new) => refs.insert(name.clone(), new.clone()),
            None => refs.remove(name),
        };
    }
    refs
}

fn text(output: Vec<u8>) -> String {
    String::from_utf8(output).unwrap().trim().to_owned()
}
