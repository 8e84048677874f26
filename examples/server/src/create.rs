//! Making a repository below the root.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use gitwire_gitdir::{GitDir, InitOptions, InitialHead};
use gitwire_storage::StorageError;
use gitwire_types::{RefName, RefTarget};

/// What a new repository is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewRepository {
    name: RepositoryName,
    description: String,
    branch: RefName,
}

/// The name of a repository that we make: one part, or a group and one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RepositoryName(String);

/// Why there is no new repository.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CreateError {
    /// It cannot be called so.
    #[error("{0}")]
    Name(&'static str),
    /// Its first branch cannot be called so.
    #[error("the branch cannot be called so")]
    Branch,
    /// It cannot be described so.
    #[error("the description is longer than {DESCRIPTION_MAX} characters or has control characters")]
    Description,
    /// There is something of that name.
    #[error("there is a repository of this name already")]
    Exists,
    /// The repository cannot be made.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The disk.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl RepositoryName {
    /// Checks a name; an end `.git` may be left out.
    pub(crate) fn new(name: &str) -> Result<Self, CreateError> {
        let name = name.strip_suffix(".git").unwrap_or(name);
        let parts: Vec<&str> = name.split('/').collect();
        if parts.len() > 2 {
            return Err(CreateError::Name("a name has one part, or a group and one: group/name"));
        }
        for part in parts {
            check_part(part)?;
        }
        Ok(Self(name.to_owned()))
    }

    /// Whether nothing of this name is below `root`.
    ///
    /// # Errors
    /// [`CreateError::Exists`].
    pub(crate) fn check_free(&self, root: &Path) -> Result<(), CreateError> {
        let is_there = |path: PathBuf| fs::symlink_metadata(path).is_ok();
        if is_there(root.join(self.path())) || is_there(root.join(&self.0)) {
            return Err(CreateError::Exists);
        }
        Ok(())
    }

    /// Its path below the root.
    pub(crate) fn path(&self) -> String {
        format!("{}.git", self.0)
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check_part(part: &str) -> Result<(), CreateError> {
    let wrong = |why| Err(CreateError::Name(why));
    if part.is_empty() {
        return wrong("a name is missing");
    }
    if part.len() > NAME_MAX {
        return wrong("a name has at most 64 characters");
    }
    if !part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')) {
        return wrong("a name is made of letters a to z, digits, '-', '_' and '.'");
    }
    if !part.starts_with(|c: char| c.is_ascii_alphanumeric()) || part.ends_with('.') {
        return wrong("a name begins with a letter or a digit and does not end with a dot");
    }
    let lower = part.to_ascii_lowercase();
    if part.contains("..") || [".git", ".lock"].iter().any(|end| lower.ends_with(end)) {
        return wrong("a name has no '..' and does not end with '.git' or '.lock'");
    }
    Ok(())
}

impl NewRepository {
    /// Checks what was asked for.
    pub(crate) fn new(name: RepositoryName, description: &str, branch: &str) -> Result<Self, CreateError> {
        let plain = |text: &str| !text.chars().any(char::is_control);
        if description.chars().count() > DESCRIPTION_MAX || !plain(description) {
            return Err(CreateError::Description);
        }
        // git takes a branch `-x` or `HEAD` from nobody who types it.
        let typed =
            !branch.is_empty() && !branch.starts_with('-') && branch != "HEAD" && branch.len() <= BRANCH_MAX;
        let branch =
            typed.then(|| RefName::new(format!("refs/heads/{branch}"))).ok_or(CreateError::Branch)?;
        let branch = branch.map_err(|_| CreateError::Branch)?;
        Ok(Self { name, description: description.to_owned(), branch })
    }

    /// Makes it below `root`, an existing directory without symbolic links, and gives its path there.
    ///
    /// Nobody sees it before it is whole: it is made under a name that nobody knows and moved to its place in one step.
    pub(crate) fn make(&self, root: &Path) -> Result<String, CreateError> {
        self.name.check_free(root)?;
        let draft = Draft::new(root)?;
        let mut options = InitOptions::default();
        options.head = InitialHead::Later;
        let repository = GitDir::init_bare(draft.path(), &options)?;
        if !self.description.is_empty() {
            let path = draft.path().join("description");
            fs::write(&path, format!("{}\n", self.description))?;
            File::open(&path)?.sync_all()?;
        }
        repository.set_head(&RefTarget::Symbolic(self.branch.clone()))?;
        draft.publish(root, &self.name)
    }
}

/// Makes the directory of a group. A symbolic link or a file of that name is no group.
fn make_group(root: &Path, group: &Path) -> Result<(), CreateError> {
    match fs::create_dir(group) {
        Ok(()) => File::open(root)?.sync_all()?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if !fs::symlink_metadata(group)?.is_dir()
                || group.join("HEAD").exists()
                || group.join(".git").exists()
            {
                return Err(CreateError::Name("the group is no directory, or a repository"));
            }
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// A repository that is being made under a name that nobody knows; it goes when it was not moved to its place.
#[derive(Debug)]
pub(crate) struct Draft {
    path: PathBuf,
    /// Held as long as somebody works on it.
    _lock: File,
}

impl Draft {
    /// An empty directory below `root`.
    pub(crate) fn new(root: &Path) -> Result<Self, CreateError> {
        let mut name = [0; 16];
        getrandom::fill(&mut name).map_err(io::Error::other)?;
        let name: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
        let path = root.join(format!("{DRAFT}{name}"));
        fs::create_dir(&path)?;
        let lock = File::open(&path)?;
        lock.lock()?;
        Ok(Self { path, _lock: lock })
    }

    /// Where it is until then.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Moves it to its place below `root` in one step, and gives its path there.
    pub(crate) fn publish(self, root: &Path, name: &RepositoryName) -> Result<String, CreateError> {
        let place = root.join(name.path());
        let above = place.parent().unwrap_or(root);
        if above != root {
            make_group(root, above)?;
        }
        name.check_free(root)?;
        // What stands there is no empty directory, if it is anything: then this fails, whoever was first.
        fs::rename(&self.path, &place).map_err(|error| match error.kind() {
            io::ErrorKind::DirectoryNotEmpty
            | io::ErrorKind::AlreadyExists
            | io::ErrorKind::NotADirectory => CreateError::Exists,
            _ => error.into(),
        })?;
        File::open(above)?.sync_all()?;
        Ok(name.path())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Not there any more where all went well.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Removes drafts below `root` that a crash has left: nobody holds them any more.
pub(crate) fn sweep(root: &Path) -> io::Result<()> {
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let is_draft = entry.file_name().as_encoded_bytes().starts_with(DRAFT.as_bytes());
        let is_old = || entry.metadata()?.modified()?.elapsed().map_err(io::Error::other);
        // One that has just begun is not held yet.
        let is_held = || File::open(entry.path()).is_ok_and(|draft| draft.try_lock().is_err());
        let is_left = || is_old().is_ok_and(|age| age.as_secs() >= 60) && !is_held();
        if is_draft && is_left() {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// How the names of drafts begin. Nothing that begins with a dot is shown or made by name.
const DRAFT: &str = ".gitwired-new-";

/// Letters of a part of a name.
const NAME_MAX: usize = 64;

/// Bytes of the name of a branch: with its directory and `.lock` below the 255 of file systems.
const BRANCH_MAX: usize = 200;

/// Characters of a description: two lines.
const DESCRIPTION_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use gitwire_gitdir::{Head, Lookup, OpenOptions};
    use gitwire_testkit::git::Folder;

    use super::*;

    #[track_caller]
    fn check(name: &str, expected: Option<&str>) {
        assert_eq!(RepositoryName::new(name).ok().map(|name| name.path()).as_deref(), expected, "{name}");
    }

    #[test]
    fn names_are_strict() {
        check("a", Some("a.git"));
        check("a.git", Some("a.git"));
        check("My_project-2.0", Some("My_project-2.0.git"));
        check("group/name", Some("group/name.git"));
        check(&"a".repeat(64), Some(&format!("{}.git", "a".repeat(64))));
        let long = "a".repeat(65);
        for name in [
            "",
            "/",
            "a/",
            "/a",
            "a/b/c",
            ".",
            "..",
            "../a",
            "a/..",
            "a..b",
            ".a",
            "-a",
            "_a",
            "a.",
            "a b",
            "a\\b",
            "a%2fb",
            "a\0",
            "a\n",
            "a:b",
            "a.lock",
            "a.git.git",
            "x.git/a",
            "\u{e9}",
            "~a",
            "a?",
            ".git",
            &long,
        ] {
            check(name, None);
        }
    }

    fn new(name: &str, description: &str, branch: &str) -> Result<NewRepository, CreateError> {
        NewRepository::new(RepositoryName::new(name)?, description, branch)
    }

    #[test]
    fn descriptions_and_branches_are_strict() {
        let good = |description: &str, branch: &str| new("a", description, branch).is_ok();
        assert!(good(&"é".repeat(200), "main"));
        assert!(!good(&"é".repeat(201), "main"));
        assert!(!good("a\nb", "main"));
        assert!(good("", "feature/x"));
        for branch in ["", "-x", "HEAD", "a..b", "a b", "/a", "a/", "a.lock", "@{", &"b".repeat(201)] {
            assert!(!good("", branch), "{branch}");
        }
        assert!(good("", &"b".repeat(200)));
    }

    #[test]
    fn a_repository_is_made_once_and_whole() {
        let folder = Folder::new("create");
        let root = folder.path().canonicalize().unwrap();
        let wanted = new("group/name", "What it is", "trunk").unwrap();
        assert_eq!(wanted.make(&root).unwrap(), "group/name.git");
        let mut options = OpenOptions::default();
        options.lookup = Lookup::Exact;
        let made = GitDir::open(root.join("group/name.git"), &options).unwrap();
        assert_eq!(made.head().unwrap(), Head::Unborn(RefName::new("refs/heads/trunk").unwrap()));
        assert_eq!(fs::read_to_string(root.join("group/name.git/description")).unwrap(), "What it is\n");
        assert!(matches!(wanted.make(&root), Err(CreateError::Exists)));
        let left: Vec<_> = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["group"], "no draft is left");
    }

    #[test]
    fn what_is_in_the_way_stays() {
        let folder = Folder::new("create-in-the-way");
        let root = folder.path().canonicalize().unwrap();
        let elsewhere = Folder::new("create-elsewhere");
        std::os::unix::fs::symlink(elsewhere.path(), root.join("link")).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), root.join("taken.git")).unwrap();
        fs::write(root.join("file"), "x").unwrap();
        fs::create_dir(root.join("plain")).unwrap();
        new("other", "", "main").unwrap().make(&root).unwrap();
        for name in ["link/a", "file/a", "taken", "plain", "other"] {
            assert!(new(name, "", "main").unwrap().make(&root).is_err(), "{name}");
        }
        fs::rename(root.join("other.git"), root.join("other")).unwrap();
        assert!(new("other/a", "", "main").unwrap().make(&root).is_err(), "a repository is no group");
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    }

    #[test]
    fn two_who_make_the_same_make_one() {
        let folder = Folder::new("create-twice");
        let root = folder.path().canonicalize().unwrap();
        let wanted = new("same", "", "main").unwrap();
        let made = std::thread::scope(|scope| {
            let all: Vec<_> = (0..8).map(|_| scope.spawn(|| wanted.make(&root).is_ok())).collect();
            all.into_iter().filter(|_| true).map(|one| one.join().unwrap()).filter(|made| *made).count()
        });
        assert_eq!(made, 1);
        assert_eq!(fs::read_dir(&root).unwrap().count(), 1);
    }

    #[test]
    fn old_drafts_are_swept() {
        let folder = Folder::new("create-sweep");
        let (old, new) = (folder.path().join(".gitwired-new-1"), folder.path().join(".gitwired-new-2"));
        fs::create_dir(&old).unwrap();
        fs::create_dir(&new).unwrap();
        let held = Draft::new(folder.path()).unwrap();
        let past = std::time::SystemTime::now() - std::time::Duration::from_secs(61);
        for draft in [&old, held.path()] {
            File::open(draft).unwrap().set_modified(past).unwrap();
        }
        sweep(folder.path()).unwrap();
        assert!(!old.exists() && new.exists() && held.path().exists());
    }
}
