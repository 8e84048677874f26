//! The users' file: one user a line, `NAME HASH RIGHT…`.
//!
//! ```text
//! # Comments and empty lines stay as they are.
//! ann $argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA admin
//! ben $argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA read=** write=team/* create=team/*
//! anonymous - read=public/**
//! ```
//!
//! Rights: `read=PATTERN`, `write=PATTERN` (which includes reading), `create=PATTERN` (new repositories of such names), each as often
//! as needed, and `admin`, which is all of them for everything. Who has not signed in is `anonymous`, and has no password: `-`.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use super::password::Password;
use super::pattern::Pattern;

/// The name of those who have not signed in.
pub(crate) const ANONYMOUS: &str = "anonymous";

/// One user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User {
    pub(super) name: String,
    /// None for `anonymous`.
    pub(super) password: Option<Password>,
    pub(super) rights: Rights,
}

/// What a user may do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Rights {
    admin: bool,
    read: Vec<Pattern>,
    write: Vec<Pattern>,
    create: Vec<Pattern>,
}

impl Rights {
    pub(crate) fn may_read(&self, path: &[u8]) -> bool {
        self.admin || self.read.iter().chain(&self.write).any(|pattern| pattern.names(path))
    }

    pub(crate) fn may_write(&self, path: &[u8]) -> bool {
        self.admin || self.write.iter().any(|pattern| pattern.names(path))
    }

    /// Whether a repository may be made at `path`.
    pub(crate) fn may_create(&self, path: &[u8]) -> bool {
        self.admin || self.create.iter().any(|pattern| pattern.names(path))
    }

    /// Whether there is a place where a repository may be made.
    pub(crate) fn may_create_somewhere(&self) -> bool {
        self.admin || !self.create.is_empty()
    }

    /// Adds `admin`, `read=PATTERN`, `write=PATTERN` or `create=PATTERN`.
    pub(super) fn add(&mut self, right: &str) -> Result<(), String> {
        if right == "admin" {
            self.admin = true;
            return Ok(());
        }
        let (patterns, pattern) = self.kind(right)?;
        let pattern: Pattern = pattern.parse()?;
        if patterns.contains(&pattern) {
            return Ok(());
        }
        if patterns.len() >= PATTERNS_MAX {
            return Err(format!("more than {PATTERNS_MAX} patterns of one kind"));
        }
        patterns.push(pattern);
        Ok(())
    }

    /// Takes a right away; whether it was there.
    pub(super) fn take(&mut self, right: &str) -> Result<bool, String> {
        if right == "admin" {
            return Ok(std::mem::take(&mut self.admin));
        }
        let (patterns, pattern) = self.kind(right)?;
        let pattern: Pattern = pattern.parse()?;
        let before = patterns.len();
        patterns.retain(|other| *other != pattern);
        Ok(patterns.len() != before)
    }

    fn kind<'a>(&mut self, right: &'a str) -> Result<(&mut Vec<Pattern>, &'a str), String> {
        match right.split_once('=') {
            Some(("read", pattern)) => Ok((&mut self.read, pattern)),
            Some(("write", pattern)) => Ok((&mut self.write, pattern)),
            Some(("create", pattern)) => Ok((&mut self.create, pattern)),
            _ => Err(format!(
                "'{}' is no right: admin, read=PATTERN, write=PATTERN or create=PATTERN",
                right.escape_debug()
            )),
        }
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words: Vec<String> = self.admin.then(|| "admin".to_owned()).into_iter().collect();
        for (kind, patterns) in [("read", &self.read), ("write", &self.write), ("create", &self.create)] {
            words.extend(patterns.iter().map(|pattern| format!("{kind}={pattern}")));
        }
        f.write_str(&words.join(" "))
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let password = self.password.as_ref().map_or("-", Password::as_str);
        let text = format!("{} {password} {}", self.name, self.rights);
        f.write_str(text.trim_end())
    }
}

impl User {
    fn parse(line: &str) -> Result<Self, String> {
        let mut words = line.split_ascii_whitespace();
        let (Some(name), Some(password)) = (words.next(), words.next()) else {
            return Err("expected a name and a password hash".to_owned());
        };
        check_name(name)?;
        let password = match (name == ANONYMOUS, password) {
            (true, "-") => None,
            (true, _) => return Err(format!("'{ANONYMOUS}' has no password: write '-'")),
            (false, hash) => Some(Password::parse(hash)?),
        };
        let mut rights = Rights::default();
        words.try_for_each(|right| rights.add(right))?;
        Ok(Self { name: name.to_owned(), password, rights })
    }
}

/// What a user may be called.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'@' | b'+');
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if !begins || name.len() > NAME_BYTES_MAX || !name.bytes().all(good) {
        return Err(format!(
            "'{}' is no name: 1 to {NAME_BYTES_MAX} letters, digits and . _ - @ +, a letter or digit first",
            name.escape_debug()
        ));
    }
    Ok(())
}

#[derive(Debug)]
enum Line {
    Other(String),
    User(Box<User>),
}

/// The whole file, with its comments.
#[derive(Debug, Default)]
pub(super) struct UserFile {
    lines: Vec<Line>,
}

impl UserFile {
    pub(super) fn read(path: &Path) -> Result<Self, UserError> {
        let io = |source| UserError::Io { path: path.to_owned(), source };
        let mut text = String::new();
        File::open(path).map_err(io)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(io)?;
        Self::parse(&text).map_err(|(line, why)| UserError::Line { path: path.to_owned(), line, why })
    }

    /// What is wrong comes with the number of its line.
    pub(super) fn parse(text: &str) -> Result<Self, (usize, String)> {
        if text.len() as u64 > FILE_BYTES_MAX {
            return Err((1, format!("more than {FILE_BYTES_MAX} bytes")));
        }
        let mut file = Self::default();
        for (number, line) in text.lines().enumerate() {
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed.starts_with('#') {
                file.lines.push(Line::Other(line.to_owned()));
                continue;
            }
            let user = User::parse(trimmed).map_err(|why| (number + 1, why))?;
            file.add(user).map_err(|error| (number + 1, error.to_string()))?;
        }
        Ok(file)
    }

    pub(super) fn users(&self) -> impl Iterator<Item = &User> {
        self.lines.iter().filter_map(|line| match line {
            Line::User(user) => Some(&**user),
            Line::Other(_) => None,
        })
    }

    pub(super) fn into_users(self) -> impl Iterator<Item = User> {
        self.lines.into_iter().filter_map(|line| match line {
            Line::User(user) => Some(*user),
            Line::Other(_) => None,
        })
    }

    pub(super) fn user_mut(&mut self, name: &str) -> Result<&mut User, UserError> {
        let mut users = self.lines.iter_mut().filter_map(|line| match line {
            Line::User(user) => Some(&mut **user),
            Line::Other(_) => None,
        });
        users.find(|user| user.name == name).ok_or_else(|| UserError::Unknown(name.to_owned()))
    }

    pub(super) fn add(&mut self, user: User) -> Result<(), UserError> {
        if self.users().any(|other| other.name == user.name) {
            return Err(UserError::Known(user.name));
        }
        if self.users().count() >= USERS_MAX {
            return Err(UserError::TooMany);
        }
        self.lines.push(Line::User(Box::new(user)));
        Ok(())
    }

    pub(super) fn remove(&mut self, name: &str) -> Result<(), UserError> {
        self.user_mut(name)?;
        self.lines.retain(|line| !matches!(line, Line::User(user) if user.name == name));
        Ok(())
    }

    /// Reads the file, lets `edit` change it and writes it back whole; nobody else edits it meanwhile. A file that is not there is
    /// made, for its owner alone.
    pub(super) fn edit(
        path: &Path,
        edit: impl FnOnce(&mut Self) -> Result<(), UserError>,
    ) -> Result<(), UserError> {
        // The file that a link names is changed, not the link.
        let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let mut lock = path.as_os_str().to_owned();
        lock.push(".lock");
        let lock = PathBuf::from(lock);
        let io = |source| UserError::Io { path: lock.clone(), source };
        let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&lock);
        let new = created.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => UserError::Locked(lock.clone()),
            _ => io(source),
        })?;
        let written = Self::rewrite(path, &lock, new, edit);
        if written.is_err() {
            // What was wrong first is what is told.
            let _ = fs::remove_file(&lock);
        }
        written
    }

    fn rewrite(
        path: &Path,
        lock: &Path,
        mut new: File,
        edit: impl FnOnce(&mut Self) -> Result<(), UserError>,
    ) -> Result<(), UserError> {
        let io = |source| UserError::Io { path: path.to_owned(), source };
        let mut file = match fs::metadata(path) {
            Ok(old) => {
                // Who served it before must still be able to read it.
                new.set_permissions(fs::Permissions::from_mode(old.mode() & 0o777)).map_err(io)?;
                let made = new.metadata().map_err(io)?;
                if (old.uid(), old.gid()) != (made.uid(), made.gid()) {
                    fchown(&new, Some(old.uid()), Some(old.gid())).map_err(io)?;
                }
                Self::read(path)?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::default(),
            Err(error) => return Err(io(error)),
        };
        edit(&mut file)?;
        new.write_all(file.to_string().as_bytes()).map_err(io)?;
        new.sync_all().map_err(io)?;
        fs::rename(lock, path).map_err(io)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all()).map_err(io)
    }
}

impl fmt::Display for UserFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            match line {
                Line::Other(text) => writeln!(f, "{text}")?,
                Line::User(user) => writeln!(f, "{user}")?,
            }
        }
        Ok(())
    }
}

/// Why users cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UserError {
    /// The file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// A line of it is wrong.
    #[error("{}:{line}: {why}", path.display())]
    Line { path: PathBuf, line: usize, why: String },
    /// Somebody else edits it, or has been killed while at it.
    #[error("'{}' is there: somebody edits the users now, or was killed while at it", .0.display())]
    Locked(PathBuf),
    #[error("there is a user '{0}' already")]
    Known(String),
    #[error("there is no user '{0}'")]
    Unknown(String),
    #[error("there are {USERS_MAX} users, and no room for more")]
    TooMany,
    #[error("{0}")]
    Wrong(String),
    #[error("the password cannot be hashed: {0}")]
    Hash(String),
}

const NAME_BYTES_MAX: usize = 64;
/// Of each kind of right; each costs a comparison for every request.
const PATTERNS_MAX: usize = 256;
/// They are kept in memory, and the file is read whole when it changes.
const USERS_MAX: usize = 10_000;
const FILE_BYTES_MAX: u64 = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$Zm9vYmFyMTI$DyHmqxFNX5Hwx0B4pVr9Y0k4cLI6ZSg5DFbcWRrIRXM";

    #[track_caller]
    fn bad(text: &str, line: usize, why: &str) {
        let (at, what) = UserFile::parse(text).unwrap_err();
        assert_eq!((at, what.as_str()), (line, why), "{text:?}");
    }

    #[test]
    fn it_is_written_as_it_was_read() {
        let text = format!(
            "# who\n\nann {HASH} admin\nben {HASH} read=a/* read=b write=c/** create=c/*\nanonymous - read=x\nzoe {HASH}\n"
        );
        let file = UserFile::parse(&text).unwrap();
        assert_eq!(file.to_string(), text);
        let names: Vec<&str> = file.users().map(|user| user.name.as_str()).collect();
        assert_eq!(names, ["ann", "ben", "anonymous", "zoe"]);
    }

    #[test]
    fn rights() {
        let mut rights = Rights::default();
        assert!(!rights.may_read(b"a/x.git") && !rights.may_create_somewhere());
        rights.add("read=a/*").unwrap();
        rights.add("write=b/**").unwrap();
        rights.add("create=c/*").unwrap();
        assert!(rights.may_read(b"a/x.git") && !rights.may_write(b"a/x.git"));
        assert!(rights.may_read(b"b/x.git") && rights.may_write(b"b/y/x.git"));
        assert!(rights.may_create(b"c/x.git") && !rights.may_read(b"c/x.git"));
        assert!(!rights.may_read(b"d.git") && rights.may_create_somewhere());
        assert_eq!(rights.take("read=a/*"), Ok(true));
        assert_eq!(rights.take("read=a/*"), Ok(false));
        assert!(!rights.may_read(b"a/x.git") && !rights.admin);
        rights.add("admin").unwrap();
        assert!(rights.may_read(b"d.git") && rights.may_write(b"d.git") && rights.may_create(b"d.git"));
        assert_eq!(rights.to_string(), "admin write=b/** create=c/*");
    }

    #[test]
    fn what_is_no_file_of_users() {
        bad("ann", 1, "expected a name and a password hash");
        bad("\n# x\nann -", 3, "not a password hash: password hash string missing field");
        bad("anonymous x", 1, "'anonymous' has no password: write '-'");
        bad(&format!("ann {HASH}\nann {HASH}"), 2, "there is a user 'ann' already");
        bad(
            &format!("-ann {HASH}"),
            1,
            "'-ann' is no name: 1 to 64 letters, digits and . _ - @ +, a letter or digit first",
        );
        bad(
            &format!("{} {HASH}", "a".repeat(65)),
            1,
            &format!(
                "'{}' is no name: 1 to 64 letters, digits and . _ - @ +, a letter or digit first",
                "a".repeat(65)
            ),
        );
        assert!(UserFile::parse(&format!("{} {HASH}", "a".repeat(64))).is_ok());
        bad(
            &format!("ann {HASH} all"),
            1,
            "'all' is no right: admin, read=PATTERN, write=PATTERN or create=PATTERN",
        );
        bad(&format!("ann {HASH} read=/x"), 1, "'/x' has an empty part, or one that leads elsewhere");
        let many = |count: usize| (0..count).map(|n| format!(" read=r{n}")).collect::<String>();
        assert!(UserFile::parse(&format!("ann {HASH}{}", many(256))).is_ok());
        bad(&format!("ann {HASH}{}", many(257)), 1, "more than 256 patterns of one kind");
    }
}
