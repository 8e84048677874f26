//! Repositories that are pushed to back to back, and what each must hold afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use gitwire_testkit::Dice;
use gitwire_testkit::git::Git;

pub(crate) type Refs = BTreeMap<String, String>;

/// Who receives.
#[derive(Debug, Clone)]
pub(crate) enum Receiver {
    /// git's own program, with its defaults.
    Git,
    /// `gitwire receive-pack`, at this path.
    Gitwire(PathBuf),
    /// `gitwired`, at this path.
    Gitwired(PathBuf),
}

/// A running `gitwired`. Dropped: killed.
pub(crate) struct Server(Child, String);

impl Receiver {
    /// What must run while `root` is pushed to.
    pub(crate) fn start(&self, root: &Path) -> Option<Server> {
        let Self::Gitwired(program) = self else { return None };
        let mut command = Command::new(program);
        command.args(["--listen", "git://127.0.0.1:0", "--allow-push=anyone", "--root"]).arg(root);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening ").unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Some(Server(child, url))
    }

    /// What `git push` is told before the refspecs.
    pub(crate) fn words(&self, server: Option<&Server>, path: &Path) -> Vec<String> {
        let text = path.to_str().unwrap().to_owned();
        match (self, server) {
            (Self::Gitwire(program), _) => {
                vec![format!("--receive-pack={} receive-pack", program.display()), text]
            }
            (_, Some(Server(_, url))) => {
                vec![format!("{url}/{}", path.file_name().unwrap().to_str().unwrap())]
            }
            _ => vec![text],
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// What is pushed: commits on top of each other, the oldest first, in a repository of their own.
pub(crate) struct Source {
    pub(crate) git: Git,
    pub(crate) path: PathBuf,
    pub(crate) commits: Vec<String>,
}

impl Source {
    /// Most commits change a file or two; every seventh changes so many that git and ours keep its pack as it came.
    pub(crate) fn make(git: Git, folder: &Path, dice: &mut Dice) -> Self {
        let path = folder.join("source.git");
        git.ok(folder, ["init", "-q", "--bare", "--initial-branch=main", "source.git"]);
        let mut stream = Vec::new();
        for number in 0..COMMITS {
            write!(
                stream,
                "commit refs/heads/main\ncommitter A <a@example.org> {} +0000\n",
                1_700_000_000 + number
            )
            .unwrap();
            write!(stream, "data 2\nx\n\n").unwrap();
            let files = if number % 7 == 6 { 130 } else { 1 + dice.below(2) };
            for _ in 0..files {
                let size = if files > 2 { 100 } else { dice.below(40_000) };
                write!(stream, "M 100644 inline d{}/f{}\ndata {size}\n", dice.below(9), dice.below(40))
                    .unwrap();
                stream.extend(dice.bytes(size));
                stream.push(b'\n');
            }
        }
        let out = git.feed(&path, ["fast-import", "--quiet"], &stream);
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let list = git.ok(&path, ["rev-list", "--reverse", "main"]);
        let commits = String::from_utf8(list).unwrap().lines().map(str::to_owned).collect();
        Self { git, path, commits }
    }
}

/// One repository: its pushes, one after the other, and how far they are.
pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) receiver: Receiver,
    pub(crate) atomic: bool,
    /// Whether each push changes three refs, one of them made or deleted; else it changes one.
    pub(crate) three: bool,
    pub(crate) started: AtomicUsize,
    pub(crate) acknowledged: AtomicUsize,
}

impl Line {
    pub(crate) fn new(name: &'static str, receiver: Receiver, three: bool, atomic: bool) -> Self {
        let (started, acknowledged) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { name, receiver, atomic, three, started, acknowledged }
    }

    pub(crate) fn path(&self, root: &Path) -> PathBuf {
        root.join(format!("{}.git", self.name))
    }

    /// An empty repository for it.
    pub(crate) fn init(&self, git: &Git, root: &Path) {
        let path = self.path(root);
        git.ok(root, ["init", "-q", "--bare", "--initial-branch=main", path.to_str().unwrap()]);
        for (name, value) in [("gc.auto", "0"), ("maintenance.auto", "false")] {
            git.ok(&path, ["config", name, value]);
        }
        self.started.store(0, Ordering::SeqCst);
        self.acknowledged.store(0, Ordering::SeqCst);
    }

    /// What the refs hold after push `number`; the first has number 1.
    pub(crate) fn state(&self, source: &Source, number: usize) -> Refs {
        let mut refs = Refs::new();
        if number == 0 {
            return refs;
        }
        let tip = &source.commits[number - 1];
        let mut hold = |name: &str| refs.insert(format!("refs/heads/{name}"), tip.clone());
        hold("main");
        if self.three {
            hold("deep/er/one");
            // A ref that comes and goes, and becomes a directory of refs in between.
            match number % 4 {
                1 => drop(hold("d")),
                3 => drop(hold("d/e")),
                _ => {}
            }
        }
        refs
    }

    /// A push that changes the refs `from` into `to`.
    pub(crate) fn push(&self, source: &Source, words: Vec<String>, from: &Refs, to: &Refs) -> Command {
        let mut arguments = vec!["push".to_owned(), "--quiet".to_owned(), "--force".to_owned()];
        if self.atomic {
            arguments.push("--atomic".to_owned());
        }
        arguments.extend(words);
        let changed = to.iter().filter(|(name, id)| from.get(*name) != Some(id));
        arguments.extend(changed.map(|(name, id)| format!("{id}:{name}")));
        arguments.extend(from.keys().filter(|name| !to.contains_key(*name)).map(|name| format!(":{name}")));
        source.git.command(&source.path, arguments)
    }

    /// Pushes until `stop`, back to back.
    pub(crate) fn keep_pushing(
        &self,
        source: &Source,
        root: &Path,
        server: Option<&Server>,
        stop: &AtomicBool,
        journal: &Journal,
    ) {
        let mut number = self.acknowledged.load(Ordering::SeqCst);
        while !stop.load(Ordering::SeqCst) && number < source.commits.len() - 1 {
            let words = self.receiver.words(server, &self.path(root));
            let (from, to) = (self.state(source, number), self.state(source, number + 1));
            number += 1;
            self.started.store(number, Ordering::SeqCst);
            let output = self.push(source, words, &from, &to).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{}: push {number} without a cut: {said}", self.name);
            self.acknowledged.store(number, Ordering::SeqCst);
            journal.write(&format!("{} {number} acknowledged", self.name));
        }
    }
}

/// What was acknowledged, and what was found, on a disk that loses no power.
pub(crate) struct Journal(Mutex<fs::File>);

impl Journal {
    pub(crate) fn make(path: &Path) -> Self {
        Self(Mutex::new(fs::File::create(path).unwrap()))
    }

    pub(crate) fn write(&self, line: &str) {
        let mut file = self.0.lock().unwrap();
        writeln!(file, "{line}").and_then(|()| file.sync_data()).unwrap();
    }
}

/// More than ten cuts take.
const COMMITS: usize = 2_000;
