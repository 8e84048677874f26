//! Stock git as the second opinion of tests.
//!
//! ```
//! use gitwire_testkit::git::{Folder, Git};
//!
//! let Some(git) = Git::find() else { return };
//! let folder = Folder::new("doc");
//! git.ok(folder.path(), ["init", "-q", "--bare", "x.git"]);
//! let id = git.feed(&folder.path().join("x.git"), ["hash-object", "-w", "--stdin"], b"hello\n");
//! assert_eq!(id.stdout, b"ce013625030ba8dba906f756967f9e9ca394464a\n");
//! ```

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// A git program, run in an environment that holds nothing of the user's: no configuration, fixed names and dates.
#[derive(Debug, Clone)]
pub struct Git {
    program: PathBuf,
}

impl Git {
    /// The git that `GITWIRE_GIT` names, else the one on the path.
    ///
    /// `None` says on standard error that the calling test is skipped.
    ///
    /// # Panics
    /// When there is none and `CI` is set: a second opinion that is not asked for is no green test.
    #[must_use]
    pub fn find() -> Option<Self> {
        let program = env::var_os("GITWIRE_GIT").map_or_else(|| PathBuf::from("git"), PathBuf::from);
        let git = Self { program };
        let works = git.command(Path::new("."), ["--version"]).output().is_ok_and(|out| out.status.success());
        if works {
            return Some(git);
        }
        skipped(&format!("{} does not run", git.program.display()));
        None
    }

    /// As [`Git::find`], for what git says since some version only.
    ///
    /// # Panics
    /// As [`Git::find`], and when it is older and `CI` is set.
    #[must_use]
    pub fn at_least(version: &[u32]) -> Option<Self> {
        let git = Self::find()?;
        let found = git.version();
        if found.as_slice() >= version {
            return Some(git);
        }
        skipped(&format!("git is {found:?}, and {version:?} is needed"));
        None
    }

    /// Its version as numbers: `2.47.3` is `[2, 47, 3]`.
    #[must_use]
    pub fn version(&self) -> Vec<u32> {
        let line = self.ok(Path::new("."), ["--version"]);
        let text = String::from_utf8_lossy(&line).into_owned();
        let word = text.split_whitespace().nth(2).unwrap_or_default();
        word.split('.').map_while(|part| part.parse().ok()).collect()
    }

    /// A command that runs in `folder`, for tests that need more than [`Git::ok`]: a pipe, another environment.
    #[must_use]
    pub fn command<I>(&self, folder: &Path, args: I) -> Command
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        let mut command = Command::new(&self.program);
        command.current_dir(folder).args(args).stdin(Stdio::null()).env_clear();
        command.env("PATH", env::var_os("PATH").unwrap_or_default());
        for (name, value) in ENVIRONMENT {
            command.env(name, value);
        }
        command
    }

    /// Runs it in `folder` and gives what came out, whatever the exit code.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn run<I>(&self, folder: &Path, args: I) -> Output
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        self.command(folder, args).output().unwrap()
    }

    /// Runs it in `folder` and gives its standard output.
    ///
    /// # Panics
    /// When it fails, with its standard error.
    #[track_caller]
    pub fn ok<I>(&self, folder: &Path, args: I) -> Vec<u8>
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        let mut command = self.command(folder, args);
        let output = command.output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {}\n{error}", output.status);
        output.stdout
    }

    /// Runs it in `folder` with `input` on its standard input, and gives what came out, whatever the exit code.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn feed<I>(&self, folder: &Path, args: I, input: &[u8]) -> Output
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        let mut child = self
            .command(folder, args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipe = child.stdin.take().unwrap();
        thread::scope(|scope| {
            // A thread of its own, since git may answer before it has read all. It may also end early: not our affair.
            scope.spawn(move || pipe.write_all(input));
            child.wait_with_output().unwrap()
        })
    }
}

/// Says on standard error that the calling test is skipped, because a program is missing.
///
/// # Panics
/// When `CI` is set.
pub fn skipped(why: &str) {
    let name = thread::current().name().unwrap_or("a test").to_owned();
    assert!(env::var_os("CI").is_none(), "{name} must not be skipped here: {why}");
    eprintln!("SKIPPED: {name}: {why}");
}

/// A folder for one test, gone when dropped.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// An empty folder below the system's place for temporary files.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn new(name: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("gitwire-{name}-{}-{number}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// The same in memory, where the system has such a place: for tests that make many repositories, and whose subject is not what
    /// a disk does.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn in_memory(name: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = Path::new("/dev/shm").join(format!("gitwire-{name}-{}-{number}", process::id()));
        match fs::create_dir(&path) {
            Ok(()) => Self(path),
            Err(_) => Self::new(name),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed stays behind in the place for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The author and committer of everything that git makes in a test.
pub const IDENT: &str = "A U Thor <author@example.com>";
/// Their date.
pub const DATE: &str = "1112354055 +0200";

const ENVIRONMENT: &[(&str, &str)] = &[
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_AUTHOR_NAME", "A U Thor"),
    ("GIT_AUTHOR_EMAIL", "author@example.com"),
    ("GIT_AUTHOR_DATE", DATE),
    ("GIT_COMMITTER_NAME", "A U Thor"),
    ("GIT_COMMITTER_EMAIL", "author@example.com"),
    ("GIT_COMMITTER_DATE", DATE),
    ("LC_ALL", "C"),
    ("TZ", "UTC"),
    ("HOME", "/nonexistent"),
];
